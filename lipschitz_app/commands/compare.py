"""``compare``: several methods on one network and region, as a table."""

from __future__ import annotations

import argparse
import json
import math

from lipschitz_app.commands import arguments as shared
from lipschitz_app.commands.progress import Progress
from lipschitz_app.comparison import compare
from lipschitz_app.readers import load_network


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "compare",
        help="bound one Lipschitz constant by several methods",
        description="Bound one Lipschitz constant by several methods and print a table. "
        "Ctrl-C leaves the methods that were tried by then.",
    )
    shared.add_network_argument(parser)
    shared.add_region_arguments(parser)
    parser.add_argument(
        "--output", help="index (3), margin (3-5), weights of the outputs (1,0,-1), or all"
    )
    parser.add_argument("--methods", nargs="+", help="names of methods (all that suit the network)")
    shared.add_bound_arguments(parser)
    shared.add_printing_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand and return the exit status."""
    progress = Progress(arguments.quiet)
    methods = None if arguments.methods is None else shared.check_methods(arguments.methods)
    options = shared.bound_options(arguments)
    net = load_network(arguments.network)
    progress(f"{arguments.network}: {net!r}")
    region = shared.read_region(arguments, net.input_size)
    output = shared.read_output(arguments.output, net)
    with progress.bar("methods"):
        found = compare(net, region, arguments.norm, output, methods, progress=progress, **options)
    print(json.dumps(found.to_dict(), indent=2) if arguments.json else found)
    return 0 if any(math.isfinite(row.upper) for row in found) else 1
