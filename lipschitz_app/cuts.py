r"""A region cut by the signs of some pre-activations: proven ranges there, and proven emptiness.

In scaled inputs s the pre-activations are ``z = rows @ s + offsets`` up to known errors, and the
region is ``|s_i| <= 1`` or ``|s|_2 <= 1``. For any multipliers ``lambda >= 0``, where the signs of
``z_j`` are given,

.. math:: z_i \le z_i + \sum_j \lambda_j \, \mathrm{sign}_j z_j
    \le \sup_s \Big(rows_i + \sum_j \lambda_j\, \mathrm{sign}_j\, rows_j\Big) s + \ldots,

which outward-rounded arithmetic evaluates; with ``z_i`` left out, a negative supremum proves that
no point has these signs. Linear programs find good multipliers (and nothing depends on their word).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipschitz_app.encoding import PreActivations
from lipschitz_app.rounding import FloatArray, gamma, up


@dataclass(frozen=True, slots=True)
class CutRegion:
    """The points of a bounded region where some pre-activations have given signs.

    Attributes
    ----------
    data : PreActivations
        Of all neurons concerned.
    signs : array, shape (k,)
        1 where ``z >= 0`` is known, -1 where ``z <= 0`` is, 0 where nothing is.
    ball : bool
        Whether the region is a Euclidean ball in the scaled inputs, else a box.
    """

    data: PreActivations
    signs: FloatArray
    ball: bool = False

    def upper_bounds(self, targets: FloatArray, multipliers: FloatArray) -> FloatArray:
        """Return proven upper bounds of ``targets @ z`` over the points with these signs.

        Parameters
        ----------
        targets : array, shape (m, k)
            One entry of size one per row at most, for example signed unit vectors; or zeros.
        multipliers : array, shape (m, k)
            Nonnegative, and 0 where the sign is open: others are taken as 0.

        Returns
        -------
        array, shape (m,)
        """
        data = self.data
        weights = np.where(self.signs == 0.0, 0.0, np.maximum(multipliers, 0.0)) * self.signs
        rows = targets @ data.rows + weights @ data.rows
        sizes = np.abs(targets) + np.abs(weights)
        spread = np.sqrt(np.square(rows).sum(axis=1)) if self.ball else np.abs(rows).sum(axis=1)
        value = targets @ data.offsets + weights @ data.offsets + spread
        count = 2 * len(data.offsets) + data.rows.shape[1] + 16
        slack = sizes @ data.errors + gamma(count) * (sizes @ data.magnitudes) + 1e-290
        return up(value + slack * (1.0 + gamma(count)))


class CutPrograms:
    """Linear programs over a box cut by signs, one constraint matrix for all of them.

    They give multipliers and points; their word is never taken for a bound. A ball is replaced by
    the box around it, which makes the multipliers less good and nothing wrong.
    """

    def __init__(self, region: CutRegion) -> None:
        import highspy

        data, signs = region.data, region.signs
        self.used = np.flatnonzero(signs)
        self.region = region
        count, inputs = self.used.size, data.rows.shape[1]
        self.scales = np.maximum(data.magnitudes[self.used], 1e-300)
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = inputs + 1, count
        lp.col_cost_ = np.concatenate([np.zeros(inputs), [-1.0]])
        lp.col_lower_ = np.concatenate([-np.ones(inputs), [-1.0]])
        lp.col_upper_ = np.ones(inputs + 1)
        lp.row_lower_ = -(signs * data.offsets)[self.used] / self.scales
        lp.row_upper_ = np.full(count, highspy.kHighsInf)
        scaled = (signs[:, None] * data.rows)[self.used] / self.scales[:, None]
        # The last column is the margin, in units of each row's size.
        matrix = np.hstack([scaled, -np.ones((count, 1))])
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

    def _solve(self, costs: FloatArray) -> tuple[FloatArray, FloatArray] | None:
        """Minimise and return the point and the multipliers of the used rows."""
        self.highs.changeColsCost(costs.size, self.columns, costs)
        self.highs.run()
        if self.highs.getModelStatus() != self.optimal:
            return None
        solution = self.highs.getSolution()
        return np.array(solution.col_value), np.array(solution.row_dual) / self.scales

    def margin(self) -> tuple[float, FloatArray, FloatArray]:
        """Return the largest margin, where it is reached, and multipliers that prove it, (k,)."""
        inputs = self.region.data.rows.shape[1]
        multipliers = np.zeros(len(self.region.signs))
        found = self._solve(np.concatenate([np.zeros(inputs), [-1.0]]))
        if found is None:
            return np.inf, np.zeros(inputs), multipliers
        multipliers[self.used] = np.maximum(found[1], 0.0)
        return float(found[0][-1]), found[0][:-1], multipliers

    def fix_margin(self) -> None:
        """Leave the margin out of the programs that follow."""
        self.highs.changeColBounds(self.region.data.rows.shape[1], 0.0, 0.0)

    def multipliers(self, direction: FloatArray) -> FloatArray:
        """Return multipliers for an upper bound of ``direction @ s``, shape (k,)."""
        multipliers = np.zeros(len(self.region.signs))
        found = self._solve(np.concatenate([-direction, [0.0]]))
        if found is not None:
            multipliers[self.used] = np.maximum(found[1], 0.0)
        return multipliers


def is_empty(region: CutRegion, multipliers: FloatArray) -> bool:
    """Return whether the multipliers prove that no point has the signs."""
    nothing = np.zeros((1, len(region.signs)))
    return bool(region.upper_bounds(nothing, multipliers[None, :])[0] < 0.0)


def tighten(
    region: CutRegion, lower: FloatArray, upper: FloatArray, programs: CutPrograms
) -> tuple[FloatArray, FloatArray]:
    """Return proven ranges of all pre-activations over the points with the signs.

    Parameters
    ----------
    lower, upper : arrays, shape (k,)
        Ranges known before.
    """
    data, signs = region.data, region.signs
    lower = np.where(signs > 0, np.maximum(lower, 0.0), lower)
    upper = np.where(signs < 0, np.minimum(upper, 0.0), upper)
    if not programs.used.size:
        return lower, upper
    programs.fix_margin()
    units = np.eye(len(signs))
    for side in (1.0, -1.0):
        found = np.array([programs.multipliers(side * row) for row in data.rows])
        bounds = region.upper_bounds(side * units, found)
        if side > 0:
            upper = np.minimum(upper, bounds)
        else:
            lower = np.maximum(lower, -bounds)
    return lower, upper
