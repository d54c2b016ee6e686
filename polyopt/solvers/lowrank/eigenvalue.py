r"""A rigorous lower bound on the smallest eigenvalue of a symmetric floating-point matrix.

If a triangular ``R`` and the residual ``E = A − RᵀR`` are at hand, ``λ_min(A) ≥ −‖E‖`` whatever
produced ``R``: ``RᵀR`` is positive semidefinite. The residual is computed in floating point, and
its own error is at most ``γ_{n+1} |R|ᵀ|R|`` entry by entry, whose norm is at most
``γ_{n+1} ‖R‖_F²`` (Cauchy–Schwarz). Unlike the a-priori criterion of S. M. Rump ("Verification of
positive definiteness", *BIT* 46, 2006, Theorem 2.3), which is offered for comparison and needs one
factorisation only, this asks nothing of the Cholesky routine.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.linalg as sl

from polyopt.errors import ProofError
from polyopt.solvers.lowrank.operators import Floats

_UNIT = np.finfo(float).eps / 2
_TINY = np.finfo(float).tiny


def gamma(operations: int) -> float:
    """Return ``k u / (1 − k u)``, rounded up."""
    product = operations * _UNIT
    if product >= 0.01:
        raise ProofError(f"{operations} roundings in one entry leave nothing to prove")
    return product / (1.0 - product) * (1.0 + 8 * _UNIT)


def cholesky_factor(matrix: Floats) -> Floats | None:
    """Return an upper triangular ``R`` with ``RᵀR ≈ A``, or None where A is not numerically PD."""
    try:
        return np.asarray(sl.cholesky(matrix, lower=False, check_finite=False))
    except sl.LinAlgError:
        return None


def factor_lower_bound(matrix: Floats, factor: Floats) -> float:
    """Return a proven lower bound on ``λ_min(A)`` from any R with ``RᵀR ≈ A``.

    Parameters
    ----------
    matrix : (n, n) array, exactly symmetric
    factor : (k, n) array

    Returns
    -------
    float
        At most 0.

    Examples
    --------
    >>> import numpy as np
    >>> -1e-14 < factor_lower_bound(np.diag([1.0, 4.0]), np.diag([1.0, 2.0])) <= 0
    True
    """
    rows, side = factor.shape
    residual = matrix - factor.T @ factor
    if not np.isfinite(residual).all():
        raise ProofError("the matrix or its factor is not finite")
    # ‖fl(A − RᵀR) − (A − RᵀR)‖ ≤ γ_k ‖R‖_F² + u ‖residual‖_F; underflow: side · rows · tiny.
    spread = gamma(side * rows) * float(np.sum(factor * factor)) + float(np.sum(factor * factor))
    size = float(np.sqrt(np.sum(residual * residual)))
    size *= 1.0 + gamma(side * side + 4)
    error = gamma(rows + 2) * spread + 2 * _UNIT * size + side * rows * _TINY
    error += 4 * side * math.sqrt(_TINY)  # squares that underflow in the norm
    return -math.nextafter((size + error) * (1.0 + 8 * _UNIT), math.inf)


def smallest_eigenvalue_bound(matrix: Floats, shift: float = 0.0) -> float | None:
    """Return a proven lower bound on ``λ_min(A)`` through a Cholesky factor of ``A + shift I``.

    Parameters
    ----------
    matrix : (n, n) array, exactly symmetric
    shift : float
        A nonnegative number; the bound is about ``−shift``.

    Returns
    -------
    float or None
        None where ``A + shift I`` has no Cholesky factor.

    Examples
    --------
    >>> import numpy as np
    >>> smallest_eigenvalue_bound(np.array([[1.0, 2.0], [2.0, 1.0]])) is None
    True
    >>> round(smallest_eigenvalue_bound(np.array([[1.0, 2.0], [2.0, 1.0]]), shift=1.001), 6)
    -1.001
    """
    shifted = matrix.copy()
    diagonal = np.einsum("ii->i", shifted)
    before = diagonal.copy()
    diagonal += shift
    factor = cholesky_factor(shifted)
    if factor is None:
        return None
    # A + shift I is not formed exactly: its diagonal moves by at most one rounding.
    moved = _UNIT * float(np.max(np.abs(before) + 2.0 * abs(shift), initial=0.0)) * (1 + 4 * _UNIT)
    bound = factor_lower_bound(shifted, factor) - shift - moved
    return math.nextafter(bound - 4 * _UNIT * abs(bound), -math.inf)


def rump_shift(matrix: Floats) -> float:
    """Return Rump's c: where a Cholesky factorisation of ``A − c I`` runs through, A is PD.

    The diagonal of A must be nonnegative. The constant holds for an evaluation of the inner
    products in any order; it is enlarged for the shift itself.
    """
    side = len(matrix)
    ratio = gamma(side + 1)
    trace = float(np.sum(np.diag(matrix))) * (1.0 + gamma(side + 2))
    shift = ratio / (1.0 - 2.0 * ratio) * trace + 4.0 * side * (2.0 * side + trace) * _TINY
    return math.nextafter(shift * (1.0 + 8 * _UNIT), math.inf)
