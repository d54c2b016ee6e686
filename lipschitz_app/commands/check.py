"""``check``: a saved proof of a Lipschitz bound, checked against the network without a solver."""

from __future__ import annotations

import argparse
import json

from lipschitz_app.commands import arguments as shared
from lipschitz_app.errors import InvalidRegionError
from lipschitz_app.proof_files import load_proof
from lipschitz_app.readers import load_network
from lipschitz_app.saved_proof import rounded_up


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "check",
        help="check a saved proof of a bound, without a solver",
        description="Prove a bound again from the network and a file of `bound --save-proof`, "
        "without any solver. What the bound is about is printed; options say what it has to be "
        "about.",
    )
    parser.add_argument("proof", help="proof file, from bound --save-proof")
    shared.add_network_argument(parser)
    shared.add_region_arguments(parser, title="region (that of the proof when left out)")
    parser.add_argument("--norm", help="norm of the inputs that the bound has to be about")
    parser.add_argument(
        "--output", help="output: an index (3), margin (3-5), weights (1,0,-1), or all"
    )
    parser.add_argument("--output-norm", help="norm of the outputs for the output all")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand and return the exit status."""
    proof = load_proof(arguments.proof)
    net = load_network(arguments.network)
    given = (arguments.center, arguments.radius, arguments.lower, arguments.upper)
    region = None
    if any(value is not None for value in given) or arguments.ball:
        region = shared.read_region(arguments, net.input_size)
    elif arguments.domain is not None:
        raise InvalidRegionError("--domain goes with a region: --center and --radius, or corners")
    output = "any" if arguments.output is None else shared.read_output(arguments.output, net)
    value = proof.check(
        net, region=region, norm=arguments.norm, output=output, output_norm=arguments.output_norm
    )
    if arguments.json:
        print(json.dumps({"upper": value, "upper_kind": "proven", **proof.to_dict()}, indent=2))
    else:
        print(f"{proof.about}: at most {rounded_up(value)} (proven, by {proof.method})")
    return 0
