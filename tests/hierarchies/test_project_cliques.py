"""Projected cliques against order 2, exact minima and published values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import polyopt as po
from polyopt.relaxation.multiplier import Cone


def _network() -> tuple[po.PolynomialProblem, dict[str, Any]]:
    """A ReLU network of 3 neurons; its Lipschitz constant on a box, with pre-activations z."""
    A = np.array([[1.0, 2.0], [-1.0, 1.0], [1.0, -1.0]])
    b, c, radius = np.array([0.1, -0.2, 0.3]), np.array([1.0, -1.0, 2.0]), 0.15
    reach = radius * np.abs(A).sum(axis=1)
    names = po.variables("x0 x1 u0 u1 u2 z0 z1 z2 t0 t1")
    x, u, z, t = names[:2], names[2:5], names[5:8], names[8:]
    constraints = []
    for j in range(3):
        low, high = float(b[j] - reach[j]), float(b[j] + reach[j])
        constraints += [
            u[j] ** 2 == u[j],
            (u[j] - 0.5) * z[j] >= 0,
            (z[j] - low) * (high - z[j]) >= 0,
            high * u[j] - z[j] >= 0,
            z[j] - low * (1 - u[j]) >= 0,
        ]
    for v, size in ((x[0], radius), (x[1], radius), (t[0], 1.0), (t[1], 1.0)):
        constraints += [v + size >= 0, size - v >= 0]
    dense = [z[j] == A[j, 0] * x[0] + A[j, 1] * x[1] + b[j] for j in range(3)]
    f = po.sum_polynomials(A[j, i] * c[j] * t[i] * u[j] for i in range(2) for j in range(3))
    problem = po.maximize(f, subject_to=[*constraints, *dense])
    choice: dict[str, Any] = {
        "cliques": [(2, 5), (3, 6), (4, 7), (0, 8), (1, 9)],
        "dense": [("equality", 3 + j) for j in range(3)],
    }
    return problem, choice


def test_network() -> None:
    problem, choice = _network()
    relaxation = po.nearly_sparse(problem, 2, **choice)
    projected = relaxation.refine(po.ProjectCliques())
    assert projected.notes[-1] == "5 of 5 cliques projected to order 1"
    blocks = [m for m in projected.multipliers if m.effective_cone is Cone.PSD]
    assert [len(m.basis) for m in blocks] == [11]
    result = projected.solve(solver="clarabel")
    # Five inequalities per neuron and McCormick for (x_i, t_i); computed with another program.
    assert result.bound == pytest.approx(5.94299, abs=1e-4)
    assert relaxation.solve().bound == pytest.approx(result.bound, abs=1e-4)
    proof = result.prove()
    assert 5.0 <= result.bound - 1e-6 <= proof.bound <= result.bound + 1e-4
    # The squares of the dense equalities are hard for it; what it proves is a bound all the same.
    low_rank = projected.solve(solver="lowrank")
    assert result.bound - 1e-6 <= low_rank.prove().bound <= 5.969


def _quadratic(v: list[po.Polynomial], rng: np.random.Generator) -> po.Polynomial:
    a = rng.integers(-4, 5, size=5) / 2
    x, y = v
    return po.sum_polynomials(c * m for c, m in zip(a, (x, y, x**2, x * y, y**2), strict=True))


def _least_on_interval(c: np.ndarray, low: float, high: float) -> float:
    """Least value of c0 + c1 z + c2 z²."""
    points = [low, high]
    if c[2] > 0:
        points.append(float(np.clip(-c[1] / (2 * c[2]), low, high)))
    return min(float(c[0] + c[1] * z + c[2] * z * z) for z in points)


def _slice(f: po.Polynomial, x: float) -> np.ndarray:
    """Coefficients of f(x, ·) in the second variable."""
    values = [float(f([x, z])) for z in (-1.0, 0.0, 1.0)]
    half = (values[2] - values[0]) / 2
    return np.array([values[1], half, values[2] - values[1] - half])


def _box(v: po.Polynomial, low: float, high: float) -> list[po.Relation]:
    return [v - low >= 0, high - v >= 0]


@pytest.mark.parametrize("seed", range(6))
def test_two_intervals_give_the_minimum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = po.variables("x y")
    f = _quadratic([x, y], rng)
    problem = po.minimize(f, subject_to=[*_box(x, -1, 0.5), *_box(y, 0.25, 2)])
    relaxation = po.nearly_sparse(problem, 2, cliques=[(0, 1)], split_first_order=False)
    projected = relaxation.refine(po.ProjectCliques())
    assert [len(m.basis) for m in projected.multipliers if m.cone is Cone.PSD] == [3]
    result = projected.solve(solver="clarabel")
    grid = np.linspace(-1, 0.5, 3001)
    least = min(_least_on_interval(_slice(f, float(a)), 0.25, 2.0) for a in grid)
    assert least - 1e-5 <= result.bound <= least + 1e-6
    assert relaxation.solve().bound <= result.bound + 1e-6
    proof = result.prove()
    assert result.bound - 1e-5 <= proof.bound <= least
    low_rank = projected.solve(solver="lowrank", tolerance=1e-6)
    assert low_rank.bound == pytest.approx(result.bound, abs=1e-4)
    assert low_rank.prove().bound <= least


@pytest.mark.parametrize("two_values", [(0.0, 1.0), (-1.0, 1.0)])
@pytest.mark.parametrize("signs", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_two_values_and_an_interval_give_the_minimum(
    seed: int, signs: bool, two_values: tuple[float, float]
) -> None:
    rng = np.random.default_rng(100 + seed)
    u, z = po.variables("u z")
    f = _quadratic([u, z], rng)
    first, second = two_values
    share = (u - first) / (second - first)
    constraints = [u**2 == (u if first == 0 else 1), *_box(z, -0.75, 1.5)]
    intervals = {first: (-0.75, 1.5), second: (-0.75, 1.5)}
    if signs:
        constraints += [1.5 * share - z >= 0, z + 0.75 * (1 - share) >= 0]
        intervals = {first: (-0.75, 0.0), second: (0.0, 1.5)}
    problem = po.minimize(f, subject_to=constraints)
    projected = po.nearly_sparse(problem, 2, cliques=[(0, 1)]).refine(po.ProjectCliques())
    assert projected.notes[-1] == "1 of 1 cliques projected to order 1"
    result = projected.solve(solver="clarabel")
    least = min(_least_on_interval(_slice(f, a), *ends) for a, ends in intervals.items())
    assert result.bound == pytest.approx(least, abs=1e-6)
    assert least - 1e-5 <= result.prove().bound <= least
    low_rank = projected.solve(solver="lowrank", tolerance=1e-6)
    assert low_rank.bound == pytest.approx(least, abs=1e-4)
    assert low_rank.prove().bound <= least


@pytest.mark.parametrize("seed", range(3))
def test_with_dense_constraints_equal_to_order_two_with_products(seed: int) -> None:
    """Order 2 has the products only where the problem states them (Putinar, no preordering)."""
    rng = np.random.default_rng(200 + seed)
    v = po.variables("v", 8)
    pairs = [(0, 1), (2, 3), (4, 5), (6, 7)]
    parts = [_quadratic([v[i], v[j]], rng) for i, j in pairs]
    links = [float(rng.normal()) * v[i] * v[i + 2] for i in range(6)]
    f = po.sum_polynomials([*parts, *links])
    binary = [v[i] ** 2 == v[i] for i in (0, 2)]
    bounds = [relation for w in v[4:] for relation in _box(w, 0, 1)]
    bounds += [relation for w in (v[1], v[3]) for relation in _box(w, -1, 1)]
    squares = [(1 - w) * (1 + w) >= 0 for w in (v[1], v[3])]
    products = [
        a * b >= 0 for i, j in pairs[2:] for a in (v[i], 1 - v[i]) for b in (v[j], 1 - v[j])
    ]
    products += [w * (1 - w) >= 0 for w in v[4:]]
    total = sum(v) == 2
    choice: dict[str, Any] = {"cliques": pairs, "dense": [("equality", 2)]}
    full = po.minimize(f, subject_to=[*binary, total, *bounds, *squares, *products])
    plain = po.minimize(f, subject_to=[*binary, total, *bounds])
    projected = po.nearly_sparse(plain, 2, **choice).refine(po.ProjectCliques())
    result = projected.solve(solver="clarabel")
    assert result.bound == pytest.approx(
        po.nearly_sparse(full, 2, **choice).solve().bound, rel=1e-5
    )
    assert po.nearly_sparse(plain, 2, **choice).solve().bound <= result.bound + 1e-4
    assert result.prove().bound == pytest.approx(result.bound, rel=1e-5)


def test_two_binaries() -> None:
    u, v = po.variables("u v")
    problem = po.minimize(u + v - 3 * u * v + 0.5, subject_to=[u**2 == u, v**2 == v])
    projected = po.nearly_sparse(problem, 2, cliques=[(0, 1)]).refine(po.ProjectCliques())
    assert sum(m.square is not None for m in projected.multipliers) == 4
    result = projected.solve()
    assert result.bound == pytest.approx(-0.5, abs=1e-7)
    assert -0.5 - 1e-6 <= result.prove().bound <= -0.5


def test_unknown_cliques_stay_and_the_note_says_what_to_add() -> None:
    x = po.variables("x", 7)
    constraints = [*(r for w in x[:2] for r in _box(w, 0, 1)), *(w**2 <= 4 for w in x[2:4])]
    constraints += [x[4] ** 2 == x[4], (x[4] - 0.5) * x[5] >= 0, (x[5] + 1) * (2 - x[5]) >= 0]
    constraints += [*_box(x[6], 0, 1)]
    f = x[0] * x[1] - x[2] * x[3] + x[4] * x[5] + (x[6] - 0.5) ** 4
    problem = po.minimize(f, subject_to=constraints)
    relaxation = po.nearly_sparse(problem, 2, cliques=[(0, 1), (2, 3), (4, 5), (6,)])
    projected = relaxation.refine(po.ProjectCliques())
    kept, done = projected.notes[-2:]
    assert done == "1 of 4 cliques projected to order 1"
    assert "{x2, x3}: add the linear bounds 2 + x2 >= 0 and 2 - x2 >= 0" in kept
    assert "{x4, x5}: add the linear bounds 1 - x4 + x5 >= 0 and 2*x4 - x5 >= 0" in kept
    assert "{x6}: the objective has a monomial of degree above 2 in it" in kept
    result = projected.solve(solver="scs")
    assert result.bound == pytest.approx(-4.0, abs=1e-4)
    assert -4.01 <= result.prove().bound <= -4.0


def test_shared_interval_variables_are_noted_and_the_bound_is_valid() -> None:
    x = po.variables("x", 3)
    f = x[0] * x[1] - x[1] ** 2 + x[1] * x[2] - 0.5 * x[0] * x[2]
    problem = po.minimize(f, subject_to=[r for w in x for r in _box(w, -1, 1)])
    relaxation = po.nearly_sparse(problem, 2, cliques=[(0, 1), (1, 2)])
    projected = relaxation.refine(po.ProjectCliques())
    assert projected.notes[-2].startswith("1 interval variables lie in several cliques")
    points = np.stack(np.meshgrid(*[np.linspace(-1, 1, 21)] * 3), axis=-1).reshape(-1, 3)
    assert projected.solve().prove().bound <= float(np.min(f(points)))


def test_a_cubic_constraint_keeps_its_clique() -> None:
    x, y = po.variables("x y")
    problem = po.minimize(x * y + y, subject_to=[*_box(x, -1, 1), *_box(y, -1, 1), x**3 >= 0.125])
    relaxation = po.nearly_sparse(problem, 2, cliques=[(0, 1)])
    projected = relaxation.refine(po.ProjectCliques())
    assert "inequality 4 is no interval of a variable" in projected.notes[-2]
    assert projected.multipliers == relaxation.multipliers


def test_order_two_is_needed() -> None:
    x = po.variables("x", 2)
    problem = po.minimize(x[0] * x[1], subject_to=[w**2 <= 1 for w in x])
    with pytest.raises(po.PolyoptError, match="has order 1; cliques are projected from order 2"):
        po.nearly_sparse(problem, 1).refine(po.ProjectCliques())
