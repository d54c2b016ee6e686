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

from polyopt.polynomial.basis import Basis
from polyopt.polynomial.normal_form import IDEMPOTENT
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
        distinct = {id(m.polynomial): m.polynomial for m in relaxation.multipliers}
        supports = [problem.objective.rows, *(p.rows for p in distinct.values())]
        if relaxation.rules is not None:
            # x² = x is no equation of -x, so that the sign of x is fixed.
            idempotent = np.flatnonzero(relaxation.rules == IDEMPOTENT) + 1
            supports.append(idempotent.astype(np.int32)[:, None])
        variables = variable_signatures(supports, problem.number_of_variables)
        multipliers = tuple(part for m in relaxation.multipliers for part in _split(m, variables))
        generators = int(sum(int(word).bit_count() for word in np.bitwise_or.reduce(variables)))
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


def _split(multiplier: Multiplier, variables: Signatures) -> Iterator[Multiplier]:
    if variables.shape[1] == 0 or multiplier.basis.size < 2:
        yield multiplier
        return
    rows = multiplier.basis.rows
    signature = signatures(rows, variables)
    if multiplier.cone is not Cone.PSD:
        # Averaging removes the coefficients of monomials that change sign.
        kept = ~signature.any(axis=1)
        if kept.any():
            yield replace(multiplier, basis=Basis.of_rows(rows[kept]))
        return
    _, first, inverse = np.unique(signature, axis=0, return_index=True, return_inverse=True)
    for label in np.argsort(first):
        yield replace(multiplier, basis=Basis.of_rows(rows[inverse.reshape(-1) == label]))
