"""``radius``: a proven radius within which the predicted class stays."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from dataclasses import asdict

from lipschitz_app.affine_relu import certified_radius
from lipschitz_app.commands.arguments import read_point
from lipschitz_app.readers import load_network


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "radius",
        help="certify a radius within which the class of a ReLU network stays",
        description="Certify a Euclidean radius around a point within which the class with the "
        "largest logit cannot change.",
    )
    parser.add_argument("network", help="network file")
    parser.add_argument(
        "--center",
        metavar="FILE",
        required=True,
        help="a point: .npy, .npz (FILE:name), .csv, .txt",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand and return the exit status."""
    begin = time.perf_counter()
    net = load_network(arguments.network)
    if not arguments.quiet:
        print(f"{arguments.network}: {net!r}", file=sys.stderr, flush=True)
    found = certified_radius(net, read_point(arguments.center))
    if not arguments.quiet:
        print(f"{time.perf_counter() - begin:.2f} s", file=sys.stderr, flush=True)
    if arguments.json:
        # JSON has no infinity.
        values = {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in asdict(found).items()
        }
        print(json.dumps(values, indent=2))
        return 0
    print(f"class {found.label} within radius {found.radius:.8g} ({found.kind})")
    print(f"  by the gap of the logits   {found.logit_rule_radius:.8g}")
    print(f"  by the margins             {found.margin_rule_radius:.8g}")
    print(f"  gap {found.gap:.8g}, anchored bound {found.bound:.8g} on that ball")
    return 0
