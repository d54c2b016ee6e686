"""What an SOS program requires: ``e(x; c) = Σ_k p_k σ_k`` over a list of multipliers.

The list is that of any hierarchy, made for a problem whose objective has every monomial that
``e`` may have; without multipliers the requirement is ``e = 0``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polyopt.conic.assembly import Assembly, assemble
from polyopt.errors import RelaxationError
from polyopt.polynomial import monomials
from polyopt.polynomial.basis import Basis
from polyopt.polynomial.normal_form import Rules
from polyopt.polynomial.polynomial import Polynomial
from polyopt.problem import PolynomialProblem
from polyopt.relaxation.multiplier import Cone, Multiplier, minimal_order, one
from polyopt.relaxation.putinar import putinar
from polyopt.relaxation.relaxation import Relaxation
from polyopt.sos.affine import AffineFamily

Hierarchy = Callable[[PolynomialProblem], Relaxation]


@dataclass(frozen=True, slots=True, eq=False)
class Requirement:
    """One identity of an SOS program.

    Attributes
    ----------
    name : str
    family : AffineFamily
        e(x; c).
    problem : PolynomialProblem
        Its constraints describe the set.
    multipliers : tuple of Multiplier
    rules : int array of shape (n,), optional
        Monomials count modulo ``x² = x`` and ``x² = 1``.
    """

    name: str
    family: AffineFamily
    problem: PolynomialProblem
    multipliers: tuple[Multiplier, ...]
    rules: Rules | None = None

    def assemble(self) -> Assembly | None:
        """Sparse data of the multipliers; None where there is none."""
        if not self.multipliers:
            return None
        return assemble(self.multipliers, self.problem.number_of_variables, self.rules)


def require(
    name: str,
    family: AffineFamily,
    problem: PolynomialProblem,
    order: int | None,
    hierarchy: Hierarchy | None,
) -> Requirement:
    """Choose the multipliers of a nonnegative polynomial.

    Raises
    ------
    RelaxationError
        Both an order and a hierarchy, or a hierarchy of another problem.
    """
    if hierarchy is not None:
        if order is not None:
            raise RelaxationError("give either an order or a hierarchy, not both")
        relaxation = hierarchy(problem)
        if not isinstance(relaxation, Relaxation) or relaxation.problem is not problem:
            raise RelaxationError(
                "the hierarchy must be a function that makes a relaxation of the problem it is "
                "given, such as lambda problem: polyopt.putinar(problem, order=2)"
            )
        return Requirement(name, family, problem, relaxation.multipliers, relaxation.rules)
    if family.degree == 0 and not problem.constraints:
        constant = Multiplier(one(problem), Basis.constant(), Cone.NONNEGATIVE)
        return Requirement(name, family, problem, (constant,))
    relaxation = putinar(problem, minimal_order(problem) if order is None else order)
    return Requirement(name, family, problem, relaxation.multipliers)


def gram_requirement(
    name: str, family: AffineFamily, problem: PolynomialProblem, basis: list[Polynomial]
) -> Requirement:
    """Sum of squares on a basis of monomials of one's own."""
    width = max((p.degree for p in basis), default=0)
    for p in basis:
        if p.number_of_terms != 1:
            raise RelaxationError(f"the basis has {p}, which is not a monomial")
    rows = [monomials.widen(p.over(family.variables).rows, width) for p in basis]
    table, _ = monomials.unique_rows(
        np.concatenate([np.zeros((0, width), dtype=np.int32), *rows]), len(family.variables)
    )
    if not len(table):
        raise RelaxationError("the basis is empty; give at least one monomial")
    return Requirement(
        name, family, problem, (Multiplier(one(problem), Basis.of_rows(table), Cone.PSD),)
    )


def columns_of(
    family: AffineFamily, assembly: Assembly | None, rules: Rules | None
) -> tuple[NDArray[np.intp], int]:
    """Number the monomials of ``e`` among those of the multipliers, new ones behind them.

    Returns
    -------
    positions : int array of shape (terms,)
    total : int
        Number of monomials, which is that of the identity's scalar equations.
    """
    n = len(family.variables)
    if assembly is None:
        unique, inverse = monomials.unique_rows(family.rows, n)
        return inverse.astype(np.intp), len(unique)
    positions = assembly.positions(family.rows)
    total = len(assembly.moments)
    missing = positions < 0
    if missing.any():
        unique, inverse = monomials.unique_rows(family.rows[missing], n)
        positions[missing] = total + inverse
        total += len(unique)
    return positions, total
