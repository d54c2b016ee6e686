"""The trained MNIST and CIFAR-10 networks of Avant and Morgansen (arXiv:2104.14672), their inputs.

They are looked for where the tests look: ``POLYOPT_SHARED_DATA``, else the folder
``../shared/data`` beside the repository, there in ``avant/``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import lipschitz_app as la
from lipschitz_app.layers.base import Layer
from lipschitz_app.layers.convolution import Conv2d
from lipschitz_app.layers.pooling import MaxPool2d

NAMES = ("mnist", "cifar")
NOMINAL = {"mnist": "digit8", "cifar": "dog4"}
"""The inputs around which the authors bound the networks."""
RADII = {
    "mnist": (0.001, 0.24234482758620688, 0.4836896551724138, 1.2077241379310346, 7.0),
    "cifar": (0.001, 0.0699310344827586, 0.3456551724137931, 2.0),
}
"""Radii of the authors' at which exact values of the bound are known."""
EXACT = {
    ("mnist", 0.001): 361.520281,
    ("mnist", 0.24234482758620688): 6469.678271,
    ("mnist", 0.4836896551724138): 19184.975253,
    ("mnist", 1.2077241379310346): 45932.484596,
    ("mnist", 7.0): 90854.102870,
    ("cifar", 0.001): 752.934327,
    ("cifar", 0.0699310344827586): 9643.879383,
    ("cifar", 0.3456551724137931): 14132.609726,
    ("cifar", 2.0): 17178.133611,
    ("mnist", np.inf): 103956.933703,
    ("cifar", np.inf): 18338.422873,
}
"""Their bounds in the norm 2, from singular value decompositions; proven ones are slightly more."""


def data_folder() -> Path:
    """Return the folder of the published networks, which may not exist."""
    default = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    return Path(os.environ.get("POLYOPT_SHARED_DATA", default)) / "avant"


def require_data() -> None:
    """End the process with a message where the networks are not found."""
    if not (data_folder() / "mnist_weights.npz").is_file():
        sys.exit(
            f"SKIPPED: trained networks not found at {data_folder()}; set POLYOPT_SHARED_DATA to "
            "the folder that holds avant/"
        )


def network(name: str) -> la.Network:
    """Return the network "mnist" or "cifar"."""
    file = "mnist_weights.npz" if name == "mnist" else "cifar10_weights.npz"
    layers: list[Layer] = []
    with np.load(data_folder() / file) as weights:
        names = sorted({key.split(".")[0] for key in weights})
        for layer in [n for n in names if n.startswith("conv")]:
            layers += [Conv2d(weights[f"{layer}.weight"], weights[f"{layer}.bias"]), la.ReLU()]
            if name == "mnist" or layer in ("conv2", "conv4"):
                layers.append(MaxPool2d(2))
        layers.append(la.Flatten())
        for layer in [n for n in names if n.startswith("fc")]:
            layers += [la.Linear(weights[f"{layer}.weight"], weights[f"{layer}.bias"]), la.ReLU()]
    return la.Network(layers[:-1], input_shape=(1, 28, 28) if name == "mnist" else (3, 32, 32))


def inputs(name: str) -> dict[str, NDArray[np.float64]]:
    """Return the normalised inputs of a network by name, shape (channels, height, width)."""
    file = "mnist_inputs.npz" if name == "mnist" else "cifar10_input.npz"
    with np.load(data_folder() / file) as data:
        images = {key: data[key] / 255.0 for key in data.files if data[key].ndim >= 2}
    if name == "mnist":
        return {key: ((image - 0.1307) / 0.3081)[None] for key, image in images.items()}
    mean, deviation = np.array([0.4914, 0.4822, 0.4465]), np.array([0.2470, 0.2435, 0.2616])
    return {k: ((image - mean) / deviation).transpose(2, 0, 1) for k, image in images.items()}
