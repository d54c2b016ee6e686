"""Schmüdgen's certificate: sums of squares times products of distinct constraints.

``f - λ = Σ_J σ_J Π_{j in J} g_j + Σ_i h_i τ_i`` over subsets J of the inequalities, with all terms
of degree at most 2d (Schmüdgen, Math. Ann. 289, 1991). It needs no ball constraint to converge on
compact sets and is at least as strong as Putinar's of the same order; the number of products is
limited by the degree, and by ``most_factors``.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

from polyopt.errors import RelaxationError
from polyopt.polynomial.basis import Basis
from polyopt.problem import PolynomialProblem
from polyopt.relaxation.multiplier import (
    Cone,
    Factor,
    Multiplier,
    check_order,
    half_degree,
    is_trivial,
)
from polyopt.relaxation.products import all_products
from polyopt.relaxation.putinar import _pattern, localizers, sums_of_squares, variables_that_occur
from polyopt.relaxation.relaxation import Relaxation, timed
from polyopt.sparsity.correlative import CorrelativeSparsity


def schmuedgen(
    problem: PolynomialProblem,
    order: int,
    *,
    most_factors: int | None = None,
    sparsity: Literal["correlative"] | CorrelativeSparsity | None = None,
    cliques: Iterable[Iterable[Any]] | None = None,
    chordal: str = "min_degree",
) -> Relaxation:
    """Relaxation of Schmüdgen type.

    Matrix inequalities get the multipliers they have in :func:`polyopt.putinar`; they are in no
    products.

    Parameters
    ----------
    problem : PolynomialProblem
    order : int
        Half the degree of the certificate, d.
    most_factors : int, optional
        Largest number of constraints in a product; 1 is Putinar's certificate.
    sparsity, cliques, chordal
        Products within cliques; see :func:`polyopt.putinar`.

    Returns
    -------
    Relaxation

    Raises
    ------
    RelaxationError
        The order is too low, or ``most_factors`` is not a positive integer.
    MemoryEstimateError
        Too many products.

    References
    ----------
    K. Schmüdgen. The K-moment problem for compact semi-algebraic sets. Math. Ann. 289 (1991).

    Examples
    --------
    A product of two bounds is not in Putinar's certificate of order 1.

    >>> import polyopt as po
    >>> x = po.variables("x", 2)
    >>> problem = po.minimize(x[0] * x[1], subject_to=[x[0] >= 0, x[1] >= 0])
    >>> round(po.schmuedgen(problem, order=1).solve().bound, 6) + 0.0
    0.0
    """
    order = check_order(problem, order)
    bad = not isinstance(most_factors, (int, np.integer)) or isinstance(most_factors, bool)
    if most_factors is not None and (bad or most_factors < 1):
        raise RelaxationError(f"most_factors is {most_factors!r}; give a positive integer or None")
    start = time.perf_counter()
    pattern = _pattern(problem, sparsity, cliques, chordal, order)
    found = time.perf_counter()
    if pattern is None:
        groups = [variables_that_occur(problem)]
        where: list[tuple[int, ...]] = [(0,)] * len(problem.inequalities)
        equalities: list[tuple[int, ...]] = [(0,)] * len(problem.equalities)
        matrices: list[tuple[int, ...]] = [(0,)] * len(problem.matrix_inequalities)
    else:
        groups = [np.asarray(clique, dtype=np.intp) for clique in pattern.cliques]
        where = list(pattern.assign(problem, to="all").inequalities)
        assignment = pattern.assign(problem)
        equalities, matrices = list(assignment.equalities), list(assignment.matrices)
    multipliers = sums_of_squares(problem, groups, order)
    for k, group in enumerate(groups):
        inside = [
            j for j, g in enumerate(problem.inequalities) if k in where[j] and not is_trivial(g)
        ]
        products = all_products(
            [problem.inequalities[j] for j in inside],
            min(len(inside), 2 * order if most_factors is None else int(most_factors)),
            distinct=True,
            most_degree=2 * order,
        )
        for chosen, product in products:
            basis = Basis.full(group, order - half_degree(product))
            factors = tuple(Factor("inequality", inside[i]) for i in chosen)
            multipliers.append(Multiplier(product, basis, Cone.PSD, factors))
    nothing: list[tuple[int, ...]] = [()] * len(problem.inequalities)
    multipliers += localizers(problem, groups, order, nothing, equalities, matrices)
    done = time.perf_counter()
    return Relaxation(
        problem,
        tuple(multipliers),
        f"Schmüdgen, order {order}" + (", correlative sparsity" if pattern else ""),
        order,
        sparsity=pattern,
        timings=timed([("sparsity", found - start), ("relaxation", done - found)]),
    )
