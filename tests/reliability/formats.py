"""The formats of files that are fuzzed: valid files, their mutation and the reader."""

from __future__ import annotations

import io
import json
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from polyopt.errors import PolyoptError
from tests.reliability.mutations import (
    Mutation,
    Rng,
    archive,
    blind,
    json_text,
    npy,
    pack,
    text,
    tree,
)


@dataclass(frozen=True)
class Target:
    """A format.

    ``make`` returns valid files, ``mutate`` damages one, ``read`` reads what lies at a path.
    """

    name: str
    suffix: str
    make: Callable[[], list[bytes]]
    mutate: Mutation
    read: Callable[[Path], Any]
    documented: tuple[type[Exception], ...] = (PolyoptError,)


def _written(suffix: str, *writers: Callable[[Path], Any]) -> list[bytes]:
    files = []
    with tempfile.TemporaryDirectory() as folder:
        for writer in writers:
            path = Path(folder, "valid" + suffix)
            writer(path)
            files.append(path.read_bytes())
    return files


def _networks() -> list[bytes]:
    import lipschitz_app as la

    rng = np.random.default_rng(0)
    weights = [rng.standard_normal((4, 3)), rng.standard_normal((2, 4))]
    plain = la.Network.from_arrays(weights, [np.ones(4), np.ones(2)])
    image = la.Network(
        [
            la.Conv2d(rng.standard_normal((2, 1, 2, 2)), np.zeros(2), padding=1),
            la.ReLU(),
            la.AvgPool2d(2),
            la.Residual([la.Flatten(), la.Linear(np.eye(8))], [la.Flatten()]),
            la.Linear(rng.standard_normal((2, 8))),
        ],
        (1, 4, 4),
    )
    named: dict[str, Any] = {"W1": weights[0], "b1": np.ones(4), "W2": weights[1], "b2": np.ones(2)}
    one: dict[str, Any] = {"A": weights[0], "b": np.ones(4), "c": np.ones(4)}
    return _written(
        ".npz",
        plain.save,
        image.save,
        lambda path: np.savez(path, activation="tanh", input_shape=[3], **named),
        lambda path: np.savez_compressed(path, **one),
    )


def _npz_member(name: str, data: bytes, rng: Rng) -> bytes:
    if name == "layers.npy" and rng.random() < 0.8:
        description = str(np.load(io.BytesIO(data)))
        new = json_text(description.encode(), rng).decode("utf-8", "replace")
        file = io.BytesIO()
        np.save(file, np.array(new))
        return file.getvalue()
    return npy(data, rng)


def _onnx() -> list[bytes]:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)

    def model(shape: list[Any], nodes: list[Any], **constants: Any) -> bytes:
        graph = helper.make_graph(
            nodes,
            "net",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            [numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()],
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        assert isinstance(made, onnx.ModelProto)
        return bytes(made.SerializeToString())

    node = helper.make_node
    single = np.float32
    dense = model(
        [1, 3],
        [node("Gemm", ["x", "A", "b"], ["h"], transB=1), node("Relu", ["h"], ["r"]),
         node("MatMul", ["r", "B"], ["m"]), node("Add", ["m", "c"], ["y"])],
        A=rng.standard_normal((4, 3)).astype(single), b=np.ones(4, single),
        B=rng.standard_normal((4, 2)).astype(single), c=np.ones(2, single),
    )  # fmt: skip
    one = numpy_helper.from_array(np.ones(1, single))
    image = model(
        [1, 1, 6, 6],
        [node("Conv", ["x", "W"], ["h"], pads=[1, 1, 1, 1], strides=[2, 2]),
         node("BatchNormalization", ["h", "s", "s", "s", "s"], ["n"]), node("Relu", ["n"], ["r"]),
         node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2]), node("Shape", ["p"], ["d"]),
         node("Gather", ["d", "zero"], ["batch"]),
         node("Unsqueeze", ["batch", "axes"], ["u"]),
         node("Concat", ["u", "minus"], ["to"], axis=0), node("Reshape", ["p", "to"], ["f"]),
         node("ConstantOfShape", ["size"], ["k"], value=one),
         node("Mul", ["f", "k"], ["y"])],
        W=rng.standard_normal((2, 1, 3, 3)).astype(single), s=np.ones(2, single), zero=np.int64(0),
        axes=np.array([0]), minus=np.array([-1]), size=np.array([1]),
    )  # fmt: skip
    return [dense, image]


def _onnx_mutation(data: bytes, rng: Rng) -> bytes:
    """Change fields of the message, and sometimes bytes."""
    import onnx

    if rng.random() < 0.4:
        return blind(data, rng)
    model = onnx.load_from_string(data)
    graph = model.graph
    for _ in range(int(rng.integers(1, 4))):
        node = graph.node[int(rng.integers(len(graph.node)))]
        tensor = graph.initializer[int(rng.integers(len(graph.initializer)))]
        odd = [0, -1, 1, 2, 3, 2**31, 2**62, -(2**63), 7, 10**7][int(rng.integers(10))]
        kind = int(rng.integers(10))
        if kind == 0 and tensor.dims:
            tensor.dims[int(rng.integers(len(tensor.dims)))] = odd
        elif kind == 1:
            tensor.data_type = int(rng.integers(0, 24))
        elif kind == 2 and tensor.raw_data:
            word = [np.nan, np.inf, 1e30, -1.0][int(rng.integers(4))]
            tensor.raw_data = np.float32(word).tobytes() + tensor.raw_data[4:]
        elif kind == 3 and node.attribute:
            attribute = node.attribute[int(rng.integers(len(node.attribute)))]
            if attribute.ints:
                attribute.ints[int(rng.integers(len(attribute.ints)))] = odd
            else:
                attribute.i = odd
                attribute.f = float(odd)
        elif kind == 4 and node.input:
            names = [t.name for t in graph.initializer] + [o for n in graph.node for o in n.output]
            new = [*names, "x", "", "nothing"][int(rng.integers(len(names) + 3))]
            node.input[int(rng.integers(len(node.input)))] = new
        elif kind == 5:
            types = [
                "Relu",
                "Conv",
                "Gemm",
                "Slice",
                "Transpose",
                "Pad",
                "Softmax",
                "Loop",
                "Tanh",
                "Flatten",
                "Div",
                "Squeeze",
                "AveragePool",
                "Concat",
                "ConstantOfShape",
                "é",
            ]
            node.op_type = types[int(rng.integers(len(types)))]
        elif kind == 6:
            sides = graph.input[0].type.tensor_type.shape.dim
            sides[int(rng.integers(len(sides)))].dim_value = odd
        elif kind == 7:
            integers = [t for t in graph.initializer if t.data_type == 7]
            if integers:
                chosen = integers[int(rng.integers(len(integers)))]
                count = max(1, len(chosen.raw_data) // 8)
                chosen.raw_data = np.full(count, odd, dtype=np.int64).tobytes()
        elif kind == 8:
            del node.input[:1]
        else:
            graph.node.append(node)
    return bytes(model.SerializeToString())


def _states() -> list[bytes]:
    import torch

    layers = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    return _written(
        ".pt",
        lambda path: torch.save(layers.state_dict(), path),
        lambda path: torch.save({"state_dict": layers.state_dict(), "epoch": 3}, path),
    )


def _state_mutation(data: bytes, rng: Rng) -> bytes:
    if data[:2] != b"PK":
        return blind(data, rng)
    return archive(lambda name, inside, r: blind(inside, r))(data, rng)


def _programs() -> list[bytes]:
    import torch

    layers = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 2), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(8, 2)
    ).eval()
    program = torch.export.export(layers, (torch.zeros(1, 1, 3, 3),))
    return _written(".pt2", lambda path: torch.export.save(program, path))


def _program_member(name: str, data: bytes, rng: Rng) -> bytes:
    return (json_text if name.endswith(".json") else blind)(data, rng)


def _program_mutation(data: bytes, rng: Rng) -> bytes:
    """Mostly the graph, which is one member of many."""
    if rng.random() < 0.3:
        return archive(_program_member)(data, rng)
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        content = {name: old.read(name) for name in old.namelist()}
    wanted = [n for n in content if n.endswith(("model.json", "_config.json"))]
    name = wanted[int(rng.integers(len(wanted)))]
    content[name] = json.dumps(tree(json.loads(content[name]), rng)).encode()
    return pack(list(content.items()), zipfile.ZIP_STORED)


def _points(suffix: str) -> list[bytes]:
    point = np.array([0.5, -1.25, 3.0])
    if suffix == ".npy":
        return _written(suffix, lambda path: np.save(path, point))
    if suffix == ".npz":
        return _written(suffix, lambda path: np.savez(path, x=point))
    plain = b"0.5 -1.25 3e0\n# a comment\n1 2 3\n"
    return [b"0.5,-1.25,3.0\n" if suffix == ".csv" else plain]


def _read_point(path: Path) -> None:
    from lipschitz_app.commands.arguments import read_point

    read_point(str(path))


def problems() -> list[Any]:
    """Return small problems whose optima are known: -1/2, 0.25, -sqrt(2), 1."""
    import polyopt as po

    x, y = po.variables("x y")
    disk = po.minimize(x * y, subject_to=[x**2 + y**2 <= 1])
    binary = po.maximize(x - y + 0.25 - x * y, subject_to=[x**2 == x, y**2 == y])
    matrix = po.minimize(x + y, subject_to=[po.psd([[1 + x, y], [y, 1 - x]])])
    return [disk, binary, matrix]


def proofs(exact: bool) -> list[bytes]:
    """Return files of proofs for the problems."""
    import polyopt as po

    made = [
        po.putinar(problem, order=1).solve().prove(method="exact" if exact else "interval")
        for problem in problems()
    ]
    return _written(".proof", *(proof.save for proof in made))


#: Optima of the problems, from above for "min" and from below for "max".
OPTIMA = (-0.5, 1.25, -np.sqrt(2))


def check_loaded(proof: Any) -> None:
    """Check a proof against every problem; a bound that is too good is a failure."""
    for problem, optimum in zip(problems(), OPTIMA, strict=True):
        try:
            proof.check(problem)
        except PolyoptError:
            continue
        if proof.box.source == "user":
            continue
        if problem.sign * proof.bound > problem.sign * optimum + 1e-12:
            raise AssertionError(f"a wrong proof was accepted: {proof}")


def _read_proof(path: Path) -> None:
    import polyopt as po

    check_loaded(po.load_proof(path))


def _proof_mutation(data: bytes, rng: Rng) -> bytes:
    """Damage the header as a tree or the arrays, and mostly make the checksum fit."""
    from polyopt.proof.storage import _checksum

    if rng.random() < 0.2:
        return archive(lambda name, inside, r: npy(inside, r))(data, rng)
    with np.load(io.BytesIO(data)) as old:
        arrays = {name: old[name] for name in old.files}
    header = json.loads(bytes(arrays.pop("header")))
    for _ in range(int(rng.integers(1, 3))):
        if rng.random() < 0.5:
            header = tree(header, rng)
        else:
            name = list(arrays)[int(rng.integers(len(arrays)))]
            arrays[name] = _odd_array(arrays[name], rng)
    if isinstance(header, dict):
        header.pop("checksum", None)
        try:
            header["checksum"] = _checksum(header, arrays)
        except Exception:
            header["checksum"] = ""
    file = io.BytesIO()
    text_ = np.frombuffer(json.dumps(header).encode("utf-8", "surrogatepass"), dtype=np.uint8)
    np.savez_compressed(file, **{"header": text_, **arrays})
    return file.getvalue()


def _odd_array(array: np.ndarray, rng: Rng) -> np.ndarray:
    result = np.array(array)
    kind = int(rng.integers(7))
    if kind == 0 and result.size and result.dtype.kind in "if":
        values: list[float] = [np.nan, np.inf, -np.inf, 0, 1e308, 1e-200, -3]
        if result.dtype.kind == "i":
            values = [0, -1, 1, 2, 100]
        result.flat[int(rng.integers(result.size))] = values[int(rng.integers(len(values)))]
    elif kind == 1:
        result = result[: int(rng.integers(len(result) + 1))]
    elif kind == 2:
        result = result[None]
    elif kind == 3:
        kinds = ["f2", "f4", "i8", "u8", "c16", "U3", ">i4", ">f8", "b1"]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = result.astype(kinds[int(rng.integers(len(kinds)))])
    elif kind == 4 and result.dtype.kind == "f":
        result = np.float64(result) * float(rng.choice([-1, 0.5, 1 + 1e-9, 2, 1e150, 1e-150]))
    elif kind == 5:
        result = np.concatenate([result, result])
    elif result.size:
        rng.shuffle(result)
    return result


def _problem_files() -> list[bytes]:
    import polyopt as po
    from polyopt.problem_json import save_problem

    x, y = po.affine(np.eye(2), variables=["x 1", "y"])
    spaced = po.minimize(x**3 - y / 3, subject_to=[x**2 + y**2 <= 2, x == y**2])
    listed = (
        b'{"objective": "x^2*y - 3*(z-1)/2", "subject_to": ["x^2 <= 1", "y == 2*z", "z>=0"],'
        b' "inequalities": ["1-y"], "sense": "max", "variables": ["x", "y", "z"]}'
    )
    writers = [lambda path, p=problem: save_problem(p, path) for problem in [*problems(), spaced]]
    return [*_written(".json", *writers), listed]


def _read_problem(path: Path) -> None:
    from polyopt.problem_json import load_problem

    str(load_problem(path))


def _programs_of(suffix: str) -> list[bytes]:
    import polyopt as po
    from polyopt.conic.cbf_format import write_cbf
    from polyopt.conic.sdpa_format import write_sdpa

    x, y = po.variables("x y")
    problem = po.minimize(x * y, subject_to=[x**2 + y**2 <= 1, x + y == 0.5])
    program = po.putinar(problem, order=1).program("moment")
    if suffix == ".cbf":
        extra = (
            b"VER\n1\nOBJSENSE\nMAX\nVAR\n5 3\nF 1\nL- 1\nQR 3\nPSDVAR\n1\n2\nCON\n2 2\nL= 1\nQ 1\n"
            b"OBJFCOORD\n1\n0 1 0 2.0\nACOORD\n2\n0 0 1.0\n1 2 -1\nBCOORD\n1\n0 -1\n"
        )
        return [*_written(suffix, lambda path: write_cbf(program, path)), extra]
    plain = b"1 = m\n2 = blocks\n(2, -1)\n{1.0}\n0 1 1 2 -1\n1 1 1 1 1\n1 1 2 2 1\n1 2 1 1 3\n"
    return [*_written(suffix, lambda path: write_sdpa(program, path)), plain]


def _read_sdpa(path: Path) -> None:
    from polyopt.conic.sdpa_format import read_sdpa

    str(read_sdpa(path))


def _read_cbf(path: Path) -> None:
    from polyopt.conic.cbf_format import read_cbf

    str(read_cbf(path))


def _stores() -> list[bytes]:
    from lipschitz_app.store import open_store

    def write(path: Path) -> None:
        with open_store(path) as store:
            for key in "abc":
                store.add(key, {"result": {"upper": 1.5, "lower": None}, "error": "", "seconds": 0})

    return _written(".jsonl", write)


def _store_mutation(data: bytes, rng: Rng) -> bytes:
    lines = data.split(b"\n")
    k = int(rng.integers(len(lines)))
    lines[k] = json_text(lines[k] or b"{}", rng)
    return b"\n".join(lines) if rng.random() < 0.8 else blind(data, rng)


def _read_store(path: Path) -> None:
    from lipschitz_app.store import open_store

    with open_store(path) as store:
        dict(store.records)


def _polynomials() -> list[bytes]:
    return [b"x0^2*x1 - 3*(x2 - 1)/2 <= (x1+1)^3", b"a[1,2]**4 + 1e-3*b >= 2", b"x == y*(x+y)^12"]


def _read_relation(path: Path) -> None:
    from polyopt.polynomial.parse import parse_relation

    parse_relation(path.read_bytes().decode("utf-8", "replace"))


def _read_network(path: Path) -> None:
    import lipschitz_app as la

    la.load_network(path)


def _read_state(path: Path) -> None:
    import lipschitz_app as la

    la.load_network(path, activation="relu")


def targets() -> list[Target]:
    """Return all formats."""
    array = archive(lambda name, inside, rng: npy(inside, rng))
    return [
        Target("npz network", ".npz", _networks, archive(_npz_member), _read_network),
        Target("ONNX", ".onnx", _onnx, _onnx_mutation, _read_network),
        Target("state dictionary", ".pt", _states, _state_mutation, _read_state),
        Target("exported program", ".pt2", _programs, _program_mutation, _read_network),
        Target("point npy", ".npy", lambda: _points(".npy"), npy, _read_point),
        Target("point npz", ".npz", lambda: _points(".npz"), array, _read_point),
        Target("point csv", ".csv", lambda: _points(".csv"), text, _read_point),
        Target("point txt", ".txt", lambda: _points(".txt"), text, _read_point),
        Target("proof", ".proof", lambda: proofs(False), _proof_mutation, _read_proof),
        Target("exact proof", ".proof", lambda: proofs(True), _proof_mutation, _read_proof),
        Target("problem JSON", ".json", _problem_files, json_text, _read_problem),
        Target("polynomial text", ".txt", _polynomials, text, _read_relation),
        Target("dat-s", ".dat-s", lambda: _programs_of(".dat-s"), text, _read_sdpa),
        Target("cbf", ".cbf", lambda: _programs_of(".cbf"), text, _read_cbf),
        Target("sweep store", ".jsonl", _stores, _store_mutation, _read_store),
    ]
