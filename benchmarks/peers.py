"""polyopt beside the Python packages for the same relaxations: build, solve and value.

Run ``python benchmarks/peers.py [--quick] [--json FILE]``, best with ``OMP_NUM_THREADS=1``. The
peers are no dependencies (ncpol2sdpa, SumOfSquares and the solver they use, cvxopt, are under the
GPL): install them beside polyopt in an environment that is thrown away afterwards, ::

    python -m venv /some/where/peers
    /some/where/peers/bin/pip install polyopt ncpol2sdpa SumOfSquares Irene

and run this file with its interpreter. Those that cannot be imported are named, and left out.

Order 2 throughout. Chains are written in cliques where the peer offers it (ncpol2sdpa's chordal
extension), else dense with the Newton polytope; each case runs in a process of its own, imports
come first and are not counted, and child processes (an SDPA executable) are. Times are processor
seconds; "ratio" is build and solve over that of polyopt in the same run.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import multiprocessing
import resource
import shutil
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from multiprocessing.connection import Connection
from typing import Any

from engine import table

import polyopt as po
from polyopt import problems
from polyopt.problems import NamedProblem

TIME_LIMIT = 10.0
START_LIMIT = 60.0
CASES = {"broyden_tridiagonal": (6, 10, 20, 50), "random_quartic_ball": (6, 8)}
QUICK = {"broyden_tridiagonal": (6,), "random_quartic_ball": (4,)}


@dataclass
class Peer:
    """One package on one problem; processor seconds."""

    problem: str
    n: int
    package: str
    structure: str
    solver: str
    build: float | None = None
    solve: float | None = None
    ratio: float | None = None
    value: float | None = None
    error: float | None = None
    note: str = ""


#: What a package does with a problem: structure, solver, building (returns how to solve).
Method = Callable[[NamedProblem], tuple[str, str, Callable[[], Callable[[], float]]]]


def clock() -> float:
    """Processor seconds of this process and its finished children."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def expressions(problem: NamedProblem) -> tuple[Any, Any, list[Any]]:
    """Symbols, objective and inequalities as expanded sympy expressions."""
    from sympy import Symbol

    symbols = [Symbol(name) for name in problem.variables.names]
    return (
        symbols,
        problem.objective.to_sympy(),
        [g.to_sympy() for g in problem.inequalities],
    )


def ours(problem: NamedProblem) -> tuple[str, str, Callable[[], Callable[[], float]]]:
    """Solve by polyopt with Clarabel, a dependency of it."""
    chain = not problem.inequalities
    importlib.import_module("clarabel")

    def build() -> Callable[[], float]:
        relaxation = po.putinar(problem, order=2, sparsity="correlative" if chain else None)
        relaxation.program()
        return lambda: relaxation.solve("clarabel", threads=1).bound

    return "cliques" if chain else "dense", "clarabel", build


def ncpol2sdpa(problem: NamedProblem) -> tuple[str, str, Callable[[], Callable[[], float]]]:
    """ncpol2sdpa with SDPA if there is one, else cvxopt."""
    peer = importlib.import_module("ncpol2sdpa")
    from sympy import lambdify

    chain = not problem.inequalities
    solver = "sdpa" if shutil.which("sdpa") else "cvxopt"
    symbols, objective, inequalities = expressions(problem)
    x = peer.generate_variables("x", len(symbols), commutative=True)
    f, *g = (lambdify(symbols, e, "sympy")(*x).expand() for e in (objective, *inequalities))

    def build() -> Callable[[], float]:
        relaxation = peer.SdpRelaxation(x)
        relaxation.get_relaxation(2, objective=f, inequalities=g, chordal_extension=chain)

        def solve() -> float:
            relaxation.solve(solver=solver)
            if relaxation.status != "optimal":
                raise RuntimeError(f"status {relaxation.status}")
            return float(relaxation.primal)

        return solve

    return "cliques" if chain else "dense", solver, build


def sum_of_squares(problem: NamedProblem) -> tuple[str, str, Callable[[], Callable[[], float]]]:
    """SumOfSquares with cvxopt."""
    peer = importlib.import_module("SumOfSquares")
    importlib.import_module("cvxopt")
    x, f, g = expressions(problem)
    chain = not g

    def build() -> Callable[[], float]:
        program = peer.poly_opt_prob(x, f, ineqs=g, deg=2, sparse=chain)
        return lambda: float(program.solve(solver="cvxopt").value)

    return "dense, Newton" if chain else "dense", "cvxopt", build


def irene(problem: NamedProblem) -> tuple[str, str, Callable[[], Callable[[], float]]]:
    """Irene with cvxopt."""
    peer = importlib.import_module("Irene")
    x, f, g = expressions(problem)

    def build() -> Callable[[], float]:
        relaxation = peer.SDPRelaxations(x)
        relaxation.Parallel = False
        relaxation.SetSDPSolver("cvxopt")
        relaxation.SetObjective(f)
        for constraint in g:
            relaxation.AddConstraint(constraint >= 0)
        relaxation.MomentsOrd(2)
        relaxation.InitSDP()
        return lambda: float(relaxation.Minimize())

    return "dense", "cvxopt", build


METHODS: dict[str, tuple[str, Method]] = {
    "polyopt": ("polyopt", ours),
    "ncpol2sdpa": ("ncpol2sdpa", ncpol2sdpa),
    "SumOfSquares": ("SumOfSquares", sum_of_squares),
    "Irene": ("Irene", irene),
}


def available() -> tuple[list[str], list[str]]:
    """Packages that can be imported, and a line for each that cannot."""
    found, absent = [], []
    for name, (module, _) in METHODS.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                importlib.import_module(module)
            found.append(name)
        except Exception as error:  # a peer may fail in any way while it is imported
            absent.append(f"{name} left out: {type(error).__name__}: {error}")
    return found, absent


def work(package: str, kind: str, n: int, reply: Connection) -> None:
    """Measure one case in a process of its own."""
    row = Peer(kind, n, package, "", "")
    warnings.simplefilter("ignore")
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            problem = getattr(problems, kind)(n)
            row.structure, row.solver, build = METHODS[package][1](problem)
            reply.send(None)
            start = clock()
            solve = build()
            row.build = clock() - start
            start = clock()
            row.value = solve()
            row.solve = clock() - start
        row.error = abs(row.value - problem.optimum) / max(1.0, abs(problem.optimum))
    except Exception as error:  # what a peer raises belongs into its row
        row.note = f"{type(error).__name__}: {error}".splitlines()[0][:100]
    reply.send(row)


def measure(package: str, kind: str, n: int) -> Peer:
    """Run one case and stop it `TIME_LIMIT` wall-clock seconds after its imports."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(package, kind, n, sender))
    process.start()
    sender.close()
    try:
        row = None
        for limit in (START_LIMIT, TIME_LIMIT):
            if row is None and receiver.poll(limit):
                row = receiver.recv()
        if isinstance(row, Peer):
            return row
        return Peer(kind, n, package, "", "", note=f"stopped after {TIME_LIMIT:g} s")
    except EOFError:
        return Peer(kind, n, package, "", "", note="the process died")
    finally:
        process.kill()
        process.join()


def peer_rows(quick: bool) -> tuple[list[Peer], list[str]]:
    """All rows, and the packages left out."""
    found, absent = available()
    rows: list[Peer] = []
    for kind, sizes in (QUICK if quick else CASES).items():
        stopped: set[str] = set()
        for n in sizes:
            base = None
            for package in found:
                if package in stopped:
                    continue
                row = measure(package, kind, n)
                if row.build is not None and row.solve is not None:
                    base = row.build + row.solve if base is None else base
                    row = replace(row, ratio=(row.build + row.solve) / base)
                else:
                    stopped.add(package)  # larger sizes will not do better
                rows.append(row)
                print(row, file=sys.stderr, flush=True)
    return rows, absent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes only")
    parser.add_argument("--json", metavar="FILE", help="write the rows as JSON as well")
    arguments = parser.parse_args()
    rows, absent = peer_rows(arguments.quick)
    print(f"\n## Python peers, order 2 (processor seconds)\n\n{table(rows)}\n")
    print("\n".join(f"- {line}" for line in absent))
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"peers": [asdict(row) for row in rows], "absent": absent}, file, indent=1)


if __name__ == "__main__":
    main()
