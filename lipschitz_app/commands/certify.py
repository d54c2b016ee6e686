"""``certify``: certified accuracy, or the radius within which the class of one input stays."""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np

from lipschitz_app.certify import Certification, CertifiedAccuracy, certified_accuracy, certify
from lipschitz_app.commands import arguments as shared
from lipschitz_app.commands.progress import Progress
from lipschitz_app.errors import InvalidOptionError
from lipschitz_app.network import Network
from lipschitz_app.readers import load_network


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "certify",
        help="certify classes: how many inputs keep theirs within a radius",
        description="Certify by Lipschitz bounds of the margins that no input within a radius has "
        "another class. For one input without a radius, find a large one.",
    )
    shared.add_network_argument(parser)
    shared.add_input_arguments(parser)
    parser.add_argument(
        "--labels", metavar="FILE", help="true classes; without them, those of the network"
    )
    parser.add_argument("--radius", type=float, help="radius to certify, in the norm")
    parser.add_argument("--norm", default="inf", help="norm of the inputs: 2 or inf (default)")
    parser.add_argument("--method", default="auto", help="for margins that intervals do not settle")
    parser.add_argument("--steps", type=int, default=8, help="radii to try where none is given (8)")
    parser.add_argument("--time-limit", type=float, metavar="SECONDS", help="for each bound")
    shared.add_printing_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand and return the exit status."""
    progress = Progress(arguments.quiet)
    (method,) = shared.check_methods([arguments.method])
    net = load_network(arguments.network)
    progress(f"{arguments.network}: {net!r}")
    inputs = shared.read_inputs(arguments.inputs, net)
    options: dict[str, Any] = {
        "norm": arguments.norm,
        "method": method,
        "domain": shared.read_domain(arguments, net.input_size),
    }
    if arguments.time_limit is not None:
        options["time_limit"] = arguments.time_limit
    if arguments.radius is None:
        if len(inputs) > 1 or arguments.labels or arguments.store:
            raise InvalidOptionError(
                f"{len(inputs)} inputs and no --radius; a radius is searched for one input only, "
                "without --labels and --store"
            )
        single = certify(net, inputs[0], steps=arguments.steps, **options)
        print(json.dumps(_one(single), indent=2) if arguments.json else single)
        return 0
    labels = _classes(net, inputs)
    if arguments.labels is not None:
        labels = shared.read_labels(arguments.labels, net)
    with progress.bar("inputs"):
        found = certified_accuracy(
            net,
            inputs,
            labels,
            arguments.radius,
            n_jobs=arguments.jobs,
            store=arguments.store,
            progress=progress,
            **options,
        )
    if arguments.json:
        print(json.dumps(_all(found, labels), indent=2))
    else:
        print(found)
        for number, (label, radius) in enumerate(zip(labels, found.radii, strict=True)):
            right = "" if found.correct[number] else f", not {label}"
            word = "certified" if found.certified[number] else "not certified"
            print(f"  input {number}: {word}{right}, proven within {radius:.6g}")
    return 0


def _classes(net: Network, inputs: list[Any]) -> list[int]:
    return [int(np.argmax(net(point))) for point in inputs]


def _one(found: Certification) -> dict[str, Any]:
    def finite(values: Any) -> list[float | None]:
        # JSON has no infinity.
        return [float(value) if np.isfinite(value) else None for value in values]

    return {
        "label": found.label,
        "radius": found.radius,
        "tested": found.tested,
        "certified": found.certified,
        "norm": found.norm,
        "margins": finite(found.margins),
        "bounds": finite(found.bounds),
        "methods": list(found.methods),
        "seconds": round(found.seconds, 6),
    }


def _all(found: CertifiedAccuracy, labels: list[int]) -> dict[str, Any]:
    rows = zip(labels, found.correct, found.certified, found.radii, strict=True)
    return {
        "radius": found.radius,
        "norm": found.norm,
        "accuracy": found.accuracy,
        "certified_accuracy": found.certified_accuracy,
        "inputs": [
            {"label": label, "correct": right, "certified": sure, "radius": radius}
            for label, right, sure, radius in rows
        ],
    }
