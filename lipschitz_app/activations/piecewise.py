r"""Piecewise linear activations: leaky ReLU, absolute value, clamps and whatever is like them.

A continuous piecewise linear function is a line plus *hinges*,

.. math:: \sigma(z) = \sigma_0(z) + \sum_k d_k \max(0, z - p_k),

with the breakpoints p_k and the jumps d_k of its slope. Its derivative is therefore the first slope
plus :math:`\sum_k d_k v_k` with the derivatives v_k of ReLUs, and every method for ReLU serves it
(:func:`lipschitz_app.hidden.presolve`).

As constraints: with one breakpoint p inside the range, slopes a before and b after it, the
derivative satisfies ``(u - a)(u - b) = 0`` and ``(b - a)(u - (a + b)/2)(z - p) >= 0``; the value
``(x - A(z))(x - B(z)) = 0`` for the two lines, of which it is the maximum or the minimum. A clamp,
flat on both sides of a slope s, satisfies ``u (u - s) = 0``, ``(2u - s)(z - p)(q - z) s >= 0`` and,
between its two values m and M, ``(M - x)(x - L(z)) >= 0, (x - m)(L(z) - x) >= 0`` for a rising line
L. All constraints are widened by what rounding can take away.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Protocol, runtime_checkable

import numpy as np

from lipschitz_app.activations.base import Constraints, Expression
from lipschitz_app.activations.lines import LinearBounds, above_through, below_through, lines
from lipschitz_app.rounding import FloatArray, down, up

_SLACK = 2.0**-44


@runtime_checkable
class Hinges(Protocol):
    """An activation that is a line plus hinges."""

    def hinges(self) -> tuple[tuple[float, float], list[tuple[float, float, float]]]:
        """Return bounds on the first slope, and (breakpoint, bounds on the jump) of each hinge."""
        ...


@dataclass(frozen=True, slots=True)
class PiecewiseLinearEncoding:
    """A continuous piecewise linear function, with exact slopes.

    Parameters
    ----------
    name : str
    breakpoints : tuple of float
        In increasing order.
    slopes : tuple of Fraction or float
        One more than breakpoints; they need not be doubles.
    start : Fraction or float
        Value at the first breakpoint.

    Examples
    --------
    Soft shrinkage, flat between -1/2 and 1/2:

    >>> shrink = PiecewiseLinearEncoding("softshrink", (-0.5, 0.5), (1, 0, 1), 0)
    >>> shrink.value(np.array([-2.0, 0.3, 1.0])).tolist()
    [-1.5, 0.0, 0.5]
    >>> shrink.derivative_selections(0.5)
    (0.0, 1.0)
    """

    name: str
    breakpoints: tuple[float, ...]
    slopes: tuple[Fraction | float, ...]
    start: Fraction | float = 0

    def _exact(self) -> tuple[list[Fraction], list[Fraction], list[Fraction]]:
        """Return breakpoints, slopes and the values at the breakpoints."""
        points = [Fraction(point) for point in self.breakpoints]
        slopes = [Fraction(slope) for slope in self.slopes]
        values = [Fraction(self.start)]
        for left, right, slope in zip(points, points[1:], slopes[1:], strict=False):
            values.append(values[-1] + slope * (right - left))
        return points, slopes, values

    def value(self, z: FloatArray, /) -> FloatArray:
        """Return the function at z; ordinary floats."""
        z = np.asarray(z, dtype=np.float64)
        _, slopes, values = self._exact()
        first = self.breakpoints[0]
        result = np.full(z.shape, float(values[0]))
        if slopes[0]:
            result = result + float(slopes[0]) * np.minimum(z - first, 0.0)
        ends = [*self.breakpoints[1:], np.inf]
        for left, right, slope in zip(self.breakpoints, ends, slopes[1:], strict=True):
            if slope:
                result = result + float(slope) * (np.clip(z, left, right) - left)
        return np.asarray(result)

    def derivative(self, z: FloatArray, /) -> FloatArray:
        """Return the slope at z, at a breakpoint the one before it."""
        pieces = np.searchsorted(np.array(self.breakpoints), np.asarray(z), side="left")
        return np.array([float(slope) for slope in self.slopes])[pieces]

    def derivative_selections(self, z: float, /) -> tuple[float, ...]:
        """Return both slopes at a breakpoint, else the one slope."""
        before = int(np.searchsorted(self.breakpoints, z, side="left"))
        after = int(np.searchsorted(self.breakpoints, z, side="right"))
        return tuple(float(slope) for slope in self.slopes[before : after + 1])

    def value_range(self, lower: FloatArray, upper: FloatArray, /) -> tuple[FloatArray, FloatArray]:
        """Return the range: the values at the ends and at the breakpoints between them."""
        points = [lower, upper, *(np.clip(point, lower, upper) for point in self.breakpoints)]
        sides = [self._enclose(point) for point in points]
        return (
            np.asarray(np.min([side[0] for side in sides], axis=0)),
            np.asarray(np.max([side[1] for side in sides], axis=0)),
        )

    def _enclose(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return bounds on the value; exact where the value is the argument or a constant 0."""
        value = self.value(z)
        _, slopes, values = self._exact()
        size = sum(abs(float(slope)) for slope in slopes)
        with np.errstate(invalid="ignore"):
            # Infinite values stay; the slack of an infinite argument of a clamp is finite.
            reach = np.where(np.isinf(z), 0.0, np.abs(z)) + max(map(abs, self.breakpoints))
        slack = _SLACK * (size * reach + max(abs(float(v)) for v in values))
        piece = self.derivative(z)
        plain = (value == z) & (piece == 1.0) | (value == -z) & (piece == -1.0)
        plain |= (piece == 0.0) & np.isin(value, [float(v) for v in values if v == float(v)])
        slack = np.where(plain & (reach < 2.0**500), 0.0, slack)
        return value - slack, value + slack

    def slope_range(self, lower: FloatArray, upper: FloatArray, /) -> tuple[FloatArray, FloatArray]:
        """Return the range of the slopes of the pieces that meet the inside of the range."""
        lower, upper = np.asarray(lower), np.asarray(upper)
        starts = np.array([-np.inf, *self.breakpoints])
        ends = np.array([*self.breakpoints, np.inf])
        least = np.full(lower.shape, np.inf)
        greatest = np.full(lower.shape, -np.inf)
        for start, end, slope in zip(starts, ends, self.slopes, strict=True):
            # A range that is one breakpoint belongs to the piece that ends there.
            meets = (lower < end) & (upper > start) | (lower == upper) & (upper == end)
            low, high = _outward(slope)
            least = np.where(meets, np.minimum(least, low), least)
            greatest = np.where(meets, np.maximum(greatest, high), greatest)
        return least, greatest

    def hinges(self) -> tuple[tuple[float, float], list[tuple[float, float, float]]]:
        """Return bounds on the first slope, and (breakpoint, bounds on the jump) of each hinge."""
        points, slopes, _ = self._exact()
        jumps = [after - before for before, after in pairwise(slopes)]
        return _outward(slopes[0]), [
            (float(point), *_outward(jump)) for point, jump in zip(points, jumps, strict=True)
        ]

    def linear_bounds(self, lower: FloatArray, upper: FloatArray, /) -> LinearBounds:
        """Return the lines through any two of the points where the graph can bend.

        The envelopes of a piecewise linear function are made of such lines; each is moved until all
        points are on its right side.
        """
        places = [lower, *(np.clip(point, lower, upper) for point in self.breakpoints), upper]
        values = [self._enclose(place) for place in places]
        below, above = [], []
        for i, left in enumerate(places):
            for j in range(i + 1, len(places)):
                width = places[j] - left
                safe = np.where(width > 0, width, 1.0)
                rise = self.value(places[j]) - self.value(left)
                slope = np.where(width > 0, rise / safe, 0.0)
                ends = list(zip(places, values, strict=True))
                below.append(
                    (slope, np.min([below_through(p, v[0], slope) for p, v in ends], axis=0))
                )
                above.append(
                    (slope, np.max([above_through(p, v[1], slope) for p, v in ends], axis=0))
                )
        return LinearBounds(lines(*below), lines(*above))

    def derivative_constraints(
        self, z: Expression, u: Expression, lower: float, upper: float, error: float = 0.0
    ) -> Constraints:
        """Return the constraints on the derivative; see the module."""
        inside, slopes = self._within(lower, upper)
        size = 1.0 + max(abs(slope) for slope in slopes)
        reach = 1.0 + max(abs(lower), abs(upper)) + error
        slack = 4 * _SLACK * size * size
        if len(slopes) == 1:
            return Constraints((u - slopes[0] + slack, slopes[0] - u + slack))
        least, greatest = min(slopes), max(slopes)
        two_valued = len(set(slopes)) == 2
        product = (u - least) * (greatest - u)
        found = [product + slack]
        if two_valued:
            found.append(slack - product)
        jump = slopes[1] - slopes[0]
        middle = 0.5 * (least + greatest)
        tilt = 0.5 * abs(jump) * error
        if len(slopes) == 2:
            sign = 1.0 if jump > 0 else -1.0
            kink = (u - middle) * (z - inside[0]) * sign
            found.append(kink + (tilt + slack * reach))
        elif len(slopes) == 3 and two_valued:
            sign = 1.0 if jump > 0 else -1.0
            bend = (z - inside[0]) * (inside[1] - z)
            wide = reach + abs(inside[0]) + abs(inside[1])
            found.append((u - middle) * bend * sign + 2 * wide * (tilt + slack * wide))
        return Constraints(tuple(found))

    def value_constraints(
        self, z: Expression, x: Expression, lower: float, upper: float, error: float = 0.0
    ) -> Constraints:
        """Return the constraints on the value; see the module."""
        inside, slopes = self._within(lower, upper)
        ends = np.array([lower, *inside, upper])
        values = self.value(ends)
        size = 1.0 + max(abs(slope) for slope in slopes)
        reach = 1.0 + max(abs(lower), abs(upper)) + error
        slack = 4 * _SLACK * size * reach + size * error
        pieces = [
            slope * z + (float(v) - slope * float(p))
            for slope, p, v in zip(slopes, ends, values, strict=False)
        ]
        if len(slopes) == 1:
            return Constraints((x - pieces[0] + slack, pieces[0] - x + slack))
        wide = 4 * size * reach * slack
        if len(slopes) == 2:
            sign = 1.0 if slopes[1] > slopes[0] else -1.0
            product = (x - pieces[0]) * (x - pieces[1])
            sides = tuple((x - line) * sign + slack for line in pieces)
            return Constraints((*sides, product + wide, wide - product))
        least, greatest = float(values.min()), float(values.max())
        found = [(x - least) * (greatest - x) + wide]
        if len(slopes) == 3 and slopes[0] == slopes[2] == 0.0:
            found.append((greatest - x) * (x - pieces[1]) + wide)
            found.append((x - least) * (pieces[1] - x) + wide)
        return Constraints(tuple(found))

    def _within(self, lower: float, upper: float) -> tuple[list[float], list[float]]:
        """Return the breakpoints inside a range and the slopes of the pieces that meet it."""
        chosen = [k for k, point in enumerate(self.breakpoints) if lower < point < upper]
        first = int(np.searchsorted(self.breakpoints, lower, side="right"))
        slopes = [float(self.slopes[first + k]) for k in range(len(chosen) + 1)]
        return [self.breakpoints[k] for k in chosen], slopes


def _outward(exact: Fraction | float) -> tuple[float, float]:
    """Return the doubles next to a number, or twice the number itself."""
    near = float(exact)
    if Fraction(near) == Fraction(exact):
        return near, near
    return float(down(near)), float(up(near))


def leaky_relu(alpha: float = 0.01, name: str = "") -> PiecewiseLinearEncoding:
    """Return ``max(0, z) + alpha min(0, z)``.

    Examples
    --------
    >>> leaky_relu(0.5).value(np.array([-2.0, 3.0])).tolist()
    [-1.0, 3.0]
    """
    return PiecewiseLinearEncoding(name or f"leaky_relu({alpha!r})", (0.0,), (alpha, 1.0))


def absolute() -> PiecewiseLinearEncoding:
    """Return ``|z|``.

    Examples
    --------
    >>> absolute().value(np.array([-2.0, 3.0])).tolist()
    [2.0, 3.0]
    """
    return PiecewiseLinearEncoding("abs", (0.0,), (-1.0, 1.0))


def hard_tanh() -> PiecewiseLinearEncoding:
    """Return ``min(max(z, -1), 1)``.

    Examples
    --------
    >>> hard_tanh().value(np.array([-2.0, 0.5])).tolist()
    [-1.0, 0.5]
    """
    return PiecewiseLinearEncoding("hardtanh", (-1.0, 1.0), (0.0, 1.0, 0.0), -1.0)


def relu6() -> PiecewiseLinearEncoding:
    """Return ``min(max(z, 0), 6)``.

    Examples
    --------
    >>> relu6().value(np.array([-2.0, 7.0])).tolist()
    [0.0, 6.0]
    """
    return PiecewiseLinearEncoding("relu6", (0.0, 6.0), (0.0, 1.0, 0.0))


def hard_sigmoid() -> PiecewiseLinearEncoding:
    """Return ``relu6(z + 3) / 6``.

    Examples
    --------
    >>> hard_sigmoid().value(np.array([0.0, 7.0])).tolist()
    [0.5, 1.0]
    """
    return PiecewiseLinearEncoding("hardsigmoid", (-3.0, 3.0), (0.0, Fraction(1, 6), 0.0))
