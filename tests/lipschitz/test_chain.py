"""The normal form computes what the network computes, and its error bounds hold."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lipschitz_app as la
from lipschitz_app.affine_maps import Affine, compose, plus
from lipschitz_app.chain import ChainLayer, chain
from lipschitz_app.layers import Layer, Residual
from lipschitz_app.rounding import FloatArray


def evaluate(layers: tuple[ChainLayer, ...], x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Value and Jacobian of the normal form, forwards."""
    jacobian = np.eye(x.size)
    for layer in layers:
        jacobian = layer.slopes(layer.pre_activation(x))[:, None] * (layer.weight @ jacobian)
        x = layer(x)
    return x, jacobian


def batch_norm(rng: np.random.Generator, channels: int) -> la.BatchNorm:
    draw = rng.standard_normal((3, channels))
    return la.BatchNorm(draw[0], rng.uniform(0.5, 2.0, channels), draw[1], draw[2])


@st.composite
def networks(draw: st.DrawFn) -> tuple[la.Network, np.random.Generator]:
    """Random architectures with every kind of layer."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    channels, side = draw(st.integers(1, 2)), draw(st.integers(4, 6))
    shape = (channels, side, side)
    layers: list[Layer] = []

    def convolution(inner: int, outer: int, **options: int) -> la.Conv2d:
        weight = rng.standard_normal((outer, inner, 3, 3)) / 3
        return la.Conv2d(weight, rng.standard_normal(outer), **options)  # type: ignore[arg-type]

    kinds = ("conv", "relu", "norm", "average", "maximum", "residual", "projection", "dropout")
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=4)):
        c = shape[0]
        new: list[Layer] = []
        if kind == "conv":
            new = [convolution(c, 2, padding=1)]
        elif kind == "relu":
            new = [la.ReLU()]
        elif kind == "norm":
            new = [batch_norm(rng, c)]
        elif kind == "dropout":
            new = [la.Dropout()]
        elif kind == "average":
            new = [la.AvgPool2d(2, draw(st.integers(1, 2)))]
        elif kind == "maximum":
            new = [la.MaxPool2d(draw(st.integers(2, 3)), draw(st.integers(1, 2)), 1)]
        elif kind == "residual":
            inner: list[Layer] = [convolution(c, 2, padding=1), la.ReLU(), batch_norm(rng, 2)]
            inner.append(convolution(2, c, padding=1))
            if draw(st.booleans()):
                inner.insert(1, Residual([convolution(2, 2, padding=1), la.ReLU()]))
            new = [Residual(inner)]
        else:
            short: list[Layer] = [convolution(c, 2, stride=2, padding=1)]
            if draw(st.booleans()):
                short.append(la.ReLU())
            new = [
                Residual(
                    [convolution(c, 2, stride=2, padding=1), la.ReLU(), batch_norm(rng, 2)], short
                )
            ]
        for layer in new:
            after = tuple(layer.bind(shape).output_shape)
            if min(after) >= 1 and after[1] >= 2:
                layers.append(layer)
                shape = after
    layers += [la.Flatten(), la.Linear(rng.standard_normal((3, int(np.prod(shape)))))]
    if draw(st.booleans()):
        layers += [la.ReLU(), la.Linear(rng.standard_normal((2, 3)), rng.standard_normal(2))]
    if draw(st.booleans()):
        layers += [la.ReLU()]
    return la.Network(layers, (channels, side, side)), rng


@given(networks())
@settings(max_examples=60)
def test_values_and_jacobians_are_those_of_the_network(
    case: tuple[la.Network, np.random.Generator],
) -> None:
    net, rng = case
    layers = chain(net)
    assert all(layer.encoding is not None for layer in layers[:-1])
    assert layers[-1].encoding is None
    for _ in range(3):
        x = rng.standard_normal(net.input_size)
        value, jacobian = evaluate(layers, x)
        expected, slope = net(x).reshape(-1), net.jacobian(x)
        size = 1 + np.abs(expected).max()
        assert np.abs(value - expected).max() <= 1e-12 * size
        assert np.abs(jacobian - slope).max() <= 1e-12 * (1 + np.abs(slope).max())


def test_linear_and_convolution_are_exact(rng: np.random.Generator) -> None:
    weight = rng.standard_normal((2, 1, 3, 3))
    net = la.Network(
        [la.Conv2d(weight, [0.1, 0.2]), la.ReLU(), la.Flatten(), la.Linear(np.ones((1, 8)) / 3)],
        (1, 4, 4),
    )
    first, last = chain(net)
    for layer in (first, last):
        assert not layer.weight_error.any()
        assert not layer.bias_error.any()
    assert first.weight[0, :3].tolist() == weight[0, 0, 0].tolist()
    assert np.count_nonzero(first.weight) == 8 * 9
    assert first.bias.tolist() == [0.1] * 4 + [0.2] * 4
    assert last.weight.tolist() == [[1 / 3] * 8]
    assert not first.passes.any()
    assert last.passes.all()


def test_skip_connections_and_maxima_of_one_layer_stay_exact(rng: np.random.Generator) -> None:
    inner = la.Linear(rng.standard_normal((2, 2)))
    net = la.Network([Residual([inner, la.ReLU()])], (2,))
    first, last = chain(net)
    assert first.weight.tolist() == [*inner.weight.tolist(), [1.0, 0.0], [0.0, 1.0]]
    assert first.passes.tolist() == [False, False, True, True]
    assert last.weight.tolist() == [[1, 0, 1, 0], [0, 1, 0, 1]]
    pooled = chain(la.Network([la.MaxPool2d(3, 2, 1)], (2, 5, 5)))
    for layer in (first, last, *pooled):
        assert not layer.weight_error.any()


@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_products_stay_within_their_errors(seed: int, depth: int) -> None:
    """Against rational arithmetic."""
    rng = np.random.default_rng(seed)
    exact = [[Fraction(int(i == j)) for j in range(3)] + [Fraction(0)] for i in range(3)]
    layers: list[Layer] = []
    for _ in range(depth):
        weight, bias = rng.standard_normal((3, 3)), rng.standard_normal(3)
        weight[rng.random((3, 3)) < 0.3] = 0.0
        layers.append(la.Linear(weight, bias))
        exact = [
            [
                sum((Fraction(w) * row[j] for w, row in zip(line, exact, strict=True)), shift)
                for j, shift in enumerate([Fraction(0)] * 3 + [Fraction(b)])
            ]
            for line, b in zip(weight.tolist(), bias.tolist(), strict=True)
        ]
    (layer,) = chain(la.Network(layers))
    found = np.column_stack([layer.weight, layer.bias])
    error = np.column_stack([layer.weight_error, layer.bias_error])
    for i, j in np.ndindex(3, 4):
        assert abs(Fraction(found[i, j]) - exact[i][j]) <= Fraction(error[i, j])
        assert error[i, j] <= 1e-13 * (1 + abs(found[i, j]))
    assert (depth == 1) == (not error.any())


def test_batch_norm_is_within_its_error() -> None:
    """Against arithmetic with fifty digits."""
    from decimal import Decimal, localcontext

    exact = Decimal.from_float
    norm = la.BatchNorm([0.3], [0.7], [1.1], [0.2], epsilon=1e-5)
    (layer,) = chain(la.Network([la.Linear([[0.1]], [0.4]), norm]))
    with localcontext() as context:
        context.prec = 50
        scale = exact(1.1) / (exact(0.7) + exact(1e-5)).sqrt()
        weight = scale * exact(0.1)
        bias = scale * (exact(0.4) - exact(0.3)) + exact(0.2)
        assert abs(Decimal(layer.weight[0, 0]) - weight) <= Decimal(layer.weight_error[0, 0])
        assert abs(Decimal(layer.bias[0]) - bias) <= Decimal(layer.bias_error[0])
    assert 0 < layer.weight_error[0, 0] < 1e-14
    assert 0 < layer.bias_error[0] < 1e-14


def test_average_pools_of_four_are_exact_and_of_nine_are_not() -> None:
    for kernel, expected in ((2, 0.0), (3, 1 / 9)):
        (layer,) = chain(la.Network([la.AvgPool2d(kernel)], (1, kernel, kernel)))
        error = layer.weight_error.max()
        assert (error == 0.0) == (expected == 0.0)
        assert abs(Fraction(layer.weight[0, 0]) - Fraction(1, kernel**2)) <= Fraction(error)


def test_sums_round() -> None:
    first, second = Affine.linear(np.array([[0.1]])), Affine.linear(np.array([[0.2]]))
    total = plus(first, second)
    gap = abs(Fraction(total.matrix[0, 0]) - Fraction(0.1) - Fraction(0.2))
    assert 0 < gap <= Fraction(total.matrix_error[0, 0])
    assert not plus(first, Affine.linear(np.zeros((1, 1)))).matrix_error.any()
    assert compose(Affine.identity(1), first) is first


def test_too_large_is_refused_by_name() -> None:
    net = la.Network([la.Conv2d(np.ones((4, 1, 3, 3)), padding=1), la.ReLU()], (1, 20, 20))
    with pytest.raises(la.UnsupportedError, match=r"ConvolutionOperator.*1600 x 400 = 640000"):
        chain(net, max_entries=1000)
    assert chain(net)[0].weight.shape == (1600, 400)
