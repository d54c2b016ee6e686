"""Solvers that are programs of their own, reading a ``.dat-s`` file and writing a text file.

The program goes out as ``min c @ x`` with ``s = b - A x`` in K, which is SDPA's primal: the file's
``X`` is s and ``Y`` is z. A program that is written as a dual, such as an SOS form, goes out as the
program it is the dual of (see :mod:`polyopt.conic.sdpa_format`), and the answer is turned round.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from polyopt.conic.program import Cones, ConicProgram, ConicSolution
from polyopt.conic.sdpa_format import primal_of_dual, write_sdpa
from polyopt.conic.svec import svec_length
from polyopt.errors import SolverError
from polyopt.solvers.base import ConeKind, Solver, SolverCapabilities, SolverKind, SolverOptions
from polyopt.status import Status

Vector = NDArray[np.float64]

_TURNED = {Status.INFEASIBLE: Status.UNBOUNDED, Status.UNBOUNDED: Status.INFEASIBLE}


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """What a solver's output file says: x, and s and z as vectors of the file's blocks.

    The blocks are in the order of the file, PSD blocks in svec order and then the diagonal block.
    """

    status: Status
    x: Vector
    s: Vector
    z: Vector
    iterations: int
    message: str


def file_capabilities(licence: str) -> SolverCapabilities:
    """Return the capabilities that all solvers of ``.dat-s`` files share."""
    return SolverCapabilities(
        cones=frozenset({ConeKind.ZERO, ConeKind.NONNEGATIVE, ConeKind.PSD}),
        kind=SolverKind.INTERIOR_POINT,
        preferred_form="moment",
        exactness="1e-7 in general",
        licence=licence,
        certificates=False,
    )


class ExecutableSolver(Solver):
    """A solver that is a program on the search path.

    Subclasses set :attr:`executable` and implement :meth:`prepare` and :meth:`parse`.
    """

    executable: ClassVar[str]

    def is_available(self) -> bool:
        """See :meth:`Solver.is_available`."""
        return shutil.which(self.executable) is not None

    def missing_reason(self) -> str:
        """See :meth:`Solver.missing_reason`."""
        return f"no program {self.executable!r} on the search path"

    @abstractmethod
    def prepare(self, folder: Path, problem: Path, options: SolverOptions) -> list[str]:
        """Write the parameter file into the folder and return the arguments of the executable.

        The solution must be written to ``folder / "solution"``.
        """

    @abstractmethod
    def parse(self, text: str, log: str, code: int, cones: Cones, variables: int) -> FileAnswer:
        """Read the solution file."""

    def run(self, program: ConicProgram, options: SolverOptions) -> ConicSolution:
        """See :meth:`Solver.run`."""
        inner = primal_of_dual(program)
        if inner is not None:
            return turned(program, inner, self.run(inner, options))
        with tempfile.TemporaryDirectory(prefix=f"{self.name}-") as name:
            folder = Path(name)
            problem = folder / "problem.dat-s"
            write_sdpa(program, problem)
            return self._call(program, problem, folder, options)

    def _call(
        self, program: ConicProgram, problem: Path, folder: Path, options: SolverOptions
    ) -> ConicSolution:
        path = shutil.which(self.executable)
        assert path is not None
        command = [path, *self.prepare(folder, problem, options)]
        environment = dict(os.environ)
        if options.threads is not None:
            threads = str(options.threads)
            environment.update(OMP_NUM_THREADS=threads, OPENBLAS_NUM_THREADS=threads)
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=options.time_limit,
                check=False,
            )
        except subprocess.TimeoutExpired:
            message = f"{self.name} was stopped at the time limit and leaves no iterate"
            return ConicSolution.from_vectors(program, Status.TIME_LIMIT, message=message)
        log = done.stdout.decode("utf-8", errors="replace")
        if options.verbose:
            print(log, end="")
        solution = folder / "solution"
        if not solution.is_file():
            last = log.strip().splitlines()[-1:] or ["no output"]
            raise SolverError(
                f"{self.name} wrote no solution (status {done.returncode}): {last[0]}"
            )
        answer = self.parse(
            solution.read_text(encoding="ascii", errors="replace"),
            log,
            done.returncode,
            program.cones,
            program.number_of_variables,
        )
        return ConicSolution.from_vectors(
            program,
            answer.status,
            answer.x,
            _rows(program.cones, answer.s, dual=False),
            _rows(program.cones, answer.z, dual=True),
            iterations=answer.iterations,
            message=f"{self.name}: {answer.message}",
        )


def file_length(cones: Cones) -> int:
    """Return the length of the vectors of a :class:`FileAnswer`."""
    return sum(map(svec_length, cones.psd)) + cones.nonnegative + 2 * cones.zero


def _rows(cones: Cones, values: Vector, *, dual: bool) -> Vector:
    """From the blocks of a file to rows; equalities are pairs of inequalities there."""
    matrices = sum(map(svec_length, cones.psd))
    diagonal = values[matrices:]
    pairs = diagonal[cones.nonnegative :]
    equalities = pairs[0::2] - pairs[1::2] if dual else np.zeros(cones.zero)
    return np.concatenate([equalities, diagonal[: cones.nonnegative], values[:matrices]])


def turned(program: ConicProgram, inner: ConicProgram, found: ConicSolution) -> ConicSolution:
    """From a solution of a program to one of its dual."""
    zero = inner.cones.zero
    return ConicSolution.from_vectors(
        program,
        _TURNED.get(found.status, found.status),
        x=found.z,
        s=np.concatenate([np.zeros(program.cones.zero), found.z[zero:]]),
        z=np.concatenate([-found.x, found.s[zero:]]),
        iterations=found.iterations,
        message=found.message,
    )
