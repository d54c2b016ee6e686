"""Products, adjoints, row norms and enclosures against explicit matrices."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lipschitz_app.errors import InvalidNetworkError, InvalidOptionError
from lipschitz_app.operators import (
    AffineOperator,
    ConvolutionOperator,
    DenseOperator,
    DiagonalOperator,
    MaxPooling,
    average_pooling,
)

HAS_TORCH = importlib.util.find_spec("torch") is not None


@st.composite
def convolutions(draw: st.DrawFn, backend: str = "numpy") -> ConvolutionOperator:
    groups = draw(st.sampled_from([1, 2]))
    c, o = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 3))
    kernel = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    dilation = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    shape = (c, draw(st.integers(5, 8)), draw(st.integers(5, 8)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return ConvolutionOperator(
        rng.standard_normal((o, c // groups, *kernel)),
        rng.standard_normal(o),
        shape,
        stride=draw(st.tuples(st.integers(1, 3), st.integers(1, 3))),
        padding=draw(st.tuples(st.integers(0, 2), st.integers(0, 2))),
        dilation=dilation,
        groups=groups,
        backend=backend,
    )


def loop_convolution(operator: ConvolutionOperator, x: np.ndarray) -> np.ndarray:
    """The definition, one output at a time."""
    g = operator.geometry
    (c, h, w), (o, rows, columns) = g.input_shape, g.output_shape
    padded = np.zeros((c, h + 2 * g.padding[0], w + 2 * g.padding[1]))
    padded[:, g.padding[0] : g.padding[0] + h, g.padding[1] : g.padding[1] + w] = x.reshape(c, h, w)
    result = np.zeros((o, rows, columns))
    per_group = c // g.groups
    for k in range(o):
        first = k // (o // g.groups) * per_group
        for y in range(rows):
            for z in range(columns):
                for i in range(g.kernel[0]):
                    for j in range(g.kernel[1]):
                        row = y * g.stride[0] + i * g.dilation[0]
                        column = z * g.stride[1] + j * g.dilation[1]
                        part = padded[first : first + per_group, row, column]
                        result[k, y, z] += operator.kernel[k, :, i, j] @ part
    return result.reshape(-1)


@given(convolutions())
@settings(max_examples=15, deadline=None)
def test_convolution_is_its_definition(operator: ConvolutionOperator) -> None:
    x = np.random.default_rng(1).standard_normal(operator.input_size)
    np.testing.assert_allclose(operator.apply(x), loop_convolution(operator, x), atol=1e-12)
    np.testing.assert_allclose(operator.to_sparse() @ x, operator.apply(x), atol=1e-12)


@given(convolutions())
@settings(max_examples=30, deadline=None)
def test_adjoint_is_the_transpose(operator: ConvolutionOperator) -> None:
    rng = np.random.default_rng(2)
    w = rng.standard_normal((3, operator.output_size))
    np.testing.assert_allclose(operator.adjoint(w), w @ operator.to_matrix(), atol=1e-12)


@pytest.mark.skipif(not HAS_TORCH, reason="torch is not installed")
@given(convolutions(backend="torch"))
@settings(max_examples=25, deadline=None)
def test_backends_agree(operator: ConvolutionOperator) -> None:
    rng = np.random.default_rng(3)
    other = operator.map_entries(lambda x: x)
    other.backend = "numpy"
    v = rng.standard_normal((2, operator.input_size))
    w = rng.standard_normal((2, operator.output_size))
    np.testing.assert_allclose(operator.apply(v), other.apply(v), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(operator.adjoint(w), other.adjoint(w), rtol=1e-9, atol=1e-9)


@given(convolutions(), st.sampled_from([1, 2, "inf"]))
@settings(max_examples=30, deadline=None)
def test_row_and_column_norms(operator: ConvolutionOperator, order: int | str) -> None:
    rng = np.random.default_rng(4)
    d = (rng.random(operator.input_size) < 0.7).astype(float)
    r = rng.random(operator.output_size)
    p = np.inf if order == "inf" else order
    rows = np.linalg.norm(operator.to_matrix() * d, ord=p, axis=1)
    np.testing.assert_allclose(operator.row_norms(d, order), rows, rtol=1e-12, atol=1e-290)
    assert (operator.row_norms(d, order) >= rows * (1 - 1e-15)).all()
    columns = np.linalg.norm(r[:, None] * operator.to_matrix(), ord=p, axis=0)
    np.testing.assert_allclose(operator.column_norms(r, order), columns, rtol=1e-12, atol=1e-290)


def operators(rng: np.random.Generator) -> list[AffineOperator]:
    return [
        DenseOperator(rng.standard_normal((4, 6)), rng.standard_normal(4)),
        DiagonalOperator(rng.standard_normal(12), rng.standard_normal(12), (3, 2, 2)),
        ConvolutionOperator(
            rng.standard_normal((3, 2, 3, 3)), rng.standard_normal(3), (2, 5, 5), padding=1
        ),
        average_pooling((2, 6, 6), 3, 2, 1),
    ]


@pytest.mark.parametrize("index", range(4))
def test_scaling_diagonals_and_values(rng: np.random.Generator, index: int) -> None:
    operator = operators(rng)[index]
    matrix = operator.to_matrix()
    x = rng.standard_normal((2, operator.input_size))
    np.testing.assert_allclose(operator(x), x @ matrix.T + operator.bias, atol=1e-12)
    r, d = rng.random(operator.output_size), rng.random(operator.input_size)
    scaled = operator.scaled(r, d)
    np.testing.assert_allclose(scaled.to_matrix(), r[:, None] * matrix * d, atol=1e-14)
    np.testing.assert_allclose(scaled.apply(x), x @ scaled.to_matrix().T, atol=1e-12)
    w = rng.standard_normal((2, operator.output_size))
    np.testing.assert_allclose(scaled.adjoint(w), w @ scaled.to_matrix(), atol=1e-12)
    channels = operator.output_shape[0]
    scale = np.repeat(rng.standard_normal(channels), operator.output_size // channels)
    shift = rng.standard_normal(operator.output_size)
    after = operator.then_diagonal(scale, shift, 0, np.zeros(operator.output_size))
    assert after is not None
    np.testing.assert_allclose(after(x), scale * operator(x) + shift, atol=1e-12)


@pytest.mark.parametrize("index", range(4))
def test_value_enclosure_holds_the_exact_value(rng: np.random.Generator, index: int) -> None:
    operator = operators(rng)[index]
    x, error = rng.standard_normal(operator.input_size), 1e-9 * rng.random(operator.input_size)
    value, bound = operator.evaluate_with_error(x, error)
    shifted = x + error * rng.choice([-1.0, 1.0], operator.input_size)
    exact = operator.to_matrix().astype(np.longdouble) @ shifted.astype(np.longdouble)
    exact = exact + operator.bias.astype(np.longdouble)
    assert (np.abs(exact - value) <= bound).all()
    assert bound.max() < 1e-7


@given(
    st.sampled_from([(2, 2, 0), (3, 2, 0), (2, 1, 0), (3, 1, 1), (3, 3, 0), (3, 2, 1)]),
    st.integers(0, 1000),
)
@settings(max_examples=30, deadline=None)
def test_max_pooling_against_loops(window: tuple[int, int, int], seed: int) -> None:
    kernel, stride, padding = window
    pool = MaxPooling((2, 7, 8), kernel, stride, padding)
    x = np.random.default_rng(seed).integers(-3, 4, pool.input_size).astype(float)
    image = np.pad(
        x.reshape(2, 7, 8),
        ((0, 0), (padding, padding), (padding, padding)),
        constant_values=-np.inf,
    )
    expected = [
        image[c, i * stride : i * stride + kernel, j * stride : j * stride + kernel].max()
        for c, i, j in np.ndindex(*pool.output_shape)
    ]
    assert pool(x).tolist() == expected
    np.testing.assert_array_equal(x[pool.winners(x[None])[0]], expected)
    w = np.random.default_rng(seed).standard_normal((1, 3, pool.output_size))
    pulled = pool.pullback(x[None], w)
    # The Jacobian of a maximum picks one input per output.
    np.testing.assert_allclose(pulled @ x, w @ pool(x), atol=1e-12)


@pytest.mark.parametrize(
    ("kernel", "stride", "factor"), [(2, 2, 1), (3, 2, 2), (2, 1, 2), (3, 1, 3), (3, 3, 1)]
)
def test_max_pooling_factor_is_attained_by_an_impulse(
    kernel: int, stride: int, factor: float
) -> None:
    pool = MaxPooling((1, 12, 12), kernel, stride)
    assert pool.factor() == factor
    assert pool.factor("inf") == 1.0
    changes = [np.linalg.norm(pool(row)) for row in np.eye(144)]
    assert max(changes) == pytest.approx(factor, abs=1e-15)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DenseOperator(np.zeros(3)), "a matrix"),
        (lambda: DenseOperator([[np.nan]]), "not finite"),
        (lambda: DenseOperator([[1.0]], [1.0, 2.0]), "1 are needed"),
        (lambda: ConvolutionOperator(np.ones((1, 2, 2, 2)), None, (1, 4, 4)), "takes 2 channels"),
        (lambda: ConvolutionOperator(np.ones((1, 1, 5, 5)), None, (1, 4, 4)), "does not fit"),
        (lambda: ConvolutionOperator(np.ones((1, 1, 2, 2)), None, (1, 4, 4), stride=0), "stride"),
        (lambda: MaxPooling((1, 4, 4), 2, 2, 2), "empty"),
    ],
)
def test_bad_shapes_say_so(make: object, message: str) -> None:
    with pytest.raises(InvalidNetworkError, match=message):
        make()  # type: ignore[operator]


def test_unknown_backend() -> None:
    operator = ConvolutionOperator(np.ones((1, 1, 2, 2)), None, (1, 4, 4), backend="abacus")
    with pytest.raises(InvalidOptionError, match="abacus"):
        operator.apply(np.zeros(16))


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 2])
@pytest.mark.parametrize(("dilation", "groups"), [(1, 1), (2, 1), (1, 2), (2, 2)])
def test_largest_entries_of_rows_without_the_matrix(
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
    stride: int,
    padding: int,
    dilation: int,
    groups: int,
) -> None:
    operator = ConvolutionOperator(
        rng.standard_normal((6, 4 // groups, 3, 2)),
        None,
        (4, 9, 8),
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
    )
    mask = rng.random(operator.input_size) * (rng.random(operator.input_size) < 0.7)
    exact = np.abs(operator.to_matrix() * mask).max(axis=1)
    monkeypatch.setattr(ConvolutionOperator, "to_sparse", lambda self: pytest.fail("matrix formed"))
    found = operator.row_norms(mask, "inf")
    assert (found >= exact).all()
    np.testing.assert_allclose(found, exact, rtol=1e-13, atol=1e-300)
