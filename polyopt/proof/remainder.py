"""The remainder of a certificate, with every rounding covered, and its minimum over a box.

This is the checker: it knows polynomials, certificates and error bounds, and no relaxation or
solver code. ``r = f - λ - Σ p σ`` is computed coefficient by coefficient with an error bound
(:mod:`polyopt.proof.rounding`); with ``|x^α| <= s_α`` on the box,
``min r >= Σ_α min(r_α x^α) >= - Σ |r_α| s_α``, where nonnegative monomials with a positive
coefficient cost nothing. Then ``λ + min r`` is a bound of f on the feasible part of the box.
Monomials are taken modulo the problem's own equations ``x² = x`` and ``x² = 1``.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from polyopt.errors import ProofError, ProofRejectedError
from polyopt.polynomial import monomials
from polyopt.polynomial.monomials import Rows
from polyopt.polynomial.normal_form import reduce_rows
from polyopt.problem import PolynomialProblem
from polyopt.proof.box import Box
from polyopt.proof.certificate import CertificateTerm, SosCertificate
from polyopt.proof.constraints import Constraints
from polyopt.proof.matrix_term import Entries, matrix_term
from polyopt.proof.rounding import TINY, UNIT, gamma, require_safe_range, sum_down, up
from polyopt.proof.size import require_few_factors, require_memory
from polyopt.relaxation.multiplier import Cone
from polyopt.relaxation.quotient import binary_rules

Array = NDArray[np.float64]


def certified_bound(problem: PolynomialProblem, certificate: SosCertificate, box: Box) -> float:
    """Lower bound of the minimised polynomial on the feasible points of the box.

    Parameters
    ----------
    problem : PolynomialProblem
    certificate : SosCertificate
    box : Box

    Returns
    -------
    float
        A number that is at most ``min sign * f`` whatever the certificate's origin.

    Raises
    ------
    ProofRejectedError
        A term that is not nonnegative on the feasible set, or that refers to no constraint.
    ProofError
        A variable in the remainder has no known range.
    """
    if np.isnan(box.lower).any() or np.isnan(box.upper).any():
        raise ProofRejectedError("the box of the proof has an end that is NaN")
    rows, values, errors = remainder(problem, certificate)
    low = _least_contributions(rows, values, errors, box, problem)
    return sum_down(np.append(low, certificate.value))


def remainder(problem: PolynomialProblem, certificate: SosCertificate) -> tuple[Rows, Array, Array]:
    """Coefficients of ``f - λ - Σ p σ`` and bounds of their errors.

    Returns
    -------
    rows : int array of shape (k, width)
    values, errors : float arrays of shape (k,)
        The exact coefficient lies in ``[value - error, value + error]``.
    """
    f = problem.minimized
    require_safe_range(f.coefficients, "the objective")
    value = np.array([certificate.value])
    require_safe_range(value, "the bound")
    nothing = np.zeros((1, 0), dtype=np.int32)
    parts: list[Entries] = [
        (f.rows, f.coefficients, np.abs(f.coefficients), 0),
        (nothing, -value, np.abs(value), 0),
    ]
    constraints = Constraints(problem)
    for number, term in enumerate(certificate.terms):
        if any(factor.kind == "matrix" for factor in term.factors) or term.components is not None:
            rows, values, sizes, steps = matrix_term(problem, term, number)
        else:
            rows, values, sizes, steps = _times(
                _multiplier(term, number), _product(constraints, term, number), number
            )
        parts.append((rows, -values, sizes, steps))
    rules = binary_rules(problem)
    parts = [(reduce_rows(part[0], rules), part[1], part[2], part[3]) for part in parts]
    unique, total, magnitude, roundings = _collect(parts, problem.number_of_variables)
    errors = np.where(roundings == 0, 0.0, gamma(roundings + 2) * magnitude)
    return unique, total, errors


def _product(constraints: Constraints, term: CertificateTerm, number: int) -> Entries | None:
    """Give the product of a term's constraints, None for 1; check that the cone allows it."""
    result: Entries | None = None
    require_few_factors(len(term.factors), number)
    for factor in term.factors:
        polynomial = constraints.get(factor, number)
        coefficients = polynomial.coefficients
        require_safe_range(coefficients, str(factor))
        entries = (polynomial.rows, coefficients, np.abs(coefficients), 0)
        if result is None:
            result = entries
        else:
            merged = _collect([_times(result, entries, number)], len(polynomial.variables))
            require_safe_range(merged[2], f"the product of constraints of term {number}")
            result = (*merged[:3], int(merged[3].max(initial=0)))
    has_equality = any(factor.kind == "equality" for factor in term.factors)
    if term.cone is Cone.FREE and not has_equality:
        raise ProofRejectedError(
            f"term {number} has a free multiplier but no equality constraint among its factors"
        )
    return result


def _multiplier(term: CertificateTerm, number: int) -> Entries:
    """Expand σ."""
    data, basis = term.data, term.basis
    if not np.isfinite(data).all() or len(basis) != len(data):
        raise ProofRejectedError(f"term {number} has data that are not finite or of a wrong shape")
    require_safe_range(data, f"term {number}")
    if term.cone is Cone.SECOND_ORDER:
        raise ProofRejectedError(
            f"term {number} has a second-order cone but no matrix inequality among its factors"
        )
    if term.cone is not Cone.PSD:
        if data.ndim != 1:
            raise ProofRejectedError(f"term {number} needs a vector of coefficients")
        if term.cone is Cone.NONNEGATIVE:
            _require_nonnegative(term, number)
        return basis, data, np.abs(data), 0
    if data.ndim != 2:
        raise ProofRejectedError(f"term {number} needs a factor of two dimensions")
    require_memory(len(basis) ** 2, basis.shape[1], number)
    gram, size = data @ data.T, np.abs(data) @ np.abs(data).T
    j, i = np.tril_indices(len(basis))
    twice = np.where(i == j, 1.0, 2.0)
    rows = monomials.multiply(basis[i], basis[j])
    return rows, twice * gram[i, j], twice * size[i, j], data.shape[1] + 1


def _times(left: Entries, right: Entries | None, number: int) -> Entries:
    """Expand a product without merging equal monomials."""
    if right is None:
        return left
    width = left[0].shape[1] + right[0].shape[1]
    require_memory(len(left[1]) * len(right[1]), width, number)
    rows = monomials.multiply(left[0][:, None], right[0][None])
    values = np.outer(left[1], right[1]).ravel()
    sizes = np.outer(left[2], right[2]).ravel()
    return rows.reshape(values.size, -1), values, sizes, left[3] + right[3] + 2


def _require_nonnegative(term: CertificateTerm, number: int) -> None:
    """Coefficients >= 0 on the monomial 1 or on squares, the only ones that are surely >= 0."""
    if (term.data < 0).any():
        raise ProofRejectedError(
            f"term {number} has the negative coefficient {term.data.min():g} where a nonnegative "
            "one is needed"
        )
    rows = monomials.widen(term.basis, term.basis.shape[1] + term.basis.shape[1] % 2)
    if not (rows[:, 0::2] == rows[:, 1::2]).all():
        raise ProofRejectedError(
            f"term {number} has a monomial that is not a square in a nonnegative combination"
        )


def _collect(
    parts: Iterable[Entries], number_of_variables: int
) -> tuple[Rows, Array, Array, NDArray[np.intp]]:
    """Add up equal monomials; the last array counts the roundings behind each sum."""
    parts = list(parts)
    width = max(rows.shape[1] for rows, _, _, _ in parts)
    rows = np.concatenate([monomials.widen(part[0], width) for part in parts])
    unique, inverse = monomials.unique_rows(rows, number_of_variables)
    shape = len(unique)
    values = np.concatenate([part[1] for part in parts])
    sizes = np.concatenate([part[2] for part in parts])
    steps = np.repeat([part[3] for part in parts], [len(part[1]) for part in parts])
    total = np.bincount(inverse, weights=values, minlength=shape).astype(np.float64)
    magnitude = np.bincount(inverse, weights=sizes, minlength=shape).astype(np.float64)
    longest = np.zeros(shape, dtype=np.intp)
    np.maximum.at(longest, inverse, steps)
    longest += np.bincount(inverse, minlength=shape) - 1
    return unique, total, magnitude, longest


def monomial_ranges(rows: Rows, box: Box) -> tuple[Array, NDArray[np.bool_]]:
    """``sup |x^α|`` over the box, rounded up, and whether ``x^α >= 0`` there."""
    magnitude = np.concatenate([[1.0], box.magnitude])
    nonnegative_variable = np.concatenate([[True], box.lower >= 0])
    size = np.ones(len(rows))
    with np.errstate(over="ignore", invalid="ignore"):
        for column in range(rows.shape[1]):
            # A product that underflows must not become zero: large factors may follow.
            size = np.maximum(size * magnitude[rows[:, column]], TINY)
        size = up(size, rows.shape[1])
    # A variable fixed at zero makes the monomial zero.
    zero = (magnitude[rows] == 0).any(axis=1)
    size = np.where(zero, 0.0, size)
    size[~rows.any(axis=1)] = 1.0
    odd = np.zeros(rows.shape, dtype=np.int8)
    for column in range(rows.shape[1]):
        # Parity of the number of equal entries, taken at the last of them.
        same = rows == rows[:, column : column + 1]
        odd[:, column] = same.sum(axis=1) % 2
    harmless = (odd == 0) | nonnegative_variable[rows]
    return size, harmless.all(axis=1)


def _least_contributions(
    rows: Rows, values: Array, errors: Array, box: Box, problem: PolynomialProblem
) -> Array:
    """Lower bounds of ``r_α x^α`` over the box."""
    size, nonnegative = monomial_ranges(rows, box)
    lowest = np.nextafter(values - errors, -np.inf)
    largest = np.nextafter(np.abs(values) + errors, np.inf)
    nothing = (values == 0) & (errors == 0)
    constant = ~rows.any(axis=1)
    need = np.where(constant, -lowest, np.where(nonnegative, np.maximum(0.0, -lowest), largest))
    need = np.where(nothing | ((size == 0) & ~constant), 0.0, need)
    unknown = np.isinf(size) & (need > 0)
    if unknown.any():
        index = np.unique(rows[unknown])
        free = [
            problem.variables[int(i) - 1] for i in index if i and np.isinf(box.magnitude[i - 1])
        ]
        shown = ", ".join(free[:6]) + (" …" if len(free) > 6 else "")
        raise ProofError(
            f"the constraints show no finite range for {shown}; give box=(lower, upper) to prove "
            "the bound on a box, or add a constraint such as a ball"
        )
    with np.errstate(over="ignore"):
        cost = np.maximum(need * np.where(np.isinf(size), 0.0, size), TINY) * (1.0 + 4.0 * UNIT)
    return -np.where(constant, need, np.where(need == 0, 0.0, cost))
