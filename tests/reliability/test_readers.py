"""Readers of files under hostile input: a documented error or a result, and nothing else.

The long campaigns are run by ``python -m tests.reliability.fuzz``; here are a few files of each
format, always the same, and the cases that campaigns have found.
"""

from __future__ import annotations

import io
import json
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

import lipschitz_app as la
import polyopt as po
from lipschitz_app.commands.arguments import read_point
from lipschitz_app.errors import InvalidRegionError, NetworkFileError
from lipschitz_app.readers.npy import read_npy
from polyopt.errors import FormatError, ProofRejectedError
from polyopt.proof.certificate import CertificateTerm, SosCertificate
from polyopt.proof.proven_bound import ProvenBound
from polyopt.relaxation.multiplier import Cone, Factor
from tests.reliability.formats import targets
from tests.reliability.mutations import pack

FORMATS = {target.name: target for target in targets()}
#: Formats whose valid files take seconds to make.
SLOW = {"exported program"}


@pytest.mark.parametrize("name", sorted(set(FORMATS) - SLOW))
def test_damaged_files(name: str, tmp_path: Path) -> None:
    if name == "ONNX":
        pytest.importorskip("onnx", reason="the package onnx is not installed")
    if name == "state dictionary":
        pytest.importorskip("torch", reason="PyTorch is not installed")
    target = FORMATS[name]
    rng = np.random.default_rng(1)
    path = tmp_path / f"case{target.suffix}"
    valid = target.make()
    for data in valid:
        path.write_bytes(data)
        target.read(path)
    messages = []
    for _ in range(25):
        path.write_bytes(target.mutate(valid[int(rng.integers(len(valid)))], rng))
        try:
            target.read(path)
        except target.documented as error:
            messages.append(str(error))
    assert len(messages) > 3
    assert all(messages)


def npy(header: str, data: bytes = b"", version: int = 1) -> bytes:
    text = header.encode()
    size = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + size + text + data


def shaped(shape: str, kind: str = "<f8") -> bytes:
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n"
    return npy(header, bytes(64))


HEADERS = {
    "unary signs": npy("-" * 9000 + "1"),
    "parentheses": npy("(" * 300),
    "no end": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (3,\n"),
    "huge": shaped("(10000000000,)"),
    "overflowing product": shaped("(4294967296, 4294967296)"),
    "huge beside zero": shaped("(0, 99999999999)"),
    "negative": shaped("(-1,)"),
    "a fraction": shaped("(1e3,)"),
    "many axes": shaped("(" + "1, " * 200 + ")"),
    "wide numbers": shaped("(2,)", "|V1000000000"),
    "objects": shaped("(1,)", "|O"),
    "long number": shaped("(" + "9" * 4400 + ",)"),
    "version 9": npy("{}", version=9),
    "short": b"\x93NUM",
}


@pytest.mark.parametrize("name", HEADERS)
def test_hostile_headers_of_arrays(name: str, tmp_path: Path) -> None:
    data = HEADERS[name]
    with pytest.raises(ValueError, match="it"):
        read_npy(io.BytesIO(data), len(data))
    (tmp_path / "x.npy").write_bytes(data)
    with pytest.raises(InvalidRegionError):
        read_point(str(tmp_path / "x.npy"))
    (tmp_path / "x.npz").write_bytes(pack([("W1.npy", data)]))
    with pytest.raises(NetworkFileError):
        la.load_network(tmp_path / "x.npz")


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["<f8", ">f4", "<i8", "|b1", "<U5", "|S3"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 3), (2, 1, 2)])
def test_arrays_are_read_as_numpy_reads_them(shape: tuple[int, ...], kind: str, order: str) -> None:
    array = np.asarray(np.arange(np.prod(shape, dtype=int)).reshape(shape), order=order)  # type: ignore[call-overload]
    array = array.astype(kind)
    file = io.BytesIO()
    np.save(file, array)
    data = file.getvalue()
    found = read_npy(io.BytesIO(data), len(data))
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, np.load(io.BytesIO(data)))


def test_complex_points_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([1 + 2j]))
    with pytest.raises(InvalidRegionError, match="complex128"):
        read_point(str(tmp_path / "x.npy"))


def test_array_that_occurs_twice(tmp_path: Path) -> None:
    """The later one once replaced the earlier without a word."""
    file = io.BytesIO()
    np.save(file, np.eye(2))
    (tmp_path / "x.npz").write_bytes(pack([("W1.npy", file.getvalue())] * 2))
    with pytest.raises(NetworkFileError, match="twice"):
        la.load_network(tmp_path / "x.npz")


@pytest.mark.parametrize("side", [np.nan, np.inf, 2.5])
def test_input_shapes_that_are_none(side: float, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", W1=np.eye(2), input_shape=[side])
    with pytest.raises(NetworkFileError, match="whole numbers"):
        la.load_network(tmp_path / "x.npz")


def test_windows_over_huge_images() -> None:
    with pytest.raises(la.InvalidNetworkError, match="positions"):
        la.Conv2d(np.ones((1, 1, 1, 1)), padding=10**6).bind((1, 4, 4))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_packing_is_refused(method: int, tmp_path: Path) -> None:
    file = io.BytesIO()
    np.save(file, np.eye(2))
    (tmp_path / "x.npz").write_bytes(pack([("W1.npy", file.getvalue())], method))
    with pytest.raises(NetworkFileError, match="packed"):
        la.load_network(tmp_path / "x.npz")


def disk_proof(tmp_path: Path) -> dict[str, bytes]:
    x = po.variables("x", 2)
    problem = po.minimize(x[0] * x[1], subject_to=[x[0] ** 2 + x[1] ** 2 <= 1])
    po.putinar(problem, order=1).solve().prove().save(tmp_path / "valid.proof")
    with zipfile.ZipFile(tmp_path / "valid.proof") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("name", HEADERS)
def test_hostile_headers_in_proofs(name: str, tmp_path: Path) -> None:
    members = disk_proof(tmp_path) | {"data.npy": HEADERS[name]}
    (tmp_path / "x.proof").write_bytes(pack(list(members.items())))
    with pytest.raises(FormatError):
        po.load_proof(tmp_path / "x.proof")


def test_bomb_and_nested_header_in_a_proof(tmp_path: Path) -> None:
    members = disk_proof(tmp_path)
    bomb = members | {"data.npy": members["data.npy"] + bytes(10**8)}
    (tmp_path / "bomb.proof").write_bytes(pack(list(bomb.items())))
    with pytest.raises(FormatError, match="unpack"):
        po.load_proof(tmp_path / "bomb.proof")
    text = b"[" * 200_000
    nested = members | {"header.npy": npy_vector(text)}
    (tmp_path / "nested.proof").write_bytes(pack(list(nested.items())))
    with pytest.raises(FormatError, match="nested"):
        po.load_proof(tmp_path / "nested.proof")
    twice = [*members.items(), ("data.npy", members["data.npy"])]
    (tmp_path / "twice.proof").write_bytes(pack(twice))
    with pytest.raises(FormatError, match="twice"):
        po.load_proof(tmp_path / "twice.proof")


def npy_vector(text: bytes) -> bytes:
    file = io.BytesIO()
    np.save(file, np.frombuffer(text, dtype=np.uint8))
    return file.getvalue()


def test_short_proofs_that_would_fill_the_memory() -> None:
    """A factor of 10^8 rows and no columns takes no byte, its Gram matrix takes 80 PB."""
    x = po.variables("x", 2)
    problem = po.minimize(x[0], subject_to=[x[0] ** 2 <= 1, x[1] ** 2 <= 1])
    rows = np.zeros((10**8, 0), dtype=np.int32)
    wide = CertificateTerm((), Cone.PSD, rows, np.zeros((10**8, 0)))
    many = (Factor("inequality", 0),) * 101
    long = CertificateTerm(many, Cone.PSD, rows[:1], np.ones((1, 1)))
    box = po.putinar(problem, order=1).solve().prove().box
    for term, reason in ((wide, "memory"), (long, "product of 101")):
        certificate = SosCertificate(problem.variables.names, "min", -1.0, (term,))
        with pytest.raises(ProofRejectedError, match=reason):
            ProvenBound(-1.0, "proven", certificate, box).check(problem)


def test_exact_proof_with_huge_numbers(tmp_path: Path) -> None:
    """Once an OverflowError while the message was written."""
    x = po.variables("x", 1)[0]
    problem = po.minimize(x**2 - x, subject_to=[x**2 <= 1])
    proof = po.putinar(problem, order=1).solve().prove(method="exact")
    proof.save(tmp_path / "valid.proof")
    with np.load(tmp_path / "valid.proof") as archive:
        arrays = {name: archive[name] for name in archive.files}
    header = json.loads(bytes(arrays.pop("header")))
    from polyopt.proof.storage import _checksum

    for value in ("1" + "0" * 400, "-1" + "0" * 400):
        header.pop("checksum", None)
        header["value"] = value
        header["checksum"] = _checksum(header, arrays)
        text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
        np.savez(tmp_path / "huge.npz", header=text, **arrays)
        with pytest.raises(ProofRejectedError, match="1e308"):
            po.load_proof(tmp_path / "huge.npz").check(problem)


def test_no_warnings_from_text_without_numbers(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("# nothing\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_point(str(tmp_path / "x.csv")).size == 0


def test_onnx_constants_that_are_no_real_numbers(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")
    from onnx import TensorProto, helper, numpy_helper

    def model(kind: str, constant: np.ndarray) -> Path:
        graph = helper.make_graph(
            [helper.make_node(kind, ["x", "c"], ["y"])],
            "net",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            [numpy_helper.from_array(constant, "c")],
        )
        path = tmp_path / "net.onnx"
        onnx.save(helper.make_model(graph), path)
        return path

    with pytest.raises(la.UnsupportedError, match="complex"):
        la.load_network(model("Add", np.array([1 + 2j, 1])))
    lost = onnx.load(model("Add", np.ones(2)))
    del lost.graph.node[0].output[:]
    onnx.save(lost, tmp_path / "lost.onnx")
    with pytest.raises(la.NetworkFileError, match="no output"):
        la.load_network(tmp_path / "lost.onnx")
    strange = onnx.load(model("Add", np.ones(2)))
    strange.graph.initializer[0].data_type = 127
    onnx.save(strange, tmp_path / "strange.onnx")
    with pytest.raises(la.NetworkFileError, match="malformed"):
        la.load_network(tmp_path / "strange.onnx")
    signalling = np.array([0x7F800001, 0], dtype=np.uint32).view(np.float32)
    with pytest.raises(la.NetworkFileError):
        la.load_network(model("Add", signalling))
    with pytest.raises((la.NetworkFileError, la.UnsupportedError)):
        la.load_network(model("Reshape", np.array([2**62, 2**62])))


@pytest.mark.parametrize("stride", ["p", [1, 2, 3], 0, -1, None, {}])
def test_descriptions_of_layers_with_odd_numbers(stride: object, tmp_path: Path) -> None:
    entry = {"kind": "conv2d", "arrays": {"weight": "p0"}, "stride": stride}
    path = tmp_path / "x.npz"
    text = json.dumps([entry])
    np.savez(path, layers=text, input_shape=[1, 3, 3], p0=np.ones((1, 1, 2, 2)))
    with pytest.raises(NetworkFileError):
        la.load_network(path)


def test_archive_without_arrays(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(pack([]))
    with pytest.raises(InvalidRegionError, match="no array"):
        read_point(str(tmp_path / "x.npz"))
