"""Moments of the Lebesgue measure on a box."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyopt.errors import InvalidProblemError
from polyopt.polynomial import monomials
from polyopt.polynomial.monomials import Rows


def box_moments(
    rows: Rows, number_of_variables: int, lower: ArrayLike, upper: ArrayLike
) -> NDArray[np.float64]:
    """``∫ x^α dx`` over the box for each monomial, shape (k,).

    Parameters
    ----------
    rows : int array of shape (k, width)
    number_of_variables : int
    lower, upper : float arrays of shape (n,), or numbers

    Raises
    ------
    InvalidProblemError
        Ends that are not finite, of a wrong shape or in the wrong order.

    Examples
    --------
    >>> rows = np.array([[0, 0], [1, 1]], dtype=np.int32)
    >>> box_moments(rows, 1, 0.0, 3.0).tolist()
    [3.0, 9.0]
    """
    try:
        low, high = (
            np.broadcast_to(np.asarray(end, dtype=np.float64), (number_of_variables,))
            for end in (lower, upper)
        )
    except (TypeError, ValueError):
        raise InvalidProblemError(
            f"the ends of a box are numbers or arrays of shape ({number_of_variables},)"
        ) from None
    if not (np.isfinite(low).all() and np.isfinite(high).all() and (low <= high).all()):
        raise InvalidProblemError("the box must have finite ends, the lower ones first")
    powers = monomials.to_exponents(rows, number_of_variables) + 1
    result: NDArray[np.float64] = ((high**powers - low**powers) / powers).prod(axis=1)
    return result
