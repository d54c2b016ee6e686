"""The sublevel hierarchy: between order d - 1 and order d.

Everything is at order d - 1, except on chosen subsets of ``level`` variables of each clique, which
get moment matrices of order d and the localisers of the constraints they contain. Level 0 is the
relaxation of order d - 1, the size of the clique gives order d; the bound does not get worse with
more level or depth (Chen, Lasserre, Magron, Pauwels, A sublevel moment-SOS hierarchy for
polynomial optimization, Comput. Optim. Appl. 81, 2022).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from polyopt.errors import RelaxationError
from polyopt.polynomial import monomials
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
)
from polyopt.relaxation.putinar import _pattern, sums_of_squares, variables_that_occur
from polyopt.relaxation.relaxation import Relaxation, timed
from polyopt.sparsity.assignment import containing_pairs, uncovered
from polyopt.sparsity.cliques import Cliques, drop_contained, validate_cliques
from polyopt.sparsity.correlative import CorrelativeSparsity
from polyopt.sparsity.graph import flatten_supports
from polyopt.sparsity.subsets import Choice, clique_subsets, coupling_weights


def sublevel(
    problem: PolynomialProblem,
    order: int = 2,
    level: int = 4,
    depth: int = 1,
    *,
    subsets: Choice | Iterable[Iterable[int]] = "ordered",
    rng: np.random.Generator | int = 0,
    sparsity: Literal["correlative"] | CorrelativeSparsity | None = None,
    cliques: Iterable[Iterable[Any]] | None = None,
    chordal: str = "min_degree",
) -> Relaxation:
    """Relaxation of order ``order - 1`` with order ``order`` on small subsets of variables.

    Parameters
    ----------
    problem : PolynomialProblem
    order : int
        The upper order d, at least 2.
    level : int
        Number of variables of the subsets.
    depth : int
        Subsets for each variable of a clique; see :mod:`polyopt.sparsity.subsets`.
    subsets : {"ordered", "random", "weighted"} or iterable of iterables of int
        How they are chosen: cyclic windows, at random, by the weight of the monomials that couple
        the variables; or the subsets themselves.
    rng : Generator or int
        For ``"random"``.
    sparsity, cliques, chordal
        The cliques; see :func:`polyopt.putinar`.

    Returns
    -------
    Relaxation

    Raises
    ------
    RelaxationError
        The order is too low, or a monomial of the objective or a constraint of degree above
        ``2 (order - 1)`` is in no subset; the message names it.
    SparsityError
        Bad level, depth or subsets.

    References
    ----------
    T. Chen, J.-B. Lasserre, V. Magron, E. Pauwels. A sublevel moment-SOS hierarchy for polynomial
    optimization. Comput. Optim. Appl. 81 (2022).

    Examples
    --------
    The maximum cut of the 5-cycle is 4; order 1 gives 4.5225.

    >>> import polyopt as po
    >>> x = po.variables("x", 5)
    >>> cut = po.sum_polynomials((1 - x[i] * x[(i + 1) % 5]) / 2 for i in range(5))
    >>> problem = po.maximize(cut, subject_to=[v**2 == 1 for v in x])
    >>> [round(po.sublevel(problem, level=l).solve().bound, 3) for l in (0, 3, 4)]
    [4.523, 4.198, 4.0]
    """
    order = check_order(problem, order)
    if order < 2:
        raise RelaxationError("the sublevel hierarchy lies between orders d - 1 and d; give d >= 2")
    start = time.perf_counter()
    pattern = _pattern(problem, sparsity, cliques, chordal, order)
    if pattern is None:
        groups: Cliques = (tuple(variables_that_occur(problem).tolist()),)
    else:
        groups = pattern.cliques
        pattern.assign(problem)
    chosen = _subsets(problem, groups, level, depth, subsets, rng)
    _check_coverage(problem, order, chosen)
    found = time.perf_counter()
    whole = set(chosen)
    rest = tuple(group for group in groups if group not in whole)
    multipliers = sums_of_squares(problem, _arrays(chosen), order)
    multipliers += sums_of_squares(problem, _arrays(rest), order - 1)
    multipliers += _localizers(problem, order, groups, chosen)
    done = time.perf_counter()
    return Relaxation(
        problem,
        tuple(multipliers),
        f"Sublevel, order {order}, level {level}, depth {depth}",
        order,
        sparsity=pattern,
        notes=(f"order {order} on {len(chosen)} subsets, order {order - 1} elsewhere",),
        timings=timed([("sparsity", found - start), ("relaxation", done - found)]),
    )


def _subsets(
    problem: PolynomialProblem,
    groups: Cliques,
    level: int,
    depth: int,
    subsets: Choice | Iterable[Iterable[int]],
    rng: np.random.Generator | int,
) -> Cliques:
    if not isinstance(subsets, str):
        names = list(problem.variables)
        return validate_cliques(subsets, len(names), names=names)
    generator = np.random.default_rng(rng)
    polynomials = [problem.objective, *problem.inequalities, *problem.equalities]
    polynomials += [p for m in problem.matrix_inequalities for row in m.entries() for p in row]
    found: list[tuple[int, ...]] = []
    for group in groups:
        weights = coupling_weights(group, polynomials) if subsets == "weighted" else None
        found += clique_subsets(group, level, depth, choice=subsets, rng=generator, weights=weights)
    return drop_contained(found)


def _check_coverage(problem: PolynomialProblem, order: int, chosen: Cliques) -> None:
    """Whatever order d - 1 cannot carry must lie in a subset."""
    f = problem.objective
    rows = f.rows[monomials.degrees(f.rows) > 2 * (order - 1)]
    supports = [np.unique(row[row > 0]) - 1 for row in rows]
    labels = [f"the monomial {Polynomial(f.variables, row[None], [1.0])}" for row in rows]
    for name, group in _constraints(problem):
        for number, g in enumerate(group):
            if half_degree(g) > order - 1:
                supports.append(g.support)
                labels.append(f"{name} {number}")
    missing = uncovered(supports, chosen)
    if missing:
        raise RelaxationError(
            f"{labels[missing[0]]} needs order {order}, but its variables are in none of the "
            f"{len(chosen)} subsets; raise the level or depth, or give subsets that contain them"
        )


def _localizers(
    problem: PolynomialProblem, order: int, groups: Cliques, chosen: Cliques
) -> list[Multiplier]:
    """Order d on every subset that contains a constraint, order d - 1 on a clique otherwise."""
    result = []
    whole = set(chosen)
    for kind, constraints in _constraints(problem):
        used = [k for k, g in enumerate(constraints) if not is_trivial(g)]
        supports = flatten_supports([constraints[k].support for k in used])
        inside = _by_owner(*containing_pairs(*supports, chosen), len(used))
        within = _by_owner(*containing_pairs(*supports, groups), len(used))
        for position, k in enumerate(used):
            places = [(order, chosen[s]) for s in inside[position]]
            cliques = [groups[c] for c in within[position]]
            if half_degree(constraints[k]) < order and not any(c in whole for c in cliques):
                places.append((order - 1, cliques[0]))
            factor = Factor(kind, k)  # type: ignore[arg-type]
            result += [_localizer(constraints[k], factor, d, group) for d, group in places]
    return result


def _constraints(
    problem: PolynomialProblem,
) -> list[tuple[str, Sequence[Polynomial | PolynomialMatrix]]]:
    return [
        ("inequality", problem.inequalities),
        ("equality", problem.equalities),
        ("matrix", problem.matrix_inequalities),
    ]


def _localizer(
    g: Polynomial | PolynomialMatrix, factor: Factor, order: int, group: Sequence[int]
) -> Multiplier:
    if isinstance(g, PolynomialMatrix):
        return matrix_multiplier(g, Basis.full(group, order - half_degree(g)), factor)
    if factor.kind == "equality":
        return Multiplier(g, Basis.full(group, 2 * order - g.degree), Cone.FREE, (factor,))
    return Multiplier(g, Basis.full(group, order - half_degree(g)), Cone.PSD, (factor,))


def _by_owner(owners: NDArray[np.int64], found: NDArray[np.int64], number: int) -> list[list[int]]:
    bounds = np.searchsorted(owners, np.arange(number + 1))
    return [found[a:b].tolist() for a, b in pairwise(bounds)]


def _arrays(groups: Cliques) -> list[NDArray[np.intp]]:
    return [np.asarray(group, dtype=np.intp) for group in groups]
