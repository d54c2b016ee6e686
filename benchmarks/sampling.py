"""Sampled points of a ball around an input: anchored ratios, margins, changes of the class.

Half of the points lie in random directions; 49 % near directions along which the Jacobian at the
centre says that the outputs change most; 1 % are the points met by an ascent that follows gradients
at the points themselves, the strongest of the three. Half lie on the sphere, the others anywhere
between it and the centre. All values are sampled: they contradict a wrong bound, they prove none.
Everything is evaluated in double precision, and differences are taken from the rounded points.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from batch_evaluation import BATCH, BatchNetwork, FloatArray

import lipschitz_app as la
from lipschitz_app.rounding import Norm

ORDER: dict[Norm, float] = {"1": 1, "2": 2, "inf": np.inf}
INSIDE = 1 - 1e-9
"""Proofs are for the open ball, and rounding must not leave it either."""
STEPS = 20

Score: TypeAlias = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


@dataclass
class Sampled:
    """What the sampled points of a ball showed.

    Attributes
    ----------
    points : int
    ratios : dict
        Largest anchored ratio by the kind of the points: "random", "aimed", "ascent".
    class_changes : int
        Points at which another logit is at least that of the label; -1 without a label.
    least_margin : float
        Least difference of the label's logit and the largest other one.
    seconds : float
        CPU time.
    """

    points: int = 0
    ratios: dict[str, float] = field(default_factory=dict)
    class_changes: int = -1
    least_margin: float = np.inf
    seconds: float = 0.0

    @property
    def largest_ratio(self) -> float:
        """The largest of all anchored ratios."""
        return max(self.ratios.values())


class _Progress:
    """A line on stderr every ten seconds."""

    def __init__(self, name: str, total: int) -> None:
        self.name, self.total, self.last = name, total, time.monotonic()

    def __call__(self, done: int) -> None:
        if self.name and time.monotonic() - self.last > 10:
            self.last = time.monotonic()
            print(f"{self.name}: {done} of {self.total} points", file=sys.stderr, flush=True)


def lengths(vectors: FloatArray, norm: Norm) -> FloatArray:
    """Return the norms of the rows, (k, 1)."""
    return np.asarray(np.linalg.norm(vectors, ord=ORDER[norm], axis=1, keepdims=True))


def unit(vectors: FloatArray, norm: Norm) -> FloatArray:
    """Return the rows divided by their norms; zero rows stay."""
    size = lengths(vectors, norm)
    return np.asarray(vectors / np.where(size > 0, size, 1.0))


def steepest(gradients: FloatArray, norm: Norm) -> FloatArray:
    """Return, for each row g, the point v of the unit ball with the largest gᵀv."""
    if norm == "2":
        return unit(gradients, norm)
    if norm == "inf":
        return np.asarray(np.sign(gradients))
    result = np.zeros_like(gradients)
    row, best = np.arange(len(gradients)), np.abs(gradients).argmax(axis=1)
    result[row, best] = np.sign(gradients[row, best])
    return result


def random_directions(rng: np.random.Generator, shape: tuple[int, int], norm: Norm) -> FloatArray:
    """Return points of the unit sphere, evenly spread over its surface."""
    if norm == "2":
        return unit(rng.standard_normal(shape), norm)
    if norm == "inf":
        cube = rng.uniform(-1.0, 1.0, shape)
        face = rng.integers(0, shape[1], shape[0])
        cube[np.arange(shape[0]), face] = rng.choice([-1.0, 1.0], shape[0])
        return cube
    return unit(rng.laplace(size=shape), norm)


def aims(net: la.Network, center: FloatArray, norm: Norm, label: int | None) -> FloatArray:
    """Return unit directions along which, to first order, outputs change most, (k, n)."""
    jacobian = net.jacobian(center)
    rises = jacobian if label is None else np.delete(jacobian - jacobian[label], label, axis=0)
    if norm == "1":
        columns = np.argsort(-np.abs(jacobian).sum(axis=0), kind="stable")[:50]
        found = [np.eye(center.size)[columns], steepest(rises, norm)]
    else:
        vectors = np.linalg.svd(jacobian, full_matrices=False)[2]
        found = [steepest(vectors, norm), steepest(rises, norm)]
    both: FloatArray = np.concatenate(found)
    return np.asarray(both[np.abs(both).max(axis=1) > 0])


def sample_ball(
    net: la.Network,
    center: FloatArray,
    radius: float,
    *,
    norm: Norm = "2",
    count: int = 100_000,
    label: int | None = None,
    rng: int | np.random.Generator = 0,
    name: str = "",
) -> Sampled:
    """Evaluate a network at points of a ball.

    Parameters
    ----------
    net : Network
    center : array, in the input's shape or flat
    radius : float
    norm : "1", "2" or "inf"
        Of inputs and outputs.
    count : int
        Points, at least 200.
    label : int, optional
        Class at the centre; its margins are then watched, and half of the ascent attacks them.
    rng : int or Generator
    name : str
        Named in the progress on stderr; none without it.
    """
    if count < 200:
        raise ValueError(f"{count} points; give at least 200, so that there are all kinds")
    start, random, progress = (
        time.process_time(),
        np.random.default_rng(rng),
        _Progress(name, count),
    )
    fast, flat = BatchNetwork(net), np.asarray(center, dtype=np.float64).reshape(-1)
    origin = fast(flat[None])[0]
    found = Sampled(class_changes=-1 if label is None else 0)

    def see(kind: str, points: FloatArray, outputs: FloatArray) -> FloatArray:
        """Record values; return the ratios."""
        step, change = lengths(points - flat, norm), lengths(outputs - origin, norm)
        # At the centre itself there is no ratio, only rounding.
        ratios = np.divide(change, step, out=np.zeros_like(change), where=step > 0)[:, 0]
        found.ratios[kind] = max(found.ratios.get(kind, 0.0), float(ratios.max()))
        found.points += len(points)
        if label is not None:
            margins = outputs[:, label] - np.delete(outputs, label, axis=1).max(axis=1)
            found.class_changes += int((margins <= 0).sum())
            found.least_margin = min(found.least_margin, float(margins.min()))
        progress(found.points)
        return ratios

    def by_ratio(points: FloatArray) -> tuple[FloatArray, FloatArray]:
        outputs, pull = fast.with_pullback(points, lambda values: _dual(values - origin, norm))
        return see("ascent", points, outputs), pull

    def by_margin(points: FloatArray) -> tuple[FloatArray, FloatArray]:
        assert label is not None
        outputs, pull = fast.with_pullback(points, lambda values: _attack(values, label))
        see("ascent", points, outputs)
        return np.delete(outputs, label, axis=1).max(axis=1) - outputs[:, label], pull

    directions = aims(net, flat, norm, label)

    def aimed(shape: tuple[int, int]) -> FloatArray:
        weight = random.random((shape[0], 1))
        chosen = directions[random.integers(0, len(directions), shape[0])]
        chosen = chosen * random.choice([-1.0, 1.0], (shape[0], 1))
        noise = random_directions(random, shape, norm)
        return unit((1 - weight) * noise + weight * chosen, norm)

    size = INSIDE * radius
    scores: list[tuple[Score, bool]] = [(by_ratio, False)]
    if label is not None:
        scores.append((by_margin, True))
    starts = max(1, count // 100 // STEPS // len(scores))
    for score, on_sphere in scores:
        _ascend(score, flat, size, aimed((starts, flat.size)), norm, random, on_sphere)
    left = {"random": count // 2, "aimed": count - count // 2 - found.points}
    for kind, total in left.items():
        for begin in range(0, total, BATCH):
            shape = (min(BATCH, total - begin), flat.size)
            delta = aimed(shape) if kind == "aimed" else random_directions(random, shape, norm)
            length = np.full((shape[0], 1), size)
            length[1::2] *= random.random((shape[0] // 2, 1))
            points = flat + length * delta
            see(kind, points, fast(points))
    found.seconds = time.process_time() - start
    return found


def _dual(change: FloatArray, norm: Norm) -> FloatArray:
    """Return gradients of the norm of the rows, up to positive factors."""
    if norm == "2":
        return change
    if norm == "1":
        return np.asarray(np.sign(change))
    return steepest(change, "1")


def _attack(outputs: FloatArray, label: int) -> FloatArray:
    """Return the gradients of the best other logit less that of the label."""
    others = outputs.copy()
    others[:, label] = -np.inf
    result, row = np.zeros_like(outputs), np.arange(len(outputs))
    result[row, others.argmax(axis=1)] = 1.0
    result[:, label] -= 1.0
    return result


def _ascend(
    score: Score,
    center: FloatArray,
    size: float,
    v: FloatArray,
    norm: Norm,
    rng: np.random.Generator,
    on_sphere: bool,
) -> None:
    """Move unit directions v and lengths towards what the gradient asks for; keep what is better.

    The point of the ball that a linear function asks for is taken in part or in whole, which never
    leaves the ball in any norm.
    """
    t = np.full((len(v), 1), size)
    if not on_sphere:
        t[1::2] *= 1e-4 ** rng.random((len(v) // 2, 1))
    value, pull = score(center + t * v)
    for step in range(STEPS - 1):
        share = (1.0, 0.5, 0.25, 0.1)[step % 4]
        asked = np.where(pull.any(axis=1, keepdims=True), steepest(pull, norm), v)
        new_v = unit((1 - share) * v + share * asked, norm)
        new_t = t
        if not on_sphere and step % 3 == 2:
            new_t = np.minimum(size, t * np.exp(0.3 * rng.standard_normal(t.shape)))
        new_value, new_pull = score(center + new_t * new_v)
        better = (new_value > value)[:, None]
        v, t, pull = (
            np.where(better, new, old) for new, old in ((new_v, v), (new_t, t), (new_pull, pull))
        )
        value = np.maximum(value, new_value)
