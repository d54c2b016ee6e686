"""Options that subcommands share, and reading them: networks, regions, inputs, outputs, limits."""

from __future__ import annotations

import argparse
import inspect
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lipschitz_app.errors import InvalidOptionError, InvalidRegionError
from lipschitz_app.lipschitz import METHODS, lipschitz_constant
from lipschitz_app.network import Network
from lipschitz_app.outputs import Output
from lipschitz_app.readers.arrays import read_arrays
from lipschitz_app.readers.npy import read_npy
from lipschitz_app.regions import Ball, Box, Everywhere, Region
from lipschitz_app.rounding import FloatArray
from polyopt.solvers import known_solvers


def add_network_argument(parser: argparse.ArgumentParser) -> None:
    """Add the network file."""
    parser.add_argument(
        "network", help="network file: .npz, .onnx, .pt2, or a state dictionary (.pt, .pth)"
    )


def add_printing_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options about what is printed."""
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")


def add_bound_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the norms and what :func:`lipschitz_constant` takes beside region, output and method."""
    parser.add_argument("--norm", default="inf", help="norm of the inputs: 1, 2 or inf (default)")
    parser.add_argument(
        "--output-norm", help="norm of the outputs for the output all (that of the inputs)"
    )
    parser.add_argument(
        "--ranges",
        default="auto",
        help="how pre-activations are bounded first: auto (default), interval, crown or lp",
    )
    parser.add_argument(
        "--gap", type=float, default=1e-3, help="relative gap at which branch stops (1e-3)"
    )
    parser.add_argument("--time-limit", type=float, metavar="SECONDS", help="for each upper bound")
    parser.add_argument("--solver", help="lowrank, or a conic solver such as clarabel")
    parser.add_argument("--no-proof", action="store_true", help="skip the proof")
    parser.add_argument("--no-lower", action="store_true", help="skip the lower bound")
    parser.add_argument("--seed", type=int, default=0, help="of the lower bound's random starts")


def bound_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return those that differ from the defaults as keyword arguments, without the norm.

    Tasks of a sweep are named by the options they are given; so they are the same as in Python.
    """
    if arguments.seed < 0:
        raise InvalidOptionError(f"--seed is {arguments.seed}; give a nonnegative integer")
    solver = arguments.solver
    if solver is not None and solver not in known_solvers():
        raise InvalidOptionError(
            f"there is no solver {solver!r}; there are {', '.join(sorted(known_solvers()))}"
        )
    given = {
        "output_norm": arguments.output_norm,
        "ranges": arguments.ranges,
        "gap": arguments.gap,
        "time_limit": arguments.time_limit,
        "solver": solver,
        "prove": not arguments.no_proof,
        "lower": not arguments.no_lower,
        "rng": arguments.seed,
    }
    defaults = inspect.signature(lipschitz_constant).parameters
    return {name: value for name, value in given.items() if value != defaults[name].default}


def add_input_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the inputs of a sweep, how they are shared out, and where results are kept."""
    parser.add_argument(
        "--inputs",
        metavar="FILE",
        required=True,
        help="one input, or several along the first axis: .npy, .npz (FILE:name), .csv, .txt",
    )
    parser.add_argument(
        "--store", metavar="FILE", help="keep results as they come; a second run goes on from it"
    )
    parser.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="processes (1); -1 for all cores"
    )
    add_domain_argument(parser)


def add_domain_argument(parser: Any) -> None:
    """Add the range of inputs that can occur."""
    parser.add_argument(
        "--domain",
        type=float,
        nargs=2,
        metavar=("LO", "HI"),
        help="only the inputs with all entries in this range, such as 0 1 for pixels",
    )


def read_inputs(name: str, net: Network) -> list[FloatArray]:
    """Return the inputs in a file: one, or several along the first axis."""
    values = read_point(name)
    size = net.input_size
    if values.size == size:
        return [values.reshape(-1)]
    if values.ndim < 2 or values.size == 0 or values[0].size != size:
        raise InvalidRegionError(
            f"{name}: an array of shape {values.shape} is neither one input of {size} numbers nor "
            "several along its first axis"
        )
    return [point.reshape(-1) for point in values]


def read_labels(name: str, net: Network) -> list[int]:
    """Return the labels in a file, numbers of outputs of the network."""
    values = read_point(name).reshape(-1)
    wrong = (values != np.round(values)) | (values < 0) | (values >= net.output_size)
    if wrong.any():
        where = int(np.flatnonzero(wrong)[0])
        raise InvalidOptionError(
            f"{name}: label {values[where]:g} at position {where} is no output of the network; "
            f"labels are 0 to {net.output_size - 1}"
        )
    return [int(label) for label in values]


def read_domain(arguments: argparse.Namespace, size: int) -> Box | None:
    """Return the box of inputs that can occur, if one is given."""
    if arguments.domain is None:
        return None
    low, high = arguments.domain
    return Box(lower=np.full(size, low), upper=np.full(size, high))


def check_methods(methods: Sequence[str]) -> list[str]:
    """Return the methods, all of them known, before a network is read."""
    for method in methods:
        if method not in METHODS:
            raise InvalidOptionError(
                f"method {method!r} is not known; methods are {', '.join(METHODS)}"
            )
    return list(methods)


def add_region_arguments(
    parser: argparse.ArgumentParser, title: str = "region (the whole input space when left out)"
) -> None:
    """Add the options that describe a region."""
    group = parser.add_argument_group(title)
    group.add_argument(
        "--center", metavar="FILE", help="a point: .npy, .npz (FILE:name), .csv or .txt"
    )
    group.add_argument("--radius", type=float, help="radius of the box or ball around the centre")
    group.add_argument("--lower", metavar="FILE", help="lower corner of a box, instead of a centre")
    group.add_argument("--upper", metavar="FILE", help="upper corner of a box")
    group.add_argument("--ball", action="store_true", help="a Euclidean ball instead of a box")
    add_domain_argument(group)


def read_region(arguments: argparse.Namespace, size: int) -> Region:
    """Return the region that the options describe, for a network with `size` inputs."""
    region = _region(arguments)
    domain = read_domain(arguments, size)
    return region if domain is None else region.intersect(domain)


def _region(arguments: argparse.Namespace) -> Region:
    corners = (arguments.lower, arguments.upper)
    if any(corners):
        if not all(corners) or arguments.center or arguments.radius is not None or arguments.ball:
            raise InvalidRegionError(
                "--lower and --upper go together, without --center, --radius and --ball"
            )
        return Box(lower=read_point(arguments.lower), upper=read_point(arguments.upper))
    if arguments.center is None and arguments.radius is None:
        if arguments.ball:
            raise InvalidRegionError("--ball needs --center and --radius")
        return Everywhere()
    if arguments.center is None or arguments.radius is None:
        raise InvalidRegionError("--center and --radius go together; give both, or neither")
    center = read_point(arguments.center)
    return Ball(center, arguments.radius) if arguments.ball else Box(center, arguments.radius)


def read_point(name: str) -> FloatArray:
    """Return the numbers in a file: .npy, .npz (the one array, or FILE:name), .csv or .txt."""
    file, _, key = name.partition(":") if ".npz:" in name else (name, "", "")
    path = Path(file)
    if not path.is_file():
        raise InvalidRegionError(f"{file}: no such file")
    ending = path.suffix.lower()
    try:
        if ending == ".npz":
            arrays = read_arrays(path)
            if not arrays:
                raise InvalidRegionError(f"{file}: holds no array")
            if not key and len(arrays) != 1:
                raise InvalidRegionError(
                    f"{file}: holds the arrays {', '.join(sorted(arrays))}; "
                    f"say which one, as in {file}:{sorted(arrays)[0]}"
                )
            if key and key not in arrays:
                raise InvalidRegionError(
                    f"{file}: no array {key!r}; there are {', '.join(sorted(arrays))}"
                )
            values = arrays[key or next(iter(arrays))]
        elif ending == ".npy":
            with path.open("rb") as stream:
                values = read_npy(stream, path.stat().st_size)
        elif ending in (".csv", ".txt"):
            with warnings.catch_warnings():
                # A file without numbers is an empty point, which fits no network.
                warnings.simplefilter("ignore", UserWarning)
                values = np.loadtxt(path, delimiter="," if ending == ".csv" else None)
        else:
            raise InvalidRegionError(
                f"{file}: files ending in {ending or 'nothing'!r} are not known; "
                "points are read from .npy, .npz, .csv and .txt"
            )
        if values.dtype.kind not in "biuf":
            raise InvalidRegionError(f"{file}: holds {values.dtype}, not real numbers")
        return np.asarray(values, dtype=np.float64)
    except InvalidRegionError:
        raise
    except (ValueError, TypeError, EOFError) as error:
        raise InvalidRegionError(f"{file}: not an array of numbers ({error})") from None


def read_outputs(texts: Sequence[str] | None, net: Network) -> list[Output | None]:
    """Return the outputs that texts name; see :func:`read_output`."""
    if not texts:
        return [read_output(None, net, "--outputs")]
    return [read_output(text, net) for text in texts]


def read_output(text: str | None, net: Network, option: str = "--output") -> Output | None:
    """Return an output from ``3``, ``3-5`` (a margin), ``1,0,-0.5`` (weights) or ``all``."""
    if text is None:
        if net.output_size > 1:
            raise InvalidOptionError(
                f"the network has {net.output_size} outputs; say which with {option}: an index "
                "such as 3, a margin such as 3-5, weights such as 1,0,-1, or all"
            )
        return 0
    if text == "all":
        return None
    try:
        if "," in text:
            return [float(part) for part in text.split(",")]
        first, dash, second = text.partition("-")
        return (int(first), int(second)) if dash and first else int(text)
    except ValueError:
        raise InvalidOptionError(
            f"output {text!r} is none of: an index (3), a margin (3-5), weights (1,0,-1), all"
        ) from None
