"""Solve a polynomial problem: climb the hierarchy until bound and value meet.

At every order the cheaper relaxations come first: term sparsity on cliques, cliques, all
variables. Each one gives a bound and starting points for local searches; the climb ends when the
gap is closed, the time is over, or nothing that is left would fit. A proof of the bound follows.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np

from polyopt.errors import (
    MemoryEstimateError,
    PolyoptError,
    ProofError,
    RelaxationError,
    UnknownOptionError,
)
from polyopt.extraction import Minimizer, local_minimizers
from polyopt.ladder import Sparsity, estimated_seconds, is_large_for_exact, relaxations
from polyopt.problem import PolynomialProblem
from polyopt.proof import ProvenBound, find_box, prove_infeasible
from polyopt.relaxation import Relaxation, minimal_order, putinar
from polyopt.relaxation.multiplier import check_order, require_problem
from polyopt.result import RelaxationResult
from polyopt.solution import Attempt, Solution
from polyopt.status import Status

Progress = Callable[[str], None]

#: Orders above the minimal one that ``order="auto"`` climbs to.
_CLIMB = 4
#: Largest relative residual of a relaxation whose bound counts.
_RESIDUAL = 1e-5
#: Values beyond this, reached along feasible points, show an unbounded problem.
_ENDLESS = 1e12


def solve(
    problem: PolynomialProblem,
    order: int | Literal["auto"] = "auto",
    *,
    time_limit: float = 60.0,
    sparsity: Sparsity = "auto",
    tolerance: float = 1e-6,
    prove: bool = True,
    solver: str | None = None,
    rng: int = 0,
    progress: Progress | None = None,
) -> Solution:
    """Find the optimum of a polynomial problem, with a bound that shows how good it is.

    Parameters
    ----------
    problem : PolynomialProblem
    order : int or "auto"
        Relaxation order; "auto" climbs from the smallest.
    time_limit : float
        Seconds for everything. A solver that is in the middle of a step may run over.
    sparsity : {"auto", "correlative", "term", "dense"}
        Which relaxations to use; "auto" takes all that apply, cheapest first.
    tolerance : float
        Gap, relative to ``max(1, |value|)``, that counts as closed.
    prove : bool
        Prove the bound, where a box is known or an exact identity can be found.
    solver : str, optional
        A name from :func:`polyopt.available_solvers`.
    rng : int
        Seed of the local searches.
    progress : callable, optional
        Called with a line of text for everything that is tried; ``print`` will do.

    Returns
    -------
    Solution
        Also after Ctrl-C: the best so far.

    Raises
    ------
    RelaxationError
        The given order is too low.
    UnknownOptionError
        An option that does not exist.

    References
    ----------
    J. B. Lasserre. Global optimization with polynomials and the problem of moments. SIAM J. Optim.
    11 (2001).

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 2)
    >>> s = po.solve(po.minimize(x[0] * x[1], subject_to=[x[0] ** 2 + x[1] ** 2 <= 1]))
    >>> s.status.value, s.bound_kind, round(s.value, 6), len(s.minimizers)
    ('optimal', 'proven', -0.5, 2)
    """
    require_problem(problem)
    if sparsity not in ("auto", "correlative", "term", "dense"):
        raise UnknownOptionError(
            f'sparsity is {sparsity!r}; it must be "auto", "correlative", "term" or "dense"'
        )
    if not time_limit > 0:
        raise UnknownOptionError(f"the time limit is {time_limit!r}; it must be positive")
    if not 0 < tolerance < 1:
        raise UnknownOptionError(f"the tolerance is {tolerance!r}; it must lie between 0 and 1")
    if order != "auto":
        check_order(problem, order)
    climb = _Climb(problem, time_limit, tolerance, solver, rng, progress or (lambda text: None))
    try:
        climb.search_locally()
        climb.run(order, sparsity)
        if prove:
            climb.prove()
    except KeyboardInterrupt:
        climb.stopped = Status.INTERRUPTED
        climb.say("interrupted; returning the best so far")
    return climb.solution()


class _Climb:
    """The state of a climb: best bound, best points, history."""

    def __init__(
        self,
        problem: PolynomialProblem,
        time_limit: float,
        tolerance: float,
        solver: str | None,
        rng: int,
        progress: Progress,
    ) -> None:
        self.problem, self.sign = problem, problem.sign
        self.time_limit, self.tolerance = time_limit, tolerance
        self.solver, self.rng, self.progress = solver, rng, progress
        self.start = time.perf_counter()
        self.history: list[Attempt] = []
        self.results: list[RelaxationResult] = []
        self.latest: RelaxationResult | None = None
        self.points: list[Minimizer] = []
        self.proof: ProvenBound | None = None
        self.unproven = ""
        self.stopped: Status | None = None
        self.too_large: int | None = None
        self.empty = (
            "no point satisfies the constraints: a relaxation is infeasible, as its solver's ray "
            "shows numerically"
        )

    @property
    def spent(self) -> float:
        return time.perf_counter() - self.start

    @property
    def left(self) -> float:
        return self.time_limit - self.spent

    def say(self, text: str) -> None:
        self.progress(f"[{self.spent:.2f} s] {text}")

    # Bounds and values are compared as for minimisation.
    @property
    def lower(self) -> float:
        """Best numerical bound that the known points do not contradict."""
        return -math.inf if self.best is None else self.sign * self.best.bound

    @property
    def best(self) -> RelaxationResult | None:
        """The relaxation of that bound."""
        limit = self.upper + 1e-5 * max(1.0, abs(self.upper))
        kept = (r for r in self.results if math.isfinite(r.bound) and self.sign * r.bound <= limit)
        return max(kept, key=lambda r: self.sign * r.bound, default=None)

    @property
    def upper(self) -> float:
        return self.sign * self.points[0].value if self.points else math.inf

    @property
    def closed(self) -> bool:
        gap = self.upper - self.lower
        return math.isfinite(gap) and gap <= self.tolerance * max(1.0, abs(self.upper))

    def search_locally(self) -> None:
        """Look for points before there is any relaxation."""
        n = self.problem.number_of_variables
        box = find_box(self.problem)
        empty = np.flatnonzero(box.lower > box.upper)
        if empty.size:
            i = int(empty[0])
            self.stopped = Status.INFEASIBLE
            self.empty = (
                f"no point satisfies the constraints: they ask for {self.problem.variables[i]} >= "
                f"{box.lower[i]:.6g} and <= {box.upper[i]:.6g} (proven)"
            )
            self.say(self.empty)
            return
        low = np.where(np.isfinite(box.lower), box.lower, np.minimum(-2.0, box.upper - 4.0))
        high = np.where(np.isfinite(box.upper), box.upper, np.maximum(2.0, box.lower + 4.0))
        draws = np.random.default_rng(self.rng).uniform(low, high, size=(4, n))
        starts = [0.5 * (low + high), *draws]
        self.add(local_minimizers(self.problem, [(s, "random start") for s in starts]))
        if self.points and self.upper < -_ENDLESS:
            self.stopped = Status.UNBOUNDED
        self.say(f"local searches from {len(starts)} points: best value {self._value_text()}")

    def add(self, found: list[Minimizer]) -> None:
        """Keep the points of best value."""
        # Where values are about equal, the point that violates less goes first.
        merged = sorted(
            [*found, *self.points],
            key=lambda m: self.sign * m.value + 100.0 * max(1.0, abs(m.value)) * m.violation,
        )
        if not merged:
            return
        best = self.sign * merged[0].value
        self.points = []
        for m in merged:
            size = 1e-3 * (1.0 + float(np.abs(m.point).max(initial=0.0)))
            near = self.sign * m.value - best <= self.tolerance * max(1.0, abs(best))
            if near and all(np.abs(m.point - k.point).max(initial=0.0) > size for k in self.points):
                self.points.append(m)

    def run(self, order: int | Literal["auto"], sparsity: Sparsity) -> None:
        """Climb."""
        lowest = minimal_order(self.problem)
        orders = range(lowest, lowest + _CLIMB + 1) if order == "auto" else range(order, order + 1)
        for d in orders:
            useful = False
            for relaxation in relaxations(self.problem, d, sparsity, self._record):
                if self.stopped is not None or self.closed:
                    return
                if self.left <= 0:
                    self.stopped = Status.TIME_LIMIT
                    return
                useful = self._try(relaxation) or useful
            if not useful and self.stopped is None and not self.closed:
                self.say(f"nothing of order {d} is small enough for the time that is left")
                self.too_large = d
                return

    def _try(self, relaxation: Relaxation) -> bool:
        """Solve one relaxation; tell whether it was small enough to be tried."""
        if estimated_seconds(relaxation) > 4.0 * self.left:
            self._record(relaxation.name, "too large for the time that is left", math.nan)
            return False
        self.say(f"trying {relaxation.name}: {relaxation.plan.summary}")
        try:
            result = relaxation.solve(solver=self.solver, time_limit=max(1.0, self.left))
        except MemoryEstimateError as error:
            self._record(relaxation.name, f"not tried: {error}", math.nan)
            return False
        except RelaxationError as error:
            self._record(relaxation.name, f"no bound: {error}", math.nan)
            return True
        self.latest = result
        if result.status is Status.INTERRUPTED:
            self.stopped = Status.INTERRUPTED
        bound = math.nan
        if result.status is Status.INFEASIBLE and not self.points:
            self.stopped = Status.INFEASIBLE
        elif result.status.has_iterate:
            residuals = result.residuals
            if max(residuals.dual, residuals.dual_cone) <= _RESIDUAL:
                self.results.append(result)
                bound = result.bound
        if self.stopped is None:
            self.add(result.minimizers(rng=self.rng, restarts=8 if self.left > 1 else 1))
            if self.points and self.upper < -_ENDLESS:
                self.stopped = Status.UNBOUNDED
        self._record(relaxation.name, result.status.value, bound)
        return True

    def prove(self) -> None:
        """Prove the best bound: on the box of the constraints, else by an exact identity."""
        if self.stopped is Status.INFEASIBLE:
            self._prove_infeasible()
        if self.stopped in (Status.INFEASIBLE, Status.UNBOUNDED, Status.INTERRUPTED):
            return
        ranked = [r for r in self.results if self.sign * r.bound <= self.upper + 1e-5]
        ranked.sort(key=lambda r: -self.sign * r.bound)
        box = find_box(self.problem)
        bounded = bool(np.isfinite(box.magnitude).all())
        for result in ranked[:2]:
            method: Literal["interval", "exact"] = "interval" if bounded else "exact"
            if method == "exact" and (is_large_for_exact(result.relaxation) or self.left < 1.0):
                continue
            self.say(f"proving the bound of {result.relaxation.name} ({method})")
            try:
                proof = result.prove(method=method)
            except ProofError as error:
                self._leave_unproven(error)
                continue
            except PolyoptError as error:
                self._leave_unproven(error)
                return
            self.say(f"{proof}")
            if self.proof is None or self.sign * (proof.bound - self.proof.bound) > 0:
                self.proof = proof
            if self._proof_is_sharp():
                return

    def _prove_infeasible(self) -> None:
        relaxation = putinar(self.problem, minimal_order(self.problem))
        if self.left < 1.0 or is_large_for_exact(relaxation):
            return
        self.say("proving that no point is feasible (exact)")
        try:
            self.proof = prove_infeasible(self.problem, relaxation.order)
        except PolyoptError as error:
            self._leave_unproven(error)
        else:
            self.empty = "no point satisfies the constraints: an exact identity shows it"

    def _leave_unproven(self, reason: object) -> None:
        self.unproven = str(reason)
        self.say(f"no proof: {reason}")

    def _proof_is_sharp(self) -> bool:
        if self.proof is None or not math.isfinite(self.proof.bound):
            return False
        loss = self.lower - self.sign * self.proof.bound
        return loss <= max(1e-5, self.tolerance) * max(1.0, abs(self.lower))

    def solution(self) -> Solution:
        """Sum up."""
        lower, kind = self.lower, "numerical"
        if self._proof_is_sharp():
            assert self.proof is not None
            lower, kind = self.sign * self.proof.bound, self.proof.kind
        gap = self.upper - lower
        if not math.isfinite(gap):
            gap = math.nan
        status, message = self._verdict(lower)
        if status is Status.INFEASIBLE:
            lower = math.inf
            kind = self.proof.kind if self.proof is not None else kind
        if status is Status.UNBOUNDED:
            lower = -math.inf
        bound = self.sign * lower
        points = [
            replace(m, gap=self.sign * (m.value - bound) if math.isfinite(bound) else math.nan)
            for m in self.points
        ]
        return Solution(
            problem=self.problem,
            status=status,
            message=message,
            bound=bound,
            bound_kind=kind,  # type: ignore[arg-type]
            value=points[0].value if points else math.nan,
            gap=gap,
            minimizers=points,
            proof=self.proof,
            history=tuple(self.history),
            tolerance=self.tolerance,
            seconds=self.spent,
            result=self.best or self.latest,
            unproven="" if self.proof is not None else self.unproven,
        )

    def _verdict(self, lower: float) -> tuple[Status, str]:
        if self.closed:
            return Status.OPTIMAL, "bound and value agree to the tolerance"
        if self.stopped is Status.INFEASIBLE:
            return self.stopped, self.empty
        if self.stopped is Status.UNBOUNDED:
            return self.stopped, (
                "the objective seems to have no bound: a local search reached the value "
                f"{self._value_text()} at a feasible point"
            )
        if self.stopped is Status.INTERRUPTED:
            return self.stopped, "interrupted from the keyboard; this is the best so far"
        if self.stopped is Status.TIME_LIMIT or self.left <= 0:
            return Status.TIME_LIMIT, "the time limit was reached; this is the best so far"
        if self.too_large is not None:
            return Status.TIME_LIMIT, (
                f"the relaxations of order {self.too_large} are too large for the time that was "
                "left or for the memory; this is the best so far"
            )
        if math.isinf(lower) and not self.points:
            return Status.FAILED, (
                "neither a bound nor a feasible point was found; bound the variables, scale them "
                "to about [-1, 1], or give a larger order"
            )
        if math.isinf(lower):
            return Status.INACCURATE, (
                "a point but no bound was found; add bounds on the variables or a ball, or give a "
                "larger order"
            )
        return Status.INACCURATE, (
            "a gap between bound and value is left; more time, a larger order or bounds on the "
            "variables may close it"
        )

    def _record(self, name: str, outcome: str, bound: float = math.nan) -> None:
        value = self.sign * self.upper if self.points else math.nan
        attempt = Attempt(name, outcome, bound, value, self.spent)
        self.history.append(attempt)
        self.say(f"{name}: {outcome}, bound {bound:.9g}, best value {self._value_text()}")

    def _value_text(self) -> str:
        return f"{self.sign * self.upper:.9g}" if self.points else "none"
