"""How well a solution satisfies the optimality conditions, computed from the data alone.

The Karush-Kuhn-Tucker conditions of the standard form of :mod:`polyopt.conic.program` are
``A x + s = b``, ``A^T z + c = 0``, ``s in K``, ``z in K*`` and ``s @ z = 0``. Every figure is
relative, in the way of the DIMACS error measures (Mittelmann, *Math. Program.* 95, 2003): a
residual is divided by one plus the largest entry of the terms that ought to cancel.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polyopt.conic.program import Cones, ConicProgram, ConicSolution
from polyopt.conic.svec import smat, svec_length

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Residuals:
    """Relative violations of the optimality conditions; 0 is perfect, NaN is unknown.

    Parameters
    ----------
    primal
        Largest entry of ``A x + s - b`` over ``1 + max(|A x|, |s|, |b|)``.
    dual
        Largest entry of ``A^T z + c`` over ``1 + max(|A^T z|, |c|)``.
    primal_cone, dual_cone
        Distance (in the largest eigenvalue) of s from K over ``1 + max|s|`` and of z from K* over
        ``1 + max|z|``.
    complementarity
        ``|s @ z|`` over ``1 + |c @ x| + |b @ z|``.
    gap
        ``|c @ x + b @ z|`` over ``1 + |c @ x| + |b @ z|``.
    """

    primal: float
    dual: float
    primal_cone: float
    dual_cone: float
    complementarity: float
    gap: float

    @property
    def worst(self) -> float:
        """The largest of all; NaN if any is NaN."""
        return float(
            np.max(
                [
                    self.primal,
                    self.dual,
                    self.primal_cone,
                    self.dual_cone,
                    self.complementarity,
                    self.gap,
                ]
            )
        )

    def __str__(self) -> str:
        return (
            f"primal {self.primal:.1e}, dual {self.dual:.1e}, cones {self.primal_cone:.1e} and "
            f"{self.dual_cone:.1e}, complementarity {self.complementarity:.1e}, gap {self.gap:.1e}"
        )


def compute_residuals(program: ConicProgram, x: Vector, s: Vector, z: Vector) -> Residuals:
    """Measure how well x, s, z solve the program and its dual.

    Parameters
    ----------
    program
        The conic program.
    x, s, z
        Variables (n,), slacks (m,), duals (m,).

    Examples
    --------
    >>> import numpy as np
    >>> program = ConicProgram([1.0], np.array([[-1.0]]), [-3.0], Cones(nonnegative=1))
    >>> compute_residuals(program, np.array([3.0]), np.array([0.0]), np.array([1.0])).worst
    0.0
    """
    if not (np.isfinite(x).all() and np.isfinite(s).all() and np.isfinite(z).all()):
        nan = float("nan")
        return Residuals(nan, nan, nan, nan, nan, nan)
    product, adjoint = program.A @ x, program.A.T @ z
    primal_value, dual_value = float(program.c @ x), -float(program.b @ z)
    values = 1.0 + abs(primal_value) + abs(dual_value)
    return Residuals(
        primal=_largest(product + s - program.b) / (1.0 + _largest(product, s, program.b)),
        dual=_largest(adjoint + program.c) / (1.0 + _largest(adjoint, program.c)),
        primal_cone=cone_violation(program.cones, s) / (1.0 + _largest(s)),
        dual_cone=cone_violation(program.cones, z, dual=True) / (1.0 + _largest(z)),
        complementarity=abs(float(s @ z)) / values,
        gap=abs(primal_value - dual_value) / values,
    )


def cone_violation(cones: Cones, vector: Vector, *, dual: bool = False) -> float:
    """Return how far a vector is outside K (or K*): 0 inside, never negative.

    Equality rows count with their absolute value (not at all for K*), inequality rows with their
    negative part, second-order cones with ``|u| - t`` and PSD blocks with minus the smallest
    eigenvalue; the largest of all is returned, in the units of the vector.
    """
    worst = 0.0 if dual else _largest(vector[: cones.zero])
    nonnegative = vector[cones.nonnegative_slice]
    if nonnegative.size:
        worst = max(worst, -float(nonnegative.min()))
    for rows in cones.second_order_slices():
        block = vector[rows]
        if block.size:
            worst = max(worst, float(np.linalg.norm(block[1:])) - float(block[0]))
    for _, eigenvalue in smallest_eigenvalues(cones, vector):
        worst = max(worst, -float(eigenvalue.min()))
    return worst


def smallest_eigenvalues(
    cones: Cones, vector: Vector
) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Return the smallest eigenvalue of each PSD block, batched by block size.

    Returns
    -------
    list of (blocks, eigenvalues)
        One pair for each side that occurs: indices into ``cones.psd`` and the smallest eigenvalue
        of each of these blocks. Blocks of side 0 are left out.
    """
    groups: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for block, (side, rows) in enumerate(zip(cones.psd, cones.psd_slices(), strict=True)):
        if side:
            groups[side].append((block, rows.start))
    result: list[tuple[NDArray[np.int64], Vector]] = []
    for side, members in groups.items():
        blocks, starts = np.array(members, dtype=np.int64).T
        entries = vector[starts[:, None] + np.arange(svec_length(side))]
        smallest = np.linalg.eigvalsh(smat(entries))[:, 0]
        result.append((blocks, np.asarray(smallest, dtype=np.float64)))
    return result


def solution_residuals(program: ConicProgram, solution: ConicSolution) -> Residuals:
    """Return :func:`compute_residuals` of a solution."""
    return compute_residuals(program, solution.x, solution.s, solution.z)


@dataclass(frozen=True, slots=True)
class RayResiduals:
    """How well a certificate of infeasibility or unboundedness holds; 0 is perfect.

    Parameters
    ----------
    equation
        Largest entry of ``A^T z`` (or ``A x + s``) for the ray scaled to objective -1.
    cone
        Distance of that ray from its cone.
    """

    equation: float
    cone: float

    @property
    def worst(self) -> float:
        """The larger of the two."""
        return float(np.max([self.equation, self.cone]))


def infeasibility_residuals(program: ConicProgram, z: Vector) -> RayResiduals:
    """Check a dual ray, ``A^T z = 0``, z in K*, ``b @ z < 0``: no feasible x exists.

    Infinite where ``b @ z`` is not negative.
    """
    value = -float(program.b @ z)
    if not value > 0:
        return RayResiduals(float("inf"), float("inf"))
    ray = z / value
    return RayResiduals(_largest(program.A.T @ ray), cone_violation(program.cones, ray, dual=True))


def unboundedness_residuals(program: ConicProgram, x: Vector, s: Vector) -> RayResiduals:
    """Check a primal ray, ``A x + s = 0``, s in K, ``c @ x < 0``: the objective has no minimum.

    Infinite where ``c @ x`` is not negative.
    """
    value = -float(program.c @ x)
    if not value > 0:
        return RayResiduals(float("inf"), float("inf"))
    return RayResiduals(
        _largest(program.A @ (x / value) + s / value), cone_violation(program.cones, s / value)
    )


def _largest(*vectors: Vector) -> float:
    return max((float(np.abs(vector).max()) for vector in vectors if vector.size), default=0.0)
