"""PyTorch modules: their graph is traced symbolically, without running it on data."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lipschitz_app.errors import (
    ActivationError,
    InvalidNetworkError,
    InvalidOptionError,
    UnsupportedError,
)
from lipschitz_app.network import Network
from lipschitz_app.readers.graph import Graph, Tensor
from lipschitz_app.readers.torch_functions import call
from lipschitz_app.rounding import FloatArray


def import_torch() -> Any:
    """Return torch.

    Raises
    ------
    InvalidOptionError
        It is not installed.
    """
    try:
        import torch
    except ImportError:
        raise InvalidOptionError(
            "this needs PyTorch, which is not installed: pip install torch"
        ) from None
    return torch


def from_torch(module: Any, input_shape: Sequence[int] | None = None) -> Network:
    """Read a network from a PyTorch module.

    The weights are copied as doubles; the module is traced symbolically (``torch.fx``), so nested
    modules, ``forward`` methods, functional calls and residual additions are understood.

    Parameters
    ----------
    module : torch.nn.Module
        In evaluation mode. Linear, Conv2d, BatchNorm1d, BatchNorm2d, AvgPool2d, AdaptiveAvgPool2d,
        MaxPool2d, Flatten, Dropout, Identity and activations.
    input_shape : tuple of int, optional
        Shape of one input, without the batch; needed unless the first layer is Linear.

    Returns
    -------
    Network

    Raises
    ------
    UnsupportedError
        A module or function that is not offered; the message names it and where it is.
    InvalidNetworkError
        The input's shape is missing, or does not fit.
    InvalidOptionError
        PyTorch is not installed, or something else than a module was given.

    Examples
    --------
    >>> torch = __import__("pytest").importorskip("torch")
    >>> module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
    >>> from_torch(module)
    Network(2-3-1, relu)
    """
    torch = import_torch()
    if not isinstance(module, torch.nn.Module):
        raise InvalidOptionError(
            f"from_torch got {type(module).__name__}; give a torch.nn.Module (for a state "
            "dictionary, load it into its module first)"
        )
    for name, part in module.named_modules():
        if part.training and isinstance(part, (torch.nn.modules.batchnorm._BatchNorm,)):
            raise InvalidOptionError(
                f"the layer {name or 'given'!r} is in training mode; call module.eval() first"
            )
    if type(module).__module__.startswith("torch.nn") and not list(module.children()):
        module = torch.nn.Sequential(module)
    try:
        traced = torch.fx.symbolic_trace(module)
    except Exception as error:
        raise UnsupportedError(
            f"torch.fx cannot trace the module {type(module).__name__}: {error}. Its forward() may "
            "not depend on the data; a module made of the layers alone can be read"
        ) from None
    shape = tuple(input_shape) if input_shape is not None else _guess(torch, module)
    return _Reader(traced, Graph(shape)).network()


def _guess(torch: Any, module: Any) -> tuple[int, ...]:
    for part in module.modules():
        if isinstance(part, torch.nn.Linear):
            return (int(part.in_features),)
        if not list(part.children()) and not isinstance(
            part, (torch.nn.Flatten, torch.nn.Dropout, torch.nn.Identity)
        ):
            break
    raise InvalidNetworkError(
        "input_shape is needed when the first layer is not Linear; for example "
        "input_shape=(1, 28, 28)"
    )


class _Reader:
    """Walks over a traced module."""

    def __init__(self, traced: Any, graph: Graph) -> None:
        self.traced = traced
        self.graph = graph
        self.modules: Mapping[str, Any] = dict(traced.named_modules())
        self.values: dict[Any, Any] = {}

    def network(self) -> Network:
        inputs = 0
        for position, node in enumerate(self.traced.graph.nodes):
            try:
                if node.op == "placeholder":
                    inputs += 1
                    if inputs > 1 and node.users:
                        raise UnsupportedError("a second input; networks have one")
                    self.values[node] = self.graph.input
                elif node.op == "output":
                    output = self.value(node.args[0])
                    if not isinstance(output, Tensor):
                        raise UnsupportedError("the module returns something else than one tensor")
                    return self.graph.network(output)
                else:
                    self.values[node] = self.step(node)
            except (UnsupportedError, ActivationError, InvalidNetworkError) as error:
                raise type(error)(f"{self.where(node, position)}: {error}") from None
        raise UnsupportedError("the module returns nothing")

    def where(self, node: Any, position: int) -> str:
        """Name a node for people."""
        if node.op == "call_module":
            return f"module {node.target!r} ({type(self.modules[node.target]).__name__})"
        return f"operation {position} ({node.name})"

    def value(self, argument: Any) -> Any:
        """Replace nodes by their values."""
        if isinstance(argument, (tuple, list)):
            return [self.value(part) for part in argument]
        return self.values[argument] if type(argument).__name__ == "Node" else argument

    def step(self, node: Any) -> Any:
        """Return the value of a node."""
        arguments = [self.value(part) for part in node.args]
        named = {key: self.value(part) for key, part in node.kwargs.items()}
        if node.op == "get_attr":
            found = self.traced
            for part in node.target.split("."):
                found = getattr(found, part)
            return array(found)
        if node.op == "call_module":
            return _module(self.graph, self.modules[node.target], arguments[0])
        name = node.target if isinstance(node.target, str) else node.target.__name__
        first = arguments[0] if arguments else None
        if name == "getattr" and arguments[1] == "shape" and isinstance(first, Tensor):
            return [1, *first.shape]
        if name == "size" and isinstance(first, Tensor):
            shape = [1, *first.shape]
            return shape if len(arguments) == 1 else shape[arguments[1]]
        tensors = [a for a in (*arguments, *named.values()) if isinstance(a, Tensor)]
        if not tensors and name in _PLAIN:
            return _PLAIN[name](*arguments)
        if name == "batch_norm" and node.op == "call_function" and len(arguments) > 1:
            # torch.nn.functional has the statistics before the weights.
            order = ("running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
            named |= dict(zip(order, arguments[1:], strict=False))
            arguments = arguments[:1]
        return call(self.graph, name, *arguments, **named)


_PLAIN: dict[str, Callable[..., Any]] = {
    "getitem": operator.getitem,
    "mul": operator.mul,
    "add": operator.add,
    "sub": operator.sub,
    "floordiv": operator.floordiv,
}
"""What is done with sizes."""


def array(tensor: Any) -> FloatArray | None:
    """Return a torch tensor as a double array."""
    if tensor is None:
        return None
    return np.asarray(tensor.detach().cpu().double().numpy())


def _module(graph: Graph, module: Any, x: Tensor) -> Tensor:
    """Apply one of torch's own modules."""
    name = type(module).__name__
    if name not in _MODULES or not type(module).__module__.startswith("torch.nn"):
        raise UnsupportedError(f"modules of the class {name} are not offered")
    function, attributes = _MODULES[name]
    values = {}
    for key, attribute in attributes.items():
        value = getattr(module, attribute)
        values[key] = array(value) if hasattr(value, "detach") else value
    if values.pop("padding_mode", "zeros") != "zeros":
        raise UnsupportedError(f"{name} with padding_mode={module.padding_mode!r}")
    return call(graph, function, x, **values)


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


_NORM = _same("weight", "bias", "running_mean", "running_var", "eps")
_MODULES: dict[str, tuple[str, dict[str, str]]] = {
    "Linear": ("linear", _same("weight", "bias")),
    "Conv2d": (
        "conv2d",
        _same("weight", "bias", "stride", "padding", "dilation", "groups", "padding_mode"),
    ),
    "BatchNorm1d": ("batch_norm", _NORM),
    "BatchNorm2d": ("batch_norm", _NORM),
    "AvgPool2d": (
        "avg_pool2d",
        _same(
            "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"
        ),
    ),
    "AdaptiveAvgPool2d": ("adaptive_avg_pool2d", _same("output_size")),
    "MaxPool2d": (
        "max_pool2d",
        _same("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"),
    ),
    "Flatten": ("flatten", _same("start_dim", "end_dim")),
    **dict.fromkeys(("Identity", "Dropout", "Dropout1d", "Dropout2d"), ("alias", {})),
    "ReLU": ("relu", {}),
    "ReLU6": ("relu6", {}),
    "LeakyReLU": ("leaky_relu", _same("negative_slope")),
    "PReLU": ("prelu", _same("weight")),
    "Tanh": ("tanh", {}),
    "Sigmoid": ("sigmoid", {}),
    "ELU": ("elu", _same("alpha")),
    "Softplus": ("softplus", _same("beta", "threshold")),
    "SiLU": ("silu", {}),
    "GELU": ("gelu", _same("approximate")),
    "Hardtanh": ("hardtanh", _same("min_val", "max_val")),
    "Hardsigmoid": ("hardsigmoid", {}),
}
"""Torch's modules: the function each calls, and its parameters with the module's attributes."""
