"""Minimisers from moments, and the other side of the gap."""

from polyopt.extraction.atoms import Atoms, clique_atoms, glue
from polyopt.extraction.flat_extension import FlatExtension, flat_extension
from polyopt.extraction.local import polish
from polyopt.extraction.minimizers import Minimizer, find_minimizers, local_minimizers
from polyopt.extraction.rank import (
    AbsoluteTolerance,
    FixedRank,
    LargestGap,
    RankDecision,
    RankStrategy,
    RelativeTolerance,
)

__all__ = [
    "AbsoluteTolerance",
    "Atoms",
    "FixedRank",
    "FlatExtension",
    "LargestGap",
    "Minimizer",
    "RankDecision",
    "RankStrategy",
    "RelativeTolerance",
    "clique_atoms",
    "find_minimizers",
    "flat_extension",
    "glue",
    "local_minimizers",
    "polish",
]
