"""ONNX files against onnxruntime, node by node and whole networks."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lipschitz_app as la
from lipschitz_app.readers.onnx_files import from_onnx

onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")
runtime = pytest.importorskip("onnxruntime", reason="the package onnxruntime is not installed")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

RNG = np.random.default_rng(7)


def weight(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def model(
    nodes: list[Any],
    shape: list[Any],
    constants: dict[str, np.ndarray] | None = None,
    opset: int = 17,
) -> Any:
    """A model from x to y."""
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def one(
    kind: str, shape: list[Any], *constants: np.ndarray, opset: int = 17, **attributes: Any
) -> Any:
    """A model of one node, its constants after x."""
    names = {f"c{i}": value for i, value in enumerate(constants)}
    return model([helper.make_node(kind, ["x", *names], ["y"], **attributes)], shape, names, opset)


def agree(built: Any, tolerance: float = 1e-5) -> la.Network:
    """Values at random points, in single precision; the slopes by differences of the network."""
    session = runtime.InferenceSession(
        built.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    net = from_onnx(built)
    rank = len(session.get_inputs()[0].shape)
    for seed in range(3):
        point = 2 * np.random.default_rng(seed).standard_normal(net.input_shape)
        point = point.astype(np.float32)
        given = point if rank == point.ndim else point[None]
        (expected,) = session.run(None, {"x": given})
        found = net(point).reshape(-1)
        assert found.size == expected.size
        assert np.abs(found - expected.reshape(-1)).max() <= tolerance * (1 + np.abs(found).max())
        step = 1e-6 * np.random.default_rng(seed).standard_normal(net.input_size)
        at = point.reshape(-1).astype(np.float64)
        change = (net(at + step) - net(at - step)).reshape(-1) / 2
        assert np.abs(net.jacobian(at) @ step - change).max() <= 1e-6 * (1 + np.abs(found).max())
    return net


IMAGE = ["batch", 2, 6, 6]
CASES: dict[str, Callable[[], Any]] = {
    "Gemm": lambda: one("Gemm", [1, 3], weight(3, 4), weight(4)),
    "Gemm transB": lambda: one("Gemm", [1, 3], weight(4, 3), weight(1, 4), transB=1),
    "Gemm alpha beta": lambda: one("Gemm", [1, 3], weight(3, 4), weight(4), alpha=0.3, beta=-2.0),
    "Gemm without bias": lambda: one("Gemm", ["n", 3], weight(3, 4)),
    "MatMul": lambda: one("MatMul", [1, 3], weight(3, 4)),
    "MatMul vector": lambda: one("MatMul", [3], weight(3, 4)),
    "MatMul of a row": lambda: one("MatMul", [1, 1, 3], weight(3, 4)),
    "Add": lambda: one("Add", [1, 3], weight(3)),
    "Add image": lambda: one("Add", IMAGE, weight(1, 2, 1, 1)),
    "Sub": lambda: one("Sub", [1, 3], weight(1, 3)),
    "Mul": lambda: one("Mul", IMAGE, weight(2, 1, 1)),
    "Div": lambda: one("Div", [1, 3], np.float32([0.3, 0.7, -2.0])),
    "Neg": lambda: one("Neg", [1, 3]),
    "Conv": lambda: one("Conv", IMAGE, weight(3, 2, 3, 3), weight(3), pads=[1, 1, 1, 1]),
    "Conv strides": lambda: one(
        "Conv", IMAGE, weight(4, 1, 2, 3), strides=[2, 1], dilations=[2, 1], group=2
    ),
    "BatchNormalization": lambda: one(
        "BatchNormalization",
        IMAGE,
        weight(2),
        weight(2),
        weight(2),
        np.float32([0.5, 2.0]),
        epsilon=1e-3,
    ),
    "AveragePool": lambda: one("AveragePool", IMAGE, kernel_shape=[2, 3], strides=[2, 1]),
    "AveragePool padded": lambda: one(
        "AveragePool", IMAGE, kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1
    ),
    "GlobalAveragePool": lambda: one("GlobalAveragePool", IMAGE),
    "MaxPool": lambda: one(
        "MaxPool", IMAGE, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]
    ),
    "Flatten": lambda: one("Flatten", IMAGE),
    "Reshape": lambda: one("Reshape", [1, 2, 6, 6], np.int64([0, -1, 4])),
    "Squeeze": lambda: one("Squeeze", [1, 1, 3], np.int64([1])),
    "Unsqueeze": lambda: one("Unsqueeze", [1, 3], np.int64([1, -1])),
    "Transpose": lambda: one("Transpose", [1, 1, 3], perm=[0, 2, 1]),
    "Identity": lambda: model(
        [helper.make_node("Identity", ["x"], ["a"]), helper.make_node("Relu", ["a"], ["y"])], [1, 2]
    ),
    "Dropout": lambda: model(
        [helper.make_node("Dropout", ["x"], ["a"]), helper.make_node("Relu", ["a"], ["y"])], [1, 2]
    ),
    "Relu": lambda: one("Relu", [1, 3]),
    "LeakyRelu": lambda: one("LeakyRelu", [1, 3], alpha=0.2),
    "PRelu": lambda: one("PRelu", [1, 3], np.float32([0.3])),
    "Tanh": lambda: one("Tanh", [1, 3]),
    "Sigmoid": lambda: one("Sigmoid", [1, 3]),
    "Elu": lambda: one("Elu", [1, 3], alpha=0.7),
    "Softplus": lambda: one("Softplus", [1, 3]),
    "HardSigmoid": lambda: one("HardSigmoid", [1, 3], alpha=1 / 6, beta=0.5),
    "Clip": lambda: one("Clip", [1, 3], np.float32(-1.0), np.float32(1.0)),
    "Clip to six": lambda: one("Clip", [1, 3], np.float32(0.0), np.float32(6.0)),
    "Clip below": lambda: one("Clip", [1, 3], np.float32(0.0)),
    "Gelu": lambda: one("Gelu", [1, 3], opset=20),
    "Abs": lambda: one("Abs", [1, 3]),
}


@pytest.mark.parametrize("name", [name for name in CASES if name not in ("Flatten", "Reshape")])
def test_nodes(name: str) -> None:
    agree(CASES[name]())


@pytest.mark.parametrize("name", ["Flatten", "Reshape"])
def test_reshaping(name: str) -> None:
    net = from_onnx(CASES[name]())
    assert net.output_shape == {"Flatten": (72,), "Reshape": (18, 4)}[name]


def residual() -> Any:
    """Normalised input, a residual block, shape arithmetic, bias by Add."""
    make = helper.make_node
    constants = {
        "mean": weight(1, 2, 1, 1),
        "std": np.float32([[[[0.5]], [[0.7]]]]),
        "w1": weight(2, 2, 3, 3) / 4,
        "w2": weight(2, 2, 1, 1),
        "first": np.int64([0]),
        "rest": np.int64([-1]),
        "w3": weight(72, 3) / 8,
        "b3": weight(3),
    }
    nodes = [
        make("Sub", ["x", "mean"], ["a"]),
        make("Div", ["a", "std"], ["b"]),
        make("Conv", ["b", "w1"], ["c"], pads=[1, 1, 1, 1]),
        make("Relu", ["c"], ["d"]),
        make("Conv", ["b", "w2"], ["e"]),
        make("Add", ["d", "e"], ["f"]),
        make("Sigmoid", ["f"], ["gate"]),
        make("Mul", ["f", "gate"], ["g"]),
        make("Sub", ["g", "f"], ["h"]),
        make("Shape", ["h"], ["shape"]),
        make("Gather", ["shape", "first"], ["n"], axis=0),
        make("Concat", ["n", "rest"], ["target"], axis=0),
        make("Reshape", ["h", "target"], ["flat"]),
        make("MatMul", ["flat", "w3"], ["product"]),
        make("Add", ["b3", "product"], ["y"]),
    ]
    return model(nodes, IMAGE, constants)


def test_a_residual_network() -> None:
    net = agree(residual())
    last = net.layers[-1]
    assert isinstance(last, la.Linear)
    assert last.bias.any()


def save(built: Any, folder: Path) -> Path:
    path = folder / "net.onnx"
    onnx.save(built, str(path))
    return path


def test_files(tmp_path: Path) -> None:
    net = la.load_network(save(residual(), tmp_path))
    assert net.input_shape == (2, 6, 6)
    assert net.output_shape == (3,)
    with pytest.raises(la.InvalidOptionError, match="leave layers= out"):
        la.load_network(tmp_path / "net.onnx", layers=3)


def _forged() -> Any:
    built = one("MatMul", [1, 3], weight(3, 4))
    built.graph.initializer[0].dims[:] = [10**6, 10**6]
    return built


def _outside() -> Any:
    built = one("MatMul", [1, 3], weight(3, 4))
    tensor = built.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    tensor.ClearField("raw_data")
    return built


def _doubling() -> Any:
    names = [f"a{i}" for i in range(50)]
    nodes = [helper.make_node("Concat", [a, a], [b], axis=0) for a, b in pairwise(names)]
    nodes.append(helper.make_node("Add", ["x", names[-1]], ["y"]))
    return model(nodes, [1, 3], {"a0": weight(3)})


def _tangled() -> Any:
    nodes = [helper.make_node("Relu", ["x"], ["a1"]), helper.make_node("Neg", ["x"], ["a0"])]
    for i in range(2, 60):
        nodes.append(helper.make_node("Relu", [f"a{i - 1}"], [f"r{i}"]))
        nodes.append(helper.make_node("Add", [f"r{i}", f"a{i - 2}"], [f"a{i}"]))
    nodes.append(helper.make_node("Identity", ["a59"], ["y"]))
    return model(nodes, [1, 3])


BAD: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: one("Softmax", [1, 3]), la.UnsupportedError, r"node 0, Softmax ''.*not offered"),
    (
        lambda: model([helper.make_node("Sin", ["x"], ["y"], name="wave")], [1, 3]),
        la.UnsupportedError,
        "node 0, Sin 'wave'",
    ),
    (
        lambda: one("Conv", IMAGE, weight(1, 2, 3, 3), pads=[1, 1, 0, 0]),
        la.UnsupportedError,
        r"node 0, Conv ''.*same on both sides",
    ),
    (
        lambda: one("Conv", IMAGE, weight(1, 2, 3, 3), auto_pad="SAME_UPPER"),
        la.UnsupportedError,
        "auto_pad = SAME_UPPER",
    ),
    (
        lambda: one("AveragePool", IMAGE, kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        la.UnsupportedError,
        "padding that is not counted",
    ),
    (lambda: one("MaxPool", IMAGE, kernel_shape=[2, 2], ceil_mode=1), la.UnsupportedError, "ceil"),
    (lambda: one("Gemm", [3, 1], weight(3, 4), transA=1), la.NetworkFileError, "input_shape="),
    (lambda: one("Gemm", ["n", 1], weight(3, 4), transA=1), la.UnsupportedError, "transA"),
    (lambda: one("HardSigmoid", [1, 3]), la.UnsupportedError, "hardsigmoid"),
    (lambda: one("PRelu", [1, 2], np.float32([0.1, 0.2])), la.UnsupportedError, "2 different"),
    (
        lambda: one("Clip", [1, 2], np.float32(-1.0), np.float32(2.0)),
        la.UnsupportedError,
        r"\(-1\.0, 2\.0\)",
    ),
    (
        lambda: one("Transpose", ["n", 2, 3, 4], perm=[0, 3, 1, 2]),
        la.UnsupportedError,
        "reorders the entries",
    ),
    (lambda: one("Mul", [1, 3], weight(2)), la.NetworkFileError, "must broadcast"),
    (
        lambda: model([helper.make_node("Mul", ["x", "x"], ["y"])], [1, 3]),
        la.UnsupportedError,
        "product or quotient",
    ),
    (lambda: one("Relu", ["n", "m"]), la.NetworkFileError, "leaves its shape open"),
    (lambda: one("Relu", [1, 10**6, 10**6]), la.UnsupportedError, "at most 16000000 entries"),
    (
        lambda: model([helper.make_node("Relu", ["z"], ["y"])], [1, 3]),
        la.NetworkFileError,
        "'z' is not made",
    ),
    (
        lambda: model([helper.make_node("Identity", ["x"], ["y"])], [1, 3]),
        la.UnsupportedError,
        "no layers",
    ),
    (_forged, la.NetworkFileError, "declares 1000000000000 entries"),
    (_outside, la.UnsupportedError, "stored in another file"),
    (_doubling, la.UnsupportedError, "a constant of 12582912 entries"),
    (_tangled, la.UnsupportedError, "more than 5000 layers"),
]


@pytest.mark.parametrize(("make", "error", "message"), BAD, ids=[case[2] for case in BAD])
def test_what_is_refused(
    make: Callable[[], Any], error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        la.load_network(save(make(), tmp_path))


def test_input_shapes_can_be_given(tmp_path: Path) -> None:
    path = save(one("Relu", ["n", "m"]), tmp_path)
    assert la.load_network(path, input_shape=(4,)).input_shape == (4,)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    for content in (b"nothing at all", b""):
        path.write_bytes(content)
        with pytest.raises(la.NetworkFileError, match="not an ONNX file"):
            la.load_network(path)
    with pytest.raises(la.NetworkFileError, match="no such file"):
        la.load_network(tmp_path / "missing.onnx")


def test_a_trained_module_and_its_export_have_the_same_bounds(tmp_path: Path) -> None:
    """The graph is written node by node from the module's weights."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(4, 12), torch.nn.ReLU(), torch.nn.Linear(12, 2))
    x = torch.randn(256, 4)
    y = torch.stack([x[:, 0] * x[:, 1], x[:, 2].abs() - x[:, 3]], dim=1)
    optimiser = torch.optim.Adam(module.parameters(), lr=0.02)
    for _ in range(150):
        optimiser.zero_grad()
        loss = ((module(x) - y) ** 2).mean()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.3
    state = {name: value.detach().numpy() for name, value in module.state_dict().items()}
    nodes = [
        helper.make_node("Gemm", ["x", "0.weight", "0.bias"], ["a"], transB=1),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Gemm", ["b", "2.weight", "2.bias"], ["y"], transB=1),
    ]
    read = la.load_network(save(model(nodes, ["batch", 4], state), tmp_path))
    direct = la.from_torch(module)
    assert direct.affine_pairs()[0][0].tolist() == read.affine_pairs()[0][0].tolist()
    region = la.Box(np.zeros(4), 0.3)
    for method in ("product", "interval", "hr2", "mccormick", "exact"):
        first, second = (
            la.lipschitz_constant(net, region, output=(0, 1), method=method)
            for net in (direct, read)
        )
        assert (first.upper, first.lower) == (second.upper, second.lower)
        assert first.witness is not None
        assert second.witness is not None
        assert first.witness.tolist() == second.witness.tolist()
