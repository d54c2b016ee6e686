"""Blocks of a term sparsity pattern (tsp) graph.

The nodes of a tsp graph are the monomials of a basis; two are joined when the entry of the moment
or localising matrix that they share has a monomial that matters. The matrix is then kept only on
the blocks of a closure of that graph: its connected components (*block* closure, Wang, Magron,
Lasserre, TSSOS, SIAM J. Optim. 31, 2021) or the maximal cliques of a chordal extension (*chordal*
closure, Chordal-TSSOS, same volume). Which entries matter is decided in
:mod:`polyopt.relaxation.refine_term`; here are only graphs, many of them side by side as one.
"""

from __future__ import annotations

from itertools import chain
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from polyopt.errors import UnknownOptionError
from polyopt.sparsity.elimination import minimum_degree

Closure = Literal["block", "chordal"]
Index = NDArray[np.intp]


def closure_blocks(number: int, edges: Index, closure: Closure) -> tuple[Index, Index]:
    """Find the blocks of a graph.

    Parameters
    ----------
    number : int
        Number of nodes.
    edges : int array of shape (m, 2)
        Pairs of distinct nodes, each at most once.
    closure : {"block", "chordal"}
        Connected components, or maximal cliques of a chordal extension (minimum degree).

    Returns
    -------
    pointers : int array of shape (blocks + 1,)
    members : int array
        Block k has the increasing nodes ``members[pointers[k]:pointers[k + 1]]``; blocks are
        ordered by their first node. Every node is in a block.

    Raises
    ------
    UnknownOptionError
        There is no such closure.

    Examples
    --------
    >>> path = np.array([[0, 1], [1, 3]])
    >>> pointers, members = closure_blocks(4, path, "chordal")
    >>> [block.tolist() for block in np.split(members, pointers[1:-1])]
    [[0, 1], [1, 3], [2]]
    """
    check_closure(closure)
    ones = np.ones(len(edges), dtype=np.int8)
    graph = sparse.coo_array((ones, (edges[:, 0], edges[:, 1])), shape=(number, number))
    count, label = connected_components(graph, directed=False)
    sizes = np.bincount(label, minlength=count)
    if closure == "block" or not len(edges):
        return _rows(label, np.arange(number), count)
    inside = np.bincount(label[edges[:, 0]], minlength=count)
    open_component = inside < sizes * (sizes - 1) // 2
    kept = ~open_component[label]
    cliques = _chordal_cliques(np.flatnonzero(~kept), edges[open_component[label[edges[:, 0]]]])
    lengths = np.fromiter(map(len, cliques), dtype=np.intp, count=len(cliques))
    owner = np.concatenate([label[kept], np.repeat(count + np.arange(len(cliques)), lengths)])
    nodes = np.fromiter(chain.from_iterable(cliques), dtype=np.intp, count=int(lengths.sum()))
    return _rows(owner, np.concatenate([np.flatnonzero(kept), nodes]), count + len(cliques))


def pairs_in_blocks(pointers: Index, members: Index) -> tuple[Index, Index]:
    """All pairs ``i <= j`` of nodes that share a block; repeated where they share several.

    Examples
    --------
    >>> i, j = pairs_in_blocks(np.array([0, 2, 3]), np.array([0, 4, 2]))
    >>> i.tolist(), j.tolist()
    ([2, 0, 0, 4], [2, 0, 4, 4])
    """
    sizes = np.diff(pointers)
    low, high = [], []
    for size in np.unique(sizes):
        nodes = members[pointers[:-1][sizes == size][:, None] + np.arange(size)]
        j, i = np.tril_indices(size)
        low.append(nodes[:, i].ravel())
        high.append(nodes[:, j].ravel())
    nothing = np.zeros(0, dtype=np.intp)
    return np.concatenate([nothing, *low]), np.concatenate([nothing, *high])


def check_closure(closure: str) -> None:
    """Refuse unknown closures.

    Raises
    ------
    UnknownOptionError
    """
    if closure not in ("block", "chordal"):
        raise UnknownOptionError(f'closure is {closure!r}; it must be "block" or "chordal"')


def _rows(owner: Index, nodes: Index, count: int) -> tuple[Index, Index]:
    """Compressed rows of blocks given by an owner for each node, ordered by first node."""
    first = np.full(count, np.iinfo(np.intp).max)
    np.minimum.at(first, owner, nodes)
    used = np.bincount(owner, minlength=count)
    order = np.lexsort((np.arange(count), first))
    order = order[used[order] > 0]
    rank = np.empty(count, dtype=np.intp)
    rank[order] = np.arange(len(order))
    pointers = np.concatenate([[0], np.cumsum(used[order])]).astype(np.intp)
    return pointers, nodes[np.lexsort((nodes, rank[owner]))].astype(np.intp)


def _chordal_cliques(nodes: Index, edges: Index) -> list[list[int]]:
    number = np.searchsorted(nodes, edges)
    adjacency: list[set[int]] = [set() for _ in range(len(nodes))]
    for u, v in number.tolist():
        adjacency[u].add(v)
        adjacency[v].add(u)
    names = nodes.tolist()
    return [[names[v] for v in clique] for clique in minimum_degree(adjacency).maximal_cliques()]
