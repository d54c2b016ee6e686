r"""The low-rank solver as a backend for conic programs: one PSD block of order 1, of any size.

The program is translated (:mod:`polyopt.solvers.lowrank.translate`), solved with a factor
(:mod:`polyopt.solvers.lowrank.solve`), and multipliers and factor are mapped back. z is dual
feasible by construction, up to rounding: its Gram matrix comes from a diagonal that was enlarged
until a Cholesky factor existed. What the tolerance decides is how far the two values are apart.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from polyopt.conic.program import ConicProgram, ConicSolution
from polyopt.errors import SolverError
from polyopt.solvers.base import (
    ConeKind,
    Solver,
    SolverCapabilities,
    SolverKind,
    SolverOptions,
    check_extra,
)
from polyopt.solvers.lowrank.recognise import bound_diagonal, read_block
from polyopt.solvers.lowrank.solve import (
    LowRankOptions,
    LowRankResult,
    Progress,
    solve_first_order,
)
from polyopt.solvers.lowrank.translate import Translation, translate
from polyopt.status import Status

#: See :meth:`LowRankSolver.is_suited`.
LARGEST_BLOCK_WITH_MANY_ROWS = 400

_OPTIONS: dict[str, type] = {
    "inner_iterations": int,
    "max_rank": int,
    "prove_every": int,
    "rank": int,
    "rounds": int,
    "seed": int,
}


class LowRankSolver(Solver):
    """Burer–Monteiro factorisation for relaxations of order 1 with one large block.

    Takes the moment form of an order-1 relaxation in which every variable has a bounded square:
    ``x² = 1``, ``x² = x``, ``x² ≤ r²``, a product of bounds or a ball. Anything else raises
    :class:`~polyopt.errors.SolverError`.

    The tolerance is that of the gap ``|p − d| / (1 + |p| + |d|)`` between the values of factor and
    multipliers and of the violation of the scalar rows; 1e-5 where none is given. Status OPTIMAL
    means both were reached, INACCURATE that they were not; the message has the figures.
    """

    name = "lowrank"
    capabilities = SolverCapabilities(
        cones=frozenset({ConeKind.ZERO, ConeKind.NONNEGATIVE, ConeKind.PSD}),
        kind=SolverKind.LOW_RANK,
        preferred_form="moment",
        exactness="1e-4 to 1e-6, order 1 with bounded squares only",
        licence="MIT",
        interruptible=True,
        threads=False,
        certificates=False,
        default_tolerance=1e-5,
    )

    def known_options(self) -> Mapping[str, type]:
        """See :meth:`Solver.known_options`."""
        return _OPTIONS

    def is_suited(self, program: ConicProgram) -> bool:
        """Whether the program is one that this solver takes and is good at.

        With more equations and inequalities than rows of the block, beyond those that bound the
        diagonal, an operator-splitting solver needs less time up to
        ``LARGEST_BLOCK_WITH_MANY_ROWS``.
        """
        try:
            block = read_block(program)
            bounds = bound_diagonal(program, block)
        except SolverError:
            return False
        single = int(bounds.rows.single[bounds.item[bounds.item >= 0]].sum())
        others = program.cones.zero + program.cones.nonnegative - single
        return others <= block.side or block.side > LARGEST_BLOCK_WITH_MANY_ROWS

    def run(self, program: ConicProgram, options: SolverOptions) -> ConicSolution:
        """See :meth:`Solver.run`."""
        return self.solve(program, options)

    def solve(self, program: ConicProgram, options: SolverOptions | None = None) -> ConicSolution:
        """See :meth:`Solver.solve`.

        Raises
        ------
        SolverError
            If the program is not of order 1 with one block, or a variable has no bounded square.
        """
        if options is None:
            options = SolverOptions(tolerance=self.capabilities.default_tolerance)
        check_extra(self.name, options.extra, _OPTIONS)
        start = time.perf_counter()
        translation = translate(program)
        extra = dict(options.extra)
        seed = extra.pop("seed", 0)
        smallest = min((float(f.scale.min()) for f in translation.families), default=1.0)
        settings = LowRankOptions(
            # The family's rows are scaled, the verdict is about those of the program.
            violation=0.9 * options.tolerance * smallest * _size(program),
            relative_gap=options.tolerance,
            absolute_gap=options.tolerance,
            time_limit=options.time_limit,
            **{
                "rounds": 40,
                "tightening": 0.65,
                "prove_every": 1 if not translation.families else None,
                **extra,
            },
        )
        result = solve_first_order(
            translation.model, settings, rng=seed, callback=_print if options.verbose else None
        )
        x = translation.moments(result.state.columns)
        z = translation.multipliers(result.proof.multipliers, result.proof.diagonal)
        solution = ConicSolution.from_vectors(
            program,
            Status.INACCURATE,
            x,
            program.b - program.A @ x,
            z,
            iterations=result.state.iterations,
            solver=self.name,
        )
        status, message = _verdict(translation, solution, result, options)
        return replace(
            solution, status=status, message=message, solve_time=time.perf_counter() - start
        )


def _verdict(
    translation: Translation,
    solution: ConicSolution,
    result: LowRankResult,
    options: SolverOptions,
) -> tuple[Status, str]:
    """Status from the gap and the violation of the scalar rows, both on the program's data."""
    program = translation.program
    cones = program.cones
    values = 1.0 + abs(solution.primal_objective) + abs(solution.dual_objective)
    gap = abs(solution.gap) / values
    zero, rest = solution.s[: cones.zero], solution.s[cones.nonnegative_slice]
    wrong = max(float(np.abs(zero).max(initial=0.0)), -float(rest.min(initial=0.0)))
    wrong /= _size(program)
    rank = result.state.columns.shape[1]
    message = f"rank {rank}, relative gap {gap:.1e}, violation {wrong:.1e}"
    if options.threads is not None:
        message += "; the number of threads of lowrank cannot be set here"
    if max(gap, wrong) <= options.tolerance:
        return Status.OPTIMAL, message
    if result.interrupted:
        late = options.time_limit is not None and result.seconds >= options.time_limit
        return (Status.TIME_LIMIT if late else Status.INTERRUPTED), message
    return Status.INACCURATE, message


def _size(program: ConicProgram) -> float:
    return 1.0 + float(np.abs(program.b).max(initial=0.0))


def _print(progress: Progress) -> None:
    print(
        f"round {progress.round:3d}  value {progress.value:.9g}  violation "
        f"{progress.violation:.1e}  bound {progress.bound:.9g}  rank {progress.rank}  "
        f"{progress.iterations} iterations  {progress.seconds:.1f} s"
    )
