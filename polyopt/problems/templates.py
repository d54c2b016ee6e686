"""Sums of many copies of one small polynomial, written down in one step.

Scalable problems are sums of one polynomial in a few local variables over a chain, a grid or the
edges of a graph. Expanding it once and relabelling its monomials for all copies together builds
a problem of thousands of variables in milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import ArrayLike

from polyopt.polynomial import Polynomial, Variables, sum_polynomials
from polyopt.polynomial.arrays import variables as generators


def names(n: int) -> Variables:
    """Give the names x0, …, x(n-1).

    Examples
    --------
    >>> names(3)
    Variables(x0, x1, x2)
    """
    return Variables(f"x{i}" for i in range(n))


def copies(
    template: Callable[[list[Polynomial]], Polynomial | float],
    index: ArrayLike,
    variables: Variables,
    parameters: ArrayLike | None = None,
) -> Polynomial:
    """Sum of one polynomial over many choices of its variables.

    Parameters
    ----------
    template : callable
        Takes k generators, then a generator for each of p parameters, and returns the polynomial.
    index : int array of shape (copies, k)
        Indices of the variables that each copy is in.
    variables : Variables
    parameters : float array of shape (copies, p) or (copies,), optional
        Numbers that the parameters stand for in each copy.

    Examples
    --------
    >>> print(copies(lambda x: x[0] ** 2 * x[1], [[0, 1], [1, 2]], names(3)))
    x0^2*x1 + x1^2*x2
    >>> print(copies(lambda x: (x[0] - x[1]) ** 2, [[0], [1]], names(2), [1.0, 2.0]))
    5 - 2*x0 - 4*x1 + x0^2 + x1^2
    """
    table = np.asarray(index, dtype=np.int32)
    if not len(table):
        return Polynomial.constant(0.0, variables)
    k = table.shape[1]
    numbers = np.zeros((len(table), 0)) if parameters is None else np.asarray(parameters, float)
    numbers = numbers.reshape(len(table), -1)
    local = template(generators("y", k + numbers.shape[1]))
    if not isinstance(local, Polynomial):
        local = Polynomial.constant(local)
    # Entry 0 is the padding of rows; parameters become padding with a value.
    relabel = np.zeros((len(table), 1 + k + numbers.shape[1]), dtype=np.int32)
    relabel[:, 1 : k + 1] = table + 1
    values = np.ones(relabel.shape)
    values[:, k + 1 :] = numbers
    rows = relabel[:, local.rows]
    rows.sort(axis=-1)
    coefficients = local.coefficients * values[:, local.rows].prod(axis=-1)
    return Polynomial(
        variables, rows.reshape(coefficients.size, rows.shape[-1]), coefficients.ravel()
    )


def windows(n: int, width: int, step: int = 1) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Indices of the consecutive windows of a chain, int array of shape (windows, width).

    Examples
    --------
    >>> windows(4, 2).tolist()
    [[0, 1], [1, 2], [2, 3]]
    """
    starts = np.arange(0, n - width + 1, step)
    return starts[:, None] + np.arange(width)[None, :]


def squared_norm(variables: Variables, members: Iterable[int] | None = None) -> Polynomial:
    """Give ``Σ x_i²`` over some or all variables.

    Examples
    --------
    >>> print(squared_norm(names(3), [0, 2]))
    x0^2 + x2^2
    """
    chosen = np.arange(len(variables)) if members is None else np.asarray(list(members))
    return copies(lambda x: x[0] ** 2, chosen[:, None], variables)


def linear_sum(variables: Variables, weights: ArrayLike | float = 1.0) -> Polynomial:
    """Give ``Σ w_i x_i``.

    Examples
    --------
    >>> print(linear_sum(names(2), [1.0, -2.0]))
    x0 - 2*x1
    """
    n = len(variables)
    factors = np.broadcast_to(np.asarray(weights, dtype=float), (n,))
    return copies(lambda x: x[0] * x[1], np.arange(n)[:, None], variables, factors)


def box_constraints(x: list[Polynomial], lower: ArrayLike, upper: ArrayLike) -> list[Polynomial]:
    """Give ``(x_i - l_i)(u_i - x_i)`` for each variable: one quadratic instead of two bounds.

    Examples
    --------
    >>> import polyopt as po
    >>> print(*box_constraints(po.variables("x", 1), 0.0, 2.0))
    2*x0 - x0^2
    """
    low = np.broadcast_to(np.asarray(lower, dtype=float), (len(x),))
    high = np.broadcast_to(np.asarray(upper, dtype=float), (len(x),))
    return [(v - float(a)) * (float(b) - v) for v, a, b in zip(x, low, high, strict=True)]


def sum_of_squares(terms: Iterable[Polynomial]) -> Polynomial:
    """Give ``Σ t²``."""
    return sum_polynomials(term * term for term in terms)
