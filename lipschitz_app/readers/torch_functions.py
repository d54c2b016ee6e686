"""Torch's functions on a graph of tensors; shared by modules and exported programs.

Parameters have the names that torch gives them, since calls give them by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, prod
from typing import Any

import numpy as np

from lipschitz_app.errors import UnsupportedError
from lipschitz_app.layers import Activation, AvgPool2d, BatchNorm, Conv2d, MaxPool2d
from lipschitz_app.readers.graph import Graph, Tensor, resolved
from lipschitz_app.readers.named_activations import activation_layer, prelu_layer
from lipschitz_app.rounding import FloatArray

Pair = tuple[int, int]


def pair(value: Any) -> Pair:
    """Return an integer or a sequence of one or two as a pair."""
    sides = [int(v) for v in value] if isinstance(value, Sequence) else [int(value)]
    if len(sides) not in (1, 2):
        raise UnsupportedError(f"{value!r} is no pair; only two-dimensional windows are offered")
    return sides[0], sides[-1]


def convolution(
    graph: Graph,
    x: Tensor,
    weight: FloatArray,
    bias: FloatArray | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Apply a two-dimensional convolution."""
    if np.ndim(weight) != 4:
        raise UnsupportedError("only two-dimensional convolutions are offered")
    if isinstance(padding, str):
        if padding == "valid":
            padding = 0
        else:
            reach = [d * (k - 1) for d, k in zip(pair(dilation), np.shape(weight)[2:], strict=True)]
            if padding != "same" or any(r % 2 for r in reach):
                raise UnsupportedError(f"padding {padding!r} of a kernel with an even side")
            padding = [r // 2 for r in reach]
    layer = Conv2d(
        weight,
        bias,
        stride=pair(stride),
        padding=pair(padding),
        dilation=pair(dilation),
        groups=int(groups),
    )
    return graph.apply(x, layer)


def batch_norm(
    graph: Graph,
    x: Tensor,
    weight: FloatArray | None = None,
    bias: FloatArray | None = None,
    running_mean: FloatArray | None = None,
    running_var: FloatArray | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Tensor:
    """Apply batch normalisation with running statistics."""
    if training:
        raise UnsupportedError("batch normalisation in training mode; call module.eval() first")
    if running_mean is None or running_var is None:
        raise UnsupportedError("batch normalisation without running statistics")
    layer = BatchNorm(running_mean, running_var, weight, bias, epsilon=float(eps))
    return graph.apply(x, layer)


def max_pool(
    graph: Graph,
    x: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    """Apply max pooling."""
    if pair(dilation) != (1, 1) or ceil_mode or return_indices:
        raise UnsupportedError("max pooling with dilation, ceil_mode or return_indices")
    return graph.apply(x, MaxPool2d(pair(kernel_size), _stride(kernel_size, stride), pair(padding)))


def average_pool(
    graph: Graph,
    x: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Apply average pooling."""
    if ceil_mode or divisor_override is not None:
        raise UnsupportedError("average pooling with ceil_mode or divisor_override")
    if pair(padding) != (0, 0) and not count_include_pad:
        raise UnsupportedError("average pooling with padding that is not counted")
    return graph.apply(x, AvgPool2d(pair(kernel_size), _stride(kernel_size, stride), pair(padding)))


def adaptive_average(graph: Graph, x: Tensor, output_size: Any) -> Tensor:
    """Apply average pooling to a given output size."""
    if len(x.shape) != 3:
        raise UnsupportedError(f"two-dimensional pooling of a tensor of shape {x.shape}")
    given = list(output_size) if isinstance(output_size, Sequence) else [output_size] * 2
    sides = [h if want is None else int(want) for h, want in zip(x.shape[1:], given, strict=True)]
    if any(side % want for side, want in zip(x.shape[1:], sides, strict=True)):
        raise UnsupportedError(
            f"adaptive pooling of {x.shape[1:]} to {tuple(sides)}, which does not divide it"
        )
    kernel = (x.shape[1] // sides[0], x.shape[2] // sides[1])
    return graph.apply(x, AvgPool2d(kernel))


def flatten(graph: Graph, x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Join axes; the axis of the batch, number 0, stays."""
    rank = len(x.shape) + 1
    start, end = start_dim % rank, end_dim % rank
    if start == 0 and rank > 1:
        raise UnsupportedError("flatten joins the batch with the data; use start_dim=1")
    sides = list(x.shape)
    sides[start - 1 : end] = [prod(sides[start - 1 : end])]
    return graph.reshape(x, tuple(sides))


def view(graph: Graph, x: Tensor, *shape: Any, size: Any = None) -> Tensor:
    """Reshape; the first side is the batch."""
    given = shape[0] if len(shape) == 1 and isinstance(shape[0], Sequence) else size or shape
    sides = list(given)
    # A first side of -1 stands for any number of points.
    if sides and sides[0] == -1:
        sides[0] = 1
    if any(not isinstance(side, int) for side in sides):
        raise UnsupportedError(f"a reshape to {tuple(sides)}, which depends on the data")
    return graph.reshape(x, resolved(sides, x))


def combine(
    graph: Graph, kind: str, a: Tensor | FloatArray | float, b: Tensor | FloatArray | float
) -> Tensor:
    """Return a + b, a - b, a * b or a / b; constants are arrays or numbers."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        if kind == "add":
            return graph.add(a, b)
        if kind == "sub":
            return graph.add(a, graph.scale(b, -1.0))
        for x, gate in ((a, b), (b, a)):
            name = gate.layer.name if isinstance(gate.layer, Activation) else ""
            if kind == "mul" and name == "sigmoid" and gate.sources[0] is x:
                return activate(graph, x, "silu")
        raise UnsupportedError("a product or quotient of two tensors that depend on the input")
    if isinstance(a, Tensor):
        value = np.asarray(b, dtype=np.float64)
        if kind in ("add", "sub"):
            return graph.scale(a, 1.0, value if kind == "add" else -value)
        return graph.scale(a, value, divide=kind == "div")
    assert isinstance(b, Tensor)
    value = np.asarray(a, dtype=np.float64)
    if kind == "div":
        raise UnsupportedError("a quotient by a tensor that depends on the input")
    if kind == "mul":
        return graph.scale(b, value)
    return graph.scale(b, 1.0 if kind == "add" else -1.0, value)


def activate(graph: Graph, x: Tensor, name: str, *parameters: float) -> Tensor:
    """Apply an activation."""
    return graph.apply(x, activation_layer(name, *parameters))


def _activation(name: str, *names: str) -> Callable[..., Tensor]:
    """Return the function of an activation whose parameters have these names, in order."""

    def function(graph: Graph, x: Tensor, *values: Any, **named: Any) -> Tensor:
        given = dict(zip(names, values, strict=False)) | named
        unknown = sorted(set(given) - set(names))
        if unknown or (given and len(given) < len(names)):
            defaults = _PARAMETERS.get(name, ())
            given = dict(zip(names, defaults, strict=False)) | given
            if unknown:
                raise UnsupportedError(f"{name} with {', '.join(unknown)}")
        return activate(graph, x, name, *(float(given[key]) for key in names if key in given))

    return function


_PARAMETERS: dict[str, tuple[float, ...]] = {"softplus": (1.0, 20.0), "hardtanh": (-1.0, 1.0)}


def prelu(graph: Graph, x: Tensor, weight: FloatArray) -> Tensor:
    """Apply PReLU."""
    return graph.apply(x, prelu_layer(weight))


def gelu(graph: Graph, x: Tensor, approximate: str = "none") -> Tensor:
    """Apply GELU, exact."""
    if approximate != "none":
        raise UnsupportedError(f"GELU with approximate={approximate!r}; only the exact one is")
    return activate(graph, x, "gelu")


def clamp(graph: Graph, x: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Cut values off."""
    ends = [end if end is None or np.ndim(end) == 0 else None for end in (min, max)]
    if ends != [min, max]:
        raise UnsupportedError("clamp to ends that are arrays")
    low = -inf if min is None else float(min)
    high = inf if max is None else float(max)
    return activate(graph, x, "hardtanh", low, high)


def linear(graph: Graph, x: Tensor, weight: FloatArray, bias: FloatArray | None = None) -> Tensor:
    """Apply a fully connected layer."""
    return graph.linear(x, weight, bias)


def dropout(
    graph: Graph, x: Tensor, p: float = 0.5, training: bool = False, train: bool = False
) -> Tensor:
    """Do nothing, in evaluation mode."""
    if training or train:
        raise UnsupportedError("dropout in training mode; call module.eval() first")
    return x


def same(graph: Graph, x: Tensor, *_: Any, **__: Any) -> Tensor:
    """Do nothing: copies, types, devices."""
    return x


def _binary(kind: str) -> Callable[..., Tensor]:
    def function(graph: Graph, a: Any, other: Any, alpha: float = 1) -> Tensor:
        if alpha != 1:
            raise UnsupportedError(f"{kind} with alpha={alpha}")
        return combine(graph, kind, a, other)

    return function


FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "linear": linear,
    "conv2d": convolution,
    "max_pool2d": max_pool,
    "avg_pool2d": average_pool,
    "adaptive_avg_pool2d": adaptive_average,
    "batch_norm": batch_norm,
    "flatten": flatten,
    "view": view,
    "reshape": view,
    "add": _binary("add"),
    "sub": _binary("sub"),
    "rsub": lambda graph, x, other, alpha=1: combine(graph, "sub", other, graph.scale(x, alpha)),
    "mul": _binary("mul"),
    "div": _binary("div"),
    "truediv": _binary("div"),
    "neg": lambda graph, x: graph.scale(x, -1.0),
    "dropout": dropout,
    "clamp": clamp,
    "prelu": prelu,
    "gelu": gelu,
    "relu": _activation("relu"),
    "relu6": _activation("relu6"),
    "leaky_relu": _activation("leaky_relu", "negative_slope"),
    "tanh": _activation("tanh"),
    "sigmoid": _activation("sigmoid"),
    "elu": _activation("elu", "alpha"),
    "softplus": _activation("softplus", "beta", "threshold"),
    "silu": _activation("silu"),
    "hardtanh": _activation("hardtanh", "min_val", "max_val"),
    "hardsigmoid": _activation("hardsigmoid"),
    "abs": _activation("abs"),
    **dict.fromkeys(("clone", "contiguous", "detach", "float", "double", "to", "alias"), same),
}
"""Functions by torch's names, without the underscore of those that work in place."""


def call(graph: Graph, name: str, *arguments: Any, **named: Any) -> Tensor:
    """Apply a function by its name.

    Raises
    ------
    UnsupportedError
        It is not known, or got parameters that are not offered.
    """
    plain = name.rstrip("_")
    if plain not in FUNCTIONS:
        raise UnsupportedError(f"the function {name!r} is not offered")
    named.pop("inplace", None)
    try:
        return FUNCTIONS[plain](graph, *arguments, **named)
    except TypeError as error:
        raise UnsupportedError(f"the function {name!r} with these parameters: {error}") from None


def _stride(kernel: Any, stride: Any) -> Pair:
    return pair(kernel) if stride is None or stride == [] else pair(stride)
