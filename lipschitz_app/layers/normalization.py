r"""Batch normalisation and dropout in evaluation mode.

With running mean m and variance v a batch normalisation is the diagonal affine map
:math:`y \mapsto \gamma (y - m) / \sqrt{v + \epsilon} + \beta`. Its scale and shift are computed in
doubles; bounds account for that rounding, and fold the map into the affine one before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import ArrayLike

from lipschitz_app.errors import InvalidNetworkError
from lipschitz_app.layers.base import Shape
from lipschitz_app.layers.linear import Reshape, parameter
from lipschitz_app.operators.dense import DiagonalOperator
from lipschitz_app.rounding import gamma


class BatchNorm:
    """Batch normalisation in evaluation mode, per channel (first axis) or per feature.

    Parameters
    ----------
    mean, variance : arrays, shape (channels,)
        The running statistics.
    weight, bias : arrays, shape (channels,); ones and zeros when left out.
    epsilon : float

    Examples
    --------
    >>> BatchNorm([1.0], [4.0], epsilon=0.0).bind((1,))([5.0]).tolist()
    [2.0]
    """

    def __init__(
        self,
        mean: ArrayLike,
        variance: ArrayLike,
        weight: ArrayLike | None = None,
        bias: ArrayLike | None = None,
        *,
        epsilon: float = 1e-5,
    ) -> None:
        self.mean = parameter(mean, "the mean of a BatchNorm layer", 1)
        size = self.mean.size
        self.variance = parameter(variance, "the variance of a BatchNorm layer", 1)
        ones, zeros = np.ones(size), np.zeros(size)
        self.weight = parameter(
            ones if weight is None else weight, "the weight of a BatchNorm layer", 1
        )
        self.bias = parameter(zeros if bias is None else bias, "the bias of a BatchNorm layer", 1)
        sizes = (size, self.variance.size, self.weight.size, self.bias.size)
        if len(set(sizes)) > 1:
            raise InvalidNetworkError(
                f"a BatchNorm layer got {sizes} means, variances, weights and biases; give as many "
                "of each"
            )
        self.epsilon = float(epsilon)
        if not (self.variance + self.epsilon > 0).all() or self.epsilon < 0:
            raise InvalidNetworkError(
                f"a BatchNorm layer got variances from {self.variance.min():g} and epsilon "
                f"{epsilon:g}; their sums must be positive"
            )

    def bind(self, input_shape: Shape) -> DiagonalOperator:
        """Return the diagonal map for one shape; its first axis is the channel."""
        if input_shape[0] != self.mean.size:
            raise InvalidNetworkError(
                f"a BatchNorm layer of {self.mean.size} channels got an input of shape "
                f"{input_shape}"
            )
        scale = self.weight / np.sqrt(self.variance + self.epsilon)
        shift = self.bias - scale * self.mean
        error = gamma(6) * (np.abs(self.bias) + np.abs(scale * self.mean))
        repeat = prod(input_shape[1:])
        result = DiagonalOperator(np.repeat(scale, repeat), np.repeat(shift, repeat), input_shape)
        result.entry_roundings = 3
        result.bias_error = np.repeat(error, repeat)
        return result

    def __repr__(self) -> str:
        return f"BatchNorm({self.mean.size})"


@dataclass(frozen=True, slots=True)
class Dropout:
    """Dropout in evaluation mode: the identity.

    Parameters
    ----------
    p : float
        Kept for the record; it plays no part in evaluation.
    """

    p: float = 0.5

    def bind(self, input_shape: Shape) -> Reshape:
        """Return the identity."""
        return Reshape(input_shape, input_shape)
