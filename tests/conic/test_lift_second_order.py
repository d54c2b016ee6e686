"""Second-order cones as PSD blocks: the same program, and the way back."""

from __future__ import annotations

import numpy as np
import pytest

import polyopt as po
from polyopt.conic.lift_second_order import lift_second_order
from polyopt.conic.program import Cones, ConicProgram
from polyopt.conic.residuals import solution_residuals
from polyopt.conic.svec import smat
from polyopt.solvers.registry import get_solver


def program(rng: np.random.Generator) -> ConicProgram:
    """Feasible and bounded: a random objective over a ball, an equation and a PSD block."""
    n = 4
    norm = np.vstack([np.zeros(n), -np.eye(n)])
    small = np.vstack([np.zeros(n), -rng.normal(size=(1, n))])
    block = rng.normal(size=(3, n))
    A = np.vstack([np.ones((1, n)), norm, small, block])
    b = np.concatenate([[0.5], [2.0], np.zeros(n), [1.5, 0.0], [3.0, 0.0, 3.0]])
    return ConicProgram(rng.normal(size=n), A, b, Cones(1, 0, (n + 1, 2), (2,)))


def test_the_matrix_is_an_arrow(rng: np.random.Generator) -> None:
    given = program(rng)
    lifted = lift_second_order(given)
    assert lifted.program.cones == Cones(1, 0, (), (5, 2, 2))
    s = rng.normal(size=given.number_of_rows)
    blocks = lifted.lift @ s
    matrix = smat(blocks[1:16])
    np.testing.assert_allclose(np.diag(matrix), s[1])
    np.testing.assert_allclose(matrix[0, 1:], s[2:6])
    np.testing.assert_allclose(matrix[1:, 1:], s[1] * np.eye(4))
    np.testing.assert_allclose(smat(blocks[16:19]), [[s[6], s[7]], [s[7], s[6]]])
    np.testing.assert_array_equal(blocks[19:], s[8:])


@pytest.mark.parametrize("solver", ["clarabel", "csdp", "sdpa"])
def test_solutions_come_back(solver: str, rng: np.random.Generator) -> None:
    if solver not in po.available_solvers():
        pytest.skip(f"{solver} is not installed")
    given = program(rng)
    expected = get_solver("clarabel").solve(given).primal_objective
    lifted = lift_second_order(given)
    back = lifted.recover(get_solver(solver).solve(lifted.program))
    direct = get_solver(solver).solve(given)
    for solution in (back, direct):
        assert solution.primal_objective == pytest.approx(expected, abs=1e-6)
        assert solution_residuals(given, solution).worst < 1e-6


def test_programs_without_cones_stay_as_they_are() -> None:
    given = ConicProgram([1.0], -np.ones((1, 1)), [-3.0], Cones(nonnegative=1))
    lifted = lift_second_order(given)
    assert lifted.program.cones == given.cones
    assert lifted.program.b.tolist() == [-3.0]
