"""Proven bounds: on the right side, close to the value, and rejected when tampered with."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polyopt as po
from polyopt.errors import FormatError, ProofError, ProofRejectedError, UnknownOptionError
from polyopt.polynomial.monomials import to_exponents
from polyopt.proof.certificate import CertificateTerm, SosCertificate
from polyopt.proof.remainder import certified_bound, remainder


def disc() -> po.PolynomialProblem:
    x = po.variables("x", 2)
    return po.minimize(x[0] * x[1] + x[0], subject_to=[x[0] ** 2 + x[1] ** 2 <= 1])


def knapsack() -> po.PolynomialProblem:
    """Values by hand: {0, 2} of weights (3, 4, 2), values (4, 5, 3), capacity 5: 7."""
    x = po.variables("x", 3)
    return po.maximize(
        4 * x[0] + 5 * x[1] + 3 * x[2],
        subject_to=[3 * x[0] + 4 * x[1] + 2 * x[2] <= 5, *(v**2 == v for v in x)],
    )


@pytest.mark.parametrize("solver", ["clarabel", "scs"])
@pytest.mark.parametrize("form", ["moment", "sos"])
def test_bound_is_below_the_minimum_and_close(solver: str, form: str) -> None:
    # min of xy + x on the disc: x = -sqrt(3)/2, y = 1/2 gives -3 sqrt(3) / 4.
    optimum = -3 * np.sqrt(3) / 4
    tolerance = 1e-8 if solver == "clarabel" else 1e-6
    result = po.putinar(disc(), 1).solve(solver=solver, form=form, tolerance=tolerance)
    proof = result.prove()
    assert proof.kind == "proven"
    assert optimum - 1e-4 < proof.bound <= optimum
    assert proof.check(disc()) is proof


def test_maximisation_is_bounded_from_above() -> None:
    proof = po.putinar(knapsack(), 2).solve().prove()
    assert 7 <= proof.bound < 7 + 1e-5
    assert str(proof).startswith("optimum <= 7")
    assert str(proof).endswith("proven on the feasible set")


def test_a_bad_solver_cannot_give_a_wrong_bound() -> None:
    """Multipliers spoilt on purpose: the bound gets worse, never wrong."""
    result = po.putinar(disc(), 2).solve()
    rng = np.random.default_rng(1)
    bounds = []
    for size in (0.0, 1e-4, 1e-2, 1.0):
        noise = size * rng.standard_normal(result.solution.z.shape)
        spoilt = replace(result, solution=replace(result.solution, z=result.solution.z + noise))
        bounds.append(spoilt.prove().bound)
    assert all(bound <= -3 * np.sqrt(3) / 4 for bound in bounds)
    assert bounds[0] > bounds[-1]


def test_remainder_against_rational_arithmetic() -> None:
    """Every coefficient of f - λ - Σ p σ lies within its error bound, exactly computed."""
    problem = knapsack()
    certificate = po.putinar(problem, 2).solve().prove().certificate
    rows, values, errors = remainder(problem, certificate)
    exact: dict[tuple[int, ...], Fraction] = {}

    def add(exponent: np.ndarray, value: Fraction) -> None:
        # All three variables are binary, so that exponents count modulo x² = x.
        key = tuple(min(int(e), 1) for e in exponent)
        exact[key] = exact.get(key, Fraction(0)) + value

    def terms(p: po.Polynomial) -> list[tuple[np.ndarray, Fraction]]:
        return [(e, Fraction(c)) for e, c in zip(p.exponents, p.coefficients, strict=True)]

    for e, c in terms(problem.minimized):
        add(e, c)
    add(np.zeros(3, dtype=int), -Fraction(certificate.value))
    for term in certificate.terms:
        p = [(np.zeros(3, dtype=int), Fraction(1))]
        for factor in term.factors:
            group = problem.inequalities if factor.kind == "inequality" else problem.equalities
            p = [(a + b, u * v) for a, u in p for b, v in terms(group[factor.number])]
        basis = to_exponents(term.basis, 3)
        if term.data.ndim == 2:
            data = [[Fraction(v) for v in row] for row in term.data]
            sigma = [
                (basis[i] + basis[j], sum(a * b for a, b in zip(data[i], data[j], strict=True)))
                for i in range(len(basis))
                for j in range(len(basis))
            ]
        else:
            sigma = [(e, Fraction(v)) for e, v in zip(basis, term.data, strict=True)]
        for a, u in p:
            for b, v in sigma:
                add(a + b, -u * v)
    assert len(rows) == len({tuple(row) for row in rows.tolist()})
    for e, value, error in zip(to_exponents(rows, 3), values, errors, strict=True):
        assert abs(exact.pop(tuple(int(k) for k in e)) - Fraction(value)) <= Fraction(error)
    assert all(value == 0 for value in exact.values())


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 4))
def test_random_quartics_on_a_box(seed: int, n: int) -> None:
    """No sampled feasible value lies below the proven bound."""
    rng = np.random.default_rng(seed)
    exponents = rng.integers(0, 3, (10, n))
    exponents = exponents[exponents.sum(axis=1) <= 4]
    x = po.variables("x", n)
    f = po.Polynomial.from_arrays(exponents, rng.standard_normal(len(exponents))) + x[0]
    problem = po.minimize(f, subject_to=[v**2 <= 1 for v in x])
    proof = po.putinar(problem, 2).solve().prove()
    points = rng.uniform(-1, 1, (2000, n))
    values = problem.evaluate(points)
    best = float(values.min())
    assert proof.bound <= best
    assert np.isfinite(proof.bound)


def test_without_a_box_the_message_names_the_variables() -> None:
    x = po.variables("x", 2)
    result = po.putinar(po.minimize((x[0] - x[1]) ** 2 + (x[0] ** 2 - 2) ** 2), 2).solve()
    with pytest.raises(ProofError, match=r"no finite range for x0, x1; give box=\(lower, upper\)"):
        result.prove()
    proof = result.prove(box=(-2, 2))
    assert -1e-5 < proof.bound <= 0
    assert "inside the given box" in str(proof)


def test_nothing_to_prove_from() -> None:
    x = po.variables("x", 1)[0]
    empty = po.putinar(po.minimize(x, subject_to=[x >= 1, x <= 0]), 1).solve()
    with pytest.raises(ProofError, match="no multipliers to start from"):
        empty.prove(box=(-1, 1))
    with pytest.raises(UnknownOptionError, match="known methods"):
        po.putinar(disc(), 1).solve().prove(method="guess")  # type: ignore[arg-type]


def test_sparse_and_nearly_sparse_proofs() -> None:
    x = po.variables("x", 6)
    f = po.sum_polynomials((x[i] * x[i + 1] - 0.5) ** 2 + x[i] for i in range(5))
    box = [v**2 <= 1 for v in x]
    sparse = po.putinar(po.minimize(f, subject_to=box), 2, sparsity="correlative").solve().prove()
    dense = po.putinar(po.minimize(f, subject_to=box), 2).solve().prove()
    assert sparse.bound == pytest.approx(dense.bound, abs=1e-5)
    budget = po.minimize(f, subject_to=[*box, sum(x) >= 1, sum(x) - 2 * x[0] == 0.25])
    nearly = po.nearly_sparse(budget, 2, dense=[6, ("equality", 0)]).solve().prove()
    nearly.check(budget)
    rng = np.random.default_rng(3)
    points = rng.uniform(-1, 1, (20000, 6))
    points[:, 0] = points[:, 1:].sum(axis=1) - 0.25
    feasible = points[(np.abs(points[:, 0]) <= 1) & (points.sum(axis=1) >= 1)]
    assert nearly.bound <= budget.evaluate(feasible).min()
    assert nearly.bound >= sparse.bound - 1e-5


class TestTampering:
    """A proof that was changed is rejected, with the reason."""

    @pytest.fixture
    def proof(self) -> po.ProvenBound:
        return po.putinar(disc(), 2).solve().prove()

    def changed(self, proof: po.ProvenBound, number: int, **changes: object) -> po.ProvenBound:
        terms = list(proof.certificate.terms)
        terms[number] = replace(terms[number], **changes)  # type: ignore[arg-type]
        return replace(proof, certificate=replace(proof.certificate, terms=tuple(terms)))

    def test_better_bound_claimed(self, proof: po.ProvenBound) -> None:
        with pytest.raises(ProofRejectedError, match="only shows"):
            replace(proof, bound=proof.bound + 1e-6).check(disc())

    def test_another_value_changes_the_remainder_only(self, proof: po.ProvenBound) -> None:
        """The remainder's constant makes up for it, so the bound shown stays the same."""
        other = replace(proof.certificate, value=proof.certificate.value + 1e-3)
        shown = certified_bound(disc(), other, proof.box)
        assert shown == pytest.approx(proof.bound, abs=1e-9)
        assert shown <= -3 * np.sqrt(3) / 4

    def test_other_gram_matrix(self, proof: po.ProvenBound) -> None:
        spoilt = proof.certificate.terms[0].data * 1.001
        with pytest.raises(ProofRejectedError, match="only shows"):
            self.changed(proof, 0, data=spoilt).check(disc())

    def test_nan_in_the_data(self, proof: po.ProvenBound) -> None:
        spoilt = np.full_like(proof.certificate.terms[0].data, np.nan)
        with pytest.raises(ProofRejectedError, match="not finite"):
            self.changed(proof, 0, data=spoilt).check(disc())

    def test_nan_as_bound(self, proof: po.ProvenBound) -> None:
        with pytest.raises(ProofRejectedError, match="claims the bound nan"):
            replace(proof, bound=float("nan")).check(disc())

    def test_constraint_that_does_not_exist(self, proof: po.ProvenBound) -> None:
        with pytest.raises(ProofRejectedError, match="inequality 7, which this problem does not"):
            self.changed(proof, 1, factors=(po.Factor("inequality", 7),)).check(disc())

    def test_free_multiplier_of_an_inequality(self) -> None:
        problem = disc()
        term = CertificateTerm(
            (po.Factor("inequality", 0),),
            po.Cone.FREE,
            np.zeros((1, 0), np.int32),
            np.array([-5.0]),
        )
        certificate = SosCertificate(problem.variables.names, "min", 0.0, (term,))
        with pytest.raises(ProofRejectedError, match="free multiplier but no equality"):
            certified_bound(problem, certificate, po.proof.find_box(problem))

    @pytest.mark.parametrize(
        ("basis", "data", "message"),
        [
            (np.zeros((1, 0), np.int32), [-1.0], "negative coefficient -1"),
            (np.array([[1]], np.int32), [1.0], "not a square"),
        ],
    )
    def test_nonnegative_multipliers(
        self, basis: np.ndarray, data: list[float], message: str
    ) -> None:
        problem = disc()
        term = CertificateTerm((), po.Cone.NONNEGATIVE, basis, np.array(data))
        certificate = SosCertificate(problem.variables.names, "min", 0.0, (term,))
        with pytest.raises(ProofRejectedError, match=message):
            certified_bound(problem, certificate, po.proof.find_box(problem))

    def test_smaller_box_than_the_constraints_show(self, proof: po.ProvenBound) -> None:
        box = replace(proof.box, upper=proof.box.upper * 0.5)
        with pytest.raises(ProofRejectedError, match="but the constraints only show"):
            replace(proof, box=box).check(disc())

    def test_other_problems(self, proof: po.ProvenBound) -> None:
        lower = disc().objective - 0.01
        y = po.variables("y", 2)
        x = po.variables("x", 2)
        with pytest.raises(ProofRejectedError, match="for the variables x0, x1"):
            proof.check(po.minimize(y[0], subject_to=[y[0] ** 2 + y[1] ** 2 <= 1]))
        with pytest.raises(ProofRejectedError, match='sense "min", the problem has "max"'):
            proof.check(po.maximize(x[0], subject_to=[x[0] ** 2 + x[1] ** 2 <= 1]))
        with pytest.raises(ProofRejectedError, match="only shows"):
            proof.check(po.minimize(lower, subject_to=[x[0] ** 2 + x[1] ** 2 <= 1]))
        with pytest.raises(ProofRejectedError, match="only show"):
            proof.check(po.minimize(disc().objective, subject_to=[x[0] ** 2 + x[1] ** 2 <= 2]))


class TestFiles:
    """Saving, loading, and damaged files."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "bound.proof"
        po.putinar(disc(), 2).solve().prove().save(path)
        return path

    def test_round_trip(self, path: Path) -> None:
        loaded = po.load_proof(path)
        assert loaded.check(disc()).bound <= -3 * np.sqrt(3) / 4
        assert [entry.name for entry in path.parent.iterdir()] == ["bound.proof"]

    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            po.load_proof(tmp_path / "none.proof")

    @pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 not really"])
    def test_no_archive(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "x.proof"
        path.write_bytes(content)
        with pytest.raises(FormatError, match="is not a proof file"):
            po.load_proof(path)

    def rewrite(self, path: Path, **changes: object) -> None:
        with np.load(path) as archive:
            arrays = {name: archive[name] for name in archive.files}
        header = json.loads(bytes(arrays["header"]))
        for name, value in changes.items():
            if name in arrays:
                arrays[name] = np.asarray(value)
            else:
                header[name] = value
        arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
        with open(path, "wb") as file:
            np.savez(file, **arrays)

    def test_changed_bound(self, path: Path) -> None:
        self.rewrite(path, bound=(1.0).hex())
        with pytest.raises(FormatError, match="checksum"):
            po.load_proof(path)

    def test_changed_data(self, path: Path) -> None:
        with np.load(path) as archive:
            data = archive["data"].copy()
        data[0] += 1
        self.rewrite(path, data=data)
        with pytest.raises(FormatError, match="checksum"):
            po.load_proof(path)

    def test_other_version(self, path: Path) -> None:
        self.rewrite(path, version=99)
        with pytest.raises(FormatError, match="version 99; this release reads the versions 1, 2"):
            po.load_proof(path)

    def test_pickled_objects_are_not_executed(self, path: Path) -> None:
        with np.load(path) as archive:
            arrays = {name: archive[name] for name in archive.files}
        arrays["data"] = np.array([print], dtype=object)
        with open(path, "wb") as file:
            np.savez(file, **arrays)
        with pytest.raises(FormatError, match="is not a proof file"):
            po.load_proof(path)

    def test_truncated(self, path: Path) -> None:
        path.write_bytes(path.read_bytes()[:-40])
        with pytest.raises(FormatError, match="is not a proof file"):
            po.load_proof(path)
