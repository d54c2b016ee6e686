"""Krivine-Stengle, BSOS and Schmüdgen relaxations against independent values."""

from __future__ import annotations

from itertools import combinations_with_replacement
from math import comb, factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polyopt as po
from polyopt.relaxation.complement import complement, missing_complements, upper_bounds
from polyopt.relaxation.products import all_products

coefficients = st.lists(st.integers(-5, 5), min_size=2, max_size=5)


def _bernstein(a: list[int], degree: int) -> np.ndarray:
    """Coefficients of Σ a_i x^i in the Bernstein basis of [0, 1]."""
    return np.array(
        [
            sum(comb(i, j) / comb(degree, j) * a[j] for j in range(min(i, len(a) - 1) + 1))
            for i in range(degree + 1)
        ]
    )


@settings(max_examples=12, deadline=None)
@given(coefficients, st.integers(0, 3))
def test_krivine_on_an_interval_is_the_smallest_bernstein_coefficient(
    a: list[int], extra: int
) -> None:
    x = po.variables("x", 1)[0]
    f = po.sum_polynomials(c * x**i for i, c in enumerate(a)) + 0.0 * x
    degree = max(1, f.degree) + extra
    problem = po.minimize(f, subject_to=[x >= 0, 1 - x >= 0])
    result = po.krivine(problem, degree=degree).solve()
    assert result.solver == "highs"
    assert result.bound == pytest.approx(_bernstein(a, degree).min(), abs=1e-6)


@pytest.mark.parametrize("degree", [2, 3, 4])
def test_krivine_on_a_simplex_is_the_smallest_bezier_coefficient(degree: int) -> None:
    x, y = po.variables("x y")
    a = {(2, 0): 3.0, (1, 1): -4.0, (0, 2): 2.0, (1, 0): -1.0}
    f = po.sum_polynomials(c * x**i * y**j for (i, j), c in a.items())
    problem = po.minimize(f, subject_to=[x >= 0, y >= 0, 1 - x - y >= 0])
    # x^i y^j = Σ over |β| = k of (coefficient of β in x^i y^j (x + y + z)^(k-i-j)) / multinomial.
    values = []
    for p in range(degree + 1):
        for q in range(degree + 1 - p):
            r = degree - p - q
            weight = factorial(degree) / (factorial(p) * factorial(q) * factorial(r))
            total = 0.0
            for (i, j), c in a.items():
                if p >= i and q >= j:
                    rest = factorial(degree - i - j)
                    total += c * rest / (factorial(p - i) * factorial(q - j) * factorial(r))
            values.append(total / weight)
    bound = po.krivine(problem, degree=degree, complements=False).solve().bound
    assert bound == pytest.approx(min(values), abs=1e-7)


def _random_box_problem(seed: int, n: int = 4) -> po.PolynomialProblem:
    rng = np.random.default_rng(seed)
    x = po.variables("x", n)
    terms = [x[i] * x[i + 1] * float(rng.integers(-3, 4)) for i in range(n - 1)]
    f = po.sum_polynomials([*terms, *(float(rng.integers(-3, 4)) * v for v in x)])
    return po.minimize(f, subject_to=[g for v in x for g in (v >= 0, v <= 1)])


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10**6))
def test_bounds_are_valid_monotone_and_ordered(seed: int) -> None:
    problem = _random_box_problem(seed)
    grid = np.array(np.meshgrid(*[np.linspace(0, 1, 5)] * 4)).reshape(4, -1).T
    # Multilinear objectives attain their minimum at a vertex.
    optimum = float(problem.evaluate(grid).min())
    dense = [po.krivine(problem, degree=k).solve().bound for k in (2, 3)]
    sparse = [po.krivine(problem, degree=k, sparsity="correlative").solve().bound for k in (2, 3)]
    assert dense[0] <= dense[1] + 1e-7
    assert sparse[0] <= sparse[1] + 1e-7
    assert sparse[0] <= dense[0] + 1e-7
    assert dense[1] <= optimum + 1e-7
    bounded = po.bsos(problem, degree=2, order=1).solve().bound
    assert dense[0] <= bounded + 1e-6
    assert bounded <= optimum + 1e-6
    assert po.bsos(problem, 2, 1, sparsity="correlative").solve().bound <= bounded + 1e-6


def test_multilinear_objectives_on_boxes_are_exact_at_full_degree() -> None:
    # The products Π x_i^e (1 - x_i)^(1 - e) over all vertices reproduce a multilinear polynomial.
    problem = _random_box_problem(7, n=3)
    vertices = np.array(np.meshgrid(*[[0.0, 1.0]] * 3)).reshape(3, -1).T
    optimum = float(problem.evaluate(vertices).min())
    assert po.krivine(problem, degree=3).solve().bound == pytest.approx(optimum, abs=1e-8)


def test_bsos_is_exact_for_convex_quadratics() -> None:
    x, y = po.variables("x y")
    f = (x - 2) ** 2 + (y + 1) ** 2 + x * y
    problem = po.minimize(f, subject_to=[x >= 0, y >= 0, 1 - x >= 0, 1 - y >= 0])
    # KKT at (1, 0): the gradient (-2, 3) points out of the box.
    assert po.bsos(problem, degree=1, order=1).solve().bound == pytest.approx(2.0, abs=1e-6)


def test_schmuedgen_contains_putinar_and_ends_at_the_optimum() -> None:
    x = po.variables("x", 3)
    f = x[0] * x[1] + x[1] * x[2] - x[0] - x[1] * 0.5
    problem = po.minimize(f, subject_to=[g for v in x for g in (v >= 0, 1 - v >= 0)])
    vertices = np.array(np.meshgrid(*[[0.0, 1.0]] * 3)).reshape(3, -1).T
    one = po.schmuedgen(problem, order=2, most_factors=1)
    assert one.plan == po.putinar(problem, 2).plan
    bounds = [
        r.solve().bound
        for r in (po.putinar(problem, 1), po.schmuedgen(problem, 1), po.schmuedgen(problem, 2))
    ]
    assert bounds[0] <= bounds[1] + 1e-6
    assert bounds[2] == pytest.approx(problem.evaluate(vertices).min(), abs=1e-6)
    sparse = po.schmuedgen(problem, 1, sparsity="correlative").solve().bound
    assert sparse <= bounds[1] + 1e-6


def test_schmuedgen_limits_the_degree_of_products() -> None:
    x = po.variables("x", 2)
    g = [1 - x[0] ** 3 >= 0, 1 - x[1] ** 2 >= 0, x[0] >= 0]
    problem = po.minimize(x[0] * x[1], subject_to=g)
    factors = {m.factors for m in po.schmuedgen(problem, 2).multipliers}
    names = [tuple(f.number for f in item) for item in factors]
    assert sorted(names) == [(), (0,), (0, 2), (1,), (1, 2), (2,)]


def test_products_agree_with_multiplication() -> None:
    x = po.variables("x", 3)
    factors = [x[0] + 1, 1 - x[0] * x[1], x[2] ** 2 - x[1], x[0] - 1]
    found = all_products(factors, 3)
    names = [c for k in (1, 2, 3) for c in combinations_with_replacement(range(4), k)]
    assert [name for name, _ in found] == names
    for name, p in found:
        expected = po.Polynomial.constant(1.0, x[0].variables)
        for k in name:
            expected = expected * factors[k]
        assert p.equals(expected)
        assert (p.rows == expected.rows).all()
    limited = all_products(factors, 3, distinct=True, most_degree=3)
    assert [n for n, _ in limited] == [
        (0,),
        (1,),
        (2,),
        (3,),
        (0, 1),
        (0, 2),
        (0, 3),
        (1, 3),
        (2, 3),
    ]


def test_too_many_products_are_refused() -> None:
    x = po.variables("x", 100)
    with pytest.raises(po.PolyoptError, match=r"100 polynomials have \d+ products"):
        all_products(x, 5)


def test_products_are_those_of_their_factors_and_nonnegative() -> None:
    x = po.variables("x", 2)
    g = [2 - x[0] ** 2 - x[1] ** 2 >= 0, x[0] + 0.3 * x[1] >= 0]
    problem = po.minimize(x[0] * x[1], subject_to=g)
    relaxation = po.krivine(problem, degree=3)
    points = np.random.default_rng(0).uniform(-1.5, 1.5, (400, 2))
    feasible = points[problem.violation(points) == 0]
    assert len(feasible) > 50
    kinds = set()
    for m in relaxation.multipliers:
        expected = po.Polynomial.constant(1.0, problem.variables)
        for factor in m.factors:
            kinds.add(factor.kind)
            is_complement = factor.kind == "complement"
            p = problem.inequalities[factor.number]
            expected = expected * (complement(problem, factor.number) if is_complement else p)
        difference = m.polynomial - expected
        assert np.abs(difference.coefficients).max(initial=0.0) < 1e-12
        assert (m.polynomial(feasible) >= -1e-12).all()
    assert kinds == {"inequality", "complement"}
    assert relaxation.solve().bound <= problem.evaluate(feasible).min()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_upper_bounds_hold(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = po.variables("x", 3)
    lower = rng.uniform(-2, 1, 3)
    upper = lower + rng.uniform(0, 2, 3)
    box = [g for v, a, b in zip(x, lower, upper, strict=True) for g in (v >= a, v <= b)]
    g = sum(float(rng.normal()) * np.prod(rng.choice(x, int(rng.integers(1, 5)))) for _ in range(5))
    problem = po.minimize(x[0], subject_to=[*box, g + 100 >= 0])
    points = rng.uniform(lower, upper, (300, 3))
    corners = np.array(np.meshgrid(*np.stack([lower, upper], 1))).reshape(3, -1).T
    bounds = upper_bounds(problem)
    for p, bound in zip(problem.inequalities, bounds, strict=True):
        assert p(np.vstack([points, corners])).max() <= bound + 1e-12
        assert np.isfinite(bound)


def test_partners_need_no_complement() -> None:
    x = po.variables("x", 2)
    assert missing_complements([x[0] - 1, 6 - 2 * x[0], x[1], x[1] - 1]) == [2, 3]
    problem = po.minimize(x[0] + x[1], subject_to=[x[0] >= 0, x[0] <= 1, x[1] >= 0])
    relaxation = po.krivine(problem, degree=1)
    assert "no complement for the inequalities 2" in str(relaxation)
    assert relaxation.solve().bound == pytest.approx(0.0, abs=1e-9)


def test_equalities_get_free_multipliers() -> None:
    x, y = po.variables("x y")
    g = [x >= 0, x <= 1, y >= 0, y <= 1, x + y == 1]
    problem = po.minimize(x * y - x, subject_to=g)
    assert po.krivine(problem, degree=2).solve().bound == pytest.approx(-1.0, abs=1e-7)


@pytest.mark.parametrize("degree", [0, -2, 1.5, True])
def test_bad_degrees_are_refused(degree: object) -> None:
    with pytest.raises(po.PolyoptError, match=r"degree is .*positive integer"):
        po.krivine(_random_box_problem(0), degree=degree)  # type: ignore[arg-type]


def test_what_cannot_be_bounded_is_refused() -> None:
    x = po.variables("x", 3)
    box = [g for v in x for g in (v >= 0, v <= 1)]
    with pytest.raises(po.PolyoptError, match=r"x0\*x1\*x2 of the objective is in no product"):
        po.krivine(po.minimize(x[0] * x[1] * x[2], subject_to=box), degree=2)
    with pytest.raises(po.PolyoptError, match="no inequality to multiply"):
        po.krivine(po.minimize(x[0], subject_to=[x[0] ** 2 == 1]), degree=2)
    with pytest.raises(po.PolyoptError, match="order is 0"):
        po.bsos(_random_box_problem(0), 1, 0)
    with pytest.raises(po.PolyoptError, match="most_factors is 0"):
        po.schmuedgen(_random_box_problem(0), 1, most_factors=0)
