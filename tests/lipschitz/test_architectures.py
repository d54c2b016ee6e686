"""Methods of any architecture against sampling, and against the fully connected form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

import lipschitz_app as la
from lipschitz_app.chain import chain
from lipschitz_app.layers import Residual

from .test_chain import networks

REGIONS = (
    lambda net: la.Box(np.zeros(net.input_size), 0.3),
    lambda net: la.Ball(np.full(net.input_size, 0.1), 0.5),
    lambda net: la.Everywhere(),
)
NORMS: dict[object, object] = {1: np.inf, 2: 2, "inf": 1}


@given(networks())
@settings(max_examples=25)
def test_bounds_enclose_gradients_and_pre_activations(
    case: tuple[la.Network, np.random.Generator],
) -> None:
    net, rng = case
    for make in REGIONS[:2]:
        region = make(net)
        points = region.center + rng.uniform(-0.3, 0.3, (20, net.input_size)) * (
            1.0 if isinstance(region, la.Box) else 0.2
        )
        for layer, values in zip(
            la.interval_ranges(net, region), net.pre_activations(points), strict=True
        ):
            assert (values >= layer.lower - 1e-12).all()
            assert (values <= layer.upper + 1e-12).all()
        slopes = net.jacobian(points)[:, 0]
        for norm, dual in NORMS.items():
            sampled = np.linalg.norm(slopes, ord=dual, axis=1).max()  # type: ignore[call-overload]
            for method in ("interval", "product"):
                found = la.lipschitz_constant(net, region, norm, method=method, lower=False)
                assert found.upper >= sampled * (1 - 1e-9)
                assert found.upper_kind == "proven"


@given(networks())
@settings(max_examples=10)
def test_lower_bounds_are_norms_of_gradients(case: tuple[la.Network, np.random.Generator]) -> None:
    net, _ = case
    for make in REGIONS:
        found = la.lipschitz_lower_bound(net, make(net), starts=8, steps=5)
        assert found.witness.shape == net.input_shape
        norm = np.abs(net.jacobian(found.witness)[0]).sum()
        assert found.value <= norm * (1 + 1e-9)
        assert found.value >= norm * (1 - 1e-6) or found.value == 0.0


def convolutional(rng: np.random.Generator) -> la.Network:
    return la.Network(
        [
            la.Conv2d(rng.standard_normal((2, 1, 2, 2)), rng.standard_normal(2)),
            la.ReLU(),
            la.Flatten(),
            la.Linear(rng.standard_normal((2, 8)), rng.standard_normal(2)),
        ],
        (1, 3, 3),
    )


@pytest.mark.parametrize("method", ["interval", "product", "exact", "hr2", "mccormick"])
def test_convolutions_are_matrices_to_all_methods(method: str, rng: np.random.Generator) -> None:
    net = convolutional(rng)
    first, last = chain(net)
    dense = la.Network.from_arrays([first.weight, last.weight], [first.bias, last.bias])
    region = la.Box(np.zeros(9), 0.3)
    found, expected = (la.lipschitz_constant(n, region, method=method) for n in (net, dense))
    assert found.upper == pytest.approx(expected.upper, rel=1e-12)
    assert found.lower == pytest.approx(expected.lower, rel=1e-12)


def test_a_point_decides_the_winners_of_a_pool() -> None:
    """The gradient of max(x, y) at (1, 0) is (1, 0); over a box around 0 it may be either."""
    net = la.Network([la.MaxPool2d((1, 2)), la.Flatten(), la.Linear([[2.0]])], (1, 1, 2))
    found = la.lipschitz_constant(net, la.Box([0.0, 0.0], 1.0), method="interval")
    assert found.lower == pytest.approx(2.0)
    assert found.upper == pytest.approx(4.0)
    everywhere = la.lipschitz_constant(net, la.Everywhere(), method="product")
    assert everywhere.upper == pytest.approx(2.0)


def test_residual_blocks_add(rng: np.random.Generator) -> None:
    weight = rng.standard_normal((3, 3))
    net = la.Network([Residual([la.Linear(weight)]), la.Linear(np.eye(3))], (3,))
    expected = np.abs(np.eye(3) + weight)[0].sum()
    region = la.Box(np.zeros(3), 1.0)
    assert la.lipschitz_constant(net, region, method="interval").upper == pytest.approx(expected)
    product = 1 + np.abs(weight).sum(axis=1).max()
    assert la.lipschitz_constant(net, region, method="product").upper == pytest.approx(product)


def test_methods_that_need_matrices_say_so() -> None:
    net = la.Network(
        [la.Linear(np.eye(4)), Residual([la.Linear(np.eye(4)), la.ReLU()]), la.Linear(np.eye(4))]
    )
    region = la.Box(np.zeros(4), 1.0)
    with pytest.raises(la.UnsupportedError, match="max pooling or residual blocks"):
        la.lipschitz_constant(net, region, method="hr2")
    norm = la.BatchNorm(np.ones(4), np.full(4, 0.3))
    net = la.Network([la.Linear(np.ones((4, 4)) / 3), norm, la.ReLU(), la.Linear(np.eye(4))])
    with pytest.raises(la.UnsupportedError, match="affine layers in a row"):
        la.lipschitz_constant(net, region, method="hr2")


def test_networks_too_large_for_matrices(rng: np.random.Generator) -> None:
    """Ranges, intervals, products and lower bounds by convolutions alone."""
    net = la.Network(
        [
            la.Conv2d(rng.standard_normal((6, 1, 3, 3)) / 3, padding=1),
            la.ReLU(),
            la.MaxPool2d(2),
            la.Flatten(),
            la.Linear(rng.standard_normal((2, 6 * 27**2)) / 50),
        ],
        (1, 54, 54),
    )
    region = la.Box(np.zeros(net.input_size), 0.01)
    with pytest.raises(la.UnsupportedError, match="entries; at most"):
        chain(net)
    assert la.pre_activation_ranges(net, region)[0].lower.size == 6 * 54**2
    for method in ("interval", "product"):
        found = la.lipschitz_constant(net, region, method=method)
        assert found.lower is not None
        assert 0 < found.lower <= found.upper
    with pytest.raises(la.UnsupportedError, match="entries; at most"):
        la.lipschitz_constant(net, region, method="interval", ranges="crown")


BAD = [
    (lambda: Residual([]), "without layers"),
    (lambda: la.Network([Residual([la.Linear(np.ones((2, 3)))])], (3,)), r"\(2,\) \(branch\)"),
    (lambda: la.Network([Residual([la.Linear(np.eye(2))])], (3,)), "branch of a Residual block"),
    (lambda: la.Network([Residual([3])], (3,)), "layer 0: branch of a Residual block, layer 0"),  # type: ignore[list-item]
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_residual_blocks_that_do_not_fit(make: object, message: str) -> None:
    with pytest.raises(la.InvalidNetworkError, match=message):
        make()  # type: ignore[operator]
