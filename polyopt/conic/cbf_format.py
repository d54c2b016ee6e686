"""The Conic Benchmark Format, ``.cbf``, in its continuous part up to version 4.

Friberg, "CBLIB 2014: a benchmark library for conic mixed-integer and continuous optimization",
*Math. Program. Comput.* 8, 2016. A program is written without loss: the rows of the zero cone, the
orthant and the second-order cones as constraints ``L=``, ``L+`` and ``Q``, the PSD blocks as
``PSDCON``, the offset as ``OBJBCOORD``. The reader takes these and also matrix variables,
variables in cones, ``L-``, rotated cones ``QR`` and maximisation (which becomes minimisation of the
negative).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp

from polyopt.conic.program import Cones, ConicProgram
from polyopt.conic.svec import SQRT2, svec_length
from polyopt.conic.text_format import (
    Lines,
    matrix_entries,
    matrix_value,
    number,
    refuse_repeats,
    write_lines,
)

_KINDS = {"F": "free", "L=": "zero", "L+": "nonnegative", "L-": "nonnegative", "Q": "second order"}
_KINDS["QR"] = "second order"


def write_cbf(program: ConicProgram, path: str | os.PathLike[str]) -> None:
    """Write a program in conic benchmark format; see :mod:`polyopt.conic.cbf_format`.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> path = pathlib.Path(tempfile.mkdtemp(), "small.cbf")
    >>> write_cbf(ConicProgram([1.0], -np.ones((1, 1)), [-3.0], Cones(nonnegative=1)), path)
    >>> print(read_cbf(path))
    conic program: 1 variable, 1 rows, 1 nonzeros; 1 inequality
    """
    write_lines(path, _lines(program))


def _lines(program: ConicProgram) -> Iterator[str]:
    cones = program.cones
    n = program.number_of_variables
    sides = [side for side in cones.psd if side]
    soc = [size for size in cones.second_order if size]
    scalar = cones.zero + cones.nonnegative + sum(soc)
    yield from ("VER", "3", "", "OBJSENSE", "MIN")
    if n:
        yield from ("", "VAR", f"{n} 1", f"F {n}")
    if sides:
        yield from ("", "PSDCON", str(len(sides)), *map(str, sides))
    if scalar:
        parts = [("L=", cones.zero), ("L+", cones.nonnegative), *(("Q", size) for size in soc)]
        parts = [part for part in parts if part[1]]
        yield from ("", "CON", f"{scalar} {len(parts)}")
        yield from (f"{name} {size}" for name, size in parts)
    yield from _section("OBJACOORD", (f"{k} {number(v)}" for k, v in _nonzero(program.c)))
    if program.offset:
        yield from ("", "OBJBCOORD", number(program.offset))
    A = program.A.tocoo()
    row, column = A.coords
    keep = (row < scalar) & (A.data != 0)
    triplets = zip(row[keep].tolist(), column[keep].tolist(), A.data[keep].tolist(), strict=True)
    yield from _section("ACOORD", (f"{i} {j} {number(-v)}" for i, j, v in triplets))
    yield from _section("BCOORD", (f"{i} {number(v)}" for i, v in _nonzero(program.b[:scalar])))
    block, i, j = matrix_entries(cones)
    names = np.cumsum([side > 0 for side in cones.psd], dtype=np.int64) - 1

    def entry(place: int, value: float) -> tuple[int, int, int, str]:
        r, s = int(i[place]), int(j[place])
        return int(names[block[place]]), s, r, number(matrix_value(value, r == s))

    keep = (row >= scalar) & (A.data != 0)
    matrix = []
    for place, k, value in zip(
        (row[keep] - scalar).tolist(), column[keep].tolist(), A.data[keep].tolist(), strict=True
    ):
        p, r, s, text = entry(place, -value)
        matrix.append(f"{p} {k} {r} {s} {text}")
    yield from _section("HCOORD", iter(matrix))
    constant = [entry(place, value) for place, value in _nonzero(program.b[scalar:])]
    yield from _section("DCOORD", (f"{p} {r} {s} {text}" for p, r, s, text in constant))


def _nonzero(vector: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[tuple[int, float]]:
    where = np.flatnonzero(vector)
    return list(zip(where.tolist(), vector[where].tolist(), strict=True))


def _section(name: str, lines: Iterator[str]) -> Iterator[str]:
    listed = list(lines)
    if listed:
        yield from ("", name, str(len(listed)), *listed)


def read_cbf(path: str | os.PathLike[str]) -> ConicProgram:
    """Read a file in conic benchmark format; see :mod:`polyopt.conic.cbf_format`.

    Returns
    -------
    ConicProgram
        Its variables are the scalar variables of the file, then the matrix variables in svec order.

    Raises
    ------
    FormatError
        With the number of the line and what is wrong there, also for what is not supported:
        integer variables, exponential and power cones.
    OSError
        The file cannot be opened.
    """
    return _Reader(Lines(path, "#")).read()


@dataclass
class _Group:
    """Rows of one cone, in the order they were declared."""

    name: str
    size: int
    start: int
    side: int = 0


@dataclass
class _Triplets:
    """Entries in the order of the file, with the lines they come from."""

    rows: list[int] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)

    def add(self, row: int, column: int, value: float, number: int) -> None:
        self.rows.append(row)
        self.columns.append(column)
        self.values.append(value)
        self.numbers.append(number)


class _Reader:
    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.variables: list[_Group] | None = None
        self.constraints: list[_Group] = []
        self.scalars = self.rows = 0
        self.matrix_variables: list[int] = []
        self.matrix_starts: list[int] = []
        self.matrix_constraints: list[_Group] = []
        self.sign = 1.0
        self.offset = 0.0
        self.objective = _Triplets()
        self.entries = _Triplets()
        self.constants = _Triplets()
        self.size = 0
        #: Sections with entries may only follow those that declare what they refer to.
        self.seen: set[str] = set()

    def read(self) -> ConicProgram:
        sections: dict[str, Callable[[], None]] = {
            "OBJSENSE": self.read_sense,
            "VAR": self.read_variables,
            "CON": self.read_constraints,
            "PSDVAR": self.read_matrix_variables,
            "PSDCON": self.read_matrix_constraints,
            "OBJACOORD": self.read_objective,
            "OBJFCOORD": self.read_matrix_objective,
            "OBJBCOORD": self.read_offset,
            "ACOORD": self.read_entries,
            "BCOORD": self.read_constants,
            "FCOORD": self.read_matrix_entries,
            "HCOORD": self.read_matrix_coefficients,
            "DCOORD": self.read_matrix_constants,
        }
        self.keyword("VER")
        self.lines.integer(self.lines.next("the version"), "the version", 1, 4)
        while (line := self.lines.next_or_none()) is not None:
            if line not in sections:
                self.lines.fail(f"the section {line[:40]!r} is unknown or not supported here")
            if line in self.seen:
                self.lines.fail(f"the section {line} occurs twice")
            declares = line in ("OBJSENSE", "VAR", "CON", "PSDVAR", "PSDCON")
            if declares and any(name.endswith("COORD") for name in self.seen):
                self.lines.fail(f"the section {line} must stand before all entries")
            self.seen.add(line)
            sections[line]()
        if "OBJSENSE" not in self.seen:
            self.lines.fail("the section OBJSENSE is missing")
        return self.program()

    def keyword(self, wanted: str) -> None:
        line = self.lines.next(wanted)
        if line != wanted:
            self.lines.fail(f"{wanted} should stand here, not {line[:40]!r}")

    def read_sense(self) -> None:
        word = self.lines.next("MIN or MAX")
        if word not in ("MIN", "MAX"):
            self.lines.fail(f"the sense must be MIN or MAX, not {word[:40]!r}")
        self.sign = 1.0 if word == "MIN" else -1.0

    def read_groups(self, what: str) -> tuple[list[_Group], int]:
        size_text, count_text = self.lines.fields(2, f"the numbers of {what} and of cones")
        size = self.lines.integer(size_text, f"the number of {what}", 0)
        count = self.lines.integer(count_text, "the number of cones", 0)
        groups: list[_Group] = []
        start = 0
        for _ in range(count):
            name, length_text = self.lines.fields(2, "a cone and its size")
            if name not in _KINDS:
                self.lines.fail(f"the cone {name[:40]!r} is not supported here")
            length = self.lines.integer(length_text, "the size of a cone", 1)
            if name == "QR" and length < 2:
                self.lines.fail("a rotated cone needs at least two members")
            groups.append(_Group(name, length, start))
            start += length
            self.lines.check_size(start, what)
        if start != size:
            self.lines.fail(f"the cones have {start} members, but there are {size} {what}")
        return groups, size

    def read_variables(self) -> None:
        self.variables, self.scalars = self.read_groups("variables")

    def read_constraints(self) -> None:
        self.constraints, self.rows = self.read_groups("constraints")

    def read_sides(self, what: str) -> list[int]:
        count = self.lines.integer(self.lines.next(f"the number of {what}"), "the number", 0)
        sides = []
        for _ in range(count):
            side = self.lines.integer(self.lines.next(f"the size of one of {what}"), "the size", 1)
            self.size += svec_length(side)
            self.lines.check_size(self.size, "matrix entries")
            sides.append(side)
        return sides

    def read_matrix_variables(self) -> None:
        self.matrix_variables = self.read_sides("matrix variables")
        lengths = [svec_length(side) for side in self.matrix_variables]
        self.matrix_starts = np.cumsum([0, *lengths]).tolist()

    def read_matrix_constraints(self) -> None:
        start = 0
        for side in self.read_sides("matrix constraints"):
            self.matrix_constraints.append(_Group("PSD", svec_length(side), start, side))
            start += svec_length(side)

    def count(self) -> int:
        text = self.lines.next("the number of entries")
        return self.lines.integer(text, "the number of entries", 0, 2**62)

    def index(self, text: str, what: str, size: int) -> int:
        if size == 0:
            self.lines.fail(f"there is no {what}, but an entry for one")
        return self.lines.integer(text, f"the {what}", 0, size - 1)

    def matrix_place(self, row: str, column: str, side: int) -> tuple[int, bool]:
        i, j = self.index(row, "row", side), self.index(column, "column", side)
        return svec_length(max(i, j)) + min(i, j), i == j

    def value(self, text: str) -> float:
        return self.lines.real(text, "the value")

    def read_objective(self) -> None:
        for _ in range(self.count()):
            j, v = self.lines.fields(2, "an entry of the objective")
            column = self.index(j, "variable", self.scalars)
            self.objective.add(0, column, self.value(v), self.lines.number)

    def read_matrix_objective(self) -> None:
        for _ in range(self.count()):
            p, i, j, v = self.lines.fields(4, "an entry of the objective")
            column, weight = self.matrix_column(p, i, j)
            self.objective.add(0, column, weight * self.value(v), self.lines.number)

    def matrix_column(self, p: str, i: str, j: str) -> tuple[int, float]:
        block = self.index(p, "matrix variable", len(self.matrix_variables))
        place, diagonal = self.matrix_place(i, j, self.matrix_variables[block])
        return self.scalars + self.matrix_starts[block] + place, 1.0 if diagonal else SQRT2

    def read_offset(self) -> None:
        self.offset = self.lines.real(self.lines.next("the constant"), "the constant")

    def read_entries(self) -> None:
        for _ in range(self.count()):
            i, j, v = self.lines.fields(3, "an entry of a constraint")
            row = self.index(i, "constraint", self.rows)
            column = self.index(j, "variable", self.scalars)
            self.entries.add(row, column, self.value(v), self.lines.number)

    def read_constants(self) -> None:
        for _ in range(self.count()):
            i, v = self.lines.fields(2, "a constant of a constraint")
            row = self.index(i, "constraint", self.rows)
            self.constants.add(row, 0, self.value(v), self.lines.number)

    def read_matrix_entries(self) -> None:
        for _ in range(self.count()):
            r, p, i, j, v = self.lines.fields(5, "an entry of a constraint")
            row = self.index(r, "constraint", self.rows)
            column, weight = self.matrix_column(p, i, j)
            self.entries.add(row, column, weight * self.value(v), self.lines.number)

    def matrix_row(self, p: str, i: str, j: str) -> tuple[int, float]:
        block = self.index(p, "matrix constraint", len(self.matrix_constraints))
        group = self.matrix_constraints[block]
        place, diagonal = self.matrix_place(i, j, group.side)
        return self.rows + group.start + place, 1.0 if diagonal else SQRT2

    def read_matrix_coefficients(self) -> None:
        for _ in range(self.count()):
            p, k, i, j, v = self.lines.fields(5, "an entry of a matrix constraint")
            row, weight = self.matrix_row(p, i, j)
            column = self.index(k, "variable", self.scalars)
            self.entries.add(row, column, weight * self.value(v), self.lines.number)

    def read_matrix_constants(self) -> None:
        for _ in range(self.count()):
            p, i, j, v = self.lines.fields(4, "a constant of a matrix constraint")
            row, weight = self.matrix_row(p, i, j)
            self.constants.add(row, 0, weight * self.value(v), self.lines.number)

    def program(self) -> ConicProgram:
        """Stack constraints, matrix constraints and the cones of variables; then sort the rows."""
        for triplets in (self.objective, self.entries, self.constants):
            refuse_repeats(self.lines, triplets.rows, triplets.columns, triplets.numbers)
        n = self.scalars + (self.matrix_starts[-1] if self.matrix_starts else 0)
        height = self.rows + sum(group.size for group in self.matrix_constraints)
        A = sp.csr_array(
            (self.entries.values, (self.entries.rows, self.entries.columns)), shape=(height, n)
        )
        # Variables in cones are rows of the identity.
        stacked = sp.vstack([A, sp.eye_array(n, format="csr")], format="csr")
        b = np.zeros(height + n)
        b[self.constants.rows] = self.constants.values
        groups = [*self.constraints, *_moved(self.matrix_constraints, self.rows)]
        groups += _moved(self.variables or [], height)
        for side, start in zip(self.matrix_variables, self.matrix_starts, strict=False):
            groups.append(_Group("PSD", svec_length(side), height + self.scalars + start, side))
        turn, cones = _to_standard([g for g in groups if g.name != "F"], height + n)
        c = np.zeros(n)
        c[self.objective.columns] = self.sign * np.array(self.objective.values)
        return ConicProgram(c, -(turn @ stacked), turn @ b, cones, self.sign * self.offset)


def _moved(groups: list[_Group], by: int) -> list[_Group]:
    return [_Group(g.name, g.size, g.start + by, g.side) for g in groups]


def _to_standard(groups: list[_Group], height: int) -> tuple[sp.csr_array, Cones]:
    """Return the matrix that picks, signs and turns the rows into standard order, and the cones."""
    order = ("zero", "nonnegative", "second order", "PSD")
    kinds = {**_KINDS, "PSD": "PSD"}
    rows: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
    columns: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
    values: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = []
    start = 0
    ranked = sorted(groups, key=lambda g: order.index(kinds[g.name]))
    for g in ranked:
        plain = np.arange(g.size)
        rows.append(start + plain)
        columns.append(g.start + plain)
        value = np.full(g.size, -1.0 if g.name == "L-" else 1.0)
        if g.name == "QR":
            # (t, v, u) with 2 t v >= |u|^2 becomes ((t + v), (t - v)) / sqrt(2), u.
            value[:2] = (1 / SQRT2, -1 / SQRT2)
            rows.append(start + np.array([0, 1]))
            columns.append(g.start + np.array([1, 0]))
            values.append(value)
            value = np.full(2, 1 / SQRT2)
        values.append(value)
        start += g.size
    empty = np.zeros(0, dtype=np.int64)
    turn = sp.csr_array(
        (
            np.concatenate([empty.astype(np.float64), *values]),
            (np.concatenate([empty, *rows]), np.concatenate([empty, *columns])),
        ),
        shape=(start, height),
    )
    sizes = {kind: [g for g in ranked if kinds[g.name] == kind] for kind in order}
    cones = Cones(
        zero=sum(g.size for g in sizes["zero"]),
        nonnegative=sum(g.size for g in sizes["nonnegative"]),
        second_order=tuple(g.size for g in sizes["second order"]),
        psd=tuple(g.side for g in sizes["PSD"]),
    )
    return turn, cones
