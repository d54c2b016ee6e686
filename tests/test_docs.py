"""The reference of the documentation lists every public name, once."""

from __future__ import annotations

import importlib
import importlib.util
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).resolve().parent.parent / "docs"


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference_pages", DOCS / "reference_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def objects(names: list[str]) -> list[object]:
    split = [name.rpartition(".") for name in names]
    return [getattr(importlib.import_module(package), last) for package, _, last in split]


@pytest.mark.parametrize("package", ["polyopt", "lipschitz_app", "polyopt.solvers"])
def test_every_public_name_is_on_one_page(pages: ModuleType, package: str) -> None:
    listed = [name for names in pages.names_by_topic().values() for name in names]
    times = Counter(id(value) for value in objects(listed))
    assert set(times.values()) == {1}
    module = importlib.import_module(package)
    for name in module.__all__:
        value = getattr(module, name)
        if hasattr(value, "__module__"):
            assert times[id(value)] == 1, name


def test_topics_hold_what_their_titles_say(pages: ModuleType) -> None:
    names = pages.names_by_topic()
    assert "polyopt.putinar" in names["relaxations"]
    assert "polyopt.load_proof" in names["proofs"]
    assert "lipschitz_app.certified_radius" in names["anchored"]
    assert "polyopt.problems.motzkin" in names["problems"]
    assert "polyopt.plotting.plot_graph" in names["plotting"]


def test_pages_are_written_once(pages: ModuleType, tmp_path: Path) -> None:
    pages.write(tmp_path)
    written = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert {"index.rst", "errors.rst", "proofs.rst"} <= set(written)
    pages.write(tmp_path)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == written
    text = (tmp_path / "relaxations.rst").read_text(encoding="utf-8")
    assert ".. autofunction:: polyopt.putinar" in text
    assert ".. autoclass:: polyopt.Multiplier" in text
