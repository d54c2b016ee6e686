"""Minimisers of problems with known answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import polyopt as po
from polyopt.extraction import FixedRank, RelativeTolerance
from polyopt.problems import get

#: name, arguments, order, sparsity, whether every known minimiser must be found.
KNOWN: list[tuple[str, tuple[Any, ...], int, Any, bool]] = [
    ("six_hump_camel", (), 3, None, True),
    ("himmelblau", (), 2, None, True),
    ("motzkin_ball", (), 4, None, True),
    ("maxcut", (), 2, None, False),
    ("maxcut_petersen", (), 2, "correlative", False),
    ("rosenbrock", (50,), 2, "correlative", True),
    ("arrow_quartic", (10,), 2, "correlative", True),
    ("beale", (), 4, None, True),
    ("booth", (), 1, None, True),
    ("box_chain_budget", (8,), 2, "correlative", True),
    ("chained_wood", (8,), 2, "correlative", True),
    ("chained_singular", (8,), 2, "correlative", True),
    ("chebyshev", (), 3, None, True),
    ("concave_diamond", (), 2, None, True),
    ("cubic_triangle", (), 3, None, True),
    ("dixon_price", (6,), 2, "correlative", True),
    ("double_well_budget", (10,), 2, "correlative", True),
    ("ellipsoid_product", (), 2, None, True),
    ("equality_quartics", (), 3, None, True),
    ("ex2_1_1", (), 3, None, True),
    ("ex2_1_2", (), 2, None, True),
    ("ex2_1_4", (), 2, None, True),
    ("ex3_1_2", (), 1, None, True),
    ("ex3_1_3", (), 2, None, True),
    ("freudenstein_roth", (), 3, None, True),
    ("goldstein_price", (), 4, None, True),
    ("haverly_pooling", (), 2, None, True),
    ("lasserre_quartic_region", (), 4, None, True),
    ("lasserre_two_squares", (), 2, None, True),
    ("liarwhd", (10,), 2, "correlative", True),
    ("number_partition", (), 1, None, False),
    ("quartic_product_box", (), 2, None, True),
    ("rosen_suzuki", (), 1, None, True),
    ("stable_set", (), 2, None, False),
    ("styblinski_tang", (5,), 2, "correlative", True),
    ("trust_region", (), 1, None, True),
    ("wood", (), 2, None, True),
]


@pytest.mark.parametrize(
    ("name", "arguments", "order", "sparsity", "complete"), KNOWN, ids=[k[0] for k in KNOWN]
)
def test_known_minimizers(
    name: str, arguments: tuple[Any, ...], order: int, sparsity: Any, complete: bool
) -> None:
    problem = get(name, *arguments)
    found = po.putinar(problem, order, sparsity=sparsity).solve().minimizers()
    assert found
    values = [problem.sign * m.value for m in found]
    assert problem.optimum is not None
    for minimizer in found:
        assert minimizer.value == pytest.approx(problem.optimum, abs=2e-6, rel=2e-6)
        assert minimizer.violation == problem.violation(minimizer.point) <= 1e-6
        assert minimizer.value == problem.evaluate(minimizer.point)
    assert max(values) - min(values) <= 1e-5 * max(1.0, abs(values[0]))
    for known in problem.minimizers if complete else ():
        assert min(np.abs(known - m.point).max() for m in found) < 1e-3 * (1 + np.abs(known).max())


def test_the_same_points_for_the_same_seed() -> None:
    result = po.putinar(get("himmelblau"), 2).solve()
    first, second = (result.minimizers(rng=3) for _ in range(2))
    assert [m.point.tolist() for m in first] == [m.point.tolist() for m in second]


def test_points_before_the_local_search_are_close() -> None:
    problem = get("six_hump_camel")
    result = po.putinar(problem, 3).solve()
    for strategy in (FixedRank(2), RelativeTolerance(1e-4)):
        raw = result.minimizers(rank=strategy, polish=False)
        assert [m.polished for m in raw] == [False, False]
        for known in problem.minimizers:
            assert min(np.abs(known - m.point).max() for m in raw) < 1e-3


def test_a_bad_rank_still_gives_an_upper_value() -> None:
    problem = get("six_hump_camel")
    found = po.putinar(problem, 3).solve().minimizers(rank=FixedRank(1))
    assert found[0].value == pytest.approx(problem.optimum, abs=1e-8)


def test_unbounded_relaxation_still_gives_a_point() -> None:
    found = po.putinar(get("motzkin"), 3).solve().minimizers()
    assert found[0].value == pytest.approx(0.0, abs=1e-8)


def test_an_infeasible_problem_has_no_points() -> None:
    assert po.putinar(get("contradicting_balls"), 1).solve().minimizers() == []


def test_maximisation_is_sorted_from_the_top() -> None:
    x = po.variables("x", 1)[0]
    problem = po.maximize(3 - (x**2 - 1) ** 2)
    found = po.putinar(problem, 2).solve().minimizers()
    assert [m.point.round(5).tolist() for m in found] in ([[-1.0], [1.0]], [[1.0], [-1.0]])
    assert all(m.gap >= -1e-6 for m in found)
    assert "value 3" in str(found[0])
