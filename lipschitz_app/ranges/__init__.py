"""Bounds on pre-activations over a region."""

from lipschitz_app.ranges.interval import LayerRange, interval_ranges, layer_range

__all__ = ["LayerRange", "interval_ranges", "layer_range"]
