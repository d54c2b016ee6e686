"""Putinar's relaxation written down slowly: dictionaries of exponent tuples, loops, no sharing.

Nothing of the engine is used but the terms of the polynomials that were put in.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import ceil, sqrt

import polyopt as po

Exponents = tuple[int, ...]
Terms = dict[Exponents, float]


@dataclass
class Block:
    """Rows of one cone: each a linear function of moments."""

    cone: str
    side: int
    rows: list[Terms]


def terms(polynomial: po.Polynomial) -> Terms:
    """Exponents and coefficients of a polynomial."""
    return {
        tuple(int(k) for k in e): float(c)
        for e, c in zip(polynomial.exponents, polynomial.coefficients, strict=True)
    }


def degree(polynomial: Terms) -> int:
    """Total degree."""
    return max((sum(e) for e in polynomial), default=0)


def add(a: Exponents, b: Exponents) -> Exponents:
    """Exponents of a product."""
    return tuple(i + j for i, j in zip(a, b, strict=True))


def monomials(n: int, clique: list[int], largest: int) -> list[Exponents]:
    """All monomials up to a degree in some variables, by degree, the first variable first."""
    result = []
    for k in range(largest + 1):
        for chosen in combinations_with_replacement(sorted(clique), k):
            result.append(tuple(chosen.count(i) for i in range(n)))
    return result


def localize(polynomial: Terms, monomial: Exponents, factor: float = 1.0) -> Terms:
    """Moments of the polynomial times a monomial."""
    return {add(e, monomial): factor * c for e, c in polynomial.items()}


def matrix_block(polynomial: Terms, basis: list[Exponents]) -> Block:
    """Upper triangle of a localising matrix, column by column, off-diagonals times sqrt(2)."""
    rows = []
    for j in range(len(basis)):
        for i in range(j + 1):
            factor = 1.0 if i == j else sqrt(2.0)
            rows.append(localize(polynomial, add(basis[i], basis[j]), factor))
    cone = "nonnegative" if len(basis) == 1 else "psd"
    return Block(cone, len(basis), rows)


def putinar_blocks(
    problem: po.PolynomialProblem, order: int, cliques: list[list[int]]
) -> list[Block]:
    """Blocks in the order of rows: equalities, inequalities, PSD matrices."""
    n = problem.number_of_variables
    one: Terms = {(0,) * n: 1.0}
    blocks = [matrix_block(one, monomials(n, clique, order)) for clique in cliques]

    def first(polynomial: Terms) -> list[int]:
        used = {i for e in polynomial for i in range(n) if e[i]}
        return next(clique for clique in cliques if used <= set(clique))

    for g in map(terms, problem.inequalities):
        basis = monomials(n, first(g), order - ceil(degree(g) / 2))
        blocks.append(matrix_block(g, basis))
    for h in map(terms, problem.equalities):
        basis = monomials(n, first(h), 2 * order - degree(h))
        blocks.append(Block("zero", len(basis), [localize(h, b) for b in basis]))
    ranking = ("zero", "nonnegative", "psd")
    return sorted(blocks, key=lambda block: ranking.index(block.cone))
