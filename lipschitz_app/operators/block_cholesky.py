r"""Cholesky inside an envelope, block by block, while the matrix is still being summed.

A matrix M whose row i has no entry left of column ``first[i]`` (``first`` nondecreasing) has a
Cholesky factor in the same envelope (A. George, J. W. Liu, *Computer Solution of Large Sparse
Positive Definite Systems*, 1981, section 4). The lower triangle is kept as block columns, each
transposed so that any number of its leading rows is contiguous and an update is one matrix product.
A block column is factored and forgotten as soon as nothing will be added to it, so the memory is
that of the moving window, not of the matrix.
"""

from __future__ import annotations

import itertools
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, lapack

from lipschitz_app.rounding import FloatArray

IntArray: TypeAlias = NDArray[np.int64]


class EnvelopeCholesky:
    """Tests whether ``diag(target) - (sum of added Gram matrices)`` factors.

    Parameters
    ----------
    target : array, shape (n,)
        Diagonal the Gram matrices are subtracted from.
    first : int array, shape (n,), nondecreasing
        First column that row i may couple to.
    block : int
        Width of the block columns.
    """

    def __init__(self, target: FloatArray, first: IntArray, block: int) -> None:
        self.size = target.size
        self.block = max(1, min(block, self.size))
        self.count = -(-self.size // self.block)
        self._target = target
        starts = np.arange(0, self.size, self.block)
        leftmost = np.asarray(first)[starts] // self.block
        # The last block row whose envelope reaches block column j.
        last = np.searchsorted(leftmost, np.arange(self.count), side="right") - 1
        self._ends = np.minimum((last + 1) * self.block, self.size)
        self.half_width = int(max(((last - np.arange(self.count)) + 1) * self.block))
        self._done = 0
        # Block column j, rows j * block to ends[j], transposed.
        self._columns: dict[int, FloatArray] = {}

    def _column(self, j: int) -> FloatArray:
        found = self._columns.get(j)
        if found is None:
            start = j * self.block
            side = min(self.block, self.size - start)
            found = np.zeros((side, int(self._ends[j]) - start), order="F")
            np.fill_diagonal(found[:, :side], self._target[start : start + side])
            self._columns[j] = found
        return found

    def subtract(self, indices: IntArray, gram: FloatArray) -> None:
        """Subtract a Gram matrix; `indices` increase, only the upper triangle of `gram` is read."""
        breaks = np.flatnonzero((np.diff(indices) != 1) | (np.diff(indices // self.block) != 0))
        edges = [0, *(int(b) + 1 for b in breaks), indices.size]
        pieces = list(itertools.pairwise(edges))
        for b, (left, right) in enumerate(pieces):
            j, offset = divmod(int(indices[left]), self.block)
            column, start = self._column(j), j * self.block
            columns = slice(offset, offset + right - left)
            for low, high in pieces[b:]:
                row = int(indices[low]) - start
                column[columns, row : row + high - low] -= gram[left:right, low:high]

    def eliminate(self, until: int) -> bool:
        """Factor all blocks that end at or before index `until`; False if one is not definite."""
        stop = self.count if until >= self.size else until // self.block
        for j in range(self._done, stop):
            if not self._eliminate_column(j):
                return False
        self._done = max(self._done, stop)
        return True

    def _eliminate_column(self, j: int) -> bool:
        column = self._column(j)
        del self._columns[j]
        side = column.shape[0]
        # The transposed block is symmetric with its upper triangle set.
        factor, info = lapack.dpotrf(column[:, :side], lower=0, clean=0)
        if info != 0:
            return False
        if column.shape[1] == side:
            return True
        panel = blas.dtrsm(1.0, factor, column[:, side:], trans_a=1, overwrite_b=1)
        start = (j + 1) * self.block
        for i in range(j + 1, -(-int(self._ends[j]) // self.block)):
            rest = panel[:, i * self.block - start :]
            # Only leading rows of the other column are met, which are contiguous.
            met = self._column(i)[:, : rest.shape[1]]
            left = rest[:, : met.shape[0]]
            done = blas.dgemm(-1.0, left, rest, beta=1.0, c=met, trans_a=1, overwrite_c=1)
            if not np.may_share_memory(done, met):
                met[...] = done
        return True
