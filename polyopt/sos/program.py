"""SOS programs: linear objectives over the coefficients of polynomials that must be nonnegative.

Find c that minimises ``w·c`` such that polynomials ``e_r(x; c)``, affine in c, are sums of squares
or have a certificate of nonnegativity on a basic semialgebraic set (Parrilo, Math. Program. 96,
2003; Prajna, Papachristodoulou, Parrilo, SOSTOOLS, 2002). Lyapunov functions, barriers, envelopes
and optimal polynomial approximations are of this kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyopt.conic.forms import check_form
from polyopt.conic.program import ConicProgram
from polyopt.errors import InvalidProblemError
from polyopt.polynomial import monomials
from polyopt.polynomial.arrays import variables as generators
from polyopt.polynomial.convert import variable_names
from polyopt.polynomial.polynomial import Polynomial
from polyopt.polynomial.variables import Variables
from polyopt.problem import PolynomialProblem, minimize
from polyopt.relaxation.relaxation import Form
from polyopt.solvers.base import SolverOptions
from polyopt.solvers.registry import default_solver, get_solver
from polyopt.solvers.verdict import settle_status
from polyopt.sos.affine import AffineFamily, split
from polyopt.sos.assembly import AssembledProgram, assemble_program
from polyopt.sos.integral import box_moments
from polyopt.sos.matrix import matrix_requirement
from polyopt.sos.requirement import Hierarchy, Requirement, gram_requirement, require
from polyopt.sos.solution import SOSSolution


class SOSProgram:
    """An optimisation problem over polynomials.

    Decision variables are made by :meth:`coefficients` and :meth:`polynomial`; they are
    :class:`~polyopt.Polynomial` objects, and so is every expression, which must be of degree at
    most 1 in the decision variables taken together. The program collects requirements; solve it
    with :meth:`solve`.

    Parameters
    ----------
    variables : iterable of generators, names or sympy symbols
        The n variables x of the polynomials.

    Notes
    -----
    Solutions are *numerical*. To prove one, fix the coefficients and prove the nonnegativity of
    the polynomial they give: ``p = solution.polynomial(e)``, then
    ``po.putinar(po.minimize(p, subject_to=…), order).solve().prove()`` shows ``p >= bound`` on the
    set, whatever the solver did. Where the bound is slightly below zero, add its amount to a
    constant term that is free to move, or require a margin, such as ``e - 1e-6``.

    Examples
    --------
    The largest λ for which ``x⁴ - 3x² + x - λ`` is a sum of squares, which is its minimum:

    >>> import polyopt as po
    >>> x = po.variables("x", 1)[0]
    >>> program = po.SOSProgram([x])
    >>> bound = program.coefficient("bound")
    >>> program.require_sos(x**4 - 3 * x**2 + x - bound)
    >>> program.maximize(bound)
    >>> solution = program.solve()
    >>> round(solution[bound], 5)
    -3.51391

    References
    ----------
    P. A. Parrilo, Semidefinite programming relaxations for semialgebraic problems, Math. Program.
    96, 2003, 293–320.
    """

    def __init__(self, variables: Iterable[object]) -> None:
        self.variables = variable_names(variables)
        if not len(self.variables):
            raise InvalidProblemError("an SOS program needs at least one variable; name it")
        self._decisions: list[str] = []
        self._requirements: list[Requirement] = []
        self._objective: Polynomial = Polynomial.constant(0.0, self.variables)
        self._sign = 1

    @property
    def decisions(self) -> Variables:
        """Names of the decision variables, in the order they were made."""
        return Variables(self._decisions)

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        """What is required so far."""
        return tuple(self._requirements)

    # -- decision variables ----------------------------------------------------------------

    def coefficient(self, name: str) -> Polynomial:
        """Make one decision variable of this name."""
        return self._make([name])[0]

    def coefficients(self, name: str, number: int) -> list[Polynomial]:
        """Make ``number`` decision variables ``name0, name1, …``."""
        if not isinstance(number, (int, np.integer)) or isinstance(number, bool) or number < 1:
            raise InvalidProblemError(
                f"the number of coefficients is {number!r}; give a positive integer"
            )
        return self._make([f"{name}{i}" for i in range(number)])

    def polynomial(
        self,
        basis: int | Iterable[Polynomial],
        name: str | None = None,
        *,
        variables: Iterable[object] | None = None,
    ) -> Polynomial:
        """Make a polynomial ``Σ_i c_i B_i`` with unknown coefficients.

        Parameters
        ----------
        basis : int or iterable of Polynomial
            A degree, for all monomials up to it, or the polynomials B_i.
        name : str, optional
            Stem of the names of its decision variables; ``"p0_", "p1_", …`` when left out.
        variables : iterable, optional
            For a degree: the variables to use, all if left out.

        Examples
        --------
        >>> import polyopt as po
        >>> x, y = po.variables("x y")
        >>> program = po.SOSProgram([x, y])
        >>> print(program.polynomial(1, "a"), program.polynomial([x**2, x * y], "b"), sep="; ")
        a0 + x*a1 + y*a2; x^2*b0 + x*y*b1
        """
        if isinstance(basis, (int, np.integer)) and not isinstance(basis, bool):
            if basis < 0:
                raise InvalidProblemError(f"the degree is {basis}; it must not be negative")
            used = self.variables if variables is None else variable_names(variables)
            index = np.sort([self._index(v) for v in used]).astype(np.intp)
            rows = monomials.all_monomials(index, int(basis))
            parts = [Polynomial(self.variables, row[None], np.ones(1)) for row in rows]
        elif isinstance(basis, Iterable) and not isinstance(basis, str):
            parts = [self._known(p, f"basis element {i}") for i, p in enumerate(basis)]
        else:
            raise InvalidProblemError(
                f"the basis is {basis!r}; give a degree or a list of polynomials"
            )
        if not parts:
            raise InvalidProblemError("the basis is empty; give at least one polynomial")
        names = [f"{name or f'p{len(self._decisions)}_'}{i}" for i in range(len(parts))]
        unknown = self._make(names)
        everything = self.variables | Variables(names)
        rows_of, weights = [], []
        for part, coefficient in zip(parts, unknown, strict=True):
            product = part.over(everything) * coefficient.over(everything)
            rows_of.append(product.rows)
            weights.append(product.coefficients)
        width = max(rows.shape[1] for rows in rows_of)
        return Polynomial(
            everything,
            np.concatenate([monomials.widen(rows, width) for rows in rows_of]),
            np.concatenate(weights),
        )

    # -- expressions -----------------------------------------------------------------------

    def integral(self, expression: Polynomial, lower: ArrayLike, upper: ArrayLike) -> Polynomial:
        """Integrate over the box ``lower <= x <= upper``; linear in the decision variables.

        Parameters
        ----------
        expression : Polynomial
        lower, upper : float arrays of shape (n,), or numbers
        """
        family = self._split(expression, "the integrand")
        return self._functional(family, box_moments(family.rows, len(self.variables), lower, upper))

    def at(self, expression: Polynomial, point: ArrayLike) -> Polynomial:
        """Evaluate at a point x of shape (n,); affine in the decision variables."""
        family = self._split(expression, "the expression")
        values = np.asarray(point, dtype=np.float64)
        if values.shape != (len(self.variables),):
            raise InvalidProblemError(
                f"a point of shape {values.shape} does not fit {len(self.variables)} variables"
            )
        return self._functional(family, np.concatenate([[1.0], values])[family.rows].prod(axis=1))

    # -- requirements ----------------------------------------------------------------------

    def require_sos(
        self,
        expression: Polynomial,
        *,
        basis: Iterable[Polynomial] | None = None,
        name: str | None = None,
    ) -> None:
        """Require a sum of squares ``Bᵀ Q B``.

        Parameters
        ----------
        expression : Polynomial
            e(x; c).
        basis : iterable of Polynomial, optional
            The monomials B; all up to half the degree of e when left out.
        name : str, optional
            For messages and checks.
        """
        label = self._label(name)
        family = self._split(expression, label)
        problem = self._problem(family, ())
        if basis is None:
            self._requirements.append(require(label, family, problem, None, None))
        else:
            self._requirements.append(gram_requirement(label, family, problem, list(basis)))

    def require_nonnegative(
        self,
        expression: Polynomial,
        on: Iterable[Any] = (),
        *,
        order: int | None = None,
        hierarchy: Hierarchy | None = None,
        name: str | None = None,
    ) -> None:
        """Require a certificate of ``e(x; c) >= 0`` on a set.

        Parameters
        ----------
        expression : Polynomial
            One without x makes a linear inequality between the decision variables.
        on : iterable of relations
            ``g >= 0``, ``h == 0`` without decision variables; all of R^n when left out.
        order : int, optional
            Order of Putinar's certificate; the smallest one when left out.
        hierarchy : function of a problem, optional
            Makes the relaxation whose multipliers are used, instead of Putinar's dense one, such as
            ``lambda p: po.putinar(p, 2, sparsity="correlative").refine(po.NewtonPolytope())``.
            The problem it is given has the set's constraints and an objective with every monomial
            that e may have.
        name : str, optional
            For messages and checks.

        Examples
        --------
        >>> import polyopt as po
        >>> x = po.variables("x", 1)[0]
        >>> program = po.SOSProgram([x])
        >>> c = program.coefficient("c")
        >>> program.require_nonnegative(x - c, on=[x >= 2, x <= 5])
        >>> program.maximize(c)
        >>> round(program.solve()[c], 6)
        2.0
        """
        label = self._label(name)
        family = self._split(expression, label)
        problem = self._problem(family, on)
        self._requirements.append(require(label, family, problem, order, hierarchy))

    def require_psd(
        self,
        matrix: Any,
        on: Iterable[Any] = (),
        *,
        order: int | None = None,
        name: str | None = None,
    ) -> None:
        """Require a symmetric matrix ``M(x; c)`` to be positive semidefinite on a set.

        Parameters
        ----------
        matrix : array or list of lists of expressions, shape (k, k)
            Without x it makes a linear matrix inequality in the decision variables.
        on : iterable of relations
            As in :meth:`require_nonnegative`.
        order : int, optional
            Order of the matrix version of Putinar's certificate, see :mod:`polyopt.sos.matrix`;
            the smallest one when left out.
        name : str, optional
            For messages and checks. Checks are those of ``yᵀ M(x; c) y``.

        Examples
        --------
        >>> import polyopt as po
        >>> x = po.variables("x", 1)[0]
        >>> program = po.SOSProgram([x])
        >>> c = program.coefficient("c")
        >>> program.require_psd([[c, x], [x, c]], on=[x**2 <= 4])
        >>> program.minimize(c)
        >>> round(program.solve()[c], 5)
        2.0
        """
        label = self._label(name)
        rows = matrix.tolist() if isinstance(matrix, np.ndarray) else matrix
        if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
            raise InvalidProblemError(f"{label} needs a square matrix, a list of k lists")
        entries = [[self._expression(item, label) for item in row] for row in rows]
        self._requirements.append(
            matrix_requirement(label, entries, self.variables, self.decisions, on, order)
        )

    def require_zero(self, expression: Polynomial, *, name: str | None = None) -> None:
        """Require that all coefficients of ``e(x; c)`` in x vanish."""
        label = self._label(name)
        family = self._split(expression, label)
        self._requirements.append(
            Requirement(label, family, self._problem(family, ()), multipliers=())
        )

    def minimize(self, objective: Polynomial) -> None:
        """Minimise an affine function of the decision variables."""
        self._set_objective(objective, 1)

    def maximize(self, objective: Polynomial) -> None:
        """Maximise an affine function of the decision variables."""
        self._set_objective(objective, -1)

    # -- solving ---------------------------------------------------------------------------

    def program(self) -> ConicProgram:
        """Build the conic program; see :mod:`polyopt.sos.assembly`."""
        return self._assembled().program

    def solve(
        self,
        solver: str | None = None,
        form: Form | None = None,
        tolerance: float | None = None,
        time_limit: float | None = None,
        threads: int | None = None,
        verbose: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> SOSSolution:
        """Solve the program; the arguments are those of :meth:`polyopt.Relaxation.solve`.

        Raises
        ------
        InvalidProblemError
            There are no decision variables or requirements, or one that always fails.
        SolverUnavailableError, UnknownOptionError
        """
        assembled = self._assembled()
        program = assembled.program
        if form is not None:
            check_form(form)
        chosen = (
            default_solver(program, tolerance=tolerance) if solver is None else get_solver(solver)
        )
        goal = chosen.capabilities.default_tolerance if tolerance is None else tolerance
        settings = SolverOptions(
            tolerance=goal,
            time_limit=time_limit,
            threads=threads,
            verbose=verbose,
            extra=MappingProxyType(dict(options or {})),
        )
        if (form or chosen.capabilities.preferred_form) == "sos":
            dual = program.dual()
            found = settle_status(program, dual.recover(chosen.solve(dual.program, settings)), goal)
        else:
            found = chosen.solve(program, settings)
        return SOSSolution(
            variables=self.variables,
            decisions=self.decisions,
            requirements=self.requirements,
            assembled=assembled,
            solution=found,
            sense="min" if self._sign == 1 else "max",
        )

    def __repr__(self) -> str:
        return (
            f"<SOSProgram: {len(self.variables)} variables, {len(self._decisions)} decision "
            f"variables, {len(self._requirements)} requirements>"
        )

    # -- helpers ---------------------------------------------------------------------------

    def _make(self, names: Sequence[str]) -> list[Polynomial]:
        for name in names:
            if name in self.variables or name in self._decisions:
                raise InvalidProblemError(
                    f'the name "{name}" is taken; give the new decision variables another name'
                )
        made = generators(" ".join(names)) if names else []
        if len(made) != len(names):
            raise InvalidProblemError("the name of a decision variable has no spaces or commas")
        self._decisions += names
        return made

    def _index(self, name: str) -> int:
        if name not in self.variables:
            raise InvalidProblemError(
                f'the variable "{name}" is not one of {self.variables!r} of this program'
            )
        return self.variables.index(name)

    def _known(self, item: Any, place: str) -> Polynomial:
        polynomial = self._expression(item, place)
        return polynomial.over(self.variables, place=place)

    def _expression(self, item: Any, place: str) -> Polynomial:
        zero = Polynomial.constant(0.0, self.variables)
        coerced = None if isinstance(item, str) else zero._coerce(item)
        if coerced is None:
            raise InvalidProblemError(
                f"{place} is {item!r} of type {type(item).__name__}; give a polynomial"
            )
        return coerced

    def _split(self, item: Any, place: str) -> AffineFamily:
        return split(self._expression(item, place), self.variables, self.decisions, place)

    def _label(self, name: str | None) -> str:
        return f"requirement {len(self._requirements)}" if name is None else name

    def _problem(self, family: AffineFamily, on: Iterable[Any]) -> PolynomialProblem:
        return minimize(family.support, subject_to=on, variables=self.variables)

    def _functional(self, family: AffineFamily, weights: NDArray[np.float64]) -> Polynomial:
        """Apply a linear functional in x, given by its values on the monomials."""
        names = self.decisions
        everything = self.variables | names
        rows = np.where(family.decision > 0, family.decision + len(self.variables), 0)
        return Polynomial(everything, rows[:, None].astype(np.int32), weights * family.coefficients)

    def _set_objective(self, objective: Any, sign: int) -> None:
        family = self._split(objective, "the objective")
        if family.degree > 0:
            raise InvalidProblemError(
                f"the objective {objective} has variables of the polynomials in it; minimise a "
                "function of the decision variables, such as an integral or a value at a point"
            )
        self._objective, self._sign = self._expression(objective, "the objective"), sign

    def _assembled(self) -> AssembledProgram:
        if not self._requirements or not self._decisions:
            raise InvalidProblemError(
                "the program has no decision variables or no requirements; use coefficients() or "
                "polynomial(), and require_sos() or require_nonnegative()"
            )
        family = self._split(self._objective, "the objective")
        linear = np.bincount(
            family.decision, weights=family.coefficients, minlength=len(self._decisions) + 1
        ).astype(np.float64)
        return assemble_program(
            self._requirements, self._sign * linear[1:], float(self._sign * linear[0])
        )
