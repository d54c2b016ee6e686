"""``bound``: upper and lower bounds on a network's Lipschitz constant."""

from __future__ import annotations

import argparse
import json

import numpy as np

from lipschitz_app.commands import arguments as shared
from lipschitz_app.commands.progress import Progress
from lipschitz_app.interrupts import watched_interrupts
from lipschitz_app.lipschitz import METHODS, lipschitz_constant
from lipschitz_app.readers import load_network


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "bound",
        help="bound the Lipschitz constant of a network",
        description="Bound the Lipschitz constant of a network on a region from both sides. "
        "Ctrl-C leaves the bound that is proven by then.",
    )
    shared.add_network_argument(parser)
    shared.add_region_arguments(parser)
    parser.add_argument(
        "--output", help="index (3), margin (3-5), weights of the outputs (1,0,-1), or all"
    )
    parser.add_argument("--method", default="auto", help=f"{', '.join(METHODS)} (default auto)")
    shared.add_bound_arguments(parser)
    parser.add_argument(
        "--save-proof", metavar="FILE", help="write the proof to a file, for the command check"
    )
    parser.add_argument("--save-witness", metavar="FILE", help="write the witness to a .npy file")
    shared.add_printing_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand and return the exit status."""
    progress = Progress(arguments.quiet)
    (method,) = shared.check_methods([arguments.method])
    options = shared.bound_options(arguments)
    net = load_network(arguments.network)
    progress(f"{arguments.network}: {net!r}")
    region = shared.read_region(arguments, net.input_size)
    output = shared.read_output(arguments.output, net)
    with watched_interrupts() as interrupts:
        result = lipschitz_constant(
            net, region, arguments.norm, output, method=method, progress=progress, **options
        )
    if interrupts.came:
        progress("interrupted: this is what was proven by then")
    # The result first: saving can fail, and the numbers have been paid for.
    print(json.dumps(result.to_dict(), indent=2) if arguments.json else result)
    if arguments.save_proof:
        result.save_proof(arguments.save_proof)
        progress(f"proof written to {arguments.save_proof}")
    if arguments.save_witness and result.witness is not None:
        np.save(arguments.save_witness, result.witness)
        progress(f"witness written to {arguments.save_witness}")
    return 0
