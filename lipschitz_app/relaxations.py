"""The relaxations of a Lipschitz problem: the engine's hierarchies with this problem's cliques.

- `shor`: order 1.
- `hr2`: the nearly sparse relaxation with pre-activations as variables, order 2 on {u_j, z_j} and
  {t_i, x_i}, *projected*: those small matrices bound moments of order 1 by the products of the
  bounds of their two variables, so order 1 with these inequalities has the same value
  (checked against `hr2_lifted` in the tests), with no variable z and no matrix beyond M_1.
- `hr2_lifted`: the same relaxation as published, with the z and the small matrices.
- `hr2_substituted`: pre-activations substituted, order 2 on {x_i} and {t_i, u_i}, one number as
  multiplier of each dense constraint (Chen et al. 2020, section 3).
- `mccormick`: order 1 with the products of bounds of every pair (t_i, u_j).
- `sublevel`: order 1, and order 2 on subsets of some size around each slope and each direction.
- `lasserre`: Putinar's hierarchy with correlative sparsity.

References
----------
T. Chen, J.-B. Lasserre, V. Magron, E. Pauwels, Semialgebraic optimization for Lipschitz constants
of ReLU networks, NeurIPS 2020, arXiv:2002.03657.

T. Chen, J.-B. Lasserre, V. Magron, E. Pauwels, A sublevel moment-SOS hierarchy for polynomial
optimization, Comput. Optim. Appl. 81 (2022), arXiv:2101.05167.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

import polyopt as po
from lipschitz_app.encoding import Direction, Encoding, encode
from lipschitz_app.hidden import HiddenLayer
from lipschitz_app.regions import Region
from lipschitz_app.rounding import Norm


@dataclass(frozen=True, slots=True)
class LipschitzRelaxation:
    """A relaxation and the encoding that it relaxes."""

    encoding: Encoding
    relaxation: po.Relaxation


def shor(
    hidden: HiddenLayer, region: Region, norm: Norm, direction: Direction | None = None
) -> LipschitzRelaxation:
    """Return Shor's relaxation."""
    encoding = encode(hidden, region, norm, direction=direction)
    directions, inputs, slopes = (
        part.tolist() for part in (encoding.directions, encoding.inputs, encoding.slopes)
    )
    if not inputs or not directions:
        return LipschitzRelaxation(encoding, po.shor(encoding.problem))
    # Directions and inputs never meet in a monomial: two matrices instead of one, same value.
    cliques = [directions + slopes, inputs + slopes]
    return LipschitzRelaxation(encoding, po.putinar(encoding.problem, order=1, cliques=cliques))


def hr2(
    hidden: HiddenLayer, region: Region, norm: Norm, direction: Direction | None = None
) -> LipschitzRelaxation:
    """Return HR-2 in projected form."""
    encoding = encode(hidden, region, norm, products=True, mccormick="inputs", direction=direction)
    return LipschitzRelaxation(encoding, po.shor(encoding.problem, chordal=False))


def hr2_lifted(hidden: HiddenLayer, region: Region, norm: Norm) -> LipschitzRelaxation:
    """Return HR-2 with pre-activations as variables."""
    encoding = encode(hidden, region, norm, form="lifted")
    cliques: list[list[int]] = []
    if encoding.data is not None:
        cliques = [
            [int(a), int(b)] for a, b in zip(encoding.slopes, encoding.pre_activations, strict=True)
        ]
    else:
        cliques = [[int(a)] for a in encoding.slopes]
    cliques += _directions_with_inputs(encoding)
    return LipschitzRelaxation(
        encoding, po.nearly_sparse(encoding.problem, order=2, cliques=cliques)
    )


def hr2_substituted(hidden: HiddenLayer, region: Region, norm: Norm) -> LipschitzRelaxation:
    """Return HR-2 with pre-activations substituted."""
    encoding = encode(hidden, region, norm)
    directions, slopes = encoding.directions.tolist(), encoding.slopes.tolist()
    paired = min(len(directions), len(slopes))
    cliques = [list(pair) for pair in zip(directions, slopes, strict=False)]
    cliques += [[index] for index in directions[paired:] + slopes[paired:]]
    cliques += [[index] for index in encoding.inputs.tolist()]
    return LipschitzRelaxation(
        encoding, po.nearly_sparse(encoding.problem, order=2, cliques=cliques)
    )


def mccormick(
    hidden: HiddenLayer, region: Region, norm: Norm, direction: Direction | None = None
) -> LipschitzRelaxation:
    """Return order 1 with the products of bounds of all pairs (t_i, u_j), and those of HR-2."""
    encoding = encode(hidden, region, norm, products=True, mccormick="slopes", direction=direction)
    return LipschitzRelaxation(encoding, po.shor(encoding.problem, chordal=False))


def lasserre(
    hidden: HiddenLayer, region: Region, norm: Norm, order: int = 2
) -> LipschitzRelaxation:
    """Return Putinar's relaxation of some order with correlative sparsity."""
    encoding = encode(hidden, region, norm)
    return LipschitzRelaxation(
        encoding, po.putinar(encoding.problem, order=order, sparsity="correlative")
    )


def sublevel(
    hidden: HiddenLayer,
    region: Region,
    norm: Norm,
    level: int = 4,
    direction: Direction | None = None,
) -> LipschitzRelaxation:
    """Return the sublevel relaxation with order 2 on subsets of `level` variables.

    A slope u_j comes with the directions t_i and inputs x_i of the largest weights ``|a_ji|``, a
    direction t_i with the slopes of the largest weights and x_i; other variables follow. Subsets
    grow with the level, so the bound gets better, up to that of order 2 when they hold everything.
    """
    encoding = encode(hidden, region, norm, direction=direction)
    names = encoding.problem.variables.names
    where = {name: position for position, name in enumerate(names)}
    weights = np.abs(hidden.weights[:, None] * hidden.rows)
    order = [f"{letter}{i}" for i in range(hidden.inputs) for letter in "tx"]
    subsets = []
    for j, row in enumerate(np.abs(hidden.rows)):
        near = [f"{letter}{i}" for i in np.argsort(-row, kind="stable") for letter in "tx"]
        subsets.append([f"u{j}", *near])
    for i, column in enumerate(weights.T):
        near = [f"u{j}" for j in np.argsort(-column, kind="stable")]
        subsets.append([f"t{i}", *near[:1], f"x{i}", *near[1:]])
    every = [*(f"u{j}" for j in range(hidden.unstable)), *order]
    chosen = []
    for subset in subsets:
        if subset[0] in where:
            ranked = [where[name] for name in dict.fromkeys([*subset, *every]) if name in where]
            chosen.append(ranked[:level])
    return LipschitzRelaxation(
        encoding, po.sublevel(encoding.problem, order=2, level=level, subsets=chosen)
    )


def _directions_with_inputs(encoding: Encoding) -> list[list[int]]:
    pairs = zip(encoding.directions, encoding.input_of_direction, strict=True)
    cliques = [[int(t), int(s)] if s >= 0 else [int(t)] for t, s in pairs]
    paired = set(encoding.input_of_direction.tolist())
    cliques += [[int(s)] for s in encoding.inputs if int(s) not in paired]
    return cliques


RELAXATIONS: dict[str, Callable[..., LipschitzRelaxation]] = {
    "shor": shor,
    "hr2": hr2,
    "mccormick": mccormick,
    "lasserre": lasserre,
    "sublevel": sublevel,
    **{f"sublevel-{level}": partial(sublevel, level=level) for level in (2, 3, 4, 6, 8)},
}
"""Relaxations by the name of the method."""

SUBLEVELS = tuple(name for name in RELAXATIONS if name.startswith("sublevel"))
"""The sublevel relaxations: of level 4, or the level that their name gives."""
