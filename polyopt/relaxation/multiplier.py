"""Multipliers: the one object of which every hierarchy is made.

Certificates have the form ``f - λ = Σ_k p_k σ_k`` where ``p_k`` is 1, a constraint or a product
of constraints and ``σ_k`` lies in a cone of polynomials spanned by a monomial basis ``B_k``:

- PSD: ``σ = Bᵀ Q B`` with ``Q ⪰ 0``; on the moment side ``L(p B Bᵀ) ⪰ 0``;
- NONNEGATIVE: ``σ = Σ c_i B_i`` with ``c >= 0``; ``L(p B_i) >= 0`` for each i;
- FREE: the same with any c; ``L(p B_i) = 0``.

A matrix inequality ``G ⪰ 0`` with k rows has a matrix P = G for p, and the elements of its basis
are pairs ``(a_i, B_i)`` of a row of G and a monomial (Hol and Scherer, 2004; Henrion and Lasserre,
IEEE Trans. Autom. Control 51, 2006):

- PSD: the term ``Σ_ij Q_ij G[a_i, a_j] B_i B_j`` with ``Q ⪰ 0``, which is ``⟨G, S⟩`` for an SOS
  matrix S; on the moment side the matrix of all ``L(G[a_i, a_j] B_i B_j)`` is PSD, for the full
  basis ``L(G ⊗ B Bᵀ) ⪰ 0``;
- SECOND_ORDER, for an arrow matrix ``[[g_0, gᵀ], [g, g_0 I]]`` and the monomial 1: the term
  ``s_0 g_0 + s·g`` with ``|s| <= s_0``; ``|L(g)| <= L(g_0)``.

A hierarchy is nothing but a choice of this list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from math import ceil
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyopt.errors import InvalidProblemError, RelaxationError
from polyopt.polynomial import monomials
from polyopt.polynomial.basis import Basis
from polyopt.polynomial.matrix import PolynomialMatrix
from polyopt.polynomial.polynomial import Polynomial
from polyopt.problem import PolynomialProblem


class Cone(Enum):
    """Cone of a multiplier; see the module's docstring."""

    PSD = "psd"
    NONNEGATIVE = "nonnegative"
    SECOND_ORDER = "second-order"
    FREE = "free"


class Factor(NamedTuple):
    """Reference to a constraint of the problem, such as ``("inequality", 3)``.

    ``("matrix", 0)`` is the first of the matrix inequalities.
    ``("complement", 3)`` is ``u - g`` for inequality 3, ``g >= 0``, and an upper bound u of g that
    follows from the constraints; see :mod:`polyopt.relaxation.complement`.
    """

    kind: Literal["inequality", "equality", "complement", "matrix"]
    number: int

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"


@dataclass(frozen=True, slots=True, eq=False)
class Multiplier:
    """One term ``p · σ`` of a certificate.

    Attributes
    ----------
    polynomial : Polynomial or PolynomialMatrix
        p; the product of the constraints in ``factors`` (1 when there is none). G for a matrix
        inequality.
    basis : Basis
        B.
    cone : Cone
    factors : tuple of Factor
        The constraints whose product p is, so that a proof can be checked against the problem.
    square : Polynomial, optional
        q, where p is the product of the constraints and of q². The term ``c p`` of a NONNEGATIVE
        multiplier on {1} is then the sum of squares ``c q²`` times the constraints.
    components : int array of shape (basis size,), optional
        For a matrix G the row ``a_i`` that belongs to each element of the basis.
    """

    polynomial: Polynomial | PolynomialMatrix
    basis: Basis
    cone: Cone
    factors: tuple[Factor, ...] = ()
    square: Polynomial | None = None
    components: NDArray[np.intp] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.polynomial, PolynomialMatrix):
            if self.components is None or len(self.components) != self.basis.size:
                raise RelaxationError(
                    "a multiplier of a matrix needs a row of it for each element of its basis; "
                    "make it with matrix_multiplier"
                )
            if self.cone not in (Cone.PSD, Cone.SECOND_ORDER):
                raise RelaxationError(
                    f"a multiplier of a matrix has the cone {self.cone.value}; PSD and "
                    "SECOND_ORDER are possible"
                )
        elif self.components is not None or self.cone is Cone.SECOND_ORDER:
            raise RelaxationError(
                "components and the cone SECOND_ORDER belong to multipliers of a matrix"
            )

    @property
    def entries(self) -> int:
        """Number of scalar conditions on the moment side."""
        size = self.basis.size
        return size * (size + 1) // 2 if self.cone is Cone.PSD else size

    @property
    def effective_cone(self) -> Cone:
        """The cone after right-sizing: a 1×1 matrix is a nonnegative number."""
        return Cone.NONNEGATIVE if self.cone is Cone.PSD and self.basis.size == 1 else self.cone

    def weights(self) -> NDArray[np.float64]:
        """Coefficients of the terms in each entry, shape (entries or 1, terms)."""
        p = self.polynomial
        if isinstance(p, Polynomial):
            return p.coefficients[None]
        rows = self.components
        if self.cone is Cone.SECOND_ORDER:
            return p.coefficients[:, 0, rows].T
        j, i = np.tril_indices(self.basis.size)
        assert rows is not None
        return p.coefficients[:, rows[i], rows[j]].T

    def part(self, chosen: Any) -> Multiplier:
        """Give the multiplier on these elements of the basis (indices or flags)."""
        rows = None if self.components is None else self.components[chosen]
        return replace(self, basis=Basis.of_rows(self.basis.rows[chosen]), components=rows)

    def labels(self, number_of_variables: int) -> monomials.Rows:
        """Rows that tell the elements of the basis apart, those of a matrix included.

        The row a of a matrix counts as one more variable, ``number_of_variables + a``.
        """
        if self.components is None:
            return self.basis.rows
        last = (number_of_variables + 1 + self.components).astype(np.int32)
        return np.concatenate([self.basis.rows, last[:, None]], axis=1)

    def on_labels(self, labels: monomials.Rows, number_of_variables: int) -> Multiplier:
        """Give the multiplier on other elements of the basis; the inverse of :meth:`labels`."""
        if self.components is None:
            return replace(self, basis=Basis.of_rows(labels))
        return replace(
            self,
            basis=Basis.of_rows(labels[:, :-1]),
            components=labels[:, -1].astype(np.intp) - number_of_variables - 1,
        )

    def __str__(self) -> str:
        what = " · ".join(map(str, self.factors)) if self.factors else "1"
        return f"{what} × {self.cone.value} on {self.basis.size} monomials"


def matrix_multiplier(matrix: PolynomialMatrix, basis: Basis, *factors: Factor) -> Multiplier:
    """Multiplier of ``G ⪰ 0`` on the pairs of a row of G and a monomial of the basis.

    An arrow matrix on the basis {1} gets a second-order cone, all else a PSD block whose entry
    ``(a |B| + i, b |B| + j)`` is that of ``G ⊗ B Bᵀ``.

    Examples
    --------
    >>> import polyopt as po
    >>> x, y = po.variables("x y")
    >>> problem = po.minimize(x, subject_to=[po.psd([[1, x], [x, y]]), po.soc(1, [x, y])])
    >>> G, arrow = problem.matrix_inequalities
    >>> print(matrix_multiplier(G, Basis.full([0, 1], 1), Factor("matrix", 0)))
    matrix 0 × psd on 6 monomials
    >>> print(matrix_multiplier(arrow, Basis.constant(), Factor("matrix", 1)))
    matrix 1 × second-order on 3 monomials
    """
    rows = basis.rows
    cone = Cone.PSD
    if matrix.is_arrow and matrix.side > 1 and len(rows) == 1 and not rows.any():
        cone = Cone.SECOND_ORDER
    return Multiplier(
        matrix,
        Basis.of_rows(np.tile(rows, (matrix.side, 1))),
        cone,
        tuple(factors),
        components=np.repeat(np.arange(matrix.side), len(rows)),
    )


def half_degree(polynomial: Polynomial | PolynomialMatrix) -> int:
    """``v(g) = ⌈deg g / 2⌉``."""
    return ceil(polynomial.degree / 2)


def minimal_order(problem: PolynomialProblem) -> int:
    """Smallest order of the dense Lasserre hierarchy, at least 1.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 2)
    >>> minimal_order(po.minimize(x[0], subject_to=[x[0] ** 3 >= x[1]]))
    2
    """
    return max(1, ceil(problem.degree / 2))


def require_problem(problem: object) -> None:
    """Validate that something is a problem, for functions that users call first.

    Raises
    ------
    InvalidProblemError
    """
    if not isinstance(problem, PolynomialProblem):
        raise InvalidProblemError(
            f"a relaxation needs a PolynomialProblem, got {problem!r} of type "
            f"{type(problem).__name__}; make one with minimize or maximize"
        )


def check_order(problem: PolynomialProblem, order: object) -> int:
    """Validate a relaxation order (and that there is a problem).

    Raises
    ------
    InvalidProblemError
        The problem is none.
    RelaxationError
        The order is no positive integer, or too low; the message names what needs more.
    """
    require_problem(problem)
    if not isinstance(order, (int, np.integer)) or isinstance(order, bool) or order < 1:
        raise RelaxationError(f"the order is {order!r}; it must be a positive integer")
    groups: list[tuple[str, Sequence[Polynomial | PolynomialMatrix]]] = [
        ("the objective", [problem.objective]),
        ("inequality", problem.inequalities),
        ("equality", problem.equalities),
        ("matrix inequality", problem.matrix_inequalities),
    ]
    for name, group in groups:
        for index, polynomial in enumerate(group):
            if half_degree(polynomial) > order:
                place = name if name.startswith("the") else f"{name} {index}"
                raise RelaxationError(
                    f"order {order} is too low: {place} has degree {polynomial.degree} and needs "
                    f"order {half_degree(polynomial)} at least; minimal_order(problem) is "
                    f"{minimal_order(problem)}"
                )
    return int(order)


def one(problem: PolynomialProblem) -> Polynomial:
    """Constant polynomial 1 over the problem's variables."""
    return Polynomial.constant(1.0, problem.variables)


def require_scalar_constraints(problem: PolynomialProblem, what: str, instead: str) -> None:
    """Refuse problems with matrix inequalities where a method knows no multipliers for them.

    Raises
    ------
    RelaxationError
    """
    if problem.matrix_inequalities:
        raise RelaxationError(
            f"{what} has no multipliers for matrix inequalities, and the problem has "
            f"{len(problem.matrix_inequalities)}; {instead}"
        )


def is_trivial(polynomial: Polynomial | PolynomialMatrix) -> bool:
    """Tell whether a constraint is a constant, which restricts nothing."""
    return polynomial.degree == 0
