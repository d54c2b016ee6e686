"""A sweep that is killed and goes on where it stopped.

Every result is on the disk as soon as it is there; the second run reads it back.
Run it as ``python examples/sweep_with_resume.py``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import lipschitz_app as la


def run(store: Path) -> la.Sweep:
    """Bound the score of the right digit for some images and radii."""
    net = la.example_network("digits")
    inputs, labels = la.example_inputs("digits")
    regions = {
        f"image {k}, radius {radius}": la.Box(center=inputs[k], radius=radius)
        for k in range(2)
        for radius in (0.02, 0.05)
    }
    return la.sweep(
        net, regions, [int(labels[0])], ["interval", "mccormick"], store=store, lower=False
    )


def lines(store: Path) -> int:
    """Count the results in the store."""
    return store.read_bytes().count(b"\n") if store.exists() else 0


def main() -> None:
    """Start the sweep in another process, kill it, and go on."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "sweep.jsonl"
        with subprocess.Popen([sys.executable, __file__, str(store)]) as child:
            while child.poll() is None and lines(store) < 2:
                time.sleep(0.02)
            child.kill()
        print(f"killed with {lines(store)} results in the store")
        found = run(store)
        known = sum(row.resumed for row in found)
        print(f"{known} were known, {len(found) - known} computed")
        print(found)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run(Path(sys.argv[1]))
    else:
        main()
