"""Chains of small cliques with one or a few dense constraints.

Order 2 with constant multipliers of the dense constraints (Chen, Lasserre, Magron, Pauwels,
NeurIPS 2020) is exact for them: the answers come with a proof that such a certificate exists.
"""

from __future__ import annotations

import numpy as np

from polyopt.polynomial.arrays import variables as generators
from polyopt.problem import PolynomialProblem
from polyopt.problems.named_problem import NamedProblem, known_problem, require_size
from polyopt.problems.scalable import broyden_tridiagonal_polynomial, rosenbrock_polynomial
from polyopt.problems.templates import copies, linear_sum, names, squared_norm, windows

_TAGS = ("nearly sparse",)


@known_problem("nearly_sparse")
def double_well_budget(n: int = 10) -> NamedProblem:
    """``Σ (x_i² - 1/2)²`` with ``Σ x_i >= 5n/6``: optimum n (7/36)².

    Beyond t = 1/√2 the univariate term equals its convex envelope, so equal shares are optimal
    and the tangent is the multiplier.
    """
    size = require_size("double_well_budget", n, 2)
    v = names(size)
    mean = 5.0 / 6.0
    return NamedProblem(
        PolynomialProblem(
            copies(lambda y: (y[0] ** 2 - 0.5) ** 2, windows(size, 1), v),
            [linear_sum(v) - size * mean],
            variables=v,
        ),
        source="elementary: convex envelope and Jensen's inequality",
        optimum=size * (mean**2 - 0.5) ** 2,
        minimizers=np.full((1, size), mean),
        tags=_TAGS,
        exact_order=2,
        box=(-2.0, 2.0),
    )


@known_problem("nearly_sparse")
def quartic_simplex(n: int = 10) -> NamedProblem:
    """``Σ x_i⁴`` on the dense hyperplane ``Σ x_i = 1``: optimum 1/n³."""
    size = require_size("quartic_simplex", n, 2)
    v = names(size)
    return NamedProblem(
        PolynomialProblem(
            copies(lambda y: y[0] ** 4, windows(size, 1), v),
            equalities=[linear_sum(v) - 1],
            variables=v,
        ),
        source="elementary: Jensen's inequality",
        optimum=float(size) ** -3,
        minimizers=np.full((1, size), 1.0 / size),
        tags=_TAGS,
        exact_order=2,
        box=(-1.0, 1.0),
    )


@known_problem("nearly_sparse")
def rosenbrock_dense_ball(n: int = 10) -> NamedProblem:
    """Rosenbrock function on the ball of radius √n, whose boundary has the minimiser on it."""
    size = require_size("rosenbrock_dense_ball", n, 2)
    v = names(size)
    return NamedProblem(
        PolynomialProblem(rosenbrock_polynomial(v), [float(size) - squared_norm(v)], variables=v),
        source="elementary: the unconstrained minimiser is feasible",
        optimum=1.0,
        minimizers=np.ones((1, size)),
        tags=_TAGS,
        exact_order=2,
    )


@known_problem("nearly_sparse")
def broyden_budget(n: int = 10) -> NamedProblem:
    """Broyden tridiagonal function with ``Σ x_i <= 0`` and ``|x|² <= n``: optimum 0."""
    size = require_size("broyden_budget", n, 3)
    v = names(size)
    return NamedProblem(
        PolynomialProblem(
            broyden_tridiagonal_polynomial(v),
            [-linear_sum(v), float(size) - squared_norm(v)],
            variables=v,
        ),
        source="elementary: the unconstrained minimiser, in [-1, 0]^n, is feasible",
        optimum=0.0,
        tags=_TAGS,
        exact_order=2,
    )


@known_problem("nearly_sparse")
def box_chain_budget(n: int = 8) -> NamedProblem:
    """``-Σ x_i x_{i+1}`` on [-1, 1]^n with ``Σ x_i <= n``: optimum -(n - 1)."""
    size = require_size("box_chain_budget", n, 2)
    v = names(size)
    return NamedProblem(
        PolynomialProblem(
            -copies(lambda y: y[0] * y[1], windows(size, 2), v),
            [*(1 - t**2 for t in generators("x", size)), float(size) - linear_sum(v)],
            variables=v,
        ),
        source="elementary: 1 - x y = ((x - y)² + (1 - x²) + (1 - y²)) / 2",
        optimum=float(1 - size),
        minimizers=[np.ones(size), -np.ones(size)],
        tags=_TAGS,
        exact_order=2,
    )
