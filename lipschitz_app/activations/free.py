"""Derivatives that are only known to lie in [0, 1], whatever the pre-activation is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipschitz_app.activations.base import ActivationEncoding, Constraints, Expression
from lipschitz_app.rounding import FloatArray


@dataclass(frozen=True, slots=True)
class FreeSlopes:
    """An activation of which nothing is used but that its rescaled derivatives are in [0, 1].

    Parameters
    ----------
    original : ActivationEncoding
        Whose values and derivatives it has.
    """

    original: ActivationEncoding

    @property
    def name(self) -> str:
        """Name of the original."""
        return self.original.name

    @property
    def breakpoints(self) -> tuple[float, ...]:
        """Those of the original."""
        return self.original.breakpoints

    def value(self, z: FloatArray, /) -> FloatArray:
        """Return the original's values."""
        return self.original.value(z)

    def derivative(self, z: FloatArray, /) -> FloatArray:
        """Return the original's derivatives, not rescaled."""
        return self.original.derivative(z)

    def derivative_selections(self, z: float, /) -> tuple[float, ...]:
        """Return the original's derivatives, not rescaled."""
        return self.original.derivative_selections(z)

    def value_range(self, lower: FloatArray, upper: FloatArray, /) -> tuple[FloatArray, FloatArray]:
        """Return the original's range."""
        return self.original.value_range(lower, upper)

    def slope_range(self, lower: FloatArray, upper: FloatArray, /) -> tuple[FloatArray, FloatArray]:
        """Return 0 and 1, the range of the rescaled derivatives."""
        return np.zeros(np.shape(lower)), np.ones(np.shape(lower))

    def derivative_constraints(
        self, z: Expression, u: Expression, lower: float, upper: float, error: float = 0.0
    ) -> Constraints:
        """Return ``u (1 - u) >= 0``."""
        return Constraints((u - u * u,))

    def value_constraints(
        self, z: Expression, x: Expression, lower: float, upper: float, error: float = 0.0
    ) -> Constraints:
        """Return the original's constraints."""
        return self.original.value_constraints(z, x, lower, upper, error)
