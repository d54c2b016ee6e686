"""Multipliers: the one object of which every hierarchy is made.

Certificates have the form ``f - λ = Σ_k p_k σ_k`` where ``p_k`` is 1, a constraint or a product
of constraints and ``σ_k`` lies in a cone of polynomials spanned by a monomial basis ``B_k``:

- PSD: ``σ = Bᵀ Q B`` with ``Q ⪰ 0``; on the moment side ``L(p B Bᵀ) ⪰ 0``;
- NONNEGATIVE: ``σ = Σ c_i B_i`` with ``c >= 0``; ``L(p B_i) >= 0`` for each i;
- FREE: the same with any c; ``L(p B_i) = 0``.

A hierarchy is nothing but a choice of this list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import ceil
from typing import Literal, NamedTuple

import numpy as np

from polyopt.errors import InvalidProblemError, RelaxationError
from polyopt.polynomial.basis import Basis
from polyopt.polynomial.polynomial import Polynomial
from polyopt.problem import PolynomialProblem


class Cone(Enum):
    """Cone of a multiplier; see the module's docstring."""

    PSD = "psd"
    NONNEGATIVE = "nonnegative"
    FREE = "free"


class Factor(NamedTuple):
    """Reference to a constraint of the problem, such as ``("inequality", 3)``.

    ``("complement", 3)`` is ``u - g`` for inequality 3, ``g >= 0``, and an upper bound u of g that
    follows from the constraints; see :mod:`polyopt.relaxation.complement`.
    """

    kind: Literal["inequality", "equality", "complement"]
    number: int

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"


@dataclass(frozen=True, slots=True, eq=False)
class Multiplier:
    """One term ``p · σ`` of a certificate.

    Attributes
    ----------
    polynomial : Polynomial
        p; the product of the constraints in ``factors`` (1 when there is none).
    basis : Basis
        B.
    cone : Cone
    factors : tuple of Factor
        The constraints whose product p is, so that a proof can be checked against the problem.
    square : Polynomial, optional
        q, where p is the product of the constraints and of q². The term ``c p`` of a NONNEGATIVE
        multiplier on {1} is then the sum of squares ``c q²`` times the constraints.
    """

    polynomial: Polynomial
    basis: Basis
    cone: Cone
    factors: tuple[Factor, ...] = ()
    square: Polynomial | None = None

    @property
    def entries(self) -> int:
        """Number of scalar conditions on the moment side."""
        size = self.basis.size
        return size * (size + 1) // 2 if self.cone is Cone.PSD else size

    @property
    def effective_cone(self) -> Cone:
        """The cone after right-sizing: a 1×1 matrix is a nonnegative number."""
        return Cone.NONNEGATIVE if self.cone is Cone.PSD and self.basis.size == 1 else self.cone

    def __str__(self) -> str:
        what = " · ".join(map(str, self.factors)) if self.factors else "1"
        return f"{what} × {self.cone.value} on {self.basis.size} monomials"


def half_degree(polynomial: Polynomial) -> int:
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
    groups: list[tuple[str, Sequence[Polynomial]]] = [
        ("the objective", [problem.objective]),
        ("inequality", problem.inequalities),
        ("equality", problem.equalities),
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


def is_trivial(polynomial: Polynomial) -> bool:
    """Tell whether a constraint is a constant, which restricts nothing."""
    return polynomial.degree == 0
