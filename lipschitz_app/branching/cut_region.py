r"""A region cut by half-spaces: proven bounds of linear functions there, and proven emptiness.

All points of the part satisfy ``rows @ x + constants >= 0``. For any multipliers
:math:`\lambda \ge 0`,

.. math:: a^T x \le (a + rows^T \lambda)^T x + \lambda^T constants,

whose right side is bounded over the whole region in outward-rounded arithmetic; with ``a = 0``, a
negative bound proves that the part is empty. Linear programs find good multipliers, and nothing
depends on their word. A ball is replaced by the box around it in the programs alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lipschitz_app.ranges.support import support
from lipschitz_app.regions import Ball, Box
from lipschitz_app.rounding import FloatArray, gamma, inflate, up

_TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, slots=True, eq=False)
class CutRegion:
    """A bounded region and half-spaces that all points of the part lie in.

    Attributes
    ----------
    region : Box or Ball
    rows, constants : arrays, shapes (c, n) and (c,)
        ``rows @ x + constants >= 0`` at all points of the part; exact real-number statements.

    Examples
    --------
    The triangle below the diagonal of the unit square:

    >>> import numpy as np
    >>> square = Box(lower=[0.0, 0.0], upper=[1.0, 1.0])
    >>> part = CutRegion(square, np.array([[1.0, -1.0]]), np.array([0.0]))
    >>> cut_support(np.array([[-1.0, 1.0], [1.0, 1.0]]), part)[0].round(6).tolist()
    [0.0, 2.0]
    """

    region: Box | Ball
    rows: FloatArray
    constants: FloatArray
    _programs: list[Any] = field(default_factory=list, repr=False)

    @property
    def reach(self) -> FloatArray:
        """Bounds on the absolute values of the coordinates."""
        return np.maximum(np.abs(self.region.lower), np.abs(self.region.upper))

    def with_cuts(self, rows: FloatArray, constants: FloatArray) -> CutRegion:
        """Return the part with more half-spaces."""
        return CutRegion(
            self.region,
            np.concatenate([self.rows, rows]),
            np.concatenate([self.constants, constants]),
        )

    def bounds(self, rows: FloatArray, multipliers: FloatArray) -> FloatArray:
        """Return proven upper bounds of ``rows @ x``, shape (m,), by given multipliers (m, c)."""
        weights = np.maximum(multipliers, 0.0)
        combined = rows + weights @ self.rows
        offsets = weights @ self.constants
        count = len(self.constants) + 2
        mass = (np.abs(rows) + weights @ np.abs(self.rows)) @ self.reach
        mass += weights @ np.abs(self.constants)
        lost = inflate(gamma(count) * mass, 2 * count + rows.shape[1]) + count * _TINY
        return up(up(support(combined, self.region)[0] + offsets) + lost)

    def programs(self) -> _Programs:
        """Return the linear programs over the part, set up once."""
        if not self._programs:
            self._programs.append(_Programs(self))
        programs: _Programs = self._programs[0]
        return programs

    def explore(self) -> tuple[bool, FloatArray | None]:
        """Return whether the part is proven empty, and a point well inside it if there is one."""
        if not len(self.constants):
            return False, self.region.center
        margin, point, multipliers = self.programs().margin()
        if margin > 0:
            return False, point
        nothing = np.zeros((1, self.rows.shape[1]))
        return bool(self.bounds(nothing, multipliers[None])[0] < 0.0), None


def cut_support(rows: FloatArray, part: CutRegion) -> tuple[FloatArray, FloatArray]:
    """Return proven upper bounds of ``rows @ x`` over a part, and points that nearly reach them.

    As :func:`lipschitz_app.ranges.support.support`, with one linear program per row.
    """
    whole, points = support(rows, part.region)
    if not len(part.constants):
        return whole, points
    programs = part.programs()
    found = [programs.largest(row) for row in rows]
    if not found:
        return whole, points
    multipliers = np.array([pair[1] for pair in found])
    return (
        np.minimum(whole, part.bounds(rows, multipliers)),
        np.array([pair[0] for pair in found]),
    )


class _Programs:
    """Linear programs with the half-spaces as rows and a margin as the last column."""

    def __init__(self, part: CutRegion) -> None:
        # The import takes a while, and most users never branch.
        import highspy

        count, inputs = part.rows.shape
        self.part, self.inputs = part, inputs
        sizes = np.abs(part.rows) @ part.reach + np.abs(part.constants)
        self.scales = np.where(sizes > 0, sizes, 1.0)
        matrix = np.hstack([part.rows / self.scales[:, None], -np.ones((count, 1))])
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = inputs + 1, count
        lp.col_cost_ = np.zeros(inputs + 1)
        lp.col_lower_ = np.append(part.region.lower, -1.0)
        lp.col_upper_ = np.append(part.region.upper, 1.0)
        lp.row_lower_ = -part.constants / self.scales
        lp.row_upper_ = np.full(count, highspy.kHighsInf)
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.arange(0, matrix.size + 1, inputs + 1)
        lp.a_matrix_.index_ = np.tile(np.arange(inputs + 1), count)
        lp.a_matrix_.value_ = matrix.ravel()
        self.highs = highspy.Highs()
        self.highs.setOptionValue("output_flag", False)
        self.highs.setOptionValue("threads", 1)
        self.highs.passModel(lp)
        self.columns = np.arange(inputs + 1, dtype=np.int32)
        self.optimal = highspy.HighsModelStatus.kOptimal

    def _minimise(self, costs: FloatArray) -> tuple[FloatArray, FloatArray] | None:
        self.highs.changeColsCost(costs.size, self.columns, costs)
        self.highs.run()
        if self.highs.getModelStatus() != self.optimal:
            return None
        solution = self.highs.getSolution()
        multipliers = np.maximum(np.array(solution.row_dual), 0.0) / self.scales
        return np.array(solution.col_value), multipliers

    def margin(self) -> tuple[float, FloatArray, FloatArray]:
        """Return the largest margin, the point that has it, and the multipliers, (c,)."""
        self.highs.changeColBounds(self.inputs, -1.0, 1.0)
        found = self._minimise(np.append(np.zeros(self.inputs), -1.0))
        if found is None:
            return 1.0, self.part.region.center, np.zeros(len(self.scales))
        return float(found[0][-1]), found[0][:-1], found[1]

    def largest(self, row: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return a point where a linear function is largest, and the multipliers, (c,)."""
        self.highs.changeColBounds(self.inputs, 0.0, 0.0)
        found = self._minimise(np.append(-row, 0.0))
        if found is None:
            return self.part.region.center, np.zeros(len(self.scales))
        return found[0][:-1], found[1]
