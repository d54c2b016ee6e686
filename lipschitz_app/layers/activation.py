"""Elementwise activations as layers; values and derivatives come from the registry."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from lipschitz_app.activations.base import ActivationEncoding
from lipschitz_app.activations.registry import get_activation
from lipschitz_app.layers.base import Shape
from lipschitz_app.rounding import FloatArray


@dataclass(frozen=True, slots=True)
class Elementwise:
    """An activation bound to a shape."""

    encoding: ActivationEncoding
    input_shape: Shape

    @property
    def output_shape(self) -> Shape:
        """Shape of one output."""
        return self.input_shape

    @property
    def size(self) -> int:
        """Number of entries."""
        return prod(self.input_shape)

    def __call__(self, v: FloatArray, /) -> FloatArray:
        """Return the activation of each entry."""
        return self.encoding.value(v)

    def pullback(self, points: FloatArray, cotangents: FloatArray, /) -> FloatArray:
        """Return the cotangents times the derivatives at the points."""
        return np.asarray(cotangents * self.encoding.derivative(points)[:, None, :])


class Activation:
    """An elementwise activation, by the name it is registered under.

    Parameters
    ----------
    name : str
        As given to :func:`lipschitz_app.register_activation`.

    Examples
    --------
    >>> Activation("relu")
    Activation('relu')
    """

    def __init__(self, name: str) -> None:
        self.encoding = get_activation(name)

    @property
    def name(self) -> str:
        """Name in the registry."""
        return self.encoding.name

    def bind(self, input_shape: Shape) -> Elementwise:
        """Return the activation for one shape."""
        return Elementwise(self.encoding, input_shape)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


class ReLU(Activation):
    """``max(0, x)`` in each entry.

    Examples
    --------
    >>> ReLU()
    ReLU()
    """

    def __init__(self) -> None:
        super().__init__("relu")

    def __repr__(self) -> str:
        return "ReLU()"
