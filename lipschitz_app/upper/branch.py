r"""Branch and bound on the unstable neurons of one hidden layer.

A node is a set of neurons whose sign is decided. Over the part of the region where they have these
signs, linear programs tighten the ranges of the others (:mod:`lipschitz_app.cuts`), which decides
more of them or shows the part to be empty, and give a point inside, which is a candidate for the
lower bound. Nodes are bounded by interval arithmetic, then by a relaxation of order one, and the
one with the largest bound is split next. The upper bound is the largest bound of all parts that are
not proven empty, so it is proven at any time, whatever the solvers did; the search ends when it is
within a relative gap of the best point.

No published method combines semidefinite bounds with branching on neurons; splitting on neurons
with weaker bounds is LipBaB (Bhowmick, D'Souza and Raghavan 2021, arXiv:2105.05495).
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from lipschitz_app import norms
from lipschitz_app.cuts import CutPrograms, CutRegion, is_empty, tighten
from lipschitz_app.encoding import PreActivations, pre_activations
from lipschitz_app.errors import NoBoundError, UnsupportedError
from lipschitz_app.first_order import lipschitz_model
from lipschitz_app.hidden import HiddenLayer
from lipschitz_app.regions import Ball, BallInBox, Box, Everywhere, Region
from lipschitz_app.rounding import FloatArray, Norm, affine_interval, dual, norm_upper
from lipschitz_app.upper.base import UpperBound
from lipschitz_app.upper.lowrank import scaled
from lipschitz_app.upper.warm_start import WarmStart
from polyopt.solvers.lowrank import LowRankOptions, solve_first_order

_LAST_MARGIN = 1e-9
"""Least margin of a point to be taken as a candidate."""


@dataclass(frozen=True, slots=True)
class _Node:
    """Signs that are decided, and what is known of the part of the region where they hold."""

    signs: FloatArray
    lower: FloatArray
    upper: FloatArray
    bound: float
    share: FloatArray = field(repr=False)
    warm: WarmStart | None = field(default=None, repr=False)


@dataclass(slots=True)
class _Search:
    """The problem, the open nodes, the best point, and counts."""

    hidden: HiddenLayer
    region: Region
    norm: Norm
    gap: float
    end: float
    say: Callable[[str], None]
    data: PreActivations | None = None
    heap: list[tuple[float, int, _Node]] = field(default_factory=list)
    settled: float = -math.inf
    value: float = -math.inf
    point: FloatArray | None = None
    nodes: int = 0
    empty: int = 0
    relaxations: int = 0

    @property
    def upper(self) -> float:
        """The proven bound at this moment."""
        return max(self.settled, -self.heap[0][0] if self.heap else -math.inf)

    @property
    def goal(self) -> float:
        """Bounds up to this need no further splitting."""
        return self.value * (1.0 + self.gap)

    def run(self) -> None:
        """Split until the gap is closed or time is up."""
        k = self.hidden.unstable
        root = _Node(np.zeros(k), self.hidden.lower, self.hidden.upper, math.inf, np.full(k, 0.5))
        self.add(root.signs, root)
        shown = time.perf_counter()
        while self.heap and -self.heap[0][0] > self.goal and time.perf_counter() < self.end:
            node = heapq.heappop(self.heap)[2]
            chosen = self.choose(node)
            try:
                for sign in (1.0, -1.0):
                    signs = node.signs.copy()
                    signs[chosen] = sign
                    self.add(signs, node)
            except KeyboardInterrupt:
                # The parts that were added are inside the node, which goes back whole.
                heapq.heappush(self.heap, (-node.bound, self.nodes, node))
                raise
            if time.perf_counter() - shown > 1.0:
                shown = time.perf_counter()
                self.say(
                    f"branch: {self.nodes} nodes, {len(self.heap)} open, {self.empty} empty, "
                    f"proven {self.upper:.6f}, best point {self.value:.6f}"
                )

    def add(self, signs: FloatArray, parent: _Node) -> None:
        """Bound a part of the region and keep it, unless it is empty or settled."""
        self.nodes += 1
        lower, upper = parent.lower, parent.upper
        if self.data is not None:
            found = self.explore(signs, lower, upper)
            if found is None:
                self.empty += 1
                return
            signs, lower, upper = found
        else:
            self.try_signs(np.where(signs != 0, signs, np.sign(parent.share - 0.5)))
        node = replace(parent, signs=signs, lower=lower, upper=upper)
        node = self.bounded(node)
        if node.bound <= self.goal or not (node.signs == 0).any():
            self.settled = max(self.settled, node.bound)
        else:
            heapq.heappush(self.heap, (-node.bound, self.nodes, node))

    def explore(
        self, signs: FloatArray, lower: FloatArray, upper: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray] | None:
        """Tighten the ranges until they decide no more signs; None where nothing is left."""
        assert self.data is not None
        ball = isinstance(self.region, Ball)
        while True:
            part = CutRegion(self.data, signs, ball)
            programs = CutPrograms(part)
            margin, inside, multipliers = programs.margin()
            if margin < 0 and is_empty(part, multipliers):
                return None
            if margin > _LAST_MARGIN:
                self.try_point(inside)
            lower, upper = tighten(part, lower, upper, programs)
            if (lower > upper).any():
                return None
            decided = np.where(lower >= 0, 1.0, np.where(upper <= 0, -1.0, signs))
            decided = np.where(signs != 0, signs, decided)
            if (decided == signs).all():
                return signs, lower, upper
            signs = decided

    def try_point(self, inside: FloatArray) -> None:
        """Take a point, in scaled inputs, as the best one if it is."""
        assert self.data is not None
        assert not isinstance(self.region, Everywhere)
        if isinstance(self.region, BallInBox):
            return  # the programs know nothing of the box
        if isinstance(self.region, Ball):
            inside = inside / max(1.0, float(np.linalg.norm(inside)) * (1 + 1e-12))
        value = self.value_of(self.data.rows @ inside + self.data.offsets > 0)
        if value > self.value:
            point = self.region.center + self.region.radius * inside
            if isinstance(self.region, Box):
                point = np.clip(point, self.region.inner_lower, self.region.inner_upper)
            self.value, self.point = value, point

    def round(self, signs: FloatArray) -> None:
        """Ask a linear program for a point with the signs that a relaxation leans to."""
        if self.data is not None:
            margin, inside, _ = CutPrograms(CutRegion(self.data, signs)).margin()
            if _LAST_MARGIN < margin < np.inf:
                self.try_point(inside)

    def try_signs(self, signs: FloatArray) -> None:
        """Over the whole space: solve for a point with these signs, if the rows allow it."""
        rows, biases = self.hidden.rows, self.hidden.biases
        scale = np.abs(rows).sum(axis=1) + np.abs(biases)
        point = np.linalg.lstsq(rows, np.where(signs > 0, 1.0, -1.0) * scale - biases, rcond=None)[
            0
        ]
        value = self.value_of(rows @ point + biases > 0)
        if value > self.value:
            self.value, self.point = value, point

    def value_of(self, active: np.ndarray) -> float:
        gradient = self.hidden.gradients(active.astype(np.float64))
        return float(norms.values(gradient, dual(self.norm)))

    def choose(self, node: _Node) -> int:
        """Return the neuron to split: large in the gradient and undecided in the relaxation."""
        influence = np.abs(self.hidden.weights) * norms.values(self.hidden.rows, dual(self.norm))
        doubt = 0.02 + np.minimum(node.share, 1.0 - node.share)
        return int(np.argmax(np.where(node.signs == 0, influence * doubt, -1.0)))

    def bounded(self, node: _Node) -> _Node:
        """Return the node with the best bound: of its parent, by intervals, by a relaxation."""
        part, decided = self.split(node)
        bound = min(node.bound, self.interval(part))
        node = replace(node, bound=bound)
        if bound <= self.goal or part.unstable == 0:
            return node
        if self.norm != "inf" or isinstance(self.region, Ball):
            return node
        return self.relaxed(node, part, decided)

    def split(self, node: _Node) -> tuple[HiddenLayer, HiddenLayer]:
        """Return the undecided neurons with the base that the decided ones give, and the latter."""
        hidden, signs = self.hidden, node.signs
        active, open_ = signs > 0, signs == 0
        base, errors = hidden.base, hidden.base_errors
        if active.any():
            weights, off = hidden.weights[active], hidden.weight_errors[active]
            low, high = affine_interval(
                hidden.rows[active].T, (base - errors, base + errors), weights - off, weights + off
            )
            base = low + (high - low) / 2
            errors = np.nextafter(np.maximum(high - base, base - low), np.inf)

        def take(mask: np.ndarray) -> HiddenLayer:
            return HiddenLayer(
                hidden.rows[mask],
                hidden.biases[mask],
                hidden.weights[mask],
                hidden.weight_errors[mask],
                base,
                errors,
                node.lower[mask],
                node.upper[mask],
                hidden.encoding,
                None if hidden.bias_errors is None else hidden.bias_errors[mask],
            )

        return take(open_), take(~open_)

    def interval(self, part: HiddenLayer) -> float:
        """Return the interval bound of what is left."""
        k = part.unstable
        weights = (part.weights - part.weight_errors, part.weights + part.weight_errors)
        low, high = affine_interval(
            part.rows.T,
            (part.base - part.base_errors, part.base + part.base_errors),
            np.minimum(weights[0], 0.0) if k else np.zeros(0),
            np.maximum(weights[1], 0.0) if k else np.zeros(0),
        )
        return norm_upper(np.maximum(np.abs(low), np.abs(high)), dual(self.norm))

    def relaxed(self, node: _Node, part: HiddenLayer, decided: HiddenLayer) -> _Node:
        """Return the node with the bound of a relaxation and what it thinks of each neuron."""
        self.relaxations += 1
        lipschitz = lipschitz_model(part, self.region, "mccormick", decided=decided)
        limit = self.end - time.perf_counter()
        options = LowRankOptions(
            relative_gap=max(1e-5, 0.2 * self.gap),
            rounds=16,
            target=float(np.ldexp(self.goal, -lipschitz.exponent)),
            time_limit=max(0.05, limit) if math.isfinite(limit) else None,
        )
        start = None if node.warm is None else node.warm.start(lipschitz, node.signs)
        result = solve_first_order(lipschitz.model, options, start=start)
        columns = result.state.columns
        share = node.share.copy()
        share[node.signs == 0] = 0.5 + 0.5 * columns[lipschitz.slopes] @ columns[0]
        bound = min(node.bound, scaled(result.bound, lipschitz.exponent))
        self.round(np.where(node.signs != 0, node.signs, np.where(share > 0.5, 1.0, -1.0)))
        warm = WarmStart(result.state, lipschitz, node.signs)
        return replace(node, bound=bound, share=np.clip(share, 0.0, 1.0), warm=warm)


def branch_bound(
    hidden: HiddenLayer,
    region: Region,
    norm: Norm,
    *,
    gap: float = 1e-3,
    start: FloatArray | None = None,
    time_limit: float | None = None,
    progress: Callable[[str], None] | None = None,
) -> UpperBound:
    """Return a proven bound within a relative gap of the constant, or the best one in the time.

    Parameters
    ----------
    hidden : HiddenLayer
        With at least one unstable neuron; relu.
    region : Box, Ball or Everywhere
        Over the whole space every pattern of signs is taken to occur.
    norm : "1", "2" or "inf"
        Relaxations bound the nodes in the norm "inf" on boxes; elsewhere intervals do.
    gap : float
        Relative gap at which to stop.
    start : array, shape (n,), optional
        A point of the region with a large gradient.
    time_limit : float, optional
        Seconds.
    progress : callable, optional
        Called with a line of text now and then.

    Returns
    -------
    UpperBound
        Of kind "proven", with the best point as its witness.

    Raises
    ------
    UnsupportedError
        For an activation other than relu.
    NoBoundError
        Interrupted before there was any bound.

    References
    ----------
    A. Bhowmick, M. D'Souza, G. S. Raghavan, LipBaB: computing exact Lipschitz constant of ReLU
    networks, ICANN 2021, arXiv:2105.05495.
    """
    if hidden.encoding.name != "relu":
        raise UnsupportedError(
            f"branch and bound is offered for relu, not for {hidden.encoding.name}"
        )
    begin = time.perf_counter()
    search = _Search(
        hidden,
        region,
        norm,
        gap,
        math.inf if time_limit is None else begin + time_limit,
        progress or (lambda text: None),
        None if isinstance(region, Everywhere) else pre_activations(hidden, region),
    )
    if start is not None:
        search.value = search.value_of(hidden.rows @ np.ravel(start) + hidden.biases > 0)
        search.point = np.ravel(start)
    interrupted = False
    try:
        search.run()
    except KeyboardInterrupt:
        interrupted = True
    if not math.isfinite(search.upper):
        raise NoBoundError("branch: interrupted before there was a bound")
    notes = [
        f"{search.nodes} nodes, {search.empty} of them empty, {search.relaxations} relaxations, "
        f"{len(search.heap)} open"
    ]
    if search.heap and search.upper > search.goal:
        notes.append("stopped early, by the time limit or an interrupt; the bound is proven")
    return UpperBound(
        search.upper,
        "proven",
        status="interrupted" if interrupted else "",
        timings={"branch": time.perf_counter() - begin},
        notes=tuple(notes),
        witness=search.point,
    )
