"""Sparse moment/SOS relaxations of polynomial optimisation problems, with proven bounds."""

from __future__ import annotations

from polyopt.errors import PolyoptError
from polyopt.polynomial import (
    Polynomial,
    Relation,
    Variables,
    affine,
    quadratic,
    sum_polynomials,
    variables,
)
from polyopt.problem import PolynomialProblem, maximize, minimize

__all__ = [
    "Polynomial",
    "PolynomialProblem",
    "PolyoptError",
    "Relation",
    "Variables",
    "affine",
    "maximize",
    "minimize",
    "quadratic",
    "sum_polynomials",
    "variables",
]
