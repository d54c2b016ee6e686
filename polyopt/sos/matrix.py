"""Matrix requirements: ``M(x; c) ⪰ 0`` on a set, by sums of squares in (x, y).

``M ⪰ 0`` means ``yᵀ M y >= 0`` for all y. With multipliers that are quadratic in y,
``yᵀ M y = Σ_k p_k(x) σ_k(x, y)`` is the matrix version of Putinar's certificate,
``M = S_0 + Σ_j g_j S_j`` with sums of squares of polynomial matrices (Scherer and Hol, Math.
Program. 107, 2006; Kojima 2003): σ has the basis ``y_i x^β``.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyopt.errors import InvalidProblemError, RelaxationError
from polyopt.polynomial import monomials
from polyopt.polynomial.basis import Basis
from polyopt.polynomial.polynomial import Polynomial
from polyopt.polynomial.variables import Variables
from polyopt.problem import minimize
from polyopt.relaxation.multiplier import (
    Cone,
    Factor,
    Multiplier,
    half_degree,
    is_trivial,
    one,
    require_scalar_constraints,
)
from polyopt.sos.affine import split
from polyopt.sos.requirement import Requirement


def matrix_requirement(
    name: str,
    entries: list[list[Polynomial]],
    variables: Variables,
    decisions: Variables,
    on: Iterable[Any],
    order: int | None,
) -> Requirement:
    """Require a symmetric matrix to be positive semidefinite on a set.

    Parameters
    ----------
    name : str
    entries : list of lists of Polynomial
        M, shape (k, k).
    variables, decisions : Variables
        Names of x and c.
    on : iterable of relations
        Constraints in x.
    order : int, optional
        d: the multipliers have degree at most 2d together with their constraints.

    Raises
    ------
    InvalidProblemError
        The matrix is not square or not symmetric.
    RelaxationError
        The order is too low.
    """
    side = len(entries)
    if not side or any(len(row) != side for row in entries):
        raise InvalidProblemError(f"{name} needs a square matrix, a list of k lists of k entries")
    for i in range(side):
        for j in range(i):
            if not entries[i][j].equals(entries[j][i]):
                raise InvalidProblemError(
                    f"{name} has {entries[i][j]} in place ({i}, {j}) and {entries[j][i]} in place "
                    f"({j}, {i}); a positive semidefinite matrix is symmetric"
                )
    stem = "y"
    while any(f"{stem}{i}" in variables or f"{stem}{i}" in decisions for i in range(side)):
        stem += "_"
    everything = variables | Variables(f"{stem}{i}" for i in range(side))
    n = len(variables)
    y = [
        Polynomial(everything, np.array([[n + 1 + i]], dtype=np.int32), [1.0]) for i in range(side)
    ]
    total = Polynomial.constant(0.0, everything)
    for i in range(side):
        for j in range(side):
            total = total + entries[i][j] * y[i] * y[j]
    family = split(total, everything, decisions, name)
    problem = minimize(family.support, subject_to=on, variables=everything)
    require_scalar_constraints(
        problem,
        f"the matrix requirement {name}",
        "state the set by polynomial inequalities, such as the minors of the matrix",
    )
    degree = max(0, family.degree - 2)
    constraints = [p for p in (*problem.inequalities, *problem.equalities) if not is_trivial(p)]
    least = max([ceil(degree / 2), *map(half_degree, constraints)])
    if order is None:
        order = least
    elif not isinstance(order, (int, np.integer)) or isinstance(order, bool) or order < least:
        raise RelaxationError(
            f"the order of {name} is {order!r}; it must be an integer of at least {least}"
        )
    parts = [family.support.support, *(p.support for p in constraints)]
    used = np.unique(np.concatenate(parts))
    used = used[used < n].astype(np.intp)
    single = np.arange(n + 1, n + side + 1, dtype=np.int32)[:, None]
    first, second = np.triu_indices(side)
    pairs = np.concatenate([single[first], single[second]], axis=1)
    multipliers = [Multiplier(one(problem), _basis(used, order, single), Cone.PSD)]
    for k, g in enumerate(problem.inequalities):
        if not is_trivial(g):
            basis = _basis(used, order - half_degree(g), single)
            multipliers.append(Multiplier(g, basis, Cone.PSD, (Factor("inequality", k),)))
    for k, h in enumerate(problem.equalities):
        if not is_trivial(h):
            basis = _basis(used, 2 * order - h.degree, pairs)
            multipliers.append(Multiplier(h, basis, Cone.FREE, (Factor("equality", k),)))
    return Requirement(name, family, problem, tuple(multipliers))


def _basis(used: NDArray[np.intp], degree: int, tails: NDArray[np.int32]) -> Basis:
    """All products of a monomial in x up to a degree and one of the given monomials in y."""
    rows = monomials.all_monomials(used, degree)
    left = np.repeat(rows, len(tails), axis=0)
    right = np.tile(tails, (len(rows), 1))
    # The variables y stand behind x, so that the rows stay sorted.
    return Basis.of_rows(np.concatenate([left, right], axis=1).astype(np.int32))
