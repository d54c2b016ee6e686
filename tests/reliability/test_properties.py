"""Random small problems: no proven bound of any hierarchy passes the value at a feasible point."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import polyopt as po
from polyopt.errors import ProofError, RelaxationError

HIERARCHIES: dict[str, Callable[[po.PolynomialProblem], po.Relaxation]] = {
    "putinar": lambda p: po.putinar(p, order=2),
    "sparse putinar": lambda p: po.putinar(p, order=2, sparsity="correlative"),
    "schmuedgen": lambda p: po.schmuedgen(p, order=2),
    "krivine": lambda p: po.krivine(p, 3),
    "bsos": lambda p: po.bsos(p, 2, 1),
    "sublevel": lambda p: po.sublevel(p, order=2),
    "nearly sparse": lambda p: po.nearly_sparse(p, 2),
    "term sparsity": lambda p: po.TermSparsity()(po.putinar(p, order=2)),
    "sign symmetry": lambda p: po.SignSymmetry()(po.putinar(p, order=2)),
    "Newton polytope": lambda p: po.NewtonPolytope()(po.putinar(p, order=2)),
    "diagonally dominant": lambda p: po.DiagonallyDominant()(po.putinar(p, order=2)),
    "scaled diagonally dominant": lambda p: po.ScaledDiagonallyDominant()(po.putinar(p, order=2)),
    "facial reduction": lambda p: po.FacialReduction()(po.putinar(p, order=2)),
}
HIERARCHIES = {
    name: make
    for name, make in HIERARCHIES.items()
    if all(hasattr(po, word) for word in make.__code__.co_names if word[0].isupper())
}


def random_problem(seed: int, n: int, binary: bool) -> tuple[po.PolynomialProblem, np.ndarray]:
    """A quartic on a box cut by a quadric, and feasible points: sampled, or all of them."""
    rng = np.random.default_rng(seed)
    x = po.variables("x", n)
    f = sum(
        float(rng.integers(-3, 4))
        * x[int(rng.integers(n))] ** int(rng.integers(1, 3))
        * x[int(rng.integers(n))] ** int(rng.integers(0, 3))
        for _ in range(4)
    )
    f = f + float(rng.integers(1, 3)) * x[0]
    if binary:
        problem = po.minimize(f, subject_to=[v**2 == v for v in x])
        points = np.stack(np.meshgrid(*[[0.0, 1.0]] * n), axis=-1).reshape(-1, n)
        return problem, points
    centre = rng.integers(-1, 2, n) / 2
    g = 1.5 - sum((v - float(c)) ** 2 for v, c in zip(x, centre, strict=True))
    bounds = [side for v in x for side in (1 - v >= 0, 1 + v >= 0)]
    problem = po.minimize(f, subject_to=[*bounds, g >= 0])
    points = rng.uniform(-1, 1, (2000, n))
    points[:200] = np.sign(points[:200])
    return problem, points[np.asarray(g(points)) >= 0]


@pytest.mark.parametrize("name", HIERARCHIES)
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), n=st.integers(1, 3), binary=st.booleans())
def test_proven_bounds_stay_below_values(
    name: str, seed: int, n: int, binary: bool, tmp_path: Path
) -> None:
    problem, points = random_problem(seed, n, binary)
    best = float(np.min(problem.objective(points)))
    try:
        result = HIERARCHIES[name](problem).solve()
        proof = result.prove()
    except (ProofError, RelaxationError):
        return
    slack = 1e-9 * (1 + abs(best))
    assert proof.bound <= best + slack
    path = tmp_path / "bound.proof"
    proof.save(path)
    assert po.load_proof(path).check(problem).bound == proof.bound


@settings(max_examples=8)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 2), binary=st.booleans())
def test_exact_bounds_stay_below_values(seed: int, n: int, binary: bool) -> None:
    problem, points = random_problem(seed, n, binary)
    try:
        proof = po.putinar(problem, order=2).solve().prove(method="exact")
    except ProofError:
        return
    assert proof.bound <= float(np.min(problem.objective(points))) + 1e-12
