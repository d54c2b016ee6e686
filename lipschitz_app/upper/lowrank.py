r"""Relaxations of order one in the norm L-infinity by the low-rank solver, each bound proven.

The model (:mod:`lipschitz_app.first_order`) is solved in stages, each warm-started from the one
before: `hr2`, the inequalities of all pairs for `mccormick`, then triangles and 4-cycles of t and s
for `cuts`. Each stage proves bounds from its multipliers as it goes, so that a time limit or a
keyboard interrupt leaves the best bound so far, proven like any other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from lipschitz_app.errors import NoBoundError, UnsupportedError
from lipschitz_app.first_order import LipschitzModel, Method, lipschitz_model
from lipschitz_app.hidden import HiddenLayer
from lipschitz_app.lower.relaxed import rounded_point
from lipschitz_app.regions import Ball, Box, Region
from lipschitz_app.rounding import FloatArray, Norm, up
from lipschitz_app.upper.base import UpperBound
from lipschitz_app.upper.dual_certificate import dual_certificate
from polyopt.errors import ProofError
from polyopt.solvers.lowrank import (
    DualBound,
    FirstOrderModel,
    LowRankOptions,
    LowRankResult,
    Progress,
    State,
    cut_and_solve,
    prove,
    solve_first_order,
)

LOWRANK_METHODS = ("shor", "hr2", "mccormick", "cuts")
"""Methods that the low-rank solver offers."""

_SMALL, _LARGE = 80, 600
"""Sides of the moment matrix up to which bounds are closed to 1e-5, and to 1e-4."""

_PROOF_SHARE = 0.75
"""Share of the time left that a stage gets; its last proof comes after that."""


@dataclass(frozen=True, slots=True)
class LowRankProof:
    """The dual certificate of a first-order bound.

    Attributes
    ----------
    model : FirstOrderModel
        What the bound is about; its maximum is at least the Lipschitz constant times
        ``2**-exponent``.
    dual : DualBound
        Multipliers and diagonal, and the bound on the model that they prove.
    exponent : int
    kind : "proven"
    """

    model: FirstOrderModel = field(repr=False)
    dual: DualBound = field(repr=False)
    exponent: int = 0
    kind: str = "proven"

    @property
    def bound(self) -> float:
        """The proven bound on the Lipschitz constant."""
        return scaled(self.dual.bound, self.exponent)

    def check(self) -> LowRankProof:
        """Prove the bound again from the multipliers and the diagonal; no optimiser is run.

        Raises
        ------
        ProofError
            Multipliers and diagonal do not fit the model or prove no bound, or a worse one than
            `bound`.
        """
        again = prove(self.model, self.dual.multipliers, self.dual.diagonal)
        if again is None:
            raise ProofError("the slack matrix of the certificate is not positive definite")
        if not again.bound <= self.dual.bound:
            raise ProofError(
                f"the certificate proves {again.bound!r}, which is more than the claimed "
                f"{self.dual.bound!r}"
            )
        return replace(self, dual=again)


def scaled(value: float, exponent: int) -> float:
    """Return ``value * 2**exponent``, rounded upwards where it underflows.

    Examples
    --------
    >>> scaled(1.5, 2), scaled(1.5, -2000) > 0
    (6.0, True)
    """
    exact = float(np.ldexp(value, exponent))
    return exact if np.ldexp(exact, -exponent) == value else float(up(exact))


def lowrank_offered(hidden: HiddenLayer, region: Region, norm: Norm) -> str:
    """Return why the low-rank solver is not offered, or an empty text.

    Examples
    --------
    >>> import lipschitz_app as la
    >>> from lipschitz_app.hidden import presolve
    >>> from lipschitz_app.outputs import as_output
    >>> net = la.Network.from_arrays([[[1.0], [-1.0]], [[1.0, 1.0]]])
    >>> region = la.Everywhere()
    >>> hidden = presolve(net, la.interval_ranges(net, region), as_output(0, 1))
    >>> lowrank_offered(hidden, region, "2")
    'norm 2'
    """
    if norm != "inf":
        return f"norm {norm}"
    if isinstance(region, Ball):
        return "a Euclidean ball"
    return ""


def lowrank_bound(
    hidden: HiddenLayer,
    region: Region,
    norm: Norm,
    method: str,
    *,
    time_limit: float | None = None,
    progress: Callable[[str], None] | None = None,
) -> UpperBound:
    """Return the proven bound of a relaxation of order one in the norm L-infinity.

    Parameters
    ----------
    hidden : HiddenLayer
        With at least one unstable neuron.
    region : Box or Everywhere
    norm : "inf"
    method : "shor", "hr2", "mccormick" or "cuts"
        "hr2" has the inequalities of the cliques {u_j, z_j} and not those of {x_i, t_i};
        "mccormick" adds those of all pairs (t_i, u_j), "cuts" also the most violated triangles and
        4-cycles of t and u.
    time_limit : float, optional
        Seconds after which the best bound so far is returned; the last proof can take a little
        longer.
    progress : callable, optional
        Called with a line of text per round.

    Returns
    -------
    UpperBound
        Of kind "proven"; its proof is a :class:`LowRankProof`, its witness over a box a point that
        the relaxation suggests.

    Raises
    ------
    UnsupportedError
        For another norm or region.
    NoBoundError
        Interrupted before there was any bound.
    """
    why = lowrank_offered(hidden, region, norm)
    if why:
        raise UnsupportedError(
            f"the low-rank solver is offered for norm inf and a Box or Everywhere, not for "
            f"{why}; name a conic solver, for example solver='clarabel'"
        )
    run = _Run(hidden, region, method, time_limit, progress or (lambda text: None))
    try:
        run.stages()
    except KeyboardInterrupt:
        run.interrupted = True
    if run.best is None:
        raise NoBoundError(f"{method}: interrupted before there was a bound")
    return run.result()


class _Run:
    """The stages of one bound, the best proof among them, and the clock."""

    def __init__(
        self,
        hidden: HiddenLayer,
        region: Region,
        method: str,
        time_limit: float | None,
        say: Callable[[str], None],
    ) -> None:
        self.hidden, self.region, self.method, self.say = hidden, region, method, say
        self.begin = time.perf_counter()
        self.end = np.inf if time_limit is None else self.begin + time_limit
        self.timings = {"encoding": 0.0, "solver": 0.0}
        self.best: tuple[LowRankResult, FirstOrderModel, Method] | None = None
        self.families = 0
        self.witness: FloatArray | None = None
        self.exponent = 0
        self.interrupted = False
        self.closed = False
        self.size = ""

    def remaining(self) -> float:
        return float(self.end - time.perf_counter())

    def stages(self) -> None:
        if self.method in ("shor", "hr2"):
            self.stage("shor" if self.method == "shor" else "hr2")
            return
        lipschitz, state = self.stage("mccormick")
        if self.method == "cuts" and not self.interrupted and self.remaining() > 0:
            self.cut(lipschitz, state)

    def options(self, side: int) -> LowRankOptions:
        limit = None
        if np.isfinite(self.end):
            limit = max(1e-3, _PROOF_SHARE * self.remaining())
        if side <= _SMALL:
            return LowRankOptions(relative_gap=1e-5, rounds=30, time_limit=limit)
        if side <= _LARGE:
            return LowRankOptions(relative_gap=1e-4, rounds=20, time_limit=limit)
        return LowRankOptions(relative_gap=1e-3, single_precision=True, time_limit=limit)

    def stage(self, method: Method) -> tuple[LipschitzModel, State]:
        """Build and solve one model."""
        before = time.perf_counter()
        lipschitz = lipschitz_model(self.hidden, self.region, method)
        model, self.exponent = lipschitz.model, lipschitz.exponent
        self.timings["encoding"] += time.perf_counter() - before
        self.say(f"{method}: {lipschitz}")
        before = time.perf_counter()
        result = solve_first_order(model, self.options(model.side), callback=self.teller(method))
        self.families = len(model.families)
        self.keep(result, model, method, before)
        if lipschitz.inputs.size and isinstance(self.region, Box):
            columns = np.asarray(result.state.columns, dtype=np.float64)
            self.witness = rounded_point(self.hidden, self.region, columns, lipschitz.inputs)
        return lipschitz, result.state

    def cut(self, lipschitz: LipschitzModel, state: State) -> None:
        """Add triangles and 4-cycles in rounds."""
        model = lipschitz.model
        large = model.side > _LARGE
        rounds = 2 if large else 3
        options = replace(self.options(model.side), rounds=6)
        if options.time_limit is not None:
            options = replace(options, time_limit=options.time_limit / rounds)
        before = time.perf_counter()
        result, extended = cut_and_solve(
            model,
            (lipschitz.directions, lipschitz.slopes),
            options,
            start=state,
            rounds=rounds,
            count=8000 if large else 2000,
            callback=self.teller("cuts"),
        )
        self.keep(result, extended, "mccormick", before)

    def keep(
        self, result: LowRankResult, model: FirstOrderModel, method: Method, before: float
    ) -> None:
        self.timings["solver"] += time.perf_counter() - before
        self.interrupted |= result.interrupted
        if self.best is None or result.bound < self.best[0].bound:
            self.best = (result, model, method)
            self.closed, self.size = result.reached_gap, str(model)

    def teller(self, name: str) -> Callable[[Progress], None]:
        def tell(progress: Progress) -> None:
            self.say(
                f"{name}: round {progress.round + 1}, value "
                f"{scaled(progress.value, self.exponent):.6f} (violation "
                f"{progress.violation:.0e}), proven {scaled(progress.bound, self.exponent):.6f}"
            )

        return tell

    def result(self) -> UpperBound:
        assert self.best is not None
        result, model, method = self.best
        notes = [self.size]
        if self.interrupted:
            notes.append("stopped early, by the time limit or an interrupt; the bound is proven")
        elif not self.closed:
            distance = abs(result.bound - result.value) / max(abs(result.bound), 1e-300)
            notes.append(f"within about {distance:.0e} of the relaxation's value, relative")
        proof = LowRankProof(model, result.proof, self.exponent)
        return UpperBound(
            proof.bound,
            "proven",
            status="interrupted" if self.interrupted else "",
            proof=proof,
            timings=dict(self.timings),
            notes=tuple(notes),
            witness=self.witness,
            certificate=dual_certificate(
                "lowrank", {"model": method}, model, result.proof, self.families
            ),
        )
