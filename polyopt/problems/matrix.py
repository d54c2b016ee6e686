"""Problems with matrix inequalities and second-order cones whose answers follow by hand.

References
----------
- D. Henrion, J. B. Lasserre. Convergent relaxations of polynomial matrix inequalities and static
  output feedback. IEEE Trans. Autom. Control 51 (2006).
- M. Laurent, S. Poljak. On a positive semidefinite relaxation of the cut polytope. Linear Algebra
  Appl. 223/224 (1995).
"""

from __future__ import annotations

import numpy as np

from polyopt.polynomial import psd, soc
from polyopt.polynomial.arrays import variables
from polyopt.polynomial.polynomial import Polynomial
from polyopt.problem import maximize, minimize
from polyopt.problems.constrained import trust_region
from polyopt.problems.named_problem import NamedProblem, known_problem, require_size


@known_problem("matrix")
def quadratic_matrix_region() -> NamedProblem:
    """``-x² - y²`` on a nonconvex set given by a 2×2 quadratic matrix: optimum -4 at (0, ±2)."""
    x, y = variables("x y")
    matrix = [[1 - 4 * x * y, x], [x, 4 - x**2 - y**2]]
    return NamedProblem(
        minimize(-(x**2) - y**2, [psd(matrix)]),
        source="elementary: the last entry shows x² + y² <= 4, attained only with x = 0; matrix "
        "inequalities of this kind: Henrion, Lasserre, IEEE Trans. Autom. Control 51 (2006)",
        optimum=-4.0,
        minimizers=[[0.0, 2.0], [0.0, -2.0]],
        exact_order=1,
    )


@known_problem("matrix")
def disc_as_matrix() -> NamedProblem:
    """``xy - x`` on the disc, written as ``I - (x, y)ᵀ(x, y) ⪰ 0`` with xy negated."""
    x, y = variables("x y")
    return NamedProblem(
        minimize(x * y - x, [psd([[1 - x**2, x * y], [x * y, 1 - y**2]])]),
        source="elementary: the determinant is 1 - x² - y², so that x = cos t, y = sin t and the "
        "minimum of cos t (sin t - 1) is at t = -π/6",
        optimum=-0.75 * np.sqrt(3.0),
        minimizers=[np.sqrt(0.75), -0.5],
        exact_order=1,
    )


@known_problem("matrix")
def elliptope_product() -> NamedProblem:
    """``xyz`` on the correlation matrices of side 3: optimum -1/8 at four points."""
    x, y, z = variables("x y z")
    h = 0.5
    return NamedProblem(
        minimize(x * y * z, [psd([[1, x, y], [x, 1, z], [y, z, 1]])]),
        source="elementary: with t³ = -xyz and x² + y² + z² >= 3t² the determinant is at most "
        "(1 + t)²(1 - 2t), so that t <= 1/2; the set: Laurent, Poljak, Linear Algebra Appl. "
        "223/224 (1995)",
        optimum=-0.125,
        minimizers=[[-h, -h, -h], [-h, h, h], [h, -h, h], [h, h, -h]],
        exact_order=2,
    )


@known_problem("matrix")
def output_feedback() -> NamedProblem:
    """Smallest gains that stabilise ``x''' = x' - x - k₁x'' - k₂x'``, by its Hermite matrix."""
    k, m = variables("k1 k2")
    matrix = [[m - 1, 0, 1], [0, k * (m - 1) - 1, 0], [1, 0, k]]
    gain = float(max(np.roots([1.0, 0.0, 0.0, -1.0, -1.0]).real))
    point = np.array([gain, 1.0 + 1.0 / gain])
    return NamedProblem(
        minimize(k**2 + m**2, [psd(matrix)]),
        source="elementary: s³ + k₁s² + (k₂ - 1)s + 1 is stable where k₁(k₂ - 1) > 1, k₁ > 0 "
        "(Routh, Hurwitz), so that k₁⁴ = k₁ + 1 at the optimum; Hermite's matrix in this role: "
        "Henrion, Lasserre, IEEE Trans. Autom. Control 51 (2006)",
        optimum=float(point @ point),
        minimizers=point,
        exact_order=1,
        box=(-3.0, 3.0),
    )


@known_problem("matrix")
def smallest_largest_eigenvalue() -> NamedProblem:
    """Smallest ``λ_max`` of ``[[xy, x - y], [x - y, -xy]]`` on a circle: a matrix inequality."""
    x, y, t = variables("x y t")
    matrix = [[t - x * y, y - x], [y - x, t + x * y]]
    angle = np.pi / 4
    corner = [np.cos(angle), np.sin(angle), 0.5]
    return NamedProblem(
        minimize(t, [psd(matrix), x**2 + y**2 == 1]),
        source="elementary: the eigenvalues are ±√(x²y² + (x - y)²), and with p = xy on the circle "
        "p² + 1 - 2p is smallest for p = 1/2",
        optimum=0.5,
        minimizers=[corner, [-corner[0], -corner[1], 0.5]],
        exact_order=2,
        box=(-2.0, 2.0),
    )


@known_problem("matrix")
def trust_region_matrix(n: int = 4) -> NamedProblem:
    """Problem :func:`trust_region` with the unit ball as ``[[1, xᵀ], [x, I]] ⪰ 0``."""
    scalar = trust_region(require_size("trust_region_matrix", n, 2))
    x = [Polynomial(scalar.variables, np.array([[i + 1]], dtype=np.int32), [1.0]) for i in range(n)]
    return NamedProblem(
        minimize(scalar.objective, [soc(1, x)]),
        source=scalar.source,
        optimum=scalar.optimum,
        minimizers=scalar.minimizers,
        exact_order=2,
    )


@known_problem("matrix")
def fermat_point() -> NamedProblem:
    """Smallest sum of distances to the corners of a triangle, a second-order cone program."""
    x, y, *t = variables("x y t1 t2 t3")
    corners = [(0.0, 0.0), (1.0, 0.0), (0.5, np.sqrt(0.75))]
    cones = [soc(s, [x - a, y - b]) for s, (a, b) in zip(t, corners, strict=True)]
    radius = 1.0 / np.sqrt(3.0)
    return NamedProblem(
        minimize(t[0] + t[1] + t[2], cones),
        source="elementary: in an equilateral triangle of side 1 the centre is best (Fermat, "
        "Torricelli), at distance 1/√3 from each corner",
        optimum=float(np.sqrt(3.0)),
        minimizers=[0.5, np.sqrt(0.75) / 3.0, radius, radius, radius],
        exact_order=1,
        box=(-2.0, 2.0),
    )


@known_problem("matrix")
def product_in_cone() -> NamedProblem:
    """Largest ``xy + z`` with ``|(x, y, z)| <= 2`` and x nonnegative: optimum 5/2."""
    x, y, z = variables("x y z")
    side = np.sqrt(1.5)
    return NamedProblem(
        maximize(x * y + z, [soc(2, [x, y, z]), x >= 0]),
        source="elementary: xy <= (4 - z²)/2, and (4 - z²)/2 + z is largest for z = 1",
        optimum=2.5,
        minimizers=[side, side, 1.0],
        exact_order=2,
    )
