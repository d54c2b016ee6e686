from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import polyopt as po
from polyopt.errors import SparsityError, UnknownOptionError, UnknownVariableError
from polyopt.sparsity import correlative_sparsity, csp_graph

from .stand_ins import Problem, banded, names, poly

SUPPORTS = st.lists(
    st.sets(st.integers(0, 8), min_size=1, max_size=3).map(sorted).map(tuple),
    min_size=1,
    max_size=6,
)


@pytest.mark.parametrize(("width", "sizes"), [(1, "2×29"), (2, "3×28"), (6, "7×24")])
def test_banded_least_squares(width, sizes):
    """Generalised Rosenbrock, Broyden tridiagonal and Broyden banded: n - w cliques of size w + 1.

    Coupled through whole residuals (every pair of variables in one residual meets in a monomial).
    """
    problem = banded(30, width)
    pattern = correlative_sparsity(problem, chordal="min_fill")
    assert pattern.cliques == tuple(tuple(range(i, i + width + 1)) for i in range(30 - width))
    assert str(pattern) == (
        f"{30 - width} cliques, largest {width + 1}, sizes {sizes}, running intersection holds"
    )
    assert pattern.method == "min_fill"
    assert pattern.number_of_variables == 30


def test_a_path_has_minimum_degree_cliques_of_size_two():
    pattern = correlative_sparsity(banded(1000, 1))
    assert pattern.cliques == tuple((i, i + 1) for i in range(999))
    assert pattern.cost(2) == 999 * 6**3


@given(SUPPORTS, SUPPORTS, st.sampled_from(["min_degree", "min_fill", "mcs_m", "maximal", "best"]))
def test_any_extension_covers_the_problem(monomials, constraints, method):
    problem = Problem(
        poly(*monomials), names(9), [poly(*((v,) for v in support)) for support in constraints]
    )
    pattern = correlative_sparsity(problem, chordal=method)
    assert pattern.running_intersection
    for to in ("first", "all"):
        assignment = pattern.assign(problem, to=to)
        assert assignment.equalities == ()
        for support, found in zip(constraints, assignment.inequalities, strict=True):
            assert found
            assert all(set(support) <= set(pattern.cliques[k]) for k in found)


def test_first_and_all():
    problem = Problem(poly((0, 1), (1, 2)), names(3), [poly((1,))], [poly((2,), (1,))])
    pattern = correlative_sparsity(problem)
    first, everywhere = pattern.assign(problem), pattern.assign(problem, to="all")
    assert (first.inequalities, first.equalities) == (((0,),), ((1,),))
    assert (everywhere.inequalities, everywhere.equalities) == (((0, 1),), ((1,),))


def test_dense_constraints_left_out():
    dense = poly(*[(i,) for i in range(4)])
    problem = Problem(poly((0, 1), (1, 2), (2, 3)), names(4), [dense, poly((3,))], [dense])
    assert correlative_sparsity(problem).cliques == ((0, 1, 2, 3),)
    pattern = correlative_sparsity(problem, without=[("inequality", 0), ("equality", 0)])
    assert pattern.cliques == ((0, 1), (1, 2), (2, 3))
    assignment = pattern.assign(problem)
    assert assignment.inequalities == ((), (2,))
    assert assignment.equalities == ((),)
    assert str(pattern).endswith("running intersection holds, 2 constraints left out")


def test_variables_in_no_polynomial_get_their_own_clique():
    assert correlative_sparsity(Problem(poly((0, 2)), names(4))).cliques == ((0, 2), (1,), (3,))


def test_user_cliques():
    problem = Problem(poly((0, 1), (1, 2)), ["a", "b", "c"], [poly((2,))])
    pattern = correlative_sparsity(problem, cliques=[["b", "c"], [0, 1], ["c"]])
    assert pattern.cliques == ((1, 2), (0, 1))
    assert pattern.method == "user"
    assert pattern.running_intersection


def test_user_cliques_without_running_intersection_are_said_so():
    ring = Problem(poly((0, 1), (1, 2), (0, 2)), names(3))
    pattern = correlative_sparsity(ring, cliques=[[0, 1], [1, 2], [0, 2]])
    assert str(pattern) == (
        "3 cliques, largest 2, sizes 2×3, running intersection fails: "
        "clique 2 {0, 2} meets the earlier ones in {0, 2}, which none of them contains"
    )


def test_user_cliques_that_miss_a_constraint():
    problem = Problem(
        poly((0, 1)), names(8), [poly((0,))] * 3 + [poly((0,), (4, 7))], [poly((1,), (7,))]
    )
    with pytest.raises(SparsityError) as error:
        correlative_sparsity(problem, cliques=[[0, 1], [4, 7]])
    assert str(error.value) == (
        "inequality 3 couples x0, x4, x7, which no clique contains (and 1 more); "
        "add such a clique or use nearly_sparse"
    )
    with pytest.raises(SparsityError, match="equality 0 couples x1, x7, which no"):
        correlative_sparsity(problem, cliques=[[0, 1], [0, 4, 7]])
    without = [("inequality", 3), ("equality", 0)]
    pattern = correlative_sparsity(problem, cliques=[[0, 1]], without=without)
    assert pattern.assign(problem).inequalities == ((0,), (0,), (0,), ())


def test_user_cliques_that_miss_a_monomial():
    problem = Problem(poly((0, 1, 1), (0, 2)), names(3))
    with pytest.raises(SparsityError, match="a monomial of the objective couples x0, x2, which no"):
        correlative_sparsity(problem, cliques=[[0, 1], [1, 2]])


def test_bad_input():
    problem = Problem(poly((0, 1)), names(2), [poly((0,))])
    with pytest.raises(UnknownVariableError, match="clique 0 contains variable 2"):
        correlative_sparsity(problem, cliques=[[0, 2]])
    with pytest.raises(UnknownOptionError, match="chordal method 'amd'"):
        correlative_sparsity(problem, chordal="amd")
    for item in (("inequality", 1), 0):
        with pytest.raises(SparsityError, match="has 1 inequalities and 0 equalities"):
            correlative_sparsity(problem, without=[item, ("inequality", 0)])
    pattern = correlative_sparsity(problem)
    with pytest.raises(SparsityError, match="made for 2 variables, the problem has 3"):
        pattern.assign(Problem(poly((0, 1)), names(3)))
    with pytest.raises(UnknownOptionError, match='"first" clique or to "all"'):
        pattern.assign(problem, to="some")


def test_the_classes_of_the_package_follow_the_protocol():
    x = po.variables("x", 4)
    problem = po.minimize(
        (x[0] - x[1] ** 2) ** 2 + x[1] * x[2] + x[2] * x[3] - 1,
        subject_to=[x[0] <= 2, x[3] * x[3] == 1],
    )
    pattern = correlative_sparsity(problem)
    assert pattern.cliques == ((0, 1), (1, 2), (2, 3))
    assignment = pattern.assign(problem)
    assert (assignment.inequalities, assignment.equalities) == (((0,),), ((2,),))
    named = correlative_sparsity(problem, cliques=[[x[0], x[1], "x2"], x[2:]])
    assert named.cliques == ((0, 1, 2), (2, 3))


def test_constant_problem():
    problem = Problem(poly(()), names(2), [poly(())])
    pattern = correlative_sparsity(problem)
    assert pattern.cliques == ((0,), (1,))
    assert pattern.assign(problem).inequalities == ((0,),)
    assert csp_graph(problem).number_of_edges() == 0
