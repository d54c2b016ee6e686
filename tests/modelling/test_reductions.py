"""Reductions: the reduced problem is the original one in other variables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polyopt as po
from polyopt.errors import InvalidProblemError
from polyopt.reductions import Reduction

ALL = (po.FixedVariables(), po.LinearEqualities(), po.UnusedVariables(), po.ScaleToBoxes())


def assert_same(reduced: po.ReducedProblem, rng: np.random.Generator) -> None:
    """Objective and violation agree at lifted points; restricting undoes lifting."""
    points = rng.uniform(-1, 1, size=(20, reduced.problem.number_of_variables))
    lifted = reduced.lift(points)
    np.testing.assert_allclose(
        reduced.problem.evaluate(points), reduced.original.evaluate(lifted), rtol=1e-9, atol=1e-9
    )
    np.testing.assert_allclose(
        reduced.problem.violation(points), reduced.original.violation(lifted), atol=1e-9
    )
    np.testing.assert_allclose(reduced.restrict(lifted), points, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_random_problems(seed: int, exact: bool) -> None:
    rng = np.random.default_rng(seed)
    n = 5
    exponents = rng.integers(0, 3, size=(8, n))
    names = [f"x{i}" for i in range(n)]
    f, g = (
        po.Polynomial.from_arrays(exponents, rng.integers(-3, 4, size=8), variables=names)
        for _ in range(2)
    )
    x = po.variables("x", n)
    weights = rng.integers(-2, 3, size=n)
    row = sum((int(w) * v for w, v in zip(weights, x, strict=True)), 0 * x[0])
    constraints = [g >= -100, x[2] == float(rng.integers(-3, 4)) / 2]
    constraints += [v**2 <= float(rng.integers(1, 60)) for v in x[:2]]
    if np.count_nonzero(np.delete(weights, 2)):
        constraints.append(row == 1)
    problem = po.minimize(f, subject_to=constraints, variables=x)
    rules: list[Reduction] = [
        po.FixedVariables(exact),
        po.LinearEqualities(exact),
        po.UnusedVariables(),
    ]
    reduced = po.reduce(problem, *rules)
    assert reduced.exact or not exact
    assert reduced.problem.number_of_variables < n
    assert_same(reduced, rng)
    assert_same(po.reduce(problem, *rules, po.ScaleToBoxes()), rng)


def test_bounds_are_those_of_the_original() -> None:
    x = po.variables("x", 4)
    f = x[0] * x[1] - x[2] * x[3] + x[0] ** 2
    constraints = [x[0] + x[1] - x[2] == 1, x[3] == 0.5, *(v**2 <= 9 for v in x[:3])]
    problem = po.minimize(f, subject_to=constraints)
    reduced = po.reduce(problem, *ALL)
    assert reduced.exact
    assert reduced.problem.number_of_variables == 2
    whole = po.putinar(problem, order=2).solve()
    result = po.putinar(reduced.problem, order=2).solve()
    assert result.bound == pytest.approx(whole.bound, abs=1e-5)
    proof = result.prove()
    assert reduced.kind(proof.kind) == "proven"
    best = reduced.lift_minimizers(result.minimizers())[0]
    assert best.point.shape == (4,)
    assert best.violation < 1e-7
    assert proof.bound <= best.value == problem.evaluate(best.point)
    assert best.value == pytest.approx(whole.bound, abs=1e-4)


def test_rounded_substitutions_are_left_out_or_told() -> None:
    x, y = po.variables("x y")
    problem = po.minimize(x**2 + y**2, subject_to=[3 * x + 7 * y == 1])
    kept = po.reduce(problem, po.LinearEqualities())
    assert kept.problem is problem
    assert kept.exact
    assert "nothing to reduce" in str(kept)
    rounded = po.reduce(problem, po.LinearEqualities(exact=False))
    assert not rounded.exact
    assert rounded.kind("proven") == "numerical"
    assert "numerical" in str(rounded)
    value = po.putinar(rounded.problem, order=1).solve().bound
    assert value == pytest.approx(1 / 58, abs=1e-7)


def test_scaling_to_boxes() -> None:
    x, y = po.variables("x y")
    problem = po.minimize(x * y, subject_to=[x >= 2, x <= 10, y**2 <= 0.25])
    reduced = po.reduce(problem, po.ScaleToBoxes())
    assert reduced.exact
    assert reduced.lift([1.0, 1.0]).tolist() == [16.0, 0.5]
    centred = po.reduce(problem, po.ScaleToBoxes(center=True, exact=False))
    np.testing.assert_allclose(centred.lift([[-1, -1], [1, 1]]), [[2, -0.5], [10, 0.5]])


def test_pairs_of_ends_fix_a_variable() -> None:
    x, y = po.variables("x y")
    problem = po.maximize(x + y, subject_to=[x >= 2, 2 * x <= 4, y**2 <= 1])
    reduced = po.reduce(problem, po.FixedVariables())
    assert list(reduced.problem.variables) == ["y"]
    assert reduced.problem.sense == "max"
    assert reduced.lift([0.5]).tolist() == [2.0, 0.5]


def test_contradictions_and_bad_input() -> None:
    x, y = po.variables("x y")
    with pytest.raises(InvalidProblemError, match="no point satisfies"):
        po.reduce(po.minimize(y, subject_to=[x >= 2, x <= 1]), po.FixedVariables())
    with pytest.raises(InvalidProblemError, match="no point satisfies"):
        po.reduce(po.minimize(y, subject_to=[x == 2, x + x**2 == 1]), po.FixedVariables())
    with pytest.raises(InvalidProblemError, match="is no reduction"):
        po.reduce(po.minimize(y), 3)  # type: ignore[arg-type]
    with pytest.raises(InvalidProblemError, match="needs a PolynomialProblem"):
        po.reduce(y, po.FixedVariables())  # type: ignore[arg-type]
    reduced = po.reduce(po.minimize(y + x, subject_to=[x == 2]), po.FixedVariables())
    with pytest.raises(InvalidProblemError, match="does not fit"):
        reduced.lift([1.0, 2.0])
    with pytest.raises(InvalidProblemError, match="does not fit"):
        reduced.restrict([1.0])


def test_one_variable_stays() -> None:
    x, y = po.variables("x y")
    problem = po.minimize(x + y, subject_to=[x == 1, y == 2])
    reduced = po.reduce(problem, po.FixedVariables(), po.UnusedVariables())
    assert reduced.problem.number_of_variables == 1
    assert po.putinar(reduced.problem, order=1).solve().bound == pytest.approx(3.0, abs=1e-6)


def test_a_rule_of_ones_own() -> None:
    """Any object that proposes substitutions is a reduction."""

    @dataclass(frozen=True)
    class Nothing:
        exact: bool = True

        def proposals(self, problem: po.PolynomialProblem):  # type: ignore[no-untyped-def]
            return iter(())

    x = po.variables("x", 1)[0]
    problem = po.minimize(x**2)
    assert po.reduce(problem, Nothing()).problem is problem
