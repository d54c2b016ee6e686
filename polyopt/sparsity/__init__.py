"""Correlative sparsity: from the variables of a problem to overlapping cliques.

The pipeline is ``csp_graph -> chordal_extension -> cliques -> assign_constraints``; every stage is
a value that can be inspected, replaced or given by the user.
"""

from __future__ import annotations

from polyopt.sparsity.assignment import assign_constraints, uncovered
from polyopt.sparsity.chordal import METHODS, ChordalExtension, chordal_extension
from polyopt.sparsity.cliques import (
    CliqueTree,
    RunningIntersection,
    clique_tree,
    maximal_cliques,
    running_intersection,
    validate_cliques,
)
from polyopt.sparsity.correlative import (
    CliqueAssignment,
    CorrelativeSparsity,
    correlative_sparsity,
)
from polyopt.sparsity.graph import csp_graph, edges_of_rows, edges_of_supports

__all__ = [
    "METHODS",
    "ChordalExtension",
    "CliqueAssignment",
    "CliqueTree",
    "CorrelativeSparsity",
    "RunningIntersection",
    "assign_constraints",
    "chordal_extension",
    "clique_tree",
    "correlative_sparsity",
    "csp_graph",
    "edges_of_rows",
    "edges_of_supports",
    "maximal_cliques",
    "running_intersection",
    "uncovered",
    "validate_cliques",
]
