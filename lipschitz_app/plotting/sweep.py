"""Bounds against the radius of the region, from a sweep or computed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lipschitz_app.errors import InvalidOptionError
from lipschitz_app.network import Network
from lipschitz_app.outputs import Output
from lipschitz_app.plotting import style
from lipschitz_app.regions import Ball, Box, Region
from lipschitz_app.sweeps import Sweep, SweepRow, sweep

_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?$|(?<==)\d\S*$")


def plot_sweep(
    results: Sweep | Iterable[SweepRow],
    radii: Mapping[str, float] | None = None,
    *,
    ax: Any = None,
) -> Any:
    """Draw the bounds of a sweep against the radius, a line for each method and output.

    Where several inputs have the same radius, the line is their median and a band shows the range.

    Parameters
    ----------
    results : Sweep, or rows of one
    radii : mapping of names of regions to numbers, optional
        When left out, the number at the end of a region's name: "input 0, radius 0.05".
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InvalidOptionError
        There is no bound, or a region without a radius.

    Examples
    --------
    >>> import lipschitz_app as la
    >>> net = la.Network.from_arrays([[[1.0, 2.0], [-1.0, 1.0]], [[1.0, 1.0]]])
    >>> regions = {f"radius {r}": la.Box([1.0, 0.5], r) for r in (0.1, 0.5, 1.0)}
    >>> ax = plot_sweep(la.sweep(net, regions, methods=["interval"]))     # doctest: +SKIP
    >>> ax.figure.savefig("radius.png")                                   # doctest: +SKIP
    """
    rows = [row for row in results if row.result is not None]
    if not rows:
        raise InvalidOptionError("no row of the sweep has a bound; there is nothing to draw")
    places = {row.region: _radius(row.region, radii) for row in rows}
    outputs = list(dict.fromkeys(row.output for row in rows))
    methods = list(dict.fromkeys(row.method for row in rows))
    ax = style.axes(ax)
    heights: list[float] = []
    for number, output in enumerate(outputs):
        own = [row for row in rows if row.output == output]
        line = {"linestyle": ("-", "--", "-.")[number % 3], "linewidth": 1.5, "markersize": 5}
        tail = f", {output}" if len(outputs) > 1 else ""
        for place, method in enumerate(methods):
            points = [(places[row.region], row.upper) for row in own if row.method == method]
            kinds = sorted({row.upper_kind for row in own if row.method == method})
            look = {
                "color": style.COLOURS[place % len(style.COLOURS)],
                "marker": style.MARKERS[place % len(style.MARKERS)],
                "label": f"{method} ({', '.join(kinds)}){tail}",
            }
            heights += _curve(ax, points, line | look)
        lowest = _best_lower(own)
        points = [(places[name], value) for name, value in lowest.items()]
        heights += _curve(ax, points, line | style.LOWER | {"label": f"lower bound{tail}"})
    _scales(ax, np.array(sorted(set(places.values()))), np.array(heights))
    ax.set_xlabel("radius of the region")
    ax.set_ylabel("Lipschitz constant" + (f" of {outputs[0]}" if len(outputs) == 1 else ""))
    ax.grid(visible=True, alpha=0.3)
    ax.legend(fontsize=9)
    return ax


def plot_radii(
    net: Network,
    center: ArrayLike,
    radii: Sequence[float],
    methods: Iterable[str] = ("interval", "shor"),
    *,
    norm: object = "inf",
    output: Output | None = 0,
    ball: bool = False,
    domain: Box | None = None,
    ax: Any = None,
    **options: Any,
) -> Any:
    """Compute bounds around a point for some radii and draw them; see :func:`plot_sweep`.

    Parameters
    ----------
    net : Network
    center : array, in the input's shape or flat
    radii : sequence of numbers
    methods, norm, output, **options
        As for :func:`lipschitz_app.sweep`, whose `store` keeps what was computed.
    ball : bool
        Balls instead of boxes.
    domain : Box, optional
        Inputs that can occur.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import lipschitz_app as la
    >>> net = la.example_network()
    >>> digit = la.example_inputs()[0][0]
    >>> ax = plot_radii(net, digit, [0.01, 0.1])                          # doctest: +SKIP
    """
    point = np.asarray(center, dtype=np.float64).reshape(-1)
    regions: dict[str, Region] = {}
    for radius in radii:
        region: Region = Ball(point, radius) if ball else Box(point, radius)
        regions[f"radius {radius!r}"] = region if domain is None else region.intersect(domain)
    found = sweep(net, regions, [output], methods, norm=norm, **options)
    names = dict(zip(regions, map(float, radii), strict=True))
    return plot_sweep(found, names, ax=ax)


def _radius(name: str, radii: Mapping[str, float] | None) -> float:
    if radii is not None:
        if name not in radii:
            raise InvalidOptionError(f"the region {name!r} has no radius in the mapping")
        return float(radii[name])
    found = _NUMBER.search(name)
    if found is None:
        raise InvalidOptionError(
            f"the name of the region {name!r} does not end in a radius; give radii={{name: number}}"
        )
    return float(found[0])


def _best_lower(rows: Sequence[SweepRow]) -> dict[str, float]:
    """Return the largest lower bound of each region; all methods bound the same constant."""
    best: dict[str, float] = {}
    for row in rows:
        if row.lower is not None:
            best[row.region] = max(row.lower, best.get(row.region, row.lower))
    return best


def _curve(ax: Any, points: Sequence[tuple[float, float]], look: dict[str, Any]) -> list[float]:
    """Draw the median against the radius with a band of the range; return what was drawn."""
    if not points:
        return []
    at = sorted({radius for radius, _ in points})
    groups = [np.array([value for radius, value in points if radius == r]) for r in at]
    ax.plot(at, [float(np.median(group)) for group in groups], **look)
    if max(map(len, groups)) > 1:
        low, high = [group.min() for group in groups], [group.max() for group in groups]
        ax.fill_between(at, low, high, color=look["color"], alpha=0.15, linewidth=0)
    return [value for _, value in points]


def _scales(ax: Any, radii: np.ndarray, heights: np.ndarray) -> None:
    if style.spread(radii) >= 30:
        ax.set_xscale("log")
    if style.spread(heights) >= 30:
        ax.set_yscale("log")
    else:
        ax.set_ylim(bottom=0)
