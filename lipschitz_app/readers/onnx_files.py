"""ONNX files: graphs of one input and one output, read without running anything.

The first axis of the input is the batch and is left out; networks with one axis only, or whose
first axis is a number other than one, need ``input_shape``. Weights in single precision are
converted to doubles without change.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from lipschitz_app.errors import (
    ActivationError,
    InvalidNetworkError,
    InvalidOptionError,
    NetworkFileError,
    UnsupportedError,
)
from lipschitz_app.network import Network
from lipschitz_app.readers.graph import Graph, Tensor
from lipschitz_app.readers.onnx_constants import CONSTANTS
from lipschitz_app.readers.onnx_nodes import NODES, Node


def load_onnx(path: str | PathLike[str], input_shape: Sequence[int] | None = None) -> Network:
    """Read a network from an ONNX file.

    Parameters
    ----------
    path : path
    input_shape : tuple of int, optional
        Shape of one input without the batch; needed where the file leaves it open.

    Raises
    ------
    NetworkFileError
        The file is missing or is no ONNX file.
    UnsupportedError
        A node that is not offered; the message names its type, name and position.
    InvalidOptionError
        The package onnx is not installed.
    """
    try:
        import onnx
    except ImportError:
        raise InvalidOptionError(
            "ONNX files need the package onnx, which is not installed: pip install onnx"
        ) from None
    file = Path(fspath(path))
    if not file.is_file():
        raise NetworkFileError(f"{file}: no such file")
    try:
        model = onnx.load(str(file), load_external_data=False)
    except Exception as error:
        raise NetworkFileError(f"{file}: not an ONNX file ({error})") from None
    if not model.graph.node:
        raise NetworkFileError(f"{file}: not an ONNX file, or one without nodes")
    try:
        return from_onnx(model, input_shape, size=file.stat().st_size)
    except (InvalidNetworkError, ActivationError) as error:
        raise NetworkFileError(f"{file}: {error}") from None
    except UnsupportedError as error:
        raise UnsupportedError(f"{file}: {error}") from None


def from_onnx(
    model: Any, input_shape: Sequence[int] | None = None, *, size: int | None = None
) -> Network:
    """Read a network from an ONNX model in memory.

    Parameters
    ----------
    model : onnx.ModelProto
    input_shape : tuple of int, optional
        Shape of one input without the batch.
    size : int, optional
        Bytes of the file; by default those of the model.

    Raises
    ------
    UnsupportedError, InvalidNetworkError
    """
    graph = model.graph
    bytes_ = model.ByteSize() if size is None else size
    values: dict[str, Any] = {"": None}
    for tensor in graph.initializer:
        values[tensor.name] = _constant(tensor, bytes_)
    inputs = [value for value in graph.input if value.name not in values]
    if len(inputs) != 1 or len(graph.output) != 1:
        raise UnsupportedError(
            f"the graph has {len(inputs)} inputs and {len(graph.output)} outputs; one of each is "
            "offered"
        )
    built = Graph(_input_shape(inputs[0], input_shape))
    values[inputs[0].name] = built.input
    for position, proto in enumerate(graph.node):
        where = f"node {position}, {proto.op_type} {proto.name!r}"
        try:
            # The layers refuse NaN; signalling ones would warn before.
            with np.errstate(invalid="ignore"):
                found = _apply(built, proto, values, bytes_)
        except (UnsupportedError, InvalidNetworkError, ActivationError) as error:
            raise type(error)(f"{where}: {error}") from None
        except (IndexError, TypeError, ValueError, KeyError, OverflowError) as error:
            raise InvalidNetworkError(f"{where} is malformed: {error}") from None
        if not proto.output:
            raise InvalidNetworkError(f"{where} has no output")
        for name in proto.output:
            values.setdefault(name, None)
        values[proto.output[0]] = found
    output = values.get(graph.output[0].name)
    if not isinstance(output, Tensor):
        raise UnsupportedError("the output does not depend on the input")
    return built.network(output)


def _apply(graph: Graph, proto: Any, values: dict[str, Any], size: int) -> Any:
    from onnx import helper

    if proto.domain not in ("", "ai.onnx"):
        raise UnsupportedError(f"the domain {proto.domain!r} is not offered")
    attributes = {
        attribute.name: _attribute(helper.get_attribute_value(attribute), size)
        for attribute in proto.attribute
    }
    missing = [name for name in proto.input if name not in values]
    if missing:
        raise InvalidNetworkError(f"the input {missing[0]!r} is not made by any node before")
    node = Node(graph, [values[name] for name in proto.input], attributes)
    tensors = [value for value in node.inputs if isinstance(value, Tensor)]
    if tensors and proto.op_type in NODES:
        return NODES[proto.op_type](node)
    if proto.op_type in CONSTANTS and (not tensors or proto.op_type == "Shape"):
        return CONSTANTS[proto.op_type](node)
    raise UnsupportedError("nodes of this type are not offered")


def _attribute(value: Any, size: int) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return _constant(value, size) if hasattr(value, "data_type") else value


def _constant(tensor: Any, size: int) -> np.ndarray:
    """Return a stored tensor; its data must be in the file."""
    from onnx import TensorProto, numpy_helper

    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        raise UnsupportedError(
            f"the tensor {tensor.name!r} is stored in another file; save the model in one file"
        )
    count = prod(int(side) for side in tensor.dims)
    if min((int(side) for side in tensor.dims), default=1) < 0 or count > size:
        raise InvalidNetworkError(
            f"the tensor {tensor.name!r} declares {count} entries, more than the file can hold"
        )
    try:
        values = np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        raise InvalidNetworkError(f"the tensor {tensor.name!r} is malformed: {error}") from None
    if values.dtype.kind in "cOSUmM":
        raise UnsupportedError(f"the tensor {tensor.name!r} holds {values.dtype}, not real numbers")
    return values


def _input_shape(value: Any, given: Sequence[int] | None) -> tuple[int, ...]:
    if given is not None:
        return tuple(int(side) for side in given)
    sides = [int(d.dim_value) for d in value.type.tensor_type.shape.dim]
    if len(sides) > 1 and sides[0] in (0, 1):
        sides = sides[1:]
    elif len(sides) > 1:
        raise InvalidNetworkError(
            f"the input {value.name!r} has shape {tuple(sides)}, whose first axis may be a batch "
            "or not; give input_shape="
        )
    if not sides or min(sides) < 1:
        raise InvalidNetworkError(
            f"the input {value.name!r} leaves its shape open; give input_shape="
        )
    return tuple(sides)
