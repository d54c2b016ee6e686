"""Exported PyTorch programs (``.pt2``): JSON and raw numbers, read without PyTorch.

``torch.export.load`` unpickles and can run code; this reader takes the graph from the archive's
JSON and the weights from its raw members, and nothing else.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from lipschitz_app.errors import (
    ActivationError,
    InvalidNetworkError,
    NetworkFileError,
    UnsupportedError,
)
from lipschitz_app.network import Network
from lipschitz_app.readers.archives import BROKEN, existing, members
from lipschitz_app.readers.graph import Graph, Tensor
from lipschitz_app.readers.torch_functions import call
from lipschitz_app.rounding import FloatArray

_TYPES = {4: "<i4", 5: "<i8", 6: "<f2", 7: "<f4", 8: "<f8"}
"""Numpy types by the numbers of the format's schema."""


def load_exported(path: str | PathLike[str], input_shape: Sequence[int] | None = None) -> Network:
    """Read a program saved by ``torch.export.save``.

    Parameters
    ----------
    path : path
    input_shape : tuple of int, optional
        Shape of one input without the batch; needed where the file leaves it open.

    Raises
    ------
    NetworkFileError
        The file is missing, of another layout, or malformed.
    UnsupportedError
        An operation that is not offered; the message names it.
    """
    file = existing(path)
    names = [member.filename for member in members(file, "an exported program")]
    models = [name for name in names if name.endswith("/models/model.json")]
    if len(models) != 1:
        raise NetworkFileError(
            f"{file}: no exported program of the layout that is read (models/model.json); save it "
            "with torch.export.save of a recent PyTorch, or export to ONNX"
        )
    root = models[0].removesuffix("models/model.json")
    try:
        with zipfile.ZipFile(file) as archive:
            if f"{root}byteorder" in names and archive.read(f"{root}byteorder") != b"little":
                raise NetworkFileError(f"{file}: not in little-endian byte order")
            program = json.loads(archive.read(models[0]))["graph_module"]
            weights = _weights(archive, root, names)
        return _Program(program, weights).network(input_shape)
    except (InvalidNetworkError, ActivationError) as error:
        raise NetworkFileError(f"{file}: {error}") from None
    except UnsupportedError as error:
        raise UnsupportedError(f"{file}: {error}") from None
    except (KeyError, TypeError, IndexError, AttributeError, OverflowError, *BROKEN) as error:
        raise NetworkFileError(f"{file}: malformed ({type(error).__name__}: {error})") from None


def _weights(archive: zipfile.ZipFile, root: str, names: Sequence[str]) -> dict[str, FloatArray]:
    found: dict[str, FloatArray] = {}
    for kind in ("weights", "constants"):
        folder = f"{root}data/{kind}/"
        configuration = f"{folder}model_{kind}_config.json"
        if configuration not in names:
            continue
        for name, entry in json.loads(archive.read(configuration))["config"].items():
            member = f"{folder}{Path(entry['path_name']).name}"
            if entry.get("use_pickle"):
                raise UnsupportedError(f"{name!r} is pickled, and pickles are not loaded")
            found[name] = _tensor(archive.read(member), entry["tensor_meta"], name)
    return found


def _tensor(data: bytes, meta: Mapping[str, Any], name: str) -> FloatArray:
    if meta["dtype"] not in _TYPES:
        raise UnsupportedError(f"{name!r} has numbers of type {meta['dtype']}")
    flat = np.frombuffer(data, dtype=_TYPES[meta["dtype"]])
    sizes, strides = _integers(meta["sizes"]), _integers(meta["strides"])
    offset = int(meta["storage_offset"]["as_int"])
    reach = offset + sum((n - 1) * s for n, s in zip(sizes, strides, strict=True))
    count = int(np.prod(sizes))
    small = min([*sizes, *strides, offset]) < 0 or count > flat.size
    if small or (count and reach >= flat.size):
        raise InvalidNetworkError(f"{name!r} declares shape {tuple(sizes)} of {flat.size} numbers")
    steps = [stride * flat.itemsize for stride in strides]
    view = np.lib.stride_tricks.as_strided(flat[offset:], sizes, steps, writeable=False)
    return np.array(view, dtype=np.float64)


def _integers(sizes: Sequence[Mapping[str, Any]]) -> list[int]:
    return [int(size["as_int"]) for size in sizes]


class _Program:
    """The graph of an exported program."""

    def __init__(self, program: Mapping[str, Any], weights: Mapping[str, FloatArray]) -> None:
        self.graph = program["graph"]
        self.values: dict[str, Any] = {}
        self.inputs: list[str] = []
        for spec in program["signature"]["input_specs"]:
            ((kind, content),) = spec.items()
            if kind == "user_input":
                self.inputs.append(content["arg"]["as_tensor"]["name"])
                continue
            key = {
                "parameter": "parameter_name",
                "buffer": "buffer_name",
                "tensor_constant": "tensor_constant_name",
            }.get(kind)
            if key is None:
                raise UnsupportedError(f"an input of kind {kind!r}")
            # Counters of batches and the like may be absent.
            self.values[content["arg"]["name"]] = weights.get(content[key])

    def network(self, input_shape: Sequence[int] | None) -> Network:
        """Return the network."""
        if len(self.inputs) != 1 or len(self.graph["outputs"]) != 1:
            raise UnsupportedError(
                f"{len(self.inputs)} inputs and {len(self.graph['outputs'])} outputs; one of each "
                "is offered"
            )
        graph = Graph(self._shape(input_shape))
        self.values[self.inputs[0]] = graph.input
        for position, node in enumerate(self.graph["nodes"]):
            target = str(node["target"])
            try:
                self._step(graph, node, target)
            except (UnsupportedError, ActivationError, InvalidNetworkError) as error:
                raise type(error)(f"node {position}, {target}: {error}") from None
        output = self.values[self.graph["outputs"][0]["as_tensor"]["name"]]
        if not isinstance(output, Tensor):
            raise UnsupportedError("the output does not depend on the input")
        return graph.network(output)

    def _shape(self, given: Sequence[int] | None) -> tuple[int, ...]:
        if given is not None:
            return tuple(int(side) for side in given)
        sides = self.graph["tensor_values"][self.inputs[0]]["sizes"]
        shape = [int(side.get("as_int", 0)) for side in sides]
        if len(shape) > 1 and shape[0] in (0, 1):
            shape = shape[1:]
        elif len(shape) > 1:
            raise InvalidNetworkError(
                f"the input has shape {tuple(shape)}, whose first axis may be a batch or not; give "
                "input_shape="
            )
        return tuple(shape)

    def _step(self, graph: Graph, node: Mapping[str, Any], target: str) -> None:
        parts = target.split(".")
        if parts[:3] != ["torch", "ops", "aten"] or len(parts) < 4:
            raise UnsupportedError("operations of this kind are not offered")
        ((kind, made),) = node["outputs"][0].items() if node["outputs"] else (("", {}),)
        if kind == "as_sym_int":
            # The only open size is the batch's, which is one here.
            self.values[made["as_name"]] = 1
            return
        if kind != "as_tensor":
            raise UnsupportedError(f"a result of kind {kind!r}")
        arguments = [(entry["name"], self._value(entry["arg"])) for entry in node["inputs"]]
        first = arguments[0][1]
        named = {name: value for name, value in arguments[1:] if value is not None}
        self.values[made["name"]] = call(graph, parts[3], first, **named)

    def _value(self, argument: Mapping[str, Any]) -> Any:
        ((kind, content),) = argument.items()
        if kind == "as_tensor":
            return self.values[content["name"]]
        if kind in ("as_int", "as_float", "as_bool", "as_string", "as_ints", "as_floats"):
            return content
        if kind in ("as_sym_int", "as_sym_ints"):
            many = content if isinstance(content, list) else [content]
            sides = [s["as_int"] if "as_int" in s else self.values[s["as_name"]] for s in many]
            return sides if isinstance(content, list) else sides[0]
        return None
