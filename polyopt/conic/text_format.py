"""What the readers and writers of conic text files share: lines with numbers, bounded sizes."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from polyopt.conic.program import Cones
from polyopt.conic.svec import SQRT2, triangle
from polyopt.errors import FormatError
from polyopt.files import whole_file

#: Largest number of rows and of variables that a reader allocates for; a header of a few bytes may
#: ask for any.
LARGEST_SIZE = 20_000_000


class Lines:
    """The lines of a text file that are neither empty nor comments, with their numbers.

    Parameters
    ----------
    path
        File to read.
    comments
        Characters that begin a comment line.
    """

    def __init__(self, path: str | os.PathLike[str], comments: str) -> None:
        self.name = Path(path).name
        self.number = 0
        self.comments: list[str] = []
        self._lines = Path(path).read_bytes().decode("utf-8", errors="replace").splitlines()
        self._marks = tuple(comments)

    def next(self, wanted: str) -> str:
        """Return the next line; ``wanted`` says in the message what the file ends before."""
        line = self.next_or_none()
        if line is None:
            self.fail(f"the file ends where {wanted} should be")
        return line

    def next_or_none(self) -> str | None:
        """Return the next line, or None at the end."""
        while self.number < len(self._lines):
            line = self._lines[self.number].strip()
            self.number += 1
            if line.startswith(self._marks):
                self.comments.append(line)
            elif line:
                return line
        return None

    def fail(self, reason: str) -> NoReturn:
        """Raise FormatError for the current line."""
        raise FormatError(f"{self.name}, line {self.number}: {reason}")

    def integer(self, text: str, what: str, lowest: int, highest: int = LARGEST_SIZE) -> int:
        """Read a whole number within bounds."""
        try:
            value = int(text)
        except ValueError:
            self.fail(f"{what} must be a whole number, not {text[:40]!r}")
        if not lowest <= value <= highest:
            self.fail(f"{what} is {text[:40]}; it must be between {lowest} and {highest}")
        return value

    def real(self, text: str, what: str) -> float:
        """Read a finite number."""
        try:
            value = float(text.replace("D", "e").replace("d", "e"))
        except ValueError:
            self.fail(f"{what} must be a number, not {text[:40]!r}")
        if not math.isfinite(value):
            self.fail(f"{what} is {text[:40]}, which is not a finite number")
        return value

    def fields(self, number: int, wanted: str) -> list[str]:
        """Return the next line split into exactly so many fields."""
        fields = self.next(wanted).split()
        if len(fields) != number:
            self.fail(f"{wanted} needs {number} fields, but there are {len(fields)}")
        return fields

    def check_size(self, size: int, what: str) -> None:
        """Refuse to go on with more than LARGEST_SIZE rows or variables."""
        if size > LARGEST_SIZE:
            self.fail(f"there are {size} {what} so far; at most {LARGEST_SIZE} are read")


def matrix_entries(cones: Cones) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return block, row and column (row <= column) of each row of the PSD part, counted from 0."""
    empty = np.zeros(0, dtype=np.int64)
    index = [triangle(side) for side in cones.psd]
    return (
        np.repeat(np.arange(len(cones.psd)), [len(part.rows) for part in index]),
        np.concatenate([empty, *(part.rows for part in index)]),
        np.concatenate([empty, *(part.columns for part in index)]),
    )


def matrix_value(entry: float, diagonal: bool) -> float:
    """Return the entry of the matrix behind an entry of its svec.

    Where the quotient by sqrt(2) has a short decimal neighbour with the same svec, that is it, so
    that sqrt(2) * 3 is written as 3.
    """
    if diagonal:
        return entry
    value = entry / SQRT2
    short = float(f"{value:.14g}")
    return short if short * SQRT2 == entry else value


def number(value: float) -> str:
    """Write a number so that it is read back unchanged.

    Examples
    --------
    >>> number(2.0), number(-0.1)
    ('2', '-0.1')
    """
    return repr(float(value)).removesuffix(".0")


def write_lines(path: str | os.PathLike[str], lines: Iterable[str]) -> None:
    """Write a file completely or not at all."""
    with whole_file(path) as file:
        file.writelines(f"{line}\n".encode("ascii") for line in lines)


def refuse_repeats(
    lines: Lines, rows: Sequence[int], columns: Sequence[int], numbers: Sequence[int]
) -> None:
    """Raise for the first entry that is given twice, by the line it stands in."""
    order = np.lexsort((columns, rows))
    r, c = np.asarray(rows, dtype=np.int64)[order], np.asarray(columns, dtype=np.int64)[order]
    repeated = np.flatnonzero((r[1:] == r[:-1]) & (c[1:] == c[:-1]))
    if repeated.size:
        lines.number = max(numbers[order[repeated[0]]], numbers[order[repeated[0] + 1]])
        lines.fail("this entry is given twice")
