"""SDP-NN (784-500) at radius 0.1: neuron cuts, all McCormick pairs, then triangles and 4-cycles.

Run: ``python benchmarks/lowrank_sdp_nn.py path/to/data [cuts] [pairs] [cycles]``. Published bounds
of the same network: HR-2 12.70 in 20 596 s, Shor 16.07 in 4 217 s. Every bound printed is proven.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from lowrank_problems import lipschitz_model, load_net

from polyopt.solvers.lowrank import LowRankOptions, Progress, solve_first_order
from polyopt.solvers.lowrank.cuts import cut_and_solve


def report(progress: Progress) -> None:
    print(
        f"  {progress.seconds:6.1f} s  round {progress.round:2d}  bound {progress.bound:.5f}  "
        f"value {progress.value:.5f}  violation {progress.violation:.0e}",
        flush=True,
    )


def main(data: Path, stages: list[str]) -> None:
    net = load_net(data / "chen" / "sdp_nn.npz")
    fast = LowRankOptions(single_precision=True, relative_gap=1e-3, time_limit=240.0)
    if "cuts" in stages:
        cpu = time.process_time()
        result = solve_first_order(
            lipschitz_model(net, 0.1, cuts=True).model, fast, callback=report
        )
        print(f"neuron cuts: {result} ({time.process_time() - cpu:.1f} s cpu)")
    for stage in ("pairs", "cycles"):
        if stage not in stages:
            continue
        cpu = time.process_time()
        lipschitz = lipschitz_model(net, 0.1, cuts=True, grid=True)
        short = LowRankOptions(
            single_precision=True, relative_gap=1e-3, rank=64, time_limit=240.0,
            rounds=14 if stage == "pairs" else 9,
        )  # fmt: skip
        result = solve_first_order(lipschitz.model, short, callback=report)
        print(f"all pairs: {result} ({time.process_time() - cpu:.1f} s cpu)", flush=True)
        if stage != "pairs":
            groups = (lipschitz.t_rows, lipschitz.s_rows)
            more = LowRankOptions(
                single_precision=True, relative_gap=2e-3, rank=72, time_limit=100.0, rounds=6
            )
            result, model = cut_and_solve(
                lipschitz.model, groups, more, start=result.state, rounds=2, count=8000,
                callback=report,
            )  # fmt: skip
            print(f"{model}: {result} ({time.process_time() - cpu:.1f} s cpu)")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or ["cuts", "pairs", "cycles"])
