"""svec and smat: inverse of each other, isometric, in the stated order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from polyopt.conic.svec import (
    PSD2_TO_SOC,
    lower_order,
    smat,
    smat_operator,
    svec,
    svec_length,
    svec_side,
)

entries = st.floats(-1e3, 1e3)
sides = st.integers(0, 7)


@st.composite
def symmetric(draw: st.DrawFn, count: int = 1, batch: tuple[int, ...] = ()) -> list[np.ndarray]:
    side = draw(sides)
    matrices = [draw(arrays(float, (*batch, side, side), elements=entries)) for _ in range(count)]
    return [(matrix + np.swapaxes(matrix, -1, -2)) / 2 for matrix in matrices]


def _by_hand(matrix: np.ndarray) -> list[float]:
    side = len(matrix)
    return [matrix[i, j] * (1.0 if i == j else 2.0**0.5) for j in range(side) for i in range(j + 1)]


@given(symmetric())
def test_order_and_round_trip(matrices: list[np.ndarray]) -> None:
    (matrix,) = matrices
    assert svec(matrix).tolist() == _by_hand(matrix)
    np.testing.assert_allclose(smat(svec(matrix)), matrix, rtol=1e-15, atol=0)


@given(symmetric(count=2))
def test_isometry(matrices: list[np.ndarray]) -> None:
    a, b = matrices
    assert svec(a) @ svec(b) == pytest.approx(np.trace(a @ b), rel=1e-9, abs=1e-6)


@given(symmetric(batch=(2, 3)))
def test_batches(matrices: list[np.ndarray]) -> None:
    (batch,) = matrices
    vectors = svec(batch)
    assert vectors.shape == (2, 3, svec_length(batch.shape[-1]))
    for i in range(2):
        for j in range(3):
            np.testing.assert_array_equal(vectors[i, j], svec(batch[i, j]))
    back = smat(vectors)
    np.testing.assert_array_equal(back, np.swapaxes(back, -1, -2))
    np.testing.assert_allclose(back, batch, rtol=1e-15)


@given(symmetric())
def test_operator(matrices: list[np.ndarray]) -> None:
    (matrix,) = matrices
    vector = svec(matrix)
    operator = smat_operator(len(matrix))
    np.testing.assert_allclose(operator @ vector, matrix.ravel(), rtol=1e-14)


@given(symmetric())
def test_lower_order(matrices: list[np.ndarray]) -> None:
    (matrix,) = matrices
    side = len(matrix)
    lower = [
        matrix[i, j] * (1.0 if i == j else 2.0**0.5) for j in range(side) for i in range(j, side)
    ]
    assert svec(matrix)[lower_order(side)].tolist() == lower


@given(st.integers(0, 10**6))
def test_side_of_length(side: int) -> None:
    assert svec_side(svec_length(side)) == side


@given(arrays(float, 3, elements=st.floats(-10, 10)))
def test_2x2_block_is_a_second_order_cone(vector: np.ndarray) -> None:
    t, *u = PSD2_TO_SOC @ vector
    smallest = np.linalg.eigvalsh(smat(vector))[0]
    assert (t - np.hypot(*u)) / np.sqrt(2) == pytest.approx(smallest, abs=1e-12)


def test_the_map_is_orthogonal() -> None:
    np.testing.assert_allclose(PSD2_TO_SOC @ PSD2_TO_SOC.T, np.eye(3), atol=1e-15)


def test_bad_shapes() -> None:
    with pytest.raises(ValueError, match="5 is not k"):
        smat(np.zeros(5))
    with pytest.raises(ValueError, match="got a number"):
        smat(1.0)
    with pytest.raises(ValueError, match=r"got shape \(2, 3\)"):
        svec(np.zeros((2, 3)))


def test_cached_arrays_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        lower_order(3)[0] = 1
