"""The command line: answers, exit statuses, and what goes to which stream."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import polyopt as po
from polyopt.cli import main
from polyopt.solvers import available_solvers, known_solvers

PROBLEM = {"objective": "x0*x1", "subject_to": ["x0^2 + x1^2 <= 1"]}


@pytest.fixture
def problem(tmp_path: Path) -> str:
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(PROBLEM))
    return str(path)


def test_no_arguments_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    out = capsys.readouterr().out
    assert all(word in out for word in ("solve", "check", "solvers", "Exit status"))


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    from importlib.metadata import version

    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.strip() == f"polyopt {version('polyopt')}"


def test_solve(problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solve", problem, "--order", "2"]) == 0
    out, err = capsys.readouterr()
    assert "optimum >= -0.5" in out
    assert "numerical" in out
    assert "Putinar" in err


def test_json_is_all_there_is_on_standard_output(problem: str) -> None:
    """Also with a solver that prints its log from C."""
    command = ["solve", problem, "--solver", "scs", "--verbose", "--json", "--prove"]
    done = subprocess.run(
        [sys.executable, "-m", "polyopt", *command], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert data["bound"] == pytest.approx(-0.5, abs=1e-5)
    assert data["bound_kind"] == "numerical"
    assert data["proof"]["kind"] == "proven"
    assert data["proof"]["bound"] <= -0.5
    assert data["solver"] == "scs"
    assert data["residuals"]["gap"] < 1e-6
    assert "SCS" in done.stderr


@pytest.mark.parametrize(
    "more",
    [
        ["--sparsity", "correlative"],
        ["--term-sparsity", "1"],
        ["--relaxation", "shor"],
        ["--relaxation", "nearly-sparse"],
        ["--solver", "scs", "--form", "sos", "--tolerance", "1e-7"],
        ["--time-limit", "60"],
    ],
)
def test_choices(problem: str, more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solve", problem, "--json", "--quiet", *more]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["bound"] == pytest.approx(-0.5, abs=1e-5)
    assert err == ""


def test_plan_and_written_program(
    problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["solve", problem, "--order", "2", "--plan"]) == 0
    assert "PSD blocks" in capsys.readouterr().out
    path = tmp_path / "program.dat-s"
    assert main(["solve", problem, "--write", str(path)]) == 0
    assert path.read_text().startswith('"polyopt')
    assert main(["solve", problem, "--write", str(tmp_path / "program.txt")]) == 2


def test_proof_is_saved_and_checked(
    problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "proof.npz")
    assert main(["solve", problem, "--save-proof", path]) == 0
    capsys.readouterr()
    assert main(["check", path, problem, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["bound_kind"] == "proven"
    assert -0.50001 < data["bound"] <= -0.5
    other = tmp_path / "other.json"
    other.write_text(json.dumps({**PROBLEM, "objective": "2*x0*x1"}))
    assert main(["check", path, str(other)]) == 2
    assert "only shows" in capsys.readouterr().err
    assert main(["check", problem, path]) == 2
    assert "the proof comes first" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["solve", "missing.json"], "missing.json"),
        (["solve", "PROBLEM", "--order", "0"], "order"),
        (["solve", "PROBLEM", "--tolerance", "2"], "tolerance"),
        (["solve", "PROBLEM", "--time-limit", "-1"], "time_limit"),
    ],
)
def test_bad_input_is_status_2(
    arguments: list[str], message: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([problem if word == "PROBLEM" else word for word in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"error: {err.split('error: ')[1]}" in err
    assert message in err


def test_bad_words_are_status_2(problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["solve"], ["solve", problem, "--sparsity", "total"], ["sovle", problem]):
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == 2
        assert "error" in capsys.readouterr().err


def test_unknown_solver_is_named_before_anything_is_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["solve", "missing.json", "--solver", "clarabell"]) == 2
    assert "Did you mean 'clarabel'" in capsys.readouterr().err


def test_no_bound_is_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "line.json"
    path.write_text(json.dumps({"objective": "-x0^4"}))
    assert main(["solve", str(path), "--order", "2", "--json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["bound"] is None
    assert data["status"] == "unbounded"


def test_unprovable_is_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "free.json"
    path.write_text(json.dumps({"objective": "x0^4 - x0*x1 + x1^2"}))
    assert main(["solve", str(path), "--json"]) == 0
    capsys.readouterr()
    assert main(["solve", str(path), "--prove", "--json"]) == 1
    out, err = capsys.readouterr()
    assert "not proven" in err
    assert json.loads(out)["proof"]["bound"] is None


def test_infeasible_is_an_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "empty.json"
    path.write_text(json.dumps({"objective": "x0", "subject_to": ["x0 >= 1", "x0^2 <= 0.25"]}))
    assert main(["solve", str(path), "--order", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "infeasible"


def test_solvers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solvers"]) == 0
    table = capsys.readouterr().out
    assert table.splitlines()[0].split()[:3] == ["name", "usable", "kind"]
    assert all(name in table for name in available_solvers())
    assert main(["solvers", "--all", "--json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == known_solvers()


def test_files_of_the_command_line_are_those_of_the_library(problem: str) -> None:
    loaded = po.load_problem(problem)
    assert po.putinar(loaded, order=1).solve().bound == pytest.approx(-0.5, abs=1e-6)
