"""Bounds of networks with two and more hidden layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lipschitz_app as la
from lipschitz_app.deep import TangentModel, presolve_deep, tangent_model
from lipschitz_app.deep.lifted import hr1
from lipschitz_app.errors import UnsupportedError
from lipschitz_app.outputs import as_output
from lipschitz_app.ranges.interval import LayerRange
from lipschitz_app.rounding import FloatArray

from .deep_networks import D1, D2, feasible_patterns, free_patterns, random_network
from .networks import benchmark


def upper(net: la.Network, region: Any, method: str, **options: Any) -> float:
    options = {"time_limit": 20.0, **options}
    result = la.lipschitz_constant(net, region, method=method, lower=False, **options)
    assert result.upper_kind == "proven"
    return float(result.upper)


def built(net: la.Network, region: Any, norm: Any, level: Any) -> TangentModel:
    deep = presolve_deep(net, la.interval_ranges(net, region), as_output(0, net.output_size))
    return tangent_model(deep, region, norm, level)


def point_rows(
    net: la.Network, tangent: TangentModel, region: la.Box | la.Ball, t: FloatArray, x: FloatArray
) -> FloatArray:
    """Rows of the model at a point and a direction."""
    rows = np.zeros((tangent.model.side, 1))
    rows[0] = 1.0
    rows[tangent.directions, 0] = t
    rows[tangent.inputs, 0] = (x - region.center) / region.radius
    unstable = [layer.unstable for layer in la.interval_ranges(net, region)]
    moved = t
    pairs = net.affine_pairs()[:-1]
    before = net.pre_activations(x)
    for (matrix, _), z, mask, neurons in zip(pairs, before, unstable, tangent.neurons, strict=True):
        u = (z > 0).astype(float)
        moved = u * (matrix @ moved)
        rows[neurons.slopes, 0] = 2 * u[mask] - 1
        state, move = neurons.values, neurons.tangents
        assert state is not None
        if state.rows.size:
            value = (u * z)[mask] / state.scale
            rows[state.rows, 0] = (value - state.offset) / state.reach
            rows[move.rows, 0] = moved[mask] / move.scale / move.sizes
    return rows


@pytest.mark.parametrize("norm", ["inf", "2", "1"])
@pytest.mark.parametrize("ball", [False, True])
@pytest.mark.parametrize("sizes", [[3, 4, 4, 1], [2, 4, 3, 4, 1]])
def test_points_satisfy_the_model_and_attain_the_directional_derivative(
    norm: str, ball: bool, sizes: list[int]
) -> None:
    net, center = random_network(sizes, 5)
    region = la.Ball(center, 0.8) if ball else la.Box(center, 0.8)
    tangent = built(net, region, norm, "mccormick")
    assert sum(layer.count for layer in tangent.neurons) > 3
    rng = np.random.default_rng(0)
    for _ in range(20):
        x = center + rng.uniform(-0.8, 0.8, center.size) / (np.sqrt(center.size) if ball else 1.0)
        t = rng.choice([-1.0, 1.0], center.size)
        t = {"inf": t, "2": t / np.sqrt(t.size), "1": np.eye(t.size)[0]}[norm]
        rows = point_rows(net, tangent, region, t, x)
        assert np.abs(rows).max() <= 1 + 1e-12
        for family in tangent.model.families:
            values = family.values(rows)
            assert values.min() >= -1e-12
            assert not family.equality or np.abs(values).max() <= 1e-12
        value = float(np.vdot(tangent.model.apply_objective(rows), rows))
        slope = float(net.jacobian(x)[0] @ t)
        assert np.ldexp(value, tangent.exponent) == pytest.approx(slope, abs=1e-11)


@pytest.mark.parametrize(("net", "exact"), [(D1, 6.0), (D2, 10.0)])
@pytest.mark.parametrize("radius", [0.25, 10.0, None])
def test_known_constants(net: la.Network, exact: float, radius: float | None) -> None:
    region = la.Everywhere() if radius is None else la.Box([0.0, 0.0], radius)
    assert exact <= upper(net, region, "mccormick") <= exact * 1.005
    assert exact <= upper(net, region, "hr2") <= exact * 1.03


@pytest.mark.parametrize(
    ("net", "exact", "published", "tied"),
    [(D1, 6.0, 8.68544, 6.8954), (D2, 10.0, 11.97954, 10.60538)],
)
def test_hr1_with_all_neurons_unstable(
    net: la.Network, exact: float, published: float, tied: float
) -> None:
    region = la.Everywhere()
    ranges = [
        LayerRange(layer.lower, layer.upper, np.zeros(layer.lower.size), np.ones(layer.lower.size))
        for layer in la.interval_ranges(net, region)
    ]
    deep = presolve_deep(net, ranges, as_output(0, 1))
    for tie, value in ((False, published), (True, tied)):
        for bounds in (False, True):
            relaxed = hr1(deep, region, "inf", tie=tie, bounds=bounds)
            assert relaxed.relaxation.solve().bound == pytest.approx(value, abs=1e-4)
    # With directions in [0, 1] the value 7.258 was published for D2: it is below the constant.
    assert exact <= upper(net, la.Box([0.0, 0.0], 0.25), "hr1") <= tied + 1e-4


def test_hr1_of_one_hidden_layer_is_shor() -> None:
    net, center = random_network([3, 5, 1], 1)
    box = la.Box(center, 0.5)
    assert upper(net, box, "hr1") == upper(net, box, "shor")


def test_hr1_holds_on_a_box_and_in_the_euclidean_norm() -> None:
    net, center = random_network([3, 3, 3, 1], 7)
    box = la.Box(center, 0.5)
    exact = feasible_patterns(net, box)
    assert exact <= upper(net, box, "hr1") <= upper(net, box, "product")
    found = la.lipschitz_lower_bound(net, box, 2)
    assert found.value <= upper(net, box, "hr1", norm=2)


@pytest.mark.parametrize("seed", range(3))
def test_against_enumeration_of_patterns(seed: int) -> None:
    net, center = random_network([3, 4, 4, 1], seed)
    box = la.Box(center, 0.5)
    exact = feasible_patterns(net, box)
    bound = upper(net, box, "mccormick")
    assert exact <= bound * (1 + 1e-9)
    assert bound <= upper(net, box, "interval")
    everywhere = upper(net, la.Everywhere(), "hr2")
    # A neuron that adds nonpositive multiples of other neurons never turns on: seed 0.
    assert free_patterns(net) <= everywhere or seed == 0
    assert everywhere <= 1.05 * free_patterns(net)


@pytest.mark.parametrize("method", ["shor", "hr2", "mccormick"])
def test_no_sampled_gradient_exceeds_a_bound(method: str) -> None:
    for seed in range(8):
        sizes = [3, 5, 4, 1] if seed % 2 else [2, 4, 3, 3, 1]
        net, center = random_network(sizes, seed)
        box = la.Box(center, 0.4)
        rng = np.random.default_rng(seed)
        points = rng.uniform(box.inner_lower, box.inner_upper, (2000, center.size))
        largest = np.abs(net.jacobian(points)).sum(axis=2).max()
        assert largest <= upper(net, box, method, time_limit=0.5)


def test_levels_are_ordered_and_bounds_grow_with_the_box() -> None:
    net, center = random_network([5, 8, 8, 1], 3)
    box = la.Box(center, 0.3)
    bounds = [upper(net, box, method, time_limit=8) for method in ("mccormick", "hr2", "shor")]
    assert bounds[0] <= bounds[1] * 1.02
    assert bounds[1] <= bounds[2] * 1.02
    assert bounds[2] < upper(net, box, "interval")
    assert bounds[1] <= upper(net, la.Box(center, 0.4), "hr2", time_limit=8) * 1.02


def test_bounds_do_not_depend_on_the_parametrisation() -> None:
    net, center = random_network([4, 6, 6, 1], 8)
    box = la.Box(center, 0.3)
    bound = upper(net, box, "hr2")
    (a, b), (c, d), (e, f) = net.affine_pairs()
    order = np.random.default_rng(0).permutation(6)
    scales = np.exp2(np.arange(6) - 3.0)
    for weights, biases, factor in (
        ([a[order], c[:, order], e], [b[order], d, f], 1.0),
        ([a * scales[:, None], c / scales, e], [b * scales, d, f], 1.0),
        ([a, c, -3.0 * e], [b, d, f], 3.0),
    ):
        changed = la.Network.from_arrays(weights, biases)
        assert upper(changed, box, "hr2") == pytest.approx(factor * bound, rel=2e-2)


@settings(max_examples=10)
@given(seed=st.integers(0, 10_000), norm=st.sampled_from([1, 2, "inf"]), ball=st.booleans())
def test_all_norms_and_regions(seed: int, norm: Any, ball: bool) -> None:
    net, center = random_network([3, 4, 3, 1], seed)
    region = la.Ball(center, 0.4) if ball else la.Box(center, 0.4)
    found = la.lipschitz_lower_bound(net, region, norm, starts=8, steps=30)
    assert found.value <= upper(net, region, "hr2", norm=norm, time_limit=0.5)


def test_the_proof_can_be_checked_and_a_time_limit_leaves_a_bound() -> None:
    net, center = random_network([10, 20, 20, 1], 1)
    result = la.lipschitz_constant(
        net, la.Box(center, 0.2), method="mccormick", lower=False, time_limit=0.5
    )
    assert result.upper_kind == "proven"
    assert result.proof.check().bound == result.upper


def test_without_unstable_neurons_the_bound_is_the_norm_of_the_gradient() -> None:
    net = la.Network.from_arrays([np.eye(2), [[1, 2], [3, 4]], [[1, 1]]], [[3, 3], [0, 0], [0]])
    assert upper(net, la.Box([0.0, 0.0], 1.0), "hr2") == pytest.approx(10.0, abs=1e-9)


def test_what_is_not_offered() -> None:
    net, center = random_network([3, 4, 4, 1], 0)
    box = la.Box(center, 0.5)
    with pytest.raises(UnsupportedError, match=r"one hidden layer.*For any depth: shor, hr2"):
        la.lipschitz_constant(net, box, method="cuts")
    with pytest.raises(UnsupportedError, match="low-rank solver, not by 'clarabel'"):
        la.lipschitz_constant(net, box, method="hr2", solver="clarabel")
    three, center = random_network([2, 3, 3, 3, 1], 0)
    with pytest.raises(UnsupportedError, match='"hr1" is offered for two hidden layers, not for 3'):
        la.lipschitz_constant(three, la.Box(center, 5.0), method="hr1")
    tanh = la.Network.from_arrays([w for w, _ in net.affine_pairs()], activation="tanh")
    with pytest.raises(UnsupportedError, match="not for tanh"):
        la.lipschitz_constant(tanh, box, method="hr2")


def test_the_lower_bound_finds_the_constant_of_a_benchmark_network() -> None:
    net, center = benchmark([20, 40, 40, 1], 0)
    box = la.Box(center, 0.02)
    found = la.lipschitz_lower_bound(net, box)
    assert found.value == pytest.approx(1.771380, abs=2e-6)
    assert (np.abs(found.witness - center) <= 0.02).all()
    gradient = net.jacobian(found.witness)[0]
    assert np.abs(gradient).sum() == pytest.approx(found.value, rel=1e-9)


@pytest.mark.parametrize("sizes", [[3, 4, 4, 1], [2, 3, 3, 3, 1]])
def test_lower_bounds_against_enumeration(sizes: list[int]) -> None:
    for seed in range(3):
        net, center = random_network(sizes, seed)
        box = la.Box(center, 0.5)
        exact = feasible_patterns(net, box)
        found = la.lipschitz_lower_bound(net, box, starts=16, steps=100).value
        assert 0.999 * exact <= found <= exact * (1 + 1e-9)
