"""Intervals forwards and backwards through layers of every kind, rounded outwards.

Affine layers are applied by their products, ``A mid`` and ``|A| radius``, never by a matrix; max
pooling is monotone; the summands of a residual block are enclosed one by one and added. Backwards,
an input of a max pool gets a window's cotangent if its range says that it wins there, none if it
says that it loses, and the hull of the two otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lipschitz_app.errors import UnsupportedError
from lipschitz_app.layers.activation import Elementwise
from lipschitz_app.layers.base import BoundLayer
from lipschitz_app.layers.linear import Reshape
from lipschitz_app.layers.sequence import parts
from lipschitz_app.network import Network
from lipschitz_app.operators.base import AffineOperator
from lipschitz_app.operators.dense import DenseOperator
from lipschitz_app.operators.pooling import MaxPooling
from lipschitz_app.ranges.interval import LayerRange, layer_range
from lipschitz_app.regions import Ball, Region, bounds, check_region
from lipschitz_app.rounding import FloatArray, down, gamma, inflate, up

Interval = tuple[FloatArray, FloatArray]


@dataclass(slots=True)
class Trace:
    """Ranges of activations and of the inputs of max pools, in the order of evaluation."""

    layers: list[LayerRange] = field(default_factory=list)
    pools: list[Interval] = field(default_factory=list)


def affine_range(step: AffineOperator, lower: FloatArray, upper: FloatArray) -> Interval:
    """Enclose an affine layer over a box; entries may be infinite."""
    unbounded = ~(np.isfinite(lower) & np.isfinite(upper))
    low, high = np.where(unbounded, 0.0, lower), np.where(unbounded, 0.0, upper)
    middle = low + (high - low) / 2
    radius = np.maximum(up(high - middle), up(middle - low))
    radius = np.where(low == high, 0.0, radius)
    value, spread = step.evaluate_with_error(middle, radius)
    low, high = down(value - spread), up(value + spread)
    if unbounded.any():
        touched = step.absolute().apply(unbounded.astype(np.float64)) > 0
        low, high = np.where(touched, -np.inf, low), np.where(touched, np.inf, high)
    return low, high


def ball_range(step: AffineOperator, center: FloatArray, radius: float) -> Interval:
    """Enclose an affine layer over a Euclidean ball."""
    value, error = step.evaluate_with_error(center, np.zeros_like(center))
    spread = inflate(step.row_norms() * radius + error, 4)
    return down(value - spread), up(value + spread)


def is_plain(net: Network) -> bool:
    """Return whether a network is of the form Linear, activation, Linear, …, Linear."""
    steps = [step for step in net.steps if not isinstance(step, Reshape)]
    return (
        len(steps) % 2 == 1
        and all(isinstance(step, DenseOperator) for step in steps[::2])
        and all(isinstance(step, Elementwise) for step in steps[1::2])
    )


def trace_ranges(net: Network, region: Region) -> Trace:
    """Return the ranges of a network's activations and max pools over a region.

    Raises
    ------
    UnsupportedError
        A layer is of a kind that intervals are not offered for.

    Examples
    --------
    >>> from lipschitz_app.layers import MaxPool2d
    >>> from lipschitz_app.regions import Box
    >>> net = Network([MaxPool2d(2)], (1, 2, 2))
    >>> [low.round(9).tolist() for low, high in trace_ranges(net, Box([0.0] * 4, 1.0)).pools]
    [[-1.0, -1.0, -1.0, -1.0]]
    """
    region = check_region(region, net.input_size)
    trace = Trace()
    lower, upper = bounds(region, net.input_size)
    steps = [step for step in net.steps if not isinstance(step, Reshape)]
    if steps and isinstance(steps[0], AffineOperator) and isinstance(region, Ball):
        low, high = ball_range(steps[0], region.center, region.radius)
        lower, upper = affine_range(steps[0], lower, upper)
        lower, upper, steps = np.maximum(lower, low), np.minimum(upper, high), steps[1:]
    forward(steps, lower, upper, trace)
    return trace


def forward(
    steps: Sequence[BoundLayer], lower: FloatArray, upper: FloatArray, trace: Trace
) -> Interval:
    """Enclose the values of layers over a box; add the ranges found on the way to `trace`.

    Raises
    ------
    UnsupportedError
        A layer is of a kind that intervals are not offered for.
    """
    for step in steps:
        if isinstance(step, AffineOperator):
            lower, upper = affine_range(step, lower, upper)
        elif isinstance(step, Elementwise):
            trace.layers.append(layer_range(step.encoding, lower, upper))
            lower, upper = step.encoding.value_range(lower, upper)
        elif isinstance(step, MaxPooling):
            trace.pools.append((lower, upper))
            lower, upper = step(lower), step(upper)
        elif parts(step):
            ends = [forward(part, lower, upper, trace) for part in parts(step)]
            lower, upper = ends[0]
            for low, high in ends[1:]:
                lower, upper = down(lower + low), up(upper + high)
        elif not isinstance(step, Reshape):
            raise UnsupportedError(
                "interval bounds are offered for Linear, Conv2d, AvgPool2d, MaxPool2d, BatchNorm, "
                f"Flatten, Dropout, Residual and activation layers, not for {step!r}"
            )
    return lower, upper


def backward(
    steps: Sequence[BoundLayer], lower: FloatArray, upper: FloatArray, trace: Trace
) -> Interval:
    """Enclose Jᵀ w for cotangents w in a box; takes the ranges of these layers off `trace`."""
    for step in reversed(steps):
        if isinstance(step, AffineOperator):
            lower, upper = _adjoint(step, lower, upper)
        elif isinstance(step, Elementwise):
            lower, upper = scaled_by_slopes(lower, upper, trace.layers.pop())
        elif isinstance(step, MaxPooling):
            lower, upper = _unpool(step, lower, upper, *trace.pools.pop())
        elif parts(step):
            ends = [backward(part, lower, upper, trace) for part in reversed(parts(step))]
            lower, upper = ends[0]
            for low, high in ends[1:]:
                lower, upper = down(lower + low), up(upper + high)
    return lower, upper


def scaled_by_slopes(lower: FloatArray, upper: FloatArray, layer: LayerRange) -> Interval:
    """Multiply by the interval of slopes; products with 0 and 1 are exact, others are widened."""
    slopes = np.stack([layer.slope_lower, layer.slope_upper])
    ends = np.stack([side * slope for side in (lower, upper) for slope in slopes])
    low: FloatArray = ends.min(axis=0)
    high: FloatArray = ends.max(axis=0)
    exact = np.isin(slopes, (0.0, 1.0, -1.0)).all(axis=0)
    return np.where(exact, low, down(low)), np.where(exact, high, up(high))


def _adjoint(step: AffineOperator, lower: FloatArray, upper: FloatArray) -> Interval:
    middle = lower + (upper - lower) / 2
    radius = np.where(lower == upper, 0.0, np.maximum(up(upper - middle), up(middle - lower)))
    relative = gamma(step.column_terms + 2 + step.entry_roundings)
    value = step.adjoint(middle)
    spread = step.absolute().adjoint(relative * np.abs(middle) + (1 + relative) * radius)
    spread = inflate(spread, step.column_terms + 8)
    return down(value - spread), up(value + spread)


def _unpool(
    pool: MaxPooling,
    lower: FloatArray,
    upper: FloatArray,
    input_lower: FloatArray,
    input_upper: FloatArray,
) -> Interval:
    members = pool.members()
    inside = members >= 0
    low = np.where(inside, input_lower[members], -np.inf)
    high = np.where(inside, input_upper[members], -np.inf)
    # Ties count as possible wins: which of equal ones wins differs from window to window.
    possible = inside & (high >= low.max(axis=1, keepdims=True))
    sole = possible.sum(axis=1, keepdims=True) == 1
    low = np.where(sole, lower[:, None], np.minimum(lower, 0.0)[:, None])
    high = np.where(sole, upper[:, None], np.maximum(upper, 0.0)[:, None])
    give_low, give_high = (np.broadcast_to(end, members.shape) for end in (low, high))
    total_low, total_high = np.zeros(pool.input_size), np.zeros(pool.input_size)
    size = np.zeros(pool.input_size)
    np.add.at(total_low, members[possible], give_low[possible])
    np.add.at(total_high, members[possible], give_high[possible])
    np.add.at(size, members[possible], np.maximum(np.abs(give_low), np.abs(give_high))[possible])
    spread = gamma(members.shape[1]) * size
    spread = np.where(spread > 0, inflate(spread, members.shape[1]), 0.0)
    return total_low - up(spread), total_high + up(spread)
