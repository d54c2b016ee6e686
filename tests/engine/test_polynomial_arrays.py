"""Polynomials from arrays and expressions, relations and printing."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import polyopt as po


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(1, 5), st.integers(0, 2**32 - 1), st.booleans())
def test_quadratic_is_the_quadratic_form(n: int, seed: int, sparse: bool) -> None:
    rng = np.random.default_rng(seed)
    Q, q, c = rng.normal(size=(n, n)), rng.normal(size=n), float(rng.normal())
    p = po.quadratic(sp.csr_array(Q) if sparse else Q, q, c)
    x = rng.normal(size=(4, n))
    expected = np.einsum("ki,ij,kj->k", x, Q, x) + x @ q + c
    np.testing.assert_allclose(p(x), expected, rtol=1e-12, atol=1e-12)
    gradient = np.array([d(x[0]) for d in p.gradient()])
    np.testing.assert_allclose(gradient, (Q + Q.T) @ x[0] + q, rtol=1e-12, atol=1e-12)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 2**32 - 1), st.booleans())
def test_affine_is_the_affine_map(m: int, n: int, seed: int, sparse: bool) -> None:
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(m, n)) * (rng.uniform(size=(m, n)) < 0.6)
    b = rng.normal(size=m)
    forms = po.affine(sp.csc_array(A) if sparse else A, b)
    x = rng.normal(size=n)
    np.testing.assert_allclose([p(x) for p in forms], A @ x + b, rtol=1e-12, atol=1e-12)
    assert all(p.degree <= 1 for p in forms)


def test_affine_keeps_names_and_zero_rows() -> None:
    forms = po.affine([[0.0, 2.0], [0.0, 0.0]], variables=["a", "b"])
    assert [str(p) for p in forms] == ["2*b", "0"]


def test_sparse_duplicates_are_added_up() -> None:
    A = sp.coo_array(([1.0, 2.0], ([0, 0], [1, 1])), shape=(1, 2))
    assert str(po.affine(A)[0]) == "3*x1"
    assert str(po.quadratic(sp.coo_array(([1.0, 2.0], ([0, 1], [1, 0])), shape=(2, 2)))) == (
        "3*x0*x1"
    )


def test_equal_exponent_rows_are_added_up() -> None:
    p = po.Polynomial.from_arrays([[1, 0], [0, 1], [1, 0]], [1.0, 2.0, -1.0])
    assert str(p) == "2*x1"


@pytest.mark.parametrize(
    ("expression", "terms"),
    [
        ("(s + t)**3", {(3, 0): 1.0, (2, 1): 3.0, (1, 2): 3.0, (0, 3): 1.0}),
        ("s*(t - 1) - s*t", {(1, 0): -1.0}),
        ("Rational(1, 4)*s**2 + pi*t", {(2, 0): 0.25, (0, 1): float(np.pi)}),
        ("sqrt(2)*s*t/3", {(1, 1): float(np.sqrt(2) / 3)}),
        ("0*s + 2", {(0, 0): 2.0}),
    ],
)
def test_expressions_are_expanded(expression: str, terms: dict[tuple[int, int], float]) -> None:
    parsed = sympy.sympify(expression)
    p = po.Polynomial.from_sympy(parsed, sympy.symbols("s t"))
    assert p.exponents.shape == (len(terms), 2)
    for exponent, coefficient in zip(p.exponents, p.coefficients, strict=True):
        key = (int(exponent[0]), int(exponent[1]))
        assert coefficient == pytest.approx(terms[key], rel=1e-15)


def test_symbols_are_sorted_as_a_person_would() -> None:
    symbols = sympy.symbols("x10 x2 x1")
    p = po.Polynomial.from_sympy(sympy.Add(*symbols))
    assert list(p.variables) == ["x1", "x2", "x10"]


def test_polynomials_mix_with_expressions() -> None:
    x = po.variables("x", 1)[0]
    s = sympy.Symbol("s")
    total = x + s**2
    assert list(total.variables) == ["x0", "s"]
    assert total([1.0, 3.0]) == 10.0


def test_relations_have_the_right_side() -> None:
    x, y = po.variables("x y")
    for relation, text in (
        (x**2 <= y, "y - x^2 >= 0"),
        (x >= 1, "-1 + x >= 0"),
        (x <= 2, "2 - x >= 0"),
        (x >= 1, "-1 + x >= 0"),
        (x == y, "x - y == 0"),
    ):
        assert isinstance(relation, po.Relation)
        assert str(relation) == text


def test_polynomials_are_hashable_by_identity() -> None:
    x = po.variables("x", 2)
    assert len({x[0], x[1], x[0]}) == 2


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda x: x[0] * 0, "0"),
        (lambda x: -x[1], "-x1"),
        (lambda x: x[0] ** 2 * x[1] - 2.5, "-2.5 + x0^2*x1"),
        (lambda x: (x[0] + x[1] + 1) ** 6, "1 + 6*x0 + 6*x1 + 15*x0^2 + 30*x0*x1 + 15*x1^2 + "),
    ],
)
def test_printing(make: object, text: str) -> None:
    shown = str(make(po.variables("x", 2)))  # type: ignore[operator]
    assert shown.startswith(text)
    assert len(shown) < 250
