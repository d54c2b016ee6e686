from __future__ import annotations

from itertools import combinations, permutations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyopt.errors import SparsityError, UnknownVariableError
from polyopt.sparsity import (
    chordal_extension,
    clique_tree,
    maximal_cliques,
    running_intersection,
    validate_cliques,
)
from polyopt.sparsity.cliques import describe_cliques

from .stand_ins import graphs, set_families


def satisfies_rip(cliques: list[tuple[int, ...]]) -> bool:
    """Check the property in the given order, by its definition."""
    for k in range(1, len(cliques)):
        shared = set(cliques[k]) & set().union(*cliques[:k])
        if not any(shared <= set(earlier) for earlier in cliques[:k]):
            return False
    return True


@given(graphs())
def test_maximal_cliques_of_chordal_graphs(graph):
    chordal = chordal_extension(graph).graph
    expected = sorted(tuple(sorted(c)) for c in nx.chordal_graph_cliques(chordal))
    assert list(maximal_cliques(chordal)) == expected


@given(graphs())
def test_maximal_cliques_recognises_chordality(graph):
    if nx.is_chordal(graph):
        assert len(maximal_cliques(graph)) == len(list(nx.find_cliques(graph)))
    else:
        with pytest.raises(SparsityError, match=r"not chordal: .* not joined; use chordal_ext"):
            maximal_cliques(graph)


@given(set_families(6, 6))
def test_running_intersection_agrees_with_all_orders(cliques):
    found = running_intersection(cliques)
    assert bool(found) == any(satisfies_rip(list(order)) for order in permutations(cliques))
    if found:
        assert sorted(found.order) == list(range(len(cliques)))
        for place, k in enumerate(found.order):
            earlier = found.order[:place]
            shared = set(cliques[k]) & set().union(*(cliques[j] for j in earlier))
            if shared:
                assert found.parents[k] in earlier
                assert shared <= set(cliques[found.parents[k]])
            else:
                assert found.parents[k] == -1
        assert found.violation == ""
    else:
        # The order given is satisfied up to its last clique, which the message names.
        ordered = [cliques[k] for k in found.order]
        assert satisfies_rip(ordered[:-1])
        assert not satisfies_rip(ordered)
        assert found.violation.startswith(f"clique {found.order[-1]} ")


def test_violation_shortens_long_sets():
    first, second, third = range(9), range(9, 18), range(18, 27)
    found = running_intersection([(*first, *second), (*second, *third), (*first, *third)])
    assert str(found) == (
        "running intersection fails: clique 2 {0, 1, 2, 3, 4, 5, 6, 7, … 18 in all} meets the "
        "earlier ones in {0, 1, 2, 3, 4, 5, 6, 7, … 18 in all}, which none of them contains"
    )


@given(set_families())
def test_clique_tree_has_maximum_weight(cliques):
    tree = clique_tree(cliques)
    weight = sum(map(len, tree.separators))
    complete = nx.Graph()
    complete.add_nodes_from(range(len(cliques)))
    for i, j in combinations(range(len(cliques)), 2):
        if shared := set(cliques[i]) & set(cliques[j]):
            complete.add_edge(i, j, weight=len(shared))
    best = nx.maximum_spanning_tree(complete)
    assert weight == best.size(weight="weight")
    graph = tree.to_networkx()
    assert nx.is_forest(graph)
    assert graph.number_of_edges() == best.number_of_edges()
    assert tree.parents.count(-1) == nx.number_connected_components(complete)
    place = {k: i for i, k in enumerate(tree.order)}
    assert len(place) == len(cliques)
    assert all(parent == -1 or place[parent] < place[k] for k, parent in enumerate(tree.parents))


@given(graphs())
def test_clique_tree_of_a_chordal_graph_is_a_junction_tree(graph):
    cliques = chordal_extension(graph, "min_fill").cliques
    tree = clique_tree(cliques).to_networkx()
    for v in graph:
        holding = [k for k, clique in tree.nodes(data="clique") if v in clique]
        assert nx.is_connected(tree.subgraph(holding))
    assert all(
        set(s) == set(cliques[a]) & set(cliques[b]) for a, b, s in tree.edges(data="separator")
    )


def test_clique_tree_prints_itself():
    tree = clique_tree([(0, 1, 2), (1, 2, 3), (7,)])
    assert str(tree) == "clique tree: 3 cliques, 2 trees, largest separator 2"
    assert str(clique_tree([(0,)])) == "clique tree: 1 clique, 1 tree, largest separator 0"


def test_no_cliques():
    assert running_intersection([])
    assert clique_tree([]).order == ()
    assert maximal_cliques(nx.Graph()) == ()


def test_many_cliques_with_a_common_variable():
    star = [(0, i) for i in range(1, 3000)]
    assert running_intersection(star)
    assert set(clique_tree(star).separators[1:]) == {(0,)}


def test_validate_accepts_indices_names_and_symbols():
    class Symbol:
        def __str__(self) -> str:
            return "y"

    found = validate_cliques(
        [np.array([2, 0]), ["x", Symbol()], {1}, (0, 2), range(1)], 3, names=["x", "y", "z"]
    )
    assert found == ((0, 2), (0, 1))


@given(set_families())
def test_validate_keeps_maximal_cliques_in_order(cliques):
    found = validate_cliques(cliques, 7)
    sets = list(map(set, cliques))
    expected = [
        c
        for k, c in enumerate(cliques)
        if c not in cliques[:k] and not any(set(c) < other for other in sets)
    ]
    assert list(found) == expected


@pytest.mark.parametrize(
    ("cliques", "error", "message"),
    [
        ([], SparsityError, "no cliques were given; give at least one, or leave cliques out"),
        ([[0], []], SparsityError, "clique 1 is empty; remove it or name its variables"),
        ([0, 1], SparsityError, "clique 0 is 0; a clique is a list of variable indices or names"),
        (["xy"], SparsityError, "clique 0 is 'xy'; a clique is a list"),
        ([[0, 3]], UnknownVariableError, "clique 0 contains variable 3, but the problem has 3 var"),
        ([[0], [-1]], UnknownVariableError, "clique 1 contains variable -1"),
        ([["w"]], UnknownVariableError, "clique 0 contains 'w', which is no variable; known are x"),
        ([[True]], UnknownVariableError, "clique 0 contains True, which is no variable"),
        ([[0.5]], UnknownVariableError, "clique 0 contains 0.5, which is no variable"),
    ],
)
def test_validate_reports(cliques, error, message):
    with pytest.raises(error, match=message):
        validate_cliques(cliques, 3, names=["x", "y", "z"])


def test_validate_without_names():
    with pytest.raises(UnknownVariableError, match="give indices, or names= as well"):
        validate_cliques([["x"]], 3)


@given(st.integers(1, 9))
def test_description(n):
    assert describe_cliques([(0, 1)] * n).endswith(f"largest 2, sizes 2×{n}")


def test_description_of_many_sizes():
    text = describe_cliques([tuple(range(k)) for k in range(1, 10)])
    assert text == ("9 cliques, largest 9, sizes 9×1, 8×1, 7×1, 6×1, 5×1, 4×1, … 3 smaller sizes")
