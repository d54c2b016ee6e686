"""Random polynomials for hypothesis, and sympy as an independent arithmetic."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import sympy

import polyopt as po

NUMBER = 3
SYMBOLS = sympy.symbols(f"x0:{NUMBER}")
GENERATORS = po.variables("x", NUMBER)


@st.composite
def integer_polynomials(draw: st.DrawFn, degree: int = 4, terms: int = 6) -> po.Polynomial:
    """Polynomials with small integer coefficients, for which floats are exact."""
    monomials = draw(
        st.lists(st.lists(st.integers(0, NUMBER - 1), max_size=degree), max_size=terms)
    )
    size = len(monomials)
    coefficients = draw(st.lists(st.integers(-20, 20), min_size=size, max_size=size))
    table = np.zeros((size, NUMBER), dtype=np.int64)
    for row, monomial in zip(table, monomials, strict=True):
        for variable in monomial:
            row[variable] += 1
    names = GENERATORS[0].variables
    return po.Polynomial.from_arrays(table, np.array(coefficients, dtype=float), variables=names)


def as_sympy(polynomial: po.Polynomial) -> sympy.Poly:
    """Rebuild a polynomial in sympy from its terms, without the conversion under test."""
    terms = {
        tuple(int(k) for k in exponent): sympy.Integer(int(coefficient))
        for exponent, coefficient in zip(polynomial.exponents, polynomial.coefficients, strict=True)
    }
    return sympy.Poly(terms or {(0,) * NUMBER: 0}, *SYMBOLS)


def terms_of(polynomial: po.Polynomial) -> dict[tuple[int, ...], float]:
    """Exponents and coefficients."""
    return {
        tuple(int(k) for k in exponent): float(coefficient)
        for exponent, coefficient in zip(polynomial.exponents, polynomial.coefficients, strict=True)
    }


def sympy_terms(polynomial: sympy.Poly) -> dict[tuple[int, ...], float]:
    """Exponents and coefficients, zero left out."""
    return {monomial: float(c) for monomial, c in polynomial.terms() if c != 0}
