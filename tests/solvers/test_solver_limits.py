"""Time limits, iteration limits, Ctrl-C, options, failures and verdicts that do not hold."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from polyopt.conic import Cones, ConicProgram, ConicSolution
from polyopt.errors import SolverError, SolverUnavailableError, UnknownOptionError
from polyopt.solvers import (
    ConeKind,
    Solver,
    SolverCapabilities,
    SolverKind,
    SolverOptions,
    get_solver,
)
from polyopt.solvers.verdict import settle_status
from polyopt.status import Status

from .conic_problems import KNOWN, hard_maxcut, random_lp

ENDLESS = {"scs": {"max_iters": 10**8}, "clarabel": {}, "highs": {}}


@pytest.mark.parametrize("name", ["clarabel", "scs", "highs", "cvxpy:CLARABEL"])
def test_time_limit(name: str) -> None:
    program = random_lp(1500, 800) if name == "highs" else hard_maxcut(70)
    options = SolverOptions(tolerance=1e-15, time_limit=0.1, extra=ENDLESS.get(name, {}))
    solution = get_solver(name).solve(program, options)
    assert solution.status is Status.TIME_LIMIT, solution.message
    assert np.isfinite(solution.x).all()
    assert solution.primal_objective == program.primal_objective(solution.x)


def test_iteration_limit_is_inaccurate_and_keeps_the_iterate() -> None:
    program = KNOWN["lovasz_theta"].program
    for name, option in (("scs", "max_iters"), ("clarabel", "max_iter")):
        solution = get_solver(name).solve(program, SolverOptions(extra={option: 3}))
        assert solution.status is Status.INACCURATE
        assert solution.iterations == 3
        for vector in (solution.x, solution.s, solution.z):
            assert np.isfinite(vector).all()


INTERRUPTED = """
import json, signal, sys
sys.path[:0] = [{root!r}, {tests!r}]
from solvers.conic_problems import hard_maxcut, random_lp
from polyopt.solvers import SolverOptions, get_solver
import numpy as np, {module}
program = random_lp(3000, 1500) if {name!r} == "highs" else hard_maxcut(70)
options = SolverOptions(tolerance=1e-15, extra={extra!r})
print("ready", flush=True)
solution = get_solver({name!r}).solve(program, options)
restored = False
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    restored = True
print(json.dumps([solution.status.value, bool(np.isfinite(solution.x).all()), restored]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to a child on Windows")
@pytest.mark.parametrize("name", ["clarabel", "scs", "highs"])
def test_ctrl_c(name: str) -> None:
    tests = Path(__file__).resolve().parent.parent
    script = INTERRUPTED.format(
        root=str(tests.parent),
        tests=str(tests),
        name=name,
        module="highspy" if name == "highs" else name,
        extra=ENDLESS[name],
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.7)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    # SCS does not hand over its iterate; the others do.
    assert json.loads(output.splitlines()[-1]) == ["interrupted", name != "scs", True]


@pytest.mark.parametrize("name", ["clarabel", "scs", "highs"])
def test_unknown_option_lists_the_known_ones(name: str) -> None:
    solver = get_solver(name)
    with pytest.raises(UnknownOptionError, match="has no option 'max_itr'") as caught:
        solver.solve(KNOWN["dantzig"].program, SolverOptions(extra={"max_itr": 3}))
    for known in solver.known_options() or ():
        assert known in str(caught.value)
    if name != "highs":
        assert "Did you mean 'max_iter" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "extra"),
    [
        ("clarabel", {"max_iter": 2.5}),
        ("clarabel", {"equilibrate_enable": 1}),
        ("clarabel", {"max_iter": True}),
        ("scs", {"scale": "large"}),
        ("highs", {"solver": 3}),
    ],
)
def test_option_of_wrong_type(name: str, extra: dict[str, object]) -> None:
    with pytest.raises(UnknownOptionError, match="must be of type"):
        get_solver(name).solve(KNOWN["dantzig"].program, SolverOptions(extra=extra))


def test_options_that_work() -> None:
    program = KNOWN["dantzig"].program
    for name, extra in (
        ("clarabel", {"equilibrate_enable": False, "max_iter": np.int64(50)}),
        ("scs", {"scale": 1, "acceleration_lookback": 0}),
        ("highs", {"solver": "ipm", "presolve": "off"}),
    ):
        solution = get_solver(name).solve(program, SolverOptions(threads=1, extra=extra))
        assert solution.primal_objective == pytest.approx(-36.0, abs=1e-5)
        assert ("cannot be set" in solution.message) == (name == "scs")


@pytest.mark.parametrize(
    "bad", [{"tolerance": 0.0}, {"tolerance": 2.0}, {"time_limit": -1.0}, {"threads": 0}]
)
def test_options_out_of_range(bad: dict[str, float]) -> None:
    with pytest.raises(UnknownOptionError, match=next(iter(bad))):
        SolverOptions(**bad)  # type: ignore[arg-type]


def test_cones_a_solver_does_not_take() -> None:
    with pytest.raises(SolverError, match="'highs' does not take PSD cones"):
        get_solver("highs").solve(KNOWN["lovasz_theta"].program)


def test_solver_that_rejects_an_option_value_fails_with_its_message() -> None:
    for name, extra in (("clarabel", {"direct_solve_method": "none"}), ("highs", {"solver": "x"})):
        solution = get_solver(name).solve(KNOWN["dantzig"].program, SolverOptions(extra=extra))
        assert solution.status is Status.FAILED
        assert solution.message
        assert np.isnan(solution.x).all()


class PanicException(BaseException):
    """Named like the exception that panics of Rust libraries become."""


class Scripted(Solver):
    """Returns or raises what it was given."""

    name = "scripted"
    capabilities = SolverCapabilities(frozenset(ConeKind), SolverKind.OTHER, "moment")

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def run(self, program: ConicProgram, options: SolverOptions) -> ConicSolution:
        if isinstance(self.answer, BaseException):
            raise self.answer
        assert isinstance(self.answer, ConicSolution)
        return self.answer


@pytest.mark.parametrize("error", [RuntimeError("singular"), PanicException("index out of range")])
def test_exceptions_and_panics_become_failures(error: BaseException) -> None:
    solution = Scripted(error).solve(KNOWN["dantzig"].program)
    assert solution.status is Status.FAILED
    assert solution.message == f"{type(error).__name__}: {error}"


def test_other_base_exceptions_pass() -> None:
    with pytest.raises(KeyboardInterrupt):
        Scripted(KeyboardInterrupt()).solve(KNOWN["dantzig"].program)


@pytest.mark.parametrize("status", [Status.OPTIMAL, Status.INFEASIBLE, Status.UNBOUNDED])
def test_wrong_verdicts_are_lowered(status: Status) -> None:
    program = KNOWN["dantzig"].program
    claim = ConicSolution.from_vectors(program, status, np.ones(2), np.ones(5), np.ones(5))
    solution = Scripted(claim).solve(program)
    assert solution.status is Status.INACCURATE
    assert f"reported {status}" in solution.message
    assert solution.primal_objective == -8.0


def test_verdict_without_vectors_is_a_failure() -> None:
    program = KNOWN["dantzig"].program
    claim = ConicSolution.from_vectors(program, Status.INFEASIBLE)
    settled = settle_status(program, claim, 1e-8)
    assert settled.status is Status.FAILED
    assert "without a certificate" in settled.message


def test_right_verdicts_stay() -> None:
    program = ConicProgram([1.0], [[-1.0]], [-3.0], Cones(nonnegative=1))
    right = ConicSolution.from_vectors(program, Status.OPTIMAL, [3.0], [0.0], [1.0])
    assert settle_status(program, right, 1e-8) is right
    limit = ConicSolution.from_vectors(program, Status.TIME_LIMIT, [9.0], [0.0], [1.0])
    assert settle_status(program, limit, 1e-8) is limit


def test_solver_without_time_limit_refuses_one() -> None:
    solver = Scripted(RuntimeError())
    solver.capabilities = SolverCapabilities(
        frozenset(ConeKind), SolverKind.OTHER, "moment", time_limit=False
    )
    with pytest.raises(UnknownOptionError, match="has no time limit"):
        solver.solve(KNOWN["dantzig"].program, SolverOptions(time_limit=1.0))


def test_missing_and_unlicensed_solvers() -> None:
    class Missing(Scripted):
        module = "a_package_that_does_not_exist"

    class Unlicensed(Scripted):
        def is_licensed(self) -> bool:
            return False

    with pytest.raises(SolverUnavailableError, match="not installed"):
        Missing(None).solve(KNOWN["dantzig"].program)
    with pytest.raises(SolverUnavailableError, match="no licence"):
        Unlicensed(None).solve(KNOWN["dantzig"].program)


def test_every_status_has_a_text() -> None:
    for status in Status:
        assert len(status.text) > 40
        assert str(status) == status.value
    assert Status.OPTIMAL.has_iterate
    assert not Status.FAILED.has_iterate
