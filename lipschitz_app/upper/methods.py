"""The upper-bound methods by name: one function from a task to a bound each.

A method that is not offered for a task raises :class:`~lipschitz_app.errors.UnsupportedError` with
what is; one that comes to no bound raises :class:`~lipschitz_app.errors.NoBoundError`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from lipschitz_app.activations.free import FreeSlopes
from lipschitz_app.activations.piecewise import Hinges
from lipschitz_app.encoding import Direction
from lipschitz_app.errors import NoBoundError, UnsupportedError
from lipschitz_app.hidden import HiddenLayer, presolve
from lipschitz_app.lower.ascent import lipschitz_lower_bound
from lipschitz_app.midrad import combine
from lipschitz_app.path_polynomial import path_polynomial
from lipschitz_app.regions import Box, Everywhere
from lipschitz_app.relaxations import RELAXATIONS, SUBLEVELS
from lipschitz_app.upper.base import UpperBound
from lipschitz_app.upper.branch import branch_bound
from lipschitz_app.upper.coordinates import coordinate_bound
from lipschitz_app.upper.deep import deep_bound, hr1_bound
from lipschitz_app.upper.exact import exact_constant
from lipschitz_app.upper.interval import interval_bound
from lipschitz_app.upper.krivine import krivine_bound
from lipschitz_app.upper.lipsdp import Variant, lipsdp_bound
from lipschitz_app.upper.lowrank import LOWRANK_METHODS, lowrank_bound, lowrank_offered
from lipschitz_app.upper.milp import milp_bound
from lipschitz_app.upper.moment import moment_bound
from lipschitz_app.upper.product import product_bound
from lipschitz_app.upper.slope_form import network_layers, slope_form
from lipschitz_app.upper.task import Task

ENUMERATED = 12
"""Most unstable neurons that "exact" enumerates patterns of where a program is offered, too."""

Method = Callable[[Task], UpperBound]


def _product(task: Task) -> UpperBound:
    return product_bound(task.net, task.output, task.norm)


def _interval(task: Task) -> UpperBound:
    return interval_bound(task.net, task.ranges, task.output, task.norm)


def _lipsdp(task: Task, variant: Variant) -> UpperBound:
    if task.norm != "2":
        raise UnsupportedError(
            f'LipSDP is offered for norm 2, not for norm "{task.norm}"; methods for any depth and '
            'norm: "interval", "product"'
        )
    weights, ranges, last = network_layers(task.net, task.ranges)
    form = slope_form(weights, ranges, combine(task.output.weights, last))
    task.say(f"lipsdp: matrix of side {form.side}, {form.layers.size} unstable neurons")
    return lipsdp_bound(form, variant, tolerance=task.tolerance, end=task.end)


def _krivine(task: Task, degree: int | None = None) -> UpperBound:
    if task.norm != "inf":
        raise UnsupportedError(
            f'Krivine\'s linear programs are offered for norm "inf", not for norm {task.norm}; '
            'methods for any depth and norm: "interval", "product"'
        )
    weights, ranges, last = network_layers(task.net, task.ranges)
    paths = path_polynomial(weights, ranges, combine(task.output.weights, last))
    least = max(3, len(weights) + 1)
    return krivine_bound(paths, degree or least, time_limit=task.remaining)


def _one_layer(method: Callable[[Task, HiddenLayer], UpperBound]) -> Method:
    """Return a method for one hidden layer that leaves the case without unstable neurons to us."""

    def bound(task: Task) -> UpperBound:
        hidden = presolve(task.net, task.ranges, task.output)
        if hidden.unstable == 0:
            note = "no unstable neuron: the gradient is constant and its norm is the constant"
            return replace(_interval(task), notes=(note,))
        found = method(task, hidden)
        return replace(found, notes=(*found.notes, *_about(task, hidden)))

    return bound


def _about(task: Task, hidden: HiddenLayer) -> tuple[str, ...]:
    """Return what a reader should know of the activation."""
    if hidden.encoding.name == "relu":
        return ()
    free = isinstance(hidden.encoding, FreeSlopes) or isinstance(task.region, Everywhere)
    lowrank = task.solver in (None, "lowrank")
    if free or (lowrank and not lowrank_offered(hidden, task.region, task.norm)):
        return (
            f"derivatives of {hidden.encoding.name} are free within their ranges; no constraint "
            "ties them to the pre-activations",
        )
    return (f"derivatives of {hidden.encoding.name} by its own constraints",)


def _exact(task: Task) -> UpperBound:
    """Enumerate patterns of few neurons; else, where that is offered, a mixed-integer program."""
    bent = all(isinstance(step.encoding, Hinges) for step in task.net.activations)
    offered = bent and task.norm != "2" and isinstance(task.region, Box)
    neurons = sum(int(layer.unstable.sum()) for layer in task.ranges)
    if offered and (len(task.ranges) != 1 or neurons > ENUMERATED):
        found = milp_bound(task)
        if len(task.ranges) != 1 or found.kind == "exact" or found.status != "optimal":
            return found
        # The program counts patterns on kinks, and one of them is the largest.
        try:
            return _one_layer(_enumerate)(task)
        except NoBoundError as error:
            return replace(found, notes=(*found.notes, str(error)))
    return _one_layer(_enumerate)(task)


def _enumerate(task: Task, hidden: HiddenLayer) -> UpperBound:
    return exact_constant(hidden, task.region, task.norm, time_limit=task.remaining)


def _branch(task: Task) -> UpperBound:
    share = None if task.remaining is None else 0.2 * task.remaining
    start = lipschitz_lower_bound(
        task.net, task.region, task.norm, task.output.weights, time_limit=share
    )
    task.say(f"branch: start at {start}")
    return branch_bound(task, start.witness)


def relaxation_bound(task: Task, hidden: HiddenLayer, method: str) -> UpperBound:
    """Bound by the low-rank solver where it is offered, unless a conic solver is asked for.

    Raises
    ------
    UnsupportedError, NoBoundError
    """
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

    def bound(direction: Direction | None = None) -> UpperBound:
        return moment_bound(
            hidden,
            task.region,
            task.norm,
            method,
            direction=direction,
            prove=task.prove,
            solver=task.solver,
            tolerance=task.tolerance,
            time_limit=task.remaining,
            progress=task.say,
        )

    if task.norm == "1" and method != "lasserre":
        return coordinate_bound(hidden, task.region, bound)
    return bound()


def _any_depth(method: str) -> Method:
    """Return the method of one hidden layer, or its counterpart for more."""
    shallow = _one_layer(partial(relaxation_bound, method=method))
    return lambda task: shallow(task) if len(task.ranges) == 1 else deep_bound(task, method)


def _hr1(task: Task) -> UpperBound:
    """Return HR-1, which for one hidden layer is order 1: Shor's relaxation."""
    if len(task.ranges) != 1:
        return hr1_bound(task)
    found = METHODS["shor"](task)
    return replace(found, notes=(*found.notes, "HR-1 of one hidden layer is Shor's relaxation"))


METHODS: dict[str, Method] = {
    "product": _product,
    "interval": _interval,
    **{name: _any_depth(name) for name in LOWRANK_METHODS},
    "hr1": _hr1,
    "lasserre": _one_layer(partial(relaxation_bound, method="lasserre")),
    **{name: _one_layer(partial(relaxation_bound, method=name)) for name in SUBLEVELS},
    "krivine": _krivine,
    **{f"krivine-{degree}": partial(_krivine, degree=degree) for degree in (2, 3, 4, 5)},
    "lipsdp": partial(_lipsdp, variant="neuron"),
    "lipsdp-layer": partial(_lipsdp, variant="layer"),
    "branch": _branch,
    "exact": _exact,
    "milp": milp_bound,
}
"""Methods by name."""
