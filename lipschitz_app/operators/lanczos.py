r"""Golub-Kahan-Lanczos bidiagonalisation: the largest singular value from BELOW, and a guess above.

The value ``lower`` is the Rayleigh quotient of an explicit vector and so a lower bound. The value
``guess`` adds what the residual suggests is missing; nothing proves it: it only tells a proof where
to try first (G. H. Golub, W. Kahan, SIAM J. Numer. Anal. 2 (1965) 205-224).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipschitz_app.operators.base import AffineOperator
from lipschitz_app.rounding import FloatArray


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimate of a largest singular value.

    Attributes
    ----------
    lower : float
        ``||A v|| / ||v||`` of an explicit vector, a lower bound up to rounding.
    guess : float
        Probably not below the norm; not proven.
    """

    lower: float
    guess: float


def largest_singular_value(
    operator: AffineOperator, *, rtol: float = 1e-7, memory: float = 4e8, steps: int = 200
) -> Estimate:
    """Estimate the spectral norm of an operator by products alone.

    Parameters
    ----------
    operator : AffineOperator
    rtol : float
        Relative error of the singular value at which the iteration stops.
    memory : float
        Bytes for the stored directions; they bound the number of steps.
    steps : int
        Most steps.

    Examples
    --------
    >>> import numpy as np
    >>> from lipschitz_app.operators import DenseOperator
    >>> found = largest_singular_value(DenseOperator(np.diag([3.0, 2.0, 1.0])))
    >>> bool(abs(found.lower - 3) < 1e-6)
    True
    """
    return _iterate(operator, rtol, memory, steps)[0]


def ritz_vectors(
    operator: AffineOperator, *, rtol: float = 1e-7, memory: float = 4e8, steps: int = 200
) -> tuple[Estimate, FloatArray, FloatArray]:
    """Return the estimate with the singular values, descending, and right vectors it ends with.

    Returns
    -------
    estimate : Estimate
    values : array, shape (k,)
    vectors : array, shape (k, input_size)
        Rows are orthonormal; only the first are close to singular vectors.
    """
    best, diagonal, upper, basis = _iterate(operator, rtol, memory, steps)
    _, values, right = np.linalg.svd(np.diag(diagonal) + np.diag(upper, 1))
    return best, values, right @ basis[: len(diagonal)]


def _iterate(
    operator: AffineOperator, rtol: float, memory: float, steps: int
) -> tuple[Estimate, list[float], list[float], FloatArray]:
    n = operator.input_size
    most = int(max(12, min(steps, memory / (8 * n), n, operator.output_size)))
    start = np.random.default_rng(0).standard_normal(n)
    # The start lies in the row space, so that dropped columns take no part.
    start = operator.adjoint(operator.apply(start))
    size = float(np.linalg.norm(start))
    if size == 0.0 or not np.isfinite(size):
        return Estimate(0.0, 0.0), [0.0], [], np.zeros((1, n))
    basis = np.empty((most + 1, n))
    basis[0] = start / size
    diagonal: list[float] = []
    upper: list[float] = []
    left: FloatArray = np.zeros(operator.output_size)
    best = Estimate(0.0, 0.0)
    for k in range(most):
        left = operator.apply(basis[k]) - (upper[-1] * left if upper else 0.0)
        alpha = float(np.linalg.norm(left))
        diagonal.append(alpha)
        if alpha > 0:
            left = left / alpha
        direction = operator.adjoint(left) - alpha * basis[k]
        for _ in range(2):
            direction -= basis[: k + 1].T @ (basis[: k + 1] @ direction)
        beta = float(np.linalg.norm(direction))
        last = k + 1 == most or beta <= 1e-14 * max(diagonal)
        if last or k % 4 == 3:
            best = _ritz(diagonal, upper, beta)
            if last or best.guess - best.lower <= rtol * best.lower:
                break
        upper.append(beta)
        basis[k + 1] = direction / beta
    return best, diagonal, upper, basis


def _ritz(diagonal: list[float], upper: list[float], beta: float) -> Estimate:
    """Return the estimate from the bidiagonal matrix and the next off-diagonal entry."""
    small = np.diag(diagonal) + np.diag(upper, 1)
    left, values, _ = np.linalg.svd(small)
    residual = abs(beta * left[-1, 0])
    second = values[1] if len(values) > 1 else 0.0
    # Quadratic error bound of a Ritz value, in the square, if the gap below it is the true one.
    gap = max(values[0] ** 2 - second**2, 1e-300)
    missing = min(residual * values[0], 2 * (residual * values[0]) ** 2 / gap)
    return Estimate(float(values[0]), float(np.sqrt(values[0] ** 2 + missing)))
