"""Files of Lipschitz proofs: numpy archives without pickled objects, versioned, with a checksum.

Layout of version 1, four members of numpy's npz format:

- ``header``: JSON as bytes: format, version, method, bound (hexadecimal), norm, ranges, network
  (its fingerprint), region, output, certificate, checksum;
- ``floats``, ``integers``: all numbers, as a float64 and an int64 vector;
- ``bytes``: proofs of polynomial problems, one file of :meth:`polyopt.ProvenBound.save` after the
  other.

The checksum (SHA-256) is that of the header without it and of the other three. In the header an
array is ``{"type": "floats", "at": 3, "shape": [2, 5]}``. A certificate is ``{"kind", "settings",
"arrays", "proof", "parts"}``, the parts being certificates.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import polyopt as po
from lipschitz_app.errors import LipschitzError
from lipschitz_app.norms import as_norm
from lipschitz_app.outputs import OutputMap, OutputVector, as_output
from lipschitz_app.readers.archives import BROKEN, members
from lipschitz_app.readers.npy import read_npy
from lipschitz_app.regions import Ball, BallInBox, Box, Everywhere, Region
from lipschitz_app.rounding import FloatArray
from lipschitz_app.saved_proof import RANGES, LipschitzProof
from lipschitz_app.upper.certificate import Certificate
from lipschitz_app.upper.methods import METHODS
from polyopt.errors import FormatError, PolyoptError
from polyopt.files import whole_file

FORMAT, VERSION = "lipschitz proof", 1
_MEMBERS = ("header", "floats", "integers", "bytes")
_TYPES: dict[str, npt.DTypeLike] = {"floats": np.float64, "integers": np.int64}
_DEEPEST = 4
"""Certificates within each other, at most."""

_COMPRESSED = 2**28
"""Bytes beyond which nothing is compressed: readers refuse archives that unpack to far more."""

Entry = dict[str, Any]


def save_proof(proof: LipschitzProof, path: str | PathLike[str]) -> None:
    """Write a proof atomically; see :meth:`LipschitzProof.save`."""
    pool = _Pool()
    header: Entry = {
        "format": FORMAT,
        "version": VERSION,
        "method": proof.method,
        "bound": proof.bound.hex(),
        "norm": proof.norm,
        "ranges": proof.ranges,
        "network": proof.network,
        "region": _region(proof.region, pool),
        "output": _output(proof.output, pool),
        "certificate": _certificate(proof.certificate, pool),
    }
    arrays = pool.arrays()
    header["checksum"] = _checksum(header, arrays)
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    small = sum(array.nbytes for array in arrays.values()) < _COMPRESSED
    with whole_file(path) as file:
        (np.savez_compressed if small else np.savez)(file, **arrays)  # type: ignore[arg-type]


def load_proof(path: str | PathLike[str]) -> LipschitzProof:
    """Read a proof of a Lipschitz bound; nothing in the file is executed or believed.

    Parameters
    ----------
    path : path of a file written by :meth:`LipschitzResult.save_proof`

    Returns
    -------
    LipschitzProof
        Call its ``check(net)``: loading alone shows nothing.

    Raises
    ------
    FormatError
        Not a proof of a Lipschitz bound, damaged, or of a version this release does not read.
    FileNotFoundError

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import lipschitz_app as la
    >>> net = la.Network.from_arrays([[[1.0, 2.0], [-1.0, 1.0]], [[1.0, 1.0]]])
    >>> result = la.lipschitz_constant(net, la.Everywhere(), method="shor", lower=False)
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "bound.lipproof"
    >>> result.save_proof(file)
    >>> proof = la.load_proof(file)
    >>> proof.norm, proof.region, round(proof.check(net), 3)
    ('inf', Everywhere(), 3.337)
    """
    name = fspath(path)
    if not Path(name).exists():
        raise FileNotFoundError(f"{name}: no such file")
    try:
        arrays = _read(Path(name))
        header = json.loads(bytes(arrays.pop("header")).decode())
    except RecursionError:
        raise FormatError(
            f"{name} is not a proof of a Lipschitz bound: nested too deeply"
        ) from None
    except (*BROKEN, KeyError) as error:
        raise FormatError(f"{name} is not a proof of a Lipschitz bound: {error}") from None
    try:
        return _parse(header, arrays)
    except PolyoptError as error:
        raise FormatError(f"{name}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise FormatError(
            f"{name} has a malformed header ({type(error).__name__}: {error})"
        ) from None


class _Pool:
    """Numbers and nested files, one after the other."""

    def __init__(self) -> None:
        self.parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in _MEMBERS[1:]}
        self.sizes = dict.fromkeys(_MEMBERS[1:], 0)

    def add(self, array: npt.NDArray[Any]) -> Entry:
        kind = "integers" if array.dtype.kind in "iu" else "floats"
        flat = np.asarray(array, dtype=_TYPES[kind]).reshape(-1)
        return {"type": kind, "at": self._append(kind, flat), "shape": list(array.shape)}

    def add_file(self, proof: po.ProvenBound | bytes) -> Entry:
        if not isinstance(proof, bytes):
            stream = io.BytesIO()
            proof.save(stream)
            proof = stream.getvalue()
        at = self._append("bytes", np.frombuffer(proof, dtype=np.uint8))
        return {"at": at, "size": len(proof)}

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        empty = {"floats": np.zeros(0), "integers": np.zeros(0, np.int64)}
        empty["bytes"] = np.zeros(0, np.uint8)
        return {name: np.concatenate([empty[name], *parts]) for name, parts in self.parts.items()}

    def _append(self, name: str, flat: npt.NDArray[Any]) -> int:
        self.parts[name].append(flat)
        self.sizes[name] += flat.size
        return self.sizes[name] - flat.size


def _region(region: Region, pool: _Pool) -> Entry:
    def entry(kind: str, **arrays: FloatArray | float) -> Entry:
        parts = {name: pool.add(np.asarray(value)) for name, value in arrays.items()}
        return {"kind": kind, "arrays": parts}

    if isinstance(region, Everywhere):
        return entry("everywhere")
    if isinstance(region, BallInBox):
        box = region.box
        center, radius = region.center, region.radius
        return entry("ball in box", center=center, radius=radius, lower=box.lower, upper=box.upper)
    if isinstance(region, Ball):
        return entry("ball", center=region.center, radius=region.radius)
    again = Box(region.center, region.radius)
    names = ("center", "radius", "lower", "upper", "inner_lower", "inner_upper")
    if all(np.array_equal(getattr(again, name), getattr(region, name)) for name in names):
        return entry("box", center=region.center, radius=region.radius)
    return entry("bounds", lower=region.lower, upper=region.upper)


def _output(output: OutputVector | OutputMap, pool: _Pool) -> Entry:
    if isinstance(output, OutputMap):
        return {"kind": "all", "size": output.size, "norm": output.norm}
    return {"kind": "vector", "weights": pool.add(output.weights)}


def _certificate(certificate: Certificate, pool: _Pool) -> Entry:
    return {
        "kind": certificate.kind,
        "settings": dict(certificate.settings),
        "arrays": {name: pool.add(array) for name, array in certificate.arrays.items()},
        "proof": None if certificate.proof is None else pool.add_file(certificate.proof),
        "parts": [_certificate(part, pool) for part in certificate.parts],
    }


def _read(file: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        listed = members(file, "an archive")
    except LipschitzError as error:
        raise ValueError(str(error)) from None
    names = [f"{name}.npy" for name in _MEMBERS]
    if sorted(member.filename for member in listed) != sorted(names):
        raise ValueError("its members are not those of a proof")
    found = {}
    with zipfile.ZipFile(file) as archive:
        for member in listed:
            with archive.open(member) as stream:
                array = read_npy(stream, member.file_size)
            name = member.filename.removesuffix(".npy")
            if array.ndim != 1 or array.dtype != _TYPES.get(name, np.uint8):
                raise ValueError(f"the member {name} is no vector of {_TYPES.get(name, 'bytes')}")
            found[name] = array
    return found


def _parse(header: Any, arrays: dict[str, npt.NDArray[Any]]) -> LipschitzProof:
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise FormatError("the header does not say that this is a proof of a Lipschitz bound")
    if header.get("version") != VERSION:
        raise FormatError(
            f"the proof has version {header.get('version')!r}; this release reads version "
            f"{VERSION}; use the release that wrote it"
        )
    if header.pop("checksum", None) != _checksum(header, arrays):
        raise FormatError("the checksum does not fit the content: the file is damaged")
    if not np.isfinite(arrays["floats"]).all():
        raise FormatError("it has numbers that are NaN or infinite")
    for name, allowed in (("method", ("auto", *METHODS)), ("ranges", RANGES)):
        if header[name] not in allowed:
            raise FormatError(f"the {name} {header[name]!r} is not known")
    bound = float.fromhex(header["bound"])
    if not 0.0 <= bound < math.inf:
        raise FormatError(f"the bound {bound} is not one of a Lipschitz constant")
    network = header["network"]
    if not isinstance(network, str) or not 1 <= len(network) <= 64 or not network.isalnum():
        raise FormatError("the fingerprint of the network is malformed")
    return LipschitzProof(
        bound,
        header["method"],
        network,
        _read_region(header["region"], arrays),
        as_norm(header["norm"]),
        _read_output(header["output"], arrays),
        header["ranges"],
        _read_certificate(header["certificate"], arrays, 1),
    )


def _read_region(entry: Entry, arrays: dict[str, npt.NDArray[Any]]) -> Region:
    kind = entry["kind"]
    if kind == "everywhere":
        return Everywhere()
    parts = {name: _array(part, arrays) for name, part in entry["arrays"].items()}
    if any(part.dtype != np.float64 or part.ndim > 1 for part in parts.values()):
        raise FormatError("the region is not made of vectors of numbers")
    if kind == "box":
        return Box(parts["center"], parts["radius"])
    if kind == "bounds":
        return Box(lower=parts["lower"], upper=parts["upper"])
    if kind not in ("ball", "ball in box"):
        raise FormatError(f"the region {kind!r} is not known")
    ball = Ball(parts["center"], float(parts["radius"]))
    if kind == "ball":
        return ball
    return ball.intersect(Box(lower=parts["lower"], upper=parts["upper"]))


def _read_output(entry: Entry, arrays: dict[str, npt.NDArray[Any]]) -> OutputVector | OutputMap:
    if entry["kind"] == "all":
        size = entry["size"]
        if type(size) is not int or size < 1:
            raise FormatError(f"the number of outputs {size!r} is none")
        return OutputMap(size, as_norm(entry["norm"]))
    if entry["kind"] != "vector":
        raise FormatError(f"the output {entry['kind']!r} is not known")
    weights = _array(entry["weights"], arrays)
    if weights.dtype != np.float64 or weights.ndim != 1:
        raise FormatError("the weights of the outputs are no vector of numbers")
    ones, minus = np.flatnonzero(weights == 1.0), np.flatnonzero(weights == -1.0)
    # The text about an output is made here, not taken from the file.
    if np.count_nonzero(weights) == 1 and ones.size == 1:
        return as_output(int(ones[0]), weights.size)
    if np.count_nonzero(weights) == 2 and ones.size == minus.size == 1:
        return as_output((int(ones[0]), int(minus[0])), weights.size)
    return as_output(weights.tolist(), weights.size)


def _read_certificate(entry: Entry, arrays: dict[str, npt.NDArray[Any]], depth: int) -> Certificate:
    if depth > _DEEPEST:
        raise FormatError("its certificates are nested too deeply")
    settings = entry["settings"]
    if not all(type(value) in (str, int) for value in settings.values()):
        raise FormatError("the settings of a certificate are no texts and whole numbers")
    nested = entry["proof"]
    proof = None
    if nested is not None:
        data = _array({"type": "bytes", "at": nested["at"], "shape": [nested["size"]]}, arrays)
        proof = data.tobytes()
    return Certificate(
        str(entry["kind"]),
        dict(settings),
        {str(name): _array(part, arrays) for name, part in entry["arrays"].items()},
        proof,
        tuple(_read_certificate(part, arrays, depth + 1) for part in entry["parts"]),
    )


def _array(entry: Entry, arrays: dict[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Return a part of a vector, without a copy."""
    source, at, shape = arrays[entry["type"]], entry["at"], entry["shape"]
    if type(at) is not int or any(type(side) is not int or side < 0 for side in shape) or at < 0:
        raise FormatError(f"an array has the shape {str(shape)[:60]} and begins at {str(at)[:60]}")
    count = math.prod(shape)
    if len(shape) > 3 or max(shape, default=0) > source.size or count > source.size - at:
        raise FormatError("an array needs more numbers than the file has")
    return source[at : at + count].reshape(shape)


def _checksum(header: Entry, arrays: dict[str, npt.NDArray[Any]]) -> str:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in _MEMBERS[1:]:
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
