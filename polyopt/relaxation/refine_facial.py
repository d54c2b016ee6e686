"""Facial reduction of order-1 blocks by affine equations.

With ``L(h) = 0`` and ``L(h²) = 0`` for ``h = aᵀx - b`` the vector of coefficients of h lies in the
kernel of ``M_1(y)``, so that no feasible ``M_1`` is positive definite, which interior-point solvers
do not like. Every feasible one is ``F M̃ Fᵀ``, the columns of F spanning the orthogonal complement
of these vectors (Borwein and Wolkowicz, J. Austral. Math. Soc. 30, 1981; Drusvyatskiy and
Wolkowicz, The many faces of degeneracy in conic optimization, 2017). The F taken here has an
identity in the rows of 1 and of all variables but one pivot for each equation, found by a
factorisation with column pivoting: ``M̃`` is then the block without the pivots, and the
rows of the pivots follow from ``L(h) = 0``, ``L(h x_i) = 0``, which replace ``L(h²) = 0``. No
variable is substituted, so that the sparsity of everything else stays as it is.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from polyopt.polynomial import monomials
from polyopt.polynomial.basis import Basis
from polyopt.polynomial.monomials import Rows
from polyopt.polynomial.polynomial import Polynomial
from polyopt.problem import PolynomialProblem
from polyopt.relaxation.expansion import require_monomials
from polyopt.relaxation.multiplier import Cone, Factor, Multiplier
from polyopt.relaxation.relaxation import Relaxation

#: Equations whose part outside the span of the others is relatively below this have no pivot.
_DEPENDENT = 1e-9


@dataclass(frozen=True, slots=True)
class FacialReduction:
    """Refinement of order-1 blocks on the face that affine equations leave.

    For affine equations that are too dense to be substituted. The bound is that with the rows
    ``L(h) = 0`` and ``L(h²) = 0`` (and better than with ``L(h) = 0`` alone), from smaller blocks
    that may be positive definite. Blocks of higher order stay as they are; for those use
    :class:`polyopt.GroebnerQuotient`.

    References
    ----------
    J. Borwein, H. Wolkowicz. Facial reduction for a cone-convex programming problem.
    J. Austral. Math. Soc. 30 (1981).

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 6)
    >>> f = po.sum_polynomials((v**2 - 0.5) ** 2 for v in x)
    >>> problem = po.minimize(f, subject_to=[sum(x) == 5])
    >>> relaxation = po.nearly_sparse(problem, order=2, dense=[("equality", 0)])
    >>> reduced = relaxation.refine(po.FacialReduction())
    >>> relaxation.plan.psd, reduced.plan.psd
    (((7, 1), (3, 6)), ((6, 1), (3, 6)))
    >>> abs(relaxation.solve().bound - reduced.solve().bound) < 1e-6
    True
    """

    def __call__(self, relaxation: Relaxation) -> Relaxation:
        """Refine a relaxation."""
        require_monomials(relaxation)
        start = time.perf_counter()
        problem = relaxation.problem
        affine = {i: h for i, h in enumerate(problem.equalities) if h.degree == 1}
        rows: dict[int, list[Rows]] = {}
        reduced: list[Multiplier] = []
        dropped = 0
        for m in relaxation.multipliers:
            inside = _equations_of(m, affine)
            if not inside:
                reduced.append(m)
                continue
            members = _variables(m)
            pivots = _pivots([affine[i] for i in inside], members)
            names = m.basis.rows[:, -1]
            keep = ~np.isin(names, members[pivots] + 1)
            dropped += int((~keep).sum())
            reduced.append(replace(m, basis=Basis.of_rows(m.basis.rows[keep])))
            for i in inside:
                rows.setdefault(i, []).append(Basis.full(members, 1).rows)
        note = (
            f"facial reduction: {len(rows)} affine equalities take {dropped} variables out of "
            "order-1 blocks"
        )
        if not rows:
            return replace(relaxation, notes=(*relaxation.notes, note))
        refined = replace(
            relaxation,
            multipliers=tuple(_with_rows(problem, reduced, rows)),
            name=f"{relaxation.name}, facial reduction",
            notes=(*relaxation.notes, note),
        )
        spent = relaxation.timings.get("refinement", 0.0) + time.perf_counter() - start
        return refined.with_timing("refinement", spent)


def _equations_of(m: Multiplier, affine: dict[int, Polynomial]) -> list[int]:
    """Affine equations inside an order-1 block, in increasing order."""
    plain = m.cone is Cone.PSD and not m.factors and isinstance(m.polynomial, Polynomial)
    if not plain or m.basis.width != 1 or m.basis.rows[0].any():
        return []
    members = set(_variables(m).tolist())
    return [i for i, h in affine.items() if members.issuperset(h.support.tolist())]


def _variables(m: Multiplier) -> NDArray[np.intp]:
    names = m.basis.rows[:, -1]
    return np.asarray(names[names > 0] - 1, dtype=np.intp)


def _pivots(equations: Sequence[Polynomial], members: NDArray[np.intp]) -> NDArray[np.intp]:
    """Positions of one variable for each independent equation, the well-conditioned choice."""
    from scipy import linalg

    table = np.zeros((len(equations), len(members)))
    for k, h in enumerate(equations):
        moving = h.rows[:, -1] > 0
        place = np.searchsorted(members, h.rows[moving, -1] - 1)
        table[k, place] = h.coefficients[moving] / np.abs(h.coefficients[moving]).max()
    _, triangle, order = linalg.qr(table, mode="economic", pivoting=True)
    size = np.abs(np.diagonal(triangle))
    rank = int((size > _DEPENDENT * size[0]).sum())
    return np.asarray(order[:rank], dtype=np.intp)


def _with_rows(
    problem: PolynomialProblem, multipliers: Iterable[Multiplier], rows: dict[int, list[Rows]]
) -> list[Multiplier]:
    """Replace the multipliers of the equations by ones on 1 and the variables of their blocks."""
    result = []
    for m in multipliers:
        numbers = [f.number for f in m.factors if f.kind == "equality"]
        own = len(m.factors) == len(numbers) and len(set(numbers)) == 1 and numbers[0] in rows
        if own and m.cone is Cone.FREE and len(numbers) == 1:
            rows[numbers[0]].append(m.basis.rows)
        elif not (own and m.cone is Cone.FREE and len(numbers) == 2 and m.basis.size == 1):
            # h² is the combination of the h x_i with the coefficients of h.
            result.append(m)
    for i, tables in sorted(rows.items()):
        width = max(table.shape[1] for table in tables)
        stacked = np.concatenate([monomials.widen(table, width) for table in tables])
        unique, _ = monomials.unique_rows(stacked, problem.number_of_variables)
        h = problem.equalities[i]
        result.append(Multiplier(h, Basis.of_rows(unique), Cone.FREE, (Factor("equality", i),)))
    return result
