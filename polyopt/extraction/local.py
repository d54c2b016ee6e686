"""Local search from a point, with exact derivatives.

Nothing here is a proof: a polished point is an upper value of a minimisation problem as far as its
violation of the constraints is zero, and it is reported with both numbers.
"""

from __future__ import annotations

import warnings
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyopt.errors import UnknownOptionError
from polyopt.extraction.evaluation import Jacobian, Stacked
from polyopt.extraction.ipopt import Ipopt
from polyopt.extraction.spectral import Eigenvalues, Joined, JoinedSlopes
from polyopt.polynomial.normal_form import IDEMPOTENT, INVOLUTORY
from polyopt.polynomial.polynomial import Polynomial
from polyopt.problem import PolynomialProblem
from polyopt.relaxation.quotient import binary_rules

Array = NDArray[np.float64]
Method = Literal["scipy", "ipopt"]

#: Variables up to which dense second-order methods are used.
_DENSE = 150


class LocalSearch:
    """Local search for one problem; derivatives are built once.

    Parameters
    ----------
    problem : PolynomialProblem
    iterations : int
        Largest number of iterations of each search.
    method : {"scipy", "ipopt"}
        IPOPT needs CasADi; see :mod:`polyopt.extraction.ipopt`.

    Raises
    ------
    SolverUnavailableError
        CasADi is not installed.
    UnknownOptionError
        There is no such method, or it does not take the problem's constraints.
    """

    def __init__(
        self, problem: PolynomialProblem, *, iterations: int = 300, method: Method = "scipy"
    ) -> None:
        if method not in ("scipy", "ipopt"):
            raise UnknownOptionError(
                f'the local search is {method!r}; it must be "scipy" or "ipopt"'
            )
        self._ipopt = Ipopt(problem, iterations=iterations) if method == "ipopt" else None
        self.problem = problem
        self._iterations = iterations
        self._n = problem.number_of_variables
        self._value = Stacked([problem.minimized])
        self._magnitude = Stacked([_absolute(problem.minimized)])
        scalars, matrices = problem.inequalities, problem.matrix_inequalities
        self._inequalities: Stacked | Joined = Stacked(scalars)
        if matrices:
            spectral = Eigenvalues(matrices, self._n)
            slopes = (Jacobian(scalars, self._n).dense, spectral.dense)
            self._inequalities = Joined((Stacked(scalars), spectral), slopes)
        self._equalities = Stacked(problem.equalities)
        self._rules = binary_rules(problem)

    @cached_property
    def _gradient(self) -> Stacked:
        return Stacked(self.problem.minimized.gradient())

    @cached_property
    def _hessian(self) -> Jacobian:
        return Jacobian(self.problem.minimized.gradient(), self._n)

    @cached_property
    def _inequality_jacobian(self) -> Jacobian | JoinedSlopes:
        if isinstance(self._inequalities, Joined):
            return JoinedSlopes(self._inequalities)
        return Jacobian(self.problem.inequalities, self._n)

    @cached_property
    def _equality_jacobian(self) -> Jacobian:
        return Jacobian(self.problem.equalities, self._n)

    def value(self, point: Array) -> float:
        """Value of the polynomial that gets minimised."""
        return float(self._value(point)[0])

    def noise(self, point: Array) -> float:
        """Size of the rounding errors in the value."""
        return 8e-16 * float(self._magnitude(np.abs(point))[0])

    def violation(self, point: Array) -> float:
        """Largest violation of a constraint."""
        below = np.maximum(-self._inequalities(point), 0.0).max(initial=0.0)
        return float(max(below, np.abs(self._equalities(point)).max(initial=0.0)))

    def polish(self, start: ArrayLike) -> Array:
        """Improve a point: less violation first, then a lower value."""
        x = np.array(start, dtype=np.float64)
        x[~np.isfinite(x)] = 0.0
        if self._rules.any():
            x = self._round(x)
        if self._rules.all():
            return self._flip(x)
        best = x
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            # Searches that stop early say so through the point they return.
            warnings.simplefilter("ignore")
            for candidate in self._searches(x):
                if np.isfinite(candidate).all() and self._better(candidate, best):
                    best = candidate
        return best

    def _better(self, new: Array, old: Array) -> bool:
        fresh, known = self.violation(new), self.violation(old)
        if max(fresh, known) > 1e-7 and not 0.5 < (fresh + 1e-12) / (known + 1e-12) < 2.0:
            return fresh < known
        return self.value(new) + self.noise(new) <= self.value(old) + self.noise(old)

    def _searches(self, x: Array) -> list[Array]:
        if self._ipopt is not None:
            found = self._ipopt(x)
            return [found, self._restore(found)]
        if not self._inequalities.number and not self.problem.equalities:
            return self._unconstrained(x)
        found = self._constrained(x)
        restored = self._restore(found)
        return [found, restored]

    def _unconstrained(self, x: Array) -> list[Array]:
        from scipy import optimize

        result = optimize.minimize(
            self.value,
            x,
            jac=self._gradient,
            method="L-BFGS-B",
            options={"maxiter": 20 * self._iterations, "ftol": 1e-15, "gtol": 1e-9},
        )
        found = [np.asarray(result.x)]
        if self._n <= _DENSE:
            found += [self._newton(found[0])]
        return found

    def _newton(self, x: Array) -> Array:
        """Newton steps while they make the gradient smaller."""
        gradient = self._gradient(x)
        for _ in range(self._iterations):
            hessian = self._hessian.dense(x)
            if not np.isfinite(hessian).all():
                break
            values, vectors = np.linalg.eigh(hessian)
            # Negative curvature is taken by its size, so that steps go downhill.
            size = np.maximum(np.abs(values), 1e-14 * max(1.0, float(np.abs(values).max())))
            moved = x - vectors @ ((vectors.T @ gradient) / size)
            after = self._gradient(moved)
            if not np.linalg.norm(after) < 0.9 * np.linalg.norm(gradient):
                break
            x, gradient = moved, after
        return x

    def _constrained(self, x: Array) -> Array:
        from scipy import optimize

        if self._n <= _DENSE:
            constraints = [
                {"type": kind, "fun": values, "jac": jacobian.dense}
                for kind, values, jacobian in (
                    ("ineq", self._inequalities, self._inequality_jacobian),
                    ("eq", self._equalities, self._equality_jacobian),
                )
                if values.number
            ]
            result = optimize.minimize(
                self.value,
                x,
                jac=self._gradient,
                method="SLSQP",
                constraints=constraints,
                options={"maxiter": self._iterations, "ftol": 1e-14},
            )
            return np.asarray(result.x)
        constraints = [
            optimize.NonlinearConstraint(values, 0.0, upper, jac=jacobian)
            for values, jacobian, upper in (
                (self._inequalities, self._inequality_jacobian, np.inf),
                (self._equalities, self._equality_jacobian, 0.0),
            )
            if values.number
        ]
        result = optimize.minimize(
            self.value,
            x,
            jac=self._gradient,
            hess=self._hessian,
            method="trust-constr",
            constraints=constraints,
            options={"maxiter": self._iterations, "gtol": 1e-8},
        )
        return np.asarray(result.x)

    def _restore(self, x: Array) -> Array:
        """Newton steps of least norm onto the violated constraints."""
        for _ in range(8):
            g, h = self._inequalities(x), self._equalities(x)
            violated = g < 0
            residual = np.concatenate([g[violated], h])
            if not residual.size or np.abs(residual).max() <= 1e-15 or self._n > _DENSE:
                break
            rows = [self._inequality_jacobian.dense(x)[violated], self._equality_jacobian.dense(x)]
            step, *_ = np.linalg.lstsq(np.concatenate(rows), -residual, rcond=1e-10)
            moved = x + step
            if not np.isfinite(moved).all() or self.violation(moved) >= self.violation(x):
                break
            x = moved
        return x

    def _round(self, x: Array) -> Array:
        rounded = np.where(self._rules == INVOLUTORY, np.where(x < 0, -1.0, 1.0), x)
        return np.where(self._rules == IDEMPOTENT, np.where(x < 0.5, 0.0, 1.0), rounded)

    def _flip(self, x: Array) -> Array:
        """Change one binary variable at a time while that helps."""
        best = (self.violation(x), self.value(x))
        for _ in range(self._iterations):
            trials = []
            for i in range(self._n):
                y = x.copy()
                y[i] = -x[i] if self._rules[i] == INVOLUTORY else 1.0 - x[i]
                trials.append((self.violation(y), self.value(y), i, y))
            violation, value, _, point = min(trials, key=lambda trial: trial[:3])
            if (violation, value) >= best:
                break
            best, x = (violation, value), point
        return x


def _absolute(polynomial: Polynomial) -> Polynomial:
    size = np.abs(polynomial.coefficients)
    return Polynomial(polynomial.variables, polynomial.rows, size)


def polish(
    problem: PolynomialProblem,
    point: ArrayLike,
    *,
    iterations: int = 300,
    method: Method = "scipy",
) -> Array:
    """Improve a point by a local search with exact derivatives.

    L-BFGS-B and Newton steps without constraints, SLSQP with them (``trust-constr`` for many
    variables), single flips for binary problems. Matrix inequalities are constraints on their
    eigenvalues, which have no derivative where these meet; see :mod:`polyopt.extraction.spectral`.

    Parameters
    ----------
    problem : PolynomialProblem
    point : float array of shape (n,)
    iterations : int
    method : {"scipy", "ipopt"}
        IPOPT instead of these, where CasADi is installed.

    Returns
    -------
    float array of shape (n,)
        Never worse than the start.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 2)
    >>> problem = po.minimize(x[0] * x[1], subject_to=[x[0] ** 2 + x[1] ** 2 <= 1])
    >>> polish(problem, [0.5, -0.4]).round(6).tolist()
    [0.707107, -0.707107]
    """
    return LocalSearch(problem, iterations=iterations, method=method).polish(point)
