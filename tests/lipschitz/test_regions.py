"""Regions cut by a box of valid inputs: their points, their bounds and what raises."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lipschitz_app as la
from lipschitz_app.cli import main
from lipschitz_app.lower.projection import SearchRegion

from .networks import benchmark, one_layer, presolved

QUICK = settings(max_examples=20, deadline=None)


class TestBoxes:
    def test_bounds_and_what_is_surely_inside(self) -> None:
        box = la.Box([0.1, 0.9, 0.5], [0.3, 0.3, 0.1]).intersect(la.Box(lower=0, upper=1))
        assert isinstance(box, la.Box)
        assert box.lower == pytest.approx([0.0, 0.6, 0.4], abs=1e-15)
        assert box.upper == pytest.approx([0.4, 1.0, 0.6], abs=1e-15)
        assert (box.lower <= box.inner_lower).all()
        assert (box.inner_upper <= box.upper).all()
        assert box.inner_lower == pytest.approx(box.lower, abs=1e-15)

    def test_order_and_everywhere_change_nothing(self) -> None:
        first, second = la.Box([0.0, 0.0], 1.0), la.Box(lower=[-2.0, 0.5], upper=[0.5, 3.0])
        for box in (first.intersect(second), second.intersect(first)):
            assert box.upper.tolist() == [0.5, first.upper[1]]
            assert box.lower.tolist() == [first.lower[0], 0.5]
        assert la.Everywhere().intersect(first) is first
        assert first.intersect(la.Everywhere()) is first

    @pytest.mark.parametrize(
        ("first", "second", "message"),
        [
            (la.Box([0.0], 1.0), la.Box([3.0], 1.0), "no point in common: at position 0"),
            (la.Box([0.0] * 2, 1.0), la.Box([0.0] * 3, 1.0), "regions of 2 and 3 inputs"),
            (la.Ball([0.0] * 2, 1.0), la.Box([1.5] * 2, 0.7), "misses the box"),
            (la.Ball([0.0] * 2, 1.0), la.Box([4.0] * 2, 0.7), "no point in common"),
        ],
    )
    def test_nothing_in_common(self, first: la.Ball, second: la.Box, message: str) -> None:
        with pytest.raises(la.InvalidRegionError, match=message):
            first.intersect(second)

    def test_two_balls(self) -> None:
        with pytest.raises(la.UnsupportedError, match="two balls"):
            la.Ball([0.0], 1.0).intersect(la.Ball([0.0], 2.0))


class TestBallInBox:
    def test_cut_twice(self) -> None:
        ball = la.Ball([0.0, 0.0], 2.0)
        region = ball.intersect(la.Box(lower=-1, upper=3)).intersect(la.Box(lower=-9, upper=1))
        assert isinstance(region, la.BallInBox)
        assert region.lower.tolist() == [-1.0, -1.0]
        assert region.upper.tolist() == [1.0, 1.0]

    @QUICK
    @given(st.integers(0, 2**31), st.floats(0.2, 2.0))
    def test_search_stays_inside(self, seed: int, radius: float) -> None:
        rng = np.random.default_rng(seed)
        center = rng.standard_normal(3)
        corner = center + rng.uniform(-0.5, 0.5, 3) * radius
        region = la.Ball(center, radius).intersect(la.Box(lower=corner - 5.0, upper=corner))
        assert isinstance(region, la.BallInBox)
        area = SearchRegion.around(region, [])
        points = area.clip(center + 3.0 * radius * rng.standard_normal((200, 3)))
        points = np.concatenate([points, area.sample(20, rng)])
        assert (np.linalg.norm(points - center, axis=1) <= radius).all()
        assert (points <= region.box.inner_upper).all()

    @pytest.mark.parametrize("method", ["hr2", "shor", "interval"])
    def test_bounds_lie_between_those_of_ball_and_samples(self, method: str) -> None:
        net, center = benchmark([3, 6, 1], 2)
        ball = la.Ball(center, 0.8)
        region = ball.intersect(la.Box(lower=center - 0.2, upper=center + 2.0))
        inside, whole = (
            la.lipschitz_constant(net, area, 2, method=method, prove=False)
            for area in (region, ball)
        )
        assert inside.lower is not None
        assert inside.lower <= inside.upper + 1e-6
        assert inside.upper <= whole.upper + 1e-6
        if method == "hr2":
            assert inside.upper < whole.upper - 1e-3

    def test_relaxation_sees_the_box(self) -> None:
        """relu(x) beyond the wall of the box is never active."""
        net = one_layer([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0], [5.0, 1.0])
        region = la.Ball([-1.0, 0.0], 2.0).intersect(la.Box(lower=-9.0, upper=0.5))
        assert presolved(net, region).unstable == 2
        cut = la.Ball([-1.0, 0.0], 2.0).intersect(la.Box(lower=[-9, -9], upper=[-0.1, 9]))
        found = la.lipschitz_constant(net, cut, 2, method="hr2")
        assert found.upper == pytest.approx(1.0, abs=1e-6)
        assert found.upper_kind == "proven"

    def test_enumeration_refuses(self) -> None:
        net, center = benchmark([3, 6, 1], 2)
        region = la.Ball(center, 0.8).intersect(la.Box(lower=center, upper=center + 2.0))
        with pytest.raises(la.UnsupportedError, match="Euclidean ball"):
            la.lipschitz_constant(net, region, method="exact")


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, float]:
    assert main(["bound", *arguments, "--json", "--quiet"]) == 0
    found: dict[str, float] = json.loads(capsys.readouterr().out)
    return found


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net, center = benchmark([3, 6, 1], 2)
    net.save(tmp_path / "net.npz")
    np.save(tmp_path / "x.npy", center)
    network = str(tmp_path / "net.npz")
    near = ["--center", str(tmp_path / "x.npy"), "--radius", "1.5"]
    domain = ["--domain", "0", "0.05"]
    method = ["--method", "interval"]
    free = command(capsys, network, *near, *method)
    cut = command(capsys, network, *near, *domain, *method)
    alone = command(capsys, network, *domain, *method, "--ranges", "lp")
    expected = la.Box(center, 1.5).intersect(la.Box(lower=0, upper=0.05))
    assert cut["upper"] == la.lipschitz_constant(net, expected, method="interval").upper
    assert cut["upper"] <= alone["upper"] * (1 + 1e-12)
    assert cut["upper"] < free["upper"]
