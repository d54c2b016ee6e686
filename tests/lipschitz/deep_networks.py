"""Deep networks and oracles for the tests."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
from scipy.optimize import linprog

import lipschitz_app as la
from lipschitz_app.rounding import FloatArray

# Known constants 6 and 10, over boxes of radius 1/4 and 10 around 0.
D1 = la.Network.from_arrays(
    [[[1, 2], [-1, 1]], [[1, -1], [1, 2]], [[1, 1]]], [[0.1, -0.2], [0.1, 0.3], [0]]
)
D2 = la.Network.from_arrays(
    [[[1, 2], [-1, 1], [1, -1]], [[1, -1, 1], [1, 2, -1]], [[1, -1]]],
    [[0.1, -0.2, 0.3], [0.1, -0.3], [0]],
)


def random_network(sizes: list[int], seed: int) -> tuple[la.Network, FloatArray]:
    """Normal weights over sqrt(fan-in), biases 0.3 normal; a centre 0.5 normal."""
    rng = np.random.default_rng(seed)
    weights = [
        rng.standard_normal((rows, columns)) / np.sqrt(columns) for columns, rows in pairwise(sizes)
    ]
    biases = [0.3 * rng.standard_normal(rows) for rows in sizes[1:]]
    return la.Network.from_arrays(weights, biases), 0.5 * rng.standard_normal(sizes[0])


def feasible_patterns(net: la.Network, box: la.Box) -> float:
    """Largest 1-norm of the gradient over all patterns whose polytope meets a box.

    Patterns of all layers are tried, and a linear program decides whether each occurs.
    """
    *hidden, (last, _) = net.affine_pairs()
    best = 0.0
    for flat in product([0.0, 1.0], repeat=sum(len(bias) for _, bias in hidden)):
        gradient, offset = np.eye(box.size), np.zeros(box.size)
        rows, sides, start = [], [], 0
        for matrix, bias in hidden:
            u = np.array(flat[start : start + len(bias)])
            start += len(bias)
            gradient, offset = matrix @ gradient, matrix @ offset + bias
            sign = np.where(u > 0, 1.0, -1.0)
            rows.append(-sign[:, None] * gradient)
            sides.append(sign * offset)
            gradient, offset = u[:, None] * gradient, u * offset
        value = float(np.abs(last @ gradient).sum())
        if value <= best:
            continue
        limits = list(zip(box.lower, box.upper, strict=True))
        found = linprog(
            np.zeros(box.size), np.vstack(rows), np.concatenate(sides) - 1e-6, bounds=limits
        )
        if found.status == 0:
            best = value
    return best


def free_patterns(net: la.Network) -> float:
    """Largest 1-norm of the gradient over all patterns, those that never occur included."""
    *hidden, (last, _) = net.affine_pairs()
    best = 0.0
    for flat in product([0.0, 1.0], repeat=sum(len(bias) for _, bias in hidden)):
        gradient, start = np.eye(net.input_size), 0
        for matrix, bias in hidden:
            u = np.array(flat[start : start + len(bias)])
            start += len(bias)
            gradient = u[:, None] * (matrix @ gradient)
        best = max(best, float(np.abs(last @ gradient).sum()))
    return best
