r"""Limited-memory BFGS for a function of rows on unit spheres.

The factor is ``V_i = y_i / ‖y_i‖``, so the minimisation over Y is free and needs no retraction.
The length of ``y_i`` is a preconditioner: the gradient with respect to ``y_i`` is the tangential
gradient divided by ``‖y_i‖`` and a step of Y moves ``V_i`` by the step over ``‖y_i‖``. Lengths
``√d_i`` with ``d_i`` the diagonal multiplier act as the diagonal scaling ``1/d_i``.

Rows with ``‖V_i‖ ≤ 1`` get one private coordinate that takes the missing length: the inequality
becomes a sphere (the last column, zero in all other rows).

J. Nocedal and S. Wright, *Numerical Optimization*, 2nd ed., algorithms 7.4 and 7.5.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from polyopt.solvers.lowrank.operators import Floats

Objective = Callable[[Floats], tuple[float, Floats]]
"""Value and Euclidean gradient at a factor with unit rows."""


@dataclass(frozen=True, slots=True)
class InnerResult:
    """Where the inner minimisation ended.

    Attributes
    ----------
    factor : (m, r) array with unit rows
    value : float
    gradient_norm : float
        Frobenius norm of the preconditioned tangential gradient.
    iterations : int
    """

    factor: Floats
    value: float
    gradient_norm: float
    iterations: int


def normalise_rows(factor: Floats) -> Floats:
    """Return the rows divided by their lengths; a zero row becomes the first unit vector."""
    lengths = np.sqrt(np.einsum("ir,ir->i", factor, factor))
    out = factor / np.where(lengths > 0, lengths, 1.0)[:, None]
    out[lengths == 0, 0] = 1.0
    return out


def minimise_on_spheres(
    objective: Objective,
    start: Floats,
    *,
    lengths: Floats | None = None,
    memory: int = 12,
    max_iterations: int = 500,
    tolerance: float = 1e-6,
    stop: Callable[[], bool] | None = None,
) -> InnerResult:
    """Minimise a smooth function over factors with unit rows.

    Parameters
    ----------
    objective : callable
        Takes a factor with unit rows, returns the value and the Euclidean gradient.
    start : (m, r) array
        Unit rows.
    lengths : (m,) array, optional
        Lengths of the rows of Y (the preconditioner).
    memory : int
        Number of correction pairs.
    max_iterations : int
    tolerance : float
        Stop when the preconditioned tangential gradient has at most this norm.
    stop : callable, optional
        Asked at every iteration; True ends the run.

    Returns
    -------
    InnerResult
        The last accepted factor.
    """
    scale = np.ones(len(start)) if lengths is None else lengths
    y = start * scale[:, None]
    pairs: deque[tuple[Floats, Floats, float]] = deque(maxlen=memory)

    def evaluate(point: Floats) -> tuple[float, Floats, Floats]:
        size = np.sqrt(np.einsum("ir,ir->i", point, point))
        unit = point / size[:, None]
        value, gradient = objective(unit)
        gradient = gradient - np.einsum("ir,ir->i", gradient, unit)[:, None] * unit
        return value, gradient / size[:, None], unit

    value, gradient, unit = evaluate(y)
    norm = float(np.linalg.norm(gradient))
    iteration = 0
    while iteration < max_iterations and norm > tolerance and not (stop is not None and stop()):
        direction = _two_loops(gradient, pairs)
        slope = float(np.vdot(direction, gradient))
        if slope > -1e-12 * norm * norm:
            pairs.clear()
            direction, slope = -gradient, -norm * norm
        step = 1.0 if pairs else min(1.0, 0.1 * float(np.linalg.norm(y)) / norm)
        accepted = False
        for _ in range(25):
            trial = y + step * direction
            new_value, new_gradient, new_unit = evaluate(trial)
            change = new_value - value
            noise = 50 * np.finfo(y.dtype).eps * abs(value)
            if change <= 1e-4 * step * slope + noise:
                accepted = True
                break
            curved = 2.0 * (change - step * slope)
            step *= min(0.5, max(0.1, -step * slope / curved)) if curved > 0 else 0.5
        if not accepted:
            if not pairs:
                break
            pairs.clear()
            continue
        s, q = trial - y, new_gradient - gradient
        inner = float(np.vdot(s, q))
        if inner > 1e-10 * float(np.linalg.norm(s)) * float(np.linalg.norm(q)):
            pairs.append((s, q, 1.0 / inner))
        y, value, gradient, unit = trial, new_value, new_gradient, new_unit
        norm = float(np.linalg.norm(gradient))
        iteration += 1
    return InnerResult(unit, value, norm, iteration)


def _two_loops(gradient: Floats, pairs: deque[tuple[Floats, Floats, float]]) -> Floats:
    """Return minus the inverse Hessian approximation times the gradient."""
    direction = -gradient
    weights: list[float] = []
    for s, q, inverse in reversed(pairs):
        weight = inverse * float(np.vdot(s, direction))
        direction -= weight * q
        weights.append(weight)
    if pairs:
        s, q, inverse = pairs[-1]
        direction *= 1.0 / (inverse * float(np.vdot(q, q)))
    for (s, q, inverse), weight in zip(pairs, reversed(weights), strict=True):
        direction += (weight - inverse * float(np.vdot(q, direction))) * s
    return direction
