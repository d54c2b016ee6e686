"""Hierarchies as lists of multipliers: plans, cliques, assignments, first-order blocks."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

import polyopt as po
from polyopt import problems
from polyopt.polynomial.basis import Basis
from polyopt.relaxation.dense_constraints import detect_dense
from polyopt.relaxation.first_order import first_order_blocks, quadratic_pattern


@pytest.mark.parametrize(("n", "order"), [(2, 1), (3, 2), (4, 3), (10, 2)])
def test_dense_sizes_follow_the_binomial_formulas(n: int, order: int) -> None:
    x = po.variables("x", n)
    ball = po.sum_polynomials(v**2 for v in x) <= 1
    problem = po.minimize(po.sum_polynomials(v**2 for v in x), [ball, x[0] == 0.5])
    relaxation = po.putinar(problem, order)
    plan = relaxation.plan
    full, local = comb(n + order, order), comb(n + order - 1, order - 1)
    sides = sorted((s for s, count in plan.psd for _ in range(count)), reverse=True)
    assert sides == [side for side in (full, local) if side > 1]
    assert plan.free == comb(n + 2 * order - 1, 2 * order - 1)
    assert len(relaxation.assembly.moments) == comb(n + 2 * order, 2 * order)
    assert plan.entries == relaxation.program().number_of_rows
    assert plan.moments >= len(relaxation.assembly.moments)


def test_the_plan_prints_what_matters_without_building_anything() -> None:
    problem = problems.random_quartic_ball(10)
    relaxation = po.putinar(problem, order=4)
    text = str(relaxation)
    assert "Putinar, order 4" in text
    assert "1001×1001" in text
    assert "estimated memory" in text
    assert "assembly" not in vars(relaxation)


def test_the_memory_estimate_of_the_assembly_is_not_below_the_data() -> None:
    relaxation = po.putinar(problems.random_quartic_ball(6), order=2)
    program = relaxation.program()
    assert relaxation.plan.assembly_bytes >= program.A.nnz * 12


def test_constraints_go_to_the_first_clique_or_to_all() -> None:
    x = po.variables("x", 3)
    problem = po.minimize(x[0] * x[1] + x[1] * x[2], [v**2 <= 1 for v in x])
    first = po.putinar(problem, order=2, sparsity="correlative")
    everywhere = po.putinar(problem, order=2, sparsity="correlative", assign="all")
    assert len(first.multipliers) == 2 + 3
    assert len(everywhere.multipliers) == 2 + 4
    assert everywhere.solve().bound == pytest.approx(first.solve().bound, abs=1e-6)


def test_cliques_by_name_index_and_pattern_are_the_same() -> None:
    problem = problems.broyden_tridiagonal(5)
    windows = [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
    by_index = po.putinar(problem, order=2, cliques=windows)
    by_name = po.putinar(problem, order=2, cliques=[[f"x{i}" for i in w] for w in windows])
    by_pattern = po.putinar(problem, order=2, sparsity=po.correlative_sparsity(problem))
    for other in (by_name, by_pattern):
        assert [m.basis.rows.tolist() for m in other.multipliers] == [
            m.basis.rows.tolist() for m in by_index.multipliers
        ]


def test_overlapping_cliques_without_running_intersection_are_valid() -> None:
    """A ring of pairs fails the property; its bound is valid and weaker than the dense one."""
    problem = problems.frustrated_ring(5)
    pairs = [[i, (i + 1) % 5] for i in range(5)]
    relaxation = po.putinar(problem, order=2, cliques=pairs)
    assert relaxation.sparsity is not None
    assert not relaxation.sparsity.running_intersection
    bound = relaxation.solve().bound
    assert bound == pytest.approx(-5.0, abs=1e-5)
    assert po.putinar(problem, order=2).solve().bound == pytest.approx(-3.0, abs=1e-5)


def test_shor_is_order_one() -> None:
    for problem in (problems.trust_region(4), problems.maxcut(), problems.ex3_1_4()):
        shor = po.shor(problem).solve().bound
        assert shor == pytest.approx(po.putinar(problem, order=1).solve().bound, abs=1e-6)


def test_splitting_the_first_order_matrix_changes_nothing() -> None:
    problem = problems.frustrated_ring(9)
    whole, split = po.shor(problem), po.shor(problem, chordal=True)
    assert split.plan.largest_block < whole.plan.largest_block
    assert split.solve().bound == pytest.approx(whole.solve().bound, abs=1e-6)


@pytest.mark.parametrize("split", [True, False])
@pytest.mark.parametrize(
    "problem",
    problems.all_problems(tag="nearly sparse"),
    ids=lambda p: p.name,
)
def test_nearly_sparse_bounds(problem: problems.NamedProblem, split: bool) -> None:
    relaxation = po.nearly_sparse(problem, order=2, split_first_order=split)
    result = relaxation.solve()
    assert result.bound == pytest.approx(problem.optimum, abs=1e-4)


def test_nearly_sparse_is_between_order_one_and_the_dense_order() -> None:
    x = po.variables("x", 5)
    chain = po.sum_polynomials((x[i] * x[i + 1] - 0.5) ** 2 - x[i] for i in range(4))
    budget = po.sum_polynomials(x) <= 1
    problem = po.minimize(chain, [*(v**2 <= 1 for v in x), budget])
    dense = po.putinar(problem, order=2).solve().bound
    cliques = [[i, i + 1] for i in range(4)]
    nearly = po.nearly_sparse(problem, order=2, cliques=cliques).solve().bound
    named = po.nearly_sparse(problem, order=2, dense=[5]).solve().bound
    assert nearly <= dense + 1e-6
    assert nearly == pytest.approx(named, abs=1e-6)
    assert nearly >= -4.0


def test_dense_constraints_are_found_and_explained() -> None:
    for name in ("double_well_budget", "broyden_budget", "rosenbrock_dense_ball"):
        problem = problems.get(name, 30)
        detection = detect_dense(problem, 2)
        sizes = [len(problem.inequalities[f.number].support) for f in detection.dense]
        assert sizes == [30] * len(sizes)
        assert len(sizes) == len(problem.inequalities)
        note = " ".join(po.nearly_sparse(problem, order=2).notes)
        assert "dense" in note
    assert detect_dense(problems.broyden_tridiagonal(10), 2).dense == ()


def test_first_order_blocks_cover_the_pattern() -> None:
    problem = problems.broyden_budget(12)
    graph = quadratic_pattern(problem, cliques=[[0, 1, 2], [9, 10, 11]])
    blocks = [set(block.tolist()) for block in first_order_blocks(graph)]
    for a, b in graph.edges:
        assert any({a, b} <= block for block in blocks)


def test_multipliers_of_ones_own_tighten_the_bound() -> None:
    """The product of two constraints, as in Schmüdgen's certificate, is a valid multiplier."""
    x, y = po.variables("x y")
    problem = po.minimize(-x * y - x, [x >= 0, y >= 0, 1 - x - y >= 0, 1 - x >= 0, 1 - y >= 0])
    plain = po.shor(problem)
    one = Basis.constant()
    pairs = [(0, 1), (0, 2), (1, 2), (2, 3)]
    products = [
        po.Multiplier(
            problem.inequalities[i] * problem.inequalities[j],
            one,
            po.Cone.NONNEGATIVE,
            (po.Factor("inequality", i), po.Factor("inequality", j)),
        )
        for i, j in pairs
    ]
    tightened = plain.add(*products)
    assert len(tightened.multipliers) == len(plain.multipliers) + 4
    result = tightened.solve()
    # f = -x (1 + y) is -1 at (1, 0) at the least: x (1 + y) <= (1 - y)(1 + y) <= 1.
    assert result.bound == pytest.approx(-1.0, abs=1e-5)
    assert plain.solve().bound < -1.0
    assert result.prove().bound <= -1.0


def test_refine_applies_transformations_in_order() -> None:
    seen: list[str] = []

    def note(name: str):  # type: ignore[no-untyped-def]
        def transform(relaxation: po.Relaxation) -> po.Relaxation:
            seen.append(name)
            return relaxation.with_timing(name, 0.0)

        return transform

    relaxation = po.putinar(problems.maxcut(), order=1).refine(note("first"), note("second"))
    assert seen == ["first", "second"]
    assert list(relaxation.timings)[-2:] == ["first", "second"]


def test_trivial_constraints_are_left_out() -> None:
    x = po.variables("x", 2)
    with_constant = po.PolynomialProblem(x[0] ** 2 + x[1], [1.0, 1 - x[1] ** 2], [0.0])
    assert len(po.putinar(with_constant, order=1).multipliers) == 2
    assert po.putinar(with_constant, order=1).solve().bound == pytest.approx(-1.0, abs=1e-6)


def test_variables_that_do_not_occur_cost_nothing() -> None:
    x = po.variables("x", 6)
    problem = po.minimize(x[1] ** 2 - x[1] * x[4], [x[4] ** 2 <= 1])
    for relaxation in (
        po.putinar(problem, order=1),
        po.putinar(problem, order=1, sparsity="correlative"),
        po.nearly_sparse(problem, order=1),
        po.shor(problem),
    ):
        assert relaxation.plan.largest_block == 3
        result = relaxation.solve()
        assert result.bound == pytest.approx(-0.25, abs=1e-6)
        first = result.moments.first_order()
        assert np.isfinite(first[[1, 4]]).all()
    assert np.isnan(po.putinar(problem, order=1).solve().moments.first_order()[[0, 2, 3, 5]]).all()


def test_minimal_order_fits_the_largest_degree() -> None:
    x = po.variables("x", 1)[0]
    assert po.minimal_order(po.minimize(x)) == 1
    assert po.minimal_order(po.minimize(x, [x**3 >= 0])) == 2
    assert po.minimal_order(po.minimize(x**7 + x**8)) == 4


def test_large_sparse_relaxations_are_planned_and_built() -> None:
    problem = problems.broyden_tridiagonal(5000)
    relaxation = po.putinar(problem, order=2, sparsity="correlative")
    assert relaxation.plan.psd == ((10, 4998),)
    program = relaxation.program()
    assert program.number_of_rows == 4998 * 55
    assert program.number_of_variables == len(relaxation.assembly.moments) - 1
