"""Exact proofs: rational identities, checked, stored, and rejected when spoilt."""

from __future__ import annotations

import json
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
from polyopt.errors import FormatError, ProofError, ProofRejectedError, UnknownOptionError
from polyopt.problems import get
from polyopt.proof.exact_certificate import ExactCertificate, gram_matrix
from polyopt.proof.rational import first_bad_pivot

#: name, order, sparsity, accepted loss relative to max(1, |optimum|)
PROVEN: list[tuple[str, int, Any, float]] = [
    ("six_hump_camel", 3, None, 1e-6),
    ("himmelblau", 2, None, 1e-4),
    ("booth", 1, None, 1e-4),
    ("matyas", 1, None, 1e-6),
    ("maxcut", 2, None, 1e-5),
    ("concave_diamond", 2, None, 1e-3),
    ("rosenbrock", 2, "correlative", 1e-2),
    ("motzkin_ball", 4, None, 1e-4),
    ("stable_set", 2, None, 1e-5),
    ("lasserre_two_squares", 2, None, 1e-6),
    ("lasserre_saddle", 2, None, 1e-6),
    ("trust_region", 1, None, 1e-6),
    ("chebyshev", 3, None, 1e-5),
    ("ellipsoid_product", 2, None, 1e-5),
    ("random_quartic_ball", 2, None, 1e-5),
    ("smallest_eigenvalue", 1, None, 1e-6),
    ("styblinski_tang", 2, "correlative", 1e-6),
    ("ex2_1_2", 2, None, 1e-5),
    ("rosen_suzuki", 1, None, 1e-5),
    ("bilinear_chain", 1, None, 1e-5),
    ("wood", 2, None, 1e-3),
    ("chained_wood", 2, "correlative", 1e-2),
    ("arrow_quartic", 2, "correlative", 1e-4),
    ("number_partition", 1, None, 1e-3),
    ("quadratic_program_hs35", 1, None, 1e-5),
    ("coupled_discs", 1, "correlative", 1e-5),
]


@pytest.mark.parametrize(
    ("name", "order", "sparsity", "loss"), PROVEN, ids=[case[0] for case in PROVEN]
)
def test_known_problems(name: str, order: int, sparsity: Any, loss: float) -> None:
    problem = get(name)
    proof = po.putinar(problem, order, sparsity=sparsity).solve().prove("exact")
    assert proof.kind == "exact"
    assert proof.check(problem) is proof
    assert problem.optimum is not None
    size = max(1.0, abs(problem.optimum))
    distance = problem.sign * (problem.optimum - proof.bound)
    assert -problem.accuracy * size <= distance <= loss * size
    for point in problem.minimizers[:2]:
        assert problem.sign * (problem.evaluate(point) - proof.bound) >= -1e-6 * size


def disc() -> po.PolynomialProblem:
    x = po.variables("x y")
    return po.minimize(x[0] * x[1] + x[0], subject_to=[x[0] ** 2 + x[1] ** 2 <= 1])


def exact_disc() -> po.ProvenBound:
    return po.putinar(disc(), 2).solve().prove("exact")


def test_the_identity_by_computer_algebra() -> None:
    """Expanded by another system, with eigenvalues decided by its own elimination."""
    certificate = exact_disc().certificate
    assert isinstance(certificate, ExactCertificate)
    x, y = sympy.symbols("x y")
    symbols = (x, y)
    total = sympy.Integer(0)
    for term in certificate.terms:
        basis = [sympy.prod([symbols[i - 1] for i in m]) for m in term.basis]
        gram = sympy.Matrix(
            [
                [sympy.Rational(v.numerator, v.denominator) for v in row]
                for row in gram_matrix(term.data, len(term.basis))
            ]
        )
        assert all(gram[: k + 1, : k + 1].det() >= 0 for k in range(gram.rows))
        sigma = (sympy.Matrix([basis]) * gram * sympy.Matrix(basis))[0]
        total += sigma * (1 - x**2 - y**2 if term.factors else 1)
    value = sympy.Rational(certificate.value.numerator, certificate.value.denominator)
    assert sympy.expand(x * y + x - value - total) == 0
    assert float(value) == pytest.approx(-3 * np.sqrt(3) / 4, abs=1e-5)
    assert float(value) <= -3 * np.sqrt(3) / 4


def test_refinements_and_quotients_can_be_proven() -> None:
    problem = get("maxcut")
    relaxation = po.putinar(problem, 2).refine(po.Quotient(), po.SignSymmetry())
    proof = relaxation.solve().prove("exact")
    assert 4.0 <= proof.check(problem).bound <= 4.0 + 1e-4
    chain = get("rosenbrock", 6)
    refined = po.putinar(chain, 2, sparsity="correlative").refine(po.TermSparsity(steps=2))
    assert 0.99 <= refined.solve().prove("exact").check(chain).bound <= 1.0


def test_saved_and_loaded(tmp_path: Path) -> None:
    proof, file = exact_disc(), tmp_path / "disc.proof"
    proof.save(file)
    loaded = po.load_proof(file)
    assert loaded.kind == "exact"
    assert loaded.check(disc()).bound == proof.bound
    assert "proven exactly on the feasible set" in str(loaded)
    assert isinstance(loaded.certificate, ExactCertificate)
    assert isinstance(proof.certificate, ExactCertificate)
    assert loaded.certificate.value == proof.certificate.value


def rewrite(file: Path, change: Any) -> None:
    """Change the header of a proof file and give it a fitting checksum."""
    from polyopt.proof.storage import _checksum

    with np.load(file) as archive:
        arrays = {name: archive[name] for name in archive.files}
    header = json.loads(bytes(arrays.pop("header")).decode())
    header.pop("checksum")
    change(header)
    header["checksum"] = _checksum(header, arrays)
    text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    with open(file, "wb") as handle:
        np.savez(handle, header=text, **arrays)


def _set(path: list[Any], value: Any) -> Any:
    def change(header: Any) -> None:
        for key in path[:-1]:
            header = header[key]
        header[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (_set(["value"], "0"), ProofRejectedError, "the identity fails"),
        (_set(["bound"], (0.5).hex()), ProofRejectedError, "claims the bound 0.5"),
        (_set(["terms", 0, "data", 0], "-5"), ProofRejectedError, "not positive semidefinite"),
        (_set(["terms", 0, "data", 0], "5"), ProofRejectedError, "the identity fails"),
        (_set(["terms", 0, "data"], ["1"]), ProofRejectedError, "needs 21"),
        (_set(["terms", 1, "factors", 0, 1], 7), ProofRejectedError, "does not have"),
        (_set(["terms", 0, "cone"], "free"), ProofRejectedError, "free multiplier"),
        (_set(["terms", 0, "basis", 1], [9]), FormatError, "does not exist"),
        (_set(["terms", 0, "data", 0], "1/0"), FormatError, "denominator 0"),
        (_set(["terms", 0, "data", 0], "1e9999999"), FormatError, "malformed"),
        (_set(["sense"], "max"), ProofRejectedError, 'the problem has "min"'),
        (_set(["version"], 9), FormatError, "reads the versions 1, 2, 3, 4"),
    ],
)
def test_tampered_files(tmp_path: Path, change: Any, error: type[Exception], message: str) -> None:
    file = tmp_path / "spoilt.proof"
    exact_disc().save(file)
    rewrite(file, change)
    with pytest.raises(error, match=message):
        po.load_proof(file).check(disc())


def test_another_problem_is_rejected() -> None:
    x = po.variables("x y")
    other = po.minimize(x[0] * x[1] + 2 * x[0], subject_to=[x[0] ** 2 + x[1] ** 2 <= 1])
    with pytest.raises(ProofRejectedError, match="the identity fails"):
        exact_disc().check(other)


def test_a_bad_solver_cannot_give_a_wrong_bound() -> None:
    """The certificate is checked with whatever numbers it was made from."""
    result = po.putinar(disc(), 1).solve(solver="scs", tolerance=1e-3)
    bound = result.prove("exact").check(disc()).bound
    assert -3 * np.sqrt(3) / 4 - 0.1 < bound <= -3 * np.sqrt(3) / 4


def test_linear_constraints_without_a_plain_square_for_them() -> None:
    """The coefficient of x in x - λ = c (x - 1) is corrected in c, not in a sum of squares."""
    x = po.variables("x", 2)
    problem = po.minimize(x[0], subject_to=[x[0] >= 1, x[1] ** 2 <= 4])
    bound = po.putinar(problem, 1).solve().prove("exact").check(problem).bound
    assert 1 - 1e-5 <= bound <= 1
    reverse = po.maximize(2 * x[0] + x[1], subject_to=[x[0] <= 1, x[0] + x[1] <= 3])
    upper = po.putinar(reverse, 1).solve().prove("exact").check(reverse).bound
    assert 4 <= upper <= 4 + 1e-5


def test_not_possible_and_why() -> None:
    with pytest.raises(ProofError, match=r"not possible because block 0 .*Use method='interval'"):
        po.putinar(get("motzkin"), 3).solve().prove("exact")
    x = po.variables("x", 1)[0]
    with pytest.raises(ProofError, match=r"not possible because the monomial x0\^3"):
        po.putinar(po.minimize(x**3), 2).solve().prove("exact")
    with pytest.raises(UnknownOptionError, match="leave box out"):
        po.putinar(disc(), 1).solve().prove("exact", box=(-1, 1))


def test_the_bound_is_rounded_outwards() -> None:
    proof = exact_disc()
    assert isinstance(proof.certificate, ExactCertificate)
    assert Fraction(proof.bound) <= proof.certificate.value
    x = po.variables("x y")
    problem = po.maximize(-x[0] * x[1] - x[0], subject_to=[x[0] ** 2 + x[1] ** 2 <= 1])
    upper = po.putinar(problem, 2).solve().prove("exact")
    assert isinstance(upper.certificate, ExactCertificate)
    assert Fraction(upper.bound) >= -upper.certificate.value
    with pytest.raises(ProofRejectedError, match="claims the bound"):
        replace(upper, bound=upper.bound - 1e-6).check(problem)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 4).flatmap(
        lambda n: st.lists(
            st.lists(st.fractions(-3, 3, max_denominator=6), min_size=n, max_size=n),
            min_size=n,
            max_size=n,
        )
    ),
    st.booleans(),
)
def test_semidefiniteness_against_all_principal_minors(
    rows: list[list[Fraction]], square: bool
) -> None:
    n = len(rows)
    if square:
        matrix = [
            [sum((rows[i][k] * rows[j][k] for k in range(n - 1)), Fraction(0)) for j in range(n)]
            for i in range(n)
        ]
    else:
        matrix = [[rows[max(i, j)][min(i, j)] for j in range(n)] for i in range(n)]
    minors = []
    for subset in range(1, 2**n):
        chosen = [i for i in range(n) if subset >> i & 1]
        minors.append(
            sympy.Matrix(
                [
                    [
                        sympy.Rational(matrix[i][j].numerator, matrix[i][j].denominator)
                        for j in chosen
                    ]
                    for i in chosen
                ]
            ).det()
        )
    assert (first_bad_pivot(matrix) is None) == all(minor >= 0 for minor in minors)


def test_complements_are_rational_numbers_too() -> None:
    x, y = po.variables("x y")
    f = x * y - x + 0.3 * y**2 - 0.5 * y
    problem = po.minimize(f, subject_to=[x >= 0, y >= 0, 1 - x - y >= 0])
    proof = po.bsos(problem, degree=2, order=1).solve(solver="clarabel").prove("exact")
    kinds = {factor.kind for term in proof.certificate.terms for factor in term.factors}
    assert "complement" in kinds
    # The minimum is f(1, 0) = -1.
    assert proof.check(problem).bound == pytest.approx(-1.0, abs=1e-6)
    assert proof.bound <= -1.0
    # The complements 1 - x, 1 - y hold no longer on a larger triangle.
    larger = po.minimize(f, subject_to=[x >= 0, y >= 0, 2 - x - y >= 0])
    with pytest.raises(ProofRejectedError, match="identity fails"):
        proof.check(larger)
