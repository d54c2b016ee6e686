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
from numpy.typing import NDArray
from scipy import sparse

Index = NDArray[np.intp]


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
    left, right, overlap = _overlaps(sets)
    near: dict[int, set[int]] = {k: set() for k in members}
    for a, b in zip(left.tolist(), right.tolist(), strict=True):
        near[a].add(b)
        near[b].add(a)
    sizes = np.array([len(s) for s in sets], dtype=np.intp)
    costs = np.array([cost(k) for k in range(2 * int(sizes.max(initial=0)) + 1)])
    gains = costs[sizes[left]] + costs[sizes[right]]
    gains -= costs[sizes[left] + sizes[right] - overlap]
    good = gains > 0
    heap = list(
        zip((-gains[good]).tolist(), left[good].tolist(), right[good].tolist(), strict=True)
    )
    heapify(heap)

    def gain(a: int, b: int) -> float:
        joint = len(members[a] | members[b])
        return cost(len(members[a])) + cost(len(members[b])) - cost(joint)

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


def _overlaps(sets: Sequence[frozenset[int]]) -> tuple[Index, Index, Index]:
    """Pairs of sets that meet, the smaller position first, and how many elements they share."""
    sizes = [len(s) for s in sets]
    columns = np.fromiter(chain.from_iterable(sets), dtype=np.intp, count=sum(sizes))
    owner = np.repeat(np.arange(len(sets)), sizes)
    incidence = sparse.csr_array((np.ones(len(columns), dtype=np.intp), (owner, columns)))
    pairs = (incidence @ incidence.T).tocoo()
    above = pairs.row < pairs.col
    return (
        pairs.row[above].astype(np.intp),
        pairs.col[above].astype(np.intp),
        pairs.data[above].astype(np.intp),
    )
