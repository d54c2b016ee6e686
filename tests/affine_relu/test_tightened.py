"""Relaxations against the exact oracle, the analytic bound, samples; and the search from below."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from anchored_oracle import anchored_constant, instance

from lipschitz_app.affine_relu import affine_relu_bound, anchored_bound, anchored_lower_bound
from lipschitz_app.affine_relu.lifting import lift
from lipschitz_app.affine_relu.network import advance_affine, analyse_stage, begin
from lipschitz_app.affine_relu.stages import as_stages
from lipschitz_app.affine_relu.tighten import relax, state
from lipschitz_app.errors import InvalidOptionError, UnsupportedError
from lipschitz_app.operators import DenseOperator, MaxPooling

A7 = np.array([[3.0, -1, 2], [-2, 7, 1], [5, -3, -1]])
Y7 = A7 @ [-0.5037434101104736, 2.768221855163574, 2.088477373123169] + [3.0, 4, 2]


def dense(sizes: list[int], seed: int) -> list[tuple[DenseOperator, bool]]:
    rng = np.random.default_rng(seed)
    stages = []
    for k, (n, m) in enumerate(itertools.pairwise(sizes)):
        weights = rng.standard_normal((m, n)) / np.sqrt(n)
        stages.append((DenseOperator(weights, 0.5 * rng.standard_normal(m)), k < len(sizes) - 2))
    return stages


@pytest.mark.parametrize("seed", range(0, 60, 4))
def test_between_the_exact_constant_and_the_analytic_bound(seed: int) -> None:
    A, y0, eps = instance(seed)
    found = affine_relu_bound(A, y0, np.zeros(A.shape[1]), eps, tighten=True)
    exact = anchored_constant(A, y0, eps, np.random.default_rng(0), 100)
    assert exact * (1 - 1e-9) <= found.bound <= found.analytic
    assert found.bound <= exact * (1 + 1e-3)


@pytest.mark.parametrize(
    ("A", "y0", "eps", "exact"),
    [
        ([[1.0], [-1.0]], [-0.5, -0.5], 1.0, 0.5),
        ([[1.0, 2], [2, -1], [-1, -1]], [-1.0, 0.5, -0.5], 1.0, 5**0.5),
        (A7, Y7, 2.5, 7.5449479),
        (A7, Y7, 3.0, 7.6245216),
        (A7, Y7, 8.0, 7.7777432),
    ],
)
def test_known_constants_where_the_analytic_bound_is_loose(
    A: object, y0: object, eps: float, exact: float
) -> None:
    """Constants worked out by hand, or by enumeration with the oracle's formula."""
    n = np.shape(A)[1]
    found = affine_relu_bound(A, y0, np.zeros(n), eps, tighten=True)
    assert exact * (1 - 1e-8) <= found.bound <= exact * (1 + 2e-5)
    assert found.analytic > exact * 1.005
    assert found.method == "relaxation"
    assert "order-one relaxation" in found.how
    assert found.relaxation is not None
    found.relaxation.proof.check(found.relaxation.problem)


@pytest.mark.parametrize("seed", range(100, 112))
def test_products_of_rows_alone_reach_the_analytic_bound(seed: int) -> None:
    """Theorem in docs/affine-relu.md: at most ‖RAD‖; the solver adds its accuracy."""
    A, y0, eps = instance(seed)
    analysis = affine_relu_bound(A, y0, np.zeros(A.shape[1]), eps)
    if analysis.bound == 0:
        return
    rows = relax(lift([analysis], [analysis.bound]), products="rows").bound
    assert rows <= analysis.bound * (1 + 1e-6)
    every = relax(lift([analysis], [analysis.bound]), products="all", rounds=1).bound
    assert every <= rows * (1 + 1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_points_of_the_ball_are_feasible_with_their_ratio_as_value(seed: int) -> None:
    """The statement relaxes the true problem, checked on points and without a solver."""
    stages = as_stages(dense([3, 5, 4, 2], seed))
    rng = np.random.default_rng(seed)
    x0, eps = rng.standard_normal(3), 1.7
    pass_, analyses = begin(stages, x0, eps), []
    for stage in stages:
        analyses.append(analyse_stage(pass_, stage, "2", 1e-7, 4e11))
        pass_ = advance_affine(pass_, analyses[-1], 0.0)
    lifted = lift(analyses, [a.bound for a in analyses])
    problem = state(lifted).problem
    for _ in range(100):
        v = rng.standard_normal(3)
        v /= np.linalg.norm(v)
        t = eps * max(1e-3, rng.random() ** 3)
        values, point = np.array([x0, x0 + t * v]), [[min(eps / t, lifted.largest_scale)], v]
        for k, (operator, relu) in enumerate((s.operator, s.relu) for s in stages):
            values = np.maximum(operator(values), 0.0) if relu else operator(values)
            change = (values[1] - values[0]) / t
            if relu:
                layer = lifted.layers[k]
                np.testing.assert_allclose(np.delete(change, layer.rows), 0.0, atol=1e-12)
                point.append(np.ldexp(change[layer.rows], -layer.exponent))
        flat = np.concatenate(point)
        # Differences carry rounding of 1e-16 / t, and rows cut to 30 bits.
        assert problem.violation(flat) < 1e-7
        ratio = float(np.linalg.norm(change))
        assert lifted.bound(problem.evaluate(flat)) == pytest.approx(ratio, rel=1e-6, abs=1e-7)


def test_whole_scale_of_values_near_zero() -> None:
    """Pre-activations from 1e-12 to zero: signs that rounding leaves open cost nothing here."""
    A = np.array([[1.0, 2], [2, -1], [-1, -1]])
    for tiny in (1e-12, -1e-12, 1e-7, -1e-7, 0.0):
        y0 = np.array([-1.0, 0.5, tiny])
        found = affine_relu_bound(A, y0, np.zeros(2), 1.0, tighten=True)
        exact = anchored_constant(A, y0, 1.0, np.random.default_rng(0), 100)
        assert exact * (1 - 1e-9) <= found.bound <= found.analytic


@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1e6])
def test_the_constant_scales_with_the_weights(scale: float) -> None:
    y0 = np.array([-1.0, 0.5, -0.5])
    A = np.array([[1.0, 2], [2, -1], [-1, -1]])
    found = affine_relu_bound(scale * A, scale * y0, np.zeros(2), 1.0, tighten=True)
    assert found.bound == pytest.approx(scale * 5**0.5, rel=3e-5)
    shrunk = affine_relu_bound(A, scale * y0, np.zeros(2), scale, tighten=True)
    assert shrunk.bound == pytest.approx(5**0.5, rel=3e-5)


@pytest.mark.parametrize(
    ("sizes", "seed"), [([2, 4, 3, 2], 0), ([2, 4, 3, 2], 1), ([3, 5, 4, 2], 0)]
)
def test_joint_relaxation_of_a_network(sizes: list[int], seed: int) -> None:
    net = dense(sizes, seed)
    x0 = np.random.default_rng(seed).standard_normal(sizes[0])
    analytic = anchored_bound(net, x0, 2.0)
    found = anchored_bound(net, x0, 2.0, method="tightened")
    rng = np.random.default_rng(1)
    steps = rng.standard_normal((20000, sizes[0]))
    steps *= (2.0 * rng.random(20000) / np.linalg.norm(steps, axis=1))[:, None]
    points = np.vstack([x0, x0 + steps])
    for operator, relu in net:
        points = np.maximum(operator(points), 0.0) if relu else operator(points)
    sampled = np.linalg.norm(points[1:] - points[0], axis=1) / np.linalg.norm(steps, axis=1)
    assert found.lower is not None
    assert sampled.max() * (1 - 1e-9) <= found.bound < 0.9 * analytic.bound
    assert found.source == "joint relaxation"
    assert found.bound <= found.product <= analytic.bound
    assert sampled.max() * 0.98 <= found.lower <= found.bound
    assert found.bound <= found.lower * 1.01


def test_lower_bound_is_the_ratio_at_its_witness() -> None:
    net = dense([3, 5, 4, 2], 0)
    x0 = np.array([0.3, -0.2, 0.5])
    found = anchored_lower_bound(net, x0, 0.7)
    points = np.array([x0, found.witness])
    for operator, relu in net:
        points = np.maximum(operator(points), 0.0) if relu else operator(points)
    length = np.linalg.norm(found.witness - x0)
    assert length <= 0.7
    ratio = np.linalg.norm(points[1] - points[0]) / length
    assert ratio * (1 - 1e-9) <= found.value <= ratio
    again = anchored_lower_bound(net, x0, 0.7)
    assert again.value == found.value


@pytest.mark.parametrize("seed", range(8))
def test_lower_bound_reaches_the_oracle(seed: int) -> None:
    A, y0, eps = instance(seed)
    net = [(DenseOperator(A, y0), True)]
    exact = anchored_constant(A, y0, eps, np.random.default_rng(0), 100)
    found = anchored_lower_bound(net, np.zeros(A.shape[1]), eps)
    assert 0.97 * exact <= found.value <= exact * (1 + 1e-9)


def test_networks_with_pooling_and_large_layers_keep_analytic_bounds_and_say_so() -> None:
    rng = np.random.default_rng(0)
    pool = MaxPooling((1, 4, 4), 2)
    net = [(DenseOperator(rng.standard_normal((16, 3))), True), (pool, False)]
    net.append((DenseOperator(rng.standard_normal((60, 4)), rng.standard_normal(60)), True))
    found = anchored_bound(net, np.ones(3), 5.0, method="tightened")
    assert found.bound <= anchored_bound(net, np.ones(3), 5.0).bound
    assert found.source == "product of layers"
    assert any("max pooling" in note for note in found.notes)
    assert any("variables" in note for note in found.notes)
    assert found.lower is not None
    assert 0 < found.lower <= found.bound
    assert "note:" in str(found)


def test_radius_zero_and_constant_networks() -> None:
    net = [(DenseOperator([[1.0]], [-5.0]), True), (DenseOperator([[1.0], [2.0]]), False)]
    found = anchored_bound(net, [0.0], 1.0, method="tightened")
    assert (found.bound, found.lower) == (0.0, 0.0)
    found = anchored_bound(net, [6.0], 0.0, method="tightened")
    assert found.bound == pytest.approx(5**0.5)


def test_what_is_not_offered_is_refused_with_the_reason() -> None:
    with pytest.raises(InvalidOptionError, match='"tight" is not known; use "analytic"'):
        anchored_bound([(DenseOperator([[1.0]]), True)], [0.0], 1.0, method="tight")  # type: ignore[arg-type]
    with pytest.raises(UnsupportedError, match="norm 2"):
        anchored_bound([(DenseOperator([[1.0]]), True)], [0.0], 1.0, method="tightened", norm=1)
    with pytest.raises(UnsupportedError, match="Euclidean"):
        affine_relu_bound([[1.0]], [-0.5], [0.0], 1.0, norm=1, tighten=True)
    A = np.random.default_rng(0).standard_normal((60, 10))
    with pytest.raises(UnsupportedError, match="up to 40"):
        affine_relu_bound(A, None, np.ones(10), 5.0, tighten=True)


@pytest.mark.parametrize("seed", range(1000, 1010))
def test_rows_of_all_sizes_and_coordinates_that_cannot_move(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 5)), int(rng.integers(1, 6))
    A = rng.standard_normal((m, n)) * 10.0 ** rng.integers(-6, 6, size=(m, 1))
    eps = 10.0 ** rng.uniform(-3, 3)
    y0 = eps * np.abs(A).sum(axis=1) * rng.standard_normal(m)
    y0 *= 10.0 ** rng.integers(-6, 1, size=m)
    fixed = np.arange(n) == n - 1 if n > 1 else np.zeros(n, dtype=bool)
    found = affine_relu_bound(A, y0, np.zeros(n), eps, fixed, tighten=True)
    free = DenseOperator(A[:, ~fixed], y0)
    lower = anchored_lower_bound([(free, True)], np.zeros(free.input_size), eps).value
    assert lower <= found.bound <= found.analytic
    without = affine_relu_bound(A[:, ~fixed], y0, np.zeros(free.input_size), eps, tighten=True)
    assert found.bound == pytest.approx(without.bound, rel=1e-6)


def test_weights_with_rounding_errors_are_covered() -> None:
    """A folded batch normalisation leaves entries with relative errors; the bound grows by them."""
    A = np.array([[1.0, 2], [2, -1], [-1, -1]])
    exact = DenseOperator(A, [-1.0, 0.5, -0.5])
    folded = exact.then_diagonal(np.ones(3), np.zeros(3), 10**6, np.zeros(3))
    a, b = (affine_relu_bound(o, None, np.zeros(2), 1.0, tighten=True) for o in (exact, folded))
    assert a.relaxation is not None
    assert b.relaxation is not None
    assert a.relaxation.bound * (1 + 1e-10) < b.relaxation.bound < a.relaxation.bound * (1 + 1e-7)
