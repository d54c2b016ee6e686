"""Sign symmetry: split every basis by parity classes.

When a sign change leaves f and all the polynomials of the multipliers unchanged, averaging a
certificate over it removes the products of monomials that it treats differently. So the bases fall
apart into classes without any change of the bound (Gatermann and Parrilo, J. Pure Appl. Algebra
192, 2004, for groups in general). TSSOS with the block closure ends at blocks no larger than these.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from polyopt.polynomial.matrix import PolynomialMatrix
from polyopt.polynomial.monomials import Rows
from polyopt.polynomial.normal_form import IDEMPOTENT
from polyopt.polynomial.polynomial import Polynomial
from polyopt.relaxation.expansion import require_monomials
from polyopt.relaxation.multiplier import Cone, Multiplier
from polyopt.relaxation.relaxation import Relaxation
from polyopt.sparsity.sign_symmetry import Signatures, signatures, variable_signatures


@dataclass(frozen=True, slots=True)
class SignSymmetry:
    """Refinement of a relaxation by the sign symmetries of its problem; the bound is the same.

    References
    ----------
    J. Löfberg. Pre- and post-processing sum-of-squares programs in practice. IEEE Trans. Autom.
    Control 54 (2009).

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 2)
    >>> problem = po.minimize(x[0] ** 4 + x[1] ** 4 - x[0] * x[1])
    >>> relaxation = po.putinar(problem, order=2)
    >>> print(relaxation.refine(po.SignSymmetry()).plan.summary)
    2 PSD blocks, largest 4×4, at most 13 moments
    """

    def __call__(self, relaxation: Relaxation) -> Relaxation:
        """Refine a relaxation."""
        require_monomials(relaxation)
        start = time.perf_counter()
        problem = relaxation.problem
        number = problem.number_of_variables
        distinct = {id(m.polynomial): m.polynomial for m in relaxation.multipliers}
        supports = [problem.objective.rows]
        first_row: dict[int, int] = {}
        total = number
        for key, p in distinct.items():
            if isinstance(p, Polynomial):
                supports.append(p.rows)
                continue
            # A matrix may change by a diagonal of signs: it is the polynomial Σ G_ab y_a y_b.
            supports.append(_with_rows(p, total))
            first_row[key] = total
            total += p.side
        if relaxation.rules is not None:
            # x² = x is no equation of -x, so that the sign of x is fixed.
            idempotent = np.flatnonzero(relaxation.rules == IDEMPOTENT) + 1
            supports.append(idempotent.astype(np.int32)[:, None])
        variables = variable_signatures(supports, total)
        multipliers = tuple(
            part
            for m in relaxation.multipliers
            for part in _split(m, variables, first_row.get(id(m.polynomial), number))
        )
        used = np.bitwise_or.reduce(variables[:number])
        generators = int(sum(int(word).bit_count() for word in used))
        refined = replace(
            relaxation,
            multipliers=multipliers,
            name=f"{relaxation.name}, sign symmetry",
            notes=(
                *relaxation.notes,
                f"sign symmetry: a group of 2^{generators} sign changes of the variables",
            ),
        )
        spent = relaxation.timings.get("refinement", 0.0) + time.perf_counter() - start
        return refined.with_timing("refinement", spent)


def _with_rows(matrix: PolynomialMatrix, first_row: int) -> Rows:
    """Monomials of ``Σ G_ab y_a y_b`` with further variables y."""
    term, a, b = np.nonzero(matrix.coefficients)
    pair = np.sort(np.stack([a, b], axis=1), axis=1) + first_row + 1
    return np.concatenate([matrix.rows[term], pair.astype(np.int32)], axis=1)


def _split(multiplier: Multiplier, variables: Signatures, first_row: int) -> Iterator[Multiplier]:
    if variables.shape[1] == 0 or multiplier.basis.size < 2:
        yield multiplier
        return
    signature = signatures(multiplier.labels(first_row), variables)
    if multiplier.cone is Cone.SECOND_ORDER:
        # Averaging removes the entries that change sign relative to the first.
        yield multiplier.part(~(signature ^ signature[:1]).any(axis=1))
        return
    if multiplier.cone is not Cone.PSD:
        # Averaging removes the coefficients of monomials that change sign.
        kept = ~signature.any(axis=1)
        if kept.any():
            yield multiplier.part(kept)
        return
    _, first, inverse = np.unique(signature, axis=0, return_index=True, return_inverse=True)
    for label in np.argsort(first):
        yield multiplier.part(inverse.reshape(-1) == label)
