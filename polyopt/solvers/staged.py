"""A first-order solver first, an interior-point solver where it does not get there.

On relaxations whose moment matrix has a few dense blocks of side k, an interior-point iteration
costs about k^6 operations and an operator-splitting iteration about k^3. When the problem is well
posed the latter needs some hundred iterations and wins by a factor of ten and more; when it is not,
it may never arrive. Nobody can tell beforehand, so SCS gets a number of iterations that costs a
fraction of what Clarabel would take, and its answer counts only if the residuals on the data meet
the tolerance that was asked for. The number depends on the block structure alone, so the same
program takes the same way everywhere. The figures are in :mod:`polyopt.solvers.registry`.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from polyopt.conic.program import Cones, ConicProgram, ConicSolution
from polyopt.conic.residuals import solution_residuals
from polyopt.errors import SolverUnavailableError, UnknownOptionError
from polyopt.solvers.base import ConeKind, Solver, SolverCapabilities, SolverKind, SolverOptions
from polyopt.solvers.clarabel import ClarabelSolver
from polyopt.solvers.scs import ScsSolver
from polyopt.status import Status

#: A block of this side and that many iterations of SCS cost 0.2 s, a third of what Clarabel takes.
REFERENCE_SIDE = 45.0
REFERENCE_ITERATIONS = 600
#: SCS measures residuals in a scaling of its own.
TIGHTENING = 0.1


class StagedSolver(Solver):
    """SCS with a budget of iterations, then Clarabel.

    The solution's ``solver`` is the one that gave the answer, and its message says so when SCS was
    tried in vain. Verdicts of infeasibility and unboundedness are always Clarabel's.
    """

    name = "scs+clarabel"
    capabilities = SolverCapabilities(
        cones=frozenset(ConeKind),
        kind=SolverKind.INTERIOR_POINT,
        preferred_form="moment",
        exactness="1e-8 in general",
        licence="MIT and Apache-2.0",
        interruptible=True,
        threads=False,
    )

    def __init__(self) -> None:
        self._first, self._second = ScsSolver(), ClarabelSolver()

    def is_available(self) -> bool:
        """See :meth:`Solver.is_available`."""
        return self._first.is_available() and self._second.is_available()

    def run(self, program: ConicProgram, options: SolverOptions) -> ConicSolution:
        """See :meth:`Solver.run`."""
        return self.solve(program, options)

    def solve(self, program: ConicProgram, options: SolverOptions | None = None) -> ConicSolution:
        """See :meth:`Solver.solve`."""
        options = SolverOptions() if options is None else options
        if not self.is_available():
            raise SolverUnavailableError(f"solver {self.name!r} needs both scs and clarabel")
        if options.extra:
            raise UnknownOptionError(
                f"{', '.join(map(repr, options.extra))}: options are those of one solver; name it, "
                f'as in solver="clarabel" ({self.name} takes none)'
            )
        budget = first_order_budget(program.cones)
        first = self._first.solve(
            program,
            replace(
                options,
                tolerance=max(TIGHTENING * options.tolerance, 1e-13),
                extra=MappingProxyType({"max_iters": budget}),
            ),
        )
        if first.status in (Status.TIME_LIMIT, Status.INTERRUPTED):
            return first
        # Residuals that are small at the last iterate allowed say little about the value.
        converged = first.status is Status.OPTIMAL and first.iterations < budget
        if converged and solution_residuals(program, first).worst <= options.tolerance:
            return first
        left = None if options.time_limit is None else options.time_limit - first.solve_time
        if left is not None and left <= 0:
            return replace(first, status=Status.TIME_LIMIT)
        second = self._second.solve(program, replace(options, time_limit=left))
        return replace(
            second,
            solve_time=first.solve_time + second.solve_time,
            message=f"{second.message}; after {first.iterations} iterations of scs without success",
        )


def first_order_budget(cones: Cones) -> int:
    """Return the number of SCS iterations that cost a third of an interior-point solve.

    Examples
    --------
    >>> first_order_budget(Cones(psd=(45,))), first_order_budget(Cones(psd=(3,) * 1000))
    (600, 1)
    """
    return max(1, round(REFERENCE_ITERATIONS * (effective_side(cones) / REFERENCE_SIDE) ** 3))


def effective_side(cones: Cones) -> float:
    """Return k such that equal blocks of side k have the same ratio of k^6 to k^3 work.

    Examples
    --------
    >>> round(effective_side(Cones(psd=(66, 11, 11))), 1)
    65.8
    """
    cubes = [float(side) ** 3 for side in cones.psd]
    total = sum(cubes)
    return float((sum(cube * cube for cube in cubes) / total) ** (1 / 3)) if total else 0.0
