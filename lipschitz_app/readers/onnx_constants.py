"""ONNX nodes between constants: the arithmetic of shapes that exporters leave behind."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from lipschitz_app.errors import UnsupportedError
from lipschitz_app.readers.graph import Tensor
from lipschitz_app.readers.onnx_nodes import Node

_MOST = 10_000_000
"""Most entries of a constant that is computed."""


def _bounded(count: int) -> None:
    if count > _MOST:
        raise UnsupportedError(f"a constant of {count} entries; at most {_MOST} are computed")


def _array(node: Node, index: int = 0) -> np.ndarray:
    return np.asarray(node.inputs[index])


def _value(node: Node) -> np.ndarray:
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if name in node.attributes:
            return np.asarray(node.attributes[name])
    raise UnsupportedError("a constant that is no array of numbers")


def _shape(node: Node) -> np.ndarray:
    value = node.inputs[0]
    return np.array((1, *value.shape) if isinstance(value, Tensor) else np.shape(value))


def _fill(node: Node) -> np.ndarray:
    shape = [int(side) for side in _array(node)]
    if min(shape, default=1) < 0:
        raise UnsupportedError(f"a constant of shape {tuple(shape)}")
    _bounded(prod(shape))
    return np.full(shape, np.ravel(node.attributes.get("value", [0.0]))[0])


def _axes(node: Node) -> tuple[int, ...]:
    given = node.attributes.get("axes")
    if given is None:
        given = _array(node, 1).reshape(-1).tolist()
    return tuple(int(axis) for axis in given)


def _slice(node: Node) -> np.ndarray:
    if len(node.inputs) < 3:
        raise UnsupportedError("a slice of an old opset")
    values = _array(node)
    starts, ends = _array(node, 1).tolist(), _array(node, 2).tolist()
    axes = _array(node, 3).tolist() if len(node.inputs) > 3 else list(range(len(starts)))
    steps = _array(node, 4).tolist() if len(node.inputs) > 4 else [1] * len(starts)
    index = [slice(None)] * values.ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        index[axis] = slice(start, end, step)
    return np.asarray(values[tuple(index)])


def _squeeze(node: Node) -> np.ndarray:
    given = "axes" in node.attributes or len(node.inputs) > 1
    return np.squeeze(_array(node), _axes(node) if given else None)


def _reshape(node: Node) -> np.ndarray:
    return _array(node).reshape([int(side) for side in _array(node, 1)])


def _concatenate(node: Node) -> np.ndarray:
    arrays = [np.asarray(value) for value in node.inputs]
    _bounded(sum(array.size for array in arrays))
    return np.concatenate(arrays, axis=node.attributes["axis"])


def _gather(node: Node) -> np.ndarray:
    values, index = _array(node), _array(node, 1).astype(np.int64)
    axis = node.attributes.get("axis", 0)
    _bounded(index.size * (values.size // max(1, values.shape[axis])))
    return np.asarray(np.take(values, index, axis=axis))


def _binary(function: Callable[..., np.ndarray]) -> Callable[[Node], np.ndarray]:
    def apply(node: Node) -> np.ndarray:
        first, second = _array(node), _array(node, 1)
        _bounded(prod(np.broadcast_shapes(first.shape, second.shape)))
        return np.asarray(function(first, second))

    return apply


CONSTANTS: dict[str, Callable[[Node], np.ndarray]] = {
    "Constant": _value,
    "Shape": _shape,
    "ConstantOfShape": _fill,
    "Identity": _array,
    "Cast": _array,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Unsqueeze": lambda node: np.expand_dims(_array(node), _axes(node)),
    "Transpose": lambda node: np.transpose(_array(node), node.attributes.get("perm")),
    "Concat": _concatenate,
    "Gather": _gather,
    "Slice": _slice,
    "Neg": lambda node: -_array(node),
    "Mul": _binary(np.multiply),
    "Add": _binary(np.add),
    "Sub": _binary(np.subtract),
}
"""Functions by the type of the node."""
