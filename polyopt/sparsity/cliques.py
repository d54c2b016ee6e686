r"""Maximal cliques, clique trees and the running intersection property.

Cliques :math:`I_1, …, I_p` have the running intersection property (RIP) when they can be ordered so
that each meets the union of the earlier ones inside a single earlier one, its parent:

.. math:: I_k ∩ (I_1 ∪ … ∪ I_{k-1}) ⊆ I_{s(k)}, \qquad s(k) < k.

It is what makes sparse relaxations converge (Lasserre 2006); the maximal cliques of a chordal graph
have it, cliques given by a user may not. The links k → s(k) are then a clique tree: a
maximum-weight spanning tree for the separator sizes :math:`|I_k ∩ I_{s(k)}|`.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import chain
from typing import Any

import networkx as nx
import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

from polyopt.errors import SparsityError, UnknownVariableError
from polyopt.sparsity.elimination import integer_adjacency, perfect_elimination, relabel

Clique = tuple[int, ...]
Cliques = tuple[Clique, ...]


@dataclass(frozen=True, slots=True)
class RunningIntersection:
    """Whether cliques have the running intersection property, and the evidence.

    Attributes
    ----------
    holds : bool
        Also the truth value of the object.
    order : tuple of int
        Clique indices in an order that satisfies the property; where it fails, the order up to and
        including the clique that breaks it.
    parents : tuple of int
        For each clique index, the earlier clique that contains its intersection with all earlier
        ones; -1 where that intersection is empty. Empty where the property fails.
    violation : str
        What breaks the property; empty where it holds.
    """

    holds: bool
    order: tuple[int, ...]
    parents: tuple[int, ...]
    violation: str

    def __bool__(self) -> bool:
        return self.holds

    def __str__(self) -> str:
        if self.holds:
            return "running intersection holds"
        return f"running intersection fails: {self.violation}"


@dataclass(frozen=True, slots=True)
class CliqueTree:
    """A maximum-weight spanning tree (forest) of cliques, weighted by separator sizes.

    Attributes
    ----------
    cliques : tuple of tuple of int
        The cliques, in the order they were given.
    order : tuple of int
        Clique indices, parents before children.
    parents : tuple of int
        For each clique index its parent; -1 for roots, one for each connected component.
    """

    cliques: Cliques
    order: tuple[int, ...]
    parents: tuple[int, ...]

    @property
    def separators(self) -> Cliques:
        """For each clique, what it shares with its parent; ``()`` for roots."""
        return tuple(
            tuple(sorted(set(clique).intersection(self.cliques[parent]))) if parent >= 0 else ()
            for clique, parent in zip(self.cliques, self.parents, strict=True)
        )

    def to_networkx(self) -> nx.Graph:
        """Return the tree as a graph: node attribute ``clique``, edge attribute ``separator``."""
        graph = nx.Graph()
        graph.add_nodes_from((k, {"clique": clique}) for k, clique in enumerate(self.cliques))
        for k, (parent, separator) in enumerate(zip(self.parents, self.separators, strict=True)):
            if parent >= 0:
                graph.add_edge(parent, k, separator=separator)
        return graph

    def __str__(self) -> str:
        largest = max(map(len, self.separators), default=0)
        roots = self.parents.count(-1)
        trees = _count(roots, "tree")
        cliques = _count(len(self.cliques), "clique")
        return f"clique tree: {cliques}, {trees}, largest separator {largest}"


def maximal_cliques(graph: nx.Graph) -> Cliques:
    """List the maximal cliques of a chordal graph in linear time.

    Parameters
    ----------
    graph : networkx.Graph
        A chordal graph with integer nodes.

    Returns
    -------
    tuple of tuple of int
        Sorted cliques in lexicographic order.

    Raises
    ------
    SparsityError
        If the graph is not chordal or its nodes are not integers.

    Examples
    --------
    >>> import networkx as nx
    >>> maximal_cliques(nx.Graph([(0, 1), (1, 2), (0, 2), (2, 3)]))
    ((0, 1, 2), (2, 3))
    """
    labels, adjacency = integer_adjacency(graph)
    found = perfect_elimination(adjacency)
    if isinstance(found, tuple):
        v, a, b = (labels[k] for k in found)
        raise SparsityError(
            "the graph is not chordal: maximum cardinality search finds nodes "
            f"{a} and {b}, both neighbours of {v}, not joined; use chordal_extension(graph)"
        )
    return relabel(found.maximal_cliques(), labels)


def running_intersection(cliques: Sequence[Sequence[int]]) -> RunningIntersection:
    """Decide whether cliques can be ordered to have the running intersection property.

    Maximum cardinality search on the hypergraph of the cliques: take next a clique with the most
    variables already covered. If any order satisfies the property, this one does, and it is enough
    to test each clique against the latest one that introduced a variable of its intersection. The
    work is linear in the sum of the clique sizes, up to a logarithm.

    Parameters
    ----------
    cliques : sequence of sequences of int
        Sets of variables.

    Returns
    -------
    RunningIntersection
        True in a boolean context when the property holds; else ``violation`` names the clique.

    References
    ----------
    R. E. Tarjan, M. Yannakakis. Simple linear-time algorithms to test chordality of graphs, test
    acyclicity of hypergraphs, and selectively reduce acyclic hypergraphs. SIAM J. Comput. 13
    (1984), §4.

    Examples
    --------
    >>> print(running_intersection([(0, 1), (1, 2), (2, 3)]))
    running intersection holds
    >>> running_intersection([(0, 1), (1, 2), (0, 2)]).violation
    'clique 2 {0, 2} meets the earlier ones in {0, 2}, which none of them contains'
    """
    p = len(cliques)
    members = [set(clique) for clique in cliques]
    containing = variable_to_cliques(cliques)
    covered = [0] * p
    introduced: dict[int, int] = {}  # variable -> place in the order of the clique that brought it
    order: list[int] = []
    parents = [-1] * p
    done = bytearray(p)
    heap = list(range(p))  # clique - covered * p: most covered first, then the earlier clique
    while heap:
        entry = heappop(heap)
        k = entry % p
        if done[k] or entry != k - covered[k] * p:
            continue
        done[k] = 1
        place = len(order)
        order.append(k)
        shared = [v for v in members[k] if v in introduced]
        if shared:
            parent = order[max(introduced[v] for v in shared)]
            if not members[parent].issuperset(shared):
                return RunningIntersection(
                    False,
                    tuple(order),
                    (),
                    f"clique {k} {_set(cliques[k])} meets the earlier ones in {_set(shared)}, "
                    "which none of them contains",
                )
            parents[k] = parent
        touched: set[int] = set()
        for v in members[k]:
            if v not in introduced:
                introduced[v] = place
                for j in containing[v]:
                    covered[j] += 1
                touched.update(containing[v])
        for j in touched:
            if not done[j]:
                heappush(heap, j - covered[j] * p)
    return RunningIntersection(True, tuple(order), tuple(parents), "")


def clique_tree(cliques: Sequence[Sequence[int]]) -> CliqueTree:
    """Join cliques into a maximum-weight spanning tree, the weights being separator sizes.

    Where the running intersection property holds the tree is a junction tree: the cliques that
    contain a given variable are connected in it. Disconnected cliques give a forest.

    Parameters
    ----------
    cliques : sequence of sequences of int
        Sets of variables.

    Returns
    -------
    CliqueTree
        Order (parents first), parents and separators.

    Examples
    --------
    >>> tree = clique_tree([(0, 1), (1, 2), (2, 3)])
    >>> tree.parents, tree.separators
    ((-1, 0, 1), ((), (1,), (2,)))
    """
    kept = tuple(tuple(clique) for clique in cliques)
    found = running_intersection(kept)
    if found:
        return CliqueTree(kept, found.order, found.parents)
    p = len(kept)
    sizes = np.fromiter(map(len, kept), dtype=np.int64, count=p)
    columns = np.fromiter(chain.from_iterable(kept), dtype=np.int64)
    incidence = sp.csr_array((np.ones(len(columns)), (np.repeat(np.arange(p), sizes), columns)))
    overlaps = sp.triu(incidence @ incidence.T, k=1, format="csr")
    overlaps.sort_indices()
    overlaps.data = -overlaps.data
    tree = minimum_spanning_tree(overlaps)
    parents = np.full(p, -1)
    order: list[int] = []
    seen = np.zeros(p, dtype=bool)
    for root in range(p):
        if not seen[root]:
            nodes, before = breadth_first_order(tree, root, directed=False)
            seen[nodes] = True
            parents[nodes[1:]] = before[nodes[1:]]
            order.extend(nodes.tolist())
    return CliqueTree(kept, tuple(order), tuple(parents.tolist()))


def validate_cliques(
    cliques: Iterable[Iterable[Any]], n: int, *, names: Sequence[str] | None = None
) -> Cliques:
    """Bring cliques given by a user into the form used everywhere.

    Repeated cliques and cliques contained in others are dropped (they change no bound); the order
    of the others is kept. Variables may be in no clique: whether the problem minds is checked when
    its constraints are assigned.

    Parameters
    ----------
    cliques : iterable of iterables
        Variables as indices, as names, or as anything whose text is a name (symbols, generators).
    n : int
        Number of variables.
    names : sequence of str, optional
        Names of the variables, for cliques that use them.

    Returns
    -------
    tuple of tuple of int
        Maximal cliques, each sorted.

    Raises
    ------
    SparsityError
        If there is no clique, or an empty one, or a clique is no collection of variables.
    UnknownVariableError
        If a clique contains something that is no variable.

    Examples
    --------
    >>> validate_cliques([["b", "a"], [1], [2, 1]], 3, names=["a", "b", "c"])
    ((0, 1), (1, 2))
    """
    index = {str(name): k for k, name in enumerate(names)} if names is not None else {}
    found: list[Clique] = []
    for k, clique in enumerate(cliques):
        if isinstance(clique, str) or not isinstance(clique, Iterable):
            raise SparsityError(
                f"clique {k} is {clique!r}; a clique is a list of variable indices or names, "
                "and cliques are a list of such lists"
            )
        variables = sorted({_variable(item, k, n, index) for item in clique})
        if not variables:
            raise SparsityError(f"clique {k} is empty; remove it or name its variables")
        found.append(tuple(variables))
    if not found:
        raise SparsityError("no cliques were given; give at least one, or leave cliques out")
    return drop_contained(found)


def drop_contained(cliques: Sequence[Clique]) -> Cliques:
    """Keep the maximal ones among sets, the first of equal ones, in the given order."""
    distinct = list(dict.fromkeys(cliques))
    containing = variable_to_cliques(distinct)
    members = [set(clique) for clique in distinct]
    kept = []
    for k, clique in enumerate(distinct):
        rarest = min((containing[v] for v in clique), key=len)
        if not any(j != k and members[k] < members[j] for j in rarest):
            kept.append(clique)
    return tuple(kept)


def variable_to_cliques(cliques: Sequence[Sequence[int]]) -> dict[int, list[int]]:
    """For each variable, list the cliques that contain it, in increasing order."""
    containing: dict[int, list[int]] = {}
    for k, clique in enumerate(cliques):
        for v in clique:
            containing.setdefault(v, []).append(k)
    return containing


def describe_cliques(cliques: Sequence[Sequence[int]]) -> str:
    """Summarise cliques: ``998 cliques, largest 3, sizes 3×998``."""
    counts = sorted(Counter(map(len, cliques)).items(), reverse=True)
    sizes = ", ".join(f"{size}×{count}" for size, count in counts[:6])
    more = f", … {len(counts) - 6} smaller sizes" if len(counts) > 6 else ""
    if not counts:
        return "0 cliques"
    return f"{_count(len(cliques), 'clique')}, largest {counts[0][0]}, sizes {sizes}{more}"


def _variable(item: Any, k: int, n: int, index: dict[str, int]) -> int:
    if hasattr(item, "__index__") and not isinstance(item, bool):
        number = operator.index(item)
        if not 0 <= number < n:
            raise UnknownVariableError(
                f"clique {k} contains variable {number}, but the problem has {n} variables, "
                f"numbered 0 to {n - 1}"
            )
        return number
    if str(item) not in index:
        known = ", ".join(list(index)[:8]) + (", …" if len(index) > 8 else "")
        hint = f"known are {known}" if index else "give indices, or names= as well"
        raise UnknownVariableError(f"clique {k} contains {item!r}, which is no variable; {hint}")
    return index[str(item)]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _set(values: Iterable[int]) -> str:
    listed = sorted(values)
    shown = ", ".join(map(str, listed[:8]))
    return "{" + shown + (f", … {len(listed)} in all" if len(listed) > 8 else "") + "}"
