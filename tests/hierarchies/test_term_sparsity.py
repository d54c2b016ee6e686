"""Term sparsity: published block sizes and values, and what the theory promises."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polyopt as po
from polyopt.relaxation.expansion import expand
from polyopt.sparsity.term import closure_blocks, pairs_in_blocks

from .problems import block_sizes, broyden_on_balls, rosenbrock_on_balls, six_variables


def test_blocks_and_value_of_the_six_variable_example() -> None:
    # Wang, Magron, Lasserre, Mai 2022 (CS-TSSOS), Example 3.6.
    relaxation = po.putinar(six_variables(), 2, sparsity="correlative")
    sparse = relaxation.refine(po.TermSparsity(steps=1, closure="block"))
    assert block_sizes(relaxation) == {15: 1, 10: 1}
    assert block_sizes(sparse) == {10: 1, 5: 1, 4: 1, 2: 3}
    assert sparse.solve().bound == pytest.approx(0.5042475, abs=1e-6)


def test_rosenbrock_on_balls_first_and_second_step() -> None:
    # Values 38.0494 and 38.0514: TSSOS with chordal closure.
    relaxation = po.putinar(rosenbrock_on_balls(40), 2, sparsity="correlative")
    first = relaxation.refine(po.TermSparsity(1, "chordal"))
    second = relaxation.refine(po.TermSparsity(2, "chordal"))
    sizes = block_sizes(first)
    assert (sizes[21], sizes[3], sizes[1]) == (2, 40, 342)
    sizes = block_sizes(second)
    assert (sizes[41], sizes[40], sizes[4]) == (1, 1, 1)
    bound = first.solve().bound
    assert bound == pytest.approx(38.0494, abs=1e-4)
    assert block_sizes(second)[3] > block_sizes(first)[3]


def test_broyden_on_balls_first_step() -> None:
    relaxation = po.putinar(broyden_on_balls(40), 2, sparsity="correlative")
    sparse = relaxation.refine(po.TermSparsity(1, "chordal"))
    assert sparse.solve().bound == pytest.approx(31.233529, abs=1e-4)


def test_a_thousand_variables_are_refined_without_solving() -> None:
    relaxation = po.putinar(rosenbrock_on_balls(1000), 2, sparsity="correlative")
    sparse = relaxation.refine(po.TermSparsity(1, "chordal"))
    assert sparse.plan.largest_block == 21
    assert sparse.plan.moments < relaxation.plan.moments / 40


def _quartic(seed: int, n: int, terms: int) -> po.PolynomialProblem:
    rng = np.random.default_rng(seed)
    x = po.variables("x", n)
    f = po.sum_polynomials(v**4 for v in x)
    for _ in range(terms):
        f = f + float(rng.integers(-4, 5)) * np.prod(rng.choice(x, size=rng.integers(1, 4)))
    g = 2 - po.sum_polynomials(v**2 for v in x)
    return po.minimize(f, subject_to=[g >= 0, x[0] ** 2 == x[1] ** 2])


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**6))
def test_iterated_block_closure_ends_at_the_dense_bound(seed: int) -> None:
    relaxation = po.putinar(_quartic(seed, 3, 3), 2)
    dense = relaxation.solve().bound
    bounds = [relaxation.refine(po.TermSparsity(k)).solve().bound for k in (1, 2, None)]
    assert bounds[0] <= bounds[1] + 1e-5
    assert bounds[1] <= bounds[2] + 1e-5
    assert bounds[2] == pytest.approx(dense, abs=1e-5)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**6))
def test_chordal_closure_gives_smaller_blocks_and_valid_bounds(seed: int) -> None:
    problem = _quartic(seed, 4, 3)
    relaxation = po.putinar(problem, 2)
    chordal = relaxation.refine(po.TermSparsity(1, "chordal"))
    block = relaxation.refine(po.TermSparsity(1, "block"))
    assert chordal.plan.largest_block <= block.plan.largest_block
    assert chordal.solve().bound <= block.solve().bound + 1e-5
    points = np.random.default_rng(seed).uniform(-0.7, 0.7, (200, 4))
    points[:, 1] = points[:, 0]
    feasible = points[problem.violation(points) <= 1e-12]
    assert chordal.solve().bound <= problem.evaluate(feasible).min() + 1e-6


def test_the_bound_can_be_proven() -> None:
    relaxation = po.putinar(_quartic(3, 3, 3), 2).refine(po.TermSparsity())
    result = relaxation.solve()
    proof = result.prove()
    assert proof.bound == pytest.approx(result.bound, abs=1e-4)
    proof.check(relaxation.problem)


def test_equality_multipliers_keep_what_meets_the_support() -> None:
    x = po.variables("x", 2)
    problem = po.minimize(x[0] ** 4 + x[1] ** 2, subject_to=[x[0] ** 2 == 1])
    sparse = po.putinar(problem, 2).refine(po.TermSparsity())
    free = [m for m in sparse.multipliers if m.cone is po.Cone.FREE]
    # Odd monomials meet nothing: 1, x0^2, x1^2 stay.
    assert [m.basis.size for m in free] == [3]
    assert sparse.solve().bound == pytest.approx(1.0, abs=1e-6)


def test_linear_programs_pass_unchanged() -> None:
    x = po.variables("x", 1)[0]
    problem = po.minimize(x, subject_to=[x >= 0])
    relaxation = po.putinar(problem, 1)
    scalar = po.Multiplier(
        problem.inequalities[0],
        relaxation.multipliers[1].basis,
        po.Cone.NONNEGATIVE,
        (po.Factor("inequality", 0),),
    )
    lp = po.Relaxation(problem, (scalar,), "one product", 1)
    assert lp.refine(po.TermSparsity()).multipliers == (scalar,)


def test_bases_too_large_to_refine_are_refused() -> None:
    x = po.variables("x", 2000)
    problem = po.minimize(po.sum_polynomials(v**4 for v in x))
    with pytest.raises(po.PolyoptError, match=r"refining the bases .* estimated to need"):
        po.putinar(problem, 2).refine(po.TermSparsity())


@pytest.mark.parametrize("steps", [0, -1, 1.5, True])
def test_bad_steps_are_refused(steps: object) -> None:
    with pytest.raises(po.PolyoptError, match=r"steps is .*positive integer"):
        po.TermSparsity(steps=steps)  # type: ignore[arg-type]


def test_bad_closures_are_refused() -> None:
    with pytest.raises(po.PolyoptError, match=r'closure is .maximal.*"block" or "chordal"'):
        po.TermSparsity(closure="maximal")  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 9),
    st.sets(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=14),
    st.sampled_from(["block", "chordal"]),
)
def test_blocks_cover_nodes_and_edges(n: int, pairs: set[tuple[int, int]], closure: str) -> None:
    edges = sorted({(min(p), max(p)) for p in pairs if p[0] != p[1] and max(p) < n})
    table = np.array(edges, dtype=np.intp).reshape(-1, 2)
    pointers, members = closure_blocks(n, table, closure)  # type: ignore[arg-type]
    blocks = [set(b.tolist()) for b in np.split(members, pointers[1:-1])]
    assert set().union(*blocks) == set(range(n))
    assert all(any({u, v} <= b for b in blocks) for u, v in edges)
    assert not any(a < b for a in blocks for b in blocks)
    if closure == "block":
        assert sum(map(len, blocks)) == n
    low, high = pairs_in_blocks(pointers, members)
    assert set(zip(low.tolist(), high.tolist(), strict=True)) == {
        (u, v) for b in blocks for u in b for v in b if u <= v
    }


def test_expansion_agrees_with_products_of_polynomials() -> None:
    x = po.variables("x", 2)
    problem = po.minimize(x[0] ** 4, subject_to=[1 - x[0] * x[1] - x[1] ** 2 >= 0])
    relaxation = po.putinar(problem, 2)
    expansion = expand(relaxation)
    localizer = relaxation.multipliers[1]
    product = problem.inequalities[0] * x[0] * x[1]
    chosen = np.zeros(int(expansion.offsets[-1]), dtype=bool)
    # Basis 1, x0, x1: the pair (x0, x1) is entry 2 * 3 / 2 + 1.
    assert localizer.basis.size == 3
    chosen[expansion.offsets[1] + 4] = True
    found = po.Polynomial(
        problem.variables, expansion.rows(expansion.monomials_of(chosen)), np.ones(3)
    )
    assert {tuple(r) for r in found.exponents.tolist()} == {
        tuple(r) for r in product.exponents.tolist()
    }
    assert expansion.touching(expansion.flags(product.rows))[expansion.offsets[1] + 4]


def test_block_lists_of_rosenbrock_in_balls() -> None:
    # Generalised Rosenbrock with a ball for each 20 variables, n = 40: the published block lists
    # of CS-TSSOS with chordal closure, steps 1 and 2, over all three cliques together.
    x = po.variables("x", 40)
    f = 1 + po.sum_polynomials(
        100 * (x[i] - x[i - 1] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(1, 40)
    )
    balls = [1 - po.sum_polynomials(v**2 for v in x[k : k + 20]) >= 0 for k in (0, 20)]
    whole = po.putinar(po.minimize(f, subject_to=balls), 2, sparsity="correlative")
    expected = {
        1: {21: 2, 3: 19 + 19 + 2, 2: 37 + 38 + 3, 1: 172 + 171},
        2: {41: 1, 40: 1, 4: 1, 3: 171 + 190, 2: 37 + 19 + 3, 1: 1},
    }
    for steps, sizes in expected.items():
        refined = whole.refine(po.TermSparsity(steps, "chordal"))
        found = Counter(m.basis.size for m in refined.multipliers if m.cone is po.Cone.PSD)
        found[1] += sum(m.basis.size for m in refined.multipliers if m.cone is not po.Cone.PSD)
        assert found == sizes
