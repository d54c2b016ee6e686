"""Which methods suit a network, by its size and the time given; and why."""

from __future__ import annotations

import time
from dataclasses import replace

from lipschitz_app.errors import NoBoundError, UnsupportedError
from lipschitz_app.hidden import HiddenLayer, presolve
from lipschitz_app.regions import Everywhere
from lipschitz_app.upper.base import UpperBound
from lipschitz_app.upper.lowrank import lowrank_offered
from lipschitz_app.upper.methods import METHODS, relaxation_bound
from lipschitz_app.upper.task import Task

AUTO_BRANCH, AUTO_BRANCH_SECONDS = 10, 20.0
"""Most unstable neurons that "auto" takes "branch" for, and for how long at most."""

AUTO_BRANCH_CONIC = 24
"""The same where the relaxations would go to a conic solver."""

AUTO_PAIRS = 20_000
"""Most pairs of an input and an unstable neuron that "auto" takes "mccormick" for, else "hr2"."""

AUTO_LIPSDP = 1000
"""Most unstable neurons that "auto" takes "lipsdp" for, in the norm 2."""

AUTO_DEEP, AUTO_DEEPEST = 250, 4000
"""Largest sides of the moment matrices of "mccormick" and of "hr2" at depth."""

AUTO_SIZE = 80
"""Largest moment matrix that "auto" gives to a conic solver, for HR-2 or else for Shor."""


def auto_bound(task: Task) -> tuple[str, UpperBound]:
    """Return the smallest bound of the methods that suit the network, and its method's name."""
    found = {method: METHODS[method](task) for method in ("interval", "product")}
    neurons = sum(int(layer.unstable.sum()) for layer in task.ranges)
    why, status = "", ""
    try:
        if task.norm == "2" and neurons <= AUTO_LIPSDP:
            try:
                found["lipsdp"] = METHODS["lipsdp"](task)
            except (NoBoundError, UnsupportedError) as error:
                task.say(f"lipsdp: {error}")
        if len(task.ranges) != 1:
            why = _relax_deep(task, neurons, found)
        else:
            hidden = presolve(task.net, task.ranges, task.output)
            if hidden.unstable:
                why = _relax(task, hidden, found)
    except KeyboardInterrupt:
        why, status = "interrupted before other methods came to a bound", "interrupted"
    best = min(found, key=lambda method: found[method].value)
    bound = found[best]
    if why:
        bound = replace(bound, notes=(*bound.notes, f"auto took {best}: {why}"))
    return best, replace(bound, status=status or bound.status)


def _relax(task: Task, hidden: HiddenLayer, found: dict[str, UpperBound]) -> str:
    """Add the bound of the method that suits a hidden layer, and return why it does."""
    why = f"{hidden.unstable} unstable neurons"
    relu = hidden.encoding.name == "relu"
    lowrank = task.solver in (None, "lowrank") and not lowrank_offered(
        hidden, task.region, task.norm
    )
    most = AUTO_BRANCH if lowrank or task.solver else AUTO_BRANCH_CONIC
    if relu and hidden.unstable <= most and task.solver in (None, "lowrank"):
        limit = AUTO_BRANCH_SECONDS
        if task.remaining is not None:
            limit = min(limit, 0.5 * task.remaining)
        end = min(task.end, time.perf_counter() + limit)
        found["branch"] = METHODS["branch"](replace(task, end=end))
        if not any("stopped early" in note for note in found["branch"].notes):
            return why
        why += ", too many for branch and bound in the time given"
    pairs = hidden.inputs * hidden.unstable
    small = 1 + hidden.inputs + hidden.unstable
    large = small if isinstance(task.region, Everywhere) else small + hidden.inputs
    if lowrank:
        chosen = "mccormick" if pairs <= AUTO_PAIRS else "hr2"
        why += f", {pairs} pairs of inputs and unstable neurons"
    elif task.norm == "1" and isinstance(task.region, Everywhere):
        return f"{why}, norm 1 over the whole space"
    elif small > AUTO_SIZE:
        return f"{why}, a moment matrix of side {small} for a conic solver"
    else:
        chosen = "hr2" if large <= AUTO_SIZE else "shor"
        why += f", a moment matrix of side {large} for a conic solver"
    try:
        found[chosen] = relaxation_bound(task, hidden, chosen)
    except NoBoundError as error:
        why += f"; {chosen}: {error}"
    return why


def _relax_deep(task: Task, neurons: int, found: dict[str, UpperBound]) -> str:
    """Add the bound of the relaxation that suits a deep network, and return why it does."""
    why = f"{len(task.ranges)} hidden layers, {neurons} unstable neurons"
    last = int(task.ranges[-1].unstable.sum()) if task.ranges else 0
    if isinstance(task.region, Everywhere):
        side = 1 + task.net.input_size + 2 * neurons - last
    else:
        side = 1 + 2 * task.net.input_size + 3 * neurons - 2 * last
    why += f", a moment matrix of side {side}"
    if not neurons or side > AUTO_DEEPEST or task.solver not in (None, "lowrank"):
        return why
    chosen = "mccormick" if side <= AUTO_DEEP else "hr2"
    try:
        found[chosen] = METHODS[chosen](task)
    except (NoBoundError, UnsupportedError) as error:
        why += f"; {chosen}: {error}"
    return why
