r"""Bounds of pre-activations by linear programs over the lines of the layers before.

Over a box the program maximises ``r^T x_k`` subject to ``z_i = W_i x_{i-1} + b_i`` and every line
of every activation (Ehlers 2017). Its solver is not trusted: the multipliers of the lines, scaled
to add up to one on either side of each neuron, say which combination of lines to use, and
:func:`lipschitz_app.ranges.crown.substitute` proves the bound that follows. At the exact optimum
the two are equal (Salman et al. 2019).

References
----------
R. Ehlers, Formal verification of piece-wise linear feed-forward neural networks, ATVA 2017,
arXiv:1705.01320.
H. Salman et al., A convex relaxation barrier to tight robustness verification of neural networks,
NeurIPS 2019, arXiv:1902.08722.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from lipschitz_app.ranges.crown import (
    AffineRows,
    BoundedLayer,
    Choice,
    closest,
    substitute,
)
from lipschitz_app.regions import Ball, Box
from lipschitz_app.rounding import FloatArray


def program_bounds(
    last: AffineRows,
    before: Sequence[BoundedLayer],
    output_size: FloatArray,
    region: Box | Ball,
) -> FloatArray:
    """Return proven upper bounds of rows, one linear program each.

    Over a ball the program is about the box around it, and its lines are used over the ball.
    """
    # scipy.optimize takes a tenth of a second to import.
    from scipy.optimize import linprog

    matrix, side, ends = _lines(before)
    linked, constants = _links(before)
    inputs = before[0].layer.weight.shape[1]
    width = matrix.shape[1]
    box = np.full((width, 2), [-np.inf, np.inf])
    box[:inputs, 0], box[:inputs, 1] = region.lower, region.upper
    found = np.full(len(last[0]), np.inf)
    for row in range(len(found)):
        objective = np.zeros(width)
        objective[-last[0].shape[1] :] = -last[0][row]
        answer = linprog(objective, matrix, side, linked, constants, bounds=box, method="highs")
        if answer.status != 0:
            continue
        multipliers = np.maximum(-np.asarray(answer.ineqlin.marginals), 0.0)
        choices = [
            _choice(step, multipliers[slice(*end)]) for step, end in zip(before, ends, strict=True)
        ]
        single: AffineRows = tuple(part[row : row + 1] for part in last)  # type: ignore[assignment]
        found[row] = substitute(single, before, output_size, region, choices).bounds[0]
    return found


def _lines(
    before: Sequence[BoundedLayer],
) -> tuple[sparse.csr_array, FloatArray, list[tuple[int, int]]]:
    """Return the lines as ``matrix @ v <= side``; v holds the inputs, then z and x by layers."""
    start = before[0].layer.weight.shape[1]
    width = start + 2 * sum(step.size.size for step in before)
    blocks, sides, ends, count = [], [], [], 0
    for step in before:
        p = step.size.size
        first = count
        for lines, sign in ((step.lines.lower, 1.0), (step.lines.upper, -1.0)):
            for slopes, offsets in zip(lines.slopes, lines.offsets, strict=True):
                block = sparse.lil_array((p, width))
                block[np.arange(p), start + np.arange(p)] = sign * slopes
                block[np.arange(p), start + p + np.arange(p)] = -sign
                blocks.append(block)
                sides.append(-sign * offsets)
                count += p
        ends.append((first, count))
        start += 2 * p
    return sparse.vstack(blocks, format="csr"), np.concatenate(sides), ends


def _links(before: Sequence[BoundedLayer]) -> tuple[sparse.csr_array, FloatArray]:
    """Return ``z_i - W_i x_{i-1} = b_i``."""
    start = before[0].layer.weight.shape[1]
    width = start + 2 * sum(step.size.size for step in before)
    source = 0
    blocks = []
    for step in before:
        p, q = step.layer.weight.shape
        pieces = [
            sparse.csr_array((p, source)),
            sparse.csr_array(-step.layer.weight),
            sparse.csr_array((p, start - source - q)),
            sparse.eye_array(p),
            sparse.csr_array((p, width - start - p)),
        ]
        blocks.append(sparse.hstack([piece for piece in pieces if piece.shape[1]]))
        source = start + p
        start += 2 * p
    constants = np.concatenate([step.layer.bias for step in before])
    return sparse.vstack(blocks, format="csr"), constants


def _choice(step: BoundedLayer, multipliers: FloatArray) -> Choice:
    """Return the weights of the lines by their multipliers, or the closest lines without any."""
    p = step.size.size
    count = len(step.lines.lower.slopes)
    table = multipliers.reshape(-1, p)
    weights = []
    for part, default in zip((table[:count], table[count:]), closest(step), strict=True):
        total = part.sum(axis=0)
        scaled = part / np.where(total > 0, total, 1.0)
        weights.append(np.where(total > 1e-12, scaled[:, None], default))
    return weights[0], weights[1]
