r"""From a conic program to a first-order model with unit diagonal, and back to x, s, z.

With ``x_i = t_i + h_i ξ_i`` and ``X = T Y Tᵀ`` every program variable is a sparse linear function
of the entries of Y, and so are objective and scalar rows. Rows that only say ``Y_ii ≤ 1`` or
``Y_ii = 1`` become the diagonal of the model, the others a family of constraints on entries.

On the way back, multipliers μ and diagonal d of the model give

    ``c·x + offset = λ + ⟨S, Y⟩ + Σ μ_k value_k + Σ d_i (1 − Y_ii)``,  ``λ = −Σ d_i − constant``.

``d_i (1 − Y_ii)`` belongs to the row that bounds variable i: all of it where the row has one
variable, and for a ball ``1 − Y_ii = row/ρ + Σ_{j≠i} ((x_j − t_j)/h_j)²``, whose squares go to the
Gram matrix with ``T⁻ᵀ S T⁻¹``. So z is dual feasible whenever d and μ are, with the same value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from polyopt.conic.program import ConicProgram
from polyopt.conic.svec import svec, triangle
from polyopt.solvers.lowrank.entries import EntryFamily
from polyopt.solvers.lowrank.model import FirstOrderModel
from polyopt.solvers.lowrank.operators import Floats, Integers, MatrixOperator
from polyopt.solvers.lowrank.recognise import (
    DiagonalBounds,
    MomentBlock,
    bound_diagonal,
    read_block,
)


@dataclass(frozen=True, slots=True, eq=False)
class RowFamily:
    """Which rows a family of constraints stands for.

    Attributes
    ----------
    rows : (k,) int array
        Program rows; −1 for relations between entries of the block.
    scale : (k,) float array
        The family's constraint is the row times this.
    fixed : (k, m) sparse array
        Coefficients of the constraints at ``Y_ii`` of sign rows, which the family has in its
        offset.
    """

    rows: Integers
    scale: Floats
    fixed: sp.csr_array


@dataclass(frozen=True, slots=True, eq=False)
class Translation:
    """A conic program as a first-order model.

    Attributes
    ----------
    program : ConicProgram
    model : FirstOrderModel
        Maximises minus the objective.
    block : MomentBlock
    bounds : DiagonalBounds
    variables : (n, N) sparse array
        Program variables as functions of the entries of Y in svec order (without weights).
    constant : (n,) float array
    fixed : (m,) float array
        Coefficients of the model's objective at ``Y_ii`` of sign rows, which the model has in its
        constant.
    families : tuple of RowFamily
        One per family of the model.
    """

    program: ConicProgram
    model: FirstOrderModel
    block: MomentBlock
    bounds: DiagonalBounds
    variables: sp.csr_array
    constant: Floats
    fixed: Floats
    families: tuple[RowFamily, ...]

    def moments(self, factor: Floats) -> Floats:
        """Program variables x at the factor V, ``Y = V Vᵀ``."""
        upper = triangle(self.block.side)
        entries = (factor @ factor.T)[upper.rows, upper.columns]
        return np.asarray(self.variables @ entries + self.constant)

    def multipliers(self, weights: tuple[Floats, ...], diagonal: Floats) -> Floats:
        """Dual variables z from multipliers and diagonal of the model."""
        program, bounds = self.program, self.bounds
        z = np.zeros(program.number_of_rows)
        total = diagonal + self.fixed
        for family, values in zip(self.families, weights, strict=True):
            real = family.rows >= 0
            z[family.rows[real]] = (family.scale * values)[real]
            total += family.fixed.T @ values
        matrix = -self.model.assemble(weights)[0]
        np.einsum("ii->i", matrix)[:] += diagonal
        gram = self._congruence(matrix)
        items, rows = bounds.item, bounds.rows
        owner = np.flatnonzero(items >= 0)
        chosen = items[owner]
        scalar = program.cones.zero + program.cones.nonnegative
        share = np.bincount(rows.row[chosen], weights=total[owner], minlength=scalar)
        size = np.ones(scalar)
        size[rows.row] = rows.size
        z[:scalar] += share / size
        # Squares of the other variables of a ball: all of its items, less the chosen ones.
        amount = np.where(rows.single, 0.0, share[rows.row])
        amount[chosen] -= np.where(rows.single[chosen], 0.0, total[owner])
        amount = np.maximum(amount, 0.0) / rows.width**2
        np.einsum("ii->i", gram)[:] += np.bincount(rows.owner, weights=amount, minlength=len(gram))
        border = np.bincount(rows.owner, weights=amount * rows.centre, minlength=len(gram))
        gram[0] -= border
        gram[:, 0] -= border
        gram[0, 0] += float(amount @ rows.centre**2)
        z[next(program.cones.psd_slices())] = svec(gram)
        return z

    def _congruence(self, matrix: Floats) -> Floats:
        """``T⁻ᵀ S T⁻¹`` with ``ξ = (x − t) / h``."""
        width = np.concatenate([[1.0], self.bounds.width[1:]])
        shift = -np.concatenate([[0.0], self.bounds.centre[1:]]) / width
        result = matrix / np.outer(width, width)
        product = matrix @ shift
        border = (matrix[0] + product)[1:] / width[1:]
        result[0, 1:] = result[1:, 0] = border
        result[0, 0] = matrix[0, 0] + 2.0 * float(shift @ matrix[0]) + float(shift @ product)
        return result


def translate(program: ConicProgram) -> Translation:
    """Write a conic program as a first-order model.

    Raises
    ------
    SolverError
        The program is not of order 1 with one block, or a variable has no bounded square.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 3)
    >>> cut = po.maximize(x[0] - x[1] * x[2], subject_to=[v**2 == v for v in x])
    >>> print(translate(po.shor(cut).program()).model)
    first-order model: side 4, 4 sign rows, no constraints
    """
    block = read_block(program)
    bounds = bound_diagonal(program, block)
    side, cones = block.side, program.cones
    scale = block.coefficient[block.entry]
    variables = sp.csr_array(sp.diags_array(1.0 / scale) @ _entries(block, bounds, block.entry))
    constant = -block.constant[block.entry] / scale
    objective = np.asarray(variables.T @ program.c)
    fixed, objective = _without_fixed(bounds, sp.csr_array(objective[None, :]))
    model_constant = -(float(fixed.sum()) + float(program.c @ constant) + program.offset)

    scalar = cones.zero + cones.nonnegative
    A = sp.csr_array(program.A[:scalar])
    rows = sp.csr_array(-(A @ variables))
    offset = program.b[:scalar] - A @ constant
    chosen = bounds.item[bounds.item >= 0]
    done = bounds.rows.row[chosen[bounds.rows.single[chosen]]]
    keep = np.diff(rows.indptr) > 0
    keep[done] = False
    equations = np.flatnonzero(keep[: cones.zero])
    inequalities = cones.zero + np.flatnonzero(keep[cones.zero :])
    own, own_offset = _relations(block, bounds, variables, constant)
    families, sources = [], []
    for part, where, extra, extra_offset in (
        (equations, True, own, own_offset),
        (inequalities, False, own[:0], own_offset[:0]),
    ):
        made = _family(
            bounds,
            sp.csr_array(sp.vstack([rows[part], extra])),
            np.concatenate([offset[part], extra_offset]),
            np.concatenate([part, np.full(len(extra_offset), -1)]),
            equality=where,
        )
        if made is not None:
            families.append(made[0])
            sources.append(made[1])
    model = FirstOrderModel(
        side,
        (MatrixOperator(_symmetric(-objective, side)),),
        model_constant,
        tuple(families),
        bounds.sign,
    )
    return Translation(
        program,
        model,
        block,
        bounds,
        variables,
        constant,
        -np.asarray(fixed.sum(axis=0)).ravel(),
        tuple(sources),
    )


def _entries(block: MomentBlock, bounds: DiagonalBounds, which: Integers) -> sp.csr_array:
    """Entries of X as functions of the entries of Y, both in svec order."""
    upper = triangle(block.side)
    i, j = upper.rows[which], upper.columns[which]
    t, h = bounds.centre, bounds.width
    border = np.arange(block.side) * (np.arange(block.side) + 1) // 2
    number = np.arange(len(which))
    columns = [np.zeros(len(which), dtype=np.int64), border[j], border[i], border[j] + i]
    data = [t[i] * t[j], t[i] * h[j], h[i] * t[j], h[i] * h[j]]
    result = sp.coo_array(
        (np.concatenate(data), (np.tile(number, 4), np.concatenate(columns))),
        shape=(len(which), len(upper.rows)),
    ).tocsr()
    result.sum_duplicates()
    result.eliminate_zeros()
    return sp.csr_array(result)


def _relations(
    block: MomentBlock, bounds: DiagonalBounds, variables: sp.csr_array, constant: Floats
) -> tuple[sp.csr_array, Floats]:
    """Equations between entries of the block: repeated moments and constants, value and offset."""
    upper = triangle(block.side)
    other = np.ones(len(upper.rows), dtype=bool)
    other[block.entry] = False
    other[0] = False
    # What makes a diagonal entry 1 already is one of the relations.
    known = (bounds.item < 0)[upper.columns] & (upper.rows == upper.columns)
    which = np.flatnonzero(other & ~known)
    variable = block.variable[which]
    repeated = variable >= 0
    values = _entries(block, bounds, which)
    offset = -block.constant[which]
    factor = sp.coo_array(
        (
            block.coefficient[which][repeated],
            (np.flatnonzero(repeated), variable[repeated]),
        ),
        shape=(len(which), len(constant)),
    ).tocsr()
    return sp.csr_array(values - factor @ variables), offset - factor @ constant


def _without_fixed(bounds: DiagonalBounds, rows: sp.csr_array) -> tuple[sp.csr_array, sp.csr_array]:
    """Split off the coefficients at entries that are 1: ``Y_00`` and the sign rows, (k, m)."""
    side = len(bounds.sign)
    index = np.flatnonzero(bounds.sign)
    where = index * (index + 3) // 2
    pick = sp.csr_array((np.ones(len(index)), (where, index)), shape=(side * (side + 1) // 2, side))
    others = np.ones(pick.shape[0])
    others[where] = 0.0
    rest = sp.csr_array(rows @ sp.diags_array(others))
    rest.eliminate_zeros()
    return sp.csr_array(rows @ pick), rest


def _family(
    bounds: DiagonalBounds,
    rows: sp.csr_array,
    offset: Floats,
    numbers: Integers,
    *,
    equality: bool,
) -> tuple[EntryFamily, RowFamily] | None:
    """Scale rows by powers of two to size about one and keep the entries that occur."""
    fixed, rest = _without_fixed(bounds, rows)
    keep = np.diff(rest.indptr) > 0
    if not keep.any():
        return None
    rest, fixed, numbers = sp.csr_array(rest[keep]), sp.csr_array(fixed[keep]), numbers[keep]
    size = abs(rest) @ np.ones(rest.shape[1])
    scale = np.exp2(-np.round(np.log2(size)))
    used = np.unique(rest.indices)
    upper = triangle(len(bounds.sign))
    pairs = np.stack([upper.rows[used], upper.columns[used]], axis=1)
    diagonal = sp.diags_array(scale)
    fixed = sp.csr_array(diagonal @ fixed)
    total = scale * offset[keep] + fixed @ np.ones(fixed.shape[1])
    family = EntryFamily(pairs, sp.csr_array(diagonal @ rest[:, used]), total, equality)
    return family, RowFamily(numbers, scale, fixed)


def _symmetric(entries: sp.csr_array, side: int) -> sp.csr_array | Floats:
    """The symmetric matrix C with ``⟨C, Y⟩ = Σ entries_e Y_e``, dense where that is smaller."""
    upper = triangle(side)
    where = entries.indices
    i, j = upper.rows[where], upper.columns[where]
    half = sp.csr_array((0.5 * entries.data, (i, j)), shape=(side, side))
    matrix = sp.csr_array(half + half.T)
    return matrix.toarray() if 8 * matrix.nnz > side**2 else matrix
