"""The engine phase by phase, and which solver and conic form wins where.

Run ``python benchmarks/engine.py [--quick] [--part phases] [--part forms] [--json FILE]``, best
with ``OMP_NUM_THREADS=1``. Two Markdown tables are printed:

- phases: sparse order 2 on three chains of growing length, processor seconds for sparsity,
  relaxation, assembly, scaling, solver and proof. "build" is the sum of the first three, the ratio
  is build and scaling over solver in the same run, and "growth" the exponent of the build time
  against the row before (1 is linear). Where published C++ build times are known they stand beside.
- forms: solvers × conic forms × tolerances on many small blocks, on medium dense blocks (random
  quartics on the ball) and on one large block (maximum cut), with the error of the bound.

Processor time is what is measured: it is hardly touched by what else the machine does.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import networkx as nx

import polyopt as po
from polyopt import problems
from polyopt.conic.scaling import scale_program, variable_exponents
from polyopt.errors import PolyoptError
from polyopt.problems import NamedProblem

T = TypeVar("T")

#: Build seconds of a C++ implementation, measured on a machine of the same kind.
COMPILED_BUILD = {
    ("rosenbrock", 1000): 0.025,
    ("rosenbrock", 5000): 0.58,
    ("broyden_tridiagonal", 1000): 0.08,
}
CHAINS = (problems.rosenbrock, problems.chained_singular, problems.broyden_tridiagonal)
SIZES = (20, 100, 500, 1000)
BUILD_ONLY = 5000
TIME_LIMIT = 30.0


@dataclass
class Phases:
    """One row of the first table; processor seconds."""

    problem: str
    n: int
    sparsity: float
    relaxation: float
    assembly: float
    scaling: float
    build: float
    compiled: float | None
    growth: float | None
    solver: float | None = None
    ratio: float | None = None
    proof: float | None = None
    status: str = ""
    bound: float | None = None
    proven: float | None = None
    optimum: float | None = None


@dataclass
class Trial:
    """One row of the second table; processor seconds."""

    case: str
    largest_block: int
    solver: str
    form: str
    tolerance: float
    seconds: float
    iterations: int
    status: str
    error: float | None


def cpu(call: Callable[[], T], repeat: int = 1) -> tuple[T, float]:
    """Run something a few times; its last value and its least processor time."""
    best = math.inf
    for _ in range(repeat):
        gc.collect()
        start = time.process_time()
        value = call()
        best = min(best, time.process_time() - start)
    return value, best


def phases(
    make: Callable[[int], NamedProblem], n: int, before: Phases | None, solve: bool
) -> Phases:
    """Measure one problem at one size."""
    problem = make(n)
    pattern, sparsity = cpu(lambda: po.correlative_sparsity(problem), 3)
    relaxation, choice = cpu(lambda: po.putinar(problem, order=2, sparsity=pattern), 3)
    # A fresh relaxation each time: the assembly is kept by the object.
    fresh = [po.putinar(problem, order=2, sparsity=pattern) for _ in range(3)]
    program, assembly = cpu(lambda: fresh.pop().program(), 3)
    exponents, scaling = cpu(lambda: variable_exponents(problem))
    if exponents.any():
        parts = relaxation.assembly, relaxation.multipliers
        scaling += cpu(lambda: scale_program(program, *parts, exponents))[1]
    build = sparsity + choice + assembly
    growth = None
    if before is not None:
        growth = math.log(build / before.build) / math.log(n / before.n)
    row = Phases(
        problem.name,
        n,
        sparsity,
        choice,
        assembly,
        scaling,
        build,
        COMPILED_BUILD.get((problem.name, n)),
        growth,
        optimum=problem.optimum,
    )
    if solve:
        result, seconds = cpu(lambda: relaxation.solve("clarabel", threads=1))
        # The relaxation has its assembly already; what is left beside the solver is the scaling.
        row.solver = max(seconds - scaling, 1e-9)
        row.ratio = (build + scaling) / row.solver
        row.status, row.bound = result.status.value, result.bound
        try:
            proof, row.proof = cpu(lambda: result.prove(box=problem.box))
            row.proven = proof.bound
        except PolyoptError as error:
            print(f"{problem.name}({n}): no proof: {error}", file=sys.stderr)
    return row


def phase_rows(quick: bool) -> list[Phases]:
    """All rows of the first table."""
    rows: list[Phases] = []
    for make in CHAINS:
        before = None
        for n in (20, 100) if quick else (*SIZES, BUILD_ONLY):
            before = phases(make, n, before, solve=n != BUILD_ONLY)
            rows.append(before)
            print(f"{before.problem}({n}) done", file=sys.stderr)
    return rows


def form_cases(quick: bool) -> list[tuple[str, po.Relaxation, float]]:
    """Name, relaxation and value of each case of the second table."""
    chain = problems.broyden_tridiagonal(40 if quick else 200)
    cases = [
        (
            f"chain of {chain.number_of_variables}, order 2",
            po.putinar(chain, order=2, sparsity="correlative"),
            0.0,
        )
    ]
    for n in (6,) if quick else (8, 10):
        quartic = problems.random_quartic_ball(n)
        assert quartic.optimum is not None
        cases.append((f"random quartic {n}", po.putinar(quartic, order=2), quartic.optimum))
    for n in (20,) if quick else (50, 100):
        graph = nx.gnp_random_graph(n, 0.3, seed=1)
        relaxation = po.shor(problems.maxcut(graph))
        reference = relaxation.solve("clarabel", form="sos", tolerance=1e-9).bound
        cases.append((f"maximum cut {n}, order 1", relaxation, reference))
    return cases


def form_rows(quick: bool) -> list[Trial]:
    """All rows of the second table."""
    rows = []
    for name, relaxation, value in form_cases(quick):
        for solver in ("clarabel", "scs"):
            for form in ("moment", "sos"):
                for tolerance in (1e-6, 1e-8):
                    rows.append(trial(name, relaxation, value, solver, form, tolerance))
        print(f"{name} done", file=sys.stderr)
    return rows


def trial(
    name: str, relaxation: po.Relaxation, value: float, solver: str, form: str, tolerance: float
) -> Trial:
    """Solve once; the data are assembled already."""
    options: dict[str, Any] = {"form": form, "tolerance": tolerance, "time_limit": TIME_LIMIT}
    result, seconds = cpu(lambda: relaxation.solve(solver, **options))
    error = abs(result.bound - value) / max(1.0, abs(value))
    return Trial(
        name,
        relaxation.plan.largest_block,
        solver,
        form,
        tolerance,
        seconds,
        result.solution.iterations,
        result.status.value,
        error if math.isfinite(error) else None,
    )


def table(rows: list[Any]) -> str:
    """Rows of one dataclass as a Markdown table."""
    columns = list(asdict(rows[0]))
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(shown(v) for v in asdict(row).values()) + " |" for row in rows]
    return "\n".join(lines)


def shown(value: Any) -> str:
    """One cell."""
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def verdicts(rows: list[Phases]) -> list[str]:
    """What misses the bars: linear growth, a tenth of the solver, three times compiled code."""
    found = []
    for row in rows:
        name = f"{row.problem}({row.n})"
        if row.compiled is not None and row.build > 3 * row.compiled:
            found.append(f"{name}: build {row.build:.3g} s is more than 3 × {row.compiled} s")
        if row.ratio is not None and row.n >= 100 and row.ratio > 0.1:
            found.append(f"{name}: build and scaling are {row.ratio:.0%} of the solver's time")
        if row.growth is not None and row.n > 100 and row.growth > 1.3:
            found.append(f"{name}: build grows like n^{row.growth:.2f}")
        for kind, bound in (("bound", row.bound), ("proven bound", row.proven)):
            if bound is not None and row.optimum is not None and abs(bound - row.optimum) > 1e-4:
                found.append(f"{name}: {kind} {bound:.6g} is not within 1e-4 of {row.optimum:g}")
    return found or ["all bars are met"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes only")
    parser.add_argument("--part", action="append", choices=("phases", "forms"), default=None)
    parser.add_argument("--json", metavar="FILE", help="write the rows as JSON as well")
    arguments = parser.parse_args()
    parts = arguments.part or ["phases", "forms"]
    data: dict[str, Any] = {}
    if "phases" in parts:
        rows = phase_rows(arguments.quick)
        print(f"\n## Phases (processor seconds)\n\n{table(rows)}\n")
        print("\n".join(f"- {line}" for line in verdicts(rows)))
        data["phases"] = [asdict(row) for row in rows]
    if "forms" in parts:
        trials = form_rows(arguments.quick)
        print(f"\n## Solvers and forms (processor seconds)\n\n{table(trials)}")
        data["forms"] = [asdict(row) for row in trials]
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=1)


if __name__ == "__main__":
    main()
