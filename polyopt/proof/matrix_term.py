"""Terms ``⟨G, S⟩`` of a certificate for a matrix inequality ``G ⪰ 0``, multiplied out and checked.

With ``Q = F Fᵀ`` the term ``Σ_ij Q_ij G[a_i, a_j] B_i B_j`` is ``Σ_r v_rᵀ G v_r`` for the vectors
``v_r = Σ_i F_ir B_i e_{a_i}`` of polynomials, which is nonnegative wherever ``G ⪰ 0``, whatever the
numbers in F are (Hol and Scherer, 2004). For an arrow matrix ``[[g_0, gᵀ], [g, g_0 I]]`` the term
``s_0 g_0 + s·g`` is nonnegative where ``|g| <= g_0`` if ``|s| <= s_0``, which is decided in
rational arithmetic. The matrix is that of the problem; the certificate only says which one.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from polyopt.errors import ProofRejectedError
from polyopt.polynomial import monomials
from polyopt.polynomial.matrix import PolynomialMatrix
from polyopt.polynomial.monomials import Rows
from polyopt.problem import PolynomialProblem
from polyopt.proof.certificate import CertificateTerm
from polyopt.proof.rational import shown
from polyopt.proof.rounding import require_safe_range
from polyopt.proof.size import require_memory
from polyopt.relaxation.multiplier import Cone, Factor

Array = NDArray[np.float64]
#: Expanded entries: monomials, values, magnitudes and a number n of roundings, such that each exact
#: value differs from the computed one by at most ``γ_n`` times its magnitude.
Entries = tuple[Rows, Array, Array, int]


def matrix_term(problem: PolynomialProblem, term: CertificateTerm, number: int) -> Entries:
    """Multiply a term of a matrix inequality out, with error bounds.

    Parameters
    ----------
    problem : PolynomialProblem
    term : CertificateTerm
    number : int
        Number of the term, for messages.

    Raises
    ------
    ProofRejectedError
        The term is not nonnegative where the matrix inequality holds, or malformed.
    """
    matrix = matrix_of(problem, term.factors, number)
    rows, data, basis = term.components, term.data, term.basis
    if not np.isfinite(data).all() or len(basis) != len(data):
        raise ProofRejectedError(f"term {number} has data that are not finite or of a wrong shape")
    check_components(None if rows is None else rows.tolist(), len(basis), matrix, number)
    assert rows is not None
    require_safe_range(data, f"term {number}")
    require_safe_range(matrix.coefficients, f"the matrix inequality of term {number}")
    if term.cone is Cone.SECOND_ORDER:
        if data.ndim != 1:
            raise ProofRejectedError(f"term {number} needs a vector of coefficients")
        check_second_order(
            matrix, rows.tolist(), bool(basis.any()), [Fraction(s) for s in data.tolist()], number
        )
        weights = matrix.coefficients[:, 0, rows].T
        values = data[:, None] * weights
        products = np.broadcast_to(matrix.rows, (len(data), *matrix.rows.shape))
        return _used(products, values, np.abs(values), 1)
    if term.cone is not Cone.PSD:
        raise ProofRejectedError(
            f"term {number} has the cone {term.cone.value} for a matrix inequality"
        )
    if data.ndim != 2:
        raise ProofRejectedError(f"term {number} needs a factor of two dimensions")
    require_memory(
        len(basis) ** 2 * len(matrix.rows), basis.shape[1] + matrix.rows.shape[1], number
    )
    gram, size = data @ data.T, np.abs(data) @ np.abs(data).T
    j, i = np.tril_indices(len(basis))
    twice = np.where(i == j, 1.0, 2.0)
    weights = matrix.coefficients[:, rows[i], rows[j]].T
    products = monomials.multiply(monomials.multiply(basis[i], basis[j])[:, None], matrix.rows)
    values = (twice * gram[i, j])[:, None] * weights
    sizes = (twice * size[i, j])[:, None] * np.abs(weights)
    return _used(products, values, sizes, data.shape[1] + 3)


def matrix_of(
    problem: PolynomialProblem, factors: tuple[Factor, ...], number: int
) -> PolynomialMatrix:
    """Give the matrix inequality of the problem that a term refers to.

    Raises
    ------
    ProofRejectedError
        Its factors are not one matrix inequality of the problem.
    """
    matrices = problem.matrix_inequalities
    if len(factors) != 1 or factors[0].kind != "matrix":
        raise ProofRejectedError(
            f"term {number} has rows of a matrix but its factors are not one matrix inequality"
        )
    if not 0 <= factors[0].number < len(matrices):
        raise ProofRejectedError(
            f"term {number} uses {factors[0]}, which this problem does not have "
            f"({len(matrices)} matrix inequalities)"
        )
    return matrices[factors[0].number]


def check_components(
    components: list[int] | None, size: int, matrix: PolynomialMatrix, number: int
) -> None:
    """Check that there is a row of the matrix for each element of the basis.

    Raises
    ------
    ProofRejectedError
    """
    if components is None or len(components) != size:
        raise ProofRejectedError(
            f"term {number} does not give a row of the matrix for each element of its basis"
        )
    if any(not 0 <= a < matrix.side for a in components):
        raise ProofRejectedError(
            f"term {number} refers to a row that its matrix of side {matrix.side} does not have"
        )


def check_second_order(
    matrix: PolynomialMatrix,
    components: list[int],
    has_monomials: bool,
    data: list[Fraction],
    number: int,
) -> None:
    """Check that ``s_0 g_0 + s·g`` is nonnegative where the matrix is positive semidefinite.

    Raises
    ------
    ProofRejectedError
        The matrix is no arrow, the basis is not {1}, or ``|s| <= s_0`` fails.
    """
    if not matrix.is_arrow:
        raise ProofRejectedError(
            f"term {number} has a second-order cone, but its matrix is no arrow "
            "[[g0, g'], [g, g0 I]]"
        )
    if has_monomials or not components or components[0] or len(set(components)) < len(components):
        raise ProofRejectedError(
            f"term {number} has a second-order cone, but its basis is not 1 for distinct rows of "
            "the matrix, the first one first"
        )
    if data[0] < 0 or data[0] ** 2 < sum((s * s for s in data[1:]), Fraction(0)):
        raise ProofRejectedError(
            f"term {number} lies outside its second-order cone: the first number "
            f"{shown(data[0])} is less than the norm of the others"
        )


def _used(products: Rows, values: Array, sizes: Array, steps: int) -> Entries:
    """Leave out the terms that an entry of the matrix does not have."""
    flat = np.ascontiguousarray(products).reshape(values.size, -1)
    kept = sizes.ravel() > 0
    return flat[kept], values.ravel()[kept], sizes.ravel()[kept], steps
