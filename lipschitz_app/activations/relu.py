r"""The rectified linear unit, ``max(0, z)``.

Its derivative is lifted by ``u (u - 1) = 0`` and ``(u - 1/2) z >= 0`` (u is 1 for z > 0, 0 for
z < 0, either at 0), its graph by ``x (x - z) = 0, x >= 0, x >= z`` (Chen, Lasserre, Magron and
Pauwels 2020, section 2).

References
----------
T. Chen, J.-B. Lasserre, V. Magron, E. Pauwels, Semialgebraic optimization for Lipschitz constants
of ReLU networks, NeurIPS 2020, arXiv:2002.03657.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipschitz_app.activations.base import Constraints, Expression
from lipschitz_app.activations.lines import LinearBounds, chord, lines
from lipschitz_app.rounding import UNIT, FloatArray


@dataclass(frozen=True, slots=True)
class ReLUEncoding:
    """Values, derivatives and constraints of ``max(0, z)``."""

    name: str = "relu"
    breakpoints: tuple[float, ...] = (0.0,)

    def value(self, z: FloatArray, /) -> FloatArray:
        """Return max(0, z)."""
        return np.maximum(z, 0.0)

    def derivative(self, z: FloatArray, /) -> FloatArray:
        """Return 1 where z > 0 and 0 elsewhere."""
        return np.asarray(np.asarray(z) > 0.0, dtype=np.float64)

    def derivative_selections(self, z: float, /) -> tuple[float, ...]:
        """Return (0, 1) at 0, else the one derivative."""
        return (0.0, 1.0) if z == 0.0 else (float(z > 0.0),)

    def value_range(self, lower: FloatArray, upper: FloatArray, /) -> tuple[FloatArray, FloatArray]:
        """Return the exact range."""
        return np.maximum(lower, 0.0), np.maximum(upper, 0.0)

    def slope_range(self, lower: FloatArray, upper: FloatArray, /) -> tuple[FloatArray, FloatArray]:
        """Return 0..0 for z <= 0, else 1..1 for z >= 0, else 0..1.

        A neuron that only touches 0 at the border of its range counts as stable: 0 is then a
        one-sided derivative of the network over that range as good as 1.
        """
        dead = upper <= 0.0
        active = (lower >= 0.0) & ~dead
        return active.astype(np.float64), (~dead).astype(np.float64)

    def hinges(self) -> tuple[tuple[float, float], list[tuple[float, float, float]]]:
        """Return slope 0 before the one hinge, at 0, where it jumps by 1."""
        return (0.0, 0.0), [(0.0, 1.0, 1.0)]

    def linear_bounds(self, lower: FloatArray, upper: FloatArray, /) -> LinearBounds:
        """Return 0 and z below, the chord above; the function itself where it is linear."""
        slope, offset = chord(lower, upper, np.maximum(lower, 0.0), np.maximum(upper, 0.0))
        flattest, steepest = self.slope_range(lower, upper)
        stable = flattest == steepest
        zero = np.zeros_like(slope)
        above = np.where(stable, steepest, slope), np.where(stable, 0.0, offset)
        return LinearBounds(lines((flattest, zero), (steepest, zero)), lines(above))

    def derivative_constraints(
        self, z: Expression, u: Expression, lower: float, upper: float, error: float = 0.0
    ) -> Constraints:
        """Return ``u (u - 1) = 0`` and ``(u - 1/2) z + error/2 >= 0``.

        Multiplying by 1/2 is exact; for u in {0, 1} an error of z moves the product by half of it.
        """
        return Constraints(((u - 0.5) * z + 0.5 * error,), (u * u - u,))

    def product_constraints(
        self,
        z: Expression,
        u: Expression,
        lower: float,
        upper: float,
        error: float = 0.0,
        *,
        magnitude: float = 0.0,
    ) -> Constraints:
        """Return the products of bounds on u and z that order 2 on {u, z} implies at order 1.

        ``u z >= 0, (u - 1) z >= 0, u (upper - z) >= 0, (1 - u) (z - lower) >= 0`` and
        ``z (upper u + lower (1 - u) - z) >= 0``, for ``lower < 0 < upper``. `magnitude` is the sum
        of the absolute coefficients of z, which the rounding of the last one is proportional to.
        """
        widest = max(abs(lower), abs(upper)) + error
        slack = error + 8 * UNIT * (magnitude + widest)
        rounding = 32 * UNIT * (3 * widest * magnitude + magnitude * magnitude)
        last = 2 * error * (widest + error) + rounding
        return Constraints(
            (
                u * z + error,
                u * z - z + error,
                u * (upper + slack - z),
                (1 - u) * (z - lower + slack),
                z * (upper * u + lower * (1 - u) - z) + last,
            )
        )

    def value_constraints(
        self, z: Expression, x: Expression, lower: float, upper: float, error: float = 0.0
    ) -> Constraints:
        """Return ``x (x - z) = 0, x >= 0, x >= z``, as two inequalities where z has an error."""
        reach = max(0.0, upper) * error
        product = x * (x - z)
        if error == 0.0:
            return Constraints((x, x - z), (product,))
        return Constraints((x, x - z + error, product + reach, reach - product))
