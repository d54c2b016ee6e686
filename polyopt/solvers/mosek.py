"""MOSEK: a commercial interior-point solver, through its optimizer task.

The task states the dual, ``min b @ z - offset`` subject to ``A^T z = -c``, z in K*, with one matrix
variable for each PSD block: that is MOSEK's own standard form, in which the system it factorises
has one row for each equation (for a relaxation: for each moment). x comes back as the multipliers
of the equations. Building and writing a task needs no licence, solving it does.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from polyopt.conic.program import ConicProgram, ConicSolution
from polyopt.conic.right_size import right_size
from polyopt.conic.sdpa_format import primal_of_dual
from polyopt.conic.svec import lower_order, triangle
from polyopt.conic.text_format import matrix_entries
from polyopt.errors import SolverUnavailableError
from polyopt.solvers.base import (
    ConeKind,
    Solver,
    SolverCapabilities,
    SolverKind,
    SolverOptions,
)
from polyopt.solvers.executable import turned
from polyopt.status import Status

#: MOSEK's words about the task it solves, which is the dual of the program.
_STATUS = {
    "optimal": Status.OPTIMAL,
    "prim_infeas_cer": Status.UNBOUNDED,
    "dual_infeas_cer": Status.INFEASIBLE,
    "prim_feas": Status.INACCURATE,
    "dual_feas": Status.INACCURATE,
    "prim_and_dual_feas": Status.INACCURATE,
    "unknown": Status.INACCURATE,
}


class MosekSolver(Solver):
    """Native interface to MOSEK.

    Options in ``extra`` are MOSEK's parameters under their names, such as
    ``"MSK_IPAR_INTPNT_MAX_ITERATIONS"``; MOSEK itself refuses unknown ones. Without a licence
    :func:`write_task` still writes the task for another machine.
    """

    name = "mosek"
    module: ClassVar[str | None] = "mosek"
    capabilities = SolverCapabilities(
        cones=frozenset(ConeKind),
        kind=SolverKind.INTERIOR_POINT,
        preferred_form="moment",
        exactness="1e-8 in general",
        licence="commercial; free academic licences",
    )

    def is_licensed(self) -> bool:
        """Whether there is a licence file where MOSEK looks for it; nothing is checked out."""
        return self.is_available() and has_licence_file()

    def unlicensed_reason(self) -> str:
        """See :meth:`Solver.unlicensed_reason`."""
        return (
            "no licence file at MOSEKLM_LICENSE_FILE or ~/mosek/mosek.lic. The task can be written "
            'without one: polyopt.solvers.mosek.write_task(program, "file.cbf")'
        )

    def known_options(self) -> Mapping[str, type] | None:
        """See :meth:`Solver.known_options`."""
        return None

    def run(self, program: ConicProgram, options: SolverOptions) -> ConicSolution:
        """See :meth:`Solver.run`."""
        inner = primal_of_dual(program)
        if inner is not None:
            return turned(program, inner, self.run(inner, options))
        import mosek

        with mosek.Env() as environment, environment.Task() as task:
            if options.verbose:
                task.set_Stream(mosek.streamtype.log, lambda text: print(text, end=""))
            _set_parameters(mosek, task, options)
            _fill(mosek, task, program)
            trouble = task.optimize()
            return _read(mosek, task, program, trouble)


def write_task(program: ConicProgram, path: str | os.PathLike[str]) -> None:
    """Write the task that MOSEK would be given, in the format of the file's ending.

    The task is the dual of the program as a minimisation, so its value is minus that of the
    program. A program that is written as a dual itself (an SOS form) goes in as it is, with its own
    value. No licence is needed.

    Parameters
    ----------
    program
        Any conic program.
    path
        Ending in ``.cbf``, ``.task``, ``.ptf`` or another one that MOSEK knows.

    Raises
    ------
    SolverUnavailableError
        If the package ``mosek`` is not installed.
    """
    if not MosekSolver().is_available():
        raise SolverUnavailableError("writing a task needs the package mosek; pip install mosek")
    import mosek

    inner = primal_of_dual(program)
    sized = right_size(program if inner is None else inner, two_by_two=False)
    with mosek.Env() as environment, environment.Task() as task:
        _fill(mosek, task, sized.program)
        task.writedata(os.fspath(path))


def _fill(mosek: Any, task: Any, program: ConicProgram) -> None:
    cones, n = program.cones, program.number_of_variables
    scalar = cones.zero + cones.nonnegative + sum(cones.second_order)
    task.appendcons(n)
    task.appendvars(scalar)
    task.appendbarvars(list(cones.psd))
    task.putobjsense(mosek.objsense.minimize)
    task.putcfix(-program.offset)
    free, lower, fixed = mosek.boundkey.fr, mosek.boundkey.lo, mosek.boundkey.fx
    keys = np.full(scalar, free)
    keys[cones.nonnegative_slice] = lower
    zeros = np.zeros(scalar)
    if scalar:
        task.putvarboundslice(0, scalar, list(keys), zeros, zeros)
        task.putcslice(0, scalar, program.b[:scalar])
    if n:
        task.putconboundslice(0, n, [fixed] * n, -program.c, -program.c)
    matrix = program.A.tocoo()
    row, column = matrix.coords
    plain = row < scalar
    if plain.any():
        task.putaijlist(
            column[plain].astype(np.int32), row[plain].astype(np.int32), matrix.data[plain]
        )
    block, i, j = matrix_entries(cones)
    # An entry off the diagonal stands for two, and its svec carries sqrt(2).
    weight = np.concatenate([np.zeros(0), *(1 / triangle(side).weights for side in cones.psd)])
    place = row[~plain] - scalar
    if place.size:
        task.putbarablocktriplet(
            column[~plain].astype(np.int32),
            *_lower(block, i, j, place),
            matrix.data[~plain] * weight[place],
        )
    place = np.flatnonzero(program.b[scalar:])
    if place.size:
        task.putbarcblocktriplet(
            *_lower(block, i, j, place), program.b[scalar + place] * weight[place]
        )
    for rows in cones.second_order_slices():
        _append_second_order(task, rows)


def _lower(
    block: NDArray[np.int64], i: NDArray[np.int64], j: NDArray[np.int64], place: NDArray[Any]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Block, row and column of entries of the lower triangle."""
    return (
        block[place].astype(np.int32),
        j[place].astype(np.int32),
        i[place].astype(np.int32),
    )


def _append_second_order(task: Any, rows: slice) -> None:
    size = rows.stop - rows.start
    start = task.getnumafe()
    task.appendafes(size)
    places = np.arange(start, start + size, dtype=np.int64)
    task.putafefentrylist(places, np.arange(rows.start, rows.stop, dtype=np.int32), np.ones(size))
    task.appendacc(task.appendquadraticconedomain(size), places, np.zeros(size))


def _set_parameters(mosek: Any, task: Any, options: SolverOptions) -> None:
    for name in ("PFEAS", "DFEAS", "REL_GAP"):
        task.putnadouparam(f"MSK_DPAR_INTPNT_CO_TOL_{name}", options.tolerance)
    if options.time_limit is not None:
        task.putdouparam(mosek.dparam.optimizer_max_time, float(options.time_limit))
    if options.threads is not None:
        task.putintparam(mosek.iparam.num_threads, int(options.threads))
    for name, value in options.extra.items():
        task.putparam(name, str(value))


def _read(mosek: Any, task: Any, program: ConicProgram, trouble: Any) -> ConicSolution:
    kind, cones = mosek.soltype.itr, program.cones
    word = str(task.getsolsta(kind)).rpartition(".")[2] if task.solutiondef(kind) else "none"
    status = _STATUS.get(word, Status.FAILED)
    if trouble == mosek.rescode.trm_max_time and status is Status.INACCURATE:
        status = Status.TIME_LIMIT
    x = s = z = None
    if status is not Status.FAILED:
        x = np.array(task.gety(kind))
        constant = np.zeros_like(program.b) if status is Status.UNBOUNDED else program.b
        s = constant - program.A @ x
        s[: cones.zero] = 0.0
        parts = [np.array(task.getxx(kind))]
        for number, side in enumerate(cones.psd):
            lower = np.array(task.getbarxj(kind, number))
            entries = np.empty_like(lower)
            entries[lower_order(side)] = lower
            parts.append(entries * triangle(side).weights)
        z = np.concatenate(parts)
    return ConicSolution.from_vectors(
        program,
        status,
        x,
        s,
        z,
        iterations=task.getintinf(mosek.iinfitem.intpnt_iter),
        solve_time=task.getdouinf(mosek.dinfitem.optimizer_time),
        message=f"MOSEK: {word}",
    )


def has_licence_file() -> bool:
    """Whether there is a licence file, or a server named, where MOSEK looks for one."""
    given = os.environ.get("MOSEKLM_LICENSE_FILE", "")
    home = Path.home() / "mosek" / "mosek.lic"
    places = [*filter(None, given.split(os.pathsep)), str(home)]
    return any("@" in place or Path(place).is_file() for place in places)
