"""The smallest cone that says the same: 1x1 and 2x2 PSD blocks, empty cones.

A 1x1 PSD block is an inequality, a 2x2 block is a three-dimensional second-order cone after an
orthogonal change of its rows, a second-order cone of one row is an inequality, and cones without
rows vanish. The rows of the whole program are changed by one orthogonal matrix ``R``
(``A' = R A``, ``b' = R b``), so that slacks and duals come back as ``s = R^T s'``, ``z = R^T z'``
with unchanged norms and inner products.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from polyopt.conic.program import Cones, ConicProgram, ConicSolution
from polyopt.conic.svec import PSD2_TO_SOC


@dataclass(frozen=True, eq=False)
class RightSized:
    """A program in right-sized cones and the way back to the original.

    Parameters
    ----------
    program
        The program in the smaller cones.
    original
        The program it was made from.
    rotation
        The orthogonal matrix ``R``, shape (m, m); None where nothing had to change.
    """

    program: ConicProgram
    original: ConicProgram
    rotation: sp.csr_array | None

    def recover(self, solution: ConicSolution) -> ConicSolution:
        """Turn a solution of the right-sized program into one of the original."""
        if self.rotation is None:
            return solution
        back = self.rotation.T
        return replace(solution, s=back @ solution.s, z=back @ solution.z)


def right_size(program: ConicProgram, *, two_by_two: bool = True) -> RightSized:
    """Replace each cone by the smallest one that says the same.

    Parameters
    ----------
    program
        Any conic program.
    two_by_two
        Whether 2x2 PSD blocks become second-order cones; False for solvers without these.

    Examples
    --------
    >>> import numpy as np
    >>> program = ConicProgram([1.0], np.ones((4, 1)), np.ones(4), Cones(psd=(1, 2)))
    >>> print(right_size(program).program.cones)
    1 inequality, second-order cones 3
    """
    cones = program.cones
    sides = set(cones.psd)
    if not sides & ({0, 1, 2} if two_by_two else {0, 1}) and all(
        size > 1 for size in cones.second_order
    ):
        return RightSized(program, program, None)

    inequality_rows = list(range(cones.nonnegative_slice.start, cones.nonnegative_slice.stop))
    second_order_rows: list[range] = []
    two_by_two_rows: list[range] = []
    psd_rows: list[range] = []
    psd_sides: list[int] = []
    for rows in cones.second_order_slices():
        block = range(rows.start, rows.stop)
        if len(block) == 1:
            inequality_rows += block
        elif block:
            second_order_rows.append(block)
    for side, rows in zip(cones.psd, cones.psd_slices(), strict=True):
        block = range(rows.start, rows.stop)
        if side == 1:
            inequality_rows += block
        elif side == 2 and two_by_two:
            two_by_two_rows.append(block)
        elif side:
            psd_rows.append(block)
            psd_sides.append(side)

    new = Cones(
        cones.zero,
        len(inequality_rows),
        tuple(map(len, second_order_rows)) + (3,) * len(two_by_two_rows),
        tuple(psd_sides),
    )
    before = np.concatenate(
        [
            np.arange(cones.zero, dtype=np.int64),
            np.array(inequality_rows, dtype=np.int64),
            *(np.arange(block.start, block.stop, dtype=np.int64) for block in second_order_rows),
        ]
    )
    after = [np.arange(block.start, block.stop, dtype=np.int64) for block in psd_rows]
    starts = np.array([block.start for block in two_by_two_rows], dtype=np.int64)
    rotation = _rotation(before, starts, np.concatenate([*after, np.empty(0, dtype=np.int64)]))
    sized = ConicProgram(program.c, rotation @ program.A, rotation @ program.b, new, program.offset)
    return RightSized(sized, program, rotation)


def _rotation(
    before: np.ndarray[tuple[int], np.dtype[np.int64]],
    starts: np.ndarray[tuple[int], np.dtype[np.int64]],
    after: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> sp.csr_array:
    """Rows that are only moved, 2x2 blocks that are turned, rows that are only moved."""
    inner_rows, inner_columns = np.nonzero(PSD2_TO_SOC)
    turned = len(before) + 3 * np.arange(len(starts))
    rows = np.concatenate(
        [
            np.arange(len(before)),
            (turned[:, None] + inner_rows).ravel(),
            len(before) + 3 * len(starts) + np.arange(len(after)),
        ]
    )
    columns = np.concatenate([before, (starts[:, None] + inner_columns).ravel(), after])
    values = np.concatenate(
        [
            np.ones(len(before)),
            np.tile(PSD2_TO_SOC[inner_rows, inner_columns], len(starts)),
            np.ones(len(after)),
        ]
    )
    size = len(before) + 3 * len(starts) + len(after)
    return sp.csr_array((values, (rows, columns)), shape=(size, size))
