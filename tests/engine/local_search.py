"""An oracle from the other side: local search from many points, which finds feasible values."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

import polyopt as po
from polyopt import problems
from polyopt.proof.box import find_box

FEASIBILITY = 1e-8


def starts(problem: problems.NamedProblem, number: int) -> NDArray[np.float64]:
    """Points in the box of the problem, the same every time."""
    box = find_box(problem)
    lower, upper = np.maximum(box.lower, -2.0), np.minimum(box.upper, 2.0)
    if problem.box is not None:
        lower, upper = np.maximum(problem.box[0], box.lower), np.minimum(problem.box[1], box.upper)
    wide = lower > upper
    lower, upper = np.where(wide, box.lower, lower), np.where(wide, box.upper, upper)
    rng = np.random.default_rng(7)
    random = rng.uniform(lower, upper, (number, problem.number_of_variables))
    return np.vstack([np.full((1, random.shape[1]), -1.0), random])


def best_local_value(problem: problems.NamedProblem, number: int = 6) -> float:
    """Best value at a feasible point that local search finds; infinite where it finds none."""
    derivatives = [(problem.sign * d) for d in problem.objective.gradient()]
    constraints = [_constraint("ineq", g) for g in problem.inequalities]
    constraints += [_constraint("eq", h) for h in problem.equalities]
    # With equalities there may be no step left to take, and SLSQP is the only choice anyway.
    settings: dict[str, Any] = {"method": "BFGS"}
    if constraints:
        settings = {
            "method": "SLSQP",
            "constraints": constraints,
            "options": {"ftol": 1e-14, "maxiter": 300},
        }
    best = np.inf
    for start in starts(problem, number):
        with warnings.catch_warnings():
            # scipy warns when a line search stops for lack of precision.
            warnings.simplefilter("ignore")
            found = minimize(
                lambda x: problem.sign * problem.evaluate(x),
                start,
                jac=lambda x: np.array([d(x) for d in derivatives]),
                **settings,
            )
        if np.isfinite(found.x).all() and problem.violation(found.x) <= FEASIBILITY:
            best = min(best, problem.sign * problem.evaluate(found.x))
    return float(problem.sign * best)


def _constraint(kind: str, polynomial: po.Polynomial) -> dict[str, Any]:
    gradient = polynomial.gradient()
    return {
        "type": kind,
        "fun": polynomial,
        "jac": lambda x: np.array([d(x) for d in gradient]),
    }
