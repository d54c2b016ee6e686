"""Pooling layers; strides default to the kernel, padding never wins a maximum."""

from __future__ import annotations

from dataclasses import dataclass

from lipschitz_app.errors import InvalidNetworkError
from lipschitz_app.layers.base import Shape
from lipschitz_app.operators.convolution import ConvolutionOperator
from lipschitz_app.operators.convolution_backends import Pair
from lipschitz_app.operators.pooling import MaxPooling, average_pooling


@dataclass(frozen=True, slots=True)
class MaxPool2d:
    """The maximum over sliding windows.

    Parameters
    ----------
    kernel_size, stride, padding : int or pair of int

    Examples
    --------
    >>> MaxPool2d(3, 2).bind((1, 7, 7)).output_shape
    (1, 3, 3)
    """

    kernel_size: int | Pair
    stride: int | Pair | None = None
    padding: int | Pair = 0

    def bind(self, input_shape: Shape) -> MaxPooling:
        """Return the pooling for images of one shape (channels, height, width)."""
        _check(input_shape, "MaxPool2d")
        return MaxPooling(input_shape, self.kernel_size, self.stride, self.padding)


@dataclass(frozen=True, slots=True)
class AvgPool2d:
    """The average over sliding windows; padding zeros are counted.

    Parameters
    ----------
    kernel_size, stride, padding : int or pair of int

    Examples
    --------
    >>> AvgPool2d(2).bind((1, 4, 4))([1.0] * 16).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """

    kernel_size: int | Pair
    stride: int | Pair | None = None
    padding: int | Pair = 0

    def bind(self, input_shape: Shape) -> ConvolutionOperator:
        """Return the pooling for images of one shape (channels, height, width)."""
        _check(input_shape, "AvgPool2d")
        return average_pooling(input_shape, self.kernel_size, self.stride, self.padding)


def _check(input_shape: Shape, name: str) -> None:
    if len(input_shape) != 3:
        raise InvalidNetworkError(
            f"a {name} layer got an input of shape {input_shape}; it needs (channels, "
            "height, width)"
        )
