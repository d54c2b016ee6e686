"""The low-rank solver as a backend: against an interior-point solver, and its proofs."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp

import polyopt as po
from polyopt.conic import Cones, ConicProgram
from polyopt.conic.residuals import solution_residuals
from polyopt.conic.scaling import variable_exponents
from polyopt.errors import SolverError, UnknownOptionError
from polyopt.solvers import LowRankSolver, default_solver, get_solver
from polyopt.solvers.base import SolverKind, SolverOptions
from polyopt.solvers.lowrank.recognise import bound_diagonal, read_block
from polyopt.status import Status


def cut_problem(graph: nx.Graph) -> po.PolynomialProblem:
    x = po.variables("x", graph.number_of_nodes())
    cut = po.sum_polynomials((1 - x[i] * x[j]) / 2 for i, j in graph.edges)
    return po.maximize(cut, subject_to=[v**2 == 1 for v in x])


def quadratic(x, seed: int):
    rng = np.random.default_rng(seed)
    n = len(x)
    Q, c = rng.standard_normal((n, n)), rng.standard_normal(n)
    terms = [float(Q[i, j]) * x[i] * x[j] for i in range(n) for j in range(n)]
    return po.sum_polynomials([*terms, *(float(c[i]) * x[i] for i in range(n))])


def box(x, low: float, high: float) -> list:
    return [(v - low) * (high - v) >= 0 for v in x]


X = po.variables("x", 9)
F = quadratic(X, 3)
PROBLEMS = {
    "5-cycle": cut_problem(nx.cycle_graph(5)),
    "odd cycle": cut_problem(nx.cycle_graph(11)),
    "Petersen": cut_problem(nx.petersen_graph()),
    "random graph": cut_problem(nx.gnp_random_graph(18, 0.4, seed=1)),
    "binary": po.maximize(F, subject_to=[v**2 == v for v in X]),
    "binary, minimised": po.minimize(F, subject_to=[v == v**2 for v in X]),
    "knapsack": po.maximize(F, subject_to=[*(v**2 == v for v in X), sum(X) <= 4]),
    "cardinality": po.minimize(F, subject_to=[*(v**2 == v for v in X), sum(X) == 4]),
    "symmetric box": po.minimize(F, subject_to=[v**2 <= 4 for v in X]),
    "box": po.minimize(F, subject_to=box(X, 1, 3)),
    "box, maximised": po.maximize(F, subject_to=box(X, -0.5, 2)),
    "ball": po.minimize(F, subject_to=[sum(v**2 for v in X) <= 4]),
    "sphere": po.maximize(F, subject_to=[sum(v**2 for v in X) == 4]),
    "shifted balls": po.minimize(
        F,
        subject_to=[sum(v**2 for v in X[:6]) <= 4, sum((v - 1) ** 2 for v in X[4:]) <= 4],
    ),
    "ellipsoid and box": po.minimize(
        F, subject_to=[sum((k + 1) * v**2 for k, v in enumerate(X)) <= 5, *box(X[:3], 0, 2)]
    ),
    "linear and quadratic rows": po.minimize(
        F,
        subject_to=[
            *box(X, 1, 3),
            X[0] + X[1] <= 3,
            X[2] - X[3] == 0.5,
            X[4] * X[5] >= 2,
            X[6] ** 2 + X[7] * X[8] == 4,
        ],
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_agrees_with_an_interior_point_solver(name):
    problem = PROBLEMS[name]
    relaxation = po.shor(problem)
    expected = relaxation.solve(solver="clarabel").bound
    result = relaxation.solve(solver="lowrank")
    assert result.status is Status.OPTIMAL
    assert result.solver == "lowrank"
    assert result.form == "moment"
    assert result.bound == pytest.approx(expected, rel=1e-4, abs=1e-4)
    residuals = result.residuals
    # The multipliers satisfy the identity and the cone up to rounding, the gap is what is left.
    assert residuals.dual <= 1e-12
    assert residuals.dual_cone <= 1e-12
    assert residuals.primal <= 1e-12
    assert residuals.primal_cone <= 1e-3
    assert residuals.gap <= 1e-4
    value = problem.sign * result.bound
    assert value <= problem.sign * expected + 1e-6 * (1 + abs(expected))


@pytest.mark.parametrize("name", ["Petersen", "binary", "box", "ball", "shifted balls", "knapsack"])
def test_proof_is_on_the_right_side_and_close(name):
    problem = PROBLEMS[name]
    relaxation = po.shor(problem)
    expected = relaxation.solve(solver="clarabel").bound
    proof = relaxation.solve(solver="lowrank").prove()
    assert problem.sign * proof.bound <= problem.sign * expected + 1e-7 * (1 + abs(expected))
    assert proof.bound == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert proof.check(problem) is proof


def test_proof_holds_at_true_points():
    graph = nx.gnp_random_graph(10, 0.5, seed=2)
    best = max(nx.cut_size(graph, {i for i in range(10) if code >> i & 1}) for code in range(2**9))
    assert po.shor(cut_problem(graph)).solve(solver="lowrank").prove().bound >= best


def test_result_has_moments_and_gram_matrices():
    result = po.shor(PROBLEMS["binary"]).solve(solver="lowrank")
    x = X[0]
    assert result.moments(x * x) == pytest.approx(result.moments(x), abs=1e-12)
    assert np.linalg.eigvalsh(result.gram_matrices[0])[0] >= -1e-10


def test_large_blocks_take_it_by_default_and_are_proven():
    graph = nx.circulant_graph(131, [1, 2])
    result = po.shor(cut_problem(graph)).solve()
    assert result.solver == "lowrank"
    assert result.status is Status.OPTIMAL
    # The Laplacian is circulant, so the relaxation is n/4 times its largest eigenvalue.
    angles = 2 * np.pi * np.arange(131) / 131
    exact = 131 / 4 * float(np.max(4 - 2 * np.cos(angles) - 2 * np.cos(2 * angles)))
    assert result.bound == pytest.approx(exact, rel=2e-5)
    proof = result.prove()
    assert exact <= proof.bound <= exact * (1 + 3e-5)


def test_a_block_beyond_the_short_proof_is_proven():
    graph = nx.circulant_graph(220, [1, 2, 3])
    result = po.shor(cut_problem(graph)).solve()
    angles = 2 * np.pi * np.arange(220) / 220
    cosines = sum(np.cos(k * angles) for k in (1, 2, 3))
    exact = 220 / 4 * float(np.max(6 - 2 * cosines))
    assert exact <= result.prove().bound <= exact * (1 + 3e-5)


def test_choice_follows_structure_and_tolerance():
    program = po.shor(cut_problem(nx.cycle_graph(130))).program()
    assert default_solver(program).name == "lowrank"
    assert default_solver(program, tolerance=1e-8).name == "scs"
    assert default_solver(program.cones).name == "scs"
    x = po.variables("x", 130)
    unbounded = po.minimize(po.sum_polynomials(v**2 for v in x), subject_to=[x[0] + x[1] >= 1])
    assert default_solver(po.shor(unbounded).program()).name == "scs"
    assert default_solver(po.shor(PROBLEMS["Petersen"]).program()).name == "clarabel"


def test_recognised_forms():
    x = po.variables("x", 6)
    problem = po.minimize(
        po.sum_polynomials(x),
        subject_to=[
            x[0] ** 2 == 9,
            x[1] ** 2 <= 4,
            x[2] == x[2] ** 2,
            (x[3] + 1) * (5 - x[3]) >= 0,
            x[4] ** 2 + 4 * (x[5] - 1) ** 2 <= 4,
            x[5] ** 2 <= 100,
        ],
    )
    program = po.shor(problem).program()
    bounds = bound_diagonal(program, read_block(program))
    np.testing.assert_allclose(bounds.centre, [1, 0, 0, 0.5, 2, 0, 0], atol=1e-15)
    # A row with one variable comes before a ball.
    np.testing.assert_allclose(bounds.width, [0, 3, 2, 0.5, 3, 2, 10])
    assert bounds.sign.tolist() == [True, True, False, True, False, False, False]
    assert bounds.rows.single[bounds.item[1:]].tolist() == [True, True, True, True, False, True]


def test_identities_inside_the_block_are_used():
    # X_11 = X_01 (one variable for both) and X_22 = 1 (a constant), as modulo x² = x and y² = 1.
    root = np.sqrt(2.0)
    A = np.zeros((6, 3))
    A[1, 0], A[2, 0], A[3, 1], A[4, 2] = -root, -1.0, -root, -root
    b = np.array([1.0, 0, 0, 0, 0, 1.0])
    program = ConicProgram([1.0, 1.0, 4.0], sp.csc_array(A), b, Cones(psd=(3,)))
    ours = LowRankSolver().solve(program)
    theirs = get_solver("clarabel").solve(program)
    assert ours.status is Status.OPTIMAL
    assert ours.dual_objective == pytest.approx(theirs.dual_objective, abs=1e-4)
    assert solution_residuals(program, ours).dual <= 1e-12


def test_repeated_moments_become_equations():
    # One variable in the entries (0, 1) and (0, 2): x and y have the same mean.
    root = np.sqrt(2.0)
    A = np.zeros((8, 4))
    A[0, 1], A[1, 3] = 1.0, 1.0
    A[3, 0], A[4, 1], A[5, 0], A[6, 2], A[7, 3] = -root, -1.0, -root, -root, -1.0
    b = np.array([1.0, 2.0, 1.0, 0, 0, 0, 0, 0])
    program = ConicProgram([1.0, 1.0, 2.0, 1.5], sp.csc_array(A), b, Cones(nonnegative=2, psd=(3,)))
    ours = LowRankSolver().solve(program)
    theirs = get_solver("clarabel").solve(program)
    assert ours.status is Status.OPTIMAL
    assert ours.dual_objective == pytest.approx(theirs.dual_objective, abs=1e-4)
    assert solution_residuals(program, ours).worst <= 1e-3


def test_badly_scaled_variables():
    x = po.variables("x", 4)
    problem = po.minimize(
        x[0] * x[1] * 1000 + x[2] * x[3] / 1000 - x[0] + x[3],
        subject_to=[x[0] ** 2 <= 1e-6, x[1] ** 2 <= 1, x[2] ** 2 <= 1e6, x[3] ** 2 <= 1],
    )
    assert variable_exponents(problem).any()
    relaxation = po.shor(problem)
    assert relaxation.solve(solver="lowrank").bound == pytest.approx(
        relaxation.solve(solver="clarabel").bound, abs=1e-4
    )


def test_unbounded_variables_are_named_with_a_remedy():
    x = po.variables("x", 4)
    problem = po.minimize(
        x[0] * x[1], subject_to=[x[0] ** 2 <= 1, x[2] ** 2 == 1, x[1] + x[3] >= 0, x[1] <= 2]
    )
    with pytest.raises(SolverError, match=r"x1, x3.*x\*\*2 <= r\*\*2") as caught:
        po.shor(problem).solve(solver="lowrank")
    assert "2 of 4 variables" in str(caught.value)
    with pytest.raises(SolverError, match=r"row 2 of the moment matrix, row 4"):
        LowRankSolver().solve(po.shor(problem).program())


def test_other_programs_are_refused():
    x = po.variables("x", 2)
    problem = po.minimize(x[0] ** 4 - x[1], subject_to=[x[0] ** 2 <= 1, x[1] ** 2 <= 1])
    with pytest.raises(SolverError, match="one PSD block"):
        po.putinar(problem, order=2).solve(solver="lowrank")
    with pytest.raises(SolverError, match='form="moment"'):
        po.shor(PROBLEMS["5-cycle"]).solve(solver="lowrank", form="sos")


def test_options_are_checked_and_honoured():
    program = po.shor(PROBLEMS["Petersen"]).program()
    solver = LowRankSolver()
    assert solver.capabilities.kind is SolverKind.LOW_RANK
    with pytest.raises(UnknownOptionError, match="Did you mean"):
        solver.solve(program, SolverOptions(extra={"ranks": 3}))
    short = solver.solve(program, SolverOptions(tolerance=1e-9, extra={"rounds": 1, "rank": 4}))
    assert short.status is Status.INACCURATE
    assert "relative gap" in short.message
    again = [solver.solve(program, SolverOptions(extra={"seed": 5})).z for _ in range(2)]
    np.testing.assert_array_equal(*again)
    late = solver.solve(program, SolverOptions(tolerance=1e-9, time_limit=1e-9))
    assert late.status is Status.TIME_LIMIT


def test_log_is_printed_when_asked_for(capsys):
    po.shor(PROBLEMS["5-cycle"]).solve(solver="lowrank", verbose=True)
    assert "round   0  value" in capsys.readouterr().out
