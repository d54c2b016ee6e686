"""Symmetric matrices as vectors: svec, smat and the orders that solvers use.

``svec`` lists the upper triangle column by column, ``(0,0), (0,1), (1,1), (0,2), ...``, with the
off-diagonal entries multiplied by sqrt(2), so that ``svec(X) @ svec(Y) == trace(X @ Y)`` (an
isometry between symmetric matrices with the trace inner product and R^{k(k+1)/2}; Alizadeh,
Haeberly and Overton, *SIAM J. Optim.* 8, 1998). SCS lists the lower triangle column by column;
:func:`lower_order` is the permutation between the two. A 2x2 matrix is positive semidefinite
exactly if its image under :data:`PSD2_TO_SOC` lies in the second-order cone.
"""

from __future__ import annotations

from functools import lru_cache
from math import isqrt
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

SQRT2 = float(np.sqrt(2.0))

#: Orthogonal map from ``svec([[a, b], [b, d]]) = (a, sqrt(2) b, d)`` to
#: ``((a + d)/sqrt(2), (a - d)/sqrt(2), sqrt(2) b)``, whose second-order cone is the 2x2 PSD cone.
PSD2_TO_SOC: NDArray[np.float64] = np.array(
    [[1 / SQRT2, 0.0, 1 / SQRT2], [1 / SQRT2, 0.0, -1 / SQRT2], [0.0, 1.0, 0.0]]
)
PSD2_TO_SOC.setflags(write=False)


class Triangle(NamedTuple):
    """Index arrays of the upper triangle in svec order; all of length k(k+1)/2, read-only."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    #: 1 on the diagonal, sqrt(2) elsewhere.
    weights: NDArray[np.float64]


def svec_length(side: int) -> int:
    """Return k(k+1)/2, the number of entries of ``svec`` of a k x k matrix.

    Examples
    --------
    >>> svec_length(4)
    10
    """
    return side * (side + 1) // 2


def svec_side(length: int) -> int:
    """Return the side k of the matrix whose ``svec`` has the given length.

    Raises
    ------
    ValueError
        If the length is not of the form k(k+1)/2.

    Examples
    --------
    >>> svec_side(10)
    4
    """
    side = (isqrt(8 * length + 1) - 1) // 2
    if svec_length(side) != length:
        raise ValueError(f"{length} is not k(k+1)/2 for any k, so no svec has that length")
    return side


@lru_cache(maxsize=256)
def triangle(side: int) -> Triangle:
    """Return the index arrays of the upper triangle of a matrix in svec order."""
    columns, rows = (index.astype(np.int64, copy=False) for index in np.tril_indices(side))
    weights = np.where(rows == columns, 1.0, SQRT2)
    for array in (rows, columns, weights):
        array.setflags(write=False)
    return Triangle(rows, columns, weights)


def svec(matrices: ArrayLike) -> NDArray[np.float64]:
    """Vectorise symmetric matrices; only the upper triangle is read.

    Parameters
    ----------
    matrices
        Array of shape ``(..., k, k)``.

    Returns
    -------
    numpy.ndarray
        Array of shape ``(..., k(k+1)/2)``.

    Examples
    --------
    >>> svec([[1.0, 2.0], [2.0, 3.0]]).round(4).tolist()
    [1.0, 2.8284, 3.0]
    """
    array = np.asarray(matrices, dtype=np.float64)
    if array.ndim < 2 or array.shape[-1] != array.shape[-2]:
        raise ValueError(f"svec needs square matrices (..., k, k), got shape {array.shape}")
    rows, columns, weights = triangle(array.shape[-1])
    result: NDArray[np.float64] = array[..., rows, columns] * weights
    return result


def smat(vectors: ArrayLike) -> NDArray[np.float64]:
    """Rebuild symmetric matrices from their vectors: the inverse of :func:`svec`.

    Parameters
    ----------
    vectors
        Array of shape ``(..., k(k+1)/2)``.

    Returns
    -------
    numpy.ndarray
        Array of shape ``(..., k, k)``, exactly symmetric.

    Examples
    --------
    >>> smat([1.0, 0.0, 3.0]).tolist()
    [[1.0, 0.0], [0.0, 3.0]]
    """
    array = np.asarray(vectors, dtype=np.float64)
    if array.ndim < 1:
        raise ValueError("smat needs vectors (..., k(k+1)/2), got a number")
    side = svec_side(array.shape[-1])
    rows, columns, weights = triangle(side)
    entries = array / weights
    result = np.empty((*array.shape[:-1], side, side))
    result[..., rows, columns] = entries
    result[..., columns, rows] = entries
    return result


@lru_cache(maxsize=64)
def smat_operator(side: int) -> sp.csc_array:
    """Return the sparse ``(k*k, k(k+1)/2)`` matrix of ``v -> smat(v).ravel()``."""
    rows, columns, weights = triangle(side)
    entry = np.arange(svec_length(side))
    off = rows != columns
    return sp.csc_array(
        (
            np.concatenate([1 / weights, 1 / weights[off]]),
            (
                np.concatenate([rows * side + columns, (columns * side + rows)[off]]),
                np.concatenate([entry, entry[off]]),
            ),
        ),
        shape=(side * side, svec_length(side)),
    )


@lru_cache(maxsize=256)
def lower_order(side: int) -> NDArray[np.int64]:
    """Return ``p`` such that ``svec(X)[p]`` is the lower triangle of X column by column.

    That is the order SCS wants (with the same sqrt(2) weights).

    Examples
    --------
    >>> lower_order(3).tolist()
    [0, 1, 3, 2, 4, 5]
    """
    columns, rows = np.triu_indices(side)
    # Entry (rows, columns) of the lower triangle is entry (columns, rows) of the upper one, which
    # stands behind all columns before `rows`.
    order = rows * (rows + 1) // 2 + columns
    order.setflags(write=False)
    return order.astype(np.int64, copy=False)
