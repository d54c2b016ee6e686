"""Affine-ReLU analysis: bounds, time and memory beside the published figures.

Run ``python benchmarks/affine_relu.py [mnist cifar alexnet vgg16] [--samples 100000] [--norms 2 1
inf] [--json FILE]``. The trained networks are those of ``trained_networks.py``; with ``--samples``
anchored ratios at points of each of their balls are compared with the bound (``sampling.py``), and
a ratio above a bound is an error. AlexNet and VGG-16 have their architectures with seeded random
weights, so only their times and memory compare. Published figures: Avant and Morgansen,
arXiv:2104.14672, on a GPU whose model is not stated; their bounds come from power iteration and may
be too low.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from sampling import sample_ball
from trained_networks import EXACT, NAMES, NOMINAL, RADII, inputs, network, require_data

import lipschitz_app as la
from lipschitz_app.affine_relu import AnchoredBound, anchored_bound, certified_radius, global_bound
from lipschitz_app.affine_relu.architectures import IMAGE, alexnet, vgg16
from lipschitz_app.rounding import Norm

PUBLISHED = {
    "mnist": ("global 103 821", "361.5 at .001", "0.072 s"),
    "cifar": ("global 18 247", "752.6 at .001", "0.44 s"),
    "alexnet": ("global 1.1547e9", "1.824e6 at .001", "16.5 s"),
    "vgg16": ("global 1.9117e15", "2.197e14 at .001", "3737 s"),
}


@dataclass(frozen=True)
class Case:
    """A network, its nominal input and the radii to bound."""

    name: str
    net: la.Network
    center: np.ndarray
    radii: tuple[float, ...]
    trained: bool


@dataclass(frozen=True)
class Row:
    """A proven bound and, where points were sampled, the largest ratio among them."""

    network: str
    norm: str
    radius: float
    bound: float
    seconds: float
    points: int = 0
    largest_ratio: float = 0.0
    sampling_seconds: float = 0.0


def case(name: str) -> Case:
    """Return a case by name."""
    if name in NAMES:
        require_data()
        return Case(name, network(name), inputs(name)[NOMINAL[name]], RADII[name], True)
    rng = np.random.default_rng(0)
    net = alexnet(rng) if name == "alexnet" else vgg16(rng)
    return Case(name, net, rng.standard_normal(IMAGE), (0.001,), False)


def report(name: str, norm: Norm, radius: float, bound: float, wall: float, cpu: float) -> None:
    """Print one row."""
    exact = EXACT.get((name, radius)) if norm == "2" else None
    excess = f"{bound / exact - 1:+9.1e}" if exact else "        ?"
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{name:8s} {norm:>4s} {radius:10.5g} {bound:16.8g} {excess} {wall:9.2f} {cpu:9.2f} "
        f"{memory:6.2f}",
        flush=True,
    )


def run_norm(item: Case, norm: Norm, samples: int, work: float, details: bool) -> list[Row]:
    """Print and return the rows of one network in one norm."""
    rows = []
    for radius in item.radii:
        start, cpu = time.perf_counter(), time.process_time()
        found: AnchoredBound = anchored_bound(item.net, item.center, radius, norm=norm, work=work)
        cpu = time.process_time() - cpu
        report(item.name, norm, radius, found.bound, time.perf_counter() - start, cpu)
        if details:
            print(found)
        row = Row(item.name, norm, radius, found.bound, cpu)
        if samples and item.trained:
            name = f"{item.name}, norm {norm}, radius {radius:.5g}"
            tried = sample_ball(
                item.net, item.center, radius, norm=norm, count=samples, rng=1, name=name
            )
            ratio, seconds = tried.largest_ratio, tried.seconds
            row = Row(item.name, norm, radius, found.bound, cpu, tried.points, ratio, seconds)
            kinds = ", ".join(f"{kind} {value:.6g}" for kind, value in tried.ratios.items())
            below = "below" if ratio <= found.bound else "ABOVE"
            print(
                f"  largest of {tried.points} sampled ratios {ratio:.6g} ({kinds}), {below} the "
                f"bound; {seconds:.1f} CPU s",
                flush=True,
            )
        rows.append(row)
    if item.trained:
        start, cpu = time.perf_counter(), time.process_time()
        whole = global_bound(item.net, norm=norm, work=work)
        cpu = time.process_time() - cpu
        report(item.name, norm, np.inf, whole.bound, time.perf_counter() - start, cpu)
        points, ratio = sum(row.points for row in rows), max(row.largest_ratio for row in rows)
        rows.append(Row(item.name, norm, np.inf, whole.bound, cpu, points, ratio))
    return rows


def run(item: Case, norms: list[Norm], samples: int, work: float, details: bool) -> list[Row]:
    """Print and return the rows of one network."""
    print("published:", ", ".join(PUBLISHED[item.name]))
    rows = [row for norm in norms for row in run_norm(item, norm, samples, work, details)]
    if item.trained and "2" in norms:
        start = time.perf_counter()
        safe = certified_radius(item.net, item.center, work=work)
        print(
            f"  certified radius {safe.radius:.7g} (margins), {safe.logit_rule_radius:.7g} (sqrt 2 "
            f"rule), {time.perf_counter() - start:.1f} s"
        )
    return rows


def main() -> None:
    """Run the networks named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["mnist", "cifar"])
    parser.add_argument("--samples", type=int, default=0, help="sampled ratios per bound")
    parser.add_argument("--norms", nargs="+", choices=["1", "2", "inf"], default=["2"])
    parser.add_argument("--work", type=float, default=4e11, help="operations per layer's proof")
    parser.add_argument("--details", action="store_true", help="print the layers")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    arguments = parser.parse_args()
    print("network  norm     radius  anchored bound  excess   wall s     CPU s    GiB")
    rows: list[Row] = []
    for name in arguments.names:
        options = arguments.norms, arguments.samples, arguments.work, arguments.details
        rows += run(case(name), *options)
    if arguments.json:
        text = json.dumps({"affine_relu": [asdict(row) for row in rows]}, indent=1)
        arguments.json.write_text(text, encoding="utf-8")
    if any(row.largest_ratio > row.bound for row in rows):
        sys.exit("a proven bound was contradicted")


if __name__ == "__main__":
    main()
