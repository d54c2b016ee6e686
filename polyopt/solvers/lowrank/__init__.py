"""Low-rank solver for first-order relaxations, with bounds proven from the dual.

A relaxation of order one over n variables is one positive semidefinite block of side n + 1. The
block is factorised (:mod:`.augmented`, :mod:`.lbfgs`), constraints are products of affine forms
evaluated on the factor (:mod:`.families`, :mod:`.grid`), and the bound is proven from the
multipliers (:mod:`.dual`, :mod:`.eigenvalue`).
"""

from polyopt.solvers.lowrank.augmented import State
from polyopt.solvers.lowrank.cuts import (
    Cuts,
    cut_and_solve,
    separate_cycles,
    separate_triangles,
)
from polyopt.solvers.lowrank.dual import DualBound, best_bound, prove
from polyopt.solvers.lowrank.eigenvalue import smallest_eigenvalue_bound
from polyopt.solvers.lowrank.entries import EntryFamily
from polyopt.solvers.lowrank.families import AffineForms, ConstraintFamily, ProductFamily
from polyopt.solvers.lowrank.grid import GridFamily
from polyopt.solvers.lowrank.model import FirstOrderModel
from polyopt.solvers.lowrank.operators import BilinearOperator, MatrixOperator, SymmetricOperator
from polyopt.solvers.lowrank.outer import OuterFamily
from polyopt.solvers.lowrank.solve import (
    LowRankOptions,
    LowRankResult,
    Progress,
    solve_first_order,
)

__all__ = [
    "AffineForms",
    "BilinearOperator",
    "ConstraintFamily",
    "Cuts",
    "DualBound",
    "EntryFamily",
    "FirstOrderModel",
    "GridFamily",
    "LowRankOptions",
    "LowRankResult",
    "MatrixOperator",
    "OuterFamily",
    "ProductFamily",
    "Progress",
    "State",
    "SymmetricOperator",
    "best_bound",
    "cut_and_solve",
    "prove",
    "separate_cycles",
    "separate_triangles",
    "smallest_eigenvalue_bound",
    "solve_first_order",
]
