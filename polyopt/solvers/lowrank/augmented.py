r"""Augmented Lagrangian on the factor: the multipliers of a first-order model.

One round maximises, over factors with unit rows,

    ``⟨C, V Vᵀ⟩ − Σ_k ‖max(0, μ_k − ρ_k f_k(V Vᵀ))‖² / (2 ρ_k)``

(no max for equations) and sets ``μ_k ← max(0, μ_k − ρ_k f_k)``. A maximiser that is stationary to
second order at sufficient rank makes ``S(μ) = Diag(d) − C(μ)`` positive semidefinite with
``d_i = ⟨(C(μ)V)_i, v_i⟩``, so every round is a proximal step on the dual and already gives a bound;
how good it is depends on how well the round was solved, and moderate penalties keep it solvable
(S. Burer and R. Monteiro, *Math. Program.* 95, 2003 and 103, 2005; N. Boumal, V. Voroninski,
A. Bandeira, NeurIPS 2016).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from polyopt.solvers.lowrank.families import shifted_multipliers
from polyopt.solvers.lowrank.lbfgs import minimise_on_spheres, normalise_rows
from polyopt.solvers.lowrank.model import FirstOrderModel
from polyopt.solvers.lowrank.operators import Floats


@dataclass(frozen=True, slots=True)
class State:
    """Where the optimiser stands.

    Attributes
    ----------
    factor : (m, r + 1) array
        Unit rows; the last column is the missing length of rows with ``X_ii ≤ 1``, else zero.
    multipliers : tuple of arrays
    penalties : tuple of float
    residuals : tuple of float
        Norm of ``min(f, μ/ρ)`` per family: feasibility and complementarity.
    value : float
        ``⟨C, X⟩ + constant`` at the factor, which violates the constraints slightly.
    lagrangian : float
        ``⟨C(μ), X⟩ + constant``: the bound if the round had been solved exactly.
    violation : float
        Largest violation of a constraint.
    gradient_norm : float
    iterations : int
        Inner iterations so far.
    """

    factor: Floats
    multipliers: tuple[Floats, ...]
    penalties: tuple[float, ...]
    residuals: tuple[float, ...]
    value: float
    lagrangian: float
    violation: float
    gradient_norm: float
    iterations: int

    @property
    def columns(self) -> Floats:
        """``V`` with ``X = V Vᵀ``."""
        return np.ascontiguousarray(self.factor[:, :-1])


def random_factor(model: FirstOrderModel, rank: int, rng: np.random.Generator) -> Floats:
    """Return unit rows in r + 1 columns, uniformly random."""
    factor = np.zeros((model.side, rank + 1))
    factor[:, :rank] = normalise_rows(rng.standard_normal((model.side, rank)))
    box = ~model.signs
    factor[box, :rank] *= 0.8
    factor[box, rank] = 0.6
    return factor


def with_rank(factor: Floats, rank: int, rng: np.random.Generator, *, size: float = 1e-2) -> Floats:
    """Return the factor with r columns: new ones are small noise, superfluous ones are rotated out.

    Rotating the columns changes no inner product; the directions that are dropped are those of the
    smallest singular values.
    """
    columns, missing = factor[:, :-1], factor[:, -1:]
    have = columns.shape[1]
    if rank > have:
        noise = size * rng.standard_normal((len(factor), rank - have))
        return normalise_rows(np.hstack([columns, noise, missing]))
    if rank < have:
        columns = columns @ np.linalg.svd(columns, full_matrices=False)[2][:rank].T
        return normalise_rows(np.hstack([columns, missing]))
    return factor


def initial_penalties(model: FirstOrderModel, factor: Floats, value: float) -> tuple[float, ...]:
    """Return penalties for which the first round already moves the value by its own size.

    The violation of a family counts at least a small share of its values, so that a family that is
    hardly violated at the start does not get a penalty that makes the round stiff.
    """
    penalties = []
    for family in model.families:
        values = family.values(factor)
        violated = values if family.equality else np.minimum(values, 0.0)
        size = float(violated @ violated) + 0.003 * float(values @ values)
        penalties.append(float(4.0 * abs(value) / size) if size > 0 and value else 1.0)
    return tuple(penalties)


def lagrangian_product(
    model: FirstOrderModel, multipliers: tuple[Floats, ...], factor: Floats
) -> Floats:
    """Return ``C(μ) V``."""
    out = model.apply_objective(factor)
    for family, weights in zip(model.families, multipliers, strict=True):
        out += family.pullback(weights, factor)
    return out


def augmented_objective(
    model: FirstOrderModel, multipliers: tuple[Floats, ...], penalties: tuple[float, ...]
) -> Callable[[Floats], tuple[float, Floats]]:
    """Return the function to minimise (minus the augmented Lagrangian) with its gradient."""

    def evaluate(factor: Floats) -> tuple[float, Floats]:
        columns = np.ascontiguousarray(factor[:, :-1])
        product = model.apply_objective(columns)
        value = -float(np.vdot(product, columns))
        for family, weights, penalty in zip(model.families, multipliers, penalties, strict=True):
            part, half = family.augmented(columns, weights, penalty)
            value += part
            product += half
        gradient = np.zeros_like(factor)
        np.multiply(product, -2, out=gradient[:, :-1])
        return value, gradient

    return evaluate


def fixed_objective(
    model: FirstOrderModel, multipliers: tuple[Floats, ...]
) -> Callable[[Floats], tuple[float, Floats]]:
    """Return minus ``⟨C(μ), X⟩`` for fixed multipliers, with its gradient."""

    def evaluate(factor: Floats) -> tuple[float, Floats]:
        columns = np.ascontiguousarray(factor[:, :-1])
        product = lagrangian_product(model, multipliers, columns)
        gradient = np.zeros_like(factor)
        np.multiply(product, -2, out=gradient[:, :-1])
        return -float(np.vdot(product, columns)), gradient

    return evaluate


def preconditioner(gradient: Floats, floor: float = 1.0) -> Floats:
    """Return lengths of rows from the Euclidean gradient: its row norms are about ``2 d_i``."""
    size = np.sqrt(np.einsum("ir,ir->i", gradient, gradient))
    mean = float(size.mean())
    return np.asarray(np.sqrt(np.maximum(size, floor * mean if mean > 0 else 1.0)))


def augmented_round(
    model: FirstOrderModel,
    state: State,
    *,
    iterations: int,
    tolerance: float,
    dtype: npt.DTypeLike = np.float64,
    memory: int = 12,
    stop: Callable[[], bool] | None = None,
) -> State:
    """Solve one round and update the multipliers.

    Parameters
    ----------
    model : FirstOrderModel
    state : State
    iterations : int
        Limit of inner iterations.
    tolerance : float
        Of the preconditioned gradient.
    dtype : dtype
        Precision of the inner minimisation; multipliers are always updated in double precision.
    memory : int
        Correction pairs of the inner method.
    stop : callable, optional
        Asked at every inner iteration.

    Returns
    -------
    State
        With the same penalties.
    """
    inner = model.cast(dtype)
    multipliers = tuple(weights.astype(dtype) for weights in state.multipliers)
    objective = augmented_objective(inner, multipliers, state.penalties)
    start = state.factor.astype(dtype)
    # Without constraints rows differ in weight only, with them the penalty dominates light rows.
    lengths = preconditioner(objective(start)[1], floor=1.0 if model.families else 0.01)
    result = minimise_on_spheres(
        objective,
        start,
        lengths=lengths,
        memory=memory,
        max_iterations=iterations,
        tolerance=tolerance,
        stop=stop,
    )
    factor = normalise_rows(result.factor.astype(float))
    columns = np.ascontiguousarray(factor[:, :-1])
    value = float(np.vdot(model.apply_objective(columns), columns)) + model.constant
    lagrangian, violation = value, 0.0
    updated, residuals = [], []
    for family, weights, penalty in zip(
        model.families, state.multipliers, state.penalties, strict=True
    ):
        values = family.values(columns)
        new = shifted_multipliers(values, weights, penalty, family.equality)
        wrong = np.abs(values) if family.equality else -values
        violation = max(violation, float(wrong.max(initial=0.0)))
        residuals.append(float(np.linalg.norm(new - weights)) / penalty)
        lagrangian += float(new @ values)
        updated.append(new)
    return State(
        factor,
        tuple(updated),
        state.penalties,
        tuple(residuals),
        value,
        lagrangian,
        violation,
        result.gradient_norm,
        state.iterations + result.iterations,
    )
