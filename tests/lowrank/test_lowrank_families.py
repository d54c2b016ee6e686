"""Every operator and family agrees with its own dense matrices."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from polyopt.errors import InvalidProblemError
from polyopt.solvers.lowrank import (
    AffineForms,
    BilinearOperator,
    FirstOrderModel,
    GridFamily,
    MatrixOperator,
    ProductFamily,
)
from polyopt.solvers.lowrank.cuts import Cuts
from polyopt.solvers.lowrank.entries import EntryFamily

SIDE = 9


def product_family(rng, *, forms=False, slack=False, equality=False):
    k, f = 5, 3 if forms else 0
    left = sp.random_array((k, SIDE + f), density=0.5, rng=rng, format="csr")
    right = sp.random_array((k, SIDE + f), density=0.5, rng=rng, format="csr")
    stack = None
    if forms:
        columns = np.array([2, 5, 8])
        stack = AffineForms(columns, rng.standard_normal((f, 3)), rng.standard_normal(f))
    return ProductFamily(left, right, stack, equality, rng.random(k) if slack else None)


def families(rng):
    cuts = Cuts(
        np.array([[[0, 1], [0, 2], [1, 2], [0, 1]], [[1, 3], [2, 3], [1, 4], [2, 4]]]),
        np.array([[1.0, -1, -1, 0], [1, 1, -1, 1]]),
        np.array([1.0, 2.0]),
    )
    return {
        "product": product_family(rng),
        "forms": product_family(rng, forms=True),
        "slack": product_family(rng, forms=True, slack=True),
        "equality": product_family(rng, equality=True),
        "grid": GridFamily(np.array([1, 4, 5]), np.array([2, 3, 8, 7])),
        "entries": cuts.family(),
    }


NAMES = ["product", "forms", "slack", "equality", "grid", "entries"]


@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_family_is_what_its_matrix_says(name, seed):
    rng = np.random.default_rng(seed)
    family = families(rng)[name]
    factor = rng.standard_normal((SIDE, 4))
    weights = rng.random(family.size)
    matrix = np.zeros((SIDE, SIDE))
    rounding = family.add_to(matrix, weights)
    np.testing.assert_allclose(matrix, matrix.T, rtol=0, atol=1e-12)
    np.testing.assert_allclose(matrix @ factor, family.pullback(weights, factor), atol=1e-11)
    values = family.values(factor)
    assert values.shape == (family.size,)
    assert values @ weights == pytest.approx(float(np.sum((matrix @ factor) * factor)), abs=1e-10)
    assert np.all(rounding.majorant >= np.abs(matrix).sum(axis=1) - 1e-12)
    assert rounding.operations > 0


@pytest.mark.parametrize("name", NAMES)
def test_augmented_term_and_its_gradient(name, rng):
    family = families(rng)[name]
    factor, weights, penalty = rng.standard_normal((SIDE, 4)), rng.random(family.size), 0.7
    moved = weights - penalty * family.values(factor)
    expected = moved if family.equality else np.maximum(moved, 0)
    value, half = family.augmented(factor, weights, penalty)
    assert value == pytest.approx(expected @ expected / (2 * penalty))
    np.testing.assert_allclose(half, family.pullback(expected, factor), atol=1e-11)
    direction = 1e-6 * rng.standard_normal(factor.shape)
    ahead, _ = family.augmented(factor + direction, weights, penalty)
    behind, _ = family.augmented(factor - direction, weights, penalty)
    slope = -2 * float(np.sum(half * direction))
    assert (ahead - behind) / 2 == pytest.approx(slope, rel=1e-4, abs=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_single_precision_copy(name, rng):
    family = families(rng)[name]
    factor, weights = rng.standard_normal((SIDE, 4)), rng.random(family.size)
    value, half = family.cast(np.float32).augmented(
        factor.astype(np.float32), weights.astype(np.float32), 0.7
    )
    assert half.dtype == np.float32
    exact_value, exact = family.augmented(factor, weights, 0.7)
    assert value == pytest.approx(exact_value, rel=1e-4)
    np.testing.assert_allclose(half, exact, rtol=1e-3, atol=1e-3)


def test_grid_values_are_the_four_products():
    t, s = 0.3, -0.6
    values = GridFamily(np.array([1]), np.array([2])).values(np.array([[1.0], [t], [s]]))
    np.testing.assert_allclose(
        values, [(1 + t) * (1 + s), (1 + t) * (1 - s), (1 - t) * (1 + s), (1 - t) * (1 - s)]
    )


def test_scaling_by_powers_of_two_keeps_signs_and_sizes(rng):
    family = product_family(rng, forms=True, slack=True)
    scaled = family.scaled()
    point = np.concatenate([[1.0], rng.uniform(-1, 1, SIDE - 1)])[:, None]
    ratio = scaled.values(point) / family.values(point)
    np.testing.assert_array_equal(np.log2(np.abs(ratio)).round(9) % 1, 0)
    assert np.all(np.abs(scaled.values(point)) <= 2 + np.abs(scaled.slack))


@pytest.mark.parametrize("sparse", [False, True])
def test_objective_operators(sparse, rng):
    half = rng.standard_normal((SIDE, SIDE))
    symmetric = half + half.T
    block, weights = rng.standard_normal((3, 4)), rng.standard_normal(4)
    rows, columns = np.array([1, 3, 5]), np.array([0, 2, 4, 8])
    convert = sp.csr_array if sparse else np.asarray
    for operator, value in (
        (MatrixOperator(convert(symmetric)), lambda x: x @ symmetric @ x),
        (
            BilinearOperator(rows, columns, convert(block), weights),
            lambda x: x[rows] @ block @ (weights * x[columns]),
        ),
    ):
        factor = rng.standard_normal((SIDE, 3))
        dense = np.zeros((SIDE, SIDE))
        operator.add_to(dense)
        np.testing.assert_allclose(dense @ factor, operator.apply(factor), atol=1e-12)
        x = rng.standard_normal(SIDE)
        assert x @ dense @ x == pytest.approx(value(x))


def test_bad_input_is_refused():
    with pytest.raises(InvalidProblemError, match="not symmetric"):
        MatrixOperator(np.array([[0.0, 1.0], [0.0, 0.0]]))
    with pytest.raises(InvalidProblemError, match="disjoint"):
        BilinearOperator(np.array([0]), np.array([0]), np.ones((1, 1)), np.ones(1))
    with pytest.raises(InvalidProblemError, match="2 rows and 1 columns"):
        BilinearOperator(np.array([0, 1]), np.array([2]), np.ones((1, 1)), np.ones(1))
    with pytest.raises(InvalidProblemError, match="disjoint sets of rows"):
        GridFamily(np.array([0]), np.array([1]))
    with pytest.raises(InvalidProblemError, match="distinct entries"):
        EntryFamily(np.array([[1, 2], [2, 1]]), sp.csr_array([[1.0, 1.0]]), np.ones(1))
    with pytest.raises(InvalidProblemError, match="left factors have shape"):
        ProductFamily(sp.csr_array((1, 3)), sp.csr_array((1, 4)))
    with pytest.raises(InvalidProblemError, match="distinct"):
        AffineForms(np.array([1, 1]), np.ones((1, 2)), np.ones(1))
    with pytest.raises(InvalidProblemError, match="row 0 is the constant"):
        FirstOrderModel(2, (), sign_rows=np.array([False, True]))
    with pytest.raises(InvalidProblemError, match="at least 1"):
        FirstOrderModel(0, ())
