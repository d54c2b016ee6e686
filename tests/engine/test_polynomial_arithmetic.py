"""Arithmetic of polynomials against sympy, and the ring axioms, on exact integer coefficients."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import polyopt as po
from polyopt.polynomial import monomials

from .polynomials import (
    GENERATORS,
    NUMBER,
    SYMBOLS,
    as_sympy,
    integer_polynomials,
    sympy_terms,
    terms_of,
)

POINTS = st.tuples(*[st.integers(-3, 3).map(float)] * NUMBER)
FEW = settings(max_examples=60, deadline=None, derandomize=True)


@FEW
@given(integer_polynomials(), integer_polynomials())
def test_sum_difference_and_product_agree_with_sympy(p: po.Polynomial, q: po.Polynomial) -> None:
    a, b = as_sympy(p), as_sympy(q)
    assert terms_of(p + q) == sympy_terms(a + b)
    assert terms_of(p - q) == sympy_terms(a - b)
    assert terms_of(p * q) == sympy_terms(a * b)


@FEW
@given(integer_polynomials(degree=2, terms=4), st.integers(0, 4))
def test_power_agrees_with_sympy(p: po.Polynomial, exponent: int) -> None:
    assert terms_of(p**exponent) == sympy_terms(as_sympy(p) ** exponent)


@FEW
@given(integer_polynomials(), integer_polynomials(), integer_polynomials())
def test_ring_axioms(p: po.Polynomial, q: po.Polynomial, r: po.Polynomial) -> None:
    assert (p + q).equals(q + p)
    assert (p * q).equals(q * p)
    assert ((p + q) + r).equals(p + (q + r))
    assert ((p * q) * r).equals(p * (q * r))
    assert (p * (q + r)).equals(p * q + p * r)
    assert (p - p).equals(0)
    assert (p + 0).equals(p)
    assert (p * 1).equals(p)
    assert (p * 0).number_of_terms == 0
    assert (-p).equals(p * -1)


@FEW
@given(integer_polynomials(), POINTS)
def test_evaluation_agrees_with_sympy(p: po.Polynomial, point: tuple[float, ...]) -> None:
    expected = float(as_sympy(p).eval(dict(zip(SYMBOLS, map(int, point), strict=True))))
    assert p(point) == expected
    batch = np.array([point, np.zeros(NUMBER)])
    np.testing.assert_array_equal(p(batch), [expected, p.constant_term])


@FEW
@given(integer_polynomials(), integer_polynomials(), POINTS)
def test_evaluation_is_a_homomorphism(
    p: po.Polynomial, q: po.Polynomial, point: tuple[float, ...]
) -> None:
    assert (p * q)(point) == p(point) * q(point)
    assert (p + q)(point) == p(point) + q(point)


@FEW
@given(integer_polynomials())
def test_gradient_agrees_with_sympy(p: po.Polynomial) -> None:
    for symbol, derivative in zip(SYMBOLS, p.gradient(), strict=True):
        assert terms_of(derivative) == sympy_terms(as_sympy(p).diff(symbol))


@FEW
@given(integer_polynomials(), integer_polynomials())
def test_product_rule(p: po.Polynomial, q: po.Polynomial) -> None:
    for i in range(NUMBER):
        product = p.derivative(i) * q + p * q.derivative(i)
        assert (p * q).derivative(i).equals(product)


@FEW
@given(integer_polynomials())
def test_invariants(p: po.Polynomial) -> None:
    rows = p.rows
    assert (p.coefficients != 0).all()
    assert (np.diff(rows, axis=1) >= 0).all()
    keys = monomials.pack(rows, NUMBER)
    assert (np.diff(keys) > 0).all()
    expected = as_sympy(p)
    assert p.degree == max((sum(m) for m, c in expected.terms() if c != 0), default=0)
    used = {i for m, c in expected.terms() if c != 0 for i in range(NUMBER) if m[i]}
    assert set(p.support.tolist()) == used


@FEW
@given(integer_polynomials())
def test_round_trip_through_sympy(p: po.Polynomial) -> None:
    expression = p.to_sympy()
    assert po.Polynomial.from_sympy(expression, p.variables).equals(p)
    assert sympy_terms(sympy.Poly(expression, *SYMBOLS)) == terms_of(p)


@FEW
@given(integer_polynomials())
def test_round_trip_through_arrays(p: po.Polynomial) -> None:
    again = po.Polynomial.from_arrays(p.exponents, p.coefficients, variables=p.variables)
    assert again.equals(p)


@FEW
@given(st.lists(integer_polynomials(), max_size=8))
def test_sum_in_one_step_is_the_sum(parts: list[po.Polynomial]) -> None:
    total = po.Polynomial.constant(0.0, GENERATORS[0].variables)
    for part in parts:
        total = total + part
    assert po.sum_polynomials([*parts, 2.0]).equals(total + 2)


@FEW
@given(integer_polynomials(), st.permutations(range(NUMBER)))
def test_order_of_variables_does_not_matter(p: po.Polynomial, order: list[int]) -> None:
    names = p.variables.names
    permuted = p.over(po.Variables(names[i] for i in order))
    point = np.array([2.0, -1.0, 3.0])
    assert permuted(point[order]) == p(point)
    assert permuted.equals(p)


@pytest.mark.parametrize(("n", "degree"), [(5000, 4), (5000, 8), (70_000, 3), (100, 12)])
def test_wide_keys(n: int, degree: int, rng: np.random.Generator) -> None:
    """Monomials whose packed keys leave 64 bits behave as all others."""
    names = po.Variables(f"x{i}" for i in range(n))
    factors = []
    for _ in range(degree):
        index = np.concatenate([[0], rng.choice(n, 1) + 1]).astype(np.int32)
        factors.append(po.Polynomial(names, index[:, None], rng.integers(1, 5, 2).astype(float)))
    product = factors[0]
    for factor in factors[1:]:
        product = product * factor
    assert product.degree == degree
    assert monomials.fits_int64(n, degree) == ((n + 1) ** degree < 2**63)
    point = rng.integers(-1, 2, n).astype(float)
    assert product(point) == np.prod([factor(point) for factor in factors])
    swapped = factors[-1]
    for factor in factors[:-1]:
        swapped = swapped * factor
    assert product.equals(swapped)
    last = int(product.support[-1])
    assert product.derivative(last).degree == degree - 1


def test_monomials_are_in_graded_order_beyond_64_bits() -> None:
    n, width = 5000, 8
    rows = np.sort(np.random.default_rng(1).integers(0, n + 1, (200, width)), axis=1)
    wide = rows.astype(np.int32)
    order = np.argsort(monomials.pack(wide, n), kind="stable")
    assert order.tolist() == sorted(range(200), key=lambda i: tuple(rows[i]))
    np.testing.assert_array_equal(monomials.unpack(monomials.pack(wide, n), n, width), wide)


def test_polynomials_over_different_variables_meet_in_the_union() -> None:
    x, y = po.variables("x y")[0], po.variables("y z")[1]
    total = x + 2 * y
    assert list(total.variables) == ["x", "y", "z"]
    assert total([1.0, 5.0, 3.0]) == 7.0


def test_numpy_arrays_work_elementwise() -> None:
    x = np.array(GENERATORS, dtype=object)
    weights = np.array([1.0, 2.0, 3.0])
    assert po.sum_polynomials(weights * x)([1.0, 1.0, 1.0]) == 6.0
    assert (weights @ x).equals(GENERATORS[0] + 2 * GENERATORS[1] + 3 * GENERATORS[2])
    relations = x[0] ** 2 <= weights
    assert [r.kind for r in relations] == ["inequality"] * 3
    assert [r.polynomial([1.0, 1.0, 1.0]) for r in relations] == [0.0, 1.0, 2.0]


def test_cancellation_leaves_the_zero_polynomial() -> None:
    x = GENERATORS[0]
    zero = x * 0.1 + x * 0.2 - x * (0.1 + 0.2)
    assert zero.number_of_terms == 0
    assert zero.degree == 0
    assert str(zero) == "0"
    assert zero([1.0, 2.0, 3.0]) == 0.0
