r"""Affine maps :math:`x \mapsto A x + b` given by their products, never by a matrix unless asked.

Every method here costs a few products. ``|A|`` and ``A∘A`` are operators of the same structure, so
row norms and rounding errors take one product each: :math:`\|a_i^T D\|^2 = ((A \circ A) d^2)_i`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike

from lipschitz_app.errors import InvalidNetworkError, InvalidPointError
from lipschitz_app.norms import as_norm
from lipschitz_app.rounding import FloatArray, Norm, gamma, inflate

if TYPE_CHECKING:
    from lipschitz_app.operators.scaled import ScaledOperator

Shape = tuple[int, ...]


class AffineOperator(ABC):
    """An affine map between arrays of fixed shapes; vectors are flat, C order.

    Attributes
    ----------
    input_shape, output_shape : tuple of int
    bias : array, shape (output_size,)
    bias_error : array, shape (output_size,)
        Bounds on what `bias` differs from the bias meant, where it was computed.
    entry_roundings : int
        Each entry of A carries a relative error of at most ``gamma(entry_roundings)``; 0 where
        entries are exact.
    """

    input_shape: Shape
    output_shape: Shape
    bias: FloatArray
    bias_error: FloatArray
    entry_roundings: int

    @property
    def input_size(self) -> int:
        """Number of columns of A."""
        return int(np.prod(self.input_shape, dtype=np.int64))

    @property
    def output_size(self) -> int:
        """Number of rows of A."""
        return int(np.prod(self.output_shape, dtype=np.int64))

    @property
    @abstractmethod
    def row_terms(self) -> int:
        """Most nonzero entries in a row of A."""

    @property
    @abstractmethod
    def column_terms(self) -> int:
        """Most nonzero entries in a column of A."""

    @abstractmethod
    def apply(self, v: FloatArray) -> FloatArray:
        """Return ``A v`` for v of shape (input_size,) or (k, input_size)."""

    @abstractmethod
    def adjoint(self, w: FloatArray) -> FloatArray:
        """Return ``A^T w`` for w of shape (output_size,) or (k, output_size)."""

    @abstractmethod
    def map_entries(self, function: Callable[[FloatArray], FloatArray]) -> AffineOperator:
        """Return the linear operator with entries ``function(a_ij)``; function(0) must be 0."""

    @abstractmethod
    def then_diagonal(
        self, scale: FloatArray, shift: FloatArray, roundings: int, shift_error: FloatArray
    ) -> Self | None:
        """Return this map followed by ``y -> scale * y + shift``, or None if it leaves the class.

        `scale` carries a relative error of ``gamma(roundings)``, `shift` an absolute `shift_error`.
        """

    @abstractmethod
    def to_sparse(self) -> scipy.sparse.csr_array:
        """Return A as a sparse matrix; large for image-sized layers."""

    def to_matrix(self) -> FloatArray:
        """Return A as a dense array, shape (output_size, input_size)."""
        return np.asarray(self.to_sparse().toarray())

    def __call__(self, x: FloatArray) -> FloatArray:
        """Return ``A x + b`` for x of shape (input_size,) or (k, input_size)."""
        return self.apply(np.asarray(x, dtype=np.float64)) + self.bias

    def absolute(self) -> AffineOperator:
        """Return the linear operator ``|A|``."""
        return self.map_entries(np.abs)

    def evaluate_with_error(
        self, x: FloatArray, error: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return ``fl(A x + b)`` and its distance at most to ``A x' + b``, ``|x' - x| <= error``.

        Covers the rounding of the products, of the entries of A and of b.
        """
        relative = gamma(self.row_terms + 2 + self.entry_roundings)
        value = self(x)
        spread = self.absolute().apply(relative * np.abs(x) + (1 + relative) * error)
        total = spread + relative * np.abs(self.bias) + self.bias_error
        return value, inflate(total, self.row_terms + 8)

    def row_norms(self, mask: FloatArray | None = None, ord: float | Norm = 2) -> FloatArray:
        """Return upper bounds, within rounding, of the norms of the rows of ``A diag(mask)``.

        Parameters
        ----------
        mask : array, shape (input_size,), nonnegative; default all ones
        ord : 1, 2 or inf

        Returns
        -------
        array, shape (output_size,)
        """
        norm = as_norm(ord)
        ones = np.ones(self.input_size) if mask is None else mask
        terms = self.row_terms + 6 + self.entry_roundings
        if norm == "1":
            return inflate(self.absolute().apply(ones), terms)
        if norm == "2":
            squares = self.map_entries(np.square).apply(ones * ones)
            return inflate(np.sqrt(np.maximum(squares, 0.0)), terms)
        matrix = abs(self.to_sparse()) @ scipy.sparse.diags_array(ones)
        return inflate(np.asarray(matrix.max(axis=1).todense()).reshape(-1), terms)

    def column_norms(self, mask: FloatArray | None = None, ord: float | Norm = 2) -> FloatArray:
        """Return upper bounds of the norms of the columns of ``diag(mask) A``; see `row_norms`."""
        norm = as_norm(ord)
        ones = np.ones(self.output_size) if mask is None else mask
        terms = self.column_terms + 6 + self.entry_roundings
        if norm == "1":
            return inflate(self.absolute().adjoint(ones), terms)
        if norm == "2":
            squares = self.map_entries(np.square).adjoint(ones * ones)
            return inflate(np.sqrt(np.maximum(squares, 0.0)), terms)
        matrix = scipy.sparse.diags_array(ones) @ abs(self.to_sparse())
        return inflate(np.asarray(matrix.max(axis=0).todense()).reshape(-1), terms)

    def scaled(
        self, rows: FloatArray | None = None, columns: FloatArray | None = None
    ) -> ScaledOperator:
        """Return the linear operator ``diag(rows) A diag(columns)``, nonnegative scales."""
        from lipschitz_app.operators.scaled import ScaledOperator

        return ScaledOperator(self, rows, columns)

    def __repr__(self) -> str:
        shapes = " -> ".join("x".join(map(str, s)) for s in (self.input_shape, self.output_shape))
        return f"{type(self).__name__}({shapes})"


def flat_vector(values: ArrayLike | None, size: int, name: str) -> FloatArray:
    """Return `values` as a flat, finite double vector of the given size; None means zeros.

    Raises
    ------
    InvalidNetworkError
        Wrong size, or an entry that is not finite.
    """
    vector = np.zeros(size) if values is None else np.array(values, dtype=np.float64).reshape(-1)
    if vector.size != size:
        raise InvalidNetworkError(f"{name} has {vector.size} entries; {size} are needed")
    if not np.isfinite(vector).all():
        raise InvalidNetworkError(f"{name} has entries that are not finite")
    vector.setflags(write=False)
    return vector


def flat_point(values: ArrayLike, shape: Shape, name: str = "point") -> FloatArray:
    """Return a point given flat or in `shape` (up to axes of length one) as a flat double vector.

    Raises
    ------
    InvalidPointError
        Wrong size, or an entry that is not finite.
    """
    point = np.array(values, dtype=np.float64)
    size = int(np.prod(shape, dtype=np.int64))
    sides = [tuple(n for n in s if n != 1) for s in (point.shape, shape)]
    if point.size != size or (point.ndim > 1 and sides[0] != sides[1]):
        raise InvalidPointError(
            f"{name} has shape {point.shape}; give {shape} or a flat vector of {size} numbers"
        )
    if not np.isfinite(point).all():
        raise InvalidPointError(f"{name} has entries that are not finite")
    return point.reshape(-1)
