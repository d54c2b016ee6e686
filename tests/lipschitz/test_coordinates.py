"""The input norm L1: coordinate by coordinate, between the exact constant and intervals."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lipschitz_app as la
from lipschitz_app.rounding import FloatArray
from lipschitz_app.upper.coordinates import entry_bounds

from .networks import benchmark, one_layer, presolved, small_networks


def upper(net: la.Network, region: la.Box | la.Ball | la.Everywhere, method: str) -> float:
    return la.lipschitz_constant(net, region, 1, method=method, lower=False).upper


@settings(max_examples=15, deadline=None)
@given(small_networks(), st.floats(0.1, 2.0))
def test_order_of_bounds(case: tuple[la.Network, FloatArray], radius: float) -> None:
    net, center = case
    region = la.Box(center, radius)
    values = [upper(net, region, m) for m in ("exact", "hr2", "shor", "interval")]
    for tighter, looser in pairwise(values):
        assert tighter <= looser + 1e-5 * (1 + values[-1])
    assert upper(net, region, "mccormick") == pytest.approx(values[1], abs=1e-5)
    inside = upper(net, la.Ball(center, radius), "hr2")
    assert inside <= values[-1] + 1e-5


@settings(max_examples=25, deadline=None)
@given(small_networks(), st.floats(0.05, 2.0), st.integers(0, 99))
def test_entries_lie_within_their_bounds(
    case: tuple[la.Network, FloatArray], radius: float, seed: int
) -> None:
    net, center = case
    region = la.Box(center, radius)
    hidden = presolved(net, region)
    rng = np.random.default_rng(seed)
    points = rng.uniform(region.inner_lower, region.inner_upper, (50, region.size))
    gradients = net.jacobian(points)[:, 0]
    bounds = entry_bounds(hidden)
    assert (gradients <= bounds[:, 0]).all()
    assert (-gradients <= bounds[:, 1]).all()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_over_the_whole_space_all_patterns_count(seed: int) -> None:
    net, _ = benchmark([10, 20, 1], seed)
    (rows, _), (weights, _) = net.affine_pairs()
    parts = weights[0][:, None] * rows
    expected = max(np.maximum(parts, 0).sum(axis=0).max(), np.maximum(-parts, 0).sum(axis=0).max())
    assert upper(net, la.Everywhere(), "shor") == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_local_relaxation_is_closer_than_intervals(seed: int) -> None:
    net, center = benchmark([10, 20, 1], seed)
    region = la.Box(center, 0.1)
    result = la.lipschitz_constant(net, region, 1, method="hr2")
    assert result.upper_kind == "proven"
    exact = upper(net, region, "exact")
    assert exact <= result.upper < upper(net, region, "interval")
    assert result.lower == pytest.approx(exact, rel=1e-6)
    assert upper(net, region, "auto") <= result.upper


def test_neurons_that_cannot_meet() -> None:
    """relu(x - 1) + relu(-x - 1): intervals add nothing here, but both are never active."""
    net = one_layer([[1.0], [-1.0]], [-1.0, 1.0 - 2.0], [1.0, -1.0])
    region = la.Box([0.0], 2.0)
    assert upper(net, region, "interval") == pytest.approx(2.0)
    assert upper(net, region, "exact") == pytest.approx(1.0)
    assert upper(net, region, "hr2") < 2.0 - 0.1
