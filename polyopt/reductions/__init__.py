"""Reductions: smaller or better scaled problems, with the way back to the user's variables."""

from __future__ import annotations

from polyopt.reductions.reduce import ReducedProblem, Reduction, reduce
from polyopt.reductions.rules import (
    FixedVariables,
    LinearEqualities,
    ScaleToBoxes,
    UnusedVariables,
)

__all__ = [
    "FixedVariables",
    "LinearEqualities",
    "ReducedProblem",
    "Reduction",
    "ScaleToBoxes",
    "UnusedVariables",
    "reduce",
]
