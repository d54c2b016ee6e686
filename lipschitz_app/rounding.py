r"""Floating-point computations whose results enclose the real-number ones.

Every weight, bias and region bound is a double and stands for exactly that real number. Sums of
products computed in doubles, in whatever order and with or without fused multiply-adds, satisfy

.. math:: |\mathrm{fl}(x^T y) - x^T y| \le \gamma_n |x|^T |y|, \qquad \gamma_n = nu / (1 - nu),

with :math:`u = 2^{-53}` (Higham 2002, section 3.1), up to one underflow per product. All functions
here add that bound, taken with a generous constant, and so return *proven* enclosures.

References
----------
N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., SIAM, 2002.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
Norm: TypeAlias = Literal["1", "2", "inf"]
"""Name of a norm; public functions also take the numbers 1, 2 and ``numpy.inf``."""

UNIT = 2.0**-53
_TINY = float(np.finfo(np.float64).tiny)


def gamma(terms: int) -> float:
    """Return an upper bound of ``2 * gamma_(terms + 8)``.

    The factor two and the eight extra operations cover the rounding of the bound itself.

    Examples
    --------
    >>> gamma(92) < 3e-14
    True
    """
    return 2.5 * (terms + 8) * UNIT


def up(value: float | FloatArray) -> FloatArray:
    """Return the next double above each entry."""
    return np.asarray(np.nextafter(value, np.inf), dtype=np.float64)


def down(value: float | FloatArray) -> FloatArray:
    """Return the next double below each entry."""
    return np.asarray(np.nextafter(value, -np.inf), dtype=np.float64)


def inflate(nonnegative: float | FloatArray, operations: int) -> FloatArray:
    """Return an upper bound of a nonnegative quantity computed with `operations` roundings.

    Valid for expressions of nonnegative numbers by additions, products, quotients and square roots.
    """
    return up(np.asarray(nonnegative) * (1.0 + gamma(operations)) + operations * _TINY)


def affine_interval(
    matrix: FloatArray,
    offset: FloatArray | tuple[FloatArray, FloatArray],
    lower: FloatArray,
    upper: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Enclose ``matrix @ x + offset`` over the box ``lower <= x <= upper``.

    Parameters
    ----------
    matrix : array, shape (m, n)
    offset : array, shape (m,), or a pair of such arrays that enclose it
    lower, upper : arrays, shape (n,); infinite entries are allowed.

    Returns
    -------
    lower, upper : arrays, shape (m,), rounded outwards.

    Examples
    --------
    >>> import numpy as np
    >>> low, high = affine_interval(np.array([[1.0, -2.0]]), np.zeros(1), -np.ones(2), np.ones(2))
    >>> bool(low[0] <= -3 <= 3 <= high[0])
    True
    """
    offset_lower, offset_upper = offset if isinstance(offset, tuple) else (offset, offset)
    positive, negative = np.maximum(matrix, 0.0), np.minimum(matrix, 0.0)
    finite_lower = np.where(np.isfinite(lower), lower, 0.0)
    finite_upper = np.where(np.isfinite(upper), upper, 0.0)
    size = np.maximum(np.abs(finite_lower), np.abs(finite_upper))
    terms = 2 * matrix.shape[1] + 1
    mass = np.abs(matrix) @ size + np.maximum(np.abs(offset_lower), np.abs(offset_upper))
    error = gamma(terms) * mass + terms * _TINY
    low = down(positive @ finite_lower + negative @ finite_upper + offset_lower - error)
    high = up(positive @ finite_upper + negative @ finite_lower + offset_upper + error)
    open_below, open_above = np.isinf(lower), np.isinf(upper)
    if open_below.any() or open_above.any():
        # 0 * inf must count as 0, so infinite bounds are looked for separately.
        low[((positive > 0) & open_below).any(axis=1)] = -np.inf
        low[((negative < 0) & open_above).any(axis=1)] = -np.inf
        high[((positive > 0) & open_above).any(axis=1)] = np.inf
        high[((negative < 0) & open_below).any(axis=1)] = np.inf
    return low, high


def norm_upper(vector: FloatArray, norm: Norm) -> float:
    """Return a proven upper bound of the norm of a vector that is given exactly."""
    values = np.abs(vector)
    if norm == "inf":
        return float(values.max(initial=0.0))
    underflow = values.size * _TINY
    total = values.sum() if norm == "1" else np.sqrt((values * values).sum() + underflow)
    return float(inflate(total, values.size + 2))


def norm_lower(vector: FloatArray, norm: Norm) -> float:
    """Return a proven lower bound of the norm of a vector that is given exactly."""
    values = np.abs(vector)
    if norm == "inf":
        return float(values.max(initial=0.0))
    total = float(values.sum() if norm == "1" else np.sqrt((values * values).sum()))
    error = total * gamma(values.size + 2) + np.sqrt(values.size * _TINY)
    return max(0.0, float(down(total - error)))


def dual(norm: Norm) -> Norm:
    """Return the dual of a norm.

    Examples
    --------
    >>> dual("inf"), dual("2"), dual("1")
    ('1', '2', 'inf')
    """
    pairs: dict[Norm, Norm] = {"inf": "1", "1": "inf", "2": "2"}
    return pairs[norm]
