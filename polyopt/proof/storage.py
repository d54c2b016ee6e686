"""Proof files: numpy archives without pickled objects, versioned, with a checksum.

Layout of version 1: ``header`` (JSON as bytes: format, version, names, sense, bound, value, terms,
checksum), ``basis`` (all monomials as one int32 vector), ``data`` (all numbers as one float64
vector), ``lower`` and ``upper`` (the box). Version 2 holds exact proofs: the same members, with
``data`` empty, and monomials and rational numbers (as ``"numerator/denominator"``) in the header.
Versions 3 and 4 are the same for proofs with matrix inequalities: their terms have ``components``,
rows of the matrix; releases that know no matrices refuse these versions.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable
from contextlib import nullcontext
from fractions import Fraction
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from polyopt.errors import FormatError
from polyopt.files import whole_file
from polyopt.proof.box import Box
from polyopt.proof.certificate import CertificateTerm, SosCertificate
from polyopt.proof.exact_certificate import ExactCertificate, ExactTerm
from polyopt.proof.proven_bound import ProvenBound
from polyopt.relaxation.multiplier import Cone, Factor

Target = str | os.PathLike[str] | IO[bytes]

FORMAT, VERSION, EXACT_VERSION = "polyopt proof", 1, 2
MATRIX_VERSION, EXACT_MATRIX_VERSION = 3, 4
_VERSIONS = (VERSION, EXACT_VERSION, MATRIX_VERSION, EXACT_MATRIX_VERSION)
_MEMBERS = ("header", "basis", "data", "lower", "upper")
_HEADER = re.compile(
    rb"\{'descr': '([<>|][uif][1248])', 'fortran_order': (?:True|False), "
    rb"'shape': \((\d{1,15}),\), \}\s*"
)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
#: Bytes that any file may unpack to, and times its own size that a larger one may.
_FREE, _RATIO = 2**26, 100
_BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, ValueError, RuntimeError,
)  # fmt: skip


def save_proof(proof: ProvenBound, path: Target) -> None:
    """Write a proof, to a path atomically; see :meth:`ProvenBound.save`."""
    certificate = proof.certificate
    if isinstance(certificate, ExactCertificate):
        _write(path, _exact_header(proof, certificate), _exact_arrays(proof))
        return
    terms = [
        {
            "factors": [[factor.kind, factor.number] for factor in term.factors],
            "cone": term.cone.value,
            "basis": list(term.basis.shape),
            "data": list(term.data.shape),
            **_components(term.components),
        }
        for term in certificate.terms
    ]
    arrays = {
        "basis": np.concatenate(
            [np.zeros(0, dtype=np.int32), *(term.basis.ravel() for term in certificate.terms)]
        ),
        "data": np.concatenate([np.zeros(0), *(term.data.ravel() for term in certificate.terms)]),
        "lower": proof.box.lower,
        "upper": proof.box.upper,
    }
    header: dict[str, Any] = {
        "format": FORMAT,
        "version": MATRIX_VERSION if _has_matrices(certificate) else VERSION,
        "variables": list(certificate.variables),
        "sense": certificate.sense,
        "bound": proof.bound.hex(),
        "value": certificate.value.hex(),
        "box": proof.box.source,
        "terms": terms,
    }
    _write(path, header, arrays)


def _exact_header(proof: ProvenBound, certificate: ExactCertificate) -> dict[str, Any]:
    terms = [
        {
            "factors": [[factor.kind, factor.number] for factor in term.factors],
            "cone": term.cone.value,
            "basis": [list(monomial) for monomial in term.basis],
            "data": [str(number) for number in term.data],
            **_components(term.components),
        }
        for term in certificate.terms
    ]
    return {
        "format": FORMAT,
        "version": EXACT_MATRIX_VERSION if _has_matrices(certificate) else EXACT_VERSION,
        "variables": list(certificate.variables),
        "sense": certificate.sense,
        "bound": proof.bound.hex(),
        "value": str(certificate.value),
        "infeasible": certificate.is_infeasibility,
        "terms": terms,
    }


def _exact_arrays(proof: ProvenBound) -> dict[str, NDArray[Any]]:
    return {
        "basis": np.zeros(0, dtype=np.int32),
        "data": np.zeros(0),
        "lower": proof.box.lower,
        "upper": proof.box.upper,
    }


def _write(path: Target, header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
    header["checksum"] = _checksum(header, arrays)
    text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    goal = whole_file(path) if isinstance(path, (str, os.PathLike)) else nullcontext(path)
    with goal as file:
        np.savez_compressed(file, **{"header": text, **arrays})  # type: ignore[arg-type]


def load_proof(path: Target) -> ProvenBound:
    """Read a proof; nothing in the file is executed, and nothing is believed before ``check``.

    Parameters
    ----------
    path : path of a file written by :meth:`ProvenBound.save`, or the file, open for reading bytes

    Returns
    -------
    ProvenBound
        Call its ``check(problem)``: loading alone shows nothing.

    Raises
    ------
    FormatError
        Not a proof file, damaged, or of a version this release does not read.
    FileNotFoundError

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import polyopt as po
    >>> x = po.variables("x", 1)[0]
    >>> problem = po.minimize(x, subject_to=[x**2 <= 4])
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "bound.proof"
    >>> po.putinar(problem, order=1).solve().prove().save(file)
    >>> print(po.load_proof(file).check(problem))
    optimum >= -2, proven on the feasible set
    """
    name = os.fspath(path) if isinstance(path, (str, os.PathLike)) else "the file"
    try:
        arrays = _read(path)
        header = json.loads(bytes(arrays.pop("header")).decode())
    except FileNotFoundError:
        raise
    except RecursionError:
        raise FormatError(f"{name} is not a proof file: nested too deeply") from None
    except (*_BROKEN, KeyError) as error:
        raise FormatError(f"{name} is not a proof file: {error}") from None
    try:
        return _parse(header, arrays)
    except FormatError as error:
        raise FormatError(f"{name}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise FormatError(
            f"{name} has a malformed header ({type(error).__name__}: {error})"
        ) from None


def _read(path: Target) -> dict[str, NDArray[Any]]:
    with zipfile.ZipFile(path) as archive:
        found = {info.filename: info for info in archive.infolist()}
        missing = [member for member in _MEMBERS if f"{member}.npy" not in found]
        if missing:
            raise ValueError(f"it has no {missing[0]}")
        if len(archive.infolist()) > len(_MEMBERS):
            raise ValueError("it has members that do not belong to a proof, or one of them twice")
        if any(info.compress_type not in _METHODS for info in found.values()):
            raise ValueError("it is packed by a method that is not read")
        size, unpacked = _size(path), sum(info.file_size for info in found.values())
        if unpacked > max(_FREE, _RATIO * size):
            raise ValueError(f"its {size} bytes unpack to {unpacked}")
        return {member: _vector(member, archive.read(f"{member}.npy")) for member in _MEMBERS}


def _size(path: Target) -> int:
    return (
        os.stat(path).st_size if isinstance(path, (str, os.PathLike)) else path.seek(0, os.SEEK_END)
    )


def _vector(member: str, data: bytes) -> NDArray[Any]:
    """Read a vector in the npy format, without parsing its header as a Python literal."""
    length = 10 + int.from_bytes(data[8:10], "little")
    match = _HEADER.fullmatch(data[10:length])
    if data[:8] != b"\x93NUMPY\x01\x00" or match is None:
        raise ValueError(f"the member {member} is no vector of numbers")
    dtype, count = np.dtype(match[1].decode()), int(match[2])
    if len(data) != length + count * dtype.itemsize:
        raise ValueError(f"the member {member} declares {count} numbers, but has not as many")
    return np.frombuffer(data, dtype=dtype, offset=length).copy()


def _parse(header: Any, arrays: dict[str, NDArray[Any]]) -> ProvenBound:
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise FormatError("the header does not say that this is a proof")
    if header.get("version") not in _VERSIONS:
        raise FormatError(
            f"the proof has version {header.get('version')!r}; this release reads the versions "
            f"{', '.join(map(str, _VERSIONS))}; use the release that wrote it"
        )
    claimed = header.pop("checksum", None)
    if claimed != _checksum(header, arrays):
        raise FormatError("the checksum does not fit the content: the file is damaged")
    if header["version"] in (EXACT_VERSION, EXACT_MATRIX_VERSION):
        return _parse_exact(header)
    variables = tuple(str(name) for name in header["variables"])
    n = len(variables)
    for member, kind in (("basis", "i"), ("data", "f"), ("lower", "f"), ("upper", "f")):
        if arrays[member].dtype.kind != kind or arrays[member].ndim != 1:
            raise FormatError(f"the member {member} has a wrong type or shape")
    if len(arrays["lower"]) != n or len(arrays["upper"]) != n:
        raise FormatError(f"the box does not have {n} ranges")
    basis, data = arrays["basis"].astype(np.int32), arrays["data"].astype(np.float64)
    if np.isnan(arrays["lower"]).any() or np.isnan(arrays["upper"]).any():
        raise FormatError("the box has an end that is NaN")
    if basis.size and (basis.min() < 0 or basis.max() > n):
        raise FormatError("a monomial refers to a variable that does not exist")
    if header["sense"] not in ("min", "max") or header["box"] not in ("constraints", "user"):
        raise FormatError("the sense or the source of the box is unknown")
    terms, used, read = [], 0, 0
    for item in header["terms"]:
        rows, width = (int(number) for number in item["basis"])
        shape = tuple(int(number) for number in item["data"])
        if min((rows, width, *shape)) < 0 or len(shape) not in (1, 2):
            raise FormatError("a term has a negative or strange shape")
        given = _read_components(item)
        # Without variables there is one monomial, for each row of a matrix.
        most = basis.size if width else 1 if given is None else len(given)
        if rows > most or shape[0] != rows or max(shape) > max(rows, data.size):
            raise FormatError("a term has more monomials than the file, or fewer coefficients")
        count = rows * width
        size = int(np.prod(shape, dtype=object))
        if used + count > basis.size or read + size > data.size:
            raise FormatError("the terms need more numbers than the file has")
        table = np.sort(basis[used : used + count].reshape(rows, width), axis=1)
        factors = tuple(Factor(str(kind), int(number)) for kind, number in item["factors"])  # type: ignore[arg-type]
        terms.append(
            CertificateTerm(
                factors,
                Cone(item["cone"]),
                table,
                data[read : read + size].reshape(shape),
                None if given is None else np.array(given, dtype=int),
            )
        )
        used, read = used + count, read + size
    certificate = SosCertificate(
        variables, header["sense"], float.fromhex(header["value"]), tuple(terms)
    )
    box = Box(arrays["lower"].astype(float), arrays["upper"].astype(float), header["box"])
    return ProvenBound(float.fromhex(header["bound"]), "proven", certificate, box)


def _parse_exact(header: dict[str, Any]) -> ProvenBound:
    variables = tuple(str(name) for name in header["variables"])
    n = len(variables)
    if header["sense"] not in ("min", "max"):
        raise FormatError("the sense is unknown")
    terms = []
    for item in header["terms"]:
        basis = tuple(tuple(sorted(int(i) for i in monomial)) for monomial in item["basis"])
        if any(i < 1 or i > n for monomial in basis for i in monomial):
            raise FormatError("a monomial refers to a variable that does not exist")
        factors = tuple(Factor(str(kind), int(number)) for kind, number in item["factors"])  # type: ignore[arg-type]
        data = tuple(_fraction(text) for text in item["data"])
        terms.append(ExactTerm(factors, Cone(item["cone"]), basis, data, _read_components(item)))
    certificate = ExactCertificate(
        variables,
        header["sense"],
        _fraction(header["value"]),
        tuple(terms),
        is_infeasibility=bool(header["infeasible"]),
    )
    box = Box(np.full(n, -np.inf), np.full(n, np.inf), "constraints")
    return ProvenBound(float.fromhex(header["bound"]), "exact", certificate, box)


def _has_matrices(certificate: SosCertificate | ExactCertificate) -> bool:
    return any(term.components is not None for term in certificate.terms)


def _components(components: Iterable[int] | None) -> dict[str, list[int]]:
    return {} if components is None else {"components": [int(a) for a in components]}


def _read_components(item: dict[str, Any]) -> tuple[int, ...] | None:
    if "components" not in item:
        return None
    components = tuple(int(a) for a in item["components"])
    if any(a < 0 for a in components):
        raise FormatError("a term refers to a negative row of a matrix")
    return components


def _fraction(text: Any) -> Fraction:
    """Read ``"numerator/denominator"`` and nothing else (no exponents of any size)."""
    numerator, _, denominator = str(text).partition("/")
    if denominator and int(denominator) == 0:
        raise FormatError("a rational number has the denominator 0")
    return Fraction(int(numerator), int(denominator) if denominator else 1)


def _checksum(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for member in _MEMBERS[1:]:
        digest.update(np.ascontiguousarray(arrays[member]).tobytes())
    return digest.hexdigest()
