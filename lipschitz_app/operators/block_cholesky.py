r"""Cholesky inside an envelope, block by block, while the matrix is still being summed.

A matrix M whose row i has no entry left of column ``first[i]`` (``first`` nondecreasing) has a
Cholesky factor in the same envelope (A. George, J. W. Liu, *Computer Solution of Large Sparse
Positive Definite Systems*, 1981, section 4). The lower triangle is kept as square blocks; a block
column is factored and forgotten as soon as nothing will be added to it, so the memory is that of
the moving window, not of the matrix.
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
        Side of the blocks.
    """

    def __init__(self, target: FloatArray, first: IntArray, block: int) -> None:
        self.size = target.size
        self.block = max(1, min(block, self.size))
        self.count = -(-self.size // self.block)
        self._target = target
        starts = np.arange(0, self.size, self.block)
        leftmost = np.asarray(first)[starts] // self.block
        # The last block row whose envelope reaches block column j.
        self._last = np.searchsorted(leftmost, np.arange(self.count), side="right") - 1
        self.half_width = int(max(((self._last - np.arange(self.count)) + 1) * self.block))
        self._done = 0
        self._blocks: dict[tuple[int, int], FloatArray] = {}

    def _side(self, index: int) -> int:
        return min(self.block, self.size - index * self.block)

    def _get(self, i: int, j: int) -> FloatArray:
        found = self._blocks.get((i, j))
        if found is None:
            found = np.zeros((self._side(i), self._side(j)), order="F")
            if i == j:
                start = i * self.block
                np.fill_diagonal(found, self._target[start : start + found.shape[0]])
            self._blocks[i, j] = found
        return found

    def subtract(self, indices: IntArray, gram: FloatArray) -> None:
        """Subtract a Gram matrix; `indices` increase, only the lower triangle of `gram` is read."""
        breaks = np.flatnonzero((np.diff(indices) != 1) | (np.diff(indices // self.block) != 0))
        edges = [0, *(int(b) + 1 for b in breaks), indices.size]
        pieces = []
        for low, high in itertools.pairwise(edges):
            owner, start = divmod(int(indices[low]), self.block)
            pieces.append((low, high, owner, slice(start, start + high - low)))
        for a, (low, high, i, rows) in enumerate(pieces):
            for left, right, j, columns in pieces[: a + 1]:
                self._get(i, j)[rows, columns] -= gram[low:high, left:right]

    def eliminate(self, until: int) -> bool:
        """Factor all blocks that end at or before index `until`; False if one is not definite."""
        stop = self.count if until >= self.size else until // self.block
        for j in range(self._done, stop):
            if not self._eliminate_block(j):
                return False
        self._done = max(self._done, stop)
        return True

    def _eliminate_block(self, j: int) -> bool:
        factor, info = lapack.dpotrf(self._get(j, j), lower=1, clean=0, overwrite_a=1)
        if info != 0:
            return False
        del self._blocks[j, j]
        panel: list[tuple[int, FloatArray]] = []
        for i in range(j + 1, int(self._last[j]) + 1):
            current = self._blocks.pop((i, j), None)
            if current is None:
                continue
            solved = blas.dtrsm(1.0, factor, current, side=1, lower=1, trans_a=1, overwrite_b=1)
            panel.append((i, solved))
        for a, (i, left) in enumerate(panel):
            diagonal = self._get(i, i)
            self._blocks[i, i] = blas.dsyrk(
                -1.0, left, beta=1.0, c=diagonal, lower=1, overwrite_c=1
            )
            for k, right in panel[:a]:
                self._blocks[i, k] = blas.dgemm(
                    -1.0, left, right, beta=1.0, c=self._get(i, k), trans_b=1, overwrite_c=1
                )
        return True
