"""Boxes read off the constraints: they contain the feasible set, and are tight where easy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polyopt as po
from polyopt.errors import ProofError
from polyopt.proof.box import find_box, user_box


def test_recognised_shapes() -> None:
    x = po.variables("x", 8)
    problem = po.minimize(
        x[0],
        subject_to=[
            x[0] ** 2 <= 4,
            (x[1] - 1) * (3 - x[1]) >= 0,
            x[2] ** 2 == 1,
            x[3] ** 2 == x[3],
            1 - x[4] ** 4 >= 0,
            4 * (x[5] - 1) ** 2 + x[6] ** 2 <= 4,
            x[7] >= -2,
            x[7] <= 5,
        ],
    )
    box = find_box(problem)
    lower = [-2, 1, -1, 0, -1, 0, -2, -2]
    upper = [2, 3, 1, 1, 1, 2, 2, 5]
    np.testing.assert_allclose(box.lower, lower, atol=1e-9)
    np.testing.assert_allclose(box.upper, upper, atol=1e-9)
    assert (box.lower <= lower).all()
    assert (box.upper >= upper).all()


def test_affine_propagation_bounds_a_simplex() -> None:
    x = po.variables("x", 3)
    box = find_box(po.minimize(x[0], subject_to=[*(v >= 0 for v in x), sum(x) <= 1]))
    np.testing.assert_allclose(box.upper, 1.0, atol=1e-9)
    np.testing.assert_allclose(box.lower, 0.0, atol=1e-9)


def test_equations_define_further_variables() -> None:
    x = po.variables("x", 3)
    box = find_box(
        po.minimize(x[2], subject_to=[x[0] ** 2 <= 1, x[1] ** 2 <= 1, x[2] == 2 * x[0] - x[1] + 5])
    )
    assert (box.lower[2], box.upper[2]) == pytest.approx((2, 8))


def test_what_is_not_recognised_is_unbounded() -> None:
    x = po.variables("x", 3)
    problem = po.minimize(x[0], subject_to=[x[0] * x[1] >= 1, x[2] ** 2 >= 1, x[0] ** 3 <= 1])
    assert np.isinf(find_box(problem).magnitude).all()


@settings(deadline=None, max_examples=60)
@given(
    centre=st.lists(st.floats(-5, 5), min_size=2, max_size=4),
    weight=st.floats(0.1, 10),
    radius=st.floats(0.01, 20),
    seed=st.integers(0, 2**31),
)
def test_points_of_an_ellipsoid_are_in_the_box(
    centre: list[float], weight: float, radius: float, seed: int
) -> None:
    x = po.variables("x", len(centre))
    weights = weight * (1 + np.arange(len(centre)))
    g = radius - sum(float(w) * (v - c) ** 2 for w, v, c in zip(weights, x, centre, strict=True))
    box = find_box(po.minimize(x[0], subject_to=[g >= 0]))
    directions = np.random.default_rng(seed).standard_normal((50, len(centre)))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    points = np.asarray(centre) + np.sqrt(radius / weights) * directions
    inside = np.asarray([g(point) >= 0 for point in points])
    assert (box.lower <= points[inside]).all()
    assert (points[inside] <= box.upper).all()
    assert np.isfinite(box.magnitude).all()


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ((0, 1, 2), "must be a pair"),
        (([0.0], [1.0, 2.0, 3.0]), "must be a pair"),
        (("a", "b"), "must be a pair"),
        ((np.nan, 1.0), "contains NaN"),
        ((2.0, 1.0), "lower end 2 above upper end 1 for x0"),
    ],
)
def test_bad_boxes(box: object, message: str) -> None:
    x = po.variables("x", 2)
    with pytest.raises(ProofError, match=message):
        user_box(po.minimize(x[0] + x[1]), box)  # type: ignore[arg-type]
