"""Checking a solver's verdict against the data.

"Optimal" needs small residuals, "infeasible" and "unbounded" need a certificate: by the theorem of
alternatives a ray z with ``A^T z = 0``, z in K*, ``b @ z < 0`` excludes every feasible x, and a ray
x with ``-A x`` in K, ``c @ x < 0`` excludes every feasible z (Boyd and Vandenberghe, *Convex
Optimization*, 2004, section 5.8). Finding such a ray is a conic program itself, for solvers that
only report the verdict.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from polyopt.conic.program import ConicProgram, ConicSolution
from polyopt.conic.residuals import (
    infeasibility_residuals,
    solution_residuals,
    unboundedness_residuals,
)
from polyopt.status import Status

#: Solvers measure residuals in scalings of their own; only what exceeds the tolerance by this
#: factor on the original data is called inaccurate.
STATUS_SLACK = 100.0
#: Largest violation of a ray, scaled to objective -1, that still counts as a certificate.
RAY_TOLERANCE = 1e-4


def certificate_violation(program: ConicProgram, solution: ConicSolution) -> float:
    """Return how far the vectors are from certifying the status; inf where they do not at all.

    For INFEASIBLE and UNBOUNDED only; the ray is scaled to objective -1.
    """
    ray = (
        infeasibility_residuals(program, solution.z)
        if solution.status is Status.INFEASIBLE
        else unboundedness_residuals(program, solution.x, solution.s)
    )
    return ray.worst if np.isfinite(ray.worst) else float("inf")


def settle_status(
    program: ConicProgram, solution: ConicSolution, tolerance: float
) -> ConicSolution:
    """Let the data decide about a status.

    OPTIMAL needs residuals within ``STATUS_SLACK`` times the tolerance, and what the solver calls
    inaccurate is optimal when it has them; INFEASIBLE and UNBOUNDED need a ray that holds to
    ``RAY_TOLERANCE``. What was found is added to the message.

    Examples
    --------
    >>> from polyopt.conic import Cones
    >>> program = ConicProgram([1.0], np.array([[-1.0]]), [-3.0], Cones(nonnegative=1))
    >>> claim = ConicSolution.from_vectors(program, Status.OPTIMAL, [2.0], [0.0], [1.0])
    >>> print(settle_status(program, claim, 1e-8).status)
    inaccurate
    """
    if solution.status is Status.INACCURATE:
        residuals = solution_residuals(program, solution)
        if not residuals.worst <= STATUS_SLACK * tolerance:
            return solution
        found = "the residuals on the data meet the tolerance"
        message = f"{solution.message}; {found}" if solution.message else found
        return replace(solution, status=Status.OPTIMAL, message=message)
    if solution.status is Status.OPTIMAL:
        residuals = solution_residuals(program, solution)
        if residuals.worst <= STATUS_SLACK * tolerance:
            return solution
        found = f"reported optimal, but on the data: {residuals}"
    elif solution.status.is_certificate:
        violation = certificate_violation(program, solution)
        if violation <= RAY_TOLERANCE:
            return solution
        found = (
            f"reported {solution.status}, but without a certificate"
            if np.isinf(violation)
            else f"reported {solution.status}, but its certificate is violated by {violation:.1e}"
        )
    else:
        return solution
    finite = all(np.isfinite(vector).all() for vector in (solution.x, solution.s, solution.z))
    lowered = ConicSolution.from_vectors(
        program,
        Status.INACCURATE if finite else Status.FAILED,
        solution.x,
        solution.s,
        solution.z,
        message=f"{solution.message}; {found}" if solution.message else found,
    )
    return replace(
        lowered,
        iterations=solution.iterations,
        solve_time=solution.solve_time,
        solver=solution.solver,
    )


def infeasibility_program(program: ConicProgram) -> ConicProgram:
    """Return the program "find z with ``A^T z = 0``, ``b @ z = -1``, z in K*".

    Its x is a certificate that ``program`` has no feasible point.
    """
    dual = program.dual().program
    n, conic = program.number_of_variables, program.cones.conic_rows
    equations, cone_rows = dual.A[:n], dual.A[n:]
    return ConicProgram(
        np.zeros(program.number_of_rows),
        sp.vstack([equations, sp.csr_array(program.b[None, :]), cone_rows], format="csc"),
        np.concatenate([np.zeros(n), [-1.0], np.zeros(conic)]),
        replace(dual.cones, zero=n + 1),
    )


def unboundedness_program(program: ConicProgram) -> ConicProgram:
    """Return the program "find x with ``c @ x = -1``, ``A x + s = 0``, s in K".

    Its x and s are a certificate that ``program`` is unbounded wherever it is feasible.
    """
    cones = program.cones
    return ConicProgram(
        np.zeros(program.number_of_variables),
        sp.vstack([sp.csr_array(program.c[None, :]), program.A], format="csc"),
        np.concatenate([[-1.0], np.zeros(program.number_of_rows)]),
        replace(cones, zero=cones.zero + 1),
    )
