from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyopt.errors import SparsityError
from polyopt.sparsity import csp_graph, edges_of_rows, edges_of_supports
from polyopt.sparsity import graph as graph_module
from polyopt.sparsity.graph import distinct_supports, supports_of

from .stand_ins import Problem, names, poly

monomial_lists = st.lists(
    st.lists(st.integers(0, 9), max_size=5).map(tuple), min_size=1, max_size=12
)


def test_objective_couples_within_monomials_and_constraints_couple_everything():
    problem = Problem(
        poly((0, 0, 1), (1, 2), (3,)),
        names(7),
        inequalities=[poly((), (3, 3), (4, 4))],
        equalities=[poly((4,), (5,))],
    )
    graph = csp_graph(problem)
    assert list(graph) == list(range(7))
    assert set(graph.edges) == {(0, 1), (1, 2), (3, 4), (4, 5)}
    assert [name for _, name in graph.nodes(data="name")] == names(7)


def test_without_leaves_constraints_out():
    dense = poly(*[(i,) for i in range(5)])
    problem = Problem(poly((0, 1)), names(5), [poly((1,), (2,)), dense], [dense])
    assert csp_graph(problem).number_of_edges() == 10
    sparse = csp_graph(problem, without=[("inequality", 1), ("equality", 0)])
    assert set(sparse.edges) == {(0, 1), (1, 2)}


@pytest.mark.parametrize(
    "item", [("inequality", 1), ("equality", 0), ("inequality", -1), 0, ["inequality", 0], "f"]
)
def test_without_names_something_else(item):
    problem = Problem(poly((0,)), names(1), [poly((0,))])
    with pytest.raises(SparsityError, match=r"has 1 inequalities and 0 equalities; name them as"):
        csp_graph(problem, without=[item])


def test_constant_objective_and_no_variables():
    assert csp_graph(Problem(poly(()), names(2))).number_of_edges() == 0
    assert len(csp_graph(Problem(poly(), []))) == 0


@given(monomial_lists)
def test_edges_of_rows_agree_with_pairs(monomials):
    expected = sorted({pair for m in monomials for pair in combinations(sorted(set(m)), 2)})
    assert list(map(tuple, edges_of_rows(poly(*monomials).rows).tolist())) == expected


@given(monomial_lists)
def test_distinct_supports_agree_with_sets(monomials):
    found = distinct_supports(poly(*monomials).rows)
    assert sorted(tuple(v - 1 for v in row if v) for row in found.tolist()) == sorted(
        {tuple(sorted(set(m))) for m in monomials}
    )


@given(st.lists(monomial_lists, max_size=5))
def test_supports_of_agree_with_sets(polynomials):
    found = supports_of([poly(*monomials) for monomials in polynomials])
    assert [s.tolist() for s in found] == [sorted(set().union(*m)) for m in polynomials]


def test_supports_too_wide_for_one_integer_key():
    wide = tuple(range(40_000, 40_012))
    rows = poly(wide, wide, (0, 40_000)).rows
    assert len(distinct_supports(rows)) == 2
    assert len(edges_of_rows(rows)) == 12 * 11 // 2 + 1


@given(st.lists(st.sets(st.integers(0, 9), max_size=6).map(sorted), max_size=10))
def test_edges_of_supports_agree_with_pairs(supports):
    expected = sorted({pair for s in supports for pair in combinations(s, 2)})
    assert list(map(tuple, edges_of_supports(supports).tolist())) == expected


def test_edges_of_supports_in_pieces(monkeypatch):
    supports = [np.array([i, i + 1, i + 3]) for i in range(20)]
    whole = edges_of_supports(supports)
    monkeypatch.setattr(graph_module, "_PAIRS_AT_ONCE", 4)
    np.testing.assert_array_equal(edges_of_supports(supports), whole)
