"""SDPA: a primal-dual interior-point solver, as an executable.

Yamashita, Fujisawa, Kojima, "Implementation and evaluation of SDPA 6.0", *Optim. Methods Softw.*
18, 2003. It factorises one dense or sparse matrix with a row for each moment instead of one for
each entry of a block: the choice for one large block with few equations. GPL, so it is called as a
program and never required; Debian has it as ``sdpa``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from polyopt.conic.program import Cones
from polyopt.conic.svec import svec, svec_length
from polyopt.errors import SolverError
from polyopt.solvers.base import SolverOptions
from polyopt.solvers.executable import ExecutableSolver, FileAnswer, file_capabilities
from polyopt.status import Status

_STATUS = {
    "pdOPT": Status.OPTIMAL,
    "pdFEAS": Status.INACCURATE,
    "pFEAS": Status.INACCURATE,
    "dFEAS": Status.INACCURATE,
    "noINFO": Status.INACCURATE,
    "pINF_dFEAS": Status.INFEASIBLE,
    "dUNBD": Status.INFEASIBLE,
    "pFEAS_dINF": Status.UNBOUNDED,
    "pUNBD": Status.UNBOUNDED,
    "pdINF": Status.INFEASIBLE,
}

_OPTIONS: dict[str, type] = {
    "betaBar": float,
    "betaStar": float,
    "gammaStar": float,
    "lambdaStar": float,
    "maxIteration": int,
    "omegaStar": float,
}

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf)")


class SdpaSolver(ExecutableSolver):
    """SDPA through files; options are those of its parameter file.

    The tolerance is SDPA's epsilonStar (gap) and epsilonDash (feasibility). Below about 1e-8 it
    runs out of digits and stops without success; what it reached is returned and judged on the
    data.
    """

    name = "sdpa"
    executable: ClassVar[str] = "sdpa"
    capabilities = file_capabilities("GPL-2.0, called as a program")

    def known_options(self) -> Mapping[str, type]:
        """See :meth:`Solver.known_options`."""
        return _OPTIONS

    def prepare(self, folder: Path, problem: Path, options: SolverOptions) -> list[str]:
        """See :meth:`ExecutableSolver.prepare`."""
        get = options.extra.get
        values = [
            get("maxIteration", 200),
            options.tolerance,
            get("lambdaStar", 1e2),
            get("omegaStar", 2.0),
            -1e30,
            1e30,
            get("betaStar", 0.1),
            get("betaBar", 0.2),
            get("gammaStar", 0.9),
            options.tolerance,
            *["%+.17e"] * 4,
        ]
        parameters = folder / "param.sdpa"
        # SDPA skips every second line unless something stands behind the value.
        parameters.write_text("".join(f"{value} =\n" for value in values), encoding="ascii")
        return ["-ds", problem.name, "-o", "solution", "-p", parameters.name]

    def parse(self, text: str, log: str, code: int, cones: Cones, variables: int) -> FileAnswer:
        """See :meth:`ExecutableSolver.parse`."""
        phase = re.search(r"phase\.value\s*=\s*(\w+)", text)
        parts = re.split(r"^(xVec|xMat|yMat)\s*=\s*$", text, flags=re.MULTILINE)
        sections = dict(zip(parts[1::2], parts[2::2], strict=True))
        if phase is None or set(sections) != {"xVec", "xMat", "yMat"}:
            raise SolverError("the solution file of sdpa is not complete")
        # Statistics follow yMat in some versions.
        sections["yMat"] = re.split(r"^\s*[A-Za-z]", sections["yMat"], flags=re.MULTILINE)[0]
        numbers = {
            name: np.array([float(word) for word in _NUMBER.findall(body)])
            for name, body in sections.items()
        }
        if len(numbers["xVec"]) != variables:
            raise SolverError(f"sdpa returned {len(numbers['xVec'])} variables, not {variables}")
        count = re.search(r"Iteration = (\d+)", text)
        word = phase[1]
        return FileAnswer(
            _STATUS.get(word, Status.FAILED),
            numbers["xVec"],
            _blocks(cones, numbers["xMat"]),
            _blocks(cones, numbers["yMat"]),
            int(count[1]) if count else 0,
            word,
        )


def _blocks(
    cones: Cones, values: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    diagonal = cones.nonnegative + 2 * cones.zero
    if len(values) != sum(side * side for side in cones.psd) + diagonal:
        raise SolverError("the solution file of sdpa has matrices of other sizes")
    result = np.empty(sum(map(svec_length, cones.psd)) + diagonal)
    taken = given = 0
    for side in cones.psd:
        matrix = values[taken : taken + side * side].reshape(side, side)
        result[given : given + svec_length(side)] = svec((matrix + matrix.T) / 2)
        taken += side * side
        given += svec_length(side)
    result[given:] = values[taken:]
    return result
