"""Exact constants by mixed-integer programs: enumeration and cited values as oracles."""

from __future__ import annotations

import csv
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import lipschitz_app as la

from .networks import benchmark, chen_network, one_layer


def solve(
    net: la.Network,
    region: la.Box | la.Ball | la.Everywhere,
    norm: object = "inf",
    method: str = "milp",
    **options: float,
) -> la.LipschitzResult:
    return la.lipschitz_constant(net, region, norm, method=method, lower=False, **options)  # type: ignore[arg-type]


def by_patterns(net: la.Network, region: la.Box, norm: str) -> float:
    """Largest dual norm among all patterns of two hidden layers that occur in a box."""
    (first, b1), (second, b2), (last, _) = net.affine_pairs()
    best = 0.0
    for bits in product((1.0, -1.0), repeat=len(first)):
        s1 = np.array(bits)
        inner, shift = second @ ((s1 > 0)[:, None] * first), second @ ((s1 > 0) * b1) + b2
        for more in product((1.0, -1.0), repeat=len(second)):
            s2 = np.array(more)
            rows = np.vstack([-s1[:, None] * first, -s2[:, None] * inner])
            sides = np.concatenate([s1 * b1, s2 * shift])
            found = linprog(
                np.append(np.zeros(region.size), -1.0),
                A_ub=np.column_stack([rows, np.ones(len(rows))]),
                b_ub=sides,
                bounds=[*zip(region.lower, region.upper, strict=True), (None, 1.0)],
            )
            if found.status == 0 and found.x[-1] > 1e-7:
                gradient = ((last * (s2 > 0)) @ inner)[0]
                sizes = np.abs(gradient)
                best = max(best, float(sizes.sum() if norm == "inf" else sizes.max()))
    return best


@pytest.mark.parametrize(("seed", "expected"), [(0, 2.903741), (1, 1.982572), (2, 1.923653)])
def test_one_hidden_layer(seed: int, expected: float) -> None:
    """Exact constants by lipMIP, LipBaB and enumeration, computed elsewhere."""
    net, center = benchmark([10, 20, 1], seed)
    region = la.Box(center, 0.1)
    result = solve(net, region)
    assert result.upper == pytest.approx(expected, abs=1e-6)
    assert result.upper_kind == "exact"
    assert "dual bound" in result.notes[0]
    for norm in ("inf", 1):
        enumerated = solve(net, region, norm, method="exact").upper
        assert solve(net, region, norm).upper == pytest.approx(enumerated, rel=1e-6)


def test_in_the_norm_two_by_enumeration() -> None:
    net, center = benchmark([10, 20, 1], 1)
    found = solve(net, la.Box(center, 0.1), 2, method="exact")
    assert found.upper == pytest.approx(0.714049, abs=1e-6)


def test_two_hidden_layers() -> None:
    """Net B of the benchmarks; the constant is that of lipMIP and LipBaB."""
    net, center = benchmark([20, 40, 40, 1], 0)
    result = la.lipschitz_constant(net, la.Box(center, 0.02), method="exact")
    assert result.upper == pytest.approx(1.771380, abs=1e-6)
    assert result.lower is not None
    assert result.lower <= result.upper * (1 + 1e-7)
    assert result.lower == pytest.approx(result.upper, rel=1e-6)


@settings(max_examples=10, deadline=None)
@given(
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(0, 2**32 - 1),
    st.sampled_from(["inf", "1"]),
)
def test_against_all_patterns(inputs: int, first: int, second: int, seed: int, norm: str) -> None:
    rng = np.random.default_rng(seed)
    shapes = [(first, inputs), (second, first), (1, second)]
    net = la.Network.from_arrays(
        [rng.standard_normal(shape) for shape in shapes],
        [0.3 * rng.standard_normal(shape[0]) for shape in shapes],
    )
    region = la.Box(0.5 * rng.standard_normal(inputs), rng.uniform(0.1, 2.0))
    found = solve(net, region, norm)
    assert found.upper == pytest.approx(by_patterns(net, region, norm), rel=1e-5, abs=1e-7)
    points = rng.uniform(region.inner_lower, region.inner_upper, (200, inputs))
    sizes = np.abs(net.jacobian(points)[:, 0])
    sampled = sizes.sum(axis=1).max() if norm == "inf" else sizes.max()
    assert sampled <= found.upper * (1 + 1e-6) + 1e-9
    for method in ("interval", "product"):
        assert found.upper <= solve(net, region, norm, method=method).upper * (1 + 1e-6) + 1e-9


@pytest.mark.parametrize("seed", [0, 1])
def test_published_networks(shared_data: Path, seed: int) -> None:
    """Exact constants of the random networks of Chen et al. 2020, computed elsewhere."""
    with (shared_data / "chen" / "exact_one_layer.csv").open() as file:
        table = list(csv.DictReader(file))
    rows = [
        row
        for row in table
        if row["p"] == "10" and row["seed"] == str(seed) and row["solved"] == "1"
    ]
    assert rows
    for row in rows:
        net, center = chen_network(10, int(row["s"]), seed)
        radius = 10.0 if row["type"].startswith("glob") else 0.1
        found = solve(net, la.Box(center, radius))
        assert found.upper == pytest.approx(float(row["milp_value"]), rel=1e-5)


def test_values_on_kinks_count() -> None:
    """relu(x) - relu(-x) = x: both derivatives are 1 where x is 0."""
    net = one_layer([[1.0], [-1.0]], [0.0, 0.0], [1.0, -1.0])
    assert solve(net, la.Box([0.0], 1.0)).upper == pytest.approx(2.0, abs=1e-6)
    assert solve(net, la.Box([0.0], 1.0), method="exact").upper == pytest.approx(1.0, abs=1e-6)


def test_without_time_there_is_no_bound() -> None:
    net, center = benchmark([20, 40, 40, 1], 0)
    with pytest.raises(la.NoBoundError, match="Give it more time_limit"):
        solve(net, la.Box(center, 0.1), time_limit=1e-3)


def test_combinations_that_are_not_offered() -> None:
    net, center = benchmark([3, 4, 4, 1], 0)
    with pytest.raises(la.UnsupportedError, match="linear in the norms 1"):
        solve(net, la.Box(center, 0.1), 2)
    with pytest.raises(la.UnsupportedError, match="needs a Box"):
        solve(net, la.Ball(center, 0.1))
    with pytest.raises(la.UnsupportedError, match="needs a Box"):
        solve(net, la.Everywhere())


def test_all_outputs_of_a_deep_network() -> None:
    net, center = benchmark([3, 5, 4, 3], 2)
    region = la.Box(center, 0.4)
    for output_norm in (1, "inf"):
        result = la.lipschitz_constant(
            net, region, "inf", None, output_norm=output_norm, method="exact"
        )
        assert result.upper_kind == "exact"
        assert result.lower == pytest.approx(result.upper, rel=1e-5)


def test_patterns_on_kinks_are_not_called_exact() -> None:
    identity = la.Network.from_arrays([[[1.0], [-1.0]], [[1.0, -1.0]]])
    found = la.lipschitz_constant(identity, la.Box([0.0], 1.0), method="milp")
    assert (found.upper, found.upper_kind) == (pytest.approx(2.0), "numerical")
    assert "occurs on kinks only" in found.notes[1]
    assert found.lower == pytest.approx(1.0)
