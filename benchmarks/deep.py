"""Proven bounds of random networks with two and three hidden layers, beside what others reach.

Networks B (20-40-40-1) and C (20-50-50-50-1): standard normal weights over sqrt(fan-in), biases 0.1
normal, centre 0.5 normal, all from ``numpy.random.default_rng(0)``. The figures of other systems
were measured on the same networks; a lower bound is a gradient at a point.

Run: ``python benchmarks/deep.py [seconds] [method]``, with a time limit for each row, all rows or
those of one method. "branch" stops at a relative gap of 1e-3, or with what is proven by then.
"""

from __future__ import annotations

import sys
import time
from itertools import pairwise

import numpy as np

import lipschitz_app as la

NETWORKS = {"B": [20, 40, 40, 1], "C": [20, 50, 50, 50, 1]}
ROWS: list[tuple[str, float | None, str, str, str]] = [
    ("B", 0.02, "inf", "mccormick", "exact 1.771380; auto_LiRPA 2.325, ZLip 2.733, RecurJac 3.013"),
    ("B", 0.05, "inf", "mccormick", "mixed-integer programs: between 1.84916 and 2.38043"),
    ("B", 0.1, "inf", "hr2", "GeoLIP (global) 6.66; lipMIP 9.91, auto_LiRPA 13.8, RecurJac 23.2"),
    ("B", 0.1, "inf", "mccormick", "the same; at least 2.3052"),
    ("B", 0.02, "inf", "branch", "exact 1.771380: lipMIP 1.5 to 5.6 s, LipBaB 78 s"),
    ("B", 0.05, "inf", "branch", "mixed-integer programs: between 1.84916 and 2.38043 in 200 s"),
    ("B", 0.1, "inf", "branch", "lipMIP 9.91 (240 s), LipBaB 17.1 (120 s); at least 2.3052"),
    ("B", None, "inf", "mccormick", "GeoLIP 6.6604; at least 4.5823"),
    ("B", 0.02, "2", "hr2", "Local-LipSDP .5436, auto_LiRPA .5948; at least .4626"),
    ("B", 0.1, "2", "hr2", "Local-LipSDP 1.3362, auto_LiRPA 3.119; at least .5173"),
    ("C", 0.1, "inf", "hr2", "auto_LiRPA 41.3, RecurJac 113.6; at least 1.778"),
    ("C", 0.1, "inf", "mccormick", "the same"),
]


def network(sizes: list[int]) -> tuple[la.Network, np.ndarray]:
    """Return a network and the centre of its boxes."""
    rng = np.random.default_rng(0)
    weights, biases = [], []
    for inputs, outputs in pairwise(sizes):
        weights.append(rng.standard_normal((outputs, inputs)) / np.sqrt(inputs))
        biases.append(0.1 * rng.standard_normal(outputs))
    return la.Network.from_arrays(weights, biases), 0.5 * rng.standard_normal(sizes[0])


def main(limit: float, only: str | None = None) -> None:
    """Print one line a row."""
    for name, radius, norm, method, others in ROWS:
        if only not in (None, method):
            continue
        net, center = network(NETWORKS[name])
        region = la.Everywhere() if radius is None else la.Box(center, radius)
        ranges = "interval" if radius is None else "lp"
        begin = time.perf_counter()
        result = la.lipschitz_constant(
            net, region, norm, method=method, ranges=ranges, time_limit=limit
        )
        spent = time.perf_counter() - begin
        where = "global" if radius is None else f"radius {radius}"
        print(
            f"{name} {where}, norm {norm}, {method}: {result.lower:.5f} <= L <= {result.upper:.5f} "
            f"({result.upper_kind}), {spent:.1f} s; {others}",
            flush=True,
        )


if __name__ == "__main__":
    main(
        float(sys.argv[1]) if len(sys.argv) > 1 else 120.0,
        sys.argv[2] if len(sys.argv) > 2 else None,
    )
