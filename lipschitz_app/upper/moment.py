"""Moment relaxations of the Lipschitz problem, solved and proven by the engine.

The relaxation's value is a solver's word; the proof turns it into a bound that holds for the
polynomial problem whatever the solver did, and the encoding's rounding turns that into one for the
network.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

import polyopt as po
from lipschitz_app.encoding import Direction
from lipschitz_app.errors import NoBoundError
from lipschitz_app.hidden import HiddenLayer
from lipschitz_app.regions import Region
from lipschitz_app.relaxations import RELAXATIONS
from lipschitz_app.rounding import FloatArray, Norm, up
from lipschitz_app.upper.base import UpperBound
from lipschitz_app.upper.certificate import of_polynomial


class UnprovenBoundWarning(UserWarning):
    """A bound was asked for with a proof and comes without one; the result says why."""


def moment_bound(
    hidden: HiddenLayer,
    region: Region,
    norm: Norm,
    method: str,
    *,
    direction: Direction | None = None,
    prove: bool = True,
    solver: str | None = None,
    tolerance: float = 1e-8,
    time_limit: float | None = None,
    progress: Callable[[str], None] | None = None,
) -> UpperBound:
    """Return the bound of a moment relaxation.

    Parameters
    ----------
    hidden : HiddenLayer
        With at least one unstable neuron.
    region : Box, Ball or Everywhere
    norm : "inf" or "2"
    method : str
        A name in :data:`lipschitz_app.relaxations.RELAXATIONS`.
    direction : pair (coordinate, sign), optional
        See :func:`lipschitz_app.encoding.encode`.
    prove : bool
        Whether to prove the bound.
    solver, tolerance, time_limit
        Passed to the engine.
    progress : callable, optional
        Called with a line of text per phase.

    Raises
    ------
    NoBoundError
        The solver gave no bound.
    """
    extra = {} if direction is None else {"direction": direction}
    place: dict[str, str | int] = {}
    if direction is not None:
        place = {"coordinate": direction[0], "sign": int(direction[1])}
    return relaxed_bound(
        lambda: RELAXATIONS[method](hidden, region, norm, **extra),
        method,
        prove=prove,
        solver=solver,
        tolerance=tolerance,
        time_limit=time_limit,
        progress=progress,
        place=place,
    )


class Encoding(Protocol):
    """What is asked of a stated problem: its maximum, rounding added, is a bound."""

    @property
    def problem(self) -> po.PolynomialProblem:
        """A maximisation."""
        ...

    @property
    def lower(self) -> FloatArray:
        """Lower ends of a box around all feasible points."""
        ...

    @property
    def upper(self) -> FloatArray:
        """Upper ends of that box."""
        ...

    @property
    def rounding(self) -> float:
        """To be added to a bound of the problem."""
        ...


class _Relaxed(Protocol):
    """A relaxation and the problem that it relaxes."""

    @property
    def encoding(self) -> Encoding: ...
    @property
    def relaxation(self) -> po.Relaxation: ...


def relaxed_bound(
    build: Callable[[], _Relaxed],
    method: str,
    *,
    prove: bool = True,
    solver: str | None = None,
    tolerance: float = 1e-8,
    time_limit: float | None = None,
    progress: Callable[[str], None] | None = None,
    place: Mapping[str, str | int] | None = None,
) -> UpperBound:
    """Build, solve and prove a relaxation of the engine; see :func:`moment_bound`.

    `place` is what the certificate says beside the relaxation.
    """
    say = progress or (lambda text: None)
    begin = time.perf_counter()
    relaxed = build()
    encoding = relaxed.encoding
    timings = {"encoding": time.perf_counter() - begin}
    say(f"{method}: {relaxed.relaxation.plan.summary}")
    result = relaxed.relaxation.solve(solver=solver, tolerance=tolerance, time_limit=time_limit)
    timings["solver"] = time.perf_counter() - begin - timings["encoding"]
    say(f"{method}: {result.solver} says {result.status} with {result.bound:.6f}")
    proof: Any = None
    notes: list[str] = []
    if prove and result.status.has_iterate:
        start = time.perf_counter()
        try:
            proof = result.prove(box=(encoding.lower, encoding.upper))
        except po.PolyoptError as error:
            notes.append(f"not proven: {error}")
        timings["proof"] = time.perf_counter() - start
    if proof is not None and np.isfinite(proof.bound):
        value = float(up(proof.bound + encoding.rounding))
        say(f"{method}: proven {value:.6f}")
        kind = "proven"
    elif result.status.has_iterate and np.isfinite(result.bound):
        value, kind, proof = float(result.bound), "numerical", None
        if prove:
            notes = notes or ["not proven: the proof gives no finite bound"]
            warnings.warn(
                f"{method}: the bound {value:.6g} is a solver's value only; {notes[-1]}",
                UnprovenBoundWarning,
                stacklevel=2,
            )
    else:
        raise NoBoundError(
            f"{method}: the solver {result.solver} gave no bound ({result.status}): "
            f"{result.status.text} Give it more time, or use another method or solver"
        )
    return UpperBound(
        value,
        "proven" if kind == "proven" else "numerical",
        status=str(result.status),
        proof=proof,
        problem=encoding.problem,
        margin=encoding.rounding,
        timings=timings,
        notes=tuple(notes),
        certificate=of_polynomial(proof, {"relaxation": method, **(place or {})}),
    )
