"""What an activation must say about itself to enter a polynomial optimisation problem.

An encoding describes the graph ``x = sigma(z)`` and the derivatives ``u`` by polynomial
inequalities and equalities, for a pre-activation known to lie in ``[lower, upper]``. The
constraints are built with ``+``, ``-`` and ``*`` alone, so the same code makes polynomials for the
relaxations and numbers for :func:`check_activation_encoding`.

Pre-activations are computed in floating point: the polynomial z may differ from the true one by up
to `error`. Constraints must hold for the true pre-activation's x and u with z in place of it, so
they are widened accordingly; this keeps the bounds proven.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

from lipschitz_app.errors import ActivationError
from lipschitz_app.rounding import FloatArray

Expression: TypeAlias = Any
"""A polynomial, a number or an array: whatever supports ``+``, ``-`` and ``*``."""


@dataclass(frozen=True, slots=True)
class Constraints:
    """Polynomials that are nonnegative, and polynomials that vanish, on the graph."""

    inequalities: tuple[Expression, ...] = ()
    equalities: tuple[Expression, ...] = ()


class ActivationEncoding(Protocol):
    """An activation function with the semialgebraic description of it and of its derivative."""

    @property
    def name(self) -> str:
        """Name in the registry."""
        ...

    @property
    def breakpoints(self) -> tuple[float, ...]:
        """Points where the derivative jumps."""
        ...

    def value(self, z: FloatArray, /) -> FloatArray:
        """Return sigma(z)."""
        ...

    def derivative(self, z: FloatArray, /) -> FloatArray:
        """Return one selection of the generalised derivative at z."""
        ...

    def derivative_selections(self, z: float, /) -> tuple[float, ...]:
        """Return the one-sided derivatives at z: two numbers at a breakpoint, else one."""
        ...

    def value_range(self, lower: FloatArray, upper: FloatArray, /) -> tuple[FloatArray, FloatArray]:
        """Enclose the values over ``[lower, upper]``, rounded outwards."""
        ...

    def slope_range(self, lower: FloatArray, upper: FloatArray, /) -> tuple[FloatArray, FloatArray]:
        """Enclose the derivatives over ``[lower, upper]``, rounded outwards.

        A neuron is stable when both ends agree.
        """
        ...

    def derivative_constraints(
        self, z: Expression, u: Expression, lower: float, upper: float, error: float = 0.0
    ) -> Constraints:
        """Constraints on the derivative u for the pre-activation z in ``[lower, upper]``."""
        ...

    def value_constraints(
        self, z: Expression, x: Expression, lower: float, upper: float, error: float = 0.0
    ) -> Constraints:
        """Constraints on the value x for the pre-activation z in ``[lower, upper]``."""
        ...


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
    one-sided derivative there; both must still hold when z is off by up to `error`; and the ranges
    must enclose values and slopes.

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
        name = f"activation {encoding.name!r} at z = {point:g}"
        if not value_low <= value <= value_high:
            raise ActivationError(
                f"{name}: the value {value:g} is outside its range [{value_low:g}, {value_high:g}]"
            )
        if all(abs(chosen - slope) > tolerance for slope in selections):
            raise ActivationError(
                f"{name}: derivative() gives {chosen:g}, which is not among the one-sided "
                f"derivatives {selections}"
            )
        for shift in (0.0, -error, error):
            z = point + shift
            for slope in selections:
                if lower < point < upper and not slope_low <= slope <= slope_high:
                    raise ActivationError(
                        f"{name}: the slope {slope:g} is outside its range "
                        f"[{slope_low:g}, {slope_high:g}]"
                    )
                found = encoding.derivative_constraints(z, slope, lower, upper, error)
                _verify(found, f"{name}: the derivative {slope:g}", tolerance)
            found = encoding.value_constraints(z, value, lower, upper, error)
            _verify(found, f"{name}: the value {value:g}", tolerance)


def _verify(constraints: Constraints, what: str, tolerance: float) -> None:
    for index, value in enumerate(constraints.inequalities):
        if value < -tolerance:
            raise ActivationError(f"{what} violates inequality {index}: {value:g} >= 0 is false")
    for index, value in enumerate(constraints.equalities):
        if abs(value) > tolerance:
            raise ActivationError(f"{what} violates equality {index}: {value:g} == 0 is false")
