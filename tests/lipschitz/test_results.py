"""Results: kinds, proofs, texts; activations and their plug-in point; files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import lipschitz_app as la
import polyopt as po
from lipschitz_app.activations.lines import lines_from_ranges
from lipschitz_app.activations.relu import ReLUEncoding
from lipschitz_app.rounding import FloatArray
from lipschitz_app.upper import exact_constant
from lipschitz_app.upper.base import UpperBound
from lipschitz_app.upper.methods import METHODS

from .networks import benchmark, one_layer, presolved

NET = one_layer([[1, 2], [-1, 1], [1, -1]], [0.1, -0.2, 0.3], [1, -1, 2])
REGION = la.Box([0.0, 0.0], 0.15)


@pytest.mark.parametrize("method", ["shor", "hr2"])
def test_moment_bounds_are_proven_and_their_proofs_recheck(method: str, tmp_path: Path) -> None:
    result = la.lipschitz_constant(NET, REGION, method=method, solver="clarabel")
    assert result.upper_kind == "proven"
    assert result.method == method
    assert result.check() == pytest.approx(result.upper, abs=1e-9)
    assert result.lower == pytest.approx(5.0)
    assert 5.0 <= result.upper <= 6.0
    assert result.problem is not None
    assert result.upper >= result.proof.bound + result.margin
    result.proof.save(tmp_path / "engine.proof")
    checked = po.load_proof(tmp_path / "engine.proof").check(result.problem)
    assert checked.bound == pytest.approx(result.proof.bound, abs=1e-9)


def test_unproven_bound_says_so() -> None:
    result = la.lipschitz_constant(
        NET, REGION, method="shor", prove=False, lower=False, solver="clarabel"
    )
    assert result.upper_kind == "numerical"
    assert result.proof is None
    assert result.gap == float("inf")
    with pytest.raises(la.NoBoundError, match="numerical and has no certificate"):
        result.save_proof("nowhere")
    with pytest.raises(la.NoBoundError, match="numerical and has no certificate"):
        result.check()


def test_auto_takes_the_smallest_bound_and_says_why() -> None:
    result = la.lipschitz_constant(NET, REGION)
    assert (result.method, result.upper_kind) == ("branch", "proven")
    assert 5.0 <= result.upper <= 5.0 * 1.0011
    assert "auto took branch: 3 unstable neurons" in result.notes[-1]
    wider, center = benchmark([5, 14, 1], 0)
    relaxed = la.lipschitz_constant(wider, la.Box(center, 2.0))
    assert (relaxed.method, relaxed.upper_kind) == ("mccormick", "proven")
    assert "auto took mccormick: " in relaxed.notes[-1]
    assert relaxed.lower is not None
    assert relaxed.lower <= relaxed.upper
    engine = la.lipschitz_constant(wider, la.Box(center, 2.0), solver="clarabel", lower=False)
    assert engine.method == "hr2"
    assert relaxed.upper <= engine.upper * (1 + 1e-4)
    in_other_norm = la.lipschitz_constant(wider, la.Box(center, 2.0), norm=2)
    assert (in_other_norm.method, in_other_norm.upper_kind) == ("branch", "proven")
    assert in_other_norm.lower == pytest.approx(in_other_norm.upper, rel=1.1e-3)
    deep, center = benchmark([4, 5, 5, 1], 0)
    other = la.lipschitz_constant(deep, la.Box(center, 0.05), lower=False)
    assert other.method in ("interval", "product")
    assert "2 hidden layers" in other.notes[-1]


def test_ball_regions_are_bounded_by_moments_too() -> None:
    ball = la.Ball([0.0, 0.0], 0.15)
    result = la.lipschitz_constant(NET, ball, 2, method="hr2")
    box = la.lipschitz_constant(NET, REGION, 2, method="hr2", lower=False)
    assert result.lower is not None
    assert result.lower <= result.upper <= box.upper + 1e-5


def test_no_unstable_neuron_is_exact() -> None:
    net = one_layer([[1, 2], [-1, 1]], [9, -9], [1, 1])
    result = la.lipschitz_constant(net, la.Box([0.0, 0.0], 1.0), method="hr2")
    assert result.upper == pytest.approx(3.0, rel=1e-12)
    assert result.upper_kind == "proven"
    assert "no unstable neuron" in result.notes[0]


def test_text_and_data_of_a_result() -> None:
    result = la.lipschitz_constant(NET, REGION, method="interval")
    text = str(result)
    for part in ("output 0", "L-infinity", "proven, interval", "witness", "unstable"):
        assert part in text
    data = json.loads(json.dumps(result.to_dict()))
    assert data["upper"] == result.upper
    assert data["neurons"] == [{"dead": 0, "active": 0, "unstable": 3}]
    assert result.relative_gap == pytest.approx(result.gap / result.upper)


def test_progress_is_told() -> None:
    lines: list[str] = []
    la.lipschitz_constant(NET, REGION, method="shor", progress=lines.append)
    assert any("unstable" in line for line in lines)
    assert any("proven" in line for line in lines)


def test_enumeration_that_stops_gives_what_is_known() -> None:
    net, _ = benchmark([10, 20, 1], 0)
    hidden = presolved(net, la.Everywhere())
    with pytest.raises(la.NoBoundError, match="at most"):
        exact_constant(hidden, la.Everywhere(), "inf", max_patterns=20)


def test_proven_lower_never_exceeds_proven_upper_where_they_meet() -> None:
    """Linear network: both sides are the same number, rounded apart."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        net = la.Network.from_arrays([rng.standard_normal((1, 30))])
        result = la.lipschitz_constant(net, la.Everywhere(), method="product")
        assert result.lower is not None
        assert result.lower < result.upper < result.lower * (1 + 1e-12)


class TestDigits:
    def test_network_and_inputs(self) -> None:
        net = la.example_network("digits")
        inputs, labels = la.example_inputs("digits")
        assert repr(net) == "Network(64-32-10, relu)"
        assert (net(inputs).argmax(axis=1) == labels).mean() >= 0.9

    def test_local_bounds_of_a_margin(self) -> None:
        net = la.example_network()
        inputs, labels = la.example_inputs()
        label = int(labels[0])
        region = la.Box(inputs[0], 0.01)
        result = la.lipschitz_constant(
            net, region, output=(label, (label + 1) % 10), method="exact"
        )
        interval = la.lipschitz_constant(
            net, region, output=(label, (label + 1) % 10), method="interval", lower=False
        )
        assert result.lower is not None
        assert result.lower <= result.upper * (1 + 1e-9) <= interval.upper * (1 + 1e-8)


class TestActivations:
    def test_relu_passes(self) -> None:
        la.check_activation_encoding(la.get_activation("relu"))
        la.check_activation_encoding(la.get_activation("relu"), lower=-1e-3, upper=50.0)

    def test_product_constraints_hold_on_the_graph(self) -> None:
        for z in np.linspace(-2, 3, 51):
            for u in ReLUEncoding().derivative_selections(float(z)):
                found = ReLUEncoding().product_constraints(z, u, -2.0, 3.0)
                assert min(found.inequalities) >= -1e-15

    def test_wrong_encodings_are_caught(self) -> None:
        @dataclass(frozen=True)
        class Cuts(ReLUEncoding):
            def derivative_constraints(
                self, z: object, u: object, lower: float, upper: float, error: float = 0.0
            ) -> la.Constraints:
                return la.Constraints(((u - 0.5) * (z - 0.1),))  # type: ignore[operator]

        @dataclass(frozen=True)
        class Leaves(ReLUEncoding):
            def value_range(
                self, lower: FloatArray, upper: FloatArray, /
            ) -> tuple[FloatArray, FloatArray]:
                return lower * 0, upper / 2

        @dataclass(frozen=True)
        class Invents(ReLUEncoding):
            def derivative(self, z: FloatArray, /) -> FloatArray:
                return np.full_like(z, 0.7)

        @dataclass(frozen=True)
        class Steeper(ReLUEncoding):
            def linear_bounds(self, lower: FloatArray, upper: FloatArray, /) -> la.LinearBounds:
                right = super().linear_bounds(lower, upper)
                return la.LinearBounds(
                    la.Lines(right.upper.slopes, right.upper.offsets), right.upper
                )

        @dataclass(frozen=True)
        class Later(ReLUEncoding):
            def hinges(self) -> tuple[tuple[float, float], list[tuple[float, float, float]]]:
                return (0.0, 0.0), [(0.5, 1.0, 1.0)]

        @dataclass(frozen=True)
        class Flat(ReLUEncoding):
            """Wrong between points only: at them the slope is what it says."""

            def slope_range(
                self, lower: FloatArray, upper: FloatArray, /
            ) -> tuple[FloatArray, FloatArray]:
                low, high = super().slope_range(lower, upper)
                return low, np.where(upper - lower < 1.0, np.minimum(high, 0.3), high)

        for wrong, message in (
            (Cuts("cuts"), "violates inequality 0"),
            (Leaves("leaves"), "outside its range"),
            (Invents("invents"), "one-sided derivatives"),
            (Steeper("steeper"), "line 0 of linear_bounds is not below the graph"),
            (Later("later"), "by its hinges 0"),
            (Flat("flat"), "0.3\\] do not allow"),
        ):
            with pytest.raises(la.ActivationError, match=message):
                la.register_activation(wrong)

    def test_registered_activation_makes_a_network(self) -> None:
        @dataclass(frozen=True)
        class Half(ReLUEncoding):
            """relu(z) / 2, as one hinge."""

            def hinges(self) -> tuple[tuple[float, float], list[tuple[float, float, float]]]:
                return (0.0, 0.0), [(0.0, 0.5, 0.5)]

            def linear_bounds(self, lower: FloatArray, upper: FloatArray, /) -> la.LinearBounds:
                return lines_from_ranges(self, lower, upper)

            def value(self, z: FloatArray, /) -> FloatArray:
                return np.maximum(z, 0.0) / 2

            def derivative(self, z: FloatArray, /) -> FloatArray:
                return (np.asarray(z) > 0) / 2

            def derivative_selections(self, z: float, /) -> tuple[float, ...]:
                return (0.0, 0.5) if z == 0 else (0.5 * (z > 0),)

            def value_range(
                self, lower: FloatArray, upper: FloatArray, /
            ) -> tuple[FloatArray, FloatArray]:
                return np.maximum(lower, 0.0) / 2, np.maximum(upper, 0.0) / 2

            def slope_range(
                self, lower: FloatArray, upper: FloatArray, /
            ) -> tuple[FloatArray, FloatArray]:
                low, high = super().slope_range(lower, upper)
                return low / 2, high / 2

            def derivative_constraints(
                self, z: object, u: object, lower: float, upper: float, error: float = 0.0
            ) -> la.Constraints:
                return super().derivative_constraints(z, 2 * u, lower, upper, error)  # type: ignore[operator]

            def value_constraints(
                self, z: object, x: object, lower: float, upper: float, error: float = 0.0
            ) -> la.Constraints:
                return super().value_constraints(z, 2 * x, lower, upper, error)  # type: ignore[operator]

        la.register_activation(Half("half"))
        try:
            (rows, biases), (weights, _) = NET.affine_pairs()
            net = la.Network.from_arrays([rows, weights], [biases, [0.0]], activation="half")
            for method in ("interval", "product", "shor", "exact"):
                whole = la.lipschitz_constant(NET, REGION, method=method, lower=False).upper
                half = la.lipschitz_constant(net, REGION, method=method, lower=False).upper
                assert half == pytest.approx(whole / 2, abs=1e-4)
        finally:
            la.unregister_activation("half")


class TestFiles:
    def test_round_trip(self, tmp_path: Path) -> None:
        net, x = benchmark([4, 5, 3, 2], 0)
        net.save(tmp_path / "net.npz", note=np.arange(3))
        again = la.load_network(tmp_path / "net.npz")
        assert again(x).tolist() == net(x).tolist()
        assert repr(again) == repr(net)

    @pytest.mark.parametrize(
        "names", [("A_1", "b_1", "A_2", "b_2"), ("0.weight", "0.bias", "2.weight", "2.bias")]
    )
    def test_other_names(self, tmp_path: Path, names: tuple[str, ...]) -> None:
        net, x = benchmark([4, 5, 2], 0)
        arrays = [array for pair in net.affine_pairs() for array in pair]
        np.savez(tmp_path / "net.npz", **dict(zip(names, arrays, strict=True)))  # type: ignore[arg-type]
        assert la.load_network(tmp_path / "net.npz")(x).tolist() == net(x).tolist()

    def test_single_precision_is_kept_exactly(self, tmp_path: Path) -> None:
        weight = np.array([[0.1, 0.2]], dtype=np.float32)
        np.savez(tmp_path / "net.npz", W1=weight)
        matrix, bias = la.load_network(tmp_path / "net.npz").affine_pairs()[0]
        assert matrix.tolist() == weight.astype(float).tolist()
        assert bias.tolist() == [0.0]

    def test_shapes_of_points(self) -> None:
        net = la.Network(
            [la.Flatten(), la.Linear(np.arange(12.0).reshape(3, 4)), la.ReLU()], (1, 2, 2)
        )
        point = np.arange(4.0)
        assert net(point).shape == (3,)
        assert net(point.reshape(1, 2, 2)).tolist() == net(point).tolist()
        assert net(np.stack([point, point])).shape == (2, 3)
        assert net(np.zeros((5, 1, 2, 2))).shape == (5, 3)
        assert net.jacobian(np.zeros((5, 4))).shape == (5, 3, 4)


@pytest.mark.parametrize(("share", "kind"), [(1 - 1e-8, "exact"), (0.9, "numerical")])
def test_a_solvers_value_below_a_proven_lower_bound_is_raised(
    share: float, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = la.lipschitz_constant(NET, REGION).lower
    assert truth is not None
    word = UpperBound(truth * share, "exact")
    monkeypatch.setitem(METHODS, "exact", lambda task: word)
    result = la.lipschitz_constant(NET, REGION, method="exact")
    assert result.lower is not None
    assert (result.upper, result.upper_kind) == (result.lower, kind)
    assert "below the proven lower bound" in result.notes[-1]
