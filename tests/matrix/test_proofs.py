"""Proofs with matrix inequalities: checked, stored, and rejected when spoilt."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import polyopt as po
from polyopt.errors import FormatError, ProofError, ProofRejectedError
from polyopt.proof import (
    CertificateTerm,
    ExactCertificate,
    ExactTerm,
    SosCertificate,
    certified_bound,
    find_box,
)
from polyopt.proof.exact_certificate import gram_matrix
from polyopt.proof.remainder import remainder
from polyopt.relaxation.multiplier import matrix_multiplier
from tests.matrix.problems import X, Y, disc_matrix, mixed, moments_of, random_problem

DATA = Path(__file__).parent / "data"
NAMES = [
    "quadratic_matrix_region",
    "disc_as_matrix",
    "elliptope_product",
    "output_feedback",
    "smallest_largest_eigenvalue",
    "trust_region_matrix",
    "fermat_point",
    "product_in_cone",
]


def cone_problem() -> po.PolynomialProblem:
    """Its certificate of order 1 has a second-order cone."""
    return po.minimize(X + 2 * Y, subject_to=[po.soc(1, [X, Y])], variables=[X, Y])


def proven(method: Any) -> tuple[po.PolynomialProblem, po.ProvenBound]:
    problem = mixed()
    return problem, po.putinar(problem, 2).solve().prove(method)


@pytest.mark.parametrize("name", NAMES)
def test_known_problems(name: str, tmp_path: Path) -> None:
    problem = po.problems.get(name)
    assert problem.optimum is not None
    assert problem.exact_order is not None
    result = po.putinar(problem, problem.exact_order).solve()
    proof = result.prove(box=problem.box)
    size = max(1.0, abs(problem.optimum))
    assert 0.0 <= problem.sign * (problem.optimum - proof.bound) + 1e-15 <= 1e-5 * size
    proof.save(tmp_path / "bound.proof")
    assert po.load_proof(tmp_path / "bound.proof").check(problem).bound == proof.bound


@pytest.mark.parametrize(
    "name", ["quadratic_matrix_region", "disc_as_matrix", "elliptope_product", "output_feedback"]
)
def test_exact_proofs_of_known_problems(name: str, tmp_path: Path) -> None:
    problem = po.problems.get(name)
    assert problem.optimum is not None
    assert problem.exact_order is not None
    proof = po.putinar(problem, problem.exact_order).solve().prove("exact")
    assert proof.kind == "exact"
    assert problem.optimum - 1e-5 <= proof.bound <= problem.optimum + 1e-15
    proof.save(tmp_path / "bound.proof")
    assert po.load_proof(tmp_path / "bound.proof").check(problem).bound == proof.bound


def test_exact_proof_with_a_second_order_cone() -> None:
    problem = cone_problem()
    proof = po.putinar(problem, 1).solve().prove("exact")
    assert -np.sqrt(5.0) - 1e-6 <= proof.bound <= -np.sqrt(5.0)
    certificate = proof.certificate
    assert isinstance(certificate, ExactCertificate)
    (term,) = (t for t in certificate.terms if t.cone is po.Cone.SECOND_ORDER)
    bound, *rest = term.data
    assert bound**2 >= sum(s * s for s in rest)


def test_the_exact_identity_by_computer_algebra() -> None:
    """Expanded by another system, the matrix written down once more by hand."""
    proof = po.putinar(disc_matrix(), 1).solve().prove("exact")
    certificate = proof.certificate
    assert isinstance(certificate, ExactCertificate)
    x, y = symbols = sympy.symbols("x y")
    G = sympy.Matrix([[1 - x**2, x * y], [x * y, 1 - y**2]])
    total = sympy.Rational(certificate.value.numerator, certificate.value.denominator)
    for term in certificate.terms:
        basis = [sympy.prod([symbols[i - 1] for i in m]) for m in term.basis]
        gram = sympy.Matrix(
            [
                [sympy.Rational(v.numerator, v.denominator) for v in row]
                for row in gram_matrix(term.data, len(basis))
            ]
        )
        assert gram.is_positive_semidefinite
        rows = term.components
        for i, left in enumerate(basis):
            for j, right in enumerate(basis):
                entry = 1 if rows is None else G[rows[i], rows[j]]
                total += gram[i, j] * entry * left * right
    assert sympy.expand(total - (x * y - x)) == 0
    assert any(term.components is not None for term in certificate.terms)


def spoil(
    certificate: SosCertificate, choose: Callable[[CertificateTerm], bool], **changes: Any
) -> SosCertificate:
    """Change the first term that is chosen."""
    terms = list(certificate.terms)
    k = next(k for k, term in enumerate(terms) if choose(term))
    given = {
        key: change(terms[k]) if callable(change) else change for key, change in changes.items()
    }
    terms[k] = replace(terms[k], **given)
    return replace(certificate, terms=tuple(terms))


def is_matrix(term: CertificateTerm | ExactTerm) -> bool:
    return term.components is not None


SPOILT: list[tuple[dict[str, Any], str]] = [
    ({"data": lambda t: t.data * 1.01}, "only shows"),
    ({"components": lambda t: t.components[::-1].copy()}, "only shows"),
    ({"components": lambda t: t.components + 7}, "row that its matrix of side 3 does not have"),
    ({"components": lambda t: t.components[1:]}, "does not give a row"),
    ({"components": None}, "does not give a row"),
    ({"factors": (po.Factor("matrix", 1),)}, "only shows"),
    ({"factors": (po.Factor("matrix", 5),)}, "does not have"),
    ({"factors": (po.Factor("inequality", 0),)}, "not one matrix inequality"),
    ({"factors": ()}, "not one matrix inequality"),
    ({"factors": (po.Factor("matrix", 0), po.Factor("equality", 0))}, "not one matrix inequality"),
    ({"cone": po.Cone.FREE, "data": lambda t: t.data[:, 0]}, "cone free for a matrix"),
    ({"cone": po.Cone.NONNEGATIVE, "data": lambda t: t.data[:, 0]}, "cone nonnegative"),
    ({"cone": po.Cone.SECOND_ORDER, "data": lambda t: t.data[:, 0]}, "no arrow"),
    ({"data": lambda t: t.data * np.nan}, "not finite"),
    ({"data": lambda t: t.data[:, 0]}, "two dimensions"),
]


@pytest.mark.parametrize(("changes", "message"), SPOILT, ids=range(len(SPOILT)))
def test_spoilt_certificates_are_rejected(changes: dict[str, Any], message: str) -> None:
    problem, proof = proven("interval")
    assert isinstance(proof.certificate, SosCertificate)
    bad = spoil(proof.certificate, is_matrix, **changes)
    with pytest.raises(ProofRejectedError, match=message):
        replace(proof, certificate=bad).check(problem)


SPOILT_CONES: list[tuple[dict[str, Any], str]] = [
    ({"data": lambda t: t.data * np.array([0.5, 1.0, 1.0])}, "less than the norm"),
    ({"data": lambda t: -t.data}, "less than the norm"),
    ({"components": np.array([1, 0, 2])}, "first one first"),
    ({"components": np.array([0, 1, 1])}, "distinct rows"),
    ({"basis": np.array([[1], [1], [1]], dtype=np.int32)}, "not 1"),
    ({"factors": (), "components": None}, "no matrix inequality among its factors"),
    ({"data": lambda t: t.data[:, None]}, "vector of coefficients"),
]


@pytest.mark.parametrize(("changes", "message"), SPOILT_CONES, ids=range(len(SPOILT_CONES)))
def test_spoilt_cones_are_rejected(changes: dict[str, Any], message: str) -> None:
    problem = cone_problem()
    proof = po.putinar(problem, 1).solve().prove()
    assert isinstance(proof.certificate, SosCertificate)
    bad = spoil(proof.certificate, lambda t: t.cone is po.Cone.SECOND_ORDER, **changes)
    with pytest.raises(ProofRejectedError, match=message):
        replace(proof, certificate=bad).check(problem)


SPOILT_EXACT: list[tuple[dict[str, Any], str]] = [
    ({"data": lambda t: tuple(2 * v for v in t.data)}, "the identity fails"),
    ({"data": lambda t: (Fraction(-1), *t.data[1:])}, "not positive semidefinite"),
    ({"data": lambda t: t.data[1:]}, "its basis needs"),
    ({"components": lambda t: tuple(a + 9 for a in t.components)}, "does not have"),
    ({"components": None}, "does not give a row"),
    ({"factors": (po.Factor("inequality", 0),)}, "not one matrix inequality"),
    (
        {"cone": po.Cone.SECOND_ORDER, "data": lambda t: t.data[: len(t.basis)]},
        "no arrow",
    ),
    ({"cone": po.Cone.FREE, "data": lambda t: t.data[: len(t.basis)]}, "cone free"),
]


@pytest.mark.parametrize(("changes", "message"), SPOILT_EXACT, ids=range(len(SPOILT_EXACT)))
def test_spoilt_exact_certificates_are_rejected(changes: dict[str, Any], message: str) -> None:
    problem = disc_matrix()
    proof = po.putinar(problem, 1).solve().prove("exact")
    bad = spoil(proof.certificate, is_matrix, **changes)  # type: ignore[arg-type]
    with pytest.raises(ProofRejectedError, match=message):
        replace(proof, certificate=bad).check(problem)  # type: ignore[arg-type]


def test_a_proof_is_for_one_matrix() -> None:
    """The same certificate with a smaller set given, but another matrix."""
    _, proof = proven("interval")
    matrix = [[3 - X**2, X * Y], [X * Y, 3 - Y**2]]
    other = po.minimize(X * Y - X, subject_to=[po.psd(matrix)], variables=[X, Y])
    own = po.putinar(disc_matrix(), 1).solve().prove()
    assert own.check(disc_matrix()) is own
    with pytest.raises(ProofRejectedError):
        own.check(other)
    with pytest.raises(ProofRejectedError):
        proof.check(disc_matrix())


@pytest.mark.parametrize(("method", "version"), [("interval", 3), ("exact", 4)])
def test_versions_of_files(method: Any, version: int, tmp_path: Path) -> None:
    """Proofs with matrices have versions of their own, the others keep theirs."""
    scalar = po.minimize(X * Y, subject_to=[X**2 + Y**2 <= 1])
    for problem, expected in ((disc_matrix(), version), (scalar, version - 2)):
        path = tmp_path / "bound.proof"
        po.putinar(problem, 1).solve().prove(method).save(path)
        with np.load(path) as archive:
            header = json.loads(bytes(archive["header"]))
        assert header["version"] == expected


@pytest.mark.parametrize("version", [1, 2])
def test_files_of_the_releases_before_matrices_still_load(version: int) -> None:
    x, y = po.variables("x y")
    problem = po.minimize(x * y + x, subject_to=[x**2 + y**2 <= 1, x + y == 0.5, x >= -0.75])
    proof = po.load_proof(DATA / f"version{version}.proof").check(problem)
    assert proof.kind == ("proven", "exact")[version - 1]
    axis = np.linspace(-0.75, 1.0, 100_001)
    points = np.stack([axis, 0.5 - axis], axis=1)
    best = problem.evaluate(points[problem.violation(points) <= 1e-15]).min()
    assert best - 1e-4 <= proof.bound <= best


def test_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "bound.proof"
    po.putinar(disc_matrix(), 1).solve().prove().save(path)
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    header = json.loads(bytes(arrays["header"]))
    for term in header["terms"]:
        if "components" in term:
            term["components"] = [-1] * len(term["components"])
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with open(path, "wb") as file:
        np.savez(file, **arrays)
    with pytest.raises(FormatError, match="checksum"):
        po.load_proof(path)


def test_no_bound_no_proof() -> None:
    problem = po.minimize(X**2 * Y, subject_to=[po.psd([[1, X], [X, 1]])], variables=[X, Y])
    with pytest.raises(ProofError):
        po.putinar(problem, 2).solve().prove()


def test_infeasible_matrix_inequalities() -> None:
    problem = po.minimize(X, subject_to=[po.psd([[1, X], [X, 1]]), X >= 2], variables=[X])
    assert not po.putinar(problem, 2).solve().bound < 1e3
    proof = po.prove_infeasible(problem)
    assert proof.check(problem).bound == np.inf


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_whatever_the_numbers_are_the_checked_bound_holds(seed: int) -> None:
    """Factors and cones are drawn at random: the bound is bad and still a bound."""
    rng = np.random.default_rng(seed)
    problem = random_problem(seed)
    terms = []
    for k, matrix in enumerate(problem.matrix_inequalities):
        multiplier = matrix_multiplier(matrix, po.Basis.full([0, 1], 1), po.Factor("matrix", k))
        size = multiplier.basis.size
        data = rng.normal(size=(size, int(rng.integers(1, size)))) * rng.uniform(0, 0.5)
        rows, basis = multiplier.components, multiplier.basis.rows
        terms.append(CertificateTerm(multiplier.factors, po.Cone.PSD, basis, data, rows))
    s = rng.normal(size=3)
    s[0] = np.linalg.norm(s[1:]) * 1.001
    nothing = np.zeros((3, 0), dtype=np.int32)
    factors = (po.Factor("matrix", 1),)
    terms.append(CertificateTerm(factors, po.Cone.SECOND_ORDER, nothing, s, np.arange(3)))
    certificate = SosCertificate(("x", "y"), "min", float(rng.normal()), tuple(terms))
    box = find_box(problem)
    bound = certified_bound(problem, certificate, box)
    axis = np.linspace(-1.5, 1.5, 61)
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    values = problem.evaluate(points)[problem.violation(points) <= 0]
    assert bound <= values.min()
    # The remainder and the terms add up to the objective.
    points = points[::101]
    rows, coefficients, errors = remainder(problem, certificate)
    total = certificate.value + np.array([coefficients @ moments_of(p, rows) for p in points])
    for term in terms:
        matrix = problem.matrix_inequalities[term.factors[0].number]
        for k, point in enumerate(points):
            if term.cone is po.Cone.SECOND_ORDER:
                total[k] += matrix(point)[0] @ term.data
                continue
            assert term.components is not None
            v = np.zeros((matrix.side, term.data.shape[1]))
            weighted = moments_of(point, term.basis)[:, None] * term.data
            np.add.at(v, term.components, weighted)
            total[k] += float(np.sum(v * (matrix(point) @ v)))
    np.testing.assert_allclose(total, problem.evaluate(points), atol=1e-9)
    assert errors.max() < 1e-11
