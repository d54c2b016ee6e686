"""A box that contains the feasible set, read off the constraints in rigorous arithmetic.

Recognised are concave separable quadratics ``c + Σ (b_i x_i - a_i x_i²) >= 0`` (balls, ellipsoids,
``x² <= c``, products of bounds ``(x - l)(u - x)``), pure even powers ``c - Σ a_i x_i^(2k) >= 0``,
equalities of these shapes (``x² = 1``, ``x² = x``, spheres), and affine constraints, which are
propagated until nothing changes much. A matrix inequality gives its diagonal, its 2×2 minors and,
for an arrow matrix, ``g_0² - |g|²``, where these have no rounding. Everything else is ignored,
which can only make the box larger.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyopt.errors import ProofError
from polyopt.polynomial.matrix import PolynomialMatrix
from polyopt.polynomial.polynomial import Polynomial
from polyopt.problem import PolynomialProblem
from polyopt.proof.rounding import LARGEST, SMALLEST, TINY, gamma

Array = NDArray[np.float64]

_ROUNDS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """``lower <= x <= upper``.

    Attributes
    ----------
    lower, upper : float arrays of shape (n,)
        Infinite where nothing is known.
    source : {"constraints", "user"}
        Whether every feasible point lies in it, or the user restricts the claim to it.
    """

    lower: Array
    upper: Array
    source: str

    @property
    def magnitude(self) -> Array:
        """Largest absolute value of each coordinate."""
        return np.maximum(np.abs(self.lower), np.abs(self.upper))


def find_box(problem: PolynomialProblem) -> Box:
    """Find ranges of the variables that hold on the whole feasible set.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 3)
    >>> problem = po.minimize(x[0], subject_to=[x[0] ** 2 + x[1] ** 2 <= 4, x[0] + x[2] == 1])
    >>> box = find_box(problem)
    >>> box.upper.round(9).tolist()
    [2.0, 2.0, 3.0]
    """
    n = problem.number_of_variables
    lower, upper = np.full(n, -np.inf), np.full(n, np.inf)
    affine = []
    sides = [(g, 1.0) for g in problem.inequalities]
    sides += [(h, sign) for h in problem.equalities for sign in (1.0, -1.0)]
    sides += [(g, 1.0) for m in problem.matrix_inequalities for g in _from_matrix(m)]
    for polynomial, sign in sides:
        if not _within_range(polynomial):
            continue
        if polynomial.degree == 1:
            affine.append((polynomial, sign))
        elif polynomial.degree >= 2:
            _from_separable(polynomial, sign, lower, upper)
    for _ in range(_ROUNDS):
        before = (lower.copy(), upper.copy())
        for polynomial, sign in affine:
            _from_affine(polynomial, sign, lower, upper)
        if np.array_equal(before[0], lower) and np.array_equal(before[1], upper):
            break
    return Box(lower, upper, "constraints")


def _within_range(polynomial: Polynomial) -> bool:
    """Tell whether squares of the coefficients do not overflow."""
    return bool(np.all(np.abs(polynomial.coefficients) <= LARGEST))


def _from_matrix(matrix: PolynomialMatrix) -> Iterator[Polynomial]:
    """Polynomials that are nonnegative where the matrix is PSD, without any rounding."""
    side = matrix.side
    yield from (matrix.entry(i, i) for i in range(1 if matrix.is_arrow else side))
    if matrix.is_arrow and side > 1:
        bound = matrix.entry(0, 0)
        squares = [(matrix.entry(0, i), matrix.entry(0, i), -1) for i in range(1, side)]
        yield from _exact_sum(matrix, [(bound, bound, 1), *squares])
        return
    for j in range(side):
        for i in range(j):
            off = matrix.entry(i, j)
            parts = [(matrix.entry(i, i), matrix.entry(j, j), 1), (off, off, -1)]
            yield from _exact_sum(matrix, parts)


def _exact_sum(
    matrix: PolynomialMatrix, parts: Sequence[tuple[Polynomial, Polynomial, int]]
) -> Iterator[Polynomial]:
    """``Σ sign p q``, nothing where a coefficient is no float."""
    total: dict[tuple[int, ...], Fraction] = {}
    for p, q, sign in parts:
        for (left, a), (right, b) in product(_terms(p), _terms(q)):
            key = tuple(sorted(left + right))
            total[key] = total.get(key, Fraction(0)) + sign * a * b
    total = {key: value for key, value in total.items() if value}
    width = max(map(len, total), default=0)
    try:
        values = [float(value) for value in total.values()]
    except OverflowError:
        return
    if all(Fraction(v) == value for v, value in zip(values, total.values(), strict=True)):
        rows = [(0,) * (width - len(key)) + key for key in total]
        table = np.array(rows, dtype=np.int32).reshape(len(rows), width)
        yield Polynomial(matrix.variables, table, values)


def _terms(polynomial: Polynomial) -> list[tuple[tuple[int, ...], Fraction]]:
    """Monomials and coefficients, as the rational numbers that they are."""
    rows, values = polynomial.rows.tolist(), polynomial.coefficients.tolist()
    return [(tuple(i for i in row if i), Fraction(c)) for row, c in zip(rows, values, strict=True)]


def user_box(problem: PolynomialProblem, box: tuple[ArrayLike, ArrayLike]) -> Box:
    """Validate a box given by the user: a pair of arrays of shape (n,) or of numbers.

    Raises
    ------
    ProofError
        Wrong shapes, NaN, or a lower end above the upper one.
    """
    n = problem.number_of_variables
    try:
        lower, upper = box
        ends = [
            np.broadcast_to(np.asarray(end, dtype=np.float64), (n,)).copy()
            for end in (lower, upper)
        ]
    except (TypeError, ValueError):
        raise ProofError(
            f"box must be a pair (lower, upper) of numbers or arrays of shape ({n},)"
        ) from None
    if np.isnan(ends[0]).any() or np.isnan(ends[1]).any():
        raise ProofError("box contains NaN; give numbers, or inf where nothing is known")
    if (ends[0] > ends[1]).any():
        i = int(np.flatnonzero(ends[0] > ends[1])[0])
        raise ProofError(
            f"box has lower end {ends[0][i]:g} above upper end {ends[1][i]:g} for "
            f"{problem.variables[i]}"
        )
    return Box(ends[0], ends[1], "user")


def _from_separable(polynomial: Polynomial, sign: float, lower: Array, upper: Array) -> None:
    """Use ``sign * polynomial >= 0`` where it is ``c + Σ (b_i x_i - a_i x_i^(2k_i))``."""
    rows, coefficients = polynomial.rows, sign * polynomial.coefficients
    degree = np.count_nonzero(rows, axis=1)
    variable = rows[:, -1]
    pure = ((rows == 0) | (rows == variable[:, None])).all(axis=1)
    if not pure.all():
        return
    constant = float(coefficients[degree == 0].sum())
    linear = dict(zip(variable[degree == 1].tolist(), coefficients[degree == 1], strict=True))
    high = degree >= 2
    if (coefficients[high] > -SMALLEST).any() or (degree[high] % 2).any():
        return
    powers = list(zip(variable[high].tolist(), degree[high], -coefficients[high], strict=True))
    owners = [owner for owner, _, _ in powers]
    if len(set(owners)) != len(owners) or not set(linear) <= set(owners):
        return
    if any(k != 2 and owner in linear for owner, k, _ in powers):
        return
    # b x - a x² <= b² / (4 a): what the other variables can contribute at most.
    # The smallest number stands in for a square that underflows.
    slack = {
        o: max(float(linear[o]) ** 2 / (4.0 * a), TINY) if o in linear else 0.0
        for o, _, a in powers
    }
    total = math.fsum([constant, *slack.values()])
    size = math.fsum([abs(constant), *slack.values()])
    room = total + float(gamma(len(powers) + 8)) * size
    for owner, k, a in powers:
        available = room - slack[owner] + float(gamma(4)) * (abs(room) + slack[owner])
        low, high_end = _roots(float(a), float(linear.get(owner, 0.0)), available, int(k))
        i = owner - 1
        lower[i], upper[i] = max(lower[i], low), min(upper[i], high_end)


def _roots(a: float, b: float, c: float, power: int) -> tuple[float, float]:
    """Outer bounds of ``{x : c + b x - a x^power >= 0}``; the whole line if that is empty."""
    if power != 2:
        if c < 0:
            return -math.inf, math.inf
        end = _verified_root(a, 0.0, c, power, (c / a) ** (1.0 / power))
        return -end, end
    discriminant = b * b + 4.0 * a * c
    if not 0 <= discriminant < math.inf:
        return -math.inf, math.inf
    root = math.sqrt(discriminant)
    high = _verified_root(a, b, c, 2, (b + root) / (2.0 * a))
    low = -_verified_root(a, -b, c, 2, (-b + root) / (2.0 * a))
    return low, high


def _verified_root(a: float, b: float, c: float, power: int, guess: float) -> float:
    """Smallest found x, at least the guess, with ``c + b x - a x^power <= 0`` beyond the vertex.

    Decided in exact rational arithmetic, so that the result is an upper bound of the larger root.
    """
    if not math.isfinite(guess):
        return math.inf
    step = max(abs(guess), 1e-300) * 2.0**-52
    for _ in range(80):
        x = Fraction(guess)
        value = Fraction(c) + Fraction(b) * x - Fraction(a) * x**power
        beyond = 2 * Fraction(a) * x >= Fraction(b) if power == 2 else x >= 0
        if value <= 0 and beyond:
            return guess
        guess += step
        step *= 2.0
    return math.inf


def _from_affine(polynomial: Polynomial, sign: float, lower: Array, upper: Array) -> None:
    """Use ``sign * (c + Σ a_i x_i) >= 0`` for each variable, the others at their best ends."""
    index = polynomial.rows[:, -1] - 1
    coefficients = sign * polynomial.coefficients
    constant = float(coefficients[index < 0].sum())
    index, a = index[index >= 0], coefficients[index >= 0]
    used = np.where(a > 0, upper[index], lower[index])
    used = np.where(np.abs(used) > LARGEST, np.copysign(np.inf, used), used)
    best = a * used
    unbounded = np.isinf(best)
    if unbounded.sum() > 1:
        return
    finite = best[~unbounded]
    total = math.fsum([constant, *finite.tolist()])
    margin = float(gamma(len(a) + 4)) * math.fsum([abs(constant), *np.abs(finite).tolist()])
    if (np.abs(finite[finite != 0]) < SMALLEST).any() or ((best == 0) & (used != 0)).any():
        margin += len(a) * TINY
    targets = np.flatnonzero(unbounded) if unbounded.any() else np.arange(len(a))
    for k in targets:
        others = total if unbounded[k] else total - float(best[k])
        # a_k x_k >= -others, with everything rounded so that the range grows.
        others += 2.0 * margin + 2.0**-50 * abs(others)
        end = -others / float(a[k])
        end_out = 2.0**-50 * abs(end) + (TINY if others != 0 else 0.0)
        i = index[k]
        if not math.isfinite(end):
            continue
        if a[k] > 0:
            lower[i] = max(lower[i], end - end_out)
        else:
            upper[i] = min(upper[i], end + end_out)
