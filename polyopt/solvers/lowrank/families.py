r"""Families of linear constraints on a first-order moment matrix, evaluated on its factor.

With ``X = V Vᵀ`` and affine forms ``ℓ(x) = aᵀ(1, x)`` the pseudo-moment of a product is an inner
product of two combinations of rows: ``L(ℓ ℓ') = ⟨aᵀV, a'ᵀV⟩``. A family of k constraints is
therefore evaluated with a few matrix products and never as a list of moments
(S. Burer and R. Monteiro, *Math. Program.* 95, 2003).

Every family is ``value_k(X) = ⟨A_k, X⟩`` with symmetric ``A_k`` (constants live in the entry
``X_00 = 1``) and means ``value_k ≥ 0``, or ``value_k = 0`` where `equality` is set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.sparse as sp

from polyopt.errors import InvalidProblemError
from polyopt.solvers.lowrank.operators import Floats, Integers, Rounding

Pullback = Callable[[Floats], Floats]


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

    def linearise(self, factor: Floats) -> tuple[Floats, Pullback]:
        """Return the values (k,) at ``V Vᵀ`` and the map ``μ ↦ (Σ μ_k A_k) V``."""
        ...

    def add_to(self, matrix: Floats, multipliers: Floats) -> Rounding:
        """Add ``Σ μ_k A_k`` to a dense matrix in place and bound the rounding errors."""
        ...


@dataclass(frozen=True, slots=True)
class ProductFamily:
    r"""Constraints ``L((left_k · y)(right_k · y)) ≥ 0`` with ``y = forms · (1, x)``.

    Attributes
    ----------
    left, right : (k, f) sparse arrays
        Combinations of the forms.
    forms : (f, m) array, sparse array or None
        A stack of affine forms that is multiplied with the factor once (None: the rows
        themselves, f = m).
    equality : bool
        Whether the constraints are equations.

    Examples
    --------
    ``L((1 + x)(1 − x)) ≥ 0`` at the point x = 1/2:

    >>> import numpy as np, scipy.sparse as sp
    >>> family = ProductFamily(sp.csr_array([[1.0, 1.0]]), sp.csr_array([[1.0, -1.0]]))
    >>> family.linearise(np.array([[1.0], [0.5]]))[0]
    array([0.75])
    """

    left: sp.csr_array
    right: sp.csr_array
    forms: Floats | sp.csr_array | None = None
    equality: bool = False

    def __post_init__(self) -> None:
        if self.left.shape != self.right.shape:
            raise InvalidProblemError(
                f"left factors have shape {self.left.shape}, right ones {self.right.shape}"
            )
        if self.forms is not None and self.forms.shape[0] != self.left.shape[1]:
            raise InvalidProblemError(
                f"{self.forms.shape[0]} forms given, the factors combine {self.left.shape[1]}"
            )

    @property
    def size(self) -> int:
        """Number of constraints."""
        return int(self.left.shape[0])

    def scaled(self) -> ProductFamily:
        """Return the same constraints, each factor scaled by a power of two to size about one.

        The size is the sum of absolute coefficients, so with ``|x_i| ≤ 1`` all values are then of
        order one. Powers of two change no digit of the data.
        """
        sums = None if self.forms is None else np.asarray(abs(self.forms).sum(axis=1)).ravel()
        parts = []
        for part in (self.left, self.right):
            size = abs(part) @ (np.ones(part.shape[1]) if sums is None else sums)
            power = np.exp2(-np.round(np.log2(np.where(size > 0, size, 1.0))))
            parts.append(sp.csr_array(sp.diags_array(power) @ part))
        return ProductFamily(parts[0], parts[1], self.forms, self.equality)

    def linearise(self, factor: Floats) -> tuple[Floats, Pullback]:
        """Return the values and the adjoint at a factor."""
        rows = factor if self.forms is None else self.forms @ factor
        first, second = self.left @ rows, self.right @ rows

        def pullback(multipliers: Floats) -> Floats:
            weights = (0.5 * multipliers)[:, None]
            inner = self.left.T @ (weights * second) + self.right.T @ (weights * first)
            return np.asarray(inner if self.forms is None else self.forms.T @ inner)

        return np.einsum("kr,kr->k", first, second), pullback

    def add_to(self, matrix: Floats, multipliers: Floats) -> Rounding:
        """Add ``½ Σ μ_k (left_k right_kᵀ + right_k left_kᵀ)`` in the rows of the factor."""
        weights = sp.diags_array(0.5 * multipliers)
        half = self.left.T @ weights @ self.right
        inner = sp.csr_array(half + half.T)
        ones = np.ones(len(matrix))
        absolute = abs(self.forms) if self.forms is not None else None
        sums = ones if absolute is None else absolute @ ones
        majorant = np.zeros(self.left.shape[1])
        size = 0.5 * np.abs(multipliers)
        for one, other in ((self.left, self.right), (self.right, self.left)):
            majorant += abs(one).T @ (size * (abs(other) @ sums))
        if self.forms is None or absolute is None:
            coo = inner.tocoo()
            coo.sum_duplicates()
            matrix[coo.row, coo.col] += coo.data
            return Rounding(majorant, self.size + 6)
        product = self.forms.T @ (inner @ self.forms)
        dense = product.toarray() if sp.issparse(product) else np.asarray(product)
        matrix += 0.5 * (dense + dense.T)
        return Rounding(absolute.T @ majorant, self.size + 2 * self.forms.shape[0] + 10)


@dataclass(frozen=True, slots=True)
class GridFamily:
    r"""McCormick inequalities on all pairs: ``L((1 ± x_i)(1 ± x_j)) ≥ 0``, i in one set, j in another.

    The four multiplier tables are dense arrays and all k·l·4 constraints cost one product of the
    two blocks of the factor. In ``±1`` variables these are the triangle inequalities that contain
    the constant row; for ``u = (1 + s)/2`` they are the convex hull of the product ``t u``
    (G. McCormick, *Math. Program.* 10, 1976).

    Attributes
    ----------
    rows : (k,) int array
    columns : (l,) int array
        Disjoint row numbers of the factor, none of them 0. Multipliers are ordered as an array
        (4, k, l) with signs (+,+), (+,−), (−,+), (−,−).
    """

    rows: Integers
    columns: Integers

    def __post_init__(self) -> None:
        both = np.concatenate([self.rows, self.columns])
        if len(np.unique(both)) < len(both) or (len(both) and both.min() < 1):
            raise InvalidProblemError("a grid needs two disjoint sets of rows, none of them row 0")

    @property
    def size(self) -> int:
        """Number of constraints."""
        return 4 * len(self.rows) * len(self.columns)

    @property
    def equality(self) -> bool:
        """Always inequalities."""
        return False

    def linearise(self, factor: Floats) -> tuple[Floats, Pullback]:
        """Return the values and the adjoint at a factor."""
        first, second, constant = factor[self.rows], factor[self.columns], factor[0]
        product = first @ second.T
        a, b = (first @ constant)[:, None], (second @ constant)[None, :]
        unit = constant @ constant
        values = np.empty((4, *product.shape), dtype=factor.dtype)
        for number, (p, q) in enumerate(_SIGNS):
            np.multiply(product, p * q, out=values[number])
            values[number] += p * a
            values[number] += unit + q * b

        def pullback(multipliers: Floats) -> Floats:
            weights = 0.5 * multipliers.reshape(values.shape)
            plus, minus = weights[0] - weights[1], weights[3] - weights[2]
            cross = plus + minus
            down = plus - minus
            left = (weights[0] + weights[1] - weights[2] - weights[3]).sum(axis=1)
            right = down.sum(axis=0)
            out = np.zeros_like(factor)
            out[self.rows] = cross @ second + np.outer(left, constant)
            out[self.columns] = cross.T @ first + np.outer(right, constant)
            out[0] = left @ first + right @ second + 2.0 * weights.sum() * constant
            return out

        return values.ravel(), pullback

    def add_to(self, matrix: Floats, multipliers: Floats) -> Rounding:
        """Add the cross block, the two first-order columns and the constant."""
        weights = 0.5 * multipliers.reshape(4, len(self.rows), len(self.columns))
        cross = np.zeros(weights.shape[1:])
        left, right = np.zeros(len(self.rows)), np.zeros(len(self.columns))
        for table, (p, q) in zip(weights, _SIGNS, strict=True):
            cross += p * q * table
            left += p * table.sum(axis=1)
            right += q * table.sum(axis=0)
        total = 2.0 * weights.sum()
        matrix[np.ix_(self.rows, self.columns)] += cross
        matrix[np.ix_(self.columns, self.rows)] += cross.T
        matrix[0, self.rows] += left
        matrix[self.rows, 0] += left
        matrix[0, self.columns] += right
        matrix[self.columns, 0] += right
        matrix[0, 0] += total
        size = np.abs(weights).sum(axis=0)
        majorant = np.zeros(len(matrix))
        majorant[self.rows] = 2.0 * size.sum(axis=1)
        majorant[self.columns] = 2.0 * size.sum(axis=0)
        majorant[0] = 4.0 * size.sum()
        return Rounding(majorant, self.size + 4)


_SIGNS = ((1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0))


@dataclass(frozen=True, slots=True)
class EntryFamily:
    r"""Sparse inequalities on entries of the moment matrix: ``offset_k + Σ_p coef_kp X[i_p, j_p] ≥ 0``.

    Triangle and cycle inequalities are of this kind.

    Attributes
    ----------
    pairs : (p, 2) int array
        Entries that occur, off the diagonal and each at most once up to order.
    coefficients : (k, p) sparse array
    offset : (k,) float array
    """

    pairs: Integers
    coefficients: sp.csr_array
    offset: Floats

    def __post_init__(self) -> None:
        if self.coefficients.shape != (len(self.offset), len(self.pairs)):
            raise InvalidProblemError(
                f"coefficients have shape {self.coefficients.shape}, expected "
                f"({len(self.offset)}, {len(self.pairs)}) from the offset and the pairs"
            )
        ordered = np.sort(self.pairs, axis=1)
        if len(np.unique(ordered, axis=0)) < len(ordered) or np.any(ordered[:, 0] == ordered[:, 1]):
            raise InvalidProblemError("pairs must be distinct entries off the diagonal")

    @property
    def size(self) -> int:
        """Number of constraints."""
        return len(self.offset)

    @property
    def equality(self) -> bool:
        """Always inequalities."""
        return False

    def linearise(self, factor: Floats) -> tuple[Floats, Pullback]:
        """Return the values and the adjoint at a factor."""
        i, j = self.pairs.T
        entries = np.einsum("pr,pr->p", factor[i], factor[j])
        unit = factor[0] @ factor[0]

        def pullback(multipliers: Floats) -> Floats:
            weights = 0.5 * (self.coefficients.T @ multipliers)
            side = len(factor)
            half = sp.csr_array((weights, (i, j)), shape=(side, side))
            out = half @ factor + half.T @ factor
            out[0] += (self.offset @ multipliers) * factor[0]
            return np.asarray(out)

        return self.coefficients @ entries + self.offset * unit, pullback

    def add_to(self, matrix: Floats, multipliers: Floats) -> Rounding:
        """Add the entries and the constant."""
        i, j = self.pairs.T
        weights = 0.5 * (self.coefficients.T @ multipliers)
        matrix[i, j] += weights
        matrix[j, i] += weights
        matrix[0, 0] += self.offset @ multipliers
        size = 0.5 * (abs(self.coefficients).T @ np.abs(multipliers))
        majorant = np.bincount(np.concatenate([i, j]), np.concatenate([size, size]), len(matrix))
        majorant[0] += np.abs(self.offset) @ np.abs(multipliers)
        return Rounding(majorant, self.size + 4)
