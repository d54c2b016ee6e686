"""Normal forms of monomials modulo ``x² = x`` and ``x² = 1``.

Both families are Gröbner bases on their own, so that the normal form of a monomial is a monomial:
repeated idempotent variables are taken once, pairs of involutory variables cancel. Modulo
``x² = 1`` for all variables the normal form is the parity of the exponents.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from polyopt.polynomial.monomials import Rows

#: What may be done with powers of a variable.
KEEP, IDEMPOTENT, INVOLUTORY = 0, 1, 2

Rules = NDArray[np.int8]


def reduce_rows(rows: Rows, rules: Rules) -> Rows:
    """Normal forms of monomials.

    Parameters
    ----------
    rows : int array of shape (..., width)
        Monomials; see :mod:`polyopt.polynomial.monomials`.
    rules : int array of shape (n,)
        ``KEEP``, ``IDEMPOTENT`` (x² = x) or ``INVOLUTORY`` (x² = 1) for each variable.

    Returns
    -------
    int array of shape (..., width)

    Examples
    --------
    >>> rows = np.array([[1, 1, 2, 2, 2], [0, 3, 3, 3, 3]], dtype=np.int32)
    >>> reduce_rows(rows, np.array([IDEMPOTENT, INVOLUTORY, KEEP], dtype=np.int8)).tolist()
    [[0, 0, 0, 1, 2], [0, 3, 3, 3, 3]]
    """
    if rows.shape[-1] < 2 or not rules.any():
        return rows
    rule = np.concatenate([[KEEP], rules])[rows]
    reduced = rows.copy()
    before = np.zeros(rows.shape[:-1], dtype=np.int32)
    for column in range(rows.shape[-1]):
        if column:
            same = rows[..., column] == rows[..., column - 1]
            before = np.where(same, before + 1, 0)
        here = rule[..., column]
        reduced[..., column][(here == IDEMPOTENT) & (before > 0)] = 0
        if column + 1 < rows.shape[-1]:
            last = rows[..., column] != rows[..., column + 1]
        else:
            last = np.ones(rows.shape[:-1], dtype=bool)
        reduced[..., column][(here == INVOLUTORY) & ~(last & (before % 2 == 0))] = 0
    reduced.sort(axis=-1)
    return reduced


def parities(rows: Rows, number_of_variables: int) -> Rows:
    """Monomials with the exponents modulo 2.

    Examples
    --------
    >>> parities(np.array([[1, 1, 1, 2]], dtype=np.int32), 2).tolist()
    [[0, 0, 1, 2]]
    """
    return reduce_rows(rows, np.full(number_of_variables, INVOLUTORY, dtype=np.int8))
