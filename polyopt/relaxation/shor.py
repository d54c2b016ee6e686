"""Shor's relaxation: order 1, with one number as multiplier of each quadratic constraint."""

from __future__ import annotations

import time

from polyopt.polynomial.basis import Basis
from polyopt.problem import PolynomialProblem
from polyopt.relaxation.first_order import first_order_blocks, quadratic_pattern
from polyopt.relaxation.multiplier import (
    Cone,
    Factor,
    Multiplier,
    check_order,
    is_trivial,
    matrix_multiplier,
    one,
)
from polyopt.relaxation.putinar import scalar_multiplier, variables_that_occur
from polyopt.relaxation.relaxation import Relaxation, timed


def shor(problem: PolynomialProblem, *, chordal: bool = False) -> Relaxation:
    """Shor's relaxation of a problem of degree at most 2.

    The moment matrix of (1, x_1, …, x_n) is PSD and ``L(g) >= 0``, ``L(h) = 0``, ``L(G) ⪰ 0`` for
    the constraints: the Lasserre hierarchy at order 1.

    Parameters
    ----------
    problem : PolynomialProblem
        Quadratic objective and constraints.
    chordal : bool
        Split the moment matrix along a chordal extension of the graph of the monomials that
        occur. The value is the same (PSD completion: Grone, Johnson, Sá, Wolkowicz, Linear
        Algebra Appl. 58, 1984); the blocks are smaller.

    Returns
    -------
    Relaxation

    Raises
    ------
    RelaxationError
        A polynomial has degree above 2; the message names it.

    References
    ----------
    N. Z. Shor. Quadratic optimization problems. Soviet J. Comput. Syst. Sci. 25 (1987).

    Examples
    --------
    The 5-cycle has a maximum cut of 4; the relaxation gives 4.5225.

    >>> import polyopt as po
    >>> x = po.variables("x", 5)
    >>> cut = po.sum_polynomials((1 - x[i] * x[(i + 1) % 5]) / 2 for i in range(5))
    >>> problem = po.maximize(cut, subject_to=[v**2 == 1 for v in x])
    >>> round(po.shor(problem).solve().bound, 4)
    4.5225
    """
    check_order(problem, 1)
    start = time.perf_counter()
    if chordal:
        groups = first_order_blocks(quadratic_pattern(problem))
    else:
        groups = [variables_that_occur(problem)]
    found = time.perf_counter()
    unit = one(problem)
    multipliers = [Multiplier(unit, Basis.full(group, 1), Cone.PSD) for group in groups]
    for j, g in enumerate(problem.inequalities):
        if not is_trivial(g):
            multipliers.append(scalar_multiplier(g, Factor("inequality", j)))
    for i, h in enumerate(problem.equalities):
        if not is_trivial(h):
            # An affine equality times every variable is what order 1 of the hierarchy has.
            degree = 2 - h.degree
            basis = (
                Basis.full(variables_that_occur(problem), degree)
                if degree and not chordal
                else Basis.constant()
            )
            multipliers.append(Multiplier(h, basis, Cone.FREE, (Factor("equality", i),)))
    for k, matrix in enumerate(problem.matrix_inequalities):
        if not is_trivial(matrix):
            # L(G) ⪰ 0, a second-order cone for an arrow.
            multipliers.append(matrix_multiplier(matrix, Basis.constant(), Factor("matrix", k)))
    done = time.perf_counter()
    return Relaxation(
        problem,
        tuple(multipliers),
        "Shor, chordal blocks" if chordal else "Shor",
        1,
        timings=timed([("sparsity", found - start), ("relaxation", done - found)]),
    )
