r"""Lower bounds: annealed projected ascent, then exact evaluation at points.

With ReLU the norm of the gradient is piecewise constant in the point, so it has no useful
derivative. With smoothed derivatives (:mod:`lipschitz_app.lower.smoothing`) it has one, and `beta`
is raised as the ascent goes on from many starts at once. The best points are then improved with the
true derivatives (:mod:`lipschitz_app.lower.line_search`), and the best of those is evaluated with
outward rounding: the value returned is a proven lower bound, and the witness point shows it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lipschitz_app import norms
from lipschitz_app.activations.base import ActivationEncoding
from lipschitz_app.errors import InvalidOptionError, UnsupportedError
from lipschitz_app.gradients import gradient_norm_lower
from lipschitz_app.hidden import presolve
from lipschitz_app.lower.deep_patterns import DeepPatterns
from lipschitz_app.lower.line_search import improve
from lipschitz_app.lower.patterns import pattern_search
from lipschitz_app.lower.projection import SearchRegion
from lipschitz_app.lower.sampled import sampled_lower_bound
from lipschitz_app.lower.smoothing import smoothed
from lipschitz_app.network import Network
from lipschitz_app.outputs import Output, OutputMap, OutputVector, as_target
from lipschitz_app.ranges.interval import interval_ranges
from lipschitz_app.ranges.pre_activations import pre_activation_ranges
from lipschitz_app.regions import Ball, Box, Everywhere, Region, check_region
from lipschitz_app.rounding import FloatArray, Norm, dual

_PRODUCT = 2**18
"""Multiplications in one matrix product below which BLAS libraries keep to one thread.

Where others use the machine too, threads that wait for each other cost far more than they save.
"""

_PROGRAMS = 4_000_000
"""Entries of the matrices of all linear programs of one hidden layer together."""

_DEEP_PROGRAMS = 2_000_000
"""The same of several hidden layers, whose programs are set up anew each time."""

_KICKS = 60
"""Kicks in a row without success after which a search over patterns ends."""


@dataclass(frozen=True, slots=True)
class LowerBound:
    """A lower bound of a Lipschitz constant and the point that shows it.

    Attributes
    ----------
    value : float
        Proven: the dual norm of the gradient at the witness, rounded downwards.
    witness : array, shape of the network's input
    kind : "proven"
    timings : dict
        Seconds by phase.
    """

    value: float
    witness: FloatArray
    kind: str
    timings: dict[str, float]

    def __str__(self) -> str:
        return f"lower bound {self.value:.6f} ({self.kind}, by a witness point)"


def lipschitz_lower_bound(
    net: Network,
    region: Region,
    norm: object = "inf",
    output: Output | None = 0,
    *,
    output_norm: object = None,
    rng: int | np.random.Generator = 0,
    starts: int | None = None,
    steps: int | None = None,
    time_limit: float | None = None,
    start: ArrayLike | None = None,
) -> LowerBound:
    """Return a lower bound of a network's Lipschitz constant with a witness point.

    Parameters
    ----------
    net : Network
        Where it does not alternate affine layers and activations (max pooling, residual blocks,
        batch normalisation) random steps take the place of the ascent.
    region : Box, Ball or Everywhere
    norm : 1, 2 or "inf"
        Norm of the input space.
    output : int, pair (i, j), vector or None
        Which output, margin or combination of outputs; None for all of them.
    output_norm : 1, 2 or "inf", optional
        Norm of the output space for ``output=None``; by default that of the input space.
    rng : int or Generator
        Source of the random starts; the same number gives the same answer.
    starts : int, optional
        Number of starting points; by default 32 to 128, fewer for larger networks.
    steps : int, optional
        Number of ascent steps; by default 400, and 800 for large networks.
    time_limit : float, optional
        Seconds after which no further step is begun. A limit that cuts the search short makes the
        answer depend on the machine.
    start : array, optional
        A point of the region to begin from too, for instance the witness of another bound; for
        networks whose patterns are searched.

    Returns
    -------
    LowerBound

    Raises
    ------
    InvalidRegionError, InvalidOutputError, InvalidOptionError, UnsupportedError

    Examples
    --------
    >>> from lipschitz_app.regions import Box
    >>> net = Network.from_arrays([[[1.0, 2.0], [-1.0, 1.0]], [[1.0, 1.0]]])
    >>> found = lipschitz_lower_bound(net, Box([0.0, 0.0], 10.0))
    >>> round(found.value, 6)
    3.0
    """
    region = check_region(region, net.input_size)
    name = norms.as_norm(norm)
    dual_norm = dual(name)
    target = as_target(output, net.output_size, name, output_norm)
    if isinstance(target, OutputMap):
        from lipschitz_app.lower.whole import whole_lower_bound

        options = {"starts": starts, "steps": steps}
        return whole_lower_bound(
            net, region, name, target, rng=rng, time_limit=time_limit, **options
        )
    if not has_pairs(net):
        return _sampled(net, region, target, dual_norm, starts, steps, rng, time_limit)
    largest = max(matrix.size for matrix, _ in net.affine_pairs())
    if starts is None:
        starts = int(np.clip(_PRODUCT // largest, 32, 128))
    if steps is None:
        steps = 400 if largest <= _PRODUCT else 800
    if starts < 1 or steps < 0:
        raise InvalidOptionError(
            f"starts={starts} and steps={steps}: give at least 1 start and 0 steps"
        )
    generator = np.random.default_rng(rng)
    begin = time.perf_counter()
    end = np.inf if time_limit is None else begin + time_limit
    pairs = net.affine_pairs()
    area = SearchRegion.around(region, pairs)
    points = area.sample(starts, generator)
    weights = target.weights @ pairs[-1][0]
    if len(pairs) > 1:
        activations = [step.encoding for step in net.activations]
        points = _ascend(pairs, activations, weights, area, points, dual_norm, steps, end)
    points = area.jitter(points, generator)
    middle = time.perf_counter()
    points = improve(net, target, area, points, dual_norm, generator, end)
    if start is not None:
        points = np.concatenate([points, area.clip(_started(start, net.input_size))])
    if len(pairs) == 2 and not isinstance(region, Ball):
        points = _flip(net, region, target, points, dual_norm, generator, end)
    elif len(pairs) > 2 and not isinstance(region, Ball):
        points = _flip_deep(net, region, weights, points, dual_norm, generator, end)
    if any(step.encoding.name != "relu" for step in net.activations):
        # The largest slope may be one-sided: beside a kink, where only points off it count.
        points = np.concatenate([points, *(area.jitter(points, generator) for _ in range(4))])
    value, witness = _best(net, target, points, dual_norm)
    timings = {"ascent": middle - begin, "local search": time.perf_counter() - middle}
    return LowerBound(value, witness.reshape(net.input_shape), "proven", timings)


def _started(start: ArrayLike, size: int) -> FloatArray:
    point = np.asarray(start, dtype=np.float64).reshape(1, -1)
    if point.size != size or not np.isfinite(point).all():
        raise InvalidOptionError(
            f"start has {point.size} entries; give {size} finite numbers, as the network has inputs"
        )
    return point


def has_pairs(net: Network) -> bool:
    """Return whether the network has the matrices that the ascent works on."""
    try:
        net.affine_pairs()
    except UnsupportedError:
        return False
    return True


def _sampled(
    net: Network,
    region: Region,
    target: OutputVector,
    dual_norm: Norm,
    starts: int | None,
    steps: int | None,
    rng: int | np.random.Generator,
    time_limit: float | None,
) -> LowerBound:
    begin = time.perf_counter()
    if starts is None:
        widest = max(int(np.prod(step.output_shape)) for step in net.steps)
        starts = int(np.clip(2**20 // (widest * net.output_size), 4, 64))
    value, witness = sampled_lower_bound(
        net,
        region,
        target,
        dual_norm,
        starts=starts,
        steps=40 if steps is None else steps,
        generator=np.random.default_rng(rng),
        end=np.inf if time_limit is None else begin + time_limit,
    )
    timings = {"sampling": time.perf_counter() - begin}
    return LowerBound(value, witness.reshape(net.input_shape), "proven", timings)


def _flip(
    net: Network,
    region: Box | Everywhere,
    target: OutputVector,
    points: FloatArray,
    dual_norm: Norm,
    generator: np.random.Generator,
    end: float,
) -> FloatArray:
    """Add what a search over patterns finds from the points."""
    hidden = presolve(net, interval_ranges(net, region), target)
    if hidden.unstable == 0 or hidden.encoding.name != "relu":
        return points
    # A linear program takes about as long as its matrix is large.
    programs = int(np.clip(_PROGRAMS // hidden.rows.size, 28, 1000))
    area = SearchRegion.around(region, net.affine_pairs())
    found = pattern_search(
        hidden, region, points, dual_norm, generator, programs=programs, kicks=_KICKS, end=end
    )
    inside = area.clip(found) if isinstance(region, Box) else found
    return np.concatenate([inside, points])


def _flip_deep(
    net: Network,
    region: Box | Everywhere,
    weights: FloatArray,
    points: FloatArray,
    dual_norm: Norm,
    generator: np.random.Generator,
    end: float,
) -> FloatArray:
    """Add what a search over the patterns of all layers finds from each point."""
    if any(step.encoding.name != "relu" for step in net.activations):
        return points
    pairs = net.affine_pairs()
    unstable = np.concatenate([layer.unstable for layer in pre_activation_ranges(net, region)])
    if not unstable.any():
        return points
    # A linear program takes about as long as its matrix is large.
    programs = int(np.clip(_DEEP_PROGRAMS // (net.input_size * unstable.sum()), 20, 800))
    search = DeepPatterns(
        pairs[:-1], weights, region, dual_norm, end=end, programs=programs, unstable=unstable
    )
    found = search.search(points, generator, kicks=_KICKS)[None]
    area = SearchRegion.around(region, pairs)
    inside = area.clip(found) if isinstance(region, Box) else found
    return np.concatenate([inside, points])


def _best(
    net: Network, target: OutputVector, points: FloatArray, dual_norm: Norm
) -> tuple[float, FloatArray]:
    """Evaluate the points with outward rounding; at kinks that can be less than it seemed."""
    found = [gradient_norm_lower(net, point, target, dual_norm) for point in points]
    best = int(np.argmax(found))
    return found[best], points[best]


def _ascend(
    pairs: list[tuple[FloatArray, FloatArray]],
    activations: list[ActivationEncoding],
    weights: FloatArray,
    area: SearchRegion,
    points: FloatArray,
    dual_norm: Norm,
    steps: int,
    end: float,
) -> FloatArray:
    """Return the starts and the ends of the ascent, in that order."""
    hidden = pairs[:-1]
    best = points.copy()
    best_values = _values(hidden, activations, weights, points, dual_norm)
    scales: list[FloatArray] | None = None
    x = points.copy()
    for step in range(steps):
        if time.perf_counter() > end:
            break
        progress = step / max(1, steps - 1)
        z, inner = [], x
        for (matrix, bias), activation in zip(hidden, activations, strict=True):
            value = inner @ matrix.T + bias
            z.append(value)
            inner = activation.value(value)
        if scales is None:
            scales = [np.abs(value).mean(axis=0) + 1e-12 for value in z]
        # From slopes that blend all patterns to ones that are nearly 0 or 1.
        beta = [0.5 * 400.0**progress / scale for scale in scales]
        u, rates = zip(*map(smoothed, activations, z, beta), strict=True)
        direction = _slope(hidden, weights, z, u, rates, dual_norm)
        x = area.step(x, direction, 0.3 * (1.0 - progress) + 0.003)
        values = _values(hidden, activations, weights, x, dual_norm)
        better = values > best_values
        best[better], best_values[better] = x[better], values[better]
    return np.concatenate([best, x])


def _values(
    hidden: list[tuple[FloatArray, FloatArray]],
    activations: list[ActivationEncoding],
    weights: FloatArray,
    x: FloatArray,
    dual_norm: Norm,
) -> FloatArray:
    """Return the dual norms of the true gradients at points."""
    slopes, inner = [], x
    for (matrix, bias), activation in zip(hidden, activations, strict=True):
        value = inner @ matrix.T + bias
        slopes.append(activation.derivative(value))
        inner = activation.value(value)
    gradient = np.broadcast_to(weights, (len(x), weights.size))
    for (matrix, _), slope in zip(reversed(hidden), reversed(slopes), strict=True):
        gradient = (gradient * slope) @ matrix
    return norms.values(gradient, dual_norm)


def _slope(
    hidden: list[tuple[FloatArray, FloatArray]],
    weights: FloatArray,
    z: list[FloatArray],
    u: Sequence[FloatArray],
    rates: Sequence[FloatArray],
    dual_norm: Norm,
) -> FloatArray:
    """Return the derivative of the smoothed gradient's dual norm with respect to the points."""
    cotangent = np.broadcast_to(weights, (len(z[0]), weights.size))
    cotangents = []
    for (matrix, _), slope in zip(reversed(hidden), reversed(u), strict=True):
        cotangents.append(cotangent)
        cotangent = (cotangent * slope) @ matrix
    cotangents.reverse()
    tangent = norms.maximiser(cotangent, dual_norm)
    tangents = []
    for (matrix, _), slope in zip(hidden, u, strict=True):
        moved = tangent @ matrix.T
        tangents.append(moved)
        tangent = moved * slope
    change = np.zeros_like(z[-1])
    for (matrix, _), *rest in zip(
        reversed(hidden),
        reversed(u),
        reversed(rates),
        reversed(tangents),
        reversed(cotangents),
        strict=True,
    ):
        slope, rate, moved, back = rest
        change = (rate * moved * back + change * slope) @ matrix
    return np.asarray(change)
