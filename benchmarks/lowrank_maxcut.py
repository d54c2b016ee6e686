"""Shor's relaxation of MaxCut, proven to 1e-4, against SCS on the same relaxation.

Run: ``python benchmarks/lowrank_maxcut.py [seconds for SCS per graph]``. Graphs by seed: toroidal
grids with ±1 weights and random graphs of 800 and 2000 nodes, of the kinds of the rudy generator.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import scipy.sparse as sp
from lowrank_problems import maxcut_model, random_graph, toroidal_grid

from polyopt.solvers.lowrank import solve_first_order

GRAPHS = {
    "torus 20x40, ±1": toroidal_grid(20, 40, 1),
    "random 800, 6 %": random_graph(800, 0.06, 1),
    "torus 40x50, ±1": toroidal_grid(40, 50, 1),
    "random 2000, 1 %": random_graph(2000, 0.01, 1),
}


def scs(weights: sp.csr_array, seconds: float) -> str:
    """Solve ``min ¼⟨W, X⟩`` over unit diagonal with SCS and describe the outcome."""
    import scs as solver

    side = weights.shape[0]
    half = sp.coo_array(sp.tril(weights, -1))
    i, j = half.coords

    def position(row: np.ndarray, column: np.ndarray) -> np.ndarray:
        return column * side - column * (column - 1) // 2 + row - column

    size = side * (side + 1) // 2
    c = np.zeros(size)
    c[position(i, j)] = 0.25 * np.sqrt(2.0) * half.data
    nodes = np.arange(side)
    picked = sp.csc_array((np.ones(side), (nodes, position(nodes, nodes))), shape=(side, size))
    A = sp.csc_matrix(sp.vstack([picked, -sp.eye_array(size)]))
    data = {"A": A, "b": np.concatenate([np.ones(side), np.zeros(size)]), "c": c}
    start = time.perf_counter()
    answer = solver.SCS(
        data, {"z": side, "s": [side]}, eps_abs=1e-4, eps_rel=1e-4,
        time_limit_secs=seconds, verbose=False,
    ).solve()  # fmt: skip
    info = answer["info"]
    value = float(weights.sum()) / 4 - info["dobj"]
    return (
        f"{info['status']}, value {value:.3f} (not proven), {info['iter']} iterations, "
        f"{time.perf_counter() - start:.1f} s"
    )


def main(seconds: float) -> None:
    for name, weights in GRAPHS.items():
        cpu = time.process_time()
        result = solve_first_order(maxcut_model(weights))
        print(f"{name}: {result} ({time.process_time() - cpu:.1f} s cpu)", flush=True)
        if seconds:
            print(f"{name}: SCS {scs(weights, seconds)}", flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0)
