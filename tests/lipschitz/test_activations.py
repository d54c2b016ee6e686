"""Every activation: its encoding, its enclosures, and the bounds of random networks with it."""

from __future__ import annotations

from fractions import Fraction

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lipschitz_app as la
from lipschitz_app.activations.lines import linear_bounds, lines_from_ranges
from lipschitz_app.activations.smooth import MARGIN, SmoothEncoding
from lipschitz_app.rounding import FloatArray

NAMES = [*la.activation_names(), "leaky_relu(-0.3)", "prelu(1.75)", "elu(0.5)", "elu(2.0)"]
PIECEWISE = [
    *("relu", "leaky_relu", "leaky_relu(-0.3)", "prelu", "prelu(1.75)"),
    *("abs", "hardtanh", "relu6", "hardsigmoid"),
]
RANGES = [(-2.0, 3.0), (-0.7, 0.2), (-9.0, -4.0), (1.0, 7.0), (-30.0, 50.0), (-1.0, 0.0), (0, 1)]


@pytest.mark.parametrize("name", NAMES)
class TestEncodings:
    @pytest.mark.parametrize(("lower", "upper"), RANGES)
    def test_check_passes(self, name: str, lower: float, upper: float) -> None:
        la.check_activation_encoding(la.get_activation(name), lower, upper)

    def test_whole_line(self, name: str) -> None:
        encoding = la.get_activation(name)
        ends = np.array([-np.inf]), np.array([np.inf])
        z = np.concatenate([np.linspace(-900, 900, 1801), np.linspace(-5, 5, 1001)])
        for (low, high), values in (
            (encoding.slope_range(*ends), encoding.derivative(z)),
            (encoding.value_range(*ends), encoding.value(z)),
        ):
            assert low[0] <= values.min()
            assert values.max() <= high[0]
            assert np.isfinite(values).all()

    def test_ranges_shrink_to_points(self, name: str) -> None:
        encoding = la.get_activation(name)
        z = np.linspace(-8.0, 8.0, 333)
        low, high = encoding.slope_range(z, z)
        assert (low <= encoding.derivative(z)).all()
        assert (encoding.derivative(z) <= high).all()
        away = ~np.isin(z, encoding.breakpoints)
        assert (high - low)[away].max() <= 1e-12
        low, high = encoding.value_range(z, z)
        assert (high - low).max() <= 1e-11

    def test_lines_of_any_encoding(self, name: str) -> None:
        """Lines that follow from ranges are right too, and close to the graph on small ranges."""
        encoding = la.get_activation(name)
        rng = np.random.default_rng(0)
        lower = rng.uniform(-4, 4, 60)
        upper = lower + rng.choice([0.0, 0.1, 1.0, 5.0], 60)
        for bounds in (
            lines_from_ranges(encoding, lower, upper),
            linear_bounds(encoding, lower, upper),
        ):
            for share in np.linspace(0, 1, 41):
                z = np.clip(lower + share * (upper - lower), lower, upper)
                value = encoding.value(z)
                below = (bounds.lower.slopes * z + bounds.lower.offsets).max(axis=0)
                above = (bounds.upper.slopes * z + bounds.upper.offsets).min(axis=0)
                assert (below <= value + 1e-13).all()
                assert (value <= above + 1e-13).all()
                near = upper - lower <= 0.11
                assert (above - below)[near].max() <= 0.12


def precise(name: str, z: float) -> mpmath.mpf:
    """The smooth activations by mpmath."""
    z = mpmath.mpf(z)
    alpha = (
        mpmath.mpf(2) if "2.0" in name else mpmath.mpf("0.5") if "0.5" in name else mpmath.mpf(1)
    )
    if name.startswith("elu"):
        return z if z > 0 else alpha * mpmath.expm1(z)
    return {
        "tanh": mpmath.tanh,
        "sigmoid": lambda v: 1 / (1 + mpmath.exp(-v)),
        "softplus": lambda v: mpmath.log1p(mpmath.exp(v)),
        "silu": lambda v: v / (1 + mpmath.exp(-v)),
        "gelu": lambda v: v * mpmath.erfc(-v / mpmath.sqrt(2)) / 2,
    }[name](z)


SMOOTH = ["tanh", "sigmoid", "softplus", "silu", "gelu", "elu", "elu(0.5)", "elu(2.0)"]


@pytest.mark.parametrize("name", SMOOTH)
class TestSmooth:
    def test_margin_covers_floating_point(self, name: str) -> None:
        encoding = la.get_activation(name)
        rng = np.random.default_rng(1)
        points = np.concatenate([rng.uniform(-6, 6, 150), rng.uniform(-60, 60, 50), [1e-9, -1e-9]])
        with mpmath.workdps(50):
            for z in points.tolist():
                place = np.array([z])
                for found, true in (
                    (encoding.value(place)[0], precise(name, z)),
                    (encoding.derivative(place)[0], mpmath.diff(lambda v: precise(name, v), z)),
                ):
                    assert abs(mpmath.mpf(float(found)) - true) <= MARGIN / 8 * (1 + abs(true))

    def test_turning_points(self, name: str) -> None:
        encoding = la.get_activation(name)
        assert isinstance(encoding, SmoothEncoding)
        for turn in encoding.value_turns:
            with mpmath.workdps(50):
                root = mpmath.findroot(lambda v: mpmath.diff(lambda w: precise(name, w), v), turn)
            assert turn == pytest.approx(float(root), abs=1e-9)
        for turn in encoding.slope_turns:
            with mpmath.workdps(50):
                root = mpmath.findroot(
                    lambda v: mpmath.diff(lambda w: precise(name, w), v, 2), turn + 1e-3
                )
            assert turn == pytest.approx(float(root), abs=1e-9)
        # There are no others: the slopes are monotone in between.
        z = np.sort(np.concatenate([np.linspace(-40, 40, 4001), encoding.slope_turns]))
        kinks = np.concatenate([encoding.slope_turns, encoding.breakpoints])
        pieces = np.searchsorted(kinks, z, side="right") if kinks.size else np.zeros(z.size)
        for piece in np.unique(pieces):
            slopes = encoding.derivative(z[pieces == piece])[1:]
            steps = np.diff(slopes)
            assert (steps >= -1e-15).all() or (steps <= 1e-15).all()


class TestPiecewiseLinear:
    def test_hinges_add_up(self) -> None:
        for name in PIECEWISE:
            encoding = la.get_activation(name)
            (low, high), hinges = encoding.hinges()  # type: ignore[attr-defined]
            for z in (-7.3, -2.0, -0.4, 0.3, 2.5, 8.0):
                least = low + sum(jump for point, jump, _ in hinges if z > point)
                greatest = high + sum(jump for point, _, jump in hinges if z > point)
                slope = float(encoding.derivative(np.array([z]))[0])
                assert least - 1e-15 <= slope <= greatest + 1e-15

    def test_slopes_that_are_no_doubles_are_enclosed(self) -> None:
        low, high = la.get_activation("hardsigmoid").slope_range(np.array([-1.0]), np.array([1.0]))
        assert Fraction(low[0]) < Fraction(1, 6) < Fraction(high[0])

    def test_one_of_your_own(self) -> None:
        """A triangle: up to 1 and down again."""
        triangle = la.PiecewiseLinearEncoding("triangle", (-1.0, 0.0, 1.0), (0, 1, -1, 0))
        assert triangle.value(np.array([-3.0, -0.5, 0.0, 0.25, 2.0])).tolist() == [
            0,
            0.5,
            1,
            0.75,
            0,
        ]
        la.register_activation(triangle)
        try:
            net = la.Network.from_arrays([[[1.0], [2.0]], [[1.0, 1.0]]], activation="triangle")
            found = la.lipschitz_constant(net, la.Box([0.0], 0.9), method="exact")
            assert found.upper == pytest.approx(3.0)
            assert found.lower == pytest.approx(3.0)
        finally:
            la.unregister_activation("triangle")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("leaky_relu(x)", "'x' is not a finite number"),
        ("elu(inf)", "not a finite number"),
        ("elu(-1)", "give a finite number of at least 0"),
        ("tanh(2)", "is not known"),
        ("leaky_relu(0.1", "is not known"),
    ],
)
def test_wrong_names(name: str, message: str) -> None:
    with pytest.raises(la.ActivationError, match=message):
        la.get_activation(name)


def test_layers_have_the_registered_functions() -> None:
    layers = {
        "leaky_relu(0.3)": la.LeakyReLU(0.3),
        "prelu(0.25)": la.PReLU(),
        "elu(1.0)": la.ELU(),
        **{"abs": la.Abs(), "hardtanh": la.HardTanh(), "relu6": la.ReLU6(), "tanh": la.Tanh()},
        **{"sigmoid": la.Sigmoid(), "softplus": la.Softplus(), "silu": la.SiLU()},
        **{"gelu": la.GELU(), "hardsigmoid": la.HardSigmoid()},
    }
    z = np.linspace(-8, 8, 9)
    for name, layer in layers.items():
        net = la.Network([la.Linear(np.eye(9)), layer])
        assert net(z) == pytest.approx(la.get_activation(name).value(z), rel=1e-15)
        assert np.diag(net.jacobian(z)) == pytest.approx(la.get_activation(name).derivative(z))
        assert repr(layer).startswith(type(layer).__name__)
    with pytest.raises(la.ActivationError, match="alpha = 'a' is not a number"):
        la.LeakyReLU("a")  # type: ignore[arg-type]


class Case:
    """A random network of one hidden layer with a region, and points of it."""

    def __init__(self, seed: int, name: str, shape: str) -> None:
        rng = np.random.default_rng(seed)
        inputs, neurons = int(rng.integers(1, 4)), int(rng.integers(1, 5))
        rows, biases = rng.standard_normal((neurons, inputs)), rng.standard_normal(neurons)
        weights = rng.standard_normal((1, neurons))
        self.net = la.Network.from_arrays(
            [2 * rows, weights], [biases, rng.standard_normal(1)], activation=name
        )
        center = rng.standard_normal(inputs)
        radius = float(rng.choice([0.05, 0.5, 2.0]))
        self.region: la.Box | la.Ball | la.Everywhere = la.Everywhere()
        moves = rng.standard_normal((200, inputs))
        moves /= np.linalg.norm(moves, axis=1, keepdims=True) * (1 + 1e-12)
        moves *= rng.random((200, 1))
        if shape == "box":
            self.region = la.Box(center, radius)
            moves = rng.uniform(-1, 1, (200, inputs))
        elif shape == "ball":
            self.region = la.Ball(center, radius)
        elif shape == "cut":
            self.region = la.Ball(center, radius).intersect(la.Box(center, 0.7 * radius))
            moves = moves[np.abs(moves).max(axis=1) < 0.7]
        self.points = center + (4.0 if shape == "everywhere" else radius) * moves

    def sampled(self, norm: str) -> float:
        order = {"1": np.inf, "2": 2, "inf": 1}[norm]
        gradients = self.net.jacobian(self.points)[:, 0, :]
        return float(np.linalg.norm(gradients, ord=order, axis=1).max(initial=0.0))


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(NAMES),
    st.sampled_from(["box", "ball", "cut", "everywhere"]),
    st.sampled_from(["1", "2", "inf"]),
)
def test_samples_are_below_all_bounds(seed: int, name: str, shape: str, norm: str) -> None:
    case = Case(seed, name, shape)
    largest = case.sampled(norm)
    exact_too = name in PIECEWISE and shape in ("box", "everywhere")
    methods = ["product", "interval", *(["hr2"] if norm == "inf" and seed % 8 == 0 else [])]
    if seed % 5 == 0:
        search = la.lipschitz_lower_bound(case.net, case.region, norm, starts=2, steps=5)
        largest = max(largest, search.value)
    for method in [*methods, *(["exact"] if exact_too else [])]:
        found = la.lipschitz_constant(case.net, case.region, norm, method=method, lower=False)
        slack = 1e-6 if found.upper_kind == "exact" else 1e-12
        assert largest <= found.upper * (1 + slack) + 1e-12
        if method in ("product", "interval"):
            assert found.upper_kind == "proven"


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(PIECEWISE), st.floats(0.1, 3.0))
def test_exact_on_a_line(seed: int, name: str, radius: float) -> None:
    """With one input the pieces between sorted kinks are all there is."""
    rng = np.random.default_rng(seed)
    rows, biases, weights = rng.standard_normal((3, 4))
    net = la.Network.from_arrays([rows[:, None], [weights]], [biases, [0.0]], activation=name)
    kinks = [
        (p - b) / a
        for p in la.get_activation(name).breakpoints
        for a, b in zip(rows, biases, strict=True)
    ]
    inside = np.sort([kink for kink in kinks if -radius < kink < radius])
    ends = np.concatenate([[-radius], inside, [radius]])
    middles = ((ends[1:] + ends[:-1]) / 2)[np.diff(ends) > 1e-6]
    expected = np.abs(net.jacobian(middles[:, None])).max()
    found = la.lipschitz_constant(net, la.Box([0.0], radius), method="exact")
    assert found.upper == pytest.approx(expected, rel=1e-7)
    assert found.lower == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(
    "name", ["leaky_relu(-0.3)", "abs", "hardtanh", "tanh", "silu", "elu(2.0)"]
)
def test_relaxations_are_ordered(name: str) -> None:
    rng = np.random.default_rng(3)
    net = la.Network.from_arrays(
        [rng.standard_normal((4, 3)), rng.standard_normal((1, 4))],
        [0.5 * rng.standard_normal(4), [0.0]],
        activation=name,
    )
    region = la.Box(np.zeros(3), 1.0)

    def bound(method: str, solver: str | None = None, norm: object = "inf") -> la.LipschitzResult:
        return la.lipschitz_constant(net, region, norm, method=method, solver=solver, lower=False)

    shor, pairs, conic = bound("shor"), bound("mccormick"), bound("shor", "clarabel")
    assert pairs.upper_kind == shor.upper_kind == conic.upper_kind == "proven"
    assert pairs.upper <= shor.upper + 1e-3
    # The conic path knows more of the derivatives where these lie between 0 and 1.
    assert conic.upper <= shor.upper + 1e-3
    lower = la.lipschitz_lower_bound(net, region, starts=8, steps=30).value
    assert lower <= pairs.upper
    if name not in PIECEWISE:
        assert "free within their ranges" in " ".join(shor.notes)
        with pytest.raises(la.UnsupportedError, match="enumeration is offered for relu"):
            bound("exact")
    else:
        assert lower <= bound("exact").upper * (1 + 1e-6)
        assert bound("exact").upper <= pairs.upper * (1 + 1e-6)
    lower = la.lipschitz_lower_bound(net, region, 2, starts=8, steps=30).value
    assert lower <= bound("hr2", norm=2).upper


def test_bounds_follow_from_the_slopes_of_one_neuron() -> None:
    """``w sigma(a x + b)`` has the constant ``|w a|`` times the steepest slope."""
    region = la.Box([0.5], 1.0)
    for name in NAMES:
        net = la.Network.from_arrays([[[2.0]], [[-3.0]]], [[0.25], [0.0]], activation=name)
        z = np.linspace(-0.75, 3.25, 40001)
        slopes = la.get_activation(name).derivative(z)
        expected = 6.0 * np.abs(slopes).max()
        for method in ("interval", "hr2", "auto"):
            found = la.lipschitz_constant(net, region, method=method, lower=False)
            assert found.upper == pytest.approx(expected, rel=1e-4), (name, method)
        lower = la.lipschitz_lower_bound(net, region, starts=8, steps=30).value
        assert lower == pytest.approx(expected, rel=1e-3), name


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_deep_ranges_and_gradients(seed: int, first: str, second: str) -> None:
    rng = np.random.default_rng(seed)

    def dense(outputs: int, inputs: int) -> la.Linear:
        return la.Linear(rng.standard_normal((outputs, inputs)), rng.standard_normal(outputs))

    net = la.Network(
        [dense(5, 3), la.Activation(first), dense(4, 5), la.Activation(second), dense(2, 4)]
    )
    center = rng.standard_normal(3)
    region = la.Box(center, 0.3)
    points: FloatArray = center + 0.3 * rng.uniform(-1, 1, (300, 3))
    interval = la.pre_activation_ranges(net, region, "interval")
    crown = la.pre_activation_ranges(net, region, "crown")
    for layer, wider, z in zip(crown, interval, net.pre_activations(points), strict=True):
        assert (layer.lower <= z + 1e-13).all()
        assert (z <= layer.upper + 1e-13).all()
        assert (wider.lower <= layer.lower + 1e-13).all()
        assert (layer.upper <= wider.upper + 1e-13).all()
    result = la.lipschitz_constant(net, region, method="interval", output=(0, 1), lower=False)
    gradients = net.jacobian(points)[:, 0] - net.jacobian(points)[:, 1]
    assert np.abs(gradients).sum(axis=1).max() <= result.upper * (1 + 1e-12)
    found = la.lipschitz_lower_bound(net, region, output=(0, 1), starts=2, steps=5)
    assert found.value <= result.upper


def test_many_hinges_are_enumerated() -> None:
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal((14, 2)), rng.standard_normal((1, 14))]
    net = la.Network.from_arrays(weights, activation="abs")
    result = la.lipschitz_constant(net, la.Box(np.zeros(2), 1.0), method="exact")
    assert result.upper_kind == "exact"
    assert result.lower == pytest.approx(result.upper, rel=1e-6)


def test_unbounded_slopes_need_a_bounded_region() -> None:
    square = SmoothEncoding("square", np.square, lambda z: 2.0 * z, value_turns=(0.0,))
    la.register_activation(square)
    try:
        net = la.Network.from_arrays([[[1.0]], [[1.0]]], activation="square")
        for method in ("shor", "interval"):
            found = la.lipschitz_constant(net, la.Box([1.0], 1.0), method=method)
            assert found.upper == pytest.approx(4.0, rel=1e-6)
            assert found.lower == pytest.approx(4.0, rel=1e-3)
        with pytest.raises(la.UnsupportedError, match="not bounded over the region"):
            la.lipschitz_constant(net, la.Everywhere(), method="shor")
    finally:
        la.unregister_activation("square")
