"""Configuration of the documentation; ``make docs`` builds it with warnings as errors."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from reference_pages import write as write_reference

project = "polyopt"
author = "The polyopt developers"
copyright = author
version = release = version_of("polyopt")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"polyopt {release}"
html_static_path: list[str] = []
html_copy_source = False

# Headings become link targets, as they are where the pages are read unbuilt.
myst_heading_anchors = 3

autosummary_generate = False  # everything of a topic is on one page
autodoc_typehints = "none"  # types are in the numpydoc sections
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False


def setup(app: object) -> None:
    """Write the reference before sources are looked for."""
    write_reference(Path(__file__).parent / "reference")
