"""Branch and bound: against enumeration at any depth, early ends, and ranges of parts."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lipschitz_app as la
from lipschitz_app import norms
from lipschitz_app.branching.cut_region import CutRegion, cut_support
from lipschitz_app.branching.parts import Explorer
from lipschitz_app.chain import chain
from lipschitz_app.outputs import as_output
from lipschitz_app.regions import Region
from lipschitz_app.rounding import FloatArray, Norm, dual
from lipschitz_app.upper.branch import branch_bound
from lipschitz_app.upper.exact import exact_constant
from lipschitz_app.upper.task import Task

from .networks import all_patterns, benchmark, chen_network, presolved, small_networks


def _task(
    net: la.Network, region: Region, norm: Norm = "inf", gap: float = 1e-4, limit: float = math.inf
) -> Task:
    ranges = la.pre_activation_ranges(net, region)
    output = as_output(0, net.output_size)
    return Task(net, region, norm, output, ranges, gap=gap, end=time.perf_counter() + limit)


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
    net, _ = benchmark([6, 8, 1], 3)
    bound = branch_bound(_task(net, la.Everywhere(), gap=1e-3))
    exact = all_patterns(net)
    assert exact * (1 - 1e-9) <= bound.value <= exact * 1.002


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
    bound = branch_bound(_task(net, region, norm))
    assert exact * (1 - 1e-6) <= bound.value <= exact * (1 + 2e-4) + 1e-9


@settings(max_examples=20)
@given(small_networks(), st.floats(0.05, 3.0), st.integers(0, 100))
def test_balls(drawn: tuple[la.Network, FloatArray], radius: float, seed: int) -> None:
    net, center = drawn
    bound = branch_bound(_task(net, la.Ball(center, radius), "2"))
    rng = np.random.default_rng(seed)
    inside = rng.standard_normal((200, center.size))
    inside *= radius * rng.random((200, 1)) / np.linalg.norm(inside, axis=1, keepdims=True)
    assert _gradient_norms(net, center + inside, "2").max() <= bound.value
    box = la.Box(center, radius)
    around = branch_bound(_task(net, box, "2"))
    assert bound.value <= around.value * (1 + 2e-4)


@pytest.mark.parametrize(("seed", "radius"), [(0, 0.3), (1, 0.3), (2, 1.0)])
@pytest.mark.parametrize("sizes", [[3, 4, 4, 1], [2, 3, 3, 3, 1]])
def test_deep_networks_are_closed(sizes: list[int], seed: int, radius: float) -> None:
    net, center = benchmark(sizes, seed)
    region = la.Box(center, radius)
    bound = branch_bound(_task(net, region, gap=1e-2))
    rng = np.random.default_rng(seed)
    points = rng.uniform(region.lower, region.upper, (20_000, center.size))
    sampled = float(_gradient_norms(net, points, "inf").max())
    assert bound.witness is not None
    reached = float(_gradient_norms(net, bound.witness[None], "inf")[0])
    assert (np.abs(bound.witness - center) <= radius * (1 + 1e-12)).all()
    assert sampled <= bound.value
    # Nothing but points and proofs: the two sides meet although neither knows the answer.
    assert reached * (1 - 1e-9) <= bound.value <= reached * 1.0101 + 1e-9


def test_a_time_limit_leaves_a_proven_bound() -> None:
    net, center = chen_network(40, 40, 0)
    region = la.Box(center, 0.1)
    start = la.lipschitz_lower_bound(net, region).witness
    full = branch_bound(_task(net, region, gap=2e-2), start)
    short = branch_bound(_task(net, region, gap=1e-9, limit=0.3), start)
    assert short.value >= 1.387031 - 1e-6
    assert any("stopped early" in note for note in short.notes)
    assert full.value <= short.value * 1.02
    assert not any("stopped early" in note for note in full.notes)


def test_interrupts_keep_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    net, center = chen_network(20, 20, 1)
    region = la.Box(center, 0.1)
    calls = 0
    explore = Explorer.explore

    def after_a_while(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls > 4:
            raise KeyboardInterrupt
        return explore(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Explorer, "explore", after_a_while)
    bound = branch_bound(_task(net, region, gap=1e-9))
    assert bound.status == "interrupted"
    assert bound.value >= la.lipschitz_lower_bound(net, region).value
    calls = 10
    with pytest.raises(la.NoBoundError, match="interrupted before"):
        branch_bound(_task(net, region))


@settings(max_examples=60)
@given(
    st.sampled_from([[2, 4, 1], [3, 4, 3, 1], [2, 3, 3, 3, 1]]),
    st.integers(0, 10_000),
    st.floats(0.1, 2.0),
    st.booleans(),
)
def test_ranges_of_parts_hold(sizes: list[int], seed: int, radius: float, ball: bool) -> None:
    net, center = benchmark(sizes, seed)
    region = la.Ball(center, radius) if ball else la.Box(center, radius)
    *layers, _ = chain(net)
    rng = np.random.default_rng(seed)
    known = tuple(la.pre_activation_ranges(net, region))
    signs = tuple(
        np.where(reach.unstable, rng.choice([-1.0, 0.0, 1.0], reach.lower.size), 0.0)
        for reach in known
    )
    points = rng.uniform(-1, 1, (2000, center.size))
    if ball:
        points /= np.maximum(1.0, np.linalg.norm(points, axis=1))[:, None]
    values = net.pre_activations(center + radius * points)
    inside = np.all(
        [(sign * z >= 0).all(axis=1) for sign, z in zip(signs, values, strict=True)], axis=0
    )
    part, found = Explorer(layers, region).explore(signs, known)
    if part is None:
        assert not inside.any()
        return
    for reach, z, before in zip(part.ranges, values, known, strict=True):
        assert (z[inside] >= reach.lower - 1e-9).all()
        assert (z[inside] <= reach.upper + 1e-9).all()
        assert (reach.lower >= before.lower).all()
        assert (reach.upper <= before.upper).all()
    if any(sign.any() for sign in signs[:1]):
        for point in found[:1]:
            first = net.pre_activations(np.clip(point, region.lower, region.upper))[0]
            assert (signs[0] * first >= -1e-9).all()


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 4))
def test_bad_multipliers_make_bounds_weak_and_never_wrong(seed: int, size: int, cuts: int) -> None:
    rng = np.random.default_rng(seed)
    region = la.Box(rng.standard_normal(size), rng.random(size))
    rows, constants = rng.standard_normal((cuts, size)), rng.standard_normal(cuts)
    part = CutRegion(region, rows, constants)
    points = rng.uniform(region.lower, region.upper, (500, size))
    inside = points[(points @ rows.T + constants >= 0).all(axis=1)]
    targets = rng.standard_normal((3, size))
    best = cut_support(targets, part)[0]
    for multipliers in (rng.exponential(5.0, (3, cuts)), -np.ones((3, cuts)), np.zeros((3, cuts))):
        loose = part.bounds(targets, multipliers)
        if len(inside):
            assert (loose >= best - 1e-9).all()
            assert ((inside @ targets.T).max(axis=0) <= loose).all()
    empty, point = part.explore()
    if empty:
        assert not len(inside)
        assert point is None
    if len(inside):
        assert ((inside @ targets.T).max(axis=0) <= best).all()


def test_smooth_activations_are_refused() -> None:
    net = la.Network.from_arrays([[[1.0], [-1.0]], [[1.0, 1.0]]], activation="tanh")
    with pytest.raises(la.UnsupportedError, match="not for tanh"):
        la.lipschitz_constant(net, la.Box([0.0], 1.0), method="branch")
