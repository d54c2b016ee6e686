r"""Krivine's linear programs for Lipschitz constants: LipOpt, at any depth, norm L-infinity.

The derivative in a direction is a multilinear polynomial in directions and slopes between 0 and 1
(:mod:`lipschitz_app.path_polynomial`). The certificate of degree k writes *bound minus polynomial*
as a nonnegative combination of products of at most k of the factors x and 1 - x, within cliques of
the network (Latorre, Rolland and Cevher 2020). Products that repeat a variable add nothing for
multilinear polynomials on the cube (put :math:`x^2 = x`), nor do those of fewer than k factors
(multiply by :math:`x + (1 - x) = 1`). What is left are the :math:`2^k` products of each k variables
of a clique: the conditions of Sherali and Adams (1990) that each k variables have a distribution.

Every monomial of the polynomial lies in a clique; with fewer factors than its degree it would be in
no product and the program unbounded, which is refused.

Proof. With any multipliers :math:`\lambda \ge 0` of the conditions :math:`G y + h \ge 0` on the
moments y between 0 and 1, the polynomial is at most
:math:`c_0 + h^T \lambda + \sum \max(0, c + G^T \lambda)`; G consists of 0 and 1 and -1.

References
----------
F. Latorre, P. Rolland, V. Cevher, Lipschitz constant estimation of neural networks via sparse
polynomial optimization, ICLR 2020, arXiv:2004.08688.

H. D. Sherali, W. P. Adams, A hierarchy of relaxations between the continuous and convex hull
representations for zero-one programming problems, SIAM J. Discrete Math. 3 (1990).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from scipy import sparse

from lipschitz_app.errors import NoBoundError, UnsupportedError
from lipschitz_app.path_polynomial import PathPolynomial
from lipschitz_app.rounding import FloatArray, gamma, inflate, up
from lipschitz_app.upper.base import UpperBound
from lipschitz_app.upper.certificate import Certificate

MOST_PRODUCTS = 600_000
"""Most products that a linear program is made of."""

_HIGHEST = 50
"""Highest degree of a program that a certificate can be about."""

_SIMPLEX = 3000
"""Products up to which the simplex method is used, beyond interior points."""


@dataclass(frozen=True, slots=True)
class KrivineProgram:
    """Maximise ``objective @ y + constant`` subject to ``matrix @ y + offset >= 0``.

    Attributes
    ----------
    objective : array, shape (v,)
    constant : float
    matrix : sparse array, shape (r, v)
        Of 0, 1 and -1.
    offset : array, shape (r,)
        Of 0 and 1.
    """

    objective: FloatArray
    constant: float
    matrix: sparse.csr_array
    offset: FloatArray


def krivine_program(polynomial: PathPolynomial, degree: int) -> KrivineProgram:
    """Return the linear program of some degree.

    Raises
    ------
    UnsupportedError
        The degree leaves monomials out, or there are too many products.

    Examples
    --------
    >>> paths = PathPolynomial(1, [(0, 1), (1,)], np.array([2.0, -1.0]), 0.0)
    >>> krivine_program(paths, 2).matrix.shape
    (4, 3)
    """
    if degree < polynomial.degree:
        first = next(m for m in polynomial.monomials if len(m) > degree)
        raise UnsupportedError(
            f"Krivine's program of degree {degree} has no product that contains the path "
            f"{first} of {len(first)} variables, so it gives no bound; the degree must be at "
            f"least {polynomial.degree}"
        )
    cliques = polynomial.cliques()
    count = sum(
        2 ** min(degree, len(clique)) * comb(len(clique), min(degree, len(clique)))
        for clique in cliques
    )
    if count > 4 * MOST_PRODUCTS:
        raise _too_many(count, degree)
    groups: dict[int, set[tuple[int, ...]]] = {}
    for clique in cliques:
        size = min(degree, len(clique))
        groups.setdefault(size, set()).update(combinations(clique, size))
    count = sum(2**size * len(sets) for size, sets in groups.items())
    if count > MOST_PRODUCTS:
        raise _too_many(count, degree)
    base = 2 + max((monomial[-1] for monomial in polynomial.monomials if monomial), default=0)
    keys, signs, offsets, total = [], [], [], 0
    for size, sets in sorted(groups.items()):
        members = np.array(sorted(sets), dtype=np.int64).reshape(-1, size)
        parts = _keys(members, base)
        rows = np.arange(len(members))
        for negative in range(2**size):
            positive = (2**size - 1) & ~negative
            inner = negative
            while True:
                mask = positive | inner
                if mask:
                    sign = -1.0 if inner.bit_count() % 2 else 1.0
                    signs.append(np.full(len(members), sign))
                    keys.append(np.stack([rows + total, parts[mask]]))
                if inner == 0:
                    break
                inner = (inner - 1) & negative
            offsets.append(np.full(len(members), float(positive == 0)))
            total += len(members)
    table = np.concatenate(keys, axis=1)
    known, column = np.unique(table[1], return_inverse=True)
    matrix = sparse.csr_array(
        (np.concatenate(signs), (table[0], column.reshape(-1))), shape=(total, known.size)
    )
    objective, constant = np.zeros(known.size), 0.0
    for monomial, value in zip(polynomial.monomials, polynomial.coefficients, strict=True):
        if monomial:
            objective[np.searchsorted(known, _key(monomial, base))] = value
        else:
            constant = float(value)
    return KrivineProgram(objective, constant, matrix, np.concatenate(offsets))


def krivine_bound(
    polynomial: PathPolynomial, degree: int, *, time_limit: float | None = None
) -> UpperBound:
    """Return the bound of Krivine's linear program, proven from its multipliers.

    Raises
    ------
    UnsupportedError
        See :func:`krivine_program`.
    NoBoundError
        The solver gave no multipliers in the time given.
    """
    # scipy.optimize takes a tenth of a second to import.
    from scipy.optimize import linprog

    begin = time.perf_counter()
    if polynomial.degree == 0:
        certificate = Certificate("krivine", {"degree": degree})
        value = _constant(polynomial)
        return UpperBound(value, "proven", notes=("constant",), certificate=certificate)
    program = krivine_program(polynomial, degree)
    rows, columns = program.matrix.shape
    built = time.perf_counter()
    scale = float(np.abs(program.objective).max()) or 1.0
    found = linprog(
        -program.objective / scale,
        A_ub=-program.matrix,
        b_ub=program.offset,
        bounds=(None, None),
        method="highs-ds" if rows <= _SIMPLEX else "highs-ipm",
        options={} if time_limit is None else {"time_limit": time_limit},
    )
    solved = time.perf_counter()
    if found.status != 0:
        raise NoBoundError(
            f"Krivine's program of degree {degree}, {rows} products of {columns} monomials: "
            f"{found.message} Give it more time, or a lower degree"
        )
    multipliers = np.maximum(np.nan_to_num(-scale * found.ineqlin.marginals), 0.0)
    value = prove(program, multipliers) + polynomial.error
    return UpperBound(
        float(up(value)),
        "proven",
        timings={"encoding": built - begin, "solver": solved - built},
        notes=(f"degree {degree}: {rows} products, {columns} monomials",),
        certificate=Certificate("krivine", {"degree": degree}, {"multipliers": multipliers}),
    )


def prove_krivine(polynomial: PathPolynomial, certificate: Certificate) -> float:
    """Return the bound that the multipliers of a certificate prove; no optimiser is run.

    Raises
    ------
    ProofRejectedError
        There are not as many as the program has products.
    UnsupportedError
        See :func:`krivine_program`.
    """
    if polynomial.degree == 0:
        return _constant(polynomial)
    program = krivine_program(polynomial, certificate.number("degree", 1, _HIGHEST))
    multipliers = certificate.floats("multipliers", (program.offset.size,))
    return float(up(prove(program, multipliers) + polynomial.error))


def _constant(polynomial: PathPolynomial) -> float:
    value = abs(float(polynomial.coefficients.sum()))
    return float(up(value + polynomial.error))


def prove(program: KrivineProgram, multipliers: FloatArray) -> float:
    """Return the bound that multipliers prove, whatever they are; negative ones count as 0.

    Examples
    --------
    >>> paths = PathPolynomial(1, [(0, 1), (1,)], np.array([2.0, -1.0]), 0.0)
    >>> round(prove(krivine_program(paths, 2), np.zeros(4)), 9)
    2.0
    """
    weights = np.maximum(np.nan_to_num(multipliers), 0.0)
    absolute = abs(program.matrix)
    terms = int(np.diff(program.matrix.tocsc().indptr).max(initial=0)) + 2
    rest = program.objective + program.matrix.T @ weights
    error = gamma(terms) * (np.abs(program.objective) + absolute.T @ weights)
    positive = np.maximum(rest + 2 * error, 0.0).sum()
    total = positive + program.offset @ weights
    exact = float(inflate(total, weights.size + rest.size))
    return float(up(exact + program.constant)) + 2 * gamma(2) * abs(program.constant)


def _keys(members: np.ndarray, base: int) -> list[np.ndarray]:
    """Return a number for the monomial of each subset (by its bits) of each row."""
    size = members.shape[1]
    if base**size > 2**62:
        raise UnsupportedError(
            f"{base} variables at degree {size} are too many for Krivine's program; lower the "
            "degree or use a smaller network"
        )
    found = [np.zeros(len(members), dtype=np.int64)]
    for mask in range(1, 2**size):
        total = np.zeros(len(members), dtype=np.int64)
        for bit in range(size):
            if mask >> bit & 1:
                total = total * base + members[:, bit] + 1
        found.append(total)
    return found


def _key(monomial: tuple[int, ...], base: int) -> int:
    total = 0
    for variable in monomial:
        total = total * base + variable + 1
    return total


def _too_many(count: int, degree: int) -> UnsupportedError:
    return UnsupportedError(
        f"Krivine's program of degree {degree} has {count} products, at most {MOST_PRODUCTS} are "
        "offered; lower the degree, or use a smaller network or region"
    )
