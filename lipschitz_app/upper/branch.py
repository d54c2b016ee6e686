r"""Branch and bound on the unstable neurons of a network of any depth.

Other piecewise linear activations are written with relu (:mod:`lipschitz_app.relu_form`).

A node is a part of the region where some neurons have decided signs. Linear programs tighten the
ranges there (:mod:`lipschitz_app.branching`), which decides more neurons or shows the part to be
empty, and give points inside, which are candidates for the lower bound. Nodes are bounded by
interval arithmetic, then by a relaxation of order one (:mod:`lipschitz_app.deep.tangent`) that
knows the ranges of the decided neurons; the one with the largest bound is split next. The upper
bound is the largest bound of all parts that are not proven empty, so it is proven at any time,
whatever the solvers did; the search ends when it is within a relative gap of the best point.

Splitting on neurons with interval bounds is LipBaB (Bhowmick, D'Souza and Raghavan 2021); here the
bounding step is a semidefinite relaxation, which needs far fewer nodes.

References
----------
A. Bhowmick, M. D'Souza, G. S. Raghavan, LipBaB: computing exact Lipschitz constant of ReLU
networks, ICANN 2021, arXiv:2105.05495.
"""

from __future__ import annotations

import heapq
import math
import time
from dataclasses import dataclass, field, replace

import numpy as np

from lipschitz_app import norms
from lipschitz_app.branching.parts import Explorer, Part
from lipschitz_app.chain import ChainLayer
from lipschitz_app.deep.presolve import DeepNetwork, presolve_deep
from lipschitz_app.deep.tangent import Level, tangent_model
from lipschitz_app.errors import NoBoundError
from lipschitz_app.ranges.interval import LayerRange
from lipschitz_app.regions import Ball, BallInBox, Box, Everywhere
from lipschitz_app.rounding import FloatArray, dual
from lipschitz_app.upper.base import UpperBound
from lipschitz_app.upper.interval import interval_bound
from lipschitz_app.upper.lowrank import scaled
from lipschitz_app.upper.task import Task
from polyopt.solvers.lowrank import LowRankOptions, solve_first_order

_PAIRS = 400_000
"""Most constraints on pairs in a relaxation; above, they are left out."""


@dataclass(frozen=True, slots=True, eq=False)
class _Node:
    """A part, its proven bound, and what a relaxation thinks of each neuron's derivative."""

    part: Part
    bound: float
    shares: tuple[FloatArray, ...] = field(repr=False)


class _Search:
    """The problem, the open nodes, the best point, and counts."""

    def __init__(self, task: Task, layers: tuple[ChainLayer, ...], start: FloatArray | None):
        self.task, self.whole = task, layers
        self.layers = layers[:-1]
        self.explorer = None
        if not isinstance(task.region, Everywhere):
            self.explorer = Explorer(self.layers, task.region)
        self.heap: list[tuple[float, int, _Node]] = []
        self.settled = self.value = -math.inf
        self.point: FloatArray | None = None
        self.nodes = self.empty = self.relaxations = 0
        if start is not None:
            self.try_point(start)

    @property
    def upper(self) -> float:
        """The proven bound at this moment; infinite before the first node is bounded."""
        found = max(self.settled, -self.heap[0][0] if self.heap else -math.inf)
        return found if math.isfinite(found) else math.inf

    @property
    def goal(self) -> float:
        """Bounds up to this need no further splitting."""
        return self.value * (1.0 + self.task.gap)

    def run(self, known: float) -> None:
        """Split until the gap is closed or time is up, from a proven bound on."""
        shapes = [layer.bias.size for layer in self.layers]
        signs = tuple(np.zeros(size) for size in shapes)
        root = _Node(
            Part(signs, tuple(self.task.ranges)),
            known,
            tuple(np.full(size, 0.5) for size in shapes),
        )
        self.add(signs, root)
        shown = time.perf_counter()
        while self.heap and -self.heap[0][0] > self.goal:
            if time.perf_counter() > self.task.end:
                break
            node = heapq.heappop(self.heap)[2]
            layer, neuron = self.choose(node)
            try:
                for sign in (1.0, -1.0):
                    self.add(node.part.decide(layer, neuron, sign), node)
            except KeyboardInterrupt:
                # The parts that were added are inside the node, which goes back whole.
                self.nodes += 1
                heapq.heappush(self.heap, (-node.bound, self.nodes, node))
                raise
            if time.perf_counter() - shown > 1.0:
                shown = time.perf_counter()
                self.task.say(
                    f"branch: {self.nodes} nodes, {len(self.heap)} open, {self.empty} empty, "
                    f"proven {self.upper:.6f}, best point {self.value:.6f}"
                )

    def add(self, signs: tuple[FloatArray, ...], parent: _Node) -> None:
        """Bound a part of the region and keep it, unless it is empty or settled."""
        self.nodes += 1
        part = self.explored(signs, parent.part.ranges)
        if part is None:
            self.empty += 1
            return
        node = self.bounded(replace(parent, part=part))
        if node.bound <= self.goal or not any(mask.any() for mask in self.candidates(node)):
            self.settled = max(self.settled, node.bound)
        else:
            heapq.heappush(self.heap, (-node.bound, self.nodes, node))

    def explored(
        self, signs: tuple[FloatArray, ...], ranges: tuple[LayerRange, ...]
    ) -> Part | None:
        """Return the part with its ranges, None where it is empty."""
        if self.explorer is not None:
            part, points = self.explorer.explore(signs, ranges)
            for point in points:
                self.try_point(point)
            return part
        # Over the whole space only the derivatives are decided.
        found = []
        for known, sign in zip(ranges, signs, strict=True):
            flat = np.where(sign > 0, 1.0, known.slope_lower)
            steep = np.where(sign < 0, 0.0, known.slope_upper)
            found.append(LayerRange(known.lower, known.upper, flat, steep))
        return Part(signs, tuple(found))

    def try_point(self, point: FloatArray) -> None:
        """Take a point as the best one if it is; points that rounding put outside are moved."""
        point, region = np.array(point, dtype=np.float64).reshape(-1), self.task.region
        if isinstance(region, Box):
            point = np.clip(point, region.inner_lower, region.inner_upper)
        elif isinstance(region, Ball):
            step = point - region.center
            length = float(np.linalg.norm(step)) * (1 + 1e-12)
            point = region.center + step * min(1.0, region.radius / max(length, 1e-300))
            if isinstance(region, BallInBox):
                low, high = region.box.inner_lower, region.box.inner_upper
                if not ((point >= low) & (point <= high)).all():
                    return
        jacobian = self.task.net.jacobian(point)
        gradient = self.task.output.weights @ jacobian
        value = float(norms.values(gradient, dual(self.task.norm)))
        if value > self.value:
            self.value, self.point = value, point

    def candidates(self, node: _Node) -> list[np.ndarray]:
        """Return masks of the neurons that can be split."""
        pairs = zip(node.part.unstable, self.layers, strict=True)
        return [unstable & ~layer.passes for unstable, layer in pairs]

    def choose(self, node: _Node) -> tuple[int, int]:
        """Return the neuron to split: large in the gradient and undecided in the relaxation."""
        best, chosen = -1.0, (0, 0)
        influences = self.influences(node)
        for number, mask in enumerate(self.candidates(node)):
            doubt = 0.02 + np.minimum(node.shares[number], 1.0 - node.shares[number])
            score = np.where(mask, influences[number] * doubt, -1.0)
            neuron = int(np.argmax(score))
            if score[neuron] > best:
                best, chosen = float(score[neuron]), (number, neuron)
        return chosen

    def influences(self, node: _Node) -> list[FloatArray]:
        """Return how much each neuron's derivative can matter: sizes forwards times backwards."""
        forwards, masks = [], []
        size = np.eye(self.layers[0].weight.shape[1])
        for layer, reach in zip(self.layers, node.part.ranges, strict=True):
            moved = layer.weight @ size
            forwards.append(norms.values(moved, dual(self.task.norm)))
            mask = np.maximum(np.abs(reach.slope_lower), np.abs(reach.slope_upper))
            masks.append(mask)
            size = mask[:, None] * moved
        back = np.abs(self.task.output.weights @ self.whole[-1].weight)
        found: list[FloatArray] = []
        for layer, forward, mask in zip(
            reversed(self.layers), reversed(forwards), reversed(masks), strict=True
        ):
            found.append(forward * back)
            back = (back * mask) @ np.abs(layer.weight)
        return found[::-1]

    def bounded(self, node: _Node) -> _Node:
        """Return the node with the best bound: of its parent, by intervals, by a relaxation."""
        task, ranges = self.task, node.part.ranges
        plain = interval_bound(self.whole, ranges, task.output, task.norm).value
        node = replace(node, bound=min(node.bound, plain))
        if node.bound <= self.goal:
            return node
        decided = None
        if self.explorer is not None:
            decided = [signs != 0 for signs in node.part.signs]
        net = presolve_deep(self.whole, ranges, task.output, decided)
        return self.relaxed(node, net) if sum(net.unstable) else node

    def relaxed(self, node: _Node, net: DeepNetwork) -> _Node:
        """Return the node with the bound of a relaxation and what it thinks of each neuron."""
        self.relaxations += 1
        task = self.task
        total = sum(net.unstable)
        pairs = 18 * (total - net.unstable[-1]) * total + 4 * net.inputs.size * net.unstable[0]
        level: Level = "mccormick" if pairs <= _PAIRS else "hr2"
        model = tangent_model(net, task.region, task.norm, level)
        # Far from the goal a rough bound serves as well: the node will be split anyway.
        distance = min(node.bound, self.upper) / self.value - 1.0 if self.value > 0 else 1.0
        options = LowRankOptions(
            relative_gap=max(1e-5, 0.2 * task.gap, 0.1 * min(distance, 0.2)),
            rounds=16,
            patience=5,
            target=float(np.ldexp(self.goal, -model.exponent)),
            time_limit=task.remaining,
        )
        result = solve_first_order(model.model, options)
        columns = result.state.columns
        shares = [share.copy() for share in node.shares]
        for share, kept, layer, neurons in zip(
            shares, net.kept, net.layers, model.neurons, strict=True
        ):
            found = 0.5 + 0.5 * columns[neurons.slopes] @ columns[0]
            share[kept[layer.unstable]] = np.clip(found, 0.0, 1.0)
        self.round(node, columns, model.inputs, net.inputs)
        bound = min(node.bound, scaled(result.bound, model.exponent))
        return replace(node, bound=bound, shares=tuple(shares))

    def round(self, node: _Node, columns: FloatArray, rows: np.ndarray, inputs: np.ndarray) -> None:
        """Try the point that the relaxation's moments of the inputs say."""
        region = self.task.region
        if isinstance(region, Everywhere) or not rows.size:
            return
        point = np.array(region.center)
        radius = np.broadcast_to(region.radius, point.shape)[inputs]
        point[inputs] += radius * np.clip(columns[rows] @ columns[0], -1.0, 1.0)
        self.try_point(point)


def branch_bound(task: Task, start: FloatArray | None = None) -> UpperBound:
    """Return a proven bound within a relative gap of the constant, or the best one in the time.

    Parameters
    ----------
    task : Task
        Piecewise linear activations; any depth, norm and region. Over the whole space every
        pattern of signs is taken to occur.
    start : array, optional
        A point of the region with a large gradient.

    Returns
    -------
    UpperBound
        Of kind "proven", with the best point as its witness.

    Raises
    ------
    UnsupportedError
        An activation is not piecewise linear.
    NoBoundError
        Interrupted before there was any bound.
    """
    begin = time.perf_counter()
    known = interval_bound(task.net, task.ranges, task.output, task.norm).value
    task, about = task.with_relu()
    assert task.layers is not None
    search = _Search(task, task.layers, start)
    interrupted = False
    try:
        search.run(known)
    except KeyboardInterrupt:
        interrupted = True
    if not math.isfinite(search.upper):
        raise NoBoundError("branch: interrupted before there was a bound")
    notes = [
        f"{search.nodes} nodes, {search.empty} of them empty, {search.relaxations} relaxations, "
        f"{len(search.heap)} open",
        *about,
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
