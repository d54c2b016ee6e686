"""Entrywise affine layers (input normalisation, constants that are added) and reshaping."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import ArrayLike

from lipschitz_app.errors import InvalidNetworkError
from lipschitz_app.layers.base import Shape
from lipschitz_app.layers.linear import Reshape, parameter
from lipschitz_app.operators.dense import DiagonalOperator
from lipschitz_app.rounding import FloatArray


class Scale:
    """The map ``x -> factor * x + shift`` in each entry, or its inverse order of writing.

    Parameters
    ----------
    factor, shift : arrays
        Numbers, or arrays that numpy broadcasts against the input's shape; a channel's numbers
        have shape (channels, 1, 1).
    divide : bool
        Whether `factor` divides: ``x / factor + shift``.

    Examples
    --------
    >>> Scale(0.5, [[1.0], [2.0]]).bind((2, 2))([4.0, 6.0, 4.0, 6.0]).tolist()
    [3.0, 4.0, 4.0, 5.0]
    """

    def __init__(
        self, factor: ArrayLike = 1.0, shift: ArrayLike = 0.0, *, divide: bool = False
    ) -> None:
        self.factor = parameter(factor, "the factor of a Scale layer", np.ndim(factor))
        self.shift = parameter(shift, "the shift of a Scale layer", np.ndim(shift))
        self.divide = divide
        if divide and not self.factor.all():
            raise InvalidNetworkError("a Scale layer divides by zero")

    def bind(self, input_shape: Shape) -> DiagonalOperator:
        """Return the diagonal map for one shape."""
        factor = _spread(self.factor, input_shape)
        if self.divide:
            factor = 1.0 / factor
        result = DiagonalOperator(factor, _spread(self.shift, input_shape), input_shape)
        result.entry_roundings = int(self.divide)
        return result

    def __repr__(self) -> str:
        shapes = f"{self.factor.shape}, {self.shift.shape}"
        return f"Scale({shapes}{', divide=True' if self.divide else ''})"


def _spread(values: FloatArray, shape: Shape) -> FloatArray:
    try:
        return np.array(np.broadcast_to(values, shape))
    except ValueError:
        raise InvalidNetworkError(
            f"a Scale layer has numbers of shape {values.shape}, its input has shape {shape}; "
            "they must broadcast, for example (channels, 1, 1)"
        ) from None


@dataclass(frozen=True, slots=True)
class Unflatten:
    """The same entries, in C order, in another shape.

    Parameters
    ----------
    shape : tuple of int

    Examples
    --------
    >>> Unflatten((1, 2, 2)).bind((4,)).output_shape
    (1, 2, 2)
    """

    shape: Shape

    def bind(self, input_shape: Shape) -> Reshape:
        """Return the reshaping."""
        if prod(self.shape) != prod(input_shape):
            raise InvalidNetworkError(
                f"an Unflatten layer makes shape {self.shape}, its input has {prod(input_shape)} "
                "entries"
            )
        return Reshape(input_shape, self.shape)
