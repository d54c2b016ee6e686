"""A battery for solvers: what a new backend must get right before it is believed.

Small programs in every kind of cone whose answers are known because primal and dual solution were
chosen first, strictly complementary; programs that are infeasible or unbounded for a visible
reason; and the conventions that a translation most easily gets wrong: signs of duals, the order and
the weights of PSD entries, offsets, empty and 1x1 blocks, programs without rows. Every answer is
judged by the optimality conditions on the data (see :mod:`polyopt.conic.residuals`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polyopt.conic.program import Cones, ConicProgram, ConicSolution
from polyopt.conic.residuals import (
    infeasibility_residuals,
    solution_residuals,
    unboundedness_residuals,
)
from polyopt.conic.svec import svec
from polyopt.errors import SolverError, SolverUnavailableError, UnknownOptionError
from polyopt.solvers.base import Solver, SolverOptions
from polyopt.solvers.verdict import RAY_TOLERANCE
from polyopt.status import Status


@dataclass(frozen=True, eq=False)
class _Case:
    name: str
    program: ConicProgram
    status: Status
    value: float = np.nan


def check_solver(
    solver: Solver, *, tolerance: float = 1e-5, options: SolverOptions | None = None
) -> tuple[str, ...]:
    """Check a solver against programs with known answers; run it on one you have written.

    Only programs in cones that the solver's capabilities name are used, each as it is and as its
    dual.

    Parameters
    ----------
    solver : Solver
    tolerance : float
        Largest relative residual, gap and error of the value.
    options : SolverOptions, optional
        What the solver is called with.

    Returns
    -------
    tuple of str
        Names of the cases that were passed.

    Raises
    ------
    SolverError
        Something is wrong; the message lists every failed case with the reason.
    SolverUnavailableError
        The solver is not installed or has no licence.

    Examples
    --------
    >>> from polyopt.solvers import get_solver
    >>> check_solver(get_solver("highs"))[:2]
    ('equations and inequalities', 'equations and inequalities, dual')
    """
    if not isinstance(solver, Solver):
        raise TypeError(f"check_solver needs a Solver object, got {solver!r}")
    passed, failed = [], []
    for case in _cases():
        if not solver.capabilities.supports(case.program.cones):
            continue
        reason = _reason(solver, case, tolerance, options)
        if reason:
            failed.append(f"{case.name}: {reason}")
        else:
            passed.append(case.name)
    reason = _unknown_option_reason(solver)
    (failed if reason else passed).append(f"unknown option{': ' if reason else ''}{reason}")
    if failed:
        raise SolverError(
            f"solver {solver.name!r} fails {len(failed)} of {len(failed) + len(passed)} cases:\n"
            + "\n".join(failed)
        )
    return tuple(passed)


def _reason(solver: Solver, case: _Case, tolerance: float, options: SolverOptions | None) -> str:
    program = case.program
    try:
        solution = solver.solve(program, options)
    except SolverUnavailableError:
        raise
    except SolverError as error:
        return str(error)
    lengths = tuple(len(vector) for vector in (solution.x, solution.s, solution.z))
    if lengths != (program.number_of_variables, program.number_of_rows, program.number_of_rows):
        return f"x, s, z have lengths {lengths}, not (n, m, m) of the program: {program}"
    if solution.status is not case.status:
        return (
            f"status {solution.status}, but the program is {case.status}; message: "
            f"{solution.message or 'none'}{_hint(program, solution)}"
        )
    if case.status.is_certificate:
        ray = (
            infeasibility_residuals(program, solution.z)
            if case.status is Status.INFEASIBLE
            else unboundedness_residuals(program, solution.x, solution.s)
        )
        return "" if ray.worst <= RAY_TOLERANCE else f"the ray is violated by {ray.worst:.1e}"
    residuals = solution_residuals(program, solution)
    if not residuals.worst <= tolerance:
        return f"{residuals}{_hint(program, solution)}"
    for name, value in (
        ("primal", solution.primal_objective),
        ("dual", solution.dual_objective),
    ):
        if not abs(value - case.value) <= tolerance * (1 + abs(case.value)):
            return f"{name} objective {value:.9g}, but the optimal value is {case.value:.9g}"
    return ""


def _hint(program: ConicProgram, solution: ConicSolution) -> str:
    """Name a convention that would explain the residuals."""
    if not all(np.isfinite(vector).all() for vector in (solution.x, solution.s, solution.z)):
        return ""
    attempts: dict[str, Callable[[], tuple[NDArray[np.float64], ...]]] = {
        "the duals z have the wrong sign": lambda: (solution.x, solution.s, -solution.z),
        "the variables x have the wrong sign": lambda: (-solution.x, solution.s, solution.z),
        "the duals of the equalities have the wrong sign": lambda: (
            solution.x,
            solution.s,
            np.concatenate([-solution.z[: program.cones.zero], solution.z[program.cones.zero :]]),
        ),
        "the slacks s are not b - A x": lambda: (
            solution.x,
            program.b - program.A @ solution.x,
            solution.z,
        ),
    }
    for words, attempt in attempts.items():
        x, s, z = attempt()
        mended = ConicSolution.from_vectors(program, Status.OPTIMAL, x, s, z)
        if solution_residuals(program, mended).worst <= 1e-4:
            return f" (it looks as if {words})"
    return ""


def _unknown_option_reason(solver: Solver) -> str:
    if solver.known_options() is None:
        return ""
    name = "no_solver_has_this_option"
    try:
        solver.solve(_small_lp(), SolverOptions(extra={name: 1}))
    except (UnknownOptionError, SolverUnavailableError):
        return ""
    except SolverError as error:
        return str(error)
    return "an unknown option in extra was accepted; list the known ones in known_options"


def _cases() -> Iterator[_Case]:
    sizes = {
        "equations and inequalities": Cones(zero=2, nonnegative=5),
        "inequalities": Cones(nonnegative=6),
        "second-order cones": Cones(zero=1, second_order=(3, 4)),
        "one PSD block": Cones(psd=(4,)),
        "PSD blocks": Cones(zero=1, psd=(3, 3, 2)),
        "PSD blocks of sides 0, 1, 2": Cones(nonnegative=1, psd=(1, 0, 2, 3, 1)),
        "all cones": Cones(2, 3, (1, 2, 4), (3, 1, 2, 4)),
    }
    for seed, (name, cones) in enumerate(sizes.items()):
        program, value = _solved_in_advance(cones, np.random.default_rng(seed))
        yield from _with_dual(_Case(name, program, Status.OPTIMAL, value))
    nothing = ConicProgram(np.zeros(2), np.zeros((0, 2)), np.zeros(0), Cones(), offset=5.0)
    yield _Case("no rows", nothing, Status.OPTIMAL, 5.0)
    for name, program in _infeasible():
        yield from _with_dual(_Case(name, program, Status.INFEASIBLE))
    for name, program in _unbounded():
        yield from _with_dual(_Case(name, program, Status.UNBOUNDED))


def _with_dual(case: _Case) -> Iterator[_Case]:
    yield case
    status = {Status.INFEASIBLE: Status.UNBOUNDED, Status.UNBOUNDED: Status.INFEASIBLE}
    yield _Case(
        f"{case.name}, dual",
        case.program.dual().program,
        status.get(case.status, case.status),
        -case.value,
    )


def _small_lp() -> ConicProgram:
    return ConicProgram(np.ones(1), -np.ones((1, 1)), -np.ones(1), Cones(nonnegative=1))


def _solved_in_advance(cones: Cones, rng: np.random.Generator) -> tuple[ConicProgram, float]:
    """Choose x and complementary s, z; then b and c so that they are optimal."""
    s, z = np.zeros(cones.rows), np.zeros(cones.rows)
    z[: cones.zero] = rng.standard_normal(cones.zero)
    rows = np.arange(*cones.nonnegative_slice.indices(cones.rows))
    s[rows[::2]], z[rows[1::2]] = (
        1.0 + rng.random(len(rows[::2])),
        1.0 + rng.random(len(rows[1::2])),
    )
    # As many active rows as variables, so that x is the only solution.
    active = cones.zero + len(rows[1::2])
    for block in cones.second_order_slices():
        u = rng.standard_normal(block.stop - block.start - 1)
        length = float(np.linalg.norm(u))
        s[block], z[block] = np.r_[length, u], np.r_[length, -u]
        if not u.size:
            s[block] = 1.0
        active += 1
    for side, block in zip(cones.psd, cones.psd_slices(), strict=True):
        vectors = np.linalg.qr(rng.standard_normal((side, side)))[0]
        rank = side // 2
        weights = np.where(np.arange(side) < side - rank, 1.0 + rng.random(side), 0.0)
        s[block] = svec(vectors * np.where(weights > 0, 0.0, 1.0 + rng.random(side)) @ vectors.T)
        z[block] = svec(vectors * weights @ vectors.T)
        active += (side - rank) * (side - rank + 1) // 2
    n = max(1, active)
    A, x = rng.standard_normal((cones.rows, n)), rng.standard_normal(n)
    program = ConicProgram(-A.T @ z, A, A @ x + s, cones, offset=-2.0)
    return program, program.primal_objective(x)


def _infeasible() -> Iterator[tuple[str, ConicProgram]]:
    A, b = np.array([[1.0], [-1.0]]), np.array([1.0, -2.0])
    yield "infeasible inequalities", ConicProgram(np.ones(1), A, b, Cones(nonnegative=2))
    corner = svec(np.diag([1.0, 0.0, 0.0]))
    matrix = svec(np.array([[0.0, 1.0, 0.0], [1.0, 0.5, 0.0], [0.0, 0.0, 1.0]]))
    A, b = np.r_[1.0, -corner][:, None], np.r_[1.0, matrix]
    yield "infeasible PSD block", ConicProgram(np.ones(1), A, b, Cones(nonnegative=1, psd=(3,)))


def _unbounded() -> Iterator[tuple[str, ConicProgram]]:
    c = np.array([1.0, 0.0])
    yield "unbounded below", ConicProgram(c, np.eye(2), np.ones(2), Cones(nonnegative=2))
    A = -svec(np.eye(3))[:, None]
    yield "unbounded PSD block", ConicProgram(-np.ones(1), A, np.zeros(6), Cones(psd=(3,)))
