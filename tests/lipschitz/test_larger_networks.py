"""Networks with dozens of unstable neurons, and a trained one of three hidden layers."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import lipschitz_app as la

from .networks import chen_network


@pytest.mark.parametrize(("sparsity", "seed", "radius"), [(6, 1, 0.4), (6, 0, 0.5)])
def test_branch_closes_dozens_of_unstable_neurons(sparsity: int, seed: int, radius: float) -> None:
    net, center = chen_network(40, sparsity, seed)
    box = la.Box(center, radius)
    result = la.lipschitz_constant(net, box, method="branch", gap=9e-3)
    assert 20 <= result.neurons[0]["unstable"] <= 40
    assert result.upper_kind == result.lower_kind == "proven"
    assert result.relative_gap < 0.01
    assert result.witness is not None
    reached = np.abs(net.jacobian(result.witness)).sum()
    assert result.lower == pytest.approx(reached, rel=1e-9)


@pytest.fixture(scope="module")
def digits() -> tuple[la.Network, np.ndarray]:
    """A 64-24-24-24-10 network of the digits of scikit-learn, and an image."""
    from sklearn.datasets import load_digits
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    data = load_digits()
    inputs, labels = data.data / 16.0, data.target
    model = MLPClassifier((24, 24, 24), alpha=1e-2, max_iter=25, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(inputs[:1500], labels[:1500])
    assert model.score(inputs[1500:], labels[1500:]) > 0.8
    return la.from_sklearn(model), inputs[1500]


@pytest.mark.parametrize("method", ["hr2", "auto"])
def test_three_hidden_layers_trained_on_digits(
    digits: tuple[la.Network, np.ndarray], method: str
) -> None:
    net, image = digits
    scores = np.argsort(net(image))
    margin = (int(scores[-1]), int(scores[-2]))
    region = la.Box(image, 0.05).intersect(la.Box(lower=0.0, upper=1.0))
    found = la.lipschitz_constant(net, region, "inf", margin, method=method, time_limit=3.0)
    assert found.upper_kind == found.lower_kind == "proven"
    assert found.lower is not None
    assert 0 < found.lower <= found.upper
    easy = [
        la.lipschitz_constant(net, region, "inf", margin, method=name, lower=False).upper
        for name in ("interval", "product")
    ]
    assert found.upper < min(easy)
