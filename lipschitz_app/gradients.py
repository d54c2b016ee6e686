"""Proven enclosures of a network's gradient, backwards through the layers.

With derivatives u of the activations known to lie in intervals, the gradient
``A_1^T diag(u_1) ... A_m^T diag(u_m) c`` lies in a box that interval arithmetic finds (the FastLip
recursion of Weng et al. 2018). With one point as the region and no kink at it, the box is the
gradient at that point up to rounding, which is how lower bounds are proven.

References
----------
T.-W. Weng et al., Towards fast computation of certified robustness for ReLU networks, ICML 2018,
arXiv:1804.09699.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lipschitz_app.chain import ChainLayer, chain
from lipschitz_app.layers.sequence import max_pools
from lipschitz_app.network import Network
from lipschitz_app.outputs import OutputVector
from lipschitz_app.ranges.interval import LayerRange, interval_ranges
from lipschitz_app.ranges.propagate import (
    Trace,
    backward,
    is_plain,
    scaled_by_slopes,
    trace_ranges,
)
from lipschitz_app.regions import Box
from lipschitz_app.rounding import FloatArray, Norm, affine_interval, down, inflate, norm_lower, up


def gradient_interval(
    net: Network | Sequence[ChainLayer],
    ranges: Sequence[LayerRange],
    output: OutputVector,
    pools: Sequence[tuple[FloatArray, FloatArray]] | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Enclose the gradient of an output combination over the region the ranges belong to.

    Parameters
    ----------
    net : Network, or sequence of ChainLayer in normal form
    ranges : sequence of LayerRange
        One per activation layer, or one per layer of the normal form but the last.
    output : OutputVector
    pools : sequence of pairs of arrays, optional
        Ranges of the inputs of max pools; without them, any input of a window may win.

    Returns
    -------
    lower, upper : arrays, shape (inputs,), rounded outwards.

    Examples
    --------
    >>> from lipschitz_app.outputs import as_output
    >>> net = Network.from_arrays([[[1.0, 2.0], [-1.0, 1.0]], [[1.0, 1.0]]])
    >>> ranges = interval_ranges(net, Box([0.0, 0.0], 10.0))
    >>> low, high = gradient_interval(net, ranges, as_output(0, 1))
    >>> (low + 0.0).round(9).tolist()[0], high.round(9).tolist()
    (-1.0, [1.0, 3.0])
    """
    if not isinstance(net, Network):
        return _chain_interval(net, ranges, output)
    if not is_plain(net):
        if [layer.lower.size for layer in ranges] != [step.size for step in net.activations]:
            return _chain_interval(chain(net), ranges, output)
        trace = Trace(list(ranges), list(pools or ()))
        if pools is None:
            trace.pools = [_anything(step.input_size) for step in max_pools(net.steps)]
        return backward(net.steps, output.weights, output.weights, trace)
    pairs = net.affine_pairs()
    lower, upper = output.row(pairs[-1][0])
    for (matrix, _), layer in zip(reversed(pairs[:-1]), reversed(list(ranges)), strict=True):
        lower, upper = scaled_by_slopes(lower, upper, layer)
        lower, upper = affine_interval(matrix.T, np.zeros(matrix.shape[1]), lower, upper)
    return lower, upper


def _chain_interval(
    layers: Sequence[ChainLayer], ranges: Sequence[LayerRange], output: OutputVector
) -> tuple[FloatArray, FloatArray]:
    """Do the same on the normal form, whose matrices have errors."""
    lower, upper = output.row(layers[-1].weight)
    if layers[-1].weight_error.any():
        error = inflate(np.abs(output.weights) @ layers[-1].weight_error, output.weights.size + 2)
        lower, upper = down(lower - error), up(upper + error)
    for layer, found in zip(reversed(layers[:-1]), reversed(ranges), strict=True):
        lower, upper = scaled_by_slopes(lower, upper, found)
        size = np.maximum(np.abs(lower), np.abs(upper))
        zero = np.zeros(layer.weight.shape[1])
        lower, upper = affine_interval(layer.weight.T, zero, lower, upper)
        if layer.weight_error.any():
            error = inflate(layer.weight_error.T @ size, size.size + 2)
            lower, upper = down(lower - error), up(upper + error)
    return lower, upper


def _anything(size: int) -> tuple[FloatArray, FloatArray]:
    return np.full(size, -np.inf), np.full(size, np.inf)


def gradient_norm_lower(
    net: Network, point: FloatArray, output: OutputVector, dual_norm: Norm
) -> float:
    """Return a proven lower bound of the Lipschitz constant around a point.

    The enclosure of the gradient at the point covers the gradients at all points near it, whichever
    way the neurons turn whose sign rounding leaves open. The smallest dual norm in the enclosure is
    therefore a lower bound; away from kinks it is the gradient's own norm but for rounding.
    """
    at = Box(point, 0.0)
    trace = Trace(interval_ranges(net, at)) if is_plain(net) else trace_ranges(net, at)
    lower, upper = gradient_interval(net, trace.layers, output, trace.pools)
    inner = np.where((lower <= 0) & (upper >= 0), 0.0, np.minimum(np.abs(lower), np.abs(upper)))
    return norm_lower(inner, dual_norm)
