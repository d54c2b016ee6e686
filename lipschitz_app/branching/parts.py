"""Ranges of all layers over the part of a region where some neurons have given signs.

A neuron of any layer with a decided sign gives a half-space in the inputs: its pre-activation, or
minus it, is at most a linear function (:mod:`lipschitz_app.ranges.crown`), which is therefore
nonnegative in the part. For the first layer the function is the pre-activation itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lipschitz_app.branching.cut_region import CutRegion
from lipschitz_app.chain import ChainLayer
from lipschitz_app.ranges.crown import (
    AffineRows,
    BoundedLayer,
    bounded_layer,
    closest,
    improve,
    substitute,
)
from lipschitz_app.ranges.interval import LayerRange
from lipschitz_app.regions import Ball, Box
from lipschitz_app.rounding import FloatArray

_STEPS = 3
"""Steps of the search for better lines in later layers; each solves a linear program per row."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The points of a region where some neurons have given signs.

    Attributes
    ----------
    signs : tuple of arrays
        Per layer: 1 where ``z >= 0`` was decided, -1 where ``z <= 0`` was, 0 elsewhere.
    ranges : tuple of LayerRange
        Proven over the part.
    """

    signs: tuple[FloatArray, ...]
    ranges: tuple[LayerRange, ...]

    @property
    def unstable(self) -> tuple[np.ndarray, ...]:
        """Masks of the neurons that are still unstable."""
        return tuple(layer.unstable for layer in self.ranges)

    def decide(self, layer: int, neuron: int, sign: float) -> tuple[FloatArray, ...]:
        """Return the signs with one more decided."""
        signs = [array.copy() for array in self.signs]
        signs[layer][neuron] = sign
        return tuple(signs)


class Explorer:
    """Finds ranges over parts of a bounded region, and points in them.

    Parameters
    ----------
    layers : sequence of ChainLayer
        The hidden layers, relu; neurons that pass are never decided.
    region : Box or Ball
    """

    def __init__(self, layers: Sequence[ChainLayer], region: Box | Ball) -> None:
        self.layers, self.region = layers, region

    def explore(
        self, signs: tuple[FloatArray, ...], known: tuple[LayerRange, ...]
    ) -> tuple[Part | None, list[FloatArray]]:
        """Return the part with these signs, None where it is proven empty, and points of it.

        Parameters
        ----------
        signs : tuple of arrays
        known : tuple of LayerRange
            Ranges over a larger part.
        """
        size = self.layers[0].weight.shape[1]
        part = CutRegion(self.region, np.zeros((0, size)), np.zeros(0))
        points: list[FloatArray] = []
        ranges = list(known)
        later = any(array.any() for array in signs[1:])
        for _ in range(2 if later else 1):
            before: list[BoundedLayer] = []
            reach = part.reach
            for number, layer in enumerate(self.layers):
                found = self._layer(layer, before, reach, part, signs[number], ranges[number])
                if found is None:
                    return None, points
                part, ranges[number] = found
                if signs[number].any():
                    empty, point = part.explore()
                    if empty:
                        return None, points
                    if point is not None:
                        points.append(point)
                lower, upper = ranges[number].lower, ranges[number].upper
                before.append(bounded_layer(layer, lower, upper, reach))
                reach = np.maximum(np.abs(lower), np.abs(upper))
        return Part(signs, tuple(ranges)), points

    def _layer(
        self,
        layer: ChainLayer,
        before: list[BoundedLayer],
        reach: FloatArray,
        part: CutRegion,
        signs: FloatArray,
        known: LayerRange,
    ) -> tuple[CutRegion, LayerRange] | None:
        """Cut the part by the signs of a layer, and bound its other neurons over it."""
        lower = np.where(signs > 0, np.maximum(known.lower, 0.0), known.lower)
        upper = np.where(signs < 0, np.minimum(known.upper, 0.0), known.upper)
        decided = np.flatnonzero(signs)
        if decided.size:
            choices = [closest(step) for step in before]
            rows = _rows(layer, decided, signs[decided])
            found = substitute(rows, before, reach, part, choices)
            if (found.bounds < 0).any():
                return None
            part = part.with_cuts(found.rows, found.constants)
        open_ = np.flatnonzero((lower < 0) & (upper > 0) & ~layer.passes)
        if open_.size and len(part.constants):
            both = np.concatenate([open_, open_])
            rows = _rows(layer, both, np.repeat([1.0, -1.0], open_.size))
            if before:
                bounds = improve(rows, before, reach, part, _STEPS)
            else:
                bounds = substitute(rows, before, reach, part, []).bounds
            high, low = np.split(bounds, 2)
            upper[open_] = np.minimum(upper[open_], high)
            lower[open_] = np.maximum(lower[open_], -low)
        if (lower > upper).any():
            return None
        assert layer.encoding is not None
        slopes = layer.encoding.slope_range(lower, upper)
        # Both slopes are derivatives at 0; a decided sign says which one the part is about.
        flat = np.where(signs > 0, 1.0, np.where(signs < 0, 0.0, slopes[0]))
        steep = np.where(signs > 0, 1.0, np.where(signs < 0, 0.0, slopes[1]))
        flat, steep = (np.where(layer.passes, 1.0, slope) for slope in (flat, steep))
        return part, LayerRange(lower, upper, flat, steep)


def _rows(layer: ChainLayer, neurons: np.ndarray, signs: FloatArray) -> AffineRows:
    """Return some pre-activations, times signs, as functions of the layer's inputs."""
    return (
        signs[:, None] * layer.weight[neurons],
        signs * layer.bias[neurons],
        layer.weight_error[neurons],
        layer.bias_error[neurons],
    )
