"""Putinar's certificate: the Lasserre hierarchy, dense or on the cliques of a sparsity pattern.

``f - λ = σ_0 + Σ_j g_j σ_j + Σ_i h_i τ_i`` with sums of squares σ of degree at most 2d
(Putinar 1993; Lasserre, SIAM J. Optim. 11, 2001). With correlative sparsity σ_0 is a sum over
the cliques and every constraint lives on a clique that contains it (Waki, Kim, Kojima, Muramatsu,
SIAM J. Optim. 17, 2006; convergence: Lasserre, SIAM J. Optim. 17, 2006). A matrix inequality
``G ⪰ 0`` adds ``⟨G, S⟩`` with a matrix S that is a sum of squares, and the bounds converge as those
of scalar constraints do (Hol and Scherer, 2004; Henrion and Lasserre, IEEE Trans. Autom. Control
51, 2006).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from polyopt.errors import RelaxationError
from polyopt.polynomial.basis import Basis
from polyopt.polynomial.matrix import PolynomialMatrix
from polyopt.polynomial.polynomial import Polynomial
from polyopt.problem import PolynomialProblem
from polyopt.relaxation.multiplier import (
    Cone,
    Factor,
    Multiplier,
    check_order,
    half_degree,
    is_trivial,
    matrix_multiplier,
    one,
)
from polyopt.relaxation.relaxation import Relaxation, timed
from polyopt.sparsity.correlative import CorrelativeSparsity, correlative_sparsity


def putinar(
    problem: PolynomialProblem,
    order: int,
    *,
    sparsity: Literal["correlative"] | CorrelativeSparsity | None = None,
    cliques: Iterable[Iterable[Any]] | None = None,
    chordal: str = "min_degree",
    assign: Literal["first", "all"] = "first",
    orders: Mapping[Any, int] | None = None,
) -> Relaxation:
    """Relaxation of Putinar type, dense or sparse.

    Parameters
    ----------
    problem : PolynomialProblem
    order : int
        Relaxation order d; half the degree of the certificate.
    sparsity : "correlative" or CorrelativeSparsity, optional
        Left out, one clique of all variables that occur.
    cliques : iterable of iterables, optional
        Cliques of variable indices or names to use instead; they must cover every constraint and
        every monomial of the objective.
    chordal : str
        Method of :func:`polyopt.chordal_extension` for ``sparsity="correlative"``.
    assign : {"first", "all"}
        Use each constraint in the first clique that contains it, or in all of them.
    orders : mapping to int, optional
        Orders that differ from ``order``: by the position k of a clique, for its sum of squares
        and the constraints assigned to it, or by constraint, such as ``("inequality", 3)``. The
        order of the relaxation is then the smallest of the cliques'.

    Returns
    -------
    Relaxation

    Raises
    ------
    RelaxationError
        The order is too low, or ``orders`` names what is not there; the message says which.
    SparsityError
        Cliques that do not cover the problem.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 3)
    >>> f = x[0] * x[1] + x[1] * x[2]
    >>> problem = po.minimize(f, subject_to=[v**2 <= 1 for v in x])
    >>> print(po.putinar(problem, order=1, sparsity="correlative").plan.summary)
    2 PSD blocks, largest 3×3, at most 12 moments

    A larger order on the second clique only:

    >>> print(po.putinar(problem, 1, sparsity="correlative", orders={1: 2}).plan.summary)
    3 PSD blocks, largest 6×6, at most 27 moments
    """
    special = dict(orders or {})
    order = check_order(problem, order) if not special else _base_order(problem, order, special)
    start = time.perf_counter()
    pattern = _pattern(problem, sparsity, cliques, chordal, order)
    found = time.perf_counter()
    name = f"Putinar, order {order}"
    if pattern is None:
        used = variables_that_occur(problem)
        groups: list[NDArray[np.intp]] = [used]
        inequalities: Sequence[Sequence[int]] = [(0,)] * len(problem.inequalities)
        equalities: Sequence[Sequence[int]] = [(0,)] * len(problem.equalities)
        matrices: Sequence[Sequence[int]] = [(0,)] * len(problem.matrix_inequalities)
    else:
        name += ", correlative sparsity"
        groups = [np.asarray(clique, dtype=np.intp) for clique in pattern.cliques]
        assignment = pattern.assign(problem, to=assign)
        inequalities, equalities = assignment.inequalities, assignment.equalities
        matrices = assignment.matrices
    if special:
        assigned = {"inequality": inequalities, "equality": equalities, "matrix": matrices}
        multipliers = _with_orders(problem, groups, order, special, assigned)
        name += f", other orders for {len(special)} parts"
        order = min(special.get(k, order) for k in range(len(groups)))
    else:
        multipliers = sums_of_squares(problem, _in_use(problem, groups), order)
        multipliers += localizers(problem, groups, order, inequalities, equalities, matrices)
    if not multipliers:
        raise RelaxationError("the problem has neither variables nor constraints in use")
    done = time.perf_counter()
    return Relaxation(
        problem,
        tuple(multipliers),
        name,
        order,
        sparsity=pattern,
        timings=timed([("sparsity", found - start), ("relaxation", done - found)]),
    )


def _base_order(problem: PolynomialProblem, order: int, special: dict[Any, int]) -> int:
    """Validate all orders: the base order need not suffice for what has one of its own."""
    for value in (order, *special.values()):
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
            raise RelaxationError(f"the order is {value!r}; it must be a positive integer")
    check_order(problem, max(order, *special.values()))
    return int(order)


def _with_orders(
    problem: PolynomialProblem,
    groups: Sequence[NDArray[np.intp]],
    order: int,
    special: dict[Any, int],
    assigned: Mapping[str, Sequence[Sequence[int]]],
) -> list[Multiplier]:
    """Multipliers with an order for each clique and constraint."""
    known: set[Any] = set(range(len(groups)))
    known |= {(kind, j) for kind, where in assigned.items() for j in range(len(where))}
    for key in special:
        if key not in known:
            raise RelaxationError(
                f"orders has {key!r}, but there are {len(groups)} cliques (numbered from 0), "
                f"{len(problem.inequalities)} inequalities and {len(problem.equalities)} "
                'equalities; name a clique by its position and a constraint as ("inequality", j)'
            )
    result: list[Multiplier] = []
    for k, group in enumerate(groups):
        result += sums_of_squares(problem, _in_use(problem, [group]), special.get(k, order))
    kinds: list[tuple[str, Sequence[Polynomial | PolynomialMatrix]]] = [
        ("inequality", problem.inequalities),
        ("equality", problem.equalities),
        ("matrix", problem.matrix_inequalities),
    ]
    for kind, members in kinds:
        for j, polynomial in enumerate(members):
            for k in () if is_trivial(polynomial) else assigned[kind][j]:
                own = special.get((kind, j), special.get(k, order))
                if half_degree(polynomial) > own:
                    raise RelaxationError(
                        f"order {own} is too low for {kind} {j} of degree {polynomial.degree} on "
                        f"clique {k}; give orders={{{k}: {half_degree(polynomial)}}} or more"
                    )
                only: dict[str, list[Sequence[int]]] = {
                    name: [()] * len(where) for name, where in assigned.items()
                }
                only[kind][j] = (k,)
                result += localizers(
                    problem, groups, own, only["inequality"], only["equality"], only["matrix"]
                )
    return result


def _pattern(
    problem: PolynomialProblem,
    sparsity: Literal["correlative"] | CorrelativeSparsity | None,
    cliques: Iterable[Iterable[Any]] | None,
    chordal: str,
    order: int,
) -> CorrelativeSparsity | None:
    if cliques is not None:
        if sparsity is not None:
            raise RelaxationError("give either sparsity or cliques, not both")
        return correlative_sparsity(problem, cliques=cliques)
    if sparsity == "correlative":
        return correlative_sparsity(problem, chordal=chordal, order=order)
    if sparsity is None or isinstance(sparsity, CorrelativeSparsity):
        return sparsity
    refinement = "; term sparsity is .refine(TermSparsity())" if sparsity == "term" else ""
    raise RelaxationError(
        f'sparsity is {sparsity!r}; it must be "correlative", a CorrelativeSparsity or None'
        f"{refinement}"
    )


def variables_that_occur(problem: PolynomialProblem) -> NDArray[np.intp]:
    """Increasing indices of the variables in the objective or a constraint."""
    parts = [problem.objective.support, *(p.support for p in problem.constraints)]
    return np.unique(np.concatenate(parts)).astype(np.intp)


def _in_use(
    problem: PolynomialProblem, groups: Sequence[NDArray[np.intp]]
) -> list[NDArray[np.intp]]:
    """Groups with a variable that occurs: the others say nothing about the problem."""
    occurs = np.zeros(problem.number_of_variables, dtype=bool)
    occurs[variables_that_occur(problem)] = True
    return [group for group in groups if occurs[group].any()]


def sums_of_squares(
    problem: PolynomialProblem, groups: Sequence[NDArray[np.intp]], order: int
) -> list[Multiplier]:
    """One sum of squares of full degree for each group of variables."""
    unit = one(problem)
    return [Multiplier(unit, Basis.full(group, order), Cone.PSD) for group in groups]


def localizers(
    problem: PolynomialProblem,
    groups: Sequence[NDArray[np.intp]],
    order: int,
    inequalities: Sequence[Sequence[int]],
    equalities: Sequence[Sequence[int]],
    matrices: Sequence[Sequence[int]] = (),
) -> list[Multiplier]:
    """Multipliers of the constraints on the groups they are assigned to.

    An inequality g gets a sum of squares on the monomials of degree up to d - v(g), an equality h
    a free polynomial of degree up to 2d - deg h, a matrix inequality G a matrix that is a sum of
    squares on the monomials of degree up to d - v(G).
    """
    result = []
    for j, g in enumerate(problem.inequalities):
        for k in () if is_trivial(g) else inequalities[j]:
            basis = Basis.full(groups[k], order - half_degree(g))
            result.append(Multiplier(g, basis, Cone.PSD, (Factor("inequality", j),)))
    for i, h in enumerate(problem.equalities):
        for k in () if is_trivial(h) else equalities[i]:
            basis = Basis.full(groups[k], 2 * order - h.degree)
            result.append(Multiplier(h, basis, Cone.FREE, (Factor("equality", i),)))
    for j, where in enumerate(matrices):
        matrix = problem.matrix_inequalities[j]
        for k in () if is_trivial(matrix) else where:
            basis = Basis.full(groups[k], order - half_degree(matrix))
            result.append(matrix_multiplier(matrix, basis, Factor("matrix", j)))
    return result


def scalar_multiplier(polynomial: Polynomial, *factors: Factor) -> Multiplier:
    """A constant multiplier: ``L(p) >= 0``, or ``L(p) = 0`` where an equality is a factor."""
    equality = any(factor.kind == "equality" for factor in factors)
    cone = Cone.FREE if equality else Cone.NONNEGATIVE
    return Multiplier(polynomial, Basis.constant(), cone, tuple(factors))
