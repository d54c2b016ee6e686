"""Gröbner bases over the rational numbers, with the way back to the generators.

Buchberger's algorithm in graded reverse lexicographic order, ``x0 > x1 > …``, with the normal
strategy and both of his criteria (Cox, Little, O'Shea, Ideals, Varieties, and Algorithms, 4th ed.,
sections 2.7 and 2.10). Each new element is remembered as the combination of earlier ones that it
is, so that its cofactors ``g = Σ_l c_l h_l`` in the generators can be worked out when a proof
needs them. python-flint's rational numbers are used where it is installed.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Any

from polyopt.errors import RelaxationError

#: Exponents of a monomial, one for each variable.
Exponents = tuple[int, ...]
#: Rational coefficients by monomials.
Terms = dict[Exponents, Any]

_LARGEST_BASIS = 400
_LARGEST_COEFFICIENT = 20_000
_CHECK_EVERY = 256


@lru_cache(maxsize=200_000)
def grevlex(exponents: Exponents) -> tuple[int, ...]:
    """Key that sorts monomials in graded reverse lexicographic order.

    Examples
    --------
    >>> sorted([(0, 0, 2), (1, 0, 1), (0, 2, 0), (1, 1, 0)], key=grevlex)
    [(0, 0, 2), (1, 0, 1), (0, 2, 0), (1, 1, 0)]
    """
    return (sum(exponents), *(-e for e in reversed(exponents)))


@dataclass(slots=True)
class Limits:
    """When to give up.

    Attributes
    ----------
    seconds : float
    what : str
        What is computed, for the message.
    """

    seconds: float
    what: str
    start: float = field(default_factory=time.perf_counter)

    def check(self, reached: str = "") -> None:
        """Raise when the time is over.

        Raises
        ------
        RelaxationError
        """
        if time.perf_counter() - self.start > self.seconds:
            self.give_up(f"was not found within {self.seconds:.2g} s", reached)

    def give_up(self, why: str, reached: str) -> None:
        """Raise with the reason.

        Raises
        ------
        RelaxationError
        """
        raise RelaxationError(
            f"the Gröbner basis of {self.what} {why}{f' ({reached})' if reached else ''}; raise "
            "time_limit, use cliques with fewer equations, or leave the equations to their free "
            "multipliers"
        )


@dataclass(frozen=True, slots=True, eq=False)
class GroebnerBasis:
    """Reduced Gröbner basis, its elements monic and sorted by increasing leading monomial.

    Attributes
    ----------
    elements : tuple of dict
        Exponents to coefficients (Fraction).
    leading : tuple of tuple
        Leading monomials.
    """

    elements: tuple[dict[Exponents, Fraction], ...]
    leading: tuple[Exponents, ...]
    _history: list[list[tuple[int, Terms]]]
    _positions: tuple[int, ...]
    _generators: int
    _limits: Limits

    @property
    def is_whole_ring(self) -> bool:
        """Whether 1 lies in the ideal: the generators have no common zero, not even a complex one.

        Examples
        --------
        >>> h = [{(1,): Fraction(1)}, {(1,): Fraction(1), (0,): Fraction(-1)}]
        >>> groebner_basis(h).is_whole_ring
        True
        """
        return bool(self.leading) and not any(self.leading[0])

    def cofactors(self) -> list[list[dict[Exponents, Fraction]]]:
        """Give the c with ``elements[k] = Σ_l c[k][l] generators[l]``.

        Raises
        ------
        RelaxationError
            They take longer than the basis was given.
        """
        limits = Limits(max(self._limits.seconds, 1.0), f"{self._limits.what} with its cofactors")
        needed = set(self._positions)
        for k in range(len(self._history) - 1, self._generators - 1, -1):
            if k in needed:
                needed.update(ref for ref, _ in self._history[k])
        known: dict[int, list[Terms]] = {}
        for k, combination in enumerate(self._history):
            if k not in needed:
                continue
            if k < self._generators:
                ((_, scale),) = combination
                known[k] = [dict(scale) if l == k else {} for l in range(self._generators)]
                continue
            total: list[Terms] = [{} for _ in range(self._generators)]
            for ref, factor in combination:
                for l, part in enumerate(known[ref]):
                    for monomial, coefficient in factor.items():
                        _add(total[l], part, monomial, coefficient)
                        limits.check()
            known[k] = total
        return [[_fractions(part) for part in known[k]] for k in self._positions]


def groebner_basis(
    generators: Sequence[dict[Exponents, Fraction]],
    *,
    time_limit: float = 10.0,
    what: str = "the equations",
) -> GroebnerBasis:
    """Reduced Gröbner basis of the ideal of some polynomials.

    Parameters
    ----------
    generators : sequence of dict
        Nonzero polynomials: exponents, all of one length, to nonzero rational coefficients.
    time_limit : float
        Seconds.
    what : str
        Name of the generators in messages.

    Returns
    -------
    GroebnerBasis

    Raises
    ------
    RelaxationError
        The limit of time, of the number of elements or of the size of coefficients is reached.

    Examples
    --------
    ``x² - y`` and ``x y - x``: the ideal contains ``y² - y``.

    >>> one = Fraction(1)
    >>> groebner_basis([{(2, 0): one, (0, 1): -one}, {(1, 1): one, (1, 0): -one}]).leading
    ((0, 2), (1, 1), (2, 0))
    """
    limits = Limits(time_limit, what)
    work = _Buchberger(limits)
    number = _rational_type()
    for generator in generators:
        work.append_generator({m: number(c.numerator, c.denominator) for m, c in generator.items()})
    work.run()
    positions = work.reduce_basis()
    return GroebnerBasis(
        tuple(_fractions(work.basis[k]) for k in positions),
        tuple(work.leading[k] for k in positions),
        work.history,
        tuple(positions),
        len(generators),
        limits,
    )


class _Buchberger:
    """State of the algorithm: all elements found so far, each with its combination."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.basis: list[Terms] = []
        self.leading: list[Exponents] = []
        self.history: list[list[tuple[int, Terms]]] = []
        self.pairs: list[tuple[tuple[int, ...], int, int]] = []
        self.pending: set[tuple[int, int]] = set()

    def append_generator(self, terms: Terms) -> None:
        lead = max(terms, key=grevlex)
        scale = 1 / terms[lead]
        constant = (0,) * len(lead)
        self._append(
            {m: c * scale for m, c in terms.items()}, [(len(self.basis), {constant: scale})]
        )

    def _append(self, terms: Terms, combination: list[tuple[int, Terms]]) -> None:
        new = len(self.basis)
        lead = max(terms, key=grevlex)
        self.basis.append(terms)
        self.leading.append(lead)
        self.history.append(combination)
        if new > _LARGEST_BASIS:
            self.limits.give_up(f"has more than {_LARGEST_BASIS} elements", self.reached)
        for k in range(new):
            heapq.heappush(self.pairs, (grevlex(_lcm(self.leading[k], lead)), k, new))
            self.pending.add((k, new))

    @property
    def reached(self) -> str:
        degree = max(map(sum, self.leading), default=0)
        return f"{len(self.basis)} elements of degree up to {degree} so far"

    def run(self) -> None:
        while self.pairs:
            _, i, j = heapq.heappop(self.pairs)
            self.pending.discard((i, j))
            common = _lcm(self.leading[i], self.leading[j])
            if _coprime(self.leading[i], self.leading[j]) or self._chain(i, j, common):
                continue
            left = _over(common, self.leading[i])
            right = _over(common, self.leading[j])
            spoly: Terms = {}
            _add(spoly, self.basis[i], left, 1)
            _add(spoly, self.basis[j], right, -1)
            rest, quotients = self.divide(spoly, range(len(self.basis)))
            if not rest:
                continue
            scale = 1 / rest[max(rest, key=grevlex)]
            combination = [(i, {left: scale}), (j, {right: -scale})]
            combination += [
                (k, {m: -scale * c for m, c in q.items()}) for k, q in quotients.items()
            ]
            self._append({m: c * scale for m, c in rest.items()}, combination)
            if not any(self.leading[-1]):
                return

    def _chain(self, i: int, j: int, common: Exponents) -> bool:
        """Buchberger's second criterion."""
        return any(
            k not in (i, j)
            and _divides(lead, common)
            and (min(i, k), max(i, k)) not in self.pending
            and (min(j, k), max(j, k)) not in self.pending
            for k, lead in enumerate(self.leading)
        )

    def divide(self, terms: Terms, by: Sequence[int]) -> tuple[Terms, dict[int, Terms]]:
        """Remainder and quotients of a division by elements."""
        rest: Terms = {}
        quotients: dict[int, Terms] = {}
        heap = [(_descending(m), m) for m in terms]
        heapq.heapify(heap)
        steps = 0
        while heap:
            _, monomial = heapq.heappop(heap)
            coefficient = terms.pop(monomial, 0)
            if not coefficient:
                continue
            steps += 1
            if steps % _CHECK_EVERY == 1:
                self.limits.check(self.reached)
                if _size(coefficient) > _LARGEST_COEFFICIENT:
                    self.limits.give_up(
                        f"has coefficients of more than {_LARGEST_COEFFICIENT} bits", self.reached
                    )
            divisor = next((k for k in by if _divides(self.leading[k], monomial)), None)
            if divisor is None:
                rest[monomial] = coefficient
                continue
            factor = _over(monomial, self.leading[divisor])
            quotients.setdefault(divisor, {})[factor] = coefficient
            for m, c in self.basis[divisor].items():
                product = tuple(map(int.__add__, m, factor))
                if product == monomial:
                    continue
                if product not in terms:
                    heapq.heappush(heap, (_descending(product), product))
                    terms[product] = -coefficient * c
                else:
                    terms[product] -= coefficient * c
        return rest, quotients

    def reduce_basis(self) -> list[int]:
        """Positions of the reduced basis."""
        order = sorted(range(len(self.basis)), key=lambda k: (grevlex(self.leading[k]), k))
        minimal: list[int] = []
        for k in order:
            if not any(_divides(self.leading[m], self.leading[k]) for m in minimal):
                minimal.append(k)
        result = []
        for k in minimal:
            tail = dict(self.basis[k])
            lead = self.leading[k]
            one = tail.pop(lead)
            rest, quotients = self.divide(tail, [m for m in minimal if m != k])
            if not quotients:
                result.append(k)
                continue
            constant = (0,) * len(lead)
            self.basis.append({**rest, lead: one})
            self.leading.append(lead)
            combination = [(k, {constant: one})]
            combination += [(m, {x: -c for x, c in q.items()}) for m, q in quotients.items()]
            self.history.append(combination)
            result.append(len(self.basis) - 1)
        return result


def _rational_type() -> Callable[[int, int], Any]:
    try:
        from flint import fmpq
    except ImportError:
        return Fraction
    make: Callable[[int, int], Any] = fmpq
    return make


def _fractions(terms: Terms) -> dict[Exponents, Fraction]:
    if all(isinstance(c, Fraction) for c in terms.values()):
        return {m: c for m, c in terms.items() if c}
    return {m: Fraction(int(c.p), int(c.q)) for m, c in terms.items() if c}


def _size(coefficient: Any) -> int:
    """Bits of a rational number."""
    if isinstance(coefficient, Fraction):
        return coefficient.numerator.bit_length() + coefficient.denominator.bit_length()
    return int(coefficient.p).bit_length() + int(coefficient.q).bit_length()


def _descending(monomial: Exponents) -> tuple[int, ...]:
    return tuple(-k for k in grevlex(monomial))


def _add(total: Terms, terms: Terms, monomial: Exponents, coefficient: Any) -> None:
    """Add ``coefficient · monomial · terms`` in place."""
    for m, c in terms.items():
        product = tuple(map(int.__add__, m, monomial))
        value = total.get(product, 0) + coefficient * c
        if value:
            total[product] = value
        else:
            total.pop(product, None)


def _lcm(a: Exponents, b: Exponents) -> Exponents:
    return tuple(map(max, a, b))


def _over(a: Exponents, b: Exponents) -> Exponents:
    return tuple(map(int.__sub__, a, b))


def _divides(a: Exponents, b: Exponents) -> bool:
    return all(map(int.__le__, a, b))


def _coprime(a: Exponents, b: Exponents) -> bool:
    return not any(x and y for x, y in zip(a, b, strict=True))
