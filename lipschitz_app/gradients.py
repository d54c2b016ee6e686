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

from lipschitz_app.network import Network
from lipschitz_app.outputs import OutputVector
from lipschitz_app.ranges.interval import LayerRange, interval_ranges
from lipschitz_app.regions import Box
from lipschitz_app.rounding import FloatArray, Norm, affine_interval, down, norm_lower, up


def gradient_interval(
    net: Network, ranges: Sequence[LayerRange], output: OutputVector
) -> tuple[FloatArray, FloatArray]:
    """Enclose the gradient of an output combination over the region the ranges belong to.

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
    pairs = net.affine_pairs()
    lower, upper = output.row(pairs[-1][0])
    for (matrix, _), layer in zip(reversed(pairs[:-1]), reversed(list(ranges)), strict=True):
        lower, upper = _slopes(lower, upper, layer)
        lower, upper = affine_interval(matrix.T, np.zeros(matrix.shape[1]), lower, upper)
    return lower, upper


def _slopes(
    lower: FloatArray, upper: FloatArray, layer: LayerRange
) -> tuple[FloatArray, FloatArray]:
    """Multiply by the interval of slopes; products with 0 and 1 are exact, others are widened."""
    slopes = np.stack([layer.slope_lower, layer.slope_upper])
    ends = np.stack([side * slope for side in (lower, upper) for slope in slopes])
    low: FloatArray = ends.min(axis=0)
    high: FloatArray = ends.max(axis=0)
    exact = np.isin(slopes, (0.0, 1.0, -1.0)).all(axis=0)
    return np.where(exact, low, down(low)), np.where(exact, high, up(high))


def gradient_norm_lower(
    net: Network, point: FloatArray, output: OutputVector, dual_norm: Norm
) -> float:
    """Return a proven lower bound of the Lipschitz constant around a point.

    The enclosure of the gradient at the point covers the gradients at all points near it, whichever
    way the neurons turn whose sign rounding leaves open. The smallest dual norm in the enclosure is
    therefore a lower bound; away from kinks it is the gradient's own norm but for rounding.
    """
    ranges = interval_ranges(net, Box(point, 0.0))
    lower, upper = gradient_interval(net, ranges, output)
    inner = np.where((lower <= 0) & (upper >= 0), 0.0, np.minimum(np.abs(lower), np.abs(upper)))
    return norm_lower(inner, dual_norm)
