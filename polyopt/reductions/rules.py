"""What can be substituted: fixed and unused variables, linear equalities, ranges.

Every rule looks at a problem and proposes substitutions, the most promising first. By default only
exact ones are accepted (see :mod:`polyopt.reductions.substitution`); ``exact=False`` accepts
rounded ones too, and bounds of the reduced problem are then numerical for the original one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from polyopt.errors import InvalidProblemError
from polyopt.polynomial.polynomial import Polynomial
from polyopt.problem import PolynomialProblem
from polyopt.proof.box import find_box
from polyopt.reductions.substitution import Substitution, eliminate, rescale


@dataclass(frozen=True)
class FixedVariables:
    """Remove variables with one possible value: ``a x_i + b = 0``, or equal lower and upper ends.

    Parameters
    ----------
    exact : bool
        Accept only substitutions without any rounding.
    """

    exact: bool = True

    def proposals(self, problem: PolynomialProblem) -> Iterator[Substitution]:
        """Propose to remove one fixed variable at a time.

        Raises
        ------
        InvalidProblemError
            Two constraints leave a variable no value.
        """
        n = problem.number_of_variables
        low: dict[int, Fraction] = {}
        high: dict[int, Fraction] = {}
        sides = [(g, False) for g in problem.inequalities]
        sides += [(h, True) for h in problem.equalities]
        for polynomial, equality in sides:
            form = _affine(polynomial)
            if form is None or len(form) - (-1 in form) != 1:
                continue
            (i,) = [k for k in form if k >= 0]
            end = -form.get(-1, Fraction(0)) / form[i]
            if equality or form[i] > 0:
                low[i] = max(low.get(i, end), end)
            if equality or form[i] < 0:
                high[i] = min(high.get(i, end), end)
        for i in sorted(low.keys() & high.keys()):
            if low[i] > high[i]:
                raise InvalidProblemError(
                    f"the constraints ask for {problem.variables[i]} >= {float(low[i])!r} and "
                    f"<= {float(high[i])!r}, which no point satisfies; mend the data"
                )
            if low[i] == high[i] and n > 1:
                name = problem.variables[i]
                value = {i: {-1: low[i]}}
                yield eliminate(problem.variables, value, f"fixing {name} to {float(low[i]):g}")


@dataclass(frozen=True)
class UnusedVariables:
    """Remove variables that occur nowhere; lifted points have 0 there. One variable stays."""

    exact: bool = True

    def proposals(self, problem: PolynomialProblem) -> Iterator[Substitution]:
        """Propose to remove all of them."""
        used = np.zeros(problem.number_of_variables, dtype=bool)
        for p in (problem.objective, *problem.constraints):
            used[p.support] = True
        if not used.any():
            used[0] = True
        if not used.all():
            unused = {int(i): {-1: Fraction(0)} for i in np.flatnonzero(~used)}
            yield eliminate(problem.variables, unused, "removing unused variables")


@dataclass(frozen=True)
class LinearEqualities:
    """Solve ``Σ a_i x_i + b = 0`` for one variable and substitute it everywhere.

    The variable that occurs in the fewest polynomials is preferred. Substituting a long equality
    makes the others denser: correlative sparsity may be lost.

    Parameters
    ----------
    exact : bool
        Accept only substitutions without any rounding, such as those by variables whose
        coefficient is a power of two times the others' common factor.
    """

    exact: bool = True

    def proposals(self, problem: PolynomialProblem) -> Iterator[Substitution]:
        """Propose each variable of each linear equality."""
        count: Counter[int] = Counter()
        for p in (problem.objective, *problem.constraints):
            count.update(p.support.tolist())
        for number, h in enumerate(problem.equalities):
            form = _affine(h)
            if form is None or len(form) - (-1 in form) < 2:
                continue
            inside = [i for i in form if i >= 0]
            for i in sorted(inside, key=lambda i: (count[i], -abs(form[i]), i)):
                image = {k: -a / form[i] for k, a in form.items() if k != i}
                reason = f"solving equality {number} for {problem.variables[i]}"
                yield eliminate(problem.variables, {i: image}, reason)


@dataclass(frozen=True)
class ScaleToBoxes:
    """Scale variables with a known range to about ``[-1, 1]``.

    Parameters
    ----------
    center : bool
        False: ``x_i = 2^k y_i`` with the smallest power of two for which ``|y_i| <= 1``, which
        is exact. True: ``x_i = s_i y_i + t_i`` for the range itself, which rounds in general and
        therefore needs ``exact=False`` most of the time.
    exact : bool
        Accept only substitutions without any rounding.
    """

    center: bool = False
    exact: bool = True

    def proposals(self, problem: PolynomialProblem) -> Iterator[Substitution]:
        """Propose one scaling of all variables, unless they are scaled already."""
        box = find_box(problem)
        scale, shift = [], []
        for low, high in zip(box.lower.tolist(), box.upper.tolist(), strict=True):
            known = np.isfinite(low) and np.isfinite(high) and max(abs(low), abs(high)) > 0
            size, middle = 1.0, 0.0
            if known and self.center and high > low:
                size, middle = (high - low) / 2, (high + low) / 2
                # Ranges are known up to rounding: nothing to gain from a second scaling.
                if abs(size - 1) <= 1e-9 and abs(middle) <= 1e-9:
                    size, middle = 1.0, 0.0
            elif known:
                # A power of two that is attained may be exceeded by the rounding of the range.
                size = 2.0 ** np.ceil(np.log2(max(abs(low), abs(high))) - 1e-9)
            scale.append(Fraction(size))
            shift.append(Fraction(middle))
        if any(s != 1 for s in scale) or any(shift):
            yield rescale(problem.variables, scale, shift)


def _affine(polynomial: Polynomial) -> dict[int, Fraction] | None:
    """Coefficients of a polynomial of degree 1 by index of the variable, the constant under -1."""
    if polynomial.degree != 1:
        return None
    index = polynomial.rows[:, -1].tolist()
    return {i - 1: Fraction(float(c)) for i, c in zip(index, polynomial.coefficients, strict=True)}
