"""Readers of network files; one file a format, chosen by the file's ending."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike, fspath
from pathlib import Path

from lipschitz_app.errors import NetworkFileError
from lipschitz_app.network import Network
from lipschitz_app.readers.arrays import load_npz

READERS: dict[str, Callable[[str | PathLike[str]], Network]] = {".npz": load_npz}
"""Readers by file ending."""


def load_network(path: str | PathLike[str]) -> Network:
    """Read a network from a file; the ending decides the format.

    Parameters
    ----------
    path : path
        An ``.npz`` file; `lipschitz_app.readers.arrays` lists the names of its arrays.

    Raises
    ------
    NetworkFileError
        The file is missing, of an unknown kind, or holds no network.

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
    return READERS[ending](path)


__all__ = ["READERS", "load_network", "load_npz"]
