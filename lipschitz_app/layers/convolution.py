"""Two-dimensional convolution as a layer."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lipschitz_app.errors import InvalidNetworkError
from lipschitz_app.layers.base import Shape
from lipschitz_app.layers.linear import parameter
from lipschitz_app.operators.convolution import ConvolutionOperator, as_pair
from lipschitz_app.operators.convolution_backends import Pair, backend


class Conv2d:
    """A convolution as networks have it: cross-correlation with zero padding.

    Parameters
    ----------
    weight : array, shape (out channels, in channels // groups, height, width)
    bias : array, shape (out channels,); zero when left out.
    stride, padding, dilation : int or pair of int
    groups : int
    backend : "numpy" or "torch"
        Who computes the products; torch must be installed for its own.

    Raises
    ------
    InvalidNetworkError
        Weights or geometry that do not fit.
    InvalidOptionError
        The backend is unknown or not installed.

    Examples
    --------
    >>> import numpy as np
    >>> Conv2d(np.ones((2, 1, 3, 3)), stride=2).bind((1, 7, 7)).output_shape
    (2, 3, 3)
    """

    def __init__(
        self,
        weight: ArrayLike,
        bias: ArrayLike | None = None,
        *,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        dilation: int | Pair = 1,
        groups: int = 1,
        backend: str = "numpy",
    ) -> None:
        self.weight = parameter(weight, "the weight of a Conv2d layer", 4)
        channels = self.weight.shape[0]
        given = np.zeros(channels) if bias is None else bias
        self.bias = parameter(given, "the bias of a Conv2d layer", 1)
        if self.bias.shape[0] != channels:
            raise InvalidNetworkError(
                f"a Conv2d layer has {channels} output channels but {self.bias.shape[0]} biases; "
                "weights are (out, in, height, width)"
            )
        self.stride = as_pair(stride, "stride", 1)
        self.padding = as_pair(padding, "padding", 0)
        self.dilation = as_pair(dilation, "dilation", 1)
        if groups < 1 or channels % groups:
            raise InvalidNetworkError(f"{groups} groups do not divide {channels} output channels")
        self.groups = groups
        self.backend = _checked(backend)

    def bind(self, input_shape: Shape) -> ConvolutionOperator:
        """Return the convolution for images of one shape (channels, height, width)."""
        if len(input_shape) != 3:
            raise InvalidNetworkError(
                f"a Conv2d layer got an input of shape {input_shape}; it needs (channels, height, "
                "width)"
            )
        return ConvolutionOperator(
            self.weight,
            self.bias,
            input_shape,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
            backend=self.backend,
        )

    def __repr__(self) -> str:
        o, c, h, w = self.weight.shape
        return f"Conv2d({c * self.groups} -> {o}, kernel {h}x{w})"


def _checked(name: str) -> str:
    return backend(name).name
