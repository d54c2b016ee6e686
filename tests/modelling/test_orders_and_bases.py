"""Orders of single cliques and constraints, and bases of dense constraints."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

import polyopt as po
from polyopt.errors import RelaxationError, SparsityError


def chain() -> po.PolynomialProblem:
    x = po.variables("x", 4)
    f = sum((x[i] * x[i + 1] - 0.5) * (x[i] - x[i + 1]) for i in range(3))
    return po.minimize(f, subject_to=[v**2 <= 1 for v in x])


def test_equal_orders_are_the_plain_relaxation() -> None:
    problem = chain()
    plain = po.putinar(problem, 2, sparsity="correlative")
    same = po.putinar(problem, 2, sparsity="correlative", orders={0: 2, ("inequality", 1): 2})
    assert same.plan == plain.plan
    assert same.solve().bound == pytest.approx(plain.solve().bound, abs=1e-6)


def test_bounds_grow_with_single_orders() -> None:
    problem = chain()
    two = po.putinar(problem, 2, sparsity="correlative")
    mixed = po.putinar(problem, 2, sparsity="correlative", orders={1: 3})
    three = po.putinar(problem, 3, sparsity="correlative")
    assert two.plan.largest_block < mixed.plan.largest_block == three.plan.largest_block
    assert mixed.order == 2
    values = [r.solve().bound for r in (two, mixed, three)]
    assert values[0] - 1e-6 <= values[1] <= values[2] + 1e-6
    side = np.linspace(-1, 1, 21)
    grid = np.stack(np.meshgrid(*[side] * 4), axis=-1).reshape(-1, 4)
    assert mixed.solve().prove().bound <= float(problem.evaluate(grid).min())


def test_a_clique_of_order_one_beside_one_of_order_two() -> None:
    x, y, z = po.variables("x y z")
    f = x**4 - x * y + y * z
    problem = po.minimize(f, subject_to=[x**2 <= 1, y**2 <= 1, z**2 <= 1])
    relaxation = po.putinar(problem, 1, cliques=[[0, 1], [1, 2]], orders={0: 2})
    assert relaxation.order == 1
    result = relaxation.solve()
    whole = po.putinar(problem, 2).solve().bound
    assert result.bound <= whole + 1e-6
    assert result.prove().bound == pytest.approx(result.bound, abs=1e-5)
    with pytest.raises(RelaxationError, match="order 1 is too low"):
        po.putinar(problem, 1, cliques=[[0, 1], [1, 2]])


def test_bad_orders() -> None:
    problem = chain()
    with pytest.raises(RelaxationError, match="there are 3 cliques"):
        po.putinar(problem, 2, sparsity="correlative", orders={7: 2})
    with pytest.raises(RelaxationError, match="positive integer"):
        po.putinar(problem, 2, sparsity="correlative", orders={0: 0})
    x, y = po.variables("x y")
    steep = po.minimize(x * y, subject_to=[x**4 <= 1, y**2 <= 1])
    with pytest.raises(RelaxationError, match="too low for inequality 0"):
        po.putinar(steep, 2, orders={("inequality", 0): 1})


def star(
    bases: dict[object, Iterable[po.Polynomial]] | None = None,
) -> tuple[po.PolynomialProblem, po.Relaxation]:
    x = po.variables("x", 5)
    f = sum(x[0] * v - v**2 * x[0] for v in x[1:]) + x[0] ** 3
    constraints = [*(v**2 <= 1 for v in x), sum(x) >= 1]
    problem = po.minimize(f, subject_to=constraints)
    cliques = [[0, i] for i in range(1, 5)]
    return problem, po.nearly_sparse(problem, 2, cliques=cliques, dense=[5], dense_bases=bases)


def test_a_basis_for_a_dense_constraint_helps() -> None:
    x0 = po.variables("x", 5)[0]
    problem, plain = star()
    _, richer = star({5: [x0]})
    weak, strong = plain.solve().bound, richer.solve()
    assert strong.bound > weak + 1e-2
    side = np.linspace(-1, 1, 11)
    grid = np.stack(np.meshgrid(*[side] * 5), axis=-1).reshape(-1, 5)
    feasible = grid[problem.violation(grid) <= 0]
    assert strong.prove().bound <= float(problem.evaluate(feasible).min())


def test_bad_bases() -> None:
    x = po.variables("x", 5)
    with pytest.raises(SparsityError, match="not dense here"):
        star({0: [x[0]]})
    with pytest.raises(RelaxationError, match="not a monomial"):
        star({5: [x[0] + x[1]]})
    with pytest.raises(SparsityError, match="does not exist"):
        star({9: [x[0]]})
