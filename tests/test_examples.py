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
NEEDS = {
    "all_minimisers.py": ["matplotlib"],
    "bound_versus_radius.py": ["matplotlib"],
    "polynomial_regression.py": ["matplotlib"],
    "sensor_localisation.py": ["matplotlib"],
    "train_digits.py": ["sklearn"],
}
#: Words and files that show that a script did what it is for.
SHOWS = {
    "all_minimisers.py": ["(proven)", "flat extension"],
    "best_underestimator.py": ["on the box (proven)"],
    "bound_versus_radius.py": ["radius 0.2: at least"],
    "check_proof_elsewhere.py": ["good.proof: optimum >= -44", "spoilt.proof: rejected"],
    "compare_methods.py": ["mccormick", "smallest: ", "(exact, exact)"],
    "digits_table.py": ["Network(64-32-10, relu)", "witness"],
    "lyapunov_function.py": ["V - 0.09 |x|²"],
    "maxcut.py": ["at most 761 edges", "(proven)"],
    "nearly_sparse_chain.py": ["least energy >= 33.2318", "budget used: 8.0000"],
    "new_activation.py": ["triangle", "at least"],
    "optimal_power_flow.py": ["order 2: cost >= 823.67", "cost 823.67"],
    "polynomial_regression.py": ["fit >= -1.31829", "distance from the truth"],
    "sweep_with_resume.py": ["killed with ", " were known, ", "mccormick"],
    "sensor_localisation.py": ["sum of squared errors", "(proven)"],
}
PICTURES = {
    "all_minimisers.py": "minimisers.png",
    "bound_versus_radius.py": "radius.png",
    "polynomial_regression.py": "regression.png",
    "sensor_localisation.py": "sensors.png",
}


def test_there_are_examples() -> None:
    assert SCRIPTS
    assert len(SCRIPTS) >= 10
    assert {*ARGUMENTS, *NEEDS, *SHOWS, *PICTURES} <= {script.name for script in SCRIPTS}


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
    for words in SHOWS.get(script.name, []):
        assert words in done.stdout
    if script.name in PICTURES:
        assert (tmp_path / PICTURES[script.name]).stat().st_size > 5000
