"""Sweeps: against single calls, resumed after kills, in parallel, and what a damaged store says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lipschitz_app as la
from lipschitz_app import sweeps as module
from lipschitz_app.fingerprint import fingerprint
from lipschitz_app.store import open_store

from .networks import benchmark


@pytest.fixture
def net() -> la.Network:
    return benchmark([4, 6, 3], 0)[0]


@pytest.fixture
def regions() -> dict[str, la.Box]:
    return {f"r={radius}": la.Box(np.zeros(4), radius) for radius in (0.1, 0.5)}


OUTPUTS: list[Any] = [0, (0, 2)]
METHODS = ["product", "interval", "mccormick"]


def test_rows_are_what_single_calls_give(net: la.Network, regions: dict[str, la.Box]) -> None:
    found = la.sweep(net, regions, OUTPUTS, METHODS)
    assert len(found) == 12
    rows = iter(found)
    for name, region in regions.items():
        for output in OUTPUTS:
            for method in METHODS:
                row = next(rows)
                single = la.lipschitz_constant(net, region, output=output, method=method)
                assert (row.region, row.method) == (name, method)
                assert (row.upper, row.upper_kind) == (single.upper, single.upper_kind)
                assert row.lower == single.lower
                assert not row.resumed
    text = found.table()
    assert text.splitlines()[0].split()[:4] == ["region", "output", "norm", "method"]
    assert "margin 0 - 2" in text


def test_a_store_is_not_computed_again(
    net: la.Network, regions: dict[str, la.Box], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "sweep.jsonl"
    first = la.sweep(net, regions, OUTPUTS, ["interval"], store=store)
    calls: list[str] = []
    true = la.lipschitz_constant

    def counted(*arguments: Any, **options: Any) -> la.LipschitzResult:
        calls.append(options["method"])
        return true(*arguments, **options)

    monkeypatch.setattr(module, "lipschitz_constant", counted)
    lines: list[str] = []
    again = la.sweep(
        net, regions, OUTPUTS, ["interval", "product"], store=store, progress=lines.append
    )
    assert calls == ["product"] * 4
    assert lines[0] == "8 bounds, 4 of them known already"
    assert [row.upper for row in again if row.method == "interval"] == [r.upper for r in first]
    assert [row.resumed for row in again] == [True, False] * 4
    assert len(store.read_text().splitlines()) == 8
    # Another network, norm or option is another task.
    other = benchmark([4, 6, 3], 1)[0]
    for network, options in ((other, {}), (net, {"norm": 2}), (net, {"lower": False})):
        calls.clear()
        la.sweep(network, regions, [0], ["interval"], store=store, **options)
        assert len(calls) == 2


def test_a_killed_sweep_goes_on(tmp_path: Path) -> None:
    store = tmp_path / "sweep.jsonl"
    script = tmp_path / "run.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import sys, time
            import numpy as np
            import lipschitz_app as la
            from lipschitz_app import sweeps as module
            true = module.lipschitz_constant
            def slow(*arguments, **options):
                time.sleep(0.15)
                print("computed", flush=True)
                return true(*arguments, **options)
            module.lipschitz_constant = slow
            net = la.Network.from_arrays([np.eye(3), np.ones((1, 3))])
            regions = [la.Box(np.zeros(3), 0.1 * k) for k in range(1, 13)]
            found = la.sweep(net, regions, methods=["interval"], store={str(store)!r})
            print("rows", len(found), sum(row.resumed for row in found))
            """
        )
    )
    kept = computed = 0
    for _ in range(3):
        run = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            lines = store.read_bytes().count(b"\n") if store.exists() else 0
            if lines >= kept + 2:
                break
            time.sleep(0.02)
        os.kill(run.pid, signal.SIGKILL)
        output = run.communicate()[0]
        computed += output.count("computed")
        kept = store.read_bytes().count(b"\n")
    end = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    computed += end.stdout.count("computed")
    assert end.stdout.splitlines()[-1] == f"rows 12 {kept}"
    keys = [json.loads(line)["key"] for line in store.read_text().splitlines()]
    assert len(keys) == len(set(keys)) == 12
    # Computed and lost is at most what was under way when each kill came.
    assert 12 <= computed <= 12 + 3


def test_a_half_written_line_is_cut_off(
    net: la.Network, regions: dict[str, la.Box], tmp_path: Path
) -> None:
    store = tmp_path / "sweep.jsonl"
    whole = la.sweep(net, regions, [0], ["interval"], store=store)
    text = store.read_bytes()
    store.write_bytes(text[:-40])
    lines: list[str] = []
    again = la.sweep(net, regions, [0], ["interval"], store=store, progress=lines.append)
    assert "cut off a half-written line" in lines[0]
    assert [row.upper for row in again] == [row.upper for row in whole]
    assert [row.resumed for row in again] == [True, False]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"not json\n", "line 1: is no JSON object"),
        (b"[1, 2]\n", "line 1: is no record"),
        (b'{"key": 3}\n', "line 1: is no record"),
        (b'{"key": "a", "version": 99}\n', "another version"),
        (b"\xff\xfe\n", "line 1: is no JSON object"),
        (b"[" * 100_000 + b"\n", "line 1: is no JSON object"),
    ],
)
def test_damaged_stores_are_refused(
    net: la.Network, tmp_path: Path, line: bytes, message: str
) -> None:
    store = tmp_path / "sweep.jsonl"
    store.write_bytes(line + b'{"key": "b"')
    before = store.read_bytes()
    with pytest.raises(la.StoreError, match=message):
        la.sweep(net, la.Everywhere(), methods=["product"], store=store)
    assert store.read_bytes() == before


def test_a_store_in_use_is_refused(net: la.Network, tmp_path: Path) -> None:
    store = tmp_path / "sweep.jsonl"
    with open_store(store), pytest.raises(la.StoreError, match="in use by another sweep"):
        la.sweep(net, la.Everywhere(), methods=["product"], store=store)
    with pytest.raises(la.StoreError, match="cannot be opened"):
        la.sweep(net, la.Everywhere(), methods=["product"], store=tmp_path / "no" / "file")


def test_tasks_without_a_bound_are_rows(net: la.Network, tmp_path: Path) -> None:
    store = tmp_path / "sweep.jsonl"
    ball = la.Ball(np.zeros(4), 0.5)
    found = la.sweep(net, ball, methods=["cuts", "interval"], store=store)
    assert found.rows[0].result is None
    assert found.rows[0].upper == np.inf
    assert found.rows[0].lower is None
    assert "UnsupportedError" in found.rows[0].error
    assert found.rows[1].upper_kind == "proven"
    again = la.sweep(net, ball, methods=["cuts"], store=store)
    assert again.rows[0].resumed
    assert "UnsupportedError" in again.table()
    once_more = la.sweep(net, ball, methods=["cuts"], store=store, retry_errors=True)
    assert not once_more.rows[0].resumed


def test_bad_arguments_are_found_before_anything_runs(net: la.Network, tmp_path: Path) -> None:
    store = tmp_path / "sweep.jsonl"
    here = la.Box(np.zeros(4), 1.0)
    cases: list[tuple[tuple[Any, ...], dict[str, Any], type[Exception], str]] = [
        ((net, [here], [0], ["nonsense"]), {}, la.InvalidOptionError, "'nonsense' is not known"),
        ((net, [here], [7], ["product"]), {}, la.InvalidOutputError, "output 7 does not exist"),
        ((net, [la.Box(np.zeros(3), 1.0)]), {}, la.InvalidRegionError, "has 3 inputs"),
        ((net, []), {}, la.InvalidOptionError, "no region"),
        ((net, [here], []), {}, la.InvalidOptionError, "no output"),
        ((net, [here], [0], []), {}, la.InvalidOptionError, "no method"),
        ((net, [here]), {"norm": 3}, la.InvalidOptionError, "norm 3 is not known"),
        ((net, [here]), {"method": "hr2"}, la.InvalidOptionError, "cannot be given as an option"),
        (("net.npz", [here]), {}, la.InvalidOptionError, "the network is str"),
    ]
    for arguments, options, error, message in cases:
        with pytest.raises(error, match=message):
            la.sweep(*arguments, store=store, **options)
    assert not store.exists()


def test_processes_give_the_same(net: la.Network, regions: dict[str, la.Box]) -> None:
    one = la.sweep(net, regions, OUTPUTS, ["interval", "mccormick"])
    two = la.sweep(net, regions, OUTPUTS, ["interval", "mccormick"], n_jobs=2)
    for first, second in zip(one, two, strict=True):
        assert (first.region, first.output, first.method) == (
            second.region,
            second.output,
            second.method,
        )
        assert second.upper == pytest.approx(first.upper, rel=1e-4)


def test_without_joblib_there_is_one_process(
    net: la.Network, regions: dict[str, la.Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [row.upper for row in la.sweep(net, regions, OUTPUTS, ["interval"])]
    monkeypatch.setitem(sys.modules, "joblib", None)
    found = la.sweep(net, regions, OUTPUTS, ["interval"])
    assert [row.upper for row in found] == expected
    with pytest.raises(la.InvalidOptionError, match="n_jobs is 2, which needs joblib"):
        la.sweep(net, regions, OUTPUTS, ["interval"], n_jobs=2)


@pytest.mark.filterwarnings("ignore")  # of the cluster's own libraries
def test_a_dask_cluster_takes_the_tasks(net: la.Network, regions: dict[str, la.Box]) -> None:
    distributed = pytest.importorskip("distributed")
    import joblib

    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        found = la.sweep(net, regions, OUTPUTS, ["interval"], n_jobs=-1)
    assert [row.upper for row in found] == [
        row.upper for row in la.sweep(net, regions, OUTPUTS, ["interval"])
    ]


def test_fingerprints_do_not_depend_on_the_hash_seed() -> None:
    code = (
        "import numpy as np\n"
        "from lipschitz_app.fingerprint import fingerprint\n"
        "print(fingerprint({'b': {1, 2, 3}, 'a': [np.arange(4.0), None, True, (1, 'x')]}))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(found) == 1
    different = [1, 1.0, True, "1", None, [1], {"1": 1}, np.ones(1), np.ones((1, 1)), {1}]
    assert len({fingerprint(value) for value in different}) == len(different)
