"""Exact certificates: ``f - λ = Σ p σ`` as an identity of rational polynomials, and its checker.

The checker multiplies out, compares coefficient by coefficient and decides positive
semidefiniteness by exact elimination. It needs no box and no error bound, and it knows nothing of
relaxations and solvers. Monomials are compared modulo the problem's own equations ``x² = x`` and
``x² = 1``.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from polyopt.errors import ProofRejectedError
from polyopt.problem import PolynomialProblem
from polyopt.proof.constraints import Constraints
from polyopt.proof.matrix_term import check_components, check_second_order, matrix_of
from polyopt.proof.rational import (
    Monomial,
    Rational,
    first_bad_pivot,
    multiply,
    normal_form,
    shown,
    to_rational,
)
from polyopt.proof.size import require_few_factors
from polyopt.relaxation.multiplier import Cone, Factor
from polyopt.relaxation.quotient import binary_rules


@dataclass(frozen=True, slots=True, eq=False)
class ExactTerm:
    """One term ``p σ``.

    Attributes
    ----------
    factors : tuple of Factor
        Constraints whose product is p; none for p = 1.
    cone : Cone
    basis : tuple of monomials
        Nondecreasing variable indices, counted from 1.
    data : tuple of Fraction
        PSD: the upper triangle of the Gram matrix column by column. NONNEGATIVE and FREE:
        coefficients on the basis. SECOND_ORDER: ``s_0, s_1, …``.
    components : tuple of int, optional
        For a matrix inequality the row of the matrix for each monomial of the basis; the term is
        ``Σ_ij Q_ij G[a_i, a_j] B_i B_j``, or ``s_0 g_0 + s·g`` for an arrow matrix.
    """

    factors: tuple[Factor, ...]
    cone: Cone
    basis: tuple[Monomial, ...]
    data: tuple[Fraction, ...]
    components: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ExactCertificate:
    """A rational identity that proves ``f >= value`` on the feasible set, or that it is empty.

    Attributes
    ----------
    variables : tuple of str
    sense : str
        "min" or "max"; for "max" it is about -f.
    value : Fraction
        λ.
    terms : tuple of ExactTerm
    is_infeasibility : bool
        The identity is ``0 - value = Σ p σ`` with a positive value: no point is feasible.
    """

    variables: tuple[str, ...]
    sense: str
    value: Fraction
    terms: tuple[ExactTerm, ...]
    is_infeasibility: bool = False


def gram_matrix(data: tuple[Fraction, ...], size: int) -> list[list[Fraction]]:
    """Symmetric matrix from its upper triangle, column by column."""
    matrix = [[Fraction(0)] * size for _ in range(size)]
    position = 0
    for j in range(size):
        for i in range(j + 1):
            matrix[i][j] = matrix[j][i] = data[position]
            position += 1
    return matrix


def check_certificate(problem: PolynomialProblem, certificate: ExactCertificate) -> Fraction:
    """Check an exact certificate against a problem.

    Returns
    -------
    Fraction
        The value λ it proves.

    Raises
    ------
    ProofRejectedError
        The identity fails, or a term is not nonnegative on the feasible set; with the place.
    """
    rules = binary_rules(problem)
    constraints = Constraints(problem)
    rest: Rational = {}

    def add(polynomial: Rational, sign: int) -> None:
        for monomial, value in polynomial.items():
            key = normal_form(monomial, rules)
            rest[key] = rest.get(key, Fraction(0)) + sign * value

    if not certificate.is_infeasibility:
        add(to_rational(problem.minimized), 1)
    elif certificate.value <= 0:
        raise ProofRejectedError(
            f"a proof of infeasibility needs a positive value, this one has {certificate.value}"
        )
    add({(): certificate.value}, -1)
    for number, term in enumerate(certificate.terms):
        if any(factor.kind == "matrix" for factor in term.factors) or term.components is not None:
            add(_matrix_term(problem, term, number), -1)
            continue
        product = _product(constraints, term, number)
        add(multiply(_multiplier(term, number), product), -1)
    wrong = [(monomial, value) for monomial, value in sorted(rest.items()) if value]
    if wrong:
        monomial, value = wrong[0]
        names = "*".join(problem.variables[i - 1] for i in monomial) or "1"
        raise ProofRejectedError(
            f"the identity fails: the two sides differ by {shown(value)} at the monomial "
            f"{names} (and at {len(wrong) - 1} more)"
        )
    return certificate.value


def _product(constraints: Constraints, term: ExactTerm, number: int) -> Rational:
    require_few_factors(len(term.factors), number)
    result: Rational = {(): Fraction(1)}
    for factor in term.factors:
        result = multiply(result, to_rational(constraints.get(factor, number)))
    if term.cone is Cone.FREE and not any(f.kind == "equality" for f in term.factors):
        raise ProofRejectedError(
            f"term {number} has a free multiplier but no equality constraint among its factors"
        )
    return result


def _matrix_term(problem: PolynomialProblem, term: ExactTerm, number: int) -> Rational:
    """Expand the term of a matrix inequality; check that it lies in its cone."""
    matrix = matrix_of(problem, term.factors, number)
    rows, size = term.components, len(term.basis)
    check_components(None if rows is None else list(rows), size, matrix, number)
    assert rows is not None
    _require_length(term, number)
    entries = [[to_rational(p) for p in row] for row in matrix.entries()]
    result: Rational = {}

    def add(entry: Rational, monomial: Monomial, weight: Fraction) -> None:
        for key, value in (multiply(entry, {monomial: weight}) if weight else {}).items():
            result[key] = result.get(key, Fraction(0)) + value

    if term.cone is Cone.SECOND_ORDER:
        check_second_order(matrix, list(rows), any(term.basis), list(term.data), number)
        for a, value in zip(rows, term.data, strict=True):
            add(entries[0][a], (), value)
        return result
    if term.cone is not Cone.PSD:
        raise ProofRejectedError(
            f"term {number} has the cone {term.cone.value} for a matrix inequality"
        )
    gram = _psd_matrix(term, number)
    for i, left in enumerate(term.basis):
        for j, right in enumerate(term.basis):
            add(entries[rows[i]][rows[j]], tuple(sorted(left + right)), gram[i][j])
    return result


def _require_length(term: ExactTerm, number: int) -> None:
    size = len(term.basis)
    expected = size * (size + 1) // 2 if term.cone is Cone.PSD else size
    if len(term.data) != expected:
        raise ProofRejectedError(
            f"term {number} has {len(term.data)} numbers where its basis needs {expected}"
        )


def _psd_matrix(term: ExactTerm, number: int) -> list[list[Fraction]]:
    size = len(term.basis)
    matrix = gram_matrix(term.data, size)
    bad = first_bad_pivot(matrix)
    if bad is not None:
        raise ProofRejectedError(
            f"the Gram matrix of term {number} ({size}×{size}) is not positive semidefinite: "
            f"pivot {bad} is negative"
        )
    return matrix


def _multiplier(term: ExactTerm, number: int) -> Rational:
    """Expand σ; check that it lies in its cone."""
    _require_length(term, number)
    if term.cone is Cone.SECOND_ORDER:
        raise ProofRejectedError(
            f"term {number} has a second-order cone but no matrix inequality among its factors"
        )
    result: Rational = {}
    if term.cone is not Cone.PSD:
        if term.cone is Cone.NONNEGATIVE:
            _require_squares(term, number)
        for monomial, value in zip(term.basis, term.data, strict=True):
            result[monomial] = result.get(monomial, Fraction(0)) + value
        return result
    matrix = _psd_matrix(term, number)
    for i, left in enumerate(term.basis):
        for j, right in enumerate(term.basis):
            key = tuple(sorted(left + right))
            result[key] = result.get(key, Fraction(0)) + matrix[i][j]
    return result


def _require_squares(term: ExactTerm, number: int) -> None:
    if any(value < 0 for value in term.data):
        raise ProofRejectedError(f"term {number} has a negative coefficient")
    if any(m[0::2] != m[1::2] for m in term.basis):
        raise ProofRejectedError(
            f"term {number} has a monomial that is not a square in a nonnegative combination"
        )
