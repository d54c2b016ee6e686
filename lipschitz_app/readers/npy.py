"""Arrays in the npy format of numpy, from files that nobody vouches for.

The header is compared with a pattern before numpy parses it as a Python literal, which a hostile
one makes run out of memory or stack, and what it declares is compared with the bytes that are
there before anything is allocated.
"""

from __future__ import annotations

import re
from math import prod
from typing import IO

import numpy as np

_MAGIC = b"\x93NUMPY"
_HEADER = re.compile(
    rb"\{'descr': '([<>|=]?[biufcUSVMmO]\d{0,18}(?:\[\w{1,9}\])?)', "
    rb"'fortran_order': (True|False), "
    rb"'shape': \(((?:\d{1,18}(?:, ?\d{1,18})*,?)?)\), ?\}\s*"
)
_LONGEST_HEADER = 10_000
_MOST_AXES = 32


def read_npy(stream: IO[bytes], size: int) -> np.ndarray:
    """Read one array.

    Parameters
    ----------
    stream : binary stream
        At the beginning of the array.
    size : int
        Bytes from there to the end, header included.

    Raises
    ------
    ValueError
        No array of numbers or text, or one that declares another size.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> np.save(file, [1.0, 2.0])
    >>> read_npy(io.BytesIO(file.getvalue()), len(file.getvalue()))
    array([1., 2.])
    """
    start = stream.read(8)
    if len(start) < 8 or start[:6] != _MAGIC or start[6] not in (1, 2, 3):
        raise ValueError("it does not begin as a file of numpy does")
    digits = 2 if start[6] == 1 else 4
    length = int.from_bytes(stream.read(digits), "little")
    if length > _LONGEST_HEADER:
        raise ValueError(f"its header has {length} bytes; at most {_LONGEST_HEADER} are read")
    match = _HEADER.fullmatch(stream.read(length))
    if match is None:
        raise ValueError("its header does not describe an array of numbers or text")
    try:
        dtype = np.dtype(match[1].decode())
    except (TypeError, ValueError) as error:
        raise ValueError(f"its numbers are of no known type ({error})") from None
    if dtype.hasobject:
        raise ValueError("it cannot be read without pickle, which could run code")
    shape = tuple(int(side) for side in match[3].split(b",") if side.strip())
    rest = size - 8 - digits - length
    count = prod(shape)
    if len(shape) > _MOST_AXES or max(shape, default=0) > size or count * dtype.itemsize > rest:
        raise ValueError(f"it declares shape {_short(shape)}, more than its {size} bytes hold")
    data = stream.read(count * dtype.itemsize)
    if len(data) < count * dtype.itemsize:
        raise ValueError("it ends before its last number")
    if not dtype.itemsize:
        return np.zeros(shape, dtype)
    array = np.frombuffer(data, dtype=dtype, count=count)
    return array.reshape(shape, order="F" if match[2] == b"True" else "C").copy(order="K")


def _short(shape: tuple[int, ...]) -> str:
    return str(shape) if len(shape) < 8 else f"of {len(shape)} axes"
