"""Small constrained problems, from the polynomial optimisation literature and elementary ones.

References
----------
- J. B. Lasserre. Global optimization with polynomials and the problem of moments. SIAM J.
  Optim. 11 (2001), section 5.
- D. Henrion, J. B. Lasserre. GloptiPoly: global optimization over polynomials with Matlab
  and SeDuMi. ACM Trans. Math. Softw. 29 (2003).
- T. S. Motzkin, E. G. Straus. Maxima for graphs and a new proof of a theorem of Turán.
  Canad. J. Math. 17 (1965).
- C. A. Haverly. Studies of the behavior of recursion for the pooling problem. SIGMAP Bulletin
  25 (1978).
"""

from __future__ import annotations

from itertools import combinations_with_replacement
from random import Random

import networkx as nx
import numpy as np

from polyopt.polynomial import Polynomial, quadratic
from polyopt.polynomial.arrays import variables
from polyopt.problem import PolynomialProblem, maximize, minimize
from polyopt.problems.named_problem import KnownBound, NamedProblem, known_problem, require_size
from polyopt.problems.templates import (
    box_constraints,
    copies,
    linear_sum,
    names,
    squared_norm,
    windows,
)

#: Optimal values of :func:`random_quartic_ball` that several independent systems agree on.
RANDOM_QUARTIC_BALL = {4: -0.7500454, 6: -1.6361819, 8: -1.8932999, 10: -2.2580781}


@known_problem("constrained")
def lasserre_quartic_region() -> NamedProblem:
    """``-x - y`` on a nonconvex region with two quartic boundaries: optimum -5.508013."""
    x, y = variables("x y")
    constraints = [
        2 * x**4 - 8 * x**3 + 8 * x**2 + 2 - y >= 0,
        4 * x**4 - 32 * x**3 + 88 * x**2 - 96 * x + 36 - y >= 0,
        *(g >= 0 for g in box_constraints([x, y], 0.0, [3.0, 4.0])),
    ]
    return NamedProblem(
        minimize(-x - y, constraints),
        source="Lasserre, SIAM J. Optim. 11 (2001), section 5; C. A. Floudas, P. M. Pardalos. A "
        "Collection of Test Problems for Constrained Global Optimization. Springer, 1990",
        optimum=-5.508013271595289,
        minimizers=[2.3295201974776067, 3.1784930741176822],
        exact_order=4,
    )


@known_problem("constrained")
def concave_diamond() -> NamedProblem:
    """Concave quadratic on three slabs: order 1 gives -3, order 2 the optimum -2."""
    x, y = variables("x y")
    squares = [(x - 1) ** 2, (x - y) ** 2, (y - 3) ** 2]
    return NamedProblem(
        minimize(-squares[0] - squares[1] - squares[2], [s <= 1 for s in squares]),
        source="Lasserre, SIAM J. Optim. 11 (2001), section 5",
        optimum=-2.0,
        minimizers=[[1.0, 2.0], [2.0, 2.0], [2.0, 3.0]],
        exact_order=2,
        bounds=[KnownBound(1, -3.0)],
    )


@known_problem("constrained")
def chebyshev(degree: int = 6) -> NamedProblem:
    """Chebyshev polynomial on [-1, 1]: minimum -1 at several points."""
    k = require_size("chebyshev", degree, 2, 2)
    x = variables("x", 1)[0]
    table = np.polynomial.chebyshev.cheb2poly([0.0] * k + [1.0])
    f = Polynomial.from_arrays(np.arange(k + 1)[:, None], table, variables=x.variables)
    points = np.cos(np.arange(1, k, 2) * np.pi / k)
    return NamedProblem(
        minimize(f, [1 - x**2 >= 0]),
        source="elementary: T_k(cos t) = cos(k t); exact because univariate",
        optimum=-1.0,
        minimizers=points[:, None],
        tags=("univariate",),
        exact_order=k // 2,
    )


@known_problem("constrained")
def smallest_eigenvalue(n: int = 6) -> NamedProblem:
    """``xᵀ T x`` on the unit sphere for the path's Laplacian T with Dirichlet ends."""
    v = names(require_size("smallest_eigenvalue", n, 2))
    form = squared_norm(v) * 2 - copies(lambda x: 2 * x[0] * x[1], windows(n, 2), v)
    vector = np.sin(np.arange(1, n + 1) * np.pi / (n + 1))
    vector /= np.linalg.norm(vector)
    return NamedProblem(
        minimize(form, [squared_norm(v) == 1]),
        source="elementary: the smallest eigenvalue is 2 - 2 cos(π / (n + 1)); Shor's relaxation"
        " is exact",
        optimum=2.0 - 2.0 * float(np.cos(np.pi / (n + 1))),
        minimizers=[vector, -vector],
        exact_order=1,
    )


@known_problem("constrained")
def trust_region(n: int = 5) -> NamedProblem:
    """Indefinite quadratic on the unit ball, built around its minimiser by the secular equation."""
    v = names(require_size("trust_region", n, 2))
    # (Q + μ I) x = -q with μ = 3 > -λ_min(Q) and |x| = 1 makes x the minimiser (Moré, Sorensen).
    point = np.arange(1.0, n + 1.0) / np.linalg.norm(np.arange(1.0, n + 1.0))
    Q = np.diag(np.linspace(-2.0, 2.0, n)) + 0.25 * (np.eye(n, k=1) + np.eye(n, k=-1))
    q = -(Q + 3.0 * np.eye(n)) @ point
    return NamedProblem(
        minimize(quadratic(Q, 2.0 * q, variables=v), [squared_norm(v) <= 1]),
        source="constructed; exact at order 1 by the S-lemma. J. J. Moré, D. C. Sorensen. "
        "Computing a trust region step. SIAM J. Sci. Stat. Comput. 4 (1983)",
        optimum=float(point @ Q @ point + 2.0 * q @ point),
        minimizers=point,
        exact_order=1,
    )


@known_problem("constrained")
def random_quartic_ball(n: int = 4) -> NamedProblem:
    """Dense quartic with coefficients uniform in [-1, 1] on the unit ball.

    The coefficients come from ``random.Random(0)`` in the order of
    ``itertools.combinations_with_replacement(range(n), k)`` for k = 0, …, 4.
    """
    v = names(require_size("random_quartic_ball", n, 1))
    generator = Random(0)
    rows, coefficients = [], []
    for k in range(5):
        for monomial in combinations_with_replacement(range(n), k):
            rows.append([0] * (4 - k) + [i + 1 for i in monomial])
            coefficients.append(generator.uniform(-1.0, 1.0))
    f = Polynomial(v, np.array(rows, dtype=np.int32), coefficients)
    return NamedProblem(
        minimize(f, [squared_norm(v) <= 1]),
        source="benchmark recipe; values on which several systems agree to 1e-7",
        optimum=RANDOM_QUARTIC_BALL.get(n),
        accuracy=1e-6,
        tags=("dense", "random"),
        exact_order=2 if n in RANDOM_QUARTIC_BALL else None,
    )


@known_problem("constrained")
def motzkin_straus(graph: nx.Graph | None = None) -> NamedProblem:
    """``max xᵀ A x`` on the simplex: ``1 - 1/ω`` for the clique number ω of the graph.

    Parameters
    ----------
    graph : networkx.Graph, optional
        The 5-cycle (ω = 2) when left out.
    """
    chosen = nx.cycle_graph(5) if graph is None else graph
    nodes = sorted(chosen.nodes)
    v = names(len(nodes))
    x = variables("x", len(nodes))
    place = {node: i for i, node in enumerate(nodes)}
    edges = np.array([[place[a], place[b]] for a, b in chosen.edges])
    largest = max(nx.find_cliques(chosen), key=len)
    point = np.zeros(len(nodes))
    point[[place[node] for node in largest]] = 1.0 / len(largest)
    return NamedProblem(
        maximize(
            copies(lambda y: 2 * y[0] * y[1], edges, v),
            [*(t >= 0 for t in x), linear_sum(v) == 1],
        ),
        source="Motzkin, Straus, Canad. J. Math. 17 (1965)",
        optimum=1.0 - 1.0 / len(largest),
        minimizers=point,
    )


@known_problem("constrained")
def haverly_pooling() -> NamedProblem:
    """Haverly's first pooling problem, flows in hundreds and money in hundreds: optimum -4."""
    a, b, px, py, cx, cy, p = variables("a b px py cx cy p")
    cost = 6 * a + 16 * b + 10 * (cx + cy) - 9 * (px + cx) - 15 * (py + cy)
    constraints = [
        a + b == px + py,
        3 * a + b == p * (px + py),
        p * px + 2 * cx <= 2.5 * (px + cx),
        p * py + 2 * cy <= 1.5 * (py + cy),
        px + cx <= 1,
        py + cy <= 2,
        *(
            g >= 0
            for g in box_constraints(
                [a, b, px, py, cx, cy, p], [0] * 6 + [1], [3, 3, 1, 2, 1, 2, 3]
            )
        ),
    ]
    return NamedProblem(
        minimize(cost, constraints),
        source="Haverly, SIGMAP Bulletin 25 (1978)",
        optimum=-4.0,
        minimizers=[0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0],
        exact_order=2,
    )


@known_problem("constrained")
def rosen_suzuki() -> NamedProblem:
    """Convex quadratics (Hock–Schittkowski 43): exact at order 1."""
    x = variables("x", 4)
    f = x[0] ** 2 + x[1] ** 2 + 2 * x[2] ** 2 + x[3] ** 2
    f = f - 5 * x[0] - 5 * x[1] - 21 * x[2] + 7 * x[3]
    s = [t**2 for t in x]
    constraints = [
        8 - s[0] - s[1] - s[2] - s[3] - x[0] + x[1] - x[2] + x[3] >= 0,
        10 - s[0] - 2 * s[1] - s[2] - 2 * s[3] + x[0] + x[3] >= 0,
        5 - 2 * s[0] - s[1] - s[2] - 2 * x[0] + x[1] + x[3] >= 0,
    ]
    return NamedProblem(
        minimize(f, constraints),
        source="W. Hock, K. Schittkowski. Test Examples for Nonlinear Programming Codes. "
        "Springer, 1981, problem 43",
        optimum=-44.0,
        minimizers=[0.0, 1.0, 2.0, -1.0],
        tags=("convex",),
        exact_order=1,
    )


@known_problem("constrained")
def ellipsoid_product() -> NamedProblem:
    """``-x y z`` on an ellipsoid (Hock–Schittkowski 29): optimum -16√2."""
    x, y, z = variables("x y z")
    r = np.sqrt(2.0)
    point = np.array([4.0, 2.0 * r, 2.0])
    return NamedProblem(
        minimize(-x * y * z, [48 - x**2 - 2 * y**2 - 4 * z**2 >= 0]),
        source="W. Hock, K. Schittkowski. Test Examples for Nonlinear Programming Codes. "
        "Springer, 1981, problem 29",
        optimum=-16.0 * float(r),
        minimizers=[point, point * [1, -1, -1], point * [-1, 1, -1], point * [-1, -1, 1]],
        exact_order=2,
    )


@known_problem("constrained")
def cubic_triangle() -> NamedProblem:
    """Quintic objective on a triangle (Hock–Schittkowski 24): optimum -1."""
    x, y = variables("x y")
    r = float(np.sqrt(3.0))
    return NamedProblem(
        minimize(
            ((x - 3) ** 2 - 9) * y**3 / (27 * r),
            [x / r - y >= 0, x + r * y >= 0, 6 - x - r * y >= 0, x >= 0, y >= 0],
        ),
        source="W. Hock, K. Schittkowski. Test Examples for Nonlinear Programming Codes. "
        "Springer, 1981, problem 24",
        optimum=-1.0,
        minimizers=[3.0, r],
        exact_order=3,
    )


@known_problem("constrained")
def equality_quartics() -> NamedProblem:
    """``-x0 x1 x2 x3`` with three polynomial equations (Hock–Schittkowski 40): optimum -1/4."""
    x = variables("x", 4)
    constraints = [x[0] ** 3 + x[1] ** 2 == 1, x[0] ** 2 * x[3] == x[2], x[3] ** 2 == x[1]]
    point = [2.0 ** (-1 / 3), 2.0 ** (-1 / 2), 2.0 ** (-11 / 12), 2.0 ** (-1 / 4)]
    return NamedProblem(
        minimize(-x[0] * x[1] * x[2] * x[3], constraints),
        source="W. Hock, K. Schittkowski. Test Examples for Nonlinear Programming Codes. "
        "Springer, 1981, problem 40",
        optimum=-0.25,
        minimizers=point,
        tags=("equalities",),
        exact_order=3,
        box=(-2.0, 2.0),
    )


@known_problem("constrained")
def quartic_product_box() -> NamedProblem:
    """``x0 x3 (x0 + x1 + x2) + x2``, product at least 25, norm² 40 (Hock–Schittkowski 71)."""
    x = variables("x", 4)
    f = x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2]
    sphere = x[0] ** 2 + x[1] ** 2 + x[2] ** 2 + x[3] ** 2
    constraints = [x[0] * x[1] * x[2] * x[3] >= 25, sphere == 40]
    constraints += [g >= 0 for g in box_constraints(x, 1.0, 5.0)]
    return NamedProblem(
        minimize(f, constraints),
        source="W. Hock, K. Schittkowski. Test Examples for Nonlinear Programming Codes. "
        "Springer, 1981, problem 71",
        optimum=17.0140172891563,
        minimizers=[1.0, 4.742999637264417, 3.8211499841848737, 1.3794082931726723],
        exact_order=2,
    )


@known_problem("constrained")
def quadratic_program_hs35() -> NamedProblem:
    """Convex quadratic program (Hock–Schittkowski 35): optimum 1/9."""
    x = variables("x", 3)
    f = quadratic([[2, 2, 2], [0, 2, 0], [0, 0, 1]], [-8, -6, -4], 9, variables=x[0].variables)
    return NamedProblem(
        minimize(f, [x[0] + x[1] + 2 * x[2] <= 3, *(v >= 0 for v in x)]),
        source="W. Hock, K. Schittkowski. Test Examples for Nonlinear Programming Codes. "
        "Springer, 1981, problem 35",
        optimum=1.0 / 9.0,
        minimizers=[4 / 3, 7 / 9, 4 / 9],
        tags=("convex",),
        exact_order=1,
    )


def ball(problem: PolynomialProblem, radius: float) -> PolynomialProblem:
    """Add ``|x|² <= radius²`` to a problem.

    Examples
    --------
    >>> from polyopt.problems import motzkin
    >>> len(ball(motzkin(), 2.0).inequalities)
    1
    """
    extra = radius**2 - squared_norm(problem.variables)
    return PolynomialProblem(
        problem.objective,
        [*problem.inequalities, extra],
        problem.equalities,
        problem.variables,
        problem.sense,
    )
