"""``anchored``: a proven bound on the anchored Lipschitz constant of a ReLU network."""

from __future__ import annotations

import argparse

from lipschitz_app.affine_relu import AnchoredBound, anchored_bound
from lipschitz_app.commands.arguments import add_printing_arguments
from lipschitz_app.commands.at_point import add_point_arguments, at_point
from lipschitz_app.errors import InvalidOptionError
from lipschitz_app.network import Network
from lipschitz_app.rounding import FloatArray


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "anchored",
        help="bound the anchored Lipschitz constant of a ReLU network on a ball",
        description="Bound sup |f(x) - f(x0)| / |x - x0| over a ball around x0. This anchored "
        "constant is at most the pairwise one, which `bound` is about.",
    )
    add_point_arguments(parser)
    parser.add_argument("--radius", type=float, required=True, help="radius of the ball")
    parser.add_argument("--norm", default="2", help="norm of all spaces: 1, 2 (default) or inf")
    parser.add_argument(
        "--method",
        default="analytic",
        help="analytic (default; any size), or tightened: polynomial relaxations of small layers "
        "and networks, and a lower bound",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the lower bound's random starts")
    add_printing_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand and return the exit status."""
    if arguments.seed < 0:
        raise InvalidOptionError(f"--seed is {arguments.seed}; give a nonnegative integer")

    def analyse(net: Network, center: FloatArray) -> AnchoredBound:
        return anchored_bound(
            net,
            center,
            arguments.radius,
            arguments.method,
            norm=arguments.norm,
            rng=arguments.seed,
        )

    return at_point(arguments, analyse, AnchoredBound.to_dict, str)
