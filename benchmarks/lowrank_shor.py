"""Shor's relaxation of all published one-layer cases at radius 10: proven bounds against the table.

Run: ``python benchmarks/lowrank_shor.py path/to/data``. Prints seconds of wall and processor time.
"""

from __future__ import annotations

import csv
import sys
import time
from collections import defaultdict
from pathlib import Path

from lowrank_problems import lipschitz_model, load_net, random_net

from polyopt.solvers.lowrank import LowRankOptions, solve_first_order


def published(path: Path, method: str, place: str) -> dict[tuple[int, int], list[float]]:
    """Published bounds by (p, sparsity), in seed order."""
    table = defaultdict(list)
    with path.open(newline="") as stream:
        for row in csv.reader(stream):
            if row[:3] == ["bounds", method, place]:
                table[int(row[3]), int(row[4])].append(float(row[5]))
    return dict(table)


def main(data: Path) -> None:
    table = published(data / "chen" / "1_hidden_layer_networks.csv", "shor", "glob")
    wall, cpu, worst, count = time.perf_counter(), time.process_time(), 0.0, 0
    for (p, sparsity), values in sorted(table.items()):
        for seed, value in enumerate(values):
            model = lipschitz_model(random_net(p, sparsity, seed), 10.0).model
            bound = solve_first_order(model, LowRankOptions(relative_gap=3e-5)).bound
            worst, count = max(worst, abs(bound / value - 1)), count + 1
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{count} cases: largest relative difference {worst:.2e}, {wall:.1f} s ({cpu:.1f} s cpu)")
    cpu = time.process_time()
    result = solve_first_order(lipschitz_model(load_net(data / "chen" / "sdp_nn.npz"), 10.0).model)
    print(f"SDP-NN, radius 10: {result} ({time.process_time() - cpu:.1f} s cpu)")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
