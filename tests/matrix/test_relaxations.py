"""Relaxations of matrix inequalities against atomic measures, grids and scalar constraints."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polyopt as po
from polyopt.conic.svec import smat
from polyopt.errors import RelaxationError
from tests.matrix.problems import (
    X,
    Y,
    Z,
    chain,
    disc_matrix,
    grid_minimum,
    mixed,
    moments_of,
    random_problem,
)

REFINEMENTS: list[Callable[[po.Relaxation], po.Relaxation]] = [
    po.TermSparsity(),
    po.TermSparsity(steps=None, closure="chordal"),
    po.SignSymmetry(),
    po.NewtonPolytope(),
    po.MergeCliques(),
    po.ScaledDiagonallyDominant(),
    po.DiagonallyDominant(),
]


def test_localisers_at_a_point_are_kronecker_products(rng: np.random.Generator) -> None:
    """For the moments of one point the block is ``G(x) ⊗ B(x) B(x)ᵀ``, the cone ``g(x)``."""
    problem = mixed()
    for order in (2, 3):
        relaxation = po.putinar(problem, order)
        program, assembly = relaxation.program(), relaxation.assembly
        point = rng.uniform(-2, 2, size=3)
        slack = program.b - program.A @ moments_of(point, assembly.moments)[1:]
        found = 0
        for k, m in enumerate(relaxation.multipliers):
            if m.components is None:
                continue
            found += 1
            part = slack[assembly.offsets[k] : assembly.offsets[k] + assembly.lengths[k]]
            values = m.polynomial(point)
            size = m.basis.size // len(values)
            basis = moments_of(point, m.basis.rows[:size])
            expected = np.kron(values, np.outer(basis, basis))
            np.testing.assert_allclose(smat(part), expected, rtol=1e-10, atol=1e-10)
        assert found == 2


def test_second_order_rows_at_a_point(rng: np.random.Generator) -> None:
    problem = po.minimize(X + Y, subject_to=[po.soc(1 + X, [Y, X - Y, 0])])
    relaxation = po.putinar(problem, 1)
    program = relaxation.program()
    assert program.cones.second_order == (4,)
    point = rng.normal(size=2)
    slack = program.b - program.A @ moments_of(point, relaxation.assembly.moments)[1:]
    x, y = point
    np.testing.assert_allclose(slack[:4], [1 + x, y, x - y, 0.0], atol=1e-12)
    assert relaxation.plan.second_order == ((4, 1),)
    assert "second-order cones: 1 of 4 rows" in str(relaxation)
    assert po.shor(problem).program().cones == program.cones


def test_both_forms_and_all_solvers_agree() -> None:
    for problem, order in ((disc_matrix(), 1), (mixed(), 2), (chain(), 1)):
        relaxation = po.putinar(problem, order)
        bound = relaxation.solve().bound
        for solver in ("clarabel", "scs", "cvxpy:CLARABEL", "sdpa", "csdp"):
            if solver not in po.available_solvers():
                continue
            for form in ("moment", "sos"):
                other = relaxation.solve(solver=solver, form=form).bound
                assert other == pytest.approx(bound, abs=2e-5), (solver, form)


def test_the_certificate_is_an_identity(rng: np.random.Generator) -> None:
    """``f - λ`` equals the sum of all terms at random points."""
    problem = mixed()
    result = po.putinar(problem, 2).solve()
    points = rng.uniform(-1, 1, size=(20, 3))
    total = np.full(20, result.bound)
    for m, gram in zip(result.relaxation.multipliers, result.gram_matrices, strict=True):
        for k, point in enumerate(points):
            basis = moments_of(point, m.basis.rows)
            if m.components is not None:
                values = m.polynomial(point)[np.ix_(m.components, m.components)]
                total[k] += float(np.sum(gram * values * np.outer(basis, basis)))
            elif m.cone is po.Cone.PSD:
                total[k] += m.polynomial(point) * (basis @ gram @ basis)
            else:
                total[k] += m.polynomial(point) * (basis @ gram)
    np.testing.assert_allclose(total, problem.evaluate(points), atol=1e-5)
    blocks = [g for m, g in zip(result.relaxation.multipliers, result.gram_matrices, strict=True)
              if m.components is not None]  # fmt: skip
    assert all(np.linalg.eigvalsh(block)[0] > -1e-7 for block in blocks)


def test_equivalent_scalar_problems_have_the_same_bounds() -> None:
    disc = po.minimize(X * Y - X, subject_to=[X**2 + Y**2 <= 1])
    expected = -0.75 * np.sqrt(3.0)
    for order in (1, 2):
        for problem in (disc_matrix(), disc):
            bound = po.putinar(problem, order).solve().bound
            assert bound == pytest.approx(expected, abs=1e-6)
    f = X**3 - X * Y + Y
    scalar = po.minimize(f, subject_to=[1 - X**2 >= 0, Y + X >= 0, 2 - Y >= 0])
    diagonal = po.psd([[1 - X**2, 0, 0], [0, Y + X, 0], [0, 0, 2 - Y]])
    bounds = [
        po.putinar(problem, 2).solve().bound
        for problem in (scalar, po.minimize(f, subject_to=[diagonal]))
    ]
    # All entries of a matrix have the multiplier degree of the largest.
    assert bounds[1] <= bounds[0] + 1e-6
    assert bounds[1] == pytest.approx(bounds[0], abs=1e-5)


@pytest.mark.parametrize("order", [2, 3])
def test_a_ball_as_a_matrix_at_order(order: int) -> None:
    matrix = po.problems.trust_region_matrix(3)
    scalar = po.problems.trust_region(3)
    bounds = [po.putinar(p, order).solve().bound for p in (matrix, scalar)]
    assert bounds[0] == pytest.approx(bounds[1], abs=1e-5)


def test_a_grid_finds_nothing_lower() -> None:
    for problem, radius in ((disc_matrix(), 1.0), (po.problems.quadratic_matrix_region(), 2.0)):
        low = grid_minimum(problem, radius, 401)
        bound = po.putinar(problem, 2).solve().bound
        assert bound <= low + 1e-6
        assert low - bound < 2e-2


@settings(max_examples=12)
@given(st.integers(0, 10_000))
def test_random_problems(seed: int) -> None:
    problem = random_problem(seed)
    result = po.putinar(problem, 2).solve()
    low = grid_minimum(problem, 1.5, 121)
    proof = result.prove()
    assert proof.box.source == "constraints"
    assert proof.bound <= low
    assert proof.bound == pytest.approx(result.bound, abs=1e-4 * max(1.0, abs(low)))
    value = min((m.value for m in result.minimizers()), default=np.inf)
    assert proof.bound <= value + 1e-6
    other = po.putinar(problem, 2).solve(form="sos").bound
    assert other == pytest.approx(result.bound, abs=1e-5 * max(1.0, abs(low)))


@pytest.mark.parametrize("refinement", REFINEMENTS, ids=lambda r: type(r).__name__)
def test_refinements_stay_below(refinement: Callable[[po.Relaxation], po.Relaxation]) -> None:
    exact = {"SignSymmetry", "NewtonPolytope", "MergeCliques"}
    for problem in (mixed(), disc_matrix()):
        relaxation = po.putinar(problem, 2)
        bound = relaxation.solve().bound
        refined = relaxation.refine(refinement)
        result = refined.solve()
        assert result.bound <= bound + 1e-5
        if type(refinement).__name__ in exact:
            assert result.bound == pytest.approx(bound, abs=1e-5)
        if np.isfinite(result.bound):
            proof = result.prove(box=(-2.0, 2.0))
            assert proof.bound <= bound + 1e-5
            proof.check(problem)


def test_sign_symmetry_of_matrices_splits_pairs() -> None:
    """``x -> -x`` with a change of sign of the second row leaves the matrix as it is."""
    problem = po.minimize(X**4 - X**2 + Y**2, subject_to=[po.psd([[1, X], [X, 2 - Y**2]])])
    relaxation = po.putinar(problem, 2)
    refined = relaxation.refine(po.SignSymmetry())
    assert refined.plan.largest_block < relaxation.plan.largest_block
    matrix_blocks = [m.basis.size for m in refined.multipliers if m.components is not None]
    assert len(matrix_blocks) > 1
    assert sum(matrix_blocks) == 6
    assert refined.solve().bound == pytest.approx(relaxation.solve().bound, abs=1e-6)


def test_sign_symmetry_of_cones_drops_odd_rows() -> None:
    problem = po.minimize(X**2 + Y, subject_to=[po.soc(1, [X, Y])])
    relaxation = po.putinar(problem, 1)
    refined = relaxation.refine(po.SignSymmetry())
    assert refined.program().cones.second_order == (2,)
    assert refined.solve().bound == pytest.approx(relaxation.solve().bound, abs=1e-6)


def test_term_sparsity_uses_pairs_of_rows_and_monomials() -> None:
    problem = po.minimize(
        X**4 + Y**4 - X**2 - Y**2, subject_to=[po.psd([[4 - X**2, 0], [0, 4 - Y**2]])]
    )
    relaxation = po.putinar(problem, 2)
    refined = relaxation.refine(po.TermSparsity())
    sizes = [m.basis.size for m in refined.multipliers if m.components is not None]
    assert max(sizes) == 1
    assert refined.solve().bound == pytest.approx(-0.5, abs=1e-6)


def test_binary_problems_modulo_their_equations() -> None:
    b = po.variables("b", 4)
    f = po.sum_polynomials((-1.0) ** i * v for i, v in enumerate(b)) + b[0] * b[1]
    matrix = [[2 - b[0], b[1] + b[2]], [b[1] + b[2], 1 + b[3]]]
    problem = po.minimize(f, subject_to=[*[v**2 == v for v in b], po.psd(matrix)])
    points = np.array(list(itertools.product([0.0, 1.0], repeat=4)))
    best = problem.evaluate(points)[problem.violation(points) <= 1e-12].min()
    relaxation = po.putinar(problem, 3)
    refined = relaxation.refine(po.Quotient())
    assert len(refined.assembly.moments) <= 16
    for result in (relaxation.solve(), refined.solve()):
        assert result.bound == pytest.approx(best, abs=1e-5)
        assert result.prove().bound <= best


def test_sparse_and_other_hierarchies() -> None:
    problem = chain()
    dense = po.putinar(problem, 2).solve().bound
    sparse = po.putinar(problem, 2, sparsity="correlative").solve().bound
    low = grid_minimum(problem, 1.0, 21)
    assert sparse <= dense + 1e-6
    assert dense <= low + 1e-6
    others = [
        po.sublevel(problem, 2, level=2),
        po.schmuedgen(problem, 2),
        po.nearly_sparse(problem, 2, dense=[("matrix", 1)]),
        po.shor(problem),
        po.shor(problem, chordal=True),
        po.putinar(problem, 1, orders={("matrix", 0): 2}),
        po.putinar(problem, 1, sparsity="correlative", orders={0: 2}),
    ]
    for relaxation in others:
        bound = relaxation.solve().bound
        assert bound <= low + 1e-5, relaxation.name
        assert bound > -20, relaxation.name


def test_methods_that_know_no_matrices_say_so() -> None:
    problem = po.minimize(X, subject_to=[X <= 1, X >= -1, po.psd([[1, X], [X, 1]])])
    for method in (
        lambda: po.krivine(problem, 2),
        lambda: po.bsos(problem, 2),
        lambda: po.putinar(problem, 2).refine(po.ProjectCliques()),
    ):
        with pytest.raises(RelaxationError, match="no multipliers for matrix inequalities"):
            method()
    program = po.SOSProgram([X])
    c = program.coefficient("c")
    with pytest.raises(RelaxationError, match="no multipliers for matrix inequalities"):
        program.require_psd([[c, X], [X, c]], on=[po.psd([[1, X], [X, 1]])])


def test_orders_and_multipliers_are_checked() -> None:
    problem = po.minimize(X, subject_to=[po.psd([[1, X**2 * Y], [X**2 * Y, 1]])])
    with pytest.raises(RelaxationError, match="matrix inequality 0 has degree 3"):
        po.putinar(problem, 1)
    assert po.minimal_order(problem) == 2
    matrix = problem.matrix_inequalities[0]
    with pytest.raises(RelaxationError, match="matrix_multiplier"):
        po.Multiplier(matrix, po.Basis.constant(), po.Cone.PSD, (po.Factor("matrix", 0),))
    rows = np.zeros(1, dtype=np.intp)
    with pytest.raises(RelaxationError, match="free"):
        po.Multiplier(matrix, po.Basis.constant(), po.Cone.FREE, components=rows)
    with pytest.raises(RelaxationError, match="belong to multipliers of a matrix"):
        po.Multiplier(X, po.Basis.constant(), po.Cone.SECOND_ORDER)


def test_sums_of_squares_programs_on_a_set_given_by_a_matrix() -> None:
    """The largest c with ``xy - x - c`` nonnegative on the disc."""
    program = po.SOSProgram([X, Y])
    c = program.coefficient("c")
    set_ = [po.psd([[1 - X**2, X * Y], [X * Y, 1 - Y**2]]), po.soc(2, [X, Y])]
    program.require_nonnegative(X * Y - X - c, on=set_, order=1)
    program.require_nonnegative(2 - c, on=[po.soc(1, [X])], order=1)
    program.maximize(c)
    solution = program.solve()
    assert solution[c] == pytest.approx(-0.75 * np.sqrt(3.0), abs=1e-6)
    assert min(check.margin for check in solution.check()) > -1e-7


def test_rational_objectives_on_a_set_given_by_a_matrix() -> None:
    problem = po.RationalProblem(
        X * Y - X, 2 + Y, subject_to=[po.psd([[1 - X**2, X * Y], [X * Y, 1 - Y**2]])]
    )
    angles = np.linspace(0, 2 * np.pi, 20001)
    x, y = np.cos(angles), np.sin(angles)
    assert problem.solve().bound == pytest.approx(((x * y - x) / (2 + y)).min(), abs=1e-5)


def test_minimisers_and_the_whole_climb() -> None:
    for problem in (po.problems.elliptope_product(), po.problems.product_in_cone()):
        solution = po.solve(problem)
        assert solution.value == pytest.approx(problem.optimum, abs=1e-6)
        assert solution.proof is not None
        assert problem.violation(solution.minimizers[0].point) < 1e-7
        for known in problem.minimizers:
            near = [np.abs(m.point - known).max() for m in solution.minimizers]
            assert min(near) < 1e-3


def test_scaling_of_variables_changes_nothing() -> None:
    matrix = [[1, X, 1024 * Y], [X, 1, 0], [1024 * Y, 0, 1]]
    problem = po.minimize(1024 * X * Y - X, subject_to=[po.psd(matrix), Z**2 <= 1])
    relaxation = po.putinar(problem, 2)
    bounds = [relaxation.solve(scaling=scaling).bound for scaling in (True, False)]
    assert bounds[0] == pytest.approx(bounds[1], abs=1e-5)
    assert bounds[0] == pytest.approx(-0.75 * np.sqrt(3.0), abs=1e-5)
