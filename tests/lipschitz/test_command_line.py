"""The command line as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lipschitz_app as la
from lipschitz_app.cli import main

NET = la.Network.from_arrays(
    [[[1, 2], [-1, 1], [1, -1]], [[1, -1, 2], [0, 1, 0]]], [[0.1, -0.2, 0.3], [0, 0]]
)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Folder with net.npz, x.npy and others."""
    NET.save(tmp_path / "net.npz")
    np.save(tmp_path / "x.npy", np.zeros(2))
    np.save(tmp_path / "long.npy", np.zeros(3))
    (tmp_path / "x.csv").write_text("0,0\n")
    (tmp_path / "x.dat").write_text("0 0\n")
    (tmp_path / "words.txt").write_text("zero zero\n")
    np.savez(tmp_path / "points.npz", first=np.zeros(2), second=np.ones(2))
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lipschitz_app", *arguments]
    root = Path(la.__file__).resolve().parent.parent
    return subprocess.run(
        command,
        cwd=folder,
        env={"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_bound_with_json_and_progress(files: Path) -> None:
    done = run(
        files,
        *("bound", "net.npz", "--center", "x.npy", "--radius", "0.15", "--norm", "inf"),
        *("--output", "0", "--method", "hr2", "--json", "--save-witness", "w.npy"),
    )
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert data["upper"] == pytest.approx(5.9691, abs=5e-4)
    assert data["upper_kind"] == "proven"
    assert data["lower"] == pytest.approx(5.0)
    assert "3 unstable" in done.stderr
    assert "proven" in done.stderr
    assert np.abs(NET.jacobian(np.load(files / "w.npy"))[0]).sum() == pytest.approx(5.0)


def test_proofs_are_saved_where_they_can_be(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["bound", str(files / "net.npz"), "--output", "0", "--method", "shor", "--quiet"]
    arguments += ["--no-lower", "--save-proof", str(files / "proof.json")]
    assert main([*arguments, "--method", "branch"]) == 2
    out, err = capsys.readouterr()
    assert "proven, branch" in out
    assert "no certificate" in err
    assert not (files / "proof.json").exists()
    for more in ([], ["--solver", "clarabel"]):
        assert main([*arguments, *more]) == 0
        assert la.load_proof(files / "proof.json").check(NET) > 5


def test_no_arguments_print_help(files: Path) -> None:
    done = run(files)
    assert done.returncode == 0
    assert "bound" in done.stdout


def test_quiet_text(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["bound", str(files / "net.npz"), "--output", "0-1", "--method", "interval"]
    assert main([*arguments, "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert "margin 0 - 1" in out
    assert err == ""


@pytest.mark.parametrize("point", ["x.csv", "points.npz:first"])
def test_other_point_files(files: Path, point: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["bound", str(files / "net.npz"), "--center", str(files / point)]
    arguments += ["--radius", "0.15", "--output", "0", "--method", "exact", "--json"]
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["upper"] == pytest.approx(5.0)


def test_all_outputs(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["bound", str(files / "net.npz"), "--output", "all", "--output-norm", "2"]
    assert main([*arguments, "--norm", "2", "--method", "lipsdp", "--json", "--quiet"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["output"] == "all 2 outputs in the norm 2"
    assert found["lower"] <= found["upper"]


def test_corners(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corners = ["--lower", str(files / "points.npz:first"), "--upper"]
    corners += [str(files / "points.npz:second")]
    arguments = ["bound", str(files / "net.npz"), *corners, "--output", "0", "--json"]
    assert main([*arguments, "--method", "interval"]) == 0
    assert "radius 0.5" in json.loads(capsys.readouterr().out)["region"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("nothing.npz", "nothing.npz: no such file"),
        ("net.npz", "say which with --output"),
        ("net.npz --output 7", "output 7 does not exist"),
        ("net.npz --output a-b", "none of: an index"),
        ("net.npz --output 0 --center x.npy", "--center and --radius go together"),
        ("net.npz --output 0 --ball", "--ball needs --center"),
        ("net.npz --output 0 --lower x.npy", "--lower and --upper go together"),
        ("net.npz --output 0 --center x.npy --radius -1", "negative"),
        ("net.npz --output 0 --center long.npy --radius 1", "3 inputs, the network 2"),
        ("net.npz --output 0 --center x.dat --radius 1", "'.dat' are not known"),
        ("net.npz --output 0 --center gone.npy --radius 1", "no such file"),
        ("net.npz --output 0 --center words.txt --radius 1", "not an array of numbers"),
        ("net.npz --output 0 --center points.npz --radius 1", "say which one"),
        ("net.npz --output 0 --center points.npz:third --radius 1", "no array 'third'"),
        ("net.npz --output 0 --method magic", "methods are"),
        ("net.npz --output 0 --norm 7", "norm '7' is not known"),
    ],
)
def test_bad_input_has_status_2(
    files: Path,
    arguments: str,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(files)
    assert main(["bound", *arguments.split()]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err


def test_no_answer_has_status_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    net = la.Network.from_arrays([rng.standard_normal((60, 20)), rng.standard_normal((1, 60))])
    net.save(tmp_path / "net.npz")
    monkeypatch.chdir(tmp_path)
    assert main(["bound", "net.npz", "--method", "exact", "--time-limit", "0.2"]) == 1
    assert "no answer" in capsys.readouterr().err
