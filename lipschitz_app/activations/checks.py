"""Checks of activation encodings against the functions they encode, for users to run."""

from __future__ import annotations

import numpy as np

from lipschitz_app.activations.base import ActivationEncoding, Constraints
from lipschitz_app.activations.lines import linear_bounds
from lipschitz_app.activations.piecewise import Hinges
from lipschitz_app.errors import ActivationError
from lipschitz_app.rounding import FloatArray


def check_activation_encoding(
    encoding: ActivationEncoding,
    lower: float = -2.0,
    upper: float = 3.0,
    *,
    samples: int = 101,
    error: float = 1e-6,
    tolerance: float = 1e-9,
) -> None:
    """Check an activation encoding against the function it encodes.

    Points of the true graph, breakpoints included, must satisfy the constraints; so must every
    one-sided derivative there; both must still hold when z is off by up to `error`; the ranges must
    enclose values, slopes and difference quotients; lines from ``linear_bounds`` and hinges from
    ``hinges``, where the encoding offers them, must fit the function.

    Parameters
    ----------
    encoding : ActivationEncoding
    lower, upper : float
        The range of pre-activations; choose it on both sides of the breakpoints.
    samples : int
        Number of points.
    error, tolerance : float
        Perturbation of z, and what counts as a violation.

    Raises
    ------
    ActivationError
        Something does not hold; the message names the point.

    Examples
    --------
    >>> from lipschitz_app.activations.registry import get_activation
    >>> check_activation_encoding(get_activation("relu"))  # silent: it is right
    """
    inside = [point for point in encoding.breakpoints if lower <= point <= upper]
    points = np.unique(np.concatenate([np.linspace(lower, upper, samples), inside]))
    low, high = np.array([lower]), np.array([upper])
    slope_low, slope_high = (float(v[0]) for v in encoding.slope_range(low, high))
    value_low, value_high = (float(v[0]) for v in encoding.value_range(low, high))
    for point in points.tolist():
        value = float(encoding.value(np.array([point]))[0])
        chosen = float(encoding.derivative(np.array([point]))[0])
        selections = encoding.derivative_selections(point)
        if all(abs(chosen - slope) > tolerance for slope in selections):
            raise ActivationError(
                f"activation {encoding.name!r} at z = {point:g}: derivative() gives {chosen:g}, "
                f"which is not among the one-sided derivatives {selections}"
            )
        # At a border only the derivative towards the inside counts.
        if point == lower:
            selections = selections[-1:]
        elif point == upper:
            selections = selections[:1]
        name = f"activation {encoding.name!r} at z = {point:g}"
        if not value_low <= value <= value_high:
            raise ActivationError(
                f"{name}: the value {value:g} is outside its range [{value_low:g}, {value_high:g}]"
            )
        for shift in (0.0, -error, error):
            z = point + shift
            for slope in selections:
                if not slope_low <= slope <= slope_high:
                    raise ActivationError(
                        f"{name}: the slope {slope:g} is outside its range "
                        f"[{slope_low:g}, {slope_high:g}]"
                    )
                found = encoding.derivative_constraints(z, slope, lower, upper, error)
                _verify(found, f"{name}: the derivative {slope:g}", tolerance)
            found = encoding.value_constraints(z, value, lower, upper, error)
            _verify(found, f"{name}: the value {value:g}", tolerance)

    _verify_differences(encoding, points, tolerance)
    _verify_lines(encoding, lower, upper, points, tolerance)
    if isinstance(encoding, Hinges):
        _verify_hinges(encoding, points, tolerance)


def _verify_differences(encoding: ActivationEncoding, z: FloatArray, tolerance: float) -> None:
    """Difference quotients between neighbouring points lie in the range of slopes there."""
    low, high = encoding.slope_range(z[:-1], z[1:])
    width = np.diff(z)
    rises = np.diff(encoding.value(z))
    wrong = (rises < low * width - tolerance) | (rises > high * width + tolerance)
    if wrong.any():
        k = int(np.flatnonzero(wrong)[0])
        raise ActivationError(
            f"activation {encoding.name!r} rises by {rises[k]:g} from z = {z[k]:g} to "
            f"{z[k + 1]:g}, which slopes in [{low[k]:g}, {high[k]:g}] do not allow"
        )


def _verify_lines(
    encoding: ActivationEncoding, lower: float, upper: float, z: FloatArray, tolerance: float
) -> None:
    """Lines are on their side of the graph."""
    bounds = linear_bounds(encoding, np.array([lower]), np.array([upper]))
    values = encoding.value(z)
    for side, lines, sign in (("below", bounds.lower, 1.0), ("above", bounds.upper, -1.0)):
        excess = sign * (lines.slopes * z + lines.offsets - values)
        if excess.max() > tolerance:
            line, point = np.unravel_index(int(excess.argmax()), excess.shape)
            raise ActivationError(
                f"activation {encoding.name!r}: line {line} of linear_bounds is not {side} the "
                f"graph at z = {z[point]:g}"
            )


def _verify_hinges(encoding: ActivationEncoding, z: FloatArray, tolerance: float) -> None:
    """Away from breakpoints the derivative is the first slope plus the jumps passed."""
    assert isinstance(encoding, Hinges)
    first, hinges = encoding.hinges()
    away = z[~np.isin(z, [point for point, _, _ in hinges])]
    low, high = np.full(away.size, first[0]), np.full(away.size, first[1])
    for point, least, greatest in hinges:
        low += least * (away > point)
        high += greatest * (away > point)
    slopes = encoding.derivative(away)
    wrong = (slopes < low - tolerance) | (slopes > high + tolerance)
    if wrong.any():
        k = int(np.flatnonzero(wrong)[0])
        raise ActivationError(
            f"activation {encoding.name!r} at z = {away[k]:g}: the derivative is {slopes[k]:g}, by "
            f"its hinges {low[k]:g}"
        )


def _verify(constraints: Constraints, what: str, tolerance: float) -> None:
    for index, value in enumerate(constraints.inequalities):
        if value < -tolerance:
            raise ActivationError(f"{what} violates inequality {index}: {value:g} >= 0 is false")
    for index, value in enumerate(constraints.equalities):
        if abs(value) > tolerance:
            raise ActivationError(f"{what} violates equality {index}: {value:g} == 0 is false")
