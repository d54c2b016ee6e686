r"""Lower bounds of the anchored constant: points of the ball with a large ratio.

A step of ascent replaces the direction v by :math:`J^T (f(x) - f(x_0))`, J the Jacobian at x: for a
linear map that is the power iteration, in general the gradient of the squared ratio up to a
multiple of v. Lengths are redrawn as well, since the ratio has kinks along rays. All starts move
at once; a move is kept where the ratio grows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from lipschitz_app.affine_relu.arguments import (
    check_count,
    checked_point,
    checked_radius,
    checked_rng,
)
from lipschitz_app.affine_relu.stages import Stage, StageLike, as_stages
from lipschitz_app.operators import MaxPooling
from lipschitz_app.rounding import FloatArray, down, norm_lower, norm_upper, up

if TYPE_CHECKING:
    from lipschitz_app.network import Network

_SHORTEST = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class AnchoredLowerBound:
    """A proven lower bound of the anchored constant.

    Attributes
    ----------
    value : float
        Ratio at the witness, rounded downwards.
    witness : array, shape (n,)
        A point of the ball; the centre where no point gives more than zero.
    kind : str
        "proven".
    """

    value: float
    witness: FloatArray
    kind: str = "proven"


def anchored_lower_bound(
    net: Network | Iterable[StageLike],
    center: ArrayLike,
    radius: float,
    *,
    starts: int = 64,
    steps: int = 60,
    rng: int | np.random.Generator = 0,
) -> AnchoredLowerBound:
    """Search a ball for the point with the largest ratio ``||f(x) - f(x0)|| / ||x - x0||``.

    Parameters
    ----------
    net : Network, or sequence of (operator, relu) pairs
    center : array, in the input's shape or flat
    radius : float
        Of the Euclidean ball.
    starts, steps : int
        Directions followed at once, and moves tried for each.
    rng : int or Generator

    Examples
    --------
    >>> from lipschitz_app.operators import DenseOperator
    >>> found = anchored_lower_bound([(DenseOperator([[1.0]]), True)], [-1.0], 2.0)
    >>> round(found.value, 6), found.witness.round(6).tolist()
    (0.5, [1.0])
    """
    stages = as_stages(net)
    check_count(starts, "starts", 1)
    check_count(steps, "steps", 0)
    random = checked_rng(rng)
    point = checked_point(center, stages[0].operator.input_shape, "center")
    size = checked_radius(radius)
    zero = AnchoredLowerBound(0.0, point)
    if size == 0:
        return zero
    origin = _values(stages, point[None])[-1]
    v = _unit(random.standard_normal((starts, point.size)))
    t = np.full(starts, size)
    t[1::2] *= _SHORTEST ** random.random(starts // 2)
    ratio, pull = _ratio_and_pull(stages, point, origin, v, t)
    for step in range(steps):
        share = (1.0, 0.5, 0.1)[step % 3]
        new_v = _unit((1 - share) * v + share * _unit(pull))
        factor = _SHORTEST ** random.random(starts)
        wiggle = np.exp(0.2 * random.standard_normal(starts))
        new_t = np.choose(step % 4, [t, t * wiggle, np.full(starts, size), size * factor])
        new_t = np.clip(new_t, _SHORTEST * size, size)
        new_ratio, new_pull = _ratio_and_pull(stages, point, origin, new_v, new_t)
        better = new_ratio > ratio
        v = np.where(better[:, None], new_v, v)
        pull = np.where(better[:, None], new_pull, pull)
        t, ratio = np.where(better, new_t, t), np.where(better, new_ratio, ratio)
    best = zero
    for k in np.argsort(-ratio, kind="stable")[:8]:
        witness = point + (1 - 1e-12) * t[k] * v[k]
        value = _proven_ratio(stages, point, witness, size)
        if value > best.value:
            best = AnchoredLowerBound(value, witness)
    return best


def _unit(vectors: FloatArray) -> FloatArray:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norms > 0, norms, 1.0))


def _values(stages: tuple[Stage, ...], points: FloatArray) -> list[FloatArray]:
    """Return the values before each stage and after the last, each (k, size)."""
    values = [points]
    for stage in stages:
        image = stage.operator(values[-1])
        values.append(np.maximum(image, 0.0) if stage.relu else image)
    return values


def _ratio_and_pull(
    stages: tuple[Stage, ...],
    point: FloatArray,
    origin: FloatArray,
    v: FloatArray,
    t: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    values = _values(stages, point + t[:, None] * v)
    change = values[-1] - origin
    cotangent = change
    for k in range(len(stages) - 1, -1, -1):
        operator = stages[k].operator
        if isinstance(operator, MaxPooling):
            cotangent = operator.pullback(values[k], cotangent[:, None])[:, 0]
            continue
        if stages[k].relu:
            cotangent = cotangent * (values[k + 1] > 0)
        cotangent = operator.adjoint(cotangent)
    return np.linalg.norm(change, axis=1) / t, cotangent


def _proven_ratio(
    stages: tuple[Stage, ...], point: FloatArray, witness: FloatArray, radius: float
) -> float:
    """Return a lower bound of the ratio at a point, zero if it may lie outside the ball."""
    # Each coordinate's difference carries one rounding.
    step = up(np.abs(witness - point))
    length = norm_upper(step, "2")
    if not 0 < length <= radius:
        return 0.0
    ends = []
    for x in (point, witness):
        value, error = x, np.zeros(x.size)
        for stage in stages:
            if isinstance(stage.operator, MaxPooling):
                value, error = stage.operator(value), stage.operator(error)
                continue
            value, error = stage.operator.evaluate_with_error(value, error)
            value = np.maximum(value, 0.0) if stage.relu else value
        ends.append((value, error))
    (a, da), (b, db) = ends
    least = down(np.abs(a - b)) - up(up(da + db))
    change = norm_lower(np.maximum(0.0, down(least)), "2")
    return max(0.0, float(down(change / length)))
