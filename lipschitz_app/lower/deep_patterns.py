r"""Local search over the patterns of a deep ReLU network, with linear programs.

Within a pattern all pre-activations are affine in the input, so a linear program decides whether it
occurs in the region, and finds a point deep inside. From a point's pattern, flips of one or two
neurons that would raise the norm of the gradient are tried best first. With the flips
fixed, layers behind them may take the signs that they have at a point near by: where the pattern as
such does not occur, the program is tried once more with later layers left open. From where no flip
helps, a few neurons near their kinks are flipped at random, and the search goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lipschitz_app import norms
from lipschitz_app.cells import MARGIN, Arrangement
from lipschitz_app.lower.programs import widest
from lipschitz_app.regions import Region
from lipschitz_app.rounding import FloatArray, Norm

_PAIRS = 45
_TRIES = 24
"""Flips that are tried from one pattern before it counts as the best around."""

_KICK = 3
_FEW = 10
"""Most unstable neurons for which all patterns are looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class _Cell:
    """A pattern: pre-activations as affine maps of the input, and the gradient.

    Attributes
    ----------
    rows, offsets : arrays, shapes (N, n) and (N,)
        Of the neurons of all layers.
    pulls : array, shape (N,)
        Derivative of the output with respect to each neuron's value.
    gradient : array, shape (n,)
    """

    rows: FloatArray
    offsets: FloatArray
    pulls: FloatArray
    gradient: FloatArray


def _cell(
    pairs: Sequence[tuple[FloatArray, FloatArray]], weights: FloatArray, active: np.ndarray
) -> _Cell:
    matrix, shift = np.eye(pairs[0][0].shape[1]), np.zeros(pairs[0][0].shape[1])
    rows, offsets, start = [], [], 0
    for weight, bias in pairs:
        matrix, shift = weight @ matrix, weight @ shift + bias
        rows.append(matrix)
        offsets.append(shift)
        mask = active[start : start + bias.size]
        start += bias.size
        matrix, shift = mask[:, None] * matrix, mask * shift
    pulls, pull = [], weights
    for weight, bias in reversed(pairs):
        pulls.append(pull)
        start -= bias.size
        pull = (pull * active[start : start + bias.size]) @ weight
    return _Cell(
        np.concatenate(rows), np.concatenate(offsets), np.concatenate(pulls[::-1]), np.asarray(pull)
    )


class DeepPatterns:
    """The search for one network, region and norm.

    Parameters
    ----------
    pairs : sequence of (weight, bias)
        The hidden layers.
    weights : array
        Derivative of the output with respect to the last layer's values.
    region : Box or Everywhere
    dual_norm : "1", "2" or "inf"
    end : float
        Value of ``time.perf_counter()`` after which no program is begun.
    programs : int
        How many programs may be solved altogether.
    unstable : array of bool
        The neurons of all layers whose sign changes over the region.
    """

    def __init__(
        self,
        pairs: Sequence[tuple[FloatArray, FloatArray]],
        weights: FloatArray,
        region: Region,
        dual_norm: Norm,
        *,
        end: float,
        programs: int,
        unstable: np.ndarray,
    ) -> None:
        self.pairs, self.weights, self.region, self.norm = pairs, weights, region, dual_norm
        self.end, self.programs, self.unstable = end, programs, unstable
        sizes = [bias.size for _, bias in pairs]
        self.stop = 0
        self.known: dict[bytes, FloatArray | None] = {}
        self.layer = np.repeat(np.arange(len(sizes)), sizes)

    def search(self, points: FloatArray, generator: np.random.Generator, kicks: int) -> FloatArray:
        """Return a point whose gradient has at least the largest norm of those at `points`.

        Parameters
        ----------
        points : array, shape (m, n)
            Where to start.
        generator : Generator
            Source of the kicks.
        kicks : int
            How many kicks in a row may fail.
        """
        # A share of the programs is kept for the kicks.
        reserve, total = self.programs // 2, self.programs - self.programs // 2
        found = []
        for number in range(len(points)):
            spent = total * (number + 1) // len(points)
            self.stop = reserve + total - spent
            found.append(self.climb(points[number]))
        self.stop = 0
        best = max(found, key=self.value)
        best_value, stale = self.value(best), 0
        while stale < kicks and not self.over:
            other = self.climb(self.kicked(best, generator))
            value = self.value(other)
            stale += 1
            if value > best_value * (1 + 1e-9):
                best, best_value, stale = other, value, 0
        return best

    @property
    def over(self) -> bool:
        """Whether no further program may be begun."""
        return self.programs <= self.stop or time.perf_counter() > self.end

    def active(self, point: FloatArray) -> tuple[np.ndarray, FloatArray]:
        """Return the pattern and the pre-activations at a point."""
        found, x = [], point
        for weight, bias in self.pairs:
            z = weight @ x + bias
            found.append(z)
            x = np.maximum(z, 0.0)
        values = np.concatenate(found)
        return values > 0, values

    def value(self, point: FloatArray) -> float:
        """Return the norm of the gradient at a point."""
        cell = _cell(self.pairs, self.weights, self.active(point)[0])
        return float(norms.values(cell.gradient, self.norm))

    def climb(self, point: FloatArray) -> FloatArray:
        """Flip neurons for as long as the norm grows."""
        value = self.value(point)
        while True:
            pattern, _ = self.active(point)
            cell = _cell(self.pairs, self.weights, pattern)
            enough = self.programs - 2 * _TRIES
            for flip in self.promising(cell, pattern, value):
                if self.over or self.programs <= enough:
                    return point
                other = self.realised(pattern, flip)
                if other is not None and self.value(other) > value * (1 + 1e-9):
                    point, value = other, self.value(other)
                    break
            else:
                return point

    def promising(self, cell: _Cell, pattern: np.ndarray, value: float) -> list[np.ndarray]:
        """Return flips of one or two neurons, or of any, that raise the norm, the best first."""
        free = np.flatnonzero(self.unstable)
        if free.size <= _FEW:
            every = np.indices((2,) * free.size).reshape(free.size, -1).T[1:] > 0
            return self.best([free[mask] for mask in every], pattern, value)
        changes = np.where(pattern, -cell.pulls, cell.pulls)[:, None] * cell.rows
        single = norms.values(cell.gradient + changes[free], self.norm)
        leading = free[np.argsort(-single, kind="stable")[:_PAIRS]]
        first, second = (leading[side] for side in np.triu_indices(leading.size, 1))
        flips = [*free[:, None], *np.column_stack([first, second])]
        return self.best(flips, pattern, value)

    def best(self, flips: list[np.ndarray], pattern: np.ndarray, value: float) -> list[np.ndarray]:
        """Return the flips with the largest norms above a value."""
        batch = np.repeat(pattern[None, :], len(flips), axis=0)
        for row, flip in zip(batch, flips, strict=True):
            row[flip] = ~row[flip]
        total = norms.values(self.gradients(batch), self.norm)
        order = np.argsort(-total, kind="stable")
        return [flips[index] for index in order if total[index] > value * (1 + 1e-9)]

    def gradients(self, patterns: np.ndarray) -> FloatArray:
        """Return the gradients of patterns, one a row."""
        gradient = np.broadcast_to(self.weights, (len(patterns), self.weights.size))
        end = patterns.shape[1]
        for weight, bias in reversed(self.pairs):
            gradient = (gradient * patterns[:, end - bias.size : end]) @ weight
            end -= bias.size
        return np.asarray(gradient)

    def realised(self, pattern: np.ndarray, flip: np.ndarray) -> FloatArray | None:
        """Return a point with the pattern after a flip, later layers left open if need be."""
        flipped = pattern.copy()
        flipped[flip] = ~flipped[flip]
        last = self.layer[flip].max()
        whole, before = flipped.tobytes(), flipped[self.layer <= last].tobytes()
        found = self.known[whole] if whole in self.known else self.asked(flipped, whole)
        if found is None and last < self.layer[-1]:
            # The first of the signs decide about the program with later layers left open.
            if before in self.known:
                return self.known[before]
            found = self.asked(flipped, before, self.layer > last)
        return found

    def asked(
        self, pattern: np.ndarray, key: bytes, free: np.ndarray | None = None
    ) -> FloatArray | None:
        """Solve the program of a pattern, some neurons left open, and note the answer."""
        cell = _cell(self.pairs, self.weights, pattern)
        wanted = self.unstable & (np.abs(cell.rows).max(axis=1) > 0)
        used = np.flatnonzero(wanted if free is None else wanted & ~free)
        arrangement = Arrangement.of(cell.rows[used], cell.offsets[used], self.region)
        self.programs -= 1
        margin, point = widest(arrangement, np.where(pattern[used], 1.0, -1.0))
        self.known[key] = point if margin > MARGIN else None
        return self.known[key]

    def kicked(self, point: FloatArray, generator: np.random.Generator) -> FloatArray:
        """Return a point beyond the kinks of a few neurons that are near."""
        pattern, values = self.active(point)
        cell = _cell(self.pairs, self.weights, pattern)
        sizes = np.abs(cell.rows).sum(axis=1)
        distance = np.abs(values) / np.where(sizes > 0, sizes, 1.0)
        distance = np.where(self.unstable & (sizes > 0), distance, np.inf)
        near = np.argsort(distance, kind="stable")[: min(_PAIRS, int(self.unstable.sum()))]
        for _ in range(4):
            count = min(_KICK, near.size)
            found = self.realised(pattern, generator.choice(near, count, replace=False))
            if found is not None:
                return found
        return point
