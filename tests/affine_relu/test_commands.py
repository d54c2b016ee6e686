"""The commands ``anchored`` and ``radius`` as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lipschitz_app as la
from lipschitz_app.affine_relu import anchored_bound, certified_radius
from lipschitz_app.cli import main

NET = la.Network.from_arrays(
    [[[1, 2], [-1, 1], [1, -1]], [[1, -1, 2], [0, 1, 0]]], [[0.1, -0.2, 0.3], [1, 0]]
)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Folder with net.npz, x.npy and others."""
    NET.save(tmp_path / "net.npz")
    np.save(tmp_path / "x.npy", np.zeros(2))
    np.save(tmp_path / "long.npy", np.zeros(3))
    la.Network.from_arrays([[[1.0]], [[1.0]]]).save(tmp_path / "one.npz")
    np.save(tmp_path / "y.npy", np.zeros(1))
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lipschitz_app", *arguments],
        cwd=folder,
        env={
            "PYTHONPATH": str(Path(la.__file__).resolve().parent.parent),
            "OMP_NUM_THREADS": "1",
            "PYTHONWARNINGS": "error",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_anchored_with_json(files: Path) -> None:
    done = run(files, "anchored", "net.npz", "--center", "x.npy", "--radius", "0.5", "--json")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    expected = anchored_bound(NET, np.zeros(2), 0.5)
    assert data["bound"] == expected.bound
    assert (data["kind"], data["constant"], data["method"]) == ("proven", "anchored", "analytic")
    assert [layer["bound"] for layer in data["layers"]] == [x.bound for x in expected.layers]
    assert "net.npz: Network" in done.stderr


def test_anchored_tightened(files: Path) -> None:
    common = ("anchored", "net.npz", "--center", "x.npy", "--radius", "0.5", "--quiet")
    done = run(files, *common, "--method", "tightened", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    data = json.loads(done.stdout)
    assert 0 < data["lower"] <= data["bound"] <= anchored_bound(NET, np.zeros(2), 0.5).bound
    assert len(data["witness"]) == 2
    text = run(files, *common, "--method", "tightened").stdout
    assert text.startswith("anchored bound ")
    assert "lower bound" in text


def test_radius(files: Path) -> None:
    done = run(files, "radius", "net.npz", "--center", "x.npy", "--json")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    expected = certified_radius(NET, np.zeros(2))
    assert (data["radius"], data["label"]) == (expected.radius, expected.label)
    assert data["kind"] == "proven"
    text = run(files, "radius", "net.npz", "--center", "x.npy", "--quiet").stdout
    assert text.startswith(f"class {expected.label} within radius ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("anchored no.npz --center x.npy --radius 1", "no.npz"),
        ("anchored net.npz --center no.npy --radius 1", "no such file"),
        ("anchored net.npz --center long.npy --radius 1", "center has shape (3,)"),
        ("anchored net.npz --center x.npy --radius -1", "at least 0"),
        ("anchored net.npz --center x.npy --radius 1 --method exact", '"exact" is not known'),
        ("anchored net.npz --center x.npy --radius 1 --norm 3", "norm"),
        (
            "anchored net.npz --center x.npy --radius 1 --norm 1 --method tightened",
            "offered for norm 2",
        ),
        ("anchored net.npz --center x.npy --radius 1 --seed -1", "--seed is -1"),
        ("radius net.npz --center long.npy", "center has shape (3,)"),
        ("radius one.npz --center y.npy", "append la.Linear([[-1.0], [1.0]])"),
    ],
)
def test_bad_input_has_status_two_and_a_reason(
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: str,
    message: str,
) -> None:
    monkeypatch.chdir(files)
    assert main(arguments.split()) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err
    assert "Traceback" not in printed.err


def test_status_two_from_the_shell(files: Path) -> None:
    done = run(files, "anchored", "net.npz", "--center", "x.npy", "--radius", "nan")
    assert done.returncode == 2
    assert "error: radius is nan" in done.stderr
    assert run(files, "anchored", "net.npz", "--center", "x.npy").returncode == 2
