"""The vectorised assembly against a slow one that shares no code with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polyopt as po
from polyopt import problems
from polyopt.conic.residuals import cone_violation

from .slow_assembly import putinar_blocks, terms

CASES: list[tuple[str, po.PolynomialProblem, int, list[list[int]] | None]] = [
    ("camel", problems.six_hump_camel(), 3, None),
    ("camel_higher", problems.six_hump_camel(), 4, None),
    ("region", problems.lasserre_quartic_region(), 3, None),
    ("maxcut", problems.maxcut(), 2, None),
    ("stable_set", problems.stable_set(), 2, None),
    ("pooling", problems.haverly_pooling(), 2, None),
    ("odd_degrees", problems.equality_quartics(), 2, None),
    ("random", problems.random_quartic_ball(3), 2, None),
    ("rosenbrock", problems.rosenbrock(5), 2, [[0, 1], [1, 2], [2, 3], [3, 4]]),
    ("broyden", problems.broyden_tridiagonal(5), 2, [[0, 1, 2], [1, 2, 3], [2, 3, 4]]),
    ("chain", problems.bilinear_chain(4), 2, [[0, 1], [1, 2], [2, 3]]),
    ("mixed_sizes", problems.coupled_discs(5), 1, [[0, 1, 2], [2, 3], [3, 4]]),
]


def compare(problem: po.PolynomialProblem, relaxation: po.Relaxation, cliques: Any) -> None:
    program = relaxation.program()
    blocks = putinar_blocks(problem, relaxation.order, cliques)
    cones = program.cones
    assert cones.zero == sum(b.side for b in blocks if b.cone == "zero")
    assert cones.nonnegative == sum(b.side for b in blocks if b.cone == "nonnegative")
    assert cones.psd == tuple(b.side for b in blocks if b.cone == "psd")
    n = problem.number_of_variables
    exponents = [
        tuple(int((row == i + 1).sum()) for i in range(n)) for row in relaxation.assembly.moments
    ]
    assert exponents[0] == (0,) * n
    rows = [row for block in blocks for row in block.rows]
    assert {e for row in rows for e in row} | {(0,) * n} == set(exponents)
    place = {e: k for k, e in enumerate(exponents)}
    dense = np.zeros((len(rows), len(exponents)))
    for k, row in enumerate(rows):
        for e, value in row.items():
            dense[k, place[e]] += value
    np.testing.assert_allclose(program.b, dense[:, 0], rtol=1e-14, atol=0)
    np.testing.assert_allclose(program.A.toarray(), -dense[:, 1:], rtol=1e-14, atol=1e-14)
    objective = np.zeros(len(exponents))
    for e, value in terms(problem.objective).items():
        objective[place[e]] = problem.sign * value
    np.testing.assert_array_equal(program.c, objective[1:])
    assert program.offset == objective[0]


@pytest.mark.parametrize(
    ("problem", "order", "cliques"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_agrees_with_a_slow_assembly(
    problem: po.PolynomialProblem, order: int, cliques: list[list[int]] | None
) -> None:
    relaxation = po.putinar(problem, order, cliques=cliques)
    everything = [list(range(problem.number_of_variables))]
    compare(problem, relaxation, cliques if cliques is not None else everything)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(1, 4), st.integers(1, 2), st.integers(0, 2**32 - 1))
def test_agrees_on_random_problems(n: int, order: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = po.Variables(f"x{i}" for i in range(n))

    def random(largest: int) -> po.Polynomial:
        table = rng.multinomial(largest, np.ones(n + 1) / (n + 1), size=4)[:, :n]
        return po.Polynomial.from_arrays(table, rng.integers(-5, 6, 4), variables=names)

    ball = 9.0 - po.quadratic(np.eye(n), variables=names)
    cubic = random(2 * order)
    # A constant that no point satisfies is refused, which is tested elsewhere.
    others = [g for g in (random(2), random(2 * order)) if g.degree > 0]
    equalities = [h for h in (random(1), random(2)) if h.degree > 0]
    problem = po.PolynomialProblem(cubic, [ball, *others], equalities, names)
    compare(problem, po.putinar(problem, order), [list(range(n))])


@pytest.mark.parametrize("seed", range(4))
def test_a_true_point_gives_feasible_moments(seed: int) -> None:
    """Moments of a Dirac measure on a feasible point satisfy every cone, and L(f) = f(x)."""
    rng = np.random.default_rng(seed)
    problem = (
        problems.haverly_pooling(),
        problems.maxcut(),
        problems.ex3_1_3(),
        problems.equality_quartics(),
    )[seed]
    point = problem.minimizers[rng.integers(len(problem.minimizers))]
    relaxation = po.putinar(problem, order=2)
    program = relaxation.program()
    extended = np.concatenate([[1.0], point])
    moments = extended[relaxation.assembly.moments].prod(axis=1)
    slack = program.b - program.A @ moments[1:]
    scale = max(1.0, float(np.abs(slack).max()))
    assert cone_violation(program.cones, slack) <= 1e-9 * scale
    value = program.primal_objective(moments[1:])
    assert problem.sign * value == pytest.approx(problem.evaluate(point), rel=1e-12)


def test_wide_monomials_are_assembled() -> None:
    """Order 3 in 5000 variables: keys of degree 6 do not fit into 64 bits."""
    n = 5000
    x = po.variables("x", n)
    problem = po.minimize(x[0] ** 6 + (x[0] - x[n - 1]) ** 4 + x[n - 2] ** 2)
    relaxation = po.putinar(problem, order=3, sparsity="correlative")
    result = relaxation.solve()
    assert result.bound == pytest.approx(0.0, abs=1e-6)
    assert relaxation.assembly.moments.shape[1] == 6
