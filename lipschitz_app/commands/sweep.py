"""``sweep``: bounds for many inputs, radii, outputs and methods, kept in a file and resumed."""

from __future__ import annotations

import argparse
import json
import sys

from lipschitz_app.commands import arguments as shared
from lipschitz_app.commands.progress import Progress
from lipschitz_app.network import Network
from lipschitz_app.readers import load_network
from lipschitz_app.regions import Ball, Box, Region
from lipschitz_app.sweeps import Sweep, SweepInterrupted, sweep


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "sweep",
        help="bound Lipschitz constants for many inputs, radii, outputs and methods",
        description="Bound Lipschitz constants for all inputs, radii, outputs and methods. "
        "With --store, results are kept as they come, and the same command goes on from them.",
    )
    shared.add_network_argument(parser)
    shared.add_input_arguments(parser)
    parser.add_argument("--radius", type=float, nargs="+", required=True, help="of the regions")
    parser.add_argument("--ball", action="store_true", help="Euclidean balls instead of boxes")
    parser.add_argument(
        "--outputs", nargs="+", help="indices (3), margins (3-5), weights (1,0,-1), or all"
    )
    parser.add_argument("--methods", nargs="+", default=["auto"], help="names of methods (auto)")
    parser.add_argument(
        "--retry-errors", action="store_true", help="try again what the store has no bound for"
    )
    shared.add_bound_arguments(parser)
    shared.add_printing_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand and return the exit status."""
    progress = Progress(arguments.quiet)
    methods = shared.check_methods(arguments.methods)
    options = shared.bound_options(arguments)
    net = load_network(arguments.network)
    progress(f"{arguments.network}: {net!r}")
    try:
        with progress.bar("bounds"):
            found = sweep(
                net,
                _regions(arguments, net),
                shared.read_outputs(arguments.outputs, net),
                methods,
                norm=arguments.norm,
                n_jobs=arguments.jobs,
                store=arguments.store,
                retry_errors=arguments.retry_errors,
                progress=progress,
                **options,
            )
    except SweepInterrupted as reason:
        _show(reason.partial, arguments.json)
        print(f"interrupted: {reason}", file=sys.stderr)
        return 1
    _show(found, arguments.json)
    return 0 if any(row.result is not None for row in found) else 1


def _regions(arguments: argparse.Namespace, net: Network) -> dict[str, Region]:
    domain = shared.read_domain(arguments, net.input_size)
    regions: dict[str, Region] = {}
    for number, point in enumerate(shared.read_inputs(arguments.inputs, net)):
        for radius in arguments.radius:
            region: Region = Ball(point, radius) if arguments.ball else Box(point, radius)
            name = f"input {number}, radius {radius:g}"
            regions[name] = region if domain is None else region.intersect(domain)
    return regions


def _show(found: Sweep, as_json: bool) -> None:
    print(json.dumps(found.to_dict(), indent=2) if as_json else found)
