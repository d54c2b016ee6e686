"""``radius``: a proven radius within which the predicted class stays."""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict
from typing import Any

from lipschitz_app.affine_relu import CertifiedRadius, certified_radius
from lipschitz_app.commands.arguments import add_printing_arguments
from lipschitz_app.commands.at_point import add_point_arguments, at_point
from lipschitz_app.network import Network
from lipschitz_app.rounding import FloatArray


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "radius",
        help="certify a radius within which the class of a ReLU network stays",
        description="Certify a radius around a point within which the class with the "
        "largest logit cannot change.",
    )
    add_point_arguments(parser)
    parser.add_argument("--norm", default="2", help="norm of the ball: 1, 2 (default) or inf")
    add_printing_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand and return the exit status."""

    def analyse(net: Network, center: FloatArray) -> CertifiedRadius:
        return certified_radius(net, center, norm=arguments.norm)

    return at_point(arguments, analyse, _data, str)


def _data(found: CertifiedRadius) -> dict[str, Any]:
    # JSON has no infinity.
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in asdict(found).items()
    }
