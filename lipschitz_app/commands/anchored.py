"""``anchored``: a proven bound on the anchored Lipschitz constant of a ReLU network."""

from __future__ import annotations

import argparse
import json
import sys
import time

from lipschitz_app.affine_relu import anchored_bound
from lipschitz_app.commands.arguments import read_point
from lipschitz_app.errors import InvalidOptionError
from lipschitz_app.readers import load_network


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "anchored",
        help="bound the anchored Lipschitz constant of a ReLU network on a ball",
        description="Bound sup |f(x) - f(x0)| / |x - x0| over a ball around x0. This anchored "
        "constant is at most the pairwise one, which `bound` is about.",
    )
    parser.add_argument("network", help="network file")
    parser.add_argument(
        "--center",
        metavar="FILE",
        required=True,
        help="a point: .npy, .npz (FILE:name), .csv, .txt",
    )
    parser.add_argument("--radius", type=float, required=True, help="radius of the ball")
    parser.add_argument("--norm", default="2", help="norm of all spaces: 1, 2 (default) or inf")
    parser.add_argument(
        "--method",
        default="analytic",
        help="analytic (default; any size), or tightened: polynomial relaxations of small layers "
        "and networks, and a lower bound",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the lower bound's random starts")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand and return the exit status."""
    begin = time.perf_counter()
    if arguments.seed < 0:
        raise InvalidOptionError(f"--seed is {arguments.seed}; give a nonnegative integer")
    net = load_network(arguments.network)
    if not arguments.quiet:
        print(f"{arguments.network}: {net!r}", file=sys.stderr, flush=True)
    result = anchored_bound(
        net,
        read_point(arguments.center),
        arguments.radius,
        arguments.method,
        norm=arguments.norm,
        rng=arguments.seed,
    )
    if not arguments.quiet:
        print(f"{time.perf_counter() - begin:.2f} s", file=sys.stderr, flush=True)
    print(json.dumps(result.to_dict(), indent=2) if arguments.json else result)
    return 0
