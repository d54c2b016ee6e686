r"""Lines below and above an activation over a range: what linear bounds of networks are made of.

An activation may offer its own through a method ``linear_bounds(lower, upper)``. For every other
one they follow from the enclosures of its values and slopes: with
:math:`\sigma' \in [s, S]` on :math:`[l, u]`,

.. math:: \sigma(z) \ge \sigma(l) + s\,(z - l), \quad \sigma(z) \ge \sigma(u) + S\,(z - u),

and the mirror images above. Any number of lines can be given; so can, implicitly, their convex
combinations, among which :mod:`lipschitz_app.ranges.crown` searches.

References
----------
H. Zhang et al., Efficient neural network robustness certification with general activation
functions, NeurIPS 2018, arXiv:1811.00866.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipschitz_app.activations.base import ActivationEncoding
from lipschitz_app.rounding import FloatArray, down, up

_PIECES = 16
"""Pieces of a range on which lines are compared with the graph."""


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Lines ``slopes * z + offsets``, for each of p neurons.

    Attributes
    ----------
    slopes, offsets : arrays, shape (lines, p)
    """

    slopes: FloatArray
    offsets: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class LinearBounds:
    """Lines that bound an activation over a range; exact real-number statements.

    Attributes
    ----------
    lower, upper : Lines
        Each line of `lower` is below the graph over the whole range, each of `upper` above.

    Examples
    --------
    >>> import numpy as np
    >>> from lipschitz_app.activations.registry import get_activation
    >>> found = linear_bounds(get_activation("relu"), np.array([-1.0]), np.array([3.0]))
    >>> found.upper.slopes.tolist(), found.lower.slopes.tolist()
    ([[0.75]], [[0.0], [1.0]])
    """

    lower: Lines
    upper: Lines


def linear_bounds(
    encoding: ActivationEncoding, lower: FloatArray, upper: FloatArray
) -> LinearBounds:
    """Return lines below and above an activation over finite ranges ``[lower, upper]``.

    They come from the encoding's method ``linear_bounds`` where it has one.
    """
    make = getattr(encoding, "linear_bounds", None)
    if make is not None:
        found: LinearBounds = make(lower, upper)
        return found
    return lines_from_ranges(encoding, lower, upper)


def lines_from_ranges(
    encoding: ActivationEncoding, lower: FloatArray, upper: FloatArray
) -> LinearBounds:
    """Return the lines that follow from the ranges of values and slopes.

    Beside the three of the module, lines with the slopes of the chord and of tangents; how far they
    have to be moved is found on small pieces of the range.
    """
    flattest, steepest = encoding.slope_range(lower, upper)
    smallest, largest = encoding.value_range(lower, upper)
    left = encoding.value_range(lower, lower)
    right = encoding.value_range(upper, upper)
    flat = np.zeros_like(smallest)
    below = [
        (flattest, below_through(lower, left[0], flattest)),
        (steepest, below_through(upper, right[0], steepest)),
        (flat, smallest),
    ]
    above = [
        (steepest, above_through(lower, left[1], steepest)),
        (flattest, above_through(upper, right[1], flattest)),
        (flat, largest),
    ]
    middle = lower + (upper - lower) / 2
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        chord_slope = (right[0] - left[0]) / (upper - lower)
    slopes = [np.where(np.isfinite(chord_slope), chord_slope, flattest)]
    slopes += [encoding.derivative(place) for place in (lower, middle, upper)]
    offsets = _offsets(encoding, lower, upper, np.array(slopes))
    below += list(zip(slopes, offsets[0], strict=True))
    above += list(zip(slopes, offsets[1], strict=True))
    return LinearBounds(lines(*below), lines(*above))


def _offsets(
    encoding: ActivationEncoding, lower: FloatArray, upper: FloatArray, slopes: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return offsets of lines below and above the graph, by pieces of the range.

    On a piece [a, b] with slopes in [s, S], ``sigma(z) - r z`` is at least its value at a plus
    ``(b - a) min(0, s - r)``, and at most that plus ``(b - a) max(0, S - r)``; likewise from b.
    """
    share = np.linspace(0.0, 1.0, _PIECES + 1)[:, None]
    places = np.clip(lower + (upper - lower) * share, lower, upper)
    places[-1] = upper
    values = encoding.value_range(places, places)
    flattest, steepest = encoding.slope_range(places[:-1], places[1:])
    width = up(places[1:] - places[:-1])
    low = np.full(slopes.shape, np.inf)
    high = np.full(slopes.shape, -np.inf)
    for k, slope in enumerate(slopes):
        down_to = below_through(places, values[0], slope)
        up_to = above_through(places, values[1], slope)
        drop = down(width * np.minimum(0.0, down(flattest - slope)))
        rise = up(width * np.maximum(0.0, up(steepest - slope)))
        least = np.maximum(down(down_to[:-1] + drop), down(down_to[1:] - rise))
        greatest = np.minimum(up(up_to[:-1] + rise), up(up_to[1:] - drop))
        low[k], high[k] = least.min(axis=0), greatest.max(axis=0)
    return low, high


def lines(*pairs: tuple[FloatArray, FloatArray]) -> Lines:
    """Return the lines of pairs (slopes, offsets)."""
    slopes, offsets = zip(*pairs, strict=True)
    return Lines(np.array(slopes, dtype=np.float64), np.array(offsets, dtype=np.float64))


def below_through(z: FloatArray, value: FloatArray, slope: FloatArray) -> FloatArray:
    """Return the offset of a line of some slope that is at most `value` at z."""
    return down(value - up(slope * z))


def above_through(z: FloatArray, value: FloatArray, slope: FloatArray) -> FloatArray:
    """Return the offset of a line of some slope that is at least `value` at z."""
    return up(value - down(slope * z))


def chord(
    lower: FloatArray, upper: FloatArray, left: FloatArray, right: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the line above the points (lower, left) and (upper, right), as (slope, offset).

    It is above a convex function between them. For a line below a concave one negate `left` and
    `right`, and the result.
    """
    width = upper - lower
    safe = np.where(width > 0, width, 1.0)
    slope = np.where(width > 0, (right - left) / safe, 0.0)
    offset = np.maximum(above_through(lower, left, slope), above_through(upper, right, slope))
    return slope, offset
