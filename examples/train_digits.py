"""Train the 64-32-10 ReLU network that ships with the project, on scikit-learn's digits.

Plain gradient descent in numpy on the cross entropy with weight decay; the data are the 1797 images
of 8×8 pixels bundled with scikit-learn, scaled to [0, 1]. A few test images are stored beside the
weights. Run it as ``python examples/train_digits.py [output.npz]``; the seed is fixed.
"""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import lipschitz_app as la

DEFAULT = Path(__file__).resolve().parent.parent / "lipschitz_app" / "data" / "digits_64_32_10.npz"
Floats = NDArray[np.float64]


def train(
    inputs: Floats, labels: Floats, hidden: int = 32, epochs: int = 150, seed: int = 0
) -> la.Network:
    """Return a trained network, inputs (k, n) and integer labels (k,)."""
    rng = np.random.default_rng(seed)
    classes = int(labels.max()) + 1
    sizes = (inputs.shape[1], hidden, classes)
    weights = [rng.standard_normal((o, i)) * np.sqrt(2 / i) for i, o in pairwise(sizes)]
    biases = [np.zeros(size) for size in sizes[1:]]
    parameters = [*weights, *biases]
    momentum = [np.zeros_like(p) for p in parameters]
    targets = np.eye(classes)[labels.astype(int)]
    for epoch in range(epochs):
        rate = 0.1 * 0.5 * (1 + np.cos(np.pi * epoch / epochs))
        for batch in np.array_split(rng.permutation(len(inputs)), len(inputs) // 64):
            x, y = inputs[batch], targets[batch]
            z = x @ weights[0].T + biases[0]
            h = np.maximum(z, 0.0)
            scores = h @ weights[1].T + biases[1]
            p = np.exp(scores - scores.max(axis=1, keepdims=True))
            error = (p / p.sum(axis=1, keepdims=True) - y) / len(batch)
            back = (error @ weights[1]) * (z > 0)
            gradients = [
                back.T @ x + 1e-3 * weights[0],
                error.T @ h + 1e-3 * weights[1],
                back.sum(axis=0),
                error.sum(axis=0),
            ]
            for parameter, speed, gradient in zip(parameters, momentum, gradients, strict=True):
                speed *= 0.9
                speed -= rate * gradient
                parameter += speed
    # Single precision, as frameworks store weights; the network is about these exact numbers.
    rounded = [np.asarray(p, dtype=np.float32).astype(np.float64) for p in parameters]
    return la.Network.from_arrays(rounded[:2], rounded[2:])


def main(path: Path = DEFAULT) -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    inputs, labels = digits.data / 16.0, digits.target
    order = np.random.default_rng(1).permutation(len(inputs))
    train_set, test_set = order[:1500], order[1500:]
    net = train(inputs[train_set], labels[train_set])
    accuracy = (net(inputs[test_set]).argmax(axis=1) == labels[test_set]).mean()
    print(f"{net}: accuracy on {len(test_set)} images not trained on {100 * accuracy:.1f} %")
    kept = test_set[:10]
    net.save(path, inputs=inputs[kept], labels=labels[kept])
    print(f"written to {path} ({path.stat().st_size} bytes)")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:2]))
