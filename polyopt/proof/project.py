"""From a solver's approximate multipliers to ones that fit the identity better.

Two sets are to be met: the affine space ``Aᵀz + c = 0`` of exact identities and the cone of
multipliers. Alternating projections between them start at the solver's answer, which is close to
both. Nothing here has to be right: every iterate inside the cone gives a valid certificate whose
remainder is bounded elsewhere, and the best one is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import linalg

from polyopt.conic.program import Cones, ConicProgram
from polyopt.conic.svec import smat, svec

Array = NDArray[np.float64]

#: Products that ``AᵀA`` may take; beyond, only entries of PSD blocks are moved.
_LARGEST_GRAM = 2e7


def project_onto_cone(z: Array, cones: Cones, *, margin: float = 0.0) -> Array:
    """Nearest point of the dual cone; PSD blocks get eigenvalues of at least ``margin``.

    Examples
    --------
    >>> project_onto_cone(np.array([-1.0, -2.0, 3.0]), Cones(zero=1, nonnegative=2)).tolist()
    [-1.0, 0.0, 3.0]
    """
    result = z.copy()
    part = cones.nonnegative_slice
    result[part] = np.maximum(result[part], 0.0)
    for block in cones.second_order_slices():
        result[block] = _onto_second_order(result[block])
    for rows in _blocks_by_side(cones):
        values, vectors = np.linalg.eigh(smat(z[rows]))
        clipped = np.maximum(values, margin)
        result[rows] = svec((vectors * clipped[:, None, :]) @ vectors.swapaxes(1, 2))
    return result


def _onto_second_order(block: Array) -> Array:
    """Nearest point with ``|u| <= t``, block = (t, u)."""
    size = float(np.linalg.norm(block[1:]))
    if size <= block[0]:
        return block
    if size <= -block[0]:
        return np.zeros_like(block)
    middle = 0.5 * (size + float(block[0]))
    return np.concatenate([[middle], (middle / size) * block[1:]])


def shift_into_cone(z: Array, cones: Cones) -> Array:
    """Add a multiple of the identity to each PSD block that is not PSD; lift the other cones."""
    result = z.copy()
    part = cones.nonnegative_slice
    result[part] = np.maximum(result[part], 0.0)
    for block in cones.second_order_slices():
        result[block][:1] = max(float(result[block][0]), float(np.linalg.norm(result[block][1:])))
    for rows in _blocks_by_side(cones):
        matrices = smat(z[rows])
        low = np.linalg.eigvalsh(matrices)[:, 0]
        shift = np.maximum(0.0, -low) * (1.0 + 1e-12)
        result[rows] = svec(matrices + shift[:, None, None] * np.eye(matrices.shape[1]))
    return result


def identity_projector(program: ConicProgram) -> Callable[[Array], Array]:
    """Projection onto ``{z : Aᵀz + c = 0}``, factored once.

    The Gram matrix ``AᵀA`` is diagonal where every entry of the blocks is one moment, and sparse
    otherwise. Where dense rows would fill it, as constraints in all entries of one large block do,
    the residual of each moment goes to the entries of PSD blocks that are this moment alone.
    """
    A = sparse.csc_array(program.A)
    per_row = np.diff(sparse.csr_array(A).indptr).astype(np.float64)
    if float(per_row @ per_row) > _LARGEST_GRAM + A.nnz:
        return _entry_projector(program, A, per_row)
    gram = sparse.csc_array(A.T @ A)
    diagonal = gram.diagonal()
    off = gram - sparse.diags_array(diagonal)
    off.eliminate_zeros()
    if off.nnz == 0:
        safe = np.where(diagonal > 0, diagonal, 1.0)
        return lambda z: z - A @ ((A.T @ z + program.c) / safe)
    ridge = 1e-14 * max(1.0, float(diagonal.max(initial=0.0)))
    solve = linalg.splu(sparse.csc_matrix(gram + ridge * sparse.eye_array(len(diagonal)))).solve
    return lambda z: z - A @ solve(A.T @ z + program.c)


def _entry_projector(
    program: ConicProgram, A: sparse.csc_array, per_row: Array
) -> Callable[[Array], Array]:
    first = program.cones.rows - sum(side * (side + 1) // 2 for side in program.cones.psd)
    single = (per_row == 1) & (np.arange(len(per_row)) >= first)
    entries = sparse.csc_array(sparse.diags_array(single.astype(np.float64)) @ A)
    weight = np.asarray(entries.multiply(entries).sum(axis=0)).ravel()
    safe = np.where(weight > 0, weight, 1.0)
    return lambda z: z - entries @ ((A.T @ z + program.c) / safe)


def candidates(program: ConicProgram, z: Array, steps: int) -> Iterator[Array]:
    """Multipliers inside the cone, each hoped to be better than the one before."""
    cones = program.cones
    yield project_onto_cone(z, cones)
    onto_identity = identity_projector(program)
    for step in range(steps):
        fitted = onto_identity(z)
        yield shift_into_cone(fitted, cones)
        z = project_onto_cone(fitted, cones)
        # Intermediate points of a converging sequence are worth a look only now and then.
        if step in (0, 2, 5) or step == steps - 1:
            yield z


def _blocks_by_side(cones: Cones) -> Iterator[NDArray[np.intp]]:
    """Row indices of all PSD blocks of one side, shape (blocks, side (side + 1) / 2)."""
    starts: dict[int, list[int]] = {}
    for side, rows in zip(cones.psd, cones.psd_slices(), strict=True):
        starts.setdefault(side, []).append(rows.start)
    for side, first in starts.items():
        yield np.asarray(first)[:, None] + np.arange(side * (side + 1) // 2)[None, :]
