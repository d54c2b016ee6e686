"""Lower bounds of networks of any architecture: random points, then random steps from the best.

The gradient at the best point is enclosed with outward rounding, so the value is proven all the
same; it is just weaker than what the ascent finds where that is offered.
"""

from __future__ import annotations

import time

import numpy as np

from lipschitz_app.gradients import gradient_norm_lower
from lipschitz_app.lower.projection import SearchRegion
from lipschitz_app.network import Network
from lipschitz_app.outputs import OutputVector
from lipschitz_app.regions import Everywhere, Region
from lipschitz_app.rounding import FloatArray, Norm

_BATCH = 2**22
"""Most entries of the Jacobians that are computed at once."""


def sampled_lower_bound(
    net: Network,
    region: Region,
    target: OutputVector,
    dual_norm: Norm,
    *,
    starts: int = 64,
    steps: int = 40,
    generator: np.random.Generator,
    end: float = np.inf,
) -> tuple[float, FloatArray]:
    """Return a proven lower bound and its witness.

    Parameters
    ----------
    net : Network
    region : Region
    target : OutputVector
    dual_norm : "1", "2" or "inf"
    starts, steps : int
        Number of random points, and of rounds of as many points near the best ones.
    generator : Generator
    end : float
        When to stop, on the clock ``time.perf_counter()``.

    Examples
    --------
    >>> from lipschitz_app.layers import MaxPool2d
    >>> from lipschitz_app.outputs import as_output
    >>> from lipschitz_app.regions import Box
    >>> net = Network([MaxPool2d((1, 2))], (1, 1, 2))
    >>> rng = np.random.default_rng(0)
    >>> value, _ = sampled_lower_bound(net, Box([0, 0], 1), as_output(0, 1), "1", generator=rng)
    >>> round(value, 9)
    1.0
    """
    area = _area(net, region)
    points = area.sample(starts, generator)
    values = _norms(net, target, points, dual_norm)
    half = np.where(np.isfinite(area.upper - area.lower), (area.upper - area.lower) / 2, 1.0)
    for step in range(steps):
        if time.perf_counter() > end:
            break
        scale = 0.5 * 0.85**step
        noise = generator.standard_normal(points.shape) * half * scale
        moved = area.clip(points + noise)
        found = _norms(net, target, moved, dual_norm)
        better = found > values
        points[better], values[better] = moved[better], found[better]
    best, witness = 0.0, points[0]
    # At a kink the enclosure is loose, so the next best point gets its turn.
    for index in np.argsort(-values)[:5]:
        value = gradient_norm_lower(net, points[index], target, dual_norm)
        if value > best:
            best, witness = value, points[index]
    return best, witness


def _area(net: Network, region: Region) -> SearchRegion:
    if isinstance(region, Everywhere):
        size = net.input_size
        wide = np.full(size, 100.0)
        return SearchRegion(-wide, wide, np.zeros(size), np.inf, 3.0)
    return SearchRegion.around(region, [])


def _norms(net: Network, target: OutputVector, points: FloatArray, dual_norm: Norm) -> FloatArray:
    size = max(1, _BATCH // (net.input_size * net.output_size))
    order = {"1": 1, "2": 2, "inf": np.inf}[dual_norm]
    found = [
        np.linalg.norm(
            np.einsum("kmn,m->kn", net.jacobian(points[i : i + size]), target.weights),
            ord=order,
            axis=1,
        )
        for i in range(0, len(points), size)
    ]
    return np.concatenate(found)
