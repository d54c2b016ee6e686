"""Many polynomials evaluated in one vectorised pass, with their exact derivatives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from polyopt.polynomial.monomials import widen
from polyopt.polynomial.polynomial import Polynomial

Array = NDArray[np.float64]


class Stacked:
    """Values of polynomials ``p_1 … p_k`` at a point (n,), shape (k,).

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 2)
    >>> f = po.minimize(x[0] ** 2 * x[1] + 1)
    >>> Stacked([f.objective, f.objective + 1])(np.array([2.0, 3.0])).tolist()
    [13.0, 14.0]
    """

    __slots__ = ("_coefficients", "_owner", "_rows", "number")

    def __init__(self, polynomials: Sequence[Polynomial]) -> None:
        self.number = len(polynomials)
        width = max((p.rows.shape[1] for p in polynomials), default=0)
        rows = [np.zeros((0, width), dtype=np.int32), *(widen(p.rows, width) for p in polynomials)]
        self._rows = np.concatenate(rows)
        self._coefficients = np.concatenate([np.zeros(0), *(p.coefficients for p in polynomials)])
        self._owner = np.repeat(np.arange(self.number), [p.number_of_terms for p in polynomials])

    def __call__(self, point: Array) -> Array:
        """Evaluate at a point."""
        factors = np.append(1.0, point)[self._rows]
        values = self._coefficients * factors.prod(axis=1)
        return np.bincount(self._owner, weights=values, minlength=self.number).astype(np.float64)


class Jacobian:
    """Derivatives of polynomials ``p_1 … p_k``, a sparse matrix (k, n) at each point."""

    __slots__ = ("_column", "_entries", "_row", "_shape")

    def __init__(self, polynomials: Sequence[Polynomial], number_of_variables: int) -> None:
        where = [(k, int(i)) for k, p in enumerate(polynomials) for i in p.support]
        self._entries = Stacked([polynomials[k].derivative(i) for k, i in where])
        self._row = np.array([k for k, _ in where], dtype=np.intp)
        self._column = np.array([i for _, i in where], dtype=np.intp)
        self._shape = (len(polynomials), number_of_variables)

    def __call__(self, point: Array) -> sparse.csr_array:
        """Evaluate at a point."""
        values = self._entries(point)
        return sparse.csr_array((values, (self._row, self._column)), shape=self._shape)

    def dense(self, point: Array) -> Array:
        """Give the same as an array (k, n)."""
        result = np.zeros(self._shape)
        result[self._row, self._column] = self._entries(point)
        return result
