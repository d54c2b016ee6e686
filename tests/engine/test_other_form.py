"""A second solve in the other form, told in the result; hints about moments that diverge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import polyopt as po
from polyopt.conic.program import ConicProgram, ConicSolution
from polyopt.solvers import get_solver
from polyopt.solvers.base import Solver, SolverKind, SolverOptions
from polyopt.status import Status


def test_an_inaccurate_moment_form_is_saved_by_the_other() -> None:
    problem = po.problems.lasserre_quartic_region().problem
    relaxation = po.putinar(problem, 4)
    alone = relaxation.solve(solver="clarabel", form="moment")
    assert alone.status is Status.INACCURATE
    assert alone.form == "moment"
    assert alone.notes == ()
    result = relaxation.solve(solver="clarabel")
    assert result.status is Status.OPTIMAL
    assert result.form == "sos"
    assert result.bound == pytest.approx(-5.508013271595289, abs=1e-6)
    assert result.residuals.worst < alone.residuals.worst
    (note,) = result.notes
    assert "moment form inaccurate" in note
    assert "sos form optimal" in note
    assert "second answer is kept" in note
    assert f"note: {note}" in str(result)
    assert result.timings["other form"] > 0
    assert result.as_dict()["notes"] == [note]


class _Scripted(Solver):
    """Clarabel whose first answers are called inaccurate and disturbed."""

    name = "scripted"
    capabilities = get_solver("clarabel").capabilities

    def __init__(self, *disturbances: float, kind: SolverKind | None = None) -> None:
        self.disturbances = list(disturbances)
        self.calls: list[SolverOptions] = []
        if kind is not None:
            self.capabilities = replace(self.capabilities, kind=kind)

    def run(self, program: ConicProgram, options: SolverOptions) -> ConicSolution:
        raise NotImplementedError

    def solve(self, program: ConicProgram, options: SolverOptions | None = None) -> ConicSolution:
        self.calls.append(options or SolverOptions())
        found = get_solver("clarabel").solve(program, options)
        change = self.disturbances.pop(0)
        return ConicSolution.from_vectors(
            program, Status.INACCURATE, found.x + change, found.s + change, found.z + change
        )


def _solve(solver: Solver, monkeypatch: pytest.MonkeyPatch, **options: Any) -> po.RelaxationResult:
    monkeypatch.setattr("polyopt.solve_relaxation.get_solver", lambda _: solver)
    x = po.variables("x", 2)
    problem = po.minimize(x[0] * x[1], subject_to=[x[0] ** 2 + x[1] ** 2 <= 1])
    return po.putinar(problem, 1).solve(solver="scripted", **options)


def test_the_better_of_two_inaccurate_answers_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    solver = _Scripted(1e-3, 1e-1)
    result = _solve(solver, monkeypatch, time_limit=50.0)
    assert result.form == "moment"
    assert result.status is Status.INACCURATE
    assert "first answer is kept" in result.notes[0]
    limit = solver.calls[1].time_limit
    assert limit is not None
    assert limit < 50.0
    solver = _Scripted(1e-1, 1e-3)
    result = _solve(solver, monkeypatch)
    assert result.form == "sos"
    assert "second answer is kept" in result.notes[0]


def test_explicit_forms_and_first_order_solvers_are_solved_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for solver, options in (
        (_Scripted(1e-2), {"form": "moment"}),
        (_Scripted(1e-2), {"form": "sos"}),
        (_Scripted(1e-2, kind=SolverKind.FIRST_ORDER), {}),
    ):
        result = _solve(solver, monkeypatch, **options)
        assert len(solver.calls) == 1
        assert result.notes == ()
        assert result.status is Status.INACCURATE


def test_diverging_moments_are_told() -> None:
    problem = po.problems.not_attained().problem
    result = po.putinar(problem, 2).solve(solver="clarabel")
    assert "may not be attained" in result.hints[0]
    assert f"hint: {result.hints[0]}" in str(result)
    x = problem.variables
    assert any(name in result.hints[0] for name in x)


def test_no_hint_where_constraints_bound_the_variables() -> None:
    x = po.variables("x", 2)
    far = po.minimize(-(x[0] ** 2) * x[1] ** 2, subject_to=[v**2 <= 1000 for v in x])
    result = po.putinar(far, 3).solve(solver="clarabel", scaling=False)
    assert abs(result.solution.x).max() > 1e5
    assert result.hints == ()
    assert "hint" not in str(result)


def test_hint_where_only_a_dense_constraint_gives_ranges() -> None:
    x = po.variables("x", 8)
    f = po.sum_polynomials([(x[i] * x[i + 1] - 0.5) ** 2 - 0.3 * x[i] ** 3 for i in range(7)])
    budget = [po.sum_polynomials(x) == 3, *(v >= 0 for v in x)]
    weak = po.nearly_sparse(po.minimize(f, subject_to=budget), 2).solve(solver="clarabel")
    assert "state them as constraints of their own" in weak.hints[0]
    stated = po.minimize(f, subject_to=[*budget, *(v <= 3 for v in x)])
    result = po.nearly_sparse(stated, 2).solve(solver="clarabel")
    assert result.hints == ()
    assert weak.bound < -1e3 < result.bound
