"""The published tables of random networks with one hidden layer, beside proven bounds.

Chen, Lasserre, Magron and Pauwels (NeurIPS 2020) bound networks p-p-1 with weights on a band of
some width in the maximum norm, over boxes of radius 10 ("global") and 0.1 ("local"), by Shor's
relaxation, HR-2 and LipOpt-3. Here the same bounds are computed once more and proven; the largest
relative deviation is printed by method, and how many published values lie below a proven lower
bound. "hr2" is here without the cliques {x_i, t_i}, so it may lie above; "mccormick" is tighter.

Run ``python benchmarks/one_layer_tables.py [--sizes 10 20] [--seeds 3]`` with the published values
in ``$POLYOPT_SHARED_DATA/chen``, else in ``../shared/data/chen`` beside the repository.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from lowrank_problems import random_net

import lipschitz_app as la

METHODS = {"shor": "shor", "hr2": "HRs", "mccormick": "HRs", "krivine": "lp3"}
"""Published column by our method."""

RADII = {"glob": 10.0, "loc": 0.1}

Table = dict[tuple[str, str, int, int], list[float]]


def published(path: Path) -> Table:
    """Published bounds by method, region, size and band width, in the order of seeds."""
    table: Table = defaultdict(list)
    with path.open(newline="") as stream:
        for kind, method, place, size, band, value in csv.reader(stream):
            if kind == "bounds":
                table[method, place, int(size), int(band)].append(float(value))
    return dict(table)


def bound(net: la.Network, box: la.Box, method: str) -> float | None:
    """A proven bound, or None where the program is too large."""
    try:
        return la.lipschitz_constant(net, box, method=method, lower=False, time_limit=60.0).upper
    except (la.UnsupportedError, la.NoBoundError):
        return None


def main(data: Path, sizes: list[int], seeds: int) -> None:
    """Print a line for each size, band and region, and the largest deviations."""
    table = published(data / "chen" / "1_hidden_layer_networks.csv")
    ratios: dict[tuple[str, str], list[float]] = defaultdict(list)
    spent: dict[str, float] = defaultdict(float)
    below: dict[tuple[str, str], int] = defaultdict(int)
    for size, band in sorted({key[2:] for key in table if key[2] in sizes}):
        for place, radius in RADII.items():
            found: dict[str, list[float]] = defaultdict(list)
            for seed in range(seeds):
                net = random_net(size, band, seed)
                network = la.Network.from_arrays([net.A, [net.c]], [net.b, [0.0]])
                box = la.Box(net.center, radius)
                floor = la.lipschitz_lower_bound(network, box, starts=8, steps=60).value
                for column in ("shor", "HRs", "lp3", "lp4"):
                    values = table.get((column, place, size, band), [])
                    below[column, place] += seed < len(values) and values[seed] < floor - 1e-5
                for method, column in METHODS.items():
                    if method == "mccormick" and place == "glob":
                        continue
                    values = table.get((column, place, size, band), [])
                    begin = time.process_time()
                    value = bound(network, box, method) if seed < len(values) else None
                    spent[method] += time.process_time() - begin
                    if value is None:
                        continue
                    found[method].append(value)
                    ratios[method, place].append(value / values[seed] - 1.0)
            medians = [f"{name} {np.median(values):.4f}" for name, values in found.items()]
            print(f"({size}, {size}) band {band} {place}: " + ", ".join(medians), flush=True)
    for (method, place), values in sorted(ratios.items()):
        low, high = min(values), max(values)
        print(
            f"{method} {place}: {len(values)} networks, {100 * low:+.4f} % to {100 * high:+.4f} % "
            f"(median {100 * np.median(values):+.4f} %) against {METHODS[method]}"
        )
    print("published values below a proven lower bound:", dict(below))
    print("processor seconds:", {name: round(value, 1) for name, value in spent.items()})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 20, 40])
    parser.add_argument("--seeds", type=int, default=10)
    given = parser.parse_args()
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    place = Path(os.environ.get("POLYOPT_SHARED_DATA", beside))
    if not place.is_dir():
        sys.exit(f"skipped: no published values at {place}; set POLYOPT_SHARED_DATA")
    main(place, given.sizes, given.seeds)
