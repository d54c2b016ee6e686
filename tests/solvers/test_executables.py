"""Solvers behind ``.dat-s`` files: the battery, options, limits and broken answers."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import polyopt as po
from polyopt.errors import SolverUnavailableError, UnknownOptionError
from polyopt.problems import lasserre_quartic_region
from polyopt.solvers import CsdpSolver, SdpaSolver, Solver, SolverOptions, check_solver
from polyopt.status import Status

from .conic_problems import KNOWN, hard_maxcut

SOLVERS = [CsdpSolver(), SdpaSolver()]


@pytest.fixture(params=SOLVERS, ids=lambda solver: solver.name)
def solver(request: pytest.FixtureRequest) -> Solver:
    chosen: Solver = request.param
    if not chosen.is_available():
        pytest.skip(f"the program {chosen.name} is not installed")
    return chosen


def test_battery(solver: Solver) -> None:
    assert len(check_solver(solver)) == 20


@pytest.mark.parametrize("problem", ["dantzig", "maxcut_cycle", "lovasz_theta", "small_blocks"])
def test_known_values(solver: Solver, problem: str) -> None:
    known = KNOWN[problem]
    solution = solver.solve(known.program)
    assert solution.status is Status.OPTIMAL, solution.message
    assert solution.primal_objective == pytest.approx(known.value, rel=1e-6)
    assert solution.dual_objective == pytest.approx(known.value, rel=1e-6)
    assert solution.iterations > 5


@pytest.mark.parametrize("form", ["moment", "sos"])
def test_relaxation_with_an_equality(solver: Solver, form: str) -> None:
    x = po.variables("x", 2)
    problem = po.minimize(x[0] * x[1], subject_to=[x[0] ** 2 + x[1] ** 2 == 1])
    result = po.putinar(problem, order=1).solve(solver=solver.name, form=form)  # type: ignore[arg-type]
    assert result.bound == pytest.approx(-0.5, abs=1e-5)


def test_both_forms_of_an_example_of_lasserre(solver: Solver) -> None:
    """Lasserre 2001, example 5: -5.508013 at order 3 (the others give the order's own bounds)."""
    relaxation = po.putinar(lasserre_quartic_region(), order=3)
    for form in ("moment", "sos"):
        result = relaxation.solve(solver=solver.name, form=form)  # type: ignore[arg-type]
        assert result.bound == pytest.approx(-5.508013, abs=1e-4), (form, result)


def test_time_limit(solver: Solver) -> None:
    solution = solver.solve(hard_maxcut(120), SolverOptions(time_limit=1e-3))
    assert solution.status is Status.TIME_LIMIT
    assert np.isnan(solution.x).all()


def test_options(solver: Solver, capsys: pytest.CaptureFixture[str]) -> None:
    program = KNOWN["lovasz_theta"].program
    option = {"csdp": "maxiter", "sdpa": "maxIteration"}[solver.name]
    short = solver.solve(program, SolverOptions(extra={option: 3}))
    assert short.status is Status.INACCURATE
    assert short.iterations <= 4
    with pytest.raises(UnknownOptionError, match="has no option 'iterations'"):
        solver.solve(program, SolverOptions(extra={"iterations": 3}))
    solver.solve(program, SolverOptions(verbose=True, threads=1))
    assert capsys.readouterr().out


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A script that stands in for both programs; the test writes its body."""
    monkeypatch.setenv("PATH", str(tmp_path) + os.pathsep + "/usr/bin:/bin")
    return tmp_path


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: solver.name)
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("echo out of luck; exit 1", "out of luck"),
        ("touch solution; exit 0", "complete"),
        ("echo '1.0 2.0' > solution", ""),
        (
            "printf 'phase.value = pdOPT\\nxVec =\\n{1}\\nxMat =\\n{}\\nyMat =\\n{}\\n' > solution",
            "",
        ),
    ],
)
def test_broken_answers_are_failures(solver: Solver, body: str, message: str, broken: Path) -> None:
    script = broken / solver.name
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(0o755)
    solution = solver.solve(KNOWN["lovasz_theta"].program)
    assert solution.status is Status.FAILED
    assert message in solution.message


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: solver.name)
def test_missing_program_is_named(
    solver: Solver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not solver.is_available()
    with pytest.raises(SolverUnavailableError, match=f"no program '{solver.name}' on the search"):
        solver.solve(KNOWN["dantzig"].program)
