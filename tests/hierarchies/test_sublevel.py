"""The sublevel hierarchy: published values, limits, monotonicity."""

from __future__ import annotations

from itertools import combinations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polyopt as po
from polyopt.sparsity.subsets import clique_subsets, coupling_weights

from .problems import best_point, max_cut

FIVE_CYCLE = max_cut([(i, (i + 1) % 5) for i in range(5)], 5)
PETERSEN = max_cut(sorted(nx.petersen_graph().edges), 10)
COMPLETE = max_cut(combinations(range(5), 2), 5)


# Values of Chen, Lasserre, Magron, Pauwels 2022 and of an independent implementation.
@pytest.mark.parametrize(
    ("problem", "level", "depth", "value"),
    [
        (FIVE_CYCLE, 3, 1, 4.198216),
        (FIVE_CYCLE, 4, 1, 4.0),
        (PETERSEN, 3, 1, 12.466559),
        (PETERSEN, 4, 1, 12.343841),
        (PETERSEN, 4, 3, 12.105557),
        (PETERSEN, 6, 1, 12.0),
        (COMPLETE, 3, 1, 6.25),
        (COMPLETE, 4, 1, 6.25),
    ],
)
def test_maximum_cuts(problem: po.PolynomialProblem, level: int, depth: int, value: float) -> None:
    bound = po.sublevel(problem, order=2, level=level, depth=depth).solve().bound
    assert bound == pytest.approx(value, abs=1e-4)


def test_the_ends_of_the_hierarchy() -> None:
    x = po.variables("x", 4)
    f = x[0] * x[1] - x[1] * x[2] + x[2] * x[3] + x[3] * x[0] + x[0]
    problem = po.minimize(
        f, subject_to=[1 - x[0] ** 2 - x[1] ** 2 >= 0, x[2] ** 2 + x[3] ** 2 == 1]
    )
    low, high = po.putinar(problem, 1), po.putinar(problem, 2)
    assert po.sublevel(problem, level=0).plan == low.plan
    assert po.sublevel(problem, level=4).plan == high.plan
    bounds = [po.sublevel(problem, level=k).solve().bound for k in range(5)]
    assert bounds[0] == pytest.approx(low.solve().bound, abs=1e-6)
    assert bounds[4] == pytest.approx(high.solve().bound, abs=1e-6)
    assert (np.diff(bounds) > -1e-6).all()


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["ordered", "random", "weighted"]))
def test_bounds_are_valid_and_monotone(seed: int, choice: str) -> None:
    rng = np.random.default_rng(seed)
    x = po.variables("x", 6)
    pairs = [(i, j) for i in range(6) for j in range(i)]
    f = po.sum_polynomials(float(rng.normal()) * x[i] * x[j] for i, j in pairs)
    problem = po.minimize(f, subject_to=[v**2 == 1 for v in x])
    optimum = best_point(problem, [-1.0, 1.0])
    bounds = [
        po.sublevel(problem, level=level, depth=depth, subsets=choice, rng=3).solve().bound  # type: ignore[arg-type]
        for level, depth in ((0, 1), (3, 1), (3, 2), (4, 2))
    ]
    assert (np.diff(bounds) > -1e-5).all()
    assert bounds[-1] <= optimum + 1e-5


def test_with_correlative_sparsity() -> None:
    x = po.variables("x", 7)
    f = po.sum_polynomials(x[i] * x[i + 1] - 2 * x[i] * x[i + 2] for i in range(5))
    problem = po.minimize(f, subject_to=[v**2 == 1 for v in x])
    relaxation = po.sublevel(problem, level=3, sparsity="correlative")
    # Cliques of size 3: level 3 is order 2.
    full = po.putinar(problem, 2, sparsity="correlative")
    assert relaxation.solve().bound == pytest.approx(full.solve().bound, abs=1e-6)
    assert "cliques: 5 cliques" in str(relaxation)


def test_subsets_are_chosen_as_documented() -> None:
    assert clique_subsets([1, 3, 4, 8], 2) == ((1, 3), (3, 4), (4, 8), (1, 8))
    assert clique_subsets([1, 3, 4, 8], 2, 3) == tuple(
        dict.fromkeys([(1, 3), (3, 4), (4, 8), (1, 8), (1, 4), (3, 8)])
    )
    assert clique_subsets([0, 1], 5) == ((0, 1),)
    assert clique_subsets([0, 1], 0) == ()
    first = clique_subsets(range(9), 4, 2, choice="random", rng=1)
    assert first == clique_subsets(range(9), 4, 2, choice="random", rng=1)
    assert first != clique_subsets(range(9), 4, 2, choice="random", rng=2)
    x = po.variables("x", 4)
    weights = coupling_weights(range(4), [x[0] * x[2] + 0.5 * x[1] * x[3] + 0.1 * x[0] * x[1]])
    assert clique_subsets(range(4), 2, choice="weighted", weights=weights) == ((0, 2), (1, 3))


def test_given_subsets() -> None:
    triangles = [[0, 1, 2], [0, 2, 3], [0, 3, 4]]
    bound = po.sublevel(FIVE_CYCLE, subsets=triangles).solve().bound
    assert bound == pytest.approx(4.0, abs=1e-5)


def test_what_lies_in_no_subset_is_named() -> None:
    x = po.variables("x", 5)
    problem = po.minimize(x[0] ** 2 * x[2] ** 2, subject_to=[1 - v**2 >= 0 for v in x])
    with pytest.raises(po.PolyoptError, match=r"monomial x0\^2\*x2\^2 needs order 2"):
        po.sublevel(problem, level=2)
    assert po.sublevel(problem, level=2, depth=2).solve().bound == pytest.approx(0.0, abs=1e-6)
    quartic = po.minimize(x[0] + x[2], subject_to=[1 - x[0] ** 4 - x[2] ** 4 >= 0, x[1] >= 0])
    with pytest.raises(po.PolyoptError, match="inequality 0 needs order 2"):
        po.sublevel(quartic, level=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"order": 1}, "give d >= 2"),
        ({"level": -1}, "level is -1"),
        ({"depth": 0}, "depth is 0"),
        ({"subsets": "best"}, "ordered"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(po.PolyoptError, match=message):
        po.sublevel(FIVE_CYCLE, **arguments)  # type: ignore[arg-type]
