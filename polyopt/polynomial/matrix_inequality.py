"""Matrix inequalities as users write them, to stand among other constraints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from polyopt.errors import InvalidProblemError
from polyopt.polynomial.matrix import PolynomialMatrix, entry_table
from polyopt.polynomial.polynomial import Polynomial


@dataclass(frozen=True, slots=True, eq=False)
class MatrixInequality:
    """``G(x) ⪰ 0`` for a symmetric matrix of polynomials; made by :func:`psd` and :func:`soc`.

    Attributes
    ----------
    entries : tuple of tuples
        Polynomials, numbers and sympy expressions as they were given.

    Examples
    --------
    >>> import polyopt as po
    >>> x, y = po.variables("x y")
    >>> print(po.psd([[1, x], [x, y]]))
    [[1, x], [x, y]] ⪰ 0
    """

    entries: tuple[tuple[Any, ...], ...]

    @property
    def matrix(self) -> PolynomialMatrix:
        """The matrix over the variables that occur in it."""
        return PolynomialMatrix.from_entries(self.entries)

    def __bool__(self) -> bool:
        raise InvalidProblemError(
            f"the truth of ({self}) is not known; put it among the constraints of a problem"
        )

    def __str__(self) -> str:
        return f"{self.matrix} ⪰ 0"


def psd(matrix: Any) -> MatrixInequality:
    """Constrain a symmetric matrix of polynomials to be positive semidefinite.

    Parameters
    ----------
    matrix : array, sympy Matrix, list of lists or PolynomialMatrix, of shape (k, k)
        Entries are polynomials, numbers and sympy expressions, and equal in mirrored places.

    Returns
    -------
    MatrixInequality
        To be listed in ``subject_to``. An arrow matrix ``[[g_0, gᵀ], [g, g_0 I]]`` is treated as
        the second-order cone constraint that it is; see :func:`soc`.

    Raises
    ------
    InvalidProblemError
        Not square, empty, not symmetric, or an entry that is no polynomial.

    References
    ----------
    D. Henrion, J. B. Lasserre. Convergent relaxations of polynomial matrix inequalities and static
    output feedback. IEEE Trans. Autom. Control 51 (2006).

    Examples
    --------
    >>> import polyopt as po
    >>> x, y = po.variables("x y")
    >>> problem = po.minimize(x + y, subject_to=[po.psd([[1, x, y], [x, 1, x * y], [y, x * y, 1]])])
    >>> problem
    <PolynomialProblem: min of degree 2, 2 variables, 0 inequalities, 0 equalities, 1 matrix \
inequalities>
    >>> problem.violation([0.0, 2.0]) > 0, problem.violation([0.5, -0.5])
    (True, 0.0)
    """
    if isinstance(matrix, MatrixInequality):
        return matrix
    table = entry_table(matrix, "the matrix")
    # Converted once here, so that what is wrong is said where it was written.
    PolynomialMatrix.from_entries(table)
    return MatrixInequality(tuple(tuple(row) for row in table))


def soc(bound: Any, vector: Iterable[Any]) -> MatrixInequality:
    """Constrain the Euclidean norm of a vector of polynomials: ``|(g_1, …, g_k)| <= g_0``.

    Parameters
    ----------
    bound : Polynomial, number or sympy expression
        ``g_0``, which is thereby nonnegative.
    vector : iterable of the same
        ``g_1, …, g_k``, at least one.

    Returns
    -------
    MatrixInequality
        The arrow matrix ``[[g_0, gᵀ], [g, g_0 I]] ⪰ 0``, which says the same. Relaxations use it
        with larger bases, and a second-order cone for the basis {1}.

    Raises
    ------
    InvalidProblemError
        An empty vector, or an entry that is no polynomial.

    References
    ----------
    M. Kojima, M. Muramatsu. An extension of sums of squares relaxations to polynomial optimization
    problems over symmetric cones. Math. Program. 110 (2007).

    Examples
    --------
    >>> import polyopt as po
    >>> x, y = po.variables("x y")
    >>> problem = po.minimize(x + y, subject_to=[po.soc(1, [x, y])])
    >>> relaxation = po.putinar(problem, order=1)
    >>> print(relaxation.program().cones)
    second-order cones 3, PSD blocks 3×3
    >>> round(relaxation.solve().bound, 5)
    -1.41421
    """
    if isinstance(vector, (str, Polynomial)) or not hasattr(vector, "__iter__"):
        raise InvalidProblemError(
            f"the vector of a second-order cone constraint is {vector!r}; give a list of "
            "polynomials"
        )
    entries = np.asarray(vector, dtype=object) if isinstance(vector, np.ndarray) else None
    if entries is not None and entries.ndim != 1:
        raise InvalidProblemError(
            f"the vector of a second-order cone constraint has shape {entries.shape}; give one "
            "dimension"
        )
    parts = list(vector)
    if not parts:
        raise InvalidProblemError(
            "the vector of a second-order cone constraint is empty; write g0 >= 0 instead"
        )
    size = len(parts) + 1
    table: list[list[Any]] = [[0.0] * size for _ in range(size)]
    for i in range(size):
        table[i][i] = bound
    for i, part in enumerate(parts, start=1):
        table[0][i] = table[i][0] = part
    return psd(table)
