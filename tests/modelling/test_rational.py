"""Rational objectives against dense sampling, closed forms and generalised eigenvalues."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import eigh

import polyopt as po
from polyopt.errors import InvalidProblemError, ProofError, ProofRejectedError


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_rayleigh_quotients_are_generalised_eigenvalues(seed: int) -> None:
    """min xᵀAx / xᵀBx on the sphere is the smallest generalised eigenvalue; no constant in q."""
    rng = np.random.default_rng(seed)
    A = rng.integers(-4, 5, size=(3, 3)).astype(float)
    A = A + A.T
    B = np.diag(rng.integers(1, 5, size=3)).astype(float)
    x = po.variables("x", 3)
    f, q = (po.quadratic(M, np.zeros(3), 0.0, variables=["x0", "x1", "x2"]) for M in (A, B))
    sphere = [sum(v**2 for v in x) == 1]
    expected = float(eigh(A, B, eigvals_only=True)[0])
    result = po.RationalProblem(f, q, sphere).solve(order=1)
    assert result.bound == pytest.approx(expected, abs=1e-5)
    proof = result.prove()
    assert proof.bound <= expected + 1e-12
    assert proof.bound == pytest.approx(expected, abs=1e-4)
    top = po.RationalProblem(f, q, sphere, sense="max").solve(order=1).prove()
    largest = float(eigh(A, B, eigvals_only=True)[-1])
    assert top.bound >= largest - 1e-12
    assert top.bound == pytest.approx(largest, abs=1e-4)


def test_against_a_grid() -> None:
    x, y = po.variables("x y")
    f, q = x**3 - x * y + 0.3 * y, 1 + x**2 + y**4
    box = [x**2 <= 4, y**2 <= 4]
    problem = po.RationalProblem(f, q, box)
    result = problem.solve(order=3)
    side = np.linspace(-2, 2, 801)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    lowest = float(problem.evaluate(grid).min())
    assert lowest - 1e-3 < result.bound < lowest + 1e-7
    proof = result.prove()
    assert proof.bound <= lowest
    assert proof.bound == pytest.approx(result.bound, abs=1e-5)
    assert proof.positivity is None
    (best,) = result.minimizers()
    assert best.value == pytest.approx(problem.evaluate(best.point))
    assert abs(best.gap) < 1e-5
    assert best.violation < 1e-7


def test_positivity_that_intervals_do_not_show_is_proven() -> None:
    """On the annulus q = x² + y² has no positive interval bound on the box."""
    x, y = po.variables("x y")
    q = x**2 + y**2
    problem = po.RationalProblem(x, q, [q >= 1, q <= 4])
    result = problem.solve(order=2)
    proof = result.prove()
    assert proof.positivity is not None
    assert -1 - 1e-4 < proof.bound <= -1
    assert proof.check(problem) is proof


def test_unproven_positivity_is_refused() -> None:
    x = po.variables("x", 1)[0]
    problem = po.RationalProblem(1 + x**2, x**2, [x**2 <= 1])
    with pytest.raises(ProofError, match="could not be shown to be positive"):
        problem.solve(order=1).prove()


def test_other_hierarchies() -> None:
    x = po.variables("x", 4)
    f = sum(x[i] * x[i + 1] for i in range(3))
    q = 2 + sum(v**2 for v in x)
    box = [v**2 <= 1 for v in x]
    dense = po.RationalProblem(f, q, box).solve(order=2)
    sparse = po.RationalProblem(f, q, box).solve(
        hierarchy=lambda p: po.putinar(p, 2, sparsity="correlative")
    )
    assert sparse.bound <= dense.bound + 1e-6
    assert sparse.prove().bound == pytest.approx(sparse.bound, abs=1e-5)
    # The corner (1, -1, 1, -1) gives -3 / 6.
    assert dense.bound == pytest.approx(-0.5, abs=1e-5)


def test_foreign_and_tampered_proofs_are_rejected() -> None:
    x = po.variables("x", 1)[0]
    problem = po.RationalProblem(x, 1 + x**2, [x**2 <= 9])
    proof = problem.solve(order=2).prove()
    assert proof.check(problem) is proof
    with pytest.raises(ProofRejectedError):
        replace(proof, bound=proof.bound + 1e-3).check(problem)
    with pytest.raises(ProofRejectedError):
        replace(proof, value=proof.value + 1e-3).check(problem)
    with pytest.raises(ProofRejectedError):
        proof.check(po.RationalProblem(2 * x, 1 + x**2, [x**2 <= 9]))


def test_sympy_expressions() -> None:
    import sympy

    s, t = sympy.symbols("s t", real=True)
    problem = po.RationalProblem(s, 1 + t**2, [s**2 <= 4, t**2 <= 1])
    assert problem.solve(order=1).bound == pytest.approx(-2.0, abs=1e-5)


def test_bad_input() -> None:
    x = po.variables("x", 1)[0]
    with pytest.raises(InvalidProblemError, match="constant -1"):
        po.RationalProblem(x, -1)
    with pytest.raises(InvalidProblemError, match="numerator is 'x'"):
        po.RationalProblem("x", 1 + x**2)
    with pytest.raises(InvalidProblemError, match="sense"):
        po.RationalProblem(x, 1 + x**2, sense="up")  # type: ignore[arg-type]
    with pytest.raises(InvalidProblemError, match="not both"):
        po.RationalProblem(x, 1 + x**2).solve(1, hierarchy=lambda p: po.putinar(p, 1))
    free = po.RationalProblem(-(x**4), 1 + x**2).solve()
    assert free.bound == -np.inf
    with pytest.raises(ProofError, match="no bound"):
        free.prove()

    empty = po.RationalProblem(x, 1 + x**2, [x >= 2, x <= 1, x**2 <= 9]).solve()
    assert empty.bound == np.inf
