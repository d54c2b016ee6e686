"""Interval bounds on pre-activations, proven, and the states of neurons that follow from them.

Boxes are pushed through the layers with outward rounding; a Euclidean ball enters the first layer
exactly, by the norms of its rows. A neuron whose derivative is constant over its range is *stable*
(dead with derivative 0, or active with one value); only the *unstable* ones stay in the problem.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipschitz_app.activations.base import ActivationEncoding
from lipschitz_app.layers.activation import Elementwise
from lipschitz_app.layers.linear import Reshape
from lipschitz_app.network import Network
from lipschitz_app.operators.dense import DenseOperator
from lipschitz_app.ranges.support import affine_range
from lipschitz_app.regions import Everywhere, Region, bounds, check_region
from lipschitz_app.rounding import FloatArray, affine_interval


@dataclass(frozen=True, slots=True)
class LayerRange:
    """Bounds on the pre-activations of one layer, and on the derivatives there.

    Attributes
    ----------
    lower, upper : arrays, shape (p,)
        Proven bounds on the pre-activations.
    slope_lower, slope_upper : arrays, shape (p,)
        Proven bounds on the derivatives of the activation.
    """

    lower: FloatArray
    upper: FloatArray
    slope_lower: FloatArray
    slope_upper: FloatArray

    @property
    def unstable(self) -> np.ndarray:
        """Mask of neurons whose derivative is not constant."""
        return np.asarray(np.less(self.slope_lower, self.slope_upper))

    @property
    def dead(self) -> np.ndarray:
        """Mask of neurons whose derivative is 0 throughout."""
        return np.asarray((self.slope_lower == 0.0) & (self.slope_upper == 0.0))

    @property
    def active(self) -> np.ndarray:
        """Mask of neurons whose derivative is constant and not 0."""
        return np.asarray(np.logical_not(self.unstable | self.dead))

    def counts(self) -> dict[str, int]:
        """Return how many neurons are dead, active and unstable."""
        return {name: int(getattr(self, name).sum()) for name in ("dead", "active", "unstable")}


def layer_range(encoding: ActivationEncoding, lower: FloatArray, upper: FloatArray) -> LayerRange:
    """Return the range of a layer from bounds on its pre-activations."""
    return LayerRange(lower, upper, *encoding.slope_range(lower, upper))


def interval_ranges(net: Network, region: Region) -> list[LayerRange]:
    """Return proven ranges of the pre-activations, one per activation layer.

    Parameters
    ----------
    net : Network
    region : Region

    Raises
    ------
    InvalidRegionError
        The region has another number of inputs than the network.
    UnsupportedError
        The network has layers that intervals are not offered for.

    Examples
    --------
    >>> from lipschitz_app.regions import Box
    >>> net = Network.from_arrays([[[1.0], [-1.0], [1.0]], [[1.0, 1.0, 1.0]]], [[3, -3, 0], [0]])
    >>> interval_ranges(net, Box([0.0], 1.0))[0].counts()
    {'dead': 1, 'active': 1, 'unstable': 1}
    """
    region = check_region(region, net.input_size)
    if not all(isinstance(step, (DenseOperator, Elementwise, Reshape)) for step in net.steps):
        from lipschitz_app.ranges.propagate import trace_ranges

        return trace_ranges(net, region).layers
    lower, upper = bounds(region, net.input_size)
    found: list[LayerRange] = []
    first = True
    for step in net.steps:
        if isinstance(step, DenseOperator):
            lower, upper = affine_interval(step.matrix, step.bias, lower, upper)
            if first and not isinstance(region, Everywhere):
                # Without the cancellation between the two ends of far-away boxes.
                low, high = affine_range(step.matrix, step.bias, region)
                lower, upper = np.maximum(lower, low), np.minimum(upper, high)
            first = False
        elif isinstance(step, Elementwise):
            found.append(layer_range(step.encoding, lower, upper))
            lower, upper = step.encoding.value_range(lower, upper)
            first = False
    return found
