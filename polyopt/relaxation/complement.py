"""Complements ``u_j - g_j`` of constraints ``g_j >= 0``: the other half of ``0 <= g_j <= u_j``.

The certificates of Krivine and Stengle multiply ``g_j`` and ``1 - g_j`` for constraints scaled to
``0 <= g_j <= 1``. A proof may only use what follows from the problem. So the factor
``("complement", j)`` stands for the polynomial ``u_j - g_j`` whose number u_j is not stored but
computed again from the problem by whoever needs it: the ranges of the variables that the
constraints show (:func:`polyopt.proof.box.find_box`, in rigorous arithmetic), then interval
arithmetic on g_j, rounded up. Hence ``u_j - g_j >= 0`` on the feasible set whatever anybody claims.
A positive scaling of a factor only rescales the multiplier, so that ``u_j - g_j`` serves as well as
``1 - g_j / u_j``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from polyopt.polynomial.polynomial import Polynomial
from polyopt.problem import PolynomialProblem

if TYPE_CHECKING:
    from polyopt.proof.box import Box

_TINY = 1e-290


def upper_bounds(problem: PolynomialProblem) -> NDArray[np.float64]:
    """Upper bounds u_j of the inequalities on the feasible set, infinite where none is known.

    Returns
    -------
    float array of shape (number of inequalities,)
        Rounded up: ``g_j(x) <= u_j`` holds for every feasible x.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 2)
    >>> g = [1 - x[0] ** 2 >= 0, 2 + x[0] * x[1] >= 0, 3 - x[1] ** 2 + x[1] >= 0]
    >>> upper_bounds(po.minimize(x[0], subject_to=g)).round(3).tolist()
    [1.0, 4.303, 5.303]
    """
    from polyopt.proof.box import find_box

    box = find_box(problem)
    return np.array([range_above(g, box) for g in problem.inequalities])


def complement(problem: PolynomialProblem, number: int, upper: float | None = None) -> Polynomial:
    """Give the polynomial ``u_j - g_j``; ``upper`` saves computing u_j again.

    Raises
    ------
    OverflowError
        No upper bound is known.
    """
    bound = float(upper_bounds(problem)[number]) if upper is None else upper
    if not math.isfinite(bound):
        raise OverflowError(f"inequality {number} has no known upper bound on the feasible set")
    g = problem.inequalities[number]
    constant = not g.rows[0].any() if g.number_of_terms else False
    # One rounded subtraction; towards above, so that the constant term is not too small.
    value = math.nextafter(bound - g.constant_term, math.inf) if g.constant_term else bound
    start = 1 if constant else 0
    rows = np.concatenate([np.zeros((1, g.rows.shape[1]), dtype=np.int32), g.rows[start:]])
    return Polynomial(g.variables, rows, np.concatenate([[value], -g.coefficients[start:]]))


def range_above(polynomial: Polynomial, box: Box) -> float:
    """Upper bound of a polynomial on a box by interval arithmetic, rounded up."""
    rows, coefficients = polynomial.rows, polynomial.coefficients
    lower = np.concatenate([[1.0], box.lower])[rows]
    upper = np.concatenate([[1.0], box.upper])[rows]
    low, high = np.ones(len(rows)), np.ones(len(rows))
    with np.errstate(over="ignore", invalid="ignore"):
        for column in range(rows.shape[1]):
            left = np.stack([low, low, high, high])
            right = np.stack([lower[:, column], upper[:, column]] * 2)
            ends = left * right
            # 0 * inf: the factor is zero there.
            ends = np.where(np.isnan(ends), 0.0, ends)
            # A product that underflows must not become zero: large factors may follow.
            slack = np.where((np.abs(ends) < _TINY) & (left != 0) & (right != 0), _TINY, 0.0)
            low, high = (ends - slack).min(axis=0), (ends + slack).max(axis=0)
        low = np.where(_even(rows), np.maximum(low, 0.0), low)
        best = np.where(coefficients > 0, coefficients * high, coefficients * low)
    best = np.where(np.isnan(best), 0.0, best)
    if not np.abs(best).sum() < 1e300:
        return math.inf
    # Each term has at most width + 1 roundings; the last summand covers underflow.
    margin = 2.0**-52 * (rows.shape[1] + 3) * math.fsum(np.abs(best).tolist()) + _TINY
    return math.nextafter(math.fsum(best.tolist()) + margin, math.inf)


def _even(rows: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Monomials that are squares."""
    if rows.shape[1] % 2:
        rows = np.concatenate([np.zeros((len(rows), 1), dtype=np.int32), rows], axis=1)
    result: NDArray[np.bool_] = (rows[:, 0::2] == rows[:, 1::2]).all(axis=1)
    return result


def missing_complements(inequalities: Sequence[Polynomial]) -> list[int]:
    """Inequalities g_j without a partner ``c - t g_j`` (t > 0) among the others.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 2)
    >>> missing_complements([x[0], 2 - 3 * x[0], x[1]])
    [2]
    """
    groups: dict[tuple[bytes, int], list[tuple[int, NDArray[np.float64]]]] = {}
    result = []
    for j, g in enumerate(inequalities):
        moving = g.rows.any(axis=1)
        rows = g.rows[moving]
        if len(rows):
            groups.setdefault((rows.tobytes(), rows.shape[1]), []).append(
                (j, g.coefficients[moving])
            )
    for members in groups.values():
        for j, c in members:
            ratios = (other / c for i, other in members if i != j)
            if not any((r < 0).all() and np.ptp(r) <= 1e-12 * abs(r[0]) for r in ratios):
                result.append(j)
    return sorted(result)
