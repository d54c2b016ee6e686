"""Rational objectives: minimise ``f/q`` where ``q > 0`` on the feasible set.

The certificate is ``f - λ q = Σ_k p_k σ_k``, hence ``f/q >= λ``; on the moment side the Riesz
functional is normalised by ``L(q) = 1`` instead of ``L(1) = 1`` (Jibetean and de Klerk, Math.
Program. 106, 2006; Bugarin, Henrion, Lasserre, Math. Program. Comput. 8, 2016). It is an SOS
program with the one decision variable λ. For a fixed λ the polynomial ``f - λ q`` says the rest, as
in Dinkelbach's method: a proven bound r of it makes ``λ + min(r, 0) / min q`` a proven bound of
``f/q``, and at the optimal λ its minimisers are those of ``f/q``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from polyopt.errors import InvalidProblemError, ProofError, ProofRejectedError
from polyopt.extraction import Minimizer
from polyopt.polynomial.matrix_inequality import psd
from polyopt.polynomial.polynomial import Polynomial
from polyopt.problem import PolynomialProblem, minimize
from polyopt.proof.box import Box
from polyopt.proof.proven_bound import ProvenBound
from polyopt.proof.remainder import monomial_ranges
from polyopt.proof.rounding import up
from polyopt.relaxation.complement import range_above
from polyopt.relaxation.multiplier import minimal_order
from polyopt.relaxation.putinar import putinar
from polyopt.relaxation.relaxation import Relaxation
from polyopt.sos.program import SOSProgram
from polyopt.sos.solution import SOSSolution
from polyopt.status import Status

Hierarchy = Callable[[PolynomialProblem], Relaxation]


class RationalProblem:
    """Minimise or maximise ``f(x) / q(x)`` subject to polynomial constraints.

    Parameters
    ----------
    numerator, denominator : Polynomial, number or sympy expression
        f and q. The claim of a bound needs ``q > 0`` on the feasible set, which
        :meth:`RationalResult.prove` proves too.
    subject_to : iterable of relations
        See :func:`polyopt.minimize`.
    variables : iterable, optional
        See :class:`polyopt.PolynomialProblem`.
    sense : {"min", "max"}

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 1)[0]
    >>> problem = po.RationalProblem(x, 1 + x**2, subject_to=[x**2 <= 9])
    >>> result = problem.solve(order=2)
    >>> round(result.bound, 6), result.bound_kind
    (-0.5, 'numerical')
    >>> proof = result.prove()
    >>> proof.kind, -0.500001 < proof.bound <= -0.5
    ('proven', True)
    >>> [m.point.round(4).tolist() for m in result.minimizers()]
    [[-1.0]]
    """

    __slots__ = ("_whole", "denominator", "numerator", "sense")

    def __init__(
        self,
        numerator: Any,
        denominator: Any,
        subject_to: Iterable[Any] = (),
        *,
        variables: Iterable[object] | None = None,
        sense: Literal["min", "max"] = "min",
    ) -> None:
        if sense not in ("min", "max"):
            raise InvalidProblemError(f'sense is {sense!r}; it must be "min" or "max"')
        f, q = _polynomial(numerator, "numerator"), _polynomial(denominator, "denominator")
        # The sum has the variables of both.
        self._whole = minimize(f + 0.0 * q, subject_to, variables=variables)
        names = self._whole.variables
        self.numerator = f.over(names, place="the numerator")
        self.denominator = q.over(names, place="the denominator")
        self.sense: Literal["min", "max"] = sense
        if self.denominator.degree == 0 and self.denominator.constant_term <= 0:
            raise InvalidProblemError(
                f"the denominator is the constant {self.denominator.constant_term:g}; it must be "
                "positive on the feasible set (change the sign of both parts if it is negative)"
            )

    @property
    def sign(self) -> int:
        """1 for "min", -1 for "max"."""
        return 1 if self.sense == "min" else -1

    @property
    def order(self) -> int:
        """Smallest order of a relaxation."""
        return max(
            minimal_order(self.with_objective(p)) for p in (self.numerator, self.denominator)
        )

    def with_objective(self, objective: Polynomial) -> PolynomialProblem:
        """Minimise a polynomial over the same set."""
        problem = self._whole
        return PolynomialProblem(
            objective,
            problem.inequalities,
            problem.equalities,
            problem.variables,
            matrix_inequalities=problem.matrix_inequalities,
        )

    def parametric(self, value: float) -> Polynomial:
        """Give ``±f - λ q``, rounded; its minimum over the set is 0 at the optimal λ."""
        polynomial: Polynomial = self.sign * self.numerator - value * self.denominator
        return polynomial

    def evaluate(self, point: ArrayLike) -> Any:
        """Value of ``f/q`` at a point (n,) or a batch (k, n)."""
        return self.numerator(point) / self.denominator(point)

    def violation(self, point: ArrayLike) -> Any:
        """Largest violation of a constraint; see :meth:`polyopt.PolynomialProblem.violation`."""
        return self._whole.violation(point)

    def solve(
        self, order: int | None = None, *, hierarchy: Hierarchy | None = None, **options: Any
    ) -> RationalResult:
        """Bound ``f/q`` by a relaxation.

        Parameters
        ----------
        order : int, optional
            Order of Putinar's certificate; the smallest one when left out.
        hierarchy : function of a problem, optional
            Makes the relaxation whose multipliers are used; see
            :meth:`polyopt.SOSProgram.require_nonnegative`.
        **options
            Those of :meth:`polyopt.SOSProgram.solve`, such as ``solver`` and ``tolerance``.
        """
        if hierarchy is not None and order is not None:
            raise InvalidProblemError("give either an order or a hierarchy, not both")
        degree = self.order if order is None else order
        make = (lambda problem: putinar(problem, degree)) if hierarchy is None else hierarchy
        names = self._whole.variables
        program = SOSProgram(names)
        stem = "bound"
        while stem in names:
            stem += "_"
        bound = program.coefficient(stem)
        problem = self._whole
        relations: list[Any] = [g >= 0 for g in problem.inequalities]
        relations += [h == 0 for h in problem.equalities]
        relations += [psd(matrix) for matrix in problem.matrix_inequalities]
        program.require_nonnegative(
            self.sign * self.numerator - bound * self.denominator, on=relations, hierarchy=make
        )
        program.maximize(bound)
        return RationalResult(self, make, program.solve(**options))

    def __repr__(self) -> str:
        return (
            f"<RationalProblem: {self.sense} of ({self.numerator}) / ({self.denominator}), "
            f"{len(self._whole.inequalities)} inequalities, "
            f"{len(self._whole.equalities)} equalities>"
        )


@dataclass(frozen=True, eq=False)
class RationalResult:
    """Result of a relaxation with a rational objective.

    Attributes
    ----------
    problem : RationalProblem
    hierarchy : function of a problem
        Makes the relaxation.
    solution : SOSSolution
        Its only decision variable is λ.
    bound_kind : {"numerical"}
    """

    problem: RationalProblem
    hierarchy: Hierarchy
    solution: SOSSolution
    bound_kind: Literal["numerical"] = "numerical"

    @property
    def status(self) -> Status:
        """Outcome for the certificate: INFEASIBLE means that no bound exists at this order."""
        return self.solution.status

    @property
    def bound(self) -> float:
        """Lower bound of ``f/q`` for "min", upper bound for "max", numerically.

        Infinite where the solver found that no bound exists at this order, or that the
        relaxation, and so the feasible set, is empty; NaN when it failed.
        """
        if self.status is Status.INFEASIBLE:
            return -self.problem.sign * math.inf
        if self.status is Status.UNBOUNDED:
            return self.problem.sign * math.inf
        if not self.status.has_iterate:
            return math.nan
        return self.problem.sign * float(self.solution.values[0])

    def prove(
        self, *, box: tuple[ArrayLike, ArrayLike] | None = None, **options: Any
    ) -> RationalBound:
        """Prove a bound, with a proof that the denominator is positive.

        Solves and proves the relaxation of ``f - λ q`` for the λ that was found; where interval
        arithmetic on the box does not show ``q > 0``, also that of q.

        Parameters
        ----------
        box : (lower, upper), optional
            See :meth:`polyopt.RelaxationResult.prove`.
        **options
            Those of :meth:`polyopt.Relaxation.solve`.

        Raises
        ------
        ProofError
            There is no bound to prove, a variable has no known range, or q could not be shown to be
            positive.
        """
        value = self.problem.sign * self.bound
        if not math.isfinite(value):
            raise ProofError(
                f"there is no bound to prove from (status {self.status}); raise the order"
            )
        problem = self.problem
        proof = self._relax(problem.parametric(value), options).prove(box=box)
        positive = None
        if not _least_by_intervals(problem.denominator, proof.box) > 0:
            positive = self._relax(problem.denominator, options).prove(box=box)
        return RationalBound(
            bound=problem.sign * _bound(problem, value, proof, positive),
            value=value,
            proof=proof,
            positivity=positive,
        )

    def minimizers(self, **options: Any) -> list[Minimizer]:
        """Points where ``f/q`` attains the bound or comes close: minimisers of ``f - λ q``.

        The options are those of :meth:`polyopt.RelaxationResult.minimizers`.
        """
        problem = self.problem
        value = problem.sign * self.bound
        if not math.isfinite(value):
            return []
        found = self._relax(problem.parametric(value), {}).minimizers(**options)
        exact = [(m, float(problem.evaluate(m.point))) for m in found]
        return [replace(m, value=v, gap=problem.sign * (v - self.bound)) for m, v in exact]

    def _relax(self, objective: Polynomial, options: dict[str, Any]) -> Any:
        return self.hierarchy(self.problem.with_objective(objective)).solve(**options)

    def __repr__(self) -> str:
        return f"<RationalResult: {self.status}, bound {self.bound:.9g} (numerical)>"


@dataclass(frozen=True, eq=False)
class RationalBound:
    """A bound of ``f/q`` that holds whatever the solver did.

    Attributes
    ----------
    bound : float
        Lower bound for "min", upper bound for "max".
    value : float
        λ; for "max" of ``-f/q``.
    proof : ProvenBound
        Lower bound of ``f - λ q``.
    positivity : ProvenBound, optional
        Lower bound of q; None where interval arithmetic on the box shows one.
    kind : {"proven"}
    """

    bound: float
    value: float
    proof: ProvenBound
    positivity: ProvenBound | None
    kind: Literal["proven"] = "proven"

    @property
    def domain(self) -> str:
        """The set of points for which the bound is proven, in words."""
        return self.proof.domain

    def check(self, problem: RationalProblem) -> RationalBound:
        """Check the proof again, from the problem and the certificates alone.

        Raises
        ------
        ProofRejectedError
            It is no proof for this problem, or shows less than it claims.
        """
        parametric = problem.with_objective(problem.parametric(self.value))
        self.proof.check(parametric)
        if self.positivity is not None:
            self.positivity.check(problem.with_objective(problem.denominator))
        shown = problem.sign * _bound(problem, self.value, self.proof, self.positivity)
        if math.isnan(self.bound) or problem.sign * self.bound > problem.sign * shown:
            raise ProofRejectedError(
                f"the proof claims the bound {self.bound!r}, but its certificates only show "
                f"{shown!r} for this problem"
            )
        return self

    def __repr__(self) -> str:
        return f"<RationalBound: {self.bound:.9g}, proven {self.domain}>"


def _polynomial(item: Any, place: str) -> Polynomial:
    coerced = None if isinstance(item, str) else Polynomial.constant(0.0)._coerce(item)
    if coerced is None:
        raise InvalidProblemError(
            f"the {place} is {item!r} of type {type(item).__name__}; give a Polynomial, a "
            "number or a sympy expression"
        )
    return coerced


def _bound(
    problem: RationalProblem, value: float, proof: ProvenBound, positive: ProvenBound | None
) -> float:
    """``λ + min(r, 0) / min q``, rounded down, with r a lower bound of the exact ``±f - λ q``."""
    least = _least_by_intervals(problem.denominator, proof.box)
    if positive is not None:
        if positive.box.source == "user" and proof.box.source != "user":
            raise ProofRejectedError("the proof that q > 0 holds on a smaller box than the bound")
        if (positive.box.lower > proof.box.lower).any() or (
            positive.box.upper < proof.box.upper
        ).any():
            raise ProofRejectedError("the proof that q > 0 holds on a smaller box than the bound")
        least = max(least, positive.bound)
    if not least > 0:
        raise ProofError(
            f"the denominator {problem.denominator} could not be shown to be positive on the "
            f"feasible set (proven: q >= {least:g}); add a constraint such as q >= c with a "
            "positive number c that holds on the set, give a smaller box, or raise the order"
        )
    room = proof.bound - _rounding(problem, value, proof.box)
    room = math.nextafter(room, -math.inf)
    if room >= 0:
        return value
    loss = math.nextafter(-room / least, math.inf)
    return math.nextafter(value - loss, -math.inf)


def _least_by_intervals(polynomial: Polynomial, box: Box) -> float:
    return -range_above(-polynomial, box)


def _rounding(problem: RationalProblem, value: float, box: Box) -> float:
    """Upper bound of ``|(±f - λ q) - parametric|`` over the box, from the exact difference."""
    exact: dict[tuple[int, ...], Fraction] = {}
    parts = [
        (problem.numerator, Fraction(problem.sign)),
        (problem.denominator, -Fraction(value)),
        (problem.parametric(value), Fraction(-1)),
    ]
    for polynomial, factor in parts:
        for row, c in zip(polynomial.rows.tolist(), polynomial.coefficients, strict=True):
            key = tuple(i for i in row if i)
            exact[key] = exact.get(key, Fraction(0)) + factor * Fraction(float(c))
    left = {key: abs(c) for key, c in exact.items() if c}
    if not left:
        return 0.0
    width = max(map(len, left))
    rows = np.array([(0,) * (width - len(key)) + key for key in left], dtype=np.int32)
    size, _ = monomial_ranges(rows.reshape(len(left), width), box)
    if not np.isfinite(size).all():
        raise ProofError(
            "rounding f - λ q cannot be bounded where a variable has no known range; give "
            "box=(lower, upper) or add a constraint such as a ball"
        )
    weights = np.nextafter(np.array([float(c) for c in left.values()]), np.inf)
    total = math.fsum(up(weights * size, 2).tolist())
    return math.nextafter(total, math.inf)
