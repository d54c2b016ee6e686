r"""Reading a first-order relaxation off the moment form of a conic program.

The program has one PSD block of side m whose entries are single variables or constants, with
``X_00 = 1``. Scalar rows that are concave and separable,

    ``ρ (1 − Σ_i ((x_i − t_i) / h_i)²) ≥ 0`` or ``= 0``  (on the moment side, with ``X_ii, X_0i``),

bound the diagonal after the congruence ``X = T Y Tᵀ``, ``x_i = t_i + h_i ξ_i``: ``Y_ii ≤ 1``, or
``Y_ii = 1`` for an equation in one variable. ``x² = 1``, ``x² ≤ r²``, ``x² = x``, products of
bounds ``(x − l)(u − x) ≥ 0`` and balls are all of this form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from polyopt.conic.program import ConicProgram
from polyopt.conic.svec import triangle
from polyopt.errors import SolverError
from polyopt.solvers.lowrank.operators import Floats, Integers

Flags = npt.NDArray[np.bool_]


class UnboundedSquaresError(SolverError):
    """Variables without a bound on their square.

    Parameters
    ----------
    rows : list of int
        Their rows in the moment matrix, whose row 0 is the constant.
    number : int
        Number of variables.
    names : list of str, optional
        What to call them; "row k of the moment matrix" when left out.
    """

    def __init__(self, rows: list[int], number: int, names: list[str] | None = None) -> None:
        self.rows, self.number = rows, number
        words = names or [f"row {row} of the moment matrix" for row in rows]
        shown = ", ".join(words[:6]) + (", …" if len(words) > 6 else "")
        super().__init__(
            f"no constraint bounds the square of {len(rows)} of {number} variables ({shown}), "
            "which solver 'lowrank' needs; add a bound such as x**2 <= r**2, "
            "(x - l)*(u - x) >= 0 or a ball sum(x**2) <= r**2 with these variables, or choose "
            "another solver"
        )

    def named(self, names: list[str]) -> UnboundedSquaresError:
        """Return the same error with names for all its rows."""
        return UnboundedSquaresError(self.rows, self.number, names)


@dataclass(frozen=True, slots=True, eq=False)
class MomentBlock:
    """The PSD block, entry by entry in svec order: ``X_e = constant_e + coefficient_e x_v(e)``.

    Attributes
    ----------
    side : int
    variable : (N,) int array
        Program variable of each entry, −1 where the entry is constant.
    coefficient, constant : (N,) float arrays
    entry : (n,) int array
        First entry in which each program variable occurs.
    """

    side: int
    variable: Integers
    coefficient: Floats
    constant: Floats
    entry: Integers


@dataclass(frozen=True, slots=True, eq=False)
class SeparableRows:
    """Scalar rows ``ρ (1 − Σ ((x_i − t_i) / h_i)²)``, one item per row and variable.

    Attributes
    ----------
    row, owner : (q,) int arrays
        Program row and row of the block (from 1).
    centre, width : (q,) float arrays
        ``t`` and ``h``.
    size : (q,) float array
        ``ρ`` of the row, negative for equations written with the other sign.
    single : (q,) bool array
        Whether the row has one variable only.
    """

    row: Integers
    owner: Integers
    centre: Floats
    width: Floats
    size: Floats
    single: Flags


@dataclass(frozen=True, slots=True, eq=False)
class DiagonalBounds:
    """What bounds each diagonal entry, in the order of the rows of the block.

    Attributes
    ----------
    centre, width : (m,) float arrays
        ``t`` and ``h``; 1 and 0 for row 0, which stands for the constant.
    sign : (m,) bool array
        Whether ``Y_ii = 1`` rather than ``Y_ii ≤ 1``.
    item : (m,) int array
        Number of the item of `rows` that says so, −1 where the block itself does.
    rows : SeparableRows
    """

    centre: Floats
    width: Floats
    sign: Flags
    item: Integers
    rows: SeparableRows


def read_block(program: ConicProgram) -> MomentBlock:
    """Read the PSD block.

    Raises
    ------
    SolverError
        The program is not the moment form of a relaxation with one block of order 1.
    """
    cones = program.cones
    if len(cones.psd) != 1 or cones.second_order:
        raise SolverError(
            "solver 'lowrank' takes one PSD block with equations and inequalities, but the program "
            f"has {cones}; choose another solver"
        )
    side = cones.psd[0]
    where = next(cones.psd_slices())
    part = sp.csr_array(program.A[where])
    part.eliminate_zeros()
    count = np.diff(part.indptr)
    weights = triangle(side).weights
    used = count == 1
    variable = np.full(len(weights), -1, dtype=np.int64)
    coefficient = np.zeros(len(weights))
    if count.max(initial=0) <= 1:
        variable[used] = part.indices
        coefficient[used] = -part.data / weights[used]
    constant = program.b[where] / weights
    found, first = np.unique(variable[used], return_index=True)
    single = count.max(initial=0) <= 1 and len(found) == program.number_of_variables
    if not single or not side or used[0] or constant[0] != 1.0:
        raise SolverError(
            "solver 'lowrank' takes the moment form of a relaxation of order 1: every entry of the "
            "PSD block one moment, the first entry 1, and no moment outside the block; use "
            'form="moment" and order 1, or choose another solver'
        )
    return MomentBlock(side, variable, coefficient, constant, np.flatnonzero(used)[first])


def separable_rows(program: ConicProgram, block: MomentBlock) -> SeparableRows:
    """Find the scalar rows that are concave and separable, equations up to sign."""
    cones = program.cones
    scalar = cones.zero + cones.nonnegative
    upper = triangle(block.side)
    i, j = upper.rows[block.entry], upper.columns[block.entry]
    scale = block.coefficient[block.entry]
    rows = sp.coo_array(sp.csr_array(program.A[:scalar]) @ sp.diags_array(1.0 / scale))
    row, variable = rows.coords[0].astype(np.int64), rows.coords[1]
    value = -rows.data
    shift = block.constant[block.entry][variable]
    offset = program.b[:scalar] - np.bincount(row, weights=value * shift, minlength=scalar)
    square = (i == j)[variable]
    linear = (i == 0)[variable] & ~square
    owner = j[variable]

    def count(mask: Flags) -> Integers:
        return np.bincount(row[mask], minlength=scalar)

    squares = count(square)
    # Equations may have all signs turned.
    turned = (count(square & (value > 0)) == squares) & (np.arange(scalar) < cones.zero)
    flip = np.where(turned, -1.0, 1.0)
    value = value * flip[row]
    fits = (squares > 0) & (count(~square & ~linear) == 0) & (count(square & (value > 0)) == 0)
    # A linear term needs the square of the same variable in the same row.
    keys = row * block.side + owner
    lonely = ~np.isin(keys[linear], keys[square])
    fits[row[linear][lonely]] = False
    take = square & fits[row]
    order = np.argsort(keys[take], kind="stable")
    a = -value[take][order]
    key, b = keys[take][order], np.zeros(int(take.sum()))
    terms = linear & fits[row]
    b[np.searchsorted(key, keys[terms])] = value[terms]
    number = key // block.side
    centre = b / (2.0 * a)
    room = flip * offset + np.bincount(number, weights=a * centre**2, minlength=scalar)
    good = room[number] > 0
    number, a, centre, key = number[good], a[good], centre[good], key[good]
    return SeparableRows(
        row=number,
        owner=key % block.side,
        centre=centre,
        width=np.sqrt(room[number] / a),
        size=(flip * room)[number],
        single=squares[number] == 1,
    )


def bound_diagonal(program: ConicProgram, block: MomentBlock) -> DiagonalBounds:
    """Choose for every variable the row that bounds its diagonal entry.

    Entries that are constant, or equal to ``X_0i``, need no row. Equations in one variable come
    before inequalities in one variable, and these before balls; then the smallest width counts.

    Raises
    ------
    UnboundedSquaresError
        For variables without a bound on their square.
    """
    side = block.side
    rows = separable_rows(program, block)
    centre, width = np.zeros(side), np.zeros(side)
    sign, item = np.zeros(side, dtype=bool), np.full(side, -1, dtype=np.int64)
    rank = 2 * ~rows.single + (rows.row >= program.cones.zero)
    order = np.lexsort((rows.row, rows.width, rank, rows.owner))
    owner, first = np.unique(rows.owner[order], return_index=True)
    best = order[first]
    item[owner] = best
    centre[owner], width[owner] = rows.centre[best], rows.width[best]
    sign[owner] = rows.single[best] & (rows.row[best] < program.cones.zero)
    index = np.arange(1, side)
    diagonal = index * (index + 3) // 2
    border = diagonal - index
    fixed = (block.variable[diagonal] < 0) & (block.constant[diagonal] > 0)
    idempotent = (
        (block.variable[diagonal] >= 0)
        & (block.variable[diagonal] == block.variable[border])
        & (block.coefficient[diagonal] == block.coefficient[border])
        & (block.constant[diagonal] == block.constant[border])
    )
    for found, middle, half in (
        (fixed, 0.0, np.sqrt(np.maximum(block.constant[diagonal], 0.0))),
        (idempotent, 0.5, np.full(side - 1, 0.5)),
    ):
        which = index[found]
        centre[which], width[which], sign[which], item[which] = middle, half[found], True, -1
    centre[0], width[0], sign[0] = 1.0, 0.0, True
    missing = np.flatnonzero(width[1:] <= 0) + 1
    if missing.size:
        raise UnboundedSquaresError(missing.tolist(), side - 1)
    return DiagonalBounds(centre, width, sign, item, rows)
