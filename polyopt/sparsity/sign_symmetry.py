"""Sign symmetries of polynomials, as linear algebra over the field of two elements.

A sign change ``x_i → (-1)^(s_i) x_i`` leaves a polynomial unchanged exactly when ``s·α`` is even
for all its exponents α. Two monomials behave alike under all common sign changes exactly when the
difference of their exponents lies, modulo 2, in the span of the exponents of the polynomials
(Löfberg, Pre- and post-processing sum-of-squares programs in practice, IEEE TAC 54, 2009).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from polyopt.polynomial import monomials
from polyopt.polynomial.monomials import Rows
from polyopt.polynomial.normal_form import parities

Signatures = NDArray[np.uint64]


def variable_signatures(supports: Iterable[Rows], number_of_variables: int) -> Signatures:
    """Give each variable a bit string such that xor tells monomials apart by symmetry.

    The signature of a monomial is the xor over its variables with repetition (see
    :func:`signatures`); it is zero exactly for the monomials that every common sign symmetry
    leaves unchanged.

    Parameters
    ----------
    supports : iterable of int arrays of shape (k, width)
        Monomials of the polynomials.
    number_of_variables : int

    Returns
    -------
    uint64 array of shape (n, words)
        No word when there is no symmetry.

    Examples
    --------
    The monomials of ``x0*x1 + x2**2`` allow to change the signs of x0 and x1 together, and of x2.

    >>> support = np.array([[1, 2], [3, 3]], dtype=np.int32)
    >>> variable_signatures([support], 3).tolist()
    [[1], [1], [2]]
    """
    echelon: dict[int, int] = {}
    for vector in _distinct_parities(supports, number_of_variables):
        while vector:
            pivot = vector.bit_length() - 1
            if pivot not in echelon:
                echelon[pivot] = vector
                break
            vector ^= echelon[pivot]
    free = [i for i in range(number_of_variables) if i not in echelon]
    place = {bit: k for k, bit in enumerate(free)}
    words = (len(free) + 63) // 64
    result = np.zeros((number_of_variables, words), dtype=np.uint64)
    for i in range(number_of_variables):
        vector = 1 << i
        while vector:
            bit = vector.bit_length() - 1
            if bit in echelon:
                vector ^= echelon[bit]
            else:
                word, shift = divmod(place[bit], 64)
                result[i, word] |= np.uint64(1 << shift)
                vector ^= 1 << bit
    return result


def signatures(rows: Rows, variables: Signatures) -> Signatures:
    """Signatures of monomials, shape (k, words)."""
    padded = np.concatenate([np.zeros((1, variables.shape[1]), dtype=np.uint64), variables])
    result = np.zeros((len(rows), variables.shape[1]), dtype=np.uint64)
    for column in range(rows.shape[1]):
        result ^= padded[rows[:, column]]
    return result


def _distinct_parities(supports: Iterable[Rows], number_of_variables: int) -> list[int]:
    """Exponents modulo 2 as integers whose bits are the variables."""
    distinct: set[tuple[int, ...]] = set()
    for rows in supports:
        odd = parities(rows, number_of_variables)
        unique, _ = monomials.unique_rows(odd, number_of_variables)
        distinct.update(tuple(row) for row in unique.tolist())
    return [sum(1 << (i - 1) for i in row if i) for row in sorted(distinct)]
