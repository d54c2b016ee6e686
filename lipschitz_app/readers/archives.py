"""Zip archives (npz files, PyTorch's formats) opened with a limit on what they unpack to."""

from __future__ import annotations

import struct
import zipfile
import zlib
from os import PathLike, fspath
from pathlib import Path

from lipschitz_app.errors import NetworkFileError

BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, ValueError, RuntimeError,
)  # fmt: skip
"""What reading a damaged, encrypted or too deeply nested archive raises."""

_FREE = 2**28
"""Bytes that any archive may unpack to."""

_RATIO = 100
"""How many times its own size a larger archive may unpack to."""


def existing(path: str | PathLike[str]) -> Path:
    """Return the path of a file that is there.

    Raises
    ------
    NetworkFileError
        It is not.
    """
    file = Path(fspath(path))
    if not file.is_file():
        raise NetworkFileError(f"{file}: no such file")
    return file


def members(file: Path, kind: str) -> list[zipfile.ZipInfo]:
    """Return the members of an archive after checking what they unpack to.

    Raises
    ------
    NetworkFileError
        No archive, or one that would unpack to far more than its size.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            found = archive.infolist()
    except BROKEN as error:
        raise NetworkFileError(f"{file}: not {kind} ({error})") from None
    for member in found:
        # Other methods take memory for dictionaries of whatever size they declare.
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise NetworkFileError(
                f"{file}: {member.filename!r} is packed by a method that is not read; save it "
                "without compression"
            )
    size = file.stat().st_size
    unpacked = sum(member.file_size for member in found)
    if unpacked > max(_FREE, _RATIO * size):
        raise NetworkFileError(
            f"{file}: {size} bytes that unpack to {unpacked}; at most {_RATIO} times as many are "
            "allowed, save it without compression"
        )
    return found
