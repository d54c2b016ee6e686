"""Layers of networks: descriptions that are bound to an input shape by :class:`Network`."""

from lipschitz_app.layers.activation import Activation, ReLU
from lipschitz_app.layers.base import BoundLayer, DifferentiableLayer, Layer
from lipschitz_app.layers.convolution import Conv2d
from lipschitz_app.layers.linear import Flatten, Linear
from lipschitz_app.layers.named_activations import (
    ELU,
    GELU,
    Abs,
    HardSigmoid,
    HardTanh,
    LeakyReLU,
    PReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softplus,
    Tanh,
)
from lipschitz_app.layers.normalization import BatchNorm, Dropout
from lipschitz_app.layers.pooling import AvgPool2d, MaxPool2d
from lipschitz_app.layers.residual import Residual
from lipschitz_app.layers.scale import Scale, Unflatten

__all__ = [
    "ELU",
    "GELU",
    "Abs",
    "Activation",
    "AvgPool2d",
    "BatchNorm",
    "BoundLayer",
    "Conv2d",
    "DifferentiableLayer",
    "Dropout",
    "Flatten",
    "HardSigmoid",
    "HardTanh",
    "Layer",
    "LeakyReLU",
    "Linear",
    "MaxPool2d",
    "PReLU",
    "ReLU",
    "ReLU6",
    "Residual",
    "Scale",
    "SiLU",
    "Sigmoid",
    "Softplus",
    "Tanh",
    "Unflatten",
]
