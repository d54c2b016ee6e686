r"""Bounds for networks of any depth by the low-rank solver, each proven.

The tangent model (:mod:`lipschitz_app.deep.tangent`) is solved from a random factor. Every round
proves a bound from its multipliers (every third for large models), so that a time limit or a
keyboard interrupt leaves the best one so far.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import numpy as np

from lipschitz_app.deep.lifted import hr1
from lipschitz_app.deep.presolve import DeepNetwork, presolve_deep
from lipschitz_app.deep.tangent import Level, tangent_model
from lipschitz_app.errors import NoBoundError, UnsupportedError
from lipschitz_app.upper.base import UpperBound
from lipschitz_app.upper.certificate import Certificate
from lipschitz_app.upper.dual_certificate import dual_certificate
from lipschitz_app.upper.interval import interval_bound
from lipschitz_app.upper.lowrank import LowRankProof, scaled
from lipschitz_app.upper.moment import relaxed_bound
from lipschitz_app.upper.task import Task
from polyopt.solvers.lowrank import (
    LowRankOptions,
    Progress,
    solve_first_order,
)

DEEP_METHODS = ("shor", "hr2", "mccormick")
"""Methods for any number of hidden layers."""

_LARGE = 600
"""Side of the moment matrix up to which bounds are closed to 1e-4, else to 1e-3."""

_PROOF_SHARE = 0.85
"""Share of the time left that the rounds get; the last proof comes after that."""

_FIRST_SHARE = 0.3
"""Share that "hr2" gets before "mccormick"."""


def deep_bound(task: Task, method: str) -> UpperBound:
    """Return the proven bound of a tangent model.

    Parameters
    ----------
    task : Task
        Piecewise linear activations, any number of hidden layers, any norm and region.
    method : "shor", "hr2" or "mccormick"

    Raises
    ------
    UnsupportedError
        The method, the activation or the solver asked for is not offered.
    NoBoundError
        Interrupted before there was a bound.
    """
    if method not in DEEP_METHODS:
        raise UnsupportedError(
            f"the method {method!r} is offered for one hidden layer; {task.net!r} has "
            f"{len(task.ranges)}. For any depth: {', '.join(DEEP_METHODS)}, interval, product"
        )
    if task.solver not in (None, "lowrank"):
        raise UnsupportedError(
            f"{method!r} of a network with {len(task.ranges)} hidden layers is solved by the "
            f'low-rank solver, not by {task.solver!r}; leave solver out, or use method="hr1"'
        )
    task, about = task.with_relu()
    net = _presolved(task)
    if not sum(net.unstable):
        return _constant_gradient(task)
    run = _Run(task, net)
    try:
        if method == "mccormick" and task.remaining is not None:
            # Many constraints take many rounds; what a limit leaves may be worse than "hr2".
            run.solve("hr2", _FIRST_SHARE)
        if not run.interrupted:
            run.solve(cast(Level, method), _PROOF_SHARE)
    except KeyboardInterrupt:
        run.interrupted = True
    if run.best is None:
        raise NoBoundError(f"{method}: interrupted before there was a bound")
    found = run.result()
    return replace(found, notes=(*found.notes, *about))


def hr1_bound(task: Task) -> UpperBound:
    """Return the bound of HR-1 of two hidden layers, by the engine.

    Raises
    ------
    UnsupportedError, NoBoundError
    """
    task, about = task.with_relu()
    net = _presolved(task)
    if not sum(net.unstable):
        return _constant_gradient(task)
    found = relaxed_bound(
        lambda: hr1(net, task.region, task.norm),
        "hr1",
        prove=task.prove,
        solver=task.solver,
        tolerance=task.tolerance,
        time_limit=task.remaining,
        progress=task.say,
    )
    return replace(found, notes=(*found.notes, *about))


def _presolved(task: Task) -> DeepNetwork:
    return presolve_deep(task.layers or task.net, task.ranges, task.output)


def _constant_gradient(task: Task) -> UpperBound:
    note = "no unstable neuron: the gradient is constant and its norm is the constant"
    value = interval_bound(task.layers or task.net, task.ranges, task.output, task.norm).value
    certificate = Certificate("constant gradient")
    return UpperBound(value, "proven", notes=(note,), certificate=certificate)


class _Run:
    """One bound, its proof and the clock."""

    def __init__(self, task: Task, net: DeepNetwork) -> None:
        self.task, self.net = task, net
        self.timings = {"encoding": 0.0, "solver": 0.0}
        self.best: LowRankProof | None = None
        self.level: Level = "shor"
        self.closed = self.interrupted = False
        self.value, self.size = np.inf, ""

    def solve(self, level: Level, share: float) -> None:
        """Build and solve a model in a share of the time left, and keep the better bound."""
        before = time.perf_counter()
        tangent = tangent_model(self.net, self.task.region, self.task.norm, level)
        self.timings["encoding"] += time.perf_counter() - before
        self.task.say(f"{level}: {tangent}")
        before = time.perf_counter()
        options = self.options(tangent.model.side, share)
        tell = self.teller(level, tangent.exponent)
        result = solve_first_order(tangent.model, options, callback=tell)
        self.timings["solver"] += time.perf_counter() - before
        proof = LowRankProof(tangent.model, result.proof, tangent.exponent)
        late = self.task.remaining is not None and share == _PROOF_SHARE
        expired = result.seconds >= (options.time_limit or np.inf)
        self.interrupted = result.interrupted and (late or not expired)
        if self.best is None or proof.bound < self.best.bound:
            self.best, self.closed, self.size = proof, result.reached_gap, str(tangent)
            self.value, self.level = scaled(result.value, tangent.exponent), level

    def options(self, side: int, share: float) -> LowRankOptions:
        remaining = self.task.remaining
        limit = None if remaining is None else max(1e-3, share * remaining)
        large = side > _LARGE
        return LowRankOptions(
            relative_gap=1e-3 if large else 1e-4,
            rounds=14 if large else 24,
            patience=None if large else 7,
            single_precision=large,
            time_limit=limit,
        )

    def teller(self, level: str, exponent: int) -> Callable[[Progress], None]:
        def tell(progress: Progress) -> None:
            self.task.say(
                f"{level}: round {progress.round + 1}, value "
                f"{scaled(progress.value, exponent):.6f} (violation {progress.violation:.0e}), "
                f"proven {scaled(progress.bound, exponent):.6f}"
            )

        return tell

    def result(self) -> UpperBound:
        assert self.best is not None
        notes = [self.size]
        if self.interrupted:
            notes.append("stopped early, by the time limit or an interrupt; the bound is proven")
        elif not self.closed:
            distance = abs(self.best.bound - self.value) / max(self.best.bound, 1e-300)
            notes.append(f"within about {distance:.0e} of the relaxation's value, relative")
        return UpperBound(
            self.best.bound,
            "proven",
            status="interrupted" if self.interrupted else "",
            proof=self.best,
            timings=dict(self.timings),
            notes=tuple(notes),
            certificate=dual_certificate(
                "deep",
                {"model": self.level},
                self.best.model,
                self.best.dual,
                len(self.best.model.families),
            ),
        )
