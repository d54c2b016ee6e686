"""Floating-point sums and products with error bounds that cover every rounding.

The classical a-priori bounds are used (Higham, Accuracy and Stability of Numerical Algorithms,
2nd ed., sections 3.1 and 3.5): with ``u = 2**-53`` and ``γ_n = n u / (1 - n u)``, a sum of n
products computed in any order, with or without fused multiply-add, has an error of at most
``γ_n Σ |a_i b_i|``. No directed rounding mode is needed, so that BLAS may do the work. The bounds
hold while no product underflows, which :func:`require_safe_range` makes sure of.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyopt.errors import ProofError

Array = NDArray[np.float64]

UNIT = 2.0**-53
#: Nonzero magnitudes must lie between these, so that products of three cannot underflow.
SMALLEST, LARGEST = 1e-100, 1e100
#: Twice the smallest normal number: covers a product of nonzero numbers that underflows.
TINY = 2.0**-1021


def gamma(operations: Any) -> Any:
    """Upper bound of ``γ_n / (1 - γ_n)``, the factor for a magnitude that is itself computed.

    Parameters
    ----------
    operations : int or int array
        Number n of roundings on the longest path.

    Raises
    ------
    ProofError
        More than 2**40 operations, where the bound would not be small.

    Examples
    --------
    >>> bool(1000 * 2.0**-53 < gamma(1000) < 1020 * 2.0**-53)
    True
    """
    count = np.asarray(operations, dtype=np.float64)
    if count.size and count.max() > 2.0**40:
        raise ProofError("a sum has too many terms for floating-point error bounds")
    # 1.01 covers the two denominators and the rounding of this product.
    return 1.01 * (count + 2) * UNIT


def flush(values: Array) -> Array:
    """Set entries too small for the error bounds to exactly zero."""
    return np.where(np.abs(values) < SMALLEST, 0.0, values)


def require_safe_range(values: Array, what: str) -> None:
    """Make sure that products of these numbers neither overflow nor underflow.

    Raises
    ------
    ProofError
        A NaN, or a nonzero magnitude outside [1e-100, 1e100].
    """
    size = np.abs(values)
    if not np.all((size == 0) | ((size >= SMALLEST) & (size <= LARGEST))):
        raise ProofError(
            f"{what} contains a number that is NaN or outside the range 1e-100 … 1e100, for which "
            "floating-point error bounds are not covered; scale the problem"
        )


def sum_down(values: Array) -> float:
    """Lower bound of the exact sum, minus infinity where it overflows.

    Examples
    --------
    >>> sum_down(np.array([1.0, 1e-30])) <= 1.0
    True
    """
    try:
        # fsum rounds the exact sum once.
        return math.nextafter(math.fsum(values.tolist()), -math.inf)
    except OverflowError:
        return -math.inf


def up(values: Array, operations: int = 1) -> Array:
    """Magnitudes increased to cover this many roundings of nonnegative numbers."""
    return values * (1.0 + 2.0 * (operations + 2) * UNIT)
