"""Pictures of the engine: what is drawn, not how it looks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import networkx as nx
import numpy as np
import pytest

import polyopt as po
from polyopt.plotting import plot_blocks, plot_climb, plot_graph, plot_minimizers


@pytest.fixture
def ax() -> Iterator[Any]:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    yield axes
    figure.canvas.draw()  # whatever was drawn can be rendered, without warnings
    plt.close(figure)


def ring(n: int) -> po.PolynomialProblem:
    x = po.variables("x", n)
    return po.minimize(sum(x[i] * x[(i + 1) % n] for i in range(n)), subject_to=[x[0] ** 2 <= 1])


def test_graph_shows_nodes_edges_and_names(ax: Any) -> None:
    assert plot_graph(ring(6), chordal=None, ax=ax) is ax
    edges, nodes = ax.collections
    assert len(nodes.get_offsets()) == 6
    assert len(edges.get_segments()) == 6
    assert {text.get_text() for text in ax.texts} == {f"x{i}" for i in range(6)}
    assert not ax.patches
    assert ax.get_title() == "6 variables, 6 edges"


def test_extension_adds_dashed_edges_and_shaded_cliques(ax: Any) -> None:
    plot_graph(ring(6), ax=ax)
    edges, added, _ = ax.collections
    # A triangulated hexagon has 4 triangles and 3 diagonals.
    assert (len(edges.get_segments()), len(added.get_segments()), len(ax.patches)) == (6, 3, 4)
    assert ax.get_title().endswith("3 added, 4 cliques, largest 3")


def test_graph_of_several_components_and_isolated_nodes(ax: Any) -> None:
    graph = nx.disjoint_union(nx.path_graph(3), nx.empty_graph(2))
    plot_graph(graph, ax=ax)
    places = ax.collections[-1].get_offsets()
    assert len(np.unique(np.round(places, 9), axis=0)) == 5
    assert not ax.patches, "cliques of two are their edge"


def test_large_graph_has_no_names(ax: Any) -> None:
    plot_graph(nx.path_graph(80), ax=ax)
    assert not ax.texts
    assert len(ax.collections[-1].get_offsets()) == 80


def test_blocks_are_squares_of_the_multipliers(ax: Any) -> None:
    x = po.variables("x", 4)
    box = [v**2 <= 1 for v in x]
    problem = po.minimize(sum(x[i] * x[i + 1] for i in range(3)), subject_to=[*box, x[0] >= -1])
    relaxation = po.putinar(problem, order=2, sparsity="correlative")
    assert plot_blocks(relaxation, ax=ax) is ax
    sides = sorted(patch.get_width() for patch in ax.patches)
    assert sides == sorted(side for side, count in relaxation.plan.psd for _ in range(count))
    assert all(patch.get_width() == patch.get_height() for patch in ax.patches)
    corners = [patch.get_x() for patch in ax.patches]
    np.testing.assert_array_equal(
        corners, np.cumsum([0, *(p.get_width() for p in ax.patches)])[:-1]
    )
    assert ax.get_xlim() == (0, sum(sides))
    assert ax.get_title().replace("\n", " ") == relaxation.name
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["3 moment matrices, largest 6×6", "5 localising matrices, largest 3×3"]


def test_blocks_count_scalar_conditions(ax: Any) -> None:
    x = po.variables("x", 2)
    problem = po.minimize(x[0] * x[1], subject_to=[x[0] >= 0, x[1] >= 0, x[0] + x[1] == 1])
    plot_blocks(po.shor(problem), ax=ax)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[0] == "1 moment matrix, largest 3×3"
    assert "2 scalar inequalities" in labels
    assert any(label.endswith("scalar equalities") for label in labels)


def test_climb_draws_the_history(ax: Any) -> None:
    solution = po.solve(po.problems.get("haverly_pooling").problem)
    plot_climb(solution, against="relaxation", ax=ax)
    bounds, values, proof = ax.get_lines()
    np.testing.assert_array_equal(bounds.get_ydata(), [a.bound for a in solution.history])
    np.testing.assert_array_equal(values.get_ydata(), [a.value for a in solution.history])
    assert solution.proof is not None
    assert set(proof.get_ydata()) == {solution.proof.bound}
    names = [text.get_text().replace("\n", " ") for text in ax.get_xticklabels()]
    assert names == [a.name for a in solution.history]
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == [
        "lower bound (numerical)",
        "value at a feasible point (sampled)",
        f"lower bound ({solution.proof.kind})",
    ]


def test_climb_against_time_of_a_maximisation(ax: Any) -> None:
    x = po.variables("x", 2)
    solution = po.solve(po.maximize(x[0] * x[1], subject_to=[x[0] ** 2 + x[1] ** 2 <= 1]))
    plot_climb(solution, ax=ax)
    np.testing.assert_array_equal(
        ax.get_lines()[0].get_xdata(), [a.seconds for a in solution.history]
    )
    assert ax.get_legend().get_texts()[0].get_text() == "upper bound (numerical)"
    bottom, top = ax.get_ylim()
    assert top - bottom >= 0.01, "a closed gap is not blown up"


def test_climb_refuses_what_it_cannot_draw(ax: Any) -> None:
    x = po.variables("x", 1)[0]
    solution = po.solve(po.minimize(x, subject_to=[x >= 1, x <= 0]))
    assert not any(math.isfinite(a.bound) for a in solution.history)
    with pytest.raises(po.PolyoptError, match="infeasible"):
        plot_climb(solution, ax=ax)
    with pytest.raises(po.PolyoptError, match='"time" or "relaxation"'):
        plot_climb(solution, against="order", ax=ax)  # type: ignore[arg-type]


def test_minimizers_are_stars_inside_the_picture(ax: Any) -> None:
    named = po.problems.himmelblau()
    points = np.array([[3.0, 2.0], [-2.805118, 3.131312], [-3.77931, -3.283186]])
    plot_minimizers(named.problem, points, resolution=60, ax=ax)
    (stars,) = ax.get_lines()
    np.testing.assert_allclose(stars.get_xydata(), points)
    (low, high), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert ((points > [low, bottom]) & (points < [high, top])).all()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["3 minimisers"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == tuple(named.problem.variables)


def test_infeasible_points_are_shaded(ax: Any) -> None:
    x, y = po.variables("x y")
    problem = po.maximize(x + y, subject_to=[x**2 + y**2 <= 1])
    solution = po.solve(problem)
    plot_minimizers(problem, solution.minimizers, resolution=101, ax=ax)
    assert ax.get_legend().get_texts()[0].get_text() == "maximiser"
    np.testing.assert_allclose(ax.get_xlim(), (-1.1, 1.1), atol=1e-12)
    # The last contour is the boundary of the feasible set: the unit circle.
    boundary = np.concatenate([path.vertices for path in ax.collections[-1].get_paths()])
    np.testing.assert_allclose(np.hypot(*boundary.T), 1, atol=0.03)


def test_box_and_number_of_variables(ax: Any) -> None:
    x, y = po.variables("x y")
    plot_minimizers(po.minimize(x**2 + y**2), [], box=(-1, [2, 3]), resolution=20, ax=ax)
    assert (ax.get_xlim(), ax.get_ylim()) == ((-1, 2), (-1, 3))
    with pytest.raises(po.PolyoptError, match="3 variables; contours need two"):
        plot_minimizers(ring(3), [], ax=ax)
