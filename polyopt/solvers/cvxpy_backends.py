"""The solvers that CVXPY knows: what can be said about them without importing anything.

CVXPY passes a solver's own keyword arguments through, so tolerance, time limit and number of
threads are translated here to the names each solver uses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from polyopt.solvers.base import ConeKind, SolverKind

_Setting = Callable[[float], dict[str, Any]]

_LINEAR = frozenset({ConeKind.ZERO, ConeKind.NONNEGATIVE})
_QUADRATIC = _LINEAR | {ConeKind.SECOND_ORDER}
_ALL = frozenset(ConeKind)

_INTERIOR, _FIRST, _SIMPLEX = (
    SolverKind.INTERIOR_POINT,
    SolverKind.FIRST_ORDER,
    SolverKind.SIMPLEX,
)


@dataclass(frozen=True, slots=True)
class Backend:
    """What is to be known about a solver behind CVXPY before CVXPY is imported.

    Parameters
    ----------
    module
        Package that has to be installed besides cvxpy.
    cones
        Cones it takes.
    kind
        Family of algorithms.
    licence
        Licence, in words.
    settings
        Keyword arguments for a tolerance, for a time limit and for a number of threads; None where
        it has no such setting.
    """

    module: str
    cones: frozenset[ConeKind]
    kind: SolverKind
    licence: str
    tolerance: _Setting | None = None
    time_limit: _Setting | None = None
    threads: _Setting | None = None


def _each(*names: str) -> _Setting:
    return lambda value: dict.fromkeys(names, value)


def _inside(argument: str, *names: str) -> _Setting:
    return lambda value: {argument: dict.fromkeys(names, value)}


#: Solvers that CVXPY knows, by CVXPY's name.
BACKENDS: dict[str, Backend] = {
    "CLARABEL": Backend(
        "clarabel",
        _ALL,
        _INTERIOR,
        "Apache-2.0",
        _each("tol_gap_abs", "tol_gap_rel", "tol_feas"),
        _each("time_limit"),
        _each("max_threads"),
    ),
    "COPT": Backend(
        "coptpy",
        _ALL,
        _INTERIOR,
        "commercial",
        _each("FeasTol", "DualTol", "RelGap"),
        _each("TimeLimit"),
        _each("Threads"),
    ),
    "CPLEX": Backend("cplex", _QUADRATIC, _INTERIOR, "commercial"),
    "CVXOPT": Backend("cvxopt", _ALL, _INTERIOR, "GPL-3.0", _each("abstol", "reltol", "feastol")),
    "ECOS": Backend("ecos", _QUADRATIC, _INTERIOR, "GPL-3.0", _each("abstol", "reltol", "feastol")),
    "GLOP": Backend("ortools", _LINEAR, _SIMPLEX, "Apache-2.0", None, _each("time_limit_sec")),
    "GLPK": Backend("cvxopt", _LINEAR, _SIMPLEX, "GPL-3.0"),
    "GUROBI": Backend(
        "gurobipy",
        _QUADRATIC,
        _INTERIOR,
        "commercial",
        _each("FeasibilityTol", "OptimalityTol", "BarConvTol", "BarQCPConvTol"),
        _each("TimeLimit"),
        _each("Threads"),
    ),
    "HIGHS": Backend(
        "highspy",
        _LINEAR,
        _SIMPLEX,
        "MIT",
        _each("primal_feasibility_tolerance", "dual_feasibility_tolerance"),
        _each("time_limit"),
        _each("threads"),
    ),
    "MOSEK": Backend(
        "mosek",
        _ALL,
        _INTERIOR,
        "commercial",
        _inside(
            "mosek_params",
            "MSK_DPAR_INTPNT_CO_TOL_PFEAS",
            "MSK_DPAR_INTPNT_CO_TOL_DFEAS",
            "MSK_DPAR_INTPNT_CO_TOL_REL_GAP",
        ),
        _inside("mosek_params", "MSK_DPAR_OPTIMIZER_MAX_TIME"),
        _inside("mosek_params", "MSK_IPAR_NUM_THREADS"),
    ),
    "OSQP": Backend(
        "osqp", _LINEAR, _FIRST, "Apache-2.0", _each("eps_abs", "eps_rel"), _each("time_limit")
    ),
    "PDLP": Backend("ortools", _LINEAR, _FIRST, "Apache-2.0", None, _each("time_limit_sec")),
    "QOCO": Backend("qoco", _QUADRATIC, _INTERIOR, "BSD-3-Clause", _each("abstol", "reltol")),
    "SCIPY": Backend("scipy", _LINEAR, _SIMPLEX, "BSD-3-Clause"),
    "SCS": Backend(
        "scs", _ALL, _FIRST, "MIT", _each("eps_abs", "eps_rel"), _each("time_limit_secs")
    ),
    "SDPA": Backend(
        "sdpap",
        _LINEAR | {ConeKind.PSD},
        _INTERIOR,
        "GPL-2.0",
        _each("epsilonStar", "epsilonDash"),
        None,
        _each("numThreads"),
    ),
    "XPRESS": Backend("xpress", _QUADRATIC, _INTERIOR, "commercial", None, _each("maxtime")),
}
