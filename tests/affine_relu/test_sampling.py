"""Sampled points contradict no proven bound of the published networks, at any radius or rule."""

from __future__ import annotations

import numpy as np
import pytest
from batch_evaluation import BatchNetwork
from sampling import INSIDE, ORDER, lengths, random_directions, sample_ball, steepest, unit
from trained_networks import EXACT, RADII

import lipschitz_app as la
from lipschitz_app.affine_relu import anchored_bound, certified_radius
from lipschitz_app.errors import UnsupportedError
from lipschitz_app.layers.convolution import Conv2d
from lipschitz_app.layers.pooling import MaxPool2d
from lipschitz_app.rounding import Norm

NORMS: tuple[Norm, ...] = ("1", "2", "inf")


def small_net(rng: np.random.Generator) -> la.Network:
    return la.Network(
        [
            Conv2d(rng.standard_normal((3, 2, 3, 2)), rng.standard_normal(3)),
            la.ReLU(),
            MaxPool2d(2),
            Conv2d(rng.standard_normal((4, 3, 2, 2)), rng.standard_normal(4)),
            la.ReLU(),
            la.Flatten(),
            la.Linear(rng.standard_normal((5, 4 * 2 * 3)), rng.standard_normal(5)),
        ],
        input_shape=(2, 9, 9),
    )


def test_batches_agree_with_the_network_and_its_jacobian(rng: np.random.Generator) -> None:
    net = small_net(rng)
    points, cotangents = rng.standard_normal((70, 162)), rng.standard_normal((70, 5))
    fast = BatchNetwork(net)
    np.testing.assert_allclose(fast(points), net(points), atol=1e-12)
    # Batches have 64 points: the second starts at the seventieth less six.
    parts = iter((cotangents[:64], cotangents[64:]))
    values, pulled = fast.with_pullback(points, lambda _: next(parts))
    np.testing.assert_allclose(values, net(points), atol=1e-12)
    expected = np.einsum("kmn,km->kn", net.jacobian(points), cotangents)
    np.testing.assert_allclose(pulled, expected, atol=1e-11)


def test_layers_it_does_not_know_are_refused(rng: np.random.Generator) -> None:
    weight = rng.standard_normal((1, 1, 2, 2))
    for layer in (Conv2d(weight, padding=1), Conv2d(weight, stride=2), MaxPool2d(3, 2)):
        with pytest.raises(UnsupportedError, match="call the network itself"):
            BatchNetwork(la.Network([layer], input_shape=(1, 7, 7)))


@pytest.mark.parametrize("norm", NORMS)
def test_directions(rng: np.random.Generator, norm: Norm) -> None:
    gradients = rng.standard_normal((20, 7))
    np.testing.assert_allclose(lengths(random_directions(rng, (30, 7), norm), norm), 1.0)
    best = steepest(gradients, norm)
    np.testing.assert_allclose(lengths(best, norm), 1.0)
    others = unit(rng.standard_normal((2000, 7)), norm)
    assert ((gradients * best).sum(axis=1) >= (gradients @ others.T).max(axis=1) - 1e-12).all()
    dual = {"1": np.inf, "2": 2, "inf": 1}[norm]
    expected = np.linalg.norm(gradients, ord=dual, axis=1)
    np.testing.assert_allclose((gradients * best).sum(axis=1), expected)
    assert set(ORDER) == set(NORMS)


@pytest.mark.parametrize("norm", NORMS)
def test_samples_see_a_wrong_bound(norm: Norm) -> None:
    """A linear map's constant is met by ascent; anything smaller is contradicted."""
    matrix = np.diag([3.0, -2.0, 1.0])
    net = la.Network([la.Linear(matrix)])
    found = sample_ball(net, np.zeros(3), 2.0, norm=norm, count=1000)
    assert 3 * (1 - 1e-6) < found.largest_ratio < 3 * (1 + 1e-12)
    assert (found.points, found.class_changes) == (1000, -1)
    assert set(found.ratios) == {"random", "aimed", "ascent"}


def test_samples_see_a_wrong_radius() -> None:
    """The class changes at distance 1: seen in a ball that is a little too large only."""
    net = la.Network([la.Linear([[0.0, 0.0], [1.0, 0.0]], [1.0, 0.0])])
    inside = sample_ball(net, np.zeros(2), 1.0, count=400, label=0)
    assert inside.class_changes == 0
    assert inside.least_margin == pytest.approx(1 - INSIDE, abs=1e-12)
    assert sample_ball(net, np.zeros(2), 1.001, count=400, label=0).class_changes > 0


@pytest.mark.parametrize("norm", NORMS)
def test_where_nothing_moves_there_is_no_ratio(norm: Norm) -> None:
    """Without a gradient the ascent stays where it is instead of falling back to the centre."""
    net = la.Network([la.Linear(np.eye(3), np.full(3, -0.1)), la.ReLU(), la.Linear(np.eye(3))])
    found = sample_ball(net, np.full(3, -1.0), 1.0, norm=norm, count=4000)
    assert found.largest_ratio == 0.0


def test_too_few_points() -> None:
    with pytest.raises(ValueError, match="at least 200"):
        sample_ball(la.Network([la.Linear([[1.0]])]), [0.0], 1.0, count=5)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("radius", RADII["mnist"])
def test_mnist_ratios(
    mnist: la.Network, digits: dict[int, np.ndarray], radius: float, norm: Norm
) -> None:
    bound = anchored_bound(mnist, digits[8], radius, norm=norm).bound
    found = sample_ball(mnist, digits[8], radius, norm=norm, count=3000)
    assert 0 < found.largest_ratio <= bound


@pytest.mark.parametrize("radius", RADII["cifar"])
def test_cifar_ratios(cifar: la.Network, dog: np.ndarray, radius: float) -> None:
    # The proof in the norm 2 takes seconds; what it proves is above this value (test_networks.py).
    bounds: dict[Norm, float] = {"2": EXACT["cifar", radius]}
    for norm in ("1", "inf"):
        bounds[norm] = anchored_bound(cifar, dog, radius, norm=norm).bound
    for norm, bound in bounds.items():
        assert 0 < sample_ball(cifar, dog, radius, norm=norm, count=300).largest_ratio <= bound


@pytest.mark.parametrize("digit", [2, 3, 8])
def test_mnist_certified_balls(
    mnist: la.Network, digits: dict[int, np.ndarray], digit: int
) -> None:
    proven = certified_radius(mnist, digits[digit])
    for radius in (proven.logit_rule_radius, proven.margin_rule_radius):
        bound = anchored_bound(mnist, digits[digit], radius).bound
        check_certified(mnist, digits[digit], radius, proven.label, bound, 3000)


@pytest.mark.parametrize(("radius", "bound"), [(0.0042552, 950.7), (0.0075975, 1381.0)])
def test_cifar_certified_balls(
    cifar: la.Network, dog: np.ndarray, radius: float, bound: float
) -> None:
    """Radii and bounds of docs/affine-relu.md; their proofs take some seconds."""
    check_certified(cifar, dog, radius, int(cifar(dog).argmax()), bound, 500)


def check_certified(
    net: la.Network, center: np.ndarray, radius: float, label: int, bound: float, count: int
) -> None:
    found = sample_ball(net, center, radius, count=count, label=label)
    assert found.class_changes == 0
    assert 0 < found.least_margin < np.ptp(net(center))
    assert found.largest_ratio <= bound
