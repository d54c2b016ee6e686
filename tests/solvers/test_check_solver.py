"""The battery passes good solvers and names what is wrong with bad ones; recordings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import polyopt as po
from polyopt.conic import Cones, ConicProgram, ConicSolution
from polyopt.errors import FormatError, SolverError, SolverUnavailableError
from polyopt.solvers import (
    ClarabelSolver,
    MosekSolver,
    RecordedSolver,
    SolverOptions,
    check_solver,
    get_solver,
)
from polyopt.solvers.recorded import fingerprint
from polyopt.status import Status

from .conic_problems import KNOWN


@pytest.mark.parametrize(
    ("name", "cases"),
    [("clarabel", 24), ("scs", 24), ("highs", 10), ("scs+clarabel", 24), ("cvxpy:CLARABEL", 24)],
)
def test_good_solvers_pass(name: str, cases: int) -> None:
    assert len(po.check_solver(get_solver(name))) == cases


def _flip_z(program: ConicProgram, solution: ConicSolution) -> ConicSolution:
    return replace(solution, z=-solution.z)


def _flip_equalities(program: ConicProgram, solution: ConicSolution) -> ConicSolution:
    z = solution.z.copy()
    z[: program.cones.zero] *= -1
    return replace(solution, z=z)


def _flip_x(program: ConicProgram, solution: ConicSolution) -> ConicSolution:
    return replace(solution, x=-solution.x)


def _lower_order(program: ConicProgram, solution: ConicSolution) -> ConicSolution:
    s = solution.s.copy()
    for side, rows in zip(program.cones.psd, program.cones.psd_slices(), strict=True):
        if side == 3:
            s[rows] = solution.s[rows][[0, 1, 3, 2, 4, 5]]
    return replace(solution, s=s)


def _always_optimal(program: ConicProgram, solution: ConicSolution) -> ConicSolution:
    return replace(solution, status=Status.OPTIMAL)


def _short(program: ConicProgram, solution: ConicSolution) -> ConicSolution:
    return replace(solution, x=solution.x[:0])


class _Bad(ClarabelSolver):
    """Clarabel with a mistake behind it, not corrected by the check of the base class."""

    name = "bad"

    def __init__(self, spoil: Callable[[ConicProgram, ConicSolution], ConicSolution]) -> None:
        self.spoil = spoil

    def solve(self, program: ConicProgram, options: SolverOptions | None = None) -> ConicSolution:
        return self.spoil(program, super().solve(program, options))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_flip_z, "it looks as if the duals z have the wrong sign"),
        (_flip_equalities, "it looks as if the duals of the equalities have the wrong sign"),
        (_flip_x, "it looks as if the variables x have the wrong sign"),
        (_lower_order, "it looks as if the slacks s are not b - A x"),
        (_always_optimal, "infeasible PSD block: status optimal, but the program is infeasible"),
        (_short, "x, s, z have lengths"),
    ],
)
def test_mistakes_are_named(
    spoil: Callable[[ConicProgram, ConicSolution], ConicSolution], message: str
) -> None:
    with pytest.raises(SolverError, match="solver 'bad' fails") as caught:
        check_solver(_Bad(spoil))
    assert message in str(caught.value)


def test_careless_options_are_named() -> None:
    class Careless(ClarabelSolver):
        def solve(
            self, program: ConicProgram, options: SolverOptions | None = None
        ) -> ConicSolution:
            return super().solve(program)

    with pytest.raises(
        SolverError, match="unknown option: an unknown option in extra was accepted"
    ):
        check_solver(Careless())


def test_what_cannot_be_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TypeError, match="Solver object"):
        check_solver("clarabel")  # type: ignore[arg-type]
    monkeypatch.setattr(MosekSolver, "is_available", lambda self: False)
    with pytest.raises(SolverUnavailableError, match="not installed"):
        check_solver(MosekSolver())


def test_recordings(tmp_path: Path) -> None:
    program = KNOWN["mixed"].program
    with pytest.raises(SolverError, match="no recorded solution"):
        RecordedSolver(tmp_path).solve(program)
    first = RecordedSolver(tmp_path, recorder=get_solver("clarabel")).solve(program)
    assert first.solver == "clarabel"
    second = RecordedSolver(tmp_path).solve(program)
    assert (second.solver, second.status) == ("recorded", Status.OPTIMAL)
    np.testing.assert_array_equal(first.x, second.x)
    np.testing.assert_array_equal(first.z, second.z)
    assert second.primal_objective == pytest.approx(KNOWN["mixed"].value, abs=1e-6)


def test_recorded_relaxation(tmp_path: Path) -> None:
    x = po.variables("x", 2)
    relaxation = po.putinar(po.minimize(x[0] * x[1], subject_to=[x[0] ** 2 + x[1] ** 2 <= 1]), 1)
    program = relaxation.program()
    RecordedSolver(tmp_path, recorder=get_solver("scs")).solve(program)
    assert RecordedSolver(tmp_path).solve(program).dual_objective == pytest.approx(-0.5, abs=1e-6)


def test_wrong_recording_is_found_out(tmp_path: Path) -> None:
    program = KNOWN["dantzig"].program
    RecordedSolver(tmp_path, recorder=get_solver("highs")).solve(program)
    (file,) = tmp_path.iterdir()
    data = dict(np.load(file))
    np.savez_compressed(file, **{**data, "x": data["x"] + 1})
    assert RecordedSolver(tmp_path).solve(program).status is Status.INACCURATE
    np.savez_compressed(file, **{**data, "x": data["x"][:1]})
    with pytest.raises(FormatError, match="x is not a vector of 2 numbers"):
        RecordedSolver(tmp_path).solve(program)
    np.savez_compressed(file, **{**data, "version": np.int64(9)})
    with pytest.raises(FormatError, match="version 9"):
        RecordedSolver(tmp_path).solve(program)
    for content in (b"", b"not an archive", file.read_bytes()[:200]):
        file.write_bytes(content)
        with pytest.raises(FormatError, match="not a recorded solution"):
            RecordedSolver(tmp_path).solve(program)


def test_fingerprints_forgive_the_last_bits_only() -> None:
    program = KNOWN["mixed"].program
    close = replace(program, c=program.c * (1 + 1e-15))
    other = replace(program, c=program.c * (1 + 1e-7))
    assert fingerprint(close) == fingerprint(program) != fingerprint(other)
    negative = ConicProgram([-0.0], np.zeros((1, 1)), [0.0], Cones(nonnegative=1))
    positive = ConicProgram([0.0], np.zeros((1, 1)), [-0.0], Cones(nonnegative=1))
    assert fingerprint(negative) == fingerprint(positive)
