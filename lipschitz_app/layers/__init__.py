"""Layers of networks: descriptions that are bound to an input shape by :class:`Network`."""

from lipschitz_app.layers.activation import Activation, ReLU
from lipschitz_app.layers.base import BoundLayer, DifferentiableLayer, Layer
from lipschitz_app.layers.convolution import Conv2d
from lipschitz_app.layers.linear import Flatten, Linear
from lipschitz_app.layers.normalization import BatchNorm, Dropout
from lipschitz_app.layers.pooling import AvgPool2d, MaxPool2d
from lipschitz_app.layers.residual import Residual
from lipschitz_app.layers.scale import Scale, Unflatten

__all__ = [
    "Activation",
    "AvgPool2d",
    "BatchNorm",
    "BoundLayer",
    "Conv2d",
    "DifferentiableLayer",
    "Dropout",
    "Flatten",
    "Layer",
    "Linear",
    "MaxPool2d",
    "ReLU",
    "Residual",
    "Scale",
    "Unflatten",
]
