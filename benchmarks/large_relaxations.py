"""Sizes that must fit on a laptop: one large block of order 1, and a long chain at order 2.

Run ``python benchmarks/large_relaxations.py [--part maxcut] [--part chains] [--nodes 800]``, best
with ``OMP_NUM_THREADS=1``. Each case runs in a process of its own, so that its peak memory is its
own. Wall-clock seconds by phase and peak memory are printed as a Markdown table:

- maxcut: ``po.shor(problem).solve()`` with the default solver, then ``prove()`` and ``check()``;
- chains: sparsity, relaxation and assembly (moment form) in 5000 variables at order 2, nothing
  solved. The limits are 10 seconds and 2 GiB.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
from lowrank_problems import random_graph, toroidal_grid

import polyopt as po
from polyopt import problems
from polyopt.polynomial import Polynomial

GRAPHS: dict[str, Callable[[int], sp.csr_array]] = {
    "random, 6 %": lambda n: random_graph(n, 0.06, 1),
    "torus, ±1": lambda n: toroidal_grid(20, n // 20, 1),
}
CHAINS = {
    "rosenbrock": problems.rosenbrock,
    "broyden_tridiagonal": problems.broyden_tridiagonal,
}
LIMIT_SECONDS, LIMIT_BYTES = 10.0, 2 * 2**30


def cut_problem(weights: sp.csr_array) -> po.PolynomialProblem:
    """``max Σ w_ij (1 − x_i x_j) / 2`` over signs."""
    half = sp.coo_array(sp.triu(weights, 1))
    i, j = half.coords
    x = po.variables("x", weights.shape[0])
    rows = np.vstack([np.zeros((1, 2), dtype=int), np.stack([i + 1, j + 1], axis=1)])
    values = np.concatenate([[0.5 * half.data.sum()], -0.5 * half.data])
    cut = Polynomial(x[0].variables, rows, values)
    return po.maximize(cut, subject_to=[v**2 == 1 for v in x])


def maxcut(graph: str, nodes: int) -> dict[str, str]:
    """One row: solve, prove and check."""
    problem = cut_problem(GRAPHS[graph](nodes))
    result = po.shor(problem).solve()
    solved = peak()
    start = time.perf_counter()
    proof = result.prove()
    proven = time.perf_counter()
    proof.check(problem)
    value = problem.sign * result.solution.primal_objective
    loss = abs(proof.bound - value) / abs(proof.bound)
    return {
        "case": f"MaxCut, {graph}, n = {nodes}",
        "solver": f"{result.solver}, {result.status.value}",
        "assembly": f"{result.timings['assembly']:.2f}",
        "solve": f"{result.timings['solver']:.2f}",
        "proof": f"{proven - start:.2f}",
        "check": f"{time.perf_counter() - proven:.2f}",
        "bound": f"{result.bound:.4f}",
        "proven": f"{proof.bound:.4f}",
        "from the factor's value": f"{loss:.1e}",
        "MB solved": f"{solved / 1e6:.0f}",
        "MB proven": f"{peak() / 1e6:.0f}",
    }


def chain(name: str, nodes: int) -> dict[str, str]:
    """One row: everything before the solver."""
    problem = CHAINS[name](nodes)
    base = peak()
    start = time.perf_counter()
    sparsity = po.correlative_sparsity(problem)
    found = time.perf_counter()
    relaxation = po.putinar(problem, order=2, sparsity=sparsity)
    chosen = time.perf_counter()
    program = relaxation.program()
    seconds = time.perf_counter() - start
    return {
        "case": f"{name}, n = {nodes}, order 2",
        "program": f"{program.number_of_variables} moments, {program.number_of_rows} rows",
        "sparsity": f"{found - start:.2f}",
        "relaxation": f"{chosen - found:.2f}",
        "assembly": f"{start + seconds - chosen:.2f}",
        "sum": f"{seconds:.2f}",
        "MB before": f"{base / 1e6:.0f}",
        "MB": f"{peak() / 1e6:.0f}",
        "within limits": str(seconds < LIMIT_SECONDS and peak() < LIMIT_BYTES),
    }


def peak() -> float:
    """Peak memory of this process in bytes (Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


def table(rows: list[dict[str, str]]) -> str:
    """Render rows of the same keys as Markdown."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", action="append", choices=("maxcut", "chains"))
    parser.add_argument("--nodes", type=int, action="append", help="of the graphs; default 800")
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    for part, run, cases in (
        ("maxcut", maxcut, [(g, n) for n in arguments.nodes or [800] for g in GRAPHS]),
        ("chains", chain, [(name, 5000) for name in CHAINS]),
    ):
        if part in (arguments.part or ("maxcut", "chains")):
            rows = []
            for case in cases:
                with context.Pool(1) as pool:
                    rows.append(pool.apply(run, case))
            print(f"\n## {part}\n\n{table(rows)}", flush=True)


if __name__ == "__main__":
    main()
