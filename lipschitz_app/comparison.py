"""Several methods on one network and region, side by side.

Every method bounds the same constant, so the smallest upper bound counts and one lower bound serves
all of them; what a method needs in time, and how far its number can be trusted, stands beside it.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import numpy as np

from lipschitz_app import norms
from lipschitz_app.errors import InvalidOptionError, LipschitzError, NoBoundError, UnsupportedError
from lipschitz_app.interrupts import watched_interrupts
from lipschitz_app.lipschitz import METHODS, lipschitz_constant
from lipschitz_app.lower.ascent import lipschitz_lower_bound
from lipschitz_app.network import Network
from lipschitz_app.outputs import Output, as_target
from lipschitz_app.ranges.pre_activations import pre_activation_ranges
from lipschitz_app.regions import Region, check_region
from lipschitz_app.rounding import Norm
from lipschitz_app.tables import text_table
from lipschitz_app.upper.base import Kind
from polyopt.errors import PolyoptError

DEFAULT_TIME_LIMIT = 60.0
"""Seconds for each method where all are tried and no limit is given."""

LASSERRE_SIZE = 30
"""Most inputs and unstable neurons together for which "lasserre" is tried unasked."""

_NOTE = 60
_NUMBERED = re.compile(r"-\d+$")


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One method of a comparison.

    Attributes
    ----------
    method : str
    upper : float
        Upper bound; infinite where there was none.
    kind : "proven", "exact", "numerical" or ""
        How far the upper bound can be trusted; empty where there was none.
    lower : float or None
        The best lower bound known, the same for all methods.
    seconds : float
        What the method took, without the lower bound.
    notes : tuple of str
        What a reader of the numbers should know.
    error : str
        Why there was no bound, or empty.
    """

    method: str
    upper: float
    kind: Kind | str
    lower: float | None
    seconds: float
    notes: tuple[str, ...] = ()
    error: str = ""

    @property
    def gap(self) -> float:
        """Upper minus lower bound; infinite without one of them."""
        return math.inf if self.lower is None else self.upper - self.lower

    @property
    def note(self) -> str:
        """The error, or the notes, in one line."""
        return self.error.partition("\n")[0] or "; ".join(self.notes)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What several methods say of one Lipschitz constant, in the order they were tried.

    Attributes
    ----------
    rows : tuple of ComparisonRow
    lower : float or None
        The best lower bound; None if none was asked for or found.
    lower_kind : str
    network, region, output, norm : str
        What the bounds are about, for people.
    interrupted : bool
        Whether methods are missing because somebody pressed Ctrl-C.
    """

    rows: tuple[ComparisonRow, ...]
    lower: float | None
    lower_kind: str
    network: str
    region: str
    output: str
    norm: str
    interrupted: bool = False

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[ComparisonRow]:
        return iter(self.rows)

    def __getitem__(self, method: str) -> ComparisonRow:
        for row in self.rows:
            if row.method == method:
                return row
        tried = ", ".join(row.method for row in self.rows)
        raise KeyError(f"{method!r} was not tried; these were: {tried}")

    @property
    def best(self) -> ComparisonRow:
        """The row with the smallest upper bound; of equal ones, the first.

        Raises
        ------
        NoBoundError
            No method gave a bound.
        """
        best = min(self.rows, key=lambda row: row.upper, default=None)
        if best is None or not math.isfinite(best.upper):
            raise NoBoundError("no method gave a bound; the rows say why")
        return best

    @property
    def title(self) -> str:
        """What the bounds are about."""
        return (
            f"Lipschitz constant of {self.output}, norm {self.norm}, {self.region}, {self.network}"
        )

    def table(self) -> str:
        """Return the rows as a text table; long notes are cut."""
        header = ("method", "upper", "kind", "lower", "gap", "time", "note")
        return text_table(header, [_cells(row, _NOTE) for row in self.rows], right=(1, 3, 4, 5))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON, which has no infinity: None stands for it."""
        return {
            "network": self.network,
            "region": self.region,
            "output": self.output,
            "norm": self.norm,
            "lower": self.lower,
            "lower_kind": self.lower_kind,
            "interrupted": self.interrupted,
            "rows": [
                {
                    "method": row.method,
                    "upper": _finite(row.upper),
                    "kind": row.kind,
                    "lower": row.lower,
                    "gap": _finite(row.gap),
                    "seconds": round(row.seconds, 6),
                    "notes": list(row.notes),
                    "error": row.error,
                }
                for row in self.rows
            ],
        }

    def __str__(self) -> str:
        lines = [self.title, self.table()]
        if self.interrupted:
            lines.append("interrupted: other methods were not tried")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = ("method", "upper", "kind", "lower", "gap", "time", "note")
        lines = [f"<table><caption>{escape(self.title)}</caption>", _html(head, "th")]
        lines += [_html(_cells(row), "td") for row in self.rows]
        return "\n".join([*lines, "</table>"])


def compare(
    net: Network,
    region: Region,
    norm: object = "inf",
    output: Output | None = 0,
    methods: Iterable[str] | None = None,
    *,
    time_limit: float | None = None,
    lower: bool = True,
    rng: int | np.random.Generator = 0,
    progress: Callable[[str], None] | None = None,
    **options: Any,
) -> Comparison:
    """Bound one Lipschitz constant by several methods.

    Parameters
    ----------
    net : Network
    region : Box, Ball or Everywhere
    norm, output
        As for :func:`lipschitz_constant`.
    methods : iterable of str, optional
        Names of methods. When left out, all are tried except "auto", those with a number in their
        name, and "lasserre" of all but small networks; those that are not offered for the network,
        region or norm are rows that say so.
    time_limit : float, optional
        Seconds for each method; 60 where `methods` is left out.
    lower : bool
        Whether to look for a lower bound, once for all.
    rng : int or Generator
        Source of the lower bound's random starts.
    progress : callable, optional
        Called with a line of text per method.
    **options
        Passed to :func:`lipschitz_constant`, for example ``prove=False`` or ``ranges="lp"``.

    Returns
    -------
    Comparison
        Methods without a bound are rows with an `error`. Ctrl-C ends the comparison and leaves
        what is there by then, with the bound of the current method if it stops in good order.

    Raises
    ------
    InvalidOptionError, InvalidRegionError, InvalidOutputError
        Something does not fit; found before anything is computed.

    Examples
    --------
    >>> import lipschitz_app as la
    >>> net = la.Network.from_arrays([[[1.0, 2.0], [-1.0, 1.0]], [[1.0, 1.0]]])
    >>> found = la.compare(net, la.Box([0.0, 0.0], 10.0), methods=["product", "interval", "exact"])
    >>> [(row.method, round(row.upper, 6), row.kind) for row in found]
    [('product', 6.0, 'proven'), ('interval', 4.0, 'proven'), ('exact', 3.0, 'exact')]
    >>> found.best.method, round(found.lower, 6), found.lower_kind
    ('exact', 3.0, 'proven')
    """
    name = norms.as_norm(norm)
    chosen = _methods(methods)
    taken = {"method", "lower"} & set(options)
    if taken:
        raise InvalidOptionError(
            f"{', '.join(sorted(taken))} cannot be given as an option of each method; compare() "
            "has arguments of its own"
        )
    if time_limit is not None and not time_limit > 0:
        raise InvalidOptionError(f"time_limit is {time_limit}; give a positive number")
    if not isinstance(net, Network):
        raise InvalidOptionError(f"the network is {type(net).__name__}; give a Network")
    region = check_region(region, net.input_size)
    target = as_target(output, net.output_size, name, options.get("output_norm"))
    say = progress or (lambda text: None)
    limit = DEFAULT_TIME_LIMIT if methods is None and time_limit is None else time_limit
    rows: list[ComparisonRow] = []
    bottom: float | None = None
    left_out = {} if methods is not None else _left_out(net, region, options.get("ranges", "auto"))
    settings = {"time_limit": limit, **options}
    with watched_interrupts() as interrupts:
        try:
            if lower:
                bottom = _lower(net, region, name, output, options.get("output_norm"), rng, limit)
                say("lower bound: " + ("none" if bottom is None else f"{bottom:.6g} (proven)"))
            for number, method in enumerate(chosen, start=1):
                if method in left_out:
                    why = left_out[method]
                    rows.append(ComparisonRow(method, math.inf, "", None, 0.0, error=why))
                else:
                    rows.append(_row(net, region, name, output, method, settings))
                row = rows[-1]
                bound = row.note if row.error else f"{row.upper:.6g} ({row.kind})"
                say(f"{number}/{len(chosen)} {method}: {bound}, {row.seconds:.2f} s")
                interrupts.check()
        except KeyboardInterrupt:
            pass
    interrupted = len(rows) < len(chosen) or interrupts.came
    return Comparison(
        tuple(replace(row, lower=bottom) for row in rows),
        bottom,
        "" if bottom is None else "proven",
        repr(net),
        repr(region),
        target.label,
        name,
        interrupted,
    )


def _methods(methods: Iterable[str] | None) -> list[str]:
    if methods is None:
        return [name for name in METHODS if name != "auto" and not _NUMBERED.search(name)]
    chosen = [methods] if isinstance(methods, str) else list(dict.fromkeys(methods))
    if not chosen:
        raise InvalidOptionError("no method is given; leave methods out for all of them")
    for method in chosen:
        if method not in METHODS:
            raise InvalidOptionError(
                f"method {method!r} is not known; methods are {', '.join(METHODS)}"
            )
    return chosen


def _left_out(net: Network, region: Region, ranges: str) -> dict[str, str]:
    """Return the methods that no time limit holds where the network is too large for them."""
    layers = pre_activation_ranges(net, region, ranges)
    unstable = sum(int(layer.unstable.sum()) for layer in layers)
    if len(layers) != 1 or net.input_size + unstable <= LASSERRE_SIZE:
        return {}
    return {
        "lasserre": f"not tried: {net.input_size} inputs and {unstable} unstable neurons are many "
        "for it; name it to try it"
    }


def _lower(
    net: Network,
    region: Region,
    norm: Norm,
    output: Output | None,
    output_norm: object,
    rng: int | np.random.Generator,
    limit: float | None,
) -> float | None:
    try:
        return lipschitz_lower_bound(
            net, region, norm, output, output_norm=output_norm, rng=rng, time_limit=limit
        ).value
    except UnsupportedError:
        return None


def _row(
    net: Network,
    region: Region,
    norm: Norm,
    output: Output | None,
    method: str,
    settings: Mapping[str, Any],
) -> ComparisonRow:
    begin = time.perf_counter()
    try:
        found = lipschitz_constant(
            net, region, norm, output, method=method, lower=False, **settings
        )
    except (LipschitzError, PolyoptError) as reason:
        seconds = time.perf_counter() - begin
        return ComparisonRow(method, math.inf, "", None, seconds, error=str(reason))
    seconds = time.perf_counter() - begin
    return ComparisonRow(method, found.upper, found.upper_kind, None, seconds, found.notes)


def _cells(row: ComparisonRow, longest: int | None = None) -> tuple[str, ...]:
    note = row.note
    if longest is not None and len(note) > longest:
        note = note[: longest - 1] + "…"
    numbers = [
        f"{value:.6g}" if value is not None and math.isfinite(value) else "-"
        for value in (row.upper, row.lower)
    ]
    gap = f"{row.gap:.3g}" if math.isfinite(row.gap) else "-"
    return (row.method, numbers[0], row.kind, numbers[1], gap, f"{row.seconds:.2f} s", note)


def _html(cells: Iterable[str], tag: str) -> str:
    style = ' style="text-align:left"'
    return "<tr>" + "".join(f"<{tag}{style}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
