"""All comparing benchmarks in one command: JSON and one Markdown page.

Run ``python benchmarks/run.py [--full] [--output FOLDER]`` or ``make bench``. The engine's phases,
solvers and forms, native and CVXPY, and the Python peers follow one another in processes of their
own; ratios are taken within one part. FOLDER (``build/bench``) receives ``benchmarks.json`` and
``benchmarks.md``. Small sizes take minutes; ``--full`` takes those of docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PARTS = ("engine", "adapters", "peers")
PACKAGES = (
    *("polyopt", "numpy", "scipy", "clarabel", "scs", "cvxpy"),
    *("ncpol2sdpa", "SumOfSquares", "Irene", "cvxopt"),
)


def versions() -> dict[str, str]:
    """Interpreter and packages the figures belong to."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def run(part: str, full: bool) -> tuple[dict[str, Any], str]:
    """Run one part with one thread; its data and its Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.json"
        command = [sys.executable, str(HERE / f"{part}.py"), "--json", str(file)]
        done = subprocess.run(
            command + ([] if full else ["--quick"]),
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return data, done.stdout[max(done.stdout.find("## "), 0) :].strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="all sizes; takes long")
    parser.add_argument("--output", type=Path, default=HERE.parent / "build" / "bench")
    arguments = parser.parse_args()
    data: dict[str, Any] = {"versions": versions()}
    pages = ["# Benchmarks", ", ".join(f"{k} {v}" for k, v in data["versions"].items())]
    for part in PARTS:
        print(f"== {part}", file=sys.stderr, flush=True)
        rows, page = run(part, arguments.full)
        data |= rows
        pages.append(page)
    arguments.output.mkdir(parents=True, exist_ok=True)
    text = "\n\n".join(pages) + "\n"
    (arguments.output / "benchmarks.md").write_text(text, encoding="utf-8")
    (arguments.output / "benchmarks.json").write_text(json.dumps(data, indent=1), encoding="utf-8")
    print(text + f"\nwritten to {arguments.output}")


if __name__ == "__main__":
    main()
