"""Unconstrained sparse problems of any size, mostly from the CUTE and Moré–Garbow–Hillstrom sets.

Most are sums of squares plus a constant, all are exact at the lowest order, and with correlative
sparsity too.

References
----------
- A. R. Conn, N. I. M. Gould, Ph. L. Toint. Testing a class of methods for solving
  minimization problems with simple bounds on the variables. Math. Comp. 50 (1988).
- J. J. Moré, B. S. Garbow, K. E. Hillstrom. Testing unconstrained optimization software.
  ACM Trans. Math. Softw. 7 (1981).
- H. Waki, S. Kim, M. Kojima, M. Muramatsu. Sums of squares and semidefinite program
  relaxations for polynomial optimization problems with structured sparsity. SIAM J. Optim. 17
  (2006), section 6.
- I. Bongartz, A. R. Conn, N. Gould, Ph. L. Toint. CUTE: constrained and unconstrained
  testing environment. ACM Trans. Math. Softw. 21 (1995).
"""

from __future__ import annotations

import numpy as np

from polyopt.polynomial import Polynomial, Variables, sum_polynomials
from polyopt.polynomial.arrays import variables as generators
from polyopt.problem import PolynomialProblem
from polyopt.problems.named_problem import NamedProblem, known_problem, require_size
from polyopt.problems.templates import copies, names, windows

_SPARSE = ("unconstrained", "sparse", "sum of squares")


def rosenbrock_polynomial(v: Variables) -> Polynomial:
    """Give ``1 + Σ (100 (x_i - x_{i-1}²)² + (1 - x_i)²)`` over i = 1, …, n-1."""
    chain = copies(lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[1]) ** 2, windows(len(v), 2), v)
    return sum_polynomials([chain, 1.0])


def broyden_tridiagonal_polynomial(v: Variables) -> Polynomial:
    """Give ``Σ ((3 - 2 x_i) x_i - x_{i-1} - 2 x_{i+1} + 1)²`` with ``x_{-1} = x_n = 0``."""
    n = len(v)
    inner = copies(lambda x: ((3 - 2 * x[1]) * x[1] - x[0] - 2 * x[2] + 1) ** 2, windows(n, 3), v)
    first = copies(lambda x: ((3 - 2 * x[0]) * x[0] - 2 * x[1] + 1) ** 2, [[0, 1]], v)
    last = copies(lambda x: ((3 - 2 * x[1]) * x[1] - x[0] + 1) ** 2, [[n - 2, n - 1]], v)
    return sum_polynomials([first, inner, last])


def chained_wood_polynomial(v: Variables) -> Polynomial:
    """Give the chained Wood function, ``1 +`` a sum over overlapping groups of four."""
    chain = copies(
        lambda x: (
            100 * (x[1] - x[0] ** 2) ** 2
            + (1 - x[0]) ** 2
            + 90 * (x[3] - x[2] ** 2) ** 2
            + (1 - x[2]) ** 2
            + 10 * (x[1] + x[3] - 2) ** 2
            + 0.1 * (x[1] - x[3]) ** 2
        ),
        windows(len(v), 4, 2),
        v,
    )
    return sum_polynomials([chain, 1.0])


@known_problem("scalable")
def rosenbrock(n: int = 10) -> NamedProblem:
    """Generalised Rosenbrock function; cliques {i, i+1}, optimum 1."""
    v = names(require_size("rosenbrock", n, 2))
    ones = np.ones((1, n))
    return NamedProblem(
        PolynomialProblem(rosenbrock_polynomial(v), variables=v),
        source="Waki, Kim, Kojima, Muramatsu, SIAM J. Optim. 17 (2006), after Moré, Garbow, "
        "Hillstrom, ACM Trans. Math. Softw. 7 (1981), no. 1",
        optimum=1.0,
        minimizers=ones,
        tags=_SPARSE,
        exact_order=2,
        box=(-2.0, 2.0),
    )


@known_problem("scalable")
def chained_singular(n: int = 8) -> NamedProblem:
    """Chained singular function with 10 (x_i - 10 x_{i+3})⁴: badly scaled on purpose.

    n is a multiple of 4. The minimiser 0 is degenerate.
    """
    v = names(require_size("chained_singular", n, 4, 4))
    objective = copies(
        lambda x: (
            (x[0] + 10 * x[1]) ** 2
            + 5 * (x[2] - x[3]) ** 2
            + (x[1] - 2 * x[2]) ** 4
            + 10 * (x[0] - 10 * x[3]) ** 4
        ),
        windows(n, 4, 2),
        v,
    )
    return NamedProblem(
        PolynomialProblem(objective, variables=v),
        source="Conn, Gould, Toint, Math. Comp. 50 (1988), with the last coefficient as in the "
        "sparse polynomial optimisation papers",
        optimum=0.0,
        minimizers=np.zeros((1, n)),
        tags=(*_SPARSE, "badly scaled"),
        exact_order=2,
        box=(-1.0, 1.0),
    )


@known_problem("scalable")
def chained_wood(n: int = 8) -> NamedProblem:
    """Chained Wood function, optimum 1; n is a multiple of 4."""
    v = names(require_size("chained_wood", n, 4, 4))
    return NamedProblem(
        PolynomialProblem(chained_wood_polynomial(v), variables=v),
        source="Conn, Gould, Toint, Math. Comp. 50 (1988); Waki, Kim, Kojima, Muramatsu, SIAM J."
        " Optim. 17 (2006)",
        optimum=1.0,
        minimizers=np.ones((1, n)),
        tags=_SPARSE,
        exact_order=2,
        box=(-2.0, 2.0),
    )


@known_problem("scalable")
def broyden_tridiagonal(n: int = 10) -> NamedProblem:
    """Broyden tridiagonal function; cliques {i, i+1, i+2}, optimum 0."""
    v = names(require_size("broyden_tridiagonal", n, 3))
    return NamedProblem(
        PolynomialProblem(broyden_tridiagonal_polynomial(v), variables=v),
        source="Moré, Garbow, Hillstrom, ACM Trans. Math. Softw. 7 (1981), no. 30; Waki, Kim, "
        "Kojima, Muramatsu, SIAM J. Optim. 17 (2006)",
        optimum=0.0,
        tags=_SPARSE,
        exact_order=2,
        box=(-2.0, 2.0),
    )


@known_problem("scalable")
def broyden_banded(n: int = 7) -> NamedProblem:
    """Broyden banded function of degree 6; cliques of 7 variables, optimum 0."""
    v = names(require_size("broyden_banded", n, 2))
    x = generators("x", n)

    def residual(own: int, others: range) -> Polynomial:
        return sum_polynomials(
            [x[own] * (2 + 5 * x[own] ** 2) + 1] + [-(1 + x[j]) * x[j] for j in others if j != own]
        )

    inner = [i for i in range(n) if i >= 5 and i <= n - 2]
    border = [i for i in range(n) if i < 5 or i > n - 2]
    parts = [residual(i, range(max(0, i - 5), min(n, i + 2))) ** 2 for i in border]
    if inner:
        index = np.asarray(inner)[:, None] + np.arange(-5, 2)[None, :]

        def template(y: list[Polynomial]) -> Polynomial:
            others = [-(1 + y[j]) * y[j] for j in range(7) if j != 5]
            return sum_polynomials([y[5] * (2 + 5 * y[5] ** 2) + 1, *others]) ** 2

        parts.append(copies(template, index, v))
    return NamedProblem(
        PolynomialProblem(sum_polynomials(parts), variables=v),
        source="Moré, Garbow, Hillstrom, ACM Trans. Math. Softw. 7 (1981), no. 31; Waki, Kim, "
        "Kojima, Muramatsu, SIAM J. Optim. 17 (2006)",
        optimum=0.0,
        tags=_SPARSE,
        exact_order=3,
        box=(-2.0, 2.0),
    )


@known_problem("scalable")
def discrete_boundary_value(n: int = 8) -> NamedProblem:
    """Discrete boundary value function of degree 6, a discretised ``u'' = (u + t + 1)³ / 2``."""
    v = names(require_size("discrete_boundary_value", n, 3))
    h = 1.0 / (n + 1)
    t = np.arange(1, n + 1) * h + 1.0

    def bend(u: Polynomial, shift: Polynomial) -> Polynomial:
        return sum_polynomials([2 * u, 0.5 * h**2 * (u + shift) ** 3])

    objective = sum_polynomials(
        [
            copies(lambda y: (bend(y[0], y[2]) - y[1]) ** 2, [[0, 1]], v, t[:1]),
            copies(lambda y: (bend(y[1], y[3]) - y[0] - y[2]) ** 2, windows(n, 3), v, t[1:-1]),
            copies(lambda y: (bend(y[1], y[2]) - y[0]) ** 2, [[n - 2, n - 1]], v, t[-1:]),
        ]
    )
    return NamedProblem(
        PolynomialProblem(objective, variables=v),
        source="Moré, Garbow, Hillstrom, ACM Trans. Math. Softw. 7 (1981), no. 28",
        optimum=0.0,
        tags=_SPARSE,
        exact_order=3,
        box=(-2.0, 2.0),
    )


@known_problem("scalable")
def quartic_chain(n: int = 10) -> NamedProblem:
    """``Σ (x_{i-1} + x_i + x_{i+1})⁴``; the minimum 0 is degenerate."""
    v = names(require_size("quartic_chain", n, 3))
    objective = copies(lambda x: (x[0] + x[1] + x[2]) ** 4, windows(n, 3), v)
    return NamedProblem(
        PolynomialProblem(objective, variables=v),
        source="elementary: a sum of fourth powers with a common zero",
        optimum=0.0,
        minimizers=np.zeros((1, n)),
        tags=(*_SPARSE, "degenerate"),
        exact_order=2,
        box=(-1.0, 1.0),
    )


@known_problem("scalable")
def dixon_price(n: int = 6) -> NamedProblem:
    """``(x_1 - 1)² + Σ i (2 x_i² - x_{i-1})²``, minimum 0 at ``x_i = ±2^(2^(1-i) - 1)``."""
    v = names(require_size("dixon_price", n, 2))
    factors = np.arange(2.0, n + 1.0)
    chain = copies(lambda x: x[2] * (2 * x[1] ** 2 - x[0]) ** 2, windows(n, 2), v, factors)
    first = copies(lambda x: (x[0] - 1) ** 2, [[0]], v)
    point = 2.0 ** (2.0 ** -np.arange(n, dtype=float) - 1.0)
    return NamedProblem(
        PolynomialProblem(chain + first, variables=v),
        source="L. C. W. Dixon, R. C. Price. The truncated Newton method for sparse "
        "unconstrained optimisation using automatic differentiation. J. Optim. Theory "
        "Appl. 60 (1989)",
        optimum=0.0,
        minimizers=point[None],
        tags=_SPARSE,
        exact_order=2,
        box=(-2.0, 2.0),
    )


@known_problem("scalable")
def styblinski_tang(n: int = 5) -> NamedProblem:
    """``½ Σ (x⁴ - 16 x² + 5 x)``: separable, with 2^n local minima."""
    v = names(require_size("styblinski_tang", n, 1))
    objective = copies(lambda x: (x[0] ** 4 - 16 * x[0] ** 2 + 5 * x[0]) / 2, windows(n, 1), v)
    # The most negative root of 4 t³ - 32 t + 5 is the minimiser.
    t = float(np.sort(np.roots([4.0, 0.0, -32.0, 5.0]).real)[0])
    return NamedProblem(
        PolynomialProblem(objective, variables=v),
        source="M. A. Styblinski, T.-S. Tang. Experiments in nonconvex optimization. Neural "
        "Networks 3 (1990); exact because univariate",
        optimum=n * (t**4 - 16 * t**2 + 5 * t) / 2,
        minimizers=np.full((1, n), t),
        tags=("unconstrained", "sparse"),
        exact_order=2,
        box=(-5.0, 5.0),
    )


@known_problem("scalable")
def arrow_quartic(n: int = 10) -> NamedProblem:
    """``Σ (x_i² + x_n²)² - 4 x_i + 3`` (ARWHEAD): one variable meets all others."""
    v = names(require_size("arrow_quartic", n, 2))
    index = np.column_stack([np.arange(n - 1), np.full(n - 1, n - 1)])
    objective = copies(lambda x: (x[0] ** 2 + x[1] ** 2) ** 2 - 4 * x[0] + 3, index, v)
    point = np.ones(n)
    point[-1] = 0.0
    return NamedProblem(
        PolynomialProblem(objective, variables=v),
        source="Bongartz, Conn, Gould, Toint, ACM Trans. Math. Softw. 21 (1995), ARWHEAD",
        optimum=0.0,
        minimizers=point[None],
        tags=("unconstrained", "sparse"),
        exact_order=2,
        box=(-2.0, 2.0),
    )


@known_problem("scalable")
def liarwhd(n: int = 10) -> NamedProblem:
    """``Σ 4 (x_i² - x_1)² + (x_i - 1)²`` (LIARWHD): an arrow of squares."""
    v = names(require_size("liarwhd", n, 2))
    index = np.column_stack([np.arange(1, n), np.zeros(n - 1, dtype=int)])
    objective = copies(lambda x: 4 * (x[0] ** 2 - x[1]) ** 2 + (x[0] - 1) ** 2, index, v)
    own = copies(lambda x: 4 * (x[0] ** 2 - x[0]) ** 2 + (x[0] - 1) ** 2, [[0]], v)
    return NamedProblem(
        PolynomialProblem(objective + own, variables=v),
        source="Bongartz, Conn, Gould, Toint, ACM Trans. Math. Softw. 21 (1995), LIARWHD",
        optimum=0.0,
        minimizers=np.ones((1, n)),
        tags=_SPARSE,
        exact_order=2,
        box=(-2.0, 2.0),
    )


@known_problem("scalable")
def nondquar(n: int = 8) -> NamedProblem:
    """``(x_1 - x_2)² + (x_{n-1} + x_n)² + Σ (x_i + x_{i+1} + x_n)⁴`` (NONDQUAR)."""
    v = names(require_size("nondquar", n, 4))
    pairs = windows(n - 1, 2)
    index = np.column_stack([pairs, np.full(len(pairs), n - 1)])
    objective = sum_polynomials(
        [
            copies(lambda x: (x[0] + x[1] + x[2]) ** 4, index, v),
            copies(lambda x: (x[0] - x[1]) ** 2, [[0, 1]], v),
            copies(lambda x: (x[0] + x[1]) ** 2, [[n - 2, n - 1]], v),
        ]
    )
    return NamedProblem(
        PolynomialProblem(objective, variables=v),
        source="Bongartz, Conn, Gould, Toint, ACM Trans. Math. Softw. 21 (1995), NONDQUAR; Conn,"
        " Gould, Toint, Math. Comp. 50 (1988)",
        optimum=0.0,
        minimizers=np.zeros((1, n)),
        tags=(*_SPARSE, "degenerate"),
        exact_order=2,
        box=(-1.0, 1.0),
    )
