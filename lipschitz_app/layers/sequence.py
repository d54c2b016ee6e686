"""Layers one after another: binding, values, derivatives; used by networks and their branches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from lipschitz_app.errors import InvalidNetworkError
from lipschitz_app.layers.activation import Elementwise
from lipschitz_app.layers.base import BoundLayer, DifferentiableLayer, Layer, Shape
from lipschitz_app.operators.base import AffineOperator
from lipschitz_app.operators.pooling import MaxPooling
from lipschitz_app.rounding import FloatArray


def bind_all(layers: Sequence[Layer], shape: Shape) -> tuple[BoundLayer, ...]:
    """Bind layers one after another.

    Raises
    ------
    InvalidNetworkError
        One is no layer or does not fit; the message names its position.
    """
    steps: list[BoundLayer] = []
    for position, layer in enumerate(layers):
        if not hasattr(layer, "bind"):
            raise InvalidNetworkError(
                f"layer {position} is {layer!r}, which is no layer; use Linear(W, b), ReLU(), …"
            )
        try:
            step = layer.bind(shape)
        except InvalidNetworkError as error:
            raise InvalidNetworkError(f"layer {position}: {error}") from None
        steps.append(step)
        shape = tuple(step.output_shape)
    return tuple(steps)


def elementwise(steps: Sequence[BoundLayer]) -> Iterator[Elementwise]:
    """Yield the activations in the order of evaluation, those inside branches included."""
    for step in steps:
        if isinstance(step, Elementwise):
            yield step
        for part in parts(step):
            yield from elementwise(part)


def max_pools(steps: Sequence[BoundLayer]) -> Iterator[MaxPooling]:
    """Yield the max pools in the order of evaluation, those inside branches included."""
    for step in steps:
        if isinstance(step, MaxPooling):
            yield step
        for part in parts(step):
            yield from max_pools(part)


def parts(step: BoundLayer) -> tuple[tuple[BoundLayer, ...], ...]:
    """Return the sequences inside a layer whose outputs are added; () for plain layers."""
    return tuple(getattr(step, "branches", ()))


def pre_activations(
    steps: Sequence[BoundLayer], points: FloatArray, found: list[FloatArray]
) -> FloatArray:
    """Return the values at points (k, n); add the inputs of the activations to `found`."""
    for step in steps:
        if isinstance(step, Elementwise):
            found.append(points)
        inner = [pre_activations(part, points, found) for part in parts(step)]
        points = sum(inner[1:], start=inner[0]) if inner else step(points)
    return points


def pullback(steps: Sequence[BoundLayer], points: FloatArray, cotangents: FloatArray) -> FloatArray:
    """Return Jᵀ w: points (k, n), cotangents (k, r, m), result (k, r, n)."""
    inputs = []
    for step in steps:
        inputs.append(points)
        points = step(points)
    for step, at in zip(reversed(steps), reversed(inputs), strict=True):
        if isinstance(step, AffineOperator):
            flat = cotangents.reshape(-1, cotangents.shape[-1])
            cotangents = step.adjoint(flat).reshape(*cotangents.shape[:2], -1)
        else:
            cotangents = cast(DifferentiableLayer, step).pullback(at, cotangents)
    return cotangents
