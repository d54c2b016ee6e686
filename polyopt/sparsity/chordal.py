"""Chordal extensions: edges added to a graph until its maximal cliques form a tree.

A graph is chordal when every cycle of length four or more has a chord; then its maximal cliques
have the running intersection property. The cost of a relaxation is set by these cliques, so the
extension should create small ones. No method is best on all graphs: :func:`chordal_extension` with
``method="best"`` tries several and keeps the cheapest.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import comb

import networkx as nx

from polyopt.errors import SparsityError, UnknownOptionError
from polyopt.sparsity.cliques import Clique, Cliques, describe_cliques
from polyopt.sparsity.elimination import (
    Adjacency,
    Elimination,
    integer_adjacency,
    mcs_m,
    minimum_degree,
    minimum_fill,
    perfect_elimination,
    relabel,
)

METHODS = ("min_degree", "min_fill", "mcs_m", "maximal", "none", "best")
"""Names that :func:`chordal_extension` understands."""

_ELIMINATIONS: dict[str, Callable[[Adjacency], Elimination]] = {
    "min_degree": minimum_degree,
    "min_fill": minimum_fill,
    "mcs_m": mcs_m,
}

# "best" tries a method only while its estimated number of steps stays below this: about a second.
_MIN_FILL_WORK = 15_000_000
_MCS_M_WORK = 2_000_000


# No slots: the cached property needs a place to live.
@dataclass(frozen=True)
class ChordalExtension:
    """A graph made chordal, described by its maximal cliques.

    Attributes
    ----------
    source : networkx.Graph
        The graph that was extended.
    method : str
        How; for ``"best"``, the method that won.
    cliques : tuple of tuple of int
        Maximal cliques, each sorted, in lexicographic order.
    elimination_order : tuple of int
        A perfect elimination ordering of the filled graph; empty when that is not chordal, which
        only ``method="none"`` allows.
    fill : int
        Number of edges added.
    """

    source: nx.Graph
    method: str
    cliques: Cliques
    elimination_order: tuple[int, ...]
    fill: int

    @property
    def is_chordal(self) -> bool:
        """Whether the cliques come from a chordal graph."""
        return bool(self.elimination_order) or not self.cliques

    @cached_property
    def graph(self) -> nx.Graph:
        """The filled graph: the source (nodes with their attributes) plus the added edges."""
        filled = self.source.copy()
        if self.fill:
            for clique in self.cliques:
                filled.add_edges_from(
                    (u, v) for u, v in combinations(clique, 2) if not filled.has_edge(u, v)
                )
        return filled

    def cost(self, order: int = 2) -> int:
        """Estimate the cost of a relaxation, see :func:`clique_cost`."""
        return clique_cost(self.cliques, order)

    def __str__(self) -> str:
        chordal = f"{self.fill} edges added" if self.is_chordal else "not chordal"
        return f"{self.method}: {describe_cliques(self.cliques)}, {chordal}"


def clique_cost(cliques: Sequence[Sequence[int]], order: int = 2) -> int:
    r"""Estimate the cost of an order-d relaxation on cliques.

    .. math:: \sum_k \binom{|I_k| + d}{d}^3,

    the cubes of the sides of the moment matrices.

    Raises
    ------
    SparsityError
        If the order is not a positive integer.

    Examples
    --------
    >>> clique_cost([(0, 1), (1, 2)], order=2)
    432
    """
    try:
        d = operator.index(order)
    except TypeError:
        d = 0
    if d < 1:
        raise SparsityError(f"order is {order!r}; relaxation orders are the integers 1, 2, …")
    return sum(comb(len(clique) + d, d) ** 3 for clique in cliques)


def chordal_extension(
    graph: nx.Graph, method: str = "min_degree", *, order: int = 2
) -> ChordalExtension:
    """Extend a graph to a chordal one and list its maximal cliques.

    Parameters
    ----------
    graph : networkx.Graph
        Integer nodes, as :func:`~polyopt.sparsity.graph.csp_graph` makes them.
    method : str
        - ``"min_degree"``: eliminate nodes of smallest degree first; fast.
        - ``"min_fill"``: eliminate nodes that add the fewest edges first; slower, usually the
          smallest cliques, no fill on chordal graphs.
        - ``"mcs_m"``: maximum cardinality search; the added edges are inclusion-minimal, the
          cliques often larger. O(n m) steps.
        - ``"maximal"``: complete every connected component.
        - ``"none"``: add nothing and take the maximal cliques of the graph itself. If it is not
          chordal the running intersection property may fail.
        - ``"best"``: the cheapest of the first four by ``cost(order)``, the earlier in this list on
          ties. Minimum fill and MCS-M are not tried when minimum degree adds no edge, nor on graphs
          so large and dense that they would take more than about a second.
    order : int
        Relaxation order for which ``"best"`` estimates costs.

    Returns
    -------
    ChordalExtension
        Cliques, elimination ordering, and (built when asked for) the filled graph.

    Raises
    ------
    UnknownOptionError
        If there is no such method.
    SparsityError
        If the graph is directed or has nodes that are not integers, or the order is not positive.

    References
    ----------
    H. L. Bodlaender, A. M. C. A. Koster. Treewidth computations I. Upper bounds. Information and
    Computation 208 (2010).
    A. Berry, J. R. S. Blair, P. Heggernes, B. W. Peyton. Maximum cardinality search for computing
    minimal triangulations of graphs. Algorithmica 39 (2004).

    Examples
    --------
    >>> import networkx as nx
    >>> extension = chordal_extension(nx.cycle_graph(5))
    >>> extension.cliques
    ((0, 1, 4), (1, 2, 4), (2, 3, 4))
    >>> print(extension)
    min_degree: 3 cliques, largest 3, sizes 3×3, 2 edges added
    """
    if method not in METHODS:
        raise UnknownOptionError(f"chordal method {method!r}; known are {', '.join(METHODS)}")
    labels, adjacency = integer_adjacency(graph)
    if method == "best":
        return _cheapest(graph, labels, adjacency, order)
    return _extend(graph, labels, adjacency, method)


def _cheapest(
    graph: nx.Graph, labels: Sequence[int], adjacency: Adjacency, order: int
) -> ChordalExtension:
    def attempt(method: str) -> ChordalExtension:
        return _extend(graph, labels, [set(near) for near in adjacency], method)

    first = attempt("min_degree")
    trials = [first]
    if first.fill:
        # Each edge of the fill costs minimum fill about one pass over a clique.
        if first.fill * max(map(len, first.cliques)) <= _MIN_FILL_WORK:
            trials.append(attempt("min_fill"))
        if len(labels) * (len(labels) + graph.number_of_edges()) <= _MCS_M_WORK:
            trials.append(attempt("mcs_m"))
    trials.append(attempt("maximal"))
    return min(trials, key=lambda extension: extension.cost(order))


def _extend(
    graph: nx.Graph, labels: Sequence[int], adjacency: Adjacency, method: str
) -> ChordalExtension:
    """Extend by one method; consumes ``adjacency``."""
    edges = sum(map(len, adjacency)) // 2
    if method == "maximal":
        components = sorted(tuple(sorted(c)) for c in _components(adjacency))
        filled = sum(comb(len(c), 2) for c in components)
        elimination: list[int] = [v for c in components for v in c]
        cliques: list[Clique] = components
    elif method == "none":
        found = perfect_elimination(adjacency)
        if isinstance(found, tuple):
            elimination, filled = [], edges
            plain = nx.Graph([(u, v) for u, near in enumerate(adjacency) for v in near])
            plain.add_nodes_from(range(len(adjacency)))
            cliques = sorted(tuple(sorted(c)) for c in nx.find_cliques(plain))
        else:
            elimination, filled, cliques = found.order, edges, found.maximal_cliques()
    else:
        result = _ELIMINATIONS[method](adjacency)
        elimination, filled, cliques = result.order, result.edges, result.maximal_cliques()
    return ChordalExtension(
        source=graph,
        method=method,
        cliques=relabel(cliques, labels),
        elimination_order=tuple(labels[v] for v in elimination),
        fill=filled - edges,
    )


def _components(adjacency: Adjacency) -> list[set[int]]:
    components = []
    seen: set[int] = set()
    for root in range(len(adjacency)):
        if root not in seen:
            component = {root}
            front = [root]
            while front:
                near = adjacency[front.pop()] - component
                component |= near
                front.extend(near)
            seen |= component
            components.append(component)
    return components
