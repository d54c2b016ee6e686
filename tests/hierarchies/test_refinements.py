"""Sign symmetry, Newton polytope, merged cliques, diagonally dominant cones."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import polyopt as po
from polyopt.polynomial import monomials
from polyopt.polynomial.newton import half_newton_polytope
from polyopt.polynomial.normal_form import IDEMPOTENT, INVOLUTORY, KEEP, reduce_rows
from polyopt.sparsity.merge import merge_overlapping
from polyopt.sparsity.sign_symmetry import signatures, variable_signatures

from .problems import block_sizes, rosenbrock_on_balls

exponents = st.lists(
    st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=1, max_size=5, unique_by=tuple
)


@settings(max_examples=40, deadline=None)
@given(exponents)
def test_signatures_agree_with_all_sign_changes(support: list[list[int]]) -> None:
    table = np.array(support)
    signs = np.array(list(product([0, 1], repeat=3)))
    symmetric = signs[((signs @ table.T) % 2 == 0).all(axis=1)]
    rows = monomials.all_monomials(np.arange(3), 3)
    behaviour = (monomials.to_exponents(rows, 3) @ symmetric.T) % 2
    variables = variable_signatures([monomials.from_exponents(table)], 3)
    found = signatures(rows, variables)
    for i in range(len(rows)):
        same = (behaviour == behaviour[i]).all(axis=1)
        assert ((found == found[i]).all(axis=1) == same).all()


def test_signatures_of_many_variables() -> None:
    n = 150
    squares = np.repeat(np.arange(1, n + 1, dtype=np.int32)[:, None], 2, axis=1)
    variables = variable_signatures([squares], n)
    assert variables.shape == (n, 3)
    assert len({tuple(v) for v in variables.tolist()}) == n


def test_sign_symmetry_keeps_the_bound() -> None:
    x = po.variables("x", 3)
    f = x[0] ** 4 + x[1] ** 4 + x[2] ** 4 - 3 * x[0] * x[1] * x[2] ** 2 + x[2] ** 2
    problem = po.minimize(f, subject_to=[1 - x[0] ** 2 - x[1] ** 2 - x[2] ** 2 >= 0])
    relaxation = po.putinar(problem, 3)
    refined = relaxation.refine(po.SignSymmetry())
    assert sum(b * k for b, k in block_sizes(refined).items()) == 20
    assert refined.plan.largest_block < 10
    assert refined.solve().bound == pytest.approx(relaxation.solve().bound, abs=1e-6)


def test_sign_symmetry_of_equality_multipliers() -> None:
    x = po.variables("x", 2)
    problem = po.minimize(x[0] * x[1] + x[0] ** 4, subject_to=[x[0] ** 2 + 2 * x[1] ** 2 == 1])
    relaxation = po.putinar(problem, 2)
    refined = relaxation.refine(po.SignSymmetry())
    free = [m for m in refined.multipliers if m.cone is po.Cone.FREE]
    assert [m.basis.size for m in free] == [4]
    assert refined.solve().bound == pytest.approx(relaxation.solve().bound, abs=1e-6)


def test_no_symmetry_leaves_everything_as_it_is() -> None:
    relaxation = po.putinar(rosenbrock_on_balls(40), 2, sparsity="correlative")
    x = po.variables("x", 2)
    alone = po.putinar(po.minimize(x[0] ** 2 + x[0] + x[1] + x[1] ** 2), 1)
    assert alone.refine(po.SignSymmetry()).multipliers == alone.multipliers
    # Only the sign of the first variable is free in the Rosenbrock function.
    assert "2^1 sign" in str(relaxation.refine(po.SignSymmetry()))


def _inside(point: np.ndarray, support: np.ndarray) -> bool:
    """A point is outside exactly when some direction separates it from all others."""
    k, n = support.shape
    answer = linprog(
        -np.append(point, -1.0),
        A_ub=np.hstack([support, -np.ones((k, 1))]),
        b_ub=np.zeros(k),
        bounds=[(-1, 1)] * n + [(None, None)],
    )
    return bool(-answer.fun <= 1e-7)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=1, max_size=7))
def test_half_newton_polytope_against_separating_directions(support: list[list[int]]) -> None:
    table = np.array([[0, 0, 0], *support])
    rows = monomials.all_monomials(np.arange(3), 4)
    found = half_newton_polytope(rows, monomials.from_exponents(table), 3)
    expected = [_inside(2.0 * e, table) for e in monomials.to_exponents(rows, 3)]
    assert found.tolist() == expected


def test_newton_polytope_of_known_forms() -> None:
    x, y, z = po.variables("x y z")
    motzkin = x**4 * y**2 + x**2 * y**4 - 3 * x**2 * y**2 + 1
    choi_lam = x**2 * y**2 + y**2 * z**2 + z**2 * x**2 - 4 * x * y * z + 1
    refined = po.putinar(po.minimize(motzkin), 3).refine(po.NewtonPolytope())
    assert block_sizes(refined) == {4: 1}
    # Choi and Lam: nonnegative, with half Newton polytope {1, xy, yz, zx}: no sum of squares.
    refined = po.putinar(po.minimize(choi_lam), 2).refine(po.NewtonPolytope())
    assert block_sizes(refined) == {10: 1}
    assert "no sum of squares" in str(refined)


def test_newton_polytope_keeps_the_bound_and_works_on_cliques() -> None:
    x = po.variables("x", 12)
    f = po.sum_polynomials((x[i] ** 2 - x[i + 1]) ** 2 + (x[i] - 1) ** 2 for i in range(11))
    relaxation = po.putinar(po.minimize(f), 2, sparsity="correlative")
    refined = relaxation.refine(po.NewtonPolytope())
    assert refined.plan.moments < relaxation.plan.moments
    assert refined.solve().bound == pytest.approx(0.0, abs=1e-6)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6))
def test_diagonal_pruning_keeps_bounds_with_constraints(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = po.variables("x", 3)
    f = sum(float(rng.integers(-3, 4)) * np.prod(rng.choice(x, 3)) for _ in range(4)) + x[0] ** 4
    problem = po.minimize(f, subject_to=[1 - x[0] ** 2 - x[1] ** 2 >= 0, 1 - x[2] ** 2 >= 0])
    relaxation = po.putinar(problem, 2)
    refined = relaxation.refine(po.NewtonPolytope())
    assert refined.solve().bound == pytest.approx(relaxation.solve().bound, abs=1e-5)


def test_an_objective_without_sum_of_squares_keeps_its_bases() -> None:
    x = po.variables("x", 1)[0]
    relaxation = po.putinar(po.minimize(x + 0.0), 1)
    refined = relaxation.refine(po.NewtonPolytope())
    assert refined.multipliers == relaxation.multipliers
    assert "no sum of squares" in str(refined)


def test_merging_gives_no_worse_bound_with_fewer_blocks() -> None:
    x = po.variables("x", 6)
    rng = np.random.default_rng(5)
    pairs = [(i, j) for i in range(6) for j in range(i) if i - j < 4]
    f = po.sum_polynomials(float(rng.normal()) * x[i] * x[j] for i, j in pairs)
    problem = po.minimize(f, subject_to=[v**2 <= 1 for v in x])
    relaxation = po.putinar(problem, 1, sparsity="correlative")
    merged = relaxation.refine(po.MergeCliques())
    assert len(merged.multipliers) < len(relaxation.multipliers)
    # Chordal cliques lose nothing at order 1, so that merging gains nothing either.
    assert merged.solve().bound == pytest.approx(relaxation.solve().bound, abs=1e-6)
    never = relaxation.refine(po.MergeCliques(cost=lambda side: 10.0**side))
    assert never.plan == relaxation.plan


@settings(max_examples=30, deadline=None)
@given(st.lists(st.frozensets(st.integers(0, 9), min_size=1), min_size=1, max_size=8))
def test_merging_lowers_the_cost_to_a_local_minimum(sets: list[frozenset[int]]) -> None:
    groups = merge_overlapping(sets)
    assert sorted(k for group in groups for k in group) == list(range(len(sets)))
    unions = [frozenset().union(*(sets[k] for k in group)) for group in groups]
    assert sum(len(u) ** 3 for u in unions) <= sum(len(s) ** 3 for s in sets)
    for i, a in enumerate(unions):
        for b in unions[:i]:
            assert len(a) ** 3 + len(b) ** 3 <= len(a | b) ** 3


@pytest.mark.parametrize(
    ("matrix", "dd", "sdd"),
    [
        ([[2, 1, -1], [1, 3, 1], [-1, 1, 2]], True, True),
        ([[1, 2, 0], [2, 5, 0], [0, 0, 1]], False, True),
        ([[1, 0.9, 0.9], [0.9, 1, 0.9], [0.9, 0.9, 1]], False, False),
    ],
)
def test_quadratic_forms_in_the_cones(matrix: list[list[float]], dd: bool, sdd: bool) -> None:
    problem = po.minimize(po.quadratic(np.array(matrix)))
    relaxation = po.putinar(problem, 1)
    assert relaxation.solve().bound == pytest.approx(0.0, abs=1e-6)
    for refinement, member in (
        (po.DiagonallyDominant(), dd),
        (po.ScaledDiagonallyDominant(), sdd),
    ):
        bound = relaxation.refine(refinement).solve().bound
        assert bound == (pytest.approx(0.0, abs=1e-6) if member else -np.inf)


def test_cones_are_nested_on_a_constrained_problem() -> None:
    x = po.variables("x", 3)
    f = x[0] * x[1] - 2 * x[1] * x[2] + x[0] * x[2] + x[0] ** 2 * x[1]
    problem = po.minimize(f, subject_to=[1 - v**2 >= 0 for v in x])
    relaxation = po.putinar(problem, 2)
    bounds = [
        relaxation.refine(po.DiagonallyDominant()).solve().bound,
        relaxation.refine(po.ScaledDiagonallyDominant()).solve().bound,
        relaxation.solve().bound,
    ]
    assert np.isfinite(bounds).all()
    assert bounds[0] <= bounds[1] + 1e-6
    assert bounds[1] <= bounds[2] + 1e-6


def test_diagonally_dominant_multipliers_name_their_squares() -> None:
    x = po.variables("x", 2)
    problem = po.minimize(x[0] * x[1], subject_to=[2 - x[0] ** 2 - x[1] ** 2 >= 0])
    refined = po.putinar(problem, 2).refine(po.DiagonallyDominant())
    for m in refined.multipliers:
        if m.square is not None:
            expected = m.square * m.square
            for factor in m.factors:
                expected = expected * problem.inequalities[factor.number]
            assert m.polynomial.equals(expected)
    assert sum(m.square is not None for m in refined.multipliers) == 30 + 6


def test_normal_forms_agree_with_values_on_points() -> None:
    rules = np.array([KEEP, IDEMPOTENT, INVOLUTORY], dtype=np.int8)
    rows = monomials.all_monomials(np.arange(3), 5)
    reduced = reduce_rows(rows, rules)
    points = np.array(list(product([0.0, 2.0, -3.0], [0.0, 1.0], [-1.0, 1.0])))
    for k in range(len(rows)):
        before = np.prod(points ** monomials.to_exponents(rows[k : k + 1], 3), axis=1)
        after = np.prod(points ** monomials.to_exponents(reduced[k : k + 1], 3), axis=1)
        assert (before == after).all()
    assert monomials.to_exponents(reduced, 3)[:, 1:].max() == 1
