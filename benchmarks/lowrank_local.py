"""Local bounds (radius 0.1) of the (80, 80) nets with sparsity 80: proven, against published HR-2.

Run: ``python benchmarks/lowrank_local.py path/to/data``.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from lowrank_problems import lipschitz_model, random_net
from lowrank_shor import published

from polyopt.solvers.lowrank import LowRankOptions, solve_first_order

OPTIONS = LowRankOptions(relative_gap=5e-4, prove_every=3)


def main(data: Path) -> None:
    table = published(data / "chen" / "1_hidden_layer_networks.csv", "HRs", "loc")[80, 80]
    gains = []
    for seed, value in enumerate(table):
        model = lipschitz_model(random_net(80, 80, seed), 0.1, cuts=True, grid=True).model
        wall, cpu = time.perf_counter(), time.process_time()
        result = solve_first_order(model, OPTIONS)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        gains.append(1 - result.bound / value)
        print(
            f"seed {seed}: HR-2 {value:.5f}, proven {result.bound:.5f} (value {result.value:.5f}), "
            f"{100 * gains[-1]:.2f} % tighter, {wall:.2f} s ({cpu:.2f} s cpu)"
        )
    print(f"mean {100 * float(np.mean(gains)):.2f} % tighter")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
