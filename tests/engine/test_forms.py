"""The same value from dense and sparse relaxations, both conic forms and two solvers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import polyopt as po
from polyopt import problems

DENSE_AND_SPARSE: list[Callable[[], problems.NamedProblem]] = [
    lambda: problems.rosenbrock(5),
    lambda: problems.broyden_tridiagonal(5),
    lambda: problems.chained_wood(4),
    lambda: problems.arrow_quartic(5),
    lambda: problems.dixon_price(4),
    lambda: problems.liarwhd(5),
    lambda: problems.bilinear_chain(5),
    lambda: problems.coupled_discs(5),
    lambda: problems.frustrated_ring(5),
    lambda: problems.sensor_network(3),
    problems.six_variable_quartic,
    problems.ex3_1_3,
]

FORMS = ("moment", "sos")
SOLVERS = ("clarabel", "scs")


@pytest.mark.parametrize("make", DENSE_AND_SPARSE, ids=lambda make: make().name)
def test_sparse_bound_is_valid_and_as_strong_where_exact(
    make: Callable[[], problems.NamedProblem],
) -> None:
    problem = make()
    order = problem.exact_order
    assert order is not None
    dense = po.putinar(problem, order).solve().bound
    sparse = po.putinar(problem, order, sparsity="correlative").solve().bound
    assert dense == pytest.approx(problem.optimum, rel=1e-4, abs=1e-4)
    assert sparse == pytest.approx(dense, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("order", [1, 2])
def test_sparse_bound_is_at_most_the_dense_one(order: int) -> None:
    """On a problem where neither is exact."""
    x = po.variables("x", 6)
    chain = po.sum_polynomials(x[i] * x[i + 1] - x[i + 1] * x[(i + 2) % 6] for i in range(5))
    linear = po.sum_polynomials((-1.0) ** i * (i + 1) / 3 * v for i, v in enumerate(x))
    problem = po.minimize(chain + linear, [v**2 <= 1 for v in x])
    dense = po.putinar(problem, order).solve().bound
    sparse = po.putinar(problem, order, sparsity="correlative").solve().bound
    assert sparse <= dense + 1e-6


RELAXATIONS: dict[str, Callable[[], po.Relaxation]] = {
    "dense": lambda: po.putinar(problems.random_quartic_ball(4), 2),
    "equalities": lambda: po.putinar(problems.maxcut(), 2),
    "linear_equality": lambda: po.putinar(problems.quartic_simplex(4), 2),
    "sparse": lambda: po.putinar(problems.bilinear_chain(6), 2, sparsity="correlative"),
    "nearly_sparse": lambda: po.nearly_sparse(problems.box_chain_budget(5), 2),
    "shor": lambda: po.shor(problems.maxcut_petersen()),
    "shor_chordal": lambda: po.shor(problems.frustrated_ring(9), chordal=True),
    "scalar_cones": lambda: po.putinar(problems.ex3_1_4(), 1),
}


@pytest.mark.parametrize("name", RELAXATIONS)
def test_forms_and_solvers_agree(name: str) -> None:
    relaxation = RELAXATIONS[name]()
    reference = relaxation.solve("clarabel", form="moment")
    assert reference.status is po.Status.OPTIMAL
    for solver in SOLVERS:
        for form in FORMS:
            result = relaxation.solve(
                solver,
                form=form,  # type: ignore[arg-type]
                tolerance=1e-8 if solver == "clarabel" else 1e-6,
            )
            assert result.form == form
            assert result.solver == solver
            assert result.bound == pytest.approx(reference.bound, rel=1e-4, abs=1e-4), (
                solver,
                form,
            )


@pytest.mark.parametrize("name", RELAXATIONS)
def test_the_sos_program_is_the_dual_of_the_moment_program(name: str) -> None:
    relaxation = RELAXATIONS[name]()
    moment, sos = relaxation.program("moment"), relaxation.program("sos")
    assert sos.number_of_variables == moment.number_of_rows
    assert sos.cones.zero == moment.number_of_variables
    assert sos.cones.psd == moment.cones.psd
    assert sos.offset == -moment.offset


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("sense", ["min", "max"])
def test_either_form_proves_either_sense(form: str, sense: str) -> None:
    x = po.variables("x", 2)
    state = po.minimize if sense == "min" else po.maximize
    problem = state(x[0] * x[1] ** 2 - x[0], [x[0] ** 2 + x[1] ** 2 <= 1])
    result = po.putinar(problem, order=2).solve(form=form)  # type: ignore[arg-type]
    # On the circle x (y² - 1) = -x³, and inside |x (y² - 1)| <= |x| <= 1.
    expected = -1.0 if sense == "min" else 1.0
    assert result.bound == pytest.approx(expected, abs=1e-6)
    proven = result.prove().bound
    assert problem.sign * proven <= problem.sign * expected
    assert proven == pytest.approx(expected, abs=1e-4)


def test_cvxpy_takes_the_relaxation() -> None:
    relaxation = po.putinar(problems.concave_diamond(), order=2)
    built = relaxation.to_cvxpy()
    problem = built[0] if isinstance(built, tuple) else built
    assert problem.solve(solver="CLARABEL") == pytest.approx(-2.0, abs=1e-5)
