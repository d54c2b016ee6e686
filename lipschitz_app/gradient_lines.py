r"""Enclosures of gradients by linear bounds substituted backwards through the derivative.

With :math:`w_m = c`, :math:`w_{k-1} = A_k^T (u_k \circ w_k)` and the gradient :math:`w_0`, each
product :math:`u w` with a slope u in [s, S] lies between min(s w, S w) and max(s w, S w). These are
piecewise linear in w, so over a known range of w they lie between two lines, and the gradient is
bounded like the pre-activations of a network whose activations they are
(:mod:`lipschitz_app.ranges.crown`). Interval arithmetic is the case in which every line is flat;
substitution keeps what the summands of different neurons have in common.

References
----------
H. Zhang, P. Zhang, C.-J. Hsieh, RecurJac: an efficient recursive algorithm for bounding Jacobian
matrix of neural networks and its applications, AAAI 2019, arXiv:1810.11783.
Z. Shi et al., Efficiently computing local Lipschitz constants of neural networks via bound
propagation, NeurIPS 2022, arXiv:2210.07394.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lipschitz_app.activations.lines import LinearBounds, above_through, below_through, lines
from lipschitz_app.chain import ChainLayer
from lipschitz_app.outputs import OutputVector
from lipschitz_app.ranges.crown import AffineRows, BoundedLayer, closest, substitute
from lipschitz_app.ranges.interval import LayerRange
from lipschitz_app.ranges.propagate import scaled_by_slopes
from lipschitz_app.regions import Box
from lipschitz_app.rounding import FloatArray, affine_interval, down, inflate, up

MAX_WORK = 2.0e9
"""Most multiplications that the substitution may take before it is left out."""


def substituted_gradient(
    layers: Sequence[ChainLayer], ranges: Sequence[LayerRange], output: OutputVector
) -> tuple[FloatArray, FloatArray] | None:
    """Enclose the gradient of an output combination, or None where it would take too long.

    Parameters
    ----------
    layers : sequence of ChainLayer
        The network in normal form.
    ranges : sequence of LayerRange
        One per layer but the last, with finite slopes.
    output : OutputVector

    Returns
    -------
    lower, upper : arrays, shape (inputs,), rounded outwards.

    Examples
    --------
    The two paths from x to the output cancel but for the slopes' ranges:

    >>> from lipschitz_app.chain import chain
    >>> from lipschitz_app.network import Network
    >>> from lipschitz_app.outputs import as_output
    >>> from lipschitz_app.ranges.pre_activations import chain_ranges
    >>> net = Network.from_arrays([[[1.0]], [[1.0], [1.0]], [[1.0, -1.0]]], [[0], [9, 9], [0]])
    >>> layers = chain(net)
    >>> ranges = chain_ranges(layers, Box([0.0], 1.0))
    >>> low, high = substituted_gradient(layers, ranges, as_output(0, 1))
    >>> bool(-1e-9 < low[0] <= 0 <= high[0] < 1e-9)
    True
    """
    sizes = [layer.weight.size for layer in layers[:-1]]
    rows = [layer.weight.shape[1] for layer in layers[:-1]]
    if 2.0 * sum(count * sum(sizes[k:]) for k, count in enumerate(rows)) > MAX_WORK:
        return None
    lower, upper = output.row(layers[-1].weight)
    error = np.abs(output.weights) @ layers[-1].weight_error
    if error.any():
        slack = inflate(error, output.weights.size + 2)
        lower, upper = down(lower - slack), up(upper + slack)
    region = Box(lower=lower, upper=upper)
    before: list[BoundedLayer] = []
    # The first step of the substitution is the identity: its argument is the last layer's row.
    rows_of = _identity(lower.size)
    size = np.maximum(np.abs(lower), np.abs(upper))
    for layer, found in zip(reversed(layers[:-1]), reversed(list(ranges)), strict=True):
        step = ChainLayer(*rows_of, layer.encoding, layer.passes)
        before.append(_bounded(step, found, lower, upper, size))
        low, high = scaled_by_slopes(lower, upper, found)
        size = np.maximum(np.abs(low), np.abs(high))
        rows_of = (
            layer.weight.T,
            np.zeros(layer.weight.shape[1]),
            layer.weight_error.T,
            np.zeros(layer.weight.shape[1]),
        )
        lower, upper = affine_interval(rows_of[0], rows_of[1], low, high)
        if layer.weight_error.any():
            slack = inflate(rows_of[2] @ size, size.size + 2)
            lower, upper = down(lower - slack), up(upper + slack)
        if not np.isfinite(lower + upper).all():
            return None
        if len(before) > 1:
            both: AffineRows = (
                np.concatenate([rows_of[0], -rows_of[0]]),
                np.concatenate([rows_of[1], rows_of[1]]),
                np.concatenate([rows_of[2], rows_of[2]]),
                np.concatenate([rows_of[3], rows_of[3]]),
            )
            choices = [closest(part) for part in before]
            bounds = substitute(both, before, size, region, choices).bounds
            above, below = np.split(bounds, 2)
            lower, upper = np.maximum(lower, -below), np.minimum(upper, above)
    return lower, upper


def _identity(size: int) -> AffineRows:
    return np.eye(size), np.zeros(size), np.zeros((size, size)), np.zeros(size)


def _bounded(
    step: ChainLayer, found: LayerRange, lower: FloatArray, upper: FloatArray, size: FloatArray
) -> BoundedLayer:
    """Return a step with the lines that bound ``u w`` for w in [lower, upper]."""
    least, greatest = found.slope_lower, found.slope_upper
    ends = [np.stack([slope * side for slope in (least, greatest)]) for side in (lower, upper)]
    # Above the convex function max(s w, S w), then below the concave one min(s w, S w).
    tops = [up(side.max(axis=0)) for side in ends]
    floors = [down(side.min(axis=0)) for side in ends]
    width = np.where(upper > lower, upper - lower, 1.0)
    crossing = (lower < 0.0) & (upper > 0.0) & (least < greatest)
    rising = np.where(lower >= 0.0, greatest, least)
    falling = np.where(lower >= 0.0, least, greatest)
    slope_above = np.where(crossing, (tops[1] - tops[0]) / width, rising)
    slope_below = np.where(crossing, (floors[1] - floors[0]) / width, falling)
    above = np.maximum(
        above_through(lower, tops[0], slope_above), above_through(upper, tops[1], slope_above)
    )
    below = np.minimum(
        below_through(lower, floors[0], slope_below), below_through(upper, floors[1], slope_below)
    )
    exact = ~crossing
    bounds = LinearBounds(
        lines((slope_below, np.where(exact, 0.0, below))),
        lines((slope_above, np.where(exact, 0.0, above))),
    )
    middle = lower + (upper - lower) / 2
    reach = np.maximum(np.abs(lower), np.abs(upper))
    return BoundedLayer(step, bounds, middle, size, reach)
