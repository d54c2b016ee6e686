"""Every upper-bound method on small random networks, beside figures of other systems.

Network A has 10 inputs, 20 relu neurons and 1 output, B has 20-40-40-1; weights are standard normal
over the square root of the fan-in, biases 0.1 normal, the centre 0.5 normal, from
``numpy.random.default_rng(seed)``. The cited figures were computed with the systems named, on the
same networks.

Run ``python benchmarks/lipschitz_methods.py`` (about a minute), or with ``--quick`` for
network A, seed 0, alone.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

import lipschitz_app as la

LIMIT = 120.0
"""Seconds for each bound; "branch" stops at a relative gap of 1e-3."""


@dataclass(frozen=True, slots=True)
class Row:
    """A method on a region in a norm, and what others reach there, by seed."""

    norm: object
    radius: float | None
    method: str
    cited: str = ""
    values: tuple[float, ...] = ()


A = (
    Row("inf", 0.1, "interval", "FastLip", (4.3313, 2.3512, 3.3717)),
    Row("inf", 0.1, "krivine-2", "LipOpt-2, corrected", (3.5220, 1.9926, 2.3237)),
    Row("inf", 0.1, "shor", "GeoLIP with stable neurons fixed", (3.5220, 1.9933, 2.0632)),
    Row("inf", 0.1, "hr2"),
    Row("inf", 0.1, "mccormick", "Shor and McCormick, Clarabel", (3.5021, 1.9926, 2.0269)),
    Row("inf", 0.1, "cuts"),
    Row("inf", 0.1, "branch", "lipMIP, LipBaB", (2.903741, 1.982572, 1.923653)),
    Row("inf", 0.1, "exact", "lipMIP, LipBaB", (2.903741, 1.982572, 1.923653)),
    Row("inf", 0.1, "milp", "lipMIP, LipBaB", (2.903741, 1.982572, 1.923653)),
    Row("inf", None, "product", "product of norms", (18.943,)),
    Row("inf", None, "shor", "Shor", (4.16948, 2.92787, 3.93192)),
    Row("inf", None, "krivine", "LipOpt-3", (3.991705, 2.902875, 3.691073)),
    Row("inf", None, "branch", "enumeration", (3.928431, 2.872783, 3.691073)),
    Row("2", None, "product", "product of norms", (2.6416, 1.9122, 3.0531)),
    Row("2", None, "lipsdp-layer", "LipSDP-Layer", (1.6783, 1.2387, 1.7614)),
    Row("2", None, "lipsdp", "LipSDP-Neuron", (1.377606, 0.984086, 1.450976)),
    Row("2", None, "branch", "enumeration", (1.341542, 0.978629, 1.414346)),
    Row("2", 0.1, "interval", "auto_LiRPA", (1.31434, 0.75056, 0.98261)),
    Row("2", 0.1, "lipsdp", "Local-LipSDP", (1.22258, 0.72297, 0.78823)),
    Row("2", 0.1, "branch", "enumeration", (1.027279, 0.714049, 0.740255)),
    Row("2", 0.1, "exact", "enumeration", (1.027279, 0.714049, 0.740255)),
    Row("1", 0.1, "interval"),
    Row("1", 0.1, "hr2"),
    Row("1", 0.1, "exact"),
)

B = (
    Row("inf", 0.02, "interval", "FastLip", (8.167,)),
    Row("inf", 0.02, "exact", "lipMIP 1.5 to 5.6 s, LipBaB 78 s", (1.771380,)),
    Row("2", 0.02, "lipsdp", "Local-LipSDP", (0.5436,)),
    Row("2", 0.1, "lipsdp", "Local-LipSDP", (1.3362,)),
    Row("2", None, "lipsdp", "LipSDP-Neuron, 18 s of CPU time", (1.546773,)),
)


def network(sizes: tuple[int, ...], seed: int) -> tuple[la.Network, np.ndarray]:
    """A random network and a point."""
    rng = np.random.default_rng(seed)
    weights, biases = [], []
    for inputs, outputs in pairwise(sizes):
        weights.append(rng.standard_normal((outputs, inputs)) / np.sqrt(inputs))
        biases.append(0.1 * rng.standard_normal(outputs))
    return la.Network.from_arrays(weights, biases), 0.5 * rng.standard_normal(sizes[0])


def measure(
    name: str, net: la.Network, center: np.ndarray, seed: int, rows: tuple[Row, ...]
) -> None:
    """Print a table of the rows for one network."""
    print(f"\nnetwork {name}, seed {seed}")
    print(f"{'norm':>4} {'box':>5} {'method':>13} {'bound':>10} {'kind':>9} {'time':>8}  cited")
    for row in rows:
        region = la.Everywhere() if row.radius is None else la.Box(center, row.radius)
        begin = time.perf_counter()
        result = la.lipschitz_constant(
            net, region, row.norm, method=row.method, lower=False, time_limit=LIMIT
        )
        seconds = time.perf_counter() - begin
        cited = f"{row.values[seed]:.6g} {row.cited}" if seed < len(row.values) else ""
        place = "all" if row.radius is None else f"{row.radius:g}"
        print(
            f"{row.norm!s:>4} {place:>5} {row.method:>13} {result.upper:10.6f} "
            f"{result.upper_kind:>9} {seconds:6.2f} s  {cited}",
            flush=True,
        )


def lower_bounds(net: la.Network, center: np.ndarray, radius: float) -> None:
    """Print the lower bounds of one network."""
    for norm in ("inf", "2", "1"):
        begin = time.perf_counter()
        found = la.lipschitz_lower_bound(net, la.Box(center, radius), norm)
        seconds = time.perf_counter() - begin
        print(
            f"{norm:>4} {radius:>5g} {'lower bound':>13} {found.value:10.6f} {found.kind:>9} "
            f"{seconds:6.2f} s"
        )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="network A, seed 0, alone")
    quick = parser.parse_args().quick
    # The first program of each kind pays for imports.
    warm, _ = network((2, 3, 1), 0)
    for method in ("shor", "krivine", "milp"):
        la.lipschitz_constant(warm, la.Box([0.0, 0.0], 1.0), method=method, lower=False)
    for seed in range(1 if quick else 3):
        net, center = network((10, 20, 1), seed)
        measure("A", net, center, seed, A)
        lower_bounds(net, center, 0.1)
    if not quick:
        net, center = network((20, 40, 40, 1), 0)
        measure("B", net, center, 0, B)
        lower_bounds(net, center, 0.02)


if __name__ == "__main__":
    main()
