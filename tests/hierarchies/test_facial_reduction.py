"""Facial reduction of order-1 blocks: the same bounds from better conditioned programs."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

import polyopt as po


def _problem(n: int, equations: int, seed: int = 0) -> po.PolynomialProblem:
    rng = np.random.default_rng(seed)
    x = po.variables("x", n)
    f = x[-1] ** 2 + po.sum_polynomials(
        (x[i] ** 2 - 0.5) ** 2 + x[i] * x[i + 1] * float(rng.uniform(-1, 1)) for i in range(n - 1)
    )
    table = rng.integers(-3, 4, (equations, n)).astype(float)
    right = table @ rng.uniform(-0.5, 0.5, n)
    dense = [
        sum(float(a) * v for a, v in zip(row, x, strict=True)) == float(b)
        for row, b in zip(table, right, strict=True)
    ]
    return po.minimize(f, subject_to=[*dense, *(v**2 <= 4 for v in x)])


def _dense(problem: po.PolynomialProblem) -> po.Relaxation:
    everything = [("equality", i) for i in range(len(problem.equalities))]
    return po.nearly_sparse(problem, 2, dense=everything)


@pytest.mark.parametrize("form", ["moment", "sos"])
@pytest.mark.parametrize(("n", "equations"), [(8, 1), (12, 3)])
def test_same_bound_fewer_iterations_valid_proof(
    n: int, equations: int, form: Literal["moment", "sos"]
) -> None:
    problem = _problem(n, equations)
    whole = _dense(problem)
    reduced = whole.refine(po.FacialReduction())
    assert reduced.plan.largest_block == whole.plan.largest_block - equations
    before, after = (r.solve(solver="clarabel", form=form) for r in (whole, reduced))
    assert after.status is po.Status.OPTIMAL
    assert after.bound == pytest.approx(before.bound, abs=2e-4)
    # Without an interior the multiplier of h² grows without bound, and the steps get short.
    assert after.solution.iterations < before.solution.iterations
    assert np.abs(after.solution.z).max() < 0.1 * np.abs(before.solution.z).max()
    proof = after.prove().check(problem)
    assert proof.bound <= after.bound + 1e-9
    assert proof.bound == pytest.approx(after.bound, abs=1e-6)


def test_values_are_those_of_the_full_hierarchy_where_it_is_exact() -> None:
    x = po.variables("x", 4)
    f = po.sum_polynomials((v - k) ** 2 for k, v in enumerate(x))
    problem = po.minimize(f, subject_to=[sum(x) == 2])
    # The projection of (0, 1, 2, 3) onto the plane lies at distance |6 - 2| / 2.
    for relaxation in (po.shor(problem), po.putinar(problem, 1)):
        result = relaxation.refine(po.FacialReduction()).solve(solver="clarabel")
        assert result.bound == pytest.approx(4.0, abs=1e-6)
        assert result.moments.first_order() == pytest.approx([-1, 0, 1, 2], abs=1e-4)
        proof = result.prove(box=(-5, 5)).check(problem)
        assert proof.bound == pytest.approx(4.0, abs=1e-5)


def test_dependent_equations_have_one_pivot() -> None:
    x = po.variables("x", 5)
    f = po.sum_polynomials(v**4 - v for v in x)
    problem = po.minimize(f, subject_to=[sum(x) == 1, sum(3 * v for v in x) == 3])
    reduced = _dense(problem).refine(po.FacialReduction())
    assert reduced.plan.largest_block == 5
    # By symmetry and convexity x_i = 1/5.
    assert reduced.solve().bound == pytest.approx(5 * (0.2**4 - 0.2), abs=1e-6)


def test_nothing_to_reduce() -> None:
    x = po.variables("x", 3)
    problem = po.minimize(x[0], subject_to=[x[0] ** 2 + x[1] ** 2 + x[2] ** 2 == 1])
    relaxation = po.putinar(problem, 2)
    refined = relaxation.refine(po.FacialReduction())
    assert refined.multipliers == relaxation.multipliers
    assert "0 affine equalities" in refined.notes[-1]
    with pytest.raises(po.PolyoptError, match="apply GroebnerQuotient after"):
        relaxation.refine(po.GroebnerQuotient(), po.FacialReduction())
