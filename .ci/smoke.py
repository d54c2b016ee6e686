"""Smoke test of installed packages: run it away from the sources, with no extras installed."""

from __future__ import annotations

import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import lipschitz_app as la
import polyopt as po

prefix = Path(sys.prefix).resolve()
for package in (po, la):
    place = Path(str(package.__file__)).resolve()
    assert place.is_relative_to(prefix), f"{package.__name__} comes from {place}, not {prefix}"
    assert (place.parent / "py.typed").is_file(), f"{package.__name__} has no py.typed"

x, y = po.variables("x y")
problem = po.minimize(x * y, subject_to=[x**2 + y**2 <= 1])
result = po.putinar(problem, order=1).solve()
assert result.status.is_solved, result.status.text
proof = result.prove()
assert proof.kind == "proven"
assert -0.5 - 1e-6 < proof.bound <= -0.5, proof
with tempfile.TemporaryDirectory() as folder:
    proof.save(Path(folder) / "proof.npz")
    assert po.load_proof(Path(folder) / "proof.npz").check(problem).bound == proof.bound

inputs, labels = la.example_inputs("digits")
net = la.example_network("digits")
region = la.Box(center=inputs[0], radius=0.01)
bound = la.lipschitz_constant(net, region, norm="inf", output=int(labels[0]), method="shor")
assert bound.upper_kind == "proven"
assert 0 < bound.lower <= bound.upper < float("inf"), bound

print(f"polyopt {version('polyopt')} in {prefix}: solvers {', '.join(po.available_solvers())}")
