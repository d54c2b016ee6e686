"""One layer: facts worked out by hand, the chain of bounds, the exact oracle, samples."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from anchored_oracle import anchored_constant
from hypothesis import given, settings
from hypothesis import strategies as st

from lipschitz_app.affine_relu import affine_relu_bound
from lipschitz_app.errors import InvalidOptionError, InvalidPointError
from lipschitz_app.operators import ConvolutionOperator

A5 = np.diag([1, 2, 0.5]) @ np.array([[2.0, 2, 1], [-1, 2, -2], [2, -1, -2]])
A6 = np.array([[1.0, 2], [2, -1], [-1, -1]])
A7 = np.array([[3.0, -1, 2], [-2, 7, 1], [5, -3, -1]])
X7 = np.array([-0.5037434101104736, 2.768221855163574, 2.088477373123169])
B7 = np.array([3.0, 4, 2])


def at_origin(A: np.ndarray, y0: object, eps: float) -> object:
    return affine_relu_bound(A, y0, np.zeros(np.shape(A)[1]), eps)


def test_scalar_relu() -> None:
    for eps, value in ((2.0, 0.5), (0.5, 0.0), (4.0, 0.75)):
        assert affine_relu_bound([[1.0]], [0.0], [-1.0], eps).bound == pytest.approx(value)
    for a, y0, eps in ((2.0, -3.0, 2.0), (0.5, -1.0, 8.0), (2.0, -3.0, 1.0)):
        found = at_origin(np.array([[a]]), [y0], eps).bound
        assert found == pytest.approx(a * max(0.0, 1 - abs(y0) / (eps * a)), abs=1e-12)


def test_anchored_is_no_bound_of_the_pairwise_constant() -> None:
    found = affine_relu_bound([[1.0]], [0.0], [-1.0], 2.0)
    assert found.bound == pytest.approx(0.5)
    assert found.pairwise == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("A", "y0", "exact", "bound", "tighter", "loose"),
    [
        ([[1.0], [-1.0]], [0.0, 0.0], 1.0, 2**0.5, None, None),
        ([[1.0], [-1.0]], [-0.5, -0.5], 0.5, 0.5**0.5, 0.5**0.5, 2**0.5),
        (np.diag([3.0, -2, 1]), [-1.0, 4, -5], 2.0, 2.0, 8 / 3, 3.0),
        (A5, [-1.5, -3.0, 1.0], 3.0, 3.0, 3.75, 6.0),
        (A6, [-1.0, 0.5, -0.5], 5**0.5, 2.2596077, 2.4687832, 7**0.5),
    ],
)
def test_worked_examples(
    A: object, y0: object, exact: float, bound: float, tighter: float, loose: float
) -> None:
    """Values of spec examples, worked out independently of this code."""
    found = at_origin(np.asarray(A), y0, 1.0)
    assert found.bound == pytest.approx(bound, rel=3e-7)
    if tighter is not None:
        assert found.tighter == pytest.approx(tighter, rel=3e-7)
        assert found.loose == pytest.approx(loose, rel=3e-7)
    value = anchored_constant(np.asarray(A), np.asarray(y0), 1.0, np.random.default_rng(0), 100)
    assert value == pytest.approx(exact, rel=1e-6)


def test_slopes_of_the_sixth_example() -> None:
    found = at_origin(A6, [-1.0, 0.5, -0.5], 1.0)
    np.testing.assert_allclose(found.slopes, [0.5527864, 1, 0.6464466], atol=1e-7)
    np.testing.assert_allclose(found.upper, [-1 + 5**0.5, 0.5 + 5**0.5, -0.5 + 2**0.5])
    assert (found.dead, found.partial, found.active) == (0, 2, 1)


@pytest.mark.parametrize(
    ("eps", "exact", "bound"),
    [
        (1e-3, 7.5382640, 7.5382640),
        (2.0, 7.5382640, 7.5469101),
        (2.5, 7.5449479, 7.6375142),
        (3.0, 7.6245216, 7.7549205),
        (3.5, 7.7328403, 7.8682821),
        (5.220689655172413, 7.7777432, 8.1687098),
        (10.0, 7.7777432, 8.5611412),
    ],
)
def test_example_of_the_first_paper(eps: float, exact: float, bound: float) -> None:
    found = affine_relu_bound(A7, B7, X7, eps)
    assert found.bound == pytest.approx(bound, rel=2e-7)
    assert found.whole == pytest.approx(9.1011142, rel=1e-7)
    value = anchored_constant(A7, A7 @ X7 + B7, eps, np.random.default_rng(1))
    assert value == pytest.approx(exact, rel=1e-6)
    assert value <= found.bound


def test_small_balls_are_exact() -> None:
    found = affine_relu_bound(A7, B7, X7, 1e-9)
    assert found.bound == pytest.approx((34 + 521**0.5) ** 0.5, rel=1e-7)
    assert affine_relu_bound(A7, B7, X7, 0.0).bound == pytest.approx(found.bound, rel=1e-7)


@given(st.integers(0, 10**6), st.floats(1e-3, 30.0), st.integers(1, 5), st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_chain_of_bounds(seed: int, eps: float, n: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    A, y0 = rng.standard_normal((m, n)), 2 * rng.standard_normal(m)
    fixed = rng.random(n) < 0.2
    found = affine_relu_bound(A, y0, np.zeros(n), eps, fixed)
    chain = [found.bound, found.tighter, found.loose, found.whole, np.linalg.norm(A, 2)]
    for smaller, larger in itertools.pairwise(chain):
        assert smaller <= larger * (1 + 1e-6) + 1e-12
    larger_ball = affine_relu_bound(A, y0, np.zeros(n), 1.5 * eps, fixed)
    assert found.bound <= larger_ball.bound * (1 + 1e-6)
    delta = rng.standard_normal((300, n)) * ~fixed
    size = np.linalg.norm(delta, axis=1, keepdims=True)
    delta = delta / np.where(size > 0, size, 1) * eps * rng.random((300, 1))
    change = np.linalg.norm(np.maximum(delta @ A.T + y0, 0) - np.maximum(y0, 0), axis=1)
    assert (change <= found.bound * np.linalg.norm(delta, axis=1) + 1e-12).all()
    other = delta[rng.permutation(300)]
    change = np.linalg.norm(
        np.maximum(delta @ A.T + y0, 0) - np.maximum(other @ A.T + y0, 0), axis=1
    )
    assert (change <= found.pairwise * np.linalg.norm(delta - other, axis=1) + 1e-12).all()


@given(st.integers(0, 10**6), st.floats(0.1, 10.0))
@settings(max_examples=8, deadline=None)
def test_bound_is_above_the_exact_constant(seed: int, eps: float) -> None:
    rng = np.random.default_rng(seed)
    A, y0 = rng.standard_normal((4, 3)), rng.standard_normal(4)
    exact = anchored_constant(A, y0, eps, rng, 60)
    assert exact <= at_origin(A, y0, eps).bound * (1 + 1e-12)


def test_exact_for_one_row_and_for_orthogonal_rows() -> None:
    rng = np.random.default_rng(5)
    row, y0 = rng.standard_normal((1, 4)), np.array([-0.7])
    exact = anchored_constant(row, y0, 1.0, rng, 50)
    assert at_origin(row, y0, 1.0).bound == pytest.approx(exact, rel=1e-6)
    rows = rng.random(3)[:, None] * np.linalg.qr(rng.standard_normal((3, 3)))[0]
    y0 = -0.3 * rng.random(3)
    exact = anchored_constant(rows, y0, 1.0, rng, 200)
    assert at_origin(rows, y0, 1.0).bound == pytest.approx(exact, rel=1e-5)


@pytest.mark.parametrize("norm", [1, 2, "inf"])
@pytest.mark.parametrize("output_norm", [1, 2, "inf"])
def test_other_norms_against_samples(norm: object, output_norm: object) -> None:
    rng = np.random.default_rng(6)
    orders = {1: 1, 2: 2, "inf": np.inf}
    A, y0 = rng.standard_normal((5, 4)), rng.standard_normal(5)
    found = affine_relu_bound(A, y0, np.zeros(4), 1.5, norm=norm, output_norm=output_norm)
    delta = rng.standard_normal((10000, 4))
    delta[:3000] = np.sign(delta[:3000])
    delta[3000:5000] *= np.eye(4)[rng.integers(0, 4, 2000)]
    delta *= 1.5 * rng.random((10000, 1)) / np.linalg.norm(delta, orders[norm], 1)[:, None]
    y = delta @ A.T + y0
    assert (y <= found.upper + 1e-12).all()
    assert (y >= found.lower - 1e-12).all()
    change = np.linalg.norm(np.maximum(y, 0) - np.maximum(y0, 0), orders[output_norm], axis=1)
    size = np.linalg.norm(delta, orders[norm], axis=1)
    assert (change <= found.bound * size + 1e-12).all()
    assert found.bound <= 3 * (change / size).max()


def test_zero_range_coordinates_take_no_part() -> None:
    A = np.array([[1.0, 5.0], [0.0, 3.0]])
    found = affine_relu_bound(A, [1.0, 1.0], [0.0, 0.0], 1.0, [False, True])
    assert found.bound == pytest.approx(1.0)
    assert found.zero_range.tolist() == [False, True]
    nothing = affine_relu_bound(A, [1.0, 1.0], [0.0, 0.0], 1.0, [True, True])
    assert nothing.bound == 0.0


def test_layer_as_operator(rng: np.random.Generator) -> None:
    operator = ConvolutionOperator(
        rng.standard_normal((2, 1, 3, 3)), rng.standard_normal(2), (1, 5, 5), padding=1
    )
    x = rng.standard_normal((1, 5, 5))
    found = affine_relu_bound(operator, None, x, 0.7)
    dense = affine_relu_bound(operator.to_matrix(), operator.bias, x.reshape(-1), 0.7)
    assert found.bound == pytest.approx(dense.bound, rel=1e-6)
    np.testing.assert_allclose(found.slopes, dense.slopes, atol=1e-12)
    assert "anchored" in str(found)
    assert "proven" in str(found)


def test_bad_input() -> None:
    with pytest.raises(InvalidOptionError, match="radius"):
        affine_relu_bound([[1.0]], None, [0.0], -1.0)
    with pytest.raises(InvalidPointError, match="x0"):
        affine_relu_bound([[1.0]], None, [0.0, 1.0], 1.0)
    with pytest.raises(InvalidPointError, match="booleans"):
        affine_relu_bound([[1.0]], None, [0.0], 1.0, [0])
    operator = ConvolutionOperator(np.ones((1, 1, 1, 1)), None, (1, 1, 1))
    with pytest.raises(InvalidOptionError, match="b=None"):
        affine_relu_bound(operator, [1.0], [0.0], 1.0)
