"""From a relaxation to its result: assemble, choose solver and form, solve, read back."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal

from polyopt.conic.forms import build_program, check_form
from polyopt.conic.program import ConicProgram, ConicSolution, DualProgram
from polyopt.conic.residuals import solution_residuals
from polyopt.conic.scaling import scale_program, variable_exponents
from polyopt.relaxation.multiplier import Cone
from polyopt.relaxation.plan import Plan, check_memory, peak_memory, resolve_limit
from polyopt.relaxation.relaxation import Form, Relaxation
from polyopt.result import RelaxationResult
from polyopt.solvers.base import Solver, SolverKind, SolverOptions
from polyopt.solvers.lowrank.recognise import UnboundedSquaresError
from polyopt.solvers.registry import default_solver, get_solver
from polyopt.solvers.verdict import settle_status
from polyopt.status import Status


def solve_relaxation(
    relaxation: Relaxation,
    *,
    solver: str | None = None,
    form: Form | None = None,
    tolerance: float | None = None,
    time_limit: float | None = None,
    threads: int | None = None,
    verbose: bool = False,
    options: Mapping[str, Any] | None = None,
    scaling: bool = True,
    memory_limit: float | Literal["available"] | None = "available",
) -> RelaxationResult:
    """Solve a relaxation; see :meth:`polyopt.Relaxation.solve`."""
    if form is not None:
        check_form(form)
    limit = resolve_limit(memory_limit)
    chosen = None if solver is None else get_solver(solver)
    start = time.perf_counter()
    program = build_program(relaxation, "moment", memory_limit=memory_limit)
    if chosen is None:
        chosen = default_solver(program, tolerance=tolerance)
    if tolerance is None:
        tolerance = chosen.capabilities.default_tolerance
    settings = SolverOptions(
        tolerance=tolerance,
        time_limit=time_limit,
        threads=threads,
        verbose=verbose,
        extra=MappingProxyType(dict(options or {})),
    )
    needed = _solver_memory(chosen, relaxation.plan)
    check_memory(needed, limit, f"solving with {chosen.name}", relaxation.plan)
    scaled = None
    # The low-rank solver has a scaling of its own, to a unit diagonal.
    if scaling and chosen.capabilities.kind is not SolverKind.LOW_RANK:
        exponents = variable_exponents(relaxation.problem)
        if exponents.any():
            scaled = scale_program(program, relaxation.assembly, relaxation.multipliers, exponents)
    given = program if scaled is None else scaled.program
    used: Form = chosen.capabilities.preferred_form if form is None else form
    forms: dict[Form, DualProgram | None] = {"moment": None}
    if used == "sos":
        forms["sos"] = given.dual()
    assembled = time.perf_counter()

    def run(which: Form, within: SolverOptions) -> ConicSolution:
        dual = forms[which]
        if dual is None:
            try:
                solution = chosen.solve(given, within)
            except UnboundedSquaresError as error:
                raise error.named(_block_names(relaxation, error.rows)) from None
        else:
            solution = dual.recover(chosen.solve(dual.program, within))
        if scaled is not None:
            solution = scaled.recover(solution)
        if given is not program or dual is not None:
            # The verdict was reached on transformed data; what counts is the moment form itself.
            solution = settle_status(program, solution, tolerance)
        return solution

    solution = run(used, settings)
    solved = time.perf_counter()
    timings = {
        **relaxation.timings,
        "assembly": assembled - start,
        "solver": solved - assembled,
    }
    notes: tuple[str, ...] = ()
    left = None if time_limit is None else time_limit - (solved - assembled)
    inaccurate = solution.status is Status.INACCURATE
    # A first-order solver that ran out of iterations would do so again, and take as long.
    interior = chosen.capabilities.kind is SolverKind.INTERIOR_POINT
    if form is None and inaccurate and interior and (left is None or left > 0):
        other: Form = "moment" if used == "sos" else "sos"
        forms.setdefault(other, given.dual() if other == "sos" else None)
        second = run(other, replace(settings, time_limit=left))
        timings["other form"] = time.perf_counter() - solved
        kept = _is_better(program, second, solution)
        notes = (_retry_note(program, (used, solution), (other, second), kept),)
        if kept:
            used, solution = other, second
    return RelaxationResult(
        relaxation,
        program,
        solution,
        used,
        MappingProxyType(timings),
        peak_memory(),
        notes=notes,
    )


def _is_better(program: ConicProgram, new: ConicSolution, old: ConicSolution) -> bool:
    """Whether a second answer beats one that is inaccurate, judged on the data."""
    if new.status.is_solved or new.status.is_certificate:
        return True
    return new.status.has_iterate and _worst(program, new) < _worst(program, old)


def _worst(program: ConicProgram, solution: ConicSolution) -> float:
    if not solution.status.has_iterate:
        return math.inf
    worst = solution_residuals(program, solution).worst
    return math.inf if math.isnan(worst) else worst


def _retry_note(
    program: ConicProgram,
    first: tuple[Form, ConicSolution],
    second: tuple[Form, ConicSolution],
    kept: bool,
) -> str:
    told = [
        f"{form} form {solution.status.value}"
        + (
            f" (largest residual {_worst(program, solution):.1e})"
            if solution.status.has_iterate
            else ""
        )
        for form, solution in (first, second)
    ]
    return (
        f"{told[0]}, so it was solved again: {told[1]}; the "
        f"{'second' if kept else 'first'} answer is kept"
    )


def _block_names(relaxation: Relaxation, rows: list[int]) -> list[str]:
    """Variables that stand in these rows of the only block, which is of order 1."""
    basis = next(m.basis.rows for m in relaxation.multipliers if m.effective_cone is Cone.PSD)
    return [relaxation.problem.variables[int(basis[row, -1]) - 1] for row in rows]


def _solver_memory(solver: Solver, sizes: Plan) -> float:
    if solver.capabilities.kind is SolverKind.INTERIOR_POINT:
        return sizes.interior_point_bytes
    return sizes.first_order_bytes
