"""Symmetric matrices of polynomials, ``G(x) = Σ_α G_α x^α`` with symmetric ``G_α``.

They are the data of polynomial matrix inequalities ``G(x) ⪰ 0`` (Henrion and Lasserre, IEEE Trans.
Autom. Control 51, 2006; Hol and Scherer, 2004). An *arrow* ``[[g_0, gᵀ], [g, g_0 I]]`` is positive
semidefinite exactly where ``|g(x)| <= g_0(x)``, a second-order cone constraint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyopt.errors import InvalidProblemError
from polyopt.polynomial import monomials
from polyopt.polynomial.convert import from_sympy, is_sympy
from polyopt.polynomial.monomials import Rows
from polyopt.polynomial.polynomial import Polynomial
from polyopt.polynomial.text import short_text
from polyopt.polynomial.variables import Variables

_CHUNK = 4_000_000


class PolynomialMatrix:
    """A symmetric k×k matrix of polynomials over one set of variables.

    Made by :meth:`from_entries`; :func:`polyopt.psd` and :func:`polyopt.soc` make constraints.

    Attributes
    ----------
    variables : Variables
        The n ordered names.
    rows : int array of shape (terms, width)
        Monomials of all entries; see :class:`polyopt.Polynomial`.
    coefficients : float array of shape (terms, k, k)
        The symmetric matrix ``G_α`` of each monomial; none is zero.

    Examples
    --------
    >>> import polyopt as po
    >>> x, y = po.variables("x y")
    >>> G = po.PolynomialMatrix.from_entries([[1, x], [x, 1 - y**2]])
    >>> G.side, G.degree, G([0.5, 0.0]).tolist()
    (2, 2, [[1.0, 0.5], [0.5, 1.0]])
    """

    __slots__ = ("coefficients", "rows", "variables")

    variables: Variables
    rows: Rows
    coefficients: NDArray[np.float64]

    def __init__(self, variables: Variables, rows: Rows, coefficients: NDArray[np.float64]) -> None:
        self.variables = variables
        self.rows = rows
        self.coefficients = coefficients

    @classmethod
    def from_entries(
        cls, entries: Any, variables: Variables | None = None, *, place: str = "the matrix"
    ) -> PolynomialMatrix:
        """Build a matrix from its entries.

        Parameters
        ----------
        entries : array, sympy Matrix or list of lists, of shape (k, k)
            Polynomials, numbers and sympy expressions; equal in mirrored places.
        variables : Variables, optional
            The variables in order; left out, those of the entries in order of appearance.
        place : str
            How messages call the matrix.

        Raises
        ------
        InvalidProblemError
            Not square, empty, not symmetric, or an entry that is no polynomial; the message says
            where.
        """
        table = entry_table(entries, place)
        if variables is None:
            variables = variables_of(item for row in table for item in row)
        side = len(table)
        parts: dict[tuple[int, int], Polynomial] = {}
        for i, row in enumerate(table):
            for j, item in enumerate(row):
                parts[i, j] = as_polynomial(item, variables, f"entry ({i}, {j}) of {place}")
        for i in range(side):
            for j in range(i):
                if not parts[i, j].equals(parts[j, i]):
                    raise InvalidProblemError(
                        f"{place} has {parts[j, i]} in place ({j}, {i}) and {parts[i, j]} in place "
                        f"({i}, {j}); a positive semidefinite matrix is symmetric"
                    )
        upper = [(i, j) for j in range(side) for i in range(j + 1)]
        width = max(parts[pair].rows.shape[1] for pair in upper)
        rows = np.concatenate([monomials.widen(parts[pair].rows, width) for pair in upper])
        distinct, inverse = monomials.unique_rows(rows, len(variables))
        counts = [parts[pair].number_of_terms for pair in upper]
        owner = np.repeat(np.array(upper, dtype=np.intp).reshape(-1, 2), counts, axis=0)
        values = np.concatenate([parts[pair].coefficients for pair in upper])
        coefficients = np.zeros((len(distinct), side, side))
        coefficients[inverse, owner[:, 0], owner[:, 1]] = values
        coefficients[inverse, owner[:, 1], owner[:, 0]] = values
        return cls(variables, distinct, coefficients)

    @property
    def side(self) -> int:
        """Number k of rows."""
        return int(self.coefficients.shape[1])

    @property
    def degree(self) -> int:
        """Largest degree of an entry; 0 for constant matrices."""
        return int(np.count_nonzero(self.rows[-1])) if len(self.rows) else 0

    @property
    def number_of_terms(self) -> int:
        """Number of monomials of all entries together."""
        return len(self.rows)

    @property
    def support(self) -> NDArray[np.intp]:
        """Increasing indices of the variables that occur."""
        used = np.unique(self.rows)
        return (used[used > 0] - 1).astype(np.intp)

    @property
    def is_arrow(self) -> bool:
        """Whether the matrix is ``[[g_0, gᵀ], [g, g_0 I]]``: a second-order cone constraint.

        Examples
        --------
        >>> import polyopt as po
        >>> x, y = po.variables("x y")
        >>> po.PolynomialMatrix.from_entries([[1, x, y], [x, 1, 0], [y, 0, 1]]).is_arrow
        True
        """
        rest = self.coefficients[:, 1:, 1:]
        expected = self.coefficients[:, :1, :1] * np.eye(self.side - 1)
        return bool((rest == expected).all())

    def entry(self, i: int, j: int) -> Polynomial:
        """Give the entry in place (i, j)."""
        values = self.coefficients[:, i, j]
        keep = values != 0
        return Polynomial._make(self.variables, monomials.trim(self.rows[keep]), values[keep])

    def entries(self) -> list[list[Polynomial]]:
        """Give all entries, a list of k lists."""
        return [[self.entry(i, j) for j in range(self.side)] for i in range(self.side)]

    def equals(self, other: object) -> bool:
        """Tell whether both have the same entries exactly."""
        if not isinstance(other, PolynomialMatrix) or other.side != self.side:
            return False
        pairs = [(i, j) for j in range(self.side) for i in range(j + 1)]
        return all(self.entry(i, j).equals(other.entry(i, j)) for i, j in pairs)

    def over(self, variables: Variables, *, place: str = "the matrix") -> PolynomialMatrix:
        """Give the same matrix over another set of variables.

        Raises
        ------
        UnknownVariableError
            A variable that occurs is not among them.
        """
        if variables == self.variables:
            return PolynomialMatrix(variables, self.rows, self.coefficients)
        return PolynomialMatrix.from_entries(self.entries(), variables, place=place)

    def __call__(self, point: ArrayLike) -> NDArray[np.float64]:
        """Evaluate at a point of shape (n,) or a batch of shape (m, n).

        Returns
        -------
        float array of shape (k, k) or (m, k, k)
        """
        points = np.asarray(point, dtype=np.float64)
        n = len(self.variables)
        if points.ndim not in (1, 2) or points.shape[-1] != n:
            raise InvalidProblemError(
                f"a point of shape {points.shape} does not fit {n} variables; "
                f"give shape ({n},) or (m, {n})"
            )
        batch = np.atleast_2d(points)
        values = np.empty((len(batch), self.side, self.side))
        step = max(1, _CHUNK // max(1, self.rows.size))
        flat = self.coefficients.reshape(len(self.rows), self.side**2)
        for start in range(0, len(batch), step):
            part = batch[start : start + step]
            extended = np.concatenate([np.ones((len(part), 1)), part], axis=1)
            product = np.ones((len(part), len(self.rows)))
            for column in range(self.rows.shape[1]):
                product *= extended[:, self.rows[:, column]]
            values[start : start + step] = (product @ flat).reshape(len(part), self.side, self.side)
        result: NDArray[np.float64] = values[0] if points.ndim == 1 else values
        return result

    def smallest_eigenvalue(self, point: ArrayLike) -> Any:
        """Smallest eigenvalue at a point (n,) or a batch (m, n): at least 0 where ``G(x) ⪰ 0``."""
        matrices = self(point)
        finite = np.asarray(np.isfinite(matrices).all(axis=(-2, -1)))
        safe = np.where(finite[..., None, None], matrices, 0.0)
        low = np.where(finite, np.linalg.eigvalsh(safe)[..., 0], np.nan)
        return float(low) if low.ndim == 0 else low

    def __repr__(self) -> str:
        return f"PolynomialMatrix({self})"

    def __str__(self) -> str:
        if self.side > 4:
            return f"<{self.side}×{self.side} matrix of degree {self.degree}>"
        rows = [", ".join(short_text(p) for p in row) for row in self.entries()]
        return f"[[{'], ['.join(rows)}]]"


def entry_table(entries: Any, place: str) -> list[list[Any]]:
    """Give the entries of a square matrix as lists.

    Raises
    ------
    InvalidProblemError
        They are not those of a square matrix.
    """
    if isinstance(entries, PolynomialMatrix):
        return [list(row) for row in entries.entries()]
    raw = entries
    if hasattr(raw, "tolist") and hasattr(raw, "shape"):
        shape = tuple(raw.shape)
        if len(shape) != 2:
            raise InvalidProblemError(
                f"{place} has shape {shape}; give a square matrix of shape (k, k)"
            )
        raw = raw.tolist()
    if isinstance(raw, (str, Polynomial)) or not isinstance(raw, Sequence):
        raise InvalidProblemError(
            f"{place} is {entries!r}; give a square matrix: a list of k lists, a numpy array or a "
            "sympy Matrix"
        )
    table = [list(row) if isinstance(row, (list, tuple, np.ndarray)) else None for row in raw]
    side = len(table)
    if not side:
        raise InvalidProblemError(f"{place} is empty; give at least one row")
    result: list[list[Any]] = []
    for k, row in enumerate(table):
        if row is None or len(row) != side:
            what = f"{len(row)} entries" if row is not None else "no list of entries"
            raise InvalidProblemError(
                f"{place} has {side} rows, but row {k} has {what}; give a square matrix"
            )
        result.append(row)
    return result


def variables_of(items: Any) -> Variables:
    """Variables of polynomials in order of appearance, then of sympy expressions by name."""
    from polyopt.polynomial.convert import natural_key

    names = Variables(())
    symbols: set[str] = set()
    for item in items:
        if isinstance(item, (Polynomial, PolynomialMatrix)):
            names = names | item.variables
        elif is_sympy(item):
            symbols |= {str(symbol) for symbol in item.free_symbols}
    return names | Variables(sorted(symbols, key=natural_key)) if symbols else names


def as_polynomial(item: Any, variables: Variables, place: str) -> Polynomial:
    """Convert a polynomial, a number or a sympy expression.

    Raises
    ------
    InvalidProblemError, UnknownVariableError, NotPolynomialError
    """
    if isinstance(item, Polynomial):
        return item.over(variables, place=place)
    if is_sympy(item):
        return from_sympy(item, variables, place=place)
    if isinstance(item, (int, float, complex, np.number)) and not isinstance(item, bool):
        try:
            return Polynomial.constant(item, variables)  # type: ignore[arg-type]
        except InvalidProblemError as error:
            raise InvalidProblemError(f"{place}: {error}") from None
    raise InvalidProblemError(
        f"{place} is {item!r} of type {type(item).__name__}; give a Polynomial, a number or a "
        "sympy expression"
    )
