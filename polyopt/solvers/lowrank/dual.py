r"""The proven bound of a first-order model from multipliers.

For any ``μ`` (nonnegative on inequalities) and any ``d`` (nonnegative on rows with ``X_ii ≤ 1``),
every feasible X satisfies, with ``C(μ) = C + Σ μ_k A_k`` and ``S = Diag(d) − C(μ)``,

    ``⟨C, X⟩ ≤ ⟨C(μ), X⟩ = Σ d_i X_ii − ⟨S, X⟩ ≤ Σ d_i + m · max(0, −λ_min(S))``,

because ``0 ≤ X_ii ≤ 1``. Nothing is asked of μ and d beyond their signs: a bad optimiser makes the
bound weak, never wrong. Three roundings are covered: the assembly of ``C(μ)`` (its row sums e enter
as ``d + e``: ``Diag(e) − E`` is diagonally dominant), the smallest eigenvalue
(:mod:`polyopt.solvers.lowrank.eigenvalue`) and the sum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.linalg as sl

from polyopt.errors import ProofError
from polyopt.solvers.lowrank.eigenvalue import cholesky_factor, factor_lower_bound
from polyopt.solvers.lowrank.model import FirstOrderModel
from polyopt.solvers.lowrank.operators import Floats


@dataclass(frozen=True, slots=True)
class DualBound:
    """A proven upper bound with everything needed to check it again.

    Attributes
    ----------
    bound : float
        No feasible X of the model has a larger value.
    diagonal : (m,) array
        ``d``.
    multipliers : tuple of arrays
        ``μ``, one array per family of the model.
    eigenvalue : float
        Proven lower bound on ``λ_min(Diag(d) − C(μ))``.
    enlargement : float
        Relative enlargement of d that made S positive definite.
    """

    bound: float
    diagonal: Floats
    multipliers: tuple[Floats, ...]
    eigenvalue: float
    enlargement: float


def check_multipliers(model: FirstOrderModel, multipliers: tuple[Floats, ...]) -> None:
    """Raise ProofError where multipliers do not fit the model or have the wrong sign."""
    if len(multipliers) != len(model.families):
        raise ProofError(
            f"{len(multipliers)} arrays of multipliers for {len(model.families)} families"
        )
    for number, (family, weights) in enumerate(zip(model.families, multipliers, strict=True)):
        if weights.shape != (family.size,):
            raise ProofError(
                f"multipliers of family {number} have shape {weights.shape}, "
                f"expected ({family.size},)"
            )
        if not np.isfinite(weights).all():
            raise ProofError(f"multipliers of family {number} are not finite")
        if not family.equality and weights.size and weights.min() < 0:
            raise ProofError(
                f"a multiplier of inequality family {number} is negative ({weights.min():.3g})"
            )


def prove(
    model: FirstOrderModel, multipliers: tuple[Floats, ...], diagonal: Floats
) -> DualBound | None:
    """Prove the bound of given multipliers and diagonal.

    Parameters
    ----------
    model : FirstOrderModel
    multipliers : tuple of arrays
    diagonal : (m,) array

    Returns
    -------
    DualBound or None
        None where ``Diag(d) − C(μ)`` is not numerically positive definite.

    Raises
    ------
    ProofError
        For multipliers or a diagonal that do not fit.
    """
    check_multipliers(model, multipliers)
    matrix, errors = model.assemble(multipliers)
    return _prove_assembled(model, multipliers, diagonal, matrix, errors, 0.0)


@dataclass(frozen=True, slots=True)
class Spectrum:
    """The lowest part of the spectrum of the slack matrix, numerical.

    Attributes
    ----------
    values : (k,) array, increasing
    vectors : (m, k) array
    """

    values: Floats
    vectors: Floats


def best_bound(
    model: FirstOrderModel,
    multipliers: tuple[Floats, ...],
    diagonal: Floats,
    *,
    precision: float = 1e-6,
    loss: float = 0.0,
) -> tuple[DualBound, Spectrum | None]:
    r"""Prove a bound from multipliers, enlarging the diagonal as little as needed.

    The diagonal becomes ``d + τ w`` with τ the smallest step for which the Cholesky factorisation
    of ``Diag(d + τ w) − C(μ)`` runs through. First w is close to d itself (rows with small weights
    cost little). Where that costs more than `loss`, w is the vector of row sums of ``|N|``, with N
    the negative part of the slack matrix: ``Diag(w) − N`` is diagonally dominant, so ``τ ≤ 1`` up
    to rounding and the cost is at most ``Σ |N_ij|``, never more than a uniform shift.

    Parameters
    ----------
    model : FirstOrderModel
    multipliers : tuple of arrays
        Nonnegative on inequalities.
    diagonal : (m,) array
        Where to start from, for instance ``d_i = ⟨(C(μ)V)_i, v_i⟩``; negative entries of rows with
        ``X_ii ≤ 1`` count as zero.
    precision : float
        How precisely τ is searched, relative to the bound.
    loss : float
        Relative loss that needs no second attempt.

    Returns
    -------
    bound : DualBound
    spectrum : Spectrum or None
        Of the slack matrix ``Diag(d) − C(μ)``, where it was computed.

    Raises
    ------
    ProofError
        For multipliers that do not fit the model.
    """
    check_multipliers(model, multipliers)
    matrix, errors = model.assemble(multipliers)
    start = np.where(model.signs, diagonal, np.maximum(diagonal, 0.0))
    base = float(start.sum()) + model.constant
    size = np.abs(start)
    direction = size + 1e-3 * (float(size.mean()) or 1.0)

    def attempt(weights: Floats) -> DualBound:
        step = _smallest_step(matrix, start, weights, precision * max(abs(base), 1e-300))
        while True:
            proven = _prove_assembled(
                model, multipliers, start + step * weights, matrix, errors, step
            )
            if proven is not None:
                return proven
            step *= 1.01

    bound = attempt(direction)
    if bound.bound - base <= loss * abs(base):
        return bound, None
    spectrum = _lowest_spectrum(np.diag(start) - matrix)
    shares = np.minimum(spectrum.values, 0.0)
    negative = (spectrum.vectors * -shares) @ spectrum.vectors.T
    weights = np.abs(negative).sum(axis=1)
    weights += max(0.0, -float(spectrum.values[-1])) + 1e-8 * (float(size.mean()) or 1.0)
    other = attempt(weights)
    return (other if other.bound < bound.bound else bound), spectrum


def _smallest_step(matrix: Floats, start: Floats, direction: Floats, precision: float) -> float:
    """Return (numerically) the smallest τ with ``Diag(start + τ direction) − matrix`` PD."""
    largest = float(np.abs(matrix).sum(axis=1).max()) + float(np.abs(start).max())
    top = 2.0 * largest / float(direction.min()) + 1.0

    def works(step: float) -> bool:
        trial = -matrix
        np.einsum("ii->i", trial)[:] += start + step * direction
        return cholesky_factor(trial) is not None

    low, high = 0.0, min(0.1 * precision / float(direction.sum()), top)
    while not works(high):
        if high > top:
            raise ProofError("no multiple of the diagonal makes the dual matrix positive definite")
        low, high = high, high * 16.0
    while (high - low) * float(direction.sum()) > precision:
        middle = math.sqrt(low * high) if low > 0 else 0.25 * high
        if high < 1.5 * low:
            middle = 0.5 * (low + high)
        if works(middle):
            high = middle
        else:
            low = middle
    return high


def _lowest_spectrum(slack: Floats, count: int = 48) -> Spectrum:
    """Return the lowest eigenpairs (all of them for small matrices)."""
    if len(slack) <= 300:
        return Spectrum(*np.linalg.eigh(slack))
    pairs = sl.eigh(slack, subset_by_index=[0, count - 1], check_finite=False)
    return Spectrum(*pairs)


def _prove_assembled(
    model: FirstOrderModel,
    multipliers: tuple[Floats, ...],
    diagonal: Floats,
    matrix: Floats,
    errors: Floats,
    enlargement: float,
) -> DualBound | None:
    if diagonal.shape != (model.side,) or not np.isfinite(diagonal).all():
        raise ProofError(f"the diagonal must be {model.side} finite numbers")
    if np.any(diagonal[~model.signs] < 0):
        raise ProofError("a diagonal multiplier of a row with X_ii <= 1 is negative")
    slack = -matrix
    entries = np.einsum("ii->i", slack)
    before = np.abs(entries)
    entries += diagonal
    # One rounding on the diagonal, on top of the assembly.
    total_errors = errors + np.finfo(float).eps * (before + np.abs(diagonal))
    factor = cholesky_factor(slack)
    if factor is None:
        return None
    eigenvalue = factor_lower_bound(slack, factor)
    terms = [*diagonal.tolist(), *total_errors.tolist(), -eigenvalue * model.side, model.constant]
    bound = math.fsum(terms)
    # fsum rounds once; the product above once more.
    bound += 4 * np.finfo(float).eps * (abs(bound) - eigenvalue * model.side)
    return DualBound(
        math.nextafter(bound, math.inf), diagonal, multipliers, eigenvalue, enlargement
    )
