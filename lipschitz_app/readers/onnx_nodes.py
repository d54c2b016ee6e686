"""ONNX nodes on the graph of tensors, by their types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, prod
from typing import Any

import numpy as np

from lipschitz_app.errors import UnsupportedError
from lipschitz_app.layers import MaxPool2d
from lipschitz_app.readers.graph import Graph, Tensor, resolved
from lipschitz_app.readers.torch_functions import (
    activate,
    average_pool,
    batch_norm,
    clamp,
    combine,
    convolution,
    gelu,
    prelu,
)
from lipschitz_app.rounding import FloatArray


@dataclass(frozen=True, slots=True)
class Node:
    """A node with the values of its inputs: tensors of the graph, constants, None if left out."""

    graph: Graph
    inputs: list[Any]
    attributes: dict[str, Any]

    @property
    def x(self) -> Tensor:
        """The first input, which must depend on the network's input."""
        if not isinstance(self.inputs[0], Tensor):
            raise UnsupportedError("a node whose first input is constant but another is not")
        return self.inputs[0]

    def constant(self, index: int) -> FloatArray | None:
        """Return an input that must be constant, None where it is left out."""
        if index >= len(self.inputs) or self.inputs[index] is None:
            return None
        if isinstance(self.inputs[index], Tensor):
            raise UnsupportedError(f"input {index} depends on the network's input")
        return np.asarray(self.inputs[index], dtype=np.float64)

    def integers(self, index: int) -> list[int]:
        """Return an input that must be a constant list of integers."""
        values = self.constant(index)
        if values is None:
            raise UnsupportedError(f"input {index} is missing")
        return [int(v) for v in values.reshape(-1)]

    def get(self, name: str, default: Any) -> Any:
        """Return an attribute."""
        return self.attributes.get(name, default)


def _gemm(node: Node) -> Tensor:
    if node.get("transA", 0):
        raise UnsupportedError("transA, which would transpose the batch")
    weight, bias = node.constant(1), node.constant(2)
    if weight is None:
        raise UnsupportedError("no weights")
    # Single precision times single precision is exact in doubles.
    matrix = float(node.get("alpha", 1.0)) * (weight if node.get("transB", 0) else weight.T)
    if bias is not None:
        bias = np.broadcast_to(float(node.get("beta", 1.0)) * bias, (1, len(matrix)))[0]
    return node.graph.linear(node.x, matrix, bias)


def _matmul(node: Node) -> Tensor:
    first, second = node.inputs
    if isinstance(first, Tensor) and isinstance(second, Tensor):
        raise UnsupportedError("a product of two tensors that depend on the input")
    if isinstance(first, Tensor):
        weight = np.asarray(second, dtype=np.float64)
        if weight.ndim != 2:
            raise UnsupportedError(f"weights of shape {weight.shape}; a matrix is needed")
        return node.graph.linear(first, weight.T, None)
    weight = np.asarray(first, dtype=np.float64)
    column = second.shape[-1] == 1 and len(second.shape) > 1
    if weight.ndim != 2 or prod(second.shape) != second.shape[-2 if column else -1]:
        raise UnsupportedError(f"a matrix before a tensor of shape {second.shape}")
    result = node.graph.linear(node.graph.flatten(second), weight, None)
    return node.graph.reshape(result, (*result.shape, 1)) if column else result


def _pads(node: Node) -> tuple[int, int]:
    mode = node.get("auto_pad", "NOTSET")
    pads = [int(p) for p in node.get("pads", [0, 0, 0, 0])]
    if mode not in ("NOTSET", "VALID"):
        raise UnsupportedError(f"auto_pad = {mode}; write the padding out")
    if len(pads) != 4:
        raise UnsupportedError("only two-dimensional windows are offered")
    if mode == "VALID":
        return 0, 0
    if pads[:2] != pads[2:]:
        raise UnsupportedError(f"pads = {pads}; the same on both sides is offered")
    return pads[0], pads[1]


def _conv(node: Node) -> Tensor:
    weight = node.constant(1)
    if weight is None or weight.ndim != 4:
        raise UnsupportedError("only two-dimensional convolutions are offered")
    return convolution(
        node.graph,
        node.x,
        weight,
        node.constant(2),
        node.get("strides", [1, 1]),
        _pads(node),
        node.get("dilations", [1, 1]),
        node.get("group", 1),
    )


def _batch_norm(node: Node) -> Tensor:
    if node.get("training_mode", 0):
        raise UnsupportedError("training_mode")
    weight, bias, mean, variance = (node.constant(i) for i in range(1, 5))
    epsilon = float(node.get("epsilon", 1e-5))
    return batch_norm(node.graph, node.x, weight, bias, mean, variance, eps=epsilon)


def _max_pool(node: Node) -> Tensor:
    if node.get("ceil_mode", 0) or any(d != 1 for d in node.get("dilations", [1, 1])):
        raise UnsupportedError("ceil_mode or dilations")
    kernel = _pair(node.get("kernel_shape", ()))
    layer = MaxPool2d(kernel, _pair(node.get("strides", [1, 1])), _pads(node))
    return node.graph.apply(node.x, layer)


def _average_pool(node: Node) -> Tensor:
    if any(d != 1 for d in node.get("dilations", [1, 1])):
        raise UnsupportedError("dilations")
    return average_pool(
        node.graph,
        node.x,
        _pair(node.get("kernel_shape", ())),
        _pair(node.get("strides", [1, 1])),
        _pads(node),
        bool(node.get("ceil_mode", 0)),
        bool(node.get("count_include_pad", 0)),
    )


def _global_average(node: Node) -> Tensor:
    if len(node.x.shape) != 3:
        raise UnsupportedError(f"global pooling of a tensor of shape {node.x.shape}")
    return average_pool(node.graph, node.x, node.x.shape[1:])


def _pair(values: Sequence[int]) -> tuple[int, int]:
    if len(values) != 2:
        raise UnsupportedError("only two-dimensional windows are offered")
    return int(values[0]), int(values[1])


def _flatten(node: Node) -> Tensor:
    axis = int(node.get("axis", 1)) % (len(node.x.shape) + 1)
    if axis > 1 and prod(node.x.shape[: axis - 1]) != 1:
        raise UnsupportedError(f"axis = {axis}, which joins data with the batch")
    return node.graph.flatten(node.x)


def _reshape(node: Node) -> Tensor:
    if node.get("allowzero", 0) and 0 in node.integers(1):
        raise UnsupportedError("allowzero with a side of zero")
    return node.graph.reshape(node.x, resolved(node.integers(1), node.x))


def _axes(node: Node) -> list[int] | None:
    if "axes" in node.attributes:
        return [int(axis) for axis in node.attributes["axes"]]
    return node.integers(1) if len(node.inputs) > 1 else None


def _squeeze(node: Node) -> Tensor:
    full = (1, *node.x.shape)
    axes = _axes(node)
    if axes is None:
        axes = [i for i, side in enumerate(full) if side == 1 and i]
    gone = {axis % len(full) for axis in axes}
    if any(full[axis] != 1 for axis in gone):
        raise UnsupportedError(f"axes = {axes} of a tensor of shape {node.x.shape}")
    sides = [side for i, side in enumerate(full) if i and i not in gone]
    return node.graph.reshape(node.x, tuple(sides) or (1,))


def _unsqueeze(node: Node) -> Tensor:
    axes = _axes(node) or []
    rank = len(node.x.shape) + 1 + len(axes)
    new = {axis % rank for axis in axes}
    left = iter((1, *node.x.shape))
    sides = [1 if i in new else next(left) for i in range(rank)]
    return node.graph.reshape(node.x, tuple(sides[1:]))


def _transpose(node: Node) -> Tensor:
    full = (1, *node.x.shape)
    order = [int(axis) for axis in node.get("perm", range(len(full))[::-1])]
    moved = [axis for axis in order if full[axis] != 1]
    if moved != sorted(moved):
        raise UnsupportedError(f"perm = {order}, which reorders the entries")
    sides = tuple(full[axis] for axis in order)
    return node.graph.reshape(node.x, sides[1:] if sides[0] == 1 else sides)


def _clip(node: Node) -> Tensor:
    ends: list[float] = []
    for index, (name, default) in enumerate((("min", -inf), ("max", inf)), start=1):
        value = node.constant(index)
        ends.append(float(node.get(name, default)) if value is None else float(value.item()))
    # The largest numbers of single precision stand for no end.
    low, high = (end if abs(end) < 3.4e38 else np.sign(end) * inf for end in ends)
    return clamp(node.graph, node.x, low, high)


def _prelu(node: Node) -> Tensor:
    slopes = node.constant(1)
    if slopes is None:
        raise UnsupportedError("no slope")
    return prelu(node.graph, node.x, slopes)


def _activation(name: str, **parameters: float) -> Callable[[Node], Tensor]:
    def function(node: Node) -> Tensor:
        values = [float(node.get(key, default)) for key, default in parameters.items()]
        return activate(node.graph, node.x, name, *values)

    return function


def _binary(kind: str) -> Callable[[Node], Tensor]:
    return lambda node: combine(node.graph, kind, node.inputs[0], node.inputs[1])


def _sum(node: Node) -> Tensor:
    total = node.inputs[0]
    for value in node.inputs[1:]:
        total = combine(node.graph, "add", total, value)
    return node.x if total is node.inputs[0] else total


NODES: dict[str, Callable[[Node], Tensor]] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Add": _binary("add"),
    "Sub": _binary("sub"),
    "Mul": _binary("mul"),
    "Div": _binary("div"),
    "Sum": _sum,
    "Neg": lambda node: node.graph.scale(node.x, -1.0),
    "Conv": _conv,
    "BatchNormalization": _batch_norm,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": _global_average,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
    **dict.fromkeys(("Identity", "Dropout", "Cast"), lambda node: node.x),
    "Clip": _clip,
    "Relu": _activation("relu"),
    "LeakyRelu": _activation("leaky_relu", alpha=0.01),
    "PRelu": _prelu,
    "Tanh": _activation("tanh"),
    "Sigmoid": _activation("sigmoid"),
    "Elu": _activation("elu", alpha=1.0),
    "Softplus": _activation("softplus"),
    "HardSigmoid": _activation("hardsigmoid", alpha=0.2, beta=0.5),
    "Gelu": lambda node: gelu(node.graph, node.x, node.get("approximate", "none")),
    "Abs": _activation("abs"),
}
"""Functions by the type of the node."""
