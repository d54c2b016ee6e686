"""Pseudo-moments: the values ``y_α = L_y(x^α)`` of the Riesz functional."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyopt.conic.assembly import Assembly
from polyopt.polynomial import monomials
from polyopt.polynomial.basis import Basis
from polyopt.polynomial.polynomial import Polynomial


class Moments:
    """Values of the Riesz functional on the monomials of a relaxation.

    Parameters
    ----------
    assembly : Assembly
        Its ``moments`` are the monomials, the first is 1.
    values : float array of shape (N,)

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 1)[0]
    >>> moments = po.putinar(po.minimize(-x, subject_to=[x**2 <= 9]), order=1).solve().moments
    >>> round(moments(x**2 - 1), 4), moments.first_order().round(4).tolist()
    (8.0, [3.0])
    """

    __slots__ = ("_assembly", "values")

    def __init__(self, assembly: Assembly, values: NDArray[np.float64]) -> None:
        self._assembly = assembly
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    @property
    def rows(self) -> NDArray[np.int32]:
        """The monomials, int array of shape (N, width); see :class:`polyopt.Polynomial`."""
        return self._assembly.moments

    def __call__(self, polynomial: Polynomial) -> float:
        """Riesz functional ``L_y(p)`` of a polynomial over the problem's variables.

        Raises
        ------
        RelaxationError
            A monomial of p has no moment in this relaxation.
        """
        return float(self._assembly.vector(polynomial, str(polynomial)) @ self.values)

    def matrix(self, variables: ArrayLike, degree: int) -> NDArray[np.float64]:
        """Moment matrix ``M_degree(y)`` on the variables of these increasing indices.

        Entries without a moment in this relaxation are NaN.
        """
        rows = Basis.full(np.asarray(variables), degree).rows
        products = monomials.multiply(rows[:, None], rows[None])
        flat = self._assembly.values(products.reshape(len(rows) ** 2, -1), self.values)
        return flat.reshape(len(rows), len(rows))

    def first_order(self) -> NDArray[np.float64]:
        """``(L(x_1), …, L(x_n))``, NaN for variables that do not occur."""
        number = self._assembly.number_of_variables
        rows = np.arange(1, number + 1, dtype=np.int32)[:, None]
        return self._assembly.values(rows, self.values)

    def __repr__(self) -> str:
        return f"<Moments: {len(self)} monomials in {self._assembly.number_of_variables} variables>"

    def as_dict(self) -> dict[tuple[int, ...], float]:
        """Moments by tuples of variable indices with repetition; ``()`` is the moment of 1."""
        keys: list[Any] = [tuple(int(i) - 1 for i in row if i) for row in self.rows]
        return dict(zip(keys, self.values.tolist(), strict=True))
