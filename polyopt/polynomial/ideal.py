"""Normal forms of polynomials modulo equations, dense or clique by clique.

A rule replaces the leading monomial of an element of a Gröbner basis by the rest of the element,
with the sign changed. With one Gröbner basis the normal form decides membership in the ideal (Cox,
Little, O'Shea, section 2.6). With several, one for the equations of each clique, a rule is used on
monomials inside its clique only, so that no normal form leaves the clique: the result is then some
representative modulo the ideal, always the same for the same monomial, which is all that a
certificate needs. :meth:`NormalForms.lift` gives it back in the original equations,
``p - NF(p) = Σ_l τ_l h_l``.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyopt.errors import RelaxationError
from polyopt.polynomial.groebner import Exponents, GroebnerBasis, Limits
from polyopt.polynomial.monomials import Rows

#: A monomial as the nondecreasing variable indices, counted from 1.
Monomial = tuple[int, ...]
#: Coefficients by monomials.
Coefficients = dict[Monomial, Any]

_LARGEST_COEFFICIENT = 1e8
_LARGEST_SUPPORT = 2_000_000


@dataclass(frozen=True, eq=False)
class CliqueIdeal:
    """Gröbner basis of the equations inside a clique.

    Attributes
    ----------
    variables : tuple of int
        Increasing indices of the variables in which the rules may be used.
    ring : tuple of int
        Increasing indices of the variables that occur in the equations: those of the exponents.
    equations : tuple of int
        Numbers of the equations.
    basis : GroebnerBasis
    """

    variables: tuple[int, ...]
    ring: tuple[int, ...]
    equations: tuple[int, ...]
    basis: GroebnerBasis

    @cached_property
    def cofactors(self) -> list[list[Coefficients]]:
        """Cofactors of the elements, a list for the equations of each."""
        return [
            [self.named(cofactor) for cofactor in cofactors] for cofactors in self.basis.cofactors()
        ]

    def named(self, terms: Mapping[Exponents, Fraction]) -> Coefficients:
        """Give a polynomial in exponents of the ring by monomials."""
        return {self.monomial(exponents): c for exponents, c in terms.items()}

    def monomial(self, exponents: Exponents) -> Monomial:
        """Give a monomial of the ring as indices."""
        return tuple(i + 1 for i, e in zip(self.ring, exponents, strict=True) for _ in range(e))


@dataclass(frozen=True, slots=True)
class _Rule:
    clique: frozenset[int]
    leading: tuple[tuple[int, int], ...]
    tail: tuple[tuple[Monomial, Fraction], ...]
    ideal: int
    element: int


@dataclass(frozen=True, eq=False)
class NormalForms:
    """Normal forms modulo the equations of cliques.

    Attributes
    ----------
    number_of_variables : int
    ideals : tuple of CliqueIdeal
    limits : Limits
        Of the time that all normal forms together may take.
    """

    number_of_variables: int
    ideals: tuple[CliqueIdeal, ...]
    limits: Limits
    _known: dict[Monomial, Coefficients] = field(default_factory=dict)

    @cached_property
    def _rules(self) -> tuple[_Rule, ...]:
        result = []
        for k, ideal in enumerate(self.ideals):
            for e, (terms, lead) in enumerate(
                zip(ideal.basis.elements, ideal.basis.leading, strict=True)
            ):
                tail = {m: -c for m, c in terms.items() if m != lead}
                leading = tuple((i + 1, n) for i, n in zip(ideal.ring, lead, strict=True) if n)
                clique = frozenset(i + 1 for i in ideal.variables)
                result.append(_Rule(clique, leading, tuple(ideal.named(tail).items()), k, e))
        return tuple(result)

    @property
    def is_whole_ring(self) -> bool:
        """Whether the equations of a clique have no common zero."""
        return any(ideal.basis.is_whole_ring for ideal in self.ideals)

    @property
    def is_dense(self) -> bool:
        """Whether there is one clique only, so that normal forms decide membership."""
        return len({ideal.variables for ideal in self.ideals}) == 1

    def includes(self, equation: int) -> bool:
        """Whether an equation is one of some ideal."""
        return any(equation in ideal.equations for ideal in self.ideals)

    def _find(self, monomial: Monomial) -> _Rule | None:
        members = set(monomial)
        for rule in self._rules:
            if members <= rule.clique and all(monomial.count(i) >= n for i, n in rule.leading):
                return rule
        return None

    def is_normal(self, monomial: Monomial) -> bool:
        """Whether a monomial is its own normal form."""
        return self._find(monomial) is None

    def of(self, monomial: Monomial) -> Coefficients:
        """Normal form of a monomial, with rational coefficients.

        Raises
        ------
        RelaxationError
            The normal forms take too long.
        """
        stack = [monomial]
        while stack:
            top = stack[-1]
            if top in self._known:
                stack.pop()
                continue
            rule = self._find(top)
            if rule is None:
                self._known[top] = {top: Fraction(1)}
                continue
            rest = _divide(top, rule.leading)
            parts = [(tuple(sorted(rest + m)), c) for m, c in rule.tail]
            missing = [m for m, _ in parts if m not in self._known]
            if missing:
                stack += missing
                continue
            self.limits.check(f"{len(self._known)} normal forms so far")
            total: Coefficients = {}
            for m, c in parts:
                for standard, value in self._known[m].items():
                    total[standard] = total.get(standard, 0) + c * value
            self._known[top] = {m: c for m, c in total.items() if c}
        return self._known[monomial]

    def reduce(self, polynomial: Mapping[Monomial, Any]) -> Coefficients:
        """Normal form of a polynomial."""
        total: Coefficients = {}
        for monomial, value in polynomial.items():
            for standard, c in self.of(monomial).items():
                total[standard] = total.get(standard, 0) + value * c
        return {m: c for m, c in total.items() if c}

    def matrix(
        self, rows: Rows
    ) -> tuple[Rows, NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
        """Normal forms of many monomials in floating point.

        Parameters
        ----------
        rows : int array of shape (k, width)

        Returns
        -------
        standard : int array of shape (s, width)
            Monomials of the normal forms.
        which, where : int arrays of shape (nnz,)
        value : float array of shape (nnz,)
            The normal form of ``rows[which]`` has the coefficient ``value`` at
            ``standard[where]``.

        Raises
        ------
        RelaxationError
            Coefficients too large for floating-point arithmetic, or normal forms that take too
            long.
        """
        places: dict[Monomial, int] = {}
        which, where, value = [], [], []
        for k, row in enumerate(rows.tolist()):
            for standard, c in self.of(tuple(i for i in row if i)).items():
                which.append(k)
                where.append(places.setdefault(standard, len(places)))
                value.append(float(c))
            if len(which) > _LARGEST_SUPPORT:
                raise RelaxationError(
                    f"the normal forms modulo {self.limits.what} have more than "
                    f"{_LARGEST_SUPPORT} terms; leave the equations to their free multipliers"
                )
        largest = max(map(abs, value), default=0.0)
        if largest > _LARGEST_COEFFICIENT:
            raise RelaxationError(
                f"the normal forms modulo {self.limits.what} have coefficients up to {largest:.1e},"
                " too large for solvers in floating point; scale the variables so that the "
                "leading coefficients are not much smaller than the others, or leave the "
                "equations to their free multipliers"
            )
        width = max(rows.shape[1], max(map(len, places), default=0))
        table = [(0,) * (width - len(m)) + m for m in places]
        standard_rows = np.array(table, dtype=np.int32).reshape(len(table), width)
        return (
            standard_rows,
            np.array(which, dtype=np.intp),
            np.array(where, dtype=np.intp),
            np.array(value, dtype=np.float64),
        )

    def lift(
        self, polynomial: Mapping[Monomial, Any], convert: type[float] | type[Fraction] = Fraction
    ) -> dict[int, Coefficients]:
        """Multipliers τ of the equations with ``p - NF(p) = Σ_l τ_l h_l``.

        Parameters
        ----------
        polynomial : mapping
            Coefficients p by monomials, in the arithmetic of ``convert``.
        convert : float or Fraction
            With floats the identity holds up to rounding.

        Returns
        -------
        dict
            Coefficients of τ by equation.
        """
        quotients = self._quotients(polynomial, convert)
        result: dict[int, Coefficients] = {}
        for (k, e), quotient in quotients.items():
            ideal = self.ideals[k]
            for equation, cofactor in zip(ideal.equations, ideal.cofactors[e], strict=True):
                total = result.setdefault(equation, {})
                for m, c in cofactor.items():
                    scaled = convert(c)
                    for factor, value in quotient.items():
                        product = tuple(sorted(m + factor))
                        total[product] = total.get(product, 0) + scaled * value
        cleaned = {l: {m: c for m, c in t.items() if c} for l, t in sorted(result.items())}
        return {l: t for l, t in cleaned.items() if t}

    def _quotients(
        self, polynomial: Mapping[Monomial, Any], convert: type[float] | type[Fraction]
    ) -> dict[tuple[int, int], Coefficients]:
        """Divide by the rules, largest monomials first."""
        work = dict(polynomial)
        heap = [(_order(m), m) for m in work]
        heapq.heapify(heap)
        quotients: dict[tuple[int, int], Coefficients] = {}
        while heap:
            _, monomial = heapq.heappop(heap)
            value = work.pop(monomial, 0)
            rule = self._find(monomial) if value else None
            if rule is None:
                continue
            rest = _divide(monomial, rule.leading)
            quotient = quotients.setdefault((rule.ideal, rule.element), {})
            quotient[rest] = quotient.get(rest, 0) + value
            for m, c in rule.tail:
                product = tuple(sorted(rest + m))
                if product not in work:
                    heapq.heappush(heap, (_order(product), product))
                    work[product] = value * convert(c)
                else:
                    work[product] += value * convert(c)
        return quotients

    def one(self) -> dict[int, Coefficients]:
        """Multipliers τ with ``1 = Σ_l τ_l h_l``, where 1 lies in the ideal."""
        return self.lift({(): Fraction(1)})


def _divide(monomial: Monomial, by: tuple[tuple[int, int], ...]) -> Monomial:
    drop = dict(by)
    result = []
    for i in monomial:
        if drop.get(i, 0):
            drop[i] -= 1
        else:
            result.append(i)
    return tuple(result)


def _order(monomial: Monomial) -> tuple[int, ...]:
    """Key under which the largest monomial of the graded reverse lexicographic order is first."""
    return (-len(monomial), *reversed(monomial))
