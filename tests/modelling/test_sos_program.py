"""SOS programs against values known in closed form, linear programs and dense sampling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import polyopt as po
from polyopt.errors import (
    InvalidProblemError,
    MemoryEstimateError,
    RelaxationError,
    UnknownVariableError,
)
from polyopt.sos.requirement import Hierarchy


def test_largest_lower_bound_is_that_of_the_relaxation() -> None:
    x, y = po.variables("x y")
    f = 4 * x**2 - 2.1 * x**4 + x**6 / 3 + x * y - 4 * y**2 + 4 * y**4
    program = po.SOSProgram([x, y])
    bound = program.coefficient("bound")
    program.require_sos(f - bound)
    program.maximize(bound)
    solution = program.solve()
    assert solution.status is po.Status.OPTIMAL
    # The six-hump camel function: -1.0316284535.
    assert solution[bound] == pytest.approx(-1.0316284535, abs=1e-6)
    assert solution.value == pytest.approx(solution[bound], abs=1e-7)


@pytest.mark.parametrize("form", ["moment", "sos"])
@pytest.mark.parametrize("solver", ["clarabel", "scs"])
def test_both_forms_give_the_same(form: str, solver: str) -> None:
    x = po.variables("x", 1)[0]
    program = po.SOSProgram([x])
    p = program.polynomial(2, "p")
    program.require_nonnegative(p - x**3, on=[x**2 <= 1])
    program.minimize(program.integral(p, -1, 1) + 3.0)
    solution = program.solve(solver=solver, form=form)  # type: ignore[arg-type]
    grid = np.linspace(-1, 1, 4001)
    # Oracle: the same on a grid, a linear program; its value is a lower bound that is close.
    table = np.stack([np.ones_like(grid), grid, grid**2], axis=1)
    lp = linprog([2, 0, 2 / 3], A_ub=-table, b_ub=-(grid**3), bounds=[(None, None)] * 3)
    assert solution.value == pytest.approx(lp.fun + 3.0, abs=2e-5)
    assert (solution.polynomial(p)(grid[:, None]) - grid**3).min() > -1e-5


def test_identity_is_met_and_checked_independently() -> None:
    x, y = po.variables("x y")
    program = po.SOSProgram([x, y])
    p = program.polynomial(3, "p")
    disc = 1 - x**2 - y**2
    program.require_nonnegative(p - x * y, on=[disc >= 0], order=2, name="above")
    program.minimize(program.integral(p, -1, 1))
    solution = program.solve()
    inner, localizer = solution.gram_matrices(0)
    rng = np.random.default_rng(1)
    for point in rng.uniform(-2, 2, size=(20, 2)):
        basis = np.array([1, point[0], point[1], point[0] ** 2, point[0] * point[1], point[1] ** 2])
        right = basis @ inner @ basis + disc(point) * (basis[:3] @ localizer @ basis[:3])
        left = solution.polynomial(p - x * y)(point)
        assert left == pytest.approx(right, abs=1e-5)
    (check,) = solution.check(rng=2)
    assert check.name == "above"
    assert check.residual < 1e-6
    assert check.margin > -1e-8
    assert check.samples > 500
    assert check.least_value > -1e-6


def test_linear_requirements_make_a_linear_program() -> None:
    x = po.variables("x", 1)[0]
    program = po.SOSProgram([x])
    a, b = program.coefficients("a", 2)
    program.require_nonnegative(a - 1)
    program.require_nonnegative(b - 2 * a)
    program.require_zero((a + b - 9) * x)
    program.maximize(a)
    solution = program.solve()
    assert solution[[a, b]] == pytest.approx([3.0, 6.0], abs=1e-6)
    assert solution.solver == "highs"


def test_interpolation_conditions() -> None:
    x = po.variables("x", 1)[0]
    program = po.SOSProgram([x])
    p = program.polynomial(4, "p")
    for node, value in [(-1.0, 1.0), (0.0, 0.0), (1.0, 1.0)]:
        program.require_zero(program.at(p, [node]) - value)
    program.require_sos(p)
    program.minimize(program.integral(p, -1, 1))
    solution = program.solve()
    # p >= 0 with p(0) = 0 has p = x² (a + b x + c x²); p(±1) = 1 gives b = 0, a + c = 1, and the
    # integral 2 (a / 3 + c / 5) is smallest for a = 0.
    assert solution.value == pytest.approx(0.4, abs=1e-4)


def test_any_hierarchy_gives_the_multipliers() -> None:
    x = po.variables("x", 4)
    f = sum((x[i] * x[i + 1] - 1) ** 2 + x[i] for i in range(3))
    box = [v**2 <= 4 for v in x]

    def bound(**how: object) -> float:
        program = po.SOSProgram(x)
        c = program.coefficient("c")
        program.require_nonnegative(f - c, on=box, **how)  # type: ignore[arg-type]
        program.maximize(c)
        return float(program.solve()[c])

    problem = po.minimize(f, subject_to=box)
    sparse = po.putinar(problem, 2, sparsity="correlative").solve().bound
    assert bound(hierarchy=lambda p: po.putinar(p, 2, sparsity="correlative")) == pytest.approx(
        sparse, abs=1e-5
    )
    assert bound(order=2) == pytest.approx(po.putinar(problem, 2).solve().bound, abs=1e-5)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(-5, 5), min_size=3, max_size=3))
def test_smallest_upper_line_of_a_parabola(data: list[int]) -> None:
    """The best line above a convex parabola on [-1, 1] is its chord."""
    q = po.variables("q", 1)[0]
    a, b, c = data
    f = (abs(a) + 1) * q**2 + b * q + c
    program = po.SOSProgram([q])
    line = program.polynomial(1, "line")
    program.require_nonnegative(line - f, on=[q**2 <= 1])
    program.minimize(program.integral(line, -1, 1))
    found = program.solve().polynomial(line)
    for end in (-1.0, 1.0):
        assert found([end]) == pytest.approx(f([end]), abs=1e-4)


def test_own_basis_and_names() -> None:
    x, y = po.variables("x y")
    program = po.SOSProgram(["x", "y"])
    t = program.coefficient("t")
    program.require_sos(x**4 + y**4 - t * x**2 * y**2, basis=[x**2, x * y, y**2])
    program.maximize(t)
    assert program.solve()[t] == pytest.approx(2.0, abs=1e-5)
    assert list(program.decisions) == ["t"]


def test_infeasible_and_unbounded_are_told() -> None:
    x = po.variables("x", 1)[0]
    program = po.SOSProgram([x])
    c = program.coefficient("c")
    program.require_sos(c * x**2 - 1)
    solution = program.solve()
    assert solution.status is po.Status.INFEASIBLE
    with pytest.raises(InvalidProblemError, match="returned no values"):
        solution[c]
    free = po.SOSProgram([x])
    c = free.coefficient("c")
    free.require_sos(x**2 + c)
    free.maximize(c)
    assert free.solve().status is po.Status.UNBOUNDED


def test_bad_input() -> None:
    x, y = po.variables("x y")
    program = po.SOSProgram([x, y])
    c = program.coefficient("c")
    with pytest.raises(InvalidProblemError, match="is taken"):
        program.coefficient("c")
    with pytest.raises(InvalidProblemError, match="is taken"):
        program.coefficient("x")
    with pytest.raises(InvalidProblemError, match="not linear in the decision variables"):
        program.require_sos(c**2 * x**2)
    with pytest.raises(UnknownVariableError, match='"z"'):
        program.require_sos(po.variables("z")[0])
    with pytest.raises(InvalidProblemError, match="variables of the polynomials"):
        program.minimize(c * x)
    with pytest.raises(InvalidProblemError, match="no requirements"):
        program.solve()
    with pytest.raises(RelaxationError, match="not a monomial"):
        program.require_sos(c * x**2, basis=[x + y])
    with pytest.raises(RelaxationError, match="not both"):
        program.require_nonnegative(c * x, order=1, hierarchy=lambda p: po.putinar(p, 1))
    with pytest.raises(UnknownVariableError, match='"c"'):
        program.require_nonnegative(x, on=[x >= c])
    with pytest.raises(InvalidProblemError, match="positive integer"):
        program.coefficients("d", 0)
    with pytest.raises(InvalidProblemError, match="spaces"):
        program.coefficient("a b")
    program.require_sos(c * x**2 + y**3, basis=[x])
    with pytest.raises(InvalidProblemError, match=r"requirement 0 has the term y\^3"):
        program.solve()


def test_refined_and_quotient_hierarchies() -> None:
    x = po.variables("x", 3)
    f = x[0] * x[1] - 2 * x[1] * x[2] + x[0]
    signs = [v**2 == 1 for v in x]

    def bound(hierarchy: Hierarchy) -> float:
        program = po.SOSProgram(x)
        c = program.coefficient("c")
        program.require_nonnegative(f - c, on=signs, hierarchy=hierarchy)
        program.maximize(c)
        return float(program.solve()[c])

    corners = np.array(np.meshgrid(*[[-1.0, 1.0]] * 3)).reshape(3, -1).T
    exact = float(f(corners).min())
    assert bound(lambda p: po.putinar(p, 2).refine(po.Quotient())) == pytest.approx(exact, abs=1e-5)
    for refinement in (po.NewtonPolytope(), po.SignSymmetry(), po.TermSparsity()):
        found = bound(lambda p, r=refinement: po.putinar(p, 2).refine(r))  # type: ignore[misc]
        assert found <= exact + 1e-6
    cheap = bound(lambda p: po.putinar(p, 1).refine(po.ScaledDiagonallyDominant()))
    assert cheap <= exact + 1e-6


def test_programs_that_do_not_fit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyopt.relaxation.plan.available_memory", lambda: 1000.0)
    x = po.variables("x", 3)
    program = po.SOSProgram(x)
    program.require_sos(program.polynomial(4, "p"))
    with pytest.raises(MemoryEstimateError, match="estimated to need"):
        program.solve()
