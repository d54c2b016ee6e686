"""Krivine's linear programs and the sublevel hierarchy for Lipschitz constants."""

from __future__ import annotations

import csv
from functools import reduce
from itertools import pairwise, product
from operator import mul
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lipschitz_app as la
import polyopt as po
from lipschitz_app.path_polynomial import PathPolynomial, path_polynomial
from lipschitz_app.rounding import FloatArray
from lipschitz_app.upper.krivine import krivine_bound, krivine_program, prove
from lipschitz_app.upper.slope_form import network_layers

from .networks import all_patterns, benchmark, chen_network, one_layer, small_networks

FOUR = one_layer([[1, 2], [-1, 1], [1, -1]], [0.1, -0.2, 0.3], [1, -1, 2])


def paths(net: la.Network, region: la.Box | la.Everywhere) -> PathPolynomial:
    return path_polynomial(*network_layers(net, la.interval_ranges(net, region)))


def upper(net: la.Network, region: la.Box | la.Everywhere, method: str) -> float:
    result = la.lipschitz_constant(net, region, method=method, lower=False)
    assert result.upper_kind == "proven"
    return result.upper


def value(polynomial: PathPolynomial, point: FloatArray) -> float:
    terms = zip(polynomial.monomials, polynomial.coefficients.tolist(), strict=True)
    return float(sum(c * np.prod(point[list(monomial)]) for monomial, c in terms))


@pytest.mark.parametrize(
    ("seed", "third", "second"),
    [(0, 3.991705, 3.5220), (1, 2.902875, 1.9926), (2, 3.691073, 2.3237)],
)
def test_one_hidden_layer(seed: int, third: float, second: float) -> None:
    """LipOpt-3 over the whole space is the maximum over all patterns; LipOpt-2 locally."""
    net, center = benchmark([10, 20, 1], seed)
    found = upper(net, la.Everywhere(), "krivine")
    assert found == pytest.approx(third, abs=1e-6)
    assert upper(net, la.Box(center, 0.1), "krivine-2") == pytest.approx(second, abs=1e-4)


def test_all_patterns_of_a_small_network() -> None:
    net, _ = benchmark([4, 9, 1], 5)
    found = upper(net, la.Everywhere(), "krivine")
    assert found == pytest.approx(all_patterns(net), rel=1e-6)
    assert found >= all_patterns(net)


@pytest.mark.parametrize(("size", "sparsity"), [(10, 20), (20, 8), (40, 10)])
@pytest.mark.parametrize(("kind", "radius"), [("glob", 10.0), ("loc", 0.1)])
def test_published_values(
    shared_data: Path, size: int, sparsity: int, kind: str, radius: float
) -> None:
    """LipOpt-3 of Chen et al. 2020, first seed."""
    with (shared_data / "chen" / "1_hidden_layer_networks.csv").open() as file:
        rows = [row for row in csv.reader(file) if row[0] == "bounds" and row[1] == "lp3"]
    wanted = [row for row in rows if row[2:5] == [kind, str(size), str(sparsity)]]
    net, center = chen_network(size, sparsity, 0)
    found = upper(net, la.Box(center, radius), "krivine")
    assert found == pytest.approx(float(wanted[0][-1]), abs=1e-6)


def test_products_that_are_left_out_add_nothing() -> None:
    """The engine's hierarchy has all products, repeated and short ones too."""
    net, _ = benchmark([2, 3, 1], 1)
    polynomial = paths(net, la.Everywhere())
    size = 2 + 3
    x = po.variables("x", size)
    objective = po.sum_polynomials(
        c * reduce(mul, [x[i] for i in monomial])
        for monomial, c in zip(polynomial.monomials, polynomial.coefficients.tolist(), strict=True)
    )
    cube = [side for v in x for side in (v >= 0, v <= 1)]
    problem = po.maximize(objective, subject_to=cube)
    for degree in (2, 3):
        cliques = [list(clique) for clique in polynomial.cliques()]
        full = po.krivine(problem, degree=degree, cliques=cliques).solve().bound
        assert krivine_bound(polynomial, degree).value == pytest.approx(full, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 3), min_size=2, max_size=4), st.integers(0, 2**32 - 1))
def test_the_polynomial_is_the_derivative(sizes: list[int], seed: int) -> None:
    """At any directions and slopes; and its programs bound it, tighter by the degree."""
    rng = np.random.default_rng(seed)
    shapes = list(zip([*sizes[1:], 1], sizes, strict=True))
    net = la.Network.from_arrays(
        [rng.standard_normal(shape) for shape in shapes],
        [rng.standard_normal(shape[0]) for shape in shapes],
    )
    region = la.Box(rng.standard_normal(sizes[0]), rng.uniform(0.1, 2.0))
    ranges = la.interval_ranges(net, region)
    polynomial = paths(net, region)
    free = [layer.unstable for layer in ranges]
    count = sizes[0] + sum(int(mask.sum()) for mask in free)
    largest = 0.0
    for corner in product((0.0, 1.0), repeat=count):
        point = np.array(corner)
        t, u = 2 * point[: sizes[0]] - 1, list(point[sizes[0] :])
        change = t
        for (matrix, _), layer, mask in zip(net.affine_pairs(), ranges, free, strict=False):
            slope = layer.slope_lower.copy()
            slope[mask] = [u.pop(0) for _ in range(int(mask.sum()))]
            change = slope * (matrix @ change)
        expected = float((net.affine_pairs()[-1][0] @ change)[0])
        assert value(polynomial, point) == pytest.approx(expected, abs=1e-12)
        largest = max(largest, expected)
    degrees = range(max(1, polynomial.degree), polynomial.degree + 3)
    bounds = [krivine_bound(polynomial, degree).value for degree in degrees]
    assert bounds[-1] >= largest
    for looser, tighter in pairwise(bounds):
        assert tighter <= looser + 1e-7 * (1 + looser)


@settings(max_examples=15, deadline=None)
@given(small_networks(), st.integers(0, 2**32 - 1))
def test_any_multipliers_prove_a_bound(case: tuple[la.Network, FloatArray], seed: int) -> None:
    net, _ = case
    polynomial = paths(net, la.Everywhere())
    program = krivine_program(polynomial, 3)
    rng = np.random.default_rng(seed)
    found = prove(program, rng.standard_normal(program.offset.size))
    assert found >= all_patterns(net) * (1 - 1e-12)


def test_two_hidden_layers() -> None:
    """A degree below that of the paths gives no bound: the message names the path left out."""
    net, _ = benchmark([3, 4, 4, 1], 2)
    third, fourth = (upper(net, la.Everywhere(), f"krivine-{k}") for k in (3, 4))
    lower = la.lipschitz_lower_bound(net, la.Everywhere()).value
    assert lower <= fourth <= third + 1e-7
    assert third <= upper(net, la.Everywhere(), "interval")
    with pytest.raises(la.UnsupportedError, match="of 3 variables, so it gives no bound"):
        upper(net, la.Everywhere(), "krivine-2")


def test_limits_are_named() -> None:
    net, _ = benchmark([60, 60, 1], 0)
    with pytest.raises(la.UnsupportedError, match="at most 600000 are offered"):
        upper(net, la.Everywhere(), "krivine-4")
    with pytest.raises(la.UnsupportedError, match='offered for norm "inf"'):
        la.lipschitz_constant(FOUR, la.Everywhere(), 2, method="krivine")


def test_sublevels_grow_from_shor_to_order_two() -> None:
    """Order 2 gives 5.3125 for this network, its constant is 5 (Chen et al. 2020's problem)."""
    region = la.Box([0.0, 0.0], 0.15)
    values = [
        upper(FOUR, region, method)
        for method in ("shor", "sublevel-2", "sublevel-3", "sublevel", "sublevel-6", "sublevel-8")
    ]
    for looser, tighter in pairwise(values):
        assert tighter <= looser + 1e-4
    assert values[0] == pytest.approx(5.99916, abs=1e-3)
    assert values[-1] == pytest.approx(5.3125, abs=1e-3)
    assert upper(FOUR, region, "sublevel-4") == pytest.approx(values[3], abs=1e-9)


def test_sublevels_in_the_norm_two() -> None:
    net, center = benchmark([3, 5, 1], 3)
    region = la.Box(center, 0.5)
    values = [
        la.lipschitz_constant(net, region, 2, method=method, lower=False).upper
        for method in ("exact", "sublevel-3", "sublevel-2", "shor")
    ]
    for tighter, looser in pairwise(values):
        assert tighter <= looser + 1e-5
