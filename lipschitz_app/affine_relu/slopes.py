r"""Ranges of the pre-activations on a ball, and the largest secant slopes of relu over them.

From :math:`y_0` relu's secant slope to y is nondecreasing in y, for relu is convex; so over a range
it is largest at the upper end :math:`\bar y`: 1 for :math:`y_0 \ge 0`,
:math:`\bar y / (\bar y - y_0)` for :math:`y_0 < 0 < \bar y`, else 0.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lipschitz_app.errors import NoBoundError
from lipschitz_app.operators import AffineOperator
from lipschitz_app.rounding import FloatArray, Norm, dual, inflate, up

BoolArray: TypeAlias = NDArray[np.bool_]

_SQUARES_UNDERFLOW = 1e-130
"""Rows this small have squares that underflow; sums of their entries bound their norms."""


def relu_slopes(value: FloatArray, error: FloatArray, half_range: FloatArray) -> FloatArray:
    """Return upper bounds of the largest secant slopes of relu from each value.

    Parameters
    ----------
    value, error : arrays, shape (m,)
        The anchor lies within `error` of `value`.
    half_range : array, shape (m,)
        How far each pre-activation can rise.

    Examples
    --------
    >>> import numpy as np
    >>> relu_slopes(np.array([1.0, -1.0, -3.0]), np.zeros(3), np.array([2.0, 2.0, 2.0])).round(9)
    array([1. , 0.5, 0. ])
    """
    top = np.where(error > 0, up(value + error), value)
    partial = (top < 0) & (top + half_range > 0)
    slopes = np.where((top >= 0) & (half_range > 0), 1.0, 0.0)
    slopes[partial] = np.minimum(1.0, up(1.0 + up(top[partial] / half_range[partial])))
    return slopes


def ranges_and_slopes(
    operator: AffineOperator,
    center: FloatArray,
    error: FloatArray,
    radius: float,
    moving: BoolArray,
    relu: bool,
    input_norm: Norm,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the value at the centre, its error, the half ranges and the slopes of a layer.

    The slopes are the diagonal of R; without `relu` they are one on rows that are not zero.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        value, value_error = operator.evaluate_with_error(center, error)
    if not (np.isfinite(value).all() and np.isfinite(value_error).all()):
        raise NoBoundError(
            f"the value of {operator!r} at the centre overflows; rescale the weights or the centre"
        )
    mask = moving.astype(np.float64)
    # Norms are rounded upwards, which leaves an underflow's worth on zero rows.
    alive = operator.absolute().apply(mask) > 0
    with np.errstate(over="ignore"):
        row_norms = operator.row_norms(mask, dual(input_norm))
        if input_norm == "2" and (row_norms < _SQUARES_UNDERFLOW).any():
            sums = operator.row_norms(mask, "1")
            row_norms = np.where(row_norms < _SQUARES_UNDERFLOW, sums, row_norms)
        row_norms = np.where(alive, row_norms, 0.0)
        half_range = np.where(alive & (radius > 0), inflate(radius * row_norms, 2), 0.0)
    if not relu:
        slopes = alive.astype(np.float64)
    elif radius == 0:
        # The limit of small radii.
        slopes = ((up(value + value_error) >= 0) & alive).astype(np.float64)
    else:
        slopes = relu_slopes(value, value_error, half_range)
    return value, value_error, half_range, slopes
