"""The polynomials that the factors of a certificate refer to, from the problem alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from polyopt.errors import ProofRejectedError
from polyopt.polynomial.polynomial import Polynomial
from polyopt.problem import PolynomialProblem
from polyopt.relaxation.complement import complement, upper_bounds
from polyopt.relaxation.multiplier import Factor


class Constraints:
    """Constraints and complements of a problem.

    The number u of a complement ``u - g`` is computed again from the constraints in rigorous
    arithmetic, so that ``u - g >= 0`` holds on the feasible set for the very floating-point number
    u; as a rational number it serves exact certificates as well.

    Parameters
    ----------
    problem : PolynomialProblem
    """

    def __init__(self, problem: PolynomialProblem) -> None:
        self._problem = problem
        self._upper: NDArray[np.float64] | None = None

    def get(self, factor: Factor, number: int) -> Polynomial:
        """Give the polynomial of a factor of term ``number``.

        Raises
        ------
        ProofRejectedError
            There is no such scalar constraint.
        """
        problem = self._problem
        kinds = {
            "inequality": problem.inequalities,
            "equality": problem.equalities,
            "complement": problem.inequalities,
        }
        group = kinds.get(factor.kind)
        if group is None or not 0 <= factor.number < len(group):
            raise ProofRejectedError(
                f"term {number} uses {factor}, which this problem does not have "
                f"({len(problem.inequalities)} inequalities, {len(problem.equalities)} equalities)"
            )
        if factor.kind != "complement":
            return group[factor.number]
        if self._upper is None:
            self._upper = upper_bounds(problem)
        if not np.isfinite(self._upper[factor.number]):
            raise ProofRejectedError(
                f"term {number} uses an upper bound of inequality {factor.number}, which the "
                "constraints do not show"
            )
        return complement(problem, factor.number, float(self._upper[factor.number]))
