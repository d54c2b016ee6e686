r"""Families of linear constraints on a first-order moment matrix, evaluated on its factor.

With ``X = V Vᵀ`` and affine forms ``ℓ(x) = aᵀ(1, x)`` the pseudo-moment of a product is an inner
product of two combinations of rows: ``L(ℓ ℓ') = ⟨aᵀV, a'ᵀV⟩``. A family of k constraints is
therefore evaluated with a few matrix products and never as a list of moments
(S. Burer and R. Monteiro, *Math. Program.* 95, 2003).

Every family is ``value_k(X) = ⟨A_k, X⟩`` with symmetric ``A_k`` (constants live in the entry
``X_00 = 1``) and means ``value_k ≥ 0``, or ``value_k = 0`` where `equality` is set.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from polyopt.errors import InvalidProblemError
from polyopt.solvers.lowrank.operators import Floats, Integers, Rounding, to_dense


class ConstraintFamily(Protocol):
    """What the solver asks of a family of constraints."""

    @property
    def size(self) -> int:
        """Number of constraints."""
        ...

    @property
    def equality(self) -> bool:
        """Whether the constraints are equations."""
        ...

    def values(self, factor: Floats) -> Floats:
        """Return the values (k,) at ``V Vᵀ``."""
        ...

    def pullback(self, multipliers: Floats, factor: Floats) -> Floats:
        """Return ``(Σ μ_k A_k) V``."""
        ...

    def augmented(
        self, factor: Floats, multipliers: Floats, penalty: float
    ) -> tuple[float, Floats]:
        """Return ``‖w‖² / 2ρ`` and ``(Σ w_k A_k) V`` for ``w = μ − ρ value``.

        Negative entries of w count as zero for inequalities.
        """
        ...

    def add_to(self, matrix: Floats, multipliers: Floats) -> Rounding:
        """Add ``Σ μ_k A_k`` to a dense matrix in place and bound the rounding errors."""
        ...

    def cast(self, dtype: npt.DTypeLike) -> Self:
        """Return the family with its data in another precision, for the optimiser alone."""
        ...


def shifted_multipliers(
    values: Floats, multipliers: Floats, penalty: float, equality: bool
) -> Floats:
    """Return ``w = μ − ρ value``, its negative entries set to zero for inequalities."""
    weights: Floats = multipliers - values.dtype.type(penalty) * values
    return weights if equality else np.maximum(weights, 0, out=weights)


@dataclass(frozen=True, slots=True)
class AffineForms:
    """A stack of k affine forms ``block · x[columns] + constant``, multiplied with a factor once.

    Attributes
    ----------
    columns : (q,) int array
        Row numbers of the factor, distinct, none of them 0.
    block : (k, q) array or sparse array
    constant : (k,) float array
    """

    columns: Integers
    block: Floats | sp.csr_array
    constant: Floats

    def __post_init__(self) -> None:
        if self.block.shape != (len(self.constant), len(self.columns)):
            raise InvalidProblemError(
                f"the block has shape {self.block.shape}, expected "
                f"({len(self.constant)}, {len(self.columns)}) from the constant and the columns"
            )
        if len(np.unique(self.columns)) < len(self.columns) or 0 in self.columns:
            raise InvalidProblemError("columns of affine forms must be distinct and not row 0")

    @property
    def size(self) -> int:
        """Number of forms."""
        return len(self.constant)

    def apply(self, factor: Floats) -> Floats:
        """Return the forms as combinations of the rows of a factor, (k, r)."""
        return np.asarray(self.block @ factor[self.columns] + np.outer(self.constant, factor[0]))

    def add_adjoint(self, inner: Floats, out: Floats) -> None:
        """Add the adjoint applied to (k, r) to an array of the shape of the factor."""
        out[self.columns] += self.block.T @ inner
        out[0] += self.constant @ inner

    def cast(self, dtype: npt.DTypeLike) -> AffineForms:
        """Return the stack in another precision."""
        return AffineForms(self.columns, self.block.astype(dtype), self.constant.astype(dtype))

    def matrix(self, side: int) -> sp.csr_array:
        """Return the (k, side) matrix of the forms."""
        block = sp.coo_array(self.block)
        rows = np.concatenate([block.coords[0], np.arange(self.size)])
        columns = np.concatenate([self.columns[block.coords[1]], np.zeros(self.size, dtype=int)])
        data = np.concatenate([block.data, self.constant])
        return sp.csr_array((data, (rows, columns)), shape=(self.size, side))


@dataclass(frozen=True, slots=True)
class ProductFamily:
    r"""Constraints ``L((left_k · y)(right_k · y)) + slack_k ≥ 0`` with ``y = (1, x, forms)``.

    Attributes
    ----------
    left, right : (k, m + f) sparse arrays
        Combinations of the m rows and, after them, the f affine forms.
    forms : AffineForms or None
        Dense affine forms that many constraints share.
    equality : bool
        Whether the constraints are equations.
    slack : (k,) float array or None
        Added to the values; a small positive slack covers rounding errors in the data.

    Examples
    --------
    ``L((1 + x)(1 − x)) ≥ 0`` at the point x = 1/2:

    >>> import numpy as np, scipy.sparse as sp
    >>> family = ProductFamily(sp.csr_array([[1.0, 1.0]]), sp.csr_array([[1.0, -1.0]]))
    >>> family.values(np.array([[1.0], [0.5]]))
    array([0.75])
    """

    left: sp.csr_array
    right: sp.csr_array
    forms: AffineForms | None = None
    equality: bool = False
    slack: Floats | None = None
    _transposes: tuple[sp.csr_array, sp.csr_array] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.left.shape != self.right.shape:
            raise InvalidProblemError(
                f"left factors have shape {self.left.shape}, right ones {self.right.shape}"
            )
        if self.slack is not None and self.slack.shape != (self.left.shape[0],):
            raise InvalidProblemError(
                f"slack has shape {self.slack.shape}, expected ({self.left.shape[0]},)"
            )
        # Making a transpose takes as long as multiplying with it where there are few constraints.
        transposes = sp.csr_array(self.left.T), sp.csr_array(self.right.T)
        object.__setattr__(self, "_transposes", transposes)

    @property
    def size(self) -> int:
        """Number of constraints."""
        return int(self.left.shape[0])

    @property
    def side(self) -> int:
        """Number of rows of the factor."""
        return int(self.left.shape[1]) - (0 if self.forms is None else self.forms.size)

    def scaled(self) -> ProductFamily:
        """Return the same constraints, each factor scaled by a power of two to size about one.

        The size is the sum of absolute coefficients, so with ``|x_i| ≤ 1`` all values are then of
        order one. Powers of two change no digit of the data.
        """
        sums = np.ones(self.left.shape[1])
        if self.forms is not None:
            sums[self.side :] = abs(self.forms.matrix(self.side)) @ np.ones(self.side)
        total, parts = np.ones(self.size), []
        for part in (self.left, self.right):
            size = abs(part) @ sums
            power = np.exp2(-np.round(np.log2(np.where(size > 0, size, 1.0))))
            parts.append(sp.csr_array(sp.diags_array(power) @ part))
            total *= power
        slack = None if self.slack is None else self.slack * total
        return replace(self, left=parts[0], right=parts[1], slack=slack)

    def _factors(self, factor: Floats) -> tuple[Floats, Floats]:
        rows = factor
        if self.forms is not None:
            rows = np.concatenate([factor, self.forms.apply(factor)])
        return self.left @ rows, self.right @ rows

    def _values(self, first: Floats, second: Floats, factor: Floats) -> Floats:
        values: Floats = np.einsum("kr,kr->k", first, second)
        if self.slack is not None:
            values += self.slack * (factor[0] @ factor[0])
        return values

    def _adjoint(self, weights: Floats, first: Floats, second: Floats, factor: Floats) -> Floats:
        half = (weights / 2)[:, None]
        left, right = self._transposes
        inner = left @ (half * second) + right @ (half * first)
        out = np.ascontiguousarray(inner[: len(factor)])
        if self.forms is not None:
            self.forms.add_adjoint(inner[len(factor) :], out)
        if self.slack is not None:
            out[0] += (self.slack @ weights) * factor[0]
        return out

    def values(self, factor: Floats) -> Floats:
        """Return the values at a factor."""
        return self._values(*self._factors(factor), factor)

    def pullback(self, multipliers: Floats, factor: Floats) -> Floats:
        """Return ``(Σ μ_k A_k) V``."""
        return self._adjoint(multipliers, *self._factors(factor), factor)

    def augmented(
        self, factor: Floats, multipliers: Floats, penalty: float
    ) -> tuple[float, Floats]:
        """Return the penalty and its half gradient, see the protocol."""
        first, second = self._factors(factor)
        values = self._values(first, second, factor)
        weights = shifted_multipliers(values, multipliers, penalty, self.equality)
        value = float(weights @ weights) / (2.0 * penalty)
        return value, self._adjoint(weights, first, second, factor)

    def cast(self, dtype: npt.DTypeLike) -> ProductFamily:
        """Return the family in another precision."""
        return ProductFamily(
            self.left.astype(dtype),
            self.right.astype(dtype),
            None if self.forms is None else self.forms.cast(dtype),
            self.equality,
            None if self.slack is None else self.slack.astype(dtype),
        )

    def add_to(self, matrix: Floats, multipliers: Floats) -> Rounding:
        """Add ``½ Σ μ_k (left_k right_kᵀ + right_k left_kᵀ)`` in the rows of the factor."""
        side = self.side
        half = self.left.T @ sp.diags_array(0.5 * multipliers) @ self.right
        inner = sp.csr_array(half + half.T)
        sums = np.ones(self.left.shape[1])
        if self.forms is not None:
            sums[side:] = abs(self.forms.matrix(side)) @ np.ones(side)
        majorant = np.zeros(len(sums))
        size = 0.5 * np.abs(multipliers)
        for one, other in ((self.left, self.right), (self.right, self.left)):
            majorant += abs(one).T @ (size * (abs(other) @ sums))
        rounding = add_in_rows(matrix, inner, majorant, self.forms, self.size + 8)
        if self.slack is not None:
            matrix[0, 0] += self.slack @ multipliers
            rounding.majorant[0] += float(np.abs(self.slack) @ np.abs(multipliers))
        return rounding


def add_in_rows(
    matrix: Floats,
    inner: sp.csr_array,
    majorant: Floats,
    forms: AffineForms | None,
    operations: int,
) -> Rounding:
    """Add a quadratic form in rows and shared forms to a matrix over the rows alone.

    Parameters
    ----------
    matrix : (m, m) array
        Changed in place.
    inner : (m + f, m + f) sparse array
        Symmetric.
    majorant : (m + f,) array
        Row sums of `inner`, every term in absolute value and times the size of its column.
    forms : AffineForms or None
    operations : int
        Number of roundings on the way to an entry of `inner`.
    """
    side = len(matrix)
    block = inner[:side, :side].tocoo()
    matrix[block.row, block.col] += block.data
    if forms is None:
        return Rounding(majorant[:side].copy(), operations)
    transform = forms.matrix(side)
    cross = inner[:side, side:] @ transform
    matrix += to_dense(cross + cross.T)
    middle = inner[side:, side:]
    columns = np.concatenate([[0], forms.columns])
    stack = np.hstack([forms.constant[:, None], to_dense(forms.block)])
    product = stack.T @ np.asarray(middle @ stack)
    matrix[np.ix_(columns, columns)] += 0.5 * (product + product.T)
    rows = majorant[:side] + abs(transform).T @ majorant[side:]
    return Rounding(rows, operations + 2 * forms.size + 8)
