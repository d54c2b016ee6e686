"""Networks in npz files of numpy arrays; read without pickle, so that a file cannot run code.

Names that are understood:

- ``W1, b1, W2, b2, …`` (also ``A1``, ``weight1``, ``bias1``, and with an underscore ``W_1``):
  layers in the order of their numbers, weights of shape (outputs, inputs); biases may all be left
  out. Optional ``activation`` (text, default ``relu``) and ``input_shape``.
- ``0.weight, 0.bias, 2.weight, …`` (a state dictionary of linear layers): order of numbers.
- ``layers`` (JSON text) and ``input_shape``, with arrays ``p0, p1, …``: what
  :meth:`~lipschitz_app.Network.save` writes for networks of any layers.
- ``A, b, c`` with optional vector or matrix c: one hidden layer, output ``c @ relu(A x + b)``.

Other entries (inputs to try, labels) are ignored.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import IO

import numpy as np

from lipschitz_app.errors import ActivationError, InvalidNetworkError, NetworkFileError
from lipschitz_app.layers import Activation, Flatten, Layer, Linear
from lipschitz_app.layers.description import rebuild
from lipschitz_app.network import Network
from lipschitz_app.readers.archives import BROKEN, existing, members
from lipschitz_app.readers.npy import read_npy

_WEIGHT = re.compile(r"(?:W|A|w|weight)_?(\d+)|(\d+)\.weight")
_BIAS = re.compile(r"(?:b|bias)_?(\d+)|(\d+)\.bias")


def read_arrays(path: str | PathLike[str]) -> dict[str, np.ndarray]:
    """Return all arrays of an npz file.

    Raises
    ------
    NetworkFileError
        The file is missing, is no npz file, or holds pickled objects.
    """
    file = existing(path)
    if file.read_bytes()[:6] == b"\x93NUMPY":
        raise NetworkFileError(f"{file}: a single array, not an npz file of named arrays")
    found: dict[str, np.ndarray] = {}
    listed = members(file, "an npz file")
    try:
        with zipfile.ZipFile(file) as archive:
            for member in listed:
                name = member.filename.removesuffix(".npy")
                if name in found:
                    raise NetworkFileError(f"{file}: the array {name!r} occurs twice")
                with archive.open(member) as stream:
                    found[name] = _read(stream, member, file)
    except NetworkFileError:
        raise
    except BROKEN as error:
        raise NetworkFileError(f"{file}: not an npz file ({error})") from None
    return found


def _read(stream: IO[bytes], member: zipfile.ZipInfo, file: Path) -> np.ndarray:
    try:
        return read_npy(stream, member.file_size)
    except ValueError as error:
        raise NetworkFileError(
            f"{file}: {member.filename} is no array of numpy ({error})"
        ) from None


def load_npz(path: str | PathLike[str], activation: str | None = None) -> Network:
    """Read a network from an npz file; the names are listed at the top of this module.

    Parameters
    ----------
    path : path
    activation : str, optional
        Of a file that does not say; relu when left out.

    Raises
    ------
    NetworkFileError
        The file cannot be read, or holds no network.
    """
    arrays = read_arrays(path)
    if activation is not None and {"activation", "layers"} & set(arrays):
        raise NetworkFileError(f"{path}: the file names its activation; leave activation= out")
    try:
        return network_from_mapping(arrays, activation or "relu")
    except (InvalidNetworkError, ActivationError) as error:
        raise NetworkFileError(f"{path}: {error}") from None


def network_from_mapping(arrays: Mapping[str, np.ndarray], activation: str = "relu") -> Network:
    """Build a network from named arrays; the names are listed at the top of this module.

    Raises
    ------
    InvalidNetworkError
        The names or shapes make no network.

    Examples
    --------
    >>> import numpy as np
    >>> network_from_mapping({"A": np.eye(2), "b": np.zeros(2), "c": np.ones(2)})
    Network(2-2-1, relu)
    """
    if "layers" in arrays:
        return _described(arrays)
    if "A" in arrays:
        missing = [name for name in ("b", "c") if name not in arrays]
        if missing:
            raise InvalidNetworkError(
                f"an A without {' and '.join(missing)}: one hidden layer needs A, b and c"
            )
        out = np.atleast_2d(arrays["c"])
        biases_given = [np.ravel(arrays["b"]), np.zeros(len(out))]
        return Network.from_arrays([arrays["A"], out], biases_given, activation)
    weights = _numbered(arrays, _WEIGHT)
    biases = _numbered(arrays, _BIAS)
    if not weights:
        raise InvalidNetworkError(
            f"no weights among the arrays {sorted(arrays)}; expected W1, b1, W2, b2, … or A, b, c"
        )
    if biases and set(biases) != set(weights):
        odd = sorted(set(biases) ^ set(weights))
        raise InvalidNetworkError(
            f"weights and biases do not match: number{'s' if len(odd) > 1 else ''} "
            f"{', '.join(map(str, odd))} on one side only"
        )
    for number, weight in weights.items():
        if weight.ndim == 4:
            raise InvalidNetworkError(
                f"weight {number} has shape {weight.shape}: a convolution, whose stride and "
                "padding an npz file does not say; build it with Network([Conv2d(…), …])"
            )
    activation = str(arrays["activation"]) if "activation" in arrays else activation
    layers: list[Layer] = []
    for position, number in enumerate(sorted(weights)):
        if position:
            layers.append(Activation(activation))
        bias = biases.get(number)
        layers.append(Linear(weights[number], None if bias is None else np.ravel(bias)))
    shape: list[int] | None = None
    if "input_shape" in arrays:
        shape = _sides(arrays["input_shape"])
    if shape is not None and len(shape) > 1:
        layers.insert(0, Flatten())
    return Network(layers, shape)


def _described(arrays: Mapping[str, np.ndarray]) -> Network:
    try:
        description = json.loads(str(arrays["layers"]))
        shape = _sides(arrays["input_shape"])
    except (ValueError, KeyError, RecursionError) as error:
        raise InvalidNetworkError(f"the description of the layers is malformed: {error}") from None
    return Network(rebuild(description, arrays), shape)


def _sides(array: np.ndarray) -> list[int]:
    """Return an input shape.

    Raises
    ------
    InvalidNetworkError
        It is no vector of whole numbers.
    """
    if array.dtype.kind not in "iuf" or not np.isfinite(array).all() or (array % 1).any():
        raise InvalidNetworkError(f"the input shape is no vector of whole numbers, but {array!r}")
    return [int(side) for side in np.ravel(array)]


def _numbered(arrays: Mapping[str, np.ndarray], pattern: re.Pattern[str]) -> dict[int, np.ndarray]:
    found: dict[int, np.ndarray] = {}
    for name, array in arrays.items():
        match = pattern.fullmatch(name)
        if match:
            number = int(next(group for group in match.groups() if group))
            if number in found:
                raise InvalidNetworkError(f"two arrays for layer {number}, one of them {name!r}")
            found[number] = array
    return found
