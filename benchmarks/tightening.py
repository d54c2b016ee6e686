"""How far above the exact anchored constant the analytic and the tightened bounds lie.

Run ``python benchmarks/tightening.py [--count 60] [--json FILE]``. Random layers with 2-4 inputs
and 2-6 rows; the exact constant comes from directions and breakpoints (``anchored_oracle.py``).
Every bound is proven; the ratio to the exact constant is what is left to gain.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from anchored_oracle import anchored_constant, instance

from lipschitz_app.affine_relu import affine_relu_bound
from lipschitz_app.affine_relu.lifting import lift
from lipschitz_app.affine_relu.tighten import Products, relax

BOUNDS = {
    "analytic": "analytic ‖RAD‖",
    "rows": "products of rows",
    "products": "all products",
    "tightened": "all products and cuts (default)",
}


def bounds(seed: int) -> dict[str, float]:
    """Return the bounds of one instance, the exact constant and the default's seconds."""
    A, y0, eps = instance(seed)
    center = np.zeros(A.shape[1])
    analysis = affine_relu_bound(A, y0, center, eps)
    start = time.perf_counter()
    tightened = affine_relu_bound(A, y0, center, eps, tighten=True)
    seconds = time.perf_counter() - start
    found = {"analytic": analysis.bound, "tightened": tightened.bound, "seconds": seconds}
    restricted: tuple[tuple[str, Products], ...] = (("rows", "rows"), ("products", "all"))
    for name, products in restricted:
        value = analysis.bound
        if value > 0:
            lifted = lift([analysis], [analysis.bound])
            value = min(value, relax(lifted, products=products, rounds=1).bound)
        found[name] = value
    found["exact"] = anchored_constant(A, y0, eps, np.random.default_rng(0))
    return found


def main() -> None:
    """Bound all instances and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=60, help="number of instances")
    parser.add_argument("--quick", action="store_true", help="six instances")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    arguments = parser.parse_args()
    rows = [bounds(seed) for seed in range(6 if arguments.quick else arguments.count)]
    print("## Tightening of the anchored bound of one layer\n")
    print("| bound | mean excess | worst | at most 4e-5 too large |")
    print("|---|---|---|---|")
    exact = np.array([row["exact"] for row in rows])
    for key, title in BOUNDS.items():
        excess = np.array([row[key] for row in rows]) / exact - 1
        close = int((excess <= 4e-5).sum())
        print(
            f"| {title} | {100 * excess.mean():.3g} % | {100 * excess.max():.3g} % | "
            f"{close} of {len(rows)} |"
        )
    seconds = np.array([row["seconds"] for row in rows])
    print(f"\nDefault: {seconds.mean():.2f} s a layer on average, at most {seconds.max():.2f} s.")
    if arguments.json:
        arguments.json.write_text(json.dumps({"tightening": rows}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
