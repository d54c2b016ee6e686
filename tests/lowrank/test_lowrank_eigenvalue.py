"""The eigenvalue bound is never above the exact smallest eigenvalue."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import scipy.linalg as sl
from hypothesis import given, settings
from hypothesis import strategies as st

from polyopt.errors import ProofError
from polyopt.solvers.lowrank.eigenvalue import (
    cholesky_factor,
    factor_lower_bound,
    gamma,
    rump_shift,
    smallest_eigenvalue_bound,
)


def exactly_psd(matrix: np.ndarray, shift: float) -> bool:
    """Whether ``A − shift I`` is PSD, by rational elimination."""
    n = len(matrix)
    a = [[Fraction(float(v)) for v in row] for row in matrix]
    for i in range(n):
        a[i][i] -= Fraction(shift)
    for k in range(n):
        if a[k][k] < 0 or (a[k][k] == 0 and any(a[k][j] != 0 for j in range(k, n))):
            return False
        for i in range(k + 1, n):
            if a[k][k] != 0:
                factor = a[i][k] / a[k][k]
                for j in range(k, n):
                    a[i][j] -= factor * a[k][j]
    return True


@given(seed=st.integers(0, 10_000), side=st.integers(1, 8), rank=st.integers(1, 8))
@settings(max_examples=40, deadline=None)
def test_bound_is_below_the_exact_eigenvalue(seed, side, rank):
    rng = np.random.default_rng(seed)
    half = rng.standard_normal((side, rank)) * 10.0 ** rng.integers(-3, 4)
    matrix = half @ half.T
    matrix = (matrix + matrix.T) / 2
    bound = smallest_eigenvalue_bound(matrix, shift=1e-12 * float(np.trace(matrix)) + 1e-300)
    assert bound is not None
    assert exactly_psd(matrix, bound)
    assert bound >= -1e-10 * float(np.trace(matrix)) - 1e-290


def test_hilbert_matrix():
    matrix = sl.hilbert(12)
    bound = smallest_eigenvalue_bound(matrix, shift=1e-14)
    assert bound is not None
    assert exactly_psd(matrix, bound)
    assert bound > -1e-12


def test_indefinite_matrices_get_no_bound_without_shift():
    matrix = np.array([[1.0, 2.0], [2.0, 1.0]])
    assert smallest_eigenvalue_bound(matrix) is None
    bound = smallest_eigenvalue_bound(matrix, shift=1.0 + 1e-9)
    assert bound is not None
    assert -1.00001 < bound <= -1.0


def test_a_wrong_factor_gives_a_weak_bound_not_a_wrong_one(rng):
    half = rng.standard_normal((6, 6))
    matrix = half + half.T
    for factor in (np.zeros((6, 6)), np.eye(6), rng.standard_normal((3, 6))):
        assert exactly_psd(matrix, factor_lower_bound(matrix, factor))


def test_not_a_number_is_refused():
    with pytest.raises(ProofError, match="not finite"):
        factor_lower_bound(np.array([[np.nan]]), np.array([[1.0]]))
    with pytest.raises(ProofError, match="roundings"):
        gamma(10**15)


def test_rump_criterion_agrees(rng):
    half = rng.standard_normal((40, 40))
    matrix = half @ half.T
    matrix = (matrix + matrix.T) / 2
    smallest = float(np.linalg.eigvalsh(matrix)[0])
    shift = rump_shift(matrix)
    assert 0 < shift < 1e-8
    assert (cholesky_factor(matrix - shift * np.eye(40)) is not None) == (smallest > shift)
