"""PyTorch files: state dictionaries, read as plain tensors so that a file cannot run code.

A state dictionary names weights, not what is done with them. That is given beside it: a module to
load it into, or, for fully connected networks, the activation between the layers.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from lipschitz_app.errors import InvalidNetworkError, NetworkFileError
from lipschitz_app.network import Network
from lipschitz_app.readers.archives import existing, members
from lipschitz_app.readers.torch_modules import array, from_torch, import_torch

_WRAPPERS = ("state_dict", "model_state_dict", "model")


def load_torch(
    path: str | PathLike[str],
    *,
    input_shape: Sequence[int] | None = None,
    activation: str | None = None,
    layers: Any = None,
) -> Network:
    """Read a state dictionary saved by ``torch.save(module.state_dict(), path)``.

    Parameters
    ----------
    path : path
    input_shape : tuple of int, optional
        Shape of one input; with `layers`.
    activation : str, optional
        Of a fully connected network whose state dictionary is all there is.
    layers : torch.nn.Module, optional
        The architecture; the weights are loaded into a copy of it.

    Raises
    ------
    NetworkFileError
        The file is no state dictionary, or more is needed to make it a network.
    InvalidOptionError
        PyTorch is not installed.
    """
    file = existing(path)
    names = {Path(member.filename).name for member in members(file, "a PyTorch file")}
    if "constants.pkl" in names:
        raise NetworkFileError(
            f"{file}: a TorchScript archive, which holds a program; export the module to ONNX or "
            "save its state_dict()"
        )
    torch = import_torch()
    try:
        state = torch.load(str(file), map_location="cpu", weights_only=True)
    except Exception as error:
        first = str(error).strip().splitlines()[:1]
        raise NetworkFileError(
            f"{file}: holds more than tensors ({' '.join(first)[:200]}); pickled modules are not "
            "loaded, since that can run code. Save module.state_dict(), or export to ONNX"
        ) from None
    for name in _WRAPPERS:
        if isinstance(state, Mapping) and isinstance(state.get(name), Mapping):
            state = state[name]
    if not isinstance(state, Mapping) or not all(
        isinstance(value, torch.Tensor) for value in state.values()
    ):
        raise NetworkFileError(f"{file}: no state dictionary of tensors")
    size = file.stat().st_size
    for name, tensor in state.items():
        if tensor.numel() > size:
            raise NetworkFileError(f"{file}: {name!r} declares {tensor.numel()} entries")
    try:
        if layers is not None:
            return _into(layers, state, input_shape)
        return fully_connected({name: array(t) for name, t in state.items()}, activation)
    except InvalidNetworkError as error:
        raise NetworkFileError(f"{file}: {error}") from None


def _into(module: Any, state: Mapping[str, Any], shape: Sequence[int] | None) -> Network:
    if not hasattr(module, "load_state_dict"):
        raise InvalidNetworkError(
            f"layers is {type(module).__name__}; give the torch.nn.Module that the state "
            "dictionary belongs to"
        )
    filled = copy.deepcopy(module).eval()
    try:
        filled.load_state_dict(state)
    except RuntimeError as error:
        raise InvalidNetworkError(f"the weights do not fit the module: {error}") from None
    return from_torch(filled, shape)


def fully_connected(state: Mapping[str, Any], activation: str | None) -> Network:
    """Return the fully connected network of a state dictionary of linear layers, in its order.

    Raises
    ------
    InvalidNetworkError
        Other layers, shapes that do not follow each other, or no activation given.

    Examples
    --------
    >>> import numpy as np
    >>> fully_connected({"a.weight": np.ones((2, 3)), "b.weight": np.ones((1, 2))}, "relu")
    Network(3-2-1, relu)
    """
    weights, biases = {}, {}
    for name, values in state.items():
        layer, _, kind = name.rpartition(".")
        if kind == "weight" and values.ndim == 2:
            weights[layer] = values
        elif kind == "bias" and values.ndim == 1:
            biases[layer] = values
        else:
            raise InvalidNetworkError(
                f"the entry {name!r} of shape {values.shape} is no weight of a linear layer, and "
                "a state dictionary does not say what is done with it; give layers=module, the "
                "torch.nn.Module that it belongs to"
            )
    if not weights or set(biases) - set(weights):
        raise InvalidNetworkError(f"no linear layers among the entries {sorted(state)}")
    if activation is None and len(weights) > 1:
        raise InvalidNetworkError(
            f"a state dictionary of {len(weights)} linear layers does not say what is between "
            'them; give activation="relu" or another name, or layers=module'
        )
    return Network.from_arrays(
        list(weights.values()),
        [biases.get(name, [0.0] * len(weight)) for name, weight in weights.items()],
        activation or "relu",
    )
