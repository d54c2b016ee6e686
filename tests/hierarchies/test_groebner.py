"""Problems modulo Gröbner bases of their equations: same bounds, proofs in the given equations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polyopt as po
from polyopt.errors import ProofRejectedError, RelaxationError
from polyopt.polynomial.groebner import groebner_basis
from polyopt.proof.exact_certificate import ExactCertificate
from polyopt.relaxation.groebner_quotient import normal_forms

sympy = pytest.importorskip("sympy")


def _expression(terms: dict[tuple[int, ...], Fraction], symbols: tuple[Any, ...]) -> Any:
    total = sympy.Integer(0)
    for exponents, c in terms.items():
        term = sympy.Rational(c.numerator, c.denominator)
        for symbol, e in zip(symbols, exponents, strict=True):
            term *= symbol**e
        total += term
    return total


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6))
def test_bases_are_those_of_sympy_and_come_from_the_generators(seed: int) -> None:
    rng = np.random.default_rng(seed)
    symbols = sympy.symbols("x y z")
    system = []
    for _ in range(int(rng.integers(1, 4))):
        table: dict[tuple[int, ...], Fraction] = {}
        for _ in range(3):
            table[tuple(rng.integers(0, 3, 3).tolist())] = Fraction(int(rng.integers(-3, 4)))
        if any(table.values()):
            system.append({m: c for m, c in table.items() if c})
    if not system:
        return
    mine = groebner_basis(system)
    expressions = [_expression(h, symbols) for h in system]
    reference = sympy.groebner(expressions, *symbols, order="grevlex")
    wanted = set()
    for g in reference.exprs:
        leading = sympy.Poly(g, *symbols).LC(order="grevlex")
        wanted.add(sympy.expand(g / leading))
    assert {sympy.expand(_expression(g, symbols)) for g in mine.elements} == wanted
    for element, cofactors in zip(mine.elements, mine.cofactors(), strict=True):
        combination = sum(
            _expression(c, symbols) * h for c, h in zip(cofactors, expressions, strict=True)
        )
        assert sympy.expand(_expression(element, symbols) - combination) == 0


def _circle() -> po.PolynomialProblem:
    x, y = po.variables("x y")
    return po.minimize(x * y + x**3, subject_to=[x**2 + y**2 == 1, y >= 0.5])


def _sphere() -> po.PolynomialProblem:
    x = po.variables("x", 3)
    f = x[0] * x[1] + x[1] * x[2] - x[2] ** 3
    return po.minimize(f, subject_to=[x[0] ** 2 + x[1] ** 2 + x[2] ** 2 == 1, x[0] >= 0.1])


def _elliptic() -> po.PolynomialProblem:
    x, y = po.variables("x y")
    return po.maximize(x - y**2, subject_to=[y**2 == x**3 - x + 1, x <= 2, y**2 <= 9, x >= -2])


def _points() -> po.PolynomialProblem:
    x, y = po.variables("x y")
    return po.minimize(x + 2 * y, subject_to=[x**3 == x, y**3 == 4 * y, x * y >= 0.5])


def _brute_circle() -> float:
    t = np.linspace(np.pi / 6, 5 * np.pi / 6, 200_001)
    x, y = np.cos(t), np.sin(t)
    return float(np.min(x * y + x**3))


@pytest.mark.parametrize("make", [_circle, _sphere, _elliptic, _points])
def test_bounds_are_those_with_free_multipliers_or_better(
    make: Callable[[], po.PolynomialProblem],
) -> None:
    problem = make()
    whole = po.putinar(problem, 3)
    refined = whole.refine(po.GroebnerQuotient())
    assert not any(m.cone is po.Cone.FREE for m in refined.multipliers)
    assert len(refined.assembly.moments) < len(whole.assembly.moments)
    a, b = whole.solve(solver="clarabel"), refined.solve(solver="clarabel")
    assert problem.sign * b.bound >= problem.sign * a.bound - 1e-6
    assert b.bound == pytest.approx(a.bound, abs=1e-5)
    proof = b.prove(box=(-3, 3)).check(problem)
    assert problem.sign * proof.bound <= problem.sign * b.bound + 1e-7
    assert proof.bound == pytest.approx(b.bound, abs=1e-3)


def test_the_circle_against_points_of_it() -> None:
    result = po.putinar(_circle(), 3).refine(po.GroebnerQuotient()).solve(solver="clarabel")
    assert result.bound == pytest.approx(_brute_circle(), abs=1e-6)
    proof = result.prove("exact").check(_circle())
    assert proof.kind == "exact"
    assert proof.bound == pytest.approx(_brute_circle(), abs=1e-5)
    assert proof.bound <= _brute_circle() + 1e-9
    assert result.minimizers()[0].value == pytest.approx(_brute_circle(), abs=1e-7)


def test_finite_varieties_become_exact() -> None:
    # (x, y) in {-1, 0, 1} x {-2, 0, 2} with x y >= 1/2: (1, 2) and (-1, -2).
    problem = _points()
    refined = po.putinar(problem, 4).refine(po.GroebnerQuotient())
    assert refined.plan.largest_block == 9
    assert len(refined.assembly.moments) == 9
    result = refined.solve(solver="clarabel")
    assert result.bound == pytest.approx(-5.0, abs=1e-6)
    assert result.minimizers()[0].point == pytest.approx([-1.0, -2.0], abs=1e-6)
    assert result.prove("exact").check(problem).bound == pytest.approx(-5.0, abs=1e-5)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**6))
def test_random_point_clouds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = po.variables("x y")
    a, b = rng.choice(np.arange(-3, 4), (2, 3), replace=False)
    vanishing = [
        (x - float(a[0])) * (x - float(a[1])) * (x - float(a[2])),
        (y - float(b[0])) * (y - float(b[1])) * (y - float(b[2])),
    ]
    c = rng.integers(-3, 4, 4).astype(float)
    f = c[0] * x + c[1] * y + c[2] * x * y + c[3] * x**2
    problem = po.minimize(f, subject_to=[h == 0 for h in vanishing])
    best = min(f([float(p), float(q)]) for p in a for q in b)
    result = po.putinar(problem, 4).refine(po.GroebnerQuotient()).solve(solver="clarabel")
    assert result.bound == pytest.approx(best, abs=1e-5 * max(1.0, abs(best)))
    proof = result.prove(box=(-3, 3)).check(problem)
    assert proof.bound <= best + 1e-9
    assert proof.bound == pytest.approx(best, abs=1e-2 * max(1.0, abs(best)))


def test_moments_follow_the_equations() -> None:
    x, y = po.variables("x y")
    problem = po.minimize(x - y, subject_to=[x**2 == y, y**3 == x])
    moments = po.putinar(problem, 3).refine(po.GroebnerQuotient()).solve().moments
    assert moments(x**2) == pytest.approx(moments(y), abs=1e-14)
    assert moments(x**2 * y**2) == pytest.approx(moments(x), abs=1e-14)
    assert np.isfinite(moments.matrix([0, 1], 3)).all()


def test_normal_forms_with_several_terms() -> None:
    x, y = po.variables("x y")
    forms = normal_forms(po.minimize(x, subject_to=[x**2 + x * y + y**2 == 3, x**3 == y]))
    points = np.random.default_rng(0).uniform(-2, 2, (5, 2))
    for monomial in [(1, 1), (1, 1, 1, 1), (1, 1, 2, 2, 2)]:
        p = {monomial: Fraction(1)}
        difference = forms.lift(p)
        for point in points:
            # p - NF(p) = sum tau h at every point, also away from the variety.
            value = np.prod([point[i - 1] for i in monomial])
            normal = sum(
                float(c) * np.prod([point[i - 1] for i in m]) for m, c in forms.of(monomial).items()
            )
            h = [
                point[0] ** 2 + point[0] * point[1] + point[1] ** 2 - 3,
                point[0] ** 3 - point[1],
            ]
            lifted = sum(
                h[k] * float(c) * np.prod([point[i - 1] for i in m])
                for k, tau in difference.items()
                for m, c in tau.items()
            )
            assert value - normal == pytest.approx(lifted, abs=1e-10)


def _chain() -> po.PolynomialProblem:
    x = po.variables("x", 5)
    f = po.sum_polynomials(x[i] * x[i + 1] + x[i] ** 3 for i in range(4))
    equations = [x[i] ** 2 + x[i + 1] ** 2 == 1 for i in range(4)]
    return po.minimize(f, subject_to=equations)


def test_cliques_use_their_own_equations() -> None:
    problem = _chain()
    whole = po.putinar(problem, 2, sparsity="correlative")
    refined = whole.refine(po.GroebnerQuotient())
    cliques = [set(c) for c in whole.sparsity.cliques]  # type: ignore[union-attr]
    for row in refined.assembly.moments:
        support = {int(i) - 1 for i in row if i}
        assert any(support <= c for c in cliques)
    assert len(refined.assembly.moments) < len(whole.assembly.moments)
    a, b = whole.solve(solver="clarabel"), refined.solve(solver="clarabel")
    assert b.bound >= a.bound - 1e-6
    assert b.bound == pytest.approx(a.bound, abs=1e-5)
    proof = b.prove().check(problem)
    assert proof.bound == pytest.approx(b.bound, abs=1e-4)


def test_dense_equations_beside_cliques_keep_their_multipliers() -> None:
    x = po.variables("x", 6)
    f = po.sum_polynomials((v**2 - 0.5) ** 2 + v for v in x)
    problem = po.minimize(f, subject_to=[sum(x) == 2, x[0] ** 2 == x[0]])
    whole = po.nearly_sparse(problem, order=2, dense=[("equality", 0)])
    refined = whole.refine(po.GroebnerQuotient())
    assert sum(m.cone is po.Cone.FREE for m in refined.multipliers) == 2
    assert refined.solve().bound == pytest.approx(whole.solve().bound, abs=1e-5)


def test_after_other_refinements_but_not_before() -> None:
    problem = _sphere()
    sparse = po.putinar(problem, 2).refine(po.TermSparsity(1))
    both = sparse.refine(po.GroebnerQuotient(), po.MergeCliques())
    bound = both.solve(solver="clarabel").bound
    assert bound >= sparse.solve(solver="clarabel").bound - 1e-6
    refined = po.putinar(problem, 2).refine(po.GroebnerQuotient())
    for refinement in (po.TermSparsity(1), po.SignSymmetry(), po.NewtonPolytope()):
        with pytest.raises(RelaxationError, match="apply GroebnerQuotient after it"):
            refined.refine(refinement)
    assert "nothing to do" in str(refined.refine(po.Quotient()).notes)


def test_binary_equations_agree_with_their_own_quotient() -> None:
    x = po.variables("x", 4)
    f = x[0] * x[1] - 2 * x[1] * x[2] + x[2] * x[3] + 0.5 * x[0]
    problem = po.minimize(f, subject_to=[v**2 == 1 for v in x])
    whole = po.putinar(problem, 2)
    special, general = whole.refine(po.Quotient()), whole.refine(po.GroebnerQuotient())
    assert special.plan.psd == general.plan.psd
    assert len(special.assembly.moments) == len(general.assembly.moments)
    assert general.solve().bound == pytest.approx(special.solve().bound, abs=1e-6)
    assert general.solve().prove().check(problem).bound == pytest.approx(-4.5, abs=1e-5)


def test_equations_without_common_zero(tmp_path: Path) -> None:
    x, y = po.variables("x y")
    problem = po.minimize(x + 2 * y, subject_to=[x**2 == y, x * y == 1, y == 2])
    result = po.putinar(problem, 2).refine(po.GroebnerQuotient()).solve(solver="clarabel")
    assert result.status is po.Status.INFEASIBLE
    proof = po.prove_infeasible(problem)
    assert proof.kind == "exact"
    assert proof.bound == np.inf
    proof.save(tmp_path / "empty.proof")
    assert po.load_proof(tmp_path / "empty.proof").check(problem).bound == np.inf
    other = po.minimize(x + 2 * y, subject_to=[x**2 == y, x * y == 1, y == 1])
    with pytest.raises(ProofRejectedError, match="identity fails"):
        proof.check(other)


@pytest.mark.parametrize("method", ["interval", "exact"])
def test_tampered_proofs_are_rejected(method: Literal["interval", "exact"], tmp_path: Path) -> None:
    problem = _circle()
    result = po.putinar(problem, 3).refine(po.GroebnerQuotient()).solve(solver="clarabel")
    proof = result.prove(method)
    proof.save(tmp_path / "circle.proof")
    assert po.load_proof(tmp_path / "circle.proof").check(problem).bound == proof.bound
    with pytest.raises(ProofRejectedError):
        replace(proof, bound=proof.bound + 1e-3).check(problem)
    certificate: Any = proof.certificate
    (place,) = (
        k for k, t in enumerate(certificate.terms) if any(f.kind == "equality" for f in t.factors)
    )
    terms = list(certificate.terms)
    old = terms[place]
    if isinstance(certificate, ExactCertificate):
        data = (old.data[0] + Fraction(1, 1000), *old.data[1:])
    else:
        data = old.data + 1e-3
    terms[place] = replace(old, data=data)
    forged = replace(certificate, terms=tuple(terms))
    with pytest.raises(ProofRejectedError):
        replace(proof, certificate=forged).check(problem)


def test_coefficients_that_are_not_meant_exactly_are_refused() -> None:
    x, y = po.variables("x y")
    problem = po.minimize(x, subject_to=[x**2 - 0.1 * y == 0, x * y == 1])
    with pytest.raises(RelaxationError, match=r"equality 0 has the coefficient -?0\.1.*by 10"):
        po.putinar(problem, 2).refine(po.GroebnerQuotient())
    # One equation alone is its own Gröbner basis.
    alone = po.minimize(x, subject_to=[x**2 + y**2 == 0.1])
    bound = po.putinar(alone, 1).refine(po.GroebnerQuotient()).solve().bound
    assert bound == pytest.approx(-np.sqrt(0.1), abs=1e-6)


def test_limits_and_bad_arguments() -> None:
    x = po.variables("x", 6)
    # Cyclic 6-roots take a while in any implementation.
    cyclic = []
    for k in range(1, 6):
        total = 0 * x[0]
        for i in range(6):
            term = x[i]
            for j in range(1, k):
                term = term * x[(i + j) % 6]
            total = total + term
        cyclic.append(total == 0)
    product = x[0] * x[1] * x[2] * x[3] * x[4] * x[5]
    problem = po.minimize(x[0], subject_to=[*cyclic, product == 1])
    with pytest.raises(RelaxationError, match=r"not found within 0\.2 s .*elements of degree"):
        po.putinar(problem, 3).refine(po.GroebnerQuotient(time_limit=0.2))
    with pytest.raises(RelaxationError, match="positive number of seconds"):
        po.GroebnerQuotient(time_limit=0)
    y = po.variables("y", 2)
    tiny = po.minimize(y[0], subject_to=[1e-12 * y[0] ** 2 + y[1] ** 2 == 1])
    with pytest.raises(RelaxationError, match="too large for solvers"):
        po.putinar(tiny, 2).refine(po.GroebnerQuotient()).solve()


def test_problems_without_equations_are_left_alone() -> None:
    x = po.variables("x", 2)
    relaxation = po.putinar(po.minimize(x[0] ** 2 + x[1] ** 4), order=2)
    refined = relaxation.refine(po.GroebnerQuotient())
    assert refined.multipliers == relaxation.multipliers
    assert "not used" in refined.notes[-1]
