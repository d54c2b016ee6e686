"""Polynomials whose coefficients are affine in decision variables.

``e(x; c) = e_0(x) + Σ_i c_i e_i(x)`` is kept as one polynomial in (x, c) of degree at most 1 in c,
so that sums, products with known polynomials and derivatives are those of
:class:`~polyopt.polynomial.polynomial.Polynomial`. The decision variables stand behind the
variables x, so that the one of a term is the last entry of its row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polyopt.errors import InvalidProblemError
from polyopt.polynomial import monomials
from polyopt.polynomial.monomials import Rows
from polyopt.polynomial.polynomial import Polynomial
from polyopt.polynomial.variables import Variables


@dataclass(frozen=True, slots=True, eq=False)
class AffineFamily:
    """Terms of ``e(x; c)``.

    Attributes
    ----------
    variables : Variables
        The n variables x.
    rows : int array of shape (terms, width)
        Monomials in x.
    decision : int array of shape (terms,)
        0 for a term of e_0, i + 1 for one of e_i.
    coefficients : float array of shape (terms,)
    """

    variables: Variables
    rows: Rows
    decision: NDArray[np.intp]
    coefficients: NDArray[np.float64]

    @property
    def support(self) -> Polynomial:
        """Sum of all monomials in x that may occur, each with the coefficient 1."""
        unique, _ = monomials.unique_rows(self.rows, len(self.variables))
        return Polynomial(self.variables, unique, np.ones(len(unique)))

    @property
    def degree(self) -> int:
        """Largest degree in x."""
        return int(monomials.degrees(self.rows).max(initial=0))

    def at(self, values: NDArray[np.float64]) -> Polynomial:
        """Give the polynomial in x for these values of the decision variables."""
        weights = np.concatenate([[1.0], values])[self.decision]
        return Polynomial(self.variables, self.rows, weights * self.coefficients)


def split(
    polynomial: Polynomial, variables: Variables, decisions: Variables, place: str
) -> AffineFamily:
    """Separate the variables of a polynomial from its decision variables.

    Raises
    ------
    UnknownVariableError
        A variable is neither.
    InvalidProblemError
        A term has two decision variables, or a power of one.

    Examples
    --------
    >>> import polyopt as po
    >>> x, a = po.variables("x a")
    >>> family = split((1 + a * x) * x, Variables(["x"]), Variables(["a"]), "e")
    >>> family.decision.tolist(), print(family.at(np.array([3.0])))
    x + 3*x^2
    ([0, 1], None)
    """
    whole = polynomial.over(variables | decisions, place=place)
    n = len(variables)
    rows = whole.rows.copy()
    if rows.shape[1] == 0:
        return AffineFamily(variables, rows, np.zeros(len(rows), dtype=np.intp), whole.coefficients)
    twice = (rows > n).sum(axis=1) > 1
    if twice.any():
        term = Polynomial(whole.variables, rows[twice][:1], np.ones(1))
        raise InvalidProblemError(
            f"{place} has the term {term}, which is not linear in the decision variables; "
            "fix one factor and solve for the other, in turns if need be"
        )
    decision = np.where(rows[:, -1] > n, rows[:, -1] - n, 0).astype(np.intp)
    rows[decision > 0, -1] = 0
    rows.sort(axis=1)
    return AffineFamily(variables, monomials.trim(rows), decision, whole.coefficients)
