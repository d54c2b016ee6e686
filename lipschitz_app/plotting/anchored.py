"""Bounds of the anchored Lipschitz constant against the radius."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from lipschitz_app.affine_relu import anchored_bound, anchored_lower_bound, global_bound
from lipschitz_app.affine_relu.stages import StageLike, as_stages
from lipschitz_app.errors import InvalidOptionError
from lipschitz_app.plotting.style import BLUE, GREEN, ORANGE, axes
from lipschitz_app.rounding import FloatArray

if TYPE_CHECKING:
    from lipschitz_app.network import Network

CURVES = ("product", "analytic", "tightened", "lower")
"""Curves of :func:`plot_anchored_bounds`, from the top downwards."""

_STYLES: dict[str, dict[str, Any]] = {
    "product": {"label": "product of norms (global)", "color": "#555555", "linestyle": "--"},
    "analytic": {"label": "analytic bound", "color": BLUE, "marker": "o"},
    # Hollow and dotted: the two often coincide, and both have to be seen.
    "tightened": {
        "label": "tightened bound",
        "color": ORANGE,
        "marker": "s",
        "markersize": 9,
        "markerfacecolor": "none",
    },
    "lower": {
        "label": "lower bound (witness)",
        "color": GREEN,
        "marker": "^",
        "linestyle": ":",
    },
}


def plot_anchored_bounds(
    net: Network | Iterable[StageLike],
    center: ArrayLike,
    radii: Sequence[float] | FloatArray,
    *,
    curves: Sequence[str] = ("product", "analytic", "lower"),
    rng: int = 0,
    ax: Any = None,
) -> Any:
    """Draw proven bounds of the anchored Lipschitz constant against the radius of the ball.

    Parameters
    ----------
    net : Network, or sequence of (operator, relu) pairs
    center : array, in the input's shape or flat
    radii : sequence of positive numbers
    curves : sequence of str
        Some of :data:`CURVES`. "tightened" solves relaxations, for small networks; "product" is
        the radius-free product of the layers' norms.
    rng : int
        Seed of the lower bound's search.
    ax : matplotlib Axes, optional
        Where to draw; new axes when left out.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InvalidOptionError
        Radii that are not positive numbers, or an unknown curve.

    Examples
    --------
    >>> from lipschitz_app.operators import DenseOperator
    >>> net = [(DenseOperator([[1.0], [-1.0]], [-0.5, -0.5]), True)]
    >>> ax = plot_anchored_bounds(net, [0.0], [0.5, 1.0, 2.0])    # doctest: +SKIP
    >>> ax.figure.savefig("bounds.png")                           # doctest: +SKIP
    """
    try:
        sizes = np.sort(np.array(radii, dtype=np.float64).reshape(-1))
    except (ValueError, TypeError):
        sizes = np.zeros(0)
    if sizes.size == 0 or not (np.isfinite(sizes).all() and (sizes > 0).all()):
        raise InvalidOptionError(f"radii are {radii!r}; give positive finite numbers")
    if isinstance(curves, str):
        raise InvalidOptionError(f'curves is "{curves}"; give a list, such as ["{curves}"]')
    unknown = [name for name in curves if name not in CURVES]
    if unknown or not curves:
        raise InvalidOptionError(f"curves are {list(curves)}; give some of {', '.join(CURVES)}")
    stages = as_stages(net)
    values = {name: _curve(name, stages, center, sizes, rng) for name in CURVES if name in curves}
    ax = axes(ax)
    for name, heights in values.items():
        ax.plot(sizes, heights, **({"markersize": 4, "linewidth": 1.5} | _STYLES[name]))
    if sizes.size > 1 and sizes[-1] / sizes[0] >= 30:
        ax.set_xscale("log")
    heights = np.concatenate(list(values.values()))
    positive = heights[heights > 0]
    if positive.size and positive.size == heights.size and positive.max() / positive.min() >= 30:
        ax.set_yscale("log")
    else:
        ax.set_ylim(bottom=0)
    ax.set_xlabel("radius of the ball around the centre (L2)")
    ax.set_ylabel("anchored Lipschitz constant")
    ax.grid(visible=True, alpha=0.3)
    ax.legend()
    return ax


def _curve(name: str, stages: Any, center: ArrayLike, radii: FloatArray, rng: int) -> FloatArray:
    if name == "product":
        return np.full(radii.size, global_bound(stages).bound)
    if name == "lower":
        return np.array([anchored_lower_bound(stages, center, r, rng=rng).value for r in radii])
    method: Any = name
    return np.array([anchored_bound(stages, center, r, method, rng=rng).bound for r in radii])
