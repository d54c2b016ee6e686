"""LipSDP: published values, proofs that hold whatever the optimiser says, exact constants below."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st

import lipschitz_app as la
from lipschitz_app.midrad import Enclosure
from lipschitz_app.rounding import FloatArray
from lipschitz_app.upper.lipsdp import _prove, lipsdp_bound
from lipschitz_app.upper.slope_form import SlopeForm, network_layers, slope_form

from .networks import benchmark, one_layer

NETWORKS_OF_LIPSDP = ("random_weights", "mnist_weights")


def upper(net: la.Network, region: la.Box | la.Everywhere, method: str = "lipsdp") -> float:
    result = la.lipschitz_constant(net, region, 2, method=method, lower=False)
    assert result.upper_kind == "proven"
    return result.upper


def whole_form(net: la.Network, region: la.Box | la.Everywhere) -> SlopeForm:
    """Form for the whole output vector."""
    return slope_form(*network_layers(net, la.interval_ranges(net, region)))


def every_slope(net: la.Network, low: list[FloatArray], high: list[FloatArray]) -> float:
    """Largest spectral norm over all corners of the slopes, feasible or not."""
    pairs = net.affine_pairs()
    choices = [
        [np.where(np.array(bits), h, a) for bits in product([False, True], repeat=a.size)]
        for a, h in zip(low, high, strict=True)
    ]
    best = 0.0
    for slopes in product(*choices):
        jacobian = pairs[0][0]
        for slope, (matrix, _) in zip(slopes, pairs[1:], strict=True):
            jacobian = matrix @ (slope[:, None] * jacobian)
        best = max(best, float(np.linalg.norm(jacobian, 2)))
    return best


@pytest.mark.parametrize(
    ("seed", "neuron", "layer", "local", "exact", "exact_local"),
    [
        (0, 1.377606, 1.6783, 1.22258, 1.341542, 1.027279),
        (1, 0.984086, 1.2387, 0.72297, 0.978629, 0.714049),
        (2, 1.450976, 1.7614, 0.78823, 1.414346, 0.740255),
    ],
)
def test_one_hidden_layer(
    seed: int, neuron: float, layer: float, local: float, exact: float, exact_local: float
) -> None:
    """Values of LipSDP 2019 and of its local form, computed elsewhere; exact constants below."""
    net, center = benchmark([10, 20, 1], seed)
    assert upper(net, la.Everywhere()) == pytest.approx(neuron, abs=1e-6)
    assert upper(net, la.Everywhere(), "lipsdp-layer") == pytest.approx(layer, abs=1e-4)
    found = upper(net, la.Box(center, 0.1))
    assert exact_local <= found <= local + 1e-5
    assert exact <= upper(net, la.Everywhere())


def test_two_hidden_layers() -> None:
    net, center = benchmark([20, 40, 40, 1], 0)
    assert upper(net, la.Everywhere()) == pytest.approx(1.546773, abs=2e-6)
    assert 0.4626057 <= upper(net, la.Box(center, 0.02)) <= 0.5436
    assert 0.5173 <= upper(net, la.Box(center, 0.1)) <= 1.3362


def test_where_multipliers_of_pairs_are_wrong() -> None:
    """relu(2x+1) - relu(2x+2) has slope -2; the variant "network" says 0."""
    net = one_layer([[2.0], [2.0]], [1.0, 2.0], [1.0, -1.0])
    assert upper(net, la.Everywhere()) == pytest.approx(2.0, abs=1e-6)
    assert upper(net, la.Everywhere()) >= 2.0


def test_stable_neurons_make_the_map_linear() -> None:
    net = one_layer([[3.0, 4.0], [1.0, 0.0]], [100.0, -100.0], [1.0, 1.0])
    assert upper(net, la.Box([0.0, 0.0], 1.0)) == pytest.approx(5.0, rel=1e-9)
    dead = one_layer([[3.0, 4.0]], [-100.0], [1.0])
    assert 0.0 <= upper(dead, la.Box([0.0, 0.0], 1.0)) < 1e-100


def test_neurons_that_do_not_move() -> None:
    net = la.Network.from_arrays([[[0.0], [2.0]], [[1.0, 0.0], [1.0, 1.0]], [[1.0, 1.0]]])
    assert upper(net, la.Everywhere()) == pytest.approx(2.0, abs=1e-6)


def test_wide_inputs_change_nothing(rng: np.random.Generator) -> None:
    """A rotation that embeds the input in a larger space keeps the constant."""
    net, _ = benchmark([6, 8, 3], 4)
    (first, bias), (last, shift) = net.affine_pairs()
    turn = np.linalg.qr(rng.standard_normal((40, 6)))[0]
    wide = la.Network.from_arrays([first @ turn.T, last], [bias, shift])
    values = [lipsdp_bound(whole_form(n, la.Everywhere())).value for n in (net, wide)]
    assert values[0] == pytest.approx(values[1], rel=1e-7)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(1, 3), min_size=2, max_size=4),
    st.integers(0, 2**32 - 1),
    st.floats(0.05, 2.0),
)
def test_above_every_jacobian(sizes: list[int], seed: int, radius: float) -> None:
    """For the whole output vector, with slopes of the region; neurons at most 6."""
    rng = np.random.default_rng(seed)
    shapes = list(zip(sizes[1:], sizes, strict=False))
    net = la.Network.from_arrays(
        [rng.standard_normal(shape) for shape in shapes],
        [rng.standard_normal(shape[0]) for shape in shapes],
    )
    region = la.Box(rng.standard_normal(sizes[0]), radius)
    ranges = la.interval_ranges(net, region)
    exact = every_slope(net, [r.slope_lower for r in ranges], [r.slope_upper for r in ranges])
    form = whole_form(net, region)
    neuron, layer = lipsdp_bound(form).value, lipsdp_bound(form, "layer").value
    assert exact <= neuron * (1 + 1e-14)
    assert neuron <= layer * (1 + 1e-6)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.0, 0.9))
def test_proof_mends_bad_multipliers(seed: int, damage: float) -> None:
    """The proof takes any numbers: what it returns is a bound."""
    rng = np.random.default_rng(seed)
    net, _ = benchmark([3, 5, 4, 2], seed % 1000)
    form = whole_form(net, la.Everywhere())
    left, right = form.sectors()
    rho = 10.0 ** rng.uniform(-3, 1) * (1 - damage)
    value = _prove(form, left, right, rho, rng.standard_normal(9) * 5)
    exact = every_slope(net, [np.zeros(5), np.zeros(4)], [np.ones(5), np.ones(4)])
    assert value >= exact * (1 - 1e-14)


def test_stopped_early_is_still_a_bound() -> None:
    net, _ = benchmark([5, 12, 12, 2], 1)
    form = whole_form(net, la.Everywhere())
    best, stopped = lipsdp_bound(form), lipsdp_bound(form, end=0.0)
    assert best.value < stopped.value
    assert "time limit" in stopped.notes[1]


def test_enclosure_of_products_contains_exact_ones(rng: np.random.Generator) -> None:
    from fractions import Fraction

    a, b = rng.standard_normal((3, 40)), rng.standard_normal((40, 2))
    found = Enclosure.exact(a) @ Enclosure.exact(b)
    for i, j in product(range(3), range(2)):
        pairs = zip(a[i].tolist(), b[:, j].tolist(), strict=True)
        exact = sum(Fraction(x) * Fraction(y) for x, y in pairs)
        error = abs(exact - Fraction(float(found.center[i, j])))
        assert error <= Fraction(float(found.radius[i, j])) < Fraction(1, 10**12)


def test_other_norms_are_refused() -> None:
    net, _ = benchmark([3, 4, 1], 0)
    with pytest.raises(la.UnsupportedError, match=re.escape('norm 2, not for norm "inf"')):
        la.lipschitz_constant(net, la.Everywhere(), "inf", method="lipsdp", lower=False)


def trained(path: Path) -> la.Network:
    """Weights of a MATLAB file; biases play no part over the whole space."""
    data = scipy.io.loadmat(path)
    name = next(key for key in data if not key.startswith("__"))
    return la.Network.from_arrays([np.asarray(w, dtype=float) for w in data[name].ravel()])


@pytest.mark.parametrize(
    ("name", "exact", "published"),
    [
        ("iris_net_(4x6x6x3)", 11.634355134114875, 11.6353),
        ("abalone_net_(9x16x16x1)", 11.121602332235268, 11.2255),
    ],
)
def test_trained_networks(shared_data: Path, name: str, exact: float, published: float) -> None:
    """Exact constants of ExLipBaB; LipSDP's values there."""
    net = trained(shared_data / "lip" / "exlipbab" / f"{name}_ReLU_weights.mat")
    value = lipsdp_bound(whole_form(net, la.Everywhere())).value
    assert exact <= value <= published + 1e-4


@pytest.mark.parametrize(
    ("name", "neuron", "layer"),
    [("random_weights", 36.48223, 39.8386), ("mnist_weights", 24.36635, None)],
)
def test_networks_of_lipsdp(
    shared_data: Path, name: str, neuron: float, layer: float | None
) -> None:
    net = trained(shared_data / "lip" / "lipsdp" / f"{name}.mat")
    form = whole_form(net, la.Everywhere())
    assert lipsdp_bound(form).value == pytest.approx(neuron, abs=2e-5)
    if layer is not None:
        assert lipsdp_bound(form, "layer").value == pytest.approx(layer, abs=1e-4)
