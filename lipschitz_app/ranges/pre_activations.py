"""Proven ranges of all pre-activations of a network over a region, by the method asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lipschitz_app.chain import ChainLayer, chain
from lipschitz_app.errors import InvalidOptionError, UnsupportedError
from lipschitz_app.network import Network
from lipschitz_app.ranges.crown import (
    AffineRows,
    BoundedLayer,
    bounded_layer,
    closest,
    improve,
    substitute,
)
from lipschitz_app.ranges.interval import LayerRange
from lipschitz_app.ranges.program import program_bounds
from lipschitz_app.ranges.propagate import trace_ranges
from lipschitz_app.ranges.support import affine_range
from lipschitz_app.regions import Everywhere, Region, bounds, check_region
from lipschitz_app.rounding import FloatArray, affine_interval, down, inflate, up

RANGE_METHODS = ("auto", "interval", "crown", "lp")
"""Methods that bound pre-activations."""

_STEPS = 10
"""Steps of the search for better lines that "crown" takes for neurons that are still unstable."""


def pre_activation_ranges(net: Network, region: Region, method: str = "auto") -> list[LayerRange]:
    """Return proven bounds on the pre-activations of each activation layer over a region.

    Parameters
    ----------
    net : Network
        Anything that :func:`lipschitz_app.chain.chain` can write with matrices.
    region : Box, Ball or Everywhere
    method : str
        - "interval": interval arithmetic layer by layer.
        - "crown": linear bounds substituted backwards, intersected with the former. The lines of
          neurons that stay unstable are improved by a few steps.
        - "lp": "crown", then two linear programs over the same lines for each neuron that is still
          unstable; the bound is proven from the multipliers, whatever the program's solver did.
        - "auto": "crown"; networks too large for matrices get interval arithmetic by products.

        Over Everywhere() all are interval arithmetic.

    Returns
    -------
    list of LayerRange
        One per layer of the chain but the last. Max pooling and residual blocks bring layers of
        their own, with neurons that pass unchanged. Without matrices, one per activation layer.

    Raises
    ------
    InvalidOptionError
        The method is not known.
    InvalidRegionError
        The region has another number of inputs.
    UnsupportedError
        A layer cannot be written with matrices.

    References
    ----------
    H. Zhang et al., Efficient neural network robustness certification with general activation
    functions, NeurIPS 2018, arXiv:1811.00866.

    Examples
    --------
    >>> from lipschitz_app.regions import Box
    >>> net = Network.from_arrays([[[1.0], [1.0]], [[1.0, -1.0]], [[1.0]]])
    >>> region = Box(lower=[1.0], upper=[2.0])
    >>> for method in ("interval", "crown"):
    ...     layer = pre_activation_ranges(net, region, method)[1]
    ...     print(method, layer.lower.round(6).tolist(), layer.upper.round(6).tolist())
    interval [-1.0] [1.0]
    crown [-0.0] [0.0]
    """
    if method not in RANGE_METHODS:
        raise InvalidOptionError(
            f"ranges {method!r} are not known; use one of {', '.join(RANGE_METHODS)}"
        )
    region = check_region(region, net.input_size)
    try:
        layers = chain(net)
    except UnsupportedError:
        if method not in ("auto", "interval"):
            raise
        return trace_ranges(net, region).layers
    return chain_ranges(layers, region, method)


def chain_ranges(
    layers: Sequence[ChainLayer], region: Region, method: str = "auto"
) -> list[LayerRange]:
    """Return the ranges of a network in normal form; see :func:`pre_activation_ranges`."""
    found: list[LayerRange] = []
    before: list[BoundedLayer] = []
    lower, upper = bounds(region, layers[0].weight.shape[1])
    for layer in layers[:-1]:
        size = np.maximum(np.abs(lower), np.abs(upper))
        lower, upper = _interval(layer, lower, upper, size)
        if not isinstance(region, Everywhere) and np.isfinite(lower + upper).all():
            if not before:
                lower, upper = _first(layer, region, size, (lower, upper))
            elif len(before) == len(found) and method != "interval":
                lower, upper = _crown(layer, before, size, region, (lower, upper), method)
            before.append(bounded_layer(layer, lower, upper, size))
        found.append(_layer_range(layer, lower, upper))
        assert layer.encoding is not None
        values = layer.encoding.value_range(lower, upper)
        lower = np.where(layer.passes, lower, values[0])
        upper = np.where(layer.passes, upper, values[1])
    return found


def _layer_range(layer: ChainLayer, lower: FloatArray, upper: FloatArray) -> LayerRange:
    assert layer.encoding is not None
    slopes = layer.encoding.slope_range(lower, upper)
    flattest, steepest = (np.where(layer.passes, 1.0, slope) for slope in slopes)
    return LayerRange(lower, upper, flattest, steepest)


def _interval(
    layer: ChainLayer, lower: FloatArray, upper: FloatArray, size: FloatArray
) -> tuple[FloatArray, FloatArray]:
    low, high = affine_interval(layer.weight, layer.bias, lower, upper)
    if layer.weight_error.any() or layer.bias_error.any():
        # An infinite size counts where the entry has an error only.
        reach = np.where(layer.weight_error > 0, size, 0.0) * layer.weight_error
        reach = reach.sum(axis=1)
        error = inflate(reach + layer.bias_error, size.size + 2)
        low, high = down(low - error), up(high + error)
    return low, high


def _first(
    layer: ChainLayer,
    region: Region,
    size: FloatArray,
    known: tuple[FloatArray, FloatArray],
) -> tuple[FloatArray, FloatArray]:
    """Bound the first layer's pre-activations over the region itself."""
    assert not isinstance(region, Everywhere)
    error = inflate(layer.weight_error @ size + layer.bias_error, size.size + 2)
    low, high = affine_range(layer.weight, layer.bias, region)
    low, high = down(low - error), up(high + error)
    return np.maximum(low, known[0]), np.minimum(high, known[1])


def _both_sides(layer: ChainLayer, chosen: np.ndarray) -> AffineRows:
    """Return the rows of some neurons, then the same negated."""
    parts = (layer.weight[chosen], layer.bias[chosen])
    rows, constants = (np.concatenate([part, -part]) for part in parts)
    errors = (layer.weight_error[chosen], layer.bias_error[chosen])
    row_errors, constant_errors = (np.concatenate([part, part]) for part in errors)
    return rows, constants, row_errors, constant_errors


def _crown(
    layer: ChainLayer,
    before: list[BoundedLayer],
    size: FloatArray,
    region: Region,
    known: tuple[FloatArray, FloatArray],
    method: str,
) -> tuple[FloatArray, FloatArray]:
    """Intersect known bounds with those by substitution, improved where that can pay."""
    assert not isinstance(region, Everywhere)
    rows = _both_sides(layer, np.ones(layer.bias.size, dtype=np.bool_))
    plain = substitute(rows, before, size, region, [closest(step) for step in before])
    lower, upper = _intersect(known, plain.bounds, slice(None))
    chosen = np.flatnonzero(_layer_range(layer, lower, upper).unstable)
    if chosen.size:
        better = improve(_both_sides(layer, chosen), before, size, region, _STEPS)
        lower, upper = _intersect((lower, upper), better, chosen)
    if method == "lp":
        chosen = np.flatnonzero(_layer_range(layer, lower, upper).unstable)
        if chosen.size:
            better = program_bounds(_both_sides(layer, chosen), before, size, region)
            lower, upper = _intersect((lower, upper), better, chosen)
    return lower, upper


def _intersect(
    known: tuple[FloatArray, FloatArray], found: FloatArray, where: np.ndarray | slice
) -> tuple[FloatArray, FloatArray]:
    """Intersect bounds with upper bounds of neurons and of their negatives."""
    lower, upper = known[0].copy(), known[1].copy()
    high, negative = np.split(found, 2)
    upper[where] = np.minimum(upper[where], high)
    lower[where] = np.maximum(lower[where], -negative)
    return lower, upper
