"""A relaxation: a problem and a list of multipliers. Everything else follows from the list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from polyopt.html import card
from polyopt.polynomial.ideal import NormalForms
from polyopt.polynomial.normal_form import Rules
from polyopt.problem import PolynomialProblem
from polyopt.relaxation.multiplier import Multiplier
from polyopt.relaxation.plan import Plan, plan, size_text
from polyopt.sparsity.correlative import CorrelativeSparsity

if TYPE_CHECKING:
    from polyopt.conic.assembly import Assembly
    from polyopt.conic.program import ConicProgram
    from polyopt.result import RelaxationResult

Form = Literal["moment", "sos"]


@dataclass(frozen=True, eq=False)
class Relaxation:
    """A relaxation of a polynomial problem; print it to see the plan.

    Attributes
    ----------
    problem : PolynomialProblem
    multipliers : tuple of Multiplier
        The certificate looked for is ``f - λ = Σ p_k σ_k`` over this list.
    name : str
        The hierarchy, such as ``"Putinar, order 2"``.
    order : int
    sparsity : CorrelativeSparsity, optional
        The cliques it was made from.
    notes : tuple of str
        Decisions taken on the way, for the reader of the plan.
    timings : mapping of str to float
        Seconds spent so far, by phase.
    rules : int array of shape (n,), optional
        Monomials count modulo ``x² = x`` and ``x² = 1`` of the problem where this says so; see
        :mod:`polyopt.relaxation.quotient`.
    normal_forms : NormalForms, optional
        Monomials count modulo the problem's equations; see
        :mod:`polyopt.relaxation.groebner_quotient`.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 2)
    >>> problem = po.minimize(x[0] * x[1], subject_to=[x[0] ** 2 + x[1] ** 2 <= 1])
    >>> relaxation = po.putinar(problem, order=1)
    >>> len(relaxation.multipliers), round(relaxation.solve().bound, 6)
    (2, -0.5)
    """

    problem: PolynomialProblem
    multipliers: tuple[Multiplier, ...]
    name: str
    order: int
    sparsity: CorrelativeSparsity | None = None
    notes: tuple[str, ...] = ()
    timings: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    rules: Rules | None = None
    normal_forms: NormalForms | None = None

    def refine(self, *transformations: Callable[[Relaxation], Relaxation]) -> Relaxation:
        """Apply transformations ``relaxation → relaxation`` one after the other."""
        relaxation = self
        for transformation in transformations:
            relaxation = transformation(relaxation)
        return relaxation

    def add(self, *multipliers: Multiplier) -> Relaxation:
        """Add multipliers of one's own; each is a valid term if its constraints are."""
        return replace(self, multipliers=self.multipliers + multipliers)

    @cached_property
    def plan(self) -> Plan:
        """Sizes and estimated memory, found without building anything."""
        return plan(self.multipliers)

    @cached_property
    def assembly(self) -> Assembly:
        """The sparse data of all blocks over the moments that occur."""
        from polyopt.conic.assembly import assemble, modulo

        whole = assemble(self.multipliers, self.problem.number_of_variables, self.rules)
        return whole if self.normal_forms is None else modulo(whole, self.normal_forms)

    def program(
        self,
        form: Form = "moment",
        *,
        memory_limit: float | Literal["available"] | None = "available",
    ) -> ConicProgram:
        """Build the conic program.

        Parameters
        ----------
        form : {"moment", "sos"}
            Moments as unknowns, or Gram matrices; the optimal value of the SOS form is minus the
            bound, since both are minimisation problems.
        memory_limit : float, "available" or None
            Bytes; a larger estimate is refused. None overrides the check.

        Raises
        ------
        MemoryEstimateError
        """
        from polyopt.conic.forms import build_program

        return build_program(self, form, memory_limit=memory_limit)

    def solve(
        self,
        solver: str | None = None,
        form: Form | None = None,
        tolerance: float | None = None,
        time_limit: float | None = None,
        threads: int | None = None,
        verbose: bool = False,
        options: Mapping[str, Any] | None = None,
        scaling: bool = True,
        memory_limit: float | Literal["available"] | None = "available",
    ) -> RelaxationResult:
        """Solve the relaxation.

        Parameters
        ----------
        solver : str, optional
            A name from :func:`polyopt.available_solvers`; chosen by block sizes when left out.
        form : {"moment", "sos"}, optional
            The conic form; what was measured to be fastest for the solver when left out. Then an
            inaccurate answer of an interior-point solver is sought once more in the other form,
            and the better of both is kept, which the result's ``notes`` tell.
        tolerance : float, optional
            Relative feasibility and gap tolerance asked of the solver; when left out that of the
            solver (``capabilities.default_tolerance``), 1e-8 for all but ``"lowrank"`` (1e-5).
        time_limit : float, optional
            Seconds of wall-clock time for the solver.
        threads : int, optional
        verbose : bool
            Whether the solver prints its log.
        options : mapping, optional
            Options of this solver under its own names.
        scaling : bool
            Scale the variables by powers of two where their coefficients differ much in size.
            The result is in the original variables.
        memory_limit : float, "available" or None
            See :meth:`program`.

        Returns
        -------
        RelaxationResult
            Its ``bound`` is numerical; see :meth:`~polyopt.RelaxationResult.prove`.

        Raises
        ------
        MemoryEstimateError, SolverUnavailableError, UnknownOptionError
        """
        from polyopt.solve_relaxation import solve_relaxation

        return solve_relaxation(
            self,
            solver=solver,
            form=form,
            tolerance=tolerance,
            time_limit=time_limit,
            threads=threads,
            verbose=verbose,
            options=options,
            scaling=scaling,
            memory_limit=memory_limit,
        )

    def to_cvxpy(self, form: Form = "moment") -> Any:
        """Give the relaxation as a cvxpy problem, to add constraints of one's own to.

        Returns
        -------
        (cvxpy.Problem, handles)
            See :func:`polyopt.solvers.cvxpy.to_cvxpy`.
        """
        from polyopt.solvers.cvxpy import to_cvxpy

        return to_cvxpy(self.program(form))

    def with_timing(self, phase: str, seconds: float) -> Relaxation:
        """Record the time of a phase."""
        return replace(self, timings=MappingProxyType({**self.timings, phase: seconds}))

    def __repr__(self) -> str:
        return f"<Relaxation: {self.name}; {self.plan.summary}>"

    def __str__(self) -> str:
        lines = [f"{self.name} of {self.problem!r}"]
        if self.sparsity is not None:
            lines.append(f"cliques: {self.sparsity}")
        lines.append(str(self.plan))
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        sizes = self.plan
        rows: list[tuple[str, object]] = [("problem", repr(self.problem)[1:-1])]
        if self.sparsity is not None:
            rows.append(("cliques", self.sparsity))
        rows += [
            ("PSD blocks", ", ".join(f"{n} of {b}×{b}" for b, n in sizes.psd) or "none"),
            ("scalar conditions", f"{sizes.nonnegative} inequalities, {sizes.free} equalities"),
            ("moments", f"at most {sizes.moments}"),
            ("memory, interior point", f"about {size_text(sizes.interior_point_bytes)}"),
            ("memory, first order", f"about {size_text(sizes.first_order_bytes)}"),
        ]
        rows += [("note", note) for note in self.notes]
        return card(self.name, rows)


def timed(phases: Iterable[tuple[str, float]]) -> Mapping[str, float]:
    """Make the immutable mapping of timings."""
    return MappingProxyType(dict(phases))
