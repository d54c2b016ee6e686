"""HiGHS: simplex and interior-point methods for linear programs.

Huangfu and Hall, *Math. Program. Comput.* 10, 2018. It takes programs without second-order and PSD
cones, such as those of the Krivine-Stengle hierarchy, and is by far the fastest and most accurate
choice for them: its simplex method ends in a vertex that is exact up to rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from polyopt.conic.program import ConicProgram, ConicSolution
from polyopt.errors import SolverError
from polyopt.solvers.base import ConeKind, Solver, SolverCapabilities, SolverKind, SolverOptions
from polyopt.solvers.interrupt import interruptible
from polyopt.status import Status

_STATUS = {
    "kOptimal": Status.OPTIMAL,
    "kModelEmpty": Status.OPTIMAL,
    "kInfeasible": Status.INFEASIBLE,
    "kUnbounded": Status.UNBOUNDED,
    "kUnboundedOrInfeasible": Status.INFEASIBLE,
    "kTimeLimit": Status.TIME_LIMIT,
    "kIterationLimit": Status.INACCURATE,
    "kInterrupt": Status.INTERRUPTED,
    "kHighsInterrupt": Status.INTERRUPTED,
}

_OPTIONS: dict[str, type] = {
    "ipm_iteration_limit": int,
    "parallel": str,
    "presolve": str,
    "random_seed": int,
    "run_crossover": str,
    "simplex_iteration_limit": int,
    "simplex_scale_strategy": int,
    "simplex_strategy": int,
    "solver": str,
}

#: HiGHS rejects smaller feasibility tolerances.
_SMALLEST_TOLERANCE = 1e-10


class HighsSolver(Solver):
    """Native interface to HiGHS, for linear programs only.

    Ctrl-C stops it with status INTERRUPTED and the iterate reached: HiGHS runs in a thread of its
    own, which the waiting main thread asks to stop. Certificates of infeasibility and unboundedness
    come from a second linear program, because presolve decides most such cases without a ray.
    """

    name = "highs"
    module: ClassVar[str | None] = "highspy"
    capabilities = SolverCapabilities(
        cones=frozenset({ConeKind.ZERO, ConeKind.NONNEGATIVE}),
        kind=SolverKind.SIMPLEX,
        preferred_form="moment",
        exactness="a vertex, exact up to rounding",
        licence="MIT",
        interruptible=True,
        certificates=False,
    )

    def known_options(self) -> Mapping[str, type]:
        """See :meth:`Solver.known_options`."""
        return _OPTIONS

    def run(self, program: ConicProgram, options: SolverOptions) -> ConicSolution:
        """See :meth:`Solver.run`."""
        import highspy

        highs = highspy.Highs()
        _set_options(highspy, highs, options)
        if highs.passModel(_model(highspy, program)) == highspy.HighsStatus.kError:
            raise SolverError("HiGHS rejects the data of the linear program")
        with interruptible() as interruption:
            highs.HandleUserInterrupt = True
            highs.startSolve()
            while not highs.wait(0.05)[0]:
                if interruption.requested:
                    highs.cancelSolve()
        word = highs.getModelStatus().name
        status = _STATUS.get(word, Status.FAILED)
        found, info = highs.getSolution(), highs.getInfo()
        x = np.array(found.col_value) if found.value_valid else None
        z = -np.array(found.row_dual) if found.dual_valid else None
        s = None
        if x is not None:
            s = program.b - program.A @ x
            s[: program.cones.zero] = 0.0
        return ConicSolution.from_vectors(
            program,
            status,
            x,
            s,
            z,
            iterations=max(info.simplex_iteration_count, 0) + max(info.ipm_iteration_count, 0),
            solve_time=highs.getRunTime(),
            message=f"HiGHS: {word.removeprefix('k')}",
        )


def _model(highspy: Any, program: ConicProgram) -> Any:
    m, n = program.A.shape
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = n, m
    lp.col_cost_ = program.c
    lp.col_lower_, lp.col_upper_ = np.full(n, -highspy.kHighsInf), np.full(n, highspy.kHighsInf)
    lower = np.full(m, -highspy.kHighsInf)
    lower[: program.cones.zero] = program.b[: program.cones.zero]
    lp.row_lower_, lp.row_upper_ = lower, program.b
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.num_col_, lp.a_matrix_.num_row_ = n, m
    lp.a_matrix_.start_ = program.A.indptr
    lp.a_matrix_.index_ = program.A.indices
    lp.a_matrix_.value_ = program.A.data
    return lp


def _set_options(highspy: Any, highs: Any, options: SolverOptions) -> None:
    tolerance = max(options.tolerance, _SMALLEST_TOLERANCE)
    values: dict[str, Any] = {
        "output_flag": options.verbose,
        "primal_feasibility_tolerance": tolerance,
        "dual_feasibility_tolerance": tolerance,
        "ipm_optimality_tolerance": tolerance,
    }
    if options.time_limit is not None:
        values["time_limit"] = float(options.time_limit)
    if options.threads == 1:
        values["parallel"] = "off"
    elif options.threads is not None:
        # The scheduler is shared by the process and keeps its size until it is reset.
        highspy.Highs.resetGlobalScheduler(True)
        values["threads"] = int(options.threads)
    for name, value in {**values, **options.extra}.items():
        if highs.setOptionValue(name, value) == highspy.HighsStatus.kError:
            raise SolverError(f"HiGHS rejects {value!r} for its option {name!r}")
