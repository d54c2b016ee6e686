"""Networks in npz files of numpy arrays; read without pickle, so that a file cannot run code.

Names that are understood:

- ``W1, b1, W2, b2, …`` (also ``A1``, ``weight1``, ``bias1``, and with an underscore ``W_1``):
  layers in the order of their numbers, weights of shape (outputs, inputs); biases may all be left
  out. Optional ``activation`` (text, default ``relu``) and ``input_shape``.
- ``0.weight, 0.bias, 2.weight, …`` (a state dictionary of linear layers): order of numbers.
- ``A, b, c`` with optional vector or matrix c: one hidden layer, output ``c @ relu(A x + b)``.

Other entries (inputs to try, labels) are ignored.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path

import numpy as np

from lipschitz_app.errors import ActivationError, InvalidNetworkError, NetworkFileError
from lipschitz_app.layers import Activation, Flatten, Layer, Linear
from lipschitz_app.network import Network

_WEIGHT = re.compile(r"(?:W|A|w|weight)_?(\d+)|(\d+)\.weight")
_BIAS = re.compile(r"(?:b|bias)_?(\d+)|(\d+)\.bias")


def read_arrays(path: str | PathLike[str]) -> dict[str, np.ndarray]:
    """Return all arrays of an npz file.

    Raises
    ------
    NetworkFileError
        The file is missing, is no npz file, or holds pickled objects.
    """
    file = Path(fspath(path))
    if not file.is_file():
        raise NetworkFileError(f"{file}: no such file")
    try:
        with np.load(file, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise NetworkFileError(f"{file}: a single array, not an npz file of named arrays")
            return {name: archive[name] for name in archive.files}
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise NetworkFileError(f"{file}: not an npz file ({error})") from None
    except ValueError as error:
        raise NetworkFileError(f"{file}: cannot be read without pickle ({error})") from None


def load_npz(path: str | PathLike[str]) -> Network:
    """Read a network from an npz file; the names are listed at the top of this module.

    Raises
    ------
    NetworkFileError
        The file cannot be read, or holds no network.
    """
    arrays = read_arrays(path)
    try:
        return network_from_mapping(arrays)
    except (InvalidNetworkError, ActivationError) as error:
        raise NetworkFileError(f"{path}: {error}") from None


def network_from_mapping(arrays: Mapping[str, np.ndarray]) -> Network:
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
    if "A" in arrays:
        missing = [name for name in ("b", "c") if name not in arrays]
        if missing:
            raise InvalidNetworkError(
                f"an A without {' and '.join(missing)}: one hidden layer needs A, b and c"
            )
        out = np.atleast_2d(arrays["c"])
        biases_given = [np.ravel(arrays["b"]), np.zeros(len(out))]
        return Network.from_arrays([arrays["A"], out], biases_given)
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
    activation = str(arrays["activation"]) if "activation" in arrays else "relu"
    layers: list[Layer] = []
    for position, number in enumerate(sorted(weights)):
        if position:
            layers.append(Activation(activation))
        bias = biases.get(number)
        layers.append(Linear(weights[number], None if bias is None else np.ravel(bias)))
    shape: list[int] | None = None
    if "input_shape" in arrays:
        shape = [int(side) for side in np.ravel(arrays["input_shape"])]
    if shape is not None and len(shape) > 1:
        layers.insert(0, Flatten())
    return Network(layers, shape)


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
