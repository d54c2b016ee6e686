"""Krivine-Stengle certificates: linear programs of products of constraints.

``f - λ = Σ c_αβ Π g_j^α_j (u_j - g_j)^β_j`` with ``c >= 0`` and at most k factors, where
``0 <= g_j <= u_j`` on the feasible set (Krivine 1964; Stengle 1974; Handelman 1988 when the g_j are
affine). If the g_j and 1 generate all polynomials, the bounds converge as k grows (Lasserre, SIAM
J. Optim. 12, 2002), though never in finitely many steps with an optimum in the interior. Products
within the cliques of a sparsity pattern give a smaller program and a bound that may be lower.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from polyopt.errors import RelaxationError
from polyopt.polynomial import monomials
from polyopt.polynomial.basis import Basis
from polyopt.polynomial.polynomial import Polynomial
from polyopt.problem import PolynomialProblem
from polyopt.relaxation.complement import complement, missing_complements, upper_bounds
from polyopt.relaxation.multiplier import (
    Cone,
    Factor,
    Multiplier,
    is_trivial,
    require_problem,
    require_scalar_constraints,
)
from polyopt.relaxation.products import all_products
from polyopt.relaxation.putinar import _pattern, variables_that_occur
from polyopt.relaxation.relaxation import Relaxation, timed
from polyopt.sparsity.correlative import CorrelativeSparsity

Named = tuple[Factor, Polynomial]


def krivine(
    problem: PolynomialProblem,
    degree: int,
    *,
    sparsity: Literal["correlative"] | CorrelativeSparsity | None = None,
    cliques: Iterable[Iterable[Any]] | None = None,
    chordal: str = "min_degree",
    complements: bool = True,
) -> Relaxation:
    """Linear-programming relaxation with products of at most ``degree`` factors.

    Parameters
    ----------
    problem : PolynomialProblem
        Its inequalities must bound the feasible set.
    degree : int
        Largest number k of factors of a product.
    sparsity, cliques, chordal
        Products within cliques; see :func:`polyopt.putinar`.
    complements : bool
        Use ``u_j - g_j`` as a factor, too, where the problem shows a finite upper bound u_j of g_j
        and no other constraint is that factor already; see
        :mod:`polyopt.relaxation.complement`.

    Returns
    -------
    Relaxation
        Without PSD blocks; HiGHS solves it.

    Raises
    ------
    RelaxationError
        No inequality, a bad degree, or a monomial of the objective that is in no product.
    MemoryEstimateError
        Too many products.

    References
    ----------
    J. B. Lasserre. Semidefinite programming vs. LP relaxations for polynomial programming. Math.
    Oper. Res. 27 (2002).

    F. Latorre, P. Rolland, V. Cevher. Lipschitz constant estimation of neural networks via sparse
    polynomial optimization. ICLR (2020), for the sparse form.

    Examples
    --------
    The bound on the unit interval is the smallest Bernstein coefficient of that degree.

    >>> import polyopt as po
    >>> x = po.variables("x", 1)[0]
    >>> problem = po.minimize(x**2 - x, subject_to=[x >= 0, x <= 1])
    >>> [round(po.krivine(problem, degree=k).solve().bound, 4) for k in (2, 4, 6)]
    [-0.5, -0.3333, -0.3]
    """
    start = time.perf_counter()
    multipliers, pattern, notes, found = _product_multipliers(
        problem, degree, sparsity, cliques, chordal, complements
    )
    _check_coverage(problem, multipliers, degree, pattern is not None)
    done = time.perf_counter()
    return Relaxation(
        problem,
        tuple(multipliers),
        f"Krivine-Stengle, degree {degree}" + (", correlative sparsity" if pattern else ""),
        degree,
        sparsity=pattern,
        notes=notes,
        timings=timed([("sparsity", found - start), ("relaxation", done - found)]),
    )


def _product_multipliers(
    problem: PolynomialProblem,
    degree: int,
    sparsity: Literal["correlative"] | CorrelativeSparsity | None,
    cliques: Iterable[Iterable[Any]] | None,
    chordal: str,
    complements: bool,
) -> tuple[list[Multiplier], CorrelativeSparsity | None, tuple[str, ...], float]:
    """Nonnegative multipliers of all products, free ones of the equalities."""
    require_problem(problem)
    require_scalar_constraints(
        problem,
        "a hierarchy of products of constraints with numbers",
        "use putinar, or state them as polynomial inequalities",
    )
    if not isinstance(degree, (int, np.integer)) or isinstance(degree, bool) or degree < 1:
        raise RelaxationError(f"the degree is {degree!r}; it must be a positive integer")
    pattern = _pattern(problem, sparsity, cliques, chordal, 1)
    found = time.perf_counter()
    factors, notes = factors_of(problem, complements=complements)
    if not factors:
        raise RelaxationError(
            "the problem has no inequality to multiply; state those that bound its feasible set, "
            "such as x <= 1 and x >= -1 for every variable"
        )
    if pattern is None:
        groups = [variables_that_occur(problem)]
        where: list[tuple[int, ...]] = [(0,)] * len(problem.inequalities)
        equalities: list[tuple[int, ...]] = [(0,)] * len(problem.equalities)
    else:
        groups = [np.asarray(clique, dtype=np.intp) for clique in pattern.cliques]
        assignment = pattern.assign(problem, to="all")
        where, equalities = list(assignment.inequalities), list(assignment.equalities)
    multipliers: dict[tuple[Factor, ...], Multiplier] = {}
    constant = Basis.constant()
    largest = np.zeros(len(groups), dtype=np.intp)
    for k in range(len(groups)):
        inside = [named for named in factors if k in where[named[0].number]]
        for chosen, product in all_products([g for _, g in inside], degree):
            names = tuple(inside[i][0] for i in chosen)
            largest[k] = max(largest[k], product.degree)
            if names not in multipliers:
                multipliers[names] = Multiplier(product, constant, Cone.NONNEGATIVE, names)
    result = list(multipliers.values())
    for i, h in enumerate(problem.equalities):
        for k in () if is_trivial(h) else equalities[i]:
            room = max(int(largest[k]), problem.objective.degree) - h.degree
            basis = Basis.full(groups[k], max(0, room))
            result.append(Multiplier(h, basis, Cone.FREE, (Factor("equality", i),)))
    return result, pattern, notes, found


def factors_of(
    problem: PolynomialProblem, *, complements: bool = True
) -> tuple[list[Named], tuple[str, ...]]:
    """List the factors of products: the inequalities and their complements.

    Returns
    -------
    list of (Factor, Polynomial)
        Each polynomial is nonnegative on the feasible set.
    tuple of str
        Notes: inequalities whose complement is not known.
    """
    used = [j for j, g in enumerate(problem.inequalities) if not is_trivial(g)]
    result = [(Factor("inequality", j), problem.inequalities[j]) for j in used]
    if not complements:
        return result, ()
    missing = missing_complements(problem.inequalities)
    upper = upper_bounds(problem) if missing else np.zeros(0)
    unknown = [j for j in missing if not np.isfinite(upper[j])]
    for j in missing:
        if np.isfinite(upper[j]):
            result.append((Factor("complement", j), complement(problem, j, float(upper[j]))))
    if not unknown:
        return result, ()
    shown = ", ".join(map(str, unknown[:6])) + (" …" if len(unknown) > 6 else "")
    return result, (
        f"no complement for the inequalities {shown}: the constraints show no upper bound of them, "
        "so that the bounds need not converge; add bounds on every variable",
    )


def _check_coverage(
    problem: PolynomialProblem, multipliers: list[Multiplier], degree: int, sparse: bool
) -> None:
    """Every monomial of the objective must occur in a product."""
    f = problem.objective
    wanted = f.rows[monomials.degrees(f.rows) > 0]
    by_width: dict[int, list[NDArray[np.int32]]] = {}
    for m in multipliers:
        rows = m.polynomial.rows
        if m.basis.width:
            rows = monomials.multiply(m.basis.rows[:, None], rows[None])
            rows = rows.reshape(-1, rows.shape[-1])
        by_width.setdefault(rows.shape[1], []).append(rows)
    width = max(wanted.shape[1], *by_width)
    number = problem.number_of_variables
    tables = [monomials.widen(np.concatenate(rows), width) for rows in by_width.values()]
    known = np.concatenate([monomials.pack(table, number) for table in tables])
    covered = np.isin(monomials.pack(monomials.widen(wanted, width), number), known)
    if not covered.all():
        first = Polynomial(problem.variables, wanted[~covered][:1], [1.0])
        within = " within a clique" if sparse else ""
        raise RelaxationError(
            f"the monomial {first} of the objective is in no product of at most {degree} "
            f"constraints{within}, so that there is no bound; raise the degree, use larger cliques "
            "or add affine constraints, such as x <= 1 and x >= -1, in its variables"
        )
