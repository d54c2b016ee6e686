"""Right-sized cones: orthogonal, same feasible set, same order of what stays."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from polyopt.conic import Cones, ConicProgram, ConicSolution
from polyopt.conic.residuals import cone_violation
from polyopt.conic.right_size import right_size
from polyopt.status import Status

cones = st.builds(
    Cones,
    zero=st.integers(0, 2),
    nonnegative=st.integers(0, 2),
    second_order=st.lists(st.integers(0, 4), max_size=3).map(tuple),
    psd=st.lists(st.integers(0, 4), max_size=5).map(tuple),
)


@settings(max_examples=200)
@given(cones, st.booleans(), st.integers(0, 10**6))
def test_same_program_in_smaller_cones(cone: Cones, two_by_two: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    m = cone.rows
    program = ConicProgram(
        rng.standard_normal(3), rng.standard_normal((m, 3)), rng.standard_normal(m), cone, 4.0
    )
    sized = right_size(program, two_by_two=two_by_two)
    new = sized.program.cones
    assert not {0, 1} & {*new.psd, *new.second_order}
    assert not (two_by_two and 2 in new.psd)
    assert new.rows == m
    if sized.rotation is None:
        assert sized.program is program
        return
    rotation = sized.rotation.toarray()
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(m), atol=1e-14)
    # A point of the smaller cones comes back as a point of the original ones, and as far outside.
    for vector in rng.standard_normal((5, m)):
        vector[: cone.zero] = 0.0
        inside = cone_violation(new, vector) <= 1e-12
        assert inside == (cone_violation(cone, rotation.T @ vector) <= 1e-12)
    x, s, z = rng.standard_normal(3), rng.standard_normal(m), rng.standard_normal(m)
    solution = ConicSolution.from_vectors(sized.program, Status.INACCURATE, x, s, z)
    back = sized.recover(solution)
    assert np.isclose(back.dual_objective, program.dual_objective(back.z))
    np.testing.assert_allclose(
        rotation @ (program.A @ x + back.s - program.b),
        sized.program.A @ x + s - sized.program.b,
        atol=1e-12,
    )


def test_nothing_to_do() -> None:
    cone = Cones(zero=1, nonnegative=1, second_order=(3,), psd=(3, 5))
    program = ConicProgram([1.0], np.ones((cone.rows, 1)), np.ones(cone.rows), cone)
    assert right_size(program).program is program
