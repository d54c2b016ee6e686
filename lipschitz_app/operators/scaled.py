"""The operator ``diag(r) A diag(d)`` of the layer bound, with r and d nonnegative."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse

from lipschitz_app.operators.base import AffineOperator, flat_vector
from lipschitz_app.rounding import FloatArray


class ScaledOperator(AffineOperator):
    """Linear operator ``diag(rows) A diag(columns)``; the bias of A plays no part.

    Parameters
    ----------
    inner : AffineOperator
    rows : array, shape (output_size,), nonnegative; None for ones
    columns : array, shape (input_size,), nonnegative; None for ones
    """

    def __init__(
        self,
        inner: AffineOperator,
        rows: FloatArray | None = None,
        columns: FloatArray | None = None,
    ) -> None:
        self.inner = inner
        self.input_shape, self.output_shape = inner.input_shape, inner.output_shape
        ones_out, ones_in = np.ones(inner.output_size), np.ones(inner.input_size)
        self.rows = flat_vector(ones_out if rows is None else rows, ones_out.size, "row scale")
        self.columns = flat_vector(
            ones_in if columns is None else columns, ones_in.size, "column scale"
        )
        self.bias = np.zeros(inner.output_size)
        self.bias_error = np.zeros(inner.output_size)
        self.entry_roundings = inner.entry_roundings

    @property
    def row_terms(self) -> int:
        """Most nonzero entries in a row."""
        return self.inner.row_terms

    @property
    def column_terms(self) -> int:
        """Most nonzero entries in a column."""
        return self.inner.column_terms

    def apply(self, v: FloatArray) -> FloatArray:
        """Return ``A v``."""
        return self.rows * self.inner.apply(self.columns * v)

    def adjoint(self, w: FloatArray) -> FloatArray:
        """Return ``A^T w``."""
        return self.columns * self.inner.adjoint(self.rows * w)

    def map_entries(self, function: Callable[[FloatArray], FloatArray]) -> ScaledOperator:
        """Return the operator with the function of each entry, without bias."""
        # Holds for the multiplicative functions in use (absolute value, square).
        return ScaledOperator(
            self.inner.map_entries(function), function(self.rows), function(self.columns)
        )

    def then_diagonal(
        self, scale: FloatArray, shift: FloatArray, roundings: int, shift_error: FloatArray
    ) -> None:
        """Return this map followed by a diagonal one; see the base class."""
        return None

    def to_sparse(self) -> scipy.sparse.csr_array:
        """Return A as a sparse matrix."""
        matrix = self.inner.to_sparse()
        left, right = (scipy.sparse.diags_array(x) for x in (self.rows, self.columns))
        return scipy.sparse.csr_array(left @ matrix @ right)
