"""``radius``: a proven radius within which the predicted class stays."""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict
from typing import Any

from lipschitz_app.affine_relu import CertifiedRadius, certified_radius
from lipschitz_app.commands.arguments import add_printing_arguments
from lipschitz_app.commands.at_point import add_point_arguments, at_point


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "radius",
        help="certify a radius within which the class of a ReLU network stays",
        description="Certify a Euclidean radius around a point within which the class with the "
        "largest logit cannot change.",
    )
    add_point_arguments(parser)
    add_printing_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand and return the exit status."""
    return at_point(arguments, certified_radius, _data, str)


def _data(found: CertifiedRadius) -> dict[str, Any]:
    # JSON has no infinity.
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in asdict(found).items()
    }
