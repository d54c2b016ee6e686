"""Print the lowest versions that pyproject.toml allows, as pip requirements, one a line.

``numpy>=1.26`` becomes ``numpy==1.26.*``. Extras can be named: ``python .ci/minimum.py plot cli``.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def lowest(requirement: str) -> str:
    """Turn a lower bound into the series that starts with it."""
    found = re.match(r"([\w.-]+)\s*>=\s*([\d.]+)", requirement)
    if found is None:
        raise SystemExit(f"{PROJECT.name}: {requirement!r} has no lower bound; give one")
    return f"{found[1]}=={found[2]}.*"


def main(extras: list[str]) -> None:
    """Print what is required, and what the extras ask for."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    requirements = list(project["dependencies"])
    for extra in extras:
        requirements += project["optional-dependencies"][extra]
    print("\n".join(lowest(requirement) for requirement in requirements))


if __name__ == "__main__":
    main(sys.argv[1:])
