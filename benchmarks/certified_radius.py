"""Points inside certified radii: class changes, least margins, ratios beside the bound.

Run ``python benchmarks/certified_radius.py [mnist cifar] [--points 100000] [--json FILE]``. For
each input of the trained networks (``trained_networks.py``) the radii of both rules are proven, and
points of both balls are tried (``sampling.py``): random ones, ones near the directions along which
another logit rises most against the class, and attacks that follow the gradients. Their anchored
ratios are compared with the bound proven on the same ball. A change of the class or a ratio above
the bound is an error.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from sampling import sample_ball
from trained_networks import NAMES, inputs, network, require_data

import lipschitz_app as la
from lipschitz_app.affine_relu import anchored_bound, certified_radius


@dataclass(frozen=True)
class Row:
    """What the points of one ball showed; `seconds` are CPU seconds of sampling."""

    network: str
    input: str
    rule: str
    label: int
    radius: float
    bound: float
    points: int
    class_changes: int
    gap: float
    least_margin: float
    largest_ratio: float
    seconds: float

    def contradicts(self) -> bool:
        """Return whether a point shows that something proven is wrong."""
        return self.class_changes != 0 or self.largest_ratio > self.bound


def try_points(name: str, key: str, net: la.Network, image: np.ndarray, count: int) -> list[Row]:
    """Certify one input by both rules and try points of both balls."""
    proven, rows = certified_radius(net, image), []
    rules = {"sqrt 2": proven.logit_rule_radius, "margin": proven.margin_rule_radius}
    for rule, radius in rules.items():
        bound = anchored_bound(net, image, radius).bound
        title = f"{name} {key}, {rule} rule"
        tried = sample_ball(net, image, radius, count=count, label=proven.label, name=title)
        rows.append(
            Row(
                *(name, key, rule, proven.label, radius, bound, tried.points),
                *(tried.class_changes, proven.gap, tried.least_margin, tried.largest_ratio),
                tried.seconds,
            )
        )
    return rows


def main() -> None:
    """Try all inputs and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=list(NAMES), help="mnist, cifar")
    parser.add_argument("--points", type=int, default=100_000, help="points per ball")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    arguments = parser.parse_args()
    require_data()
    print(
        "| input | rule | radius | points | class changes | logit gap | least margin found | "
        "largest ratio | bound on the ball | CPU s |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
    rows = []
    for name in arguments.networks:
        net = network(name)
        for key, image in inputs(name).items():
            for row in try_points(name, key, net, image, arguments.points):
                rows.append(row)
                print(
                    f"| {name} {key} | {row.rule} | {row.radius:.6g} | {row.points} | "
                    f"{row.class_changes} | {row.gap:.4f} | {row.least_margin:.4f} | "
                    f"{row.largest_ratio:.4f} | {row.bound:.6g} | {row.seconds:.1f} |",
                    flush=True,
                )
    if arguments.json:
        text = json.dumps({"certified_radius": [asdict(row) for row in rows]}, indent=1)
        arguments.json.write_text(text, encoding="utf-8")
    if any(row.contradicts() for row in rows):
        sys.exit("a proven bound was contradicted")


if __name__ == "__main__":
    main()
