"""CSDP: a predictor-corrector interior-point solver, as an executable.

Borchers, "CSDP, a C library for semidefinite programming", *Optim. Methods Softw.* 11, 1999. Like
SDPA it factorises a dense matrix with a row for each moment. EPL, called as a program and never
required; Debian has it as ``coinor-csdp``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from polyopt.conic.program import Cones
from polyopt.conic.svec import SQRT2, svec_length
from polyopt.errors import SolverError
from polyopt.solvers.base import SolverOptions
from polyopt.solvers.executable import (
    ExecutableSolver,
    FileAnswer,
    file_capabilities,
    file_length,
)
from polyopt.status import Status

#: Exit codes and their meaning in CSDP's user's guide; its primal is our dual.
_STATUS = {
    0: (Status.OPTIMAL, "success"),
    1: (Status.UNBOUNDED, "primal infeasible"),
    2: (Status.INFEASIBLE, "dual infeasible"),
    3: (Status.INACCURATE, "partial success"),
    4: (Status.INACCURATE, "maximum of iterations reached"),
    5: (Status.INACCURATE, "stuck at edge of primal feasibility"),
    6: (Status.INACCURATE, "stuck at edge of dual feasibility"),
    7: (Status.INACCURATE, "lack of progress"),
    8: (Status.INACCURATE, "a matrix is singular"),
    9: (Status.FAILED, "a value that is not a number"),
}

_OPTIONS: dict[str, type] = {
    "fastmode": int,
    "maxiter": int,
    "maxstepfrac": float,
    "minstepfrac": float,
    "perturbobj": int,
    "tweakgap": int,
    "usexzgap": int,
}


class CsdpSolver(ExecutableSolver):
    """CSDP through files; options are those of its parameter file.

    The tolerance is CSDP's axtol, atytol and objtol.
    """

    name = "csdp"
    executable: ClassVar[str] = "csdp"
    capabilities = file_capabilities("EPL-2.0, called as a program")

    def known_options(self) -> Mapping[str, type]:
        """See :meth:`Solver.known_options`."""
        return _OPTIONS

    def prepare(self, folder: Path, problem: Path, options: SolverOptions) -> list[str]:
        """See :meth:`ExecutableSolver.prepare`."""
        values = {
            "axtol": options.tolerance,
            "atytol": options.tolerance,
            "objtol": options.tolerance,
            "pinftol": 1e8,
            "dinftol": 1e8,
            "maxiter": 200,
            "minstepfrac": 0.9,
            "maxstepfrac": 0.97,
            "minstepp": 1e-8,
            "minstepd": 1e-8,
            "usexzgap": 1,
            "tweakgap": 0,
            "affine": 0,
            "printlevel": 1,
            "perturbobj": 1,
            "fastmode": 0,
            **options.extra,
        }
        text = "".join(f"{name}={value}\n" for name, value in values.items())
        # CSDP looks for this name in the directory it runs in.
        (folder / "param.csdp").write_text(text, encoding="ascii")
        return [problem.name, "solution"]

    def parse(self, text: str, log: str, code: int, cones: Cones, variables: int) -> FileAnswer:
        """See :meth:`ExecutableSolver.parse`."""
        lines = text.splitlines()
        if code not in _STATUS or not lines:
            raise SolverError(f"csdp ended with status {code} and no complete solution file")
        status, message = _STATUS[code]
        x = np.array([float(word) for word in lines[0].split()])
        if len(x) != variables:
            raise SolverError(f"csdp returned {len(x)} variables, not {variables}")
        sides = [side for side in cones.psd if side]
        starts = np.cumsum([0, *map(svec_length, sides)]).tolist()
        vectors = np.zeros((2, file_length(cones)))
        for line in lines[1:]:
            matrix, block, row, column, value = line.split()
            i, j, k = int(row) - 1, int(column) - 1, int(block) - 1
            place = starts[k] + (i if k == len(sides) else svec_length(j) + i)
            weight = 1.0 if i == j else SQRT2
            vectors[int(matrix) - 1, place] = weight * float(value)
        iterations = re.findall(r"^Iter:\s*(\d+)", log, flags=re.MULTILINE)
        return FileAnswer(
            status, x, vectors[0], vectors[1], int(iterations[-1]) if iterations else 0, message
        )
