"""The order-1 moment matrix on many variables, whole or split along a chordal graph.

Only entries of ``M_1(y)`` that occur in the objective, a constraint or another block matter. If
they form a graph whose chordal extension has the maximal cliques ``I_k``, then ``M_1 ⪰ 0`` can be
completed exactly when all ``M_1(I_k) ⪰ 0`` (Grone, Johnson, Sá, Wolkowicz 1984; used for SDP by
Fukuda, Kojima, Murota, Nakata, SIAM J. Optim. 11, 2001), so the split costs nothing in strength.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from polyopt.polynomial.matrix import PolynomialMatrix
from polyopt.polynomial.polynomial import Polynomial
from polyopt.problem import PolynomialProblem
from polyopt.relaxation.multiplier import Factor
from polyopt.sparsity.chordal import chordal_extension
from polyopt.sparsity.cliques import clique_tree
from polyopt.sparsity.graph import edges_of_rows


def quadratic_pattern(
    problem: PolynomialProblem,
    *,
    without: Iterable[Factor] = (),
    cliques: Iterable[Iterable[int]] = (),
    extra: Iterable[Polynomial] = (),
) -> nx.Graph:
    """Graph of the pairs of variables whose product (or common block) occurs.

    Parameters
    ----------
    problem : PolynomialProblem
    without : iterable of Factor
        Constraints that are not used with a constant multiplier.
    cliques : iterable of iterables of int
        Groups of variables that have a block of their own.
    extra : iterable of Polynomial
        Further polynomials whose value is used.
    """
    left_out = set(without)
    used: list[Polynomial | PolynomialMatrix] = [problem.objective, *extra]
    used += [
        g for j, g in enumerate(problem.inequalities) if Factor("inequality", j) not in left_out
    ]
    used += [h for i, h in enumerate(problem.equalities) if Factor("equality", i) not in left_out]
    used += [
        matrix
        for k, matrix in enumerate(problem.matrix_inequalities)
        if Factor("matrix", k) not in left_out
    ]
    graph = nx.Graph()
    graph.add_nodes_from(np.unique(np.concatenate([p.support for p in used])).tolist())
    for polynomial in used:
        if polynomial.degree >= 2:
            graph.add_edges_from(edges_of_rows(polynomial.rows).tolist())
    for clique in cliques:
        members = list(clique)
        graph.add_nodes_from(members)
        graph.add_edges_from((a, b) for i, a in enumerate(members) for b in members[:i])
    return graph


def first_order_blocks(graph: nx.Graph, *, split: bool = True) -> list[NDArray[np.intp]]:
    """Variables of each order-1 block: the maximal cliques of a chordal extension.

    Cliques that hang on one separator are bundled as :func:`bundle_cliques` finds cheapest, and
    all become one block where that is cheaper still; with ``split=False`` there is one block.
    """
    nodes = sorted(graph.nodes)
    if not split or len(nodes) < 2:
        return [np.asarray(nodes, dtype=np.intp)]
    labels = {node: k for k, node in enumerate(nodes)}
    numbered = nx.relabel_nodes(graph, labels)
    extension = chordal_extension(numbered, "min_degree")
    names = np.asarray(nodes, dtype=np.intp)
    bundles, cost = bundle_cliques(extension.cliques)
    if cost >= _entries(len(nodes) + 1) ** 3:
        return [names]
    return [names[list(bundle)] for bundle in bundles]


def bundle_cliques(
    cliques: Sequence[tuple[int, ...]],
) -> tuple[list[tuple[int, ...]], float]:
    """Merge cliques that share a separator until a step of an interior-point solver is cheap.

    Each block of side b has b(b+1)/2 entries. Blocks on one separator share its moments, and a
    fill-reducing ordering that eliminates those first joins all the blocks' copies of them into
    one front. With m cliques merged into k bundles the cost is estimated as
    ``Σ entries³ + (k · entries of the separator)³``; the best k (a power of two) is taken.

    Parameters
    ----------
    cliques : sequence of sorted int tuples
        Maximal cliques of a chordal graph.

    Returns
    -------
    bundles : list of sorted int tuples
    cost : float
        The estimate for all bundles.

    Examples
    --------
    A star of 64 cliques on a separator of ten nodes becomes a few larger blocks.

    >>> star = [(*range(10), 10 + leaf) for leaf in range(64)]
    >>> len(bundle_cliques(star)[0])
    8
    """
    tree = clique_tree(cliques)
    groups: dict[tuple[int, ...], list[int]] = {}
    for k in tree.order:
        if tree.parents[k] >= 0:
            groups.setdefault(tuple(sorted(tree.separators[k])), []).append(k)
    roots = [k for k in tree.order if tree.parents[k] < 0]
    for root in roots:
        home = next(
            (s for s, members in groups.items() if tree.parents[members[0]] == root and s), None
        )
        groups.setdefault(home if home is not None else (), []).append(root)
    bundles: list[tuple[int, ...]] = []
    total = 0.0
    for separator, members in groups.items():
        best, cost = _best_bundles([set(cliques[k]) for k in members], len(separator))
        bundles += [tuple(sorted(bundle)) for bundle in best]
        total += cost
    return bundles, total


def _best_bundles(members: list[set[int]], shared: int) -> tuple[list[set[int]], float]:
    best: list[set[int]] = members
    best_cost = np.inf
    count = len(members)
    while True:
        size = -(-len(members) // count)
        trial = [
            set().union(*members[start : start + size]) for start in range(0, len(members), size)
        ]
        front = (len(trial) * _entries(shared + 1)) ** 3 if shared and len(trial) > 1 else 0.0
        cost = sum(_entries(len(block) + 1) ** 3 for block in trial) + front
        if cost < best_cost:
            best, best_cost = trial, cost
        if count == 1 or not shared:
            return best, float(best_cost)
        count = (count + 1) // 2


def _entries(side: int) -> float:
    return side * (side + 1) / 2.0
