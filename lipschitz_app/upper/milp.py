r"""The exact constant by mixed-integer linear programming (HiGHS), at any depth.

The program maximises over the points of a box and the patterns that occur there, those on kinks
included: where two branches cancel, ``relu(x) - relu(-x) = x``, its value is above the constant.
What is returned is the solver's *dual bound*. It comes from branch and bound in floating point with
feasibility tolerances, so it is not proven.

References
----------
M. Jordan, A. G. Dimakis, Exactly computing the local Lipschitz constant of ReLU networks, NeurIPS
2020, arXiv:2003.01219.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lipschitz_app import norms
from lipschitz_app.chain import ChainLayer
from lipschitz_app.errors import NoBoundError, UnsupportedError
from lipschitz_app.ranges.interval import LayerRange
from lipschitz_app.regions import Box
from lipschitz_app.rounding import FloatArray, dual
from lipschitz_app.upper.base import Kind, UpperBound
from lipschitz_app.upper.milp_model import MilpModel, milp_model
from lipschitz_app.upper.task import Task

GAP = 1e-7
"""Relative gap between dual bound and best point at which the solver stops."""


@dataclass(frozen=True, slots=True)
class _Answer:
    bound: float
    value: float
    vector: FloatArray | None
    optimal: bool
    nodes: int


def milp_bound(task: Task) -> UpperBound:
    """Return the dual bound of the program.

    Returns
    -------
    UpperBound
        Of kind "exact" where the solver closed the gap and the network's gradient at the point
        found has that norm, so that no pattern on kinks made it; else "numerical".

    Raises
    ------
    UnsupportedError
        The norm is 2, the region no box, or an activation not piecewise linear.
    NoBoundError
        The solver had no bound within the time.
    """
    if task.norm == "2":
        raise UnsupportedError(
            'the mixed-integer program is linear in the norms 1 and "inf" only; in the norm 2 use '
            '"exact" for one hidden layer with few unstable neurons, or "lipsdp"'
        )
    region = task.region
    if not isinstance(region, Box):
        raise UnsupportedError(
            f"the mixed-integer program needs a Box, not {region!r}; over other regions use "
            '"exact" for one hidden layer with few unstable neurons, or "interval"'
        )
    task, about = task.with_relu()
    assert task.layers is not None
    (*hidden, last), ranges = task.layers, task.ranges
    row = task.output.weights @ last.weight
    begin = time.perf_counter()

    program = milp_model(hidden, ranges, row, region)
    answers = [_sum(task, program)] if task.norm == "inf" else _entries(task, program)
    best = max(answers, key=lambda answer: answer.bound)
    found = max(answers, key=lambda answer: answer.value)
    closed = all(answer.optimal for answer in answers)
    kind: Kind = "exact" if closed else "numerical"
    notes = [
        f"mixed-integer program, {sum(answer.nodes for answer in answers)} nodes, floating point: "
        f"dual bound {best.bound:.9g}, best point {found.value:.9g}",
        *about,
    ]
    if not closed:
        notes.append("stopped by the time limit; the dual bound is the solver's word")
    point, reached = None, -np.inf
    if found.vector is not None:
        point = _inside(hidden, ranges, program, found.vector, region)
        gradient = task.output.weights @ task.net.jacobian(point)
        reached = float(norms.values(gradient, dual(task.norm)))
    if closed and reached < best.bound * (1 - 1e-6) - 1e-9:
        kind = "numerical"
        notes.append(
            f"the pattern found occurs on kinks only: the gradient there has the norm {reached:.9g}"
        )
    return UpperBound(
        max(0.0, best.bound),
        kind,
        status="optimal" if closed else "time limit",
        timings={"branch and bound": time.perf_counter() - begin},
        notes=tuple(notes),
        witness=point,
    )


def _inside(
    layers: Sequence[ChainLayer],
    ranges: Sequence[LayerRange],
    model: MilpModel,
    vector: FloatArray,
    region: Box,
) -> FloatArray:
    """Move the solver's point, which lies on kinks, into the cell of its pattern."""
    # scipy.optimize takes a tenth of a second to import.
    from scipy.optimize import linprog

    point = np.clip(vector[model.inputs], region.inner_lower, region.inner_upper)
    matrix, offset = np.eye(point.size), np.zeros(point.size)
    rows, sides = [], []
    for layer, bounds, switch in zip(layers, ranges, model.switches, strict=True):
        matrix, offset = layer.weight @ matrix, layer.weight @ offset + layer.bias
        moving = switch >= 0
        slope = np.where(moving, vector[switch].round(), bounds.slope_lower)
        sign = 2 * slope[moving] - 1
        size = np.abs(matrix[moving]).sum(axis=1) + 1e-300
        rows.append(np.column_stack([-sign[:, None] * matrix[moving] / size[:, None], sign * sign]))
        sides.append(sign * offset[moving] / size)
        matrix, offset = slope[:, None] * matrix, slope * offset
    found = linprog(
        np.append(np.zeros(point.size), -1.0),
        A_ub=np.vstack(rows),
        b_ub=np.concatenate(sides),
        bounds=[*zip(region.inner_lower, region.inner_upper, strict=True), (None, 1.0)],
    )
    if found.status != 0:
        return np.asarray(point)
    # The program's tolerance must not carry a witness out of the region.
    return np.asarray(np.clip(found.x[:-1], region.inner_lower, region.inner_upper))


def _sum(task: Task, model: MilpModel) -> _Answer:
    terms = model.magnitudes()
    objective = np.zeros(len(model.lower))
    for column, coefficient in terms:
        objective[column] += coefficient
    return _solve(task, model, objective)


def _entries(task: Task, model: MilpModel) -> list[_Answer]:
    """Maximise the entries in the order of their bounds, until none of the others can win."""
    caps = np.stack([model.slopes[:, 1], -model.slopes[:, 0]], axis=1)
    found: list[_Answer] = []
    for index in np.argsort(-caps, axis=None, kind="stable"):
        entry, side = (int(i) for i in np.unravel_index(index, caps.shape))
        if found and caps[entry, side] <= max(answer.bound for answer in found):
            break
        objective = np.zeros(len(model.lower))
        objective[model.derivatives[entry]] = 1.0 if side == 0 else -1.0
        found.append(_solve(task, model, objective))
    return found


def _solve(task: Task, model: MilpModel, objective: FloatArray) -> _Answer:
    # scipy.optimize takes a tenth of a second to import.
    from scipy.optimize import Bounds, LinearConstraint, milp

    matrix, low, high = model.matrix()
    options: dict[str, float] = {"mip_rel_gap": GAP}
    if task.remaining is not None:
        options["time_limit"] = task.remaining
    result = milp(
        -objective,
        integrality=np.array(model.integral),
        bounds=Bounds(np.array(model.lower), np.array(model.upper)),
        constraints=LinearConstraint(matrix, low, high),
        options=options,
    )
    bound = result.mip_dual_bound
    if result.status == 0 and not any(model.integral):
        # A linear program: the solver's optimum is its dual bound.
        bound = result.fun
    if bound is None or not np.isfinite(bound):
        raise NoBoundError(
            f"the mixed-integer program with {sum(model.integral)} binary variables has no bound: "
            f'{result.message} Give it more time_limit, or use "interval"'
        )
    value = -float(result.fun) if result.fun is not None else 0.0
    vector = None if result.x is None else np.asarray(result.x)
    task.say(f"milp: dual bound {-bound:.6f}, best {value:.6f}")
    nodes = int(result.mip_node_count or 0)
    return _Answer(max(-float(bound), value), value, vector, result.status == 0, nodes)
