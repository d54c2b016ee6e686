"""AlexNet and VGG-16 with random weights, to measure time and memory on image-sized networks.

Architectures: A. Krizhevsky, One weird trick for parallelizing convolutional neural networks,
arXiv:1404.5997 (the one-column AlexNet, 3 × 224 × 224); K. Simonyan, A. Zisserman, Very deep
convolutional networks for large-scale image recognition, ICLR 2015 (configuration D). Weights and
biases are uniform on ``±1/sqrt(fan in)``.
"""

from __future__ import annotations

import numpy as np

from lipschitz_app.layers.activation import ReLU
from lipschitz_app.layers.base import Layer
from lipschitz_app.layers.convolution import Conv2d
from lipschitz_app.layers.linear import Flatten, Linear
from lipschitz_app.layers.normalization import Dropout
from lipschitz_app.layers.pooling import MaxPool2d
from lipschitz_app.network import Network
from lipschitz_app.rounding import FloatArray

IMAGE = (3, 224, 224)


def _uniform(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int) -> FloatArray:
    # Filled in place: the largest layer has 8e8 bytes.
    values = rng.random(shape)
    values *= 2.0
    values -= 1.0
    values *= fan_in**-0.5
    return values


def _convolution(
    rng: np.random.Generator, c: int, o: int, kernel: int, stride: int, padding: int
) -> Conv2d:
    fan_in = c * kernel * kernel
    weight = _uniform(rng, (o, c, kernel, kernel), fan_in)
    return Conv2d(weight, _uniform(rng, (o,), fan_in), stride=stride, padding=padding)


def _linear(rng: np.random.Generator, inputs: int, outputs: int) -> Linear:
    return Linear(_uniform(rng, (outputs, inputs), inputs), _uniform(rng, (outputs,), inputs))


def _classifier(rng: np.random.Generator, inputs: int) -> list[Layer]:
    return [
        Flatten(),
        Dropout(),
        _linear(rng, inputs, 4096),
        ReLU(),
        Dropout(),
        _linear(rng, 4096, 4096),
        ReLU(),
        _linear(rng, 4096, 1000),
    ]


def alexnet(rng: np.random.Generator) -> Network:
    """Return AlexNet with random weights: five convolutions, three fully connected layers.

    Parameters
    ----------
    rng : numpy.random.Generator

    Notes
    -----
    61 million weights, 0.5 GB in doubles.
    """
    layers: list[Layer] = []
    pooled = {0, 1, 4}
    plan = [(3, 64, 11, 4, 2), (64, 192, 5, 1, 2), (192, 384, 3, 1, 1), (384, 256, 3, 1, 1)]
    for index, sizes in enumerate([*plan, (256, 256, 3, 1, 1)]):
        layers += [_convolution(rng, *sizes), ReLU()]
        if index in pooled:
            layers.append(MaxPool2d(3, 2))
    return Network([*layers, *_classifier(rng, 256 * 6 * 6)], input_shape=IMAGE)


def vgg16(rng: np.random.Generator) -> Network:
    """Return VGG-16 with random weights: thirteen convolutions, three fully connected layers.

    Parameters
    ----------
    rng : numpy.random.Generator

    Notes
    -----
    138 million weights, 1.1 GB in doubles.
    """
    layers: list[Layer] = []
    channels = 3
    for width, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(depth):
            layers += [_convolution(rng, channels, width, 3, 1, 1), ReLU()]
            channels = width
        layers.append(MaxPool2d(2))
    return Network([*layers, *_classifier(rng, 512 * 7 * 7)], input_shape=IMAGE)
