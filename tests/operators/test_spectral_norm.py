"""Every proven norm lies above the exact one, and as close as its method promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lipschitz_app.errors import InvalidOptionError, NoBoundError
from lipschitz_app.operators import (
    ConvolutionOperator,
    DenseOperator,
    DiagonalOperator,
    average_pooling,
    spectral_norm,
    spectral_norm_upper_bound,
)
from lipschitz_app.operators.block_cholesky import EnvelopeCholesky
from lipschitz_app.operators.channel_split import is_below_split
from lipschitz_app.operators.induced_norm import induced_norm_upper_bound
from lipschitz_app.operators.lanczos import largest_singular_value, ritz_vectors
from lipschitz_app.operators.patch_gram import PatchConvolution, leftmost_cell
from lipschitz_app.operators.strips import StripPlan, strip_norm, windows
from lipschitz_app.operators.transfer import torus_norm


def random_scaled(seed: int, stride: int = 1, padding: int = 1, kernel: int = 3) -> object:
    rng = np.random.default_rng(seed)
    shape = (2, int(rng.integers(7, 11)), int(rng.integers(7, 11)))
    operator = ConvolutionOperator(
        rng.standard_normal((3, 2, kernel, kernel)), None, shape, stride=stride, padding=padding
    )
    rows = rng.random(operator.output_size) * (rng.random(operator.output_size) < 0.6)
    columns = (rng.random(operator.input_size) < 0.8).astype(float)
    return operator.scaled(rows, columns)


@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(0, 2), st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_all_methods_are_above_the_svd(seed: int, stride: int, padding: int, kernel: int) -> None:
    operator = random_scaled(seed, stride, padding, kernel)
    exact = np.linalg.norm(operator.to_matrix(), 2)
    for method in ("gram", "envelope", "torus", "schur"):
        found = spectral_norm_upper_bound(operator, methods=(method,))
        assert found.value >= exact * (1 - 1e-15)
        if method in ("gram", "envelope"):
            assert found.value <= exact * (1 + 1e-6)
        assert found.lower <= exact * (1 + 1e-9)


@given(st.integers(0, 10**6), st.integers(1, 4))
@settings(max_examples=15, deadline=None)
def test_strips_are_above_the_svd_for_both_sides(seed: int, count: int) -> None:
    operator = random_scaled(seed)
    exact = np.linalg.norm(operator.to_matrix(), 2)
    patch = PatchConvolution.from_operator(operator.inner, operator.rows, operator.columns)
    for side in (patch, patch.adjoint(), patch.transposed_grid()):
        plan = StripPlan(side, windows(side.rows.shape[1], count), 0.0)
        assert exact * (1 - 1e-15) <= strip_norm(plan) <= exact * 1.6


def test_a_failed_proof_is_not_a_proof(rng: np.random.Generator) -> None:
    operator = random_scaled(7)
    exact = np.linalg.norm(operator.to_matrix(), 2)
    patch = PatchConvolution.from_operator(operator.inner, operator.rows, operator.columns)
    for side in (patch, patch.adjoint()):
        for block in (3, 16, 256):
            assert side.is_below(exact**2 * (1 + 1e-9), block=block)[0]
            assert not side.is_below(exact**2 * (1 - 1e-9), block=block)[0]


def few_channels(seed: int) -> tuple[PatchConvolution, float, float]:
    """Return a convolution whose energy is in few channels, norm and Schur bound squared."""
    rng = np.random.default_rng(seed)
    shape = (16, 9, 8)
    mixing = np.linalg.qr(rng.standard_normal((16, 16)))[0] * 0.5 ** np.arange(16)
    kernel = np.einsum("oihw,ic->ochw", rng.random((12, 16, 3, 3)), mixing.T)
    operator = ConvolutionOperator(kernel, None, shape)
    rows = rng.random(operator.output_size) * (rng.random(operator.output_size) < 0.8)
    columns = (rng.random(operator.input_size) < 0.9).astype(float)
    columns.reshape(shape)[:, 0, :2] = 0.0
    matrix = operator.scaled(rows, columns).to_matrix()
    schur = np.abs(matrix).sum(axis=0).max() * np.abs(matrix).sum(axis=1).max()
    patch = PatchConvolution.from_operator(operator, rows, columns)
    return patch, float(np.linalg.norm(matrix, 2)), float(schur)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("side", ["input", "output"])
def test_few_channels_decide_definiteness(seed: int, side: str) -> None:
    """The Schur complement succeeds just above the norm, and never below, whatever the bases."""
    patch, exact, schur = few_channels(seed)
    patch = patch if side == "input" else patch.adjoint()
    rng = np.random.default_rng(seed)
    _, values, vectors = ritz_vectors(patch.scaled_operator(), rtol=1e-9)
    definite, error = is_below_split(patch, exact**2 * (1 + 1e-7), schur, values, vectors)
    assert definite
    assert 0 < error < 1e-7 * exact**2
    arbitrary = rng.standard_normal(vectors.shape)
    for shift in (1 - 1e-9, 1 - 1e-7, 0.99, 0.5):
        assert not is_below_split(patch, exact**2 * shift, schur, values, vectors)[0]
        assert not is_below_split(patch, exact**2 * shift, schur, values, arbitrary)[0]
    # Bases that have nothing to do with the operator cost success, not validity.
    definite, _ = is_below_split(patch, 4 * exact**2, schur, values, arbitrary)
    assert definite


def test_norms_by_few_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spectral_norm, "SPLIT_GAIN", np.inf)
    patch, exact, _ = few_channels(11)
    found = spectral_norm_upper_bound(patch.scaled_operator(), methods=("envelope",))
    assert exact <= found.value <= exact * (1 + 1e-6)
    assert "all but 4 of 16 channels" in found.how or "all but 4 of 12 channels" in found.how
    # Where few channels do not carry the norm, the plain factorisation takes over.
    random = random_scaled(5)
    exact = np.linalg.norm(random.to_matrix(), 2)
    found = spectral_norm_upper_bound(random, methods=("envelope",))
    assert exact <= found.value <= exact * (1 + 1e-6)
    assert "inside its envelope" in found.how


def test_canonical_form_has_the_same_gram_matrix() -> None:
    operator = random_scaled(3, stride=2, padding=2, kernel=3)
    patch = PatchConvolution.from_operator(operator.inner, operator.rows, operator.columns)
    energy = patch.column_energy()
    squares = (operator.to_matrix() ** 2).sum(axis=0)
    assert energy.sum() == pytest.approx(squares.sum(), rel=1e-12)
    np.testing.assert_allclose(
        np.sort(energy[energy > 0]), np.sort(squares[squares > 0]), rtol=1e-12
    )


@pytest.mark.parametrize("block", [1, 4, 7, 40])
def test_envelope_cholesky_decides_definiteness(rng: np.random.Generator, block: int) -> None:
    n, width = 40, 6
    first = np.maximum(np.arange(n) - width, 0)
    pieces = [
        (np.sort(rng.choice(width, 3, replace=False)) + s, rng.standard_normal((2, 3)))
        for s in range(n - width)
    ]
    gram = np.zeros((n, n))
    for index, part in pieces:
        gram[np.ix_(index, index)] += part.T @ part
    top = np.linalg.eigvalsh(gram)[-1]
    for shift, expected in ((top * (1 + 1e-9), True), (top * (1 - 1e-9), False)):
        factor = EnvelopeCholesky(np.full(n, shift), first, block)
        for index, part in pieces:
            factor.subtract(index, part.T @ part)
        assert factor.eliminate(n) is expected


def test_torus_bound_meets_the_circular_convolution(rng: np.random.Generator) -> None:
    kernel = rng.standard_normal((3, 2, 3, 3))
    operator = ConvolutionOperator(kernel, None, (2, 6, 7))
    scaled = operator.scaled()
    patch = PatchConvolution.from_operator(operator, scaled.rows, scaled.columns)
    exact = max(
        np.linalg.norm(m, 2)
        for m in np.fft.fft2(kernel, (6, 7)).transpose(2, 3, 0, 1).reshape(-1, 3, 2)
    )
    value, factor = torus_norm(patch)
    assert factor == 1.0
    assert exact <= value <= exact * 1.02
    coarse, factor = torus_norm(patch, work=1.0)
    assert factor == 1.0  # no coarser than a torus this small
    assert coarse >= exact
    large = ConvolutionOperator(kernel, None, (2, 60, 60)).scaled()
    patch = PatchConvolution.from_operator(large.inner, large.rows, large.columns)
    fine, one = torus_norm(patch)
    coarse, factor = torus_norm(patch, work=1.0)
    assert one == 1.0 < factor
    assert fine / 1.02 <= coarse <= fine * 1.02 * factor**0.5


@pytest.mark.parametrize(("m", "n"), [(7, 5), (5, 7), (1, 9), (9, 1), (40, 400)])
def test_dense_norms(rng: np.random.Generator, m: int, n: int) -> None:
    matrix = rng.standard_normal((m, n))
    found = spectral_norm_upper_bound(DenseOperator(matrix))
    exact = np.linalg.norm(matrix, 2)
    assert exact * (1 - 1e-15) <= found.value <= exact * (1 + 2e-7)


def test_clustered_and_rank_deficient_matrices(rng: np.random.Generator) -> None:
    q = np.linalg.qr(rng.standard_normal((30, 30)))[0]
    for matrix in (q, np.outer(q[0], q[1]), q @ np.diag(np.r_[1, 1 - 1e-9, np.zeros(28)]) @ q.T):
        found = spectral_norm_upper_bound(DenseOperator(matrix))
        assert 1 - 1e-12 <= found.value <= 1 + 1e-6


def test_large_dense_matrix_takes_gram_of_living_rows(rng: np.random.Generator) -> None:
    matrix = rng.standard_normal((300, 900))
    rows = (np.arange(300) % 3 == 0).astype(float)
    found = spectral_norm_upper_bound(DenseOperator(matrix).scaled(rows))
    exact = np.linalg.norm(matrix[::3], 2)
    assert exact * (1 - 1e-15) <= found.value <= exact * (1 + 2e-7)
    assert "side 100" in found.how


def test_trivial_operators() -> None:
    zero = spectral_norm_upper_bound(DenseOperator(np.zeros((3, 4))))
    assert (zero.value, zero.method) == (0.0, "zero")
    diagonal = spectral_norm_upper_bound(DiagonalOperator([1.0, -3.0], None, (2,)))
    assert diagonal.value == pytest.approx(3.0, rel=1e-14)
    dead = DenseOperator(np.ones((2, 2))).scaled(np.zeros(2))
    assert spectral_norm_upper_bound(dead).value == 0.0
    row = spectral_norm_upper_bound(DenseOperator([[3.0, 4.0], [0.0, 0.0]]))
    assert row.value == pytest.approx(5.0, rel=1e-13)
    assert row.value >= 5.0


def test_average_pooling_norm() -> None:
    apart = spectral_norm_upper_bound(average_pooling((2, 6, 6), 3))
    assert 1 / 3 <= apart.value <= (1 + 1e-6) / 3
    overlapping = average_pooling((2, 7, 7), 3, 2)
    exact = np.linalg.norm(overlapping.to_matrix(), 2)
    assert exact <= spectral_norm_upper_bound(overlapping).value <= exact * (1 + 1e-6)


def test_entries_that_were_rounded_are_covered() -> None:
    scale = np.array([1 / 3, 1 / 7])
    operator = DenseOperator(np.diag([0.1, 0.2])).then_diagonal(scale, np.zeros(2), 1, np.zeros(2))
    assert operator.entry_roundings == 2
    assert spectral_norm_upper_bound(operator).value > 0.1 / 3


@pytest.mark.parametrize("scale", [1e-100, 1e100])
def test_scale_of_the_entries(scale: float) -> None:
    found = spectral_norm_upper_bound(DenseOperator(scale * np.array([[3.0, 0.0], [4.0, 5.0]])))
    assert 45**0.5 <= found.value / scale <= 45**0.5 * (1 + 1e-6)


@pytest.mark.parametrize("scale", [5e-324, 1e-310, 1e-200, 1e-155, 1e-140, 1e140, 1e200, 1e300])
def test_entries_whose_squares_leave_the_doubles(scale: float) -> None:
    matrix = scale * np.array([[3.0, 0.0], [4.0, 5.0]])
    exact = 45**0.5 * scale
    found = spectral_norm_upper_bound(DenseOperator(matrix))
    assert exact <= found.value <= 1.5 * exact + 1e-300
    assert found.method == "schur"
    kernel = scale * np.ones((1, 1, 2, 2))
    convolution = spectral_norm_upper_bound(ConvolutionOperator(kernel, None, (1, 4, 4)))
    assert 3.4 * scale <= convolution.value <= 4.1 * scale + 1e-300


@given(st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_rows_of_very_different_sizes(seed: int) -> None:
    """Rows and columns far below the others are left out at no risk."""
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((4, 5)) * 10.0 ** -rng.integers(0, 250, (4, 1))
    matrix = matrix * 10.0 ** -rng.integers(0, 60, 5)
    largest = float(np.abs(matrix).max())
    found = spectral_norm_upper_bound(DenseOperator(matrix))
    exact = np.linalg.norm(matrix / largest, 2)
    assert exact * (1 - 1e-14) <= found.value / largest <= 5 * exact


def test_sums_beyond_the_doubles_are_refused() -> None:
    with pytest.raises(NoBoundError, match="rescale"):
        spectral_norm_upper_bound(DenseOperator(np.full((3, 3), 1.5e308)))


@given(st.integers(1, 6), st.integers(1, 7), st.integers(0, 3), st.integers(0, 3))
def test_leftmost_cells_never_step_back(height: int, width: int, down: int, right: int) -> None:
    cells = np.arange(height * width)
    first = leftmost_cell(cells, width, down, right)
    for cell in cells:
        y, x = divmod(int(cell), width)
        near = [
            i * width + j
            for i in range(max(0, y - down), y + 1)
            for j in range(max(0, x - right), min(width, x + right + 1))
        ]
        assert first[cell] <= min(near)
    if right < width:
        assert (np.diff(first) >= 0).all()


def test_options_are_checked() -> None:
    operator = DenseOperator(np.eye(2))
    with pytest.raises(InvalidOptionError, match="power"):
        spectral_norm_upper_bound(operator, methods=("power",))
    with pytest.raises(InvalidOptionError, match="rtol"):
        spectral_norm_upper_bound(operator, rtol=0.0)


def test_lanczos_is_below(rng: np.random.Generator) -> None:
    for _ in range(10):
        matrix = rng.standard_normal((30, 20))
        exact = np.linalg.norm(matrix, 2)
        found = largest_singular_value(DenseOperator(matrix), rtol=1e-9)
        assert found.lower <= exact * (1 + 1e-13)
        assert found.lower == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("source", ["1", "2", "inf"])
@pytest.mark.parametrize("target", ["1", "2", "inf"])
def test_induced_norms(rng: np.random.Generator, source: str, target: str) -> None:
    orders = {"1": 1, "2": 2, "inf": np.inf}
    matrix = rng.standard_normal((4, 5))
    found = induced_norm_upper_bound(DenseOperator(matrix), source, target).value
    # Extreme points of the unit ball where it has finitely many, else samples.
    if source == "1":
        points = np.eye(5)
    elif source == "inf":
        points = np.array(np.meshgrid(*[[-1.0, 1.0]] * 5)).reshape(5, -1).T
    else:
        points = rng.standard_normal((20000, 5))
        points /= np.linalg.norm(points, axis=1, keepdims=True)
    ratios = np.linalg.norm(points @ matrix.T, ord=orders[target], axis=1)
    assert found >= ratios.max() * (1 - 1e-14)
    if source == "1" or target == "inf" or source == target:
        assert found <= ratios.max() * 1.05
