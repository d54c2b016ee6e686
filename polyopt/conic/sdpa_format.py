"""The sparse SDPA format, ``.dat-s``: what nearly every SDP solver reads.

A file states ``min c @ x`` subject to ``F_1 x_1 + ... + F_m x_m - F_0`` PSD, block by block, a
negative block size being a diagonal block (Fujisawa, Kojima, Nakata, Yamashita: *SDPA User's
Manual*; Borchers, SDPLIB, *Optim. Methods Softw.* 11, 1999). Its dual ``max F_0 . Y`` subject to
``F_i . Y = c_i`` has the same value.

The moment form of a relaxation has this shape. Its equalities become two inequalities each, at the
end of the last, diagonal block. The SOS form is its dual: it is written as the moment form it is
the dual of, so the value of the file is minus that of the program. A comment in the first line
records equalities, offset and form, and the reader here uses it to rebuild the same program; other
programs ignore it, and their value lacks the offset. There are no second-order cones in the format.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import accumulate

import numpy as np
import scipy.sparse as sp

from polyopt.conic.program import Cones, ConicProgram
from polyopt.conic.svec import SQRT2, svec_length
from polyopt.conic.text_format import (
    LARGEST_SIZE,
    Lines,
    matrix_entries,
    matrix_value,
    number,
    refuse_repeats,
    write_lines,
)
from polyopt.errors import FormatError

_COMMENT = re.compile(
    r'"polyopt conic program; equalities: (\d{1,9}); offset: (\S+); form: (primal|dual)'
)
_PUNCTUATION = str.maketrans("{}(),", "     ")


def write_sdpa(program: ConicProgram, path: str | os.PathLike[str]) -> None:
    """Write a program in sparse SDPA format; see :mod:`polyopt.conic.sdpa_format`.

    Raises
    ------
    FormatError
        If the program has second-order cones, or no variable.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from polyopt.conic import svec
    >>> path = pathlib.Path(tempfile.mkdtemp(), "small.dat-s")
    >>> A, b = -svec([[1.0, 0.0], [0.0, 1.0]])[:, None], svec([[0.0, 2.0], [2.0, 0.0]])
    >>> write_sdpa(ConicProgram([1.0], A, b, Cones(psd=(2,))), path)
    >>> print(path.read_text())
    "polyopt conic program; equalities: 0; offset: 0; form: primal
    1
    1
    2
    1
    0 1 1 2 -2
    1 1 1 1 1
    1 1 2 2 1
    <BLANKLINE>
    """
    inner = primal_of_dual(program)
    form = "primal" if inner is None else "dual"
    chosen = program if inner is None else inner
    if chosen.cones.second_order:
        raise FormatError(
            f"the SDPA format has no second-order cones, but the program has {chosen.cones}; "
            "write .cbf"
        )
    if not chosen.number_of_variables:
        raise FormatError("the SDPA format needs at least one variable; write .cbf")
    write_lines(path, _lines(chosen, form))


def _lines(program: ConicProgram, form: str) -> Iterator[str]:
    cones = program.cones
    sides = [side for side in cones.psd if side]
    diagonal = cones.nonnegative + 2 * cones.zero
    yield (
        f'"polyopt conic program; equalities: {cones.zero}; offset: {number(program.offset)}; '
        f"form: {form}"
    )
    yield str(program.number_of_variables)
    yield str(len(sides) + bool(diagonal))
    yield " ".join(map(str, sides + ([-diagonal] if diagonal else [])))
    yield " ".join(map(number, program.c.tolist()))
    data = sp.csc_array(sp.hstack([sp.csc_array(program.b[:, None]), program.A], format="csc"))
    data.sort_indices()
    block, i, j = matrix_entries(cones)
    renumber = np.cumsum([side > 0 for side in cones.psd], dtype=np.int64)
    first = cones.zero + cones.nonnegative
    last = len(sides) + 1
    for k in range(data.shape[1]):
        part = slice(data.indptr[k], data.indptr[k + 1])
        rows, values = data.indices[part].tolist(), (-data.data[part]).tolist()
        for row, value in zip(rows, values, strict=True):
            if value == 0:
                continue
            if row >= first:
                r, s = int(i[row - first]), int(j[row - first])
                text = number(matrix_value(value, r == s))
                yield f"{k} {renumber[block[row - first]]} {r + 1} {s + 1} {text}"
            elif row >= cones.zero:
                place = row - cones.zero + 1
                yield f"{k} {last} {place} {place} {number(value)}"
            else:
                place = cones.nonnegative + 2 * row + 1
                yield f"{k} {last} {place} {place} {number(value)}"
                yield f"{k} {last} {place + 1} {place + 1} {number(-value)}"


def primal_of_dual(program: ConicProgram) -> ConicProgram | None:
    """Return the program that this one is the dual of, None where it is not written as a dual.

    The pattern is that of :meth:`ConicProgram.dual`: equalities, then every other row ``-x_k <= 0``
    for the last variables in order.
    """
    cones, conic = program.cones, program.cones.conic_rows
    n = program.number_of_variables
    if not cones.zero or not conic or conic > n or program.b[cones.zero :].any():
        return None
    lower = program.A[cones.zero :].tocoo()
    row, column = lower.coords
    if (
        lower.nnz != conic
        or (lower.data != -1.0).any()
        or (np.sort(row) != np.arange(conic)).any()
        or (column - row != n - conic).any()
    ):
        return None
    return ConicProgram(
        c=-program.b[: cones.zero],
        A=sp.csc_array(program.A[: cones.zero].T),
        b=program.c,
        cones=Cones(n - conic, cones.nonnegative, cones.second_order, cones.psd),
        offset=-program.offset,
    )


def read_sdpa(path: str | os.PathLike[str]) -> ConicProgram:
    r"""Read a file in sparse SDPA format; see :mod:`polyopt.conic.sdpa_format`.

    Diagonal blocks become inequalities, in front of all PSD blocks.

    Raises
    ------
    FormatError
        With the number of the line and what is wrong there.
    OSError
        The file cannot be opened.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "small.dat-s")
    >>> _ = path.write_text("1 = m\n2 = blocks\n(2, -1)\n{1.0}\n0 1 1 2 -1\n1 1 1 1 1\n"
    ...                     "1 1 2 2 1\n1 2 1 1 3\n")
    >>> print(read_sdpa(path))
    conic program: 1 variable, 4 rows, 3 nonzeros; 1 inequality, PSD blocks 2×2
    """
    lines = Lines(path, '"*')
    m = lines.integer(_numbers(lines, "the number of variables")[0], "the number of variables", 1)
    count = lines.integer(_numbers(lines, "the number of blocks")[0], "the number of blocks", 1)
    sizes = _sizes(lines, count)
    c = _costs(lines, m)
    lengths = [svec_length(size) if size > 0 else -size for size in sizes]
    order = sorted(range(count), key=lambda k: sizes[k] > 0)
    starts = dict(zip(order, accumulate([0, *(lengths[k] for k in order)]), strict=False))
    rows, columns, values = _entries(lines, m, sizes, starts)
    data = sp.csc_array((values, (rows, columns)), shape=(sum(lengths), m + 1))
    cones = Cones(
        nonnegative=sum(-size for size in sizes if size < 0),
        psd=tuple(size for size in sizes if size > 0),
    )
    program = ConicProgram(np.array(c), -data[:, 1:], -data[:, [0]].toarray()[:, 0], cones)
    return _restore(lines, program)


def _numbers(lines: Lines, wanted: str) -> list[str]:
    fields = lines.next(wanted).translate(_PUNCTUATION).split()
    if not fields:
        lines.fail(f"{wanted} is missing")
    return fields


def _sizes(lines: Lines, count: int) -> list[int]:
    sizes: list[int] = []
    rows = 0
    while len(sizes) < count:
        for text in _numbers(lines, f"the sizes of {count} blocks")[: count - len(sizes)]:
            size = lines.integer(text, "a block size", -LARGEST_SIZE)
            if size == 0:
                lines.fail("a block size is 0")
            rows += svec_length(size) if size > 0 else -size
            lines.check_size(rows, "rows")
            sizes.append(size)
    return sizes


def _costs(lines: Lines, m: int) -> list[float]:
    costs: list[float] = []
    while len(costs) < m:
        fields = _numbers(lines, f"{m} objective coefficients ({len(costs)} found)")
        if len(costs) + len(fields) > m:
            lines.fail(f"there are more than {m} objective coefficients")
        costs += [lines.real(text, "an objective coefficient") for text in fields]
    return costs


def _entries(
    lines: Lines, m: int, sizes: list[int], starts: dict[int, int]
) -> tuple[list[int], list[int], list[float]]:
    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    numbers: list[int] = []
    while (line := lines.next_or_none()) is not None:
        fields = line.translate(_PUNCTUATION).split()
        if len(fields) != 5:
            lines.fail(f"an entry is matrix, block, row, column, value; found {len(fields)} fields")
        k = lines.integer(fields[0], "the matrix", 0, m)
        block = lines.integer(fields[1], "the block", 1, len(sizes)) - 1
        size = sizes[block]
        i = lines.integer(fields[2], "the row", 1, abs(size)) - 1
        j = lines.integer(fields[3], "the column", 1, abs(size)) - 1
        value = lines.real(fields[4], "the value")
        if size < 0:
            if i != j:
                lines.fail(f"block {block + 1} is diagonal, but the entry is ({i + 1}, {j + 1})")
            place = i
        else:
            i, j = min(i, j), max(i, j)
            place = svec_length(j) + i
            value *= 1.0 if i == j else SQRT2
        rows.append(starts[block] + place)
        columns.append(k)
        values.append(value)
        numbers.append(lines.number)
    refuse_repeats(lines, rows, columns, numbers)
    return rows, columns, values


def _restore(lines: Lines, program: ConicProgram) -> ConicProgram:
    """Undo what the writer did to equalities, offset and form, if this is a file of its own."""
    found = _COMMENT.match(lines.comments[0]) if lines.comments else None
    if found is None:
        return program
    equalities, offset = int(found[1]), lines.real(found[2], "the offset")
    split = program.cones.nonnegative - 2 * equalities
    if split < 0:
        lines.fail(f"the comment speaks of {equalities} equalities, but there are not as many")
    plus = split + 2 * np.arange(equalities)
    if abs(program.A[plus] + program.A[plus + 1]).sum() or np.any(
        program.b[plus] + program.b[plus + 1]
    ):
        lines.fail("the comment speaks of equalities, but the last inequalities are not pairs")
    order = np.concatenate(
        [plus, np.arange(split), np.arange(program.cones.nonnegative, program.cones.rows)]
    ).astype(np.int64)
    cones = Cones(zero=equalities, nonnegative=split, psd=program.cones.psd)
    restored = ConicProgram(program.c, program.A[order], program.b[order], cones, offset)
    return restored if found[3] == "primal" else restored.dual().program
