"""Relaxations of order one by the low-rank solver: values, soundness, certificates, limits."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lipschitz_app as la
import polyopt as po
from lipschitz_app import relaxations
from lipschitz_app.first_order import lipschitz_model
from lipschitz_app.rounding import FloatArray
from lipschitz_app.upper import LOWRANK_METHODS, LowRankProof, exact_constant, lowrank_bound
from polyopt.solvers.lowrank import FirstOrderModel, LowRankOptions, solve_first_order

from .networks import benchmark, chen_network, one_layer, presolved, small_networks

TWO = one_layer([[1, 2], [-1, 1]], [0, 0], [1, 1])
THREE = one_layer([[1, 2], [-1, 1], [1, -1]], [0.1, -0.2, 0.3], [1, -1, 2])
WIDE, LOCAL = la.Box([0.0, 0.0], 10.0), la.Box([0.0, 0.0], 0.15)


def bound(net: la.Network, region: la.Box | la.Everywhere, method: str, **k: float) -> float:
    return lowrank_bound(presolved(net, region), region, "inf", method, **k).value  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "two", "three"),
    [("shor", 3.337117, 5.99916), ("hr2", 3.337117, 5.96910), ("mccormick", 3.0, 5.9061)],
)
def test_values_by_other_solvers(method: str, two: float, three: float) -> None:
    """Values of the same relaxations by an interior-point solver."""
    for net, region, value in ((TWO, WIDE, two), (THREE, LOCAL, three)):
        assert value - 1e-5 <= bound(net, region, method) <= value + 1e-3


def test_cliques_of_directions_and_inputs_give_the_published_value() -> None:
    stated = lipschitz_model(presolved(THREE, LOCAL), LOCAL, "hr2", directions_with_inputs=True)
    found = solve_first_order(stated.model, LowRankOptions(relative_gap=1e-5, rounds=30))
    assert 5.94298 <= found.bound * 2.0**stated.exponent <= 5.9441


@pytest.mark.parametrize("seed", [0, 1])
def test_agrees_with_the_conic_path(seed: int) -> None:
    net, center = benchmark([4, 8, 1], seed)
    region = la.Box(center, 0.6)
    hidden = presolved(net, region)
    for method in ("shor", "mccormick"):
        relaxed = getattr(relaxations, method)(hidden, region, "inf")
        value = relaxed.relaxation.solve().bound
        found = bound(net, region, method)
        assert found == pytest.approx(value, rel=3e-4)
        assert found >= value * (1 - 1e-6)


@pytest.mark.parametrize(("seed", "value"), [(0, 1.28841), (1, 1.00337), (2, 0.87644)])
def test_published_shor_bounds(seed: int, value: float) -> None:
    """Chen et al. 2020, (10, 10) networks of sparsity 20, global."""
    net, _ = chen_network(10, 20, seed)
    assert bound(net, la.Everywhere(), "shor") == pytest.approx(value, abs=1e-4)


@settings(max_examples=8, deadline=None)
@given(small_networks(), st.floats(0.05, 3.0), st.booleans())
def test_bounds_are_above_the_polynomial_problem(
    case: tuple[la.Network, FloatArray], radius: float, whole: bool
) -> None:
    """Kinks count: a relaxation bounds the polynomial problem, not only the network."""
    net, center = case
    region: la.Box | la.Everywhere = la.Everywhere() if whole else la.Box(center, radius)
    hidden = presolved(net, region)
    if hidden.unstable == 0:
        return
    exact = exact_constant(hidden, region, "inf", kinks=True).value
    values = [bound(net, region, method) for method in reversed(LOWRANK_METHODS)]
    assert values[0] >= exact * (1 - 1e-9)
    for tighter, looser in pairwise(values):
        assert tighter <= looser * (1 + 2e-3) + 1e-9


def value_at(model: FirstOrderModel, point: FloatArray) -> tuple[float, float]:
    """Return the objective and the smallest constraint value at a point."""
    row = np.concatenate([[1.0], point])[:, None]
    worst = min((float(family.values(row).min()) for family in model.families), default=0.0)
    return model.constant + float((row * model.apply_objective(row)).sum()), worst


@pytest.mark.parametrize("power", [-600, 30])
def test_powers_of_two_change_nothing(power: int) -> None:
    net, center = benchmark([3, 5, 1], 0)
    (rows, biases), (weights, _) = net.affine_pairs()
    region, size = la.Box(center, 0.5), 2.0**power
    far = la.Box(size * center, 0.5 * size)
    value = bound(net, region, "hr2")
    assert bound(one_layer(rows, biases, size * weights[0]), region, "hr2") / size == value
    steeper = bound(one_layer(size * rows, size * biases, weights[0]), region, "hr2")
    assert steeper / size == pytest.approx(value, rel=2e-4)
    further = bound(one_layer(rows, size * biases, weights[0]), far, "hr2")
    assert further == pytest.approx(value, rel=2e-4)


@settings(max_examples=20, deadline=None)
@given(small_networks(), st.floats(1e-3, 1e3), st.integers(0, 2**31))
def test_true_points_are_feasible(
    case: tuple[la.Network, FloatArray], radius: float, seed: int
) -> None:
    net, center = case
    region = la.Box(center, radius)
    hidden = presolved(net, region)
    if hidden.unstable == 0:
        return
    rng = np.random.default_rng(seed)
    for method in ("shor", "hr2", "mccormick"):
        found = lipschitz_model(hidden, region, method)
        for _ in range(5):
            xi = rng.choice([-1.0, 1.0, rng.uniform(-1, 1)], size=center.size)
            z = hidden.rows @ (center + radius * xi) + hidden.biases
            u = (z > 0).astype(float)
            gradient = hidden.gradients(u)
            t = np.where(gradient >= 0, 1.0, -1.0)
            assert (found.directions.size, found.inputs.size) == (center.size, center.size)
            value, worst = value_at(found.model, np.concatenate([t, 2 * u - 1, xi]))
            assert value * 2.0**found.exponent == pytest.approx(np.abs(gradient).sum(), rel=1e-12)
            # The test's own rounding; the model's slack is of the same size.
            assert worst >= -1e-14


class TestCertificates:
    def test_rechecks_without_an_optimiser(self) -> None:
        for method in LOWRANK_METHODS:
            result = la.lipschitz_constant(THREE, LOCAL, method=method, lower=False)
            assert result.upper_kind == "proven"
            assert isinstance(result.proof, LowRankProof)
            assert result.check() == result.upper == result.proof.bound

    def test_tampered_certificates_are_rejected(self) -> None:
        proof = la.lipschitz_constant(THREE, LOCAL, method="hr2", lower=False).proof
        dual = proof.dual
        for wrong, message in (
            (replace(dual, bound=dual.bound - 1e-6), "more than the claimed"),
            (replace(dual, diagonal=0.9 * dual.diagonal), "not positive definite"),
            (replace(dual, multipliers=tuple(-m - 1 for m in dual.multipliers)), "negative"),
            (replace(dual, multipliers=()), "0 arrays of multipliers"),
        ):
            with pytest.raises(po.PolyoptError, match=message):
                replace(proof, dual=wrong).check()

    def test_can_be_saved(self, tmp_path: Path) -> None:
        result = la.lipschitz_constant(THREE, LOCAL, method="shor", lower=False)
        result.save_proof(tmp_path / "bound.lipproof")
        assert la.load_proof(tmp_path / "bound.lipproof").check(THREE) == result.upper


class TestLimits:
    def test_time_limit_leaves_a_proven_bound(self) -> None:
        net, center = chen_network(40, 40, 0)
        region = la.Box(center, 0.1)
        result = la.lipschitz_constant(net, region, method="mccormick", time_limit=0.01)
        assert result.upper_kind == "proven"
        assert "stopped early" in result.notes[-1]
        assert result.lower is not None
        assert result.lower <= result.upper == result.check()

    def test_interrupt_leaves_the_best_bound(self) -> None:
        def interrupt(text: str) -> None:
            if "round 2" in text:
                raise KeyboardInterrupt

        net, center = chen_network(20, 24, 0)
        region = la.Box(center, 0.1)
        found = lowrank_bound(
            presolved(net, region), region, "inf", "mccormick", progress=interrupt
        )
        assert found.kind == "proven"
        assert found.status == "interrupted"
        assert found.value >= bound(net, region, "mccormick") * (1 - 1e-3)

    def test_interrupt_before_anything(self) -> None:
        def interrupt(text: str) -> None:
            raise KeyboardInterrupt

        with pytest.raises(la.NoBoundError, match="before there was a bound"):
            lowrank_bound(presolved(THREE, LOCAL), LOCAL, "inf", "hr2", progress=interrupt)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"norm": 2, "solver": "lowrank", "method": "hr2"}, "not for norm 2"),
        ({"region": la.Ball([0.0, 0.0], 1.0), "solver": "lowrank", "method": "shor"}, "ball"),
        ({"solver": "lowrank", "method": "lasserre"}, "not for the method 'lasserre'"),
        ({"norm": 2, "method": "cuts"}, "by the low-rank solver only"),
        ({"solver": "clarabel", "method": "cuts"}, "by the low-rank solver only"),
    ],
)
def test_not_offered(keywords: dict[str, object], message: str) -> None:
    keywords = {"region": LOCAL, **keywords}
    with pytest.raises(la.UnsupportedError, match=message):
        la.lipschitz_constant(THREE, **keywords)  # type: ignore[arg-type]


def test_digits_gap_of_hr2() -> None:
    """Both sides proven, less than 3 % apart at radius 0.1."""
    images, labels = la.example_inputs()
    region = la.Box(images[2], 0.1)
    result = la.lipschitz_constant(
        la.example_network(), region, output=int(labels[2]), method="hr2"
    )
    assert result.upper_kind == result.lower_kind == "proven"
    assert 0 <= result.gap <= 0.03 * result.upper


@pytest.mark.slow
def test_published_large_network(shared_data: Path) -> None:
    """SDP-NN (784-500), radius 0.1: published HR-2 12.70 with the cliques {x_i, t_i}."""
    path = shared_data / "chen" / "sdp_nn.npz"
    net, center = la.load_network(path), np.load(path)["x0"]
    result = la.lipschitz_constant(net, la.Box(center, 0.1), method="hr2", lower=False)
    assert result.upper_kind == "proven"
    assert 9.75 <= result.upper <= 12.75
