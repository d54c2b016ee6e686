"""Binary problems modulo their equations: same bounds with fewer moments."""

from __future__ import annotations

from itertools import product

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polyopt as po
from polyopt.relaxation.quotient import binary_rules

from .problems import best_point, max_cut


def _zero_one(seed: int, n: int) -> po.PolynomialProblem:
    rng = np.random.default_rng(seed)
    x = po.variables("x", n)
    Q, q = rng.integers(-4, 5, (n, n)), rng.integers(-4, 5, n)
    f = po.quadratic(Q.astype(float), q.astype(float), 0.0, variables=x[0].variables)
    budget = n // 2 - po.sum_polynomials(x) >= 0
    return po.minimize(f, subject_to=[*(3 * v**2 == 3 * v for v in x), budget])


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10**6))
def test_zero_one_programs_keep_their_bounds(seed: int) -> None:
    problem = _zero_one(seed, 4)
    optimum = best_point(problem, [0.0, 1.0])
    for order in (1, 2):
        whole = po.putinar(problem, order)
        refined = whole.refine(po.Quotient())
        bound = refined.solve().bound
        assert bound == pytest.approx(whole.solve().bound, abs=1e-5)
        assert bound <= optimum + 1e-6


def test_the_last_order_is_exact() -> None:
    # Order n is exact on {0, 1}^n (Lasserre 2002); the block has 2^n monomials.
    problem = _zero_one(11, 3)
    refined = po.putinar(problem, 4).refine(po.Quotient())
    assert refined.plan.largest_block == 8
    assert len(refined.assembly.moments) == 8
    assert refined.solve().bound == pytest.approx(best_point(problem, [0.0, 1.0]), abs=1e-6)


def test_maximum_cut_counts_and_value() -> None:
    problem = max_cut(sorted(nx.petersen_graph().edges), 10)
    refined = po.putinar(problem, 2).refine(po.Quotient(), po.SignSymmetry())
    # Even square-free monomials up to degree 4: 1 + 45 + 210; blocks 1 + 45 and 10.
    assert refined.plan.psd == ((46, 1), (10, 1))
    assert len(refined.assembly.moments) == 256
    # The maximum cut of the Petersen graph has 12 edges; order 2 finds it.
    assert refined.solve().bound == pytest.approx(12.0, abs=1e-4)


def test_refinements_compose_in_any_order() -> None:
    problem = max_cut([(i, (i + 1) % 6) for i in range(6)] + [(0, 2)], 6)
    whole = po.putinar(problem, 2, sparsity="correlative")
    expected = whole.solve().bound
    for refinements in (
        (po.Quotient(), po.TermSparsity(None)),
        (po.TermSparsity(None), po.Quotient()),
        (po.SignSymmetry(), po.Quotient()),
        (po.Quotient(), po.NewtonPolytope(), po.MergeCliques()),
    ):
        bound = whole.refine(*refinements).solve().bound
        assert bound == pytest.approx(expected, abs=1e-5)
    cone = whole.refine(po.Quotient(), po.ScaledDiagonallyDominant()).solve().bound
    assert cone >= expected - 1e-5
    linear = whole.refine(po.Quotient(), po.DiagonallyDominant()).solve().bound
    assert linear >= cone - 1e-5


def test_sign_symmetry_knows_that_zero_one_variables_have_none() -> None:
    x = po.variables("x", 2)
    f = x[0] * x[1] ** 2 - 2 * x[1] * x[0] ** 2
    problem = po.minimize(f, subject_to=[x[0] ** 2 == x[0], x[1] ** 2 == x[1]])
    refined = po.putinar(problem, 2).refine(po.Quotient(), po.SignSymmetry())
    assert refined.solve().bound == pytest.approx(-1.0, abs=1e-6)


def test_mixed_problems_keep_the_other_variables() -> None:
    x, y = po.variables("x y")
    problem = po.minimize((y - 2 * x) ** 2 + y, subject_to=[x**2 == 1, y**2 <= 4, x * y == 2])
    whole = po.putinar(problem, 2)
    refined = whole.refine(po.Quotient())
    result = refined.solve()
    # x y = 2: (1, 2) with value 2 and (-1, -2) with value -2.
    assert result.bound == pytest.approx(-2.0, abs=1e-5)
    assert result.bound == pytest.approx(whole.solve().bound, abs=1e-5)
    assert result.moments(x**2 * y) == pytest.approx(result.moments(y), abs=1e-12)
    assert result.moments(x**4) == pytest.approx(1.0, abs=1e-12)


def test_the_identity_holds_on_all_binary_points() -> None:
    problem = _zero_one(5, 3)
    relaxation = po.putinar(problem, 2).refine(po.Quotient())
    result = relaxation.solve()
    points = np.array(list(product([0.0, 1.0], repeat=3)))
    total = np.full(len(points), result.bound)
    for m, gram in zip(relaxation.multipliers, result.gram_matrices, strict=True):
        exponents = np.stack([(m.basis.rows == i + 1).sum(axis=1) for i in range(3)], axis=1)
        values = np.prod(points[:, None, :] ** exponents[None], axis=2)
        sigma = np.einsum("ki,ij,kj->k", values, gram, values) if gram.ndim == 2 else values @ gram
        total += m.polynomial(points) * sigma
    assert total == pytest.approx(problem.evaluate(points), abs=1e-5)


def test_krivine_modulo_binary_equations() -> None:
    x = po.variables("x", 3)
    f = x[0] * x[1] - 2 * x[1] * x[2] + x[0] ** 2
    bounds = [g for v in x for g in (v >= 0, v <= 1)]
    problem = po.minimize(f, subject_to=[*bounds, *(v**2 == v for v in x)])
    refined = po.krivine(problem, degree=3).refine(po.Quotient())
    assert not any(m.cone is po.Cone.FREE for m in refined.multipliers)
    assert refined.solve().bound == pytest.approx(best_point(problem, [0.0, 1.0]), abs=1e-7)


def test_problems_without_binary_variables_are_left_alone() -> None:
    x = po.variables("x", 2)
    h = [x[0] ** 2 == 2, x[0] * x[1] == 1, x[1] ** 2 == 1 + x[1], x[0] ** 4 == x[0] ** 2]
    problem = po.minimize(x[0], subject_to=h)
    assert not binary_rules(problem).any()
    relaxation = po.putinar(problem, 2)
    refined = relaxation.refine(po.Quotient())
    assert refined.multipliers == relaxation.multipliers
    assert "0 of 2 variables" in str(refined)
