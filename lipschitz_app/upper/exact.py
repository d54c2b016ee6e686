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
    arrangement = Arrangement.of(hidden.rows, hidden.biases, region)
    dual_norm = dual(norm)
    influence = np.abs(hidden.weights) * norms.values(hidden.rows, dual_norm)
    order = np.argsort(-influence, kind="stable")
    parts = (hidden.weights[:, None] * hidden.rows)[order]
    # Row d: what the neurons from position d on can still add or take away.
    pad = np.zeros((1, hidden.inputs))
    gains = np.vstack([np.cumsum(np.maximum(parts, 0)[::-1], axis=0)[::-1], pad])
    losses = np.vstack([np.cumsum(np.minimum(parts, 0)[::-1], axis=0)[::-1], pad])
    threshold = -MARGIN if kinks else MARGIN

    def reach(fixed: FloatArray, depth: int) -> float:
        sizes = np.maximum(np.abs(fixed + gains[depth]), np.abs(fixed + losses[depth]))
        return float(norms.values(sizes, dual_norm))

    best = -np.inf
    signs = np.zeros(hidden.unstable)
    _, point = arrangement.margin(signs)
    heap = [(-reach(hidden.base, 0), 0, 0, hidden.base, signs, point)]
    count = programs = 0
    while heap and -heap[0][0] > best:
        bound, _, depth, fixed, signs, point = heapq.heappop(heap)
        if depth == hidden.unstable:
            best = -bound
            break
        neuron = order[depth]
        here = arrangement.signs(point)[1][neuron]
        for sign in (1.0, -1.0):
            child = signs.copy()
            child[neuron] = sign
            gradient = fixed + parts[depth] if sign > 0 else fixed
            value = reach(gradient, depth + 1)
            if value <= best:
                continue
            inside = point
            if sign * here <= 10 * MARGIN:
                programs += 1
                margin, inside = arrangement.margin(child)
                if margin <= threshold:
                    continue
            count += 1
            heapq.heappush(heap, (-value, count, depth + 1, gradient, child, inside))
        elapsed = time.perf_counter() - begin
        if count > max_patterns or (time_limit is not None and elapsed > time_limit):
            known = -heap[0][0] if heap else best
            raise NoBoundError(
                f"the enumeration stopped after {count} patterns and {elapsed:.1f} s with "
                f"{hidden.unstable} unstable neurons; the constant is at most {known:.6g} up to "
                'rounding. Give it more (max_patterns, time_limit), or use "hr2" or "interval"'
            )
    return UpperBound(
        best,
        "exact",
        timings={"enumeration": time.perf_counter() - begin},
        notes=(
            f"{count} partial patterns, {programs} linear programs"
            + (", kinks counted as cells" if kinks else ""),
        ),
    )
