"""Recorded solutions: answers from a folder, for tests that must run without an SDP solver.

A recording is found by a fingerprint of the program's data, rounded so that the last bits of
another machine's arithmetic do not matter. It is judged on the data like every other answer, so a
recording that does not fit is reported as inaccurate.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from polyopt.conic.program import ConicProgram, ConicSolution
from polyopt.errors import FormatError, SolverError
from polyopt.files import whole_file
from polyopt.solvers.base import ConeKind, Solver, SolverCapabilities, SolverKind, SolverOptions
from polyopt.solvers.verdict import settle_status
from polyopt.status import Status

_VERSION = 1
_MEMBERS = ("version", "status", "x", "s", "z", "iterations")


class RecordedSolver(Solver):
    """A solver that looks its answers up, and records them when it is given a real one.

    Parameters
    ----------
    folder
        Where the recordings are, one file a program.
    recorder
        A solver that is asked for programs without a recording; its answer is recorded. Left out,
        such programs raise.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from polyopt.conic import Cones
    >>> from polyopt.solvers import get_solver
    >>> program = ConicProgram([1.0], np.array([[-1.0]]), [-3.0], Cones(nonnegative=1))
    >>> folder = tempfile.mkdtemp()
    >>> recorded = RecordedSolver(folder, recorder=get_solver("highs")).solve(program)
    >>> round(RecordedSolver(folder).solve(program).primal_objective, 6)
    3.0
    """

    name = "recorded"
    capabilities = SolverCapabilities(
        cones=frozenset(ConeKind),
        kind=SolverKind.OTHER,
        preferred_form="moment",
        exactness="that of the recorded solver",
        licence="MIT",
    )

    def __init__(self, folder: str | os.PathLike[str], recorder: Solver | None = None) -> None:
        self.folder = Path(folder)
        self.recorder = recorder
        if recorder is not None:
            self.capabilities = recorder.capabilities

    def run(self, program: ConicProgram, options: SolverOptions) -> ConicSolution:
        """See :meth:`Solver.run`."""
        return self.solve(program, options)

    def solve(self, program: ConicProgram, options: SolverOptions | None = None) -> ConicSolution:
        """See :meth:`Solver.solve`.

        Raises
        ------
        SolverError
            No recording and no recorder.
        FormatError
            A file that is not a recording of this program.
        """
        options = SolverOptions() if options is None else options
        path = self.folder / f"{fingerprint(program)}.npz"
        if path.is_file():
            found = replace(_load(path, program), solver=self.name)
            return settle_status(program, found, options.tolerance)
        if self.recorder is None:
            raise SolverError(
                f"there is no recorded solution {path.name} in {self.folder}; record it with "
                "RecordedSolver(folder, recorder=get_solver(...))"
            )
        solution = self.recorder.solve(program, options)
        _save(path, solution)
        return solution


def fingerprint(program: ConicProgram) -> str:
    """Return a name for a program's data, the same wherever its entries agree to 11 digits.

    Examples
    --------
    >>> from polyopt.conic import Cones
    >>> program = ConicProgram([1.0], np.array([[-1.0]]), [-3.0], Cones(nonnegative=1))
    >>> len(fingerprint(program))
    32
    """
    digest = hashlib.sha256(repr((program.cones, program.A.shape)).encode())
    matrix = program.A.tocoo()
    rows, columns = matrix.coords
    order = np.lexsort((rows, columns))
    for index in (rows[order], columns[order]):
        digest.update(np.ascontiguousarray(index, dtype="<i8").tobytes())
    for values in (program.c, program.b, matrix.data[order], np.array([program.offset])):
        text = " ".join(f"{value:.10e}" for value in (values + 0.0).tolist())
        digest.update(text.encode())
    return digest.hexdigest()[:32]


def _save(path: Path, solution: ConicSolution) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        np.savez_compressed(
            file,
            version=np.int64(_VERSION),
            status=np.array(solution.status.value),
            x=solution.x,
            s=solution.s,
            z=solution.z,
            iterations=np.int64(solution.iterations),
        )


def _load(path: Path, program: ConicProgram) -> ConicSolution:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            data: dict[str, Any] = {name: file[name] for name in _MEMBERS}
        status = Status(str(data["status"]))
        version = int(data["version"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise FormatError(f"{path.name}: not a recorded solution ({error})") from None
    if version != _VERSION:
        raise FormatError(f"{path.name}: version {version}; this program reads {_VERSION}")
    m, n = program.A.shape
    for name, length in (("x", n), ("s", m), ("z", m)):
        if data[name].shape != (length,) or data[name].dtype != np.float64:
            raise FormatError(f"{path.name}: {name} is not a vector of {length} numbers")
    return ConicSolution.from_vectors(
        program,
        status,
        data["x"],
        data["s"],
        data["z"],
        iterations=int(data["iterations"]),
        message="recorded solution",
    )
