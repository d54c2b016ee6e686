"""Orders and invariances that every bound must keep, on random small networks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lipschitz_app as la
from lipschitz_app.encoding import encode
from lipschitz_app.gradients import gradient_interval
from lipschitz_app.outputs import as_output
from lipschitz_app.rounding import FloatArray

from .networks import benchmark, one_layer, presolved, sampled, small_networks

SLACK = 1e-6
QUICK = settings(max_examples=20, deadline=None)
FEW = settings(max_examples=6, deadline=None)


def bound(net: la.Network, region: la.Box | la.Everywhere, method: str, norm: object = 2) -> float:
    return la.lipschitz_constant(net, region, norm, method=method, lower=False).upper


@QUICK
@given(small_networks(), st.floats(0.05, 3.0), st.integers(0, 999))
def test_sampled_exact_interval_product(
    case: tuple[la.Network, FloatArray], radius: float, seed: int
) -> None:
    net, center = case
    region = la.Box(center, radius)
    exact = bound(net, region, "exact", "inf")
    lower = la.lipschitz_lower_bound(net, region, starts=8, steps=20, rng=seed).value
    assert sampled(net, region, 300, seed) <= exact * (1 + SLACK) + 1e-12
    assert lower <= exact * (1 + SLACK) + 1e-12
    interval = bound(net, region, "interval", "inf")
    assert exact <= interval * (1 + SLACK)
    assert interval <= bound(net, la.Everywhere(), "interval", "inf") * (1 + 1e-12)
    assert exact <= bound(net, la.Everywhere(), "product", "inf") * (1 + SLACK)
    assert exact <= bound(net, la.Everywhere(), "exact", "inf") * (1 + SLACK)


@FEW
@given(small_networks(), st.floats(0.1, 2.0))
def test_hierarchy_of_bounds(case: tuple[la.Network, FloatArray], radius: float) -> None:
    net, center = case
    region = la.Box(center, radius)
    values = [
        bound(net, region, method, "inf")
        for method in ("exact", "mccormick", "hr2", "shor", "interval")
    ]
    tolerance = 1e-4 * (1 + values[-1])
    for tighter, looser in pairwise(values):
        assert tighter <= looser + tolerance


@QUICK
@given(small_networks(), st.floats(0.05, 1.0), st.sampled_from(["1", "2", "inf"]))
def test_monotone_in_the_radius(
    case: tuple[la.Network, FloatArray], radius: float, norm: str
) -> None:
    net, center = case
    for method in ("exact", "interval"):
        small, large = (bound(net, la.Box(center, r), method, norm) for r in (radius, 2 * radius))
        assert small <= large * (1 + 1e-9)


@QUICK
@given(small_networks(), st.floats(-4.0, 4.0).filter(lambda a: abs(a) > 0.01))
def test_scaling_and_permutation(case: tuple[la.Network, FloatArray], factor: float) -> None:
    net, center = case
    (rows, biases), (weights, _) = net.affine_pairs()
    region = la.Box(center, 0.7)
    order = np.random.default_rng(0).permutation(len(rows))
    size = abs(factor)
    for method in ("exact", "interval", "product"):
        value = bound(net, region, method, "inf")
        scaled = one_layer(rows, biases, factor * weights[0])
        assert bound(scaled, region, method, "inf") == pytest.approx(size * value, rel=1e-8)
        moved = one_layer(size * rows, size * biases, weights[0] / size)
        assert bound(moved, region, method, "inf") == pytest.approx(value, rel=1e-8)
        if method != "product":
            permuted = one_layer(rows[order], biases[order], weights[0][order])
            assert bound(permuted, region, method, "inf") == pytest.approx(value, rel=1e-8)


@FEW
@given(small_networks(), st.floats(0.3, 3.0))
def test_relaxation_scales_and_permutes(case: tuple[la.Network, FloatArray], factor: float) -> None:
    net, center = case
    (rows, biases), (weights, _) = net.affine_pairs()
    region = la.Box(center, 0.7)
    value = bound(net, region, "hr2", "inf")
    flipped = one_layer(rows[::-1].copy(), biases[::-1].copy(), -factor * weights[0][::-1])
    expected = pytest.approx(factor * value, rel=1e-4, abs=1e-5)
    assert bound(flipped, region, "hr2", "inf") == expected


@QUICK
@given(small_networks(), st.floats(0.05, 2.0), st.booleans(), st.integers(0, 999))
def test_true_points_are_feasible_and_reach_their_gradients(
    case: tuple[la.Network, FloatArray], radius: float, lifted: bool, seed: int
) -> None:
    """(t, x, u) of points of the region satisfy all constraints; the objective is t @ gradient."""
    net, center = case
    region = la.Box(center, radius)
    hidden = presolved(net, region)
    if hidden.unstable == 0:
        return
    encoding = encode(
        hidden,
        region,
        "inf",
        form="lifted" if lifted else "substituted",
        products=True,
        mccormick="slopes",
    )
    rng = np.random.default_rng(seed)
    names = list(encoding.problem.variables)
    for _ in range(5):
        s = np.sign(rng.standard_normal(center.size)) if rng.random() < 0.3 else None
        s = rng.uniform(-1, 1, center.size) if s is None else s
        x = center + region.radius * s
        z = hidden.rows @ x + hidden.biases
        u = (z > 0).astype(float)
        gradient = hidden.gradients(u)
        t = np.sign(gradient)
        values = {f"t{i}": v for i, v in enumerate(t)} | {f"x{i}": v for i, v in enumerate(s)}
        values |= {f"u{j}": v for j, v in enumerate(u)}
        assert encoding.data is not None
        exact_z = encoding.data.rows @ s + encoding.data.offsets
        values |= {f"z{j}": v for j, v in enumerate(exact_z)}
        point = np.array([values[name] for name in names])
        assert encoding.problem.violation(point) <= 1e-13 * (1 + np.abs(z).max() ** 2)
        assert encoding.problem.evaluate(point) == pytest.approx(np.abs(gradient).sum(), rel=1e-12)
        assert (encoding.lower - 1e-12 <= point).all()
        assert (point <= encoding.upper + 1e-12).all()


@QUICK
@given(st.integers(0, 2**31), st.floats(0.01, 2.0), st.sampled_from(["box", "ball"]))
def test_ranges_and_gradients_enclose_samples(seed: int, radius: float, shape: str) -> None:
    net, center = benchmark([4, 6, 5, 2], seed)
    region = la.Box(center, radius) if shape == "box" else la.Ball(center, radius)
    rng = np.random.default_rng(seed)
    moves = rng.uniform(-1, 1, (200, 4))
    if shape == "ball":
        moves /= np.maximum(1.0, np.linalg.norm(moves, axis=1, keepdims=True)) * (1 + 1e-12)
    points = center + radius * moves * (1 - 1e-12)
    ranges = la.interval_ranges(net, region)
    for layer, z in zip(ranges, net.pre_activations(points), strict=True):
        assert (layer.lower <= z).all()
        assert (z <= layer.upper).all()
    target = as_output((1, 0), 2)
    lower, upper = gradient_interval(net, ranges, target)
    gradients = target.weights @ net.jacobian(points)
    assert (lower <= gradients + 1e-12).all()
    assert (gradients <= upper + 1e-12).all()


@QUICK
@given(st.integers(0, 2**31))
def test_jacobian_agrees_with_finite_differences(seed: int) -> None:
    net, x = benchmark([3, 7, 5, 2], seed)
    step = 1e-7
    if min(np.abs(z).min() for z in net.pre_activations(x)) < 1e-5:
        return
    moves = step * np.eye(3)
    slopes = (net(x + moves) - net(x - moves)).T / (2 * step)
    assert net.jacobian(x) == pytest.approx(slopes, abs=1e-6)


@QUICK
@given(st.integers(0, 2**31), st.sampled_from([1, 2, "inf"]), st.booleans())
def test_witness_evaluates_to_the_claimed_value(seed: int, norm: object, deep: bool) -> None:
    net, center = benchmark([3, 6, 4, 2] if deep else [3, 6, 2], seed)
    for region in (la.Box(center, 0.4), la.Ball(center, 0.4), la.Everywhere()):
        found = la.lipschitz_lower_bound(net, region, norm, (0, 1), starts=6, steps=30)
        gradient = net.jacobian(found.witness)[0] - net.jacobian(found.witness)[1]
        order = {1: np.inf, 2: 2, "inf": 1}[norm]
        assert found.value <= np.linalg.norm(gradient, ord=order)
        assert found.value == pytest.approx(np.linalg.norm(gradient, ord=order), rel=1e-10)
        if isinstance(region, la.Box):
            assert (np.abs(found.witness - center) <= 0.4).all()
        if isinstance(region, la.Ball):
            assert np.linalg.norm(found.witness - center) <= 0.4


def test_same_input_same_output() -> None:
    net, center = benchmark([4, 8, 1], 3)
    first, second = (la.lipschitz_lower_bound(net, la.Box(center, 0.5), rng=7) for _ in range(2))
    assert first.value == second.value
    assert first.witness.tolist() == second.witness.tolist()


def test_output_choices_agree() -> None:
    net, center = benchmark([3, 5, 3], 1)
    region = la.Box(center, 0.5)

    def exact(output: object) -> float:
        found = la.lipschitz_constant(net, region, output=output, method="exact", lower=False)  # type: ignore[arg-type]
        return found.upper

    assert exact((0, 2)) == pytest.approx(exact([1.0, 0.0, -1.0]), rel=1e-12)
    assert exact(1) == pytest.approx(exact([0.0, 1.0, 0.0]), rel=1e-12)
    assert exact((0, 2)) == pytest.approx(exact((2, 0)), rel=1e-9)
