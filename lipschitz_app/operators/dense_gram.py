r"""Verified largest eigenvalue of a Gram matrix that fits into memory."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import scipy.linalg
import scipy.sparse
from numpy.typing import NDArray
from scipy.linalg import lapack

from lipschitz_app.operators.base import AffineOperator
from lipschitz_app.operators.dense import DenseOperator
from lipschitz_app.operators.rounding import cholesky_error
from lipschitz_app.operators.scaled import ScaledOperator
from lipschitz_app.rounding import FloatArray

IntArray: TypeAlias = NDArray[np.int64]


def small_gram(operator: ScaledOperator, rows: IntArray, columns: IntArray) -> FloatArray:
    """Return the Gram matrix of the smaller side of the given rows and columns."""
    r, d, inner = operator.rows[rows], operator.columns[columns], operator.inner
    if isinstance(inner, DenseOperator):
        return _dense_gram(inner.matrix, rows, columns, r, d)
    matrix = inner.to_sparse()[rows][:, columns]
    matrix = scipy.sparse.diags_array(r) @ matrix @ scipy.sparse.diags_array(d)
    product = matrix @ matrix.T if rows.size <= columns.size else matrix.T @ matrix
    return np.asarray(product.toarray())


def _dense_gram(
    matrix: FloatArray, rows: IntArray, columns: IntArray, r: FloatArray, d: FloatArray
) -> FloatArray:
    """Sum the Gram matrix over slabs of the longer side, so that no second copy of A is held."""
    if rows.size > columns.size:
        return _dense_gram(matrix.T, columns, rows, d, r)
    gram = np.zeros((rows.size, rows.size))
    for start in range(0, columns.size, 1024):
        part = slice(start, start + 1024)
        slab = r[:, None] * matrix[np.ix_(rows, columns[part])] * d[part]
        gram += slab @ slab.T
    return gram


def largest_eigenvalue(gram: FloatArray) -> float:
    """Estimate the largest eigenvalue of a symmetric matrix to about machine precision."""
    if gram.shape[0] <= 300:
        return float(scipy.linalg.eigvalsh(gram, check_finite=False)[-1])
    operator = DenseOperator(gram)
    from lipschitz_app.operators.lanczos import largest_singular_value

    return largest_singular_value(operator, rtol=1e-10).guess


def is_definite(gram: FloatArray, shift: float) -> tuple[bool, float]:
    """Return whether ``shift * I - gram`` factored, and the error bound of the factorisation."""
    matrix = np.asfortranarray(-gram)
    matrix[np.diag_indices_from(matrix)] += shift
    largest = float(matrix.diagonal().max())
    _, info = lapack.dpotrf(matrix, lower=1, clean=0, overwrite_a=1)
    return info == 0, cholesky_error(gram.shape[0], max(largest, 0.0))


def as_scaled(operator: AffineOperator) -> ScaledOperator:
    """Return the operator as ``diag(r) A diag(d)``."""
    return operator if isinstance(operator, ScaledOperator) else operator.scaled()
