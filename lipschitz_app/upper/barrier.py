r"""A barrier method for the matrix inequality of LipSDP, in its own variables.

.. math:: \min \rho \quad \text{subject to} \quad M(\rho, t) = \rho P - Y^T Y
    + \tfrac12 (A^T \mathrm{diag}(S t) B + B^T \mathrm{diag}(S t) A) \succeq 0, \; t \ge 0,

with P the projection on the first block. Newton's method on
:math:`\rho / \mu - \log\det M - \sum \log t` needs the Hessian
:math:`\mathrm{tr}(M^{-1} M_i M^{-1} M_j)`, and the :math:`M_i` have rank two, so that all its
entries come from :math:`A M^{-1} A^T, A M^{-1} B^T, B M^{-1} B^T`: a few matrix products of the
side of M. A conic solver that does not know this works with M's entries, of which there are the
square. The distance to the minimum is at most :math:`\mu` times the number of barrier terms (Boyd
and Vandenberghe 2004, section 11.2). Every iterate is strictly feasible: stopped at any time, it
gives a bound.

References
----------
S. Boyd, L. Vandenberghe, Convex Optimization, Cambridge University Press, 2004.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from scipy.linalg import lapack

from lipschitz_app.rounding import FloatArray

_STEPS = 400
_CENTRED = 0.05
"""Squared Newton decrement below which the barrier parameter is lowered."""


@dataclass(frozen=True, slots=True)
class BarrierProblem:
    """The data of the matrix inequality.

    Attributes
    ----------
    inputs : int
        Size of the first block.
    left, right : arrays A and B, shape (k, n)
    output : array Y, shape (m, n)
    groups : array of int, shape (k,)
        Number of the multiplier of each row, from 0.
    """

    inputs: int
    left: FloatArray
    right: FloatArray
    output: FloatArray
    groups: np.ndarray

    def matrix(self, rho: float, multipliers: FloatArray) -> FloatArray:
        """Return M."""
        product = self.left.T @ (multipliers[self.groups, None] * self.right)
        result = 0.5 * (product + product.T) - self.output.T @ self.output
        result[np.arange(self.inputs), np.arange(self.inputs)] += rho
        return np.asarray(result)

    def aggregate(self, rows: FloatArray) -> FloatArray:
        """Add up what belongs to one multiplier, along the first axis."""
        size = int(self.groups.max(initial=-1)) + 1
        if size == self.groups.size:
            return rows
        result = np.zeros((size, *rows.shape[1:]))
        np.add.at(result, self.groups, rows)
        return result


@dataclass(frozen=True, slots=True)
class BarrierPoint:
    """A strictly feasible point.

    Attributes
    ----------
    rho : float
    multipliers : array
    distance : float
        About how far `rho` is from its minimum.
    steps : int
        Newton steps taken.
    """

    rho: float
    multipliers: FloatArray
    distance: float
    steps: int


def minimise(
    problem: BarrierProblem,
    rho: float,
    multipliers: FloatArray,
    *,
    tolerance: float = 1e-8,
    end: float = np.inf,
) -> BarrierPoint:
    """Minimise `rho` from a strictly feasible start.

    Parameters
    ----------
    problem : BarrierProblem
    rho, multipliers : float and array of positive numbers
        With M positive definite.
    tolerance : float
        Distance to the minimum aimed at, relative to it.
    end : float
        When to stop, on the clock ``time.perf_counter()``.

    Examples
    --------
    >>> one = np.array([[0.0, 1.0]])  # relu(x): A = x1, B = x1 - x0, Y = x1
    >>> problem = BarrierProblem(1, one, np.array([[-1.0, 1.0]]), one, np.zeros(1, dtype=int))
    >>> round(minimise(problem, 10.0, np.array([4.0])).rho, 6)
    1.0
    """
    terms = problem.left.shape[1] + multipliers.size
    factor = _cholesky(problem.matrix(rho, multipliers))
    assert factor is not None
    mu = rho / terms
    steps = 0
    while steps < _STEPS and time.perf_counter() < end:
        last = mu * terms <= 0.5 * tolerance * rho
        slope, hessian = _derivatives(problem, factor, multipliers, mu)
        direction = _newton(hessian, slope)
        if direction is None:
            break
        decrement = float(-slope @ direction)
        if not decrement > 0 or decrement < _CENTRED:
            if last or not decrement > 0:
                break
            mu *= 0.12
            continue
        steps += 1
        moved = _search(problem, (rho, multipliers, factor), direction, slope, mu)
        if moved is None:
            break
        rho, multipliers, factor = moved
    return BarrierPoint(float(rho), multipliers, mu * terms, steps)


def _cholesky(matrix: FloatArray) -> FloatArray | None:
    factor, info = lapack.dpotrf(np.asfortranarray(matrix), lower=1, clean=1)
    return np.asarray(factor) if info == 0 else None


def _derivatives(
    problem: BarrierProblem, factor: FloatArray, multipliers: FloatArray, mu: float
) -> tuple[FloatArray, FloatArray]:
    """Return gradient and Hessian of the barrier function in (rho, multipliers)."""

    def halve(rows: FloatArray) -> FloatArray:
        return np.asarray(scipy.linalg.solve_triangular(factor, rows.T, lower=True))

    left = halve(problem.left)
    right = left if problem.left is problem.right else halve(problem.right)
    unit = halve(np.eye(problem.inputs, factor.shape[0]))
    aa, bb, ab = left.T @ left, right.T @ right, left.T @ right
    pairs = 0.5 * (aa * bb + ab * ab.T)
    count = multipliers.size
    hessian = np.zeros((count + 1, count + 1))
    hessian[1:, 1:] = problem.aggregate(problem.aggregate(pairs).T)
    mixed = ((left.T @ unit) * (right.T @ unit)).sum(axis=1)
    hessian[0, 1:] = hessian[1:, 0] = problem.aggregate(mixed)
    hessian[0, 0] = np.square(unit.T @ unit).sum()
    hessian[np.arange(1, count + 1), np.arange(1, count + 1)] += multipliers**-2.0
    slope = np.empty(count + 1)
    slope[0] = 1 / mu - np.square(unit).sum()
    slope[1:] = -problem.aggregate(ab.diagonal()) - 1 / multipliers
    return slope, hessian


def _newton(hessian: FloatArray, slope: FloatArray) -> FloatArray | None:
    size = 1 / np.sqrt(hessian.diagonal())
    scaled = size[:, None] * hessian * size
    for ridge in (0.0, 1e-14, 1e-11, 1e-8):
        scaled[np.diag_indices_from(scaled)] = 1.0 + ridge
        factor = _cholesky(scaled)
        if factor is not None:
            found = scipy.linalg.cho_solve((factor, True), -size * slope)
            return np.asarray(size * found)
    return None


def _search(
    problem: BarrierProblem,
    here: tuple[float, FloatArray, FloatArray],
    direction: FloatArray,
    slope: FloatArray,
    mu: float,
) -> tuple[float, FloatArray, FloatArray] | None:
    """Step along the Newton direction, halving until the barrier function has decreased enough."""
    rho, multipliers, factor = here
    value = _value(rho, multipliers, factor, mu)
    shrinking = direction[1:] < 0
    step = 1.0
    if shrinking.any():
        ratios = -multipliers[shrinking] / direction[1:][shrinking]
        step = min(1.0, 0.95 * float(ratios.min()))
    for _ in range(40):
        new_rho = rho + step * direction[0]
        new = multipliers + step * direction[1:]
        found = _cholesky(problem.matrix(new_rho, new)) if (new > 0).all() else None
        if found is not None:
            gain = value - _value(new_rho, new, found, mu)
            if gain >= -0.1 * step * float(slope @ direction) - 1e-9 * abs(value):
                return new_rho, new, found
        step *= 0.5
    return None


def _value(rho: float, multipliers: FloatArray, factor: FloatArray, mu: float) -> float:
    return float(rho / mu - 2 * np.log(factor.diagonal()).sum() - np.log(multipliers).sum())
