"""The task MOSEK is given, solved by another solver from MOSEK's file; and the way back."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import polyopt as po
from polyopt.conic import ConicProgram, ConicSolution
from polyopt.conic.sdpa_format import primal_of_dual
from polyopt.conic.svec import smat
from polyopt.errors import SolverUnavailableError
from polyopt.problems import lasserre_quartic_region
from polyopt.solvers import MosekSolver, check_solver, get_solver, mosek
from polyopt.status import Status

from .conic_problems import INFEASIBLE, KNOWN, UNBOUNDED


@pytest.fixture
def installed() -> None:
    if not MosekSolver().is_available():
        pytest.skip("the package mosek is not installed")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("problem", KNOWN)
@pytest.mark.parametrize("dual", [False, True])
def test_written_task_has_the_value(problem: str, dual: bool, tmp_path: Path) -> None:
    known = KNOWN[problem]
    program = known.program.dual().program if dual else known.program
    value = -known.value if dual else known.value
    path = tmp_path / "task.cbf"
    mosek.write_task(program, path)
    solution = get_solver("clarabel").solve(ConicProgram.read(path))
    if primal_of_dual(program) is None:
        value = -value
    assert solution.primal_objective == pytest.approx(value, abs=1e-6)


@pytest.mark.usefixtures("installed")
def test_task_of_a_relaxation(tmp_path: Path) -> None:
    relaxation = po.putinar(lasserre_quartic_region(), order=3)
    for form in ("moment", "sos"):
        path = tmp_path / f"{form}.cbf"
        mosek.write_task(relaxation.program(form=form), path)  # type: ignore[arg-type]
        task = ConicProgram.read(path)
        # The order of the matrix variables: one for the moment matrix, one for each constraint.
        assert sorted(task.cones.psd) == sorted(relaxation.program().cones.psd)
        value = get_solver("clarabel").solve(task).primal_objective
        assert value == pytest.approx(5.508013, abs=1e-5)  # minus the value in Lasserre 2001


@pytest.mark.usefixtures("installed")
def test_without_a_licence_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MOSEKLM_LICENSE_FILE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("mosek", "cvxpy:MOSEK"):
        assert not get_solver(name).is_licensed()
    with pytest.raises(SolverUnavailableError, match=r"no licence file at .*write_task"):
        MosekSolver().solve(KNOWN["dantzig"].program)
    monkeypatch.setenv("MOSEKLM_LICENSE_FILE", "27007@licences")
    assert MosekSolver().is_licensed()


def test_battery() -> None:
    if not MosekSolver().is_licensed():
        pytest.skip("MOSEK is not installed or has no licence")
    check_solver(MosekSolver())


class _Task:
    """What a task says after the dual of a program was solved; lower triangles by columns."""

    def __init__(self, program: ConicProgram, solution: ConicSolution, word: str) -> None:
        cones = program.cones
        self.scalar = cones.rows - sum(side * (side + 1) // 2 for side in cones.psd)
        self.word, self.solution = word, solution
        self.blocks = []
        for side, rows in zip(cones.psd, cones.psd_slices(), strict=True):
            matrix = smat(solution.z[rows])
            self.blocks.append([matrix[i, j] for j in range(side) for i in range(j, side)])

    def solutiondef(self, kind: Any) -> bool:
        return True

    def getsolsta(self, kind: Any) -> str:
        return f"solsta.{self.word}"

    def gety(self, kind: Any) -> list[float]:
        return list(self.solution.x)

    def getxx(self, kind: Any) -> list[float]:
        return list(self.solution.z[: self.scalar])

    def getbarxj(self, kind: Any, number: int) -> list[float]:
        return self.blocks[number]

    def getintinf(self, item: Any) -> int:
        return 7

    def getdouinf(self, item: Any) -> float:
        return 0.5


@pytest.mark.parametrize(
    ("program", "word", "status"),
    [
        (KNOWN["mixed"].program, "optimal", Status.OPTIMAL),
        (KNOWN["lovasz_theta"].program, "optimal", Status.OPTIMAL),
        (INFEASIBLE["sdp"], "dual_infeas_cer", Status.INFEASIBLE),
        (UNBOUNDED["sdp"], "prim_infeas_cer", Status.UNBOUNDED),
    ],
)
def test_answers_are_read_back(program: ConicProgram, word: str, status: Status) -> None:
    """No licence here: what the task returns is made from another solver's answer."""
    names = SimpleNamespace(
        soltype=SimpleNamespace(itr=0),
        rescode=SimpleNamespace(trm_max_time=1),
        iinfitem=SimpleNamespace(intpnt_iter=0),
        dinfitem=SimpleNamespace(optimizer_time=0),
    )
    solved = get_solver("clarabel").solve(program)
    assert solved.status is status
    found = mosek._read(names, _Task(program, solved, word), program, 0)
    assert found.status is status
    if status is not Status.UNBOUNDED:
        np.testing.assert_allclose(found.z, solved.z, atol=1e-12)
    if status is not Status.INFEASIBLE:
        np.testing.assert_allclose(found.x, solved.x)
        np.testing.assert_allclose(found.s, solved.s, atol=1e-6)
    assert (
        mosek._read(names, _Task(program, solved, "nonsense"), program, 0).status is Status.FAILED
    )
