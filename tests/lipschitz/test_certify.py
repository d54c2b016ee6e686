"""Certified classes: against samples and the nearest boundary; accuracy on a set of inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lipschitz_app as la
from lipschitz_app.certify import class_margins

from .networks import benchmark

LINEAR = la.Network.from_arrays([[[1.0, 2.0], [-1.0, 1.0], [0.5, -3.0]]], [[0.1, 0.0, -0.2]])


@pytest.mark.parametrize("norm", [2, "inf"])
def test_linear_classifiers_are_certified_up_to_their_boundary(norm: Any) -> None:
    point = np.array([1.0, 0.5])
    rows = LINEAR.jacobian(point)
    gaps = LINEAR(point)[0] - LINEAR(point)[1:]
    order = 1 if norm == "inf" else 2
    boundary = (gaps / np.linalg.norm(rows[0] - rows[1:], ord=order, axis=1)).min()
    assert la.certify(LINEAR, point, 0.999 * boundary, norm=norm).certified
    beyond = la.certify(LINEAR, point, 1.5 * boundary, norm=norm)
    assert not beyond.certified
    assert beyond.radius == pytest.approx(boundary, rel=1e-9)
    found = la.certify(LINEAR, point, norm=norm)
    assert found.radius == pytest.approx(boundary, rel=1e-3)
    assert found.radius <= boundary * (1 + 1e-12)


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.sampled_from([2, "inf"]))
def test_no_sample_within_the_radius_has_another_class(seed: int, norm: Any) -> None:
    net, center = benchmark([3, 6, 3], seed)
    found = la.certify(net, center, norm=norm, method="interval", steps=6)
    assert found.label == int(np.argmax(net(center)))
    rng = np.random.default_rng(seed)
    steps = rng.standard_normal((2000, 3))
    order = np.inf if norm == "inf" else 2
    steps *= (
        found.radius * rng.random((2000, 1)) / np.linalg.norm(steps, ord=order, axis=1)[:, None]
    )
    assert (net(center + steps).argmax(axis=1) == found.label).all()


def test_better_methods_certify_more() -> None:
    net = la.example_network("digits")
    images, labels = la.example_inputs("digits")
    region = la.Box(lower=0.0 * images[0], upper=0.0 * images[0] + 1.0)
    weak = la.certify(net, images[0], 0.05, method="interval")
    strong = la.certify(net, images[0], 0.05, method="hr2", time_limit=5)
    inside = la.certify(net, images[0], 0.05, method="interval", domain=region)
    assert weak.label == strong.label == int(labels[0])
    assert strong.radius >= weak.radius > 0
    assert inside.radius >= weak.radius
    assert (strong.bounds <= weak.bounds).all()


def test_margins_at_the_centre_are_rounded_down() -> None:
    label, margins = class_margins(LINEAR, [1.0, 0.5])
    value = LINEAR([1.0, 0.5])
    assert label == 0
    assert np.isinf(margins[0])
    assert (margins[1:] <= value[0] - value[1:]).all()
    assert margins[1:] == pytest.approx(value[0] - value[1:], abs=1e-12)


def test_a_tie_certifies_nothing() -> None:
    net = la.Network.from_arrays([[[1.0], [-1.0]]])
    found = la.certify(net, [0.0])
    assert found.radius == 0.0
    assert not found.certified
    assert "not certified" in str(found)


def test_accuracy_counts_and_resumes(tmp_path: Path) -> None:
    net = la.Network.from_arrays([[[1.0], [-1.0]], [[1.0, 0.0], [0.0, 1.0]]])
    points = [[0.5], [-0.2], [0.3], [-0.9]]
    truth = [0, 1, 1, 1]
    store = tmp_path / "accuracy.jsonl"
    found = la.certified_accuracy(net, points, truth, 0.25, store=store)
    assert found.correct == (True, True, False, True)
    assert found.certified == (True, False, True, True)
    assert (found.accuracy, found.certified_accuracy) == (0.75, 0.5)
    lines: list[str] = []
    again = la.certified_accuracy(net, points, truth, 0.25, store=store, progress=lines.append)
    assert again == found
    assert lines == ["4 inputs, 4 of them known already"]
    assert "certified within 0.25 (norm inf) 50.0%" in str(found)


def test_bad_input() -> None:
    point = [1.0, 0.5]
    for arguments, options, error, message in [
        ((LINEAR, point, -1.0), {}, la.InvalidOptionError, "radius is -1.0"),
        ((LINEAR, point, np.nan), {}, la.InvalidOptionError, "radius is nan"),
        ((LINEAR, point, 0.1), {"method": "x"}, la.InvalidOptionError, "'x' is not known"),
        ((LINEAR, point, 0.1), {"norm": 1}, la.UnsupportedError, "norms 2 and"),
        ((LINEAR, point), {"steps": 0}, la.InvalidOptionError, "steps is 0"),
        ((LINEAR, [1.0], 0.1), {}, la.InvalidPointError, "does not fit"),
    ]:
        with pytest.raises(error, match=message):
            la.certify(*arguments, **options)  # type: ignore[arg-type]
    single = la.Network.from_arrays([[[1.0]]])
    with pytest.raises(la.UnsupportedError, match="1 output"):
        la.certify(single, [0.0], 0.1)
    with pytest.raises(la.InvalidOptionError, match="2 inputs and 1 labels"):
        la.certified_accuracy(LINEAR, [point, point], [0], 0.1)
    with pytest.raises(la.InvalidOptionError, match="radius is 0"):
        la.certified_accuracy(LINEAR, [point], [0], 0)


def test_a_centre_outside_the_domain_certifies_nothing() -> None:
    """Between it and the domain the network may do anything, which no bound there sees."""
    for radius in (0.6, None):
        with pytest.raises(la.InvalidRegionError, match="centre is outside the domain"):
            la.certify(LINEAR, [1.5, 0.5], radius, domain=la.Box(lower=0.0, upper=1.0))
