"""The same input gives the same data, whatever the hash seed of the interpreter is."""

from __future__ import annotations

import os
import subprocess
import sys

SCRIPT = """
import hashlib
import networkx as nx
import numpy as np
import sympy
import polyopt as po
from polyopt import problems

digest = hashlib.sha256()

def feed(relaxation):
    program = relaxation.program()
    for array in (program.A.indptr, program.A.indices, program.A.data, program.b, program.c):
        digest.update(np.ascontiguousarray(array).tobytes())
    digest.update(str(relaxation).encode())

graph = nx.gnp_random_graph(14, 0.25, seed=3)
names = nx.relabel_nodes(graph, {i: f"node{i}" for i in graph})
for problem in (
    problems.broyden_tridiagonal(12),
    problems.maxcut(graph),
    problems.maxcut(names),
    problems.sensor_network(4),
):
    for chordal in ("min_degree", "min_fill", "mcs_m", "best"):
        feed(po.putinar(problem, 2, sparsity="correlative", chordal=chordal))
feed(po.nearly_sparse(problems.broyden_budget(12), 2))
feed(po.shor(problems.maxcut(names), chordal=True))
s = sympy.symbols("b a c10 c9")
feed(po.putinar(po.minimize(s[0] * s[1] + s[2] ** 2 - s[3], [v**2 <= 1 for v in s]), 2))
result = po.putinar(problems.six_hump_camel(), 3).solve()
digest.update(result.solution.x.tobytes())
digest.update(result.solution.z.tobytes())
print(digest.hexdigest())
"""


def fingerprint(seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout.strip()


def test_hash_seed_does_not_matter() -> None:
    first = fingerprint("0")
    assert len(first) == 64
    assert fingerprint("4242") == first
