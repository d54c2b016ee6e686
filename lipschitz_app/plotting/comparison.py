"""Methods by the time they took and the bound they gave."""

from __future__ import annotations

from typing import Any

from lipschitz_app.comparison import Comparison
from lipschitz_app.errors import InvalidOptionError
from lipschitz_app.plotting import style

_SHORTEST = 1e-3
"""Seconds: what is faster is drawn there, as times below are noise."""

_KINDS: dict[str, dict[str, Any]] = {
    "proven": {"marker": "o", "color": style.BLUE},
    "exact": {"marker": "*", "color": style.ORANGE, "s": 130},
    "numerical": {"marker": "s", "facecolors": "none", "edgecolors": style.GREY},
}


def plot_comparison(comparison: Comparison, *, ax: Any = None) -> Any:
    """Draw upper bounds against time, a point for each method, with the lower bound as a line.

    Parameters
    ----------
    comparison : Comparison
        Methods without a bound are left out.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InvalidOptionError
        No method gave a bound.

    Examples
    --------
    >>> import lipschitz_app as la
    >>> net = la.Network.from_arrays([[[1.0, 2.0], [-1.0, 1.0]], [[1.0, 1.0]]])
    >>> ax = plot_comparison(la.compare(net, la.Box([0.0, 0.0], 1.0)))    # doctest: +SKIP
    >>> ax.figure.savefig("methods.png")                                  # doctest: +SKIP
    """
    rows = [row for row in comparison if not row.error]
    if not rows:
        raise InvalidOptionError("no method of the comparison gave a bound; nothing to draw")
    ax = style.axes(ax)
    for kind, look in _KINDS.items():
        own = [row for row in rows if row.kind == kind]
        if own:
            times = [max(row.seconds, _SHORTEST) for row in own]
            uppers = [row.upper for row in own]
            ax.scatter(times, uppers, label=f"upper bound ({kind})", zorder=3, **({"s": 45} | look))
    if comparison.lower is not None:
        label = f"lower bound ({comparison.lower_kind})"
        ax.axhline(comparison.lower, color=style.GREEN, linestyle=":", label=label)
    ax.set_xscale("log")
    values = [row.upper for row in rows]
    values += [] if comparison.lower is None else [comparison.lower]
    if style.spread(values) >= 3:
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter("")
    ax.margins(x=0.15, y=0.12)
    _names(ax, [(max(row.seconds, _SHORTEST), row.upper, row.method) for row in rows])
    ax.set_xlabel("seconds")
    ax.set_ylabel("Lipschitz constant")
    ax.set_title(comparison.title.replace(", Network", "\nNetwork"), fontsize=10)
    ax.grid(visible=True, alpha=0.3)
    ax.legend(fontsize=9)
    return ax


def _names(ax: Any, points: list[tuple[float, float, str]]) -> None:
    """Write names beside the points, each at the first place where it covers nothing."""
    from matplotlib.transforms import Bbox

    ax.figure.canvas.draw()
    marks = ax.transData.transform([point[:2] for point in points])
    taken: list[Any] = [Bbox.from_extents(*(mark - 7), *(mark + 7)) for mark in marks]
    for x, y, name in sorted(points, key=lambda point: (point[1], point[0])):
        text = None
        for offset, align in _PLACES:
            if text is not None:
                text.remove()
            text = ax.annotate(
                name, (x, y), offset, textcoords="offset points", fontsize=9, ha=align, va="center"
            )
            box = text.get_window_extent()
            if not any(box.overlaps(other) for other in taken):
                break
        taken.append(box)


_PLACES = tuple(
    ((dx, dy), align)
    for dy in (0, 14, 28, -14, 42, -28, 56, 70, 84)
    for dx, align in ((9, "left"), (-9, "right"), (0, "center"))
    if dx or dy
)
