"""The same conic program natively and through CVXPY, in one run.

Run ``python benchmarks/adapters.py [--quick] [--json FILE]``, best with ``OMP_NUM_THREADS=1``. One
program is assembled for each case and solver and handed to the solver both ways. Processor seconds:

- build: relaxation and conic data, the same for both ways;
- canonical: ``to_cvxpy`` and CVXPY's ``get_problem_data``, which the native way does not have;
- native, cvxpy: all that the two ways take after the build, solver included; "ratio" is their
  quotient, and "difference" what their bounds differ by, relative to max(1, |bound|).

Importing CVXPY is printed to standard error and counts for neither.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from typing import Literal

from engine import cpu, table

import polyopt as po
from polyopt import problems
from polyopt.problems import NamedProblem
from polyopt.solvers.base import SolverOptions
from polyopt.solvers.cvxpy import to_cvxpy
from polyopt.solvers.registry import get_solver


@dataclass
class Adapter:
    """One program and solver; processor seconds."""

    problem: str
    n: int
    solver: str
    build: float
    canonical: float
    canonical_to_build: float
    native: float
    cvxpy: float
    ratio: float
    status: str
    difference: float


Sparsity = Literal["correlative"] | None


def cases(quick: bool) -> list[tuple[NamedProblem, Sparsity, str]]:
    """Problem, sparsity and solver. SCS does not solve the chains, whatever the way."""
    sizes = (20, 100) if quick else (100, 300, 1000)
    found: list[tuple[NamedProblem, Sparsity, str]] = [
        (problems.broyden_tridiagonal(n), "correlative", "clarabel") for n in sizes
    ]
    for n in (6,) if quick else (8, 10):
        found += [(problems.random_quartic_ball(n), None, name) for name in ("clarabel", "scs")]
    return found


def compare(problem: NamedProblem, sparsity: Sparsity, name: str) -> Adapter:
    """Measure one case."""
    native, adapted = get_solver(name), get_solver(f"cvxpy:{name.upper()}")
    form = native.capabilities.preferred_form
    options = SolverOptions(tolerance=1e-8, threads=1)
    program, build = cpu(
        lambda: po.putinar(problem, order=2, sparsity=sparsity).program(form), repeat=3
    )
    _, canonical = cpu(lambda: to_cvxpy(program)[0].get_problem_data(name.upper()))
    first, seconds = cpu(lambda: native.solve(program, options))
    second, through = cpu(lambda: adapted.solve(program, options))
    size = max(1.0, abs(first.primal_objective))
    return Adapter(
        problem.name,
        problem.number_of_variables,
        name,
        build,
        canonical,
        canonical / build,
        seconds,
        through,
        through / seconds,
        f"{first.status.value}, {second.status.value}",
        abs(first.primal_objective - second.primal_objective) / size,
    )


def adapter_rows(quick: bool) -> list[Adapter]:
    """All rows."""
    _, seconds = cpu(lambda: __import__("cvxpy"))
    print(f"import cvxpy: {seconds:.2f} s", file=sys.stderr)
    for name in ("clarabel", "scs"):  # imports of the solvers count for neither way
        compare(problems.random_quartic_ball(2), None, name)
    rows = []
    for problem, sparsity, name in cases(quick):
        rows.append(compare(problem, sparsity, name))
        print(f"{problem.name}({rows[-1].n}) {name} done", file=sys.stderr)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes only")
    parser.add_argument("--json", metavar="FILE", help="write the rows as JSON as well")
    arguments = parser.parse_args()
    rows = adapter_rows(arguments.quick)
    print(f"\n## Native and through CVXPY (processor seconds)\n\n{table(rows)}")
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"adapters": [asdict(row) for row in rows]}, file, indent=1)


if __name__ == "__main__":
    main()
