"""Graphs of tensors, as files and frameworks have them, turned into a list of layers.

A reader builds the graph forwards, one tensor at a time, with its shape. At the end the graph is
read backwards from the output: where two tensors are added, the last tensor that all paths to both
of them go through is where a residual block begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from lipschitz_app.errors import UnsupportedError
from lipschitz_app.layers import Conv2d, Flatten, Layer, Linear, Residual, Scale, Unflatten
from lipschitz_app.layers.base import Shape
from lipschitz_app.network import Network
from lipschitz_app.rounding import FloatArray

MAX_ENTRIES = 16_000_000
"""Most entries of one tensor; a file that declares more is refused before anything is allocated."""

MAX_LAYERS = 5_000
"""Most tensors of a graph, and most layers of the network made of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A tensor of the graph, without the axis of the batch.

    Attributes
    ----------
    number : int
        Later ones depend on earlier ones only.
    shape : tuple of int
    layer : layer or None
        What makes it from its only source; None for the input and for sums.
    sources : tuple of Tensor
    through : frozenset of int
        Numbers of the tensors that all paths from the input to this one go through.
    """

    number: int
    shape: Shape
    layer: Layer | None
    sources: tuple[Tensor, ...]
    through: frozenset[int]


class Graph:
    """A graph under construction.

    Parameters
    ----------
    input_shape : tuple of int

    Examples
    --------
    >>> graph = Graph((1,))
    >>> twice = graph.apply(graph.input, Scale(2.0))
    >>> graph.network(graph.add(twice, graph.input))([1.0]).tolist()
    [3.0]
    """

    def __init__(self, input_shape: Sequence[int]) -> None:
        self.tensors: list[Tensor] = []
        self._layers = 0
        self.input = self._new(tuple(input_shape), None, (), frozenset())

    def _new(
        self,
        shape: Shape,
        layer: Layer | None,
        sources: tuple[Tensor, ...],
        through: frozenset[int],
    ) -> Tensor:
        if not shape or min(shape) < 1 or prod(shape) > MAX_ENTRIES:
            raise UnsupportedError(
                f"a tensor of shape {shape} is not offered: sides are positive and there are at "
                f"most {MAX_ENTRIES} entries"
            )
        number = len(self.tensors)
        if number > MAX_LAYERS:
            raise UnsupportedError(f"more than {MAX_LAYERS} operations")
        tensor = Tensor(number, shape, layer, sources, through | {number})
        self.tensors.append(tensor)
        return tensor

    def apply(self, source: Tensor, layer: Layer, shape: Shape | None = None) -> Tensor:
        """Return the tensor that a layer makes; its shape is found by binding unless given."""
        if shape is None:
            shape = tuple(layer.bind(source.shape).output_shape)
        return self._new(shape, layer, (source,), source.through)

    def add(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the sum of two tensors.

        Raises
        ------
        UnsupportedError
            Their shapes differ.
        """
        if first.shape != second.shape:
            raise UnsupportedError(
                f"a sum of tensors of shapes {first.shape} and {second.shape}; only tensors of one "
                "shape are added"
            )
        common = first.through & second.through
        return self._new(first.shape, None, (first, second), common)

    def linear(self, source: Tensor, weight: FloatArray, bias: FloatArray | None) -> Tensor:
        """Return ``weight @ x + bias`` on the last axis, the others having length one."""
        if source.shape[-1] != prod(source.shape):
            raise UnsupportedError(
                f"a linear layer on the last axis of a tensor of shape {source.shape}; flatten it "
                "first"
            )
        flat = self.flatten(source)
        result = self.apply(flat, Linear(weight, bias))
        return self.reshape(result, (*source.shape[:-1], *result.shape))

    def flatten(self, source: Tensor) -> Tensor:
        """Return the entries in one axis."""
        return source if len(source.shape) == 1 else self.apply(source, Flatten())

    def reshape(self, source: Tensor, shape: Shape) -> Tensor:
        """Return the entries in another shape."""
        if shape == source.shape:
            return source
        if len(shape) == 1:
            return self.apply(source, Flatten())
        return self.apply(source, Unflatten(shape))

    def scale(
        self,
        source: Tensor,
        factor: FloatArray | float = 1.0,
        shift: FloatArray | float = 0.0,
        *,
        divide: bool = False,
    ) -> Tensor:
        """Return ``factor * x + shift`` for constants whose leading axes of length one may go."""
        rank = len(source.shape)
        return self.apply(
            source, Scale(_trimmed(factor, rank), _trimmed(shift, rank), divide=divide)
        )

    def network(self, output: Tensor) -> Network:
        """Return the network from the input to a tensor.

        Raises
        ------
        UnsupportedError
            There is no layer in between.
        """
        self._layers = 0
        layers = simplified(self._between(self.input, output))
        if not layers:
            raise UnsupportedError("the output is the input itself: no layers")
        return Network(layers, self.input.shape)

    def _between(self, start: Tensor, end: Tensor) -> list[Layer]:
        found: list[Layer] = []
        while end is not start:
            self._layers += 1
            if self._layers > MAX_LAYERS:
                raise UnsupportedError(
                    f"more than {MAX_LAYERS} layers, as tensors that several sums share are "
                    "computed once for each"
                )
            if end.layer is not None:
                found.append(end.layer)
                end = end.sources[0]
                continue
            first, second = end.sources
            meeting = self.tensors[max(first.through & second.through)]
            branches = [self._between(meeting, part) for part in (first, second)]
            branches.sort(key=bool, reverse=True)
            if branches[0]:
                found.append(Residual(simplified(branches[0]), simplified(branches[1])))
            else:
                found.append(Scale(2.0))
            end = meeting
        return found[::-1]


def resolved(target: Sequence[int], source: Tensor) -> Shape:
    """Return the shape, without batch, that a reshape of a batch of one to `target` makes.

    Zero stands for the source's side, -1 for what is left; a first side of one is the batch.
    """
    full = (1, *source.shape)
    sides = [full[i] if side == 0 and i < len(full) else int(side) for i, side in enumerate(target)]
    if sides.count(-1) > 1 or any(side < -1 for side in sides):
        raise UnsupportedError(f"a reshape to {tuple(target)} is not understood")
    if -1 in sides:
        known = -prod(sides)
        sides[sides.index(-1)] = max(1, prod(full) // known) if known > 0 else 0
    if prod(sides) != prod(full):
        raise UnsupportedError(f"a reshape of {source.shape} to {tuple(target)} mixes the batch")
    return tuple(sides[1:]) if len(sides) > 1 and sides[0] == 1 else tuple(sides)


def simplified(layers: Sequence[Layer]) -> list[Layer]:
    """Put the shift of a Scale layer into the layer before it where that had no bias."""
    found: list[Layer] = []
    for layer in layers:
        last = found[-1] if found else None
        if isinstance(layer, Scale) and layer.factor.size == 1 and layer.factor.item() == 1.0:
            if isinstance(last, Linear) and not last.bias.any() and layer.shift.ndim <= 1:
                shift = np.broadcast_to(layer.shift, last.bias.shape)
                found[-1] = Linear(last.weight, shift)
                continue
            channels = (layer.shift.size, 1, 1)
            if (
                isinstance(last, Conv2d)
                and not last.bias.any()
                and layer.shift.shape == channels
                and layer.shift.size == last.bias.size
            ):
                found[-1] = Conv2d(
                    last.weight,
                    layer.shift.reshape(-1),
                    stride=last.stride,
                    padding=last.padding,
                    dilation=last.dilation,
                    groups=last.groups,
                )
                continue
        found.append(layer)
    return found


def _trimmed(values: FloatArray | float, rank: int) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    while array.ndim > rank and array.shape[0] == 1:
        array = array[0]
    return array
