"""Small unconstrained test functions of global optimisation.

References
----------
- L. C. W. Dixon, G. P. Szegő. Towards Global Optimisation 2. North-Holland, 1978.
- J. J. Moré, B. S. Garbow, K. E. Hillstrom. Testing unconstrained optimization software.
  ACM Trans. Math. Softw. 7 (1981).
- J. B. Lasserre. Global optimization with polynomials and the problem of moments. SIAM J.
  Optim. 11 (2001).
- M. Jamil, X.-S. Yang. A literature survey of benchmark functions for global optimisation
  problems. Int. J. Math. Model. Numer. Optim. 4 (2013).
"""

from __future__ import annotations

import numpy as np

from polyopt.polynomial import sum_polynomials
from polyopt.polynomial.arrays import variables
from polyopt.problem import minimize
from polyopt.problems.named_problem import NamedProblem, known_problem, require_size
from polyopt.problems.templates import linear_sum, names, squared_norm


@known_problem("unconstrained")
def six_hump_camel() -> NamedProblem:
    """``4x² - 2.1x⁴ + x⁶/3 + xy - 4y² + 4y⁴``: two global and four other local minima."""
    x, y = variables("x y")
    f = 4 * x**2 - 2.1 * x**4 + x**6 / 3 + x * y - 4 * y**2 + 4 * y**4
    point = np.array([0.08984201310031806, -0.7126564030207396])
    return NamedProblem(
        minimize(f),
        source="Dixon, Szegő, Towards Global Optimisation 2 (1978); exact at order 3: D. "
        "Henrion, J. B. Lasserre. GloptiPoly. ACM Trans. Math. Softw. 29 (2003)",
        optimum=-1.031628453489877,
        minimizers=[point, -point],
        exact_order=3,
        box=(-2.0, 2.0),
    )


@known_problem("unconstrained")
def three_hump_camel() -> NamedProblem:
    """``2x² - 1.05x⁴ + x⁶/6 + xy + y²``."""
    x, y = variables("x y")
    return NamedProblem(
        minimize(2 * x**2 - 1.05 * x**4 + x**6 / 6 + x * y + y**2),
        source="Dixon, Szegő, Towards Global Optimisation 2 (1978); Jamil, Yang, Int. J. Math. "
        "Model. Numer. Optim. 4 (2013)",
        optimum=0.0,
        minimizers=[0.0, 0.0],
        exact_order=3,
        box=(-5.0, 5.0),
    )


@known_problem("unconstrained")
def himmelblau() -> NamedProblem:
    """``(x² + y - 11)² + (x + y² - 7)²``: four global minima."""
    x, y = variables("x y")
    return NamedProblem(
        minimize((x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2),
        source="D. M. Himmelblau. Applied Nonlinear Programming. McGraw-Hill, 1972",
        optimum=0.0,
        minimizers=[
            [3.0, 2.0],
            [-2.805118086952745, 3.131312518250573],
            [-3.779310253377747, -3.283185991286170],
            [3.584428340330492, -1.848126526964404],
        ],
        tags=("sum of squares",),
        exact_order=2,
        box=(-5.0, 5.0),
    )


@known_problem("unconstrained")
def goldstein_price() -> NamedProblem:
    """Goldstein–Price function of degree 8: coefficients from 3 to 10⁵."""
    x, y = variables("x y")
    first = 19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2
    second = 18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2
    f = (1 + (x + y + 1) ** 2 * first) * (30 + (2 * x - 3 * y) ** 2 * second)
    return NamedProblem(
        minimize(f),
        source="A. A. Goldstein, J. F. Price. On descent from local minima. Math. Comp. 25 (1971)",
        optimum=3.0,
        minimizers=[0.0, -1.0],
        tags=("badly scaled",),
        box=(-2.0, 2.0),
    )


@known_problem("unconstrained")
def booth() -> NamedProblem:
    """``(x + 2y - 7)² + (2x + y - 5)²``: convex."""
    x, y = variables("x y")
    return NamedProblem(
        minimize((x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2),
        source="Jamil, Yang, Int. J. Math. Model. Numer. Optim. 4 (2013)",
        optimum=0.0,
        minimizers=[1.0, 3.0],
        tags=("sum of squares", "convex"),
        exact_order=1,
        box=(-10.0, 10.0),
    )


@known_problem("unconstrained")
def matyas() -> NamedProblem:
    """``0.26 (x² + y²) - 0.48 x y``: convex, almost flat along x = y."""
    x, y = variables("x y")
    return NamedProblem(
        minimize(0.26 * (x**2 + y**2) - 0.48 * x * y),
        source="Jamil, Yang, Int. J. Math. Model. Numer. Optim. 4 (2013)",
        optimum=0.0,
        minimizers=[0.0, 0.0],
        tags=("convex",),
        exact_order=1,
        box=(-10.0, 10.0),
    )


@known_problem("unconstrained")
def beale() -> NamedProblem:
    """``Σ_k (c_k - x (1 - y^k))²`` of degree 8."""
    x, y = variables("x y")
    f = sum_polynomials((c - x * (1 - y**k)) ** 2 for k, c in ((1, 1.5), (2, 2.25), (3, 2.625)))
    return NamedProblem(
        minimize(f),
        source="Moré, Garbow, Hillstrom, ACM Trans. Math. Softw. 7 (1981), no. 5",
        optimum=0.0,
        minimizers=[3.0, 0.5],
        tags=("sum of squares",),
        exact_order=4,
        box=(-3.5, 3.5),
    )


@known_problem("unconstrained")
def freudenstein_roth() -> NamedProblem:
    """Two cubic equations; a local method often stops at 48.98."""
    x, y = variables("x y")
    first = -13 + x + ((5 - y) * y - 2) * y
    second = -29 + x + ((y + 1) * y - 14) * y
    return NamedProblem(
        minimize(first**2 + second**2),
        source="Moré, Garbow, Hillstrom, ACM Trans. Math. Softw. 7 (1981), no. 2",
        optimum=0.0,
        minimizers=[5.0, 4.0],
        tags=("sum of squares",),
        exact_order=3,
        box=(-6.0, 6.0),
    )


@known_problem("unconstrained")
def powell_singular() -> NamedProblem:
    """``(x0 + 10x1)² + 5(x2 - x3)² + (x1 - 2x2)⁴ + 10(x0 - x3)⁴``: a singular Hessian at 0."""
    x = variables("x", 4)
    f = (
        (x[0] + 10 * x[1]) ** 2
        + 5 * (x[2] - x[3]) ** 2
        + (x[1] - 2 * x[2]) ** 4
        + 10 * (x[0] - x[3]) ** 4
    )
    return NamedProblem(
        minimize(f),
        source="Moré, Garbow, Hillstrom, ACM Trans. Math. Softw. 7 (1981), no. 13",
        optimum=0.0,
        minimizers=np.zeros((1, 4)),
        tags=("sum of squares", "degenerate"),
        exact_order=2,
        box=(-1.0, 1.0),
    )


@known_problem("unconstrained")
def wood() -> NamedProblem:
    """Wood's (Colville's) function of four variables."""
    x = variables("x", 4)
    f = (
        100 * (x[0] ** 2 - x[1]) ** 2
        + (x[0] - 1) ** 2
        + (x[2] - 1) ** 2
        + 90 * (x[2] ** 2 - x[3]) ** 2
        + 10.1 * ((x[1] - 1) ** 2 + (x[3] - 1) ** 2)
        + 19.8 * (x[1] - 1) * (x[3] - 1)
    )
    return NamedProblem(
        minimize(f),
        source="Moré, Garbow, Hillstrom, ACM Trans. Math. Softw. 7 (1981), no. 14",
        optimum=0.0,
        minimizers=np.ones((1, 4)),
        tags=("sum of squares",),
        exact_order=2,
        box=(-2.0, 2.0),
    )


@known_problem("unconstrained")
def zakharov(n: int = 4) -> NamedProblem:
    """``|x|² + s² + s⁴`` with ``s = Σ i x_i / 2``: convex and dense."""
    v = names(require_size("zakharov", n, 1))
    s = linear_sum(v, np.arange(1.0, n + 1.0) / 2)
    return NamedProblem(
        minimize(squared_norm(v) + s**2 + s**4),
        source="Jamil, Yang, Int. J. Math. Model. Numer. Optim. 4 (2013)",
        optimum=0.0,
        minimizers=np.zeros((1, n)),
        tags=("sum of squares", "convex"),
        exact_order=2,
        box=(-5.0, 5.0),
    )


@known_problem("unconstrained")
def lasserre_two_squares() -> NamedProblem:
    """``(x² + 1)² + (y² + 1)² + (x + y + 1)²``: one minimum on the diagonal."""
    x, y = variables("x y")
    roots = np.roots([4.0, 0.0, 8.0, 2.0])
    t = float(roots[np.abs(roots.imag).argmin()].real)
    return NamedProblem(
        minimize((x**2 + 1) ** 2 + (y**2 + 1) ** 2 + (x + y + 1) ** 2),
        source="Lasserre, SIAM J. Optim. 11 (2001), section 5; the minimiser solves 4t³ + 8t + 2"
        " = 0",
        optimum=2 * (t**2 + 1) ** 2 + (2 * t + 1) ** 2,
        minimizers=[t, t],
        exact_order=2,
        box=(-2.0, 2.0),
    )


@known_problem("unconstrained")
def lasserre_saddle() -> NamedProblem:
    """``(x² + 1)² + (y² + 1)² - 2 (x + y + 1)²``: optimum -11.4581."""
    x, y = variables("x y")
    roots = np.roots([1.0, 0.0, -1.0, -1.0])
    t = float(roots[np.abs(roots.imag).argmin()].real)
    return NamedProblem(
        minimize((x**2 + 1) ** 2 + (y**2 + 1) ** 2 - 2 * (x + y + 1) ** 2),
        source="Lasserre, SIAM J. Optim. 11 (2001), section 5; the minimiser solves t³ = t + 1",
        optimum=2 * (t**2 + 1) ** 2 - 2 * (2 * t + 1) ** 2,
        minimizers=[t, t],
        exact_order=2,
        box=(-3.0, 3.0),
    )


@known_problem("unconstrained")
def six_variable_quartic() -> NamedProblem:
    """``1 + Σ x_i⁴`` and five cubic monomials: term sparsity finds blocks of at most 5."""
    x = variables("x", 6)
    cubic = x[0] * x[1] * x[2] + x[2] * x[3] * x[4] + x[2] * x[3] * x[5]
    cubic = cubic + x[2] * x[4] * x[5] + x[3] * x[4] * x[5]
    f = sum_polynomials([*(v**4 for v in x), cubic]) + 1
    return NamedProblem(
        minimize(f),
        source="J. Wang, V. Magron, J. B. Lasserre, N. H. A. Mai. CS-TSSOS: correlative and term"
        " sparsity for large-scale polynomial optimization. ACM Trans. Math. Softw. 48 "
        "(2022)",
        optimum=0.5042475,
        accuracy=1e-6,
        tags=("sparse",),
        exact_order=2,
        box=(-2.0, 2.0),
    )
