"""What a region leaves of a network: neurons by state, and which inputs couple with which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lipschitz_app.errors import InvalidOptionError
from lipschitz_app.hidden import presolve
from lipschitz_app.network import Network
from lipschitz_app.outputs import Output, OutputVector, as_target
from lipschitz_app.plotting import style
from lipschitz_app.ranges.pre_activations import pre_activation_ranges
from lipschitz_app.regions import Ball, Box, Region, check_region

_STATES = {"unstable": style.ORANGE, "active": style.BLUE, "dead": "#BBBBBB"}


def plot_neurons(
    net: Network,
    center: ArrayLike,
    radii: Sequence[float],
    *,
    ball: bool = False,
    domain: Box | None = None,
    ranges: str = "auto",
    ax: Any = None,
) -> Any:
    """Draw how many neurons are unstable, active and dead, layer by layer, for some radii.

    Parameters
    ----------
    net : Network
    center : array, in the input's shape or flat
    radii : sequence of numbers
    ball : bool
        Balls instead of boxes.
    domain : Box, optional
        Inputs that can occur.
    ranges : str
        As for :func:`lipschitz_app.pre_activation_ranges`.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InvalidOptionError
        There are no radii, or the network has no activations.

    Examples
    --------
    >>> import lipschitz_app as la
    >>> net = la.example_network()
    >>> ax = plot_neurons(net, la.example_inputs()[0][0], [0.01, 0.1])    # doctest: +SKIP
    """
    if not len(radii):
        raise InvalidOptionError("no radius is given; give at least one")
    point = np.asarray(center, dtype=np.float64).reshape(-1)
    counts = []
    for radius in radii:
        region: Region = Ball(point, radius) if ball else Box(point, radius)
        region = region if domain is None else region.intersect(domain)
        counts.append([layer.counts() for layer in pre_activation_ranges(net, region, ranges)])
    layers = len(counts[0])
    if not layers:
        raise InvalidOptionError(f"{net!r} has no activations; no neuron can change its state")
    ax = style.axes(ax)
    width = 0.8 / layers
    for layer in range(layers):
        places = np.arange(len(radii)) + (layer - (layers - 1) / 2) * width
        base = np.zeros(len(radii))
        total = sum(counts[0][layer].values())
        for state, colour in _STATES.items():
            part = np.array([count[layer][state] for count in counts], dtype=np.float64)
            share = 100 * part / total
            label = state if layer == 0 else None
            ax.bar(places, share, 0.92 * width, base, color=colour, label=label)
            base += share
        for place in places if layers > 1 else ():
            ax.text(place, 101, str(layer + 1), ha="center", va="bottom", fontsize=8)
    ax.set_xticks(range(len(radii)), [f"{radius:g}" for radius in radii])
    ax.set_ylim(0, 106 if layers > 1 else 100)
    ax.set_xlabel("radius of the region" + (f"; bars: layers 1 to {layers}" if layers > 1 else ""))
    ax.set_ylabel("neurons of the layer in %" if layers == 1 else "neurons of each layer in %")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=3, frameon=False)
    ax.set_title(repr(net), fontsize=10)
    return ax


def plot_coupling(
    net: Network, region: Region, output: Output = 0, *, ranges: str = "auto", ax: Any = None
) -> Any:
    """Draw what a relaxation of one hidden layer couples: unstable neurons and inputs.

    A dot at (i, j) is the product ``w_j A_ji t_i u_j`` of the objective: direction t_i and
    derivative u_j. Its size and darkness are those of the coefficient. Neurons that the region
    keeps stable, and inputs without a dot, cost nothing.

    Parameters
    ----------
    net : Network
        With one hidden layer.
    region : Box, Ball or Everywhere
    output : index, pair (i, j) or vector
    ranges : str
        As for :func:`lipschitz_app.pre_activation_ranges`.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    UnsupportedError
        The network has another number of hidden layers.

    Examples
    --------
    >>> import lipschitz_app as la
    >>> net = la.example_network()
    >>> box = la.Box(la.example_inputs()[0][0], 0.05)
    >>> ax = plot_coupling(net, box)                                      # doctest: +SKIP
    """
    target = as_target(output, net.output_size, "inf")
    if not isinstance(target, OutputVector):
        raise InvalidOptionError("the objective is about one output; give an index, pair or vector")
    layers = pre_activation_ranges(net, check_region(region, net.input_size), ranges)
    hidden = presolve(net, layers, target)
    sizes = np.abs(hidden.weights[:, None] * hidden.rows)
    neurons, inputs = np.nonzero(sizes)
    ax = style.axes(ax)
    if neurons.size:
        share = sizes[neurons, inputs] / sizes.max()
        # Areas that do not overlap where the pattern is dense.
        largest = (260.0 / max(sizes.shape)) ** 2
        area = largest * np.sqrt(share)
        dots = ax.scatter(
            inputs, neurons, area, share, marker="s", cmap="viridis_r", vmin=0, vmax=1
        )
        ax.figure.colorbar(dots, ax=ax, label="coefficient / largest")
    ax.set_xlim(-0.5, hidden.inputs - 0.5)
    ax.set_ylim(max(hidden.unstable, 1) - 0.5, -0.5)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.yaxis.get_major_locator().set_params(integer=True)
    ax.set_xlabel("input")
    ax.set_ylabel("unstable neuron")
    total = layers[0].lower.size
    ax.set_title(
        f"{hidden.unstable} of {total} neurons unstable, {neurons.size} of {sizes.size} products",
        fontsize=10,
    )
    return ax
