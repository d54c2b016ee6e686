"""All products of a list of polynomials up to a number of factors, expanded level by level.

A level holds the terms of all its products in three flat arrays. The next level multiplies every
product with the factors from its last one on, so that each multiset occurs once; all terms are
merged, sorted and added up together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from polyopt.errors import MemoryEstimateError
from polyopt.polynomial import monomials
from polyopt.polynomial.monomials import Rows
from polyopt.polynomial.polynomial import Polynomial

Index = NDArray[np.intp]

# Terms expanded at once: bounds the memory beyond the result.
_CHUNK = 2_000_000
#: More products than this are refused.
MOST_PRODUCTS = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """Products of one number of factors: sorted terms, and the factors of each."""

    rows: Rows
    coefficients: NDArray[np.float64]
    pointers: Index
    factors: Index

    def polynomial(self, k: int, like: Polynomial) -> Polynomial:
        part = slice(self.pointers[k], self.pointers[k + 1])
        rows = self.rows[part]
        # Sorted rows: the last has the largest degree.
        degree = int(np.count_nonzero(rows[-1])) if len(rows) else 0
        return Polynomial._make(
            like.variables, rows[:, rows.shape[1] - degree :], self.coefficients[part]
        )


def all_products(
    polynomials: Sequence[Polynomial],
    most_factors: int,
    *,
    distinct: bool = False,
    most_degree: int | None = None,
) -> list[tuple[tuple[int, ...], Polynomial]]:
    """Products of one to ``most_factors`` of the polynomials.

    Parameters
    ----------
    polynomials : sequence of nonconstant Polynomial over the same variables
    most_factors : int
    distinct : bool
        Use each polynomial at most once in a product.
    most_degree : int, optional
        Leave out products of a larger degree.

    Returns
    -------
    list of (tuple of int, Polynomial)
        The nondecreasing positions of the factors, and the product.

    Raises
    ------
    MemoryEstimateError
        There would be more than ``MOST_PRODUCTS``.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 1)[0]
    >>> for factors, product in all_products([x, 1 - x], 2):
    ...     print(factors, product)
    (0,) x0
    (1,) 1 - x0
    (0, 0) x0^2
    (0, 1) x0 - x0^2
    (1, 1) 1 - 2*x0 + x0^2
    """
    number = len(polynomials)
    if not number or most_factors < 1:
        return []
    count = comb(number + most_factors, most_factors) - 1
    if most_degree is None and not distinct and count > MOST_PRODUCTS:
        raise MemoryEstimateError(
            f"{number} polynomials have {count} products of at most {most_factors} factors; the "
            f"most allowed is {MOST_PRODUCTS}; lower the degree or use sparsity"
        )
    degrees = np.array([p.degree for p in polynomials], dtype=np.intp)
    first = _first_level(polynomials)
    result: list[tuple[tuple[int, ...], Polynomial]] = []
    level = first
    if most_degree is not None:
        level = _select(level, np.flatnonzero(degrees <= most_degree))
    for size in range(1, most_factors + 1):
        names = level.factors.tolist()
        result += [
            (tuple(names[k]), level.polynomial(k, polynomials[0])) for k in range(len(names))
        ]
        if size == most_factors or not names:
            break
        start = level.factors[:, -1] + (1 if distinct else 0)
        repeat = number - start
        parent = np.repeat(np.arange(len(names)), repeat)
        ends = np.cumsum(repeat)
        factor = np.arange(len(parent)) - np.repeat(ends - repeat, repeat) + start[parent]
        if most_degree is not None:
            total = degrees[level.factors].sum(axis=1)
            fits = total[parent] + degrees[factor] <= most_degree
            parent, factor = parent[fits], factor[fits]
        if len(parent) + len(result) > MOST_PRODUCTS:
            raise MemoryEstimateError(
                f"there are more than {MOST_PRODUCTS} products of {number} polynomials; lower the "
                "order or the number of factors, or use sparsity"
            )
        level = _next_level(level, first, parent, factor, len(polynomials[0].variables))
    return result


def _first_level(polynomials: Sequence[Polynomial]) -> _Level:
    width = max(p.rows.shape[1] for p in polynomials)
    sizes = [p.number_of_terms for p in polynomials]
    return _Level(
        np.concatenate([monomials.widen(p.rows, width) for p in polynomials]),
        np.concatenate([p.coefficients for p in polynomials]),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp),
        np.arange(len(polynomials))[:, None],
    )


def _next_level(
    level: _Level, first: _Level, parent: Index, factor: Index, number_of_variables: int
) -> _Level:
    left = np.diff(level.pointers)[parent]
    right = np.diff(first.pointers)[factor]
    work = np.cumsum(left * right)
    cuts = np.searchsorted(work, np.arange(_CHUNK, int(work[-1]) if len(work) else 0, _CHUNK))
    rows, coefficients, sizes = [], [], []
    for chosen in np.split(np.arange(len(parent)), np.unique(cuts)):
        if not len(chosen):
            continue
        count = (left * right)[chosen]
        owner = np.repeat(np.arange(len(chosen)), count)
        place = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
        width = right[chosen][owner]
        a = level.pointers[parent[chosen]][owner] + place // width
        b = first.pointers[factor[chosen]][owner] + place % width
        merged = monomials.multiply(level.rows[a], first.rows[b])
        unique, number = monomials.unique_rows(merged, number_of_variables)
        terms, inverse = np.unique(owner * len(unique) + number, return_inverse=True)
        weights = level.coefficients[a] * first.coefficients[b]
        total = np.bincount(inverse.reshape(-1), weights=weights, minlength=len(terms))
        kept = total != 0
        rows.append(unique[terms[kept] % len(unique)])
        coefficients.append(total[kept])
        sizes.append(np.bincount(terms[kept] // len(unique), minlength=len(chosen)))
    width = level.rows.shape[1] + first.rows.shape[1]
    return _Level(
        np.concatenate([np.zeros((0, width), dtype=np.int32), *rows]),
        np.concatenate([np.zeros(0), *coefficients]),
        np.concatenate([[0], np.cumsum(np.concatenate([np.zeros(0, dtype=np.intp), *sizes]))]),
        np.column_stack([level.factors[parent], factor]),
    )


def _select(level: _Level, chosen: Index) -> _Level:
    parts = [np.arange(level.pointers[k], level.pointers[k + 1]) for k in chosen]
    terms = np.concatenate([np.zeros(0, dtype=np.intp), *parts])
    return _Level(
        level.rows[terms],
        level.coefficients[terms],
        np.concatenate([[0], np.cumsum([len(p) for p in parts])]).astype(np.intp),
        level.factors[chosen],
    )
