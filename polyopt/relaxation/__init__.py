"""Hierarchies of relaxations: functions that choose a list of multipliers."""

from polyopt.relaxation.bsos import bsos
from polyopt.relaxation.groebner_quotient import GroebnerQuotient
from polyopt.relaxation.krivine import krivine
from polyopt.relaxation.multiplier import Cone, Factor, Multiplier, minimal_order
from polyopt.relaxation.nearly_sparse import nearly_sparse
from polyopt.relaxation.plan import Plan
from polyopt.relaxation.project_cliques import ProjectCliques
from polyopt.relaxation.putinar import putinar
from polyopt.relaxation.quotient import Quotient
from polyopt.relaxation.refine_dominant import DiagonallyDominant, ScaledDiagonallyDominant
from polyopt.relaxation.refine_facial import FacialReduction
from polyopt.relaxation.refine_merge import MergeCliques
from polyopt.relaxation.refine_newton import NewtonPolytope
from polyopt.relaxation.refine_sign import SignSymmetry
from polyopt.relaxation.refine_term import TermSparsity
from polyopt.relaxation.relaxation import Relaxation
from polyopt.relaxation.schmuedgen import schmuedgen
from polyopt.relaxation.shor import shor
from polyopt.relaxation.sublevel import sublevel

__all__ = [
    "Cone",
    "DiagonallyDominant",
    "FacialReduction",
    "Factor",
    "GroebnerQuotient",
    "MergeCliques",
    "Multiplier",
    "NewtonPolytope",
    "Plan",
    "ProjectCliques",
    "Quotient",
    "Relaxation",
    "ScaledDiagonallyDominant",
    "SignSymmetry",
    "TermSparsity",
    "bsos",
    "krivine",
    "minimal_order",
    "nearly_sparse",
    "putinar",
    "schmuedgen",
    "shor",
    "sublevel",
]
