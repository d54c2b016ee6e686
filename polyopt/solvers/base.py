"""What a solver is: the interface that every backend implements and users may extend.

A backend subclasses :class:`Solver`, states its capabilities and implements :meth:`Solver.run`;
options, right-sized cones, failures, timing and the check of the answer against the data are
handled here, the same for all. The answer is checked because a solver's word is not a proof: a
status OPTIMAL or INFEASIBLE that the vectors do not support is lowered to INACCURATE.
"""

from __future__ import annotations

import difflib
import importlib.util
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import numpy as np

from polyopt.conic.lift_second_order import lift_second_order
from polyopt.conic.program import Cones, ConicProgram, ConicSolution
from polyopt.conic.right_size import right_size
from polyopt.errors import SolverError, SolverUnavailableError, UnknownOptionError
from polyopt.solvers.verdict import (
    RAY_TOLERANCE,
    certificate_violation,
    infeasibility_program,
    settle_status,
    unboundedness_program,
)
from polyopt.status import Status


class ConeKind(Enum):
    """The kinds of cones of the standard form."""

    ZERO = "zero"
    NONNEGATIVE = "nonnegative"
    SECOND_ORDER = "second order"
    PSD = "PSD"


class SolverKind(Enum):
    """The family of algorithms, which decides about accuracy and size."""

    INTERIOR_POINT = "interior point"
    FIRST_ORDER = "first order"
    SIMPLEX = "simplex"
    LOW_RANK = "low rank"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class SolverCapabilities:
    """What a solver can do.

    Parameters
    ----------
    cones
        Cones it takes natively.
    kind
        Family of algorithms.
    preferred_form
        The conic form it solves faster, "moment" or "sos".
    exactness
        The accuracy to expect, in words.
    licence
        Licence of the solver itself, in words.
    interruptible
        Whether Ctrl-C ends the solve with status INTERRUPTED, with the iterate where the solver
        hands it over.
    time_limit
        Whether a time limit is honoured; where not, asking for one raises.
    threads
        Whether the number of threads can be set; where not, the message of the solution says that
        it was left alone.
    certificates
        Whether infeasible and unbounded programs come with a ray that shows it. Where not, the ray
        is computed by a second solve.
    default_tolerance
        Tolerance where none is given.
    """

    cones: frozenset[ConeKind]
    kind: SolverKind
    preferred_form: Literal["moment", "sos"]
    exactness: str = ""
    licence: str = ""
    interruptible: bool = False
    time_limit: bool = True
    threads: bool = True
    certificates: bool = True
    default_tolerance: float = 1e-8

    def supports(self, cones: Cones) -> bool:
        """Whether all cones of a program are handled natively."""
        return needed_cones(cones) <= self.cones


@dataclass(frozen=True, slots=True)
class SolverOptions:
    """Options that every solver understands, and a mapping for those of one solver.

    Parameters
    ----------
    tolerance
        Relative feasibility and gap tolerance.
    time_limit
        Wall-clock seconds, or None.
    threads
        Number of threads, or None for the solver's default.
    verbose
        Whether the solver prints its log.
    extra
        Options of one solver under the solver's own names; unknown ones raise.

    Raises
    ------
    UnknownOptionError
        If a value is out of range.

    Examples
    --------
    >>> SolverOptions(tolerance=1e-6, extra={"max_iter": 50}).tolerance
    1e-06
    """

    tolerance: float = 1e-8
    time_limit: float | None = None
    threads: int | None = None
    verbose: bool = False
    extra: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if not 0 < self.tolerance < 1:
            raise UnknownOptionError(f"tolerance must be between 0 and 1, got {self.tolerance!r}")
        if self.time_limit is not None and not self.time_limit > 0:
            raise UnknownOptionError(
                f"time_limit must be a positive number of seconds or None, got {self.time_limit!r}"
            )
        if self.threads is not None and (self.threads < 1 or self.threads != int(self.threads)):
            raise UnknownOptionError(
                f"threads must be a positive integer or None, got {self.threads!r}"
            )


class Solver(ABC):
    """A solver of conic programs.

    Subclasses set :attr:`name`, :attr:`capabilities` and :attr:`module`, list the options they know
    in :meth:`known_options` and implement :meth:`run`. Importing the solver's package is left to
    :meth:`run`.
    """

    name: str
    capabilities: SolverCapabilities
    #: Package to be found for the solver to be available.
    module: ClassVar[str | None] = None

    def is_available(self) -> bool:
        """Whether the solver is installed; nothing is imported to find out."""
        return self.module is None or importlib.util.find_spec(self.module) is not None

    def is_licensed(self) -> bool:
        """Whether the solver may be used: True for those that need no licence file."""
        return self.is_available()

    def missing_reason(self) -> str:
        """Return what is not there when :meth:`is_available` says no."""
        return f"package {self.module!r} not found"

    def unlicensed_reason(self) -> str:
        """Return what is not there when :meth:`is_licensed` says no, and what can be done."""
        return "see its manual"

    def known_options(self) -> Mapping[str, type] | None:
        """Names and types of the keys of ``SolverOptions.extra`` that this solver takes.

        None where only the solver itself knows them.
        """
        return {}

    @abstractmethod
    def run(self, program: ConicProgram, options: SolverOptions) -> ConicSolution:
        """Solve a program whose cones are right-sized and supported.

        Exceptions become status FAILED in :meth:`solve`.
        """

    def solve(self, program: ConicProgram, options: SolverOptions | None = None) -> ConicSolution:
        """Solve a program and check the answer against its data.

        Parameters
        ----------
        program
            Any conic program in the cones of :attr:`capabilities`.
        options
            Tolerance, time limit and so on.

        Returns
        -------
        ConicSolution
            Also where the solver fails: status and message say what happened.

        Raises
        ------
        SolverUnavailableError
            If the solver is not installed or has no licence.
        SolverError
            If the program has cones that the solver does not take.
        UnknownOptionError
            If ``options.extra`` has a key the solver does not know, or a value of a wrong type.
        """
        options = SolverOptions() if options is None else options
        if not self.is_available():
            raise SolverUnavailableError(
                f"solver {self.name!r} is not installed ({self.missing_reason()})"
            )
        if not self.is_licensed():
            raise SolverUnavailableError(
                f"solver {self.name!r} is installed but has no licence ({self.unlicensed_reason()})"
            )
        known = self.known_options()
        if known is not None:
            check_extra(self.name, options.extra, known)
        if options.time_limit is not None and not self.capabilities.time_limit:
            raise UnknownOptionError(f"solver {self.name!r} has no time limit; leave it out")
        two_by_two = ConeKind.SECOND_ORDER in self.capabilities.cones
        needs_lift = not two_by_two and any(size > 1 for size in program.cones.second_order)
        lifted = None
        if needs_lift and ConeKind.PSD in self.capabilities.cones:
            lifted = lift_second_order(program)
        given = program if lifted is None else lifted.program
        sized = right_size(given, two_by_two=two_by_two and self.wants_second_order(options))
        missing = needed_cones(sized.program.cones) - self.capabilities.cones
        if missing:
            names = ", ".join(sorted(kind.value for kind in missing))
            raise SolverError(
                f"solver {self.name!r} does not take {names} cones, but the program has "
                f"{sized.program.cones}; choose another solver"
            )
        start = time.perf_counter()
        solution = self._guarded_run(sized.program, options)
        if not self.capabilities.certificates and solution.status.is_certificate:
            solution = self._with_certificate(sized.program, solution, options)
        solution = sized.recover(solution)
        if lifted is not None:
            solution = lifted.recover(solution)
        solution = replace(solution, solver=self.name)
        if not solution.solve_time:
            solution = replace(solution, solve_time=time.perf_counter() - start)
        if options.threads is not None and not self.capabilities.threads:
            note = f"the number of threads of {self.name} cannot be set here"
            solution = replace(solution, message=f"{solution.message}; {note}".lstrip("; "))
        return settle_status(program, solution, options.tolerance)

    def _guarded_run(self, program: ConicProgram, options: SolverOptions) -> ConicSolution:
        if program.number_of_rows == 0:
            return _without_rows(program)
        try:
            return self.run(program, options)
        except Exception as error:
            return _failed(program, error)
        except BaseException as error:
            # Panics of Rust libraries derive from BaseException and carry this name.
            if type(error).__name__ != "PanicException":
                raise
            return _failed(program, error)

    def _with_certificate(
        self, program: ConicProgram, solution: ConicSolution, options: SolverOptions
    ) -> ConicSolution:
        """Let the solver find the ray it did not return, for either verdict.

        Presolve often cannot tell infeasible from unbounded, so the other ray is tried as well.
        """
        if certificate_violation(program, solution) <= RAY_TOLERANCE:
            return solution
        other = Status.UNBOUNDED if solution.status is Status.INFEASIBLE else Status.INFEASIBLE
        for status in (solution.status, other):
            if status is Status.INFEASIBLE:
                x = s = None
                z = self._guarded_run(infeasibility_program(program), options).x
            else:
                ray = self._guarded_run(unboundedness_program(program), options)
                x, s, z = ray.x, ray.s[1:], None
            certified = ConicSolution.from_vectors(
                program,
                status,
                x,
                s,
                z,
                iterations=solution.iterations,
                solve_time=solution.solve_time,
                message=f"{solution.message}; certificate from a second solve",
            )
            if certificate_violation(program, certified) <= RAY_TOLERANCE:
                return certified
        return solution

    def wants_second_order(self, options: SolverOptions) -> bool:
        """Whether 2x2 PSD blocks are to be handed over as second-order cones."""
        return True

    def __repr__(self) -> str:
        return f"<solver {self.name}>"


def _failed(program: ConicProgram, error: BaseException) -> ConicSolution:
    message = f"{type(error).__name__}: {error}"
    return ConicSolution.from_vectors(program, Status.FAILED, message=message)


def _without_rows(program: ConicProgram) -> ConicSolution:
    """Solve the program without constraints: unbounded unless the objective is constant."""
    status = Status.UNBOUNDED if np.any(program.c) else Status.OPTIMAL
    return ConicSolution.from_vectors(program, status, -program.c, [], [], message="no constraints")


def needed_cones(cones: Cones) -> frozenset[ConeKind]:
    """Return the kinds of cones that occur with at least one row."""
    present = {
        ConeKind.ZERO: cones.zero,
        ConeKind.NONNEGATIVE: cones.nonnegative,
        ConeKind.SECOND_ORDER: sum(cones.second_order),
        ConeKind.PSD: sum(cones.psd),
    }
    return frozenset(kind for kind, size in present.items() if size)


def near_misses(word: str, known: Iterable[str]) -> str:
    """Return `` Did you mean ...?`` for names close to ``word``, or an empty string."""
    close = difflib.get_close_matches(word, list(known), n=3)
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""


def check_extra(solver: str, extra: Mapping[str, Any], known: Mapping[str, type]) -> None:
    """Raise for options a solver does not know or values of a wrong type.

    Examples
    --------
    >>> check_extra("scs", {"max_iter": 3}, {"max_iters": int})
    Traceback (most recent call last):
        ...
    polyopt.errors.UnknownOptionError: solver 'scs' has no option 'max_iter'. Did you mean \
'max_iters'? Known options: max_iters
    """
    for name, value in extra.items():
        if name not in known:
            raise UnknownOptionError(
                f"solver {solver!r} has no option {name!r}.{near_misses(name, known)} "
                f"Known options: {', '.join(sorted(known)) or 'none'}"
            )
        wanted = known[name]
        integral = isinstance(value, int | np.integer) and not isinstance(value, bool)
        fits = (
            isinstance(value, float | np.floating) or integral
            if wanted is float
            else integral
            if wanted is int
            else isinstance(value, wanted)
        )
        if not fits:
            raise UnknownOptionError(
                f"option {name!r} of solver {solver!r} must be of type {wanted.__name__}, "
                f"got {value!r}"
            )
