"""What a layer is: a description that `bind` turns into a map once the input shape is known.

A bound layer is one of two kinds. An affine one is a
:class:`~lipschitz_app.operators.AffineOperator` (dense matrices, convolutions, average pooling): it
has an adjoint and row norms. Any other one is a :class:`DifferentiableLayer` (activations, max
pooling, reshaping): it can be evaluated and can pull back cotangents at given points, which is
enough for values and Jacobians.
Points are flat arrays, ``(size,)`` or ``(k, size)``; shapes are kept as attributes.
"""

from __future__ import annotations

from typing import Protocol, TypeAlias

from lipschitz_app.rounding import FloatArray

Shape: TypeAlias = tuple[int, ...]


class BoundLayer(Protocol):
    """A layer for one input shape."""

    @property
    def input_shape(self) -> Shape:
        """Shape of one input."""
        ...

    @property
    def output_shape(self) -> Shape:
        """Shape of one output."""
        ...

    def __call__(self, v: FloatArray, /) -> FloatArray:
        """Return the output at flat points, (size,) or (k, size)."""
        ...


class DifferentiableLayer(BoundLayer, Protocol):
    """A bound layer that is not affine: its derivative depends on the point."""

    def pullback(self, points: FloatArray, cotangents: FloatArray, /) -> FloatArray:
        """Return Jᵀ w: points (k, n), cotangents (k, r, m), result (k, r, n)."""
        ...


class Layer(Protocol):
    """A layer as a user writes it, free of the input's shape."""

    def bind(self, input_shape: Shape, /) -> BoundLayer:
        """Return the layer for one input shape, or raise InvalidNetworkError if it does not fit."""
        ...
