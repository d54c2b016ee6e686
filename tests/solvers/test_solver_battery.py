"""The same programs through every solver; KKT conditions checked twice, independently."""

from __future__ import annotations

import numpy as np
import pytest

from polyopt.conic import Cones, ConicProgram, ConicSolution, compute_residuals
from polyopt.conic.residuals import infeasibility_residuals, unboundedness_residuals
from polyopt.conic.svec import smat
from polyopt.solvers import ConeKind, SolverOptions, get_solver
from polyopt.status import Status

from .conic_problems import INFEASIBLE, KNOWN, UNBOUNDED

SOLVERS = ["clarabel", "scs", "highs", "cvxpy:CLARABEL", "cvxpy:SCS", "cvxpy:HIGHS"]
NATIVE = ["clarabel", "scs", "highs"]


def _pairs(solvers: list[str], problems: dict[str, frozenset[ConeKind]]) -> list[tuple[str, str]]:
    """Return the pairs of a solver and a problem whose cones it takes."""
    return [
        (solver, problem)
        for solver in solvers
        for problem, kinds in problems.items()
        if kinds <= get_solver(solver).capabilities.cones
    ]


KINDS = {problem: known.kinds for problem, known in KNOWN.items()}
RAYS = {
    "lp": frozenset({ConeKind.NONNEGATIVE}),
    "equations": frozenset({ConeKind.ZERO}),
    "sdp": frozenset({ConeKind.PSD}),
}


def _assert_kkt(program: ConicProgram, solution: ConicSolution, tolerance: float) -> None:
    """Check the optimality conditions with dense arithmetic and explicit cones."""
    A, b, c, cones = program.A.toarray(), program.b, program.c, program.cones
    x, s, z = solution.x, solution.s, solution.z
    scale = 1 + max(np.abs(v).max() for v in (b, c, x, z))
    np.testing.assert_allclose(A @ x + s, b, atol=tolerance * scale)
    np.testing.assert_allclose(A.T @ z, -c, atol=tolerance * scale)
    assert abs(s @ z) <= tolerance * scale**2
    assert np.all(np.abs(s[: cones.zero]) <= tolerance * scale)
    row = cones.zero
    for vector in (s[row:], z[row:]):
        assert np.all(vector[: cones.nonnegative] >= -tolerance * scale)
    row += cones.nonnegative
    for size in cones.second_order:
        for vector in (s, z):
            block = vector[row : row + size]
            if size:
                assert np.sqrt(np.sum(block[1:] ** 2)) <= block[0] + tolerance * scale
        row += size
    for side in cones.psd:
        for vector in (s, z):
            matrix = smat(vector[row : row + side * (side + 1) // 2])
            assert np.all(np.linalg.eigvalsh(matrix) >= -tolerance * scale)
        row += side * (side + 1) // 2
    assert row == program.number_of_rows


@pytest.mark.parametrize(("name", "problem"), _pairs(SOLVERS, KINDS))
def test_known_value_and_kkt(name: str, problem: str) -> None:
    known = KNOWN[problem]
    solution = get_solver(name).solve(known.program)
    assert solution.status is Status.OPTIMAL, solution.message
    assert solution.solver == name
    assert solution.primal_objective == pytest.approx(known.value, abs=2e-6)
    assert solution.dual_objective == pytest.approx(known.value, abs=2e-6)
    _assert_kkt(known.program, solution, 1e-6)
    residuals = compute_residuals(known.program, solution.x, solution.s, solution.z)
    assert residuals.worst < 1e-6
    assert solution.gap == pytest.approx(
        solution.primal_objective - solution.dual_objective, abs=1e-12
    )


@pytest.mark.parametrize(("name", "problem"), _pairs(NATIVE, KINDS))
def test_dual_program_has_the_same_value(name: str, problem: str) -> None:
    known = KNOWN[problem]
    dual = known.program.dual()
    raw = get_solver(name).solve(dual.program)
    assert raw.status is Status.OPTIMAL, raw.message
    assert raw.primal_objective == pytest.approx(-known.value, abs=2e-6)
    solution = dual.recover(raw)
    assert solution.primal_objective == pytest.approx(known.value, abs=2e-6)
    assert solution.dual_objective == pytest.approx(known.value, abs=2e-6)
    _assert_kkt(known.program, solution, 1e-6)


@pytest.mark.parametrize(("name", "problem"), _pairs(SOLVERS, RAYS))
def test_infeasible_with_certificate(name: str, problem: str) -> None:
    program = INFEASIBLE[problem]
    solution = get_solver(name).solve(program)
    assert solution.status is Status.INFEASIBLE, solution.message
    assert solution.dual_objective == np.inf
    assert infeasibility_residuals(program, solution.z).worst < 1e-5
    dual = program.dual()
    raw = get_solver(name).solve(dual.program)
    # Both sides of an equation system may be infeasible; then either verdict is right.
    assert raw.status in (Status.UNBOUNDED, Status.INFEASIBLE), raw.message
    if raw.status is Status.UNBOUNDED:
        recovered = dual.recover(raw)
        assert recovered.status is Status.INFEASIBLE
        assert infeasibility_residuals(program, recovered.z).worst < 1e-5


@pytest.mark.parametrize(("name", "problem"), _pairs(SOLVERS, RAYS))
def test_unbounded_with_certificate(name: str, problem: str) -> None:
    program = UNBOUNDED[problem]
    solution = get_solver(name).solve(program)
    assert solution.status is Status.UNBOUNDED, solution.message
    assert solution.primal_objective == -np.inf
    assert unboundedness_residuals(program, solution.x, solution.s).worst < 1e-5
    dual = program.dual()
    recovered = dual.recover(get_solver(name).solve(dual.program))
    assert recovered.status is Status.UNBOUNDED, recovered.message
    assert unboundedness_residuals(program, recovered.x, recovered.s).worst < 1e-5


@pytest.mark.parametrize("name", SOLVERS)
def test_no_rows(name: str) -> None:
    empty = ConicProgram([0.0, 0.0], np.zeros((0, 2)), [], Cones(), offset=5.0)
    solution = get_solver(name).solve(empty)
    assert solution.status is Status.OPTIMAL
    assert solution.primal_objective == solution.dual_objective == 5.0
    falling = ConicProgram([1.0, 0.0], np.zeros((0, 2)), [], Cones())
    assert get_solver(name).solve(falling).status is Status.UNBOUNDED


@pytest.mark.parametrize("second_order", [True, False])
def test_2x2_blocks_as_second_order_cones_or_not(second_order: bool) -> None:
    options = SolverOptions(extra={"second_order_2x2": second_order})
    for problem in ("smallest_eigenvalue_2x2", "small_blocks", "mixed"):
        known = KNOWN[problem]
        solution = get_solver("clarabel").solve(known.program, options)
        assert solution.primal_objective == pytest.approx(known.value, abs=1e-6)
        _assert_kkt(known.program, solution, 1e-6)


def test_tolerance_is_passed_on() -> None:
    program = KNOWN["lovasz_theta"].program
    for name in ("scs", "cvxpy:SCS"):
        loose = get_solver(name).solve(program, SolverOptions(tolerance=1e-3))
        tight = get_solver(name).solve(program, SolverOptions(tolerance=1e-9))
        assert loose.iterations < tight.iterations
        assert tight.status is Status.OPTIMAL


def test_same_input_same_output() -> None:
    program = KNOWN["mixed"].program
    for name in ("clarabel", "scs"):
        first, second = get_solver(name).solve(program), get_solver(name).solve(program)
        np.testing.assert_array_equal(first.x, second.x)
        np.testing.assert_array_equal(first.z, second.z)
