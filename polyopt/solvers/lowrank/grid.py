r"""McCormick inequalities on all pairs of two sets of rows.

``L((1 ± x_i)(1 ± x_j)) ≥ 0`` for i in one set and j in another. In ``±1`` variables these are the
triangle inequalities that contain the constant row; for ``u = (1 + s)/2`` they are the convex hull
of the product ``t u`` (G. McCormick, *Math. Program.* 10, 1976). The 4 k l constraints cost one
product of two blocks of the factor forth and two back; the four tables of multipliers are dense
arrays, passed through in slices of rows that stay in the cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from polyopt.errors import InvalidProblemError
from polyopt.solvers.lowrank.operators import Floats, Integers, Rounding

SIGNS = ((1, 1), (1, -1), (-1, 1), (-1, -1))
"""Signs of the four tables of multipliers."""

_SLICE = 16384


@dataclass(frozen=True, slots=True)
class GridFamily:
    r"""``L((1 ± x_i)(1 ± x_j)) ≥ 0`` on a grid of pairs.

    Attributes
    ----------
    rows : (k,) int array
    columns : (l,) int array
        Disjoint row numbers of the factor, none of them 0. Multipliers are ordered as an array
        (4, k, l) with signs (+,+), (+,−), (−,+), (−,−).

    Examples
    --------
    At the point x = (1/2, −1):

    >>> import numpy as np
    >>> GridFamily(np.array([1]), np.array([2])).values(np.array([[1.0], [0.5], [-1.0]]))
    array([0., 3., 0., 1.])
    """

    rows: Integers
    columns: Integers

    def __post_init__(self) -> None:
        both = np.concatenate([self.rows, self.columns])
        if len(np.unique(both)) < len(both) or (len(both) and both.min() < 1):
            raise InvalidProblemError("a grid needs two disjoint sets of rows, none of them row 0")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the array of multipliers."""
        return 4, len(self.rows), len(self.columns)

    @property
    def size(self) -> int:
        """Number of constraints."""
        return 4 * len(self.rows) * len(self.columns)

    @property
    def equality(self) -> bool:
        """Always inequalities."""
        return False

    def _slices(self) -> Iterator[slice]:
        step = max(1, _SLICE // max(1, len(self.columns)))
        for start in range(0, len(self.rows), step):
            yield slice(start, min(start + step, len(self.rows)))

    def values(self, factor: Floats) -> Floats:
        """Return the values at a factor."""
        first, second, constant = factor[self.rows], factor[self.columns], factor[0]
        product = first @ second.T
        a, b = (first @ constant)[:, None], (second @ constant)[None, :]
        unit = constant @ constant
        values = np.empty(self.shape, dtype=factor.dtype)
        for table, (p, q) in zip(values, SIGNS, strict=True):
            np.multiply(product, p * q, out=table)
            table += p * a
            table += unit + q * b
        return values.ravel()

    def pullback(self, multipliers: Floats, factor: Floats) -> Floats:
        """Return ``(Σ μ_k A_k) V``."""
        first, second, constant = factor[self.rows], factor[self.columns], factor[0]
        tables = multipliers.reshape(self.shape) / 2
        cross, left, right = self._combine(tables)
        out = np.zeros_like(factor)
        out[self.rows] = cross @ second + np.outer(left, constant)
        out[self.columns] = cross.T @ first + np.outer(right, constant)
        out[0] = left @ first + right @ second + 2 * tables.sum() * constant
        return out

    def augmented(
        self, factor: Floats, multipliers: Floats, penalty: float
    ) -> tuple[float, Floats]:
        """Return the penalty and its half gradient, slice by slice."""
        first, second, constant = factor[self.rows], factor[self.columns], factor[0]
        tables = multipliers.reshape(self.shape)
        rho = factor.dtype.type(penalty)
        unit = constant @ constant
        a, b = rho * (first @ constant), rho * (second @ constant)
        right, back = np.zeros_like(b), np.zeros_like(second)
        out = np.zeros_like(factor)
        squares = total = 0.0
        for part in self._slices():
            product = (rho * first[part]) @ second.T
            weights = np.empty((4, *product.shape), dtype=factor.dtype)
            above, below = (a[part] + rho * unit)[:, None], (rho * unit - a[part])[:, None]
            plus, minus = product + b, product - b
            np.subtract(tables[0, part], plus, out=weights[0])
            weights[0] -= above
            np.add(tables[1, part], plus, out=weights[1])
            weights[1] -= above
            np.add(tables[2, part], minus, out=weights[2])
            weights[2] -= below
            np.subtract(tables[3, part], minus, out=weights[3])
            weights[3] -= below
            np.maximum(weights, 0, out=weights)
            flat = weights.ravel()
            squares += float(flat @ flat)
            weights /= 2
            cross, left, down = self._combine(weights)
            total += float(weights.sum())
            right += down
            out[self.rows[part]] = cross @ second + np.outer(left, constant)
            out[0] += left @ first[part]
            back += cross.T @ first[part]
        out[self.columns] = back + np.outer(right, constant)
        out[0] += right @ second + factor.dtype.type(2 * total) * constant
        return squares / (2.0 * penalty), out

    @staticmethod
    def _combine(tables: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the cross block and the sums of the first-order rows and columns."""
        plus, minus = tables[0] - tables[1], tables[3] - tables[2]
        left = (tables[0] + tables[1] - tables[2] - tables[3]).sum(axis=1)
        return plus + minus, left, (plus - minus).sum(axis=0)

    def cast(self, dtype: npt.DTypeLike) -> GridFamily:
        """Return the family itself: it has no data."""
        return self

    def add_to(self, matrix: Floats, multipliers: Floats) -> Rounding:
        """Add the cross block, the two first-order columns and the constant."""
        tables = 0.5 * multipliers.reshape(self.shape)
        cross, left, right = self._combine(tables)
        matrix[np.ix_(self.rows, self.columns)] += cross
        matrix[np.ix_(self.columns, self.rows)] += cross.T
        for numbers, sums in ((self.rows, left), (self.columns, right)):
            matrix[0, numbers] += sums
            matrix[numbers, 0] += sums
        matrix[0, 0] += 2.0 * tables.sum()
        size = np.abs(tables).sum(axis=0)
        majorant = np.zeros(len(matrix))
        majorant[self.rows] = 2.0 * size.sum(axis=1)
        majorant[self.columns] = 2.0 * size.sum(axis=0)
        majorant[0] = 4.0 * size.sum()
        return Rounding(majorant, self.size + 8)
