"""The order-1 moment matrix on many variables, whole or split along a chordal graph.

Only entries of ``M_1(y)`` that occur in the objective, a constraint or another block matter. If
they form a graph whose chordal extension has the maximal cliques ``I_k``, then ``M_1 ⪰ 0`` can be
completed exactly when all ``M_1(I_k) ⪰ 0`` (Grone, Johnson, Sá, Wolkowicz 1984; used for SDP by
Fukuda, Kojima, Murota, Nakata, SIAM J. Optim. 11, 2001), so the split costs nothing in strength.
"""

from __future__ import annotations

from collections.abc import Iterable

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from polyopt.polynomial.polynomial import Polynomial
from polyopt.problem import PolynomialProblem
from polyopt.relaxation.multiplier import Factor
from polyopt.sparsity.chordal import chordal_extension
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
    used = [problem.objective, *extra]
    used += [
        g for j, g in enumerate(problem.inequalities) if Factor("inequality", j) not in left_out
    ]
    used += [h for i, h in enumerate(problem.equalities) if Factor("equality", i) not in left_out]
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

    Cliques are merged while that lowers the estimated cost Σ (b(b+1)/2)^3 of an interior-point
    step; with ``split=False`` there is one block of all nodes.
    """
    nodes = sorted(graph.nodes)
    if not split or len(nodes) < 2:
        return [np.asarray(nodes, dtype=np.intp)]
    labels = {node: k for k, node in enumerate(nodes)}
    numbered = nx.relabel_nodes(graph, labels)
    extension = chordal_extension(numbered, "min_degree")
    names = np.asarray(nodes, dtype=np.intp)
    blocks = [names[list(clique)] for clique in extension.cliques]
    whole = _cost(len(nodes) + 1)
    return blocks if sum(_cost(len(b) + 1) for b in blocks) < whole else [names]


def _cost(side: int) -> float:
    return (side * (side + 1) / 2.0) ** 3
