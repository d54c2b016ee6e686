r"""Closed-form block updates where the objective couples independent groups of rows only.

With all rows outside a group fixed, ``⟨C, V Vᵀ⟩`` is linear in the group when C has no entry inside
it, and the maximiser over unit rows is ``v_i = g_i / ‖g_i‖`` with ``g_i = (C V)_i``: for two groups
this is the alternation of a Grothendieck problem, for single rows the mixing method
(P.-W. Wang, W.-C. Chang, J. Z. Kolter, arXiv:1706.00476). It never decreases the value and needs no
step length; the lengths ``‖g_i‖`` are the diagonal multipliers of the dual.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from polyopt.solvers.lowrank.model import FirstOrderModel
from polyopt.solvers.lowrank.operators import Floats, Integers


def independent_groups(pattern: sp.csr_array) -> list[Integers]:
    """Colour the rows so that no two of one colour are coupled (greedy, in row order).

    Parameters
    ----------
    pattern : (m, m) sparse array
        Nonzero where two rows are coupled; the diagonal is ignored.

    Returns
    -------
    list of int arrays
        The groups, a partition of the rows.

    Examples
    --------
    >>> import numpy as np, scipy.sparse as sp
    >>> path = sp.csr_array(np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]))
    >>> [group.tolist() for group in independent_groups(path)]
    [[0, 2], [1]]
    """
    side = pattern.shape[0]
    colour = np.full(side, -1, dtype=np.int64)
    pointer, indices = pattern.indptr, pattern.indices
    for row in range(side):
        used = set(colour[indices[pointer[row] : pointer[row + 1]]].tolist())
        free = 0
        while free in used:
            free += 1
        colour[row] = free
    return [np.flatnonzero(colour == c) for c in range(int(colour.max(initial=-1)) + 1)]


def alternate(
    model: FirstOrderModel,
    factor: Floats,
    groups: Sequence[Integers],
    *,
    sweeps: int = 100,
    tolerance: float = 1e-10,
) -> tuple[Floats, int]:
    """Update the groups in turn, each in closed form.

    Parameters
    ----------
    model : FirstOrderModel
        Families are ignored: the objective alone is maximised.
    factor : (m, r) array
        Unit rows.
    groups : sequence of int arrays
        No two rows of one group are coupled by the objective.
    sweeps : int
        At most this many passes over the groups.
    tolerance : float
        Stop when the value rises by less than this, relative.

    Returns
    -------
    factor : (m, r) array
    sweeps : int
        Passes made.
    """
    current = factor.copy()
    value = -np.inf
    for sweep in range(sweeps):
        total = 0.0
        for group in groups:
            gradient = model.apply_objective(current)[group]
            lengths = np.sqrt(np.einsum("ir,ir->i", gradient, gradient))
            moved = lengths > 0
            current[group[moved]] = gradient[moved] / lengths[moved, None]
            total += float(lengths.sum())
        if total - value <= tolerance * abs(total):
            return current, sweep + 1
        value = total
    return current, sweeps
