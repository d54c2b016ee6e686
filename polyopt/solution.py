"""What :func:`polyopt.solve` found: a bound, a point, and how far they are apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from polyopt.html import card
from polyopt.status import Status

if TYPE_CHECKING:
    from polyopt.extraction import Minimizer
    from polyopt.problem import PolynomialProblem
    from polyopt.proof import ProvenBound
    from polyopt.result import RelaxationResult


@dataclass(frozen=True, slots=True)
class Attempt:
    """One relaxation that was tried.

    Attributes
    ----------
    name : str
    outcome : str
        Status of the solver, or why the relaxation was not solved.
    bound : float
        Numerical bound, NaN where there is none.
    value : float
        Best value at a feasible point known afterwards, NaN where none is known.
    seconds : float
        Time since the start of the climb.
    """

    name: str
    outcome: str
    bound: float
    value: float
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.seconds:7.2f} s  {self.name}: {self.outcome}, bound {_number(self.bound)}, "
            f"best value {_number(self.value)}"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """Answer of :func:`polyopt.solve`.

    Attributes
    ----------
    problem : PolynomialProblem
    status : Status
        OPTIMAL: the gap is closed. INACCURATE: bound and value are what they are, but a gap is
        left. INFEASIBLE, UNBOUNDED: said of the problem, on numerical evidence. TIME_LIMIT and
        INTERRUPTED: the best so far. FAILED: neither bound nor point.
    message : str
        What happened, in words.
    bound : float
        Lower bound of the optimum for "min", upper bound for "max"; infinite where there is none.
    bound_kind : {"numerical", "proven", "exact"}
    value : float
        Objective at the best feasible point found, NaN where none was found.
    gap : float
        Distance from bound to value, NaN where one is missing; slightly negative by rounding.
    minimizers : list of Minimizer
        Best value first.
    proof : ProvenBound or None
        For the bound where its kind is not numerical; a weaker one where a proof was possible
        but loses accuracy.
    history : tuple of Attempt
    tolerance : float
        Relative gap that counts as closed.
    seconds : float
    result : RelaxationResult or None
        Of the relaxation whose bound this is; without a bound, of the last one that was solved.
    unproven : str
        Why there is no proof, where one was tried.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 1)[0]
    >>> s = po.solve(po.minimize(x**4 - 2 * x**2, subject_to=[x**2 <= 4]))
    >>> s.order, s.bound_kind, s.notes, s.hints
    (2, 'proven', (), ())
    """

    problem: PolynomialProblem
    status: Status
    message: str
    bound: float
    bound_kind: Literal["numerical", "proven", "exact"]
    value: float
    gap: float
    minimizers: list[Minimizer]
    proof: ProvenBound | None
    history: tuple[Attempt, ...]
    tolerance: float
    seconds: float
    result: RelaxationResult | None = None
    unproven: str = ""

    @property
    def order(self) -> int | None:
        """Order of the relaxation that gave the bound, or of the last one; None without any."""
        return None if self.result is None else self.result.relaxation.order

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done beyond what was asked for, and why there is no proof."""
        told = () if self.result is None else self.result.notes
        return (*told, f"no proof: {self.unproven}") if self.unproven else told

    @property
    def hints(self) -> tuple[str, ...]:
        """What the numbers suggest about the problem; see :attr:`RelaxationResult.hints`."""
        return () if self.result is None else self.result.hints

    def __str__(self) -> str:
        relation = ">=" if self.problem.sense == "min" else "<="
        lines = [f"{self.status.value}: {self.message}"]
        if math.isfinite(self.bound):
            order = "" if self.order is None else f", order {self.order}"
            lines.append(f"optimum {relation} {self.bound:.9g} ({self.bound_kind}{order})")
        elif self.status not in (Status.INFEASIBLE, Status.UNBOUNDED):
            lines.append("no finite bound")
        if self.minimizers:
            best = self.minimizers[0]
            lines.append(
                f"value   {self.value:.9g} (sampled) at a point that violates the constraints by "
                f"{best.violation:.1e}"
            )
            lines.append(f"gap     {self.gap:.3g}")
            shown = self.minimizers[:5]
            lines += [f"point   ({_point(m.point)})" for m in shown]
            if len(self.minimizers) > len(shown):
                lines.append(f"        … ({len(self.minimizers) - len(shown)} more points)")
        else:
            lines.append("no feasible point found")
        if self.proof is not None:
            lines.append(f"proof   {self.proof}")
        lines += [f"note    {note}" for note in self.notes]
        lines += [f"hint    {hint}" for hint in self.hints]
        tried = f"{len(self.history)} relaxation{'s' if len(self.history) != 1 else ''}"
        lines.append(f"tried   {tried} in {self.seconds:.3g} s")
        lines += [f"  {attempt}" for attempt in self.history]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return (
            f"<Solution: {self.status.value}, bound {self.bound:.9g} ({self.bound_kind}), "
            f"value {self.value:.9g}>"
        )

    def _repr_html_(self) -> str:
        relation = ">=" if self.problem.sense == "min" else "<="
        rows: list[tuple[str, object]] = [
            ("status", f"{self.status.value}: {self.message}"),
            ("optimum", f"{relation} {self.bound:.9g} ({self.bound_kind})"),
            ("value", f"{_number(self.value)} (sampled)"),
            ("gap", "none" if math.isnan(self.gap) else f"{self.gap:.3g}"),
        ]
        rows += [("point", f"({_point(m.point)})") for m in self.minimizers[:5]]
        if len(self.minimizers) > 5:
            rows.append(("", f"{len(self.minimizers) - 5} more points"))
        if self.order is not None:
            rows.append(("order", self.order))
        if self.proof is not None:
            rows.append(("proof", self.proof))
        rows += [("note", note) for note in self.notes] + [("hint", hint) for hint in self.hints]
        head = ("seconds", "relaxation", "outcome", "bound", "best value")
        tried = [
            (f"{a.seconds:.2f}", a.name, a.outcome, _number(a.bound), _number(a.value))
            for a in self.history
        ]
        return card("Solution", rows, (head, tried))

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON; numbers that do not exist are NaN or infinite, or None."""
        result, proof = self.result, self.proof
        return {
            "status": self.status.value,
            "message": self.message,
            "sense": self.problem.sense,
            "bound": self.bound,
            "bound_kind": self.bound_kind,
            "value": self.value,
            "value_kind": "sampled",
            "gap": self.gap,
            "order": self.order,
            "relaxation": None if result is None else result.relaxation.name,
            "points": [m.point.tolist() for m in self.minimizers],
            "violations": [m.violation for m in self.minimizers],
            "notes": list(self.notes),
            "hints": list(self.hints),
            "proof": None
            if proof is None
            else {"bound": proof.bound, "kind": proof.kind, "domain": proof.domain},
            "seconds": self.seconds,
            "history": [str(attempt) for attempt in self.history],
        }


def _number(value: float) -> str:
    return "none" if math.isnan(value) else f"{value:.9g}"


def _point(point: Any) -> str:
    shown = ", ".join(f"{float(v):.6g}" for v in point[:8])
    return f"{shown}, …" if len(point) > 8 else shown
