"""Constants that are known: by hand, by enumeration in the literature, or published."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import lipschitz_app as la
from lipschitz_app import relaxations
from lipschitz_app.gradients import gradient_interval
from lipschitz_app.outputs import as_output
from lipschitz_app.upper import exact_constant

from .networks import all_patterns, benchmark, chen_network, one_layer, presolved

WIDE = 10.0
TWO = one_layer([[1, 2], [-1, 1]], [0, 0], [1, 1])
THREE = one_layer([[1, 2], [-1, 1], [1, -1]], [0.1, -0.2, 0.3], [1, -1, 2])
CSV_SHOR = [1.28841, 1.00337, 0.87644]
CSV_HR2_LOCAL = [0.84495, 0.73467, 0.51053]
LOCAL = [0.68693, 0.70723, 0.51042]


def exact(net: la.Network, region: la.Box | la.Everywhere, norm: object = "inf") -> float:
    return la.lipschitz_constant(net, region, norm, method="exact", lower=False).upper


def value(name: str, net: la.Network, region: la.Box | la.Everywhere, norm: str = "inf") -> float:
    relaxed = getattr(relaxations, name)(presolved(net, region), region, norm)
    return float(relaxed.relaxation.solve().bound + relaxed.encoding.rounding)


class TestByHand:
    @pytest.mark.parametrize("method", ["interval", "shor", "hr2", "exact"])
    def test_one_neuron_has_the_norm_of_its_row_or_nothing(self, method: str) -> None:
        net = one_layer([[1.0, -2.0, 0.5]], [-1.0], [2.0])
        reached = la.lipschitz_constant(net, la.Box(np.zeros(3), 1.0), method=method)
        assert reached.upper == pytest.approx(7.0, abs=1e-5)
        assert reached.lower == pytest.approx(7.0, abs=1e-9)
        dead = la.lipschitz_constant(net, la.Box(np.zeros(3), 0.2), method=method)
        assert dead.upper == pytest.approx(0.0, abs=1e-12)
        assert dead.lower == 0.0

    @pytest.mark.parametrize(("radius", "constant"), [(0.1, 0.0), (10.0, 1.0)])
    def test_a_gap_around_the_centre(self, radius: float, constant: float) -> None:
        net = one_layer([[1], [-1]], [-0.5, -0.5], [1, 1])
        for method in ("exact", "hr2"):
            result = la.lipschitz_constant(net, la.Box([0.0], radius), method=method)
            assert result.upper == pytest.approx(constant, abs=1e-5)
            assert result.lower == pytest.approx(constant, abs=1e-9)

    def test_absolute_value(self) -> None:
        net, region = one_layer([[1], [-1]], [0, 0], [1, 1]), la.Box([0.0], 1.0)
        assert exact(net, region) == pytest.approx(1.0)
        assert value("shor", net, region) == pytest.approx(1.0, abs=1e-5)
        assert value("hr2", net, region) == pytest.approx(1.0, abs=1e-5)

    def test_identity_differs_from_its_polynomial_problem(self) -> None:
        """relu(x) - relu(-x) = x: constant 1; the kink at 0 allows 2 in the problem."""
        net, region = one_layer([[1], [-1]], [0, 0], [1, -1]), la.Box([0.0], 1.0)
        assert exact(net, region) == pytest.approx(1.0)
        hidden = presolved(net, region)
        assert exact_constant(hidden, region, "inf", kinks=True).value == pytest.approx(2.0)
        assert value("shor", net, region) == pytest.approx(2.0, abs=1e-5)
        assert value("hr2", net, region) == pytest.approx(2.0, abs=1e-5)

    def test_cancelling_branches(self) -> None:
        net, region = one_layer([[1], [1]], [0, 0], [1, -1]), la.Box([0.0], 1.0)
        assert exact(net, region) == pytest.approx(0.0, abs=1e-12)
        hidden = presolved(net, region)
        assert exact_constant(hidden, region, "inf", kinks=True).value == pytest.approx(1.0)

    @pytest.mark.parametrize("norm", [1, 2, "inf"])
    def test_positive_network_on_a_positive_box(
        self, norm: object, rng: np.random.Generator
    ) -> None:
        weights = [rng.uniform(0.1, 1, s) for s in ((5, 4), (3, 5), (1, 3))]
        net = la.Network.from_arrays(weights, [rng.uniform(0.1, 1, n) for n in (5, 3, 1)])
        row = (weights[2] @ weights[1] @ weights[0])[0]
        expected = {1: row.max(), 2: np.linalg.norm(row), "inf": row.sum()}[norm]
        result = la.lipschitz_constant(net, la.Box(np.ones(4), 0.5), norm, method="interval")
        assert result.upper == pytest.approx(expected, rel=1e-12)
        assert result.lower == pytest.approx(expected, rel=1e-12)
        assert result.lower is not None
        assert result.lower < result.upper


class TestTwoAndThreeNeurons:
    region = la.Box([0.0, 0.0], WIDE)
    local = la.Box([0.0, 0.0], 0.15)

    def test_exact(self) -> None:
        assert exact(TWO, self.region) == pytest.approx(3.0)
        assert exact(THREE, self.local) == pytest.approx(5.0)
        assert exact(THREE, self.region) == pytest.approx(6.0)
        assert exact(THREE, self.region, 2) == pytest.approx(4.242641, abs=1e-6)
        assert exact(TWO, self.region, 2) == pytest.approx(3.0)

    @pytest.mark.parametrize(
        ("name", "two", "three"),
        [
            ("shor", 3.337117, 5.99916),
            ("hr2", 3.337117, 5.9431),
            ("hr2_lifted", 3.337117, 5.9431),
            ("hr2_substituted", 3.25, 5.9985),
            ("mccormick", 3.0, 5.9061),
            ("lasserre", 3.0, 5.3125),
        ],
    )
    def test_relaxations(self, name: str, two: float, three: float) -> None:
        assert value(name, TWO, self.region) == pytest.approx(two, abs=1e-4)
        assert value(name, THREE, self.local) == pytest.approx(three, abs=2e-4)

    def test_euclidean_shor(self) -> None:
        assert value("shor", TWO, self.region, "2") == pytest.approx(3.0, abs=1e-4)
        assert value("shor", THREE, self.region, "2") == pytest.approx(4.242641, abs=1e-4)

    def test_interval(self) -> None:
        bound = la.lipschitz_constant(TWO, self.region, method="interval", lower=False)
        assert bound.upper == pytest.approx(4.0, rel=1e-12)


class TestRandomNetworks:
    def test_generator_reproduces_torch(self) -> None:
        net, _ = chen_network(2, 4, 0)
        (rows, biases), _ = net.affine_pairs()
        assert rows.round(4).tolist() == [[-0.0053, 0.3793], [-0.5820, -0.5204]]
        assert biases.round(4).tolist() == [-0.2723, 0.1896]

    @pytest.mark.parametrize(
        ("seed", "wide", "local", "sparse_wide", "sparse_local"),
        [
            (0, 1.28830, 0.68693, 0.60989, 0.25278),
            (1, 0.93781, 0.70723, 0.49301, 0.36230),
            (2, 0.82116, 0.51042, 0.32182, 0.18151),
        ],
    )
    def test_exact_constants(
        self, seed: int, wide: float, local: float, sparse_wide: float, sparse_local: float
    ) -> None:
        for sparsity, expected in ((20, (wide, local)), (4, (sparse_wide, sparse_local))):
            net, center = chen_network(10, sparsity, seed)
            for radius, constant in zip((WIDE, 0.1), expected, strict=True):
                region = la.Box(center, radius)
                assert exact(net, region) == pytest.approx(constant, abs=1e-5)
                found = la.lipschitz_lower_bound(net, region, starts=64, steps=200)
                assert found.value == pytest.approx(constant, abs=1e-5)

    @pytest.mark.parametrize("seed", [0, 1, 2])
    def test_published_relaxations(self, seed: int) -> None:
        """Chen et al. 2020, (10, 10) networks of sparsity 20: Shor global and HR-2 local.

        The published local bounds leave the stable neurons in; fixing them can only help.
        """
        net, center = chen_network(10, 20, seed)
        assert value("shor", net, la.Everywhere()) == pytest.approx(CSV_SHOR[seed], abs=1e-4)
        local = value("hr2", net, la.Box(center, 0.1))
        assert LOCAL[seed] - 1e-4 <= local <= CSV_HR2_LOCAL[seed] + 1e-4

    @pytest.mark.parametrize(
        ("seed", "local", "euclidean", "fastlip"),
        [
            (0, 2.903741, 1.027279, 4.3313),
            (1, 1.982572, 0.714049, 2.3512),
            (2, 1.923653, 0.740255, 3.3717),
        ],
    )
    def test_ten_twenty_one(
        self, seed: int, local: float, euclidean: float, fastlip: float
    ) -> None:
        net, center = benchmark([10, 20, 1], seed)
        region = la.Box(center, 0.1)
        result = la.lipschitz_constant(net, region, method="exact")
        assert result.upper == pytest.approx(local, abs=1e-6)
        assert result.lower == pytest.approx(local, abs=1e-6)
        assert exact(net, region, 2) == pytest.approx(euclidean, abs=1e-6)
        interval = la.lipschitz_constant(net, region, method="interval", lower=False)
        assert interval.upper == pytest.approx(fastlip, abs=1e-4)

    def test_products_of_norms(self) -> None:
        net, _ = benchmark([10, 20, 1], 0)
        for norm, expected in (("inf", 18.943463390226423), (2, 2.6416)):
            bound = la.lipschitz_constant(net, la.Everywhere(), norm, method="product", lower=False)
            assert bound.upper == pytest.approx(expected, rel=2e-5)
            assert bound.upper_kind == "proven"

    def test_deep_interval_bound(self) -> None:
        """The published FastLip bound of a 20-40-40-1 network on a box of radius 0.02."""
        net, center = benchmark([20, 40, 40, 1], 0)
        region = la.Box(center, 0.02)
        lower, upper = gradient_interval(net, la.interval_ranges(net, region), as_output(0, 1))
        fastlip = np.maximum(-lower, upper).sum()
        assert fastlip == pytest.approx(8.167, abs=1e-3)
        bound = la.lipschitz_constant(net, region, method="interval")
        assert bound.upper == pytest.approx(2.99, abs=1e-3)
        assert bound.lower is not None
        assert 1.0 < bound.lower <= 1.771381


class TestPublishedNetworks:
    @pytest.mark.parametrize(
        ("name", "wide", "local", "shor", "shor_local"),
        [
            ("lip_test", 0.571363, 0.417775, 0.662198, 0.43186),
            ("net_1_10", 0.691767, 0.581250, 0.715289, 0.61001),
            ("net_1_15", 1.719629, 1.418064, 1.862443, 1.44849),
        ],
    )
    def test_small(
        self,
        shared_data: Path,
        name: str,
        wide: float,
        local: float,
        shor: float,
        shor_local: float,
    ) -> None:
        path = shared_data / "chen" / f"{name}.npz"
        net, center = la.load_network(path), np.load(path)["x0"]
        box = la.Box(center, 0.1)
        assert exact(net, la.Box(center, WIDE)) == pytest.approx(wide, abs=1e-6)
        assert exact(net, box) == pytest.approx(local, abs=1e-6)
        assert value("shor", net, la.Everywhere()) == pytest.approx(shor, abs=1e-4)
        assert value("shor", net, box) == pytest.approx(shor_local, abs=1e-4)

    def test_large_presolve_and_witness(self, shared_data: Path) -> None:
        path = shared_data / "chen" / "sdp_nn.npz"
        net, center = la.load_network(path), np.load(path)["x0"]
        counts = la.interval_ranges(net, la.Box(center, 0.1))[0].counts()
        assert counts == {"dead": 55, "active": 13, "unstable": 432}
        witness = np.load(shared_data / "chen" / "sdp_nn_witness.npz")["x"]
        assert np.abs(net.jacobian(witness)).sum() == pytest.approx(15.0549, abs=1e-4)
        found = la.lipschitz_lower_bound(
            net, la.Box(witness, 1e-6), starts=1, steps=0, time_limit=1e-9
        )
        assert found.value == pytest.approx(15.0549, abs=1e-4)


def test_exact_matches_brute_force_over_all_reachable_patterns(rng: np.random.Generator) -> None:
    """With full row rank every pattern occurs somewhere on the whole space."""
    net = one_layer(rng.standard_normal((5, 6)), rng.standard_normal(5), rng.standard_normal(5))
    assert exact(net, la.Everywhere()) == pytest.approx(all_patterns(net), rel=1e-9)
    assert math.isfinite(all_patterns(net))
