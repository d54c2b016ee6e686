r"""Matrices known up to an error in each entry, and their products, with rounding covered.

An :class:`Enclosure` stands for all matrices B with :math:`|B - C| \le R` entrywise. The computed
product of two centres is off by at most :math:`\gamma_n |A| |B|` (Higham 2002, section 3.5), which
goes into the radius of the product.

References
----------
N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., SIAM, 2002.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipschitz_app.operators.dense import DenseOperator
from lipschitz_app.operators.spectral_norm import spectral_norm_upper_bound
from lipschitz_app.rounding import FloatArray, gamma, inflate, norm_upper, up

_TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, slots=True)
class Enclosure:
    """All matrices within `radius` of `center`, entry by entry.

    Attributes
    ----------
    center, radius : arrays, shape (m, n)
        The radius is not negative.

    Examples
    --------
    >>> thirds = Enclosure.exact(np.array([[1.0, 1.0]])).scaled(np.array([1 / 3, 1 / 3]))
    >>> product = thirds @ thirds.T
    >>> product.center.round(3).tolist(), bool(product.radius[0, 0] < 1e-14)
    ([[0.222]], True)
    """

    center: FloatArray
    radius: FloatArray

    @classmethod
    def exact(cls, matrix: FloatArray) -> Enclosure:
        """Return the enclosure of one matrix."""
        return cls(matrix, np.zeros_like(matrix))

    @classmethod
    def between(cls, lower: FloatArray, upper: FloatArray) -> Enclosure:
        """Return an enclosure of all matrices between two."""
        center = np.where(lower == upper, lower, lower + (upper - lower) / 2)
        radius = up(np.maximum(upper - center, center - lower))
        return cls(center, np.where(lower == upper, 0.0, radius))

    @property
    def T(self) -> Enclosure:
        """The transpose."""
        return Enclosure(self.center.T, self.radius.T)

    def __matmul__(self, other: Enclosure) -> Enclosure:
        """Enclose the products."""
        terms = self.center.shape[1]
        left, right = np.abs(self.center), np.abs(other.center)
        radius = gamma(terms) * (left @ right) + terms * _TINY
        if other.radius.any():
            radius = radius + left @ other.radius
        if self.radius.any():
            radius = radius + self.radius @ (right + other.radius)
        if not self.center.size or not other.center.size:
            return Enclosure.exact(self.center @ other.center)
        # Where no product is other than 0, the sum is 0 exactly.
        here, there = (left > 0) | (self.radius > 0), (right > 0) | (other.radius > 0)
        some = here.astype(np.float64) @ there.astype(np.float64) > 0
        radius = np.where(some, inflate(radius, 2 * terms + 4), 0.0)
        return Enclosure(self.center @ other.center, radius)

    def __add__(self, other: Enclosure) -> Enclosure:
        """Enclose the sums."""
        center = self.center + other.center
        radius = self.radius + other.radius + gamma(1) * np.abs(center)
        return Enclosure(center, np.where(radius > 0, inflate(radius, 2), 0.0))

    def __sub__(self, other: Enclosure) -> Enclosure:
        """Enclose the differences."""
        return self + Enclosure(-other.center, other.radius)

    def scaled(self, factors: FloatArray) -> Enclosure:
        """Enclose the matrices with column j multiplied by ``factors[j]``."""
        center = self.center * factors
        radius = self.radius * np.abs(factors) + gamma(1) * np.abs(center) + _TINY
        exact = (np.isin(factors, (0.0, 1.0, -1.0)) | (self.center == 0)) & (self.radius == 0)
        return Enclosure(center, np.where(exact, 0.0, inflate(radius, 2)))

    def shifted(self, factors: FloatArray) -> Enclosure:
        """Return the matrices with column j multiplied by a power of two, without rounding."""
        return Enclosure(self.center * factors, self.radius * factors)

    def rows(self, index: np.ndarray) -> Enclosure:
        """Return some rows."""
        return Enclosure(self.center[index], self.radius[index])

    def columns(self, part: slice) -> Enclosure:
        """Return some columns."""
        return Enclosure(self.center[:, part], self.radius[:, part])

    def spectral_norm(self) -> float:
        """Return a proven upper bound of the spectral norms of all matrices of the enclosure."""
        if not self.center.size:
            return 0.0
        value = spectral_norm_upper_bound(DenseOperator(self.center)).value
        if not self.radius.any():
            return value
        return float(inflate(value + norm_upper(self.radius.ravel(), "2"), 1))


def stack(parts: list[Enclosure]) -> Enclosure:
    """Return matrices on top of each other."""
    return Enclosure(
        np.vstack([part.center for part in parts]), np.vstack([part.radius for part in parts])
    )


def combine(weights: FloatArray, matrix: Enclosure) -> Enclosure:
    """Enclose ``weights @ matrix`` as a matrix of one row; exact for one entry 1 or -1.

    Examples
    --------
    >>> combine(np.array([0.0, -1.0]), Enclosure.exact(np.eye(2))).center.tolist()
    [[-0.0, -1.0]]
    """
    used = np.flatnonzero(weights)
    if used.size == 1 and abs(weights[used[0]]) == 1.0:
        row = matrix.rows(used)
        return Enclosure(weights[used[0]] * row.center, row.radius)
    return Enclosure.exact(weights[None]) @ matrix
