"""The demonstration: the problem it states, its rows, its table and its command."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import numpy as np
import pytest

import lipschitz_app.demo as demo
import polyopt as po
from lipschitz_app.cli import main


def test_chain_is_the_sum_of_the_docstring(rng: np.random.Generator) -> None:
    n = 7
    problem = demo.double_well_chain(n)
    a = 1 + 0.5 * np.sin(1.7 * np.arange(n))
    w = 1 + 0.5 * np.cos(2.3 * np.arange(n))
    for point in rng.uniform(-1, 1, (5, n)):
        wells = a @ (point**4 - point**2) - 0.3 * point.sum() + 0.05 * (np.diff(point) ** 2).sum()
        assert problem.evaluate(point) == pytest.approx(wells, abs=1e-12)
        assert problem.inequalities[-1](point) == pytest.approx(n / 4 - w @ point, abs=1e-12)


def test_chain_is_sparse_but_for_the_budget() -> None:
    relaxation = po.nearly_sparse(demo.double_well_chain(30), order=2)
    assert max(len(m.basis) for m in relaxation.multipliers) == 6


@pytest.mark.parametrize("n", [3, 6])
def test_chain_row_encloses_the_minimum_on_a_grid(n: int) -> None:
    row = demo.chain_row(n)
    assert (row.upper_kind, row.lower_kind) == ("proven", "proven")
    assert row.lower <= row.upper
    problem = demo.double_well_chain(n)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 11)] * n), axis=-1).reshape(-1, n)
    grid = grid[problem.violation(grid) == 0]
    best = problem.evaluate(grid).min()
    assert row.lower <= best
    assert row.upper <= best + 1e-6


def test_exact_value_is_exact() -> None:
    x, y = po.variables("x y")
    value = demo.exact_value(0.1 * x * y**3 - 2 * y + 7, np.array([0.3, -1.1]))
    a, b = Fraction(0.3), Fraction(-1.1)
    assert value == Fraction(0.1) * a * b**3 - 2 * b + 7


def test_table_is_aligned() -> None:
    rows = [
        demo.DemoRow("net", "product", 140.5, "proven", 32.25, "proven", 1.0),
        demo.DemoRow("net", "hr2", math.nan, "none", math.nan, "none", 100.0),
    ]
    head, rule, first, second = demo.format_table(rows).splitlines()
    assert head.split() == [
        "problem", "method", "upper", "bound", "kind", "lower", "bound", "kind", "gap", "time",
    ]  # fmt: skip
    assert len(head) == len(rule) == len(first) == len(second)
    assert first.split() == [
        "net", "product", "140.500000", "proven", "32.250000", "proven", "108.250000", "1.0", "s",
    ]  # fmt: skip
    assert second.split() == ["net", "hr2", "–", "none", "–", "none", "–", "100.0", "s"]


def test_command_prints_rows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "NETWORK_METHODS", ("product", "interval"))
    assert main(["demo", "--json"]) == 0
    captured = capsys.readouterr()
    rows = json.loads(captured.out)
    assert [row["method"] for row in rows] == ["product", "interval", "nearly_sparse"]
    for row in rows:
        assert row["lower"] <= row["upper"]
        assert row["gap"] == pytest.approx(row["upper"] - row["lower"])
    assert "digits network, interval" in captured.err


def test_command_without_an_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = demo.DemoRow("net", "hr2", math.nan, "none", math.nan, "none", 1.0)
    monkeypatch.setattr("lipschitz_app.commands.demo.demo_rows", lambda **_: iter([nothing]))
    assert main(["demo", "--json", "--quiet"]) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)[0]["upper"] is None
    assert captured.err == ""
