r"""Symmetric matrices that are only known through what they do to a factor.

A first-order relaxation ``maximise ⟨C, X⟩`` with ``X = V Vᵀ`` needs the objective in two ways: the
product ``C V`` at every step, and the dense matrix once, when the bound is proven. Each operator
offers both, and the second one says how far rounding may have moved it.

The rounding model is the standard one (N. Higham, *Accuracy and Stability of Numerical Algorithms*,
2nd ed., chapter 3): an inner product of length ``k`` evaluated in any order differs from the exact
one by at most ``γ_k Σ|a_i||b_i|`` with ``γ_k = k u / (1 − k u)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from polyopt.errors import InvalidProblemError

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rounding:
    """How far an assembled matrix may be from the exact one.

    The distance is at most ``γ_operations · majorant`` in every absolute row sum.

    Attributes
    ----------
    majorant : (m,) float array
        Row sums of the matrix with every term replaced by its absolute value.
    operations : int
        Number of roundings on the way to one entry.
    """

    majorant: Floats
    operations: int


def to_dense(matrix: Floats | sp.csr_array) -> Floats:
    """Return a matrix as a dense array."""
    return np.asarray(matrix.toarray() if sp.issparse(matrix) else matrix)  # type: ignore[union-attr]


class SymmetricOperator(Protocol):
    """A symmetric matrix ``C`` of side m: ``C V``, and its dense form for the proof."""

    def apply(self, factor: Floats) -> Floats:
        """Return ``C V`` for a factor ``V`` of shape (m, r)."""
        ...

    def add_to(self, matrix: Floats) -> Rounding:
        """Add ``C`` to a dense symmetric matrix in place and bound the rounding errors."""
        ...

    def cast(self, dtype: npt.DTypeLike) -> Self:
        """Return the operator with its data in another precision, for the optimiser alone."""
        ...


@dataclass(frozen=True, slots=True)
class MatrixOperator:
    """A symmetric matrix given explicitly, dense or sparse.

    Attributes
    ----------
    matrix : (m, m) array or sparse array
        Must equal its transpose exactly.

    Examples
    --------
    >>> import numpy as np
    >>> MatrixOperator(np.array([[0.0, 1.0], [1.0, 0.0]])).apply(np.array([[2.0], [3.0]]))
    array([[3.],
           [2.]])
    """

    matrix: Floats | sp.csr_array

    def __post_init__(self) -> None:
        difference = abs(self.matrix - self.matrix.T)
        if difference.max() != 0.0:
            raise InvalidProblemError(
                "the objective matrix is not symmetric "
                f"(largest difference to its transpose {float(difference.max()):.3g}); "
                "pass (C + C.T) / 2"
            )

    def apply(self, factor: Floats) -> Floats:
        """Return ``C V``."""
        return np.asarray(self.matrix @ factor)

    def cast(self, dtype: npt.DTypeLike) -> MatrixOperator:
        """Return the operator in another precision."""
        return MatrixOperator(self.matrix.astype(dtype))

    def add_to(self, matrix: Floats) -> Rounding:
        """Add the matrix; the entries themselves are exact."""
        if sp.issparse(self.matrix):
            coo = sp.coo_array(self.matrix)
            coo.sum_duplicates()
            matrix[coo.coords] += coo.data
        else:
            matrix += self.matrix
        rows = np.asarray(abs(self.matrix).sum(axis=1)).ravel()
        return Rounding(rows, 1)


@dataclass(frozen=True, slots=True)
class BilinearOperator:
    r"""The form ``Σ_ij B_ij w_j X[rows_i, columns_j]`` between two disjoint sets of rows.

    The factor ``w`` is kept apart so that a product such as ``Aᵀ diag(c)`` enters the proof as the
    exact data and not as its rounded value.

    Attributes
    ----------
    rows : (k,) int array
    columns : (l,) int array
    block : (k, l) array or sparse array
        ``B``.
    weights : (l,) float array
        ``w``.
    """

    rows: Integers
    columns: Integers
    block: Floats | sp.csr_array
    weights: Floats

    def __post_init__(self) -> None:
        if self.block.shape != (len(self.rows), len(self.columns)):
            raise InvalidProblemError(
                f"the block has shape {self.block.shape}, but there are {len(self.rows)} rows and "
                f"{len(self.columns)} columns"
            )
        if self.weights.shape != (len(self.columns),):
            raise InvalidProblemError(
                f"weights have shape {self.weights.shape}, expected ({len(self.columns)},)"
            )
        if len(np.unique(np.concatenate([self.rows, self.columns]))) < sum(self.block.shape):
            raise InvalidProblemError("rows and columns of a bilinear block must be disjoint")

    def apply(self, factor: Floats) -> Floats:
        """Return ``C V`` with ``C`` the symmetric matrix of the form."""
        out = np.zeros_like(factor)
        half = (self.weights / 2)[:, None]
        out[self.rows] = self.block @ (half * factor[self.columns])
        out[self.columns] = half * (self.block.T @ factor[self.rows])
        return out

    def cast(self, dtype: npt.DTypeLike) -> BilinearOperator:
        """Return the operator in another precision."""
        return BilinearOperator(
            self.rows, self.columns, self.block.astype(dtype), self.weights.astype(dtype)
        )

    def add_to(self, matrix: Floats) -> Rounding:
        """Add both halves of the symmetric matrix of the form."""
        dense = to_dense(self.block)
        half = dense * (0.5 * self.weights)
        matrix[np.ix_(self.rows, self.columns)] += half
        matrix[np.ix_(self.columns, self.rows)] += half.T
        majorant = np.zeros(len(matrix))
        majorant[self.rows] = np.abs(half).sum(axis=1)
        majorant[self.columns] = np.abs(half).sum(axis=0)
        return Rounding(majorant, 2)
