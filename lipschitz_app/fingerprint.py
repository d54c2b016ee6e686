"""Names for tasks that depend on what they are and on nothing else, for resuming sweeps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def fingerprint(value: Any) -> str:
    """Return a text of 32 characters that differs where values differ.

    Numbers, texts, arrays, sequences, mappings, and objects by their class and attributes; equal
    in every run, whatever the hash seed, the platform or the order of a mapping's keys.

    Examples
    --------
    >>> import numpy as np
    >>> fingerprint({"a": 1.0, "b": np.arange(3)}) == fingerprint({"b": np.arange(3), "a": 1.0})
    True
    >>> fingerprint(1.0) == fingerprint(2.0)
    False
    """
    digest = hashlib.sha256()
    _update(digest, value)
    return digest.hexdigest()[:32]


def _update(digest: Any, value: Any) -> None:
    if value is None or isinstance(value, (bool, int, float, str)):
        digest.update(f"{type(value).__name__}:{json.dumps(value)};".encode())
    elif isinstance(value, np.generic):
        _update(digest, value.item())
    elif isinstance(value, np.ndarray):
        # Of one byte order, so that a file made elsewhere names the same tasks.
        array = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
        digest.update(f"array:{array.dtype.str}:{array.shape};".encode())
        digest.update(array.tobytes())
    elif isinstance(value, Mapping):
        digest.update(f"mapping:{len(value)};".encode())
        for key in sorted(value, key=str):
            _update(digest, str(key))
            _update(digest, value[key])
    elif isinstance(value, Sequence):
        digest.update(f"sequence:{len(value)};".encode())
        for part in value:
            _update(digest, part)
    elif isinstance(value, (set, frozenset)):
        digest.update(f"set:{sorted(fingerprint(part) for part in value)};".encode())
    else:
        _update_object(digest, value)


def _update_object(digest: Any, value: Any) -> None:
    kind = type(value)
    digest.update(f"object:{kind.__module__}.{kind.__qualname__};".encode())
    names = set(getattr(value, "__dict__", ()))
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        names.update([slots] if isinstance(slots, str) else slots)
    for name in sorted(names - {"__weakref__", "__dict__"}):
        if hasattr(value, name) and not callable(getattr(value, name)):
            _update(digest, name)
            _update(digest, getattr(value, name))
