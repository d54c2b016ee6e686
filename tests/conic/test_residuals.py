"""Residuals against definitions written out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyopt.conic import Cones, ConicProgram, compute_residuals, svec
from polyopt.conic.residuals import (
    cone_violation,
    infeasibility_residuals,
    smallest_eigenvalues,
    unboundedness_residuals,
)


def test_each_figure_by_hand() -> None:
    program = ConicProgram([1.0, -2.0], [[1.0, 1.0], [-1.0, 0.0]], [3.0, 0.0], Cones(1, 1))
    x, s, z = np.array([1.0, 1.0]), np.array([0.5, -0.25]), np.array([2.0, -0.5])
    found = compute_residuals(program, x, s, z)
    # A x = (2, -1), A x + s - b = (-0.5, -1.25); A^T z = (2.5, 2), + c = (3.5, 0).
    assert found.primal == pytest.approx(1.25 / 4)
    assert found.dual == pytest.approx(3.5 / 3.5)
    # The equality row of s must be 0; that of z is free.
    assert found.primal_cone == pytest.approx(0.5 / 1.5)
    assert found.dual_cone == pytest.approx(0.5 / 3)
    # c @ x = -1, b @ z = 6, s @ z = 1.125.
    assert found.complementarity == pytest.approx(1.125 / 8)
    assert found.gap == pytest.approx(5 / 8)
    assert found.worst == pytest.approx(1.0)
    assert str(found) == (
        "primal 3.1e-01, dual 1.0e+00, cones 3.3e-01 and 1.7e-01, complementarity 1.4e-01, "
        "gap 6.2e-01"
    )


def test_cone_violation_of_each_kind() -> None:
    cones = Cones(zero=1, nonnegative=2, second_order=(3,), psd=(2, 3, 0))
    inside = np.r_[0.0, 1.0, 0.0, 5.0, 3.0, 4.0, svec(np.eye(2)), svec(np.diag([0.0, 1.0, 2.0]))]
    assert cone_violation(cones, inside) == pytest.approx(0.0, abs=1e-15)
    for position, value, violation in (
        (0, -3.0, 3.0),
        (2, -0.25, 0.25),
        (3, 4.0, 1.0),
        (6, -2.0, 2.0),
        (14, -1.0, 1.0),
    ):
        vector = inside.copy()
        vector[position] = value
        assert cone_violation(cones, vector) == pytest.approx(violation)
    free = inside.copy()
    free[0] = -3.0
    assert cone_violation(cones, free, dual=True) == pytest.approx(0.0, abs=1e-15)


@given(st.lists(st.integers(0, 5), max_size=6), st.integers(0, 10**6))
def test_batched_eigenvalues_match_one_by_one(sides: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    blocks = [rng.standard_normal((side, side)) for side in sides]
    blocks = [block + block.T for block in blocks]
    cones = Cones(zero=2, psd=tuple(sides))
    vector = np.concatenate([np.zeros(2), *map(svec, blocks)])
    found = {
        int(block): value
        for members, values in smallest_eigenvalues(cones, vector)
        for block, value in zip(members, values, strict=True)
    }
    assert set(found) == {number for number, side in enumerate(sides) if side}
    for number, value in found.items():
        assert value == pytest.approx(np.linalg.eigvalsh(blocks[number]).min(), abs=1e-9)


def test_rays() -> None:
    infeasible = ConicProgram([1.0], [[1.0], [-1.0]], [1.0, -2.0], Cones(nonnegative=2))
    assert infeasibility_residuals(infeasible, np.array([7.0, 7.0])).worst == 0
    assert infeasibility_residuals(infeasible, np.array([2.0, 3.0])).equation == pytest.approx(0.25)
    assert infeasibility_residuals(infeasible, np.array([1.0, 0.0])).worst == np.inf
    assert infeasibility_residuals(infeasible, np.full(2, np.nan)).worst == np.inf
    unbounded = ConicProgram([1.0], [[1.0]], [1.0], Cones(nonnegative=1))
    good, bad = np.array([-2.0]), np.array([2.0])
    assert unboundedness_residuals(unbounded, good, bad).worst == 0
    assert unboundedness_residuals(unbounded, good, good).cone == pytest.approx(1.0)
    assert unboundedness_residuals(unbounded, bad, bad).worst == np.inf
