"""Problems of GLOBALLib, after Floudas et al.; variables are rescaled to [0, 1] where noted.

References
----------
- C. A. Floudas, P. M. Pardalos, C. S. Adjiman, W. R. Esposito, Z. H. Gümüş, S. T. Harding,
  J. L. Klepeis, C. A. Meyer, C. A. Schweiger. Handbook of Test Problems in Local and Global
  Optimization. Kluwer, 1999.
- J. B. Lasserre. Global optimization with polynomials and the problem of moments. SIAM J.
  Optim. 11 (2001).
"""

from __future__ import annotations

import numpy as np

from polyopt.polynomial import affine, quadratic
from polyopt.polynomial.arrays import variables
from polyopt.problem import PolynomialProblem, minimize
from polyopt.problems.named_problem import KnownBound, NamedProblem, known_problem
from polyopt.problems.templates import box_constraints

_SOURCE = "Floudas et al., Handbook of Test Problems (1999) and GLOBALLib"


@known_problem("globallib")
def ex2_1_1() -> NamedProblem:
    """Concave quadratic over a knapsack polytope: optimum -17."""
    x = variables("x", 5)
    f = quadratic(-50 * np.eye(5), [42, 44, 45, 47, 47.5], variables=x[0].variables)
    room = affine([[-20, -12, -11, -7, -4]], [40], variables=x[0].variables)
    return NamedProblem(
        minimize(f, [*(g >= 0 for g in room), *(g >= 0 for g in box_constraints(x, 0, 1))]),
        source=_SOURCE,
        optimum=-17.0,
        minimizers=[1.0, 1.0, 0.0, 1.0, 0.0],
        tags=("quadratic",),
        exact_order=3,
    )


@known_problem("globallib")
def ex2_1_2() -> NamedProblem:
    """Concave quadratic with a linear part: optimum -213."""
    x = variables("x", 6)
    v = x[0].variables
    f = quadratic(
        -0.5 * np.diag([1, 1, 1, 1, 1, 0]), [-10.5, -7.5, -3.5, -2.5, -1.5, -10], variables=v
    )
    rows = affine([[-6, -3, -3, -2, -1, 0], [-10, 0, -10, 0, 0, -1]], [6.5, 20], variables=v)
    box = box_constraints(x, 0, [1, 1, 1, 1, 1, 20])
    return NamedProblem(
        minimize(f, [*(g >= 0 for g in rows), *(g >= 0 for g in box)]),
        source=_SOURCE,
        optimum=-213.0,
        minimizers=[0.0, 1.0, 0.0, 1.0, 1.0, 20.0],
        tags=("quadratic",),
        exact_order=2,
    )


@known_problem("globallib")
def ex2_1_3() -> NamedProblem:
    """Concave in 4 of 13 variables, linear in the rest: optimum -15."""
    x = variables("x", 13)
    v = x[0].variables
    f = quadratic(np.diag([-5.0] * 4 + [0.0] * 9), [5.0] * 4 + [-1.0] * 9, variables=v)
    rows = [
        10 - 2 * x[0] - 2 * x[1] - x[9] - x[10],
        10 - 2 * x[0] - 2 * x[2] - x[9] - x[11],
        10 - 2 * x[1] - 2 * x[2] - x[10] - x[11],
        *(8 * x[i] - x[9 + i] for i in range(3)),
        *(2 * x[3 + 2 * i] + x[4 + 2 * i] - x[9 + i] for i in range(3)),
    ]
    upper = np.ones(13)
    # The first three rows bound these by 10; the published 100 would only scale badly.
    upper[9:12] = 10.0
    point = np.ones(13)
    point[9:12] = 3.0
    return NamedProblem(
        minimize(f, [*(g >= 0 for g in rows), *(g >= 0 for g in box_constraints(x, 0, upper))]),
        source=_SOURCE,
        optimum=-15.0,
        minimizers=point,
        tags=("quadratic", "sparse"),
        exact_order=2,
    )


@known_problem("globallib")
def ex2_1_4() -> NamedProblem:
    """Concave in one of 6 variables: optimum -11."""
    x = variables("x", 6)
    v = x[0].variables
    f = quadratic(np.diag([-0.5, 0, 0, 0, 0, 0]), [6.5, -1, -2, -3, -2, -1], variables=v)
    A = [
        [1, 2, 8, 1, 3, 5],
        [-8, -4, -2, 2, 4, -1],
        [2, 0.5, 0.2, -3, -1, -4],
        [0.2, 2, 0.1, -4, 2, 2],
        [-0.1, -0.5, 2, 5, -5, 3],
    ]
    rows = affine(-np.array(A), [16, -1, 24, 12, 3], variables=v)
    # The first row bounds x1 and x2 by 8 and 2.
    box = box_constraints(x, 0, [1, 8, 2, 1, 1, 2])
    return NamedProblem(
        minimize(f, [*(g >= 0 for g in rows), *(g >= 0 for g in box)]),
        source=_SOURCE,
        optimum=-11.0,
        minimizers=[0.0, 6.0, 0.0, 1.0, 1.0, 0.0],
        tags=("quadratic",),
        exact_order=2,
    )


@known_problem("globallib")
def ex2_1_8() -> NamedProblem:
    """Concave transportation problem, 6 sources and 4 sinks, quantities in tens: optimum 15639."""
    linear = [
        [300, 270, 460, 800],
        [740, 600, 540, 380],
        [300, 490, 380, 760],
        [430, 250, 390, 600],
        [210, 830, 470, 680],
        [360, 290, 400, 310],
    ]
    curvature = [
        [7, 4, 6, 8],
        [12, 9, 14, 7],
        [13, 12, 8, 4],
        [7, 9, 16, 8],
        [4, 10, 21, 13],
        [17, 9, 8, 4],
    ]
    supply, demand = [8, 24, 20, 24, 16, 12], [29, 41, 13, 21]
    x = variables("x", 24)
    v = x[0].variables
    f = quadratic(
        -100.0 * np.diag(np.ravel(curvature)), 10.0 * np.ravel(linear).astype(float), variables=v
    )
    flows = np.vstack([np.kron(np.eye(6), np.ones(4)), np.kron(np.ones(6), np.eye(4))])
    balance = affine(flows, -np.array(supply + demand) / 10, variables=v)
    upper = [min(s, d) / 10 for s in supply for d in demand]
    point = np.array(
        [[6, 2, 0, 0], [0, 3, 0, 21], [20, 0, 0, 0], [0, 24, 0, 0], [3, 0, 13, 0], [0, 12, 0, 0]]
    )
    return NamedProblem(
        minimize(f, [*(h == 0 for h in balance), *(g >= 0 for g in box_constraints(x, 0, upper))]),
        source=_SOURCE,
        optimum=15639.0,
        minimizers=point.ravel() / 10,
        tags=("quadratic", "equalities"),
    )


@known_problem("globallib")
def ex3_1_1() -> NamedProblem:
    """Heat exchanger design (Hock–Schittkowski 106), x0..x2 in 10⁴, others in 10³."""
    return NamedProblem(
        _heat_exchangers(slope=1.0, constant=0.083333333, gain=0.83333252),
        source=f"{_SOURCE}; W. Hock, K. Schittkowski. Test Examples for Nonlinear Programming "
        "Codes. Springer, 1981, problem 106",
        optimum=0.7049248021,
        accuracy=1e-7,
        minimizers=[
            *(0.057930669, 0.135997067, 0.510997068, 0.182017700),
            *(0.295601174, 0.217982300, 0.286416526, 0.395601174),
        ],
        tags=("sparse", "badly scaled"),
    )


@known_problem("globallib")
def ex5_4_2() -> NamedProblem:
    """Heat exchanger network, x0..x2 in 10⁴, others in 10³."""
    return NamedProblem(
        _heat_exchangers(slope=0.01, constant=0.083333333333, gain=0.833333333333),
        source=_SOURCE,
        optimum=0.7512230,
        accuracy=1e-6,
        tags=("sparse", "badly scaled"),
    )


def _heat_exchangers(*, slope: float, constant: float, gain: float) -> PolynomialProblem:
    x = variables("x", 8)
    rows = [
        0.4 - x[3] - x[5],
        0.3 + x[3] - x[4] - x[6] if slope < 1 else 0.4 + x[3] - x[4] - x[6],
        0.1 + x[4] - x[7],
        constant - slope * x[0] + 10 * x[0] * x[5] - gain * x[3],
        x[1] * x[6] - x[1] * x[3] + 0.125 * x[3] - 0.125 * x[4],
        x[2] * x[7] - x[2] * x[4] + 0.25 * x[4] - 0.125,
    ]
    box = box_constraints(x, [0.01, 0.1, 0.1, *[0.01] * 5], 1.0)
    return minimize(x[0] + x[1] + x[2], [*(g >= 0 for g in rows), *(g >= 0 for g in box)])


@known_problem("globallib")
def ex3_1_2() -> NamedProblem:
    """Himmelblau's process design (Hock–Schittkowski 83): optimum -30665.539."""
    x = variables("x", 5)
    f = 37.293239 * x[0] + 0.8356891 * x[0] * x[4] + 5.3578547 * x[2] ** 2 - 40792.141
    first = 0.0056858 * x[1] * x[4] + 0.0006262 * x[0] * x[3] - 0.0022053 * x[2] * x[4]
    second = 0.0071317 * x[1] * x[4] + 0.0029955 * x[0] * x[1] + 0.0021813 * x[2] ** 2
    third = 0.0047026 * x[2] * x[4] + 0.0012547 * x[0] * x[2] + 0.0019085 * x[2] * x[3]
    rows = [
        *(85.334407 + first, 6.665593 - first),
        *(second - 9.48751, 29.48751 - second),
        *(third - 10.699039, 15.699039 - third),
    ]
    box = box_constraints(x, [78, 33, 27, 27, 27], [102, 45, 45, 45, 45])
    return NamedProblem(
        minimize(f, [*(g >= 0 for g in rows), *(g >= 0 for g in box)]),
        source=f"{_SOURCE}; W. Hock, K. Schittkowski. Test Examples for Nonlinear Programming "
        "Codes. Springer, 1981, problem 83",
        optimum=-30665.53867,
        accuracy=1e-7,
        minimizers=[78.0, 33.0, 29.99525603, 45.0, 36.77581291],
        tags=("quadratic", "badly scaled"),
    )


@known_problem("globallib")
def ex3_1_3() -> NamedProblem:
    """Concave quadratic with two reverse convex constraints: optimum -310."""
    x = variables("x", 6)
    f = -25 * (x[0] - 2) ** 2 - (x[1] - 2) ** 2 - (x[2] - 1) ** 2
    f = f - (x[3] - 4) ** 2 - (x[4] - 1) ** 2 - (x[5] - 4) ** 2
    rows = [
        (x[2] - 3) ** 2 + x[3] - 4,
        (x[4] - 3) ** 2 + x[5] - 4,
        2 - x[0] + 3 * x[1],
        2 + x[0] - x[1],
        6 - x[0] - x[1],
        x[0] + x[1] - 2,
    ]
    box = box_constraints(x, [0, 0, 1, 0, 1, 0], [6, 6, 5, 6, 5, 10])
    return NamedProblem(
        minimize(f, [*(g >= 0 for g in rows), *(g >= 0 for g in box)]),
        source=f"{_SOURCE}; Lasserre, SIAM J. Optim. 11 (2001), section 5",
        optimum=-310.0,
        minimizers=[5.0, 1.0, 5.0, 0.0, 5.0, 10.0],
        tags=("quadratic", "sparse"),
        exact_order=2,
    )


@known_problem("globallib")
def ex3_1_4() -> NamedProblem:
    """Linear objective, one reverse convex quadratic: orders 1 to 4 climb to -4."""
    x = variables("x", 3)
    quadric = (
        24
        - (20 * x[0] - 9 * x[1] + 13 * x[2])
        + 4 * x[0] ** 2
        - 4 * x[0] * x[1]
        + 4 * x[0] * x[2]
        + 2 * x[1] ** 2
        - 2 * x[1] * x[2]
        + 2 * x[2] ** 2
    )
    rows = [quadric, 4 - x[0] - x[1] - x[2], 6 - 3 * x[1] - x[2]]
    rows += [x[0], 2 - x[0], x[1], x[2], 3 - x[2]]
    return NamedProblem(
        minimize(-2 * x[0] + x[1] - x[2], [g >= 0 for g in rows]),
        source=f"{_SOURCE}; the bounds by order: D. Henrion, J. B. Lasserre. GloptiPoly. ACM Trans."
        " Math. Softw. 29 (2003)",
        optimum=-4.0,
        minimizers=[[0.5, 0.0, 3.0], [2.0, 0.0, 0.0]],
        exact_order=4,
        bounds=[KnownBound(1, -6.0), KnownBound(2, -5.6923), KnownBound(3, -4.0685)],
    )
