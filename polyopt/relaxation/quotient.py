"""Binary problems modulo their own equations ``x² = x`` and ``x² = 1``.

On the feasible set a monomial equals its normal form (:mod:`polyopt.polynomial.normal_form`), so
the certificate ``f - λ = Σ p σ`` is needed modulo the ideal of these equations only: moments of
equal normal form are one moment, bases keep square-free monomials, and the free multipliers of the
equations are not needed, for they are what the reduction does. The bound is that of the whole
relaxation when the multipliers of the equations had full degree (Lasserre, An explicit equivalent
positive semidefinite program for nonlinear 0-1 programs, SIAM J. Optim. 12, 2002; Laurent, Math.
Oper. Res. 28, 2003).

Variables stay the user's: basis, moments and multipliers are polynomials in them. Whoever checks
such a certificate takes normal forms of all its monomials by :func:`binary_rules` of the problem,
which relies on no claim of the certificate.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from polyopt.polynomial import monomials
from polyopt.polynomial.basis import Basis
from polyopt.polynomial.normal_form import IDEMPOTENT, INVOLUTORY, KEEP, Rules, reduce_rows
from polyopt.polynomial.polynomial import Polynomial
from polyopt.problem import PolynomialProblem
from polyopt.relaxation.multiplier import Cone, Factor, Multiplier
from polyopt.relaxation.relaxation import Relaxation


def binary_rules(problem: PolynomialProblem) -> Rules:
    """Rules for the variables with an equality ``c (x² - x) = 0`` or ``c (x² - 1) = 0``.

    Only coefficients that are exactly opposite count. A variable with both equations gets the
    rule of the first.

    Returns
    -------
    int array of shape (n,)
        ``KEEP``, ``IDEMPOTENT`` or ``INVOLUTORY``; see :mod:`polyopt.polynomial.normal_form`.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 3)
    >>> h = [x[0] ** 2 == x[0], 2 * x[1] ** 2 == 2, x[2] ** 2 == 3]
    >>> binary_rules(po.minimize(x[0], subject_to=h)).tolist()
    [1, 2, 0]
    """
    rules = np.full(problem.number_of_variables, KEEP, dtype=np.int8)
    for h in problem.equalities:
        variable, rule = _equation(h)
        if rule != KEEP and rules[variable] == KEEP:
            rules[variable] = rule
    return rules


@dataclass(frozen=True, slots=True)
class Quotient:
    """Refinement of a relaxation modulo the equations ``x² = x`` and ``x² = 1`` of its problem.

    References
    ----------
    J. B. Lasserre. An explicit equivalent positive semidefinite program for nonlinear 0-1 programs.
    SIAM J. Optim. 12 (2002).

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 5)
    >>> cut = po.sum_polynomials((1 - x[i] * x[(i + 1) % 5]) / 2 for i in range(5))
    >>> relaxation = po.putinar(po.maximize(cut, subject_to=[v**2 == 1 for v in x]), order=2)
    >>> refined = relaxation.refine(po.Quotient())
    >>> relaxation.plan.largest_block, refined.plan.largest_block
    (21, 16)
    >>> len(relaxation.assembly.moments), len(refined.assembly.moments)
    (126, 31)
    >>> round(refined.solve().bound, 4)
    4.0
    """

    def __call__(self, relaxation: Relaxation) -> Relaxation:
        """Refine a relaxation."""
        start = time.perf_counter()
        problem = relaxation.problem
        rules = binary_rules(problem)
        used = int(np.count_nonzero(rules))
        note = f"modulo x² = x or x² = 1 for {used} of {len(rules)} variables"
        if relaxation.normal_forms is not None:
            note = "quotient: nothing to do, the Gröbner bases hold these equations"
        if not used or relaxation.normal_forms is not None:
            return replace(relaxation, notes=(*relaxation.notes, note))
        reduced = tuple(part for m in relaxation.multipliers for part in _reduce(m, rules, problem))
        refined = replace(
            relaxation,
            multipliers=reduced,
            name=f"{relaxation.name}, quotient",
            notes=(*relaxation.notes, note),
            rules=rules,
        )
        spent = relaxation.timings.get("refinement", 0.0) + time.perf_counter() - start
        return refined.with_timing("refinement", spent)


def _equation(h: Polynomial) -> tuple[int, int]:
    """Give the variable and the rule of an equality, ``KEEP`` where it is another one."""
    if h.number_of_terms != 2 or h.degree != 2 or h.coefficients.sum() != 0.0:
        return 0, KEEP
    low, high = monomials.widen(h.rows, 2)
    variable = int(high[1])
    if high[0] != variable:
        return 0, KEEP
    if not low.any():
        return variable - 1, INVOLUTORY
    return variable - 1, IDEMPOTENT if low.tolist() == [0, variable] else KEEP


def _reduce(
    multiplier: Multiplier, rules: Rules, problem: PolynomialProblem
) -> Iterator[Multiplier]:
    if any(_vanishes(factor, rules, problem) for factor in multiplier.factors):
        return
    rows = multiplier.basis.rows
    normal = reduce_rows(rows, rules)
    if (normal == rows).all():
        yield multiplier
        return
    if multiplier.components is not None:
        # One of the pairs of a row of the matrix and a normal form.
        labels = replace(multiplier, basis=Basis.of_rows(normal)).labels(len(rules))
        _, first = np.unique(monomials.pack(labels, int(labels.max(initial=0))), return_index=True)
        yield replace(multiplier, basis=Basis.of_rows(normal)).part(np.sort(first))
        return
    unique, _ = monomials.unique_rows(normal, len(rules))
    if multiplier.cone is Cone.NONNEGATIVE:
        # The squares stay as they are, since their normal forms need not be squares.
        _, first = np.unique(monomials.pack(normal, len(rules)), return_index=True)
        unique = rows[np.sort(first)]
    yield replace(multiplier, basis=Basis.of_rows(unique))


def _vanishes(factor: Factor, rules: Rules, problem: PolynomialProblem) -> bool:
    """Whether a factor is zero modulo the equations."""
    if factor.kind != "equality":
        return False
    variable, rule = _equation(problem.equalities[factor.number])
    return rule != KEEP and bool(rules[variable] == rule)
