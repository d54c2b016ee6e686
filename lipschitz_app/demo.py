"""The demonstration: bounds on a network and on a nearly sparse problem that ship with the package.

The network is the digits classifier of :mod:`lipschitz_app.examples`. The problem is a chain of
double wells, each coupled to its neighbours, under one budget that all variables share; without the
budget its cliques are the pairs of neighbours, with it there is one clique of everything. The
relaxation for such problems is that of Chen, Lasserre, Magron and Pauwels (NeurIPS 2020).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

import polyopt as po
from lipschitz_app.errors import NoBoundError
from lipschitz_app.examples import example_inputs, example_network
from lipschitz_app.lipschitz import lipschitz_constant
from lipschitz_app.regions import Box
from lipschitz_app.rounding import FloatArray
from lipschitz_app.tables import text_table

NETWORK_METHODS = ("product", "interval", "shor", "hr2", "mccormick")

_IMAGE, _RADIUS = 2, 0.1
_COUPLING, _TILT, _BUDGET = 0.05, 0.3, 0.25
_STARTS = 12


@dataclass(frozen=True, slots=True)
class DemoRow:
    """One line of the demonstration's table; NaN where there is no value."""

    problem: str
    method: str
    upper: float
    upper_kind: str
    lower: float
    lower_kind: str
    seconds: float

    @property
    def gap(self) -> float:
        """Upper minus lower bound."""
        return self.upper - self.lower


def demo_rows(
    *, time_limit: float = 60.0, progress: Callable[[str], None] | None = None
) -> Iterator[DemoRow]:
    """Give the rows of the table, each as soon as it is there.

    Parameters
    ----------
    time_limit : float
        Seconds for each upper bound.
    progress : callable, optional
        Called with a line of text per phase.
    """
    say = progress or (lambda text: None)
    for method in NETWORK_METHODS:
        say(f"digits network, {method}")
        yield network_row(method, time_limit=time_limit, progress=progress)
    say("chain of 30 double wells, nearly_sparse")
    yield chain_row(30, time_limit=time_limit, progress=progress)


def network_row(
    method: str, *, time_limit: float = 60.0, progress: Callable[[str], None] | None = None
) -> DemoRow:
    """Bound the digits network around a test image: its label's output, inputs in norm inf."""
    images, labels = example_inputs("digits")
    start = time.perf_counter()
    problem = f"digits network, radius {_RADIUS}"
    try:
        result = lipschitz_constant(
            example_network("digits"),
            Box(center=images[_IMAGE], radius=_RADIUS),
            norm="inf",
            output=int(labels[_IMAGE]),
            method=method,
            time_limit=time_limit,
            progress=progress,
        )
    except NoBoundError:
        return DemoRow(problem, method, math.nan, "none", math.nan, "none", _since(start))
    lower = math.nan if result.lower is None else result.lower
    return DemoRow(
        problem, method, result.upper, result.upper_kind, lower, result.lower_kind, _since(start)
    )


def double_well_chain(n: int) -> po.PolynomialProblem:
    """State the chain of n double wells with a budget.

    ``min Σ a_k (x_k^4 - x_k^2) - τ Σ x_k + κ Σ (x_{k+1} - x_k)^2`` subject to ``x_k^2 <= 1`` and
    ``Σ w_k x_k <= n/4``, with stiffnesses a and weights w that vary along the chain.

    Examples
    --------
    >>> double_well_chain(30)
    <PolynomialProblem: min of degree 4, 30 variables, 31 inequalities, 0 equalities>
    """
    x = po.variables("x", n)
    terms = [a * (v**4 - v**2) - _TILT * v for a, v in zip(_stiffnesses(n), x, strict=True)]
    terms += [_COUPLING * (x[k + 1] - x[k]) ** 2 for k in range(n - 1)]
    spent = po.sum_polynomials(w * v for w, v in zip(_weights(n), x, strict=True))
    constraints = [v**2 <= 1 for v in x]
    return po.minimize(po.sum_polynomials(terms), subject_to=[*constraints, spent <= _BUDGET * n])


def chain_row(
    n: int, *, time_limit: float = 60.0, progress: Callable[[str], None] | None = None
) -> DemoRow:
    """Bound the chain of n double wells from both sides."""
    say = progress or (lambda text: None)
    start = time.perf_counter()
    problem = double_well_chain(n)
    relaxation = po.nearly_sparse(problem, order=2)
    say(f"{relaxation.name}: {relaxation.plan.summary}")
    result = relaxation.solve(time_limit=time_limit)
    proof = result.prove()
    say(f"{result.solver} says {result.status} with {result.bound:.6f}, proven {proof.bound:.6f}")
    point = _feasible_point(problem, result.moments.first_order())
    upper = math.nan if point is None else _rounded_up(exact_value(problem.objective, point))
    kind = "none" if point is None else "proven"
    say(f"feasible point found by local search: {upper:.6f}")
    name = f"chain of {n} double wells"
    return DemoRow(name, "nearly_sparse", upper, kind, proof.bound, proof.kind, _since(start))


def exact_value(polynomial: po.Polynomial, point: FloatArray) -> Fraction:
    """Evaluate a polynomial at a floating-point point (n,) in rational arithmetic.

    Examples
    --------
    >>> x = po.variables("x", 1)[0]
    >>> exact_value(3 * x**2 - 1, np.array([0.5]))
    Fraction(-1, 4)
    """
    factors = [Fraction(1), *(Fraction(value) for value in point.tolist())]
    return sum(
        (
            Fraction(coefficient) * math.prod((factors[i] for i in row), start=Fraction(1))
            for row, coefficient in zip(
                polynomial.rows.tolist(), polynomial.coefficients.tolist(), strict=True
            )
        ),
        start=Fraction(0),
    )


def format_table(rows: Sequence[DemoRow]) -> str:
    """Lay the rows out as a table."""
    head = ("problem", "method", "upper bound", "kind", "lower bound", "kind", "gap", "time")
    body = [
        (
            row.problem,
            row.method,
            _number(row.upper),
            row.upper_kind,
            _number(row.lower),
            row.lower_kind,
            _number(row.gap),
            f"{row.seconds:.1f} s",
        )
        for row in rows
    ]
    return text_table(head, body, right=(2, 4, 6, 7))


def _feasible_point(problem: po.PolynomialProblem, guess: FloatArray) -> FloatArray | None:
    """Return the best point of a local search from the relaxation's moments, exactly feasible."""
    from scipy.optimize import LinearConstraint, minimize

    n = problem.number_of_variables
    gradient = problem.objective.gradient()
    # The small margin keeps the search's own tolerance inside the budget.
    budget = LinearConstraint(_weights(n), -np.inf, _BUDGET * n - 1e-9)
    rng = np.random.default_rng(0)
    best: FloatArray | None = None
    for number in range(_STARTS):
        moved = guess + (0.3 * rng.standard_normal(n) if number else 0.0)
        found = minimize(
            problem.objective,
            np.clip(moved, -1.0, 1.0),
            jac=lambda point: np.array([g(point) for g in gradient]),
            bounds=[(-1.0, 1.0)] * n,
            constraints=[budget],
            method="SLSQP",
        )
        point = np.clip(found.x, -1.0, 1.0)
        if any(exact_value(g, point) < 0 for g in problem.inequalities):
            continue
        if best is None or problem.evaluate(point) < problem.evaluate(best):
            best = point
    return best


def _stiffnesses(n: int) -> FloatArray:
    return np.asarray(1.0 + 0.5 * np.sin(1.7 * np.arange(n)))


def _weights(n: int) -> FloatArray:
    return np.asarray(1.0 + 0.5 * np.cos(2.3 * np.arange(n)))


def _rounded_up(value: Fraction) -> float:
    nearest = float(value)
    return nearest if Fraction(nearest) >= value else math.nextafter(nearest, math.inf)


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.6f}"


def _since(start: float) -> float:
    return time.perf_counter() - start
