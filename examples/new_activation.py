"""One set of weights, many activations, two of them new: how much the activation matters.

For each activation the largest possible slope of a 6-12-1 network on a box is enclosed between
proven bounds; "by layers" is the product of the layers' norms.
Run it as ``python examples/new_activation.py``.
"""

from __future__ import annotations

import numpy as np

import lipschitz_app as la

TRIANGLE = la.PiecewiseLinearEncoding("triangle", (-1.0, 0.0, 1.0), slopes=(0, 1, -1, 0))
SQUARE = la.SmoothEncoding(
    "squared_relu",
    function=lambda z: np.maximum(z, 0.0) ** 2,
    slope=lambda z: 2.0 * np.maximum(z, 0.0),
    value_limits=(0.0, np.inf),
    slope_limits=(0.0, np.inf),
)


def main() -> None:
    """Print a line for each activation, sorted by the upper bound."""
    for encoding in (TRIANGLE, SQUARE):
        la.register_activation(encoding)  # checks it first
    rng = np.random.default_rng(4)
    weights = [rng.standard_normal((12, 6)) / 2, rng.standard_normal((1, 12)) / 2]
    biases = [0.5 * rng.standard_normal(12), np.zeros(1)]
    box = la.Box(center=np.zeros(6), radius=0.5)
    table = []
    for name in la.activation_names():
        net = la.Network.from_arrays(weights, biases, activation=name)
        product = la.lipschitz_constant(net, la.Everywhere(), method="product", lower=False).upper
        bound = la.lipschitz_constant(net, box, method="hr2", lower=False)
        lower = la.lipschitz_lower_bound(net, box, starts=8, steps=60).value
        table.append((bound.upper, name, product, lower))
    print("activation       by layers    at most   at least")
    for upper, name, product, lower in sorted(table):
        print(f"{name:14s} {product:11.3f} {upper:10.3f} {lower:10.3f}")


if __name__ == "__main__":
    main()
