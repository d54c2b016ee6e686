"""BSOS: products of constraints with numbers, plus one sum of squares of fixed degree.

``f - λ = Σ c_αβ Π g_j^α_j (u_j - g_j)^β_j + σ`` with ``c >= 0``, at most k factors, and a sum of
squares σ of degree at most 2d. The size of the PSD block depends on d only, while the bounds
converge as k grows (Lasserre, Toh, Yang, EURO J. Comput. Optim. 5, 2017; sparse: Weisser, Lasserre,
Toh, Math. Program. Comput. 10, 2018). ``d = 0`` would be the Krivine-Stengle hierarchy.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

from polyopt.errors import RelaxationError
from polyopt.problem import PolynomialProblem
from polyopt.relaxation.krivine import _product_multipliers
from polyopt.relaxation.putinar import sums_of_squares, variables_that_occur
from polyopt.relaxation.relaxation import Relaxation, timed
from polyopt.sparsity.correlative import CorrelativeSparsity


def bsos(
    problem: PolynomialProblem,
    degree: int,
    order: int = 1,
    *,
    sparsity: Literal["correlative"] | CorrelativeSparsity | None = None,
    cliques: Iterable[Iterable[Any]] | None = None,
    chordal: str = "min_degree",
    complements: bool = True,
) -> Relaxation:
    """Bounded-degree SOS relaxation.

    Parameters
    ----------
    problem : PolynomialProblem
        Its inequalities must bound the feasible set.
    degree : int
        Largest number k of factors of a product.
    order : int
        Half the degree of the sum of squares, d.
    sparsity, cliques, chordal
        Cliques; see :func:`polyopt.putinar`.
    complements : bool
        See :func:`polyopt.krivine`.

    Returns
    -------
    Relaxation

    Raises
    ------
    RelaxationError
        Bad degree or order, or no inequality.
    MemoryEstimateError
        Too many products.

    References
    ----------
    J. B. Lasserre, K.-C. Toh, S. Yang. A bounded degree SOS hierarchy for polynomial optimization.
    EURO J. Comput. Optim. 5 (2017).

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 1)[0]
    >>> problem = po.minimize(x**2 - x, subject_to=[x >= 0, x <= 1])
    >>> round(po.bsos(problem, degree=1, order=1).solve().bound, 4)
    -0.25
    """
    start = time.perf_counter()
    if not isinstance(order, (int, np.integer)) or isinstance(order, bool) or order < 1:
        raise RelaxationError(f"the order is {order!r}; it must be a positive integer")
    multipliers, pattern, notes, found = _product_multipliers(
        problem, degree, sparsity, cliques, chordal, complements
    )
    groups = [variables_that_occur(problem)]
    if pattern is not None:
        groups = [np.asarray(clique, dtype=np.intp) for clique in pattern.cliques]
    multipliers = sums_of_squares(problem, groups, int(order)) + multipliers
    done = time.perf_counter()
    sparse = ", correlative sparsity" if pattern else ""
    return Relaxation(
        problem,
        tuple(multipliers),
        f"Bounded-degree SOS, degree {degree}, order {order}{sparse}",
        int(order),
        sparsity=pattern,
        notes=notes,
        timings=timed([("sparsity", found - start), ("relaxation", done - found)]),
    )
