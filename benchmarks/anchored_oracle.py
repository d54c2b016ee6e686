"""Exact anchored constant of one affine-ReLU layer, up to a search over directions.

For a unit direction v and step t = 1/s the change is ``w_i(s) / s`` with
``w_i(s) = relu(s y0_i + a_i v) - s relu(y0_i)``, and ``w_i(s)**2`` is convex in s between the
breakpoints ``-a_i v / y0_i``: along a ray the ratio is largest at s = 1/eps, at a breakpoint beyond
it, or as s grows without bound.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize


def along_ray(A: np.ndarray, y0: np.ndarray, v: np.ndarray, eps: float) -> float:
    """Return the largest ratio over the points x0 + t v, 0 < t <= eps, for a unit vector v."""
    slope = A @ v
    with np.errstate(divide="ignore", invalid="ignore"):
        breaks = -slope / y0
    steps = breaks[np.isfinite(breaks) & (breaks > 1 / eps)]
    best = 0.0
    for s in (1 / eps, *steps):
        w = np.maximum(s * y0 + slope, 0.0) - s * np.maximum(y0, 0.0)
        best = max(best, float(np.linalg.norm(w)))
    limit = np.where(y0 > 0, slope, np.where(y0 == 0, np.maximum(slope, 0.0), 0.0))
    return max(best, float(np.linalg.norm(limit)))


def anchored_constant(
    A: np.ndarray, y0: np.ndarray, eps: float, rng: np.random.Generator, starts: int = 400
) -> float:
    """Return the anchored constant: many directions, the best ones polished."""
    n = A.shape[1]
    directions = rng.standard_normal((starts, n))
    directions = np.vstack([directions, np.eye(n), -np.eye(n), A, -A, np.linalg.svd(A)[2]])
    directions = directions[np.linalg.norm(directions, axis=1) > 0]
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    values = np.array([along_ray(A, y0, v, eps) for v in directions])
    best = float(values.max())
    for k in np.argsort(values)[-6:]:
        found = minimize(
            lambda v: -along_ray(A, y0, v / np.linalg.norm(v), eps),
            directions[k],
            method="Nelder-Mead",
            options={"xatol": 1e-11, "fatol": 1e-13, "maxiter": 1500},
        )
        best = max(best, -float(found.fun))
    return best


def instance(seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Return weights, pre-activations at the centre and radius of a small random layer."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(2, 5)), int(rng.integers(2, 7))
    return rng.standard_normal((m, n)), rng.standard_normal(m), float(rng.uniform(0.5, 3.0))
