"""SCS with a budget, then Clarabel: which of the two answers, and that the answer is right."""

from __future__ import annotations

import numpy as np
import pytest

import polyopt as po
from polyopt.conic import Cones, compute_residuals
from polyopt.errors import UnknownOptionError
from polyopt.problems import random_quartic_ball
from polyopt.solvers import SolverOptions, StagedSolver, get_solver
from polyopt.solvers.staged import effective_side, first_order_budget
from polyopt.status import Status

from .conic_problems import INFEASIBLE, KNOWN, hard_maxcut


def test_well_posed_dense_problem_is_left_to_scs() -> None:
    problem = random_quartic_ball(8)
    result = po.putinar(problem, order=2).solve()
    assert result.solver == "scs"
    assert result.status is Status.OPTIMAL
    assert result.residuals.worst <= 1e-8
    # Benchmark recipe on which several systems agree.
    assert result.bound == pytest.approx(-1.8932999, abs=1e-7)


def test_what_scs_cannot_solve_in_its_budget_goes_to_clarabel() -> None:
    program = KNOWN["mixed"].program
    solution = StagedSolver().solve(program)
    assert solution.solver == "clarabel"
    assert "iterations of scs without success" in solution.message
    assert solution.primal_objective == pytest.approx(KNOWN["mixed"].value, abs=1e-6)


def test_both_ways_agree() -> None:
    program = hard_maxcut(36)
    first, second = StagedSolver().solve(program), get_solver("clarabel").solve(program)
    assert first.solver == "scs"
    assert first.dual_objective == pytest.approx(second.dual_objective, rel=1e-6)
    assert compute_residuals(program, first.x, first.s, first.z).worst <= 1e-8


def test_infeasibility_is_clarabels_verdict() -> None:
    solution = StagedSolver().solve(INFEASIBLE["sdp"])
    assert (solution.solver, solution.status) == ("clarabel", Status.INFEASIBLE)


def test_time_limit_is_for_both() -> None:
    solution = StagedSolver().solve(hard_maxcut(60), SolverOptions(time_limit=1e-3))
    assert solution.status is Status.TIME_LIMIT


def test_options_of_one_solver_are_refused() -> None:
    with pytest.raises(UnknownOptionError, match='name it, as in solver="clarabel"'):
        StagedSolver().solve(KNOWN["mixed"].program, SolverOptions(extra={"max_iters": 3}))


def test_budget_follows_the_dominating_blocks() -> None:
    assert effective_side(Cones()) == 0.0
    assert effective_side(Cones(psd=(7,) * 50)) == pytest.approx(7.0)
    sides = [effective_side(Cones(psd=(60, *(10,) * k))) for k in (0, 10, 100, 1000)]
    assert np.all(np.diff(sides) < 0)
    assert first_order_budget(Cones(psd=(90,))) == 8 * first_order_budget(Cones(psd=(45,)))
