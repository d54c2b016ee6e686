"""The same bounds for every hash seed and number of threads.

The order of sets and dictionaries must not enter at all: bytes agree for all hash seeds. Threads
change the order of sums in BLAS, so that numerical bounds agree to 1e-6 and proven ones are bounds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

SCRIPT = """
import json
import numpy as np
import lipschitz_app as la
import polyopt as po
from polyopt import problems

found = {}
for name, problem, order in (
    ("camel", problems.six_hump_camel(), 3),
    ("broyden", problems.broyden_tridiagonal(6), 2),
    ("budget", problems.broyden_budget(5), 2),
    ("sensors", problems.sensor_network(3), 2),
):
    found[name] = float(po.putinar(problem, order, sparsity="correlative").solve().bound)
x = po.variables("x", 3)
disk = po.minimize(x[0] * x[1] - x[2], subject_to=[sum(v**2 for v in x) <= 1])
found["disk"] = po.putinar(disk, 2).solve().prove().bound
signs = po.minimize(x[0] * x[1] + x[1] * x[2] + x[0] * x[2], subject_to=[v**2 == 1 for v in x])
found["signs"] = po.putinar(signs, 1).solve().prove().bound
for seed, method in enumerate(("shor", "interval", "exact")):
    rng = np.random.default_rng(seed)
    net = la.Network.from_arrays([rng.standard_normal((8, 4)), rng.standard_normal((1, 8))])
    result = la.lipschitz_constant(net, la.Box(np.zeros(4), 0.5), "inf", method=method)
    found["network " + method] = result.upper
print(json.dumps(found))
"""


def bounds(hash_seed: int, threads: int) -> dict[str, float]:
    environment = os.environ | {
        "PYTHONHASHSEED": str(hash_seed), "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads), "RAYON_NUM_THREADS": str(threads),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


@pytest.fixture(scope="module")
def reference() -> dict[str, float]:
    return bounds(0, 1)


def test_hash_seeds_change_nothing(reference: dict[str, float]) -> None:
    assert bounds(2, 1) == reference


def test_threads_change_the_last_digits(reference: dict[str, float]) -> None:
    found = bounds(1, 2)
    assert found.keys() == reference.keys()
    for name, value in found.items():
        assert value == pytest.approx(reference[name], rel=1e-6, abs=1e-6), name
