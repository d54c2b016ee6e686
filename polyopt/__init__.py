"""Sparse moment/SOS relaxations of polynomial optimisation problems, with proven bounds."""

from __future__ import annotations

from polyopt import problems
from polyopt.climb import solve
from polyopt.errors import PolyoptError
from polyopt.extraction import Minimizer
from polyopt.polynomial import (
    Basis,
    MatrixInequality,
    Polynomial,
    PolynomialMatrix,
    Relation,
    Variables,
    affine,
    psd,
    quadratic,
    soc,
    sum_polynomials,
    variables,
)
from polyopt.problem import PolynomialProblem, maximize, minimize
from polyopt.problem_json import load_problem, save_problem
from polyopt.proof import ProvenBound, load_proof, prove_infeasible
from polyopt.rational import RationalBound, RationalProblem, RationalResult
from polyopt.reductions import (
    FixedVariables,
    LinearEqualities,
    ReducedProblem,
    ScaleToBoxes,
    UnusedVariables,
    reduce,
)
from polyopt.relaxation import (
    Cone,
    DiagonallyDominant,
    FacialReduction,
    Factor,
    GroebnerQuotient,
    MergeCliques,
    Multiplier,
    NewtonPolytope,
    ProjectCliques,
    Quotient,
    Relaxation,
    ScaledDiagonallyDominant,
    SignSymmetry,
    TermSparsity,
    bsos,
    krivine,
    minimal_order,
    nearly_sparse,
    putinar,
    schmuedgen,
    shor,
    sublevel,
)
from polyopt.result import RelaxationResult
from polyopt.solution import Solution
from polyopt.solvers.check import check_solver
from polyopt.solvers.registry import available_solvers, register_solver
from polyopt.sos import RequirementCheck, SOSProgram, SOSSolution
from polyopt.sparsity import (
    CorrelativeSparsity,
    chordal_extension,
    clique_tree,
    correlative_sparsity,
    csp_graph,
)
from polyopt.status import Status

__all__ = [
    "Basis",
    "Cone",
    "CorrelativeSparsity",
    "DiagonallyDominant",
    "FacialReduction",
    "Factor",
    "FixedVariables",
    "GroebnerQuotient",
    "LinearEqualities",
    "MatrixInequality",
    "MergeCliques",
    "Minimizer",
    "Multiplier",
    "NewtonPolytope",
    "Polynomial",
    "PolynomialMatrix",
    "PolynomialProblem",
    "PolyoptError",
    "ProjectCliques",
    "ProvenBound",
    "Quotient",
    "RationalBound",
    "RationalProblem",
    "RationalResult",
    "ReducedProblem",
    "Relation",
    "Relaxation",
    "RelaxationResult",
    "RequirementCheck",
    "SOSProgram",
    "SOSSolution",
    "ScaleToBoxes",
    "ScaledDiagonallyDominant",
    "SignSymmetry",
    "Solution",
    "Status",
    "TermSparsity",
    "UnusedVariables",
    "Variables",
    "affine",
    "available_solvers",
    "bsos",
    "check_solver",
    "chordal_extension",
    "clique_tree",
    "correlative_sparsity",
    "csp_graph",
    "krivine",
    "load_problem",
    "load_proof",
    "maximize",
    "minimal_order",
    "minimize",
    "nearly_sparse",
    "problems",
    "prove_infeasible",
    "psd",
    "putinar",
    "quadratic",
    "reduce",
    "register_solver",
    "save_problem",
    "schmuedgen",
    "shor",
    "soc",
    "solve",
    "sublevel",
    "sum_polynomials",
    "variables",
]
