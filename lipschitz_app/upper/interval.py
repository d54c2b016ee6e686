r"""The interval bound: the dual norm of the box that encloses the gradient.

For one hidden layer it is :math:`\sum_i \max(|base_i + pos_i|, |base_i + neg_i|)` for the input
norm L-infinity: the active neurons' part plus the positive, or negative, parts of the unstable
ones, coordinate by coordinate (the FastLip bound of Weng et al. 2018, arXiv:1804.09699).

For deeper networks the box is intersected with the one by linear bounds
(:mod:`lipschitz_app.gradient_lines`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lipschitz_app.chain import ChainLayer, chain
from lipschitz_app.errors import UnsupportedError
from lipschitz_app.gradient_lines import substituted_gradient
from lipschitz_app.gradients import gradient_interval
from lipschitz_app.network import Network
from lipschitz_app.outputs import OutputVector
from lipschitz_app.ranges.interval import LayerRange
from lipschitz_app.rounding import FloatArray, Norm, dual, norm_upper
from lipschitz_app.upper.base import UpperBound
from lipschitz_app.upper.certificate import Certificate


def interval_bound(
    net: Network | Sequence[ChainLayer],
    ranges: Sequence[LayerRange],
    output: OutputVector,
    norm: Norm,
) -> UpperBound:
    """Return the interval bound over the region the ranges belong to, proven.

    A network in normal form can be given by its layers.

    Examples
    --------
    >>> from lipschitz_app.outputs import as_output
    >>> from lipschitz_app.ranges.interval import interval_ranges
    >>> from lipschitz_app.regions import Everywhere
    >>> net = Network.from_arrays([[[1.0, 2.0], [-1.0, 1.0]], [[1.0, 1.0]]])
    >>> ranges = interval_ranges(net, Everywhere())
    >>> round(interval_bound(net, ranges, as_output(0, 1), "inf").value, 9)
    4.0
    """
    lower, upper = gradient_interval(net, ranges, output)
    lines = _by_lines(net, ranges, output) if len(ranges) > 1 else None
    if lines is not None:
        lower, upper = np.maximum(lower, lines[0]), np.minimum(upper, lines[1])
    value = norm_upper(np.maximum(np.abs(lower), np.abs(upper)), dual(norm))
    return UpperBound(value, "proven", certificate=Certificate("interval"))


def _by_lines(
    net: Network | Sequence[ChainLayer], ranges: Sequence[LayerRange], output: OutputVector
) -> tuple[FloatArray, FloatArray] | None:
    """Enclose the gradient by lines, if the ranges are those of a normal form that is not large."""
    try:
        layers = chain(net) if isinstance(net, Network) else net
    except UnsupportedError:
        return None
    if [found.lower.size for found in ranges] != [layer.bias.size for layer in layers[:-1]]:
        return None
    return substituted_gradient(layers, ranges, output)
