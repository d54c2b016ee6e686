"""Proof files of the known versions, written once and kept.

Run ``python -m tests.reliability.make_proofs`` where a version is new.

A file that is there already is left alone, since it stands for the release that wrote it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import polyopt as po
from tests.reliability.formats import problems

FOLDER = Path(__file__).parent / "proofs"


def main() -> None:
    """Write the files that are missing."""
    disk, _, matrix = problems()
    made: dict[int, tuple[po.PolynomialProblem, Literal["interval", "exact"]]] = {
        1: (disk, "interval"),
        2: (disk, "exact"),
        3: (matrix, "interval"),
        4: (matrix, "exact"),
    }
    FOLDER.mkdir(exist_ok=True)
    for version, (problem, method) in made.items():
        path = FOLDER / f"version-{version}.proof"
        if not path.exists():
            po.putinar(problem, order=1).solve().prove(method=method).save(path)


if __name__ == "__main__":
    main()
