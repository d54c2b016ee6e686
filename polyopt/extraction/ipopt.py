"""Local search by IPOPT through CasADi, where CasADi is installed.

IPOPT is an interior-point method for nonlinear programs with exact second derivatives (Wächter and
Biegler, Math. Program. 106, 2006). CasADi is under the LGPL and brings IPOPT along; it is loaded
when it is asked for by name and is no dependency of this package.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyopt.errors import SolverUnavailableError, UnknownOptionError
from polyopt.polynomial.polynomial import Polynomial
from polyopt.problem import PolynomialProblem

Array = NDArray[np.float64]


def is_available() -> bool:
    """Whether CasADi can be imported."""
    return find_spec("casadi") is not None


class Ipopt:
    """IPOPT for one problem; the expressions are built once.

    Parameters
    ----------
    problem : PolynomialProblem
        Without matrix inequalities.
    iterations : int
        Largest number of iterations.

    Raises
    ------
    SolverUnavailableError
        CasADi is not installed.
    UnknownOptionError
        The problem has matrix inequalities, whose eigenvalues have no second derivatives.
    """

    def __init__(self, problem: PolynomialProblem, *, iterations: int = 300) -> None:
        if not is_available():
            raise SolverUnavailableError(
                'polish="ipopt" needs CasADi, which is not installed; install it with '
                "`pip install casadi` (LGPL), or leave the local search to scipy with polish=True"
            )
        if problem.matrix_inequalities:
            raise UnknownOptionError(
                f"the problem has {len(problem.matrix_inequalities)} matrix inequalities, which "
                "IPOPT does not take; leave the local search to scipy with polish=True"
            )
        import casadi

        x = casadi.SX.sym("x", problem.number_of_variables)
        constraints = [*problem.inequalities, *problem.equalities]
        self._upper = np.concatenate(
            [np.full(len(problem.inequalities), np.inf), np.zeros(len(problem.equalities))]
        )
        program = {"x": x, "f": _expression(problem.minimized, x, casadi)}
        if constraints:
            program["g"] = casadi.vertcat(*(_expression(p, x, casadi) for p in constraints))
        options = {
            "print_time": False,
            "error_on_fail": False,
            "show_eval_warnings": False,
            "ipopt": {
                "print_level": 0,
                "sb": "yes",
                "max_iter": iterations,
                "tol": 1e-12,
                "constr_viol_tol": 1e-12,
                # Bounds are not relaxed, so that feasible points stay feasible.
                "bound_relax_factor": 0.0,
            },
        }
        self._solve = casadi.nlpsol("polish", "ipopt", program, options)

    def __call__(self, start: Array) -> Array:
        """Give the point where the search from ``start`` ends."""
        bounds = {"lbg": np.zeros(len(self._upper)), "ubg": self._upper} if len(self._upper) else {}
        found = self._solve(x0=start, **bounds)
        return np.asarray(found["x"], dtype=np.float64).ravel()


def _expression(polynomial: Polynomial, x: Any, casadi: Any) -> Any:
    total = casadi.SX(0.0)
    for exponents, coefficient in zip(
        polynomial.rows.tolist(), polynomial.coefficients.tolist(), strict=True
    ):
        term = casadi.SX(coefficient)
        for i in sorted(set(exponents) - {0}):
            term = term * x[i - 1] ** exponents.count(i)
        total = total + term
    return total
