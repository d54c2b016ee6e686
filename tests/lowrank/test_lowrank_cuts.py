"""Cuts hold for all signs; separation finds what enumeration finds."""

from __future__ import annotations

from itertools import combinations

import networkx as nx
import numpy as np
import pytest

from polyopt.solvers.lowrank import FirstOrderModel, LowRankOptions, MatrixOperator
from polyopt.solvers.lowrank.cuts import (
    Cuts,
    cut_and_solve,
    separate_cycles,
    separate_triangles,
)
from polyopt.solvers.lowrank.lbfgs import normalise_rows


@pytest.fixture
def factor(rng):
    return normalise_rows(rng.standard_normal((9, 2)))


def test_triangles_are_those_of_enumeration(factor):
    everything = np.arange(9)
    cuts = separate_triangles(factor, everything, everything, count=10**6, threshold=1e-9)
    cuts = Cuts.empty().joined(cuts)
    X = factor @ factor.T
    expected = []
    for i, j, k in combinations(range(9), 3):
        for p, q, r in ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)):
            value = 1 + p * X[i, j] + q * X[i, k] + r * X[j, k]
            if value < -1e-9:
                expected.append(value)
    assert cuts.size == len(expected) > 0
    np.testing.assert_allclose(np.sort(cuts.family().values(factor)), np.sort(expected))


def test_only_the_most_violated_are_returned(factor):
    everything = np.arange(9)
    all_cuts = separate_triangles(factor, everything[:1], everything[1:], count=1000)
    few = separate_triangles(factor, everything[:1], everything[1:], count=2)
    values = np.sort(all_cuts.family().values(factor))
    np.testing.assert_allclose(np.sort(few.family().values(factor)), values[:2])


def test_cycles_are_violated_and_found(rng):
    # The four vectors of the largest quantum violation 2√2.
    angles = np.array([0, np.pi / 2, np.pi / 4, -np.pi / 4])
    factor = np.column_stack([np.cos(angles), np.sin(angles)])
    cuts = separate_cycles(factor, np.array([0, 1]), np.array([2, 3]))
    assert cuts.size == 1
    assert cuts.family().values(factor)[0] == pytest.approx(2 - 2 * np.sqrt(2))


def test_no_sign_vector_violates_a_cut(factor, rng):
    cuts = separate_triangles(factor, np.arange(4), np.arange(4, 9))
    cuts = cuts.joined(separate_cycles(factor, np.arange(4), np.arange(4, 9)))
    assert cuts.size
    family = cuts.family()
    for _ in range(200):
        signs = rng.choice([-1.0, 1.0], size=(9, 1))
        assert family.values(signs).min() >= 0


def test_repeated_cuts_are_kept_once(factor):
    cuts = separate_triangles(factor, np.arange(4), np.arange(4, 9))
    assert cuts.joined(cuts).size == cuts.size
    assert Cuts.empty().joined(cuts).size == cuts.size


def test_nothing_is_violated_by_a_point(rng):
    signs = rng.choice([-1.0, 1.0], size=(9, 1))
    assert separate_triangles(signs, np.arange(4), np.arange(4, 9)).size == 0
    assert separate_cycles(signs, np.arange(4), np.arange(4, 9)).size == 0


def test_triangles_close_the_five_cycle():
    weights = nx.to_numpy_array(nx.cycle_graph(5))
    model = FirstOrderModel(5, (MatrixOperator(-weights / 4),), 2.5)
    everything = np.arange(5)
    options = LowRankOptions(relative_gap=1e-4, rounds=30)
    result, extended = cut_and_solve(model, (everything, everything), options)
    assert 4.0 <= result.bound <= 4.0 * (1 + 2e-3)
    assert extended.number_of_constraints > 0
