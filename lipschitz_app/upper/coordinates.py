r"""Moment relaxations for the input norm L1: one problem for each coordinate and sign.

The dual norm is the largest entry of the gradient, :math:`\max_i |g_i|`, and with the direction
fixed to :math:`\pm e_i` the Lipschitz problem of one hidden layer is linear in the slopes u. Entry
by entry, interval arithmetic gives a first bound; entries are relaxed in the order of that bound
until none of the others can exceed the largest bound so far. Over the whole space all patterns
count and the interval bound is the value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from lipschitz_app.encoding import Direction
from lipschitz_app.errors import NoBoundError
from lipschitz_app.hidden import HiddenLayer
from lipschitz_app.regions import Everywhere, Region
from lipschitz_app.rounding import FloatArray, inflate
from lipschitz_app.upper.base import Kind, UpperBound
from lipschitz_app.upper.certificate import Certificate
from polyopt.errors import ProofRejectedError

Relax = Callable[[Direction], UpperBound]


def entry_bounds(hidden: HiddenLayer) -> FloatArray:
    """Return proven bounds of the gradient's entries and of their negatives, shape (n, 2).

    Examples
    --------
    >>> from lipschitz_app.outputs import as_output
    >>> from lipschitz_app.network import Network
    >>> from lipschitz_app.ranges.interval import interval_ranges
    >>> from lipschitz_app.hidden import presolve
    >>> net = Network.from_arrays([[[1.0, 2.0], [-1.0, 1.0]], [[1.0, 1.0]]])
    >>> hidden = presolve(net, interval_ranges(net, Everywhere()), as_output(0, 1))
    >>> entry_bounds(hidden).round(9).tolist()
    [[1.0, 1.0], [3.0, 0.0]]
    """
    parts = hidden.weights[:, None] * hidden.rows
    errors = hidden.weight_errors[:, None] * np.abs(hidden.rows)
    size = np.abs(parts).sum(axis=0) + np.abs(hidden.base)
    count = parts.shape[0] + 4
    rounding = inflate(size, count) - size + errors.sum(axis=0) + hidden.base_errors
    found = [sign * hidden.base + np.maximum(sign * parts, 0.0).sum(axis=0) for sign in (1.0, -1.0)]
    slack = inflate(rounding, count)
    return np.stack([np.nextafter(side + slack, np.inf) for side in found], axis=1)


def coordinate_bound(hidden: HiddenLayer, region: Region, relax: Relax) -> UpperBound:
    """Return the largest bound among coordinates and signs.

    Parameters
    ----------
    hidden : HiddenLayer
        With at least one unstable neuron.
    region : Region
    relax : callable
        Bounds the gradient in a direction (coordinate, sign).

    Raises
    ------
    NoBoundError
        A relaxation gave no bound, and interval arithmetic none that suffices.
    """
    caps = entry_bounds(hidden)
    if isinstance(region, Everywhere):
        note = "over the whole space the largest interval of a gradient's entry is the value"
        value = max(0.0, float(caps.max()))
        return UpperBound(value, "proven", notes=(note,), certificate=Certificate("coordinates"))
    best, kind, solved = 0.0, "proven", 0
    parts: list[Certificate | None] = []
    timings: dict[str, float] = {}
    for cap, direction in _by_size(caps):
        if cap <= best:
            break
        if not (hidden.weights * hidden.rows[:, direction[0]]).any():
            best = cap
            continue
        solved += 1
        try:
            found = relax(direction)
        except NoBoundError:
            best = cap
            continue
        for name, seconds in found.timings.items():
            timings[name] = timings.get(name, 0.0) + seconds
        parts.append(found.certificate)
        value = min(cap, found.value)
        if value > best:
            best = value
        kind = "numerical" if "numerical" in (kind, found.kind) else "proven"
    final: Kind = "numerical" if kind == "numerical" else "proven"
    note = f"{solved} of {caps.size} coordinates and signs relaxed, the others ruled out"
    known = tuple(part for part in parts if part is not None)
    certificate = Certificate("coordinates", parts=known) if len(known) == len(parts) else None
    return UpperBound(best, final, timings=timings, notes=(note,), certificate=certificate)


def prove_coordinates(
    hidden: HiddenLayer, certificate: Certificate, prove: Callable[[Certificate, Direction], float]
) -> float:
    """Return the bound that the proofs of some coordinates and signs prove, and intervals.

    Raises
    ------
    ProofRejectedError
        A part is about no coordinate of the network, or about one that another is about.
    """
    values = entry_bounds(hidden)
    seen: set[Direction] = set()
    for part in certificate.parts:
        direction = (
            part.number("coordinate", 0, hidden.inputs - 1),
            float(part.number("sign", -1, 1)),
        )
        if direction in seen or direction[1] == 0:
            raise ProofRejectedError(
                f"the certificate has two parts about {direction}, or a sign 0"
            )
        seen.add(direction)
        place = direction[0], 0 if direction[1] > 0 else 1
        values[place] = min(values[place], prove(part, direction))
    return max(0.0, float(values.max()))


def _by_size(caps: FloatArray) -> Iterator[tuple[float, Direction]]:
    for index in np.argsort(-caps, axis=None, kind="stable"):
        coordinate, side = np.unravel_index(index, caps.shape)
        yield float(caps[coordinate, side]), (int(coordinate), 1.0 if side == 0 else -1.0)
