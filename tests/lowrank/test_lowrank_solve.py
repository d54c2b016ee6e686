"""The solver against known values and against an interior-point solution of the same relaxation."""

from __future__ import annotations

import clarabel  # noqa: F401  (the independent solver behind cvxpy)
import cvxpy as cp
import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp

from polyopt.errors import InvalidProblemError
from polyopt.solvers.lowrank import (
    BilinearOperator,
    FirstOrderModel,
    LowRankOptions,
    MatrixOperator,
    Progress,
    solve_first_order,
)
from polyopt.solvers.lowrank.bilinear import alternate, independent_groups
from polyopt.solvers.lowrank.lbfgs import normalise_rows


def maxcut(graph: nx.Graph) -> FirstOrderModel:
    weights = nx.to_numpy_array(graph)
    return FirstOrderModel(len(weights), (MatrixOperator(-weights / 4),), weights.sum() / 4)


@pytest.mark.parametrize(
    ("graph", "value"),
    [
        # Shor's relaxation in closed form: vertex-transitive graphs, m/2 − n λ_min/4.
        (nx.cycle_graph(5), 4.522542485937369),
        (nx.complete_graph(5), 6.25),
        (nx.petersen_graph(), 12.5),
    ],
)
def test_maxcut_values(graph, value):
    result = solve_first_order(maxcut(graph), LowRankOptions(relative_gap=1e-7))
    assert result.reached_gap
    assert value <= result.bound <= value * (1 + 1e-6)


def reference_bound(model: FirstOrderModel) -> float:
    """The same relaxation through cvxpy, from matrices assembled one constraint at a time."""
    X = cp.Variable((model.side, model.side), symmetric=True)
    objective, _ = FirstOrderModel(model.side, model.objective).assemble(())
    constraints = [X >> 0]
    signs = model.signs
    for i in range(model.side):
        constraints.append(X[i, i] == 1 if signs[i] else X[i, i] <= 1)
    for family in model.families:
        for k in range(family.size):
            unit = np.zeros(family.size)
            unit[k] = 1.0
            matrix = np.zeros((model.side, model.side))
            family.add_to(matrix, unit)
            value = cp.sum(cp.multiply(matrix, X))
            constraints.append(value == 0 if family.equality else value >= 0)
    problem = cp.Problem(cp.Maximize(cp.sum(cp.multiply(objective, X))), constraints)
    return float(problem.solve(solver=cp.CLARABEL)) + model.constant


@pytest.mark.parametrize("seed", range(3))
def test_one_layer_cuts_agree_with_interior_point(seed):
    from lowrank_problems import lipschitz_model, random_net

    model = lipschitz_model(random_net(4, 8, seed), 0.5, cuts=True, x_t=True, grid=True).model
    expected = reference_bound(model)
    result = solve_first_order(model, LowRankOptions(relative_gap=1e-5, rounds=30))
    assert expected * (1 - 1e-6) <= result.bound <= expected * (1 + 2e-3)


def test_equations_are_enforced():
    # max x1 + x2 with x1 x2 = 0 in the moments: X = (1, a, a; a, 1, 0; a, 0, 1), 2 a² = 1.
    from polyopt.solvers.lowrank import ProductFamily

    linear = BilinearOperator(np.array([1, 2]), np.array([0]), np.ones((2, 1)), np.ones(1))
    family = ProductFamily(
        sp.csr_array([[0.0, 1.0, 0.0]]), sp.csr_array([[0.0, 0.0, 1.0]]), equality=True
    )
    result = solve_first_order(
        FirstOrderModel(3, (linear,), families=(family,)), LowRankOptions(relative_gap=1e-6)
    )
    assert np.sqrt(2) <= result.bound <= np.sqrt(2) * (1 + 1e-5)


def test_box_rows_may_shrink():
    # max −x² + x over |x| ≤ 1 is 1/4 at x = 1/2; with X_11 = 1 it would be 0.
    matrix = np.array([[0.0, 0.5], [0.5, -1.0]])
    model = FirstOrderModel(2, (MatrixOperator(matrix),), sign_rows=np.array([True, False]))
    result = solve_first_order(model, LowRankOptions(relative_gap=1e-6))
    assert 0.25 <= result.bound <= 0.25001


def test_same_input_same_output():
    model = maxcut(nx.petersen_graph())
    one, two = solve_first_order(model, rng=3), solve_first_order(model, rng=3)
    assert one.bound == two.bound
    np.testing.assert_array_equal(one.state.factor, two.state.factor)


def test_interrupt_and_time_limit_still_prove_a_bound():
    from lowrank_problems import lipschitz_model, random_net

    model = lipschitz_model(random_net(10, 20, 0), 0.1, cuts=True).model

    def press(progress):
        if progress.round == 1:
            raise KeyboardInterrupt

    interrupted = solve_first_order(model, callback=press)
    assert interrupted.interrupted
    assert not interrupted.reached_gap
    late = solve_first_order(model, LowRankOptions(time_limit=0.0))
    assert late.interrupted
    full = solve_first_order(model)
    assert not full.interrupted
    assert full.value * (1 - 1e-3) <= full.bound <= interrupted.bound <= late.bound


def test_warm_start_needs_fewer_iterations():
    from lowrank_problems import lipschitz_model, random_net

    net = random_net(10, 20, 0)
    first = solve_first_order(lipschitz_model(net, 10.0).model)
    again = solve_first_order(lipschitz_model(net, 10.0).model, start=first.state)
    assert again.state.iterations < first.state.iterations
    assert again.bound == pytest.approx(first.bound, rel=1e-3)
    with pytest.raises(InvalidProblemError, match="21 rows, the model 5"):
        solve_first_order(maxcut(nx.cycle_graph(5)), start=first.state)
    with pytest.raises(InvalidProblemError, match="1 penalties for 0 families"):
        solve_first_order(maxcut(nx.cycle_graph(5)), LowRankOptions(penalties=(1.0,)))


def test_alternation_reaches_the_same_value(rng):
    block = rng.standard_normal((6, 8))
    rows, columns = np.arange(6), 6 + np.arange(8)
    model = FirstOrderModel(14, (BilinearOperator(rows, columns, block, np.ones(8)),))
    start = normalise_rows(rng.standard_normal((14, 7)))
    factor, sweeps = alternate(model, start, [rows, columns], sweeps=3000, tolerance=1e-13)
    assert sweeps < 3000
    value = float(np.sum(model.apply_objective(factor) * factor))
    bound = solve_first_order(model, LowRankOptions(relative_gap=1e-6)).bound
    assert value <= bound <= value * (1 + 1e-4)


def test_groups_are_independent(rng):
    pattern = sp.csr_array(nx.to_scipy_sparse_array(nx.gnp_random_graph(40, 0.2, seed=1)))
    groups = independent_groups(pattern)
    assert sorted(np.concatenate(groups).tolist()) == list(range(40))
    for group in groups:
        assert pattern[group][:, group].nnz == 0


def test_too_low_a_rank_is_raised_or_weak_but_never_wrong():
    graph = nx.petersen_graph()
    result = solve_first_order(maxcut(graph), LowRankOptions(rank=1, max_rank=8, rounds=20))
    assert result.bound >= 12.5
    assert result.state.factor.shape[1] - 1 > 1
    assert result.bound <= 12.5 * (1 + 1e-3)


def test_patience_ends_a_run_whose_bound_has_settled() -> None:
    adjacency = np.roll(np.eye(5), 1, axis=1) + np.roll(np.eye(5), -1, axis=1)
    model = FirstOrderModel(5, (MatrixOperator(-adjacency / 4),), constant=2.5)
    seen: list[Progress] = []
    options = LowRankOptions(relative_gap=1e-15, rounds=40, patience=2)
    result = solve_first_order(model, options, callback=seen.append)
    assert len(seen) < 40
    assert not result.interrupted
    assert result.bound == pytest.approx(4.522542, abs=1e-5)
