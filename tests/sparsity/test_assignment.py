from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyopt.errors import SparsityError, UnknownOptionError
from polyopt.sparsity import assign_constraints, uncovered

from .stand_ins import set_families

supports_of = st.lists(st.sets(st.integers(0, 8), max_size=4).map(sorted), max_size=8)


@given(supports_of, set_families())
def test_assignment_agrees_with_the_definition(supports, cliques):
    expected = [
        [k for k, clique in enumerate(cliques) if set(support) <= set(clique)]
        for support in supports
    ]
    missing = tuple(k for k, found in enumerate(expected) if not found)
    assert uncovered(supports, cliques) == missing
    if missing:
        with pytest.raises(SparsityError, match=rf"^constraint {missing[0]} "):
            assign_constraints(supports, cliques)
    else:
        first = assign_constraints(supports, cliques)
        assert [list(found) for found in first] == [found[:1] for found in expected]
        for support, found, wanted in zip(
            supports, assign_constraints(supports, cliques, to="all"), expected, strict=True
        ):
            assert list(found) == (wanted if support else [0])


def test_error_names_constraint_and_variables():
    with pytest.raises(SparsityError) as error:
        assign_constraints(
            [[0], [0, 4, 7], [1, 7]],
            [(0, 4), (1, 7)],
            labels=["inequality 0", "inequality 3", "equality 0"],
        )
    assert str(error.value) == (
        "inequality 3 couples x0, x4, x7, which no clique contains; "
        "add such a clique or use nearly_sparse"
    )


def test_error_counts_the_others_and_shortens_long_lists():
    with pytest.raises(SparsityError) as error:
        assign_constraints([range(20), [5, 0]], [(0,)], names=[f"y{i}" for i in range(20)])
    assert str(error.value).startswith(
        "constraint 0 couples y0, y1, y2, y3, y4, y5, y6, y7, … (20 variables), "
        "which no clique contains (and 1 more)"
    )


def test_variable_outside_all_cliques():
    with pytest.raises(SparsityError, match="constraint 0 contains x9, which no clique contains"):
        assign_constraints([[9]], [(0, 1)])


def test_constants_go_to_the_first_clique():
    assert assign_constraints([[], [1], []], [(0,), (1,)], to="all") == ((0,), (1,), (0,))


def test_nothing_to_assign():
    assert assign_constraints([], [(0,)]) == ()
    assert assign_constraints([], []) == ()


def test_unknown_destination():
    with pytest.raises(UnknownOptionError, match="to='last'; constraints go to the \"first\""):
        assign_constraints([[0]], [(0,)], to="last")


def test_thousands_of_constraints_and_cliques():
    n = 5000
    cliques = [(i, i + 1) for i in range(n - 1)]
    assigned = assign_constraints([[i] for i in range(n)], cliques, to="all")
    assert assigned[0] == (0,)
    assert assigned[17] == (16, 17)
    assert assigned[n - 1] == (n - 2,)
