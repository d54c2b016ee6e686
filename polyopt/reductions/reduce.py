"""Apply reductions to a problem, and come back from the reduced one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyopt.errors import InvalidProblemError
from polyopt.problem import PolynomialProblem
from polyopt.reductions.substitution import Substitution

M = TypeVar("M", bound=Any)


class Reduction(Protocol):
    """A rule that proposes substitutions."""

    @property
    def exact(self) -> bool:
        """Whether only substitutions without rounding are accepted."""
        ...

    def proposals(self, problem: PolynomialProblem) -> Iterator[Substitution]:
        """Propose substitutions, the most promising first; nothing where there is none."""
        ...


@dataclass(frozen=True, eq=False)
class ReducedProblem:
    """A reduced problem and the way back.

    Attributes
    ----------
    problem : PolynomialProblem
        Has the same optimal value as the original: bounds need no translation.
    original : PolynomialProblem
    steps : tuple of Substitution
        In the order they were applied.
    exact : bool
        Whether no coefficient was rounded. Then a bound that is proven for ``problem`` is proven
        for ``original``; otherwise it is numerical there. See :meth:`kind`.
    """

    problem: PolynomialProblem
    original: PolynomialProblem
    steps: tuple[Substitution, ...]
    exact: bool

    def lift(self, points: ArrayLike) -> NDArray[np.float64]:
        """Coordinates (…, n) in the original problem of points (…, k) of the reduced one."""
        result = np.asarray(points, dtype=np.float64)
        for step in reversed(self.steps):
            result = step.lift(result)
        return result

    def restrict(self, points: ArrayLike) -> NDArray[np.float64]:
        """Coordinates (…, k) in the reduced problem of points (…, n) of the original one.

        What was substituted is left out: for points that satisfy the constraints :meth:`lift` is
        the inverse.
        """
        result = np.asarray(points, dtype=np.float64)
        for step in self.steps:
            result = step.restrict(result)
        return result

    def lift_minimizers(self, minimizers: Iterable[M]) -> list[M]:
        """Points of :meth:`polyopt.RelaxationResult.minimizers` in the original variables.

        Values and violations are measured again on the original problem.
        """
        result = []
        for m in minimizers:
            point = self.lift(m.point)
            value = float(self.original.evaluate(point))
            gap = m.gap + self.original.sign * (value - m.value)
            violation = self.original.violation(point)
            result.append(replace(m, point=point, value=value, gap=gap, violation=violation))
        return result

    def kind(self, kind: str) -> str:
        """Kind that a bound of this kind for the reduced problem has for the original one.

        Examples
        --------
        >>> import polyopt as po
        >>> x = po.variables("x", 2)
        >>> problem = po.minimize(x[0] ** 2, subject_to=[x[0] + 3 * x[1] == 1])
        >>> po.reduce(problem, po.LinearEqualities()).kind("proven")
        'proven'
        """
        return kind if self.exact else "numerical"

    def __str__(self) -> str:
        lines = [step.reason for step in self.steps] or ["nothing to reduce"]
        lines.append(
            f"{self.original.number_of_variables} variables became "
            f"{self.problem.number_of_variables}, "
            + ("without rounding" if self.exact else "with rounding: bounds are numerical")
        )
        return "\n".join(lines)


def reduce(problem: PolynomialProblem, *reductions: Reduction) -> ReducedProblem:
    """Apply reductions, each as often as it finds something.

    Parameters
    ----------
    problem : PolynomialProblem
    *reductions : Reduction
        Such as ``FixedVariables()``, ``UnusedVariables()``, ``LinearEqualities()`` and
        ``ScaleToBoxes()``.

    Returns
    -------
    ReducedProblem

    Raises
    ------
    InvalidProblemError
        A constraint turns out to hold nowhere.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 3)
    >>> problem = po.minimize(
    ...     x[0] * x[1] + x[2], subject_to=[x[0] + x[1] == 1, x[2] == 3, x[0] ** 2 <= 4]
    ... )
    >>> reduced = po.reduce(problem, po.FixedVariables(), po.LinearEqualities())
    >>> print(reduced)
    fixing x2 to 3
    solving equality 0 for x1
    3 variables became 1, without rounding
    >>> result = po.putinar(reduced.problem, order=1).solve()
    >>> round(result.bound, 6), reduced.kind(result.prove().kind)
    (-3.0, 'proven')
    >>> reduced.lift([-2.0]).tolist()
    [-2.0, 3.0, 3.0]
    """
    if not isinstance(problem, PolynomialProblem):
        raise InvalidProblemError(f"reduce needs a PolynomialProblem, got {problem!r}")
    current, exact = problem, True
    steps: list[Substitution] = []
    for reduction in reductions:
        if not hasattr(reduction, "proposals"):
            raise InvalidProblemError(
                f"{reduction!r} is no reduction; give one such as polyopt.FixedVariables()"
            )
        while True:
            found = _first_accepted(current, reduction)
            if found is None:
                break
            current, step, fits = found
            steps.append(step)
            exact = exact and fits
    return ReducedProblem(current, problem, tuple(steps), exact)


def _first_accepted(
    problem: PolynomialProblem, reduction: Reduction
) -> tuple[PolynomialProblem, Substitution, bool] | None:
    for step in reduction.proposals(problem):
        new, exact = _substitute(problem, step)
        if exact or not reduction.exact:
            return new, step, exact
    return None


def _substitute(problem: PolynomialProblem, step: Substitution) -> tuple[PolynomialProblem, bool]:
    results = [step.apply(p) for p in (*problem.inequalities, *problem.equalities)]
    objective, exact = step.apply(problem.objective)
    number = len(problem.inequalities)
    # What became 0 >= 0 or 0 = 0 says nothing any more.
    left, right = (
        [polynomial for polynomial, _ in part if polynomial.number_of_terms]
        for part in (results[:number], results[number:])
    )
    matrices, fitting = [], []
    for matrix in problem.matrix_inequalities:
        parts = [[step.apply(p) for p in row] for row in matrix.entries()]
        matrices.append([[p for p, _ in row] for row in parts])
        fitting += [fits for row in parts for _, fits in row]
    reduced = PolynomialProblem(objective, left, right, step.after, problem.sense, matrices)
    return reduced, exact and all(fits for _, fits in results) and all(fitting)
