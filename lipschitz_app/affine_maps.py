r"""Affine maps with entrywise bounds on their rounding errors, and their compositions.

A product of matrices computed in doubles satisfies :math:`|\mathrm{fl}(AB) - AB| \le \gamma_k
|A| |B|` entry by entry, k being the number of products that are not zero (Higham 2002, section
3.5). Entries that a single product with 0, 1 or -1 makes, or sums of small integers, are exact.

References
----------
N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., SIAM, 2002.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lipschitz_app.rounding import UNIT, FloatArray, inflate

_TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """The map ``x -> matrix @ x + bias``; each entry is off by at most its error.

    Attributes
    ----------
    matrix, matrix_error : arrays, shape (m, n)
    bias, bias_error : arrays, shape (m,)
    trivial : bool
        Whether it is known to be the identity.
    """

    matrix: FloatArray
    bias: FloatArray
    matrix_error: FloatArray
    bias_error: FloatArray
    trivial: bool = False

    @classmethod
    def linear(cls, matrix: FloatArray, *, trivial: bool = False) -> Affine:
        """Return an exact map without bias."""
        zero = np.zeros(matrix.shape[0])
        return cls(matrix, zero, np.zeros_like(matrix), zero, trivial)

    @classmethod
    def identity(cls, size: int) -> Affine:
        """Return the identity."""
        return cls.linear(np.eye(size), trivial=True)

    @classmethod
    def selection(cls, start: int, size: int, total: int) -> Affine:
        """Return the map that takes `size` entries from `start` on out of `total`."""
        return cls.linear(np.eye(size, total, start), trivial=size == total)

    @property
    def size(self) -> int:
        """Number of outputs."""
        return int(self.matrix.shape[0])


def compose(outer: Affine, inner: Affine) -> Affine:
    """Return ``x -> outer(inner(x))``.

    Examples
    --------
    >>> import numpy as np
    >>> half = Affine.linear(np.array([[1.0, -1.0]]))
    >>> found = compose(half, Affine.linear(np.array([[3.0], [0.1]])))
    >>> found.matrix.tolist(), bool(0 < found.matrix_error[0, 0] < 1e-14)
    ([[2.9]], True)
    """
    if inner.trivial:
        return outer
    if outer.trivial:
        return inner
    inside = np.column_stack([inner.matrix, inner.bias])
    inside_error = np.column_stack([inner.matrix_error, inner.bias_error])
    value, error = _product(outer.matrix, outer.matrix_error, inside, inside_error)
    bias, bias_error = _sum(value[:, -1], error[:, -1], outer.bias, outer.bias_error)
    return Affine(value[:, :-1], bias, error[:, :-1], bias_error)


def plus(first: Affine, *others: Affine) -> Affine:
    """Return the sum of maps."""
    for other in others:
        matrix, error = _sum(first.matrix, first.matrix_error, other.matrix, other.matrix_error)
        bias, bias_error = _sum(first.bias, first.bias_error, other.bias, other.bias_error)
        first = Affine(matrix, bias, error, bias_error)
    return first


def stack(maps: Sequence[Affine]) -> Affine:
    """Return the map whose outputs are those of all maps, in order."""
    if len(maps) == 1:
        return maps[0]
    return Affine(
        np.concatenate([m.matrix for m in maps]),
        np.concatenate([m.bias for m in maps]),
        np.concatenate([m.matrix_error for m in maps]),
        np.concatenate([m.bias_error for m in maps]),
    )


def _sum(
    a: FloatArray, a_error: FloatArray, b: FloatArray, b_error: FloatArray
) -> tuple[FloatArray, FloatArray]:
    total = a + b
    exact = (a == 0) | (b == 0) | (_integers(a) & _integers(b))
    rounding = np.where(exact, 0.0, 2 * UNIT * np.abs(total))
    error = rounding + a_error + b_error
    return total, np.where(error > 0, inflate(error, 3), 0.0)


def _product(
    a: FloatArray, a_error: FloatArray, b: FloatArray, b_error: FloatArray
) -> tuple[FloatArray, FloatArray]:
    value = np.asarray(a @ b)
    size_a, size_b = np.abs(a), np.abs(b)
    mass = size_a @ size_b
    terms = (a != 0).astype(np.float64) @ (b != 0).astype(np.float64)
    # A product with 0, 1 or -1 is exact, and so are sums of integers that stay small.
    units = _rows(np.isin(a, (0.0, 1.0, -1.0))) | _columns(np.isin(b, (0.0, 1.0, -1.0)))
    whole = _rows(_integers(a)) & _columns(_integers(b)) & (mass < 2.0**52)
    exact = ((terms <= 1) & units) | whole
    factor = np.where(exact, 0.0, 2.5 * (terms + 8) * UNIT)
    error = factor * mass + np.where(exact, 0.0, terms * _TINY)
    if a_error.any():
        error = error + a_error @ (size_b + b_error)
    if b_error.any():
        error = error + size_a @ b_error
    return value, np.where(error > 0, inflate(error, a.shape[1] + 4), 0.0)


def _rows(mask: np.ndarray) -> np.ndarray:
    return np.asarray(np.all(mask, axis=1, keepdims=True))


def _columns(mask: np.ndarray) -> np.ndarray:
    return np.asarray(np.all(mask, axis=0, keepdims=True))


def _integers(values: FloatArray) -> np.ndarray:
    return np.asarray((values == np.floor(values)) & (np.abs(values) < 2.0**31))
