"""The standard form: validation, printing, the dual and the way back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from polyopt.conic import Cones, ConicProgram, ConicSolution, compute_residuals
from polyopt.conic.residuals import infeasibility_residuals, unboundedness_residuals
from polyopt.errors import InvalidProblemError
from polyopt.status import Status

cones = st.builds(
    Cones,
    zero=st.integers(0, 3),
    nonnegative=st.integers(0, 3),
    second_order=st.lists(st.integers(0, 4), max_size=2).map(tuple),
    psd=st.lists(st.integers(0, 4), max_size=3).map(tuple),
)


def _random_program(cone: Cones, columns: int, seed: int) -> ConicProgram:
    rng = np.random.default_rng(seed)
    m = cone.rows
    return ConicProgram(
        rng.standard_normal(columns),
        rng.standard_normal((m, columns)) * (rng.random((m, columns)) < 0.5),
        rng.standard_normal(m),
        cone,
        offset=float(rng.standard_normal()),
    )


@given(cones)
def test_slices_cover_the_rows_once(cone: Cones) -> None:
    rows = [range(cone.zero), range(*cone.nonnegative_slice.indices(cone.rows))]
    rows += [range(part.start, part.stop) for part in cone.second_order_slices()]
    rows += [range(part.start, part.stop) for part in cone.psd_slices()]
    assert [row for part in rows for row in part] == list(range(cone.rows))


@settings(max_examples=50)
@given(cones, st.integers(1, 4), st.integers(0, 10**6))
def test_dual_of_the_dual_is_the_program(cone: Cones, columns: int, seed: int) -> None:
    program = _random_program(cone, columns, seed)
    dual = program.dual().program
    assert dual.number_of_variables == program.number_of_rows
    assert dual.cones.zero == columns
    assert dual.cones.psd == cone.psd
    rng = np.random.default_rng(seed)
    x, z = rng.standard_normal(columns), rng.standard_normal(cone.rows)
    # Lagrangian identity: x is -multiplier of the equations, s the multiplier of the cone rows.
    s = program.b - program.A @ x
    assert dual.primal_objective(z) == pytest.approx(-program.dual_objective(z))
    multipliers = np.concatenate([-x, s[cone.zero :]])
    assert dual.dual_objective(multipliers) == pytest.approx(-program.primal_objective(x))
    gradient = dual.A.T @ multipliers + dual.c
    np.testing.assert_allclose(gradient[cone.zero :], 0, atol=1e-12)
    np.testing.assert_allclose(gradient[: cone.zero], s[: cone.zero], atol=1e-12)


@settings(max_examples=50)
@given(cones, st.integers(1, 4), st.integers(0, 10**6))
def test_recover_keeps_residuals(cone: Cones, columns: int, seed: int) -> None:
    program = _random_program(cone, columns, seed)
    dual = program.dual()
    rng = np.random.default_rng(seed)
    raw = ConicSolution.from_vectors(
        dual.program,
        Status.INACCURATE,
        rng.standard_normal(cone.rows),
        rng.standard_normal(columns + cone.conic_rows),
        rng.standard_normal(columns + cone.conic_rows),
        iterations=4,
        solver="s",
        message="m",
    )
    solution = dual.recover(raw)
    assert (solution.iterations, solution.solver, solution.message) == (4, "s", "m")
    assert solution.primal_objective == pytest.approx(-raw.dual_objective)
    residual = dual.program.A.T @ raw.z + dual.program.c
    np.testing.assert_allclose(
        residual, program.b - program.A @ solution.x - solution.s, atol=1e-12
    )


def test_certificates_change_sides() -> None:
    infeasible = ConicProgram([1.0], [[1.0], [-1.0]], [1.0, -2.0], Cones(nonnegative=2))
    dual = infeasible.dual()
    raw = ConicSolution.from_vectors(
        dual.program, Status.UNBOUNDED, x=[1.0, 1.0], s=[0.0, 1.0, 1.0]
    )
    assert unboundedness_residuals(dual.program, raw.x, raw.s).worst == 0
    solution = dual.recover(raw)
    assert solution.status is Status.INFEASIBLE
    assert solution.primal_objective == np.inf
    assert infeasibility_residuals(infeasible, solution.z).worst == 0

    unbounded = ConicProgram([1.0], [[1.0]], [1.0], Cones(nonnegative=1))
    dual = unbounded.dual()
    raw = ConicSolution.from_vectors(dual.program, Status.INFEASIBLE, z=[1.0, 1.0])
    assert infeasibility_residuals(dual.program, raw.z).worst == 0
    solution = dual.recover(raw)
    assert solution.status is Status.UNBOUNDED
    assert solution.x.tolist() == [-1.0]
    assert unboundedness_residuals(unbounded, solution.x, solution.s).worst == 0


def _pieces(**changes: Any) -> dict[str, Any]:
    good: dict[str, Any] = {
        "c": [1.0, 2.0],
        "A": np.eye(3, 2),
        "b": [1.0, 2.0, 3.0],
        "cones": Cones(nonnegative=3),
        "offset": 0.0,
    }
    return {**good, **changes}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"c": [1.0]}, r"A has shape \(3, 2\), but c and b ask for \(3, 1\)"),
        ({"b": [1.0]}, r"ask for \(1, 2\)"),
        ({"c": [[1.0, 2.0]]}, r"c must be a vector, got shape \(1, 2\)"),
        ({"A": np.ones(3)}, r"A must be a matrix, got shape \(3,\)"),
        ({"cones": Cones(psd=(2, 2))}, r"the cones have 6 rows \(PSD blocks 2×2 \(2\)\), but A"),
        ({"cones": {"l": 3}}, "cones must be a Cones object"),
        ({"c": [1.0, np.nan]}, r"c contains nan \(1 entries are not finite\)"),
        ({"b": [1.0, np.inf, -np.inf]}, r"b contains inf \(2 entries"),
        ({"A": np.array([[1, 2], [np.inf, 0], [0, 0]])}, "A contains inf"),
        ({"offset": np.nan}, "offset contains nan"),
    ],
)
def test_bad_data(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidProblemError, match=message):
        ConicProgram(**_pieces(**changes))


def test_negative_cone() -> None:
    with pytest.raises(InvalidProblemError, match="must not be negative"):
        Cones(psd=(3, -1))


def test_matrices_are_brought_into_canonical_form() -> None:
    given_matrix = sp.coo_array(([1.0, 2.0, 5.0], ([0, 0, 2], [1, 1, 0])), shape=(3, 2))
    program = ConicProgram(**_pieces(A=given_matrix))
    assert program.A.format == "csc"
    assert program.A.has_canonical_format
    assert program.A.toarray().tolist() == [[0, 3], [0, 0], [5, 0]]
    unsorted = sp.csc_array(
        (np.array([1.0, 2.0]), np.array([2, 0]), np.array([0, 2, 2])), shape=(3, 2)
    )
    before = unsorted.indices.copy()
    assert ConicProgram(**_pieces(A=unsorted)).A.indices.tolist() == [0, 2]
    np.testing.assert_array_equal(unsorted.indices, before)


def test_printing() -> None:
    cone = Cones(zero=1, nonnegative=2, second_order=(3, 3), psd=(2, 4, 4))
    program = ConicProgram([0.0], np.ones((cone.rows, 1)), np.zeros(cone.rows), cone)
    assert str(program) == (
        "conic program: 1 variable, 32 rows, 32 nonzeros; "
        "1 equality, 2 inequalities, second-order cones 3 (2), PSD blocks 4×4 (2), 2×2"
    )
    assert str(Cones()) == "no rows"
    solution = ConicSolution.from_vectors(
        program, Status.OPTIMAL, [0.0], program.b, program.b, solver="x", iterations=3
    )
    assert str(solution) == "x: optimal, primal 0, dual 0 (3 iterations, 0 s)"


def test_objectives_come_from_the_vectors() -> None:
    program = ConicProgram(**_pieces(offset=10.0))
    solution = ConicSolution.from_vectors(
        program, Status.TIME_LIMIT, [1.0, 1.0], [0.0, 1.0, 3.0], [-1.0, 0.0, 1.0]
    )
    assert solution.primal_objective == 13.0
    assert solution.dual_objective == 8.0
    assert solution.gap == 5.0
    nothing = ConicSolution.from_vectors(program, Status.FAILED)
    assert np.isnan(nothing.x).all()
    assert np.isnan(nothing.primal_objective)
    assert np.isnan(compute_residuals(program, nothing.x, nothing.s, nothing.z).worst)
    ray = ConicSolution.from_vectors(program, Status.UNBOUNDED, [-1.0, 0.0])
    assert ray.dual_objective == -np.inf
    assert np.isnan(ray.gap)
