"""SCS: a first-order (operator-splitting) solver for all cones of the standard form.

O'Donoghue, Chu, Parikh and Boyd, *J. Optim. Theory Appl.* 169, 2016; version 3: O'Donoghue,
*SIAM J. Optim.* 31, 2021. One sparse factorisation, then cheap iterations with an eigenvalue
decomposition of each PSD block: it takes blocks that interior-point solvers cannot hold, to low
accuracy. PSD blocks go through in SCS's order, the lower triangle column by column.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from polyopt.conic.program import Cones, ConicProgram, ConicSolution
from polyopt.conic.svec import lower_order
from polyopt.solvers.base import ConeKind, Solver, SolverCapabilities, SolverKind, SolverOptions
from polyopt.status import Status

_STATUS = {
    1: Status.OPTIMAL,
    2: Status.INACCURATE,
    -1: Status.UNBOUNDED,
    -2: Status.INFEASIBLE,
    -5: Status.INTERRUPTED,
    # SCS stopped early and guesses; no certificate to its own tolerance.
    -6: Status.UNBOUNDED,
    -7: Status.INFEASIBLE,
}

_OPTIONS: dict[str, type] = {
    "acceleration_interval": int,
    "acceleration_lookback": int,
    "adaptive_scale": bool,
    "alpha": float,
    "eps_abs": float,
    "eps_infeas": float,
    "eps_rel": float,
    "linear_solver": str,
    "max_iters": int,
    "normalize": bool,
    "rho_x": float,
    "scale": float,
}

#: SCS's own default of 1e5 is far too few for 1e-8 on ill-conditioned relaxations, but more would
#: only hide that a first-order solver is the wrong one.
_MAX_ITERS = 100_000


class ScsSolver(Solver):
    """Native interface to SCS.

    The tolerance is given to SCS as both ``eps_abs`` and ``eps_rel``; ``extra`` may set them apart.
    Where the iteration or time limit is reached first, the last iterate is returned as INACCURATE
    or TIME_LIMIT. Ctrl-C is handled by SCS itself and gives status INTERRUPTED, but SCS throws the
    iterate away (the vectors are NaN) and prints a line about it. It uses the threads of its linear
    algebra library, whose number cannot be set here.
    """

    name = "scs"
    module: ClassVar[str | None] = "scs"
    capabilities = SolverCapabilities(
        cones=frozenset(ConeKind),
        kind=SolverKind.FIRST_ORDER,
        preferred_form="moment",
        exactness="1e-4 to 1e-6 in general",
        licence="MIT",
        interruptible=True,
        threads=False,
    )

    def known_options(self) -> Mapping[str, type]:
        """See :meth:`Solver.known_options`."""
        return _OPTIONS

    def run(self, program: ConicProgram, options: SolverOptions) -> ConicSolution:
        """See :meth:`Solver.run`."""
        import scs

        order = scs_row_order(program.cones)
        solver = scs.SCS(
            {
                "A": program.A if order is None else program.A[order],
                "b": program.b if order is None else program.b[order],
                "c": program.c,
            },
            _cones(program.cones),
            **_settings(options),
        )
        result = solver.solve()
        info = result["info"]
        code = int(info["status_val"])
        status = _STATUS.get(code, Status.FAILED)
        limit = options.time_limit
        if code in (2, -6, -7) and limit is not None:
            seconds = (info["solve_time"] + info["setup_time"]) / 1000.0
            if info["iter"] < options.extra.get("max_iters", _MAX_ITERS) and seconds >= 0.9 * limit:
                status = Status.TIME_LIMIT
        s, z = np.asarray(result["s"]), np.asarray(result["y"])
        if order is not None:
            s, z = _unorder(s, order), _unorder(z, order)
        return ConicSolution.from_vectors(
            program,
            status,
            result["x"],
            s,
            z,
            iterations=info["iter"],
            solve_time=(info["solve_time"] + info["setup_time"]) / 1000.0,
            message=f"SCS: {info['status']}",
        )


def scs_row_order(cones: Cones) -> NDArray[np.int64] | None:
    """Return the permutation of rows to SCS's order, None where it is the identity."""
    if max(cones.psd, default=0) < 3:
        return None
    order = np.arange(cones.rows)
    for side, rows in zip(cones.psd, cones.psd_slices(), strict=True):
        order[rows] = rows.start + lower_order(side)
    return order


def _unorder(values: NDArray[np.float64], order: NDArray[np.int64]) -> NDArray[np.float64]:
    result = np.empty_like(values)
    result[order] = values
    return result


def _cones(cones: Cones) -> dict[str, Any]:
    return {
        "z": cones.zero,
        "l": cones.nonnegative,
        "q": list(cones.second_order),
        "s": list(cones.psd),
    }


def _settings(options: SolverOptions) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "eps_abs": options.tolerance,
        "eps_rel": options.tolerance,
        "max_iters": _MAX_ITERS,
        "verbose": options.verbose,
    }
    if options.time_limit is not None:
        settings["time_limit_secs"] = float(options.time_limit)
    settings.update(options.extra)
    return settings
