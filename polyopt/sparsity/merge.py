"""Merging overlapping sets while that lowers an estimated cost.

Chordal methods give many blocks that share most of their nodes. Two blocks i, j are merged when
``cost(i) + cost(j) > cost(i ∪ j)``, the pair with the largest gain first (Garstka, Cannon, Goulart,
A clique graph based merging strategy for decomposable SDPs, IFAC 2020).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush
from itertools import chain

import numpy as np
from scipy import sparse


def cubic_cost(size: int) -> float:
    """Cost of factorising a dense matrix: ``b³``."""
    return float(size) ** 3


def merge_overlapping(
    sets: Sequence[frozenset[int]], cost: Callable[[int], float] = cubic_cost
) -> list[list[int]]:
    """Group sets to be merged.

    Parameters
    ----------
    sets : sequence of frozenset of int
    cost : callable
        Estimated cost of a block of a given size; must grow at least linearly, so that disjoint
        sets are never worth merging.

    Returns
    -------
    list of list of int
        Positions of the sets of each group, increasing; groups by their first set.

    Examples
    --------
    >>> merge_overlapping([frozenset({0, 1, 2}), frozenset({1, 2, 3}), frozenset({9})])
    [[0], [1], [2]]
    >>> merge_overlapping([frozenset(range(9)), frozenset(range(1, 10)), frozenset({9})])
    [[0, 1, 2]]
    """
    members: dict[int, frozenset[int]] = dict(enumerate(sets))
    groups = {k: [k] for k in members}
    near = _overlaps(sets)

    def gain(a: int, b: int) -> float:
        joint = len(members[a] | members[b])
        return cost(len(members[a])) + cost(len(members[b])) - cost(joint)

    heap = [(-gain(a, b), a, b) for a in near for b in near[a] if a < b]
    heapify(heap)
    while heap:
        negative, a, b = heappop(heap)
        if negative >= 0:
            break
        if a not in members or b not in members:
            continue
        fresh = len(sets) + len(groups)
        while fresh in groups:
            fresh += 1
        members[fresh] = members.pop(a) | members.pop(b)
        groups[fresh] = groups[a] + groups[b]
        near[fresh] = (near.pop(a) | near.pop(b)) - {a, b}
        for c in sorted(near[fresh]):
            near[c] -= {a, b}
            near[c].add(fresh)
            heappush(heap, (-gain(c, fresh), c, fresh))
    return sorted(sorted(groups[k]) for k in members)


def _overlaps(sets: Sequence[frozenset[int]]) -> dict[int, set[int]]:
    """For each set the others that meet it."""
    sizes = [len(s) for s in sets]
    columns = np.fromiter(chain.from_iterable(sets), dtype=np.intp, count=sum(sizes))
    owner = np.repeat(np.arange(len(sets)), sizes)
    incidence = sparse.csr_array((np.ones(len(columns), dtype=np.int32), (owner, columns)))
    pairs = (incidence @ incidence.T).tocoo()
    near: dict[int, set[int]] = {k: set() for k in range(len(sets))}
    for a, b in zip(pairs.row.tolist(), pairs.col.tolist(), strict=True):
        if a != b:
            near[a].add(b)
    return near
