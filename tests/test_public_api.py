"""The public names: listed, sorted, documented."""

from __future__ import annotations

import dataclasses
import enum
import inspect
from types import ModuleType
from typing import Any

import pytest

import lipschitz_app
import polyopt

PACKAGES = (polyopt, lipschitz_app)
PUBLIC = [(package, name) for package in PACKAGES for name in package.__all__]


def order(name: str) -> tuple[int, str]:
    """Constants, classes, functions; each by name."""
    kind = 0 if name.isupper() else 1 if name[0].isupper() else 2
    return kind, name


def is_plain_data(value: Any) -> bool:
    """Whether it is an exception, an enumeration, a record or something abstract."""
    return inspect.isclass(value) and (
        issubclass(value, (BaseException, enum.Enum, tuple))
        or dataclasses.is_dataclass(value)
        or inspect.isabstract(value)
        or getattr(value, "_is_protocol", False)
    )


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_all_is_sorted_and_complete(package: ModuleType) -> None:
    names = list(package.__all__)
    assert names == sorted(set(names), key=order)
    bound = {
        name
        for name, value in vars(package).items()
        if not name.startswith("_") and name != "annotations" and not inspect.ismodule(value)
    }
    listed = {name for name in names if not inspect.ismodule(getattr(package, name))}
    assert bound == listed


@pytest.mark.parametrize(
    ("package", "name"), PUBLIC, ids=[f"{package.__name__}.{name}" for package, name in PUBLIC]
)
def test_public_name_is_documented(package: ModuleType, name: str) -> None:
    """A docstring; with an example unless it is plain data."""
    value = getattr(package, name)
    if not (inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value)):
        return
    text = value.__dict__.get("__doc__") if inspect.isclass(value) else value.__doc__
    assert text, f"{name} has no docstring of its own"
    assert not text.startswith(f"{name}("), f"{name} has the docstring a dataclass makes"
    if not inspect.ismodule(value) and not is_plain_data(value):
        assert "Examples\n" in inspect.cleandoc(text), f"{name} has no Examples section"
        assert ">>> " in text


@pytest.mark.parametrize(
    ("package", "root"),
    [(polyopt, polyopt.PolyoptError), (lipschitz_app, lipschitz_app.LipschitzError)],
    ids=["polyopt", "lipschitz_app"],
)
def test_exceptions_have_one_root(package: ModuleType, root: type[Exception]) -> None:
    values = [getattr(package, name) for name in package.__all__]
    exceptions = [v for v in values if inspect.isclass(v) and issubclass(v, Exception)]
    assert exceptions
    for exception in exceptions:
        assert issubclass(exception, (root, Warning)), exception
    assert issubclass(root, polyopt.PolyoptError)
