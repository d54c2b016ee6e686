"""Cells of the arrangement of kinks: which patterns occur in a region, by linear programs.

For a pattern of signs the program maximises the margin s with which every pre-activation has its
sign: ``sign_j z_j(x) >= s scale_j`` over the region. The pattern occurs on an open set exactly when
the largest margin is positive; the maximiser then lies well inside the cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipschitz_app.errors import UnsupportedError
from lipschitz_app.regions import Ball, Box, Region
from lipschitz_app.rounding import FloatArray

MARGIN = 1e-8
"""Margins up to this, relative to how far a pre-activation moves over the region, count as none."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The kinks of some neurons of the first layer, in coordinates scaled to the region.

    Attributes
    ----------
    rows, offsets : arrays, shapes (k, n) and (k,)
        Pre-activation j is ``rows[j] @ y + offsets[j]`` up to a positive factor.
    center, scale : arrays, shape (n,)
        Points are ``center + scale * y``.
    bounded : bool
        Whether y is restricted to [-1, 1].
    """

    rows: FloatArray
    offsets: FloatArray
    center: FloatArray
    scale: FloatArray
    bounded: bool

    @classmethod
    def of(cls, rows: FloatArray, biases: FloatArray, region: Region) -> Arrangement:
        """Scale the kinks of neurons ``rows @ x + biases`` to a region.

        Raises
        ------
        UnsupportedError
            The region is a ball, over which the program is not linear.
        """
        if isinstance(region, Ball):
            raise UnsupportedError(
                "patterns over a Euclidean ball are not offered; use a Box or Everywhere()"
            )
        size = rows.shape[1]
        center, scale = np.zeros(size), np.ones(size)
        if isinstance(region, Box):
            center, scale = region.center, region.radius
        scaled, offsets = rows * scale, rows @ center + biases
        factor = np.abs(scaled).sum(axis=1)
        factor = np.where(factor > 0, factor, 1.0)
        return cls(
            scaled / factor[:, None], offsets / factor, center, scale, isinstance(region, Box)
        )

    def margin(self, signs: FloatArray, tolerance: float = 1e-10) -> tuple[float, FloatArray]:
        """Return the largest margin of a pattern and the point where it is reached.

        Parameters
        ----------
        signs : array, shape (k,)
            1, -1, or 0 for neurons whose sign is left open.
        """
        # scipy.optimize takes a tenth of a second to import.
        from scipy.optimize import linprog

        used = np.flatnonzero(signs)
        size = self.center.size
        objective = np.zeros(size + 1)
        objective[-1] = -1.0
        matrix = np.hstack([-signs[used, None] * self.rows[used], np.ones((used.size, 1))])
        side = (-1.0, 1.0) if self.bounded else (None, None)
        found = linprog(
            objective,
            A_ub=matrix if used.size else None,
            b_ub=signs[used] * self.offsets[used] if used.size else None,
            bounds=[side] * size + [(None, 1.0)],
            method="highs",
            options={
                "primal_feasibility_tolerance": tolerance,
                "dual_feasibility_tolerance": tolerance,
            },
        )
        if found.status != 0:
            return -np.inf, self.center
        return float(found.x[-1]), self.center + self.scale * found.x[:-1]

    def signs(self, point: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return signs and scaled pre-activations at a point."""
        safe = np.where(self.scale > 0, self.scale, 1.0)
        values = self.rows @ ((point - self.center) / safe) + self.offsets
        return np.sign(values), values
