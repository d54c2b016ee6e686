"""Problems that relaxations find hard, and problems without an answer.

References
----------
- T. S. Motzkin. The arithmetic-geometric inequality. In Inequalities. Academic Press, 1967.
- B. Reznick. Some concrete aspects of Hilbert's 17th problem. Contemp. Math. 253 (2000).
- M. D. Choi, T. Y. Lam. Extremal positive semidefinite forms. Math. Ann. 231 (1977).
- J. B. Lasserre. Global optimization with polynomials and the problem of moments. SIAM J.
  Optim. 11 (2001).
- M. Laurent. Sums of squares, moment matrices and optimization over polynomials. In
  Emerging Applications of Algebraic Geometry. Springer, 2009.
- G. Stengle. Complexity estimates for the Schmüdgen Positivstellensatz. J. Complexity 12
  (1996).
"""

from __future__ import annotations

from itertools import product

import numpy as np

from polyopt.polynomial.arrays import variables
from polyopt.problem import minimize
from polyopt.problems.named_problem import KnownBound, NamedProblem, known_problem
from polyopt.status import Status

_UNIT_CORNERS = np.array(list(product((1.0, -1.0), repeat=2)))


@known_problem("pathological")
def motzkin(radius: float | None = None) -> NamedProblem:
    """Motzkin's polynomial: nonnegative, and no constant makes it a sum of squares.

    Unconstrained, order 3 has no bound (and no certificate of that either: it is only weakly
    infeasible).

    Parameters
    ----------
    radius : float, optional
        Add ``x² + y² <= radius²``; with ``radius² >= 2`` the minimisers stay feasible and the
        bounds rise to 0.
    """
    x, y = variables("x y")
    f = x**4 * y**2 + x**2 * y**4 - 3 * x**2 * y**2 + 1
    inside = radius is None or radius**2 >= 2
    return NamedProblem(
        minimize(f, [] if radius is None else [x**2 + y**2 <= float(radius) ** 2]),
        source="Motzkin, in Inequalities (1967); Reznick, Contemp. Math. 253 (2000)",
        # On a smaller ball the minimum is on the boundary at |x| = |y|, where f = 2a³ - 3a² + 1.
        optimum=0.0 if inside else _motzkin_boundary(float(radius or 0.0)),
        minimizers=_UNIT_CORNERS if inside else None,
        tags=("not a sum of squares",),
        bounds=[KnownBound(3, -np.inf)] if radius is None else [],
        box=(-2.0, 2.0),
    )


def _motzkin_boundary(radius: float) -> float:
    a = radius**2 / 2
    return 2 * a**3 - 3 * a**2 + 1


@known_problem("pathological")
def motzkin_ball() -> NamedProblem:
    """Motzkin's polynomial on the disc of radius 2, where order 3 attains the optimum 0."""
    problem = motzkin(2.0)
    return NamedProblem(
        problem,
        source=problem.source,
        optimum=0.0,
        minimizers=problem.minimizers,
        tags=("not a sum of squares",),
        exact_order=3,
    )


@known_problem("pathological")
def motzkin_form_ball() -> NamedProblem:
    """Motzkin's form on the unit ball: optimum 0, order 3 gives -0.0045964."""
    x, y, z = variables("x y z")
    f = x**2 * y**2 * (x**2 + y**2 - 3 * z**2) + z**6
    return NamedProblem(
        minimize(f, [x**2 + y**2 + z**2 <= 1]),
        source="Laurent, in Emerging Applications of Algebraic Geometry (2009), example 6.25",
        optimum=0.0,
        minimizers=[[0.0, 0.0, 0.0], [0.5, 0.5, 0.5], [1.0, 0.0, 0.0]],
        tags=("not a sum of squares",),
        bounds=[KnownBound(3, -0.0045964)],
    )


@known_problem("pathological")
def robinson() -> NamedProblem:
    """Robinson's form with one variable set to 1: eight zeros, not a sum of squares."""
    x, y = variables("x y")
    f = x**6 + y**6 + 1 - x**4 * y**2 - x**4 - x**2 * y**4 - y**4 - x**2 - y**2
    zeros = [p for p in product((1.0, -1.0, 0.0), repeat=2) if p != (0.0, 0.0)]
    return NamedProblem(
        minimize(f + 3 * x**2 * y**2),
        source="Reznick, Contemp. Math. 253 (2000)",
        optimum=0.0,
        minimizers=zeros,
        tags=("not a sum of squares",),
        bounds=[KnownBound(3, -0.93339)],
        box=(-1.5, 1.5),
    )


@known_problem("pathological")
def choi_lam() -> NamedProblem:
    """``1 + x²y² + y²z² + z²x² - 4xyz``: nonnegative, not a sum of squares for any constant."""
    x, y, z = variables("x y z")
    zeros = [p for p in product((1.0, -1.0), repeat=3) if np.prod(p) > 0]
    return NamedProblem(
        minimize(1 + x**2 * y**2 + y**2 * z**2 + z**2 * x**2 - 4 * x * y * z),
        source="Choi, Lam, Math. Ann. 231 (1977)",
        optimum=0.0,
        minimizers=zeros,
        tags=("not a sum of squares",),
        bounds=[KnownBound(2, -np.inf)],
        box=(-1.5, 1.5),
    )


@known_problem("pathological")
def lasserre_shifted() -> NamedProblem:
    """``x²y² (x² + y² - 1)``: plus 1/27 nonnegative, but not a sum of squares."""
    x, y = variables("x y")
    return NamedProblem(
        minimize(x**2 * y**2 * (x**2 + y**2 - 1)),
        source="Lasserre, SIAM J. Optim. 11 (2001), section 5",
        optimum=-1.0 / 27.0,
        minimizers=_UNIT_CORNERS / np.sqrt(3.0),
        tags=("not a sum of squares",),
        bounds=[KnownBound(3, -np.inf)],
        box=(-1.0, 1.0),
    )


@known_problem("pathological")
def horn_form() -> NamedProblem:
    """Horn's copositive matrix in squares on the unit sphere: optimum 0 at order 3."""
    x = variables("x", 5)
    s = [v**2 for v in x]
    total = s[0] + s[1] + s[2] + s[3] + s[4]
    f = total**2 - 4 * (s[0] * s[1] + s[1] * s[2] + s[2] * s[3] + s[3] * s[4] + s[4] * s[0])
    point = np.array([1.0, 1.0, 0.0, 0.0, 0.0]) / np.sqrt(2.0)
    return NamedProblem(
        minimize(f, [total == 1]),
        source="P. A. Parrilo. Structured semidefinite programs and semialgebraic geometry "
        "methods in robustness and optimization. PhD thesis, Caltech, 2000",
        optimum=0.0,
        minimizers=point,
        tags=("not a sum of squares",),
        exact_order=3,
    )


@known_problem("pathological")
def not_attained() -> NamedProblem:
    """``(x y - 1)² + x²``: the infimum 0 is not attained; order 2 gives it."""
    x, y = variables("x y")
    return NamedProblem(
        minimize((x * y - 1) ** 2 + x**2),
        source="elementary: (1/k, k)",
        optimum=0.0,
        tags=("not attained", "sum of squares"),
        box=(-2.0, 2.0),
    )


@known_problem("pathological")
def stengle() -> NamedProblem:
    """``1 - x²`` where ``(1 - x²)³ >= 0``: the bounds rise like 1/order² and never reach 0."""
    x = variables("x", 1)[0]
    return NamedProblem(
        minimize(1 - x**2, [(1 - x**2) ** 3 >= 0]),
        source="Stengle, J. Complexity 12 (1996)",
        optimum=0.0,
        minimizers=[[1.0], [-1.0]],
        tags=("univariate", "slow convergence"),
        bounds=[KnownBound(3, -1.0 / 3.0), KnownBound(4, -1.0 / 8.0)],
        box=(-1.0, 1.0),
    )


@known_problem("pathological")
def no_interior() -> NamedProblem:
    """``x`` where ``-x² >= 0``: one feasible point; order 1 gives 0 without attaining it."""
    x = variables("x", 1)[0]
    return NamedProblem(
        minimize(x, [-(x**2) >= 0]),
        source="elementary: x + ε = (x + 2ε)²/(4ε) + (-x²)/(4ε)",
        optimum=0.0,
        minimizers=[0.0],
        tags=("no interior",),
        exact_order=1,
    )


@known_problem("pathological")
def contradicting_balls() -> NamedProblem:
    """Two discs that do not meet: infeasible, and order 1 shows it."""
    x, y = variables("x y")
    return NamedProblem(
        minimize(x + y, [x**2 + y**2 <= 1, (x - 3) ** 2 + y**2 <= 1]),
        source="elementary",
        optimum=np.inf,
        status=Status.INFEASIBLE,
        tags=("infeasible",),
        exact_order=1,
    )


@known_problem("pathological")
def hyperbola_misses_disc() -> NamedProblem:
    """``x y >= 1`` inside the unit disc: infeasible at order 1."""
    x, y = variables("x y")
    return NamedProblem(
        minimize(x**2, [x**2 + y**2 <= 1, x * y >= 1]),
        source="elementary: 2 x y <= x² + y²",
        optimum=np.inf,
        status=Status.INFEASIBLE,
        tags=("infeasible",),
        exact_order=1,
    )


@known_problem("pathological")
def imaginary_equation() -> NamedProblem:
    """``x² + 1 = 0``: no real solution."""
    x = variables("x", 1)[0]
    return NamedProblem(
        minimize(x, [x**2 + 1 == 0]),
        source="elementary",
        optimum=np.inf,
        status=Status.INFEASIBLE,
        tags=("infeasible", "univariate"),
        exact_order=1,
    )


@known_problem("pathological")
def odd_cycle_two_colours() -> NamedProblem:
    """Signs on a triangle with all neighbours opposite: infeasible at order 2."""
    x = variables("x", 3)
    equations = [v**2 == 1 for v in x] + [x[i] * x[(i + 1) % 3] == -1 for i in range(3)]
    return NamedProblem(
        minimize(x[0], equations),
        source="elementary: the product of the three equations is 1 = -1",
        optimum=np.inf,
        status=Status.INFEASIBLE,
        tags=("infeasible", "binary"),
        exact_order=1,
    )


@known_problem("pathological")
def unbounded_line() -> NamedProblem:
    """``x`` on a half line that is open on the wrong side."""
    x, y = variables("x y")
    return NamedProblem(
        minimize(x + y**2, [x <= 3]),
        source="elementary",
        optimum=-np.inf,
        status=Status.UNBOUNDED,
        tags=("unbounded",),
        exact_order=1,
    )


@known_problem("pathological")
def unbounded_quartic() -> NamedProblem:
    """``x⁴ - 3 x² y² + y⁴``: negative along x = y."""
    x, y = variables("x y")
    return NamedProblem(
        minimize(x**4 - 3 * x**2 * y**2 + y**4),
        source="elementary: -t⁴ at (t, t)",
        optimum=-np.inf,
        status=Status.UNBOUNDED,
        tags=("unbounded",),
        exact_order=2,
    )
