"""Bad expressions, relations and arrays, each with the message it must give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
import sympy

import polyopt as po
from polyopt.errors import (
    InvalidProblemError,
    NotPolynomialError,
    PolyoptError,
    UnknownVariableError,
)

Case = tuple[str, Callable[[], Any], type[PolyoptError], str]

X = po.variables("x", 3)
S, T = sympy.symbols("s t")
DISC = po.minimize(
    X[0] ** 2 + X[1] ** 2, subject_to=[X[0] ** 2 + X[1] ** 2 <= 1], variables=["x0", "x1"]
)

EXPRESSIONS: list[Case] = [
    (
        "function in the objective",
        lambda: po.minimize(sympy.sin(S) + S**2),
        NotPolynomialError,
        '"sin(s)" in the objective is not polynomial in (s)',
    ),
    (
        "function in a constraint",
        lambda: po.PolynomialProblem(S, [S, T, sympy.exp(S) * T + 1]),
        NotPolynomialError,
        '"exp(s)" in inequality 2 is not polynomial in (s, t)',
    ),
    (
        "root",
        lambda: po.minimize(sympy.sqrt(S)),
        NotPolynomialError,
        '"sqrt(s)" in the objective is not polynomial in (s)',
    ),
    (
        "absolute value",
        lambda: po.minimize(T, [abs(S) <= 1]),
        NotPolynomialError,
        '"Abs(s)" in inequality 0 is not polynomial in (s, t)',
    ),
    (
        "denominator of an expression",
        lambda: po.minimize(S + 1 / T),
        NotPolynomialError,
        '"1/t" in the objective is not polynomial in (s, t)',
    ),
    (
        "unknown symbol in the objective",
        lambda: po.minimize(S + T, variables=[S]),
        UnknownVariableError,
        'the variable "t" in the objective is not one of Variables(s); add it to the variables '
        "or remove it from s + t",
    ),
    (
        "unknown symbol in a constraint",
        lambda: po.minimize(S, [S <= 1, T >= 0], variables=[S]),
        UnknownVariableError,
        'the variable "t" in inequality 1 is not one of Variables(s)',
    ),
    (
        "unknown variable of a polynomial",
        lambda: po.minimize(X[0] + X[2], variables=["x0", "x1"]),
        UnknownVariableError,
        'the variable "x2" in the objective is not one of Variables(x0, x1)',
    ),
    (
        "two symbols of one name",
        lambda: po.minimize(S + sympy.Symbol("s", positive=True)),
        InvalidProblemError,
        'two different symbols are both named "s"',
    ),
    (
        "complex coefficient",
        lambda: 2j * X[0],
        InvalidProblemError,
        "the coefficient 2j is complex; polyopt works with real polynomials",
    ),
    (
        "complex coefficient of an expression",
        lambda: po.minimize(sympy.I * S),
        InvalidProblemError,
        "the coefficient I in the objective is complex",
    ),
    (
        "NaN added",
        lambda: X[0] + float("nan"),
        InvalidProblemError,
        "coefficient 0 is nan; coefficients must be finite numbers",
    ),
    (
        "infinite factor",
        lambda: X[0] * np.inf,
        InvalidProblemError,
        "coefficient 0 is inf; coefficients must be finite numbers",
    ),
    (
        "infinite coefficient of an expression",
        lambda: po.minimize(sympy.oo * S),
        InvalidProblemError,
        "the coefficient oo in the objective is not finite",
    ),
    (
        "overflow of a product",
        lambda: (1e200 * X[0]) * (1e200 * X[1]),
        InvalidProblemError,
        "a coefficient overflows the range of floating-point numbers; scale the data",
    ),
    (
        "quotient of polynomials",
        lambda: X[0] / X[1],
        InvalidProblemError,
        "(x0) / (x1) is not a polynomial; multiply the constraint through by the denominator",
    ),
    (
        "reciprocal",
        lambda: 1 / X[0],
        InvalidProblemError,
        "1 / (x0) is not a polynomial",
    ),
    ("division by zero", lambda: X[0] / 0, InvalidProblemError, "divided by zero"),
    (
        "negative power",
        lambda: X[0] ** -1,
        InvalidProblemError,
        "to the power -1 is not a polynomial; the exponent must be a nonnegative integer",
    ),
    (
        "fractional power",
        lambda: X[0] ** 0.5,
        InvalidProblemError,
        "to the power 0.5 is not a polynomial",
    ),
    (
        "variable exponent",
        lambda: 2 ** X[0],
        InvalidProblemError,
        "2 to the power (x0) is not a polynomial; only constant exponents are",
    ),
    (
        "derivative in no variable",
        lambda: X[0].derivative(-1),
        UnknownVariableError,
        "there is no variable -1; the 3 variables are numbered from 0",
    ),
]

RELATIONS: list[Case] = [
    (
        "strict inequality",
        lambda: X[0] < 1,
        InvalidProblemError,
        "the strict inequality x0 < 1 is not closed; write <= instead",
    ),
    (
        "strict inequality of expressions",
        lambda: po.minimize(S, [S <= 2, S > 1]),
        InvalidProblemError,
        "the strict inequality s > 1 in constraint 1 is not closed; write <= or >=",
    ),
    (
        "chained comparison",
        lambda: 0 <= X[0] <= 1,
        InvalidProblemError,
        "write two relations instead of a chained comparison such as 0 <= p <= 1",
    ),
    (
        "comparison of arrays of polynomials",
        lambda: np.array(X, dtype=object) <= np.ones(3),
        InvalidProblemError,
        "a list [p <= b for p, b in zip(ps, bs)] instead of a comparison of arrays of polynomials",
    ),
    (
        "not equal",
        lambda: X[0] != 1,
        InvalidProblemError,
        '"!=" makes no constraint of polynomial optimisation; compare polynomials with p.equals(q)',
    ),
    (
        "not equal, expressions",
        lambda: po.minimize(S, [sympy.Ne(S, 1)]),
        InvalidProblemError,
        "constraint 0 is 'Ne(s, 1)', which is not a relation; write p >= q, p <= q or p == q",
    ),
    (
        "polynomial as a constraint",
        lambda: po.minimize(X[0], [X[1]]),
        InvalidProblemError,
        "constraint 0 is 'x1', which is not a relation",
    ),
    (
        "text as a constraint",
        lambda: po.minimize(X[0], ["x0 >= 0"]),
        InvalidProblemError,
        "constraint 0 is 'x0 >= 0', which is not a relation",
    ),
    (
        "violated constant inequality",
        lambda: po.minimize(X[0], [X[0] <= 1, X[0] - X[0] >= 1]),
        InvalidProblemError,
        "inequality 1 is the constant -1 >= 0, which no point satisfies; remove it or mend its",
    ),
    (
        "violated constant equality",
        lambda: po.PolynomialProblem(X[0], equalities=[2]),
        InvalidProblemError,
        "equality 0 is the constant 2 = 0, which no point satisfies",
    ),
    (
        "false comparison of numbers",
        lambda: po.minimize(X[0], [1 > 2]),
        InvalidProblemError,
        "constraint 0 compares constants and is false, so no point satisfies it",
    ),
    (
        "relation where a polynomial is meant",
        lambda: po.PolynomialProblem(X[0], [X[0] >= 0]),
        InvalidProblemError,
        "inequalities[0] is the relation x0 >= 0; give the polynomial that is compared with zero",
    ),
    (
        "one polynomial where a list is meant",
        lambda: po.PolynomialProblem(X[0], X[1]),
        InvalidProblemError,
        "inequalities is a single expression; give a list of them",
    ),
    (
        "number where a list is meant",
        lambda: po.PolynomialProblem(X[0], 5),
        InvalidProblemError,
        "inequalities is 5; give a list of polynomials",
    ),
    (
        "relation as objective",
        lambda: po.minimize(X[0] >= 0),
        InvalidProblemError,
        "the objective is the relation x0 >= 0 of type Relation; give a Polynomial",
    ),
    (
        "text as objective",
        lambda: po.minimize("x0**2"),
        InvalidProblemError,
        "the objective is 'x0**2' of type str; give a Polynomial, a number or a sympy expression",
    ),
    (
        "empty problem",
        lambda: po.minimize(3.0),
        InvalidProblemError,
        "the problem has no variable; give a polynomial objective or constraints, or the variables",
    ),
    (
        "wrong sense",
        lambda: po.PolynomialProblem(X[0], sense="maximum"),
        InvalidProblemError,
        'sense is \'maximum\'; it must be "min" or "max"',
    ),
    (
        "variables as one string",
        lambda: po.minimize(X[0], variables="x0"),
        InvalidProblemError,
        "the variables are the string 'x0'; give a list of names or symbols",
    ),
    (
        "polynomial as variable",
        lambda: po.minimize(X[0], variables=[X[0] + 1]),
        InvalidProblemError,
        "1 + x0 is not a variable; give a generator or a name",
    ),
    (
        "variable named twice",
        lambda: po.minimize(X[0], variables=["x0", "x0"]),
        InvalidProblemError,
        'the variable "x0" is named twice; give each variable a name of its own',
    ),
]

ARRAYS: list[Case] = [
    (
        "exponents without rows",
        lambda: po.Polynomial.from_arrays([1, 2], [1.0, 2.0]),
        InvalidProblemError,
        "exponents have shape (2,); give a row of n exponents for each term",
    ),
    (
        "more coefficients than rows",
        lambda: po.Polynomial.from_arrays([[1, 2]], [1.0, 2.0]),
        InvalidProblemError,
        "2 coefficients do not match monomials of shape (1, 3); give one row for each coefficient",
    ),
    (
        "negative exponent",
        lambda: po.Polynomial.from_arrays([[1, -1]], [1.0]),
        InvalidProblemError,
        "exponents must be nonnegative integers, got -1",
    ),
    (
        "fractional exponent",
        lambda: po.Polynomial.from_arrays([[0.5]], [1.0]),
        InvalidProblemError,
        "exponents must be nonnegative integers, got 0.5",
    ),
    (
        "exponents that overflow",
        lambda: po.Polynomial.from_arrays([[2**62, 2**62]], [1.0]),
        InvalidProblemError,
        "the largest supported is 10000",
    ),
    (
        "infinite exponent",
        lambda: po.Polynomial.from_arrays([[np.inf]], [1.0]),
        InvalidProblemError,
        "a term has degree inf; the largest supported is 10000",
    ),
    (
        "text as exponent",
        lambda: po.Polynomial.from_arrays([["a"]], [1.0]),
        InvalidProblemError,
        "exponents are not numbers; give nonnegative integers",
    ),
    (
        "text as coefficient",
        lambda: po.Polynomial.from_arrays([[1]], ["a"]),
        InvalidProblemError,
        "coefficients are not numbers",
    ),
    (
        "names that do not fit the columns",
        lambda: po.Polynomial.from_arrays([[1, 2]], [1.0], variables=["a"]),
        InvalidProblemError,
        "1 variable names were given for 2 columns; give one for each",
    ),
    (
        "right-hand side of affine forms",
        lambda: po.affine(np.ones((2, 2)), [1.0]),
        InvalidProblemError,
        "b has 1 entries for 2 rows of A",
    ),
    (
        "affine forms from a tensor",
        lambda: po.affine(np.ones((2, 2, 2))),
        InvalidProblemError,
        "A has shape (2, 2, 2); a matrix is needed",
    ),
    (
        "NaN in a matrix",
        lambda: po.affine([[1.0, np.nan]]),
        InvalidProblemError,
        "A has an entry nan; all entries must be finite",
    ),
    (
        "complex matrix",
        lambda: po.affine(np.array([[1j]])),
        InvalidProblemError,
        "A has entries of type complex128; real numbers are needed",
    ),
    (
        "quadratic form that is not square",
        lambda: po.quadratic(np.ones((2, 3))),
        InvalidProblemError,
        "Q has shape (2, 3); a square matrix is needed",
    ),
    (
        "linear part of a quadratic form",
        lambda: po.quadratic(np.eye(2), [1.0]),
        InvalidProblemError,
        "q has 1 entries for 2 variables",
    ),
    (
        "infinity in a sparse matrix",
        lambda: po.quadratic(sp.csr_array(np.array([[np.inf]]))),
        InvalidProblemError,
        "Q has an entry inf; all entries must be finite",
    ),
    (
        "point of a wrong length",
        lambda: X[0]([1.0, 2.0]),
        InvalidProblemError,
        "a point of shape (2,) does not fit 3 variables; give shape (3,) or (k, 3)",
    ),
    (
        "points of a wrong shape",
        lambda: DISC.violation(np.ones((2, 2, 2))),
        InvalidProblemError,
        "a point of shape (2, 2, 2) does not fit 2 variables",
    ),
    (
        "no variables",
        lambda: po.variables("x", 0),
        InvalidProblemError,
        "the number of variables is 0; give a positive integer",
    ),
    ("no name", lambda: po.variables(" , "), InvalidProblemError, "names no variable"),
]
