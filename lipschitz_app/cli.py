"""The command line: one subcommand a file in `lipschitz_app.commands`.

Exit status: 0 with an answer, 2 for input that cannot be used, 1 for no answer (a solver or a time
limit). Results go to standard output, progress and errors to standard error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from lipschitz_app.commands import anchored, bound, certify, check, compare, demo, radius, sweep
from lipschitz_app.errors import NoBoundError
from polyopt.errors import MemoryEstimateError, PolyoptError, SolverError

COMMANDS = (bound, check, compare, sweep, certify, anchored, radius, demo)
"""Modules with ``add_parser(subparsers)``, which sets the function that runs as ``run``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m lipschitz_app",
        description="Proven bounds on Lipschitz constants of neural networks.",
    )
    parser.add_argument("--version", action="version", version=f"lipschitz_app {_version()}")
    subparsers = parser.add_subparsers(title="commands", metavar="command")
    for command in COMMANDS:
        command.add_parser(subparsers)
    arguments = parser.parse_args(argv)
    if not hasattr(arguments, "run"):
        parser.print_help()
        return 0
    try:
        status = arguments.run(arguments)
    except (NoBoundError, SolverError, MemoryEstimateError) as error:
        print(f"no answer: {error}", file=sys.stderr)
        return 1
    except PolyoptError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 1
    return int(status)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("polyopt")
    except PackageNotFoundError:  # a checkout that is not installed
        return "of a source tree"
