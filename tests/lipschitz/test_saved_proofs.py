"""Saved proofs: every method that offers them, tampering, files that are no proofs, commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lipschitz_app as la
import polyopt as po
from lipschitz_app.cli import main
from lipschitz_app.proof_files import _checksum
from lipschitz_app.regions import Region
from polyopt.errors import FormatError, ProofRejectedError

from .networks import benchmark, one_layer

NET = one_layer([[1, 2], [-1, 1], [1, -1]], [0.1, -0.2, 0.3], [1, -1, 2])
BOX = la.Box([0.0, 0.0], 0.15)
SMALL = la.Box([0.0, 0.0], 0.05)
BALL = la.Ball([0.0, 0.0], 0.2).intersect(la.Box(lower=-0.15, upper=0.18))
CUT = la.Box([0.0, 0.1], 0.3).intersect(la.Box(lower=-0.2, upper=0.3))
DEEP, CENTER = benchmark([2, 3, 3, 2], 2)
DEEP_BOX, DEEP_BALL = la.Box(CENTER, 0.8), la.Ball(CENTER, 0.8)
SMOOTH = la.Network.from_arrays(
    [[[1.0, 2.0], [-1.0, 1.0]], [[1.0, 1.0]]], [[0.0, 0.1], [0.0]], activation="tanh"
)
BENT = la.Network.from_arrays(
    [np.eye(2) + 0.5, [[1.0, -1.0], [1.0, 1.0]], [[1.0, 2.0]]], activation="leaky_relu"
)
TWO = la.Network.from_arrays(
    [[[1, 2], [-1, 1], [1, -1]], [[1, -1, 2], [0, 1, 0]]], [[0.1, -0.2, 0.3], [0, 0]]
)

CASES: list[tuple[la.Network, Region, dict[str, Any]]] = [
    *((NET, BOX, {"method": name}) for name in ("product", "interval", "shor", "hr2", "cuts")),
    *((NET, CUT, {"method": name}) for name in ("mccormick", "krivine")),
    *((NET, la.Everywhere(), {"method": name}) for name in ("shor", "mccormick", "krivine-2")),
    *((NET, BOX, {"method": name, "solver": "clarabel"}) for name in ("shor", "hr2", "sublevel-2")),
    (NET, BOX, {"method": "lasserre"}),
    *((NET, BALL, {"method": name, "norm": 2}) for name in ("lipsdp", "lipsdp-layer", "hr2")),
    *((NET, region, {"method": "shor", "norm": 1}) for region in (BOX, la.Everywhere())),
    (SMOOTH, BOX, {"method": "hr2"}),
    (one_layer([[1.0, 1.0]], [9.0], [2.0]), BOX, {"method": "shor"}),
    *((DEEP, DEEP_BOX, {"method": name}) for name in ("product", "interval", "hr2", "mccormick")),
    (DEEP, DEEP_BALL, {"method": "shor", "norm": 2, "output": (0, 1)}),
    (DEEP, DEEP_BOX, {"method": "hr2", "norm": 1, "output": [1.0, 0.5]}),
    (DEEP, DEEP_BOX, {"method": "lipsdp", "norm": 2, "output": None}),
    (DEEP, DEEP_BOX, {"method": "shor", "output": None}),
    (DEEP, DEEP_BOX, {"method": "krivine"}),
    (DEEP, DEEP_BOX, {"method": "hr1"}),
    (BENT, la.Box([0.0, 0.0], 1.0), {"method": "hr2"}),
    *((TWO, BOX, {"method": "interval", "output": None, "norm": norm}) for norm in (1, 2, "inf")),
    *((TWO, BOX, {"method": "product", "output": None, "norm": norm}) for norm in (1, 2, "inf")),
    *((TWO, BOX, {"method": "shor", "output": None, "output_norm": q}) for q in (1, 2, "inf")),
    (TWO, BOX, {"method": "lasserre", "output": None, "norm": 2}),
]


@pytest.fixture
def no_solver(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Make every solver fail from the call on."""

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a check called a solver")

    def forbid() -> None:
        monkeypatch.setattr(po.Relaxation, "solve", refuse)
        for module in ("lowrank", "deep"):
            monkeypatch.setattr(f"lipschitz_app.upper.{module}.solve_first_order", refuse)
        monkeypatch.setattr("lipschitz_app.upper.lowrank.cut_and_solve", refuse)
        monkeypatch.setattr("lipschitz_app.upper.lipsdp.minimise", refuse)
        monkeypatch.setattr("scipy.optimize.linprog", refuse)
        monkeypatch.setattr("scipy.optimize.milp", refuse)

    return forbid


@pytest.mark.parametrize(("net", "region", "options"), CASES)
def test_round_trip_without_solver(
    net: la.Network,
    region: Region,
    options: dict[str, Any],
    tmp_path: Path,
    no_solver: Callable[[], None],
) -> None:
    result = la.lipschitz_constant(net, region, lower=False, **options)
    assert result.upper_kind == "proven"
    no_solver()
    result.save_proof(tmp_path / "x.lipproof")
    net.save(tmp_path / "net.npz")
    proof = la.load_proof(tmp_path / "x.lipproof")
    value = proof.check(la.load_network(tmp_path / "net.npz"), region=region, norm=result.norm)
    assert value == pytest.approx(result.upper, rel=1e-9)
    assert value <= proof.bound <= result.upper * (1 + 2e-9)
    assert proof.output.label == result.output
    assert result.check() == pytest.approx(result.upper, rel=1e-9)
    proof.save(tmp_path / "again.lipproof")
    assert la.load_proof(tmp_path / "again.lipproof").check(net) == value


@pytest.mark.parametrize("method", ["branch", "exact", "milp"])
def test_methods_without_certificates_say_so(method: str, tmp_path: Path) -> None:
    result = la.lipschitz_constant(NET, BOX, method=method, lower=False)
    with pytest.raises((la.UnsupportedError, la.NoBoundError), match="no certificate"):
        result.save_proof(tmp_path / "x.lipproof")
    assert not list(tmp_path.iterdir())


def test_ranges_by_linear_programs_of_deep_networks_are_refused() -> None:
    result = la.lipschitz_constant(DEEP, DEEP_BOX, method="interval", ranges="lp", lower=False)
    with pytest.raises(la.UnsupportedError, match='ranges="crown"'):
        result.to_proof()
    shallow = la.lipschitz_constant(NET, BOX, method="hr2", ranges="lp", lower=False)
    assert shallow.to_proof().check(NET) == pytest.approx(shallow.upper, rel=1e-9)


def nudged(net: la.Network) -> la.Network:
    """Return the network with one weight moved by one ulp."""
    (first, bias), (last, end) = net.affine_pairs()
    first = first.copy()
    first[0, 0] = np.nextafter(first[0, 0], np.inf)
    return la.Network.from_arrays([first, last], [bias, end])


@pytest.mark.parametrize(
    ("region", "options"),
    [
        (SMALL, {"method": "hr2"}),
        (SMALL, {"method": "hr2", "solver": "clarabel"}),
        (SMALL, {"method": "krivine"}),
        (SMALL, {"method": "lipsdp", "norm": 2}),
        (SMALL, {"method": "interval"}),
    ],
)
def test_tampered_proofs_are_refused(region: Region, options: dict[str, Any]) -> None:
    proof = la.lipschitz_constant(NET, region, lower=False, **options).to_proof()
    proof.check(NET)
    with pytest.raises(ProofRejectedError, match="claims the bound"):
        replace(proof, bound=proof.bound * (1 - 1e-6)).check(NET)
    with pytest.raises(ProofRejectedError, match="another network"):
        proof.check(nudged(NET))
    # A wider region has more unstable neurons, or a larger constant.
    with pytest.raises(ProofRejectedError):
        replace(proof, region=la.Everywhere()).check(NET)
    with pytest.raises(ProofRejectedError):
        replace(proof, region=la.Box([0.0, 0.0], 0.25)).check(NET)
    with pytest.raises(ProofRejectedError, match="3 inputs"):
        replace(proof, region=la.Box([0.0, 0.0, 0.0], 0.1)).check(NET)
    with pytest.raises(ProofRejectedError, match="pre-activations"):
        replace(proof, ranges="lp").check(NET)


def test_certificates_for_other_norms_and_outputs_are_refused() -> None:
    lowrank = la.lipschitz_constant(NET, BOX, method="hr2", lower=False).to_proof()
    lipsdp = la.lipschitz_constant(NET, BOX, 2, method="lipsdp", lower=False).to_proof()
    for proof, other in ((lowrank, "2"), (lowrank, "1"), (lipsdp, "inf"), (lipsdp, "1")):
        with pytest.raises(ProofRejectedError, match="is one for norm"):
            replace(proof, norm=other).check(NET)  # type: ignore[arg-type]
    two = la.lipschitz_constant(TWO, BOX, output=1, method="hr2", lower=False).to_proof()
    first = la.lipschitz_constant(TWO, BOX, output=0, method="hr2", lower=False).to_proof()
    with pytest.raises(ProofRejectedError):
        replace(two, output=first.output).check(TWO)


def test_perturbed_multipliers_are_refused_or_prove_less() -> None:
    for options in ({"method": "hr2"}, {"method": "cuts"}, {"method": "krivine"}):
        proof = la.lipschitz_constant(NET, BOX, lower=False, **options).to_proof()  # type: ignore[arg-type]
        arrays = proof.certificate.arrays
        for name, array in arrays.items():
            changes = [np.full_like(array, -1), array[:0]]
            if array.dtype == np.float64:
                changes += [np.full_like(array, np.nan), 0.9 * array - 1e-3]
            for change in changes:
                if name == "cut offsets" and not change.size:
                    continue
                forged = replace(proof.certificate, arrays={**arrays, name: change})
                if change.size == array.size and np.array_equal(change, array):
                    continue
                try:
                    value = replace(proof, certificate=forged).check(NET)
                except ProofRejectedError:
                    continue
                assert value >= 5.0  # the constant: still a bound


def test_invalid_cuts_are_refused() -> None:
    proof = la.lipschitz_constant(NET, BOX, method="hr2", lower=False).to_proof()
    count = sum(name.startswith("multipliers") for name in proof.certificate.arrays)
    arrays = {
        **proof.certificate.arrays,
        "cut entries": np.array([[[1, 3], [0, 0], [0, 0], [0, 0]]]),
        "cut signs": np.array([[-1, 0, 0, 0]]),
        "cut offsets": np.array([-1]),
        f"multipliers {count}": np.array([1.0]),
    }
    forged = replace(proof, certificate=replace(proof.certificate, arrays=arrays))
    with pytest.raises(ProofRejectedError, match="does not hold for all vectors of signs"):
        forged.check(NET)


def test_a_proof_restricted_to_a_smaller_box_is_refused() -> None:
    result = la.lipschitz_constant(NET, BOX, method="shor", solver="clarabel", lower=False)
    proof, certificate = result.to_proof(), result.certificate
    assert certificate is not None
    inner = certificate.the_proof()
    # Half of the directions and slopes: the bound would be far too small.
    small = replace(inner.box, upper=0.5 * inner.box.upper, source="user")
    forged = replace(certificate, proof=replace(inner, box=small))
    with pytest.raises(ProofRejectedError, match="restricted to the range"):
        replace(proof, certificate=forged).check(NET)


def test_what_is_wanted_is_compared() -> None:
    proof = la.lipschitz_constant(NET, BOX, method="hr2", lower=False).to_proof()
    proof.check(NET, region=la.Box([0.0, 0.0], 0.1), norm="inf", output=0)
    for wanted, message in (
        ({"region": la.Box([0.0, 0.0], 0.2)}, "not seen to contain"),
        ({"region": la.Ball([0.0, 0.0], 0.1)}, "not seen to contain"),
        ({"norm": 2}, "not the norm 2"),
        ({"output": [2.0]}, "not about combination"),
        ({"output": None}, "not about all 1 outputs"),
    ):
        with pytest.raises(ProofRejectedError, match=message):
            proof.check(NET, **wanted)
    with pytest.raises(la.InvalidOptionError, match="give a Network"):
        proof.check("net.npz")  # type: ignore[arg-type]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "bound.lipproof"
    la.lipschitz_constant(NET, BOX, method="hr2", lower=False).save_proof(path)
    return path


def forge(path: Path, change: Callable[[dict[str, Any], dict[str, Any]], object]) -> None:
    """Change a file; its checksum fits afterwards."""
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    header = json.loads(bytes(arrays.pop("header")))
    header.pop("checksum")
    change(header, arrays)
    header["checksum"] = _checksum(header, arrays)
    text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    with path.open("wb") as stream:
        np.savez(stream, header=text, **arrays)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h, a: h.update(format="other"), "does not say"),
        (lambda h, a: h.update(version=2), "reads version 1"),
        (lambda h, a: h.update(bound="nan"), "not one of a Lipschitz constant"),
        (lambda h, a: h.update(bound="-0x1p3"), "not one of a Lipschitz constant"),
        (lambda h, a: h.update(method="\x1b[2J"), "is not known"),
        (lambda h, a: h.update(ranges="lp"), "is not known"),
        (lambda h, a: h.update(norm="3"), "norm '3' is not known"),
        (lambda h, a: h.pop("region"), "malformed header"),
        (lambda h, a: h["region"].update(kind="cube"), "is not known"),
        (lambda h, a: a["floats"].fill(np.nan), "NaN or infinite"),
        (lambda h, a: h["region"]["arrays"]["center"].update(shape=[-2]), "shape"),
        (lambda h, a: h["region"]["arrays"]["center"].update(shape=[10**15]), "more numbers"),
        (lambda h, a: h["region"]["arrays"]["center"].update(at=10**15), "more numbers"),
        (lambda h, a: h["certificate"].update(settings={"model": [1]}), "whole numbers"),
        (lambda h, a: h["output"].update(kind="all", size=-1, norm="1"), "is none"),
    ],
)
def test_malformed_files_are_refused(
    change: Callable[[dict[str, Any], dict[str, Any]], object], message: str, file: Path
) -> None:
    forge(file, change)
    with pytest.raises(FormatError, match=message):
        la.load_proof(file)


def test_damaged_files_are_refused(file: Path, tmp_path: Path) -> None:
    data = file.read_bytes()
    for size in (0, 10, len(data) // 2, len(data) - 1):
        (tmp_path / "cut").write_bytes(data[:size])
        with pytest.raises(FormatError, match="is not a proof of a Lipschitz bound"):
            la.load_proof(tmp_path / "cut")
    NET.save(tmp_path / "net.npz")
    with pytest.raises(FormatError, match="members are not those"):
        la.load_proof(tmp_path / "net.npz")
    with pytest.raises(FileNotFoundError):
        la.load_proof(tmp_path / "none")
    with np.load(file) as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays["floats"] = arrays["floats"] + 1.0
    np.savez(tmp_path / "changed.npz", **arrays)
    with pytest.raises(FormatError, match="checksum"):
        la.load_proof(tmp_path / "changed.npz")


def test_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], no_solver: Callable[[], None]
) -> None:
    network, proof, center = tmp_path / "net.npz", tmp_path / "b.lipproof", tmp_path / "x.npy"
    NET.save(network)
    nudged(NET).save(tmp_path / "other.npz")
    np.save(center, np.zeros(2))
    place = ["--center", str(center), "--radius"]
    arguments = ["bound", str(network), *place, "0.15", "--method", "hr2", "--quiet", "--no-lower"]
    assert main([*arguments, "--save-proof", str(proof)]) == 0
    no_solver()
    capsys.readouterr()
    assert main(["check", str(proof), str(network)]) == 0
    out = capsys.readouterr().out
    assert "output 0, L-infinity norm, Box(2 inputs, radius 0.15): at most 5.96" in out
    assert "(proven, by hr2)" in out
    wanted = ["--norm", "inf", "--output", "0", "--json"]
    assert main(["check", str(proof), str(network), *place, "0.1", *wanted]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["upper_kind"] == "proven"
    assert found["upper"] <= found["claimed"]
    for more, message in (
        ([str(network), *place, "0.2"], "not seen to contain"),
        ([str(network), "--norm", "2"], "not the norm 2"),
        ([str(tmp_path / "other.npz")], "another network"),
        ([str(network), "--domain", "0", "1"], "--domain goes with a region"),
    ):
        assert main(["check", str(proof), *more]) == 2
        assert message in capsys.readouterr().err
    assert main(["check", str(network), str(network)]) == 2
    with pytest.raises(SystemExit) as leaving:
        main(["--version"])
    assert leaving.value.code == 0
    assert capsys.readouterr().out.startswith("lipschitz_app ")
