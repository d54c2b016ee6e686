"""Term sparsity against correlative sparsity, phase by phase.

Run ``python benchmarks/term_sparsity.py [--quick] [--json FILE]``, best with ``OMP_NUM_THREADS=1``.
Every row is one problem with one relaxation: correlative sparsity alone, then with one step of
chordal term sparsity inside the cliques. Processor seconds; the last column is the row's total
(without proof) over that of correlative sparsity alone in the same run.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import polyopt as po
from polyopt.errors import PolyoptError

T = TypeVar("T")

CASES: tuple[tuple[str, int, int], ...] = (
    ("rosenbrock", 200, 2),
    ("rosenbrock", 1000, 2),
    ("rosenbrock_balls", 40, 2),
    ("rosenbrock_balls", 200, 2),
    ("broyden_tridiagonal_balls", 200, 2),
    ("broyden_banded", 20, 3),
    ("broyden_banded", 200, 3),
)
QUICK = CASES[:1]


@dataclass
class Row:
    """One problem with one relaxation; processor seconds."""

    problem: str
    n: int
    order: int
    sparsity: str
    blocks: int
    largest: int
    moments: int
    relaxation: float
    refinement: float
    solve: float
    proof: float
    bound: float | None
    proven: float | None
    optimum: float | None
    status: str
    ratio: float | None = None


def cpu(call: Callable[[], T]) -> tuple[T, float]:
    """Return a value and the processor time it took."""
    start = time.process_time()
    value = call()
    return value, time.process_time() - start


def measure(name: str, n: int, order: int, term: bool, limit: float) -> Row:
    """Measure one relaxation of one problem."""
    named = getattr(po.problems, name)(n)
    relaxation, build = cpu(lambda: po.putinar(named.problem, order=order, sparsity="correlative"))
    refinement = 0.0
    if term:
        relaxation, refinement = cpu(
            lambda: relaxation.refine(po.TermSparsity(steps=1, closure="chordal"))
        )
    sides = [m.basis.size for m in relaxation.multipliers if m.cone is po.Cone.PSD]
    row = Row(
        name,
        n,
        order,
        "term" if term else "correlative",
        len(sides),
        max(sides),
        relaxation.plan.moments,
        build,
        refinement,
        0.0,
        0.0,
        None,
        None,
        named.optimum,
        "",
    )
    result, row.solve = cpu(lambda: relaxation.solve(time_limit=limit))
    row.status, row.bound = str(result.status), result.bound
    if result.status.has_iterate:
        try:
            proof, row.proof = cpu(lambda: result.prove(box=named.box))
            row.proven = proof.bound
        except PolyoptError as error:
            row.status += f"; not proven: {type(error).__name__}"
    return row


def table(rows: list[Row]) -> str:
    """Lay the rows out as a Markdown table."""
    head = (
        "problem, order | sparsity | blocks, largest | moments | relaxation | refinement | solve "
        "| proof | bound | proven | optimum | ratio"
    )
    lines = ["| " + head + " |", "|---" * (head.count("|") + 1) + "|"]
    for row in rows:
        number = ["–" if v is None else f"{v:.6f}" for v in (row.bound, row.proven, row.optimum)]
        cells = [
            f"{row.problem} n = {row.n}, {row.order}",
            row.sparsity,
            f"{row.blocks}, {row.largest}",
            str(row.moments),
            *(f"{v:.3f}" for v in (row.relaxation, row.refinement)),
            *(f"{v:.2f}" for v in (row.solve, row.proof)),
            number[0] if row.status == "optimal" else f"{number[0]} ({row.status})",
            *number[1:],
            "1" if row.ratio is None else f"{row.ratio:.2f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the smallest case")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds of one solve")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    rows: list[Row] = []
    for name, n, order in QUICK if arguments.quick else CASES:
        plain: Row | None = None
        for term in (False, True):
            row = measure(name, n, order, term, arguments.limit)
            total = row.relaxation + row.refinement + row.solve
            if plain is None:
                plain = row
            else:
                row.ratio = total / (plain.relaxation + plain.solve)
            rows.append(row)
            print(f"{row.problem} {row.n} {row.sparsity}: {total:.2f} s", file=sys.stderr)
    print("## Term sparsity against correlative sparsity\n")
    print(table(rows))
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))


if __name__ == "__main__":
    main()
