"""Proof files: older versions, tampering field by field, processes killed while they save."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import polyopt as po
from polyopt.errors import FormatError, PolyoptError
from polyopt.proof.storage import _VERSIONS, _checksum
from tests.reliability.formats import OPTIMA, problems
from tests.reliability.make_proofs import FOLDER

Content = tuple[dict[str, Any], dict[str, Any]]


def content(path: Path) -> Content:
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    return json.loads(bytes(arrays.pop("header"))), arrays


def write(path: Path, header: dict[str, Any], arrays: dict[str, Any]) -> None:
    """Write a proof file whose checksum fits, whatever is in it."""
    header = {key: value for key, value in header.items() if key != "checksum"}
    header["checksum"] = _checksum(header, arrays)
    text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    with path.open("wb") as file:
        np.savez(file, header=text, **arrays)


def holds(path: Path, problem: po.PolynomialProblem) -> po.ProvenBound | None:
    try:
        return po.load_proof(path).check(problem)
    except PolyoptError:
        return None


def problem_of(version: int) -> tuple[po.PolynomialProblem, float]:
    number = 0 if version in (1, 2) else 2
    return problems()[number], float(OPTIMA[number])


@pytest.mark.parametrize("version", _VERSIONS)
def test_files_of_all_versions_hold(version: int) -> None:
    """Files written by the first release that knew the version."""
    path = FOLDER / f"version-{version}.proof"
    assert content(path)[0]["version"] == version
    problem, optimum = problem_of(version)
    proof = po.load_proof(path).check(problem)
    assert optimum - 1e-5 <= proof.bound <= optimum + 1e-12


@pytest.mark.parametrize("version", [0, 5, 99, "1", None, 1.5, [1]])
def test_other_versions_say_why_not(version: object, tmp_path: Path) -> None:
    header, arrays = content(FOLDER / "version-1.proof")
    write(tmp_path / "x.proof", header | {"version": version}, arrays)
    with pytest.raises(FormatError, match="this release reads the versions 1, 2, 3, 4"):
        po.load_proof(tmp_path / "x.proof")


def places(node: Any) -> list[tuple[Any, Any]]:
    """All places of a tree of plain data, as container and key."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    found = []
    for key, child in list(items):
        found.append((node, key))
        if isinstance(child, (dict, list)):
            found += places(child)
    return found


_WORDS = (
    "", "nan", "inf", "psd", "free", "nonnegative", "inequality", "equality", "complement",
    "matrix", "max", "user", "1/3", "-7", "100",
)  # fmt: skip


def other_values(value: Any) -> list[Any]:
    """What an adversary would put instead."""
    if isinstance(value, bool):
        return [not value, "x"]
    if isinstance(value, int):
        return [value + 1, value - 1, 0, 10**6]
    if isinstance(value, str):
        words = [*_WORDS, (0.1).hex()]
        return [word for word in words if word != value]
    if isinstance(value, list):
        return [[], value + value, value[::-1], None]
    return [None]


def too_good(proof: po.ProvenBound | None, problem: po.PolynomialProblem, optimum: float) -> bool:
    """Whether a checked proof claims more than is true. A box of the user may cut the set."""
    if proof is None or proof.domain != "on the feasible set":
        return False
    return bool(problem.sign * proof.bound > problem.sign * optimum + 1e-12)


@pytest.mark.parametrize("version", _VERSIONS)
def test_every_field_tampered(version: int, tmp_path: Path) -> None:
    """Each node of the header, one by one, with a bound that is too good, and without."""
    original, arrays = content(FOLDER / f"version-{version}.proof")
    problem, optimum = problem_of(version)
    path = tmp_path / "x.proof"
    tried = 0
    for number in range(len(places(original))):
        node, key = places(original)[number]
        for value in other_values(node[key]):
            header = copy.deepcopy(original)
            node_, key_ = places(header)[number]
            node_[key_] = value
            claims = [header["bound"], (optimum + 0.1).hex()] if key != "bound" else [value]
            for claim in claims[-1:]:
                header["bound"] = claim
                try:
                    write(path, header, arrays)
                except (ValueError, TypeError):
                    continue
                tried += 1
                assert not too_good(holds(path, problem), problem, optimum), (key, value, claim)
    assert tried > 50


@pytest.mark.parametrize("version", _VERSIONS)
def test_every_array_tampered(version: int, tmp_path: Path) -> None:
    header, original = content(FOLDER / f"version-{version}.proof")
    problem, optimum = problem_of(version)
    path = tmp_path / "x.proof"
    header["bound"] = (optimum + 0.01).hex()
    tried = 0
    for name, array in original.items():
        for place in range(array.size):
            values = [0, 1, 2, 3, -1] if array.dtype.kind == "i" else [
                0.0, -1.0, 2.0, np.nan, np.inf, -np.inf, 1e200, 1e-200, array[place] * (1 + 1e-6)
            ]  # fmt: skip
            for value in values:
                changed = array.copy()
                changed[place] = value
                write(path, dict(header), original | {name: changed})
                tried += 1
                assert not too_good(holds(path, problem), problem, optimum), (name, place, value)
        for changed in (array[:-1], np.concatenate([array, array]), array[::-1].copy()):
            write(path, dict(header), original | {name: changed})
            assert not too_good(holds(path, problem), problem, optimum), name
    assert tried or version in (2, 4)


def test_every_byte_of_a_file_counts(tmp_path: Path) -> None:
    """Truncated anywhere the file is refused; no prefix of it is a proof."""
    data = (FOLDER / "version-1.proof").read_bytes()
    path = tmp_path / "x.proof"
    for length in range(0, len(data), 7):
        path.write_bytes(data[:length])
        with pytest.raises(FormatError):
            po.load_proof(path)


SAVE = """
import sys
import polyopt as po
first, second = (po.load_proof(path) for path in sys.argv[1:3])
print("ready", flush=True)
while True:
    first.save(sys.argv[3])
    second.save(sys.argv[3])
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 needs a POSIX system")
def test_killed_while_saving(tmp_path: Path) -> None:
    """At any moment the file is one of the two proofs as a whole."""
    target = tmp_path / "bound.proof"
    names = [str(FOLDER / f"version-{k}.proof") for k in (1, 2)]
    problem, _ = problem_of(1)
    po.load_proof(names[0]).save(target)
    expected = {po.load_proof(name).bound for name in names}
    rng = np.random.default_rng(0)
    for _ in range(2):
        command = [sys.executable, "-c", SAVE, *names, str(target)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == b"ready"
            time.sleep(float(rng.uniform(0, 0.05)))
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert po.load_proof(target).check(problem).bound in expected
