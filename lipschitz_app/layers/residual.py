r"""Residual blocks: a branch whose output is added to the block's input, or to a projection of it.

.. math:: x \mapsto g(x) + f(x), \qquad g = \mathrm{id} \text{ or the layers of the shortcut}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lipschitz_app.errors import InvalidNetworkError
from lipschitz_app.layers.base import BoundLayer, Layer, Shape
from lipschitz_app.layers.sequence import bind_all, pullback
from lipschitz_app.rounding import FloatArray


@dataclass(frozen=True, slots=True)
class ResidualStep:
    """Sequences of bound layers on the same input, whose outputs are added.

    Attributes
    ----------
    branches : tuple of tuples of bound layers
        An empty tuple is the identity.
    """

    branches: tuple[tuple[BoundLayer, ...], ...]
    input_shape: Shape
    output_shape: Shape

    def __call__(self, v: FloatArray, /) -> FloatArray:
        """Return the sum of the branches at flat points, (size,) or (k, size)."""
        total: FloatArray | None = None
        for branch in self.branches:
            value = v
            for step in branch:
                value = step(value)
            total = value if total is None else total + value
        assert total is not None
        return total

    def pullback(self, points: FloatArray, cotangents: FloatArray, /) -> FloatArray:
        """Return the sum of the branches' Jᵀ w."""
        found = [pullback(branch, points, cotangents) for branch in self.branches]
        return np.asarray(sum(found[1:], start=found[0]))


class Residual:
    """A residual block ``x + f(x)``, or ``g(x) + f(x)`` with a shortcut g.

    Parameters
    ----------
    layers : sequence of layers
        The branch f; it must keep the shape unless the shortcut changes it alike.
    shortcut : sequence of layers, optional
        The projection g, for example ``[Conv2d(weight, stride=2)]``; the identity when left out.

    Raises
    ------
    InvalidNetworkError
        No layers, or (once bound) two shapes that do not match.

    Examples
    --------
    >>> from lipschitz_app.layers.activation import ReLU
    >>> from lipschitz_app.layers.linear import Linear
    >>> block = Residual([Linear([[2.0]]), ReLU()]).bind((1,))
    >>> import numpy as np
    >>> block(np.array([3.0])).tolist(), block(np.array([-3.0])).tolist()
    ([9.0], [-3.0])
    """

    def __init__(self, layers: Sequence[Layer], shortcut: Sequence[Layer] | None = None) -> None:
        self.layers = tuple(layers)
        self.shortcut = tuple(shortcut or ())
        if not self.layers:
            raise InvalidNetworkError("a Residual block without layers; give at least one")

    def bind(self, input_shape: Shape) -> ResidualStep:
        """Return the block for one input shape."""
        branches, shapes = [], []
        for name, layers in (("branch", self.layers), ("shortcut", self.shortcut)):
            try:
                steps = bind_all(layers, input_shape)
            except InvalidNetworkError as error:
                raise InvalidNetworkError(f"{name} of a Residual block, {error}") from None
            branches.append(steps)
            shapes.append(tuple(steps[-1].output_shape) if steps else input_shape)
        if shapes[0] != shapes[1]:
            raise InvalidNetworkError(
                f"a Residual block adds shapes {shapes[0]} (branch) and {shapes[1]} (shortcut); "
                "give shortcut=[…] that makes them equal"
            )
        return ResidualStep(tuple(branches), input_shape, shapes[0])

    def __repr__(self) -> str:
        inner = ", ".join(map(repr, self.layers))
        extra = f", shortcut=[{', '.join(map(repr, self.shortcut))}]" if self.shortcut else ""
        return f"Residual([{inner}]{extra})"
