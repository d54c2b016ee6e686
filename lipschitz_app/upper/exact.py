r"""The exact constant of a small network: best-first enumeration of the patterns that occur.

On each open cell of the arrangement of kinks the gradient is constant, and the Lipschitz constant
is the largest dual norm among the cells that meet the region. Partial patterns are kept in a heap
by the interval bound of what they can still reach; a linear program decides whether one occurs
(:mod:`lipschitz_app.cells`). The enumeration ends when no open pattern can beat the best cell.
A pattern that occurs only on kinks (a margin of 0) is no cell; with ``kinks=True`` it counts, which
gives the value of the Lipschitz polynomial problem: 2 instead of 1 for ``relu(x) - relu(-x) = x``.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable

import numpy as np

from lipschitz_app import norms
from lipschitz_app.cells import MARGIN, Arrangement
from lipschitz_app.errors import NoBoundError, UnsupportedError
from lipschitz_app.hidden import HiddenLayer
from lipschitz_app.regions import Region
from lipschitz_app.rounding import FloatArray, Norm, dual
from lipschitz_app.upper.base import UpperBound


def exact_constant(
    hidden: HiddenLayer,
    region: Region,
    norm: Norm,
    *,
    kinks: bool = False,
    max_patterns: int = 200_000,
    time_limit: float | None = None,
) -> UpperBound:
    """Return the exact constant of one hidden layer, up to the tolerance of the linear programs.

    Parameters
    ----------
    hidden : HiddenLayer
    region : Box or Everywhere
    norm : "1", "2" or "inf"
    kinks : bool
        Whether patterns that occur only where some pre-activation is 0 count.
    max_patterns : int
        How many partial patterns may be looked at.
    time_limit : float, optional
        Seconds.

    Returns
    -------
    UpperBound
        Of kind "exact".

    Raises
    ------
    NoBoundError
        A limit was reached; the message gives the bound known by then.
    UnsupportedError
        The region is a ball, or the activation is not relu.
    """
    if hidden.encoding.name != "relu":
        raise UnsupportedError(f"enumeration is offered for relu, not for {hidden.encoding.name}")
    begin = time.perf_counter()
    dual_norm = dual(norm)

    def size(gradient: FloatArray) -> float:
        return float(norms.values(gradient, dual_norm))

    best, note = best_cell(
        Arrangement.of(hidden.rows, hidden.biases, region),
        hidden.base,
        hidden.weights[:, None] * hidden.rows,
        (size, size),
        kinks=kinks,
        max_patterns=max_patterns,
        time_limit=time_limit,
    )
    timings = {"enumeration": time.perf_counter() - begin}
    return UpperBound(best, "exact", timings=timings, notes=(note,))


def best_cell(
    arrangement: Arrangement,
    base: FloatArray,
    parts: FloatArray,
    sizes: tuple[Callable[[FloatArray], float], Callable[[FloatArray], float]],
    *,
    kinks: bool = False,
    max_patterns: int = 200_000,
    time_limit: float | None = None,
) -> tuple[float, str]:
    """Return the largest size of ``base + sum of the parts of active neurons`` among the cells.

    Parameters
    ----------
    arrangement : Arrangement
    base : array, any shape
    parts : array, shape (k, *shape of base)
        What each neuron adds where it is active.
    sizes : pair of functions
        The size of a derivative, and an upper bound of it for arrays of the absolute values.
    kinks, max_patterns, time_limit
        See :func:`exact_constant`.

    Returns
    -------
    float
    str
        How much work it was.

    Raises
    ------
    NoBoundError
    """
    begin = time.perf_counter()
    size, cap = sizes
    influence = np.array([cap(np.abs(part)) for part in parts])
    order = np.argsort(-influence, kind="stable")
    parts = parts[order]
    # Row d: what the neurons from position d on can still add or take away.
    pad = np.zeros((1, *base.shape))
    gains = np.concatenate([np.cumsum(np.maximum(parts, 0)[::-1], axis=0)[::-1], pad])
    losses = np.concatenate([np.cumsum(np.minimum(parts, 0)[::-1], axis=0)[::-1], pad])
    threshold = -MARGIN if kinks else MARGIN

    def reach(fixed: FloatArray, depth: int) -> float:
        if depth == len(parts):
            return size(fixed)
        return cap(np.maximum(np.abs(fixed + gains[depth]), np.abs(fixed + losses[depth])))

    best = -np.inf
    signs = np.zeros(len(parts))
    _, point = arrangement.margin(signs)
    heap = [(-reach(base, 0), 0, 0, base, signs, point)]
    count = programs = 0
    while heap and -heap[0][0] > best:
        bound, _, depth, fixed, signs, point = heapq.heappop(heap)
        if depth == len(parts):
            best = -bound
            break
        neuron = order[depth]
        here = arrangement.signs(point)[1][neuron]
        for sign in (1.0, -1.0):
            child = signs.copy()
            child[neuron] = sign
            derivative = fixed + parts[depth] if sign > 0 else fixed
            value = reach(derivative, depth + 1)
            if value <= best:
                continue
            inside = point
            if sign * here <= 10 * MARGIN:
                programs += 1
                margin, inside = arrangement.margin(child)
                if margin <= threshold:
                    continue
            count += 1
            heapq.heappush(heap, (-value, count, depth + 1, derivative, child, inside))
        elapsed = time.perf_counter() - begin
        if count > max_patterns or (time_limit is not None and elapsed > time_limit):
            known = -heap[0][0] if heap else best
            raise NoBoundError(
                f"the enumeration stopped after {count} patterns and {elapsed:.1f} s with "
                f"{len(parts)} unstable neurons; the constant is at most {known:.6g} up to "
                'rounding. Give it more (max_patterns, time_limit), or use "hr2" or "interval"'
            )
    note = f"{count} partial patterns, {programs} linear programs"
    return best, note + (", kinks counted as cells" if kinks else "")
