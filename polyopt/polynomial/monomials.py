"""Monomials as integer rows and packed keys.

A monomial is stored as the nondecreasing list of the indices of its variables with repetition,
each index plus one, padded with zeros on the left: with ``width`` 4, ``x0**2 * x3`` is the row
``[0, 1, 1, 4]`` and the constant is ``[0, 0, 0, 0]``. Products are then "concatenate and sort",
and comparing the rows as numbers in base ``n + 1`` is the graded lexicographic order with
``x0`` first. Keys are those numbers: ``int64`` where they fit (n = 5000 up to degree 5), and
byte strings of fixed length, which numpy compares in the same order, beyond that.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int32]
Keys = NDArray[np.generic]

_LARGEST_KEY = 2**63 - 1


def fits_int64(number_of_variables: int, width: int) -> bool:
    """Tell whether rows of this width have ``int64`` keys.

    Examples
    --------
    >>> fits_int64(5000, 4), fits_int64(5000, 6)
    (True, False)
    """
    return bool((number_of_variables + 1) ** width <= _LARGEST_KEY)


def pack(rows: Rows, number_of_variables: int) -> Keys:
    """Give each row a key that sorts as the row does.

    Parameters
    ----------
    rows : int array of shape (..., width)
        Monomials, see the module's docstring.
    number_of_variables : int
        Number n of variables; the base of the key is n + 1.

    Returns
    -------
    array of shape (...)
        ``int64`` keys where ``(n + 1)**width < 2**63``, else fixed-length byte strings.

    Examples
    --------
    >>> pack(np.array([[0, 1], [1, 2]], dtype=np.int32), 2)
    array([1, 5])
    """
    width = rows.shape[-1]
    if fits_int64(number_of_variables, width):
        base = number_of_variables + 1
        keys = np.zeros(rows.shape[:-1], dtype=np.int64)
        for column in range(width):
            keys *= base
            keys += rows[..., column]
        return keys
    unit = ">u2" if number_of_variables < 2**16 - 1 else ">u4"
    wide = np.ascontiguousarray(rows, dtype=unit)
    return wide.view(f"V{wide.dtype.itemsize * width}")[..., 0]


def unpack(keys: Keys, number_of_variables: int, width: int) -> Rows:
    """Invert :func:`pack`.

    Examples
    --------
    >>> unpack(np.array([1, 5]), 2, 2).tolist()
    [[0, 1], [1, 2]]
    """
    if fits_int64(number_of_variables, width):
        rest = keys.astype(np.int64)
        rows = np.empty((*keys.shape, width), dtype=np.int32)
        for column in range(width - 1, -1, -1):
            rest, rows[..., column] = np.divmod(rest, number_of_variables + 1)
        return rows
    unit = ">u2" if number_of_variables < 2**16 - 1 else ">u4"
    wide = np.ascontiguousarray(keys)[..., None].view(unit)
    return np.asarray(wide, dtype=np.int32)


def unique_rows(rows: Rows, number_of_variables: int) -> tuple[Rows, NDArray[np.intp]]:
    """Sorted distinct rows, and for each given row the position of its equal among them.

    Parameters
    ----------
    rows : int array of shape (k, width)
    number_of_variables : int

    Returns
    -------
    rows : int array of shape (u, width)
    inverse : int array of shape (k,)
    """
    _, first, inverse = np.unique(
        pack(rows, number_of_variables), return_index=True, return_inverse=True
    )
    return rows[first], inverse.reshape(-1)


def degrees(rows: Rows) -> NDArray[np.intp]:
    """Degree of each row.

    Examples
    --------
    >>> degrees(np.array([[0, 0, 0], [0, 1, 1]], dtype=np.int32)).tolist()
    [0, 2]
    """
    count: NDArray[np.intp] = np.count_nonzero(rows, axis=-1)
    return count


def widen(rows: Rows, width: int) -> Rows:
    """Pad rows on the left up to ``width``."""
    missing = width - rows.shape[-1]
    if missing <= 0:
        return rows
    return np.concatenate([np.zeros((*rows.shape[:-1], missing), dtype=np.int32), rows], axis=-1)


def trim(rows: Rows) -> Rows:
    """Drop leading columns that are zero in every row."""
    if rows.shape[0] == 0:
        return rows[:, :0]
    used = np.flatnonzero(rows.any(axis=0))
    return rows[:, used[0] :] if used.size else rows[:, :0]


def multiply(left: Rows, right: Rows) -> Rows:
    """Products of rows, broadcasting all axes but the last.

    Examples
    --------
    >>> a = np.array([[0, 1], [2, 3]], dtype=np.int32)
    >>> multiply(a, np.array([[2]], dtype=np.int32)).tolist()
    [[0, 1, 2], [2, 2, 3]]
    """
    shape = np.broadcast_shapes(left.shape[:-1], right.shape[:-1])
    if right.shape[-1] == 0:
        return np.broadcast_to(left, (*shape, left.shape[-1]))
    if left.shape[-1] == 0:
        return np.broadcast_to(right, (*shape, right.shape[-1]))
    merged = np.empty((*shape, left.shape[-1] + right.shape[-1]), dtype=np.int32)
    merged[..., : left.shape[-1]] = left
    merged[..., left.shape[-1] :] = right
    merged.sort(axis=-1)
    return merged


def from_exponents(exponents: NDArray[np.integer]) -> Rows:
    """Rows of monomials given by exponent vectors.

    Parameters
    ----------
    exponents : int array of shape (k, n)

    Examples
    --------
    >>> from_exponents(np.array([[2, 0, 1], [0, 0, 0]])).tolist()
    [[1, 1, 3], [0, 0, 0]]
    """
    number, _ = exponents.shape
    total = exponents.sum(axis=1)
    width = int(total.max(initial=0))
    rows = np.zeros((number, width), dtype=np.int32)
    where, variable = np.nonzero(exponents)
    repeat = exponents[where, variable]
    owner = np.repeat(where, repeat)
    ends = np.cumsum(total)
    position = np.arange(int(total.sum())) - np.repeat(ends, total) + width
    rows[owner, position] = np.repeat(variable + 1, repeat)
    return rows


def to_exponents(rows: Rows, number_of_variables: int) -> NDArray[np.int64]:
    """Exponent vectors of rows, shape (k, n).

    Examples
    --------
    >>> to_exponents(np.array([[0, 1, 1]], dtype=np.int32), 2).tolist()
    [[2, 0]]
    """
    exponents = np.zeros((rows.shape[0], number_of_variables + 1), dtype=np.int64)
    for column in range(rows.shape[1]):
        np.add.at(exponents, (np.arange(rows.shape[0]), rows[:, column]), 1)
    return exponents[:, 1:]


@lru_cache(maxsize=256)
def _nondecreasing(largest: int, width: int) -> Rows:
    rows = np.zeros((1, 0), dtype=np.int32)
    for _ in range(width):
        low = rows[:, -1] if rows.shape[1] else np.zeros(1, dtype=np.int32)
        repeat = largest + 1 - low
        ends = np.cumsum(repeat)
        last = np.arange(int(ends[-1])) - np.repeat(ends - repeat, repeat) + np.repeat(low, repeat)
        rows = np.column_stack([np.repeat(rows, repeat, axis=0), last.astype(np.int32)])
    rows.setflags(write=False)
    return rows


def all_monomials(variables: NDArray[np.integer], degree: int) -> Rows:
    """All monomials of at most this degree in the given variables, in graded order.

    Parameters
    ----------
    variables : int array of shape (v,)
        Variable indices, increasing.
    degree : int

    Returns
    -------
    int array of shape (C(v + degree, degree), degree)

    Examples
    --------
    >>> all_monomials(np.array([0, 2]), 2).tolist()
    [[0, 0], [0, 1], [0, 3], [1, 1], [1, 3], [3, 3]]
    """
    names = np.concatenate([[0], np.asarray(variables) + 1]).astype(np.int32)
    return names[_nondecreasing(len(names) - 1, degree)]
