r"""Order-2 cliques of one or two variables, projected to inequalities on moments of order 1.

Let u take two values (``u² = u`` or ``u² = 1``) with indicator polynomials ``q_a(u)``, where
``q_a² = q_a`` modulo the equation, and let z lie in an interval. With ``M_1 ⪰ 0`` on both variables
the moments of degree up to 2 are those of a measure exactly when

- two intervals: all products of two of ``z - l, h - z, w - l', h' - w`` with different signs or
  variables have ``L >= 0``, the four McCormick inequalities and ``L((z - l)(h - z)) >= 0``
  (Anstreicher and Burer, Math. Program. 124, 2010, for the box in two variables);
- u and an interval ``[l_a, h_a]`` of z for each value a of u: ``L(q_a (z - l_a)) >= 0``,
  ``L(q_a (h_a - z)) >= 0`` and ``L(Σ_a q_a (z - l_a)(h_a - z)) >= 0``;
- u and v of two values: ``L(q_a(u) q_b(v)) >= 0``.

So the blocks of such a clique may go. Every inequality is a nonnegative number times a product of
constraints and squares ``q_a²``, which the ordinary proof checks.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from polyopt.errors import RelaxationError
from polyopt.polynomial.basis import Basis
from polyopt.polynomial.normal_form import INVOLUTORY, KEEP, Rules, reduce_rows
from polyopt.polynomial.polynomial import Polynomial
from polyopt.problem import PolynomialProblem
from polyopt.relaxation.expansion import require_monomials
from polyopt.relaxation.multiplier import (
    Cone,
    Factor,
    Multiplier,
    is_trivial,
    one,
    require_scalar_constraints,
)
from polyopt.relaxation.putinar import scalar_multiplier
from polyopt.relaxation.quotient import Quotient, _vanishes, binary_rules
from polyopt.relaxation.relaxation import Relaxation

Group = tuple[int, ...]
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class ProjectCliques:
    """Refinement of a relaxation of order 2: small cliques become inequalities of order 1.

    Cliques of one or two variables that take two values (``x² = x``, ``x² = 1``) or have an
    interval are replaced by products of the constraints, and all order-1 blocks by one block on
    all variables. Where every clique is replaced, ``solve(solver="lowrank")`` takes the result.
    The bound of such a clique is that of its convex hull, so at least as good as order 2; what is
    lost are moments of degree 3 and 4 that cliques with a common interval variable share. Cliques
    for which nothing is known stay as they are, and the note in the plan says why and which
    constraints to add.

    References
    ----------
    K. M. Anstreicher, S. Burer. Computable representations for convex hulls of low-dimensional
    quadratic forms. Math. Program. 124 (2010).

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 4)
    >>> f = x[0] * x[1] - x[2] * x[3] - x[0] + 2 * x[3] ** 2
    >>> box = [bound >= 0 for v in x for bound in (v, 1 - v)]
    >>> problem = po.minimize(f, subject_to=[*box, 3 - x[0] - x[1] - x[2] - x[3] >= 0])
    >>> relaxation = po.nearly_sparse(problem, 2, cliques=[(0, 1), (2, 3)], dense=[8])
    >>> projected = relaxation.refine(po.ProjectCliques())
    >>> relaxation.plan.largest_block, projected.plan.largest_block
    (6, 5)
    >>> projected.notes[-1]
    '2 of 2 cliques projected to order 1'
    >>> round(projected.solve().bound, 4)
    -1.125
    """

    def __call__(self, relaxation: Relaxation) -> Relaxation:
        """Refine a relaxation.

        Raises
        ------
        RelaxationError
            The order is not 2.
        """
        if relaxation.order != 2:
            raise RelaxationError(
                f"the relaxation has order {relaxation.order}; cliques are projected from order 2 "
                "to order 1, so make it with order=2"
            )
        require_monomials(relaxation)
        start = time.perf_counter()
        problem = relaxation.problem
        require_scalar_constraints(
            problem, "the projection of cliques", "leave this refinement out"
        )
        cliques = [_all_of(m) for m in relaxation.multipliers if _block_degree(m) > 1]
        projector = _Projector(problem, relaxation)
        cuts: dict[Group, list[Multiplier]] = {}
        kept: dict[Group, str] = {}
        for group in dict.fromkeys(cliques):
            try:
                cuts[group] = list(projector.cuts(group))
            except _UnknownError as unknown:
                kept[group] = str(unknown)
        notes = tuple(_notes(problem, cuts, kept, projector.rules))
        if not cuts:
            return replace(relaxation, notes=(*relaxation.notes, *notes))
        rest = [
            m for m in relaxation.multipliers if _block_degree(m) != 1 and _all_of(m) not in cuts
        ]
        everything = sorted({v for m in relaxation.multipliers for v in _all_of(m)})
        block = Multiplier(one(problem), Basis.full(everything, 1), Cone.PSD)
        chosen = {(m.factors, str(m.square)): m for part in cuts.values() for m in part}
        present = {m.factors for m in rest if m.effective_cone is Cone.NONNEGATIVE}
        new = [m for m in chosen.values() if m.square is not None or m.factors not in present]
        refined = replace(
            relaxation,
            multipliers=(block, *rest, *new),
            name=f"{relaxation.name}, projected cliques",
            notes=(*relaxation.notes, *notes),
        )
        if relaxation.rules is None and projector.rules.any():
            refined = refined.refine(Quotient())
            refined = replace(refined, notes=(*relaxation.notes, refined.notes[-1], *notes))
        spent = relaxation.timings.get("refinement", 0.0) + time.perf_counter() - start
        return refined.with_timing("refinement", spent)


class _UnknownError(Exception):
    """No projection is known; the text says why."""


@dataclass(frozen=True, slots=True)
class _Bound:
    """What an inequality says about one variable, the others being fixed."""

    factor: Factor
    low: float
    high: float
    curvature: float


class _Projector:
    """Cuts of the cliques of one problem."""

    def __init__(self, problem: PolynomialProblem, relaxation: Relaxation) -> None:
        self.problem = problem
        self.rules: Rules = binary_rules(problem)
        # Constraints with a number for a multiplier are no part of the cliques.
        sparse = {
            m.factors[0]
            for m in relaxation.multipliers
            if len(m.factors) == 1 and (len(m.basis) > 1 or m.polynomial.degree > 2)
        }
        self._constraints: dict[Group, list[Factor]] = {}
        for factor in sorted(sparse):
            if not is_trivial(p := self._polynomial(factor)):
                self._constraints.setdefault(tuple(p.support.tolist()), []).append(factor)
        rows = reduce_rows(problem.objective.rows, self.rules)
        high = rows[np.count_nonzero(rows, axis=1) > 2]
        self._high = {tuple(np.unique(row[row > 0] - 1).tolist()) for row in high}

    def cuts(self, group: Group) -> Iterator[Multiplier]:
        """Give the inequalities of order 1 that replace a clique."""
        if len(group) > 2:
            raise _UnknownError(f"it has {len(group)} variables")
        inside = [group, *((v,) for v in group if len(group) > 1)]
        if any(part in self._high for part in inside):
            raise _UnknownError("the objective has a monomial of degree above 2 in it")
        factors = [factor for part in inside for factor in self._constraints.get(part, [])]
        for factor in factors:
            if factor.kind == "equality" and not _vanishes(factor, self.rules, self.problem):
                raise _UnknownError(f"it contains {factor}")
        inequalities = [factor for factor in factors if factor.kind == "inequality"]
        intervals = [v for v in group if self.rules[v] == KEEP]
        two_values = [v for v in group if self.rules[v] != KEEP]
        if len(intervals) == 2:
            return self._two_intervals(intervals, inequalities)
        if intervals:
            return self._one_interval(two_values, intervals[0], inequalities)
        return self._no_interval(two_values, inequalities)

    def _no_interval(
        self, variables: Sequence[int], factors: Sequence[Factor]
    ) -> Iterator[Multiplier]:
        for values in product(*(self._values(v) for v in variables)):
            fixed = dict(zip(variables, values, strict=True))
            for factor in factors:
                if _restrict(self._polynomial(factor), fixed)[0] < 0:
                    raise _UnknownError(f"{factor} excludes some of its values")
            if len(variables) == 2:
                first, second = (self._indicator(v, value) for v, value in fixed.items())
                square = first * second
                yield Multiplier(square * square, Basis.constant(), Cone.NONNEGATIVE, (), square)

    def _two_intervals(
        self, variables: Sequence[int], factors: Sequence[Factor]
    ) -> Iterator[Multiplier]:
        ends = []
        for v in variables:
            bounds = []
            for factor in factors:
                support = self._polynomial(factor).support.tolist()
                if len(support) > 1:
                    raise _UnknownError(f"{factor} is in both variables")
                if support == [v]:
                    bounds.append(self._bound(factor, {}))
            ends.append(self._ends(v, bounds))
        (low, high), (other_low, other_high) = ends
        yield self._pair(low, high)
        yield self._pair(other_low, other_high)
        for first, second in product((low, high), (other_low, other_high)):
            yield self._pair(first, second)

    def _one_interval(
        self, two_values: Sequence[int], variable: int, factors: Sequence[Factor]
    ) -> Iterator[Multiplier]:
        cases: list[dict[int, float]] = [{}]
        if two_values:
            cases = [{two_values[0]: a} for a in self._values(two_values[0])]
        bounds = [[self._bound(factor, case) for factor in factors] for case in cases]
        limits = [
            (
                max((b.low for b in bs), default=-math.inf),
                min((b.high for b in bs), default=math.inf),
            )
            for bs in bounds
        ]
        missing = self._advice(two_values, variable, limits)
        # The last inequality: one concave constraint or the product of two affine ones.
        tight = [
            [(_close(b.low, low), _close(b.high, high)) for b in bs]
            for bs, (low, high) in zip(bounds, limits, strict=True)
        ]
        number = range(len(factors))
        affine = [k for k in number if self._polynomial(factors[k]).degree == 1]
        lows = [k for k in affine if all(t[k][0] for t in tight)]
        highs = [k for k in affine if all(t[k][1] for t in tight)]
        whole = [
            k
            for k in number
            if all(all(t[k]) for t in tight) and len({bs[k].curvature for bs in bounds}) == 1
        ]
        if whole:
            factor = factors[whole[0]]
            yield scalar_multiplier(self._polynomial(factor), factor)
        elif lows and highs:
            yield self._pair(factors[lows[0]], factors[highs[0]])
            # Implied, but solvers look for a bound of z² alone.
            alone = [k for k in affine if len(self._polynomial(factors[k]).support) == 1]
            ends = [
                [k for k in alone if bounds[0][k].high == math.inf],
                [k for k in alone if bounds[0][k].low == -math.inf],
            ]
            curved = [
                k
                for k in number
                if all(bs[k].curvature for bs in bounds)
                and len(self._polynomial(factors[k]).support) == 1
            ]
            if curved:
                factor = factors[curved[0]]
                yield scalar_multiplier(self._polynomial(factor), factor)
            elif all(ends):
                first = max(ends[0], key=lambda k: bounds[0][k].low)
                second = min(ends[1], key=lambda k: bounds[0][k].high)
                yield self._pair(factors[first], factors[second])
        else:
            raise _UnknownError(missing)
        for a, case in enumerate(cases if two_values else []):
            square = self._indicator(two_values[0], case[two_values[0]])
            for side in (0, 1):
                found = [k for k in number if tight[a][k][side] and not bounds[a][k].curvature]
                if not found:
                    raise _UnknownError(missing)
                factor = factors[found[0]]
                yield Multiplier(
                    square * square * self._polynomial(factor),
                    Basis.constant(),
                    Cone.NONNEGATIVE,
                    (factor,),
                    square,
                )

    def _ends(self, variable: int, bounds: Sequence[_Bound]) -> tuple[Factor, Factor]:
        """Affine constraints that are the two ends of the interval of a variable."""
        low = max((b.low for b in bounds), default=-math.inf)
        high = min((b.high for b in bounds), default=math.inf)
        affine = [b for b in bounds if not b.curvature]
        lows = [b.factor for b in affine if _close(b.low, low)]
        highs = [b.factor for b in affine if _close(b.high, high)]
        if low > high or not lows or not highs:
            raise _UnknownError(self._advice([], variable, [(low, high)]))
        return lows[0], highs[0]

    def _bound(self, factor: Factor, fixed: dict[int, float]) -> _Bound:
        c = _restrict(self._polynomial(factor), fixed)
        c0, c1, c2 = (*c, 0.0, 0.0)[:3]
        if len(c) > 3 or c2 > 0 or (not c2 and not c1 and c0 < 0):
            raise _UnknownError(f"{factor} is no interval of a variable")
        if c2:
            room = c1 * c1 - 4.0 * c0 * c2
            if room < 0:
                raise _UnknownError(f"{factor} has no solution")
            ends = sorted((-c1 + s * math.sqrt(room)) / (2.0 * c2) for s in (-1.0, 1.0))
            return _Bound(factor, ends[0], ends[1], c2)
        low = -c0 / c1 if c1 > 0 else -math.inf
        return _Bound(factor, low, -c0 / c1 if c1 < 0 else math.inf, 0.0)

    def _advice(
        self, two_values: Sequence[int], variable: int, limits: Sequence[tuple[float, float]]
    ) -> str:
        name = self.problem.variables[variable]
        if not all(math.isfinite(low) and math.isfinite(high) for low, high in limits):
            return f"{name} has no interval; add bounds {name} - l >= 0 and h - {name} >= 0"
        if any(low > high for low, high in limits):
            return f"the interval of {name} is empty"
        z = Polynomial(self.problem.variables, np.array([[variable + 1]], dtype=np.int32), [1.0])
        ends = [Polynomial.constant(0.0, self.problem.variables)] * 2
        for k, pair in enumerate(limits):
            weight = one(self.problem)
            if two_values:
                weight = self._indicator(two_values[0], self._values(two_values[0])[k])
            ends = [end + value * weight for end, value in zip(ends, pair, strict=True)]
        return f"add the linear bounds {z - ends[0]} >= 0 and {ends[1] - z} >= 0"

    def _pair(self, first: Factor, second: Factor) -> Multiplier:
        p = self._polynomial(first) * self._polynomial(second)
        return scalar_multiplier(p, *sorted((first, second)))

    def _polynomial(self, factor: Factor) -> Polynomial:
        problem = self.problem
        group = problem.equalities if factor.kind == "equality" else problem.inequalities
        return group[factor.number]

    def _values(self, variable: int) -> tuple[float, float]:
        return (-1.0, 1.0) if self.rules[variable] == INVOLUTORY else (0.0, 1.0)

    def _indicator(self, variable: int, value: float) -> Polynomial:
        """Give q, 1 at one of the two values and 0 at the other one."""
        low, high = self._values(variable)
        other = low if value == high else high
        names = self.problem.variables
        x = Polynomial(names, np.array([[variable + 1]], dtype=np.int32), [1.0])
        result: Polynomial = (x - other) * (1.0 / (value - other))
        return result


def _restrict(polynomial: Polynomial, fixed: dict[int, float]) -> list[float]:
    """Coefficients of 1, z, z², … with all variables but z at given values."""
    result = [0.0] * (polynomial.degree + 1)
    for row, c in zip(polynomial.rows.tolist(), polynomial.coefficients.tolist(), strict=True):
        free = sum(1 for v in row if v and v - 1 not in fixed)
        result[free] += c * math.prod(fixed.get(v - 1, 1.0) for v in row if v)
    while len(result) > 1 and not result[-1]:
        result.pop()
    return result


def _close(a: float, b: float) -> bool:
    return math.isfinite(a) and abs(a - b) <= _TOLERANCE * (1.0 + abs(b))


def _all_of(multiplier: Multiplier) -> Group:
    """Variables of constraint and basis of a multiplier that is no constant."""
    basis = multiplier.basis
    if len(basis) == 1:
        return ()
    inside = basis.variables if basis.variables is not None else np.unique(basis.rows) - 1
    both = np.union1d(inside[inside >= 0], multiplier.polynomial.support)
    return tuple(int(v) for v in both)


def _block_degree(multiplier: Multiplier) -> int:
    """Degree of the basis of a sum of squares without constraints, 0 for all else."""
    if multiplier.factors or multiplier.cone is not Cone.PSD:
        return 0
    return int(np.count_nonzero(multiplier.basis.rows, axis=1).max())


def _notes(
    problem: PolynomialProblem,
    cuts: dict[Group, list[Multiplier]],
    kept: dict[Group, str],
    rules: Rules,
) -> Iterator[str]:
    def named(group: Group) -> str:
        return "{" + ", ".join(problem.variables[v] for v in group[:6]) + "}"

    total = len(cuts) + len(kept)
    times = np.bincount([v for group in (*cuts, *kept) for v in group], minlength=len(rules))
    shared = [v for v in np.flatnonzero((times > 1) & (rules == KEEP)) if any(v in g for g in cuts)]
    if shared:
        yield (
            f"{len(shared)} interval variables lie in several cliques, which share no moments of "
            "degree 3 and 4 once projected"
        )
    if kept:
        shown = "; ".join(f"{named(g)}: {why}" for g, why in list(kept.items())[:4])
        yield (
            f"{len(kept)} of {total} cliques stay at order 2, for an interior-point or "
            f"operator-splitting solver ({shown}{'; …' if len(kept) > 4 else ''})"
        )
    yield f"{len(cuts)} of {total} cliques projected to order 1"
