"""Bounds on pre-activations over a region."""

from lipschitz_app.ranges.interval import LayerRange, interval_ranges, layer_range
from lipschitz_app.ranges.pre_activations import RANGE_METHODS, pre_activation_ranges

__all__ = [
    "RANGE_METHODS",
    "LayerRange",
    "interval_ranges",
    "layer_range",
    "pre_activation_ranges",
]
