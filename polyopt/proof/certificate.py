"""Certificates: ``f - λ = Σ_k p_k σ_k + r`` written down in floating-point numbers.

For a matrix inequality ``p σ`` is ``Σ_ij Q_ij G[a_i, a_j] B_i B_j`` with ``Q = F Fᵀ``, or
``s_0 g_0 + s·g`` with ``|s| <= s_0`` for an arrow matrix. A sum of squares is stored by a factor F
of its Gram matrix, ``σ = |Fᵀ B|²``, so that it is one by construction whatever the numbers are;
there is no eigenvalue left to check. The remainder r is not stored: whoever checks the certificate
recomputes and bounds it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polyopt.polynomial.monomials import Rows
from polyopt.relaxation.multiplier import Cone, Factor


@dataclass(frozen=True, slots=True, eq=False)
class CertificateTerm:
    """One term ``p σ``.

    Attributes
    ----------
    factors : tuple of Factor
        Constraints of the problem whose product is p; none for p = 1.
    cone : Cone
    basis : int array of shape (b, width)
        Monomials B.
    data : float array
        PSD: the factor F, shape (b, r). NONNEGATIVE, FREE and SECOND_ORDER: coefficients, shape
        (b,).
    components : int array of shape (b,), optional
        For a matrix inequality the row ``a_i`` of the matrix for each monomial of the basis.
    """

    factors: tuple[Factor, ...]
    cone: Cone
    basis: Rows
    data: NDArray[np.float64]
    components: NDArray[np.intp] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SosCertificate:
    """A certificate for a bound.

    Attributes
    ----------
    variables : tuple of str
        Names of the variables of the problem.
    sense : str
        "min" or "max"; for "max" it certifies a lower bound of -f.
    value : float
        λ, before the remainder is accounted for.
    terms : tuple of CertificateTerm
    """

    variables: tuple[str, ...]
    sense: str
    value: float
    terms: tuple[CertificateTerm, ...]
