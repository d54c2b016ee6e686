"""Small problems with matrix inequalities, and what they are compared with."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

import polyopt as po
from polyopt.polynomial.monomials import to_exponents

X, Y, Z = po.variables("x y z")


def disc_matrix() -> po.PolynomialProblem:
    """``xy - x`` on the unit disc, as a quadratic matrix inequality."""
    matrix = [[1 - X**2, X * Y], [X * Y, 1 - Y**2]]
    return po.minimize(X * Y - X, subject_to=[po.psd(matrix)], variables=[X, Y])


def mixed() -> po.PolynomialProblem:
    """A matrix inequality, a second-order cone, an inequality and an equality."""
    matrix = [[2 - X**2, X * Y, 0.5], [X * Y, 2 - Y**2, Z], [0.5, Z, 2 - Z**2]]
    return po.minimize(
        X**2 * Y - Z + X * Y * Z,
        subject_to=[po.psd(matrix), po.soc(1 + Z / 4, [X, Y - Z]), X >= -0.5, X + Y == 0.25],
    )


def chain() -> po.PolynomialProblem:
    """Four variables, a matrix inequality on each pair of neighbours."""
    v = po.variables("v", 4)
    f = po.sum_polynomials(v[i] * v[i + 1] - v[i] ** 2 + v[i] for i in range(3))
    balls = [po.psd([[1 - a**2, a * b], [a * b, 1 - b**2]]) for a, b in pairwise(v)]
    return po.minimize(f, subject_to=balls)


def grid_minimum(problem: po.PolynomialProblem, radius: float, number: int) -> float:
    """Smallest value at the feasible points of a grid."""
    axis = np.linspace(-radius, radius, number)
    n = problem.number_of_variables
    points = np.stack(np.meshgrid(*[axis] * n), axis=-1).reshape(-1, n)
    values = problem.evaluate(points)[problem.violation(points) <= 1e-12]
    return float(values.min())


def moments_of(point: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Values of monomials at a point."""
    exponents = to_exponents(rows, len(point))
    return np.prod(point[None] ** exponents, axis=1)


def random_problem(seed: int) -> po.PolynomialProblem:
    """A quadratic matrix inequality with 0 inside, within a disc."""
    rng = np.random.default_rng(seed)
    monomials = [X, Y, X**2, X * Y, Y**2]
    side = int(rng.integers(2, 4))
    root = rng.normal(size=(side, side))
    constant = root @ root.T + 0.2 * np.eye(side)
    table = [[po.Polynomial.constant(constant[i, j], ["x", "y"]) for j in range(side)]
             for i in range(side)]  # fmt: skip
    for monomial in monomials:
        part = rng.normal(size=(side, side))
        for i in range(side):
            for j in range(side):
                table[i][j] = table[i][j] + float(part[min(i, j), max(i, j)]) * monomial
    f = po.sum_polynomials(float(c) * m for c, m in zip(rng.normal(size=5), monomials, strict=True))
    return po.minimize(f, subject_to=[po.psd(table), po.soc(1.5, [X, Y])], variables=[X, Y])
