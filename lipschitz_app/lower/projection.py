"""The region as the ascent sees it: sampling, steps that stay inside, and segments of lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lipschitz_app.regions import Ball, BallInBox, Box, Region
from lipschitz_app.rounding import FloatArray

_SHRINK = 1.0 - 1e-12


@dataclass(frozen=True, slots=True)
class SearchRegion:
    """A box, and a ball in it or none; points computed inside are inside despite rounding.

    Attributes
    ----------
    lower, upper : arrays, shape (n,)
    center : array, shape (n,)
    radius : float
        Of the Euclidean ball; infinite for a box.
    decades : float
        How many powers of ten the sizes of the starts spread over; 0 for a bounded region.
    anchor : array, shape (n,), or None
        A point in both the box and the ball, where that is not the centre.
    """

    lower: FloatArray
    upper: FloatArray
    center: FloatArray
    radius: float
    decades: float = 0.0
    anchor: FloatArray | None = None

    @classmethod
    def around(cls, region: Region, pairs: Sequence[tuple[FloatArray, FloatArray]]) -> SearchRegion:
        """Return the part of a region to search: all of it, or a large box for Everywhere.

        The box reaches far beyond the points nearest to the origin where the first layer has kinks.
        """
        if isinstance(region, Box):
            return cls(region.inner_lower, region.inner_upper, region.center, np.inf)
        if isinstance(region, Ball):
            radius = region.radius * _SHRINK
            low, high = region.center - radius, region.center + radius
            if isinstance(region, BallInBox):
                low = np.maximum(low, region.box.inner_lower)
                high = np.minimum(high, region.box.inner_upper)
                return cls(low, high, region.center, radius, anchor=region.anchor)
            return cls(low, high, region.center, radius)
        matrix, bias = pairs[0]
        sizes = np.linalg.norm(matrix, axis=1)
        used = sizes > 0
        kinks = np.abs(bias[used]) / sizes[used]
        reach = 100.0 * max(1.0, float(kinks.max(initial=0.0)))
        size = matrix.shape[1]
        return cls(np.full(size, -reach), np.full(size, reach), np.zeros(size), np.inf, 3.0)

    def scales(self, count: int) -> FloatArray:
        """Return how large a part of the region each start works in, shape (count, 1)."""
        return np.asarray(10.0 ** -np.linspace(0.0, self.decades, count)[:, None])

    def clip(self, points: FloatArray) -> FloatArray:
        """Return the points moved into the region."""
        points = np.clip(points, self.lower, self.upper)
        if self.anchor is not None:
            return self._clip_from(self.anchor, points)
        if np.isfinite(self.radius):
            offset = points - self.center
            size = np.linalg.norm(offset, axis=-1, keepdims=True)
            factor = np.minimum(1.0, self.radius / np.where(size > 0, size, 1.0))
            points = np.clip(self.center + offset * factor, self.lower, self.upper)
        return points

    def _clip_from(self, anchor: FloatArray, points: FloatArray) -> FloatArray:
        """Return the last points in the ball on the way from an anchor inside it."""
        ways = points - anchor
        start = anchor - self.center
        a = np.square(ways).sum(axis=-1, keepdims=True)
        b = (ways * start).sum(axis=-1, keepdims=True)
        room = max(0.0, self.radius**2 - float(start @ start))
        root = np.sqrt(b * b + a * room)
        share = np.minimum(1.0, (root - b) / np.where(a > 0, a, 1.0)) * _SHRINK
        return np.asarray(np.clip(anchor + share * ways, self.lower, self.upper))

    def sample(self, count: int, generator: np.random.Generator) -> FloatArray:
        """Return points: the centre first, then uniform ones and corners alternately."""
        size = self.center.size
        spread = generator.uniform(-1.0, 1.0, (count, size))
        spread[1::2] = np.sign(spread[1::2])
        half = (self.upper - self.lower) / 2
        if np.isfinite(self.radius):
            spread = generator.standard_normal((count, size))
            lengths = np.linalg.norm(spread, axis=1, keepdims=True)
            spread *= generator.uniform(0.0, 1.0, (count, 1)) ** (1 / size) / lengths
        points = self.center + spread * half * self.scales(count)
        points[0] = self.center
        return self.clip(points)

    def jitter(self, points: FloatArray, generator: np.random.Generator) -> FloatArray:
        """Return the points moved by a millionth of the region, off kinks they may lie on."""
        half = (self.upper - self.lower) / 2
        moves = generator.uniform(-1e-6, 1e-6, points.shape) * half
        return self.clip(points + moves * 10.0**-self.decades)

    def step(self, points: FloatArray, direction: FloatArray, length: float) -> FloatArray:
        """Return the points moved uphill by a fraction of the region's size, and clipped."""
        half = (self.upper - self.lower) / 2
        if np.isfinite(self.radius):
            sizes = np.linalg.norm(direction, axis=1, keepdims=True)
            move = direction / np.where(sizes > 0, sizes, 1.0)
        else:
            move = np.sign(direction)
        return self.clip(points + length * half * self.scales(len(points)) * move)

    def segment(self, point: FloatArray, direction: FloatArray) -> tuple[float, float]:
        """Return the interval of s for which ``point + s direction`` is inside."""
        moving = direction != 0
        with np.errstate(over="ignore"):
            first = (self.lower - point)[moving] / direction[moving]
            second = (self.upper - point)[moving] / direction[moving]
        low = float(np.minimum(first, second).max(initial=-np.inf))
        high = float(np.maximum(first, second).min(initial=np.inf))
        if np.isfinite(self.radius):
            offset = point - self.center
            a, b = float(direction @ direction), float(offset @ direction)
            root = np.sqrt(max(0.0, b * b + a * (self.radius**2 - float(offset @ offset))))
            low, high = max(low, (-b - root) / a), min(high, (-b + root) / a)
        return min(low, 0.0), max(high, 0.0)
