"""The half Newton polytope: which monomials can occur in a sum of squares.

If ``f = Σ q_i²`` then the exponents β of the q_i satisfy ``2β ∈ conv(supp f)`` (Reznick, Extremal
PSD forms with few terms, Duke Math. J. 45, 1978, Theorem 1). Membership is a linear program; since
exponents are nonnegative, only the monomials of f in the variables of β can take part, so that the
programs stay small when f is sparse, and many of them are solved as one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from polyopt.errors import SolverError
from polyopt.polynomial import monomials
from polyopt.polynomial.monomials import Rows

#: Residual (in exponents) above which a point is taken to lie outside; points in between stay.
_OUTSIDE = 1e-6
_COLUMNS = 20_000


def half_newton_polytope(
    candidates: Rows, support: Rows, number_of_variables: int
) -> NDArray[np.bool_]:
    """Tell which monomials β have ``2β`` in the convex hull of the support.

    Parameters
    ----------
    candidates : int array of shape (k, width)
    support : int array of shape (s, width)
        Exponents of f; include the constant when a bound λ is subtracted.
    number_of_variables : int

    Returns
    -------
    bool array of shape (k,)
        False only where a linear program shows that the monomial lies outside.

    Raises
    ------
    SolverError
        The linear programs could not be solved.

    Examples
    --------
    Motzkin's polynomial ``x⁴y² + x²y⁴ - 3x²y² + 1`` leaves 4 of the 10 monomials of degree 3.

    >>> support = monomials.from_exponents(np.array([[4, 2], [2, 4], [2, 2], [0, 0]]))
    >>> candidates = monomials.all_monomials(np.arange(2), 3)
    >>> inside = half_newton_polytope(candidates, support, 2)
    >>> monomials.to_exponents(candidates[inside], 2).tolist()
    [[0, 0], [1, 1], [2, 1], [1, 2]]
    """
    squares = monomials.multiply(candidates, candidates)
    width = max(squares.shape[1], support.shape[1])
    squares, support = monomials.widen(squares, width), monomials.widen(support, width)
    inside = np.isin(
        monomials.pack(squares, number_of_variables), monomials.pack(support, number_of_variables)
    )
    degree = monomials.degrees(support)
    wanted = monomials.degrees(squares)
    possible = (wanted >= degree.min(initial=0)) & (wanted <= degree.max(initial=0))
    undecided = np.flatnonzero(possible & ~inside)
    problems, columns = [], 0
    for k in undecided:
        problems.append((int(k), *_local(squares[k], support)))
        columns += problems[-1][1].shape[1]
        if columns > _COLUMNS:
            _decide(problems, inside)
            problems, columns = [], 0
    _decide(problems, inside)
    return inside


def _local(square: Rows, support: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Exponents of the support in the variables of one monomial, and its own exponents."""
    names, exponents = np.unique(square[square > 0], return_counts=True)
    usable = support[np.isin(support, np.append(names, 0)).all(axis=1)]
    table = (usable[:, :, None] == names).sum(axis=1).T
    return table.astype(np.float64), exponents.astype(np.float64)


def _decide(
    problems: list[tuple[int, NDArray[np.float64], NDArray[np.float64]]],
    inside: NDArray[np.bool_],
) -> None:
    """Minimise the residual of each convex combination, all in one linear program."""
    from scipy.optimize import linprog

    problems = [p for p in problems if p[1].shape[1]]
    if not problems:
        return
    row, column, value, right, cost, bounds = [], [], [], [], [], [0]
    first = 0
    for _, table, exponents in problems:
        size, count = table.shape
        # Convex combinations of the support, residuals of both signs, and weights of sum 1.
        block = np.hstack([table, np.eye(size), -np.eye(size)])
        block = np.vstack([block, np.repeat([1.0, 0.0], [count, 2 * size])])
        i, j = np.nonzero(block)
        row.append(first + i)
        column.append(bounds[-1] + j)
        value.append(block[i, j])
        right.append(np.append(exponents, 1.0))
        cost.append(np.repeat([0.0, 1.0], [count, 2 * size]))
        bounds.append(bounds[-1] + count + 2 * size)
        first += size + 1
    entries = (np.concatenate(value), (np.concatenate(row), np.concatenate(column)))
    answer = linprog(
        np.concatenate(cost),
        A_eq=sparse.coo_array(entries, shape=(first, bounds[-1])).tocsc(),
        b_eq=np.concatenate(right),
        method="highs",
    )
    if answer.x is None:
        raise SolverError(f"the linear programs of the Newton polytope failed: {answer.message}")
    distances = np.add.reduceat(np.concatenate(cost) * answer.x, bounds[:-1])
    for (k, _, _), distance in zip(problems, distances, strict=True):
        inside[k] = distance <= _OUTSIDE
