r"""Spectral norm of a large convolution from overlapping strips.

Cut the output positions into strips t and let :math:`G_t` be the part of the Gram matrix they
contribute, :math:`G = \sum_t G_t`. Give each strip a share :math:`T_t \ge 0` (diagonal) of every
input with :math:`\sum_t T_t = I`. Then

.. math:: s T_t - G_t \succeq 0 \text{ for all } t \implies s I - G \succeq 0,

and each test is a factorisation with the envelope of one strip. The share of an input is the part
of its column's energy that falls into the strip: for a convolution with equal weights this loses
nothing, in general it loses a few per cent that shrink with the square of the strip's width.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lipschitz_app.operators.patch_gram import PatchConvolution
from lipschitz_app.operators.rounding import sqrt_up
from lipschitz_app.rounding import FloatArray, inflate


@dataclass(frozen=True, slots=True)
class StripPlan:
    """Which side's Gram matrix, how many strips, and what they cost."""

    patch: PatchConvolution
    count: int
    work: float

    def strips(self) -> Iterator[tuple[PatchConvolution, FloatArray]]:
        """Yield each strip with its share of the columns."""
        height, width, _ = self.patch.rows.shape
        kw = self.patch.kernel.shape[1]
        total = self.patch.column_energy()
        edges = np.linspace(0, width, self.count + 1).round().astype(int)
        for left, right in itertools.pairwise(edges):
            strip = self.patch.window(0, height, int(left), int(right))
            energy = strip.column_energy()
            share = energy / np.where(energy > 0, total[:, left : right + kw - 1], 1.0)
            alive = np.where(share > 0, strip.columns, 0.0)
            yield PatchConvolution(strip.kernel, strip.rows, alive), share


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
    height, width, _ = patch.rows.shape
    kw = patch.kernel.shape[1]
    count = 1
    while count == 1 or width // count >= max(2, kw - 1):
        edges = np.linspace(0, width, count + 1).round().astype(int)
        # A strip in the middle stands for all.
        left, right = int(edges[count // 2]), int(edges[count // 2 + 1])
        strip = patch.window(0, height, left, right)
        total = strip.work() * count
        if total <= work:
            return StripPlan(patch, count, total)
        count = max(count + 1, int(count * 1.3))
    return None


def strip_norm(found: StripPlan, guess: float) -> float:
    """Return a proven upper bound of the norm; `guess` is where the shifts start.

    The shift grows where a strip's factorisation fails; strips done before stay proven.
    """
    shift, step = guess, 1.01
    excess = 0.0
    for strip, share in found.strips():
        alive = strip.columns > 0
        if not alive.any():
            continue
        block = 128 if strip.work() < 1e9 else 320
        while True:
            definite, error = strip.is_below(shift, share, block)
            if definite:
                break
            shift *= step
            step = min(1.1, step * 1.25)
        excess = max(excess, error / float(share[alive].min()))
    # Shares add up to one within the rounding of two sums of squares each.
    terms = 4 * math.prod(found.patch.kernel.shape[:3]) + 16
    return sqrt_up(float(inflate((shift + excess), terms)))
