"""Second-order cones as PSD blocks, for solvers that have no second-order cones.

``|u| <= t`` is ``[[t, uᵀ], [u, t I]] ⪰ 0`` (Ben-Tal and Nemirovski, Lectures on Modern Convex
Optimization, 2001, section 4.2). With E the linear map of ``(t, u)`` to this matrix in svec order
the rows become ``A' = E A``, ``b' = E b``; slacks come back entry by entry and duals as
``z = Eᵀ z'``, which lie in the second-order cone because E maps it into the PSD cone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from polyopt.conic.program import Cones, ConicProgram, ConicSolution
from polyopt.conic.svec import svec_length


@dataclass(frozen=True, eq=False)
class LiftedProgram:
    """A program without second-order cones and the way back to the original.

    Parameters
    ----------
    program
        The program with PSD blocks.
    original
        The program it was made from.
    lift
        E for all rows, shape (rows of ``program``, rows of ``original``).
    """

    program: ConicProgram
    original: ConicProgram
    lift: sp.csr_array

    def recover(self, solution: ConicSolution) -> ConicSolution:
        """Turn a solution of the lifted program into one of the original."""
        # Each column has one weight; its entries are copies of the same number.
        weights = np.asarray(self.lift.multiply(self.lift).sum(axis=0)).ravel()
        s = (self.lift.T @ solution.s) / weights
        return ConicSolution.from_vectors(
            self.original,
            solution.status,
            solution.x,
            s,
            self.lift.T @ solution.z,
            iterations=solution.iterations,
            solve_time=solution.solve_time,
            solver=solution.solver,
            message=solution.message,
        )


def lift_second_order(program: ConicProgram) -> LiftedProgram:
    """Replace each second-order cone by a PSD block.

    Examples
    --------
    >>> import numpy as np
    >>> program = ConicProgram([1.0], np.ones((3, 1)), np.ones(3), Cones(second_order=(3,)))
    >>> print(lift_second_order(program).program.cones)
    PSD blocks 3×3
    """
    cones = program.cones
    before = cones.zero + cones.nonnegative
    rows, columns, values = [np.arange(before)], [np.arange(before)], [np.ones(before)]
    start = before
    for size, block in zip(cones.second_order, cones.second_order_slices(), strict=True):
        index = np.arange(size)
        diagonal = start + index * (index + 3) // 2
        first_row = start + index[1:] * (index[1:] + 1) // 2
        rows += [diagonal, first_row]
        columns += [np.full(size, block.start), block.start + index[1:]]
        values += [np.ones(size), np.full(max(0, size - 1), np.sqrt(2.0))]
        start += svec_length(size)
    after = np.arange(sum(svec_length(side) for side in cones.psd))
    rows.append(start + after)
    columns.append(before + sum(cones.second_order) + after)
    values.append(np.ones(len(after)))
    lift = sp.csr_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))),
        shape=(start + len(after), cones.rows),
    )
    new = Cones(cones.zero, cones.nonnegative, (), (*cones.second_order, *cones.psd))
    lifted = ConicProgram(program.c, lift @ program.A, lift @ program.b, new, program.offset)
    return LiftedProgram(lifted, program, lift)
