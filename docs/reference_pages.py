"""Write the pages of the reference: the public names of both packages, by topic.

A name belongs to the first topic with a prefix of the module that defines it, so that a new public
name appears by itself. The pages are made when the documentation is built and not kept.
"""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import NamedTuple


class Topic(NamedTuple):
    """A page of the reference.

    Attributes
    ----------
    page, title, text : str
    packages : tuple of str
        Where names are looked up, each with the ``__all__`` that lists them.
    prefixes : tuple of str
        Of the modules that define the names; empty for all names of the packages.
    """

    page: str
    title: str
    text: str
    packages: tuple[str, ...]
    prefixes: tuple[str, ...] = ()


_PO, _LA = ("polyopt",), ("lipschitz_app",)

TOPICS = (
    Topic(
        "polynomials",
        "Polynomials and problems",
        "Stating a problem, reading and writing it, and simplifying it before it is relaxed.",
        _PO,
        ("polyopt.polynomial", "polyopt.problem", "polyopt.problem_json", "polyopt.reductions"),
    ),
    Topic(
        "sparsity",
        "Sparsity",
        "Graphs of variables, chordal extensions and cliques.",
        _PO,
        ("polyopt.sparsity",),
    ),
    Topic(
        "relaxations",
        "Relaxations",
        "Hierarchies, their refinements, and the multipliers that all of them are made of.",
        _PO,
        ("polyopt.relaxation",),
    ),
    Topic(
        "results",
        "Solving, results and minimisers",
        "From a relaxation or a problem to bounds and points.",
        _PO,
        (
            "polyopt.climb",
            "polyopt.extraction",
            "polyopt.result",
            "polyopt.solution",
            "polyopt.status",
        ),
    ),
    Topic(
        "proofs",
        "Proofs",
        "Bounds that hold whatever the solver did, and their files.",
        _PO,
        ("polyopt.proof",),
    ),
    Topic(
        "sos-programs",
        "SOS programs and rational objectives",
        "Sums of squares with decision variables in the coefficients; quotients of polynomials.",
        _PO,
        ("polyopt.sos", "polyopt.rational"),
    ),
    Topic(
        "solvers",
        "Solvers and conic programs",
        "The interface of solvers, those that come with the project, and what is handed to them.",
        ("polyopt.solvers", "polyopt.conic"),
    ),
    Topic(
        "plotting",
        "Pictures",
        "Drawing needs matplotlib.",
        ("polyopt.plotting", "lipschitz_app.plotting"),
        ("polyopt.plotting", "lipschitz_app.plotting"),
    ),
    Topic(
        "extraction",
        "Extraction in detail",
        "Rank decisions and flat extensions behind :meth:`polyopt.RelaxationResult.minimizers`.",
        ("polyopt.extraction",),
    ),
    Topic(
        "problems",
        "Problems with known answers",
        "Each is a function that returns a problem that knows its optimum and its source.",
        ("polyopt.problems",),
    ),
    Topic(
        "networks",
        "Networks and regions",
        "Layers, networks, files of networks, regions of inputs.",
        _LA,
        (
            "lipschitz_app.examples",
            "lipschitz_app.layers",
            "lipschitz_app.network",
            "lipschitz_app.ranges",
            "lipschitz_app.readers",
            "lipschitz_app.regions",
        ),
    ),
    Topic(
        "anchored",
        "Anchored bounds and certified radii",
        "How far an output moves from a fixed point; see :doc:`/affine-relu`.",
        _LA,
        ("lipschitz_app.affine_relu",),
    ),
    Topic(
        "activations",
        "Activations",
        "Polynomial descriptions of activations, and how to add one.",
        _LA,
        ("lipschitz_app.activations",),
    ),
    Topic("lipschitz", "Lipschitz constants", "Upper and lower bounds.", _LA, ("lipschitz_app",)),
    Topic("other", "Other names", "The rest of the engine's public names.", _PO, ("polyopt",)),
)


def names_by_topic() -> dict[str, list[str]]:
    """Full names (``package.name``) for each page, every public name on one page."""
    found: dict[str, list[str]] = {topic.page: [] for topic in TOPICS}
    taken: set[int] = set()
    for topic in TOPICS:
        for package in topic.packages:
            module = importlib.import_module(package)
            listed = getattr(module, "__all__", [n for n in vars(module) if n[0] != "_"])
            for name in sorted(listed, key=str.lower):
                value = getattr(module, name)
                home = getattr(value, "__module__", package)
                inside = any(home == p or home.startswith(f"{p}.") for p in topic.prefixes)
                # Modules have pages of their own; plain data has no docstring to show.
                if (topic.prefixes and not inside) or not hasattr(value, "__module__"):
                    continue
                if id(value) not in taken:
                    taken.add(id(value))
                    found[topic.page].append(f"{package}.{name}")
    return found


def write(folder: Path) -> None:
    """Write the pages and their index into a folder, leaving alone what has not changed."""
    folder.mkdir(exist_ok=True)
    names = names_by_topic()
    pages = [topic for topic in TOPICS if names[topic.page]]
    toctree = [".. toctree::", "   :maxdepth: 1", "", *(f"   {topic.page}" for topic in pages)]
    note = "Public names by topic; the same text is shown by ``help(name)`` in Python."
    files = {"index": _page("Reference", note, [*toctree, "   errors"])}
    for topic in pages:
        listing = [".. autosummary::", ""]
        listing += [f"   {name}" for name in names[topic.page]]
        for name in names[topic.page]:
            listing += ["", _directive(name)]
        files[topic.page] = _page(topic.title, topic.text, listing)
    errors = [".. automodule:: polyopt.errors", "   :members:", "   :member-order: bysource"]
    files["errors"] = _page("Errors", "Every error is a :class:`~polyopt.PolyoptError`.", errors)
    for page, text in files.items():
        path = folder / f"{page}.rst"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _directive(name: str) -> str:
    package, _, last = name.rpartition(".")
    value = getattr(importlib.import_module(package), last)
    if not inspect.isclass(value):
        return f".. autofunction:: {name}"
    return f".. autoclass:: {name}\n   :members:"


def _page(title: str, text: str, body: list[str]) -> str:
    return "\n".join([title, "=" * len(title), "", text, "", *body, ""])
