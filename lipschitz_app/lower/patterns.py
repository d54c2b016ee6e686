"""Local search over patterns of one hidden layer: flips of one or two neurons, and kicks.

Cells can be too thin for lines to meet. From a point's pattern, flips that would raise the norm are
tried best first; a linear program (:mod:`lipschitz_app.lower.programs`) finds a point in the new
cell or says that there is none. From where no flip helps, a few neurons are flipped at random, and
the search goes on from there: an iterated local search.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lipschitz_app import norms
from lipschitz_app.cells import Arrangement
from lipschitz_app.hidden import HiddenLayer
from lipschitz_app.lower.programs import PatternPrograms
from lipschitz_app.regions import Region
from lipschitz_app.rounding import FloatArray, Norm

_PAIRS = 64
"""Neurons of which pairs are flipped: those whose own flips look best."""

_KICK = 5
"""Most neurons in a kick."""

_TRIES = 30
"""Kicks that are tried before giving up."""

_MANY = 100
"""Programs below which only single neurons are flipped, from the starting points alone."""

_GAIN = 1.0 + 1e-9


def pattern_search(
    hidden: HiddenLayer,
    region: Region,
    points: FloatArray,
    dual_norm: Norm,
    generator: np.random.Generator,
    *,
    programs: int,
    kicks: int,
    end: float,
) -> FloatArray:
    """Return the points that a search over patterns goes through, the best one last.

    Parameters
    ----------
    hidden, region, dual_norm
        What is maximised, and where; the region is a Box or Everywhere.
    points : array, shape (m, n)
        Where to start.
    generator : Generator
        Source of the kicks.
    programs : int
        How many linear programs may be solved.
    kicks : int
        How many kicks in a row may fail to improve the best point.
    end : float
        Value of ``time.perf_counter()`` after which none is begun.
    """
    search = _Search(hidden, region, dual_norm, programs, end)
    # A share of the programs is kept for the kicks, where there are enough of them.
    reserve = programs // 2 if programs >= _MANY else 0
    found = []
    for number, point in enumerate(points):
        search.programs.stop = programs - (programs - reserve) * (number + 1) // len(points)
        found.append(search.climb(search.pattern(point), point))
    search.programs.stop = 0
    found.sort(key=lambda cell: search.value(cell[0]))
    pattern, point = found[-1]
    value, stale = search.value(pattern), 0
    best = [cell[1] for cell in found]
    while stale < kicks and not search.programs.over:
        stale += 1
        kicked = search.kicked(pattern, generator)
        if kicked is None:
            break
        other, place = search.climb(*kicked)
        reached = search.value(other)
        # Cells as good as the best one are as good to go on from.
        if reached * _GAIN >= value:
            pattern, point = other, place
        if reached > value * _GAIN:
            value, stale = reached, 0
            best.append(place)
    return np.array(best)


class _Search:
    """The arrangement, its programs and the gradient as a function of the pattern."""

    def __init__(
        self, hidden: HiddenLayer, region: Region, dual_norm: Norm, programs: int, end: float
    ) -> None:
        arrangement = Arrangement.of(hidden.rows, hidden.biases, region)
        self.programs = PatternPrograms(arrangement, programs, end)
        self.base, self.norm = hidden.base, dual_norm
        self.parts = hidden.weights[:, None] * hidden.rows
        self.count = hidden.unstable
        self.pairs = _PAIRS if programs >= _MANY else 0

    def pattern(self, point: FloatArray) -> np.ndarray:
        return np.asarray(self.programs.arrangement.signs(point)[0] > 0)

    def value(self, pattern: np.ndarray) -> float:
        return float(norms.values(self.base + pattern @ self.parts, self.norm))

    def climb(self, pattern: np.ndarray, point: FloatArray) -> tuple[np.ndarray, FloatArray]:
        """Flip neurons for as long as the norm grows."""
        improved = True
        while improved and not self.programs.over:
            improved = False
            for other in self.promising(pattern):
                found = self.programs.point(other)
                if found is not None:
                    pattern, point, improved = other, found, True
                    break
                if self.programs.over:
                    break
        return pattern, point

    def promising(self, pattern: np.ndarray) -> Iterator[np.ndarray]:
        """Yield patterns one or two flips away with a larger norm, the best first."""
        gradient = self.base + pattern @ self.parts
        value = float(norms.values(gradient, self.norm))
        changes = np.where(pattern, -1.0, 1.0)[:, None] * self.parts
        single = norms.values(gradient + changes, self.norm)
        leading = np.sort(np.argsort(-single, kind="stable")[: self.pairs])
        first, second = (leading[side] for side in np.triu_indices(leading.size, 1))
        double = norms.values(gradient + changes[first] + changes[second], self.norm)
        every = np.arange(self.count)
        first, second = np.concatenate([every, first]), np.concatenate([every, second])
        total = np.concatenate([single, double])
        order = np.argsort(-total, kind="stable")
        order = order[total[order] > value * _GAIN]
        others = np.repeat(pattern[None], order.size, axis=0)
        rows = np.arange(order.size)
        others[rows, first[order]] = ~pattern[first[order]]
        others[rows, second[order]] = ~pattern[second[order]]
        yield from others[~self.programs.excluded(others)]

    def kicked(
        self, pattern: np.ndarray, generator: np.random.Generator
    ) -> tuple[np.ndarray, FloatArray] | None:
        """Return a pattern that occurs a few random flips away, None where none is found."""
        for _ in range(_TRIES):
            size = min(self.count, int(generator.integers(2, _KICK + 1)))
            other = pattern.copy()
            flip = generator.choice(self.count, size, replace=False)
            other[flip] = ~other[flip]
            found = self.programs.point(other)
            if found is not None:
                return other, found
        return None
