"""Regions of the input space over which a Lipschitz constant is asked for.

Points on the boundary belong to the region. A :class:`Box` given by centre and radius stands for
the real set ``|x - center| <= radius``; its `lower` and `upper` are rounded outwards, so that
bounds over them are bounds over the box. All regions are convex, so that the supremum of the
dual norm of the gradient is the Lipschitz constant on the region.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from lipschitz_app.errors import InvalidRegionError, UnsupportedError
from lipschitz_app.rounding import FloatArray, down, up


def _vector(values: ArrayLike, name: str) -> FloatArray:
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidRegionError(f"{name} of a region must be numbers: {error}") from None
    if array.size == 0:
        raise InvalidRegionError(f"{name} of a region is empty; give one number per input")
    array = array.reshape(-1)
    if not np.isfinite(array).all():
        where = int(np.flatnonzero(~np.isfinite(array))[0])
        raise InvalidRegionError(
            f"{name} of a region has the entry {array[where]} at position {where}; "
            "all entries must be finite (use Everywhere() for the whole space)"
        )
    array.setflags(write=False)
    return array


def _radius(radius: ArrayLike, size: int, scalar: bool) -> FloatArray:
    values = _vector(radius, "radius")
    if (values < 0).any():
        raise InvalidRegionError(
            f"radius {values.min():g} is negative; give a radius of at least 0"
        )
    if values.size != 1 and (scalar or values.size != size):
        expected = "one number" if scalar else f"one number or {size} numbers, as the centre has"
        raise InvalidRegionError(f"radius has {values.size} entries; give {expected}")
    return values


@dataclass(frozen=True, slots=True, init=False, eq=False)
class Box:
    """A box: all points between `lower` and `upper`, or within `radius` of `center` in every input.

    Parameters
    ----------
    center : array, any shape of n numbers
    radius : a number, or one per input
    lower, upper : arrays of n numbers; instead of centre and radius

    Attributes
    ----------
    center, radius : arrays, shape (n,)
        The box lies in ``|x - center| <= radius`` (real arithmetic); equal to it when given so.
    lower, upper : arrays, shape (n,)
        The box lies in ``lower <= x <= upper``; equal to it when given so.

    Examples
    --------
    >>> Box(center=[0.0, 1.0], radius=0.5)
    Box(2 inputs, radius 0.5)
    >>> Box(lower=[0.0, 1.0], upper=[1.0, 1.5]).radius.round(3).tolist()
    [0.5, 0.25]
    """

    center: FloatArray
    radius: FloatArray
    lower: FloatArray
    upper: FloatArray
    inner_lower: FloatArray = field(repr=False)
    inner_upper: FloatArray = field(repr=False)

    def __init__(
        self,
        center: ArrayLike | None = None,
        radius: ArrayLike | None = None,
        *,
        lower: ArrayLike | None = None,
        upper: ArrayLike | None = None,
    ) -> None:
        by_center = center is not None and radius is not None
        by_bounds = lower is not None and upper is not None
        given = [center, radius, lower, upper]
        if by_center == by_bounds or sum(value is not None for value in given) != 2:
            raise InvalidRegionError("a Box needs either center and radius, or lower and upper")
        if center is not None and radius is not None:
            middle = _vector(center, "center")
            half = np.broadcast_to(_radius(radius, middle.size, False), middle.shape).copy()
            exact = half == 0.0
            low, high = middle - half, middle + half
            outer = np.where(exact, middle, down(low)), np.where(exact, middle, up(high))
            inner = np.where(exact, middle, up(low)), np.where(exact, middle, down(high))
            inner = np.minimum(inner[0], middle), np.maximum(inner[1], middle)
        elif lower is not None and upper is not None:
            low, high = _vector(lower, "lower"), _vector(upper, "upper")
            if low.size != high.size:
                raise InvalidRegionError(
                    f"lower has {low.size} entries and upper {high.size}; they must agree"
                )
            if (low > high).any():
                where = int(np.flatnonzero(low > high)[0])
                raise InvalidRegionError(
                    f"the box is empty: at position {where} lower {low[where]:g} is above "
                    f"upper {high[where]:g}"
                )
            outer = inner = (low, high)
            middle = np.clip(low + (high - low) / 2, low, high)
            half = np.maximum(middle - low, high - middle)
            half = np.where(half > 0, up(half), 0.0)
        names = ("center", "radius", "lower", "upper", "inner_lower", "inner_upper")
        for name, value in zip(names, (middle, half, *outer, *inner), strict=True):
            array = np.array(value, dtype=np.float64)
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @property
    def size(self) -> int:
        """Number of inputs."""
        return int(self.center.size)

    def intersect(self, other: Region) -> Box | BallInBox:
        """Return the points of this box that are in the other region too.

        A box with one input stands for the same bounds on every input.

        Raises
        ------
        InvalidRegionError
            There are none, up to rounding, or the numbers of inputs differ.

        Examples
        --------
        >>> pixels = Box(lower=0.0, upper=1.0)
        >>> Box([0.5, 0.9], 0.2).intersect(pixels).upper.round(6).tolist()
        [0.7, 1.0]
        """
        found = intersection(self, other)
        assert isinstance(found, (Box, BallInBox))
        return found

    def __repr__(self) -> str:
        low, high = float(self.radius.min()), float(self.radius.max())
        text = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        return f"Box({self.size} inputs, radius {text})"


@dataclass(frozen=True, slots=True, init=False, eq=False)
class Ball:
    """A Euclidean ball: all points with ``|x - center|_2 <= radius``.

    Examples
    --------
    >>> Ball([0.0, 1.0], 0.5)
    Ball(2 inputs, radius 0.5)
    """

    center: FloatArray
    radius: float

    def __init__(self, center: ArrayLike, radius: float) -> None:
        middle = _vector(center, "center")
        object.__setattr__(self, "center", middle)
        object.__setattr__(self, "radius", float(_radius(radius, middle.size, True)[0]))

    @property
    def size(self) -> int:
        """Number of inputs."""
        return int(self.center.size)

    @property
    def lower(self) -> FloatArray:
        """Lower corner of a box around the ball, rounded outwards."""
        return down(self.center - self.radius)

    @property
    def upper(self) -> FloatArray:
        """Upper corner of a box around the ball, rounded outwards."""
        return up(self.center + self.radius)

    def intersect(self, other: Region) -> Ball:
        """Return the points of this ball that are in a box too.

        A box with one input stands for the same bounds on every input.

        Raises
        ------
        InvalidRegionError
            There are none, up to rounding, or the numbers of inputs differ.
        UnsupportedError
            The other region is a ball.

        Examples
        --------
        >>> Ball([0.5, 0.9], 0.2).intersect(Box(lower=0.0, upper=1.0))
        BallInBox(2 inputs, radius 0.2)
        """
        found = intersection(self, other)
        assert isinstance(found, Ball)
        return found

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.size} inputs, radius {self.radius:g})"


@dataclass(frozen=True, slots=True)
class Everywhere:
    """The whole input space: the Lipschitz constant asked for is the global one.

    Examples
    --------
    >>> Everywhere()
    Everywhere()
    """

    def intersect(self, other: Region) -> Region:
        """Return the other region."""
        return other


@dataclass(frozen=True, slots=True, init=False, eq=False)
class BallInBox(Ball):
    """The points of a Euclidean ball that lie in a box; made by ``ball.intersect(box)``.

    Whoever knows balls only may take it for one: a bound over the ball holds for its part.

    Attributes
    ----------
    center, radius
        Of the ball; the centre may lie outside the box.
    box : Box
        Of as many inputs, within the box around the ball.
    anchor : array, shape (n,)
        A point of the region: the one next to the centre of the ball.

    Raises
    ------
    InvalidRegionError
        No point is in both, up to rounding.

    Examples
    --------
    >>> region = Ball([0.0, 2.0], 1.5).intersect(Box(lower=-1.0, upper=1.0))
    >>> region, region.anchor.tolist(), region.lower.round(6).tolist()
    (BallInBox(2 inputs, radius 1.5), [0.0, 1.0], [-1.0, 0.5])
    """

    box: Box
    anchor: FloatArray

    def __init__(self, ball: Ball, box: Box) -> None:
        Ball.__init__(self, ball.center, ball.radius)
        anchor = np.clip(ball.center, box.inner_lower, box.inner_upper)
        distance = float(np.linalg.norm(anchor - ball.center))
        if distance > ball.radius * (1 - 1e-9):
            raise InvalidRegionError(
                f"the ball of radius {ball.radius:g} misses the box: the nearest point of the "
                f"box is {distance:g} from the centre"
            )
        anchor.setflags(write=False)
        object.__setattr__(self, "box", box)
        object.__setattr__(self, "anchor", anchor)

    def __repr__(self) -> str:
        return f"BallInBox({self.size} inputs, radius {self.radius:g})"

    @property
    def ball(self) -> Ball:
        """The ball without the box."""
        return Ball(self.center, self.radius)

    @property
    def lower(self) -> FloatArray:
        """Lower corner of a box around the region."""
        return self.box.lower

    @property
    def upper(self) -> FloatArray:
        """Upper corner of a box around the region."""
        return self.box.upper


Region: TypeAlias = Box | Ball | Everywhere


def intersection(first: Region, second: Region) -> Region:
    """Return the points that are in both regions; see the methods ``intersect``."""
    check_region(first, 0)
    check_region(second, 0)
    if isinstance(first, Everywhere) or isinstance(second, Everywhere):
        return second if isinstance(first, Everywhere) else first
    balls = [region for region in (first, second) if isinstance(region, Ball)]
    if len(balls) > 1:
        raise UnsupportedError("the intersection of two balls is not offered; use a box and a ball")
    size = balls[0].size if balls else max(first.size, second.size)
    boxes = [_broadcast(region, size) for region in (first, second) if isinstance(region, Box)]
    if not balls:
        return _cut(boxes[0], boxes[1].lower, boxes[1].upper, boxes[1])
    ball, box = balls[0], boxes[0]
    if isinstance(ball, BallInBox):
        box = _cut(box, ball.box.lower, ball.box.upper, ball.box)
        ball = ball.ball
    return BallInBox(ball, _cut(box, ball.lower, ball.upper))


def _broadcast(box: Box, size: int) -> Box:
    if box.size == size:
        return box
    if box.size != 1:
        raise InvalidRegionError(f"regions of {box.size} and {size} inputs have no intersection")
    parts = (np.repeat(part, size) for part in (box.lower, box.upper))
    lower, upper = parts
    wide = Box(lower=lower, upper=upper)
    return _with_inside(wide, np.repeat(box.inner_lower, size), np.repeat(box.inner_upper, size))


def _cut(box: Box, lower: FloatArray, upper: FloatArray, other: Box | None = None) -> Box:
    """Return the part of a box within bounds; what is surely inside needs both boxes."""
    low, high = np.maximum(box.lower, lower), np.minimum(box.upper, upper)
    inner_low, inner_high = box.inner_lower, box.inner_upper
    if other is not None:
        inner_low = np.maximum(inner_low, other.inner_lower)
        inner_high = np.minimum(inner_high, other.inner_upper)
    elif (low > high).any():
        raise InvalidRegionError("the ball and the box have no point in common")
    if (inner_low > inner_high).any():
        where = int(np.flatnonzero(inner_low > inner_high)[0])
        raise InvalidRegionError(
            f"the boxes have no point in common: at position {where} one ends at "
            f"{inner_high[where]:g}, the other begins at {inner_low[where]:g}"
        )
    return _with_inside(Box(lower=low, upper=high), inner_low, inner_high)


def _with_inside(box: Box, lower: FloatArray, upper: FloatArray) -> Box:
    for name, value in (("inner_lower", lower), ("inner_upper", upper)):
        array = np.clip(value, box.lower, box.upper)
        array.setflags(write=False)
        object.__setattr__(box, name, array)
    return box


def check_region(region: object, size: int) -> Region:
    """Return the region if it fits a network with `size` inputs; 0 means any number.

    Raises
    ------
    InvalidRegionError
        It is no region, or has another number of inputs.
    """
    if not isinstance(region, (Box, Ball, Everywhere)):
        raise InvalidRegionError(
            f"{region!r} is not a region; use Box(center=…, radius=…), Box(lower=…, upper=…), "
            "Ball(center, radius) or Everywhere()"
        )
    if size and not isinstance(region, Everywhere) and region.size != size:
        raise InvalidRegionError(
            f"the region has {region.size} inputs, the network {size}; give a centre with "
            f"{size} entries"
        )
    return region


def bounds(region: Region, size: int) -> tuple[FloatArray, FloatArray]:
    """Return a box (lower, upper) around the region; infinite for :class:`Everywhere`."""
    if isinstance(region, Everywhere):
        return np.full(size, -np.inf), np.full(size, np.inf)
    return region.lower, region.upper
