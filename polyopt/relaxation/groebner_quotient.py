"""Problems modulo their equations: standard monomials and Gröbner normal forms.

On the feasible set a polynomial equals its normal form modulo a Gröbner basis of the equations, so
the certificate ``f - λ = Σ p σ`` is needed modulo their ideal only: bases keep standard monomials,
moments are those of standard monomials, and the free multipliers of the equations are what the
reduction does (Permenter, Parrilo, CDC 2012; Laurent, survey 2009, section 6.2). The bound is at
least that of the relaxation with free multipliers of the same order, since a normal form may use
multipliers of a higher degree.

Proofs are about the problem as it was given: normal forms are traced back to the equations
(:meth:`polyopt.polynomial.ideal.NormalForms.lift`), so that a certificate has a polynomial
multiplier for each of them and its checker knows nothing of Gröbner bases.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from polyopt.errors import RelaxationError
from polyopt.polynomial.basis import Basis
from polyopt.polynomial.groebner import Limits, groebner_basis
from polyopt.polynomial.ideal import CliqueIdeal, Monomial, NormalForms
from polyopt.polynomial.polynomial import Polynomial
from polyopt.problem import PolynomialProblem
from polyopt.relaxation.multiplier import Cone, Factor, Multiplier
from polyopt.relaxation.relaxation import Relaxation

_SENSIBLE_BITS = 45


@dataclass(frozen=True, slots=True)
class GroebnerQuotient:
    """Refinement of a relaxation modulo the equations of its problem.

    Moments and bases keep standard monomials of a Gröbner basis (graded reverse lexicographic
    order) and the free multipliers of the equations go. On a relaxation with cliques each clique
    uses the equations inside it, normal forms do not leave it, and an equation that no clique
    contains keeps its multiplier. Apply it after other refinements of bases.

    Parameters
    ----------
    time_limit : float
        Seconds for the Gröbner bases, and again for the normal forms.

    Raises
    ------
    RelaxationError
        When it is applied: the basis or the normal forms are too large or take too long, or
        equations that would have to be combined have coefficients that are no short rational
        numbers, such as 0.1, whose combinations mean nothing in exact arithmetic.

    References
    ----------
    F. Permenter, P. A. Parrilo. Selecting a monomial basis for sums of squares programming over a
    quotient ring. IEEE CDC (2012).

    M. Laurent. Sums of squares, moment matrices and optimization over polynomials. In: Emerging
    Applications of Algebraic Geometry (2009).

    Examples
    --------
    Six complex points, two of them real; the bound is exact.

    >>> import polyopt as po
    >>> x, y = po.variables("x y")
    >>> problem = po.minimize(x + y, subject_to=[x**2 == y, y**3 == x])
    >>> relaxation = po.putinar(problem, order=2)
    >>> refined = relaxation.refine(po.GroebnerQuotient())
    >>> len(relaxation.assembly.moments), len(refined.assembly.moments)
    (15, 6)
    >>> abs(refined.solve().bound) < 1e-6
    True
    """

    time_limit: float = 10.0

    def __post_init__(self) -> None:
        if not isinstance(self.time_limit, (int, float)) or not self.time_limit > 0:
            raise RelaxationError(
                f"time_limit is {self.time_limit!r}; give a positive number of seconds"
            )

    def __call__(self, relaxation: Relaxation) -> Relaxation:
        """Refine a relaxation."""
        start = time.perf_counter()
        problem = relaxation.problem
        forms = normal_forms(problem, _cliques(relaxation), time_limit=self.time_limit)
        notes = [_note(problem, forms)]
        if not forms.ideals:
            return replace(relaxation, notes=(*relaxation.notes, *notes))
        name = f"{relaxation.name}, Gröbner quotient"
        if forms.is_whole_ring:
            notes.append("1 lies in the ideal of the equations, which have no common zero")
            refined = replace(
                relaxation,
                name=name,
                multipliers=(*relaxation.multipliers, *_contradiction(problem, forms)),
                notes=(*relaxation.notes, *notes),
            )
        else:
            reduced = tuple(_reduce(relaxation.multipliers, forms))
            refined = replace(
                relaxation,
                name=name,
                multipliers=reduced,
                notes=(*relaxation.notes, *notes),
                rules=None,
                normal_forms=forms,
            )
        spent = relaxation.timings.get("refinement", 0.0) + time.perf_counter() - start
        return refined.with_timing("refinement", spent)


def normal_forms(
    problem: PolynomialProblem,
    cliques: Sequence[Iterable[int]] | None = None,
    *,
    time_limit: float = 10.0,
) -> NormalForms:
    """Normal forms modulo the equations of a problem.

    Parameters
    ----------
    problem : PolynomialProblem
    cliques : sequence of iterables of int, optional
        Sets of variables; each uses the equations inside it. One of all variables if left out.
    time_limit : float
        Seconds.

    Returns
    -------
    NormalForms

    Raises
    ------
    RelaxationError
        See :class:`GroebnerQuotient`.

    Examples
    --------
    >>> import polyopt as po
    >>> x, y = po.variables("x y")
    >>> forms = normal_forms(po.minimize(x, subject_to=[x**2 + y**2 == 1, x == y]))
    >>> forms.of((1, 1, 1))
    {(2,): Fraction(1, 2)}
    """
    everything = range(problem.number_of_variables)
    supports = [frozenset(h.support.tolist()) for h in problem.equalities]
    limits = Limits(time_limit, "the equalities")
    ideals = []
    for clique in [everything] if cliques is None else cliques:
        members = frozenset(clique)
        inside = [i for i, s in enumerate(supports) if s and s <= members]
        inside += [
            i for i, h in enumerate(problem.equalities) if not supports[i] and h.number_of_terms
        ]
        # Equations without a common variable do not meet in a Gröbner basis.
        for equations in _components(inside, supports):
            left = max(1e-3, limits.seconds - (time.perf_counter() - limits.start))
            ideals.append(_clique_ideal(problem, sorted(members), equations, left))
    limits.start = time.perf_counter()
    return NormalForms(problem.number_of_variables, tuple(ideals), limits)


def _components(inside: Sequence[int], supports: Sequence[frozenset[int]]) -> list[tuple[int, ...]]:
    groups: list[tuple[set[int], set[int]]] = []
    for i in inside:
        variables, members = set(supports[i]), {i}
        rest = []
        for group in groups:
            if group[0] & variables:
                variables |= group[0]
                members |= group[1]
            else:
                rest.append(group)
        groups = [*rest, (variables, members)]
    return sorted(tuple(sorted(members)) for _, members in groups)


def _clique_ideal(
    problem: PolynomialProblem, clique: Sequence[int], equations: tuple[int, ...], seconds: float
) -> CliqueIdeal:
    chosen = [problem.equalities[i] for i in equations]
    names = ", ".join(f"equality {i}" for i in equations[:6])
    names += f" and {len(equations) - 6} more" if len(equations) > 6 else ""
    ring = np.unique(np.concatenate([h.support for h in chosen])).tolist()
    generators = []
    for number, h in zip(equations, chosen, strict=True):
        if len(equations) > 1:
            _require_sensible(h, number)
        table = h.exponents[:, ring] if ring else np.zeros((h.number_of_terms, 0), dtype=np.int64)
        values = map(Fraction, h.coefficients.tolist())
        generators.append(dict(zip(map(tuple, table.tolist()), values, strict=True)))
    basis = groebner_basis(generators, time_limit=seconds, what=names)
    return CliqueIdeal(tuple(clique), tuple(ring), equations, basis)


def _require_sensible(h: Polynomial, number: int) -> None:
    """Refuse equations that exact arithmetic would take more literally than they were meant."""
    values = [Fraction(c) for c in h.coefficients.tolist()]
    common = math.lcm(*(v.denominator for v in values))
    integers = [int(v * common) for v in values]
    shared = math.gcd(*integers)
    worst = max(range(len(values)), key=lambda k: abs(integers[k]))
    if (abs(integers[worst]) // shared).bit_length() <= _SENSIBLE_BITS:
        return
    bad = next((c for c in h.coefficients.tolist() if not float(c * 2.0**20).is_integer()), None)
    shown = float(h.coefficients[worst]) if bad is None else bad
    meant = Fraction(shown).limit_denominator(10_000)
    hint = (
        f"; if {meant} is meant, multiply the equation by {meant.denominator}"
        if meant.denominator > 1 and abs(float(meant) - shown) <= 1e-12 * abs(shown)
        else ""
    )
    raise RelaxationError(
        f"equality {number} has the coefficient {shown!r}, which is stored as the binary fraction "
        f"{Fraction(shown)}; a Gröbner basis with other equations would take this number exactly. "
        f"Give integer coefficients or short fractions{hint}, or leave the equations to their "
        "free multipliers"
    )


def _cliques(relaxation: Relaxation) -> list[list[int]] | None:
    """Sets of variables in which normal forms are taken; None for all variables."""
    if relaxation.sparsity is not None:
        return [sorted(clique) for clique in relaxation.sparsity.cliques]
    plain = [m for m in relaxation.multipliers if m.cone is Cone.PSD and not m.factors]
    if not plain:
        return None
    # Blocks of order 1 beside others carry dense constraints, not normal forms.
    least = min(2, max(m.basis.width for m in plain))
    sets = {
        frozenset((np.unique(m.basis.rows[m.basis.rows > 0]) - 1).tolist())
        for m in plain
        if m.basis.width >= least
    }
    largest = [s for s in sets if not any(s < other for other in sets)]
    return sorted(sorted(s) for s in largest)


def _reduce(multipliers: Iterable[Multiplier], forms: NormalForms) -> Iterator[Multiplier]:
    for m in multipliers:
        if any(f.kind == "equality" for f in m.factors):
            kept = _surviving(m, forms)
            if kept is not None:
                yield kept
        elif m.cone is not Cone.PSD or not isinstance(m.polynomial, Polynomial):
            # Squares stay as they are, since their normal forms need not be squares.
            yield m
        else:
            yield _standard(m, forms)


def _standard(m: Multiplier, forms: NormalForms) -> Multiplier:
    """Drop the monomials whose normal forms the others of the basis span."""
    rows = m.basis.rows
    names: list[Monomial] = [tuple(i for i in row if i) for row in rows.tolist()]
    there = set(names)
    keep = []
    for name in names:
        form = forms.of(name)
        keep.append(name in form or not there.issuperset(form))
    if all(keep):
        return m
    return replace(m, basis=Basis.of_rows(rows[np.array(keep)]))


def _surviving(m: Multiplier, forms: NormalForms) -> Multiplier | None:
    """Keep the entries of an equation's multiplier that are not zero as normal forms."""
    if forms.is_dense and any(f.kind == "equality" and forms.includes(f.number) for f in m.factors):
        return None
    if m.cone is Cone.PSD and m.basis.size > 1:
        return m
    terms = [
        (tuple(i for i in row if i), Fraction(c))
        for row, c in zip(
            m.polynomial.rows.tolist(), m.polynomial.coefficients.tolist(), strict=True
        )
    ]
    rows = m.basis.rows
    if m.cone is Cone.PSD:
        rows = np.concatenate([rows, rows], axis=1)
    keep = []
    for row in rows.tolist():
        own = tuple(i for i in row if i)
        keep.append(bool(forms.reduce({tuple(sorted(own + t)): c for t, c in terms})))
    if all(keep):
        return m
    return replace(m, basis=Basis.of_rows(m.basis.rows[np.array(keep)])) if any(keep) else None


def _contradiction(problem: PolynomialProblem, forms: NormalForms) -> Iterator[Multiplier]:
    """Free multipliers of equations that combine to 1, which leave no moments."""
    for equation, terms in forms.one().items():
        width = max(map(len, terms))
        rows = sorted((0,) * (width - len(m)) + m for m in terms)
        basis = Basis.of_rows(np.array(rows, dtype=np.int32).reshape(len(rows), width))
        yield Multiplier(
            problem.equalities[equation], basis, Cone.FREE, (Factor("equality", equation),)
        )


def _note(problem: PolynomialProblem, forms: NormalForms) -> str:
    total = len(problem.equalities)
    if not forms.ideals:
        return f"Gröbner quotient: not used, none of {total} equalities lies in a clique"
    used = len({i for ideal in forms.ideals for i in ideal.equations})
    elements = sum(len(ideal.basis.elements) for ideal in forms.ideals)
    return (
        f"modulo {used} of {total} equalities: {len(forms.ideals)} Gröbner bases with {elements} "
        "elements in all"
    )
