"""Input that cannot be used: the message says what was given, what is wrong, what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lipschitz_app as la
import polyopt as po

NET = la.Network.from_arrays([[[1.0, 2.0], [-1.0, 1.0]], np.eye(2)], [[0.0, 0.0], [0.0, 0.0]])
DEEP = la.Network.from_arrays([np.eye(2), np.eye(2), np.ones((1, 2))])
BOX = la.Box([0.0, 0.0], 1.0)


def bound(net: Any = NET, region: Any = BOX, norm: Any = "inf", output: Any = 0, **k: Any) -> Any:
    return la.lipschitz_constant(net, region, norm, output, **k)


CASES: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: la.Network([]), la.InvalidNetworkError, "list of layers is empty"),
    (lambda: la.Network.from_arrays([]), la.InvalidNetworkError, "no weights"),
    (
        lambda: la.Network.from_arrays([np.eye(2)], [[0, 0], [0, 0]]),
        la.InvalidNetworkError,
        "1 weights but 2 biases",
    ),
    (
        lambda: la.Network.from_arrays([np.eye(2), np.ones((1, 3))]),
        la.InvalidNetworkError,
        "takes 3 inputs but gets 2; .*transposed",
    ),
    (
        lambda: la.Network.from_arrays([np.array([[1.0, np.nan]])]),
        la.InvalidNetworkError,
        r"layer 1: .*1 entries that are NaN or infinite, the first at \(0, 1\)",
    ),
    (
        lambda: la.Linear([[np.inf]]),
        la.InvalidNetworkError,
        "NaN or infinite",
    ),
    (lambda: la.Linear(np.ones(3)), la.InvalidNetworkError, r"shape \(3,\).*2 dimensions"),
    (lambda: la.Linear(np.ones((0, 3))), la.InvalidNetworkError, "empty"),
    (lambda: la.Linear([["a"]]), la.InvalidNetworkError, "real numbers"),
    (lambda: la.Linear([[1j]]), la.InvalidNetworkError, "complex128; give real numbers"),
    (lambda: la.Linear(np.eye(2), [1.0]), la.InvalidNetworkError, "2 rows of weights but 1 bias"),
    (lambda: la.Network([la.ReLU()]), la.InvalidNetworkError, "input_shape is needed"),
    (lambda: la.Network([la.ReLU()], (0,)), la.InvalidNetworkError, "positive integers"),
    (lambda: la.Network([3]), la.InvalidNetworkError, "input_shape is needed"),  # type: ignore[list-item]
    (lambda: la.Network([la.ReLU(), 3], (2,)), la.InvalidNetworkError, "no layer"),  # type: ignore[list-item]
    (
        lambda: la.Network([la.Linear(np.eye(4))], (2, 2)),
        la.InvalidNetworkError,
        r"put Flatten\(\) before",
    ),
    (
        lambda: la.Network.from_arrays([np.eye(2), np.eye(2)], activation="swiglu"),
        la.ActivationError,
        "'swiglu' is not known; there are .*relu",
    ),
    (lambda: NET([1.0, 2.0, 3.0]), la.InvalidPointError, r"expected \(2,\)"),
    (lambda: NET([1.0, np.nan]), la.InvalidPointError, "NaN"),
    (lambda: NET("x"), la.InvalidPointError, "array of numbers"),
    (lambda: la.Box([0.0], -0.1), la.InvalidRegionError, "radius -0.1 is negative"),
    (lambda: la.Box([0.0, np.nan], 0.1), la.InvalidRegionError, "nan at position 1"),
    (lambda: la.Box([0.0, 1.0], np.inf), la.InvalidRegionError, "Everywhere"),
    (lambda: la.Box([0.0, 1.0], [1.0, 1.0, 1.0]), la.InvalidRegionError, "radius has 3 entries"),
    (lambda: la.Box([0.0]), la.InvalidRegionError, "either center and radius"),
    (lambda: la.Box([0.0], 1.0, lower=[0.0]), la.InvalidRegionError, "either center and radius"),
    (lambda: la.Box([], 1.0), la.InvalidRegionError, "empty"),
    (lambda: la.Box(["a"], 1.0), la.InvalidRegionError, "must be numbers"),
    (lambda: la.Box(lower=[0.0, 2.0], upper=[1.0, 1.0]), la.InvalidRegionError, "at position 1"),
    (lambda: la.Box(lower=[0.0], upper=[1.0, 1.0]), la.InvalidRegionError, "must agree"),
    (lambda: la.Ball([0.0], -1.0), la.InvalidRegionError, "negative"),
    (lambda: la.Ball([0.0, 0.0], [1.0, 2.0]), la.InvalidRegionError, "one number"),  # type: ignore[arg-type]
    (lambda: bound(region="all"), la.InvalidRegionError, "is not a region"),
    (lambda: bound(region=la.Box([0.0], 1.0)), la.InvalidRegionError, "1 inputs, the network 2"),
    (lambda: bound(net=np.eye(2)), la.InvalidOptionError, "give a Network"),
    (lambda: bound(norm=3), la.InvalidOptionError, "norm 3 is not known; use 1, 2"),
    (lambda: bound(norm=True), la.InvalidOptionError, "norm True"),
    (lambda: bound(method="magic"), la.InvalidOptionError, "'magic' is not known; methods are"),
    (lambda: bound(time_limit=-1), la.InvalidOptionError, "time_limit is -1"),
    (lambda: bound(tolerance=0), la.InvalidOptionError, "tolerance is 0"),
    (lambda: bound(output=2), la.InvalidOutputError, "2 outputs, 0 to 1"),
    (lambda: bound(output=-1), la.InvalidOutputError, "output -1 does not exist"),
    (lambda: bound(output=(0, 0)), la.InvalidOutputError, "an output and itself"),
    (lambda: bound(output=[1.0, 2.0, 3.0]), la.InvalidOutputError, r"shape \(3,\)"),
    (lambda: bound(output=[1.0, np.inf]), la.InvalidOutputError, "NaN or infinite"),
    (lambda: bound(output="first"), la.InvalidOutputError, "none of: an index"),
    (lambda: bound(DEEP, method="lasserre"), la.UnsupportedError, "one hidden layer; .* has 2"),
    (lambda: bound(norm=1, method="lasserre"), la.UnsupportedError, 'norm "inf" and 2'),
    (
        lambda: bound(region=la.Ball([0.0, 0.0], 1.0), method="exact"),
        la.UnsupportedError,
        "Box or Everywhere",
    ),
    (lambda: la.lipschitz_lower_bound(NET, BOX, starts=0), la.InvalidOptionError, "at least 1"),
    (lambda: la.example_network("cats"), la.InvalidOptionError, "there are digits"),
    (lambda: la.load_network("net.xyz"), la.NetworkFileError, "'.xyz' are not known"),
    (lambda: la.load_network("missing.npz"), la.NetworkFileError, "no such file"),
]


@pytest.mark.parametrize(("call", "error", "message"), CASES, ids=[case[2] for case in CASES])
def test_message(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        call()
    assert isinstance(caught.value, la.LipschitzError)
    assert isinstance(caught.value, po.PolyoptError)


FILES: list[tuple[dict[str, Any], str]] = [
    ({"x": np.ones(2)}, r"no weights among the arrays \['x'\]"),
    ({"A": np.eye(2)}, "an A without b and c"),
    ({"W1": np.eye(2), "b2": np.ones(2)}, "weights and biases do not match: numbers 1, 2"),
    ({"W1": np.eye(2), "A1": np.eye(2)}, "two arrays for layer 1"),
    ({"W1": np.ones((1, 1, 2, 2))}, "a convolution"),
    ({"W1": np.eye(2), "W2": np.eye(3)}, "takes 3 inputs but gets 2"),
    ({"W1": np.array([[np.nan]])}, "NaN"),
    ({"W1": np.eye(2), "W2": np.eye(2), "activation": np.array("swiglu")}, "'swiglu' is not known"),
]


@pytest.mark.parametrize(("arrays", "message"), FILES, ids=[case[1] for case in FILES])
def test_file_message(arrays: dict[str, Any], message: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "net.npz", **arrays)
    with pytest.raises(la.NetworkFileError, match=message):
        la.load_network(tmp_path / "net.npz")


def test_pickles_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "net.npz", W1=np.array([{"run": "me"}], dtype=object))
    with pytest.raises(la.NetworkFileError, match="without pickle"):
        la.load_network(tmp_path / "net.npz")


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "net.npz").write_text("not an archive")
    with pytest.raises(la.NetworkFileError, match=r"net\.npz"):
        la.load_network(tmp_path / "net.npz")


def test_names_of_the_network_itself_are_taken(tmp_path: Path) -> None:
    with pytest.raises(la.InvalidNetworkError, match="taken"):
        NET.save(tmp_path / "net.npz", W1=np.eye(2))
