"""CVXPY as the adapter to every solver it knows, and as a way out for users.

Diamond and Boyd, *J. Mach. Learn. Res.* 17, 2016. The program becomes a ``cvxpy.Problem`` with one
constraint for each PSD block: a sparse matrix that expands svec order, times the vector of
unknowns, reshaped to a square. (Building blocks entry by entry costs about thirty times more.)
"""

from __future__ import annotations

import importlib.util
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from polyopt.conic.program import ConicProgram, ConicSolution
from polyopt.conic.svec import smat_operator, svec
from polyopt.errors import SolverUnavailableError
from polyopt.solvers.base import (
    Solver,
    SolverCapabilities,
    SolverKind,
    SolverOptions,
    near_misses,
)
from polyopt.solvers.cvxpy_backends import BACKENDS, Backend
from polyopt.solvers.mosek import has_licence_file
from polyopt.status import Status

_STATUS = {
    "optimal": Status.OPTIMAL,
    "optimal_inaccurate": Status.INACCURATE,
    "infeasible": Status.INFEASIBLE,
    "infeasible_inaccurate": Status.INFEASIBLE,
    "infeasible_or_unbounded": Status.INFEASIBLE,
    "unbounded": Status.UNBOUNDED,
    "unbounded_inaccurate": Status.UNBOUNDED,
}


@dataclass(frozen=True, eq=False)
class CvxpyHandles:
    """The parts of a ``cvxpy.Problem`` that a conic program became.

    Parameters
    ----------
    x
        The ``cvxpy.Variable`` of shape (n,).
    equalities, inequalities
        The constraints of the zero and nonnegative rows, or None.
    second_order
        For each group of second-order cones of one size: the first rows of the cones and the
        constraint.
    psd
        For each PSD block of the program the constraint, None for empty blocks; its ``args[0]`` is
        the k x k matrix expression ``smat(b - A x)``.
    """

    x: Any
    equalities: Any
    inequalities: Any
    second_order: list[tuple[list[int], Any]]
    psd: list[Any]

    def duals(self, program: ConicProgram) -> np.ndarray[Any, np.dtype[np.float64]] | None:
        """Return z of the standard form from the dual values, None if one is missing."""
        cones = program.cones
        z = np.zeros(cones.rows)
        try:
            if self.equalities is not None:
                z[: cones.zero] = _number(self.equalities.dual_value)
            if self.inequalities is not None:
                z[cones.nonnegative_slice] = _number(self.inequalities.dual_value)
            for starts, constraint in self.second_order:
                heads = np.array(starts)
                if len(constraint.dual_variables) == 1:  # cones of one row are inequalities
                    z[heads] = _number(constraint.dual_value)
                    continue
                first, rest = (_number(value) for value in constraint.dual_value)
                below = rest.reshape(-1, len(heads))
                z[heads] = first.ravel()
                z[heads + np.arange(1, len(below) + 1)[:, None]] = below
            for rows, constraint in zip(cones.psd_slices(), self.psd, strict=True):
                if constraint is not None:
                    matrix = np.atleast_2d(_number(constraint.dual_value))
                    z[rows] = svec((matrix + matrix.T) / 2)
        except _MissingDual:
            return None
        return z


class _MissingDual(Exception):
    """A constraint has no dual value."""


def _number(value: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    if value is None:
        raise _MissingDual
    return np.asarray(value.toarray() if sp.issparse(value) else value, dtype=np.float64)


def to_cvxpy(program: ConicProgram) -> tuple[Any, CvxpyHandles]:
    """Turn a conic program into a ``cvxpy.Problem``.

    Returns
    -------
    problem : cvxpy.Problem
        The same minimisation, offset included.
    handles : CvxpyHandles
        Its variable and constraints.

    Examples
    --------
    >>> from polyopt.conic import Cones
    >>> program = ConicProgram([1.0], np.array([[-1.0]]), [-3.0], Cones(nonnegative=1))
    >>> problem, handles = to_cvxpy(program)
    >>> _ = problem.solve(solver="CLARABEL")
    >>> float(handles.x.value[0].round(6))
    3.0
    """
    import cvxpy as cp

    cones = program.cones
    rows = sp.csr_array(program.A)
    x = cp.Variable(program.number_of_variables)
    equalities = inequalities = None
    if cones.zero:
        equalities = rows[: cones.zero] @ x == program.b[: cones.zero]
    if cones.nonnegative:
        part = cones.nonnegative_slice
        inequalities = rows[part] @ x <= program.b[part]

    groups: dict[int, list[int]] = defaultdict(list)
    for size, part in zip(cones.second_order, cones.second_order_slices(), strict=True):
        if size:
            groups[size].append(part.start)
    second_order = []
    for size, starts in groups.items():
        first = np.array(starts)
        # Columns are the cones: entry (i, j) of the matrix is row starts[j] + 1 + i.
        inner = (np.arange(1, size) + first[:, None]).ravel()
        if size == 1:
            second_order.append((starts, program.b[first] - rows[first] @ x >= 0))
            continue
        u = cp.reshape(program.b[inner] - rows[inner] @ x, (size - 1, len(starts)), order="F")
        second_order.append((starts, cp.SOC(program.b[first] - rows[first] @ x, u, axis=0)))

    psd: list[Any] = []
    for side, part in zip(cones.psd, cones.psd_slices(), strict=True):
        if not side:
            psd.append(None)
            continue
        expand = smat_operator(side)
        entries = expand @ program.b[part] - (expand @ rows[part]) @ x
        psd.append(cp.reshape(entries, (side, side), order="F") >> 0)

    handles = CvxpyHandles(x, equalities, inequalities, second_order, psd)
    constraints = [
        constraint
        for constraint in (equalities, inequalities, *(c for _, c in second_order), *psd)
        if constraint is not None
    ]
    return cp.Problem(cp.Minimize(program.c @ x + program.offset), constraints), handles


class CvxpySolver(Solver):
    """A solver behind CVXPY, called ``cvxpy:NAME``.

    Certificates of infeasibility and unboundedness that CVXPY does not pass on come from a second
    solve. Ctrl-C gives status INTERRUPTED without an iterate, as soon as the solver gives control
    back to Python; solvers that handle the signal themselves end as FAILED. Keys of ``extra`` go to
    the solver as they are; CVXPY and the solver reject unknown ones, which gives status FAILED with
    their message.

    Parameters
    ----------
    name
        CVXPY's name of the solver, e.g. "CVXOPT".
    backend
        Its description, for solvers that are not in ``cvxpy_backends.BACKENDS``.
    """

    def __init__(self, name: str, backend: Backend | None = None) -> None:
        if backend is None and name not in BACKENDS:
            raise SolverUnavailableError(
                f"no description of a CVXPY solver {name!r}.{near_misses(name, BACKENDS)} Known: "
                f"{', '.join(sorted(BACKENDS))}; pass backend= for another one"
            )
        self.cvxpy_name = name
        self.backend = BACKENDS[name] if backend is None else backend
        self.name = f"cvxpy:{name}"
        self.capabilities = SolverCapabilities(
            cones=self.backend.cones,
            kind=self.backend.kind,
            preferred_form="sos" if self.backend.kind is SolverKind.FIRST_ORDER else "moment",
            exactness="that of the solver",
            licence=f"{self.backend.licence}; CVXPY Apache-2.0",
            time_limit=self.backend.time_limit is not None,
            threads=self.backend.threads is not None,
            certificates=False,
        )

    def is_available(self) -> bool:
        """See :meth:`Solver.is_available`."""
        return all(
            importlib.util.find_spec(module) is not None
            for module in ("cvxpy", self.backend.module)
        )

    def is_licensed(self) -> bool:
        """See :meth:`Solver.is_licensed`; known for MOSEK, taken for granted for others."""
        licensed = self.backend.module != "mosek" or has_licence_file()
        return self.is_available() and licensed

    def known_options(self) -> Mapping[str, type] | None:
        """See :meth:`Solver.known_options`."""
        return None

    def run(self, program: ConicProgram, options: SolverOptions) -> ConicSolution:
        """See :meth:`Solver.run`."""
        problem, handles = to_cvxpy(program)
        # The documented low-level interface: unlike Problem.solve it does not warn about what the
        # status says anyway.
        settings = self._settings(options)
        data, chain, inverse = problem.get_problem_data(self.cvxpy_name, solver_opts=settings)
        try:
            raw = chain.solve_via_data(
                problem,
                data,
                warm_start=False,
                verbose=options.verbose,
                solver_opts=settings,
            )
            solution = chain.invert(raw, inverse)
        except KeyboardInterrupt:
            return ConicSolution.from_vectors(
                program,
                Status.INTERRUPTED,
                message=f"{self.name}: stopped before it gave an answer",
            )
        word = str(solution.status)
        if word == "user_limit":
            status = Status.INACCURATE if options.time_limit is None else Status.TIME_LIMIT
        else:
            status = _STATUS.get(word, Status.FAILED)
        x = s = z = None
        if status is not Status.FAILED:
            problem.unpack(solution)
            z = handles.duals(program)
            if handles.x.value is not None:
                x = np.asarray(handles.x.value, dtype=np.float64)
                s = program.b - program.A @ x
                s[: program.cones.zero] = 0.0
        return ConicSolution.from_vectors(
            program,
            status,
            x,
            s,
            z,
            iterations=solution.attr.get("num_iters") or 0,
            solve_time=solution.attr.get("solve_time") or 0.0,
            message=f"{self.name}: {word}",
        )

    def _settings(self, options: SolverOptions) -> dict[str, Any]:
        backend = self.backend
        settings: dict[str, Any] = {}
        if backend.tolerance is not None:
            settings |= backend.tolerance(options.tolerance)
        for value, translate in (
            (options.time_limit, backend.time_limit),
            (options.threads, backend.threads),
        ):
            if value is None or translate is None:
                continue
            for name, setting in translate(value).items():
                nested = isinstance(setting, dict)
                settings[name] = {**settings.get(name, {}), **setting} if nested else setting
        return {**settings, **options.extra}
