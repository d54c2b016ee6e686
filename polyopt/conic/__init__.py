"""Conic programs: the standard form, the vectorised symmetric matrices and the residuals."""

from __future__ import annotations

from polyopt.conic.program import Cones, ConicProgram, ConicSolution, DualProgram
from polyopt.conic.residuals import Residuals, compute_residuals
from polyopt.conic.svec import smat, svec, svec_length

__all__ = [
    "Cones",
    "ConicProgram",
    "ConicSolution",
    "DualProgram",
    "Residuals",
    "compute_residuals",
    "smat",
    "svec",
    "svec_length",
]
