"""Ranges of pre-activations: proven, ever tighter, as tight as the linear program over lines."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import lipschitz_app as la
from lipschitz_app.chain import chain
from lipschitz_app.gradient_lines import substituted_gradient
from lipschitz_app.gradients import gradient_interval
from lipschitz_app.layers import Residual
from lipschitz_app.outputs import as_output
from lipschitz_app.ranges.support import support
from lipschitz_app.rounding import FloatArray

from .networks import benchmark

QUICK = settings(max_examples=12, deadline=None)
METHODS = ("interval", "crown", "lp")


def points_of(region: la.Box | la.Ball | la.BallInBox, count: int, seed: int) -> FloatArray:
    """Points of a region, many of them at its border."""
    rng = np.random.default_rng(seed)
    size = region.size
    if isinstance(region, la.Box):
        points = rng.uniform(region.inner_lower, region.inner_upper, (count, size))
        corners = rng.random((count, size)) < 0.5
        points[::2] = np.where(corners, region.inner_lower, region.inner_upper)[::2]
        return points
    moves = rng.standard_normal((count, size))
    moves /= np.linalg.norm(moves, axis=1, keepdims=True) * (1 + 1e-12)
    moves[::2] *= rng.random((count, 1))[::2]
    points = region.center + region.radius * moves
    if isinstance(region, la.BallInBox):
        inside = (points >= region.box.inner_lower) & (points <= region.box.inner_upper)
        points = points[inside.all(axis=1)]
    return points


@QUICK
@given(st.integers(0, 2**31), st.floats(0.01, 1.5), st.sampled_from(["box", "ball", "both"]))
def test_ranges_enclose_samples_and_shrink(seed: int, radius: float, shape: str) -> None:
    net, center = benchmark([4, 7, 6, 5, 2], seed)
    region: la.Box | la.Ball | la.BallInBox = la.Ball(center, radius)
    if shape == "box":
        region = la.Box(center, radius)
    elif shape == "both":
        region = la.Ball(center, radius).intersect(la.Box(center - 0.3, 0.6 * radius + 0.31))
    points = points_of(region, 200, seed)
    values = net.pre_activations(points)
    before = None
    for method in METHODS:
        ranges = la.pre_activation_ranges(net, region, method)
        for layer, z in zip(ranges, values, strict=True):
            # Sums of doubles move the samples by a few units.
            assert (layer.lower <= z + 1e-14).all()
            assert (z <= layer.upper + 1e-14).all()
        if before is not None:
            for layer, wider in zip(ranges, before, strict=True):
                assert (layer.lower >= wider.lower - 1e-12).all()
                assert (layer.upper <= wider.upper + 1e-12).all()
        before = ranges


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([2.0**-40, 1.0, 3e5]))
def test_ranges_hold_in_rational_arithmetic(seed: int, scale: float) -> None:
    """Where nothing is unstable the ranges are tight up to rounding, so corners test them."""
    rng = np.random.default_rng(seed)
    weights = [rng.random((4, 3)), rng.random((4, 4)), rng.random((2, 4))]
    net = la.Network.from_arrays(weights, [scale * rng.random(len(w)) for w in weights])
    box = la.Box(lower=scale * rng.random(3), upper=scale * (1.0 + rng.random(3)))
    corners = [[Fraction(v) for v in side] for side in (box.lower, box.upper)]
    for method in METHODS:
        low, high = corners
        for (matrix, bias), layer in zip(
            net.affine_pairs(), la.pre_activation_ranges(net, box, method), strict=False
        ):
            low, high = (
                [
                    sum((Fraction(w) * x for w, x in zip(row, v, strict=True)), Fraction(c))
                    for row, c in zip(matrix, bias, strict=True)
                ]
                for v in (low, high)
            )
            for j in range(4):
                assert Fraction(layer.lower[j]) <= low[j]
                assert high[j] <= Fraction(layer.upper[j])
                width = high[j] - low[j]
                assert layer.upper[j] - layer.lower[j] <= float(width) * (1 + 1e-11)


def triangle_program(net: la.Network, box: la.Box, ranges: list[la.LayerRange]) -> FloatArray:
    """Upper bounds of the second layer's pre-activations by the triangle relaxation."""
    (first, bias), (second, offset) = net.affine_pairs()[:2]
    p, n = first.shape
    low, high = ranges[0].lower, ranges[0].upper
    slope = high / (high - low)
    matrix = np.block([[first, -np.eye(p)], [-slope[:, None] * first, np.eye(p)]])
    side = np.concatenate([-bias, slope * (bias - low)])
    sides = [*zip(box.lower, box.upper, strict=True), *[(0.0, None)] * p]
    found = []
    for row, constant in zip(second, offset, strict=True):
        answer = linprog(-np.concatenate([np.zeros(n), row]), matrix, side, bounds=sides)
        found.append(constant - answer.fun)
    return np.array(found)


@pytest.mark.parametrize("seed", range(4))
def test_linear_programs_are_solved_to_their_optimum(seed: int) -> None:
    net, center = benchmark([3, 6, 5, 1], seed)
    box = la.Box(center, 4.0)
    ranges = la.pre_activation_ranges(net, box, "lp")
    unstable = ranges[0].unstable
    assert unstable.all()
    expected = triangle_program(net, box, ranges)[ranges[1].unstable]
    assert ranges[1].upper[ranges[1].unstable] == pytest.approx(expected, abs=1e-7)
    crown = la.pre_activation_ranges(net, box, "crown")[1].upper[ranges[1].unstable]
    assert (crown >= expected - 1e-7).all()


def test_fewer_unstable_neurons_than_by_intervals() -> None:
    net, center = benchmark([20, 40, 40, 1], 0)
    region = la.Box(center, 0.05)
    counts = [
        [int(layer.unstable.sum()) for layer in la.pre_activation_ranges(net, region, method)]
        for method in METHODS
    ]
    assert counts == [[16, 30], [16, 12], [16, 12]]


def test_whole_space_is_left_to_intervals() -> None:
    net, _ = benchmark([3, 4, 4, 1], 0)
    for method in METHODS:
        for layer in la.pre_activation_ranges(net, la.Everywhere(), method):
            assert layer.unstable.all()


def test_max_pooling_and_residual_blocks() -> None:
    rng = np.random.default_rng(5)
    block = Residual([la.Linear(rng.standard_normal((6, 6))), la.ReLU()])
    net = la.Network(
        [
            la.Conv2d(rng.standard_normal((2, 1, 2, 2)), rng.standard_normal(2)),
            la.ReLU(),
            la.MaxPool2d((2, 1), stride=1),
            la.Flatten(),
            la.Linear(rng.standard_normal((6, 12))),
            block,
            la.Linear(rng.standard_normal((2, 6))),
        ],
        input_shape=(1, 4, 4),
    )
    box = la.Box(rng.standard_normal(16), 0.2)
    layers = chain(net)
    points = points_of(box, 300, 1)
    for method in METHODS:
        x = points
        ranges = la.pre_activation_ranges(net, box, method)
        for layer, found in zip(layers[:-1], ranges, strict=True):
            z = layer.pre_activation(x)
            assert (found.lower <= z + 1e-12).all()
            assert (z <= found.upper + 1e-12).all()
            assert (found.slope_lower[layer.passes] == 1.0).all()
            assert (found.slope_upper[layer.passes] == 1.0).all()
            x = layer(x)
        assert layers[-1](x) == pytest.approx(net(points), abs=1e-10)


def test_unknown_method() -> None:
    net, center = benchmark([2, 3, 1], 0)
    with pytest.raises(la.InvalidOptionError, match="ranges 'best' are not known; use one of auto"):
        la.pre_activation_ranges(net, la.Box(center, 1.0), "best")
    with pytest.raises(la.InvalidOptionError, match="not known"):
        la.lipschitz_constant(net, la.Box(center, 1.0), ranges="best")


class TestSupport:
    """Linear functions over regions."""

    @QUICK
    @given(st.integers(0, 2**31), st.floats(0.1, 3.0))
    def test_ball_in_box_is_the_optimum(self, seed: int, radius: float) -> None:
        rng = np.random.default_rng(seed)
        center = rng.standard_normal(4)
        half = rng.uniform(0.05, 1.0, 4)
        region = la.Ball(center, radius).intersect(la.Box(lower=center - half, upper=center + half))
        rows = rng.standard_normal((6, 4))
        found, points = support(rows, region)
        assert (np.linalg.norm(points - center, axis=1) <= radius * (1 + 1e-9)).all()
        assert (points >= region.lower - 1e-12).all()
        assert (points <= region.upper + 1e-12).all()
        assert found == pytest.approx((rows * points).sum(axis=1), abs=1e-7)

    def test_rows_of_zeros(self) -> None:
        region = la.Ball([1.0, 2.0], 1.0).intersect(la.Box(lower=0.0, upper=2.5))
        assert isinstance(region, la.BallInBox)
        for area in (region, region.ball, region.box):
            found, points = support(np.zeros((1, 2)), area)
            assert 0.0 <= found[0] < 1e-100
            assert np.isfinite(points).all()


class TestGradients:
    """Enclosures of gradients by lines, beside those by intervals."""

    @settings(max_examples=15, deadline=None)
    @given(
        st.integers(0, 2**31),
        st.floats(0.01, 2.0),
        st.sampled_from(["relu", "tanh", "abs", "silu", "leaky_relu"]),
    )
    def test_they_enclose_samples(self, seed: int, radius: float, name: str) -> None:
        plain, center = benchmark([4, 7, 6, 5, 2], seed)
        weights, biases = zip(*plain.affine_pairs(), strict=True)
        net = la.Network.from_arrays(weights, biases, activation=name)
        region = la.Box(center, radius)
        layers = chain(net)
        ranges = la.pre_activation_ranges(net, region)
        target = as_output([1.0, -0.3], 2)
        found = substituted_gradient(layers, ranges, target)
        assert found is not None
        gradients = target.weights @ net.jacobian(points_of(region, 200, seed))
        assert (found[0] <= gradients + 1e-12).all()
        assert (gradients <= found[1] + 1e-12).all()

    def test_rational_arithmetic_where_nothing_is_unstable(self) -> None:
        rng = np.random.default_rng(3)
        weights = [rng.random((4, 3)), rng.random((4, 4)), rng.random((1, 4))]
        net = la.Network.from_arrays(weights, [np.ones(len(w)) for w in weights])
        layers, region = chain(net), la.Box(lower=np.zeros(3), upper=np.ones(3))
        ranges = la.pre_activation_ranges(net, region)
        found = substituted_gradient(layers, ranges, as_output(0, 1))
        assert found is not None
        row = [Fraction(v) for v in weights[2][0]]
        for matrix in (weights[1], weights[0]):
            columns = zip(*matrix.tolist(), strict=True)
            row = [
                sum((r * Fraction(v) for r, v in zip(row, c, strict=True)), Fraction(0))
                for c in columns
            ]
        for low, value, high in zip(found[0], row, found[1], strict=True):
            assert Fraction(low) <= value <= Fraction(high)
            assert high - low <= 1e-11

    def test_better_than_intervals_in_depth(self) -> None:
        net, center = benchmark([20, 50, 50, 50, 1], 0)
        ranges = la.pre_activation_ranges(net, la.Box(center, 0.02))
        found = substituted_gradient(chain(net), ranges, as_output(0, 1))
        assert found is not None
        by_lines = np.maximum(-found[0], found[1]).sum()
        low, high = gradient_interval(net, ranges, as_output(0, 1))
        assert by_lines < 0.3 * np.maximum(-low, high).sum()

    def test_max_pooling_and_the_whole_space(self) -> None:
        rng = np.random.default_rng(1)
        net = la.Network(
            [
                la.Linear(rng.standard_normal((8, 3)), rng.standard_normal(8)),
                la.Unflatten((1, 2, 4)),
                la.MaxPool2d((1, 2)),
                la.Flatten(),
                la.ReLU(),
                la.Linear(rng.standard_normal((1, 4))),
            ],
            input_shape=(3,),
        )
        points = 3 * rng.standard_normal((500, 3))
        largest = np.abs(net.jacobian(points)).sum(axis=2).max()
        for region in (la.Everywhere(), la.Box(np.zeros(3), 20.0)):
            found = la.lipschitz_constant(net, region, method="interval", lower=False)
            assert largest <= found.upper
