"""What a solved relaxation has to say, each number with its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyopt.conic.program import ConicProgram, ConicSolution
from polyopt.conic.residuals import Residuals, solution_residuals
from polyopt.conic.scaling import variable_exponents
from polyopt.conic.svec import smat
from polyopt.html import card
from polyopt.moments import Moments
from polyopt.relaxation.multiplier import Cone
from polyopt.relaxation.plan import size_text
from polyopt.relaxation.relaxation import Form, Relaxation
from polyopt.status import Status

if TYPE_CHECKING:
    from polyopt.extraction import Minimizer, RankStrategy
    from polyopt.proof.proven_bound import ProvenBound


#: Moments of well-scaled variables beyond this are taken for a sign of trouble.
_LARGE_MOMENT = 1e5


@dataclass(frozen=True, eq=False)
class RelaxationResult:
    """Result of a relaxation.

    Attributes
    ----------
    relaxation : Relaxation
    program : ConicProgram
        The moment form.
    solution : ConicSolution
        In terms of the moment form, whichever form was solved.
    form : {"moment", "sos"}
        The form that was given to the solver.
    timings : mapping of str to float
        Seconds by phase: sparsity, relaxation, assembly, solver.
    peak_memory : float or None
        Largest memory the process has held so far, bytes; None where the system does not tell.
    bound_kind : str
        Always ``"numerical"``: the solver's values, correct up to the residuals. Use
        :meth:`prove` for a bound that holds whatever the solver did.
    notes : tuple of str
        What was done beyond the one solve that was asked for, such as a second one in the other
        form.
    """

    relaxation: Relaxation
    program: ConicProgram
    solution: ConicSolution
    form: Form
    timings: Mapping[str, float]
    peak_memory: float | None = None
    bound_kind: Literal["numerical"] = "numerical"
    notes: tuple[str, ...] = ()

    @property
    def status(self) -> Status:
        """Outcome of the solver on the moment form, checked on the data."""
        return self.solution.status

    @property
    def solver(self) -> str:
        """Name of the solver."""
        return self.solution.solver

    @property
    def bound(self) -> float:
        """Value of the relaxation: a lower bound for "min", an upper bound for "max", numerically.

        The dual objective λ of ``f - λ = Σ p σ``; infinite when the solver found the relaxation
        unbounded (no bound at this order) or infeasible (no feasible point of the problem), NaN
        when it failed.
        """
        return self.relaxation.problem.sign * self.solution.dual_objective

    @cached_property
    def residuals(self) -> Residuals:
        """Residuals and gap computed from the data, not taken from the solver's word."""
        return solution_residuals(self.program, self.solution)

    @cached_property
    def hints(self) -> tuple[str, ...]:
        """What the numbers suggest about the problem; empty where nothing stands out.

        Moments that are very large in well-scaled variables, where the constraints show no bounds,
        are a sign that the infimum is not attained, or not by moments of this order.

        Examples
        --------
        >>> import polyopt as po
        >>> x, y = po.variables("x y")
        >>> problem = po.minimize(x**2 + (x * y - 1) ** 2)
        >>> hints = po.putinar(problem, order=2).solve(solver="clarabel").hints
        >>> len(hints), "ball constraint" in hints[0]
        (1, True)
        """
        from polyopt.proof.box import find_box

        if not self.status.has_iterate or not np.isfinite(self.solution.x).all():
            return ()
        problem = self.relaxation.problem
        rows = self.relaxation.assembly.moments[1:]
        scale = np.concatenate([[0], variable_exponents(problem)]).astype(np.float64)
        size = np.abs(self.solution.x) * np.exp2(-scale[rows].sum(axis=1))
        if not size.size or size.max() <= _LARGE_MOMENT:
            return ()
        box = find_box(problem)
        loose = ~(np.isfinite(box.lower) & np.isfinite(box.upper))
        members = rows[int(size.argmax())]
        names = [problem.variables[i] for i in np.unique(members[members > 0] - 1) if loose[i]]
        if not names:
            inside = members[members > 0] - 1
            largest = np.maximum(np.abs(box.lower), np.abs(box.upper))[inside].prod()
            if np.abs(self.solution.x[int(size.argmax())]) <= 10 * largest:
                return ()
            together = [problem.variables[i] for i in np.unique(inside)]
            return (
                f"the moments reach {np.abs(self.solution.x).max():.1e}, beyond the ranges of "
                f"{', '.join(together[:6])}{' …' if len(together) > 6 else ''}, which follow from "
                "several constraints or a dense one; state them as constraints of their own, "
                "lower <= x and x <= upper",
            )
        return (
            f"the moments reach {np.abs(self.solution.x).max():.1e}: the infimum may not be "
            f"attained, or not by moments of this order. The constraints show no bounds of "
            f"{', '.join(names[:6])}{' …' if len(names) > 6 else ''}; a ball constraint or bounds "
            "that hold at the points of interest make the moments bounded",
        )

    @cached_property
    def moments(self) -> Moments:
        """Pseudo-moments of the relaxation."""
        return Moments(self.relaxation.assembly, np.concatenate([[1.0], self.solution.x]))

    @cached_property
    def gram_matrices(self) -> tuple[NDArray[np.float64], ...]:
        """Multipliers of the certificate, in the order of ``relaxation.multipliers``.

        A symmetric matrix (b, b) for a sum of squares ``Bᵀ Q B``, a vector (b,) of coefficients
        on B for the others. For sense "max" they certify ``λ - f``.
        """
        assembly = self.relaxation.assembly
        result = []
        for k, multiplier in enumerate(self.relaxation.multipliers):
            start = assembly.offsets[k]
            part = self.solution.z[start : start + assembly.lengths[k]]
            result.append(smat(part) if multiplier.cone is Cone.PSD else part.copy())
        return tuple(result)

    def prove(
        self,
        method: Literal["interval", "exact"] = "interval",
        *,
        box: tuple[ArrayLike, ArrayLike] | None = None,
    ) -> ProvenBound:
        """Turn the solver's answer into a bound that holds.

        Parameters
        ----------
        method : {"interval", "exact"}
            Residual of the certificate over a box, in outward-rounded arithmetic; or an identity
            of rational polynomials, which needs no box but Gram matrices with room inside the cone
            (the relaxation is solved again, slightly tightened, to get them).
        box : (lower, upper), optional
            Arrays of shape (n,) (or numbers): a box that contains the feasible set, where the
            constraints do not show one. The bound is then proven on the part inside this box.

        Returns
        -------
        ProvenBound

        Raises
        ------
        ProofError
            There is nothing to prove from, or a variable has no known range.
        """
        from polyopt.proof.prove import prove

        return prove(self, method=method, box=box)

    def minimizers(
        self,
        *,
        rank: RankStrategy | None = None,
        polish: bool | Literal["scipy", "ipopt"] = True,
        restarts: int = 8,
        rng: int | np.random.Generator = 0,
    ) -> list[Minimizer]:
        """Points that attain the bound, or come close to it.

        Atoms of a flat extension (on sparse relaxations glued over the clique tree), improved by a
        local search with exact derivatives. Without a flat extension local searches start at the
        first-order moments and at random points with the first and second moments.

        Parameters
        ----------
        rank : RankStrategy, optional
            How ranks of moment matrices are decided, such as ``FixedRank(2)`` or
            ``RelativeTolerance(1e-4)`` of :mod:`polyopt.extraction`; ``LargestGap()`` if left out.
        polish : bool, "scipy" or "ipopt"
            False gives the raw points, feasible or not. True is "scipy"; "ipopt" needs CasADi,
            which is no dependency.
        restarts : int
            Random starts where the moments are not flat.
        rng : int or numpy.random.Generator

        Returns
        -------
        list of Minimizer
            Best value first, each point once, only those whose value is that of the best. Empty if
            no feasible point was found. Without a flat extension they may be local minimisers:
            read their gap.

        Examples
        --------
        >>> import polyopt as po
        >>> x = po.variables("x", 1)[0]
        >>> result = po.putinar(po.minimize((x**2 - 4) ** 2), order=2).solve()
        >>> [m.point.round(6).tolist() for m in result.minimizers()]
        [[-2.0], [2.0]]
        """
        from polyopt.extraction.minimizers import find_minimizers

        return find_minimizers(self, rank=rank, polish=polish, restarts=restarts, rng=rng)

    def __repr__(self) -> str:
        return f"<RelaxationResult: {self.status}, bound {self.bound:.9g} (numerical)>"

    def __str__(self) -> str:
        relation = ">=" if self.relaxation.problem.sense == "min" else "<="
        spent = ", ".join(f"{phase} {seconds:.3f} s" for phase, seconds in self.timings.items())
        lines = [
            f"{self.relaxation.name}: {self.status.value} with {self.solver} ({self.form} form)",
            f"optimum {relation} {self.bound:.9g} (numerical{self._remark()})",
        ]
        if self.status.has_iterate:
            lines.append(f"on the data: {self.residuals}")
        if not self.status.is_solved:
            lines.append(self.status.text)
            if self.solution.message:
                lines.append(f"solver's message: {self.solution.message}")
        lines += [f"note: {note}" for note in self.notes]
        lines += [f"hint: {hint}" for hint in self.hints]
        memory = f"; peak memory {size_text(self.peak_memory)}" if self.peak_memory else ""
        lines.append(f"time: {spent}{memory}")
        return "\n".join(lines)

    @property
    def claims_infeasible(self) -> bool:
        """Whether the solver says, without proof, that no point is feasible.

        Examples
        --------
        >>> import polyopt as po
        >>> x = po.variables("x", 1)[0]
        >>> problem = po.minimize(x, subject_to=[x >= 1, x <= 0])
        >>> po.putinar(problem, order=1).solve().claims_infeasible
        True
        """
        return self.bound == (np.inf if self.relaxation.problem.sense == "min" else -np.inf)

    def _remark(self) -> str:
        if self.claims_infeasible:
            return "; po.prove_infeasible(problem) may prove that no point is feasible"
        return "; prove() makes it a proven bound" if self.status.has_iterate else ""

    def _repr_html_(self) -> str:
        relation = ">=" if self.relaxation.problem.sense == "min" else "<="
        rows: list[tuple[str, object]] = [
            ("status", self.status.value if self.status.is_solved else self.status.text),
            ("optimum", f"{relation} {self.bound:.9g} (numerical)"),
            ("solver", f"{self.solver}, {self.form} form"),
        ]
        if self.status.has_iterate:
            rows.append(("on the data", self.residuals))
        seconds = [(phase, f"{spent:.3g} s") for phase, spent in self.timings.items()]
        return card(self.relaxation.name, rows, (("phase", "time"), seconds))

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON: bound, kind, status, residuals, timings."""
        return {
            "bound": self.bound,
            "bound_kind": self.bound_kind,
            "status": self.status.value,
            "solver": self.solver,
            "form": self.form,
            "notes": list(self.notes),
            "hints": list(self.hints),
            "relaxation": self.relaxation.name,
            "timings": dict(self.timings),
            "peak_memory": self.peak_memory,
        }
