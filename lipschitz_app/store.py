"""A file of results that survives being killed: one JSON object a line, appended and synced.

A line counts once its newline is on the disk. What a kill leaves half written at the end is cut off
when the file is opened again; anything else that cannot be read is an error, not a loss. While a
store is open no other process can open it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import IO, Any

from lipschitz_app.errors import StoreError

VERSION = 1
"""Version of the records; a store of another version is refused."""

_LONGEST = 64 * 2**20
"""Bytes of a line that are read at most."""


class ResultStore:
    """Records by their keys, in memory and, with a path, in a file.

    Parameters
    ----------
    path : path or None
        File that holds the records; made when missing. None keeps them in memory.

    Attributes
    ----------
    records : dict
        What the store holds, by key; a later record of a key replaces an earlier one.
    cut : int
        Bytes of a half-written last line that were cut off when the file was opened.

    Raises
    ------
    StoreError
        The file is no store, is damaged, or is in use.

    Examples
    --------
    >>> import tempfile, os
    >>> path = os.path.join(tempfile.mkdtemp(), "results.jsonl")
    >>> with open_store(path) as store:
    ...     store.add("a", {"upper": 1.5})
    >>> with open_store(path) as store:
    ...     store.records
    {'a': {'upper': 1.5}}
    """

    def __init__(self, path: str | PathLike[str] | None) -> None:
        self.path = None if path is None else Path(path)
        self.records: dict[str, dict[str, Any]] = {}
        self.cut = 0
        self._file: IO[bytes] | None = None
        if self.path is not None:
            try:
                self._file = self.path.open("a+b")
            except OSError as error:
                raise StoreError(f"{self.path}: cannot be opened ({error.strerror})") from None
            try:
                self._lock(self._file)
                self._read(self._file)
            except BaseException:
                self.close()
                raise

    def add(self, key: str, record: dict[str, Any]) -> None:
        """Keep a record; when this returns, it is on the disk.

        Raises
        ------
        StoreError
            The record holds something that JSON does not.
        """
        try:
            # Infinite and NaN have no JSON; they would make the line unreadable elsewhere.
            line = json.dumps({"version": VERSION, "key": key, **record}, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise StoreError(f"the record {key!r} cannot be written as JSON: {error}") from None
        if self._file is not None:
            self._file.write(line.encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        self.records[key] = record

    def close(self) -> None:
        """Close the file and let others open it."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _lock(self, file: IO[bytes]) -> None:
        try:
            import fcntl
        except ImportError:  # not offered by the operating system
            return
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StoreError(
                f"{self.path}: is in use by another sweep; wait for it, or name another file"
            ) from None

    def _read(self, file: IO[bytes]) -> None:
        file.seek(0)
        end = 0
        for number, line in enumerate(iter(lambda: file.readline(_LONGEST), b""), start=1):
            if not line.endswith(b"\n"):
                if len(line) >= _LONGEST:
                    raise StoreError(f"{self.path}, line {number}: longer than any record")
                self.cut = len(line)
                file.truncate(end)
                break
            end += len(line)
            self._take(line, number)
        file.seek(0, os.SEEK_END)

    def _take(self, line: bytes, number: int) -> None:
        where = f"{self.path}, line {number}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            raise StoreError(
                f"{where}: is no JSON object; mend or remove the line, or name another file"
            ) from None
        if not isinstance(record, dict) or not isinstance(record.get("key"), str):
            raise StoreError(f"{where}: is no record of a sweep; name another file")
        if record.pop("version", None) != VERSION:
            raise StoreError(
                f"{where}: was written by another version of this package; name another file"
            )
        self.records[record.pop("key")] = record


@contextmanager
def open_store(path: str | PathLike[str] | None) -> Iterator[ResultStore]:
    """Open a store and close it at the end.

    Examples
    --------
    >>> with open_store(None) as store:
    ...     store.add("a", {"upper": 1.0})
    ...     len(store.records)
    1
    """
    store = ResultStore(path)
    try:
        yield store
    finally:
        store.close()
