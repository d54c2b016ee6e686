"""Cones inside the sums of squares: scaled diagonally dominant and diagonally dominant ones.

``σ = Bᵀ Q B`` with Q scaled diagonally dominant is a sum of ``(a β + b γ)²`` over pairs of basis
monomials: one 2×2 PSD block each, a second-order cone. With Q diagonally dominant only
``β²`` and ``(β ± γ)²`` with nonnegative coefficients are left, a linear program (Ahmadi and
Majumdar, DSOS and SDSOS optimization, SIAM J. Appl. Algebra Geom. 3, 2019). Bounds are valid and
get worse in this order; on the moment side fewer conditions are asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from polyopt.polynomial import monomials
from polyopt.polynomial.basis import Basis
from polyopt.polynomial.matrix import PolynomialMatrix
from polyopt.polynomial.polynomial import Polynomial
from polyopt.relaxation.multiplier import Cone, Multiplier
from polyopt.relaxation.relaxation import Relaxation


@dataclass(frozen=True, slots=True)
class ScaledDiagonallyDominant:
    """Refinement to scaled diagonally dominant Gram matrices (SDSOS): 2×2 blocks only.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 2)
    >>> problem = po.minimize(x[0] ** 4 + x[1] ** 4 - x[0] * x[1])
    >>> relaxation = po.putinar(problem, order=2).refine(po.ScaledDiagonallyDominant())
    >>> print(relaxation.plan.summary)
    15 PSD blocks, largest 2×2, at most 45 moments
    >>> round(relaxation.solve().bound, 4)
    -0.125
    """

    def __call__(self, relaxation: Relaxation) -> Relaxation:
        """Refine a relaxation."""
        return _refine(relaxation, _pairs, "SDSOS", "scaled diagonally dominant Gram matrices")


@dataclass(frozen=True, slots=True)
class DiagonallyDominant:
    """Refinement to diagonally dominant Gram matrices (DSOS): a linear program.

    Multipliers of matrix inequalities become scaled diagonally dominant ones, second-order cones.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 2)
    >>> problem = po.minimize(x[0] ** 4 + x[1] ** 4 - 2 * x[0] ** 2 * x[1] ** 2 + 1)
    >>> result = po.putinar(problem, order=2).refine(po.DiagonallyDominant()).solve()
    >>> result.solver, round(result.bound, 6)
    ('highs', 1.0)
    """

    def __call__(self, relaxation: Relaxation) -> Relaxation:
        """Refine a relaxation."""
        return _refine(relaxation, _squares, "DSOS", "diagonally dominant Gram matrices")


def _refine(
    relaxation: Relaxation,
    split: Callable[[Multiplier], Iterator[Multiplier]],
    short: str,
    long: str,
) -> Relaxation:
    start = time.perf_counter()
    multipliers = tuple(
        part
        for m in relaxation.multipliers
        for part in (split(m) if m.cone is Cone.PSD and m.basis.size > 1 else (m,))
    )
    refined = replace(
        relaxation,
        multipliers=multipliers,
        name=f"{relaxation.name}, {short}",
        notes=(*relaxation.notes, f"{long}: {len(multipliers)} multipliers"),
    )
    spent = relaxation.timings.get("refinement", 0.0) + time.perf_counter() - start
    return refined.with_timing("refinement", spent)


def _pairs(multiplier: Multiplier) -> Iterator[Multiplier]:
    for i, j in zip(*np.triu_indices(multiplier.basis.size, k=1), strict=True):
        yield multiplier.part([i, j])


def _squares(multiplier: Multiplier) -> Iterator[Multiplier]:
    rows, p = multiplier.basis.rows, multiplier.polynomial
    if isinstance(p, PolynomialMatrix):
        # Its entries are no multiples of one polynomial: pairs are kept as 2×2 blocks.
        yield from _pairs(multiplier)
        return
    squares = Basis.of_rows(monomials.multiply(rows, rows))
    yield replace(multiplier, basis=squares, cone=Cone.NONNEGATIVE)
    i, j = np.triu_indices(len(rows), k=1)
    pairs = np.stack([rows[i], rows[j]], axis=1)
    products = np.stack(
        [
            monomials.multiply(rows[i], rows[i]),
            monomials.multiply(rows[i], rows[j]),
            monomials.multiply(rows[j], rows[j]),
        ],
        axis=1,
    )
    expanded = monomials.multiply(products[:, :, None], p.rows).reshape(len(i), 3 * len(p.rows), -1)
    constant = Basis.constant()
    for sign in (1.0, -1.0):
        weights = np.outer([1.0, 2.0 * sign, 1.0], p.coefficients).ravel()
        for pair, terms in zip(pairs, expanded, strict=True):
            yield Multiplier(
                Polynomial(p.variables, terms, weights),
                constant,
                Cone.NONNEGATIVE,
                multiplier.factors,
                Polynomial(p.variables, pair, [1.0, sign]),
            )
