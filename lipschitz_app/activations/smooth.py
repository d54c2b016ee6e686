r"""Smooth activations: proven enclosures of values and slopes, and constraints that follow.

An activation is given by its value, its derivative, and the points where either turns from rising
to falling or back; between those both are monotone, so their ranges are reached at the ends of the
range and at the turning points inside.

Floating point. numpy's and scipy's elementary functions are taken to be right to
:math:`2^{-46} (1 + |f|)`, about 64 units in the last place at values of size one, where their
documentation and measurements give a few units; every enclosure is widened by that margin and cut
to limits that hold for all arguments. Turning points are doubles; there the derivative is
stationary, so their rounding counts to second order only, which the margin covers.

Constraints. The derivative u lies between two lines in z over the range, and within its own range;
so does the value x. How far a line has to be moved is found on small pieces of the range.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from lipschitz_app.activations.base import Constraints, Expression
from lipschitz_app.activations.lines import linear_bounds
from lipschitz_app.rounding import FloatArray, down, up

Function = Callable[[FloatArray], FloatArray]

MARGIN = 2.0**-46
"""Errors of computed values and derivatives are at most this times (1 + the size of the value)."""

_PIECES = 64


@dataclass(frozen=True, slots=True)
class SmoothEncoding:
    """An activation given by functions for its value and derivative.

    Parameters
    ----------
    name : str
    function, slope : callable
        Value and derivative of arrays, infinite arguments included.
    value_turns, slope_turns : tuple of float
        Where value and derivative turn from rising to falling or back.
    value_limits, slope_limits : pairs of float
        Bounds for all arguments.
    breakpoints : tuple of float
        Where the derivative jumps.
    one_sided : tuple of pairs of float
        The derivatives on either side of each breakpoint, exact.

    Examples
    --------
    >>> square = SmoothEncoding("square", np.square, lambda z: 2 * z, value_turns=(0.0,))
    >>> low, high = square.slope_range(np.array([-1.0]), np.array([2.0]))
    >>> low.round(9).tolist(), high.round(9).tolist()
    ([-2.0], [4.0])
    """

    name: str
    function: Function = field(repr=False)
    slope: Function = field(repr=False)
    value_turns: tuple[float, ...] = ()
    slope_turns: tuple[float, ...] = ()
    value_limits: tuple[float, float] = (-np.inf, np.inf)
    slope_limits: tuple[float, float] = (-np.inf, np.inf)
    breakpoints: tuple[float, ...] = ()
    one_sided: tuple[tuple[float, float], ...] = ()

    def value(self, z: FloatArray, /) -> FloatArray:
        """Return the function at z; ordinary floats."""
        return np.asarray(self.function(np.asarray(z, dtype=np.float64)))

    def derivative(self, z: FloatArray, /) -> FloatArray:
        """Return the derivative at z, at a breakpoint the one on the left."""
        z = np.asarray(z, dtype=np.float64)
        found = np.asarray(self.slope(z))
        for point, (left, _) in zip(self.breakpoints, self.one_sided, strict=True):
            found = np.where(z == point, left, found)
        return found

    def derivative_selections(self, z: float, /) -> tuple[float, ...]:
        """Return the one-sided derivatives at z."""
        for point, sides in zip(self.breakpoints, self.one_sided, strict=True):
            if z == point:
                return sides
        return (float(self.derivative(np.array([z]))[0]),)

    def value_range(self, lower: FloatArray, upper: FloatArray, /) -> tuple[FloatArray, FloatArray]:
        """Enclose the values over the range."""
        places = [lower, upper, *(np.clip(turn, lower, upper) for turn in self.value_turns)]
        return _range([self.value(place) for place in places], self.value_limits)

    def slope_range(self, lower: FloatArray, upper: FloatArray, /) -> tuple[FloatArray, FloatArray]:
        """Enclose the derivatives over the range, those at a breakpoint from both sides."""
        lower, upper = np.asarray(lower), np.asarray(upper)
        places = [lower, upper, *(np.clip(turn, lower, upper) for turn in self.slope_turns)]
        found = [self.derivative(place) for place in places]
        for point, sides in zip(self.breakpoints, self.one_sided, strict=True):
            meets = (lower <= point) & (point <= upper)
            found += [np.where(meets, side, found[0]) for side in sides]
        return _range(found, self.slope_limits)

    def derivative_constraints(
        self, z: Expression, u: Expression, lower: float, upper: float, error: float = 0.0
    ) -> Constraints:
        """Return the range of u as a product, and lines in z below and above u."""
        least, greatest = (float(side[0]) for side in self._slopes(lower, upper))
        size = 1.0 + max(abs(least), abs(greatest))
        reach = 1.0 + max(abs(lower), abs(upper)) + error
        slack = 2.0**-44 * size * size
        found = [(u - least) * (greatest - u) + slack]
        if upper > lower:
            slope, low, high = self._tube(lower, upper)
            tilt = abs(slope) * error + slack * reach * (1.0 + abs(slope))
            found += [u - slope * z - (low - tilt), (high + tilt) - (u - slope * z)]
        return Constraints(tuple(found))

    def _slopes(self, lower: float, upper: float) -> tuple[FloatArray, FloatArray]:
        return self.slope_range(np.array([lower]), np.array([upper]))

    def _tube(self, lower: float, upper: float) -> tuple[float, float, float]:
        """Return a slope r and bounds of ``u - r z`` over the range."""
        ends = self.derivative(np.array([lower, upper]))
        slope = float((ends[1] - ends[0]) / (upper - lower))
        places = np.linspace(lower, upper, _PIECES + 1)
        places[-1] = upper
        least, greatest = self.slope_range(places[:-1], places[1:])
        products = slope * places
        smaller = np.minimum(products[:-1], products[1:])
        larger = np.maximum(products[:-1], products[1:])
        low = down(down(least) - up(larger)).min()
        high = up(up(greatest) - down(smaller)).max()
        return slope, float(low), float(high)

    def value_constraints(
        self, z: Expression, x: Expression, lower: float, upper: float, error: float = 0.0
    ) -> Constraints:
        """Return the range of x as a product, and lines in z below and above x."""
        low, high = np.array([lower]), np.array([upper])
        least, greatest = (float(side[0]) for side in self.value_range(low, high))
        size = 1.0 + max(abs(least), abs(greatest))
        reach = 1.0 + max(abs(lower), abs(upper)) + error
        slack = 2.0**-44 * size * size
        found = [(x - least) * (greatest - x) + slack]
        bounds = linear_bounds(self, low, high)
        for side, sign in ((bounds.lower, 1.0), (bounds.upper, -1.0)):
            for slope, offset in zip(side.slopes[:, 0], side.offsets[:, 0], strict=True):
                tilt = abs(slope) * error + 2.0**-48 * (1.0 + abs(slope)) * reach * size
                found.append((x - float(slope) * z - float(offset)) * sign + float(tilt))
        return Constraints(tuple(found))


def _range(found: list[FloatArray], limits: tuple[float, float]) -> tuple[FloatArray, FloatArray]:
    least, greatest = np.min(found, axis=0), np.max(found, axis=0)
    low = least - MARGIN * (1.0 + np.abs(least))
    high = greatest + MARGIN * (1.0 + np.abs(greatest))
    return np.maximum(low, limits[0]), np.minimum(high, limits[1])
