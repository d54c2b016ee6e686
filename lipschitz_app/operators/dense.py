"""Fully connected layers, and channelwise scalings that stand alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike

from lipschitz_app.errors import InvalidNetworkError
from lipschitz_app.operators.base import AffineOperator, Shape, flat_vector
from lipschitz_app.rounding import FloatArray, gamma


def _after(
    operator: AffineOperator,
    scale: FloatArray,
    shift: FloatArray,
    roundings: int,
    shift_error: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return the bias, and its error, of ``scale * (A x + b) + shift``."""
    bias = scale * operator.bias + shift
    relative = gamma(roundings + operator.entry_roundings + 2)
    error = relative * (np.abs(scale * operator.bias) + np.abs(shift))
    return bias, error + np.abs(scale) * operator.bias_error * (1 + relative) + shift_error


class DenseOperator(AffineOperator):
    """The map ``x -> matrix @ x + bias``.

    Parameters
    ----------
    matrix : array, shape (m, n)
    bias : array, shape (m,); default zeros

    Raises
    ------
    InvalidNetworkError
        Not a matrix, entries not finite, or a bias of another size.

    Examples
    --------
    >>> import numpy as np
    >>> DenseOperator(np.array([[3.0, 4.0]]), [1.0])(np.ones(2)).tolist()
    [8.0]
    """

    def __init__(self, matrix: ArrayLike, bias: ArrayLike | None = None) -> None:
        array = np.asarray(matrix, dtype=np.float64)
        if array.ndim != 2 or array.size == 0:
            raise InvalidNetworkError(
                f"weights have shape {array.shape}; a matrix (outputs, inputs) is needed"
            )
        if not np.isfinite(array).all():
            raise InvalidNetworkError("weights have entries that are not finite")
        self.matrix = array
        self.output_shape, self.input_shape = (array.shape[0],), (array.shape[1],)
        self.bias = flat_vector(bias, array.shape[0], "bias")
        self.bias_error = np.zeros(array.shape[0])
        self.entry_roundings = 0

    @property
    def row_terms(self) -> int:
        """Most nonzero entries in a row."""
        return self.input_size

    @property
    def column_terms(self) -> int:
        """Most nonzero entries in a column."""
        return self.output_size

    def apply(self, v: FloatArray) -> FloatArray:
        """Return ``A v``."""
        return np.asarray(v @ self.matrix.T)

    def adjoint(self, w: FloatArray) -> FloatArray:
        """Return ``A^T w``."""
        return np.asarray(w @ self.matrix)

    def map_entries(self, function: Callable[[FloatArray], FloatArray]) -> DenseOperator:
        """Return the operator with the function of each entry, without bias."""
        result = DenseOperator(function(self.matrix))
        result.entry_roundings = self.entry_roundings
        return result

    def then_diagonal(
        self, scale: FloatArray, shift: FloatArray, roundings: int, shift_error: FloatArray
    ) -> DenseOperator:
        """Return this map followed by a diagonal one; see the base class."""
        bias, error = _after(self, scale, shift, roundings, shift_error)
        result = DenseOperator(scale[:, None] * self.matrix, bias)
        result.bias_error = error
        result.entry_roundings = self.entry_roundings + roundings + 1
        return result

    def to_sparse(self) -> scipy.sparse.csr_array:
        """Return A as a sparse matrix."""
        return scipy.sparse.csr_array(self.matrix)

    def to_matrix(self) -> FloatArray:
        """Return A."""
        return self.matrix


class DiagonalOperator(AffineOperator):
    """The map ``x -> scale * x + bias`` on arrays of one shape.

    Parameters
    ----------
    scale, bias : arrays with as many entries as `shape`
    shape : tuple of int
    """

    def __init__(self, scale: ArrayLike, bias: ArrayLike | None, shape: Shape) -> None:
        self.input_shape = self.output_shape = shape
        self.scale = flat_vector(scale, self.input_size, "scale")
        self.bias = flat_vector(bias, self.input_size, "bias")
        self.bias_error = np.zeros(self.input_size)
        self.entry_roundings = 0

    @property
    def row_terms(self) -> int:
        """Most nonzero entries in a row."""
        return 1

    @property
    def column_terms(self) -> int:
        """Most nonzero entries in a column."""
        return 1

    def apply(self, v: FloatArray) -> FloatArray:
        """Return ``A v``."""
        return np.asarray(self.scale * v)

    def adjoint(self, w: FloatArray) -> FloatArray:
        """Return ``A^T w``."""
        return np.asarray(self.scale * w)

    def map_entries(self, function: Callable[[FloatArray], FloatArray]) -> DiagonalOperator:
        """Return the operator with the function of each entry, without bias."""
        result = DiagonalOperator(function(self.scale), None, self.input_shape)
        result.entry_roundings = self.entry_roundings
        return result

    def then_diagonal(
        self, scale: FloatArray, shift: FloatArray, roundings: int, shift_error: FloatArray
    ) -> DiagonalOperator:
        """Return this map followed by a diagonal one; see the base class."""
        bias, error = _after(self, scale, shift, roundings, shift_error)
        result = DiagonalOperator(scale * self.scale, bias, self.input_shape)
        result.bias_error = error
        result.entry_roundings = self.entry_roundings + roundings + 1
        return result

    def to_sparse(self) -> scipy.sparse.csr_array:
        """Return A as a sparse matrix."""
        return scipy.sparse.csr_array(scipy.sparse.diags_array(self.scale))
