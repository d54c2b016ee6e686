"""Layers of networks: descriptions that are bound to an input shape by :class:`Network`."""

from lipschitz_app.layers.activation import Activation, ReLU
from lipschitz_app.layers.base import BoundLayer, DifferentiableLayer, Layer
from lipschitz_app.layers.linear import Flatten, Linear

__all__ = ["Activation", "BoundLayer", "DifferentiableLayer", "Flatten", "Layer", "Linear", "ReLU"]
