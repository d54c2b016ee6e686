"""Polynomials with rational coefficients, and positive semidefiniteness decided exactly.

Small and plain on purpose: the checker of exact proofs is made of this. Floats are taken as the
rational numbers that they are.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from polyopt.polynomial.monomials import Rows
from polyopt.polynomial.normal_form import IDEMPOTENT, KEEP, Rules
from polyopt.polynomial.polynomial import Polynomial

#: A monomial as the nondecreasing variable indices, counted from 1.
Monomial = tuple[int, ...]
Rational = dict[Monomial, Fraction]


def monomials_of(rows: Rows) -> list[Monomial]:
    """Monomials from rows with zeros on the left."""
    return [tuple(i for i in row if i) for row in np.asarray(rows).tolist()]


def to_rational(polynomial: Polynomial) -> Rational:
    """Give the polynomial with its coefficients as exact rational numbers."""
    values = [Fraction(c) for c in polynomial.coefficients.tolist()]
    return dict(zip(monomials_of(polynomial.rows), values, strict=True))


def multiply(left: Rational, right: Rational) -> Rational:
    """Product of two polynomials.

    Examples
    --------
    >>> p = {(): Fraction(1), (1,): Fraction(1, 2)}
    >>> print(*multiply(p, p).values())
    1 1 1/4
    """
    result: Rational = {}
    for a, x in left.items():
        for b, y in right.items():
            key = tuple(sorted(a + b))
            result[key] = result.get(key, Fraction(0)) + x * y
    return result


def normal_form(monomial: Monomial, rules: Rules) -> Monomial:
    """Normal form modulo ``x² = x`` and ``x² = 1``.

    Examples
    --------
    >>> normal_form((1, 1, 1, 2, 2, 3, 3), np.array([1, 2, 0], dtype=np.int8))
    (1, 3, 3)
    """
    if not rules.any():
        return monomial
    result: list[int] = []
    for i in sorted(set(monomial)):
        count, rule = monomial.count(i), int(rules[i - 1])
        if rule != KEEP:
            count = 1 if rule == IDEMPOTENT else count % 2
        result += [i] * count
    return tuple(result)


def first_bad_pivot(matrix: Sequence[Sequence[Fraction]]) -> int | None:
    """Decide positive semidefiniteness of a symmetric rational matrix.

    Elimination without fractions (Bareiss, Math. Comp. 22, 1968) on the matrix times a common
    denominator: every pivot must be positive, or zero with a zero row.

    Returns
    -------
    int or None
        Index of the first pivot that shows a negative direction; None for a PSD matrix.

    Examples
    --------
    >>> one, two = Fraction(1), Fraction(2)
    >>> first_bad_pivot([[one, one], [one, one]]), first_bad_pivot([[one, two], [two, one]])
    (None, 1)
    """
    n = len(matrix)
    scale = math.lcm(*(entry.denominator for row in matrix for entry in row)) if n else 1
    work = [[entry.numerator * (scale // entry.denominator) for entry in row] for row in matrix]
    previous = 1
    for k in range(n):
        pivot = work[k][k]
        if pivot < 0 or (pivot == 0 and any(work[k][j] for j in range(k + 1, n))):
            return k
        if pivot == 0:
            continue
        for i in range(k + 1, n):
            row, factor = work[i], work[i][k]
            for j in range(i, n):
                value = (pivot * row[j] - factor * work[k][j]) // previous
                row[j] = value
                work[j][i] = value
        previous = pivot
    return None


def solve_exactly(matrix: list[list[Fraction]], right: list[Fraction]) -> list[Fraction]:
    """Solve a positive semidefinite system exactly; dependent unknowns are zero.

    Examples
    --------
    >>> a = [[Fraction(2), Fraction(1)], [Fraction(1), Fraction(1)]]
    >>> print(*solve_exactly(a, [Fraction(3), Fraction(2)]))
    1 1
    """
    n = len(right)
    work = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    used = []
    for k in range(n):
        if not work[k][k]:
            continue
        used.append(k)
        pivot = work[k][k]
        work[k] = [entry / pivot for entry in work[k]]
        for i in range(n):
            if i != k and work[i][k]:
                factor = work[i][k]
                work[i] = [a - factor * b for a, b in zip(work[i], work[k], strict=True)]
    return [work[k][n] if k in used else Fraction(0) for k in range(n)]


def round_down(value: Fraction) -> float:
    """Largest float not above a rational number, or its lower neighbour.

    Examples
    --------
    >>> Fraction(round_down(Fraction(1, 3))) <= Fraction(1, 3)
    True
    """
    try:
        result = float(value)
    except OverflowError:
        return sys.float_info.max if value > 0 else -math.inf
    return math.nextafter(result, -math.inf) if Fraction(result) > value else result


def shown(value: Fraction) -> str:
    """Three digits of a rational number of any size, for messages.

    Examples
    --------
    >>> shown(Fraction(1, 3)), shown(Fraction(-(10**400)))
    ('0.333', 'less than -1e308')
    """
    try:
        return f"{float(value):.3g}"
    except OverflowError:
        return "more than 1e308" if value > 0 else "less than -1e308"
