"""The search over patterns behind lower bounds: known values, witnesses, soundness."""

from __future__ import annotations

import numpy as np
import pytest

import lipschitz_app as la
from lipschitz_app.cells import Arrangement
from lipschitz_app.lower.programs import PatternPrograms, widest
from lipschitz_app.lower.relaxed import rounded_point
from tests.lipschitz.deep_networks import feasible_patterns, random_network
from tests.lipschitz.networks import benchmark, chen_network, presolved


def difference_norm(net: la.Network, point: np.ndarray) -> float:
    """1-norm of the gradient by finite differences of the network's values."""
    step = 1e-9
    moves = step * np.eye(point.size)
    return float(np.abs((net(point + moves) - net(point - moves))[:, 0] / (2 * step)).sum())


# Branch and bound found 1.54744 on the first net.
@pytest.mark.parametrize(("size", "seed", "value"), [(60, 0, 1.5474), (40, 2, 1.4171)])
def test_thin_cells_are_found(size: int, seed: int, value: float) -> None:
    net, center = chen_network(size, size, seed)
    found = la.lipschitz_lower_bound(net, la.Box(center, 0.1))
    assert found.value >= value
    assert (np.abs(found.witness - center) <= 0.1).all()
    gradient = net.jacobian(found.witness)[0]
    assert float(np.abs(gradient).sum()) == pytest.approx(found.value, rel=1e-9)
    assert difference_norm(net, found.witness) == pytest.approx(found.value, rel=1e-5)


def test_two_layers() -> None:
    net, center = benchmark([20, 40, 40, 1], 0)
    found = la.lipschitz_lower_bound(net, la.Box(center, 0.02))
    assert found.value >= 1.77137
    assert (np.abs(found.witness - center) <= 0.02).all()
    assert difference_norm(net, found.witness) == pytest.approx(found.value, rel=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_one_layer_meets_enumeration(seed: int) -> None:
    net, center = benchmark([4, 8, 1], seed)
    box = la.Box(center, 0.4)
    exact = la.lipschitz_constant(net, box, method="exact", lower=False).upper
    found = la.lipschitz_lower_bound(net, box).value
    assert exact * (1 - 1e-6) <= found <= exact * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_deep_meets_enumeration(seed: int) -> None:
    net, center = random_network([2, 4, 4, 1], seed)
    box = la.Box(center, 0.5)
    exact = feasible_patterns(net, box)
    assert exact * (1 - 1e-5) <= la.lipschitz_lower_bound(net, box).value <= exact * (1 + 1e-5)


def test_same_seed_same_answer() -> None:
    net, center = chen_network(40, 40, 4)
    first, second = (la.lipschitz_lower_bound(net, la.Box(center, 0.1), rng=7) for _ in range(2))
    assert first.value == second.value
    assert np.array_equal(first.witness, second.witness)


def test_excluded_patterns_do_not_occur() -> None:
    net, center = benchmark([3, 7, 1], 1)
    (rows, biases), _ = net.affine_pairs()
    arrangement = Arrangement.of(rows, biases, la.Box(center, 0.5))
    programs = PatternPrograms(arrangement, 128, np.inf)
    patterns = np.indices((2,) * 7).reshape(7, -1).T > 0
    points = [programs.point(pattern) for pattern in patterns]
    margins = [widest(arrangement, np.where(pattern, 1.0, -1.0))[0] for pattern in patterns]
    assert [point is not None for point in points] == [margin > 1e-7 for margin in margins]
    assert programs.left > 0  # conflicts answered for some
    for pattern, point in zip(patterns, points, strict=True):
        if point is not None:
            assert np.array_equal(rows @ point + biases > 0, pattern)
    plain = [arrangement.margin(np.where(pattern, 1.0, -1.0))[0] for pattern in patterns[:20]]
    assert np.allclose(np.maximum(plain, -1), np.maximum(margins[:20], -1), atol=1e-8)


def test_no_programs_left() -> None:
    arrangement = Arrangement.of(np.eye(2), np.zeros(2), la.Box([0.0, 0.0], 1.0))
    assert PatternPrograms(arrangement, 0, np.inf).point(np.array([True, True])) is None


def test_relaxation_gives_a_witness() -> None:
    net, center = chen_network(40, 40, 4)
    box = la.Box(center, 0.1)
    result = la.lipschitz_constant(net, box, method="hr2")
    assert result.lower is not None
    assert result.witness is not None
    assert 1.4152 <= result.lower <= result.upper
    assert (np.abs(result.witness - center) <= 0.1).all()


def test_rounded_point_is_inside_and_deterministic() -> None:
    net, center = benchmark([5, 6, 1], 0)
    box = la.Box(center, 0.3)
    hidden = presolved(net, box)
    columns = np.random.default_rng(0).standard_normal((12, 4))
    columns /= np.linalg.norm(columns, axis=1, keepdims=True)
    first, second = (rounded_point(hidden, box, columns, np.arange(1, 6)) for _ in range(2))
    assert np.array_equal(first, second)
    assert (np.abs(first - center) <= 0.3).all()


def test_start_is_used() -> None:
    net, center = chen_network(40, 40, 2)
    box = la.Box(center, 0.1)
    best = la.lipschitz_lower_bound(net, box)
    again = la.lipschitz_lower_bound(net, box, starts=1, steps=0, start=best.witness)
    assert again.value >= best.value * (1 - 1e-9)


def test_bad_start() -> None:
    net, center = benchmark([3, 4, 1], 0)
    with pytest.raises(la.InvalidOptionError, match="start has 2 entries"):
        la.lipschitz_lower_bound(net, la.Box(center, 0.1), start=[0.0, 1.0])
