"""Networks and oracles for the tests."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
from hypothesis import strategies as st

import lipschitz_app as la
from lipschitz_app.hidden import HiddenLayer, presolve
from lipschitz_app.outputs import as_output
from lipschitz_app.rounding import FloatArray


def one_layer(rows: object, biases: object, weights: object) -> la.Network:
    """c @ relu(A x + b)."""
    return la.Network.from_arrays([rows, [weights]], [biases, [0.0]])  # type: ignore[list-item]


def benchmark(sizes: list[int], seed: int) -> tuple[la.Network, FloatArray]:
    """Standard normal weights over sqrt(fan-in), biases 0.1 normal; a centre 0.5 normal."""
    rng = np.random.default_rng(seed)
    weights, biases = [], []
    for inputs, outputs in pairwise(sizes):
        weights.append(rng.standard_normal((outputs, inputs)) / np.sqrt(inputs))
        biases.append(0.1 * rng.standard_normal(outputs))
    return la.Network.from_arrays(weights, biases), 0.5 * rng.standard_normal(sizes[0])


def chen_network(size: int, sparsity: int, seed: int) -> tuple[la.Network, FloatArray]:
    """Random (p, p, 1) network of Chen et al. 2020: PyTorch's defaults from raw MT19937 words."""
    words = np.random.RandomState(seed)

    def uniform(*shape: int) -> FloatArray:
        raw = words.randint(0, 2**32, size=shape, dtype=np.uint32)
        floats = (raw & 0xFFFFFF).astype(np.float64) * 2.0**-24
        bound = 1 / np.sqrt(size)
        return np.asarray((floats * 2 * bound - bound).astype(np.float32), dtype=np.float64)

    rows, biases = uniform(size, size), uniform(size)
    weights, _ = uniform(1, size), uniform(1)
    index = np.arange(size)
    rows[np.abs(index[:, None] - index) > (sparsity - 1) / 2] = 0.0
    center = np.random.RandomState(seed).rand(size)
    return one_layer(rows, biases, weights[0]), center


def presolved(net: la.Network, region: la.Box | la.Ball | la.Everywhere) -> HiddenLayer:
    """Presolved hidden layer for output 0."""
    return presolve(net, la.interval_ranges(net, region), as_output(0, net.output_size))


def all_patterns(net: la.Network) -> float:
    """Largest 1-norm of the gradient over all patterns, feasible or not."""
    (rows, _), (weights, _) = net.affine_pairs()
    return max(
        float(np.abs((np.array(pattern) * weights[0]) @ rows).sum())
        for pattern in product([0.0, 1.0], repeat=len(rows))
    )


def sampled(net: la.Network, region: la.Box, count: int, seed: int) -> float:
    """Largest 1-norm of the gradient among random points."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(region.inner_lower, region.inner_upper, (count, region.size))
    return float(np.abs(net.jacobian(points)).sum(axis=2).max())


@st.composite
def small_networks(draw: st.DrawFn) -> tuple[la.Network, FloatArray]:
    """A network with at most 3 inputs and 4 neurons, generic weights, and a centre."""
    inputs, neurons = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    net = one_layer(
        rng.standard_normal((neurons, inputs)),
        0.3 * rng.standard_normal(neurons),
        rng.standard_normal(neurons),
    )
    return net, 0.5 * rng.standard_normal(inputs)
