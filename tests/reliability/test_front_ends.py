"""Objectives, constraints and variables that make no problem: an error of ours, at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy

import polyopt as po
from polyopt.errors import InvalidProblemError, PolyoptError

X, Y, N = sympy.symbols("x y n")
x, y = po.variables("x y")

OBJECTIVES: dict[str, Callable[[], Any]] = {
    "true": lambda: sympy.true,
    "equation of constants": lambda: sympy.Eq(1, 1),
    "complex": lambda: X + sympy.I * Y,
    "nan": lambda: sympy.nan,
    "infinity": lambda: sympy.oo * X,
    "symbolic exponent": lambda: X**N,
    "root": lambda: sympy.sqrt(X),
    "negative exponent": lambda: 1 / X,
    "fractional exponent": lambda: X**2.5,
    "huge exponent": lambda: X ** (10**12),
    "larger exponent": lambda: X ** (10**30),
    "explosive power": lambda: (X + Y + N + 1) ** 2000,
    "explosive product": lambda: sympy.Mul(*((X + Y**k) ** 99 for k in range(1, 99))),
    "huge coefficient": lambda: sympy.Integer(10) ** 400 * X,
    "undefined function": lambda: sympy.Function("f"),
    "applied function": lambda: sympy.Function("f")(X),
    "noncommutative": lambda: sympy.Symbol("q", commutative=False) ** 2,
    "matrix symbol": lambda: sympy.MatrixSymbol("A", 2, 2),
    "two symbols of one name": lambda: sympy.Symbol("x", positive=True) + X,
    "polynomial over a finite field": lambda: sympy.Poly(X**2 + 1, modulus=3),
    "relation": lambda: x <= 1,
    "array": lambda: np.array([x, y], dtype=object),
    "text": lambda: "x^2",
    "power beyond memory": lambda: x ** (10**9),
    "product beyond memory": lambda: sum(po.variables("x", 40), start=x) ** 12,
    "overflow": lambda: (x * 1e200) * (x * 1e200),
    "overflow of a sum": lambda: x * 1e308 + x * 1e308,
    "polynomial exponent": lambda: x**x,
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_objectives_that_are_none(name: str) -> None:
    with pytest.raises(PolyoptError) as caught:
        po.minimize(OBJECTIVES[name]())
    assert len(str(caught.value)) > 10


CONSTRAINTS: dict[str, Callable[[], Any]] = {
    "false": lambda: False,
    "numpy's false": lambda: np.bool_(False),
    "sympy's false": lambda: sympy.Eq(1, 2),
    "equation with a truth value": lambda: sympy.Eq(X, True),
    "inequation": lambda: sympy.Ne(X, 1),
    "strict": lambda: X < 1,
    "conjunction": lambda: sympy.And(X <= 1, Y <= 1),
    "chain as text": lambda: "0 <= x <= 1",
    "polynomial": lambda: x,
    "none": lambda: None,
    "constant that fails": lambda: (x - x - 1) >= 0,
    "nan": lambda: x <= float("nan"),
    "infinity": lambda: sympy.oo >= X,
    "complex": lambda: x <= 1j,
    "empty matrix": lambda: po.psd([]),
    "matrix of two rows and one column": lambda: po.psd([[x], [y]]),
    "matrix that is not symmetric": lambda: po.psd([[x, y], [1, x]]),
    "matrix with nan": lambda: po.psd([[float("nan")]]),
    "hermitian matrix": lambda: po.psd([[1, 1j], [-1j, 1]]),
    "matrix of relations": lambda: po.psd([[x <= 1]]),
    "constant matrix that fails": lambda: po.psd([[-1.0]]),
    "cone without vector": lambda: po.soc(x, []),
    "cone with infinity": lambda: po.soc(float("inf"), [x]),
    "cone of text": lambda: po.soc("x", "y"),
}


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_constraints_that_are_none(name: str) -> None:
    with pytest.raises(PolyoptError) as caught:
        po.minimize(x + y, subject_to=[CONSTRAINTS[name]()])
    assert len(str(caught.value)) > 10


@pytest.mark.parametrize("given", [3, -1, ["x", "x"], [None], [1.5], b"x"])
def test_variables_that_are_none(given: Any) -> None:
    with pytest.raises(InvalidProblemError):
        po.minimize(X**2, variables=given)
    with pytest.raises(InvalidProblemError):
        po.variables(given)


def test_expressions_just_small_enough() -> None:
    """The bound on sympy expressions counts terms after expansion, not factors."""
    assert po.minimize((X + Y) ** 60).objective.number_of_terms == 61
    assert po.minimize((X + 1) ** 40 * (X - 1) ** 40).objective.degree == 80
    assert po.minimize(X**5000).objective.degree == 5000


def disk() -> list[Any]:
    return [x**2 + y**2 <= 1]


TRIVIAL: dict[str, tuple[Callable[[], po.PolynomialProblem], float]] = {
    "constant": (lambda: po.minimize(x - x + 2, subject_to=disk()), 2.0),
    "zero": (lambda: po.minimize(x - x, subject_to=disk()), 0.0),
    "zero as inequality": (lambda: po.minimize(x, subject_to=[*disk(), (x - x) >= 0]), -1.0),
    "zero as equation": (lambda: po.minimize(x, subject_to=[*disk(), (x - x) == 0]), -1.0),
    "truth": (lambda: po.minimize(x, subject_to=[*disk(), True]), -1.0),
    "same constraint twice": (lambda: po.minimize(x, subject_to=disk() * 2), -1.0),
    "variable that occurs nowhere": (
        lambda: po.minimize(X, subject_to=[X**2 <= 1], variables=["x", "y", "z"]),
        -1.0,
    ),
    "zero matrix": (
        lambda: po.minimize(x, subject_to=[*disk(), po.psd([[0 * x, 0], [0, 0]])]),
        -1.0,
    ),
    "constant matrix": (
        lambda: po.minimize(x, subject_to=[*disk(), po.psd([[1 + 0 * x, 0], [0, 1]])]),
        -1.0,
    ),
    "one point": (lambda: po.minimize(x, subject_to=[x == 1, y == 2]), 1.0),
}


@pytest.mark.parametrize("name", TRIVIAL)
def test_degenerate_problems_have_their_bound(name: str) -> None:
    make, optimum = TRIVIAL[name]
    problem = make()
    result = po.putinar(problem, order=2).solve()
    assert result.bound == pytest.approx(optimum, abs=1e-6)
    feasible_constant = problem.objective.degree <= 0
    proof = result.prove(box=(-3, 3)) if not feasible_constant else result.prove()
    assert optimum - 1e-5 <= proof.check(problem).bound <= optimum


@pytest.mark.parametrize("size", [3, 100, 2000])
def test_keys_beyond_int64(size: int) -> None:
    """Products of so many variables that their packed keys leave int64, against evaluation."""
    v = po.variables("v", size)
    rng = np.random.default_rng(0)
    picked = [v[int(i)] for i in rng.integers(size, size=12)]
    product = v[0] ** 3 + 1
    for factor in picked:
        product = product * (factor - 2)
    point = rng.standard_normal(size)
    expected = point[0] ** 3 + 1
    for factor in picked:
        expected *= point[factor.support[0]] - 2
    assert product(point) == pytest.approx(expected, rel=1e-9)
    assert product.degree == 15
