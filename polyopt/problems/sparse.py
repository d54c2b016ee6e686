"""Constrained problems with correlative sparsity.

References
----------
- J. Wang, V. Magron, J. B. Lasserre, N. H. A. Mai. CS-TSSOS: correlative and term
  sparsity for large-scale polynomial optimization. ACM Trans. Math. Softw. 48 (2022), section 6.
- J. Nie. Sum of squares method for sensor network localization. Comput. Optim. Appl. 43
  (2009).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from polyopt.polynomial import Polynomial, Variables, sum_polynomials
from polyopt.polynomial.arrays import variables as generators
from polyopt.problem import PolynomialProblem
from polyopt.problems.named_problem import KnownBound, NamedProblem, known_problem, require_size
from polyopt.problems.scalable import (
    broyden_tridiagonal_polynomial,
    chained_wood_polynomial,
    rosenbrock_polynomial,
)
from polyopt.problems.templates import box_constraints, copies, names, squared_norm, windows

_BLOCK = 20


def _with_balls(polynomial: Callable[[Variables], Polynomial], n: int) -> PolynomialProblem:
    """Add one unit ball for each consecutive block of 20 variables."""
    v = names(n)
    balls = [1 - squared_norm(v, range(start, start + _BLOCK)) for start in range(0, n, _BLOCK)]
    return PolynomialProblem(polynomial(v), balls, variables=v)


@known_problem("sparse")
def rosenbrock_balls(n: int = 40) -> NamedProblem:
    """Rosenbrock function with a unit ball for each block of 20 variables."""
    size = require_size("rosenbrock_balls", n, _BLOCK, _BLOCK)
    known = {40: 38.0514}
    return NamedProblem(
        _with_balls(rosenbrock_polynomial, size),
        source="Wang, Magron, Lasserre, Mai, ACM Trans. Math. Softw. 48 (2022); value of the "
        "sparse order 2, which local search attains",
        optimum=known.get(size),
        accuracy=1e-5,
        tags=("sparse", "balls"),
    )


@known_problem("sparse")
def broyden_tridiagonal_balls(n: int = 40) -> NamedProblem:
    """Broyden tridiagonal function with a unit ball for each block of 20 variables."""
    size = require_size("broyden_tridiagonal_balls", n, _BLOCK, _BLOCK)
    known = {40: 31.233529, 100: 79.833548, 1000: 808.833533}
    return NamedProblem(
        _with_balls(broyden_tridiagonal_polynomial, size),
        source="Wang, Magron, Lasserre, Mai, ACM Trans. Math. Softw. 48 (2022), order 2",
        optimum=known.get(size),
        accuracy=1e-5,
        tags=("sparse", "balls"),
    )


@known_problem("sparse")
def chained_wood_balls(n: int = 40) -> NamedProblem:
    """Chained Wood function with a unit ball for each block of 20 variables."""
    size = require_size("chained_wood_balls", n, _BLOCK, _BLOCK)
    known = {40: 574.51168, 100: 1485.75868}
    return NamedProblem(
        _with_balls(chained_wood_polynomial, size),
        source="Wang, Magron, Lasserre, Mai, ACM Trans. Math. Softw. 48 (2022), order 2",
        optimum=known.get(size),
        accuracy=1e-5,
        tags=("sparse", "balls"),
    )


@known_problem("sparse")
def sensor_network(sensors: int = 6, seed: int = 0) -> NamedProblem:
    """Sensors in the unit square from exact distances: a sum of squares that vanishes.

    Each sensor measures the distance to the next two along a chain and to its two nearest of the
    four anchors (0.2 or 0.8, 0.2 or 0.8), which fixes all positions.

    Parameters
    ----------
    sensors : int
        There are two variables each.
    seed : int
        Of the positions.
    """
    m = require_size("sensor_network", sensors, 3)
    position = np.random.default_rng(seed).uniform(0.05, 0.95, (m, 2))
    anchors = np.array([[0.2, 0.2], [0.2, 0.8], [0.8, 0.2], [0.8, 0.8]])
    v = names(2 * m)
    place = np.arange(2 * m).reshape(m, 2)

    def apart(y: list[Polynomial]) -> Polynomial:
        error: Polynomial = (y[0] - y[2]) ** 2 + (y[1] - y[3]) ** 2 - y[4]
        return error**2

    parts = []
    for gap in (1, 2):
        index = np.column_stack([place[:-gap], place[gap:]])
        measured = ((position[:-gap] - position[gap:]) ** 2).sum(axis=1)
        parts.append(copies(apart, index, v, measured))
    squares = ((position[:, None] - anchors) ** 2).sum(axis=2)
    for k in np.argsort(squares, axis=1, kind="stable")[:, :2].T:
        known = np.column_stack([anchors[k], squares[np.arange(m), k]])
        parts.append(copies(apart, place, v, known))
    x = generators("x", 2 * m)
    box = box_constraints(x, 0.0, 1.0)
    return NamedProblem(
        PolynomialProblem(sum_polynomials(parts), box, variables=v),
        source="after Nie, Comput. Optim. Appl. 43 (2009); positions random, distances exact",
        optimum=0.0,
        minimizers=position.reshape(1, -1),
        tags=("sparse", "random"),
        exact_order=2,
    )


@known_problem("sparse")
def bilinear_chain(n: int = 10) -> NamedProblem:
    """``min Σ x_i x_{i+1}`` on the box [-1, 1]^n: optimum -(n - 1) at alternating signs."""
    size = require_size("bilinear_chain", n, 2)
    v = names(size)
    point = np.where(np.arange(size) % 2 == 0, 1.0, -1.0)
    return NamedProblem(
        PolynomialProblem(
            copies(lambda y: y[0] * y[1], windows(size, 2), v),
            [1 - t**2 for t in generators("x", size)],
            variables=v,
        ),
        source="elementary; x y + 1 = ((x + y)² + (1 - x²) + (1 - y²)) / 2, so order 1 is exact",
        optimum=float(1 - size),
        minimizers=[point, -point],
        tags=("sparse", "bilinear"),
        exact_order=1,
    )


@known_problem("sparse")
def coupled_discs(n: int = 8) -> NamedProblem:
    """``min -Σ (x_i x_{i+1})`` with overlapping discs ``x_i² + x_{i+1}² <= 1``.

    Each term is at least -1/2 on its disc, attained by all at once.
    """
    size = require_size("coupled_discs", n, 2)
    v = names(size)
    x = generators("x", size)
    point = np.full(size, np.sqrt(0.5))
    return NamedProblem(
        PolynomialProblem(
            -copies(lambda y: y[0] * y[1], windows(size, 2), v),
            [1 - x[i] ** 2 - x[i + 1] ** 2 for i in range(size - 1)],
            variables=v,
        ),
        source="elementary; 1 - 2 x y = (x - y)² + (1 - x² - y²)",
        optimum=-0.5 * (size - 1),
        minimizers=[point, -point],
        tags=("sparse",),
        exact_order=1,
        bounds=[KnownBound(1, -0.5 * (size - 1), sparse=True)],
    )
