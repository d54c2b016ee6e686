"""Elimination orderings of a graph: minimum degree, minimum fill, MCS-M, maximum cardinality.

Eliminating a node joins all its remaining neighbours; the graph with all the edges added on the way
(the fill) is chordal, and every maximal clique of it is some node together with its neighbours at
the moment it was eliminated. Finding the least fill is NP-hard; the greedy orderings here are the
usual heuristics (Bodlaender, Koster 2010), MCS-M finds an inclusion-minimal one (Berry, Blair,
Heggernes, Peyton 2004).

Everything works on ``adjacency``, a list of sets of the integers 0 … n-1. Ties go to the smaller
node, and nothing depends on the order in which a set is walked.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

import networkx as nx
import numpy as np

from polyopt.errors import SparsityError

Adjacency = list[set[int]]

# Triangles of dense graphs are counted by a matrix product, of sparse ones by set intersections.
_DENSE_NODES = 4000
_DENSE_WORK = 2_000_000


@dataclass(frozen=True, slots=True)
class Elimination:
    """An elimination ordering and the cliques it creates.

    Attributes
    ----------
    order : list of int
        Nodes in the order they are eliminated.
    pivots : list of int
        Nodes whose cliques are recorded, in the same order. Nodes eliminated together with a pivot
        (their clique lies in its clique) are not.
    neighbours : list of set of int
        For each pivot, its neighbours at the moment of elimination.
    edges : int
        Edges of the filled graph.
    """

    order: list[int]
    pivots: list[int]
    neighbours: list[set[int]]
    edges: int

    def maximal_cliques(self) -> list[tuple[int, ...]]:
        """Return the maximal cliques of the filled graph as sorted tuples, sorted.

        The clique of a node is contained in another one exactly when a child of it in the
        elimination tree has a clique larger by one (Blair, Peyton 1993). Nodes eliminated together
        with a pivot are a path of that tree, so the pivot's clique counts without them.
        """
        position = [0] * len(self.order)
        for k, v in enumerate(self.order):
            position[v] = k
        step = [-1] * len(self.order)
        for k, v in enumerate(self.pivots):
            step[v] = k
        starts = [position[v] for v in self.pivots] + [len(self.order)]
        contained = bytearray(len(self.pivots))
        for k, clique in enumerate(self.neighbours):
            together = self.order[starts[k] + 1 : starts[k + 1]]
            rest = clique.difference(together) if together else clique
            if rest:
                parent = step[min(rest, key=position.__getitem__)]
                if parent >= 0 and len(self.neighbours[parent]) + 1 == len(rest):
                    contained[parent] = 1
        return sorted(
            tuple(sorted((v, *clique)))
            for v, clique, drop in zip(self.pivots, self.neighbours, contained, strict=True)
            if not drop
        )


def integer_adjacency(graph: nx.Graph) -> tuple[Sequence[int], Adjacency]:
    """Return the sorted nodes of a graph and, by position in them, the sets of neighbours."""
    if graph.is_directed():
        raise SparsityError("the graph is directed; give graph.to_undirected()")
    nodes = list(graph)
    if nodes == list(range(len(nodes))):
        adjacency: Adjacency = [set(neighbours) for _, neighbours in graph.adjacency()]
        labels: Sequence[int] = range(len(nodes))
    else:
        try:
            labels = sorted(map(operator.index, nodes))
        except TypeError:
            strange = next(v for v in nodes if not hasattr(v, "__index__"))
            raise SparsityError(
                f"node {strange!r} of the graph is not an integer; nodes are variable indices as "
                "csp_graph makes them (networkx.convert_node_labels_to_integers relabels)"
            ) from None
        index = {v: k for k, v in enumerate(labels)}
        adjacency = [{index[u] for u in graph.adj[v]} for v in labels]
    for v, neighbours in enumerate(adjacency):
        neighbours.discard(v)
    return labels, adjacency


def relabel(
    cliques: Iterable[tuple[int, ...]], labels: Sequence[int]
) -> tuple[tuple[int, ...], ...]:
    """Name the nodes of cliques by increasing labels (sorted cliques stay sorted)."""
    if isinstance(labels, range):
        return tuple(cliques)
    return tuple(tuple(labels[v] for v in clique) for clique in cliques)


def minimum_degree(adjacency: Adjacency) -> Elimination:
    """Eliminate a node of smallest degree in the filled graph, again and again.

    Consumes ``adjacency``.
    """
    n = len(adjacency)
    heap = [len(neighbours) * n + v for v, neighbours in enumerate(adjacency)]
    heapify(heap)
    gone = bytearray(n)
    order: list[int] = []
    pivots: list[int] = []
    cliques: list[set[int]] = []
    edges = 0
    while heap:
        degree, v = divmod(heappop(heap), n)
        clique = adjacency[v]
        if gone[v] or degree != len(clique):
            continue
        gone[v] = 1
        order.append(v)
        pivots.append(v)
        cliques.append(clique)
        absorbed = []
        for u in clique:
            neighbours = adjacency[u]
            neighbours |= clique
            neighbours.discard(u)
            neighbours.discard(v)
            if len(neighbours) < degree:
                absorbed.append(u)
        edges += _absorb(absorbed, degree, gone, order)
        for u in clique.difference(absorbed):
            neighbours = adjacency[u]
            neighbours.difference_update(absorbed)
            heappush(heap, len(neighbours) * n + u)
    return Elimination(order, pivots, cliques, edges)


def minimum_fill(adjacency: Adjacency) -> Elimination:
    """Eliminate a node that adds the fewest edges, again and again; of those, of smallest degree.

    The number of missing edges among the neighbours of each node is kept up to date edge by edge.
    A chordal graph gets no fill. Consumes ``adjacency``.
    """
    n = len(adjacency)
    fill = _missing_edges(adjacency)

    def key(v: int) -> int:
        return (fill[v] * n + len(adjacency[v])) * n + v

    heap = [key(v) for v in range(n)]
    heapify(heap)
    gone = bytearray(n)
    order: list[int] = []
    pivots: list[int] = []
    cliques: list[set[int]] = []
    edges = 0
    while heap:
        entry = heappop(heap)
        v = entry % n
        if gone[v] or entry != key(v):
            continue
        gone[v] = 1
        order.append(v)
        pivots.append(v)
        clique = adjacency[v]
        cliques.append(clique)
        for u in clique:
            neighbours = adjacency[u]
            neighbours.discard(v)
            fill[u] -= len(neighbours) - len(neighbours & clique)
        touched = _complete(adjacency, clique, fill) if fill[v] else set()
        touched |= clique
        absorbed = [u for u in clique if len(adjacency[u]) < len(clique)]
        edges += _absorb(absorbed, len(clique), gone, order)
        # An absorbed node sees only the rest of the clique, which is complete: the neighbours of
        # the others outside the clique are all missing from it.
        rest = clique.difference(absorbed)
        for u in rest:
            neighbours = adjacency[u]
            neighbours.difference_update(absorbed)
            fill[u] -= len(absorbed) * (len(neighbours) - len(rest) + 1)
        for u in touched.difference(absorbed):
            heappush(heap, key(u))
    return Elimination(order, pivots, cliques, edges)


def _absorb(absorbed: list[int], degree: int, gone: bytearray, order: list[int]) -> int:
    """Eliminate nodes whose neighbours all lie in the pivot's clique; count the edges of all."""
    absorbed.sort()
    order.extend(absorbed)
    for u in absorbed:
        gone[u] = 1
    count = len(absorbed) + 1
    return count * degree - count * (count - 1) // 2


def _missing_edges(adjacency: Adjacency) -> list[int]:
    """Count for each node the pairs of neighbours that are not joined."""
    n = len(adjacency)
    degrees = [len(near) for near in adjacency]
    if n <= _DENSE_NODES and sum(d * d for d in degrees) > _DENSE_WORK:
        matrix = np.zeros((n, n), dtype=np.float32)
        for v, near in enumerate(adjacency):
            matrix[v, list(near)] = 1.0
        joined = ((matrix @ matrix) * matrix).sum(axis=1, dtype=np.float64).astype(int).tolist()
    else:
        joined = [sum(len(adjacency[u] & near) for u in near) for near in adjacency]
    return [(d * (d - 1) - twice) // 2 for d, twice in zip(degrees, joined, strict=True)]


def _complete(adjacency: Adjacency, clique: set[int], fill: list[int]) -> set[int]:
    """Join all nodes of the clique, keep ``fill`` exact, return the nodes whose fill changed."""
    touched: set[int] = set()
    for u in clique:
        near_u = adjacency[u]
        for w in clique - near_u:
            if w == u:
                continue
            near_w = adjacency[w]
            common = near_u & near_w
            for c in common:
                fill[c] -= 1
            touched |= common
            fill[u] += len(near_u) - len(common)
            fill[w] += len(near_w) - len(common)
            near_u.add(w)
            near_w.add(u)
    return touched


def mcs_m(adjacency: Adjacency) -> Elimination:
    """Maximum cardinality search that fills minimally (MCS-M), in O(n m) steps.

    Nodes are numbered from the last eliminated to the first. A node gains weight when it is joined
    to the numbered node by a path on which every inner node is unnumbered and lighter than itself.
    """
    n = len(adjacency)
    weight = [0] * n
    later: Adjacency = [set() for _ in range(n)]
    gone = bytearray(n)
    heap = list(range(n))  # node - weight * n: heaviest first, then the smaller node
    order: list[int] = []
    while heap:
        entry = heappop(heap)
        v = entry % n
        if gone[v] or entry != v - weight[v] * n:
            continue
        gone[v] = 1
        order.append(v)
        for u in _reached(adjacency, v, weight, gone):
            later[u].add(v)
            weight[u] += 1
            heappush(heap, u - weight[u] * n)
    order.reverse()
    return Elimination(order, list(order), [later[v] for v in order], sum(map(len, later)))


def _reached(adjacency: Adjacency, v: int, weight: list[int], gone: bytearray) -> list[int]:
    """Find the unnumbered nodes heavier than all inner nodes of some path from ``v``."""
    n = len(adjacency)
    seen = bytearray(gone)
    queue: list[int] = []  # height of the path (largest weight on it) * n + its last node
    reached = []
    for u in adjacency[v]:
        if not seen[u]:
            seen[u] = 1
            reached.append(u)
            queue.append(weight[u] * n + u)
    heapify(queue)
    while queue:
        height, u = divmod(heappop(queue), n)
        for w in adjacency[u]:
            if not seen[w]:
                seen[w] = 1
                if weight[w] > height:
                    reached.append(w)
                heappush(queue, max(weight[w], height) * n + w)
    return reached


def perfect_elimination(adjacency: Adjacency) -> Elimination | tuple[int, int, int]:
    """Order a chordal graph without fill, by maximum cardinality search (Tarjan, Yannakakis 1984).

    Returns
    -------
    Elimination or (int, int, int)
        The ordering; or, when the graph is not chordal, a node and two neighbours of it whose
        missing edge shows that.
    """
    n = len(adjacency)
    weight = [0] * n
    gone = bytearray(n)
    heap = list(range(n))
    order: list[int] = []
    position = [0] * n
    later: Adjacency = [set() for _ in range(n)]
    while heap:
        entry = heappop(heap)
        v = entry % n
        if gone[v] or entry != v - weight[v] * n:
            continue
        gone[v] = 1
        position[v] = len(order)
        if later[v]:
            parent = max(later[v], key=position.__getitem__)
            strangers = later[v] - later[parent] - {parent}
            if strangers:
                return v, parent, min(strangers)
        order.append(v)
        for u in adjacency[v]:
            if not gone[u]:
                later[u].add(v)
                weight[u] += 1
                heappush(heap, u - weight[u] * n)
    order.reverse()
    return Elimination(order, list(order), [later[v] for v in order], sum(map(len, later)))
