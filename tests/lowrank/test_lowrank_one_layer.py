"""One-layer Lipschitz relaxations: known small values and published tables."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from lowrank_problems import OneLayer, lipschitz_model, load_net, random_net

from polyopt.solvers.lowrank import LowRankOptions, solve_first_order

TIGHT = LowRankOptions(relative_gap=2e-6, rounds=40)
THREE = OneLayer(
    np.array([[1.0, 2], [-1, 1], [1, -1]]),
    np.array([0.1, -0.2, 0.3]),
    np.array([1.0, -1, 2]),
    np.zeros(2),
)
TWO = OneLayer(np.array([[1.0, 2], [-1, 1]]), np.zeros(2), np.ones(2), np.zeros(2))


@pytest.mark.parametrize(
    ("net", "radius", "flags", "value"),
    [
        # T. Chen et al., NeurIPS 2020, and interior-point values of the same relaxations.
        (TWO, 10.0, {}, 3.337117),
        (TWO, 10.0, {"grid": True}, 3.0),
        (THREE, 0.15, {}, 5.99916),
        (THREE, 0.15, {"cuts": True}, 5.96910),
        (THREE, 0.15, {"cuts": True, "x_t": True}, 5.94299),
    ],
)
def test_small_networks(net, radius, flags, value):
    result = solve_first_order(lipschitz_model(net, radius, **flags).model, TIGHT)
    assert value - 2e-5 <= result.bound <= value + 2e-3


def test_pairs_beat_neuron_cuts():
    # 5.9061: interior-point value with McCormick inequalities on all pairs (t, u).
    flags = [{}, {"cuts": True}, {"cuts": True, "x_t": True, "grid": True}]
    bounds = [
        solve_first_order(lipschitz_model(THREE, 0.15, **f).model, TIGHT).bound for f in flags
    ]
    assert bounds[0] > bounds[1] > bounds[2]
    assert 5.9061 - 2e-4 <= bounds[2] <= 5.9061 + 2e-3


def published(path, method, place, p, sparsity):
    with path.open(newline="") as stream:
        rows = [row for row in csv.reader(stream) if row[:3] == ["bounds", method, place]]
    return [float(row[5]) for row in rows if row[3:5] == [str(p), str(sparsity)]]


def test_published_shor_bounds(shared_data):
    table = shared_data / "chen" / "1_hidden_layer_networks.csv"
    for p, sparsity in ((10, 20), (20, 24), (80, 80)):
        for seed, value in enumerate(published(table, "shor", "glob", p, sparsity)):
            model = lipschitz_model(random_net(p, sparsity, seed), 10.0).model
            bound = solve_first_order(model, LowRankOptions(relative_gap=3e-5)).bound
            assert bound == pytest.approx(value, rel=1e-4)


def test_published_local_bounds_are_reached(shared_data):
    table = shared_data / "chen" / "1_hidden_layer_networks.csv"
    for seed, value in enumerate(published(table, "HRs", "loc", 80, 80)[:2]):
        model = lipschitz_model(random_net(80, 80, seed), 0.1, cuts=True, grid=True).model
        bound = solve_first_order(model, LowRankOptions(relative_gap=1e-3)).bound
        assert bound < 0.96 * value


@pytest.mark.slow
def test_mnist_network_at_large_radius(shared_data):
    net = load_net(shared_data / "chen" / "sdp_nn.npz")
    result = solve_first_order(lipschitz_model(net, 10.0).model)
    assert 17.8486 <= result.bound <= 17.851
    with np.load(shared_data / "chen" / "sdp_nn_witness.npz") as data:
        point = data["x"]
    active = net.A @ point + net.b > 0
    assert np.abs(net.A.T @ (active * net.c)).sum() < result.bound


@pytest.mark.parametrize("seed", range(3))
def test_true_points_satisfy_the_model(seed, rng):
    net, radius = random_net(10, 20, seed), 0.1
    problem = lipschitz_model(net, radius, cuts=True, x_t=True, grid=True, x_u=True)
    model = problem.model
    reach = np.abs(net.A).sum(axis=1) * radius
    middle = net.A @ net.center + net.b
    unstable = np.flatnonzero(np.abs(middle) < reach)
    assert len(unstable) == len(problem.s_rows)
    for corner in range(100):
        shift = rng.choice([-1.0, 1.0], size=10) if corner % 2 else rng.uniform(-1, 1, 10)
        active = net.A @ (net.center + radius * shift) + net.b > 0
        t = rng.choice([-1.0, 1.0], size=10)
        point = np.ones((model.side, 1))
        point[problem.t_rows, 0] = t
        point[problem.s_rows, 0] = 2.0 * active[unstable] - 1
        point[problem.x_rows, 0] = shift
        assert all(family.values(point).min() >= 0 for family in model.families)
        value = float(np.sum(model.apply_objective(point) * point)) + model.constant
        assert value == pytest.approx(t @ net.A.T @ (active * net.c), abs=1e-12)
