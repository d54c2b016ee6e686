"""Local search over patterns: flip one or two neurons, and ask a linear program where that occurs.

Cells can be too thin for lines to meet. From a point's pattern, flips that would raise the norm are
tried best first; the linear program of :mod:`lipschitz_app.cells` finds a point deep inside the new
cell or says that there is none.
"""

from __future__ import annotations

import time

import numpy as np

from lipschitz_app import norms
from lipschitz_app.cells import MARGIN, Arrangement
from lipschitz_app.hidden import HiddenLayer
from lipschitz_app.regions import Region
from lipschitz_app.rounding import FloatArray, Norm

_PAIRS = 64


def pattern_search(
    hidden: HiddenLayer,
    region: Region,
    point: FloatArray,
    dual_norm: Norm,
    *,
    programs: int,
    end: float,
) -> FloatArray:
    """Return a point whose gradient's norm is at least that at `point`.

    Parameters
    ----------
    hidden, region, dual_norm
        What is maximised, and where; the region is a Box or Everywhere.
    point : array, shape (n,)
    programs : int
        How many linear programs may be solved.
    end : float
        Value of ``time.perf_counter()`` after which none is begun.
    """
    arrangement = Arrangement.of(hidden.rows, hidden.biases, region)
    parts = hidden.weights[:, None] * hidden.rows
    signs = np.where(arrangement.signs(point)[0] > 0, 1.0, -1.0)
    improved = True
    while improved:
        improved = False
        gradient = hidden.base + (signs > 0) @ parts
        value = float(norms.values(gradient, dual_norm))
        for flip in _promising(gradient, -signs[:, None] * parts, value, dual_norm):
            if programs <= 0 or time.perf_counter() > end:
                return point
            programs -= 1
            candidate = signs.copy()
            candidate[list(flip)] *= -1.0
            margin, inside = arrangement.margin(candidate)
            if margin > MARGIN:
                signs, point, improved = candidate, inside, True
                break
    return point


def _promising(
    gradient: FloatArray, changes: FloatArray, value: float, dual_norm: Norm
) -> list[tuple[int, ...]]:
    """Return the flips of one or two neurons that raise the norm, the best first."""
    count = len(changes)
    flips: list[tuple[int, ...]] = [(index,) for index in range(count)]
    gains = [norms.values(gradient + changes, dual_norm)]
    if 1 < count <= _PAIRS:
        first, second = np.triu_indices(count, 1)
        flips.extend(zip(first.tolist(), second.tolist(), strict=True))
        gains.append(norms.values(gradient + changes[first] + changes[second], dual_norm))
    total = np.concatenate(gains)
    order = np.argsort(-total, kind="stable")
    return [flips[index] for index in order if total[index] > value * (1 + 1e-9)]
