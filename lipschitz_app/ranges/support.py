"""Linear functions over a region: proven upper bounds, and points where they are nearly reached."""

from __future__ import annotations

import numpy as np

from lipschitz_app.regions import Ball, BallInBox, Box
from lipschitz_app.rounding import FloatArray, down, gamma, inflate, up

_TINY = float(np.finfo(np.float64).tiny)
_STEPS = 60


def support(rows: FloatArray, region: Box | Ball) -> tuple[FloatArray, FloatArray]:
    r"""Return upper bounds of ``rows @ x`` over a region, and points that nearly reach them.

    Parameters
    ----------
    rows : array, shape (m, n)
    region : Box, Ball or BallInBox

    Returns
    -------
    bounds : array, shape (m,)
        Proven, rounded upwards.
    points : array, shape (m, n)
        In the region up to rounding.

    Notes
    -----
    Over a ball in a box, ``a x`` is split into ``(a - v) x``, bounded over the ball, and ``v x``,
    bounded over the box; every v gives a bound. The best one comes from the maximiser
    ``clip(s a)`` of the Lagrangian, whose s is found by bisection.

    Examples
    --------
    >>> import numpy as np
    >>> region = Ball([0.0, 0.0], 1.0).intersect(Box(lower=[-1.0, -1.0], upper=[1.0, 0.5]))
    >>> found, points = support(np.array([[0.0, 2.0], [3.0, 4.0]]), region)
    >>> found.round(6).tolist(), points[0].round(6).tolist()
    ([1.0, 4.598076], [0.0, 0.5])
    """
    if isinstance(region, Box):
        return _box(rows, region.center, region.radius)
    if isinstance(region, BallInBox):
        return _both(rows, region)
    return _ball(rows, region.center, region.radius)


def affine_range(
    matrix: FloatArray, bias: FloatArray, region: Box | Ball
) -> tuple[FloatArray, FloatArray]:
    """Enclose ``matrix @ x + bias`` over a region, rounded outwards."""
    low, high = support(-matrix, region)[0], support(matrix, region)[0]
    return down(bias - low), up(bias + high)


def _at(rows: FloatArray, center: FloatArray, spread: FloatArray) -> FloatArray:
    """Return an upper bound of ``rows @ center + spread`` for a proven `spread`."""
    size = rows.shape[1]
    error = gamma(size) * (np.abs(rows) @ np.abs(center)) + size * _TINY
    return up(up(rows @ center + error) + spread)


def _box(rows: FloatArray, center: FloatArray, radius: FloatArray) -> tuple[FloatArray, FloatArray]:
    spread = inflate(np.abs(rows) @ radius, rows.shape[1] + 2)
    return _at(rows, center, spread), center + np.sign(rows) * radius


def _ball(rows: FloatArray, center: FloatArray, radius: float) -> tuple[FloatArray, FloatArray]:
    size = rows.shape[1]
    norms = np.sqrt(np.square(rows).sum(axis=1) + size * _TINY)
    spread = inflate(norms * radius, size + 4)
    return _at(rows, center, spread), center + radius * rows / norms[:, None]


def _both(rows: FloatArray, region: BallInBox) -> tuple[FloatArray, FloatArray]:
    box, ball = region.box, region
    in_ball, points = _ball(rows, ball.center, ball.radius)
    in_box, corners = _box(rows, box.center, box.radius)
    best = np.minimum(in_ball, in_box)
    points = np.where((in_box < in_ball)[:, None], corners, points)
    low, high = box.lower - ball.center, box.upper - ball.center
    sizes = np.abs(rows)
    used = np.where(sizes > 0, sizes, np.inf)
    reach = np.maximum(np.abs(low), np.abs(high)).max(initial=0.0)
    # Beyond `last` every coordinate is at its bound.
    last = np.minimum((reach + ball.radius) / used.min(axis=1, initial=np.inf), 1e300)
    first, last = np.zeros(len(rows)), np.maximum(last, 0.0)
    for _ in range(_STEPS):
        middle = 0.5 * (first + last)
        moves = np.clip(middle[:, None] * rows, low, high)
        outside = np.square(moves).sum(axis=1) > ball.radius**2
        first, last = np.where(outside, first, middle), np.where(outside, middle, last)
    moves = np.clip(first[:, None] * rows, low, high)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        share = moves / first[:, None]
    share = np.where(np.isfinite(share), share, 0.0)
    rest = rows - share
    # The two parts must add up to the row exactly: what rounding took goes into the box.
    part, _ = _ball(share, ball.center, ball.radius)
    other, _ = _box(rest, box.center, box.radius)
    lost = np.abs(rows) + np.abs(share)
    slack = inflate(lost @ np.maximum(np.abs(box.lower), np.abs(box.upper)), rows.shape[1])
    split = up(up(part + other) + slack * 2.0**-52)
    better = split < best
    return np.where(better, split, best), np.where(better[:, None], ball.center + moves, points)
