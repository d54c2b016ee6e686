"""Polynomials: monomials as packed integers, vectorised arithmetic, conversion."""

from polyopt.polynomial.arrays import affine, quadratic, sum_polynomials, variables
from polyopt.polynomial.basis import Basis
from polyopt.polynomial.matrix import PolynomialMatrix
from polyopt.polynomial.matrix_inequality import MatrixInequality, psd, soc
from polyopt.polynomial.polynomial import Polynomial
from polyopt.polynomial.relation import Relation
from polyopt.polynomial.variables import Variables

__all__ = [
    "Basis",
    "MatrixInequality",
    "Polynomial",
    "PolynomialMatrix",
    "Relation",
    "Variables",
    "affine",
    "psd",
    "quadratic",
    "soc",
    "sum_polynomials",
    "variables",
]
