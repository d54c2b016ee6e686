"""Upper and lower bounds on the Lipschitz constant of a network: the main entry point."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lipschitz_app import norms
from lipschitz_app.errors import InvalidOptionError, NoBoundError, UnsupportedError
from lipschitz_app.hidden import HiddenLayer, presolve
from lipschitz_app.lower.ascent import LowerBound, lipschitz_lower_bound
from lipschitz_app.network import Network
from lipschitz_app.outputs import Output, OutputVector, as_output
from lipschitz_app.ranges.interval import LayerRange, interval_ranges
from lipschitz_app.regions import Ball, Everywhere, Region, check_region
from lipschitz_app.relaxations import RELAXATIONS
from lipschitz_app.result import LipschitzResult
from lipschitz_app.rounding import Norm
from lipschitz_app.upper.base import UpperBound
from lipschitz_app.upper.exact import exact_constant
from lipschitz_app.upper.interval import interval_bound
from lipschitz_app.upper.lowrank import LOWRANK_METHODS, lowrank_bound, lowrank_offered
from lipschitz_app.upper.moment import moment_bound
from lipschitz_app.upper.product import product_bound

METHODS = ("auto", "product", "interval", *LOWRANK_METHODS, "lasserre", "exact")
"""Names of the methods that are offered."""

AUTO_EXACT = 10
"""Most unstable neurons that "auto" enumerates patterns for."""

AUTO_PAIRS = 20_000
"""Most pairs of an input and an unstable neuron that "auto" takes "mccormick" for, else "hr2"."""

AUTO_SIZE = 80
"""Largest moment matrix that "auto" gives to a conic solver, for HR-2 or else for Shor."""


@dataclass(frozen=True, slots=True)
class _Task:
    """What all methods need."""

    net: Network
    region: Region
    norm: Norm
    output: OutputVector
    ranges: Sequence[LayerRange]
    prove: bool
    solver: str | None
    tolerance: float
    end: float
    say: Callable[[str], None]

    @property
    def remaining(self) -> float | None:
        """Seconds left, at least a little; None without a limit."""
        return None if math.isinf(self.end) else max(0.05, self.end - time.perf_counter())


def lipschitz_constant(
    net: Network,
    region: Region,
    norm: object = "inf",
    output: Output | None = 0,
    *,
    method: str = "auto",
    prove: bool = True,
    lower: bool = True,
    rng: int | np.random.Generator = 0,
    solver: str | None = None,
    tolerance: float = 1e-8,
    time_limit: float | None = None,
    progress: Callable[[str], None] | None = None,
) -> LipschitzResult:
    """Bound the Lipschitz constant of a network on a region from both sides.

    The constant is ``sup |F(x) - F(y)| / ||x - y||`` over points x, y of the region, for an output,
    a margin or a combination of outputs F.

    Parameters
    ----------
    net : Network
        Fully connected with ReLU activations.
    region : Box, Ball or Everywhere
    norm : 1, 2 or "inf"
        Norm of the input space.
    output : int, pair (i, j) or array of shape (outputs,)
        An output, the margin of output i over output j, or weights of the outputs.
    method : str
        - "product": product of the layers' operator norms; any depth; the region plays no part.
        - "interval": interval arithmetic on the gradient; any depth.
        - "shor", "hr2", "mccormick", "cuts": relaxations of order one, in this order ever tighter
          and slower; one hidden layer. In the norm "inf" the low-rank solver solves and proves
          them at any size (its "hr2" has no cliques {x_i, t_i}); in the norm 2, on balls and
          where `solver` names a conic solver the engine does ("cuts" is not offered there).
        - "lasserre": order 2 with correlative sparsity; one hidden layer, norm "inf" or 2, small.
        - "exact": enumeration of the patterns that occur; one hidden layer with few unstable
          neurons, a Box or Everywhere. Which patterns occur is a linear program's word.
        - "auto": the smallest of "interval", "product" and, for one hidden layer, "exact" with few
          unstable neurons, else "mccormick" or, for large networks, "hr2"; the notes say why.
    prove : bool
        Whether the bound of a moment relaxation by a conic solver gets proven; those of the
        low-rank solver, product and interval always are.
    lower : bool
        Whether to look for a lower bound.
    rng : int or Generator
        Source of the lower bound's random starts.
    solver : str, optional
        "lowrank", or a conic solver for moment relaxations such as "clarabel"; by default the
        low-rank solver wherever it is offered.
    tolerance : float
        Of the conic solver.
    time_limit : float, optional
        Seconds for the upper bound; the lower bound gets what is left, at least a quarter of it.
    progress : callable, optional
        Called with a line of text per phase.

    Returns
    -------
    LipschitzResult

    Raises
    ------
    InvalidOptionError, InvalidRegionError, InvalidOutputError
        The arguments do not fit the network or each other.
    UnsupportedError
        The method is not offered for this network, norm or region; the message says what is.
    NoBoundError
        The solver or the time limit left no bound.

    References
    ----------
    T. Chen, J.-B. Lasserre, V. Magron, E. Pauwels, Semialgebraic optimization for Lipschitz
    constants of ReLU networks, NeurIPS 2020, arXiv:2002.03657.

    Examples
    --------
    >>> import lipschitz_app as la
    >>> net = la.Network.from_arrays([[[1.0, 2.0], [-1.0, 1.0]], [[1.0, 1.0]]])
    >>> result = la.lipschitz_constant(net, la.Box([0.0, 0.0], 10.0), method="interval")
    >>> round(result.upper, 6), result.upper_kind, round(result.lower, 6)
    (4.0, 'proven', 3.0)
    """
    if not isinstance(net, Network):
        raise InvalidOptionError(
            f"the network is {type(net).__name__}; give a Network (Network.from_arrays or "
            "load_network)"
        )
    if method not in METHODS:
        raise InvalidOptionError(
            f"method {method!r} is not known; methods are {', '.join(METHODS)}"
        )
    for name, number in (("time_limit", time_limit), ("tolerance", tolerance)):
        if number is not None and not number > 0:
            raise InvalidOptionError(f"{name} is {number}; give a positive number")
    name = norms.as_norm(norm)
    region = check_region(region, net.input_size)
    target = as_output(output, net.output_size)
    begin = time.perf_counter()
    ranges = interval_ranges(net, region)
    neurons = tuple(layer.counts() for layer in ranges)
    timings = {"presolve": time.perf_counter() - begin}
    say = progress or (lambda text: None)
    for number, layer in enumerate(neurons, start=1):
        say(f"layer {number}: " + ", ".join(f"{count} {state}" for state, count in layer.items()))
    end = math.inf if time_limit is None else begin + time_limit
    task = _Task(net, region, name, target, ranges, prove, solver, tolerance, end, say)
    method, bound = _auto(task) if method == "auto" else (method, _upper(task, method))
    timings |= bound.timings
    say(f"upper bound {bound.value:.6f} ({bound.kind}, {method})")
    found = _lower(task, output, rng, time_limit) if lower else None
    if found is not None:
        timings["lower bound"] = sum(found.timings.values())
        say(f"lower bound {found.value:.6f} ({found.kind})")
    timings["total"] = time.perf_counter() - begin
    return LipschitzResult(
        upper=bound.value,
        upper_kind=bound.kind,
        lower=None if found is None else found.value,
        lower_kind="" if found is None else found.kind,
        witness=None if found is None else found.witness,
        method=method,
        norm=name,
        region=repr(region),
        output=target.label,
        neurons=neurons,
        timings=timings,
        notes=bound.notes,
        status=bound.status,
        proof=bound.proof,
        problem=bound.problem,
        margin=bound.margin,
    )


def _upper(task: _Task, method: str) -> UpperBound:
    if method == "product":
        return product_bound(task.net, task.output, task.norm)
    if method == "interval":
        return interval_bound(task.net, task.ranges, task.output, task.norm)
    hidden = presolve(task.net, task.ranges, task.output)
    if hidden.unstable == 0:
        bound = interval_bound(task.net, task.ranges, task.output, task.norm)
        note = "no unstable neuron: the gradient is constant and its norm is the constant"
        return UpperBound(bound.value, "proven", notes=(note,))
    if method == "exact":
        return exact_constant(hidden, task.region, task.norm, time_limit=task.remaining)
    return _relaxation(task, hidden, method)


def _relaxation(task: _Task, hidden: HiddenLayer, method: str) -> UpperBound:
    """Bound by the low-rank solver where it is offered, unless a conic solver is asked for."""
    why = lowrank_offered(hidden, task.region, task.norm)
    if method not in LOWRANK_METHODS:
        why = f"the method {method!r}"
    if task.solver == "lowrank" or (task.solver is None and not why):
        if method not in LOWRANK_METHODS:
            raise UnsupportedError(
                f"the low-rank solver is offered for {', '.join(LOWRANK_METHODS)}, not for {why}"
            )
        return lowrank_bound(
            hidden,
            task.region,
            task.norm,
            method,
            time_limit=task.remaining,
            progress=task.say,
        )
    if method not in RELAXATIONS:
        raise UnsupportedError(
            f"the method {method!r} is offered by the low-rank solver only: one hidden relu "
            'layer, norm "inf", a Box or Everywhere, solver=None; use "mccormick"'
        )
    return _moment(task, hidden, method)


def _moment(task: _Task, hidden: HiddenLayer, method: str) -> UpperBound:
    return moment_bound(
        hidden,
        task.region,
        task.norm,
        method,
        prove=task.prove,
        solver=task.solver,
        tolerance=task.tolerance,
        time_limit=task.remaining,
        progress=task.say,
    )


def _auto(task: _Task) -> tuple[str, UpperBound]:
    """Return the smallest bound of the methods that suit the network."""
    found = {method: _upper(task, method) for method in ("interval", "product")}
    why = ""
    if len(task.ranges) != 1:
        why = f"{len(task.ranges)} hidden layers"
    else:
        hidden = presolve(task.net, task.ranges, task.output)
        if hidden.unstable:
            why = _relax(task, hidden, found)
    best = min(found, key=lambda method: found[method].value)
    bound = found[best]
    if why:
        bound = replace(bound, notes=(*bound.notes, f"auto took {best}: {why}"))
    return best, bound


def _relax(task: _Task, hidden: HiddenLayer, found: dict[str, UpperBound]) -> str:
    """Add the bound of the method that suits a hidden layer, and return why it does."""
    why = f"{hidden.unstable} unstable neurons"
    relu = hidden.encoding.name == "relu"
    if relu and hidden.unstable <= AUTO_EXACT and not isinstance(task.region, Ball):
        limit = None if task.remaining is None else 0.5 * task.remaining
        try:
            found["exact"] = exact_constant(hidden, task.region, task.norm, time_limit=limit)
            return f'{why}; "mccormick" gives a bound that does not rest on linear programs'
        except NoBoundError:
            why += ", too many for enumeration in the time given"
    pairs = hidden.inputs * hidden.unstable
    small = 1 + hidden.inputs + hidden.unstable
    large = small if isinstance(task.region, Everywhere) else small + hidden.inputs
    if not lowrank_offered(hidden, task.region, task.norm) and task.solver in (None, "lowrank"):
        chosen = "mccormick" if pairs <= AUTO_PAIRS else "hr2"
        why += f", {pairs} pairs of inputs and unstable neurons"
    elif task.norm == "1":
        return f"{why}, norm 1"
    elif small > AUTO_SIZE:
        return f"{why}, a moment matrix of side {small} for a conic solver"
    else:
        chosen = "hr2" if large <= AUTO_SIZE else "shor"
        why += f", a moment matrix of side {large} for a conic solver"
    try:
        found[chosen] = _relaxation(task, hidden, chosen)
    except NoBoundError as error:
        why += f"; {chosen}: {error}"
    return why


def _lower(
    task: _Task, output: Output | None, rng: int | np.random.Generator, time_limit: float | None
) -> LowerBound | None:
    share = None
    if time_limit is not None and task.remaining is not None:
        share = max(task.remaining, 0.25 * time_limit)
    try:
        return lipschitz_lower_bound(
            task.net, task.region, task.norm, output, rng=rng, time_limit=share
        )
    except KeyboardInterrupt:
        task.say("lower bound: interrupted")
        return None
