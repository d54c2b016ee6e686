"""What the subcommands about a network at one point share: options, reading, progress, printing."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

from lipschitz_app.commands.arguments import add_network_argument, read_point
from lipschitz_app.network import Network
from lipschitz_app.readers import load_network
from lipschitz_app.rounding import FloatArray

Result = TypeVar("Result")


def add_point_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the network and the point, before the options of the subcommand's own."""
    add_network_argument(parser)
    parser.add_argument(
        "--center",
        metavar="FILE",
        required=True,
        help="a point: .npy, .npz (FILE:name), .csv, .txt",
    )


def at_point(
    arguments: argparse.Namespace,
    analyse: Callable[[Network, FloatArray], Result],
    as_data: Callable[[Result], dict[str, Any]],
    as_text: Callable[[Result], str],
) -> int:
    """Analyse the network at the point, print the result, return the exit status."""
    begin = time.perf_counter()
    net = load_network(arguments.network)
    if not arguments.quiet:
        print(f"{arguments.network}: {net!r}", file=sys.stderr, flush=True)
    result = analyse(net, read_point(arguments.center))
    if not arguments.quiet:
        print(f"{time.perf_counter() - begin:.2f} s", file=sys.stderr, flush=True)
    print(json.dumps(as_data(result), indent=2) if arguments.json else as_text(result))
    return 0
