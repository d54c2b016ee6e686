"""Every stated answer of the library: minimisers and local search on one side, bounds on the other.

The values of hierarchies come from the literature cited in the problems' ``source``.
"""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import polyopt as po
from polyopt import problems
from polyopt.problems import NamedProblem

from .local_search import best_local_value

#: Larger blocks take more than a few seconds.
LARGEST_BLOCK = 46

ALL = problems.all_problems()
ATTAINED = [p for p in ALL if p.status is po.Status.OPTIMAL and p.optimum is not None]
# Stengle's constraint is a cube: a violation of 1e-9 is a distance of 1e-3, too far for this test.
SMALL = [p for p in ATTAINED if p.number_of_variables <= 13 and p.name != "stengle"]


def relax(problem: NamedProblem, order: int) -> po.Relaxation:
    if "nearly sparse" in problem.tags:
        return po.nearly_sparse(problem, order)
    return po.putinar(problem, order, sparsity="correlative" if "sparse" in problem.tags else None)


def solve(relaxation: po.Relaxation) -> po.RelaxationResult:
    """Solve in the default form, and in the other one where that does not reach the tolerance."""
    result = relaxation.solve()
    if result.status.is_solved:
        return result
    return relaxation.solve(form="sos" if result.form == "moment" else "moment")


def exact_cases() -> list[tuple[NamedProblem, po.Relaxation]]:
    cases = [(p, relax(p, p.exact_order)) for p in ATTAINED if p.exact_order is not None]
    return [(p, r) for p, r in cases if r.plan.largest_block <= LARGEST_BLOCK]


EXACT = exact_cases()


def scale(problem: NamedProblem) -> float:
    assert problem.optimum is not None
    return max(1.0, abs(problem.optimum))


@pytest.mark.parametrize("problem", ATTAINED, ids=lambda p: p.name)
def test_minimisers_are_feasible_and_attain_the_optimum(problem: NamedProblem) -> None:
    if not len(problem.minimizers):
        # The value is then attained by local search, see below, or it is an infimum.
        assert problem.name in [p.name for p in SMALL] or "balls" in problem.tags
        return
    values = problem.evaluate(problem.minimizers)
    tolerance = max(problem.accuracy, 1e-8) * scale(problem)
    np.testing.assert_allclose(values, problem.optimum, rtol=0, atol=tolerance)
    size = max(1.0, float(np.abs(problem.minimizers).max()))
    assert problem.violation(problem.minimizers).max() <= 1e-6 * size
    if problem.box is not None:
        assert (problem.minimizers >= problem.box[0]).all()
        assert (problem.minimizers <= problem.box[1]).all()


@pytest.mark.parametrize("problem", SMALL, ids=lambda p: p.name)
def test_local_search_finds_nothing_better(problem: NamedProblem) -> None:
    found = best_local_value(problem, 4 if problem.number_of_variables > 6 else 8)
    optimum = problem.optimum
    assert optimum is not None
    slack = (problem.accuracy + 1e-6) * scale(problem)
    assert problem.sign * found >= problem.sign * optimum - slack
    if not len(problem.minimizers) and "not attained" not in problem.tags:
        assert found == pytest.approx(optimum, abs=slack)


@pytest.mark.parametrize(
    ("problem", "relaxation"), EXACT, ids=[problem.name for problem, _ in EXACT]
)
def test_bound_at_the_exact_order(problem: NamedProblem, relaxation: po.Relaxation) -> None:
    result = solve(relaxation)
    assert result.bound == pytest.approx(problem.optimum, abs=1e-4 * scale(problem))
    proof = result.prove(box=problem.box)
    assert problem.optimum is not None
    gap = problem.sign * (problem.optimum - proof.bound)
    assert -problem.accuracy * scale(problem) <= gap <= 5e-3 * scale(problem)


def test_most_problems_are_solved_exactly() -> None:
    assert len(EXACT) >= 50
    assert len(ATTAINED) >= 70


@pytest.mark.parametrize(
    ("problem", "known"),
    [
        (p, known)
        for p in ALL
        for known in p.bounds
        if np.isfinite(known.value) and not known.sparse
    ],
    ids=lambda item: item.name if isinstance(item, NamedProblem) else f"order_{item.order}",
)
def test_bounds_below_the_exact_order(problem: NamedProblem, known: problems.KnownBound) -> None:
    result = solve(po.putinar(problem, known.order))
    assert result.bound == pytest.approx(known.value, abs=2e-4)
    assert problem.optimum is not None
    assert problem.sign * known.value <= problem.sign * problem.optimum + 1e-12


@pytest.mark.parametrize("name", [p.name for p in ALL if any(np.isinf(b.value) for b in p.bounds)])
def test_orders_without_a_bound_are_not_called_solved(name: str) -> None:
    """Nonnegative but never a sum of squares: weakly infeasible, so there is no ray to show it.

    What can be proven from the multipliers all the same must be below the optimum.
    """
    problem = problems.get(name)
    known = next(b for b in problem.bounds if np.isinf(b.value))
    result = po.putinar(problem, known.order).solve()
    assert result.status is not po.Status.OPTIMAL
    assert result.bound < -10.0
    assert problem.optimum is not None
    if result.status.has_iterate:
        assert result.prove(box=problem.box).bound < problem.optimum


def test_motzkin_rises_to_zero_on_a_disc() -> None:
    large = problems.motzkin(50.0**0.5)
    bounds = [solve(po.putinar(large, order)).bound for order in (3, 4)]
    assert bounds == pytest.approx([-2.39674, -0.4201], abs=1e-3)
    middle = problems.motzkin(8.0**0.5)
    assert solve(po.putinar(middle, order=3)).bound == pytest.approx(0.0, abs=1e-6)
    small = problems.motzkin(1.0)
    assert solve(po.putinar(small, order=4)).bound == pytest.approx(small.optimum, abs=1e-5)
    assert best_local_value(small) == pytest.approx(small.optimum, abs=1e-6)


@pytest.mark.parametrize(
    "problem",
    [p for p in ALL if p.status is po.Status.INFEASIBLE],
    ids=lambda p: p.name,
)
@pytest.mark.parametrize("form", ["moment", "sos"])
def test_infeasible_problems_are_recognised(problem: NamedProblem, form: str) -> None:
    assert problem.exact_order is not None
    result = po.putinar(problem, problem.exact_order).solve(form=form)  # type: ignore[arg-type]
    assert result.status is po.Status.INFEASIBLE
    assert result.bound == np.inf


@pytest.mark.parametrize(
    "problem",
    [p for p in ALL if p.status is po.Status.UNBOUNDED],
    ids=lambda p: p.name,
)
def test_unbounded_problems_have_no_bound(problem: NamedProblem) -> None:
    assert problem.exact_order is not None
    result = po.putinar(problem, problem.exact_order).solve()
    assert result.status is not po.Status.OPTIMAL
    assert result.bound < -1e3


def test_an_indefinite_form_is_unbounded_with_a_ray() -> None:
    result = po.putinar(problems.unbounded_quartic(), order=2).solve()
    assert result.status is po.Status.UNBOUNDED
    assert result.bound == -np.inf


def test_maxcut_of_the_five_cycle_and_others() -> None:
    cycle = problems.maxcut()
    assert po.putinar(cycle, order=1).solve().bound == pytest.approx(4.522542, abs=1e-6)
    assert po.shor(cycle).solve().bound == pytest.approx(4.522542, abs=1e-6)
    assert po.putinar(cycle, order=2).solve().bound == pytest.approx(4.0, abs=1e-6)
    weighted = nx.cycle_graph(4)
    nx.set_edge_attributes(weighted, {(0, 1): 2.0, (0, 3): 0.5}, "weight")
    problem = problems.maxcut(weighted)
    assert problem.optimum == 4.5
    assert po.putinar(problem, order=2).solve().bound == pytest.approx(4.5, abs=1e-6)


def test_bounds_rise_with_the_order() -> None:
    problem = problems.ex3_1_4()
    bounds = [po.putinar(problem, order).solve().bound for order in (1, 2, 3)]
    assert bounds[0] < bounds[1] < bounds[2] < -4.0
    assert bounds == pytest.approx([-6.0, -5.6923, -4.0685], abs=2e-4)


@pytest.mark.parametrize(("n", "starts"), [(6, 20), (8, 80)])
def test_random_quartics_agree_with_other_systems(n: int, starts: int) -> None:
    problem = problems.random_quartic_ball(n)
    result = po.putinar(problem, order=2).solve()
    assert result.bound == pytest.approx(problem.optimum, abs=1e-6)
    assert best_local_value(problem, starts) == pytest.approx(problem.optimum, abs=1e-6)


def test_local_search_attains_the_values_with_balls() -> None:
    """The sparse order 2 of these is too large for a test; their values are attained, though."""
    problem = problems.rosenbrock_balls(40)
    assert best_local_value(problem, 1) == pytest.approx(problem.optimum, rel=1e-5)
