"""Piecewise linear activations written with relu: values, and methods against enumeration."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

import lipschitz_app as la
from lipschitz_app.activations.piecewise import PiecewiseLinearEncoding
from lipschitz_app.chain import ChainLayer, chain
from lipschitz_app.layers import MaxPool2d
from lipschitz_app.outputs import as_output
from lipschitz_app.ranges.pre_activations import chain_ranges
from lipschitz_app.relu_form import relu_chain, relu_ranges
from lipschitz_app.rounding import FloatArray
from lipschitz_app.upper.branch import branch_bound
from lipschitz_app.upper.task import Task

from .deep_networks import random_network

# Two kinks, first slope not 0, slopes that are no doubles, and a value that is not 0.
BENT = PiecewiseLinearEncoding("bent", (-0.3, 0.4), (Fraction(1, 3), -1, Fraction(2, 7)), 0.1)
NAMES = ("leaky_relu", "prelu", "abs", "hardtanh", "relu6", "hardsigmoid", "bent")


@pytest.fixture(autouse=True)
def bent() -> Iterator[None]:
    la.register_activation(BENT)
    yield
    la.unregister_activation("bent")


def network(sizes: list[int], seed: int, activation: str) -> tuple[la.Network, FloatArray]:
    """A random network; the pre-activations reach the kinks of all activations."""
    net, center = random_network(sizes, seed)
    weights, biases = zip(*net.affine_pairs(), strict=True)
    first = {"relu6": 6.0, "hardsigmoid": 4.0}.get(activation, 2.0)
    scaled = [first * weights[0], *weights[1:]]
    return la.Network.from_arrays(scaled, biases, activation=activation), center


def run(layers: tuple[ChainLayer, ...], x: FloatArray) -> FloatArray:
    for layer in layers:
        x = layer(x)
    return x


def enumerated(net: la.Network, box: la.Box) -> float:
    """Largest 1-norm of the gradient over the pieces of all neurons that meet a box.

    The pieces are those of the activation itself; a linear program decides whether each
    combination occurs.
    """
    *hidden, (last, _) = net.affine_pairs()
    encoding = net.activations[0].encoding
    assert isinstance(encoding, PiecewiseLinearEncoding)
    ends = np.array([-np.inf, *encoding.breakpoints, np.inf])
    places = np.array([encoding.breakpoints[0], *encoding.breakpoints])
    values = encoding.value(places)
    pieces = range(len(encoding.slopes))
    best = 0.0
    for flat in product(pieces, repeat=sum(len(bias) for _, bias in hidden)):
        gradient, offset = np.eye(box.size), np.zeros(box.size)
        rows, sides, start = [], [], 0
        for matrix, bias in hidden:
            piece = np.array(flat[start : start + len(bias)])
            start += len(bias)
            gradient, offset = matrix @ gradient, matrix @ offset + bias
            rows += [gradient, -gradient]
            sides += [ends[piece + 1] - offset, offset - ends[piece]]
            slope = np.array([float(encoding.slopes[k]) for k in piece])
            gradient = slope[:, None] * gradient
            offset = values[piece] + slope * (offset - places[piece])
        value = float(np.abs(last @ gradient).sum())
        if value <= best:
            continue
        side = np.concatenate(sides) - 1e-7
        used = np.isfinite(side)
        found = linprog(
            np.zeros(box.size),
            np.vstack(rows)[used],
            side[used],
            bounds=list(zip(box.lower, box.upper, strict=True)),
        )
        if found.status == 0:
            best = value
    return best


def bound(net: la.Network, region: Any, method: str, **options: Any) -> la.LipschitzResult:
    options = {"time_limit": 1.0, "lower": False, **options}
    return la.lipschitz_constant(net, region, method=method, **options)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sizes", [[3, 4, 2], [2, 3, 4, 2], [2, 3, 3, 2, 1]])
def test_values_and_gradients_are_those_of_the_network(name: str, sizes: list[int]) -> None:
    net, center = network(sizes, 0, name)
    layers = relu_chain(chain(net))
    assert len(layers) == len(sizes) - 1
    assert {layer.encoding.name for layer in layers[:-1] if layer.encoding} == {"relu"}
    ranges = relu_ranges(chain(net), chain_ranges(chain(net), la.Box(center, 2.0)))
    points = center + np.random.default_rng(1).uniform(-2.0, 2.0, (200, center.size))
    np.testing.assert_allclose(run(layers, points), net(points), atol=1e-12)
    for point, jacobian in zip(points, net.jacobian(points), strict=True):
        x, derivative = point, np.eye(center.size)
        for layer, known in zip(layers, ranges, strict=False):
            z = layer.pre_activation(x)
            assert (known.lower <= z).all()
            assert (z <= known.upper).all()
            slopes = layer.slopes(z)
            assert (known.slope_lower <= slopes).all()
            assert (slopes <= known.slope_upper).all()
            derivative = slopes[:, None] * (layer.weight @ derivative)
            x = layer(x)
        np.testing.assert_allclose(layers[-1].weight @ derivative, jacobian, atol=1e-12)


def test_units_are_exact_and_other_roundings_are_counted() -> None:
    for name, exact in (("abs", False), ("hardtanh", True), ("relu6", True), ("bent", False)):
        net, _ = network([2, 3, 1], 0, name)
        first, last = relu_chain(chain(net))
        assert not first.weight_error.any()
        assert last.weight_error.any() != exact
        encoding = net.activations[0].encoding
        assert isinstance(encoding, PiecewiseLinearEncoding)
        # The exact products of slopes and weights are within the errors of the stored ones.
        weight = net.affine_pairs()[1][0][0]
        slopes = [Fraction(slope) for slope in encoding.slopes]
        jumps = [after - before for before, after in pairwise(slopes)]
        factors = [*([slopes[0]] if slopes[0] else []), *jumps]
        products = [factor * Fraction(float(w)) for factor in factors for w in weight]
        for product_, entry, error in zip(
            products, last.weight[0], last.weight_error[0], strict=True
        ):
            assert abs(product_ - Fraction(float(entry))) <= Fraction(float(error))


def test_relu_and_what_passes_stay_as_they_are() -> None:
    net = la.Network([MaxPool2d((1, 2)), la.Activation("hardtanh")], (1, 1, 4))
    layers = chain(net)
    found = relu_chain(layers)
    assert found[0].passes.tolist() == layers[0].passes.tolist()
    np.testing.assert_array_equal(found[0].weight, layers[0].weight)
    points = np.random.default_rng(0).uniform(-3.0, 3.0, (50, 4))
    np.testing.assert_allclose(run(found, points), net(points).reshape(50, -1), atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_bounds_hold_and_programs_are_exact_at_depth(name: str) -> None:
    net, center = network([2, 2, 2, 1], 3, name)
    box = la.Box(center, 0.9)
    exact = enumerated(net, box)
    for method in ("shor", "hr2", "mccormick"):
        found = bound(net, box, method)
        assert found.upper_kind == "proven"
        assert exact <= found.upper * (1 + 1e-9)
    found = bound(net, box, "milp")
    assert found.upper == pytest.approx(exact, rel=1e-5)
    assert bound(net, box, "exact").upper == pytest.approx(exact, rel=1e-5)
    assert any(name in note and "hinges" in note for note in found.notes)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sizes", [[3, 4, 1], [2, 2, 2, 1]])
def test_branch_closes_the_gap(name: str, sizes: list[int]) -> None:
    net, center = network(sizes, 4, name)
    box = la.Box(center, 0.5)
    exact = enumerated(net, box)
    found = bound(net, box, "branch", gap=1e-2, time_limit=None)
    assert found.upper_kind == "proven"
    assert exact <= found.upper * (1 + 1e-9)
    assert found.upper <= 1.011 * exact + 1e-9


@pytest.mark.parametrize("name", NAMES)
def test_no_gradient_exceeds_a_bound_in_other_norms_and_regions(name: str) -> None:
    net, center = network([2, 3, 2, 2, 1], 5, name)
    ball = la.Ball(center, 0.7)
    steps = np.random.default_rng(0).standard_normal((500, 2))
    inside = center + 0.7 * steps / np.maximum(1.0, np.linalg.norm(steps, axis=1))[:, None]
    gradients = net.jacobian(inside)[:, 0]
    far = net.jacobian(center + 9 * steps)[:, 0]
    for method in ("hr2", "branch"):
        assert np.linalg.norm(gradients, axis=1).max() <= bound(net, ball, method, norm=2).upper
    assert np.abs(gradients).max() <= bound(net, ball, "mccormick", norm=1).upper
    assert np.abs(far).sum(axis=1).max() <= bound(net, la.Everywhere(), "hr2").upper


def test_hr1_of_two_hidden_layers() -> None:
    net, center = network([2, 2, 2, 1], 0, "leaky_relu")
    box = la.Box(center, 0.8)
    assert enumerated(net, box) <= bound(net, box, "hr1", time_limit=None).upper


@pytest.mark.parametrize("method", ["mccormick", "branch", "milp"])
def test_a_kink_at_the_centre_and_at_the_border(method: str) -> None:
    # |x| and clamps that bend exactly at the centre, or at an end of the box.
    for name, bias, radius, exact in (
        ("abs", 0.0, 1.0, 2.0),
        ("hardtanh", 1.0, 0.5, 2.0),
        ("hardtanh", 2.0, 0.5, 0.0),
    ):
        net = la.Network.from_arrays(
            [[[1.0]], [[1.0]], [[2.0]]], [[bias], [0.0], [0.0]], activation=name
        )
        found = bound(net, la.Box([0.0], radius), method, time_limit=None)
        assert found.upper == pytest.approx(exact, rel=2e-3, abs=1e-6)


def test_smooth_activations_are_refused_with_what_is_offered() -> None:
    net = la.Network.from_arrays([[[1.0]], [[1.0]], [[2.0]]], activation="tanh")
    box = la.Box([0.0], 1.0)
    for method in ("shor", "hr2", "mccormick", "hr1", "branch", "milp"):
        with pytest.raises(la.UnsupportedError, match=r'not for tanh; use "interval"'):
            bound(net, box, method)


def test_branch_takes_the_ranges_of_a_task() -> None:
    net, center = network([2, 3, 1], 2, "abs")
    box = la.Box(center, 0.4)
    task = Task(net, box, "inf", as_output(0, 1), la.pre_activation_ranges(net, box), gap=1e-3)
    exact = enumerated(net, box)
    assert exact * (1 - 1e-9) <= branch_bound(task).value <= 1.0011 * exact
