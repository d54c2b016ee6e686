"""A proof made here is checked in another process, in which no solver can be imported.

The second process gets two files, the problem and the proof. Importing a solver, or the modelling
library, would raise there; a proof that was tampered with is rejected.
Run it as ``python examples/check_proof_elsewhere.py``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import polyopt as po

CHECK = """
import sys
for name in ("clarabel", "scs", "highspy", "cvxpy", "mosek", "sympy"):
    sys.modules[name] = None  # importing it raises ImportError
import polyopt as po
problem = po.load_problem("problem.json")
try:
    print(po.load_proof(sys.argv[1]).check(problem))
except po.PolyoptError as error:
    print(f"rejected: {error}")
"""


def main() -> None:
    """Prove, save, check; then spoil one byte and check again."""
    problem = po.problems.get("rosen_suzuki").problem
    result = po.putinar(problem, order=2).solve()
    proof = result.prove()
    print(f"here, {result.solver} found {result.bound:.6f} ({result.bound_kind})")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        po.save_problem(problem, folder / "problem.json")
        proof.save(folder / "good.proof")
        data = bytearray((folder / "good.proof").read_bytes())
        data[len(data) // 2] ^= 1
        (folder / "spoilt.proof").write_bytes(data)
        print(f"{len(data)} bytes of proof go to a process without solvers, which says")
        for file in ("good.proof", "spoilt.proof"):
            done = subprocess.run(
                [sys.executable, "-c", CHECK, file], cwd=folder, capture_output=True, text=True
            )
            print(f"  {file}: {done.stdout.strip() or done.stderr.strip()[:300]}")


if __name__ == "__main__":
    main()
