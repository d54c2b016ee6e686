r"""Which patterns of the first layer occur: linear programs that learn from each other.

All programs have the same matrix and ask whether the pre-activations can have given signs, so each
begins from where the last one ended, large ones aside. Where one has no solution, its dual ray
names a few neurons whose signs exclude each other in the region: every pattern with the same signs
there is excluded too, without a program. Nothing proven depends on these answers.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from lipschitz_app.cells import MARGIN, Arrangement
from lipschitz_app.rounding import FloatArray

_MARGIN = 1e-7
"""How far from the kinks a point must be, relative to how far a pre-activation moves."""

_FEASIBLE = 1e-9
_LARGE = 50_000
"""Entries of the matrix above which each program is solved by itself, with presolve."""

_RAY = 1e-9
"""Entries of a dual ray below this share of the largest one count as zero."""


class PatternPrograms:
    """Points with given patterns, and combinations of signs known not to occur.

    Parameters
    ----------
    arrangement : Arrangement
    limit : int
        How many programs may be solved.
    end : float
        Value of ``time.perf_counter()`` after which none is begun.

    Attributes
    ----------
    left, stop : int
        How many programs may still be solved, and how many of them are kept for later.

    Examples
    --------
    >>> from lipschitz_app.regions import Box
    >>> rows, biases = np.array([[1.0], [1.0]]), np.array([0.0, -0.5])
    >>> programs = PatternPrograms(Arrangement.of(rows, biases, Box([0.0], 1.0)), 10, np.inf)
    >>> bool(0 < programs.point(np.array([True, False]))[0] < 0.5)
    True
    >>> programs.point(np.array([False, True])) is None
    True
    >>> programs.excluded(np.array([[False, True], [False, False]])).tolist()
    [True, False]
    """

    def __init__(self, arrangement: Arrangement, limit: int, end: float) -> None:
        # The import takes a while.
        import highspy

        self.arrangement, self.left, self.end = arrangement, limit, end
        self.stop = 0
        self._conflicts: list[FloatArray] = []
        self._large = arrangement.rows.size > _LARGE
        if self._large:
            return
        count, inputs = arrangement.rows.shape
        self._infinity = highspy.kHighsInf
        side = 1.0 if arrangement.bounded else self._infinity
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = inputs, count
        lp.col_cost_ = np.zeros(inputs)
        lp.col_lower_, lp.col_upper_ = np.full(inputs, -side), np.full(inputs, side)
        lp.row_lower_ = np.full(count, -self._infinity)
        lp.row_upper_ = np.full(count, self._infinity)
        _dense(lp, arrangement.rows)
        self._highs = _solver()
        self._highs.passModel(lp)
        self._optimal = highspy.HighsModelStatus.kOptimal
        self._infeasible = highspy.HighsModelStatus.kInfeasible
        self._indices = np.arange(count, dtype=np.int32)

    @property
    def over(self) -> bool:
        """Whether no further program may be begun."""
        return self.left <= self.stop or time.perf_counter() > self.end

    def excluded(self, patterns: np.ndarray) -> np.ndarray:
        """Return which patterns, (m, k), are known not to occur."""
        if not self._conflicts:
            return np.zeros(len(patterns), dtype=np.bool_)
        # A conflict excludes a pattern that differs in none of its signs.
        differs = np.concatenate([~patterns, patterns], axis=1).astype(np.float64)
        return np.asarray((differs @ np.array(self._conflicts).T < 0.5).any(axis=1))

    def point(self, pattern: np.ndarray) -> FloatArray | None:
        """Return a point with a pattern, (k,), None where there is none or time is up.

        The point lies in the region but for rounding.
        """
        if self.over or self.excluded(pattern[None])[0]:
            return None
        self.left -= 1
        arrangement = self.arrangement
        if self._large:
            margin, inside = arrangement.margin(np.where(pattern, 1.0, -1.0))
            return inside if margin > MARGIN else None
        lower = np.where(pattern, _MARGIN - arrangement.offsets, -self._infinity)
        upper = np.where(pattern, self._infinity, -_MARGIN - arrangement.offsets)
        self._highs.changeRowsBounds(self._indices.size, self._indices, lower, upper)
        self._highs.run()
        status = self._highs.getModelStatus()
        if status == self._optimal:
            found = np.array(self._highs.getSolution().col_value)
            if np.array_equal(arrangement.rows @ found + arrangement.offsets > 0, pattern):
                return np.asarray(arrangement.center + arrangement.scale * found)
        elif status == self._infeasible:
            self._learn(pattern)
        return None

    def _learn(self, pattern: np.ndarray) -> None:
        _, known, ray = self._highs.getDualRay()
        size = np.abs(np.asarray(ray, dtype=np.float64)) if known else np.zeros(0)
        if size.size == pattern.size and size.max() > 0:
            used = size > _RAY * size.max()
            self._conflicts.append(np.concatenate([used & pattern, used & ~pattern]) * 1.0)


def widest(arrangement: Arrangement, signs: FloatArray) -> tuple[float, FloatArray]:
    """Return the largest margin of a pattern and the point where it is reached.

    The same as :meth:`lipschitz_app.cells.Arrangement.margin`, faster where the matrix is small,
    for signs 1 and -1; the margin counts at most 1.

    Examples
    --------
    >>> from lipschitz_app.regions import Box
    >>> arrangement = Arrangement.of(np.array([[1.0]]), np.array([0.0]), Box([0.0], 2.0))
    >>> margin, point = widest(arrangement, np.array([1.0]))
    >>> round(margin, 6), point.round(6).tolist()
    (1.0, [2.0])
    """
    import highspy

    count, inputs = arrangement.rows.shape
    if not count or arrangement.rows.size > _LARGE:
        return arrangement.margin(signs)
    side = 1.0 if arrangement.bounded else highspy.kHighsInf
    matrix = np.hstack([signs[:, None] * arrangement.rows, -np.ones((count, 1))])
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = inputs + 1, count
    lp.col_cost_ = np.append(np.zeros(inputs), -1.0)
    lp.col_lower_ = np.append(np.full(inputs, -side), -1.0 if arrangement.bounded else -np.inf)
    lp.col_upper_ = np.append(np.full(inputs, side), 1.0)
    lp.row_lower_ = -signs * arrangement.offsets
    lp.row_upper_ = np.full(count, highspy.kHighsInf)
    _dense(lp, matrix)
    highs = _solver()
    highs.passModel(lp)
    highs.run()
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return -np.inf, arrangement.center
    found = np.array(highs.getSolution().col_value)
    return float(found[-1]), arrangement.center + arrangement.scale * found[:-1]


def _dense(lp: Any, matrix: FloatArray) -> None:
    """Give a program its matrix."""
    import highspy

    count, width = matrix.shape
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = np.arange(0, count * width + 1, width)
    lp.a_matrix_.index_ = np.tile(np.arange(width), count)
    lp.a_matrix_.value_ = matrix.ravel()


def _solver() -> Any:
    """Return a solver for small programs: one thread, no presolve."""
    import highspy

    highs = highspy.Highs()
    for name, value in (
        ("output_flag", False),
        ("threads", 1),
        ("presolve", "off"),
        ("solver", "simplex"),
        ("primal_feasibility_tolerance", _FEASIBLE),
    ):
        highs.setOptionValue(name, value)
    return highs
