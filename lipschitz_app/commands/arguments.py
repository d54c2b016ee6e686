"""Reading what the subcommands share: arrays, regions, outputs."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from lipschitz_app.errors import InvalidOptionError, InvalidRegionError
from lipschitz_app.network import Network
from lipschitz_app.outputs import Output
from lipschitz_app.readers.arrays import read_arrays
from lipschitz_app.regions import Ball, Box, Everywhere, Region
from lipschitz_app.rounding import FloatArray


def add_region_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that describe a region."""
    group = parser.add_argument_group("region (the whole input space when left out)")
    group.add_argument(
        "--center", metavar="FILE", help="a point: .npy, .npz (FILE:name), .csv or .txt"
    )
    group.add_argument("--radius", type=float, help="radius of the box or ball around the centre")
    group.add_argument("--lower", metavar="FILE", help="lower corner of a box, instead of a centre")
    group.add_argument("--upper", metavar="FILE", help="upper corner of a box")
    group.add_argument("--ball", action="store_true", help="a Euclidean ball instead of a box")
    group.add_argument(
        "--domain",
        type=float,
        nargs=2,
        metavar=("LO", "HI"),
        help="only the inputs with all entries in this range, such as 0 1 for pixels",
    )


def read_region(arguments: argparse.Namespace, size: int) -> Region:
    """Return the region that the options describe, for a network with `size` inputs."""
    region = _region(arguments)
    if arguments.domain is None:
        return region
    low, high = arguments.domain
    return region.intersect(Box(lower=np.full(size, low), upper=np.full(size, high)))


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
            values = np.load(path, allow_pickle=False)
        elif ending in (".csv", ".txt"):
            values = np.loadtxt(path, delimiter="," if ending == ".csv" else None)
        else:
            raise InvalidRegionError(
                f"{file}: files ending in {ending or 'nothing'!r} are not known; "
                "points are read from .npy, .npz, .csv and .txt"
            )
        return np.asarray(values, dtype=np.float64)
    except InvalidRegionError:
        raise
    except (ValueError, TypeError, EOFError) as error:
        raise InvalidRegionError(f"{file}: not an array of numbers ({error})") from None


def read_output(text: str | None, net: Network) -> Output | None:
    """Return an output from ``3``, ``3-5`` (a margin), ``1,0,-0.5`` (weights) or ``all``."""
    if text is None:
        if net.output_size > 1:
            raise InvalidOptionError(
                f"the network has {net.output_size} outputs; say which with --output: an index "
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
            f"--output {text!r} is none of: an index (3), a margin (3-5), weights (1,0,-1), all"
        ) from None
