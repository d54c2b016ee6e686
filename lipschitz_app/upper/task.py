"""What every upper-bound method is given: network, region, norm, output, ranges and limits."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lipschitz_app.chain import ChainLayer, chain
from lipschitz_app.network import Network
from lipschitz_app.outputs import OutputVector
from lipschitz_app.ranges.interval import LayerRange
from lipschitz_app.regions import Region
from lipschitz_app.relu_form import relu_chain, relu_ranges
from lipschitz_app.rounding import Norm


def _silent(text: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class Task:
    """An upper bound that is asked for.

    Attributes
    ----------
    net : Network
    region : Region
    norm : "1", "2" or "inf"
        Norm of the input space.
    output : OutputVector
    ranges : sequence of LayerRange
        Proven ranges of the pre-activations over the region, one per activation layer.
    prove : bool
        Whether a solver's value gets proven.
    solver : str or None
        What the user asked for.
    tolerance : float
        Of a conic solver.
    end : float
        When to stop, on the clock ``time.perf_counter()``; infinite without a limit.
    gap : float
        Relative gap at which branch and bound stops.
    say : callable
        Takes a line of text per phase.
    layers : tuple of ChainLayer or None
        A normal form of the network that the ranges belong to, where it is not the usual one.
    """

    net: Network
    region: Region
    norm: Norm
    output: OutputVector
    ranges: Sequence[LayerRange]
    prove: bool = True
    solver: str | None = None
    tolerance: float = 1e-8
    end: float = math.inf
    say: Callable[[str], None] = _silent
    gap: float = 1e-3
    layers: tuple[ChainLayer, ...] | None = None

    @property
    def remaining(self) -> float | None:
        """Seconds left, at least a little; None without a limit."""
        return None if math.isinf(self.end) else max(0.05, self.end - time.perf_counter())

    def with_relu(self) -> tuple[Task, tuple[str, ...]]:
        """Return the task for the network with relu only, and what a reader should know of it.

        Raises
        ------
        UnsupportedError
            An activation is not piecewise linear, or the network has no form with matrices.
        """
        layers = chain(self.net)
        names = {layer.encoding.name for layer in layers if layer.encoding is not None} - {"relu"}
        form = relu_chain(layers)
        task = replace(self, layers=form, ranges=relu_ranges(layers, self.ranges))
        if not names:
            return task, ()
        count = sum(int(found.unstable.sum()) for found in task.ranges)
        note = f"{', '.join(sorted(names))} written with hinges: {count} unstable relu neurons"
        return task, (note,)
