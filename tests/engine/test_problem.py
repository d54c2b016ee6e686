"""Statements of problems: what is objective, what is constraint, in which variables."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

import polyopt as po


def test_relations_become_polynomials_compared_with_zero() -> None:
    x, y = po.variables("x y")
    problem = po.minimize(x * y, subject_to=[x**2 <= y, x + y == 1, y >= -2])
    assert [str(g) for g in problem.inequalities] == ["y - x^2", "2 + y"]
    assert [str(h) for h in problem.equalities] == ["-1 + x + y"]
    assert problem.sense == "min"
    assert problem.degree == 2
    assert problem.number_of_variables == 2


def test_sympy_and_polynomials_state_the_same_problem() -> None:
    s, t = sympy.symbols("s t")
    x, y = po.variables("s t")
    ours = po.maximize(x * y - x**3, subject_to=[x**2 + y**2 <= 1, x == y])
    theirs = po.maximize(s * t - s**3, subject_to=[s**2 + t**2 <= 1, sympy.Eq(s, t)])
    assert theirs.variables == ours.variables
    assert theirs.objective.equals(ours.objective)
    for ours_list, theirs_list in (
        (ours.inequalities, theirs.inequalities),
        (ours.equalities, theirs.equalities),
    ):
        assert len(ours_list) == len(theirs_list)
        assert all(a.equals(b) for a, b in zip(ours_list, theirs_list, strict=True))


def test_nested_lists_and_arrays_of_relations_are_flattened() -> None:
    x = po.variables("x", 3)
    problem = po.minimize(x[0], subject_to=[x[2] <= np.arange(1.0, 4.0), [x[0] >= 0, (x[1] == 2,)]])
    assert len(problem.inequalities) == 4
    assert len(problem.equalities) == 1


def test_true_constants_restrict_nothing() -> None:
    x = po.variables("x", 1)[0]
    s = sympy.Symbol("x0")
    assert po.minimize(x, [1 <= 2]).violation([5.0]) == 0.0
    assert po.minimize(s, [sympy.true, s >= s - 1]).violation([5.0]) == 0.0
    problem = po.minimize(x**2, [x - x >= -1, x - x == 0])
    assert po.putinar(problem, 1).solve().bound == pytest.approx(0.0, abs=1e-7)


def test_evaluate_and_violation_of_points_and_batches() -> None:
    x, y = po.variables("x y")
    problem = po.minimize(x + y, subject_to=[x**2 + y**2 <= 1, x == y])
    points = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 0.0], [0.5, 0.25]])
    np.testing.assert_allclose(problem.evaluate(points), [0.0, 2.0, 2.0, 0.75])
    np.testing.assert_allclose(problem.violation(points), [0.0, 1.0, 3.0, 0.25])
    assert problem.violation(points[2]) == 3.0


def test_given_variables_fix_order_and_number() -> None:
    s, t = sympy.symbols("s t")
    problem = po.minimize(t**2, [s <= 1], variables=[t, s, "u"])
    assert list(problem.variables) == ["t", "s", "u"]
    assert problem.evaluate([3.0, 0.0, 0.0]) == 9.0


def test_a_constant_objective_asks_for_feasibility() -> None:
    x = po.variables("x", 1)[0]
    problem = po.minimize(0, subject_to=[x**2 == 4])
    result = po.putinar(problem, order=1).solve()
    assert result.bound == pytest.approx(0.0, abs=1e-7)
    assert result.status is po.Status.OPTIMAL


def test_maximisation_is_minimisation_of_the_negative() -> None:
    x = po.variables("x", 2)
    constraint = x[0] ** 2 + x[1] ** 2 <= 1
    top = po.putinar(po.maximize(x[0] * x[1] + x[0], [constraint]), order=2).solve()
    bottom = po.putinar(po.minimize(-x[0] * x[1] - x[0], [constraint]), order=2).solve()
    assert top.bound == pytest.approx(-bottom.bound, abs=1e-9)
    point = np.array([np.sqrt(0.75), 0.5])
    assert top.prove().bound >= top.relaxation.problem.evaluate(point)


def test_printing_names_sense_constraints_and_variables() -> None:
    x = po.variables("x", 30)
    problem = po.maximize(x[0], [v**2 <= 1 for v in x])
    text = str(problem)
    assert text.startswith("maximize  x0\nsubject to 1 - x0^2 >= 0\n")
    assert "… (10 more constraints)" in text
    assert text.endswith("in 30 variables x0, x1, x2, …, x29")
    assert "30 variables, 30 inequalities, 0 equalities" in repr(problem)
