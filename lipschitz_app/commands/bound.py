"""``bound``: upper and lower bounds on a network's Lipschitz constant."""

from __future__ import annotations

import argparse
import json
import sys
import time

import numpy as np

from lipschitz_app.commands.arguments import add_region_arguments, read_output, read_region
from lipschitz_app.lipschitz import METHODS, lipschitz_constant
from lipschitz_app.ranges import RANGE_METHODS
from lipschitz_app.readers import load_network


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "bound",
        help="bound the Lipschitz constant of a network",
        description="Bound the Lipschitz constant of a network on a region from both sides.",
    )
    parser.add_argument("network", help="network file (.npz)")
    add_region_arguments(parser)
    parser.add_argument("--norm", default="inf", help="norm of the inputs: 1, 2 or inf (default)")
    parser.add_argument(
        "--output", help="index (3), margin (3-5), weights of the outputs (1,0,-1), or all"
    )
    parser.add_argument(
        "--output-norm", help="norm of the outputs for --output all (that of the inputs)"
    )
    parser.add_argument("--method", default="auto", help=f"{', '.join(METHODS)} (default auto)")
    parser.add_argument(
        "--ranges",
        default="auto",
        help=f"how pre-activations are bounded first: {', '.join(RANGE_METHODS)}",
    )
    parser.add_argument("--no-proof", action="store_true", help="skip the proof")
    parser.add_argument("--no-lower", action="store_true", help="skip the lower bound")
    parser.add_argument("--time-limit", type=float, metavar="SECONDS")
    parser.add_argument("--solver", help="lowrank, or a conic solver such as clarabel")
    parser.add_argument("--seed", type=int, default=0, help="of the lower bound's random starts")
    parser.add_argument(
        "--save-proof", metavar="FILE", help="write the proof to a file (conic solvers)"
    )
    parser.add_argument("--save-witness", metavar="FILE", help="write the witness to a .npy file")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand and return the exit status."""
    begin = time.perf_counter()

    def progress(text: str) -> None:
        if not arguments.quiet:
            seconds = time.perf_counter() - begin
            print(f"[{seconds:7.2f} s] {text}", file=sys.stderr, flush=True)

    net = load_network(arguments.network)
    progress(f"{arguments.network}: {net!r}")
    result = lipschitz_constant(
        net,
        read_region(arguments, net.input_size),
        arguments.norm,
        read_output(arguments.output, net),
        output_norm=arguments.output_norm,
        method=arguments.method,
        ranges=arguments.ranges,
        prove=not arguments.no_proof,
        lower=not arguments.no_lower,
        rng=arguments.seed,
        solver=arguments.solver,
        time_limit=arguments.time_limit,
        progress=progress,
    )
    # The result first: saving can fail, and the numbers have been paid for.
    print(json.dumps(result.to_dict(), indent=2) if arguments.json else result)
    if arguments.save_proof:
        result.save_proof(arguments.save_proof)
        progress(f"proof written to {arguments.save_proof}")
    if arguments.save_witness and result.witness is not None:
        np.save(arguments.save_witness, result.witness)
        progress(f"witness written to {arguments.save_witness}")
    return 0
