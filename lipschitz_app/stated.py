"""A Lipschitz problem that was stated for the engine, and what to add to a bound of it."""

from __future__ import annotations

from dataclasses import dataclass

import polyopt as po
from lipschitz_app.rounding import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class StatedProblem:
    """A polynomial problem whose maximum, rounding added, is a bound.

    Attributes
    ----------
    problem : polyopt.PolynomialProblem
        A maximisation.
    lower, upper : arrays
        A box around all feasible points.
    rounding : float
        To be added to a bound of the problem.
    """

    problem: po.PolynomialProblem
    lower: FloatArray
    upper: FloatArray
    rounding: float
