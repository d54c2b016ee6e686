"""SOS programs: find polynomials, by coefficients that are decision variables."""

from __future__ import annotations

from polyopt.sos.program import SOSProgram
from polyopt.sos.solution import RequirementCheck, SOSSolution

__all__ = ["RequirementCheck", "SOSProgram", "SOSSolution"]
