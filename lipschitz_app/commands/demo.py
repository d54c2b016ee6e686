"""``demo``: the bounds of the demonstration, as a table."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from dataclasses import asdict
from typing import Any

from lipschitz_app.demo import DemoRow, demo_rows, format_table


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "demo",
        help="bound an embedded network and an embedded polynomial problem",
        description="Bound an embedded network and an embedded nearly sparse polynomial problem, "
        "and print a table with both bounds, their kinds, the gap and the time.",
    )
    parser.add_argument(
        "--time-limit",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="for each upper bound (default 60)",
    )
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand and return the exit status."""
    begin = time.perf_counter()

    def progress(text: str) -> None:
        if not arguments.quiet:
            seconds = time.perf_counter() - begin
            print(f"[{seconds:7.2f} s] {text}", file=sys.stderr, flush=True)

    rows = list(demo_rows(time_limit=arguments.time_limit, progress=progress))
    if arguments.json:
        print(json.dumps([_plain(row) for row in rows], indent=2))
    else:
        print(format_table(rows))
    return 1 if any(math.isnan(row.gap) for row in rows) else 0


def _plain(row: DemoRow) -> dict[str, Any]:
    """Return a row for JSON, which has no NaN."""
    values = {**asdict(row), "gap": row.gap}
    return {
        key: None if isinstance(value, float) and math.isnan(value) else value
        for key, value in values.items()
    }
