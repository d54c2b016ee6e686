"""Every script of examples/ runs, with warnings as errors, in a directory of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
SCRIPTS = sorted((REPOSITORY / "examples").glob("*.py"))

#: Arguments that keep a script out of the sources.
ARGUMENTS = {"train_digits.py": ["digits.npz"]}
#: What a script needs beyond the requirements.
NEEDS = {"train_digits.py": ["sklearn"]}


def test_there_are_examples() -> None:
    assert SCRIPTS
    assert {*ARGUMENTS, *NEEDS} <= {script.name for script in SCRIPTS}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_example_runs(script: Path, tmp_path: Path) -> None:
    for module in NEEDS.get(script.name, []):
        pytest.importorskip(module)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script), *ARGUMENTS.get(script.name, [])],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), "an example shows something"
