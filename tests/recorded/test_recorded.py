"""The battery on recorded answers, here and in a process without any SDP library."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from polyopt.errors import SolverError
from polyopt.solvers import RecordedSolver, registry

from .battery import BLOCKED, CASES, FOLDER, Case, run

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_recorded(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._registered, "recorded", RecordedSolver(FOLDER))
    for name in BLOCKED:
        monkeypatch.setitem(sys.modules, name, None)
    run(case)


def test_a_missing_recording_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(registry._registered, "recorded", RecordedSolver(tmp_path))
    with pytest.raises(SolverError, match="no recorded solution"):
        run(CASES[0])


def test_without_any_solver_in_a_fresh_process() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.recorded.battery"],
        cwd=REPOSITORY,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("passed: ") == len(CASES)


def test_recordings_are_few_and_small() -> None:
    files = list(FOLDER.glob("*.npz"))
    assert len(files) >= len(CASES)
    assert sum(file.stat().st_size for file in files) < 200_000
