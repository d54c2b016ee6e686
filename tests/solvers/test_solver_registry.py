"""Names, availability, registration, entry points, the default rule, lazy imports."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from polyopt.conic import Cones, ConicProgram, ConicSolution
from polyopt.errors import SolverUnavailableError
from polyopt.solvers import (
    ConeKind,
    CvxpySolver,
    Solver,
    SolverCapabilities,
    SolverKind,
    SolverOptions,
    available_solvers,
    default_solver,
    get_solver,
    known_solvers,
    register_solver,
    registry,
    to_cvxpy,
)
from polyopt.solvers.cvxpy_backends import BACKENDS, Backend
from polyopt.status import Status

from .conic_problems import KNOWN


class Toy(Solver):
    name = "toy"
    capabilities = SolverCapabilities(frozenset(ConeKind), SolverKind.OTHER, "sos")

    def run(self, program: ConicProgram, options: SolverOptions) -> ConicSolution:
        return ConicSolution.from_vectors(program, Status.FAILED, message="only a toy")


@pytest.fixture
def clean_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})


def test_required_solvers_are_available() -> None:
    assert {"clarabel", "scs", "highs", "cvxpy:CLARABEL", "cvxpy:SCS"} <= set(available_solvers())
    assert set(available_solvers()) <= set(known_solvers())


def test_unknown_name_lists_the_known_and_near_misses() -> None:
    with pytest.raises(SolverUnavailableError, match="Did you mean 'clarabel'") as caught:
        get_solver("clarabell")
    assert all(name in str(caught.value) for name in known_solvers())
    with pytest.raises(SolverUnavailableError, match="Did you mean 'MOSEK'"):
        CvxpySolver("MOSEC")


@pytest.mark.usefixtures("clean_registry")
def test_register() -> None:
    toy = Toy()
    register_solver(toy)
    assert get_solver("toy") is toy
    assert get_solver(toy) is toy
    assert "toy" in available_solvers()
    with pytest.raises(ValueError, match="replace=True"):
        register_solver(Toy())
    register_solver(Toy(), replace=True)
    assert get_solver("toy") is not toy
    with pytest.raises(TypeError, match="Solver object"):
        register_solver(Toy)  # type: ignore[arg-type]
    assert toy.solve(KNOWN["dantzig"].program).message == "only a toy"


def test_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    class Entry:
        name = "toy"

        def load(self) -> type[Solver]:
            return Toy

    registry._from_entry_points.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(registry, "entry_points", lambda group: [Entry()])
        assert isinstance(get_solver("toy"), Toy)
    registry._from_entry_points.cache_clear()
    assert "toy" not in known_solvers()


@pytest.mark.parametrize(
    ("cones", "name"),
    [
        (Cones(), "highs"),
        (Cones(zero=3, nonnegative=4, psd=(1, 1, 0)), "highs"),
        (Cones(second_order=(3,)), "clarabel"),
        (Cones(zero=10, psd=(2, 15, 120)), "scs+clarabel"),
        (Cones(zero=10, psd=(30,) * 20), "clarabel"),
        (Cones(zero=10, psd=(2, 15, 121)), "scs"),
    ],
)
def test_default_rule(cones: Cones, name: str) -> None:
    assert default_solver(cones).name == name
    n = 1
    program = ConicProgram(np.ones(n), np.zeros((cones.rows, n)), np.zeros(cones.rows), cones)
    assert default_solver(program).name == name


def test_every_solver_states_its_capabilities() -> None:
    for name in known_solvers():
        solver = get_solver(name)
        assert solver.name == name
        assert solver.capabilities.preferred_form in ("moment", "sos")
        assert solver.capabilities.licence
        assert ConeKind.NONNEGATIVE in solver.capabilities.cones
        assert solver.capabilities.supports(Cones(zero=1, nonnegative=1))
    assert not get_solver("highs").capabilities.supports(Cones(psd=(3,)))


def test_translation_of_common_options_to_each_cvxpy_solver() -> None:
    options = SolverOptions(tolerance=1e-7, time_limit=9.0, threads=2, extra={"x": 1})
    for name in BACKENDS:
        settings = CvxpySolver(name)._settings(options)
        assert settings["x"] == 1
    assert CvxpySolver("MOSEK")._settings(options)["mosek_params"] == {
        "MSK_DPAR_INTPNT_CO_TOL_PFEAS": 1e-7,
        "MSK_DPAR_INTPNT_CO_TOL_DFEAS": 1e-7,
        "MSK_DPAR_INTPNT_CO_TOL_REL_GAP": 1e-7,
        "MSK_DPAR_OPTIMIZER_MAX_TIME": 9.0,
        "MSK_IPAR_NUM_THREADS": 2,
    }


def test_own_cvxpy_backend() -> None:
    backend = Backend("clarabel", frozenset(ConeKind), SolverKind.INTERIOR_POINT, "Apache-2.0")
    solver = CvxpySolver("CLARABEL", backend)
    assert not solver.capabilities.time_limit
    assert solver.solve(KNOWN["dantzig"].program).primal_objective == pytest.approx(-36)


@pytest.mark.parametrize("problem", KNOWN)
def test_to_cvxpy_is_the_same_problem(problem: str) -> None:
    known = KNOWN[problem]
    model, handles = to_cvxpy(known.program)
    assert model.is_dcp()
    assert model.solve(solver="CLARABEL") == pytest.approx(known.value, abs=1e-6)
    assert len(handles.psd) == len(known.program.cones.psd)
    slack = known.program.b - known.program.A @ handles.x.value
    for side, rows, constraint in zip(
        known.program.cones.psd, known.program.cones.psd_slices(), handles.psd, strict=True
    ):
        if side == 0:
            assert constraint is None
            continue
        matrix = constraint.args[0].value
        np.testing.assert_allclose(matrix, matrix.T)
        index = np.triu_indices(side)
        weights = np.where(index[0] == index[1], 1.0, np.sqrt(2.0))
        assert np.sort(matrix[index] * weights) == pytest.approx(np.sort(slack[rows]))
    z = handles.duals(known.program)
    assert z is not None
    np.testing.assert_allclose(known.program.A.T @ z, -known.program.c, atol=1e-5)


def test_to_cvxpy_takes_further_constraints() -> None:
    model, handles = to_cvxpy(KNOWN["dantzig"].program)
    import cvxpy as cp

    extended = cp.Problem(model.objective, [*model.constraints, handles.x[1] <= 5])
    assert extended.solve(solver="CLARABEL") == pytest.approx(-(3 * 8 / 3 + 25), abs=1e-6)
    assert handles.duals(KNOWN["dantzig"].program) is not None


def test_duals_before_solving_are_missing() -> None:
    _, handles = to_cvxpy(KNOWN["dantzig"].program)
    assert handles.duals(KNOWN["dantzig"].program) is None


def test_solver_packages_are_not_imported() -> None:
    script = (
        "import sys; from polyopt.solvers import available_solvers; available_solvers();"
        "heavy = {'cvxpy', 'clarabel', 'scs', 'highspy', 'mosek', 'sympy'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
