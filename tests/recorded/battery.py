"""Relaxations, proofs and minimisers on recorded answers: no SDP solver is needed.

``python -m tests.recorded.battery`` runs the battery with every SDP library blocked;
``python -m tests.recorded.battery --record`` solves it with Clarabel and writes the recordings, to
be done again when a relaxation of the battery changes its conic program.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import polyopt as po
from polyopt.conic import ConicProgram, ConicSolution
from polyopt.solvers import RecordedSolver, get_solver
from polyopt.solvers.base import SolverOptions

FOLDER = Path(__file__).resolve().parent / "answers"
#: What must not be needed.
BLOCKED = ("clarabel", "cvxpy", "highspy", "mosek", "scs")


@dataclass(frozen=True)
class Case:
    """A relaxation with its optimum and what is proven of it."""

    name: str
    make: Callable[[], po.Relaxation]
    optimum: float
    tolerance: float = 1e-5
    proofs: tuple[Literal["interval", "exact"], ...] = ("interval",)
    box: tuple[float, float] | None = None
    minimizers: int = 0


def _camel() -> po.Relaxation:
    return po.putinar(po.problems.six_hump_camel().problem, 3)


def _cycle() -> po.Relaxation:
    x = po.variables("x", 5)
    cut = po.sum_polynomials((1 - x[i] * x[(i + 1) % 5]) / 2 for i in range(5))
    problem = po.maximize(cut, subject_to=[v**2 == 1 for v in x])
    return po.putinar(problem, 2).refine(po.Quotient(), po.SignSymmetry())


def _chain() -> po.Relaxation:
    problem = po.problems.broyden_tridiagonal(6).problem
    return po.putinar(problem, 2, sparsity="correlative")


def _quartic() -> po.Relaxation:
    problem = po.problems.six_variable_quartic().problem
    return po.putinar(problem, 2, sparsity="correlative").refine(po.TermSparsity(1))


def _curve() -> po.Relaxation:
    x, y = po.variables("x y")
    problem = po.minimize(x * y + x**3, subject_to=[x**2 + y**2 == 1, y >= 0.5])
    return po.putinar(problem, 3).refine(po.GroebnerQuotient())


def _disjoint() -> po.Relaxation:
    return po.putinar(po.problems.contradicting_balls().problem, 1)


CASES = (
    Case("six-hump camel", _camel, -1.031628453489877, box=(-3, 3), minimizers=2),
    Case("cuts of a 5-cycle", _cycle, 4.0, proofs=("interval", "exact")),
    Case("Broyden tridiagonal, cliques", _chain, 0.0, tolerance=1e-4, box=(-2, 2), minimizers=1),
    Case("six variables, term sparsity", _quartic, 0.5042475, box=(-2, 2)),
    Case(
        "arc of a circle, Gröbner basis", _curve, -1.0825317547305484, proofs=("interval", "exact")
    ),
    Case("two balls apart", _disjoint, float("inf"), proofs=()),
)


class _Recorder(RecordedSolver):
    """Answers under its own name, so that proofs that solve again are recorded as well."""

    def solve(self, program: ConicProgram, options: SolverOptions | None = None) -> ConicSolution:
        return replace(super().solve(program, options), solver=self.name)


def run(case: Case) -> None:
    """Solve, prove, check and extract with the registered solver ``"recorded"``."""
    relaxation = case.make()
    problem = relaxation.problem
    result = relaxation.solve(solver="recorded")
    if abs(case.optimum) == float("inf"):
        assert result.status is po.Status.INFEASIBLE, result
        return
    assert result.status is po.Status.OPTIMAL, result
    assert abs(result.bound - case.optimum) <= case.tolerance, result
    for method in case.proofs:
        proof = result.prove(method, box=case.box if method == "interval" else None)
        bound = proof.check(problem).bound
        assert problem.sign * (case.optimum - bound) >= -1e-9, proof
        assert abs(bound - case.optimum) <= 10 * case.tolerance, proof
    if case.minimizers:
        points = result.minimizers()
        assert len(points) >= case.minimizers, points
        assert abs(points[0].value - case.optimum) <= case.tolerance, points


def main() -> int:
    """Run the battery, or record it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="solve with Clarabel and write")
    if parser.parse_args().record:
        for old in FOLDER.glob("*.npz"):
            old.unlink()
        po.register_solver(_Recorder(FOLDER, recorder=get_solver("clarabel")), replace=True)
    else:
        # None makes every import of the name fail.
        sys.modules.update(dict.fromkeys(BLOCKED))  # type: ignore[arg-type]
        po.register_solver(RecordedSolver(FOLDER), replace=True)
    for case in CASES:
        run(case)
        print(f"passed: {case.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
