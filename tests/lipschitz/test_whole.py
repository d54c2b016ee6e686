"""All outputs together: enumeration as the oracle, for all pairs of norms."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import lipschitz_app as la
from lipschitz_app.matrix_norms import induced, induced_of_absolute, is_exact
from lipschitz_app.rounding import FloatArray, Norm, dual, norm_upper

from .networks import benchmark

NORMS: tuple[Norm, ...] = ("1", "2", "inf")
PAIRS = [(first, second) for first in NORMS for second in NORMS]
ORDER = {"1": 1, "2": 2, "inf": np.inf}


def by_directions(matrix: FloatArray, input_norm: str, output_norm: str) -> float:
    """The induced norm by its extreme directions, or by singular values."""
    rows, columns = matrix.shape
    if input_norm == output_norm == "2":
        return float(np.sqrt(np.linalg.eigvalsh(matrix.T @ matrix)[-1]))
    if input_norm == "1":
        return max(float(np.linalg.norm(column, ORDER[output_norm])) for column in matrix.T)
    if input_norm == "inf":
        points = product((-1.0, 1.0), repeat=columns)
        return max(float(np.linalg.norm(matrix @ np.array(t), ORDER[output_norm])) for t in points)
    if output_norm == "inf":
        return max(float(np.linalg.norm(row)) for row in matrix)
    return max(
        float(np.linalg.norm(np.array(s) @ matrix)) for s in product((-1.0, 1.0), repeat=rows)
    )


def by_patterns(net: la.Network, region: la.Box, input_norm: str, output_norm: str) -> float:
    """Largest norm among the patterns of one hidden layer that occur with a margin."""
    (rows, biases), (last, _) = net.affine_pairs()
    best = 0.0
    for pattern in product((1.0, -1.0), repeat=len(rows)):
        signs = np.array(pattern)
        found = linprog(
            np.append(np.zeros(region.size), -1.0),
            A_ub=np.column_stack([-signs[:, None] * rows, np.ones(len(rows))]),
            b_ub=signs * biases,
            bounds=[*zip(region.lower, region.upper, strict=True), (None, 1.0)],
        )
        if found.status == 0 and found.x[-1] > 1e-7:
            jacobian = (last * (signs > 0)) @ rows
            best = max(best, by_directions(jacobian, input_norm, output_norm))
    return best


@st.composite
def networks(draw: st.DrawFn, hidden: int = 1) -> tuple[la.Network, la.Box]:
    """Up to 3 inputs, 4 neurons a layer and 3 outputs, and a box."""
    sizes = [draw(st.integers(1, 3)), *(draw(st.integers(1, 4)) for _ in range(hidden))]
    sizes.append(draw(st.integers(1, 3)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    net = la.Network.from_arrays(
        [rng.standard_normal(s) for s in zip(sizes[1:], sizes, strict=False)],
        [0.3 * rng.standard_normal(s) for s in sizes[1:]],
    )
    return net, la.Box(0.5 * rng.standard_normal(sizes[0]), draw(st.floats(0.1, 2.0)))


@pytest.mark.parametrize(("input_norm", "output_norm"), PAIRS)
def test_induced_norms(input_norm: Norm, output_norm: Norm) -> None:
    rng = np.random.default_rng(7)
    for shape in ((1, 1), (1, 4), (4, 1), (3, 5), (5, 3)):
        matrix = rng.standard_normal(shape)
        value, weights = induced(matrix, input_norm, output_norm)
        expected = by_directions(matrix, input_norm, output_norm)
        assert value == pytest.approx(expected, rel=1e-12)
        assert is_exact(*shape, input_norm, output_norm)
        assert norm_upper(weights, dual(output_norm)) <= 1 + 1e-12
        absolute = np.abs(matrix)
        assert induced_of_absolute(absolute, input_norm, output_norm) == pytest.approx(
            by_directions(absolute, input_norm, output_norm), rel=1e-12
        )


@settings(max_examples=30, deadline=None)
@given(networks(), st.sampled_from(PAIRS), st.integers(0, 99))
def test_one_hidden_layer(
    case: tuple[la.Network, la.Box], pair: tuple[str, str], seed: int
) -> None:
    net, region = case
    oracle = by_patterns(net, region, *pair)

    def upper(method: str) -> la.LipschitzResult:
        return la.lipschitz_constant(
            net, region, pair[0], None, output_norm=pair[1], method=method, lower=False
        )

    exact = upper("exact")
    assert exact.upper == pytest.approx(oracle, rel=1e-6, abs=1e-9)
    assert exact.upper_kind in ("exact", "proven")
    slack = oracle * (1 - 1e-6) - 1e-9
    for method in ("interval", "product", "auto"):
        assert upper(method).upper >= slack
    if pair[0] == "2":
        assert upper("lipsdp").upper >= slack
    found = la.lipschitz_lower_bound(
        net, region, pair[0], None, output_norm=pair[1], starts=8, steps=40, rng=seed
    )
    assert found.value <= oracle * (1 + 1e-6) + 1e-9
    jacobian = net.jacobian(found.witness)
    assert found.value <= by_directions(jacobian, *pair) * (1 + 1e-12) + 1e-15


@settings(max_examples=15, deadline=None)
@given(networks(hidden=2), st.sampled_from(PAIRS), st.integers(0, 99))
def test_two_hidden_layers(
    case: tuple[la.Network, la.Box], pair: tuple[str, str], seed: int
) -> None:
    net, region = case
    rng = np.random.default_rng(seed)
    points = rng.uniform(region.inner_lower, region.inner_upper, (200, region.size))
    sampled = max(by_directions(jacobian, *pair) for jacobian in net.jacobian(points))
    methods = ["interval", "product"] + ["lipsdp", "lipsdp-layer"] * (pair[0] == "2")
    for method in methods:
        result = la.lipschitz_constant(
            net, region, pair[0], None, output_norm=pair[1], method=method, lower=False
        )
        assert result.upper_kind == "proven"
        assert sampled <= result.upper * (1 + 1e-12)


def test_the_search_finds_the_constant() -> None:
    net, center = benchmark([4, 8, 3], 3)
    region = la.Box(center, 0.5)
    for pair in PAIRS:
        found = la.lipschitz_constant(
            net, region, pair[0], None, output_norm=pair[1], method="exact"
        )
        assert found.lower == pytest.approx(found.upper, rel=1e-6)
        assert found.output == f"all 3 outputs in the norm {pair[1]}"


def test_the_output_norm_is_that_of_the_input_by_default() -> None:
    net, center = benchmark([4, 8, 3], 3)
    region = la.Box(center, 0.2)
    given_norm = la.lipschitz_constant(
        net, region, 2, None, output_norm=2, method="lipsdp", lower=False
    )
    default = la.lipschitz_constant(net, region, 2, None, method="lipsdp", lower=False)
    assert default.upper == given_norm.upper
    single = [
        la.lipschitz_constant(net, region, 2, i, method="lipsdp", lower=False).upper
        for i in range(3)
    ]
    assert max(single) * (1 - 1e-6) <= default.upper <= np.linalg.norm(single) * (1 + 1e-6)


@pytest.mark.parametrize("input_norm", ["2", "inf"])
def test_order_two_for_all_outputs(input_norm: str) -> None:
    """The relaxation with two directions is tight on a small network."""
    net, center = benchmark([2, 3, 2], 0)
    for region in (la.Box(center, 0.5), la.Everywhere()):
        exact, relaxed, auto = (
            la.lipschitz_constant(
                net, region, input_norm, None, output_norm=2, method=method, lower=False
            )
            for method in ("exact", "lasserre", "auto")
        )
        assert relaxed.upper_kind == "proven"
        assert exact.upper * (1 - 1e-7) <= relaxed.upper <= exact.upper * (1 + 1e-5)
        assert relaxed.check() == relaxed.upper
        assert auto.upper <= relaxed.upper * (1 + 1e-6)


def test_order_two_for_all_outputs_is_for_small_networks() -> None:
    net, _ = benchmark([4, 8, 3], 3)
    with pytest.raises(la.UnsupportedError, match="has 15 variables here, 8 of them"):
        la.lipschitz_constant(net, la.Everywhere(), 2, None, method="lasserre")


def test_outputs_that_cannot_win_are_left_out() -> None:
    net, _ = benchmark([3, 6, 5], 1)
    result = la.lipschitz_constant(net, la.Everywhere(), "inf", None, method="shor", lower=False)
    single = [
        la.lipschitz_constant(net, la.Everywhere(), "inf", i, method="shor", lower=False).upper
        for i in range(5)
    ]
    assert result.upper == max(single)
    assert "ruled out" in result.notes[0]


def test_errors_say_what_is_wrong() -> None:
    net, _ = benchmark([3, 6, 2], 1)
    everywhere = la.Everywhere()
    with pytest.raises(la.InvalidOptionError, match="for the whole output vector"):
        la.lipschitz_constant(net, everywhere, output=0, output_norm=2)
    with pytest.raises(la.InvalidOptionError, match="norm 3 is not known"):
        la.lipschitz_constant(net, everywhere, output=None, output_norm=3)
    with pytest.raises(la.UnsupportedError, match=re.escape('norm 2, not for norm "inf"')):
        la.lipschitz_constant(net, everywhere, "inf", None, method="lipsdp")
    deep, _ = benchmark([3, 4, 4, 2], 1)
    with pytest.raises(la.UnsupportedError, match="one hidden relu layer"):
        la.lipschitz_constant(deep, everywhere, 2, None, method="exact")
    wide, _ = benchmark([12, 4, 12], 1)
    with pytest.raises(la.UnsupportedError, match="all signs of the smaller side"):
        la.lipschitz_constant(wide, everywhere, "inf", None, output_norm=2, method="exact")


@pytest.mark.parametrize(("norm", "output_norm"), [(2, 2), (1, 1), (1, 2), ("inf", 2)])
def test_the_product_bound_takes_the_norm_of_the_last_layer(norm: Any, output_norm: Any) -> None:
    """Output by output it was larger, in the Euclidean norm by up to sqrt(outputs)."""
    rng = np.random.default_rng(3)
    weights = [rng.standard_normal((5, 4)), rng.standard_normal((6, 5)), np.eye(6)]
    net = la.Network.from_arrays(weights)
    region = la.Everywhere()
    found = la.lipschitz_constant(
        net, region, norm, None, output_norm=output_norm, method="product", lower=False
    ).upper
    order = {1: 1, 2: 2, "inf": np.inf}[norm]
    first, second = (float(np.linalg.norm(matrix, order)) for matrix in weights[:2])
    last = {(2, 2): 1.0, (1, 1): 1.0, (1, 2): 1.0, ("inf", 2): np.sqrt(6.0)}[norm, output_norm]
    assert found == pytest.approx(first * second * last, rel=1e-6)
    points = rng.standard_normal((200, 4))
    jacobians = net.jacobian(points)
    if norm == 1:
        reached = np.linalg.norm(jacobians, output_norm, axis=1).max()
    else:
        reached = np.linalg.norm(jacobians, 2, axis=(1, 2)).max()
    assert reached <= found
