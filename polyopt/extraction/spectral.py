"""Matrix inequalities for local searches: eigenvalues as constraint functions, with derivatives.

``G(x) ⪰ 0`` becomes ``λ_i(G(x)) >= 0`` for all k eigenvalues, with the derivatives ``v_iᵀ ∂G v_i``
of simple ones (Overton, SIAM J. Matrix Anal. Appl. 9, 1988). With all eigenvalues and not the
smallest alone a linear model sees both of two that are about to meet; where they do meet it is no
derivative, and a search may stop early there, which costs accuracy of the point and nothing else.
An arrow matrix becomes ``g_0 - |g| >= 0``, which has derivatives but at ``g = 0``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from polyopt.extraction.evaluation import Jacobian, Stacked
from polyopt.polynomial.matrix import PolynomialMatrix
from polyopt.polynomial.polynomial import Polynomial

Array = NDArray[np.float64]


class Eigenvalues:
    """Eigenvalues of matrices (or ``g_0 - |g|`` of arrows) at a point (n,), one after the other.

    Examples
    --------
    >>> import polyopt as po
    >>> x, y = po.variables("x y")
    >>> problem = po.minimize(x, subject_to=[po.psd([[2, x], [x, 1 + y]]), po.soc(3, [x, y])])
    >>> values = Eigenvalues(problem.matrix_inequalities, 2)
    >>> values(np.array([0.0, 0.0])).tolist(), values.dense(np.array([0.0, 2.0])).tolist()
    ([1.0, 2.0, 3.0], [[0.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    """

    def __init__(self, matrices: Sequence[PolynomialMatrix], number_of_variables: int) -> None:
        self._n = number_of_variables
        self._places: list[tuple[bool, NDArray[np.intp], NDArray[np.intp], slice, int]] = []
        entries: list[Polynomial] = []
        for matrix in matrices:
            arrow, side = matrix.is_arrow, matrix.side
            j, i = np.tril_indices(side)
            if arrow:
                i, j = np.zeros(side, dtype=np.intp), np.arange(side)
            part = slice(len(entries), len(entries) + len(i))
            entries += [matrix.entry(a, b) for a, b in zip(i.tolist(), j.tolist(), strict=True)]
            self._places.append((arrow, i, j, part, side))
        self._entries = Stacked(entries)
        self._derivatives = Jacobian(entries, number_of_variables)
        self.number = sum(1 if arrow else side for arrow, _, _, _, side in self._places)

    def __call__(self, point: Array) -> Array:
        """Evaluate at a point."""
        values = self._entries(point)
        parts = [self._of_one(values, place)[0] for place in self._places]
        return np.concatenate([np.zeros(0), *parts])

    def dense(self, point: Array) -> Array:
        """Derivatives, shape (number, n)."""
        values, derivatives = self._entries(point), self._derivatives.dense(point)
        rows = [self._of_one(values, place)[1] @ derivatives[place[3]] for place in self._places]
        return np.concatenate([np.zeros((0, self._n)), *rows])

    def _of_one(
        self, values: Array, place: tuple[bool, NDArray[np.intp], NDArray[np.intp], slice, int]
    ) -> tuple[Array, Array]:
        """Values of one matrix, and their derivatives in its entries."""
        arrow, i, j, part, side = place
        own = values[part]
        if arrow:
            size = float(np.linalg.norm(own[1:]))
            slope = np.concatenate([[1.0], -own[1:] / size if size else np.zeros(side - 1)])
            return np.array([own[0] - size]), slope[None]
        matrix = np.zeros((side, side))
        matrix[i, j] = matrix[j, i] = own
        if not np.isfinite(matrix).all():
            return np.full(side, np.nan), np.zeros((side, len(own)))
        eigenvalues, vectors = np.linalg.eigh(matrix)
        twice = np.where(i == j, 1.0, 2.0)
        return eigenvalues, twice * vectors[i].T * vectors[j].T


class Joined:
    """Several lists of constraint functions as one."""

    def __init__(
        self, values: Sequence[Stacked | Eigenvalues], slopes: Sequence[Callable[[Array], Array]]
    ) -> None:
        self._values, self._slopes = values, slopes
        self.number = sum(part.number for part in values)

    def __call__(self, point: Array) -> Array:
        """Evaluate at a point."""
        return np.concatenate([part(point) for part in self._values])

    def dense(self, point: Array) -> Array:
        """Derivatives, shape (number, n)."""
        return np.concatenate([slope(point) for slope in self._slopes])


class JoinedSlopes:
    """Derivatives of joined constraint functions, as :class:`Jacobian` gives them."""

    def __init__(self, joined: Joined) -> None:
        self.dense = joined.dense

    def __call__(self, point: Array) -> sparse.csr_array:
        """Evaluate at a point."""
        return sparse.csr_array(self.dense(point))
