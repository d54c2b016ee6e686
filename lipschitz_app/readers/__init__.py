"""Readers of networks: one file a format, files by their endings, objects by their framework."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from lipschitz_app.errors import InvalidOptionError, NetworkFileError
from lipschitz_app.network import Network
from lipschitz_app.readers.arrays import load_npz
from lipschitz_app.readers.estimators import from_keras_weights, from_sklearn
from lipschitz_app.readers.onnx_files import load_onnx
from lipschitz_app.readers.torch_exported import load_exported
from lipschitz_app.readers.torch_files import load_torch
from lipschitz_app.readers.torch_modules import from_torch

READERS: dict[str, tuple[Callable[..., Network], tuple[str, ...]]] = {
    ".npz": (load_npz, ("activation",)),
    ".onnx": (load_onnx, ("input_shape",)),
    ".pt": (load_torch, ("input_shape", "activation", "layers")),
    ".pth": (load_torch, ("input_shape", "activation", "layers")),
    ".pt2": (load_exported, ("input_shape",)),
}
"""Readers by file ending, with the options that they take."""


def load_network(
    path: str | PathLike[str],
    *,
    input_shape: Sequence[int] | None = None,
    activation: str | None = None,
    layers: Any = None,
) -> Network:
    """Read a network from a file; the ending decides the format.

    No file can run code: nothing is unpickled but plain tensors, and what a file declares is
    checked against its size before memory is taken.

    Parameters
    ----------
    path : path
        - ``.npz``: arrays of numpy, as :meth:`Network.save` writes them, or named as
          `lipschitz_app.readers.arrays` lists;
        - ``.onnx``: needs the package onnx;
        - ``.pt``, ``.pth``: a PyTorch state dictionary, with `layers` or `activation`;
        - ``.pt2``: a program saved by ``torch.export.save``; PyTorch is not needed.
    input_shape : tuple of int, optional
        Shape of one input without the batch, where the file leaves it open.
    activation : str, optional
        Activation of a fully connected network whose file does not say.
    layers : torch.nn.Module, optional
        The module that a state dictionary belongs to; the weights go into a copy.

    Raises
    ------
    NetworkFileError
        The file is missing, of an unknown kind, or holds no network.
    UnsupportedError
        A layer or operation that is not offered; the message names it and its position.
    InvalidOptionError
        An option that the format has no use for, or a package that is not installed.

    Examples
    --------
    >>> import tempfile
    >>> net = Network.from_arrays([[[1.0], [-1.0]], [[1.0, 1.0]]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     net.save(f"{folder}/net.npz")
    ...     load_network(f"{folder}/net.npz")
    Network(1-2-1, relu)
    """
    ending = Path(fspath(path)).suffix.lower()
    if ending not in READERS:
        raise NetworkFileError(
            f"{path}: files ending in {ending or 'nothing'!r} are not known; "
            f"readable are {', '.join(sorted(READERS))}"
        )
    reader, known = READERS[ending]
    options = {"input_shape": input_shape, "activation": activation, "layers": layers}
    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        if name not in known:
            raise InvalidOptionError(f"{ending} files define their {name}; leave {name}= out")
    return reader(path, **given)


__all__ = [
    "READERS",
    "from_keras_weights",
    "from_sklearn",
    "from_torch",
    "load_exported",
    "load_network",
    "load_npz",
    "load_onnx",
    "load_torch",
]
