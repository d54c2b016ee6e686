"""No upper bound of any method lies below the truth, on a campaign over random small networks."""

from __future__ import annotations

import numpy as np
import pytest

import lipschitz_app as la
from lipschitz_app.lipschitz import METHODS

from .soundness import (
    ACTIVATIONS,
    EVERYWHERE,
    NORMS,
    PIECES,
    QUICK,
    Record,
    campaign,
    draw,
    enumerated,
)

NETWORKS = 200


@pytest.fixture(scope="module")
def record() -> Record:
    """What the campaign found."""
    return campaign(NETWORKS, each=2)


def test_bounds_hold_and_nothing_but_unsupported_is_raised(record: Record) -> None:
    assert record.cases == NETWORKS
    assert record.exact >= 60
    assert sum(record.kinds.values()) >= 380
    assert not record.wrong, "\n".join(record.wrong)
    assert not record.without, "\n".join(record.without)


def test_every_method_meets_every_activation_and_norm_it_is_offered_for(record: Record) -> None:
    def missing(methods: tuple[str, ...], others: tuple[str, ...]) -> list[tuple[str, str]]:
        return [(m, other) for m in methods for other in others if not record.bounds[m, other]]

    # Few networks have each activation, and not every method fits those.
    for method in EVERYWHERE:
        assert len(missing((method,), ACTIVATIONS)) <= 1, method
    for method in ("krivine", "lipsdp", "lasserre", "sublevel"):
        assert len(missing((method,), ACTIVATIONS)) <= 3, method
    assert not missing(QUICK, ("relu",))
    assert not missing(("exact",), tuple(PIECES))
    assert not missing(EVERYWHERE, NORMS)
    assert not missing(("sublevel", "branch", "exact"), NORMS)
    assert not missing(("lasserre", "hr1"), ("2", "inf"))
    assert not missing(("cuts", "krivine", "milp"), ("inf",))
    assert not missing(("lipsdp", "lipsdp-layer"), ("2",))
    assert set(QUICK) <= set(METHODS)


def test_the_enumeration_knows_constants() -> None:
    net = la.Network.from_arrays(
        [[[1, 2], [-1, 1]], [[1, -1], [1, 2]], [[1, 1]]], [[0.1, -0.2], [0.1, 0.3], [0]]
    )
    case = draw(1)
    for region in (la.Box([0.0, 0.0], 0.25), la.Everywhere()):
        known = type(case)(1, net, region, "inf", 0, "relu", "auto")
        assert enumerated(known) == pytest.approx(6.0)
    clamp = la.Network.from_arrays([[[2.0]], [[3.0]]], activation="hardtanh")
    for center, constant in ((0.0, 6.0), (2.0, 0.0)):
        known = type(case)(1, clamp, la.Box([center], 0.1), "2", 0, "hardtanh", "auto")
        assert enumerated(known) == pytest.approx(constant)


def test_cases_are_the_same_every_time() -> None:
    for seed in range(4):
        first, second = draw(seed), draw(seed)
        assert str(first) == str(second)
        point = np.linspace(-1, 1, first.net.input_size)
        assert (first.net(point) == second.net(point)).all()


def test_sublevel_is_offered_in_the_norm_1() -> None:
    """It once raised a TypeError there."""
    rng = np.random.default_rng(0)
    net = la.Network.from_arrays([rng.standard_normal((3, 2)), rng.standard_normal((1, 3))])
    box = la.Box([0.1, -0.1], 1.0)
    exact = la.lipschitz_constant(net, box, 1, method="exact").upper
    found = la.lipschitz_constant(net, box, 1, method="sublevel-2", lower=False)
    assert found.upper_kind == "proven"
    assert exact * (1 - 1e-6) <= found.upper
    assert found.upper <= la.lipschitz_constant(net, box, 1, method="interval").upper
