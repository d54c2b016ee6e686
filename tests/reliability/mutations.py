"""Damage to files: blind for any bytes, and along the structure of archives, JSON and text."""

from __future__ import annotations

import io
import json
import re
import struct
import warnings
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

Rng = np.random.Generator
Mutation = Callable[[bytes, Rng], bytes]

NUMBERS = (
    "0", "-1", "1", "2147483648", "-9223372036854775809", "18446744073709551616", "1e308", "1e999",
    "-1e-320", "nan", "inf", "1e5000", "9" * 5000, "0x10", "1_000", "٣", "½", "1/0", "", "1e", "..",
    "99999999999", "100000000", "3.5",
)  # fmt: skip
TEXTS = (
    b"\x00", b"\xff\xfe", "é".encode(), "\U0001f600".encode(), b"(" * 3000, b"[" * 100_000,
    b"{" * 5000, b"-" * 20_000, b"\n", b",", b'"', b"x^9999*", b"*x0^100", b"\\ud800", b"//", b"#",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 10**30, 10**4000, 1e308, -1e-320,
    float("nan"), float("inf"), "", "x", "\ud800", "nan", "1/0", "9" * 5000, [], {}, [[]], [None],
    {"": 0}, "\x00",
    [1] * 40, "relu", 0.5, "matrix", "psd", "free", "inequality", 100_000_000, 5000,
)  # fmt: skip


def blind(data: bytes, rng: Rng) -> bytes:
    """Damage bytes without knowing what they mean."""
    result = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        kind = int(rng.integers(8))
        place = int(rng.integers(len(result) + 1)) if result else 0
        length = int(rng.choice([1, 2, 4, 8, 30, 200]))
        if kind == 0 and result:
            result[min(place, len(result) - 1)] ^= 1 << int(rng.integers(8))
        elif kind == 1 and result:
            result[min(place, len(result) - 1)] = int(rng.choice([0, 1, 127, 128, 255, 10, 34, 91]))
        elif kind == 2:
            del result[place:]
        elif kind == 3:
            del result[place : place + length]
        elif kind == 4:
            result[place:place] = rng.bytes(length)
        elif kind == 5:
            start = int(rng.integers(len(result) + 1))
            result[place:place] = result[start : start + length]
        elif kind == 6:
            big = rng.choice([2**31 - 1, 2**32 - 1, 2**63 - 1, 0, 2**24])
            result[place : place + 8] = struct.pack("<Q", int(big))
        else:
            result[place:place] = TEXTS[int(rng.integers(len(TEXTS)))]
    return bytes(result)


_WORD = re.compile(rb"[-+]?[0-9][-+0-9.eE]*|[A-Za-z_]+|[^\s\w]")


def text(data: bytes, rng: Rng) -> bytes:
    """Damage numbers, words and lines of a text."""
    for _ in range(int(rng.integers(1, 4))):
        words = list(_WORD.finditer(data))
        lines = data.split(b"\n")
        kind = int(rng.integers(5))
        if kind == 0:
            data = blind(data, rng)
        elif kind == 1 and len(lines) > 1:
            i, j = rng.integers(len(lines), size=2)
            lines[i] = lines[j]
            data = b"\n".join(lines)
        elif kind == 2 and len(lines) > 1:
            del lines[int(rng.integers(len(lines)))]
            data = b"\n".join(lines)
        elif words:
            found = words[int(rng.integers(len(words)))]
            if kind == 3:
                new = NUMBERS[int(rng.integers(len(NUMBERS)))].encode()
            else:
                new = words[int(rng.integers(len(words)))][0]
            data = data[: found.start()] + new + data[found.end() :]
    return data


def tree(value: Any, rng: Rng) -> Any:
    """Change, drop, double or nest a node of plain data."""
    nodes: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        items = node.items() if isinstance(node, dict) else enumerate(node)
        for key, child in items:
            nodes.append((node, key))
            if isinstance(child, (dict, list)):
                walk(child)

    if isinstance(value, (dict, list)):
        walk(value)
    if not nodes:
        return VALUES[int(rng.integers(len(VALUES)))]
    for _ in range(int(rng.integers(1, 4))):
        parent, key = nodes[int(rng.integers(len(nodes)))]
        if isinstance(parent, dict) and key not in parent:
            continue
        if isinstance(parent, list) and key >= len(parent):
            continue
        kind, old = int(rng.integers(6)), parent[key]
        if kind == 0 and isinstance(old, int) and not isinstance(old, bool):
            parent[key] = old + int(rng.choice([-1, 1, 2, 1000, 2**31]))
        elif kind == 1:
            del parent[key]
        elif kind == 2:
            parent[key] = [old]
        elif kind == 3 and isinstance(parent, list):
            parent.insert(key, old)
        elif kind == 4:
            other, place = nodes[int(rng.integers(len(nodes)))]
            if isinstance(other, dict) and place in other and other[place] is not parent:
                parent[key] = json.loads(json.dumps(other[place]))
        else:
            parent[key] = VALUES[int(rng.integers(len(VALUES)))]
    return value


def json_text(data: bytes, rng: Rng) -> bytes:
    """Damage JSON as a tree, as text, or blindly."""
    kind = int(rng.integers(4))
    if kind == 0:
        return text(data, rng)
    if kind == 1:
        deep = int(rng.choice([100, 2000, 200_000]))
        return b"[" * deep + data + b"]" * deep if rng.random() < 0.5 else b'{"a":' * deep
    try:
        return json.dumps(tree(json.loads(data), rng)).encode()
    except (ValueError, RecursionError):
        return blind(data, rng)


def npy(data: bytes, rng: Rng) -> bytes:
    """Damage the header of a numpy array or put another array into its place."""
    kind = int(rng.integers(5))
    if kind == 0:
        return blind(data, rng)
    if kind in (1, 2):
        odd = (
            np.array(np.nan), np.full((2, 2), np.inf), np.zeros((0, 3)), np.zeros((3, 0)),
            np.array(["a", "b"]), np.array([1 + 2j, 0]), np.zeros(3, dtype="f2"), np.array([True]),
            np.zeros(2, dtype=[("a", "f8"), ("b", "i4")]),
            np.array(["2020-01-01"], "datetime64[D]"),
            np.arange(4, dtype=">i8"), np.full(2, 1e308), np.full((2, 3), 2**62),
            np.zeros((1,) * 30),
            np.array(b"relu"), np.array("relu"), np.full(3, 1e-320), np.zeros(2, dtype="V5"),
            np.ones(2, dtype="g"), np.zeros((2, 3, 4, 5)),
        )  # fmt: skip
        file = io.BytesIO()
        np.save(file, odd[int(rng.integers(len(odd)))])
        return file.getvalue()
    shapes = (
        "(10000000000,)", "(-1,)", "(2147483648, 2147483648)", "(0, 99999999999)", "()", "(2,)",
        "(1e3,)", "(True,)", "(" + "1," * 200 + ")", "(" * 300, "-" * 9000 + "1", "(3,", "None",
        "(4611686018427387904, 4)", "(9" + "9" * 4400 + ",)",
    )  # fmt: skip
    dtypes = ("|O", "<f8", "<f2", "<U1000000000", "|V1000000000", "<c16", ">i8", "|b1", "x", "<M8")
    shape = shapes[int(rng.integers(len(shapes)))]
    dtype = dtypes[int(rng.integers(len(dtypes)))] if rng.random() < 0.6 else "<f8"
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header = header.ljust(len(header) + 63 - (len(header) + 10) % 64) + b"\n"
    if len(header) > 65_000:
        header = header[:65_000]
    version = int(rng.choice([1, 1, 1, 2, 3, 9]))
    size = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + size + header + data[128:]


def archive(member: Callable[[str, bytes, Rng], bytes]) -> Mutation:
    """Damage members of a zip archive, or the archive itself."""

    def mutate(data: bytes, rng: Rng) -> bytes:
        if rng.random() < 0.25:
            return blind(data, rng)
        with zipfile.ZipFile(io.BytesIO(data)) as old:
            content = [(name, old.read(name)) for name in old.namelist()]
        for _ in range(int(rng.integers(1, 3))):
            k = int(rng.integers(len(content)))
            name, inside = content[k]
            kind = int(rng.integers(10))
            if kind == 0 and len(content) > 1:
                del content[k]
            elif kind == 1:
                content.append((name, inside))
            elif kind == 2:
                other = int(rng.integers(len(content)))
                content[k] = (name, content[other][1])
            elif kind == 3:
                content[k] = ("../" + name if rng.random() < 0.5 else name + "é\x01", inside)
            elif kind == 4:
                content[k] = (name, inside + bytes(int(rng.choice([1, 10**5, 3 * 10**7]))))
            else:
                content[k] = (name, member(name, inside, rng))
        method = int(rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]))
        return pack(content, method)

    return mutate


def pack(content: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip archive, names repeated if they are."""
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", method) as new:
        warnings.simplefilter("ignore")
        for name, inside in content:
            new.writestr(name, inside)
    return file.getvalue()
