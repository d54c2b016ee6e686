"""Pictures of graphs, relaxations, climbs and minimisers.

matplotlib (``pip install polyopt[plot]``) is imported when something is drawn. Every function draws
into ``ax``, or into new axes, and returns the axes.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import networkx as nx
import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyopt.errors import InvalidProblemError, UnknownOptionError
from polyopt.extraction import Minimizer
from polyopt.problem import PolynomialProblem
from polyopt.proof import find_box
from polyopt.relaxation import Relaxation
from polyopt.relaxation.multiplier import Cone
from polyopt.solution import Solution
from polyopt.sparsity import chordal_extension, csp_graph

__all__ = ["plot_blocks", "plot_climb", "plot_graph", "plot_minimizers"]

Array = NDArray[np.float64]

# Colours that stay apart in greyscale and for colour-blind readers (Okabe and Ito).
_BLUE, _ORANGE, _GREEN, _GREY = "#0072B2", "#D55E00", "#009E73", "#777777"
_CLIQUES = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#F0E442", "#0072B2", "#D55E00")


def plot_graph(
    problem: PolynomialProblem | nx.Graph,
    *,
    chordal: str | None = "min_degree",
    ax: Any = None,
) -> Any:
    """Draw the graph of a problem with its chordal extension and the cliques.

    Parameters
    ----------
    problem : PolynomialProblem or networkx.Graph
        A problem, or a graph such as :func:`polyopt.csp_graph` makes.
    chordal : str, optional
        Method of :func:`polyopt.chordal_extension`; edges that it adds are dashed, and every
        maximal clique of three or more is shaded. None draws the graph alone.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 5)
    >>> ring = po.minimize(sum(x[i] * x[(i + 1) % 5] for i in range(5)))
    >>> ax = plot_graph(ring)                                     # doctest: +SKIP
    >>> ax.figure.savefig("graph.png")                            # doctest: +SKIP
    """
    from matplotlib.patches import Polygon

    graph = csp_graph(problem) if isinstance(problem, PolynomialProblem) else problem
    extension = None if chordal is None else chordal_extension(graph, chordal)
    place = _layout(graph)
    ax = _axes(ax)
    cliques = () if extension is None else extension.cliques
    for k, clique in enumerate(c for c in cliques if len(c) > 2):
        corners = _hull(np.array([place[v] for v in clique]))
        colour = _CLIQUES[k % len(_CLIQUES)]
        ax.add_patch(Polygon(corners, facecolor=colour, alpha=0.3, edgecolor="none", zorder=0))
    options = {"ax": ax, "width": 1.4}
    nx.draw_networkx_edges(graph, place, edge_color="#333333", **options)
    if extension is not None and extension.fill:
        added = [e for e in extension.graph.edges if not graph.has_edge(*e)]
        nx.draw_networkx_edges(
            graph, place, edgelist=added, edge_color=_ORANGE, style="dashed", **options
        )
    size = 420 if len(graph) <= 30 else 12000 / len(graph)
    nx.draw_networkx_nodes(
        graph, place, ax=ax, node_size=size, node_color="white", edgecolors="#333333"
    )
    if len(graph) <= 60:
        names = {v: data.get("name", str(v)) for v, data in graph.nodes(data=True)}
        nx.draw_networkx_labels(graph, place, names, ax=ax, font_size=9)
    title = f"{len(graph)} variables, {graph.number_of_edges()} edges"
    if extension is not None:
        largest = max(map(len, cliques), default=0)
        number = "1 clique" if len(cliques) == 1 else f"{len(cliques)} cliques"
        title += f"; {extension.fill} added, {number}, largest {largest}"
    ax.set_title(title, fontsize=10)
    ax.set_axis_off()
    ax.set_aspect("equal")
    ax.margins(0.12)
    return ax


def plot_blocks(relaxation: Relaxation, *, ax: Any = None) -> Any:
    """Draw the PSD blocks of a relaxation along a diagonal, to scale.

    Moment matrices and localising matrices have different colours; scalar conditions are counted
    in the legend. The work of an interior-point step is dominated by the largest square.

    Parameters
    ----------
    relaxation : Relaxation
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 2)
    >>> problem = po.minimize(x[0] * x[1], subject_to=[x[0] ** 2 + x[1] ** 2 <= 1])
    >>> ax = plot_blocks(po.putinar(problem, order=2))            # doctest: +SKIP
    """
    from matplotlib.patches import Patch, Rectangle

    blocks = [m for m in relaxation.multipliers if m.effective_cone is Cone.PSD]
    # Moment matrices first, each group from the largest block to the smallest.
    blocks.sort(key=lambda m: (bool(m.factors), -m.basis.size))
    ax = _axes(ax)
    corner = 0
    for multiplier in blocks:
        side = multiplier.basis.size
        colour = _ORANGE if multiplier.factors else _BLUE
        ax.add_patch(
            Rectangle(
                (corner, corner), side, side, facecolor=colour, edgecolor="white", linewidth=0.5
            )
        )
        corner += side
    sizes = relaxation.plan
    handles = []
    for colour, name, group in (
        (_BLUE, "moment", [m for m in blocks if not m.factors]),
        (_ORANGE, "localising", [m for m in blocks if m.factors]),
    ):
        if group:
            largest = max(m.basis.size for m in group)
            noun = "matrix" if len(group) == 1 else "matrices"
            label = f"{len(group)} {name} {noun}, largest {largest}×{largest}"
            handles.append(Patch(color=colour, label=label))
    scalars = [(sizes.nonnegative, "scalar inequalities"), (sizes.free, "scalar equalities")]
    handles += [Patch(color="none", label=f"{count} {name}") for count, name in scalars if count]
    ax.set_xlim(0, max(corner, 1))
    ax.set_ylim(max(corner, 1), 0)
    ax.set_aspect("equal")
    ax.set_title(_wrapped(relaxation.name), fontsize=9)
    if handles:
        ax.legend(
            handles=handles,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.08),
            fontsize=8,
            frameon=False,
        )
    return ax


def plot_climb(
    solution: Solution, *, against: Literal["time", "relaxation"] = "time", ax: Any = None
) -> Any:
    """Draw how bound and value approached each other while :func:`polyopt.solve` climbed.

    Parameters
    ----------
    solution : Solution
    against : {"time", "relaxation"}
        Seconds since the start, or the relaxations in the order in which they were tried.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    UnknownOptionError
        ``against`` is something else.
    InvalidProblemError
        No relaxation was solved, so that there is nothing to draw.

    Examples
    --------
    >>> import polyopt as po
    >>> s = po.solve(po.problems.motzkin_ball().problem)          # doctest: +SKIP
    >>> ax = plot_climb(s, against="relaxation")                  # doctest: +SKIP
    """
    if against not in ("time", "relaxation"):
        raise UnknownOptionError(f'against is {against!r}; it must be "time" or "relaxation"')
    steps = [a for a in solution.history if math.isfinite(a.bound) or math.isfinite(a.value)]
    if not steps:
        raise InvalidProblemError(
            f"the solution ({solution.status.value}) has neither bounds nor values to draw"
        )
    ax = _axes(ax)
    across: Sequence[float] = range(len(steps)) if against == "relaxation" else []
    across = across or [a.seconds for a in steps]
    style = {"markersize": 6, "linewidth": 1.5}
    side = "lower" if solution.problem.sense == "min" else "upper"
    ax.plot(
        across,
        [a.bound for a in steps],
        "o-",
        color=_BLUE,
        label=f"{side} bound (numerical)",
        **style,
    )
    ax.plot(
        across,
        [a.value for a in steps],
        "^:",
        color=_GREEN,
        label="value at a feasible point (sampled)",
        **style,
    )
    if solution.proof is not None and math.isfinite(solution.proof.bound):
        label = f"{side} bound ({solution.proof.kind})"
        ax.axhline(solution.proof.bound, color=_GREY, linestyle="--", linewidth=1, label=label)
    if against == "relaxation":
        ax.set_xticks(across, [_wrapped(a.name, 18) for a in steps], fontsize=8)
    else:
        ax.set_xlabel("seconds")
        ax.set_xlim(left=0)
    # A closed gap is a point of the picture, not noise in the tenth digit.
    bottom, top = ax.get_ylim()
    middle, half = 0.5 * (bottom + top), 5e-3 * max(1.0, abs(top), abs(bottom))
    ax.set_ylim(min(bottom, middle - half), max(top, middle + half))
    ax.set_ylabel("objective")
    ax.grid(visible=True, alpha=0.3)
    ax.legend(fontsize=8)
    return ax


def plot_minimizers(
    problem: PolynomialProblem,
    minimizers: Iterable[Minimizer | ArrayLike],
    *,
    box: tuple[ArrayLike, ArrayLike] | None = None,
    resolution: int = 240,
    ax: Any = None,
) -> Any:
    """Draw minimisers on the contours of an objective in two variables.

    Parameters
    ----------
    problem : PolynomialProblem
        With two variables. Points that violate a constraint are shaded.
    minimizers : iterable of Minimizer or of arrays of shape (2,)
    box : (lower, upper), optional
        What to show, arrays of shape (2,); when left out the ranges that the constraints give, and
        the neighbourhood of the points where they give none.
    resolution : int
        Grid points in each direction.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InvalidProblemError
        The problem does not have two variables.

    Examples
    --------
    >>> import polyopt as po
    >>> s = po.solve(po.problems.himmelblau().problem)            # doctest: +SKIP
    >>> ax = plot_minimizers(s.problem, s.minimizers)             # doctest: +SKIP
    """
    if problem.number_of_variables != 2:
        raise InvalidProblemError(
            f"the problem has {problem.number_of_variables} variables; contours need two"
        )
    from matplotlib.colors import BoundaryNorm

    points = np.array(
        [m.point if isinstance(m, Minimizer) else np.asarray(m, float) for m in minimizers]
    ).reshape(-1, 2)
    low, high = _window(problem, points, box)
    first, second = np.meshgrid(
        *(np.linspace(a, b, resolution) for a, b in zip(low, high, strict=True))
    )
    grid = np.column_stack([first.ravel(), second.ravel()])
    values = np.asarray(problem.evaluate(grid), float).reshape(first.shape)
    violation = np.asarray(problem.violation(grid), float).reshape(first.shape)
    ax = _axes(ax)
    feasible = values[violation <= 0] if (violation <= 0).any() else values
    # Quantiles put lines where the objective is flat, too: near its minimisers.
    levels = np.unique(np.quantile(feasible, np.linspace(0, 1, 16) ** 1.5))
    if len(levels) > 1:
        norm = BoundaryNorm(levels, 256, extend="both")
        filled = ax.contourf(
            first, second, values, levels, norm=norm, cmap="viridis", extend="both"
        )
        ax.contour(first, second, values, levels, colors="black", linewidths=0.3, alpha=0.6)
        ax.figure.colorbar(filled, ax=ax, label="objective", format="%.3g")
    if (violation > 0).any():
        outside = [1e-12, np.inf]
        ax.contourf(first, second, violation, outside, colors=["white"], alpha=0.75)
        ax.contour(first, second, violation, outside[:1], colors="black", linewidths=1.2)
    if len(points):
        noun = "minimiser" if problem.sense == "min" else "maximiser"
        label = noun if len(points) == 1 else f"{len(points)} {noun}s"
        ax.plot(*points.T, "*", color=_ORANGE, markeredgecolor="white", markersize=15, label=label)
        ax.legend(fontsize=8)
    ax.set_xlim(low[0], high[0])
    ax.set_ylim(low[1], high[1])
    ax.set_aspect("equal")
    ax.set_xlabel(problem.variables[0])
    ax.set_ylabel(problem.variables[1])
    return ax


def _axes(ax: Any) -> Any:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]


def _wrapped(name: str, width: int = 36) -> str:
    return "\n".join(textwrap.wrap(name, width))


def _layout(graph: nx.Graph) -> dict[int, Array]:
    """Positions in which edges have similar lengths, the same in every run."""
    parts = [sorted(part) for part in nx.connected_components(graph)]
    place: dict[int, Array] = {}
    left = 0.0
    for part in sorted(parts, key=lambda p: (-len(p), p)):
        drawn = nx.kamada_kawai_layout(graph.subgraph(part)) if len(part) > 1 else {part[0]: [0, 0]}
        spots = np.array([drawn[v] for v in part], float) * math.sqrt(len(part))
        spots[:, 0] += left - spots[:, 0].min()
        left = float(spots[:, 0].max()) + 1.0
        place |= dict(zip(part, spots, strict=True))
    return place


def _hull(points: Array) -> Array:
    """Corners of the convex hull in order; the points themselves where they lie on a line."""
    from scipy.spatial import ConvexHull, QhullError

    try:
        return np.asarray(points[ConvexHull(points).vertices])
    except QhullError:
        return points


def _window(
    problem: PolynomialProblem, points: Array, box: tuple[ArrayLike, ArrayLike] | None
) -> tuple[Array, Array]:
    if box is not None:
        low, high = (np.broadcast_to(np.asarray(side, float), (2,)) for side in box)
        return low, high
    found = find_box(problem)
    middle = points.mean(axis=0) if len(points) else np.zeros(2)
    spread = np.ptp(points, axis=0).max() if len(points) > 1 else 0.0
    reach = max(1.5, 0.8 * float(spread))
    low = np.where(np.isfinite(found.lower), found.lower, middle - reach)
    high = np.where(np.isfinite(found.upper), found.upper, middle + reach)
    margin = 0.05 * (high - low)
    return low - margin, high + margin
