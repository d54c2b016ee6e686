"""Branch and bound: against enumeration, early ends, and the ranges of cut regions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lipschitz_app as la
from lipschitz_app import norms
from lipschitz_app.cuts import CutPrograms, CutRegion, is_empty, tighten
from lipschitz_app.encoding import pre_activations
from lipschitz_app.rounding import FloatArray, Norm, dual
from lipschitz_app.upper.branch import branch_bound
from lipschitz_app.upper.exact import exact_constant

from .networks import all_patterns, benchmark, chen_network, presolved, small_networks


def _gradient_norms(net: la.Network, points: FloatArray, norm: Norm) -> FloatArray:
    return norms.values(net.jacobian(points)[:, 0, :], dual(norm))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_net_a_is_closed_to_its_exact_constant(seed: int) -> None:
    exact = [2.903741, 1.982572, 1.923653][seed]
    net, center = benchmark([10, 20, 1], seed)
    result = la.lipschitz_constant(net, la.Box(center, 0.1), method="branch")
    assert result.upper_kind == "proven"
    assert exact - 1e-6 <= result.upper <= exact * 1.0011
    assert result.lower is not None
    assert result.lower == pytest.approx(exact, abs=1e-6)


def test_over_the_whole_space_every_pattern_counts() -> None:
    net, _ = benchmark([10, 12, 1], 3)
    hidden = presolved(net, la.Everywhere())
    bound = branch_bound(hidden, la.Everywhere(), "inf", gap=1e-6)
    assert bound.value == pytest.approx(all_patterns(net), rel=1e-5)


@settings(max_examples=40)
@given(small_networks(), st.sampled_from(["1", "2", "inf"]), st.floats(0.05, 3.0))
def test_agrees_with_enumeration(
    drawn: tuple[la.Network, FloatArray], norm: Norm, radius: float
) -> None:
    net, center = drawn
    region = la.Box(center, radius)
    hidden = presolved(net, region)
    if hidden.unstable == 0:
        return
    exact = exact_constant(hidden, region, norm, kinks=True).value
    bound = branch_bound(hidden, region, norm, gap=1e-4)
    assert exact * (1 - 1e-6) <= bound.value <= exact * (1 + 2e-4) + 1e-9


@settings(max_examples=20)
@given(small_networks(), st.floats(0.05, 3.0), st.integers(0, 100))
def test_balls(drawn: tuple[la.Network, FloatArray], radius: float, seed: int) -> None:
    net, center = drawn
    region = la.Ball(center, radius)
    hidden = presolved(net, region)
    if hidden.unstable == 0:
        return
    bound = branch_bound(hidden, region, "2", gap=1e-4)
    rng = np.random.default_rng(seed)
    inside = rng.standard_normal((200, center.size))
    inside *= radius * rng.random((200, 1)) / np.linalg.norm(inside, axis=1, keepdims=True)
    assert _gradient_norms(net, center + inside, "2").max() <= bound.value
    assert bound.value <= exact_constant(
        presolved(net, la.Box(center, radius)), la.Box(center, radius), "2", kinks=True
    ).value * (1 + 2e-4)


def test_a_time_limit_leaves_a_proven_bound() -> None:
    net, center = chen_network(40, 40, 0)
    region = la.Box(center, 0.1)
    start = la.lipschitz_lower_bound(net, region).witness
    hidden = presolved(net, region)
    full = branch_bound(hidden, region, "inf", gap=1e-2, start=start)
    short = branch_bound(hidden, region, "inf", gap=1e-9, start=start, time_limit=0.3)
    assert short.value >= 1.387031 - 1e-6
    assert any("stopped early" in note for note in short.notes)
    assert full.value <= short.value * 1.02
    assert not any("stopped early" in note for note in full.notes)


def test_interrupts_keep_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    net, center = chen_network(20, 20, 1)
    region = la.Box(center, 0.1)
    hidden = presolved(net, region)
    calls = 0

    def interrupt(part: CutRegion, multipliers: FloatArray) -> bool:
        raise KeyboardInterrupt

    def after_a_while(*arguments: object) -> tuple[FloatArray, FloatArray]:
        nonlocal calls
        calls += 1
        if calls > 4:
            raise KeyboardInterrupt
        return tighten(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("lipschitz_app.upper.branch.tighten", after_a_while)
    bound = branch_bound(hidden, region, "inf", gap=1e-9)
    assert bound.status == "interrupted"
    assert bound.value >= la.lipschitz_lower_bound(net, region).value
    calls = 10
    with pytest.raises(la.NoBoundError, match="interrupted before"):
        branch_bound(hidden, region, "inf")


@settings(max_examples=40)
@given(small_networks(), st.floats(0.1, 3.0), st.booleans(), st.integers(0, 2**16))
def test_ranges_of_cut_regions_hold(
    drawn: tuple[la.Network, FloatArray], radius: float, ball: bool, seed: int
) -> None:
    net, center = drawn
    region = la.Ball(center, radius) if ball else la.Box(center, radius)
    hidden = presolved(net, region)
    if hidden.unstable == 0:
        return
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1.0, 0.0, 1.0], hidden.unstable)
    part = CutRegion(pre_activations(hidden, region), signs, ball)
    points = rng.uniform(-1, 1, (500, center.size))
    if ball:
        points /= np.maximum(1.0, np.linalg.norm(points, axis=1))[:, None]
    values = (center + radius * points) @ hidden.rows.T + hidden.biases
    inside = (signs * values >= 0).all(axis=1)
    programs = CutPrograms(part)
    margin, _, multipliers = programs.margin()
    if is_empty(part, multipliers):
        assert margin < 0
        assert not inside.any()
        return
    lower, upper = tighten(part, hidden.lower, hidden.upper, programs)
    assert (values[inside] >= lower - 1e-9).all()
    assert (values[inside] <= upper + 1e-9).all()
    # Bad multipliers make bounds weak, never wrong.
    wild = rng.exponential(5.0, (hidden.unstable, hidden.unstable))
    loose = part.upper_bounds(np.eye(hidden.unstable), wild)
    assert (values[inside] <= loose + 1e-9).all()
