"""Solver backends: one interface, one file each, loaded only when used."""

from __future__ import annotations

from polyopt.solvers.base import (
    ConeKind,
    Solver,
    SolverCapabilities,
    SolverKind,
    SolverOptions,
)
from polyopt.solvers.clarabel import ClarabelSolver
from polyopt.solvers.scs import ScsSolver

__all__ = [
    "ClarabelSolver",
    "ConeKind",
    "ScsSolver",
    "Solver",
    "SolverCapabilities",
    "SolverKind",
    "SolverOptions",
]
