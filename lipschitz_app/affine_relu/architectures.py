"""AlexNet and VGG-16: from a torchvision state dictionary, or with random weights.

Architectures: A. Krizhevsky, One weird trick for parallelizing convolutional neural networks,
arXiv:1404.5997 (the one-column AlexNet, 3 × 224 × 224); K. Simonyan, A. Zisserman, Very deep
convolutional networks for large-scale image recognition, ICLR 2015 (configuration D), plain and
with batch normalisation. Keys and shapes are those of torchvision's models, whose adaptive average
pooling does nothing where the features already have its size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from lipschitz_app.errors import InvalidNetworkError, InvalidOptionError, NetworkFileError
from lipschitz_app.layers.activation import ReLU
from lipschitz_app.layers.base import Layer
from lipschitz_app.layers.convolution import Conv2d
from lipschitz_app.layers.linear import Flatten, Linear
from lipschitz_app.layers.normalization import BatchNorm, Dropout
from lipschitz_app.layers.pooling import MaxPool2d
from lipschitz_app.network import Network
from lipschitz_app.readers.arrays import read_arrays
from lipschitz_app.rounding import FloatArray

IMAGE = (3, 224, 224)
_NORM = ("weight", "bias", "running_mean", "running_var")


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution of an architecture, followed by ReLU."""

    inputs: int
    outputs: int
    kernel: int = 3
    stride: int = 1
    padding: int = 1


@dataclass(frozen=True, slots=True)
class Pool:
    """A max pool of an architecture."""

    kernel: int
    stride: int


@dataclass(frozen=True, slots=True)
class Architecture:
    """Convolutions and pools, then three fully connected layers.

    Attributes
    ----------
    name : str
    features : tuple of Convolution and Pool
    grid : int
        Side of the features that the classifier takes.
    hidden : int
        Width of the two hidden fully connected layers.
    classifier : tuple of int
        Numbers of the fully connected layers among torchvision's classifier modules.
    batch_norm : bool
        Whether a batch normalisation follows each convolution.
    """

    name: str
    features: tuple[Convolution | Pool, ...]
    grid: int
    classifier: tuple[int, int, int]
    hidden: int = 4096
    batch_norm: bool = False

    @property
    def flat(self) -> int:
        """Number of features that the classifier takes."""
        last = [f for f in self.features if isinstance(f, Convolution)][-1]
        return last.outputs * self.grid**2

    def convolutions(self) -> Iterator[tuple[str, Convolution]]:
        """Yield each convolution with the prefix of its keys."""
        index = 0
        for feature in self.features:
            if isinstance(feature, Convolution):
                yield f"features.{index}", feature
                index += 3 if self.batch_norm else 2
            else:
                index += 1

    def shapes(self, classes: int = 1000) -> dict[str, tuple[int, ...]]:
        """Return the shape of every array of the state dictionary, in torchvision's order."""
        result: dict[str, tuple[int, ...]] = {}
        for prefix, c in self.convolutions():
            result[f"{prefix}.weight"] = (c.outputs, c.inputs, c.kernel, c.kernel)
            result[f"{prefix}.bias"] = (c.outputs,)
            if self.batch_norm:
                result |= {f"{_next(prefix)}.{name}": (c.outputs,) for name in _NORM}
        sizes = (self.flat, self.hidden, self.hidden, classes)
        for number, inputs, outputs in zip(self.classifier, sizes, sizes[1:], strict=False):
            result[f"classifier.{number}.weight"] = (outputs, inputs)
            result[f"classifier.{number}.bias"] = (outputs,)
        return result


def _next(prefix: str) -> str:
    head, _, number = prefix.rpartition(".")
    return f"{head}.{int(number) + 1}"


def _vgg() -> tuple[Convolution | Pool, ...]:
    features: list[Convolution | Pool] = []
    channels = 3
    for width, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(depth):
            features.append(Convolution(channels, width))
            channels = width
        features.append(Pool(2, 2))
    return tuple(features)


ALEXNET = Architecture(
    "alexnet",
    (
        Convolution(3, 64, 11, 4, 2),
        Pool(3, 2),
        Convolution(64, 192, 5, 1, 2),
        Pool(3, 2),
        Convolution(192, 384),
        Convolution(384, 256),
        Convolution(256, 256),
        Pool(3, 2),
    ),
    6,
    (1, 4, 6),
)
VGG16 = Architecture("vgg16", _vgg(), 7, (0, 3, 6))
VGG16_BN = Architecture("vgg16_bn", _vgg(), 7, (0, 3, 6), batch_norm=True)
ARCHITECTURES = {a.name: a for a in (ALEXNET, VGG16, VGG16_BN)}
"""Architectures by torchvision's names."""


def load_architecture(
    name: str, path: str | PathLike[str], *, input_shape: tuple[int, int, int] = IMAGE
) -> Network:
    """Read AlexNet, VGG-16 or VGG-16 with batch normalisation from a torchvision state dictionary.

    Parameters
    ----------
    name : "alexnet", "vgg16" or "vgg16_bn"
    path : path
        What ``torch.save(model.state_dict(), path)`` wrote (``.pt`` or ``.pth``; read with
        ``weights_only=True``, so that the file cannot run code), or an ``.npz`` file with arrays of
        the same names. The number of classes is that of the file.
    input_shape : (3, height, width)
        Of the images; the features must come out with the size that the classifier takes.

    Raises
    ------
    InvalidOptionError
        The name is unknown, or torch is needed and not installed.
    NetworkFileError
        The file cannot be read, or an array is missing, of another shape or not expected; the
        message names the first.

    Examples
    --------
    >>> net = load_architecture("alexnet", "alexnet-owt-7be5be79.pth")    # doctest: +SKIP
    >>> try:
    ...     load_architecture("alexnext", "weights.pth")
    ... except InvalidOptionError as error:
    ...     print(error)
    architecture "alexnext" is not known; there are alexnet, vgg16, vgg16_bn
    """
    if name not in ARCHITECTURES:
        raise InvalidOptionError(
            f'architecture "{name}" is not known; there are {", ".join(ARCHITECTURES)}'
        )
    state = _read_state(Path(path))
    try:
        return build(ARCHITECTURES[name], state, input_shape)
    except InvalidNetworkError as error:
        raise NetworkFileError(f"{path}: {error}") from None


def _read_state(path: Path) -> Mapping[str, Any]:
    if path.suffix.lower() == ".npz":
        return read_arrays(path)
    if not path.is_file():
        raise NetworkFileError(f"{path}: no such file")
    try:
        import torch
    except ImportError:
        raise InvalidOptionError(
            f"{path}: reading a state dictionary needs torch, which is not installed; "
            "install it, or save the arrays as .npz under the same names"
        ) from None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises pickle, zip, key and runtime errors alike
        first = (str(error).splitlines() or ["no reason given"])[0]
        raise NetworkFileError(f"{path}: not a state dictionary of tensors ({first})") from None
    if not isinstance(state, Mapping) or not all(isinstance(key, str) for key in state):
        raise NetworkFileError(
            f"{path}: holds a {type(state).__name__}, not a state dictionary; "
            "save model.state_dict()"
        )
    odd = [key for key, value in state.items() if not isinstance(value, torch.Tensor)]
    if odd:
        raise NetworkFileError(
            f"{path}: {odd[0]} is no tensor; save model.state_dict() alone, not a checkpoint"
        )
    return state


def build(
    architecture: Architecture,
    state: Mapping[str, Any],
    input_shape: tuple[int, int, int] = IMAGE,
) -> Network:
    """Return the network with the arrays (numpy, or torch on the CPU) of a state dictionary.

    Raises
    ------
    InvalidNetworkError
        An array is missing, of another shape or not expected, or images of this shape do not fit.
    """
    _check(architecture, state)

    def array(key: str) -> FloatArray:
        value = state[key]
        # numpy has no bfloat16; doubles hold every float format of torch.
        return np.asarray(value.double().numpy() if hasattr(value, "double") else value)

    layers: list[Layer] = []
    prefixes = architecture.convolutions()
    for feature in architecture.features:
        if isinstance(feature, Pool):
            layers.append(MaxPool2d(feature.kernel, feature.stride))
            continue
        prefix, c = next(prefixes)
        layers.append(
            Conv2d(
                array(f"{prefix}.weight"),
                array(f"{prefix}.bias"),
                stride=c.stride,
                padding=c.padding,
            )
        )
        if architecture.batch_norm:
            weight, bias, mean, variance = (array(f"{_next(prefix)}.{name}") for name in _NORM)
            layers.append(BatchNorm(mean, variance, weight, bias))
        layers.append(ReLU())
    _check_grid(architecture, layers, input_shape)
    layers.append(Flatten())
    for number in architecture.classifier:
        prefix = f"classifier.{number}"
        layers += [Dropout(), Linear(array(f"{prefix}.weight"), array(f"{prefix}.bias")), ReLU()]
    return Network(layers[:-1], input_shape=input_shape)


def _check(architecture: Architecture, state: Mapping[str, Any]) -> None:
    """Compare keys and shapes; the number of classes is free."""
    final = f"classifier.{architecture.classifier[-1]}.weight"
    shape = tuple(state[final].shape) if final in state else ()
    expected = architecture.shapes(shape[0] if len(shape) == 2 else 1000)
    for key, wanted in expected.items():
        if key not in state:
            near = ", ".join(sorted(state)[:3]) or "nothing"
            raise InvalidNetworkError(
                f"{architecture.name} needs the array {key} of shape {wanted}, which is missing; "
                f"the file starts with {near}"
            )
        if tuple(state[key].shape) != wanted:
            raise InvalidNetworkError(
                f"{key} has shape {tuple(state[key].shape)}; {architecture.name} has {wanted} there"
            )
    for key in state:
        if key not in expected and not key.endswith(".num_batches_tracked"):
            raise InvalidNetworkError(
                f"{key} is no array of {architecture.name}; is the file of another model?"
            )


def _check_grid(
    architecture: Architecture, layers: list[Layer], input_shape: tuple[int, int, int]
) -> None:
    found = Network(layers, input_shape=input_shape).output_shape
    if found[1:] != (architecture.grid,) * 2:
        raise InvalidNetworkError(
            f"images of shape {input_shape} give features of {found[1:]}; the classifier of "
            f"{architecture.name} takes {(architecture.grid,) * 2}, as from images of {IMAGE}"
        )


def _random(architecture: Architecture, rng: np.random.Generator) -> Network:
    """Return the network with weights and biases uniform on ``±1/sqrt(fan in)``."""
    state: dict[str, FloatArray] = {}
    fan_in = 1
    for key, shape in architecture.shapes().items():
        if key.endswith(".weight"):
            fan_in = int(np.prod(shape[1:]))
        # Filled in place: the largest layer has 8e8 bytes.
        values = rng.random(shape)
        values *= 2.0
        values -= 1.0
        values *= fan_in**-0.5
        state[key] = values
    return build(architecture, state)


def alexnet(rng: np.random.Generator) -> Network:
    """Return AlexNet with random weights: five convolutions, three fully connected layers.

    Parameters
    ----------
    rng : numpy.random.Generator

    Notes
    -----
    61 million weights, 0.5 GB in doubles.
    """
    return _random(ALEXNET, rng)


def vgg16(rng: np.random.Generator) -> Network:
    """Return VGG-16 with random weights: thirteen convolutions, three fully connected layers.

    Parameters
    ----------
    rng : numpy.random.Generator

    Notes
    -----
    138 million weights, 1.1 GB in doubles.
    """
    return _random(VGG16, rng)
