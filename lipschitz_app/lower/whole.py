r"""Lower bounds for the whole output vector.

:math:`\|J\|_{p \to q} = \max_s \|J^T s\|_{p^*}` over output weights s of dual norm at most 1: every
s turns the map into one number, for which the ascent finds a point; the best weights of the
Jacobian there are the next s. What comes out is proven: the enclosed gradient of the combination s,
divided by the norm of s.
"""

from __future__ import annotations

import time

import numpy as np

from lipschitz_app.gradients import gradient_norm_lower
from lipschitz_app.lower.ascent import LowerBound, has_pairs, lipschitz_lower_bound
from lipschitz_app.lower.projection import SearchRegion
from lipschitz_app.matrix_norms import induced
from lipschitz_app.network import Network
from lipschitz_app.outputs import OutputMap, OutputVector
from lipschitz_app.regions import Region
from lipschitz_app.rounding import FloatArray, Norm, dual, norm_upper

_POINTS = 64
"""Random points whose Jacobians suggest the first output weights."""

_WEIGHTS = 3
"""First output weights that are followed up."""

_ROUNDS = 4


def whole_lower_bound(
    net: Network,
    region: Region,
    norm: Norm,
    target: OutputMap,
    *,
    rng: int | np.random.Generator = 0,
    starts: int | None = None,
    steps: int | None = None,
    time_limit: float | None = None,
) -> LowerBound:
    """Return a proven lower bound of the constant of all outputs together, with a witness.

    Parameters
    ----------
    net, region, norm, rng, starts, steps, time_limit
        See :func:`lipschitz_lower_bound`.
    target : OutputMap

    Examples
    --------
    >>> from lipschitz_app.regions import Box
    >>> net = Network.from_arrays([[[3.0, 0.0], [0.0, 4.0]], [[1.0, 0.0], [0.0, 1.0]]])
    >>> found = whole_lower_bound(net, Box([0.0, 0.0], 1.0), "inf", OutputMap(2, "1"))
    >>> round(found.value, 6)
    7.0
    """
    generator = np.random.default_rng(rng)
    begin = time.perf_counter()
    end = np.inf if time_limit is None else begin + time_limit
    best: tuple[float, FloatArray] | None = None
    timings: dict[str, float] = {}
    for weights in _first_weights(net, region, norm, target, generator):
        for _ in range(_ROUNDS):
            left = None if time_limit is None else max(0.05, (end - time.perf_counter()) / 2)
            found = lipschitz_lower_bound(
                net,
                region,
                norm,
                weights,
                rng=generator,
                starts=starts,
                steps=steps,
                time_limit=left,
            )
            for name, seconds in found.timings.items():
                timings[name] = timings.get(name, 0.0) + seconds
            value, weights = _evaluate(net, found.witness.ravel(), norm, target)
            improved = best is None or value > best[0]
            if best is None or improved:
                best = value, found.witness
            if not improved or time.perf_counter() > end:
                break
        if time.perf_counter() > end:
            break
    assert best is not None
    return LowerBound(best[0], best[1], "proven", timings)


def _evaluate(
    net: Network, point: FloatArray, norm: Norm, target: OutputMap
) -> tuple[float, FloatArray]:
    """Return the proven norm of the Jacobian at a point, and the weights that reach it."""
    _, weights = induced(net.jacobian(point), norm, target.norm)
    inner = gradient_norm_lower(net, point, OutputVector(weights, "combination"), dual(norm))
    size = norm_upper(weights, dual(target.norm))
    return (float(np.nextafter(inner / size, -np.inf)) if inner > 0 else 0.0), weights


def _first_weights(
    net: Network, region: Region, norm: Norm, target: OutputMap, generator: np.random.Generator
) -> list[FloatArray]:
    """Return different weights that the Jacobians at random points have, the best first."""
    pairs = net.affine_pairs() if has_pairs(net) else [(np.eye(net.input_size), np.zeros(1))]
    points = SearchRegion.around(region, pairs).sample(_POINTS, generator)
    found = [induced(net.jacobian(point), norm, target.norm) for point in points]
    found.sort(key=lambda pair: -pair[0])
    chosen: list[FloatArray] = []
    for _, weights in found:
        size = np.linalg.norm(weights)
        alike = [abs(weights @ other) > 0.9 * size * np.linalg.norm(other) for other in chosen]
        if not any(alike):
            chosen.append(weights)
    return chosen[:_WEIGHTS]
