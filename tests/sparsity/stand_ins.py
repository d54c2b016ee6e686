"""The least that the sparsity code asks of polynomials and problems, and graphs to test with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import networkx as nx
import numpy as np
from hypothesis import strategies as st


@dataclass(frozen=True)
class Poly:
    rows: np.ndarray[Any, Any]


@dataclass(frozen=True)
class Problem:
    objective: Poly
    variables: list[str]
    inequalities: list[Poly] = field(default_factory=list)
    equalities: list[Poly] = field(default_factory=list)


def poly(*monomials: tuple[int, ...]) -> Poly:
    """Build a polynomial from monomials given as lists of variable indices with repetition."""
    width = max((len(m) for m in monomials), default=0)
    rows = [[0] * (width - len(m)) + [v + 1 for v in sorted(m)] for m in monomials]
    return Poly(np.array(rows, dtype=np.int32).reshape(len(monomials), width))


def names(n: int) -> list[str]:
    return [f"x{i}" for i in range(n)]


def banded(n: int, width: int) -> Problem:
    """A least-squares chain: residual i couples variables i … i + width."""
    monomials = [
        (i + a, i + a, i + b, i + b)
        for i in range(n - width)
        for a in range(width + 1)
        for b in range(a, width + 1)
    ]
    return Problem(poly(*monomials), names(n), [poly((), (i, i)) for i in range(n)])


@st.composite
def graphs(draw: st.DrawFn, largest: int = 12) -> nx.Graph:
    """Any simple graph on nodes 0 … n-1, empty and disconnected ones included."""
    n = draw(st.integers(0, largest))
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    graph = nx.Graph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from(chosen)
    return graph


def set_families(n: int = 7, most: int = 7) -> st.SearchStrategy[list[tuple[int, ...]]]:
    """Nonempty subsets of 0 … n-1."""
    one = st.sets(st.integers(0, n - 1), min_size=1, max_size=4).map(lambda s: tuple(sorted(s)))
    return st.lists(one, min_size=1, max_size=most)
