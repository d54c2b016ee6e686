# mypy: disable-error-code="arg-type,list-item,call-overload"
"""Numbers at the ends of the doubles, balls of other norms, and arguments that make no sense."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import lipschitz_app as la
from lipschitz_app.affine_relu import (
    affine_relu_bound,
    anchored_bound,
    anchored_lower_bound,
    certified_radius,
    global_bound,
)
from lipschitz_app.errors import LipschitzError, NoBoundError
from lipschitz_app.operators import DenseOperator
from lipschitz_app.plotting import plot_anchored_bounds

EYE = DenseOperator(np.eye(2))
NET = [(EYE, True), (EYE, False)]


@pytest.mark.parametrize("size", [1e-170, 1e-200, 1e-310])
def test_weights_whose_squares_underflow(size: float) -> None:
    """With y0 = -size/2 the constant at radius 1 is size/2, not zero."""
    for rows in (1, 2):
        A = size * np.eye(2)[:rows]
        found = affine_relu_bound(A, np.full(rows, -size / 2), [0.0, 0.0], 1.0)
        assert size / 2 * (1 - 1e-12) <= found.bound <= 10 * size + 1e-300
        assert found.pairwise >= size
        assert found.dead == 0


def test_tiny_weights_on_a_huge_ball() -> None:
    A = 1e-200 * np.eye(2)
    found = affine_relu_bound(A, [-0.5, -5.0], [0.0, 0.0], 1e200)
    assert (found.dead, found.partial) == (1, 1)
    assert found.bound >= 0.5e-200


def test_values_that_overflow_prove_nothing() -> None:
    with pytest.raises(NoBoundError, match="overflows"):
        affine_relu_bound([[1e200, -1e200]], None, [1e200, 1e200], 1.0)


@pytest.mark.parametrize("norm", [1, 2, "inf"])
def test_dead_layers_have_bound_zero(norm: object) -> None:
    assert affine_relu_bound(np.eye(2), [-5.0, -5.0], [0.0, 0.0], 1.0, norm=norm).bound == 0.0


def test_a_last_layer_whose_entries_are_rounded() -> None:
    """Differences of logits that cancel keep the error of the entries."""
    folded = EYE.then_diagonal(np.ones(2), np.zeros(2), 10**9, np.zeros(2))
    exact = certified_radius([(EYE, False)], [2.0, 1.0])
    rounded = certified_radius([(folded, False)], [2.0, 1.0])
    assert 0 < rounded.radius < exact.radius * (1 - 1e-7)


@pytest.mark.parametrize(("norm", "radius"), [(1, 1.0), (2, 0.5**0.5), ("inf", 0.5)])
def test_radius_of_a_linear_classifier_in_each_norm(norm: object, radius: float) -> None:
    found = certified_radius([(EYE, False)], [2.0, 1.0], norm=norm)
    assert radius * (1 - 1e-6) <= found.radius <= radius
    assert found.logit_rule_radius <= found.margin_rule_radius * (1 + 1e-6)
    assert f"norm {norm}" in str(found)


@pytest.mark.parametrize("norm", [1, "inf"])
@pytest.mark.parametrize("seed", range(6))
def test_no_class_changes_in_balls_of_other_norms(norm: object, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shapes = [(8, 3), (6, 8), (3, 6)]
    net = la.Network.from_arrays(
        [rng.standard_normal(s) for s in shapes], [rng.standard_normal(s[0]) for s in shapes]
    )
    x = rng.standard_normal(3)
    found = certified_radius(net, x, norm=norm)
    assert found.radius > 0
    jacobian = net.jacobian(x)
    steps = rng.standard_normal((4000, 3))
    steps[:1000] = np.sign(steps[:1000])
    steps[1000:1006] = np.vstack([np.eye(3), -np.eye(3)])
    aimed = np.delete(jacobian - jacobian[found.label], found.label, axis=0)
    steps[1006:1010] = np.vstack([aimed, np.sign(aimed)])
    order = 1 if norm == 1 else np.inf
    steps *= found.radius * (1 - 1e-12) / np.linalg.norm(steps, order, axis=1, keepdims=True)
    assert (np.argmax(net(x + steps), axis=1) == found.label).all()


def test_results_compare_without_comparing_arrays() -> None:
    one, other = (anchored_bound(NET, [1.0, 2.0], 0.1) for _ in range(2))
    assert one != other
    assert len({one, other}) == 2
    layer = affine_relu_bound(np.eye(2), None, [1.0, 1.0], 0.1)
    assert (layer.constant, layer.kind) == ("anchored", "proven")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: anchored_bound("net.npz", [0.0], 1.0), "is a str; give a Network"),
        (lambda: anchored_bound(None, [0.0], 1.0), "is a NoneType; give a Network"),
        (lambda: anchored_bound([la.Linear([[1.0]])], [0.0], 1.0), "stage 0 .* is a Linear"),
        (lambda: global_bound([(np.eye(2), True)]), r"pair \(ndarray, bool\)"),
        (lambda: global_bound([(EYE, "relu")]), r"pair \(DenseOperator, str\)"),
        (lambda: anchored_bound(NET, ["a", "b"], 1.0), "center has entries of type <U1"),
        (lambda: anchored_bound(NET, [[1.0], [1.0, 2.0]], 1.0), "center is no array"),
        (lambda: anchored_bound(NET, None, 1.0), "center has entries of type object"),
        (lambda: anchored_bound(NET, [1j, 0], 1.0), "center has entries of type complex"),
        (lambda: anchored_bound(NET, [np.nan, 0], 1.0), "not finite"),
        (lambda: anchored_bound(NET, [0.0, 0.0], "wide"), "radius is 'wide'"),
        (lambda: anchored_bound(NET, [0.0, 0.0], None), "radius is None"),
        (lambda: anchored_bound(NET, [0.0, 0.0], [1.0, 2.0]), "radius is"),
        (lambda: anchored_bound(NET, [0.0, 0.0], np.inf), "radius is inf"),
        (lambda: anchored_bound(NET, [0.0, 0.0], 1.0, rtol="x"), "rtol is 'x'"),
        (lambda: global_bound(NET, rtol=-1.0, norm=1), "rtol is -1.0"),
        (lambda: global_bound(NET, work=0), "work is 0"),
        (lambda: anchored_lower_bound(NET, [0.0, 0.0], 1.0, starts=0), "starts is 0"),
        (lambda: anchored_lower_bound(NET, [0.0, 0.0], 1.0, steps=1.5), "steps is 1.5"),
        (lambda: anchored_lower_bound(NET, [0.0, 0.0], 1.0, rng=-1), "rng is -1"),
        (lambda: certified_radius(NET, [1.0, 0.0], largest=np.nan), "largest is nan"),
        (lambda: certified_radius(NET, [1.0, 0.0], norm=3), "norm 3 is not known"),
        (lambda: affine_relu_bound("A", None, [0.0], 1.0), "A has entries of type <U1"),
        (lambda: affine_relu_bound([[1.0], [1.0, 2.0]], None, [0.0], 1.0), "A and b are no"),
        (lambda: affine_relu_bound([[1.0]], ["x"], [0.0], 1.0), "b has entries of type"),
        (lambda: affine_relu_bound([[1.0]], None, [0.0], 1.0, [[True], []]), "zero_range is no"),
        (lambda: plot_anchored_bounds(NET, [0.0, 0.0], ["a"]), "give positive finite numbers"),
        (lambda: plot_anchored_bounds(NET, [0.0, 0.0], [1.0], curves="lower"), "give a list"),
    ],
)
def test_arguments_that_make_no_sense(call: Callable[[], object], message: str) -> None:
    with pytest.raises(LipschitzError, match=message):
        call()
