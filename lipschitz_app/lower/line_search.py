"""Local search over activation patterns along lines through the region.

Along a line the gradient of a network with one hidden layer changes only where a pre-activation
changes its sign. Sorting those breakpoints and summing the changes gives the norm on every piece:
an exact search over all patterns that the line meets. Deeper networks, and other activations than
ReLU, are sampled along the line.
"""

from __future__ import annotations

import time

import numpy as np

from lipschitz_app import norms
from lipschitz_app.lower.projection import SearchRegion
from lipschitz_app.network import Network
from lipschitz_app.outputs import OutputVector
from lipschitz_app.rounding import FloatArray, Norm

_SAMPLES = 65
_COORDINATES = 200
_ROUNDS = 20
_MEMORY = 4_000_000


def improve(
    net: Network,
    target: OutputVector,
    area: SearchRegion,
    points: FloatArray,
    dual_norm: Norm,
    generator: np.random.Generator,
    end: float,
) -> FloatArray:
    """Return the best few points after a search along coordinates, random lines and their spans.

    Parameters
    ----------
    net, target, area, dual_norm
        What is maximised, and where.
    points : array, shape (k, n)
    generator : Generator
    end : float
        Value of ``time.perf_counter()`` after which no further line is begun.
    """
    parameters = sum(matrix.size for matrix, _ in net.affine_pairs())
    elite = int(np.clip(2_000_000 // parameters, 2, 16))
    values = _values(net, target, points, dual_norm)
    order = np.argsort(-values, kind="stable")
    chosen: list[int] = []
    for index in order:
        # Starts that climbed to the same norm have most often met the same pattern.
        if len(chosen) < elite and all(abs(values[index] - values[i]) > 1e-12 for i in chosen):
            chosen.append(int(index))
    others = points[chosen]
    found = []
    for index in chosen:
        found.append(_climb(net, target, area, points[index], others, dual_norm, generator, end))
        if time.perf_counter() > end:
            break
    final = np.array([*found, *others])
    order = np.argsort(-_values(net, target, final, dual_norm), kind="stable")[:4]
    return np.asarray(final[order])


def _values(net: Network, target: OutputVector, points: FloatArray, dual_norm: Norm) -> FloatArray:
    """Return the dual norms of the gradients at points, a block of points at a time."""
    widths = [z.size for z in net.pre_activations(points[0])]
    block = max(1, _MEMORY // (net.output_size * max(net.input_size, *widths, 1)))
    parts = [
        norms.values(target.weights @ net.jacobian(points[start : start + block]), dual_norm)
        for start in range(0, len(points), block)
    ]
    return np.concatenate(parts)


def _directions(
    point: FloatArray, others: FloatArray, generator: np.random.Generator
) -> list[FloatArray]:
    """Return the coordinates in random order, random directions, and lines to other points."""
    size = point.size
    directions: list[FloatArray] = []
    for index in generator.permutation(size)[:_COORDINATES]:
        direction = np.zeros(size)
        direction[index] = 1.0
        directions.append(direction)
    directions.extend(generator.standard_normal((min(size, 64) + 16, size)))
    directions.extend(other - point for other in others if not np.array_equal(other, point))
    return directions


def _climb(
    net: Network,
    target: OutputVector,
    area: SearchRegion,
    start: FloatArray,
    others: FloatArray,
    dual_norm: Norm,
    generator: np.random.Generator,
    end: float,
) -> FloatArray:
    pairs = net.affine_pairs()
    point = start
    value = float(_values(net, target, point[None], dual_norm)[0])
    weights = target.weights @ pairs[-1][0]
    plain = len(pairs) == 2 and net.activations[0].encoding.name == "relu"
    for _ in range(_ROUNDS):
        before = value
        for direction in _directions(point, others, generator):
            if time.perf_counter() > end:
                return point
            low, high = area.segment(point, direction)
            if not high > low:
                continue
            if plain:
                line = (point, direction, low, high)
                places = _breakpoint_search(pairs[0], weights, line, dual_norm)
            else:
                places = np.linspace(low, high, _SAMPLES)
            candidates = area.clip(point + places[:, None] * direction)
            gains = _values(net, target, candidates, dual_norm)
            best = int(gains.argmax())
            if gains[best] > value * (1 + 1e-12):
                point, value = candidates[best], float(gains[best])
        if value <= before * (1 + 1e-9):
            break
    return point


def _breakpoint_search(
    layer: tuple[FloatArray, FloatArray],
    weights: FloatArray,
    line: tuple[FloatArray, FloatArray, float, float],
    dual_norm: Norm,
) -> FloatArray:
    """Return the middle of the piece of the line with the largest norm, as an array of one."""
    matrix, bias = layer
    point, direction, low, high = line
    slopes = matrix @ direction
    z = matrix @ point + bias
    moving = slopes != 0
    crossings = np.full(z.size, np.inf)
    with np.errstate(over="ignore"):
        crossings[moving] = -z[moving] / slopes[moving]
    inside = np.flatnonzero((crossings > low) & (crossings < high))
    inside = inside[np.argsort(crossings[inside], kind="stable")]
    first = np.where(moving, (z + low * slopes > 0), z > 0)
    # A neuron that crosses inside is off before its crossing exactly when it rises.
    first[inside] = slopes[inside] < 0
    gradient = (weights * first) @ matrix
    changes = (weights[inside] * np.sign(slopes[inside]))[:, None] * matrix[inside]
    gradients = np.vstack([gradient[None], gradient + np.cumsum(changes, axis=0)])
    edges = np.concatenate([[low], crossings[inside], [high]])
    values = norms.values(gradients, dual_norm)
    # Pieces too short to hold a point in doubles do not count.
    values[np.diff(edges) <= 1e-9 * (high - low)] = -1.0
    best = int(values.argmax())
    return np.array([(edges[best] + edges[best + 1]) / 2])
