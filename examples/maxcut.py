"""The largest cut of a random graph: a proven upper bound, and a cut that comes close.

Shor's relaxation has one block with a row for each node; from 120 nodes on the low-rank solver
takes it. Cuts are read off the moments by random hyperplanes (Goemans and Williamson 1995).
Run it as ``python examples/maxcut.py``.
"""

from __future__ import annotations

import networkx as nx
import numpy as np

import polyopt as po


def main(nodes: int = 160) -> None:
    """Bound the cut, prove it, round."""
    graph = nx.gnp_random_graph(nodes, 0.08, seed=0)
    adjacency = nx.to_numpy_array(graph)
    total = graph.number_of_edges()
    x = po.variables("x", nodes)
    # Half of the edges minus the agreement of their ends.
    cut = po.quadratic(-adjacency / 4, np.zeros(nodes), total / 2, variables=x)
    problem = po.maximize(cut, subject_to=[v**2 == 1 for v in x])

    result = po.shor(problem).solve()
    proof = result.prove()
    print(f"{nodes} nodes, {total} edges, solver {result.solver}")
    print(f"largest cut <= {proof.bound:.3f} ({proof.kind}), so at most {int(proof.bound)} edges")

    moments = result.moments.matrix(np.arange(nodes), 1)[1:, 1:]
    values, vectors = np.linalg.eigh(moments)
    factor = vectors * np.sqrt(np.maximum(values, 0))
    planes = np.random.default_rng(0).standard_normal((nodes, 500))
    sides = np.where(factor @ planes >= 0, 1.0, -1.0)
    sizes = cut(sides.T)
    best = int(np.argmax(sizes))
    print(f"best of 500 random hyperplanes: {sizes[best]:.0f} edges (sampled)")
    print(f"that is at least {100 * sizes[best] / proof.bound:.1f} % of the optimum")


if __name__ == "__main__":
    main()
