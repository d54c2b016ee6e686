r"""Products of every affine form of one list with every form of another.

``L((left_i · y)(right_j · y)) + slack_i ≥ 0`` for all i and j, with ``y = (1, x, forms)``: products
of bounds, such as those of one group of neurons with the derivatives of another. The values at a
factor are one product of two small dense matrices, so that many thousand constraints cost little
more than the two lists (:class:`~polyopt.solvers.lowrank.families.ProductFamily` would carry two
rows of the length of the factor for each).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from polyopt.errors import InvalidProblemError
from polyopt.solvers.lowrank.families import AffineForms, add_in_rows, shifted_multipliers
from polyopt.solvers.lowrank.operators import Floats, Rounding


@dataclass(frozen=True, slots=True)
class OuterFamily:
    r"""All products of two lists of affine forms.

    Attributes
    ----------
    left, right : (k, m + f) and (l, m + f) sparse arrays
        Combinations of the m rows and, after them, the f shared forms.
    forms : AffineForms or None
    slack : (k,) float array or None
        Added to all values of a left form. Multipliers are ordered as an array (k, l).

    Examples
    --------
    ``L((1 + x)(1 ± x)) ≥ 0`` at the point x = 1/2:

    >>> import numpy as np, scipy.sparse as sp
    >>> left, right = sp.csr_array([[1.0, 1.0]]), sp.csr_array([[1.0, 1.0], [1.0, -1.0]])
    >>> OuterFamily(left, right).values(np.array([[1.0], [0.5]]))
    array([2.25, 0.75])
    """

    left: sp.csr_array
    right: sp.csr_array
    forms: AffineForms | None = None
    slack: Floats | None = None

    def __post_init__(self) -> None:
        if self.left.shape[1] != self.right.shape[1]:
            raise InvalidProblemError(
                f"left factors have {self.left.shape[1]} columns, right ones {self.right.shape[1]}"
            )
        if self.slack is not None and self.slack.shape != (self.left.shape[0],):
            raise InvalidProblemError(
                f"slack has shape {self.slack.shape}, expected ({self.left.shape[0]},)"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the array of multipliers."""
        return int(self.left.shape[0]), int(self.right.shape[0])

    @property
    def size(self) -> int:
        """Number of constraints."""
        return self.shape[0] * self.shape[1]

    @property
    def equality(self) -> bool:
        """Always inequalities."""
        return False

    @property
    def side(self) -> int:
        """Number of rows of the factor."""
        return int(self.left.shape[1]) - (0 if self.forms is None else self.forms.size)

    def _sums(self) -> Floats:
        """Return the sizes of rows and shared forms where all rows have size 1."""
        sums = np.ones(self.left.shape[1])
        if self.forms is not None:
            sums[self.side :] = abs(self.forms.matrix(self.side)) @ np.ones(self.side)
        return sums

    def scaled(self) -> OuterFamily:
        """Return the same constraints with forms scaled by powers of two to size about one."""
        sums = self._sums()
        powers = []
        for part in (self.left, self.right):
            size = abs(part) @ sums
            powers.append(np.exp2(-np.round(np.log2(np.where(size > 0, size, 1.0)))))
        slack = self.slack
        if slack is not None:
            slack = slack * powers[0] * powers[1].max(initial=0.0)
        left, right = (
            sp.csr_array(sp.diags_array(power) @ part)
            for power, part in zip(powers, (self.left, self.right), strict=True)
        )
        return replace(self, left=left, right=right, slack=slack)

    def _factors(self, factor: Floats) -> tuple[Floats, Floats]:
        rows = factor
        if self.forms is not None:
            rows = np.concatenate([factor, self.forms.apply(factor)])
        return np.asarray(self.left @ rows), np.asarray(self.right @ rows)

    def _table(self, first: Floats, second: Floats, factor: Floats) -> Floats:
        table: Floats = first @ second.T
        if self.slack is not None:
            table += (self.slack * (factor[0] @ factor[0]))[:, None]
        return table

    def _adjoint(self, table: Floats, first: Floats, second: Floats, factor: Floats) -> Floats:
        half = table / 2
        inner = self.left.T @ (half @ second) + self.right.T @ (half.T @ first)
        out = np.ascontiguousarray(inner[: len(factor)])
        if self.forms is not None:
            self.forms.add_adjoint(inner[len(factor) :], out)
        if self.slack is not None:
            out[0] += (self.slack @ table.sum(axis=1)) * factor[0]
        return out

    def values(self, factor: Floats) -> Floats:
        """Return the values at a factor."""
        return self._table(*self._factors(factor), factor).ravel()

    def pullback(self, multipliers: Floats, factor: Floats) -> Floats:
        """Return ``(Σ μ_k A_k) V``."""
        return self._adjoint(multipliers.reshape(self.shape), *self._factors(factor), factor)

    def augmented(
        self, factor: Floats, multipliers: Floats, penalty: float
    ) -> tuple[float, Floats]:
        """Return the penalty and its half gradient, see the protocol."""
        first, second = self._factors(factor)
        values = self._table(first, second, factor).ravel()
        weights = shifted_multipliers(values, multipliers, penalty, False)
        value = float(weights @ weights) / (2.0 * penalty)
        return value, self._adjoint(weights.reshape(self.shape), first, second, factor)

    def cast(self, dtype: npt.DTypeLike) -> OuterFamily:
        """Return the family in another precision."""
        return OuterFamily(
            self.left.astype(dtype),
            self.right.astype(dtype),
            None if self.forms is None else self.forms.cast(dtype),
            None if self.slack is None else self.slack.astype(dtype),
        )

    def add_to(self, matrix: Floats, multipliers: Floats) -> Rounding:
        """Add ``½ Σ μ_ij (left_i right_jᵀ + right_j left_iᵀ)`` in the rows of the factor."""
        table = multipliers.reshape(self.shape)
        half = self.left.T @ sp.csr_array(0.5 * table) @ self.right
        inner = sp.csr_array(half + half.T)
        sums, size = self._sums(), 0.5 * np.abs(table)
        majorant = abs(self.left).T @ (size @ (abs(self.right) @ sums))
        majorant = majorant + abs(self.right).T @ (size.T @ (abs(self.left) @ sums))
        rounding = add_in_rows(matrix, inner, majorant, self.forms, self.size + 8)
        if self.slack is not None:
            weights = table.sum(axis=1)
            matrix[0, 0] += self.slack @ weights
            rounding.majorant[0] += float(np.abs(self.slack) @ np.abs(table).sum(axis=1))
        return rounding
