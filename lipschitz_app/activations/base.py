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
        """Return the one-sided derivatives at z: left and right at a breakpoint, else one."""
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
