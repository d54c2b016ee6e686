"""Comparisons of methods: against single calls, what is not offered, interrupts."""

from __future__ import annotations

import contextlib
import json
import math
import signal
from typing import Any

import numpy as np
import pytest

import lipschitz_app as la
from lipschitz_app import comparison as module
from lipschitz_app.interrupts import watched_interrupts

from .networks import benchmark


@pytest.fixture
def net() -> la.Network:
    return benchmark([4, 6, 3], 0)[0]


BOX = la.Box(np.zeros(4), 0.5)


def test_rows_are_what_single_calls_give(net: la.Network) -> None:
    methods = ["product", "interval", "mccormick", "exact"]
    found = la.compare(net, BOX, output=(0, 2), methods=methods)
    assert [row.method for row in found] == methods
    for row in found:
        single = la.lipschitz_constant(net, BOX, output=(0, 2), method=row.method)
        assert (row.upper, row.kind) == (single.upper, single.upper_kind)
        assert row.lower == found.lower == single.lower
        assert row.gap == single.gap
        assert not row.error
    assert found.best.method == "exact"
    assert found["interval"].upper == found.rows[1].upper
    with pytest.raises(KeyError, match="'shor' was not tried"):
        found["shor"]


@pytest.mark.parametrize("norm", ["inf", 2])
@pytest.mark.parametrize("sizes", [[3, 4, 1], [2, 3, 2, 1]])
def test_all_methods_bound_the_same_constant(sizes: list[int], norm: object) -> None:
    net, center = benchmark(sizes, 1)
    lines: list[str] = []
    found = la.compare(net, la.Box(center, 1.0), norm, time_limit=1, progress=lines.append)
    methods = [row.method for row in found]
    assert len(methods) == len(set(methods)) == len(lines) - 1
    assert "auto" not in methods
    assert "krivine-3" not in methods
    assert {"product", "interval", "shor", "lipsdp", "exact", "branch"} <= set(methods)
    assert found.lower is not None
    bounds = [row for row in found if not row.error]
    assert len(bounds) >= 5
    for row in bounds:
        assert row.kind in ("proven", "exact", "numerical")
        assert row.upper >= found.lower * (1 - 1e-7), row.method
    others = [row for row in found if row.error]
    assert others, "no method is offered for everything"
    assert all(row.upper == math.inf and row.kind == "" for row in others)
    assert not found.interrupted


def test_what_it_prints(net: la.Network) -> None:
    found = la.compare(net, BOX, methods=["interval", "lipsdp"])
    title, header, _, first, second = str(found).splitlines()
    assert "output 0, norm inf, Box(4 inputs, radius 0.5), Network(4-6-3, relu)" in title
    assert header.split() == ["method", "upper", "kind", "lower", "gap", "time", "note"]
    assert first.split()[:3] == ["interval", f"{found['interval'].upper:.6g}", "proven"]
    assert "LipSDP is offered for norm 2" in second
    assert second.endswith("…"), "long notes are cut in the terminal"
    html = found._repr_html_()
    assert html.count("<tr>") == 3
    assert "norm &quot;inf&quot;" in html
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert data["rows"][1]["upper"] is None
    assert data["rows"][0]["upper"] == found["interval"].upper
    assert data["lower"] == found.lower


def test_without_a_lower_bound_and_without_any(net: la.Network) -> None:
    found = la.compare(net, BOX, methods=["interval"], lower=False)
    assert found.lower is None
    assert found.rows[0].gap == math.inf
    nothing = la.compare(net, BOX, methods=["lipsdp"], lower=False)
    with pytest.raises(la.NoBoundError, match="no method gave a bound"):
        assert nothing.best


def test_the_slowest_method_is_left_out_of_large_networks() -> None:
    net = la.example_network("digits")
    box = la.Box(la.example_inputs("digits")[0][0], 0.01)
    assert module._left_out(net, box, "auto")["lasserre"].startswith("not tried: 64 inputs")
    assert module._left_out(*benchmark([4, 6, 3], 0)[:1], BOX, "auto") == {}


def test_ctrl_c_leaves_what_is_there(net: la.Network, monkeypatch: pytest.MonkeyPatch) -> None:
    true = la.lipschitz_constant

    def swallowed(*arguments: Any, **options: Any) -> la.LipschitzResult:
        """Like a method that stops in good order and returns its best bound."""
        if options["method"] == "shor":
            with contextlib.suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        return true(*arguments, **options)

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(module, "lipschitz_constant", swallowed)
    found = la.compare(net, BOX, methods=["product", "shor", "interval"])
    assert [row.method for row in found] == ["product", "shor"]
    assert found.interrupted
    assert str(found).endswith("interrupted: other methods were not tried")

    def raised(*arguments: Any, **options: Any) -> la.LipschitzResult:
        if options["method"] == "shor":
            signal.raise_signal(signal.SIGINT)
        return true(*arguments, **options)

    monkeypatch.setattr(module, "lipschitz_constant", raised)
    found = la.compare(net, BOX, methods=["product", "shor", "interval"])
    assert [row.method for row in found] == ["product"]
    assert found.interrupted
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_that_a_part_caught_is_raised_once_more() -> None:
    said: list[str] = []
    with watched_interrupts() as interrupts:
        tell = interrupts.once_more(said.append)
        tell("before")
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            tell("after")
        tell("at the end")
    assert said == ["before", "at the end"]


def test_bad_arguments(net: la.Network) -> None:
    cases: list[tuple[tuple[Any, ...], dict[str, Any], type[Exception], str]] = [
        ((net, BOX), {"methods": ["magic"]}, la.InvalidOptionError, "'magic' is not known"),
        ((net, BOX), {"methods": []}, la.InvalidOptionError, "no method is given"),
        ((net, BOX, 3), {}, la.InvalidOptionError, "norm 3 is not known"),
        ((net, BOX, "inf", 9), {}, la.InvalidOutputError, "output 9 does not exist"),
        ((net, la.Box([0.0], 1.0)), {}, la.InvalidRegionError, "1 inputs"),
        ((net, BOX), {"time_limit": 0}, la.InvalidOptionError, "time_limit is 0"),
        ((net, BOX), {"method": "shor"}, la.InvalidOptionError, "cannot be given as an option"),
        (("net.npz", BOX), {}, la.InvalidOptionError, "the network is str"),
    ]
    for arguments, options, error, message in cases:
        with pytest.raises(error, match=message):
            la.compare(*arguments, **options)
