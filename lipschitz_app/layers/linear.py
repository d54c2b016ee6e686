"""Fully connected layers and flattening."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import ArrayLike

from lipschitz_app.errors import InvalidNetworkError
from lipschitz_app.layers.base import Shape
from lipschitz_app.operators.dense import DenseOperator
from lipschitz_app.rounding import FloatArray


def parameter(values: ArrayLike, name: str, dimensions: int) -> FloatArray:
    """Return a read-only double array of network parameters after checking it.

    Raises
    ------
    InvalidNetworkError
        Not numbers, not finite, empty, or of another number of dimensions.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise InvalidNetworkError(
            f"{name} has entries of type {array.dtype}; give real numbers (float32 or float64)"
        )
    if array.ndim != dimensions:
        raise InvalidNetworkError(
            f"{name} has shape {array.shape}; an array of {dimensions} dimension"
            f"{'s' if dimensions > 1 else ''} is needed"
        )
    if array.size == 0:
        raise InvalidNetworkError(f"{name} has shape {array.shape}: it is empty")
    array = np.array(array, dtype=np.float64)
    if not np.isfinite(array).all():
        bad = np.argwhere(~np.isfinite(array))
        raise InvalidNetworkError(
            f"{name} has {len(bad)} entries that are NaN or infinite, the first at "
            f"{tuple(int(i) for i in bad[0])}; was the training stable?"
        )
    array.setflags(write=False)
    return array


class Linear:
    """A fully connected layer ``W x + b``.

    Parameters
    ----------
    weight : array, shape (outputs, inputs)
    bias : array, shape (outputs,); zero when left out.

    Examples
    --------
    >>> Linear([[1.0, 2.0]], [0.5])
    Linear(2 -> 1)
    """

    def __init__(self, weight: ArrayLike, bias: ArrayLike | None = None) -> None:
        self.weight = parameter(weight, "the weight of a Linear layer", 2)
        if bias is None:
            bias = np.zeros(self.weight.shape[0])
        self.bias = parameter(bias, "the bias of a Linear layer", 1)
        if self.bias.shape[0] != self.weight.shape[0]:
            raise InvalidNetworkError(
                f"a Linear layer has {self.weight.shape[0]} rows of weights but "
                f"{self.bias.shape[0]} biases; weights are (outputs, inputs)"
            )

    def bind(self, input_shape: Shape) -> DenseOperator:
        """Return the map for a flat input."""
        if len(input_shape) != 1:
            raise InvalidNetworkError(
                f"a Linear layer got an input of shape {input_shape}; put Flatten() before it"
            )
        if input_shape[0] != self.weight.shape[1]:
            raise InvalidNetworkError(
                f"a Linear layer takes {self.weight.shape[1]} inputs but gets {input_shape[0]}; "
                "weights are (outputs, inputs), perhaps transposed here"
            )
        return DenseOperator(self.weight, self.bias)

    def __repr__(self) -> str:
        return f"Linear({self.weight.shape[1]} -> {self.weight.shape[0]})"


@dataclass(frozen=True, slots=True)
class Reshape:
    """The identity between two shapes of the same size."""

    input_shape: Shape
    output_shape: Shape

    def __call__(self, v: FloatArray, /) -> FloatArray:
        """Return the point itself: points are flat already."""
        return v

    def pullback(self, points: FloatArray, cotangents: FloatArray, /) -> FloatArray:
        """Return the cotangents."""
        return cotangents


@dataclass(frozen=True, slots=True)
class Flatten:
    """Flattening of an input with several axes, in C order.

    Examples
    --------
    >>> Flatten().bind((3, 2, 2)).output_shape
    (12,)
    """

    def bind(self, input_shape: Shape) -> Reshape:
        """Return the reshaping."""
        return Reshape(input_shape, (prod(input_shape),))
