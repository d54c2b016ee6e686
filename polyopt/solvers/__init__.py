"""Solver backends: one interface, one file each, loaded only when used."""

from __future__ import annotations

from polyopt.solvers.base import (
    ConeKind,
    Solver,
    SolverCapabilities,
    SolverKind,
    SolverOptions,
)
from polyopt.solvers.blas_threads import one_blas_thread
from polyopt.solvers.check import check_solver
from polyopt.solvers.clarabel import ClarabelSolver
from polyopt.solvers.csdp import CsdpSolver
from polyopt.solvers.cvxpy import CvxpySolver, to_cvxpy
from polyopt.solvers.highs import HighsSolver
from polyopt.solvers.lowrank.conic import LowRankSolver
from polyopt.solvers.mosek import MosekSolver
from polyopt.solvers.recorded import RecordedSolver
from polyopt.solvers.registry import (
    available_solvers,
    default_solver,
    get_solver,
    known_solvers,
    register_solver,
)
from polyopt.solvers.scs import ScsSolver
from polyopt.solvers.sdpa import SdpaSolver
from polyopt.solvers.staged import StagedSolver

__all__ = [
    "ClarabelSolver",
    "ConeKind",
    "CsdpSolver",
    "CvxpySolver",
    "HighsSolver",
    "LowRankSolver",
    "MosekSolver",
    "RecordedSolver",
    "ScsSolver",
    "SdpaSolver",
    "Solver",
    "SolverCapabilities",
    "SolverKind",
    "SolverOptions",
    "StagedSolver",
    "available_solvers",
    "check_solver",
    "default_solver",
    "get_solver",
    "known_solvers",
    "one_blas_thread",
    "register_solver",
    "to_cvxpy",
]
