r"""Sparse inequalities and equations on single entries of the moment matrix.

``offset_k + Σ_p coefficient_kp X[i_p, j_p] ≥ 0`` or ``= 0``: triangle and cycle inequalities of
``±1`` variables (:mod:`polyopt.solvers.lowrank.cuts`) are of this kind, and the scalar rows of a
conic program (:mod:`polyopt.solvers.lowrank.translate`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from polyopt.errors import InvalidProblemError
from polyopt.solvers.lowrank.families import shifted_multipliers
from polyopt.solvers.lowrank.operators import Floats, Integers, Rounding


@dataclass(frozen=True, slots=True)
class EntryFamily:
    """Inequalities, or equations, with few entries each.

    Attributes
    ----------
    pairs : (p, 2) int array
        Entries that occur, each once up to order.
    coefficients : (k, p) sparse array
    offset : (k,) float array
    equality : bool
        Whether the constraints are equations.

    Examples
    --------
    ``1 + X_01 ≥ 0`` at the point x = −1/2:

    >>> import numpy as np, scipy.sparse as sp
    >>> cut = EntryFamily(np.array([[0, 1]]), sp.csr_array([[1.0]]), np.array([1.0]))
    >>> cut.values(np.array([[1.0], [-0.5]]))
    array([0.5])
    """

    pairs: Integers
    coefficients: sp.csr_array
    offset: Floats
    equality: bool = False

    def __post_init__(self) -> None:
        if self.coefficients.shape != (len(self.offset), len(self.pairs)):
            raise InvalidProblemError(
                f"coefficients have shape {self.coefficients.shape}, expected "
                f"({len(self.offset)}, {len(self.pairs)}) from the offset and the pairs"
            )
        low, high = np.minimum(*self.pairs.T), np.maximum(*self.pairs.T)
        if len(np.unique(low + high * (high.max(initial=0) + 1))) < len(low):
            raise InvalidProblemError("pairs must be distinct entries, up to order")

    @property
    def size(self) -> int:
        """Number of constraints."""
        return len(self.offset)

    def _dense(self, factor: Floats) -> bool:
        """Whether so many entries occur that the whole matrix is cheaper than its entries."""
        return 8 * len(self.pairs) > len(factor) ** 2

    def values(self, factor: Floats) -> Floats:
        """Return the values at a factor."""
        i, j = self.pairs.T
        entries = (
            (factor @ factor.T)[i, j]
            if self._dense(factor)
            else np.einsum("pr,pr->p", factor[i], factor[j])
        )
        return np.asarray(self.coefficients @ entries + self.offset * (factor[0] @ factor[0]))

    def pullback(self, multipliers: Floats, factor: Floats) -> Floats:
        """Return ``(Σ μ_k A_k) V``."""
        i, j = self.pairs.T
        weights = (self.coefficients.T @ multipliers) / 2
        if self._dense(factor):
            full = np.zeros((len(factor), len(factor)), dtype=factor.dtype)
            full[i, j] = weights
            full[j, i] += weights
            out = full @ factor
        else:
            half = sp.csr_array((weights, (i, j)), shape=(len(factor), len(factor)))
            out = np.asarray(half @ factor + half.T @ factor)
        out[0] += (self.offset @ multipliers) * factor[0]
        return out

    def augmented(
        self, factor: Floats, multipliers: Floats, penalty: float
    ) -> tuple[float, Floats]:
        """Return the penalty and its half gradient, see the protocol."""
        weights = shifted_multipliers(self.values(factor), multipliers, penalty, self.equality)
        value = float(weights @ weights) / (2.0 * penalty)
        return value, self.pullback(weights, factor)

    def cast(self, dtype: npt.DTypeLike) -> EntryFamily:
        """Return the family in another precision."""
        return EntryFamily(
            self.pairs,
            self.coefficients.astype(dtype),
            self.offset.astype(dtype),
            self.equality,
        )

    def add_to(self, matrix: Floats, multipliers: Floats) -> Rounding:
        """Add the entries and the constant."""
        i, j = self.pairs.T
        weights = 0.5 * (self.coefficients.T @ multipliers)
        matrix[i, j] += weights
        matrix[j, i] += weights
        matrix[0, 0] += self.offset @ multipliers
        size = 0.5 * (abs(self.coefficients).T @ np.abs(multipliers))
        rows = np.zeros(len(matrix))
        np.add.at(rows, np.concatenate([i, j]), np.concatenate([size, size]))
        rows[0] += np.abs(self.offset) @ np.abs(multipliers)
        return Rounding(rows, self.size + 8)
