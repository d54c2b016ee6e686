"""The climb: known optima, infeasible and unbounded problems, limits, interruption."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

import polyopt as po
from polyopt.errors import InvalidProblemError, ProofError, RelaxationError, UnknownOptionError
from polyopt.problems import get

SOLVED: list[tuple[str, tuple[Any, ...]]] = [
    ("six_hump_camel", ()),
    ("himmelblau", ()),
    ("motzkin_ball", ()),
    ("maxcut", ()),
    ("stable_set", ()),
    ("rosenbrock", (30,)),
    ("rosen_suzuki", ()),
    ("concave_diamond", ()),
    ("lasserre_two_squares", ()),
    ("double_well_budget", (6,)),
    ("trust_region", ()),
    ("chained_wood", (8,)),
]


@pytest.mark.parametrize(("name", "arguments"), SOLVED, ids=[name for name, _ in SOLVED])
def test_known_optimum(name: str, arguments: tuple[Any, ...]) -> None:
    problem = get(name, *arguments)
    solution = po.solve(problem, time_limit=30)
    assert problem.optimum is not None
    assert solution.status is po.Status.OPTIMAL
    assert solution.value == pytest.approx(problem.optimum, rel=1e-5, abs=1e-5)
    assert solution.bound == pytest.approx(problem.optimum, rel=1e-4, abs=1e-4)
    assert problem.violation(solution.minimizers[0].point) <= 1e-6
    if solution.bound_kind != "numerical":
        assert solution.proof is not None
        assert solution.proof.check(problem).bound == solution.bound
        assert problem.sign * solution.bound <= problem.sign * problem.optimum + 1e-8 * max(
            1.0, abs(problem.optimum)
        )
    text = str(solution)
    assert solution.bound_kind in text
    assert "tried" in text
    assert json.loads(json.dumps(solution.as_dict()))["status"] == "optimal"


@pytest.mark.parametrize(
    "name",
    ["contradicting_balls", "hyperbola_misses_disc", "imaginary_equation", "odd_cycle_two_colours"],
)
def test_infeasible(name: str) -> None:
    problem = get(name)
    solution = po.solve(problem, time_limit=20)
    assert solution.status is po.Status.INFEASIBLE
    assert solution.bound == problem.sign * math.inf
    assert solution.minimizers == []
    assert math.isnan(solution.value)
    assert "no point satisfies the constraints" in str(solution)


@pytest.mark.parametrize("name", ["unbounded_line", "unbounded_quartic"])
def test_unbounded(name: str) -> None:
    problem = get(name)
    solution = po.solve(problem, time_limit=20)
    assert solution.status is po.Status.UNBOUNDED
    assert solution.bound == -problem.sign * math.inf
    assert "no bound" in str(solution)


def test_a_given_order_is_kept_and_its_gap_is_told() -> None:
    solution = po.solve(get("maxcut"), order=1)
    assert solution.status is po.Status.INACCURATE
    assert solution.bound == pytest.approx(4.522542, abs=1e-5)
    assert solution.value == 4.0
    assert solution.gap == pytest.approx(0.522542, abs=1e-5)
    assert solution.bound_kind == "proven"
    assert "gap between bound and value is left" in solution.message


@pytest.mark.parametrize("sparsity", ["correlative", "term", "dense"])
def test_one_kind_of_sparsity(sparsity: Any) -> None:
    solution = po.solve(get("rosenbrock", 6), order=2, sparsity=sparsity, prove=False)
    assert solution.value == pytest.approx(1.0, abs=1e-6)
    assert len(solution.history) == 1
    assert solution.proof is None


def test_progress_and_determinism() -> None:
    problem = get("six_hump_camel")
    lines: list[str] = []
    first = po.solve(problem, progress=lines.append)
    second = po.solve(problem)
    assert any("trying Putinar, order 3" in line for line in lines)
    assert first.value == second.value
    assert [m.point.tolist() for m in first.minimizers] == [
        m.point.tolist() for m in second.minimizers
    ]


def test_interruption_returns_the_best_so_far() -> None:
    def interrupt(text: str) -> None:
        if "trying" in text and "order 2" in text:
            raise KeyboardInterrupt

    calls = 0

    def count(text: str) -> None:
        nonlocal calls
        calls += 1
        interrupt(text) if calls < 100 and "interrupted" not in text else None

    solution = po.solve(get("maxcut"), progress=count)
    assert solution.status is po.Status.INTERRUPTED
    assert solution.bound == pytest.approx(4.522542, abs=1e-5)
    assert solution.value == 4.0


def test_tiny_time_limit_still_gives_a_point() -> None:
    solution = po.solve(get("rosenbrock", 10), time_limit=1e-6)
    assert solution.status is po.Status.TIME_LIMIT
    assert math.isfinite(solution.value)


def test_relaxations_that_are_too_large_are_not_tried() -> None:
    solution = po.solve(get("broyden_banded"), time_limit=2, sparsity="dense")
    assert solution.status is po.Status.TIME_LIMIT
    assert "too large" in solution.message
    assert [a.outcome for a in solution.history] == ["too large for the time that is left"]
    assert solution.value == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"order": 1}, RelaxationError, "order 1 is too low"),
        ({"order": "high"}, RelaxationError, "must be a positive integer"),
        ({"sparsity": "both"}, UnknownOptionError, '"auto", "correlative", "term" or "dense"'),
        ({"time_limit": 0}, UnknownOptionError, "must be positive"),
        ({"tolerance": 2.0}, UnknownOptionError, "between 0 and 1"),
    ],
)
def test_bad_options(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        po.solve(get("six_hump_camel"), **options)


def test_not_a_problem() -> None:
    with pytest.raises(InvalidProblemError, match="PolynomialProblem"):
        po.solve("x^2")  # type: ignore[arg-type]


def test_a_solution_says_its_order_and_what_the_solver_noted() -> None:
    x, y = po.variables("x y")
    problem = po.minimize(x**2 + (x * y - 1) ** 2)
    solution = po.solve(problem, 2, time_limit=10)
    assert solution.result is not None
    assert solution.order == solution.result.relaxation.order == 2
    assert solution.hints == solution.result.hints
    assert any("ball constraint" in hint for hint in solution.hints)
    data = solution.as_dict()
    assert data["order"] == 2
    assert data["hints"] == list(solution.hints)
    assert data["relaxation"] == solution.result.relaxation.name
    assert f"hint    {solution.hints[0]}" in str(solution)


def test_a_solution_says_why_there_is_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ProofError("no room inside the cone")

    monkeypatch.setattr(po.RelaxationResult, "prove", refuse)
    x = po.variables("x", 1)[0]
    solution = po.solve(po.minimize(x**2, subject_to=[x**2 <= 1]), time_limit=10)
    assert solution.proof is None
    assert solution.notes[-1] == "no proof: no room inside the cone"
    assert "note    no proof: no room" in str(solution)
