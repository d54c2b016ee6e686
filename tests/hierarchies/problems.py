"""Problems with known values used by the tests of the hierarchies."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import numpy as np

import polyopt as po


def rosenbrock_on_balls(n: int) -> po.PolynomialProblem:
    """Generalised Rosenbrock with a unit ball on each block of 20 variables."""
    x = po.variables("x", n)
    f = po.sum_polynomials(
        [1.0, *(100 * (x[i] - x[i - 1] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(1, n))]
    )
    return po.minimize(f, subject_to=_balls(x))


def broyden_on_balls(n: int) -> po.PolynomialProblem:
    """Broyden tridiagonal with the same balls."""
    x = po.variables("x", n)
    padded = [0.0, *x, 0.0]
    f = po.sum_polynomials(
        ((3 - 2 * x[i]) * x[i] - padded[i] - 2 * padded[i + 2] + 1) ** 2 for i in range(n)
    )
    return po.minimize(f, subject_to=_balls(x))


def _balls(x: list[po.Polynomial]) -> list[object]:
    return [1 - po.sum_polynomials(v**2 for v in x[k : k + 20]) >= 0 for k in range(0, len(x), 20)]


def six_variables() -> po.PolynomialProblem:
    """The example of CS-TSSOS with optimum 0.5042475."""
    x = [None, *po.variables(" ".join(f"x{i}" for i in range(1, 7)))]
    triples = [(1, 2, 3), (3, 4, 5), (3, 4, 6), (3, 5, 6), (4, 5, 6)]
    terms = [x[i] ** 4 for i in range(1, 7)] + [x[i] * x[j] * x[k] for i, j, k in triples]
    return po.minimize(1 + po.sum_polynomials(terms))


def max_cut(edges: Iterable[tuple[int, int]], n: int) -> po.PolynomialProblem:
    """Maximum cut with unit weights on x in {-1, 1}^n."""
    x = po.variables("x", n)
    cut = po.sum_polynomials((1 - x[i] * x[j]) / 2 for i, j in edges)
    return po.maximize(cut, subject_to=[v**2 == 1 for v in x])


def best_point(problem: po.PolynomialProblem, values: Iterable[float]) -> float:
    """Optimum over a grid of points that satisfy the constraints, by enumeration."""
    points = np.array(list(product(list(values), repeat=problem.number_of_variables)))
    feasible = points[problem.violation(points) <= 1e-12]
    found = problem.evaluate(feasible)
    return float(found.min() if problem.sense == "min" else found.max())


def block_sizes(relaxation: po.Relaxation, *, constraints: bool = False) -> dict[int, int]:
    """Sizes of the PSD blocks with polynomial 1 (or of the localisers), 1×1 included."""
    sizes: dict[int, int] = {}
    for m in relaxation.multipliers:
        if bool(m.factors) is constraints and m.cone is not po.Cone.FREE:
            scalar = m.cone is po.Cone.NONNEGATIVE
            size, count = (1, m.basis.size) if scalar else (m.basis.size, 1)
            sizes[size] = sizes.get(size, 0) + count
    return sizes
