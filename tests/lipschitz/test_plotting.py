"""Pictures of sweeps, comparisons and networks: what is drawn, not how it looks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import lipschitz_app as la
from lipschitz_app.plotting import (
    plot_comparison,
    plot_coupling,
    plot_neurons,
    plot_radii,
    plot_sweep,
)

from .networks import benchmark, chen_network

NET, CENTER = benchmark([4, 8, 3], 0)
RADII = (0.1, 0.5, 1.0)


@pytest.fixture
def ax() -> Iterator[Any]:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    yield axes
    figure.canvas.draw()  # whatever was drawn can be rendered, without warnings
    plt.close(figure)


def legend(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_sweep_lines_hold_the_bounds(ax: Any) -> None:
    regions = {f"radius {radius}": la.Box(CENTER, radius) for radius in reversed(RADII)}
    found = la.sweep(NET, regions, [0], ["interval", "mccormick", "lipsdp"])
    assert plot_sweep(found, ax=ax) is ax
    interval, mccormick, lower = ax.get_lines()
    for line, method in ((interval, "interval"), (mccormick, "mccormick")):
        expected = [row.upper for row in found if row.method == method][::-1]
        np.testing.assert_array_equal(line.get_xdata(), RADII)
        np.testing.assert_array_equal(line.get_ydata(), expected)
    best = [max(r.lower or 0 for r in found if r.region == f"radius {x}") for x in RADII]
    np.testing.assert_array_equal(lower.get_ydata(), best)
    assert legend(ax) == ["interval (proven)", "mccormick (proven)", "lower bound"]
    assert ax.get_ylim()[0] == 0
    assert ax.get_ylabel() == "Lipschitz constant of output 0"
    assert not ax.collections, "no band without several inputs"


def test_several_inputs_are_a_median_and_a_band(ax: Any) -> None:
    points = [CENTER + shift for shift in (0.0, 0.3, 0.9)]
    regions = {
        f"input {k}, radius {radius:g}": la.Box(point, radius)
        for k, point in enumerate(points)
        for radius in RADII
    }
    found = la.sweep(NET, regions, [0, (0, 1)], ["interval"], lower=False)
    plot_sweep(found, ax=ax)
    assert legend(ax) == ["interval (proven), output 0", "interval (proven), margin 0 - 1"]
    assert len(ax.collections) == 2
    for k, radius in enumerate(RADII):
        uppers = [
            row.upper
            for row in found
            if row.output == "output 0" and row.region.endswith(f" {radius:g}")
        ]
        assert len(uppers) == 3
        assert ax.get_lines()[0].get_ydata()[k] == np.median(uppers)


def test_radii_of_regions(ax: Any) -> None:
    found = la.sweep(NET, {"small": la.Box(CENTER, 0.01), "large": la.Box(CENTER, 1.0)}, [0])
    with pytest.raises(la.InvalidOptionError, match="'small' does not end in a radius"):
        plot_sweep(found, ax=ax)
    with pytest.raises(la.InvalidOptionError, match="'large' has no radius in the mapping"):
        plot_sweep(found, {"small": 0.01}, ax=ax)
    plot_sweep(found, {"small": 0.01, "large": 1.0}, ax=ax)
    assert ax.get_xscale() == "log"
    nothing = la.sweep(NET, la.Box(CENTER, 1.0), [0], ["lipsdp"])
    with pytest.raises(la.InvalidOptionError, match="nothing to draw"):
        plot_sweep(nothing, ax=ax)


@pytest.mark.parametrize("name", ["r=0.25", "radius 0.25", "0.25", "input 3, radius 2.5e-1"])
def test_radius_at_the_end_of_a_name(ax: Any, name: str) -> None:
    plot_sweep(la.sweep(NET, {name: la.Box(CENTER, 0.25)}, methods=["product"]), ax=ax)
    assert ax.get_lines()[0].get_xdata().tolist() == [0.25]


def test_radii_are_computed(ax: Any) -> None:
    domain = la.Box(lower=-2.0, upper=2.0)
    plot_radii(NET, CENTER, RADII, ["interval"], norm=2, ball=True, domain=domain, ax=ax)
    region = la.Ball(CENTER, 0.5).intersect(domain)
    single = la.lipschitz_constant(NET, region, 2, method="interval")
    assert ax.get_lines()[0].get_ydata()[1] == single.upper
    assert ax.get_lines()[1].get_ydata()[1] == single.lower


def test_comparison_is_points_and_a_line(ax: Any) -> None:
    methods = ["product", "interval", "mccormick", "exact", "lipsdp"]
    found = la.compare(NET, la.Box(CENTER, 1.0), methods=methods)
    assert plot_comparison(found, ax=ax) is ax
    proven, exact = (points.get_offsets() for points in ax.collections)
    np.testing.assert_allclose(proven[:, 1], [row.upper for row in found.rows[:3]])
    np.testing.assert_allclose(exact[:, 1], [found["exact"].upper])
    assert (proven[:, 0] >= 1e-3).all()
    (line,) = ax.get_lines()
    assert set(line.get_ydata()) == {found.lower}
    assert {text.get_text() for text in ax.texts} == set(methods) - {"lipsdp"}
    assert ax.get_xscale() == "log"
    assert legend(ax) == [
        "upper bound (proven)",
        "upper bound (exact)",
        "lower bound (proven)",
    ]
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])
    nothing = la.compare(NET, la.Box(CENTER, 1.0), methods=["lipsdp"], lower=False)
    with pytest.raises(la.InvalidOptionError, match="nothing to draw"):
        plot_comparison(nothing, ax=ax)


def test_neurons_are_stacked_to_the_whole(ax: Any) -> None:
    net, center = benchmark([3, 5, 8, 1], 0)
    plot_neurons(net, center, RADII, ax=ax)
    assert len(ax.containers) == 2 * 3, "two layers, three states"
    for layer in range(2):
        unstable, active, dead = ax.containers[3 * layer : 3 * layer + 3]
        for k, radius in enumerate(RADII):
            counts = la.pre_activation_ranges(net, la.Box(center, radius))[layer].counts()
            total = sum(counts.values())
            heights = [bars[k].get_height() * total / 100 for bars in (unstable, active, dead)]
            np.testing.assert_allclose(
                heights, [counts["unstable"], counts["active"], counts["dead"]]
            )
            assert dead[k].get_y() + dead[k].get_height() == pytest.approx(100)
    assert legend(ax) == ["unstable", "active", "dead"]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0.1", "0.5", "1"]
    with pytest.raises(la.InvalidOptionError, match="no radius"):
        plot_neurons(net, center, [], ax=ax)
    linear = la.Network.from_arrays([np.eye(3)])
    with pytest.raises(la.InvalidOptionError, match="no activations"):
        plot_neurons(linear, center, RADII, ax=ax)


def test_coupling_shows_the_band_of_a_sparse_network(ax: Any) -> None:
    net, _ = chen_network(20, 5, 0)
    plot_coupling(net, la.Everywhere(), ax=ax)
    dots = ax.collections[0].get_offsets()
    (rows, _), (weights, _) = net.affine_pairs()
    pattern = np.argwhere((weights[0][:, None] * rows) != 0)
    np.testing.assert_array_equal(dots[:, ::-1], pattern)
    assert ax.get_title() == f"20 of 20 neurons unstable, {len(pattern)} of 400 products"
    assert np.abs(dots[:, 0] - dots[:, 1]).max() <= 2


def test_coupling_where_nothing_is_unstable(ax: Any) -> None:
    plot_coupling(NET, la.Box(CENTER, 0.0), (0, 1), ax=ax)
    assert ax.get_title() == "0 of 8 neurons unstable, 0 of 0 products"
    with pytest.raises(la.UnsupportedError):
        plot_coupling(benchmark([3, 4, 4, 1], 0)[0], la.Everywhere(), ax=ax)
