r"""The low-rank solver: a factor, multipliers, and a bound proven from the multipliers.

The factor is found by augmented Lagrangian rounds (:mod:`.augmented`) with limited-memory BFGS;
each proof (:mod:`.dual`) makes a bound of the multipliers at hand that holds whatever the optimiser
did: stopping early or a low rank cost tightness only. Where the factor is stationary but the slack
matrix has negative eigenvalues, the rank is raised along their eigenvectors (Boumal's staircase).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from polyopt.errors import InvalidProblemError
from polyopt.solvers.lowrank.augmented import (
    State,
    augmented_round,
    fixed_objective,
    initial_penalties,
    lagrangian_product,
    preconditioner,
    random_factor,
    with_rank,
)
from polyopt.solvers.lowrank.dual import DualBound, Spectrum, best_bound
from polyopt.solvers.lowrank.lbfgs import minimise_on_spheres, normalise_rows
from polyopt.solvers.lowrank.model import FirstOrderModel


@dataclass(frozen=True, slots=True, kw_only=True)
class LowRankOptions:
    """Options of the low-rank solver.

    Attributes
    ----------
    relative_gap : float
        Stop when the proven bound is this close to the value of the factor.
    absolute_gap : float
        Added to the relative gap times the value, for values near zero.
    target : float
        Stop as soon as a bound at most this is proven.
    violation : float
        Do not stop while a constraint is violated by more than this.
    rank, max_rank : int or None
        Columns of the factor at the start and at most; None means ``√(2m)`` and a few more, and
        twice the start.
    rounds : int
        Augmented Lagrangian rounds.
    inner_iterations : int
        Limit of one round; doubled in later rounds.
    prove_every : int or None
        Rounds between proofs; None means every round for small models, every third for large ones.
    penalties : tuple of float or None
        One per family at the start; None means automatic.
    penalty_limit : float
        Growth of a penalty over its start at most.
    tightening : float
        Factor per round on the accuracy asked of the inner problem; below 1 for small gaps.
    single_precision : bool
        Whether rounds run in single precision (twice as fast; the proof never does).
    polish : int
        Iterations spent at the end on the diagonal for fixed multipliers.
    patience : int or None
        Stop when so many proofs in a row have not improved the bound by a tenth of the relative
        gap; None means never.
    time_limit : float or None
        Seconds of wall time.
    """

    relative_gap: float = 1e-4
    absolute_gap: float = 0.0
    target: float = -math.inf
    violation: float = math.inf
    rank: int | None = None
    max_rank: int | None = None
    rounds: int = 14
    inner_iterations: int = 200
    prove_every: int | None = None
    penalties: tuple[float, ...] | None = None
    penalty_limit: float = 8.0
    tightening: float = 1.0
    single_precision: bool = False
    polish: int = 0
    patience: int | None = None
    time_limit: float | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """What a callback is told after each round.

    Attributes
    ----------
    round : int
    value : float
        Numerical.
    violation : float
    bound : float
        Best proven so far (infinite before the first proof).
    rank : int
    iterations : int
    seconds : float
    """

    round: int
    value: float
    violation: float
    bound: float
    rank: int
    iterations: int
    seconds: float


@dataclass(frozen=True, slots=True)
class LowRankResult:
    """A proven bound and the factor it was found with.

    Attributes
    ----------
    proof : DualBound
        The best proof.
    state : State
        The last state, for warm starts and for rounding.
    reached_gap : bool
        Whether the requested relative gap or the target was reached.
    interrupted : bool
        Whether the time limit or a keyboard interrupt ended the run.
    seconds : float
    """

    proof: DualBound
    state: State
    reached_gap: bool
    interrupted: bool
    seconds: float

    @property
    def bound(self) -> float:
        """The proven upper bound on the model."""
        return self.proof.bound

    @property
    def value(self) -> float:
        """The numerical value of the factor, whose constraint violation is `violation`."""
        return self.state.value

    @property
    def violation(self) -> float:
        """Largest constraint violation of the factor."""
        return self.state.violation

    def __str__(self) -> str:
        return (
            f"bound {self.bound:.8g} (proven), value {self.value:.8g} (numerical, violation "
            f"{self.violation:.1e}), rank {self.state.factor.shape[1] - 1}, "
            f"{self.state.iterations} iterations, {self.seconds:.2f} s"
        )


def solve_first_order(
    model: FirstOrderModel,
    options: LowRankOptions | None = None,
    *,
    start: State | None = None,
    rng: int | np.random.Generator = 0,
    callback: Callable[[Progress], None] | None = None,
) -> LowRankResult:
    """Solve a first-order model and prove a bound.

    Parameters
    ----------
    model : FirstOrderModel
    options : LowRankOptions, optional
    start : State, optional
        A warm start, for instance the state of a result for a similar model.
    rng : int or Generator
        For the starting factor.
    callback : callable, optional
        Told about every round.

    Returns
    -------
    LowRankResult
        Its bound is proven; its value is numerical.

    Raises
    ------
    InvalidProblemError
        For a warm start or penalties that do not fit the model.

    Examples
    --------
    The Grothendieck-type problem ``max Σ B_ij t_i u_j`` over signs for ``B = [[1, 1], [1, −1]]``:

    >>> import numpy as np
    >>> from polyopt.solvers.lowrank import BilinearOperator, FirstOrderModel, solve_first_order
    >>> B = np.array([[1.0, 1.0], [1.0, -1.0]])
    >>> form = BilinearOperator(np.array([0, 1]), np.array([2, 3]), B, np.ones(2))
    >>> round(solve_first_order(FirstOrderModel(4, (form,))).bound, 3)
    2.828
    """
    options = options or LowRankOptions()
    generator = np.random.default_rng(rng)
    run = _Run(model, options, generator, callback)
    state = run.begin(start)
    interrupted = False
    try:
        state, reached = run.rounds(state)
        interrupted = not reached and run.out_of_time()
    except KeyboardInterrupt:
        interrupted, reached, state = True, False, run.last
    if run.best is None:
        run.prove(state)
    assert run.best is not None
    return LowRankResult(run.best, state, reached, interrupted, run.elapsed())


class _Run:
    """One run of the solver: the best proof so far and the clock."""

    def __init__(
        self,
        model: FirstOrderModel,
        options: LowRankOptions,
        rng: np.random.Generator,
        callback: Callable[[Progress], None] | None,
    ) -> None:
        self.model, self.options, self.rng, self.callback = model, options, rng, callback
        self.started = time.perf_counter()
        self.best: DualBound | None = None
        self.failures = 0
        self.last: State

    def elapsed(self) -> float:
        return time.perf_counter() - self.started

    def out_of_time(self) -> bool:
        limit = self.options.time_limit
        return limit is not None and self.elapsed() > limit

    def begin(self, start: State | None) -> State:
        """Return the first state: a warm start made to fit, or the objective alone solved."""
        model, options = self.model, self.options
        rank = options.rank or min(model.side, math.isqrt(2 * model.side) + 8)
        if start is None:
            factor = random_factor(model, rank, self.rng)
            state = State(factor, (), (), (), 0.0, 0.0, 0.0, math.inf, 0)
            if model.families:
                alone = replace(model, families=())
                state = augmented_round(
                    alone, state, iterations=60, tolerance=1e-3, stop=self.out_of_time
                )
            multipliers = tuple(np.zeros(family.size) for family in model.families)
            penalties: tuple[float, ...] = ()
        else:
            if start.factor.shape[0] != model.side:
                raise InvalidProblemError(
                    f"the warm start has {start.factor.shape[0]} rows, the model {model.side}"
                )
            state = replace(start, iterations=0)
            if options.rank is not None:
                state = replace(state, factor=with_rank(state.factor, rank, self.rng))
            known = start.multipliers[: len(model.families)]
            multipliers = (
                *known,
                *(np.zeros(family.size) for family in model.families[len(known) :]),
            )
            for number, (family, weights) in enumerate(
                zip(model.families, multipliers, strict=True)
            ):
                if weights.shape != (family.size,):
                    raise InvalidProblemError(
                        f"the warm start has {weights.size} multipliers for family {number}, "
                        f"which has {family.size} constraints"
                    )
            penalties = start.penalties[: len(known)]
        if options.penalties is not None:
            if len(options.penalties) != len(model.families):
                raise InvalidProblemError(
                    f"{len(options.penalties)} penalties for {len(model.families)} families"
                )
            penalties = options.penalties
        elif len(penalties) < len(model.families):
            value = state.value - model.constant
            automatic = initial_penalties(model, state.columns, value)
            penalties = (*penalties, *automatic[len(penalties) :])
        self.last = replace(
            state,
            multipliers=multipliers,
            penalties=penalties,
            residuals=(math.inf,) * len(model.families),
        )
        return self.last

    def prove(self, state: State) -> Spectrum | None:
        """Prove a bound from a state; keep it if it is the best."""
        columns = state.columns
        product = lagrangian_product(self.model, state.multipliers, columns)
        diagonal = np.einsum("ir,ir->i", product, columns)
        gap = self.options.relative_gap
        proof, spectrum = best_bound(
            self.model, state.multipliers, diagonal, precision=0.05 * gap, loss=0.5 * gap
        )
        known = math.inf if self.best is None else self.best.bound
        if proof.bound < known:
            self.best = proof
        improved = proof.bound < known - 0.1 * (gap * abs(known) + self.options.absolute_gap)
        self.failures = 0 if improved or math.isinf(known) else self.failures + 1
        return spectrum

    def rounds(self, state: State) -> tuple[State, bool]:
        """Run the rounds; True where the gap was reached."""
        options, model = self.options, self.model
        limits = [options.penalty_limit * penalty for penalty in state.penalties]
        every = options.prove_every or (1 if model.side <= 400 or not model.families else 3)
        dtype = np.float32 if options.single_precision and model.families else np.float64
        for number in range(options.rounds):
            previous = state.residuals
            late = number >= options.rounds // 2
            # The value is about the sum of these norms; the gradient scales with its root.
            size = math.sqrt(np.linalg.norm(model.apply_objective(state.columns), axis=1).sum())
            shrink = (0.2 if late else 1.0) if model.families else 2.0 * 0.2**number
            tolerance = 5e-4 * shrink * options.tightening**number * size
            state = augmented_round(
                model,
                state,
                iterations=options.inner_iterations * (2 if late or not model.families else 1),
                tolerance=tolerance,
                dtype=dtype,
                stop=self.out_of_time,
            )
            self.last = state
            ended = self.out_of_time() or number == options.rounds - 1
            if (number + 1) % every == 0 or ended:
                spectrum = self.prove(state)
                if self.reached(state):
                    self.report(number, state)
                    return state, True
                ended |= options.patience is not None and self.failures >= options.patience
                if spectrum is not None:
                    state = self.raise_rank(state, spectrum, tolerance)
            self.report(number, state)
            if ended:
                break
            penalties = [
                min(limit, 2.0 * penalty) if now > 0.5 * before else penalty
                for penalty, limit, now, before in zip(
                    state.penalties, limits, state.residuals, previous, strict=True
                )
            ]
            state = replace(state, penalties=tuple(penalties))
        if options.polish and not self.out_of_time():
            self.prove(self.polished(state))
        return state, self.reached(state)

    def reached(self, state: State) -> bool:
        assert self.best is not None
        if self.best.bound <= self.options.target:
            return True
        size = self.options.relative_gap * max(abs(state.value), 1e-300)
        size += self.options.absolute_gap
        settled = max(abs(state.value - state.lagrangian), self.best.bound - state.value) <= size
        return settled and state.violation <= self.options.violation

    def raise_rank(self, state: State, spectrum: Spectrum, tolerance: float) -> State:
        """Append eigenvectors of negative eigenvalues where the factor has no room or is stuck."""
        columns = state.columns
        rank = columns.shape[1]
        limit = self.options.max_rank or 2 * (self.options.rank or math.isqrt(2 * len(columns)) + 8)
        scale = float(np.abs(spectrum.values).max())
        count = int(np.sum(spectrum.values < -1e-3 * scale))
        _, singular, rotation = np.linalg.svd(columns, full_matrices=False)
        used = int(np.sum(singular > 1e-2 * singular[0]))
        if not count or (used < rank and state.gradient_norm > tolerance):
            return state
        count = min(count, 8, max(0, limit - used))
        directions = spectrum.vectors[:, :count]
        directions = 0.05 * directions / np.abs(directions).max(axis=0, initial=1e-300)
        kept = max(used, min(rank, limit) - count)
        rotated = columns @ rotation.T
        factor = np.hstack([rotated[:, :kept], directions, state.factor[:, -1:]])
        return replace(state, factor=normalise_rows(factor))

    def polished(self, state: State) -> State:
        """Maximise ``⟨C(μ), V Vᵀ⟩`` for fixed multipliers: the best diagonal for them."""
        objective = fixed_objective(self.model, state.multipliers)
        result = minimise_on_spheres(
            objective,
            state.factor,
            lengths=preconditioner(objective(state.factor)[1]),
            max_iterations=self.options.polish,
            tolerance=1e-6,
            stop=self.out_of_time,
        )
        return replace(state, factor=result.factor)

    def report(self, number: int, state: State) -> None:
        if self.callback is not None:
            self.callback(
                Progress(
                    number,
                    state.value,
                    state.violation,
                    self.best.bound if self.best is not None else math.inf,
                    state.factor.shape[1] - 1,
                    state.iterations,
                    self.elapsed(),
                )
            )
