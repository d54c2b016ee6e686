"""Published networks; the exact oracle of one layer is that of the benchmarks."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from lipschitz_app import Flatten, Linear, Network, ReLU
from lipschitz_app.layers.base import Layer
from lipschitz_app.layers.convolution import Conv2d
from lipschitz_app.layers.pooling import MaxPool2d

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))


@pytest.fixture(scope="session")
def avant(shared_data: Path) -> Path:
    path = shared_data / "avant"
    if not (path / "mnist_weights.npz").is_file():
        pytest.skip(f"trained networks of Avant and Morgansen not found at {path}")
    return path


@pytest.fixture(scope="session")
def mnist(avant: Path) -> Network:
    with np.load(avant / "mnist_weights.npz") as w:
        layers: list[Layer] = []
        for name in ("conv1", "conv2"):
            layers += [Conv2d(w[f"{name}.weight"], w[f"{name}.bias"]), ReLU(), MaxPool2d(2)]
        layers.append(Flatten())
        for name in ("fc1", "fc2", "fc3"):
            layers += [Linear(w[f"{name}.weight"], w[f"{name}.bias"]), ReLU()]
    return Network(layers[:-1], input_shape=(1, 28, 28))


@pytest.fixture(scope="session")
def cifar(avant: Path) -> Network:
    with np.load(avant / "cifar10_weights.npz") as w:
        layers: list[Layer] = []
        for name in ("conv1", "conv2", "conv3", "conv4"):
            layers += [Conv2d(w[f"{name}.weight"], w[f"{name}.bias"]), ReLU()]
            if name in ("conv2", "conv4"):
                layers.append(MaxPool2d(2))
        layers.append(Flatten())
        for name in ("fc1", "fc2"):
            layers += [Linear(w[f"{name}.weight"], w[f"{name}.bias"]), ReLU()]
    return Network(layers[:-1], input_shape=(3, 32, 32))


@pytest.fixture(scope="session")
def digits(avant: Path) -> dict[int, np.ndarray]:
    with np.load(avant / "mnist_inputs.npz") as data:
        return {k: ((data[f"digit{k}"] / 255.0 - 0.1307) / 0.3081)[None] for k in (2, 3, 8)}


@pytest.fixture(scope="session")
def dog(avant: Path) -> np.ndarray:
    with np.load(avant / "cifar10_input.npz") as data:
        image = data["dog4"] / 255.0
    mean, deviation = np.array([0.4914, 0.4822, 0.4465]), np.array([0.2470, 0.2435, 0.2616])
    return ((image - mean) / deviation).transpose(2, 0, 1)
