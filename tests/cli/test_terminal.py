"""What the command line shows on a terminal, with rich and without; elsewhere text is plain."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

import polyopt as po
from polyopt.cli import main


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def problem(tmp_path: Path) -> str:
    x = po.variables("x", 2)
    path = tmp_path / "problem.json"
    po.save_problem(po.minimize(x[0] * x[1], subject_to=[x[0] ** 2 + x[1] ** 2 <= 1]), path)
    return str(path)


def terminals(monkeypatch: pytest.MonkeyPatch) -> tuple[Terminal, Terminal]:
    """Standard output and error as terminals wide enough for a table.

    Called in the test itself, as pytest changes the streams after fixtures are made.
    """
    out, err = Terminal(), Terminal()
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    return out, err


def without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("rich", "rich.console"):
        monkeypatch.setitem(sys.modules, name, None)


def test_solvers_are_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    terminal = terminals(monkeypatch)
    assert main(["solvers"]) == 0
    text = terminal[0].getvalue()
    assert "─" in text
    assert all(name in text for name in po.available_solvers())


def test_without_rich_the_terminal_gets_plain_text(
    monkeypatch: pytest.MonkeyPatch, problem: str
) -> None:
    terminal = terminals(monkeypatch)
    without_rich(monkeypatch)
    assert main(["solvers"]) == 0
    assert main(["solve", problem, "--prove"]) == 0
    text = terminal[0].getvalue()
    assert "─" not in text
    assert "\x1b" not in text + terminal[1].getvalue()
    assert "optimum >= -0.5" in text
    assert "proven in" in terminal[1].getvalue()


def test_json_is_never_decorated(monkeypatch: pytest.MonkeyPatch, problem: str) -> None:
    terminal = terminals(monkeypatch)
    assert main(["solvers", "--json"]) == 0
    assert {row["name"] for row in json.loads(terminal[0].getvalue())} >= {"clarabel", "scs"}


def test_progress_is_drawn_and_gone_when_done(
    monkeypatch: pytest.MonkeyPatch, problem: str
) -> None:
    pytest.importorskip("rich")
    terminal = terminals(monkeypatch)
    assert main(["solve", problem, "--prove"]) == 0
    out, err = (stream.getvalue() for stream in terminal)
    assert "solving" in err
    assert "proving" in err
    assert "clarabel: optimal" in err
    assert "\x1b" not in out
    assert "optimum >= -0.5" in out
    # The cursor goes back to the beginning of an erased line.
    assert err.rstrip().split("proving")[-1].count("\x1b[2K") > 0


@pytest.mark.parametrize("option", ["--quiet", "--verbose"])
def test_no_bar_where_it_would_be_in_the_way(
    monkeypatch: pytest.MonkeyPatch, problem: str, option: str
) -> None:
    terminal = terminals(monkeypatch)
    assert main(["solve", problem, option]) == 0
    assert "solving" not in terminal[1].getvalue()


def test_pipes_get_plain_text(problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solve", problem]) == 0
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out + captured.err
    assert "solving" not in captured.err
