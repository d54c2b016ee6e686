"""From an SOS program to one conic program, with the assembly of the relaxations.

``min w·c`` subject to ``e_r(x; c) = Σ_k p_rk σ_rk`` for each requirement r is the dual side of the
standard form of :mod:`polyopt.conic.program`: with ``z = (c, multipliers)``, b = (w, 0), one column
per requirement and monomial α that holds ``e_ri,α`` in the row of c_i and minus the entries of
``p B Bᵀ``, the equations are ``Aᵀz + e_0 = 0``. The primal side asks for one Riesz functional per
requirement, ``min Σ_r L_r(e_r0)`` with ``Σ_r L_r(e_ri) = w_i``. Solvers get the form they prefer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from polyopt.conic.assembly import Assembly
from polyopt.conic.program import Cones, ConicProgram
from polyopt.errors import InvalidProblemError
from polyopt.polynomial.polynomial import Polynomial
from polyopt.relaxation.plan import check_memory, plan, resolve_limit
from polyopt.sos.requirement import Requirement, columns_of

Index = NDArray[np.intp]
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Where a requirement stands in the conic program.

    Attributes
    ----------
    assembly : Assembly, optional
    rows : int array
        Row of the program for each row of the assembly.
    columns : int array
        Columns of the program: the scalar equations that are not void.
    """

    assembly: Assembly | None
    rows: Index
    columns: Index


@dataclass(frozen=True, slots=True, eq=False)
class AssembledProgram:
    """The conic program, and the blocks of the requirements."""

    program: ConicProgram
    blocks: tuple[Block, ...]


def assemble_program(
    requirements: Sequence[Requirement], objective: Array, constant: float
) -> AssembledProgram:
    """Build the conic program; its dual objective is ``-(w·c + constant)``.

    Parameters
    ----------
    requirements : sequence of Requirement
    objective : float array of shape (number of decision variables,)
        w.
    constant : float

    Raises
    ------
    InvalidProblemError
        A requirement fails whatever the decision variables are.
    MemoryEstimateError
        The data would not fit into the memory that is available.
    """
    sizes = plan([m for r in requirements for m in r.multipliers])
    check_memory(
        sizes.assembly_bytes, resolve_limit("available"), "assembling the SOS program", sizes
    )
    number = len(objective)
    assemblies = [r.assemble() for r in requirements]
    row_maps, cones = _stack([Cones() if a is None else a.cones for a in assemblies], number)
    rows, columns, values, constants, owners = [], [], [], [], []
    start = 0
    for k, (requirement, assembly) in enumerate(zip(requirements, assemblies, strict=True)):
        family = requirement.family
        position, total = columns_of(family, assembly, requirement.rules)
        known = family.decision == 0
        constants.append(
            np.bincount(
                position[known], weights=family.coefficients[known], minlength=total
            ).astype(np.float64)
        )
        rows.append(family.decision[~known] - 1)
        columns.append(start + position[~known])
        values.append(family.coefficients[~known])
        if assembly is not None:
            rows.append(row_maps[k][assembly.row])
            columns.append(start + assembly.column)
            values.append(-assembly.value)
        owners.append(np.full(total, k))
        start += total
    c = _floats(constants)
    matrix = sparse.coo_array(
        (_floats(values), (_indices(rows), _indices(columns))),
        shape=(cones.rows, start),
    ).tocsc()
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    void = np.diff(matrix.indptr) == 0
    owner = _indices(owners)
    impossible = np.flatnonzero(void & (c != 0))
    if impossible.size:
        raise InvalidProblemError(_impossible(requirements[int(owner[impossible[0]])]))
    keep = np.flatnonzero(~void)
    b = np.concatenate([objective, np.zeros(cones.rows - number)])
    program = ConicProgram(c=c[keep], A=matrix[:, keep], b=b, cones=cones, offset=-constant)
    blocks = tuple(
        Block(assembly, row_maps[k], np.flatnonzero(owner[keep] == k))
        for k, assembly in enumerate(assemblies)
    )
    return AssembledProgram(program, blocks)


def _stack(parts: Sequence[Cones], decisions: int) -> tuple[list[Index], Cones]:
    """Rows of each part when all are stacked in standard order behind the decision variables."""
    free = np.cumsum([decisions, *(p.zero for p in parts)])
    nonnegative = np.cumsum([free[-1], *(p.nonnegative for p in parts)])
    cone = np.cumsum([nonnegative[-1], *(sum(p.second_order) for p in parts)])
    blocks = [p.conic_rows - p.nonnegative - sum(p.second_order) for p in parts]
    psd = np.cumsum([cone[-1], *blocks])
    maps = [
        np.concatenate(
            [
                free[k] + np.arange(p.zero),
                nonnegative[k] + np.arange(p.nonnegative),
                cone[k] + np.arange(sum(p.second_order)),
                psd[k] + np.arange(blocks[k]),
            ]
        ).astype(np.intp)
        for k, p in enumerate(parts)
    ]
    return maps, Cones(
        zero=int(free[-1]),
        nonnegative=int(nonnegative[-1] - free[-1]),
        second_order=tuple(size for p in parts for size in p.second_order),
        psd=tuple(side for p in parts for side in p.psd),
    )


def _impossible(requirement: Requirement) -> str:
    """Say which monomial can never be matched."""
    family, assembly = requirement.family, requirement.assemble()
    position, total = columns_of(family, assembly, requirement.rules)
    covered = np.zeros(total, dtype=bool)
    if assembly is not None:
        covered[assembly.column] = True
    covered[position[family.decision > 0]] = True
    bad = np.flatnonzero(~covered[position])
    term = Polynomial(family.variables, family.rows[bad[:1]], family.coefficients[bad[:1]])
    return (
        f"{requirement.name} has the term {term}, which neither a decision variable nor a "
        "multiplier can match; use a higher order or a larger basis, or more unknown coefficients"
    )


def _floats(parts: Sequence[Array]) -> Array:
    return np.concatenate([np.zeros(0), *parts])


def _indices(parts: Sequence[Index]) -> Index:
    return np.concatenate([np.zeros(0, dtype=np.intp), *parts]).astype(np.intp)
