"""What a result says: moments, multipliers and the identity ``f - λ = Σ p σ``."""

from __future__ import annotations

import numpy as np
import pytest

import polyopt as po
from polyopt import problems

CASES = [
    (problems.six_hump_camel(), "dense", 3),
    (problems.concave_diamond(), "dense", 2),
    (problems.haverly_pooling(), "dense", 2),
    (problems.random_quartic_ball(4), "dense", 2),
    (problems.maxcut(), "dense", 2),
    (problems.stable_set(), "dense", 1),
    (problems.broyden_tridiagonal(6), "sparse", 2),
    (problems.sensor_network(3), "sparse", 2),
    (problems.quartic_simplex(5), "nearly sparse", 2),
    (problems.box_chain_budget(5), "nearly sparse", 2),
    (problems.trust_region(5), "shor", 1),
]


def relax(problem: po.PolynomialProblem, kind: str, order: int) -> po.Relaxation:
    if kind == "shor":
        return po.shor(problem)
    if kind == "nearly sparse":
        return po.nearly_sparse(problem, order)
    return po.putinar(problem, order, sparsity="correlative" if kind == "sparse" else None)


@pytest.fixture(
    scope="module", params=CASES, ids=[f"{c[0].name}-{c[1]}".replace(" ", "_") for c in CASES]
)
def result(request: pytest.FixtureRequest) -> po.RelaxationResult:
    problem, kind, order = request.param
    return relax(problem, kind, order).solve()


def test_certificate_is_an_identity(result: po.RelaxationResult) -> None:
    """Evaluated at random points, by matrices and powers only."""
    relaxation = result.relaxation
    problem = relaxation.problem
    n = problem.number_of_variables
    points = np.random.default_rng(0).uniform(-1.0, 1.0, (25, n))
    extended = np.concatenate([np.ones((len(points), 1)), points], axis=1)
    total = np.zeros(len(points))
    size = np.zeros(len(points))
    for multiplier, gram in zip(relaxation.multipliers, result.gram_matrices, strict=True):
        basis = extended[:, multiplier.basis.rows].prod(axis=2)
        p = multiplier.polynomial(points)
        if gram.ndim == 2:
            np.testing.assert_array_equal(gram, gram.T)
            sigma = np.einsum("ki,ij,kj->k", basis, gram, basis)
        else:
            sigma = basis @ gram
        total += p * sigma
        size += np.abs(p * sigma)
    left = problem.sign * (problem.evaluate(points) - result.bound)
    assert np.abs(left - total).max() <= 1e-5 * max(1.0, size.max())


def test_multipliers_lie_in_their_cones(result: po.RelaxationResult) -> None:
    for multiplier, gram in zip(result.relaxation.multipliers, result.gram_matrices, strict=True):
        if multiplier.cone is po.Cone.PSD:
            assert gram.shape == (multiplier.basis.size,) * 2
            assert np.linalg.eigvalsh(gram)[0] >= -1e-6 * max(1.0, np.abs(gram).max())
        elif multiplier.cone is po.Cone.NONNEGATIVE:
            assert gram.min() >= -1e-6 * max(1.0, np.abs(gram).max())


def test_moments_satisfy_the_relaxation(result: po.RelaxationResult) -> None:
    relaxation, problem = result.relaxation, result.relaxation.problem
    moments = result.moments
    one = po.Polynomial.constant(1.0, problem.variables)
    assert moments(one) == 1.0
    value = moments(problem.objective)
    assert value == pytest.approx(result.bound, rel=1e-5, abs=1e-5)
    for g in problem.inequalities:
        assert moments(g) >= -1e-5 * max(1.0, float(np.abs(g.coefficients).max()))
    for h in problem.equalities:
        assert moments(h) == pytest.approx(0.0, abs=1e-5)
    for multiplier in relaxation.multipliers:
        if multiplier.factors or multiplier.basis.variables is None:
            continue
        matrix = moments.matrix(multiplier.basis.variables, multiplier.basis.degree)
        assert np.linalg.eigvalsh(matrix)[0] >= -1e-5 * max(1.0, np.abs(matrix).max())


def test_bound_is_on_the_right_side_once_proven(result: po.RelaxationResult) -> None:
    problem = result.relaxation.problem
    assert isinstance(problem, problems.NamedProblem)
    assert problem.optimum is not None
    proof = result.prove(box=problem.box)
    slack = problem.accuracy * max(1.0, abs(problem.optimum))
    assert problem.sign * proof.bound <= problem.sign * problem.optimum + slack
    assert proof.check(problem).bound == proof.bound


@pytest.mark.parametrize("name", ["lasserre_two_squares", "ex3_1_3", "quadratic_program_hs35"])
def test_a_unique_minimiser_is_the_first_moments(name: str) -> None:
    problem = problems.get(name)
    assert problem.exact_order is not None
    moments = po.putinar(problem, problem.exact_order).solve().moments
    np.testing.assert_allclose(moments.first_order(), problem.minimizers[0], atol=2e-3)


def test_residuals_are_those_of_the_data() -> None:
    result = po.putinar(problems.concave_diamond(), order=2).solve()
    program, solution = result.program, result.solution
    worst = np.abs(program.A @ solution.x + solution.s - program.b).max()
    assert result.residuals.primal <= worst
    assert result.residuals.worst <= 1e-6
    assert result.bound == -float(program.b @ solution.z) + program.offset


def test_printed_result_says_that_it_is_numerical() -> None:
    result = po.putinar(problems.concave_diamond(), order=2).solve()
    assert result.bound_kind == "numerical"
    text = str(result)
    assert "optimum >= -2" in text
    assert "numerical" in text
    assert "time: " in text
    assert set(result.timings) >= {"sparsity", "relaxation", "assembly", "solver"}
    data = result.as_dict()
    assert data["bound_kind"] == "numerical"
    assert data["status"] == "optimal"
