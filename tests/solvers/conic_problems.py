"""Conic programs with known answers, shared by the solver tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from polyopt.conic import Cones, ConicProgram, svec, svec_length
from polyopt.conic.svec import triangle
from polyopt.solvers import ConeKind


@dataclass(frozen=True)
class Known:
    program: ConicProgram
    value: float
    kinds: frozenset[ConeKind]


_LP = frozenset({ConeKind.ZERO, ConeKind.NONNEGATIVE})


def _symmetric_unit(side: int, i: int, j: int) -> np.ndarray:
    matrix = np.zeros((side, side))
    matrix[i, j] = matrix[j, i] = 1.0 if i == j else 0.5
    return svec(matrix)


def dantzig() -> Known:
    """Maximise 3x + 5y, x <= 4, 2y <= 12, 3x + 2y <= 18, x, y >= 0: 36 at (2, 6) (Wyndor)."""
    A = np.array([[1, 0], [0, 2], [3, 2], [-1, 0], [0, -1.0]])
    program = ConicProgram([-3.0, -5.0], A, [4.0, 12, 18, 0, 0], Cones(nonnegative=5))
    return Known(program, -36.0, _LP)


def transport() -> Known:
    """Two sources (20, 30), two sinks (25, 25), costs 4 6 / 5 3: 20*4 + 5*5 + 25*3 = 180."""
    balance = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 0, 1.0]])
    A = np.vstack([balance, -np.eye(4)])
    b = np.array([20, 30, 25, 25, 0, 0, 0, 0.0])
    program = ConicProgram([4.0, 6, 5, 3], A, b, Cones(zero=4, nonnegative=4), offset=1.0)
    return Known(program, 181.0, _LP)


def projection() -> Known:
    """Distance from (3, 4) to the line x + y = 1: 6 / sqrt(2)."""
    A = sp.csc_array(np.array([[0, 1, 1], [-1, 0, 0], [0, -1, 0], [0, 0, -1.0]]))
    program = ConicProgram([1.0, 0, 0], A, [1.0, 0.0, -3.0, -4.0], Cones(zero=1, second_order=(3,)))
    return Known(program, 6 / np.sqrt(2), frozenset({ConeKind.ZERO, ConeKind.SECOND_ORDER}))


def maxcut_cycle() -> Known:
    """Goemans-Williamson bound of the 5-cycle: 5/2 (1 + cos(pi/5)) = 4.522542."""
    side = 5
    laplacian = 2 * np.eye(side)
    for i in range(side):
        j = (i + 1) % side
        laplacian[i, j] = laplacian[j, i] = -1.0
    index = triangle(side)
    diagonal = np.flatnonzero(index.rows == index.columns)
    n = svec_length(side)
    unit = sp.csc_array((np.ones(side), (np.arange(side), diagonal)), shape=(side, n))
    program = ConicProgram(
        -svec(laplacian) / 4,
        sp.vstack([unit, -sp.eye_array(n)]),
        np.concatenate([np.ones(side), np.zeros(n)]),
        Cones(zero=side, psd=(side,)),
    )
    value = -2.5 * (1 + np.cos(np.pi / 5))
    return Known(program, value, frozenset({ConeKind.ZERO, ConeKind.PSD}))


def lovasz_theta() -> Known:
    """Lovasz number of the 5-cycle: sqrt(5) (Lovasz 1979, Theorem 2)."""
    side = 5
    n = svec_length(side)
    equations = [svec(np.eye(side))]
    equations += [_symmetric_unit(side, i, (i + 1) % side) for i in range(side)]
    A = np.vstack([*equations, -np.eye(n)])
    b = np.concatenate([[1.0], np.zeros(side + n)])
    program = ConicProgram(-svec(np.ones((side, side))), A, b, Cones(zero=side + 1, psd=(side,)))
    return Known(program, -np.sqrt(5), frozenset({ConeKind.ZERO, ConeKind.PSD}))


def smallest_eigenvalue_2x2() -> Known:
    """Largest t with [[2, 1], [1, 5]] - t I PSD: (7 - sqrt(13)) / 2."""
    program = ConicProgram(
        [-1.0],
        svec(np.eye(2))[:, None],
        svec(np.array([[2.0, 1.0], [1.0, 5.0]])),
        Cones(psd=(2,)),
    )
    return Known(program, -(7 - np.sqrt(13)) / 2, frozenset({ConeKind.PSD}))


def small_blocks() -> Known:
    """1x1, 2x2 and empty blocks: minimise x + y with x >= 1 (1x1) and [[x, 2], [2, y]] PSD: 4."""
    A = np.zeros((4, 2))
    A[0, 0] = -1.0
    A[1, 0], A[3, 1] = -1.0, -1.0
    b = np.array([-1.0, 0.0, 2.0 * np.sqrt(2), 0.0])
    program = ConicProgram([1.0, 1.0], A, b, Cones(second_order=(0,), psd=(1, 0, 2)))
    return Known(program, 4.0, frozenset({ConeKind.PSD}))


def mixed() -> Known:
    """All cones at once; the answer is known because primal and dual were chosen first."""
    rng = np.random.default_rng(7)
    cones = Cones(zero=2, nonnegative=3, second_order=(1, 2, 4), psd=(3, 1, 2, 4))
    G = rng.standard_normal((cones.rows, 9))
    x = rng.standard_normal(9)
    s, z = complementary_pair(cones, rng)
    program = ConicProgram(-G.T @ z, G, G @ x + s, cones, offset=-2.0)
    return Known(program, program.primal_objective(x), frozenset(ConeKind))


def complementary_pair(cones: Cones, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return s in K and z in K* with s @ z = 0, strictly complementary."""
    s, z = np.zeros(cones.rows), np.zeros(cones.rows)
    z[: cones.zero] = rng.standard_normal(cones.zero)
    for number, row in enumerate(range(*cones.nonnegative_slice.indices(cones.rows))):
        (s if number % 2 else z)[row] = 1.0 + number
    for rows in cones.second_order_slices():
        size = rows.stop - rows.start
        u = rng.standard_normal(size - 1)
        length = np.linalg.norm(u)
        s[rows] = np.concatenate([[length], u])
        z[rows] = np.concatenate([[length], -u]) if size > 1 else [1.0]
    for side, rows in zip(cones.psd, cones.psd_slices(), strict=True):
        basis = np.linalg.qr(rng.standard_normal((side, side)))[0]
        weights = np.arange(side) % 2
        s[rows] = svec(basis @ np.diag(weights) @ basis.T)
        z[rows] = svec(basis @ np.diag(1.0 - weights) @ basis.T)
    return s, z


KNOWN = {
    function.__name__: function()
    for function in (
        dantzig,
        transport,
        projection,
        maxcut_cycle,
        lovasz_theta,
        smallest_eigenvalue_2x2,
        small_blocks,
        mixed,
    )
}


def _infeasible() -> dict[str, ConicProgram]:
    lp = ConicProgram([1.0], [[1.0], [-1.0]], [1.0, -2.0], Cones(nonnegative=2))
    equations = ConicProgram([0.0, 0.0], np.ones((2, 2)), [1.0, 2.0], Cones(zero=2))
    # [[x, 1, 0], [1, 0.5, 0], [0, 0, 1]] PSD and x <= 1.
    A = np.zeros((7, 1))
    A[0], A[1] = 1.0, -1.0
    matrix = np.array([[0.0, 1.0, 0.0], [1.0, 0.5, 0.0], [0.0, 0.0, 1.0]])
    sdp = ConicProgram([1.0], A, np.r_[1.0, svec(matrix)], Cones(nonnegative=1, psd=(3,)))
    return {"lp": lp, "equations": equations, "sdp": sdp}


def _unbounded() -> dict[str, ConicProgram]:
    lp = ConicProgram([1.0, 0.0], np.eye(2), [1.0, 1.0], Cones(nonnegative=2))
    free = ConicProgram([1.0, 1.0], [[1.0, 2.0]], [3.0], Cones(zero=1))
    identity = svec(np.eye(3))
    sdp = ConicProgram([-1.0], -identity[:, None], np.zeros(6), Cones(psd=(3,)))
    return {"lp": lp, "equations": free, "sdp": sdp}


INFEASIBLE = _infeasible()
UNBOUNDED = _unbounded()


def hard_maxcut(side: int) -> ConicProgram:
    """One PSD block large enough to keep a solver busy."""
    weights = np.random.default_rng(0).standard_normal((side, side))
    index = triangle(side)
    diagonal = np.flatnonzero(index.rows == index.columns)
    n = svec_length(side)
    unit = sp.csc_array((np.ones(side), (np.arange(side), diagonal)), shape=(side, n))
    return ConicProgram(
        svec(weights + weights.T),
        sp.vstack([unit, -sp.eye_array(n)]),
        np.concatenate([np.ones(side), np.zeros(n)]),
        Cones(zero=side, psd=(side,)),
    )


def random_lp(rows: int, columns: int) -> ConicProgram:
    """A feasible bounded linear program with a sparse random matrix."""
    rng = np.random.default_rng(0)
    A = sp.random_array((rows, columns), density=0.02, rng=rng, format="csc")
    A = A + sp.vstack([sp.eye_array(columns), -sp.eye_array(rows - columns, columns)])
    b = A @ rng.standard_normal(columns) + rng.random(rows)
    return ConicProgram(-(A.T @ rng.random(rows)), A, b, Cones(nonnegative=rows))
