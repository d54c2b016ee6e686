r"""Spectral norm of a large convolution from overlapping strips.

Divide the output positions among strips t, smoothly (:math:`\chi_t \ge 0`,
:math:`\sum_t \chi_t = 1` at each position), and let :math:`G_t` be the part of the Gram matrix that
strip t contributes, :math:`G = \sum_t G_t`. Give each strip a share :math:`T_t \ge 0` (diagonal)
of every input with :math:`\sum_t T_t = I`. Then

.. math:: s T_t - G_t \succeq 0 \text{ for all } t \implies s I - G \succeq 0,

and each test is a factorisation with the envelope of one strip. The share of an input is the part
of its column's energy that falls into the strip. What is lost shrinks with the square of the
overlap, as in the localisation formula of Ismagilov, Morgan and Simon (H. L. Cycon et al.,
*Schroedinger Operators*, 1987, theorem 3.2): hard cuts would lose far more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lipschitz_app.operators.convolution import ConvolutionOperator
from lipschitz_app.operators.lanczos import largest_singular_value
from lipschitz_app.operators.patch_gram import PatchConvolution
from lipschitz_app.operators.rounding import sqrt_up
from lipschitz_app.rounding import FloatArray, inflate


@dataclass(frozen=True, slots=True, eq=False)
class StripPlan:
    """Which side's Gram matrix, which strips of sites, and what they cost.

    Attributes
    ----------
    patch : PatchConvolution
    windows : array, shape (strips, width)
        The part of each site that belongs to each strip; columns add up to one.
    work : float
    """

    patch: PatchConvolution
    windows: FloatArray
    work: float

    @property
    def count(self) -> int:
        """Number of strips."""
        return len(self.windows)

    def strips(self) -> Iterator[tuple[PatchConvolution, FloatArray]]:
        """Yield each strip with its share of the columns."""
        kw = self.patch.kernel.shape[1]
        total = self.patch.column_energy()
        for part in self.windows:
            strip, left, right = _cut(self.patch, part)
            energy = strip.column_energy()
            share = energy / np.where(energy > 0, total[:, left : right + kw - 1], 1.0)
            alive = np.where(share > 0, strip.columns, 0.0)
            yield PatchConvolution(strip.kernel, strip.rows, alive), share


def _cut(patch: PatchConvolution, part: FloatArray) -> tuple[PatchConvolution, int, int]:
    used = np.flatnonzero(part)
    left, right = int(used[0]), int(used[-1]) + 1
    window = patch.window(0, patch.rows.shape[0], left, right)
    rows = window.rows * np.sqrt(part[left:right])[:, None]
    return PatchConvolution(window.kernel, rows, window.columns), left, right


def windows(width: int, count: int) -> FloatArray:
    """Return `count` windows on `width` sites that add up to one; neighbours overlap smoothly.

    Between the centres of neighbours the weight passes over as a squared sine.

    Examples
    --------
    >>> windows(6, 2).sum(axis=0).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    centers = (np.arange(count) + 0.5) * width / count
    position = np.arange(width) + 0.5
    result = np.zeros((count, width))
    result[0] = 1.0
    for k in range(1, count):
        gap = (position - centers[k - 1]) / (centers[k] - centers[k - 1])
        handed = np.sin(0.5 * np.pi * np.clip(gap, 0.0, 1.0)) ** 2
        result[k] = handed * result[k - 1]
        result[k - 1] -= result[k]
    return result


def plan(patch: PatchConvolution, work: float) -> StripPlan | None:
    """Return the plan with the fewest strips whose work stays within `work`, or None."""
    best: StripPlan | None = None
    for side in (patch, patch.adjoint()):
        for view in (side, side.transposed_grid()):
            found = _fewest(view, work)
            if found is not None and (
                best is None or (found.count, found.work) < (best.count, best.work)
            ):
                best = found
    return best


def _fewest(patch: PatchConvolution, work: float) -> StripPlan | None:
    width, kw = patch.rows.shape[1], patch.kernel.shape[1]
    count = 1
    while count == 1 or width >= count * max(2, kw - 1):
        parts = windows(width, count)
        # A strip in the middle stands for all.
        total = _cut(patch, parts[count // 2])[0].work() * count
        if total <= work:
            return StripPlan(patch, parts, total)
        count = max(count + 1, int(count * 1.3)) if count > 1 else 3
    return None


def strip_norm(found: StripPlan) -> float:
    """Return a proven upper bound of the norm from the strips of a plan.

    The shift starts where estimates of the strips' norms put it, and grows where a factorisation
    fails; strips done before stay proven.
    """
    strips = [(strip, share) for strip, share in found.strips() if (strip.columns > 0).any()]
    shift = max((_estimate(strip, share) for strip, share in strips), default=0.0) * 1.005
    step, excess = 0.01, 0.0
    for strip, share in strips:
        block = 128 if strip.work() < 1e9 else 320
        while True:
            definite, error = strip.is_below(shift, share, block)
            if definite:
                break
            shift *= 1 + step
            step = min(0.1, step * 1.5)
        excess = max(excess, error / float(share[strip.columns > 0].min()))
    # Shares add up to one within the rounding of two sums of squares each.
    terms = 4 * math.prod(found.patch.kernel.shape[:3]) + 16
    return sqrt_up(float(inflate((shift + excess), terms)))


def _estimate(strip: PatchConvolution, share: FloatArray) -> float:
    """Estimate the least shift for which the strip's test succeeds; nothing proven."""
    height, width, c = strip.columns.shape
    kernel = np.ascontiguousarray(strip.kernel.transpose(2, 3, 0, 1))
    operator = ConvolutionOperator(kernel, None, (c, height, width))
    weights = np.where(strip.columns > 0, strip.columns / np.sqrt(np.where(share > 0, share, 1)), 0)
    scaled = operator.scaled(
        strip.rows.transpose(2, 0, 1).reshape(-1), weights.transpose(2, 0, 1).reshape(-1)
    )
    return largest_singular_value(scaled, rtol=2e-3, steps=24).guess ** 2
