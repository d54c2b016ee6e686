"""Upper and lower bounds on the Lipschitz constant of a network: the main entry point."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from lipschitz_app import norms
from lipschitz_app.errors import InvalidOptionError
from lipschitz_app.gradients import gradient_norm_lower
from lipschitz_app.interrupts import watched_interrupts
from lipschitz_app.lower.ascent import LowerBound, lipschitz_lower_bound
from lipschitz_app.network import Network
from lipschitz_app.outputs import Output, OutputMap, OutputVector, as_output, as_target
from lipschitz_app.ranges.pre_activations import pre_activation_ranges
from lipschitz_app.regions import Region, check_region
from lipschitz_app.result import LipschitzResult
from lipschitz_app.rounding import FloatArray, dual
from lipschitz_app.saved_proof import Statement
from lipschitz_app.upper import methods as _methods
from lipschitz_app.upper.auto import auto_bound
from lipschitz_app.upper.base import Kind, UpperBound
from lipschitz_app.upper.task import Task
from lipschitz_app.upper.whole import whole_bound

_TOLERANCE = 1e-6
"""Relative error that linear and integer programs may have in a value called exact."""

METHODS = ("auto", *_methods.METHODS)
"""Names of the methods that are offered."""


def lipschitz_constant(
    net: Network,
    region: Region,
    norm: object = "inf",
    output: Output | None = 0,
    *,
    output_norm: object = None,
    method: str = "auto",
    ranges: str = "auto",
    prove: bool = True,
    lower: bool = True,
    rng: int | np.random.Generator = 0,
    solver: str | None = None,
    tolerance: float = 1e-8,
    gap: float = 1e-3,
    time_limit: float | None = None,
    progress: Callable[[str], None] | None = None,
) -> LipschitzResult:
    """Bound the Lipschitz constant of a network on a region from both sides.

    The constant is ``sup |F(x) - F(y)| / ||x - y||`` over points x, y of the region, for an output,
    a margin or a combination of outputs F.

    Parameters
    ----------
    net : Network
        Relaxations of several hidden layers and "branch" are offered for piecewise linear
        activations; those of one hidden layer, and "product" and "interval" of any depth, for all.
    region : Box, Ball or Everywhere
    norm : 1, 2 or "inf"
        Norm of the input space.
    output : int, pair (i, j), array of shape (outputs,) or None
        An output, the margin of output i over output j, weights of the outputs, or all outputs.
    output_norm : 1, 2 or "inf", optional
        Norm of the output space for ``output=None``; by default that of the input space. Methods
        for one output then give the largest bound of the outputs (norm "inf") or of their sums with
        signs (norm 1, few outputs), else the norm of the single bounds.
    method : str
        - "product": product of the layers' operator norms; any depth; the region plays no part.
        - "interval": interval arithmetic on the gradient; any depth.
        - "shor", "hr2", "mccormick", "cuts": relaxations of order one, in this order ever tighter
          and slower. At depth (piecewise linear activations; "cuts" for one hidden layer only) the
          low-rank solver solves and proves them in every norm and region, with directional
          derivatives of all neurons as variables. For one hidden layer and the norm "inf" the
          low-rank solver solves and proves them at any size (its "hr2" has no cliques
          {x_i, t_i}); in the norm 2, on balls and where `solver` names a conic solver the engine
          does ("cuts" is not offered there); so it does in the norm 1, one coordinate of the
          gradient at a time.
        - "hr1": order 1 with the products of both layers' derivatives as variables; two hidden
          layers, piecewise linear, norm "inf" or 2, small; by the engine. Of one hidden layer it is
          "shor".
        - "lasserre": order 2 with correlative sparsity; one hidden layer, norm "inf" or 2, small.
        - "sublevel": order 2 on subsets of 4 variables, order 1 elsewhere ("sublevel-2" to
          "sublevel-8": other sizes); one hidden layer, small.
        - "krivine": linear programs of products of bounds of directions and slopes (LipOpt), of
          degree 3 or the number of layers ("krivine-2" to "krivine-5": other degrees); any depth,
          norm "inf", small.
        - "lipsdp", "lipsdp-layer": one matrix inequality with a multiplier for each neuron, or for
          each layer; any depth, norm 2.
        - "branch": branch and bound on the neurons, with "mccormick" as the bounding step; any
          depth, norm and region, piecewise linear activations. It stops at the relative `gap`; a
          time limit leaves the bound that is proven by then.
        - "exact": enumeration of the patterns that occur, for one hidden layer with few unstable
          neurons on a Box or Everywhere; else, on a Box in the norms "inf" and 1, "milp".
          Which patterns occur is a linear program's word.
        - "milp": a mixed-integer linear program; any depth, piecewise linear activations, a Box,
          norms "inf" and 1. The bound is HiGHS's dual bound: "exact" when it closes the gap, else
          "numerical".
        - "auto": the smallest of "interval", "product", in the norm 2 "lipsdp" and, for one hidden
          layer, "branch" with few unstable neurons, else "mccormick" or, for large networks, "hr2";
          at depth "mccormick" or, for large networks, "hr2"; the notes say why.
    ranges : "auto", "interval", "crown" or "lp"
        How pre-activations are bounded first; see :func:`pre_activation_ranges`.
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
    gap : float
        Of "branch": the relative gap at which to stop.
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
    for name, number in (("time_limit", time_limit), ("tolerance", tolerance), ("gap", gap)):
        if number is not None and not number > 0:
            raise InvalidOptionError(f"{name} is {number}; give a positive number")
    name = norms.as_norm(norm)
    region = check_region(region, net.input_size)
    target = as_target(output, net.output_size, name, output_norm)
    begin = time.perf_counter()
    layers = pre_activation_ranges(net, region, ranges)
    neurons = tuple(layer.counts() for layer in layers)
    timings = {"presolve": time.perf_counter() - begin}
    say = progress or (lambda text: None)
    for number, layer in enumerate(neurons, start=1):
        say(f"layer {number}: " + ", ".join(f"{count} {state}" for state, count in layer.items()))
    end = math.inf if time_limit is None else begin + time_limit
    single = as_output(0, net.output_size) if isinstance(target, OutputMap) else target
    with watched_interrupts() as interrupts:
        tell = interrupts.once_more(say)
        task = Task(net, region, name, single, layers, prove, solver, tolerance, end, tell, gap)
        if isinstance(target, OutputMap):
            method, bound = whole_bound(task, target, method)
        elif method == "auto":
            method, bound = auto_bound(task)
        else:
            bound = _methods.METHODS[method](task)
    timings |= bound.timings
    say(f"upper bound {bound.value:.6f} ({bound.kind}, {method})")
    start = bound.witness if isinstance(target, OutputVector) else None
    found = _lower(task, output, output_norm, rng, time_limit, start) if lower else None
    if found is not None and start is not None and isinstance(target, OutputVector):
        value = gradient_norm_lower(net, start, target, dual(name))
        if value > found.value:
            witness = start.reshape(net.input_shape)
            found = replace(found, value=value, witness=witness)
    if found is not None:
        timings["lower bound"] = sum(found.timings.values())
        say(f"lower bound {found.value:.6f} ({found.kind})")
    if found is not None and bound.kind != "proven" and bound.value < found.value:
        bound = _not_below(bound, found.value)
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
        status="interrupted" if lower and found is None else bound.status,
        proof=bound.proof,
        problem=bound.problem,
        margin=bound.margin,
        certificate=bound.certificate if bound.kind == "proven" else None,
        statement=Statement(net, region, name, target, ranges),
    )


def _not_below(bound: UpperBound, lower: float) -> UpperBound:
    """Raise an upper bound that is a solver's word to a proven lower bound, and say so."""
    kind: Kind = bound.kind if bound.value >= lower * (1.0 - _TOLERANCE) else "numerical"
    note = f"the solver's value {bound.value:.9g} was below the proven lower bound and is raised"
    return replace(bound, value=lower, kind=kind, notes=(*bound.notes, note))


def _lower(
    task: Task,
    output: Output | None,
    output_norm: object,
    rng: int | np.random.Generator,
    time_limit: float | None,
    start: FloatArray | None,
) -> LowerBound | None:
    share = None
    if time_limit is not None and task.remaining is not None:
        share = max(task.remaining, 0.25 * time_limit)
    try:
        return lipschitz_lower_bound(
            task.net,
            task.region,
            task.norm,
            output,
            output_norm=output_norm,
            rng=rng,
            time_limit=share,
            start=start,
        )
    except KeyboardInterrupt:
        task.say("lower bound: interrupted")
        return None
