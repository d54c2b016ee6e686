"""Exact proofs by rounding and projection.

Peyrl and Parrilo (Theor. Comput. Sci. 409, 2008): where Gram matrices have room inside the cone,
round them to rationals and correct them so that the identity holds exactly; a correction smaller
than the room keeps them positive semidefinite. Room is made by solving the relaxation for
``f - ε Σ w_β β²`` instead of f, the sum over the bases of the plain sums of squares: their Gram
matrices get the room ``ε Diag(w)``, and with ``w_β = 1 / max(1, L(β²))`` the bound loses at
most about ε for each element of the bases. Every other multiplier is rounded inside its cone, and
the plain sums of squares take up what that leaves over; with one monomial for each of their entries
this correction of least norm is a diagonal system.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from polyopt.errors import ProofError, RelaxationError
from polyopt.polynomial.matrix import PolynomialMatrix
from polyopt.polynomial.normal_form import Rules
from polyopt.polynomial.polynomial import Polynomial
from polyopt.problem import PolynomialProblem
from polyopt.proof.box import Box
from polyopt.proof.constraints import Constraints
from polyopt.proof.equations import exact_equations
from polyopt.proof.exact_certificate import ExactCertificate, ExactTerm, check_certificate
from polyopt.proof.proven_bound import ProvenBound
from polyopt.proof.rational import (
    Monomial,
    Rational,
    first_bad_pivot,
    monomials_of,
    multiply,
    normal_form,
    round_down,
    solve_exactly,
    to_rational,
)
from polyopt.relaxation.multiplier import Cone, Multiplier
from polyopt.relaxation.quotient import binary_rules
from polyopt.relaxation.relaxation import Relaxation

if TYPE_CHECKING:
    from polyopt.result import RelaxationResult

Array = NDArray[np.float64]

#: Rooms ε that are tried, relative to the size of the objective's terms at the solution.
_ROOMS = (1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4)
#: Products of coefficients that rational arithmetic is given at most.
_LARGEST = 600_000
#: Numbers are rounded to multiples of this power of two.
_BITS = 60


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """A multiplier with its exact polynomial and the monomials of its entries.

    ``pairs`` are the positions ``i <= j`` of a Gram matrix column by column, ``(i, i)`` for the
    coefficients of the other cones. ``polynomials`` are those of the entries: one for all, except
    for a matrix inequality.
    """

    multiplier: Multiplier
    polynomials: tuple[Rational, ...]
    basis: tuple[Monomial, ...]
    pairs: tuple[tuple[int, int], ...]
    keys: tuple[Monomial, ...]

    @property
    def entries(self) -> Iterator[tuple[Monomial, tuple[int, int], Rational]]:
        """Monomial, place and polynomial of each entry."""
        single = len(self.polynomials) == 1
        polynomials = self.polynomials * (len(self.keys) if single else 1)
        return zip(self.keys, self.pairs, polynomials, strict=True)

    @property
    def is_plain(self) -> bool:
        """Whether it may take up corrections: a sum of squares without constraint."""
        m = self.multiplier
        return not m.factors and m.square is None and m.cone is not Cone.FREE


def prove_exact(result: RelaxationResult) -> ProvenBound:
    """Prove a bound by a rational identity; see :meth:`polyopt.RelaxationResult.prove`.

    Raises
    ------
    ProofError
        Not possible, and why: the Gram matrices have no room inside the cone, or the relaxation
        is too large for rational arithmetic.
    """
    start = time.perf_counter()
    problem = result.relaxation.problem
    if not math.isfinite(result.bound):
        raise ProofError(
            f"an exact proof is not possible because the relaxation has no finite bound (status "
            f"{result.status.value}); raise the order or add constraints such as a ball"
        )
    relaxation = result.relaxation
    if relaxation.normal_forms is None:
        relaxation = drop_vanishing(relaxation)
    blocks = _expand(relaxation)
    weights = [_weights(result, block) for block in blocks]
    scale = max(1e-6, _size(result))
    reason = ""
    for room in _ROOMS:
        try:
            certificate = _attempt(relaxation, blocks, weights, room * scale, result.solver)
        except _NoRoomError as error:
            reason = str(error)
            continue
        value = check_certificate(problem, certificate)
        n = problem.number_of_variables
        return ProvenBound(
            bound=problem.sign * round_down(value),
            kind="exact",
            certificate=certificate,
            box=Box(np.full(n, -np.inf), np.full(n, np.inf), "constraints"),
            timings={"proof": time.perf_counter() - start},
        )
    raise ProofError(
        f"an exact proof is not possible because {reason}. Use method='interval' with a box, add "
        "a ball constraint that holds for the points of interest, or raise the order"
    )


class _NoRoomError(Exception):
    """The Gram matrices are not strictly feasible for this ε."""


def _size(result: RelaxationResult) -> float:
    """``Σ |f_α y_α|``."""
    f = result.relaxation.problem.minimized
    moments = result.relaxation.assembly.values(f.rows, result.moments.values)
    return float(np.abs(f.coefficients * moments).sum())


def _weights(result: RelaxationResult, block: _Block) -> Array:
    """``1 / max(1, L(β²))`` for the monomials of a plain sum of squares, little for the others."""
    if not block.is_plain:
        # Multipliers of matrices get a little room for corrections as well.
        little = 1e-2 if block.multiplier.components is not None else 0.0
        return np.full(len(block.basis), little)
    own = [block.keys[e] for e, (i, j) in enumerate(block.pairs) if i == j]
    place = result.relaxation.assembly.positions(_rows(own))
    values = np.append(result.moments.values, 1.0)[place]
    weights: Array = 1.0 / np.clip(values, 1.0, 1e8)
    return weights


def _attempt(
    relaxation: Relaxation,
    blocks: Sequence[_Block],
    weights: Sequence[Array],
    room: float,
    solver: str,
) -> ExactCertificate:
    problem = relaxation.problem
    squares: Rational = {}
    for block, weight in zip(blocks, weights, strict=True):
        for key, (i, j) in zip(block.keys, block.pairs, strict=True):
            if i == j and block.is_plain:
                squares[key] = squares.get(key, Fraction(0)) + Fraction(float(weight[i]))
    tightened = problem.minimized - room * _polynomial(squares, problem)
    shifted = PolynomialProblem(
        tightened,
        problem.inequalities,
        problem.equalities,
        problem.variables,
        matrix_inequalities=problem.matrix_inequalities,
    )
    try:
        solved = replace(relaxation, problem=shifted).solve(solver=solver)
    except RelaxationError as error:
        raise ProofError(f"an exact proof is not possible because {error}") from None
    if not solved.status.has_iterate or not np.isfinite(solved.bound):
        raise _NoRoomError(
            f"{_worst(blocks, None)} has no strictly feasible Gram matrix: with eigenvalues of at "
            f"least {room:.1e} the relaxation has status {solved.status.value}"
        )
    value = _round(solved.bound - 1e-3 * room, 40)
    data = [
        _inside(block, gram, room * weight)
        for block, gram, weight in zip(blocks, solved.gram_matrices, weights, strict=True)
    ]
    _take_up(relaxation, blocks, data, value)
    terms: list[ExactTerm] = []
    for block, numbers in zip(blocks, data, strict=True):
        if block.multiplier.cone is not Cone.FREE and block.multiplier.square is None:
            _require_inside(block, numbers, blocks, room)
        terms += list(_terms(block, numbers))
    if relaxation.normal_forms is not None:
        rest = _rest(problem, blocks, data, value, np.zeros(problem.number_of_variables, np.int8))
        terms += list(exact_equations(relaxation.normal_forms, rest))
    return ExactCertificate(problem.variables.names, problem.sense, value, tuple(terms))


def _expand(relaxation: Relaxation) -> list[_Block]:
    problem, rules = relaxation.problem, binary_rules(relaxation.problem)
    if relaxation.rules is None:
        rules = np.zeros_like(rules)
    if relaxation.plan.coefficients > _LARGEST:
        raise ProofError(
            f"an exact proof is not possible because {relaxation.plan.coefficients} coefficients "
            f"are too many for rational arithmetic (at most {_LARGEST}); use sparsity, a lower "
            "order or method='interval'"
        )
    constraints = Constraints(problem)
    blocks = []
    for number_of_term, m in enumerate(relaxation.multipliers):
        polynomial: Rational = {(): Fraction(1)}
        for factor in () if m.components is not None else m.factors:
            polynomial = multiply(polynomial, to_rational(constraints.get(factor, number_of_term)))
        if m.square is not None:
            square = to_rational(m.square)
            polynomial = multiply(polynomial, multiply(square, square))
        basis = tuple(monomials_of(m.basis.rows))
        psd = m.cone is Cone.PSD
        number = len(basis)
        pairs = tuple((i, j) for j in range(number) for i in (range(j + 1) if psd else (j,)))
        raw = (basis[i] + basis[j] if psd else basis[i] for i, j in pairs)
        keys = tuple(normal_form(tuple(sorted(key)), rules) for key in raw)
        polynomials = (polynomial,) if m.components is None else _entries_of(m, pairs)
        blocks.append(_Block(m, polynomials, basis, pairs, keys))
    return blocks


def _entries_of(m: Multiplier, pairs: Sequence[tuple[int, int]]) -> tuple[Rational, ...]:
    """Entries of the matrix that belong to those of a block."""
    matrix, rows = m.polynomial, m.components
    assert isinstance(matrix, PolynomialMatrix)
    assert rows is not None
    entries = [[to_rational(p) for p in row] for row in matrix.entries()]
    if m.cone is Cone.SECOND_ORDER:
        return tuple(entries[0][rows[i]] for i, _ in pairs)
    return tuple(entries[rows[i]][rows[j]] for i, j in pairs)


def drop_vanishing(relaxation: Relaxation) -> Relaxation:
    """Drop monomials whose diagonal Gram entries must be zero.

    A monomial that is not in f and only arises from diagonal entries of plain sums of squares has
    the coefficient ``Σ Q_ββ = 0``, so that these rows vanish: a step of facial reduction that
    changes no bound.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 2)
    >>> relaxation = po.putinar(po.minimize(x[0] ** 4 + x[1] ** 2), order=2)
    >>> drop_vanishing(relaxation).plan.largest_block
    4
    """
    rules = relaxation.rules
    if rules is None:
        rules = np.zeros(relaxation.problem.number_of_variables, dtype=np.int8)
    support = {normal_form(m, rules) for m in monomials_of(relaxation.problem.minimized.rows)}
    support.add(())
    while True:
        blocks = _expand(relaxation)
        other: set[Monomial] = set(support)
        diagonal: dict[Monomial, list[tuple[int, int]]] = {}
        for k, block in enumerate(blocks):
            for key, (i, j), polynomial in block.entries:
                if block.is_plain and i == j:
                    diagonal.setdefault(key, []).append((k, i))
                elif block.is_plain:
                    other.add(key)
                else:
                    other |= {normal_form(tuple(sorted(key + m)), rules) for m in polynomial}
        gone = {place for key, places in diagonal.items() if key not in other for place in places}
        if not gone:
            return relaxation
        kept = []
        for k, block in enumerate(blocks):
            keep = [i for i in range(len(block.basis)) if (k, i) not in gone]
            if len(keep) == len(block.basis):
                kept.append(block.multiplier)
            elif keep:
                kept.append(block.multiplier.part(keep))
        relaxation = replace(relaxation, multipliers=tuple(kept))


def _inside(block: _Block, gram: Array, room: Array) -> list[Fraction]:
    """Round a multiplier so that it surely lies in its cone, with room where it is plain."""
    cone = block.multiplier.cone
    if cone is Cone.FREE:
        return [_round(v) for v in gram.tolist()]
    if cone is Cone.NONNEGATIVE:
        return [_round(v) for v in (np.maximum(gram, 0.0) + room).tolist()]
    if cone is Cone.SECOND_ORDER:
        numbers = [_round(v) for v in gram.tolist()]
        norm = float(np.linalg.norm(np.array(numbers[1:], dtype=np.float64)))
        numbers[0] = max(numbers[0], _round(norm * (1.0 + 1e-14) + 2.0 ** (2 - _BITS) + room[0]))
        return numbers
    size = len(block.basis)
    if not block.is_plain:
        lowest = float(np.linalg.eigvalsh(gram)[0])
        noise = 1e-15 * size * float(np.abs(gram).max(initial=0.0)) + size * 2.0 ** (1 - _BITS)
        room = room + max(0.0, -lowest) * (1.0 + 1e-9) + 4.0 * noise
    matrix = gram + np.diag(room)
    return [_round(float(matrix[i, j])) for i, j in block.pairs]


def _take_up(
    relaxation: Relaxation,
    blocks: Sequence[_Block],
    data: list[list[Fraction]],
    value: Fraction,
) -> None:
    """Make the identity exact by correcting the plain sums of squares, with least norm."""
    problem, rules, forms = relaxation.problem, relaxation.rules, relaxation.normal_forms
    if rules is None:
        rules = np.zeros(problem.number_of_variables, dtype=np.int8)
    rest = _rest(problem, blocks, data, value, rules)
    places: dict[Monomial, list[tuple[int, int, int]]] = {}
    for k, block in enumerate(blocks):
        if block.is_plain:
            for e, (key, (i, j)) in enumerate(zip(block.keys, block.pairs, strict=True)):
                # Divisors of standard monomials are standard, so that products suffice.
                if forms is None or forms.is_normal(key):
                    places.setdefault(key, []).append((k, e, 2 if i != j else 1))
    if forms is not None:
        rest = forms.reduce(rest)
    else:
        _correct_constraints(blocks, data, rest, places.keys(), rules)
    for key, amount in rest.items():
        if not amount:
            continue
        if key not in places:
            names = "*".join(problem.variables[i - 1] for i in key) or "1"
            raise ProofError(
                f"an exact proof is not possible because the monomial {names} lies in no plain "
                "sum of squares, which would have to take up its correction; use a relaxation "
                "with full moment matrices such as putinar"
            )
        share = amount / sum(times for _, _, times in places[key])
        for k, e, _ in places[key]:
            data[k][e] += share


def _rest(
    problem: PolynomialProblem,
    blocks: Sequence[_Block],
    data: list[list[Fraction]],
    value: Fraction,
    rules: Rules,
) -> Rational:
    """``f - λ - Σ p σ``."""
    rest: Rational = {(): -value}
    for monomial, coefficient in to_rational(problem.minimized).items():
        key = normal_form(monomial, rules)
        rest[key] = rest.get(key, Fraction(0)) + coefficient
    for block, numbers in zip(blocks, data, strict=True):
        for (key, (i, j), polynomial), number in zip(block.entries, numbers, strict=True):
            amount = number if i == j else 2 * number
            if not amount:
                continue
            for monomial, coefficient in polynomial.items():
                full = normal_form(tuple(sorted(key + monomial)), rules) if monomial else key
                rest[full] = rest.get(full, Fraction(0)) - amount * coefficient
    return rest


def _correct_constraints(
    blocks: Sequence[_Block],
    data: list[list[Fraction]],
    rest: Rational,
    covered: Collection[Monomial],
    rules: Rules,
) -> None:
    """Remove what no plain sum of squares can take up, by the multipliers of constraints.

    A small exact linear system, solved with least norm; a coefficient it cannot reach stays.
    """
    keys = [key for key, amount in rest.items() if amount and key not in covered]
    if not keys or len(keys) > 60:
        return
    columns: list[tuple[int, int, Rational]] = []
    for k, block in enumerate(blocks):
        if block.is_plain:
            continue
        second_order = block.multiplier.cone is Cone.SECOND_ORDER
        for e, (key, (i, j), polynomial) in enumerate(block.entries):
            if second_order and e == 0:
                continue
            # Zeros of a nonnegative multiplier are at the border of their cone.
            if block.multiplier.cone is Cone.NONNEGATIVE and data[k][e] < Fraction(1, 10**6):
                continue
            effect: Rational = {}
            for monomial, coefficient in polynomial.items():
                full = normal_form(tuple(sorted(key + monomial)), rules)
                amount = (2 if i != j else 1) * coefficient
                effect[full] = effect.get(full, Fraction(0)) + amount
            if any(key in effect for key in keys):
                columns.append((k, e, effect))
    zero = Fraction(0)
    system = [
        [sum((c.get(a, zero) * c.get(b, zero) for _, _, c in columns), zero) for b in keys]
        for a in keys
    ]
    solution = solve_exactly(system, [rest[key] for key in keys])
    for k, e, effect in columns:
        step = sum((effect.get(key, zero) * x for key, x in zip(keys, solution, strict=True)), zero)
        data[k][e] += step
        for key, coefficient in effect.items():
            rest[key] = rest.get(key, zero) - step * coefficient


def _require_inside(
    block: _Block, numbers: list[Fraction], blocks: Sequence[_Block], room: float
) -> None:
    if block.multiplier.cone is Cone.NONNEGATIVE:
        bad = min(numbers) < 0
        lowest = float(min(numbers))
    elif block.multiplier.cone is Cone.SECOND_ORDER:
        squares = sum((s * s for s in numbers[1:]), Fraction(0))
        bad = numbers[0] < 0 or numbers[0] ** 2 < squares
        lowest = float(numbers[0]) - math.sqrt(float(squares))
    else:
        size = len(block.basis)
        matrix = [[Fraction(0)] * size for _ in range(size)]
        for (i, j), number in zip(block.pairs, numbers, strict=True):
            matrix[i][j] = matrix[j][i] = number
        bad = first_bad_pivot(matrix) is not None
        if bad:
            lowest = float(np.linalg.eigvalsh(np.array(matrix, dtype=np.float64))[0])
    if bad:
        raise _NoRoomError(
            f"{_worst(blocks, block)} has no strictly feasible Gram matrix near the solver's: "
            f"after the correction its smallest eigenvalue is {lowest:.2e}, with room {room:.1e}"
        )


def _worst(blocks: Sequence[_Block], block: _Block | None) -> str:
    wanted = [k for k, b in enumerate(blocks) if b is block or (block is None and b.is_plain)]
    number = wanted[0] if wanted else 0
    return f"block {number} ({blocks[number].multiplier})"


def _terms(block: _Block, numbers: list[Fraction]) -> Iterator[ExactTerm]:
    m = block.multiplier
    if not any(numbers):
        return
    if m.square is None:
        rows = None if m.components is None else tuple(m.components.tolist())
        yield ExactTerm(m.factors, m.cone, block.basis, tuple(numbers), rows)
        return
    # c q² with c >= 0, written as the sum of squares it is.
    square = to_rational(m.square)
    keys, values = list(square), list(square.values())
    gram = [numbers[0] * values[i] * values[j] for j in range(len(keys)) for i in range(j + 1)]
    yield ExactTerm(m.factors, Cone.PSD, tuple(keys), tuple(gram))


def _polynomial(rational: Rational, problem: PolynomialProblem) -> Polynomial:
    return Polynomial(
        problem.variables, _rows(list(rational)), [float(v) for v in rational.values()]
    )


def _rows(keys: Sequence[Monomial]) -> NDArray[np.int32]:
    width = max(map(len, keys), default=0)
    rows = [(0,) * (width - len(m)) + m for m in keys]
    return np.array(rows, dtype=np.int32).reshape(len(rows), width)


def _round(value: float, bits: int = _BITS) -> Fraction:
    """Nearest multiple of ``2**-bits``."""
    return Fraction(round(Fraction(value) * 2**bits), 2**bits)
