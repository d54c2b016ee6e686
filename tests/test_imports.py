"""Imports stay cheap, extras stay optional, arrows between rooms point one way."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import lipschitz_app
import polyopt

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGES = ("polyopt", "lipschitz_app")

#: Loaded inside functions only: slow to import, or an extra.
HEAVY = {
    "casadi", "clarabel", "cvxpy", "flint", "highspy", "joblib", "matplotlib", "mosek", "onnx",
    "onnxruntime", "pandas", "rich", "scs", "sklearn", "sympy", "threadpoolctl", "torch",
}  # fmt: skip
EXTRAS = (
    "flint",
    "joblib",
    "matplotlib",
    "mosek",
    "onnx",
    "onnxruntime",
    "rich",
    "sklearn",
    "torch",
)
AT_THE_TOP = {"networkx", "numpy", "scipy"}

#: Rooms by the longest prefix of a module's name.
ROOMS = {
    "polyopt": "top",
    "polyopt.cli": "top",
    "polyopt.climb": "top",
    "polyopt.commands": "top",
    "polyopt.ladder": "top",
    "polyopt.plotting": "top",
    "polyopt.solution": "top",
    "polyopt.__main__": "top",
    "polyopt.errors": "errors",
    "polyopt.files": "files",
    "polyopt.html": "html",
    "polyopt.status": "status",
    "polyopt.polynomial": "polynomial",
    "polyopt.problem": "problem",
    "polyopt.problem_json": "problem",
    "polyopt.problems": "problems",
    "polyopt.sparsity": "sparsity",
    "polyopt.relaxation": "relaxation",
    "polyopt.reductions": "reductions",
    "polyopt.conic": "conic",
    "polyopt.conic.assembly": "forms",
    "polyopt.conic.forms": "forms",
    "polyopt.conic.moment_form": "forms",
    "polyopt.conic.scaling": "forms",
    "polyopt.conic.sos_form": "forms",
    "polyopt.solvers": "solvers",
    "polyopt.sos": "sos",
    "polyopt.moments": "result",
    "polyopt.result": "result",
    "polyopt.solve_relaxation": "result",
    "polyopt.proof": "proof",
    "polyopt.rational": "rational",
    "polyopt.proof.box": "ranges",
    "polyopt.proof.rational": "ranges",
    "polyopt.proof.rounding": "ranges",
    "polyopt.extraction": "extraction",
}

#: What each room may import besides itself; "top" may import everything.
MAY_IMPORT = {
    "errors": set(),
    "files": set(),
    "html": set(),
    "status": set(),
    "polynomial": {"errors"},
    "problem": {"errors", "html", "polynomial"},
    "problems": {"errors", "status", "polynomial", "problem"},
    "sparsity": {"errors", "polynomial", "problem"},
    "ranges": {"errors", "polynomial", "problem"},
    "relaxation": {"errors", "html", "polynomial", "problem", "ranges", "sparsity"},
    "reductions": {"errors", "polynomial", "problem", "ranges"},
    "conic": {"errors", "files", "status"},
    "forms": {"errors", "polynomial", "problem", "relaxation", "conic"},
    "solvers": {"errors", "files", "status", "conic"},
    "result": {
        "errors", "html", "status", "polynomial", "problem", "ranges", "sparsity", "relaxation",
        "conic", "forms",
        "solvers",
    },
    "sos": {
        "errors", "status", "polynomial", "problem", "relaxation", "conic", "forms", "solvers",
    },
    "proof": {
        "errors", "files", "html", "status", "polynomial", "problem", "ranges", "relaxation",
        "conic", "result",
    },
    "extraction": {
        "errors", "status", "polynomial", "problem", "sparsity", "relaxation", "conic", "result",
    },
    "rational": {
        "errors", "status", "polynomial", "problem", "ranges", "relaxation", "result", "sos",
        "proof", "extraction",
    },
}  # fmt: skip

#: Methods that hand over to a later room, by an import inside the function.
LAZY_UPWARD = {
    "polyopt.relaxation.relaxation": {"conic", "forms", "solvers", "result"},
    "polyopt.result": {"proof", "extraction"},
}

#: Modules of polyopt whose names are public, those in ``__all__`` where there is one.
PUBLIC_MODULES = {
    "polyopt", "polyopt.errors", "polyopt.files", "polyopt.solvers", "polyopt.solvers.lowrank",
}  # fmt: skip


@dataclass(frozen=True)
class Import:
    """One imported module or name, ``target`` being as long as it can be resolved."""

    source: str
    target: str
    line: int
    at_the_top: bool

    def __str__(self) -> str:
        return f"{self.source}:{self.line} imports {self.target}"


def modules(package: str) -> dict[str, Path]:
    """All modules of a package by their dotted names."""
    found = {}
    for path in sorted((REPOSITORY / package).rglob("*.py")):
        parts = path.relative_to(REPOSITORY).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = {package: modules(package) for package in PACKAGES}
NAMES = {name for package in MODULES.values() for name in package}


def is_deferred(node: ast.AST) -> bool:
    """Whether what is inside runs later, or for type checkers only."""
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test)
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))


def imports(name: str, path: Path) -> Iterator[Import]:
    """All imports of a module; those under TYPE_CHECKING and in functions are not at the top."""

    def visit(node: ast.AST, top: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(name, alias.name, child.lineno, top)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{name}:{child.lineno}: write imports absolutely"
                for alias in child.names:
                    longer = f"{child.module}.{alias.name}"
                    target = longer if longer in NAMES else str(child.module)
                    yield Import(name, target, child.lineno, top)
            else:
                yield from visit(child, top and not is_deferred(child))

    yield from visit(ast.parse(path.read_text(encoding="utf-8")), True)


IMPORTS = [
    found
    for package in PACKAGES
    for name, path in MODULES[package].items()
    for found in imports(name, path)
]


def room(module: str) -> str:
    """Room of a module of polyopt."""
    parts = module.split(".")
    if module != "polyopt" and f"polyopt.{parts[1]}" not in ROOMS:
        pytest.fail(f"{module} is in no room; give it one in {Path(__file__).name}")
    prefixes = [".".join(parts[:k]) for k in range(len(parts), 0, -1)]
    return next(ROOMS[prefix] for prefix in prefixes if prefix in ROOMS)


def in_fresh_interpreter(code: str) -> str:
    """Output of code that runs in an interpreter of its own, with warnings as errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("package", PACKAGES)
def test_import_is_cheap_and_silent(package: str) -> None:
    lines = in_fresh_interpreter(
        f"import {package}, json, sys; print(json.dumps(sorted(sys.modules)))"
    ).splitlines()
    assert len(lines) == 1, f"importing {package} prints: {lines[:-1]}"
    loaded = {module.split(".")[0] for module in json.loads(lines[0])}
    assert package in loaded
    assert not loaded & HEAVY


def test_every_module_imports_without_the_extras() -> None:
    names = sorted(name for name in NAMES if not name.endswith("__main__"))
    code = f"""
import importlib, sys
for extra in {EXTRAS!r}:
    sys.modules[extra] = None
for name in {names!r}:
    importlib.import_module(name)
print(len({names!r}))
"""
    assert in_fresh_interpreter(code).strip() == str(len(names))


def test_third_party_imports_at_the_top() -> None:
    allowed = AT_THE_TOP | set(PACKAGES) | sys.stdlib_module_names
    wrong = [
        str(found)
        for found in IMPORTS
        if found.at_the_top and found.target.split(".")[0] not in allowed
    ]
    assert not wrong, "import these inside the functions that need them"


def test_direction_between_rooms() -> None:
    wrong = []
    for found in IMPORTS:
        if not found.source.startswith("polyopt") or found.target.split(".")[0] not in PACKAGES:
            continue
        if found.target.split(".")[0] == "lipschitz_app":
            wrong.append(f"{found}: the engine does not know its applications")
            continue
        source, target = room(found.source), room(found.target)
        allowed = MAY_IMPORT.get(source)
        lazy = set() if found.at_the_top else LAZY_UPWARD.get(found.source, set())
        if allowed is None or target == source or target in allowed | lazy:
            continue
        wrong.append(f"{found}: {source} may import {', '.join(sorted(allowed)) or 'nothing'}")
    assert not wrong, "\n".join(wrong)


def test_rooms_form_an_order() -> None:
    """The table itself has no cycle, so reading the rooms in order is enough."""
    left = dict(MAY_IMPORT)
    while left:
        free = [name for name, needs in left.items() if not needs & left.keys()]
        assert free, f"cycle among {sorted(left)}"
        for name in free:
            del left[name]


def test_lazy_imports_that_point_upward_are_used() -> None:
    for module, targets in LAZY_UPWARD.items():
        used = {
            room(found.target)
            for found in IMPORTS
            if found.source == module and not found.at_the_top and "polyopt" in found.target
        }
        existing = {room(name) for name in MODULES["polyopt"]}
        assert targets & existing <= used, f"{module} no longer needs {targets & existing - used}"


def test_the_application_uses_public_names_only() -> None:
    wrong = []
    for name, path in MODULES["lipschitz_app"].items():
        aliases = {"polyopt"}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name == "polyopt":
                        aliases.add(alias.asname or alias.name)
                    elif alias.name.startswith("polyopt.") and alias.name not in PUBLIC_MODULES:
                        wrong.append(f"{name}:{node.lineno} imports {alias.name}")
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("polyopt"):
                if node.module not in PUBLIC_MODULES:
                    wrong.append(f"{name}:{node.lineno} imports from {node.module}")
                    continue
                module = importlib.import_module(node.module)
                public = getattr(module, "__all__", vars(module))
                for alias in node.names:
                    if alias.name.startswith("_") or alias.name not in public:
                        wrong.append(f"{name}:{node.lineno} imports {alias.name}")
            elif (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id in aliases
                and node.attr not in polyopt.__all__
            ):
                wrong.append(f"{name}:{node.lineno} uses {node.value.id}.{node.attr}")
    assert not wrong, "\n".join(wrong)


def test_no_module_imports_the_root_of_its_package() -> None:
    """A module that imports the package's root would make the order of imports matter."""
    wrong = [
        str(found)
        for found in IMPORTS
        if found.target in PACKAGES
        and found.source.split(".")[0] == found.target
        and not found.source.endswith("__main__")
    ]
    assert not wrong


def test_packages_under_test_are_those_of_the_repository() -> None:
    for package in (polyopt, lipschitz_app):
        assert Path(str(package.__file__)).parent == REPOSITORY / package.__name__
