"""The subcommands for many bounds: sweep, compare, certify; and what Ctrl-C leaves of them."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import lipschitz_app as la
from lipschitz_app.cli import main
from lipschitz_app.upper import auto

from .networks import benchmark

ROOT = Path(la.__file__).resolve().parent.parent


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Current folder with a network, three inputs, their classes and one input."""
    net, center = benchmark([4, 6, 3], 0)
    inputs = center + np.array([[0.0] * 4, [0.1] * 4, [-0.1] * 4])
    net.save(tmp_path / "net.npz")
    np.save(tmp_path / "x.npy", inputs)
    np.save(tmp_path / "one.npy", inputs[0])
    np.save(tmp_path / "y.npy", [int(np.argmax(net(x))) for x in inputs])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> int:
    return main([word for part in arguments for word in part.split()])


def test_sweep_and_resume(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = (
        "sweep net.npz --inputs x.npy --radius 0.05 0.1 --outputs 0 0-2 --methods interval hr2",
        "--store s.jsonl --jobs 1 --domain -1 1 --json",
    )
    assert run(*command) == 0
    out, err = capsys.readouterr()
    rows = json.loads(out)["rows"]
    assert len(rows) == 3 * 2 * 2 * 2
    assert "24 bounds, 0 of them known already" in err
    assert "24/24 input 2, radius 0.1, margin 0 - 2, hr2: " in err
    net, inputs = la.load_network("net.npz"), np.load("x.npy")
    box = la.Box(inputs[1], 0.1).intersect(la.Box(lower=-1.0, upper=1.0))
    single = la.lipschitz_constant(net, box, output=(0, 2), method="interval")
    (row,) = (
        row
        for row in rows
        if (row["region"], row["output"], row["method"])
        == ("input 1, radius 0.1", "margin 0 - 2", "interval")
    )
    assert row["result"]["upper"] == single.upper
    assert run(*command, "--quiet") == 0
    out, err = capsys.readouterr()
    again = json.loads(out)["rows"]
    assert err == ""
    assert all(row["resumed"] for row in again)
    assert [row["result"] for row in again] == [row["result"] for row in rows]


def test_sweep_of_balls_as_a_table(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = "sweep net.npz --inputs one.npy --radius 0.1 --ball --norm 2 --outputs all"
    assert run(arguments, "--methods product lipsdp --output-norm 2 --quiet --no-lower") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert "all 3 outputs in the norm 2" in lines[3]
    assert run(arguments, "--methods krivine --quiet") == 1, "no bound, no answer"
    assert "UnsupportedError" in capsys.readouterr().out


def test_sweep_in_two_processes(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = "sweep net.npz --inputs x.npy --radius 0.1 --outputs 0 --methods interval --json"
    assert run(arguments, "--jobs 2 --quiet") == 0
    two = json.loads(capsys.readouterr().out)["rows"]
    assert run(arguments, "--quiet") == 0
    one = json.loads(capsys.readouterr().out)["rows"]
    assert [row["result"]["upper"] for row in two] == [row["result"]["upper"] for row in one]


def test_compare(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = "compare net.npz --center one.npy --radius 0.1 --output 1 --methods interval lipsdp"
    assert run(command) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Lipschitz constant of output 1, norm inf")
    assert "2/2 lipsdp: LipSDP is offered for norm 2" in err
    assert run(command, "--json --quiet") == 0
    out, err = capsys.readouterr()
    net = la.load_network("net.npz")
    single = la.lipschitz_constant(
        net, la.Box(np.load("one.npy"), 0.1), output=1, method="interval"
    )
    assert err == ""
    assert json.loads(out)["rows"][0]["upper"] == single.upper
    assert json.loads(out)["lower"] == single.lower
    assert run(command.replace("interval ", ""), "--quiet") == 1


def test_certified_accuracy(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = "certify net.npz --inputs x.npy --radius 0.01 --store c.jsonl"
    assert run(command, "--labels y.npy --json") == 0
    found = json.loads(capsys.readouterr().out)
    net = la.load_network("net.npz")
    single = la.certify(net, np.load("x.npy")[2], 0.01)
    assert found["inputs"][2]["radius"] == single.radius
    assert found["inputs"][2]["certified"] == single.certified
    assert found["accuracy"] == 1.0
    wrong = (np.load("y.npy") + 1) % 3
    np.save("wrong.npy", wrong)
    assert run(command, "--labels wrong.npy") == 0
    out, err = capsys.readouterr()
    assert "3 of them known already" in err, "labels do not change what is proven"
    assert "accuracy 0.0%, certified within 0.01 (norm inf) 0.0%" in out
    assert f"input 0: certified, not {wrong[0]}" in out
    assert run(command, "--quiet") == 0
    assert "accuracy 100.0%" in capsys.readouterr().out


def test_largest_certified_radius(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = "certify net.npz --inputs one.npy --norm 2 --method interval --steps 5"
    assert run(command, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    net, center = la.load_network("net.npz"), np.load("one.npy")
    single = la.certify(net, center, norm=2, method="interval", steps=5)
    assert found["radius"] == single.radius
    assert found["label"] == single.label
    assert run(command, "--quiet") == 0
    assert "proven within" in capsys.readouterr().out


def test_bound_has_ranges_gap_and_output_norm(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = "bound net.npz --center one.npy --radius 1 --json --quiet --output"
    uppers = {}
    for ranges in ("interval", "lp"):
        assert run(command, "0 --method interval --ranges", ranges) == 0
        uppers[ranges] = json.loads(capsys.readouterr().out)["upper"]
    assert uppers["lp"] <= uppers["interval"]
    net, box = la.load_network("net.npz"), la.Box(np.load("one.npy"), 1.0)
    single = la.lipschitz_constant(net, box, output=0, method="interval", ranges="lp")
    assert uppers["lp"] == single.upper
    assert run(command, "all --method interval --output-norm 1") == 0
    assert json.loads(capsys.readouterr().out)["output"] == "all 3 outputs in the norm 1"
    assert run(command, "0 --method branch --gap 0.5") == 0
    assert json.loads(capsys.readouterr().out)["upper_kind"] == "proven"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("installed", [True, False])
def test_progress_on_a_terminal(
    installed: bool, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("TERM", "xterm")
    if installed:
        pytest.importorskip("rich")
    else:
        monkeypatch.setitem(sys.modules, "rich", None)
        monkeypatch.setitem(sys.modules, "rich.console", None)
    arguments = "sweep net.npz --inputs x.npy --radius 0.1 --outputs 0 --methods interval"
    assert run(arguments) == 0
    text = terminal.getvalue()
    assert "3/3 input 2, radius 0.1, output 0, interval" in text
    assert ("\x1b[" in text) == installed, "bars are drawn with escape sequences"


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "lipschitz_app", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def hard_network(folder: Path) -> None:
    net, center = benchmark([20, 60, 1], 0)
    net.save(folder / "hard.npz")
    np.save(folder / "x.npy", center)


def test_interrupted_bound_prints_what_is_proven(tmp_path: Path) -> None:
    hard_network(tmp_path)
    run = start(
        tmp_path,
        *("bound", "hard.npz", "--center", "x.npy", "--radius", "2", "--method", "branch"),
        *("--gap", "1e-9", "--json"),
    )
    assert run.stderr is not None
    for line in run.stderr:
        if "nodes" in line and "proven" in line:
            break
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=120)
    assert run.returncode == 0, err
    found = json.loads(out)
    assert found["upper_kind"] == "proven"
    assert found["status"] == "interrupted"
    assert found["lower"] <= found["upper"] < 100
    assert "interrupted: this is what was proven by then" in err


def test_interrupted_sweep_keeps_what_is_there(tmp_path: Path) -> None:
    hard_network(tmp_path)
    command = ["sweep", "hard.npz", "--inputs", "x.npy", "--radius", "2", "--store", "s.jsonl"]
    command += ["--methods", "interval", "branch", "product", "--gap", "1e-9"]
    run = start(tmp_path, *command)
    until = time.monotonic() + 60
    store = tmp_path / "s.jsonl"
    while time.monotonic() < until and not (store.exists() and store.read_bytes()):
        time.sleep(0.05)
    time.sleep(1.0)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=120)
    assert run.returncode == 1, err
    assert "interrupted: 1 of 3 bounds are known" in err
    assert "Traceback" not in err
    lines = out.splitlines()
    assert len(lines) == 3
    assert "inf   interval" in lines[2]
    kept = [json.loads(line)["result"]["method"] for line in store.read_text().splitlines()]
    assert kept == ["interval"], "a bound that an interrupt cut short is not kept for good"
    found = la.sweep(
        la.load_network(tmp_path / "hard.npz"),
        {"input 0, radius 2": la.Box(np.load(tmp_path / "x.npy"), 2.0)},
        methods=["interval"],
        store=store,
        gap=1e-9,
    )
    assert found.rows[0].resumed


def test_interrupted_sweep_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    from lipschitz_app import sweeps

    true = la.lipschitz_constant

    def interrupted(*arguments: object, **options: object) -> la.LipschitzResult:
        if options["method"] == "shor":
            signal.raise_signal(signal.SIGINT)
        return true(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(sweeps, "lipschitz_constant", interrupted)
    net = benchmark([4, 6, 3], 0)[0]
    with pytest.raises(la.SweepInterrupted, match="1 of 3 bounds are known") as caught:
        la.sweep(net, la.Everywhere(), methods=["product", "shor", "interval"])
    assert isinstance(caught.value, KeyboardInterrupt)
    assert [row.method for row in caught.value.partial] == ["product"]
    assert caught.value.missing == 2


@pytest.mark.parametrize("sizes", [[6, 20, 1], [4, 8, 8, 1]])
def test_interrupted_auto_returns_the_bounds_it_has(
    sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(auto, "_relax", interrupted)
    monkeypatch.setattr(auto, "_relax_deep", interrupted)
    net, center = benchmark(sizes, 0)
    box = la.Box(center, 1.0)
    found = la.lipschitz_constant(net, box, lower=False)
    cheap = [
        la.lipschitz_constant(net, box, method=name, lower=False)
        for name in ("interval", "product")
    ]
    assert found.upper == min(bound.upper for bound in cheap)
    assert found.status == "interrupted"
    assert "interrupted before other methods" in found.notes[-1]


@pytest.mark.parametrize("package", ["polyopt", "lipschitz_app"])
def test_without_arguments_there_is_help(package: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", package],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: python -m {package}")
    commands = {"polyopt": ["solve", "solvers"], "lipschitz_app": ["sweep", "compare", "certify"]}
    for command in commands[package]:
        assert f"\n    {command} " in done.stdout
