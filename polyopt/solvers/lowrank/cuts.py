r"""Triangle and 4-cycle inequalities of ``±1`` variables, separated by violation.

Triangles (the metric polytope): ``1 + σ_ij X_ij + σ_ik X_ik + σ_jk X_jk ≥ 0`` with
``σ_ij σ_ik σ_jk = 1``. 4-cycles between two groups (Clauser–Horne–Shimony–Holt):
``|X_ij + X_kj| + |X_il − X_kl| ≤ 2``; they follow from triangles, but need entries between the
groups only. M. Deza and M. Laurent, *Geometry of Cuts and Metrics*, 1997, chapter 27.

Cuts are added in rounds: the most violated ones, those with zero multiplier and positive value
dropped. All hold for every product of signs, so any subset is valid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from polyopt.solvers.lowrank.augmented import State
from polyopt.solvers.lowrank.entries import EntryFamily
from polyopt.solvers.lowrank.model import FirstOrderModel
from polyopt.solvers.lowrank.operators import Floats, Integers
from polyopt.solvers.lowrank.solve import (
    LowRankOptions,
    LowRankResult,
    Progress,
    solve_first_order,
)


@dataclass(frozen=True, slots=True)
class Cuts:
    """Cuts ``offset + Σ_w signs_w X[pairs_w] ≥ 0`` of up to four entries.

    Attributes
    ----------
    pairs : (k, 4, 2) int array
        Entries, smaller index first; entries with sign 0 do not count.
    signs : (k, 4) float array
    offset : (k,) float array
    """

    pairs: Integers
    signs: Floats
    offset: Floats

    @staticmethod
    def empty() -> Cuts:
        """Return no cuts."""
        return Cuts(np.zeros((0, 4, 2), dtype=np.int64), np.zeros((0, 4)), np.zeros(0))

    @property
    def size(self) -> int:
        """Number of cuts."""
        return len(self.offset)

    def joined(self, other: Cuts) -> Cuts:
        """Return both together, each cut once (the first occurrence stays where it is)."""
        pairs = np.concatenate([self.pairs, other.pairs])
        signs = np.concatenate([self.signs, other.signs])
        offset = np.concatenate([self.offset, other.offset])
        keys = np.concatenate(
            [
                pairs.reshape(len(pairs), 8),
                signs.astype(np.int64),
                offset[:, None].astype(np.int64),
            ],
            axis=1,
        )
        _, first = np.unique(keys, axis=0, return_index=True)
        first.sort()
        return Cuts(pairs[first], signs[first], offset[first])

    def chosen(self, mask: np.ndarray) -> Cuts:
        """Return a part of the cuts."""
        return Cuts(self.pairs[mask], self.signs[mask], self.offset[mask])

    def family(self) -> EntryFamily:
        """Return the cuts as constraints of a model."""
        used = self.signs != 0
        row = np.broadcast_to(np.arange(self.size)[:, None], used.shape)[used]
        unique, inverse = np.unique(self.pairs[used], axis=0, return_inverse=True)
        shape = (self.size, len(unique))
        matrix = sp.csr_array((self.signs[used], (row, inverse.ravel())), shape=shape)
        return EntryFamily(unique, matrix, self.offset)


_TRIANGLE_SIGNS = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=float)


def separate_triangles(
    factor: Floats, apex: Integers, base: Integers, *, count: int = 1000, threshold: float = 1e-3
) -> Cuts:
    """Return violated triangles with one vertex in one set and two in another.

    Parameters
    ----------
    factor : (m, r) array
    apex, base : int arrays
        Row numbers.
    count : int
        At most this many, the most violated ones.
    threshold : float
        Smallest violation.

    Returns
    -------
    Cuts

    Examples
    --------
    Three unit vectors at 120 degrees violate ``1 + X_01 + X_02 + X_12 ≥ 0`` by 1/2:

    >>> import numpy as np
    >>> angle = np.array([0, 2, 4]) * np.pi / 3
    >>> star = np.column_stack([np.cos(angle), np.sin(angle)])
    >>> separate_triangles(star, np.array([0]), np.array([1, 2])).signs
    array([[1., 1., 1., 0.]])
    """
    inside = factor[base] @ factor[base].T
    j, k = np.triu_indices(len(base), 1)
    middle = inside[j, k]
    found: list[tuple[Floats, Integers, Integers]] = []
    level = -threshold
    for number in apex:
        across = factor[base] @ factor[number]
        a, b = across[j], across[k]
        free = (base[j] != number) & (base[k] != number)
        for kind, (p, q, r) in enumerate(_TRIANGLE_SIGNS):
            value = 1.0 + p * a + q * b + r * middle
            hit = np.flatnonzero((value < level) & free)
            if len(hit) > count:
                hit = hit[np.argpartition(value[hit], count)[:count]]
            if len(hit):
                label = np.column_stack([np.full(len(hit), number), hit, np.full(len(hit), kind)])
                found.append((value[hit], label, hit))
    if not found:
        return Cuts.empty()
    values = np.concatenate([part[0] for part in found])
    labels = np.concatenate([part[1] for part in found])
    best = np.argsort(values, kind="stable")[:count]
    apexes, edge, kind = labels[best].T
    one, two = base[j[edge]], base[k[edge]]
    pairs = np.stack([_edge(apexes, one), _edge(apexes, two), _edge(one, two)], axis=1)
    order = np.lexsort((pairs[:, :, 1], pairs[:, :, 0]), axis=1)
    pairs = np.take_along_axis(pairs, order[:, :, None], axis=1)
    signs = np.take_along_axis(_TRIANGLE_SIGNS[kind], order, axis=1)
    return Cuts(
        np.concatenate([pairs, pairs[:, :1]], axis=1),
        np.hstack([signs, np.zeros((len(best), 1))]),
        np.ones(len(best)),
    )


def separate_cycles(
    factor: Floats, first: Integers, second: Integers, *, count: int = 1000, threshold: float = 1e-3
) -> Cuts:
    """Return violated 4-cycles: for each pair of the first set the worst pair of the second.

    Parameters
    ----------
    factor : (m, r) array
    first, second : int arrays
        Disjoint row numbers.
    count : int
    threshold : float

    Returns
    -------
    Cuts
    """
    across = factor[first] @ factor[second].T
    rows: list[Floats] = []
    for i in range(len(first) - 1):
        total, difference = across[i] + across[i + 1 :], across[i] - across[i + 1 :]
        j, l = np.abs(total).argmax(axis=1), np.abs(difference).argmax(axis=1)
        at = np.arange(len(j))
        violation = np.abs(total[at, j]) + np.abs(difference[at, l]) - 2.0
        hit = np.flatnonzero((violation > threshold) & (j != l))
        if len(hit):
            plus, minus = np.sign(total[hit, j[hit]]), np.sign(difference[hit, l[hit]])
            rows.append(
                np.column_stack(
                    [violation[hit], np.full(len(hit), i), i + 1 + hit, j[hit], l[hit], plus, minus]
                )
            )
    if not rows:
        return Cuts.empty()
    table = np.concatenate(rows)
    table = table[np.argsort(-table[:, 0], kind="stable")[:count]]
    i, k, j, l = table[:, 1:5].astype(np.int64).T
    plus, minus = table[:, 5], table[:, 6]
    edges = [(i, j, -plus), (k, j, -plus), (i, l, -minus), (k, l, minus)]
    pairs = np.stack([_edge(first[a], second[b]) for a, b, _ in edges], axis=1)
    signs = np.column_stack([sign for _, _, sign in edges])
    return Cuts(pairs, signs, np.full(len(table), 2.0))


def _edge(one: Integers, two: Integers) -> Integers:
    return np.column_stack([np.minimum(one, two), np.maximum(one, two)])


def cut_and_solve(
    model: FirstOrderModel,
    groups: tuple[Integers, Integers],
    options: LowRankOptions | None = None,
    *,
    start: State | None = None,
    rounds: int = 3,
    count: int = 2000,
    rng: int | np.random.Generator = 0,
    callback: Callable[[Progress], None] | None = None,
) -> tuple[LowRankResult, FirstOrderModel]:
    """Solve with triangle and 4-cycle cuts on two groups of sign rows, in rounds.

    Parameters
    ----------
    model : FirstOrderModel
    groups : two int arrays
        Sign rows; triangles take two vertices in one group and one in the other, 4-cycles two in
        each (only where the groups are disjoint).
    options : LowRankOptions, optional
        For each solve.
    start : State, optional
        State of a solve without cuts; one more round of it is made, to have a proof.
    rounds : int
        Times that cuts are added.
    count : int
        New cuts of each kind in a round.
    rng : int or Generator
    callback : callable, optional
        Told about every round of every solve.

    Returns
    -------
    result : LowRankResult
        The best of all rounds.
    model : FirstOrderModel
        With the cuts the result was proven with as its last family.
    """
    options = options or LowRankOptions()
    first, second = groups
    cuts = Cuts.empty()
    result = solve_first_order(
        model,
        options if start is None else replace(options, rounds=1, penalty_limit=1.0),
        start=start,
        rng=rng,
        callback=callback,
    )
    best, best_model, known = result, model, len(model.families)
    for _ in range(rounds):
        factor, state = result.state.columns, result.state
        if cuts.size:
            weights = state.multipliers[known]
            keep = (weights > 0) | (cuts.family().values(factor) < 0)
            cuts, weights = cuts.chosen(keep), weights[keep]
        else:
            weights = np.zeros(0)
        new = Cuts.empty()
        if not len(np.intersect1d(first, second)):
            new = separate_cycles(factor, first, second, count=count)
        new = new.joined(separate_triangles(factor, first, second, count=count))
        new = new.joined(separate_triangles(factor, second, first, count=count))
        joined = cuts.joined(new)
        if joined.size == cuts.size:
            break
        weights = np.concatenate([weights, np.zeros(joined.size - cuts.size)])
        cuts = joined
        extended = model.with_families(cuts.family())
        # Entries of ±1 variables: the penalty of the largest family at hand suits them; without
        # one, the solver finds its own.
        largest = max(range(known), key=lambda number: model.families[number].size, default=None)
        penalties = state.penalties[:known]
        if largest is not None:
            penalties = (*penalties, penalties[largest])
        state = replace(
            state, multipliers=(*state.multipliers[:known], weights), penalties=penalties
        )
        # Penalties have grown in the first solve; growing on would make the rounds stiff.
        limit = 1.0 if known else options.penalty_limit
        result = solve_first_order(
            extended,
            replace(options, penalty_limit=limit),
            start=state,
            rng=rng,
            callback=callback,
        )
        if result.bound < best.bound:
            best, best_model = result, extended
        if result.interrupted:
            break
    return best, best_model
