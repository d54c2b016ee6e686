"""Nearly sparse problems: the weak generalisation of Putinar's certificate.

A few *dense* constraints destroy correlative sparsity. Keep the cliques ``I_k`` of the problem
without them and ask, at order d,

- ``M_1(y) ⪰ 0`` on all variables,
- ``M_d(y, I_k) ⪰ 0`` and the localisers of the sparse constraints on the cliques,
- ``L(g) >= 0`` for a dense inequality; ``L(h) = 0``, ``L(h²) = 0`` for a dense affine equality;
  ``L(G) ⪰ 0`` for a dense matrix inequality.

On the other side: the multiplier of a dense constraint is a number. Every such list gives a valid
bound; with full bases it is Putinar's (Chen, Lasserre, Magron, Pauwels, NeurIPS 2020, section 3).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyopt.errors import RelaxationError, SparsityError
from polyopt.polynomial.basis import Basis
from polyopt.polynomial.matrix import PolynomialMatrix
from polyopt.polynomial.polynomial import Polynomial
from polyopt.problem import PolynomialProblem
from polyopt.relaxation.dense_constraints import detect_dense
from polyopt.relaxation.first_order import first_order_blocks, quadratic_pattern
from polyopt.relaxation.multiplier import (
    Cone,
    Factor,
    Multiplier,
    check_order,
    is_trivial,
    matrix_multiplier,
    one,
    require_problem,
)
from polyopt.relaxation.putinar import localizers, scalar_multiplier, sums_of_squares
from polyopt.relaxation.relaxation import Relaxation, timed
from polyopt.sparsity.assignment import assign_constraints, uncovered
from polyopt.sparsity.cliques import validate_cliques
from polyopt.sparsity.correlative import correlative_sparsity


def nearly_sparse(
    problem: PolynomialProblem,
    order: int,
    *,
    cliques: Iterable[Iterable[Any]] | None = None,
    dense: Iterable[Any] | None = None,
    chordal: str = "min_degree",
    split_first_order: bool = True,
    dense_bases: Mapping[Any, Iterable[Polynomial]] | None = None,
) -> Relaxation:
    """Relaxation for problems whose sparsity is destroyed by a few dense constraints.

    Parameters
    ----------
    problem : PolynomialProblem
    order : int
        Order d on the cliques.
    cliques : iterable of iterables, optional
        Groups of variables (indices or names) that get order d. Left out, the cliques of a
        chordal extension of the csp graph without the dense constraints.
    dense : iterable of int or Factor, optional
        The dense constraints: an int j means inequality j, ``("equality", i)`` equality i,
        ``("matrix", k)`` matrix inequality k.
        Left out, with ``cliques`` those that fit into none of them, else those whose removal
        lowers the estimated cost (the plan says which and why).
    chordal : str
        Method of :func:`polyopt.chordal_extension`.
    split_first_order : bool
        Split ``M_1`` along a chordal extension of the monomials that occur, which changes
        neither value nor validity; False keeps one block.
    dense_bases : mapping, optional
        Monomials beside 1 for the multiplier of a dense constraint (named as in ``dense``): a sum
        of squares on them for an inequality, a free combination for an equality. They help only
        where the cliques have the moments of the products, for example cliques ``{0, i}`` for
        the basis ``[x0]`` of an affine inequality.

    Returns
    -------
    Relaxation

    Raises
    ------
    RelaxationError
        The order is too low, or a dense constraint or an uncovered monomial of the objective has
        degree above 2, which ``M_1`` cannot carry.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 6)
    >>> f = po.sum_polynomials((v**2 - 0.5) ** 2 for v in x)
    >>> problem = po.minimize(f, subject_to=[sum(x) >= 5])
    >>> relaxation = po.nearly_sparse(problem, order=2, dense=[0])
    >>> print(relaxation.plan.summary)
    6 PSD blocks, largest 3×3, at most 36 moments
    >>> round(relaxation.solve().bound, 4)
    0.2269
    """
    require_problem(problem)
    start = time.perf_counter()
    notes: list[str] = []
    if cliques is not None:
        groups = validate_cliques(cliques, len(problem.variables), names=list(problem.variables))
        left_out = (
            _named_dense(problem, dense) if dense is not None else _uncovered(problem, groups)
        )
    else:
        if dense is None:
            detection = detect_dense(problem, order, chordal=chordal)
            left_out = detection.dense
            notes.append(detection.explanation)
        else:
            left_out = _named_dense(problem, dense)
        pattern = correlative_sparsity(problem, chordal=chordal, without=left_out, order=order)
        groups = pattern.cliques
    _check_degrees(problem, order, groups, left_out)
    blocks = first_order_blocks(
        quadratic_pattern(problem, cliques=groups, extra=_squares(problem, left_out)),
        split=split_first_order,
    )
    found = time.perf_counter()
    arrays = [np.asarray(group, dtype=np.intp) for group in groups]
    unit = one(problem)
    multipliers = sums_of_squares(problem, arrays, order)
    multipliers += [
        Multiplier(unit, Basis.full(block, 1), Cone.PSD)
        for block in blocks
        if not _contained(block, groups)
    ]
    multipliers += localizers(problem, arrays, order, *_assignment(problem, groups, left_out))
    multipliers += _dense_multipliers(problem, left_out, _named_bases(problem, dense_bases))
    done = time.perf_counter()
    notes.append(
        f"{len(left_out)} dense constraints with constant multipliers"
        + (f": {', '.join(map(str, left_out[:6]))}" if left_out else "")
        + (" …" if len(left_out) > 6 else "")
    )
    return Relaxation(
        problem,
        tuple(multipliers),
        f"Nearly sparse, order {order}",
        order,
        notes=tuple(notes),
        timings=timed([("sparsity", found - start), ("relaxation", done - found)]),
    )


def _named_dense(problem: PolynomialProblem, dense: Iterable[Any]) -> tuple[Factor, ...]:
    result = []
    for item in dense:
        factor = Factor("inequality", int(item)) if isinstance(item, (int, np.integer)) else None
        if factor is None:
            try:
                kind, index = item
                factor = Factor(kind, int(index))
            except (TypeError, ValueError):
                raise SparsityError(
                    f"{item!r} names no constraint; give the index of an inequality or "
                    '("equality", i)'
                ) from None
        number = {
            "inequality": len(problem.inequalities),
            "equality": len(problem.equalities),
            "matrix": len(problem.matrix_inequalities),
        }.get(factor.kind, 0)
        if not 0 <= factor.number < number:
            raise SparsityError(
                f"dense constraint {item!r} does not exist: the problem has "
                f"{len(problem.inequalities)} inequalities and {len(problem.equalities)} equalities"
                + (
                    f" and {len(problem.matrix_inequalities)} matrix inequalities"
                    if problem.matrix_inequalities
                    else ""
                )
            )
        result.append(factor)
    return tuple(result)


def _uncovered(problem: PolynomialProblem, groups: Sequence[Sequence[int]]) -> tuple[Factor, ...]:
    inequalities = uncovered([g.support for g in problem.inequalities], groups)
    equalities = uncovered([h.support for h in problem.equalities], groups)
    matrices = uncovered([m.support for m in problem.matrix_inequalities], groups)
    return (
        *(Factor("inequality", j) for j in inequalities),
        *(Factor("equality", i) for i in equalities),
        *(Factor("matrix", k) for k in matrices),
    )


def _constraint(problem: PolynomialProblem, factor: Factor) -> Polynomial | PolynomialMatrix:
    if factor.kind == "matrix":
        return problem.matrix_inequalities[factor.number]
    group = problem.inequalities if factor.kind == "inequality" else problem.equalities
    return group[factor.number]


def _squares(problem: PolynomialProblem, dense: Iterable[Factor]) -> list[Polynomial]:
    """Squares of the dense affine equalities."""
    chosen = (problem.equalities[f.number] for f in dense if f.kind == "equality")
    return [h * h for h in chosen if h.degree == 1]


def _check_degrees(
    problem: PolynomialProblem,
    order: int,
    groups: Sequence[Sequence[int]],
    dense: tuple[Factor, ...],
) -> None:
    for factor in dense:
        degree = _constraint(problem, factor).degree
        if degree > 2:
            raise RelaxationError(
                f"{factor} is dense and has degree {degree}; a dense constraint must have degree "
                "at most 2, so give a clique that contains its variables"
            )
    sparse = PolynomialProblem(
        _high_part(problem.minimized),
        [g for j, g in enumerate(problem.inequalities) if Factor("inequality", j) not in dense],
        [h for i, h in enumerate(problem.equalities) if Factor("equality", i) not in dense],
        problem.variables,
        matrix_inequalities=[
            m for k, m in enumerate(problem.matrix_inequalities) if Factor("matrix", k) not in dense
        ],
    )
    check_order(sparse, order)
    high = sparse.objective
    if high.number_of_terms:
        missing = uncovered([np.unique(row[row > 0]) - 1 for row in high.rows], groups)
        if missing:
            row = high.rows[missing[0]][None]
            monomial = Polynomial(problem.variables, row, [1.0])
            raise RelaxationError(
                f"the monomial {monomial} of the objective has degree {monomial.degree} and lies "
                "in no clique; give a clique that contains its variables"
            )


def _high_part(polynomial: Polynomial) -> Polynomial:
    high = np.count_nonzero(polynomial.rows, axis=1) > 2
    return Polynomial(polynomial.variables, polynomial.rows[high], polynomial.coefficients[high])


def _contained(block: NDArray[np.intp], groups: Sequence[Sequence[int]]) -> bool:
    members = set(block.tolist())
    return any(members <= set(group) for group in groups if len(group) >= len(members))


def _assignment(
    problem: PolynomialProblem, groups: Sequence[Sequence[int]], dense: tuple[Factor, ...]
) -> list[list[Sequence[int]]]:
    """Cliques of the sparse constraints, nothing for the dense ones."""
    left_out = set(dense)
    result: list[list[Sequence[int]]] = []
    kinds: list[tuple[str, Sequence[Polynomial | PolynomialMatrix]]] = [
        ("inequality", problem.inequalities),
        ("equality", problem.equalities),
        ("matrix", problem.matrix_inequalities),
    ]
    for kind, group in kinds:
        chosen = [
            i
            for i, p in enumerate(group)
            if Factor(kind, i) not in left_out and not is_trivial(p)  # type: ignore[arg-type]
        ]
        where = assign_constraints(
            [group[i].support for i in chosen],
            groups,
            labels=[f"{kind} {i}" for i in chosen],
            names=list(problem.variables),
        )
        assigned: list[Sequence[int]] = [()] * len(group)
        for i, cliques in zip(chosen, where, strict=True):
            assigned[i] = cliques
        result.append(assigned)
    return result


def _dense_multipliers(
    problem: PolynomialProblem, dense: tuple[Factor, ...], bases: Mapping[Factor, Basis]
) -> list[Multiplier]:
    for factor in bases:
        if factor not in dense:
            raise SparsityError(
                f"dense_bases has {factor}, which is not dense here; name it in dense as well"
            )
    result = []
    for factor in dense:
        polynomial = _constraint(problem, factor)
        if is_trivial(polynomial):
            continue
        if isinstance(polynomial, PolynomialMatrix):
            basis = bases.get(factor, Basis.constant())
            result.append(matrix_multiplier(polynomial, basis, factor))
            continue
        if factor in bases:
            cone = Cone.FREE if factor.kind == "equality" else Cone.PSD
            result.append(Multiplier(polynomial, bases[factor], cone, (factor,)))
        else:
            result.append(scalar_multiplier(polynomial, factor))
        if factor.kind == "equality" and polynomial.degree == 1:
            result.append(scalar_multiplier(polynomial * polynomial, factor, factor))
    return result


def _named_bases(
    problem: PolynomialProblem, bases: Mapping[Any, Iterable[Polynomial]] | None
) -> dict[Factor, Basis]:
    """Bases of the given monomials and 1."""
    result = {}
    for key, given in (bases or {}).items():
        (factor,) = _named_dense(problem, [key])
        total = one(problem)
        for monomial in given:
            if not isinstance(monomial, Polynomial) or monomial.number_of_terms != 1:
                raise RelaxationError(f"dense_bases has {monomial}, which is not a monomial")
            total = total + (monomial * monomial.coefficients[0]).over(problem.variables)
        result[factor] = Basis.of_rows(total.rows)
    return result
