"""Draw the picture of docs/affine-relu.md; run it from anywhere.

It is checked in, so that building the pages solves nothing.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np

import lipschitz_app as la
from lipschitz_app.plotting import CURVES, plot_anchored_bounds


def small_network(sizes: tuple[int, ...], seed: int) -> la.Network:
    """Return the random network of the page's table, by its sizes."""
    rng = np.random.default_rng(seed)
    weights, biases = [], []
    for n, m in itertools.pairwise(sizes):
        weights.append(rng.standard_normal((m, n)) / np.sqrt(n))
        biases.append(0.5 * rng.standard_normal(m))
    return la.Network.from_arrays(weights, biases)


def main() -> None:
    """Draw the picture."""
    _, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    net, x0 = la.example_network("digits"), la.example_inputs("digits")[0][0]
    plot_anchored_bounds(net, x0, np.geomspace(0.01, 30, 15), ax=axes[0])
    axes[0].set_title("digits, 64-32-10")
    sizes = (3, 5, 4, 2)
    x0 = np.random.default_rng(0).standard_normal(3)
    radii = np.geomspace(0.05, 50, 15)
    plot_anchored_bounds(small_network(sizes, 0), x0, radii, curves=CURVES, ax=axes[1])
    axes[1].set_title("random, 3-5-4-2")
    file = Path(__file__).parent / "affine_relu.png"
    plt.savefig(file, dpi=80, metadata={"Software": None})


if __name__ == "__main__":
    main()
