"""Solutions of SOS programs: values of the decision variables, and checks of what was required."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from polyopt.conic.program import ConicSolution
from polyopt.conic.residuals import Residuals, solution_residuals
from polyopt.conic.svec import smat
from polyopt.errors import InvalidProblemError
from polyopt.polynomial.polynomial import Polynomial
from polyopt.polynomial.variables import Variables
from polyopt.relaxation.multiplier import Cone
from polyopt.sos.affine import split
from polyopt.sos.assembly import AssembledProgram
from polyopt.sos.requirement import Requirement
from polyopt.status import Status

#: The solver's program is the dual of the SOS program.
_SIDES = {Status.INFEASIBLE: Status.UNBOUNDED, Status.UNBOUNDED: Status.INFEASIBLE}


@dataclass(frozen=True, slots=True)
class RequirementCheck:
    """How well a requirement is met, numerically.

    Attributes
    ----------
    name : str
    residual : float
        Largest absolute coefficient of ``e - Σ_k p_k σ_k``.
    margin : float
        Smallest eigenvalue of a Gram matrix or nonnegative coefficient; infinite where there is
        none, negative where a σ is not in its cone.
    samples : int
        Random points that lay in the set.
    least_value : float
        Smallest value of e at these points, NaN if there were none.
    """

    name: str
    residual: float
    margin: float
    samples: int
    least_value: float


@dataclass(frozen=True, eq=False)
class SOSSolution:
    """What the solver found for an SOS program; all numbers are numerical.

    ``solution[e]`` is the value of an expression without x, an array for a list of them;
    ``solution.polynomial(e)`` the polynomial in x.

    Attributes
    ----------
    variables, decisions : Variables
    requirements : tuple of Requirement
    assembled : AssembledProgram
    solution : ConicSolution
        In terms of ``assembled.program``, whose dual side is the SOS program.
    sense : {"min", "max"}
    kind : {"numerical"}
        See the notes of :class:`SOSProgram` for how to prove a result.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 1)[0]
    >>> program = po.SOSProgram([x])
    >>> p = program.polynomial(2, "c")
    >>> program.require_sos(p)
    >>> program.require_sos(p - 2 * x)
    >>> program.minimize(program.integral(p, -1, 1))
    >>> solution = program.solve()
    >>> print(solution.status, round(solution.value, 6), round(solution.polynomial(p)([1.0]), 4))
    optimal 1.154701 2.1547
    """

    variables: Variables
    decisions: Variables
    requirements: tuple[Requirement, ...]
    assembled: AssembledProgram
    solution: ConicSolution
    sense: Literal["min", "max"]
    kind: Literal["numerical"] = "numerical"

    @property
    def status(self) -> Status:
        """Outcome for the SOS program: INFEASIBLE means that no decision was found to fit."""
        return _SIDES.get(self.solution.status, self.solution.status)

    @property
    def solver(self) -> str:
        """Name of the solver."""
        return self.solution.solver

    @property
    def value(self) -> float:
        """Value of the objective, 0 where none was set."""
        value = -self.solution.dual_objective
        return value if self.sense == "min" else -value

    @property
    def values(self) -> NDArray[np.float64]:
        """Values of the decision variables, shape (number of decision variables,)."""
        return self.solution.z[: len(self.decisions)]

    @cached_property
    def residuals(self) -> Residuals:
        """Residuals and gap of the conic program, computed from the data."""
        return solution_residuals(self.assembled.program, self.solution)

    def polynomial(self, expression: Any) -> Polynomial:
        """Give an expression with the decision variables replaced by their values.

        Raises
        ------
        InvalidProblemError
            The solver returned no values.
        """
        self._require_values()
        coerced = Polynomial.constant(0.0, self.variables)._coerce(expression)
        if coerced is None:
            raise InvalidProblemError(f"{expression!r} is not a polynomial")
        return split(coerced, self.variables, self.decisions, "the expression").at(self.values)

    def __getitem__(self, expression: Any) -> Any:
        if isinstance(expression, (list, tuple, np.ndarray)):
            return np.array([self[item] for item in expression])
        polynomial = self.polynomial(expression)
        if polynomial.degree > 0:
            raise InvalidProblemError(
                f"{expression} has variables of the polynomials in it; use solution.polynomial()"
            )
        return polynomial.constant_term

    def gram_matrices(self, requirement: int) -> tuple[NDArray[np.float64], ...]:
        """Multipliers of a requirement, in the order of its ``multipliers``.

        A matrix (b, b) for a sum of squares ``Bᵀ Q B``, a vector (b,) for the others.
        """
        self._require_values()
        block = self.assembled.blocks[requirement]
        if block.assembly is None:
            return ()
        z = self.solution.z[block.rows]
        result = []
        for k, multiplier in enumerate(self.requirements[requirement].multipliers):
            start = block.assembly.offsets[k]
            part = z[start : start + block.assembly.lengths[k]]
            result.append(smat(part) if multiplier.cone is Cone.PSD else part.copy())
        return tuple(result)

    def check(
        self,
        samples: int = 1000,
        radius: float = 1.0,
        rng: int | np.random.Generator = 0,
    ) -> tuple[RequirementCheck, ...]:
        """Measure how well each requirement is met: identity, cones, values at random points.

        This is numerical evidence and no proof; see the notes of :class:`SOSProgram`.

        Parameters
        ----------
        samples : int
            Points drawn uniformly from ``[-radius, radius]^n``; those in the set count.
        radius : float
        rng : int or numpy.random.Generator
        """
        self._require_values()
        generator = np.random.default_rng(rng)
        program = self.assembled.program
        defect = np.abs(program.A.T @ self.solution.z + program.c)
        result = []
        for k, requirement in enumerate(self.requirements):
            margins = [np.inf]
            multipliers = requirement.multipliers
            for multiplier, gram in zip(multipliers, self.gram_matrices(k), strict=True):
                if multiplier.cone is Cone.PSD:
                    margins.append(float(np.linalg.eigvalsh(gram)[0]))
                elif multiplier.cone is Cone.NONNEGATIVE:
                    margins.append(float(gram.min()))
                elif multiplier.cone is Cone.SECOND_ORDER:
                    margins.append(float(gram[0] - np.linalg.norm(gram[1:])))
            dimension = requirement.problem.number_of_variables
            points = generator.uniform(-radius, radius, size=(samples, dimension))
            inside = points[requirement.problem.violation(points) <= 0]
            values = requirement.family.at(self.values)(inside)
            result.append(
                RequirementCheck(
                    name=requirement.name,
                    residual=float(defect[self.assembled.blocks[k].columns].max(initial=0.0)),
                    margin=min(margins),
                    samples=len(inside),
                    least_value=float(values.min()) if len(inside) else float("nan"),
                )
            )
        return tuple(result)

    def _require_values(self) -> None:
        if not self.solution.status.has_iterate or not np.isfinite(self.solution.z).all():
            raise InvalidProblemError(
                f"the solver returned no values (status {self.status}): raise the degree or order, "
                "or relax what is required if the program is infeasible; add bounds on the "
                "decision variables if it is unbounded"
            )

    def __repr__(self) -> str:
        return f"<SOSSolution: {self.status}, value {self.value:.9g} (numerical)>"
