r"""A-priori rounding terms of the spectral-norm proofs.

All proofs end in one fact: a Cholesky factorisation in doubles ran to completion on a computed
matrix :math:`\hat M \approx sT - B^T B`. Then (Demmel 1989; Rump 2006, theorem 2.3)

.. math:: \hat M + \Delta \succeq 0, \qquad
          |\Delta_{ij}| \le \frac{\gamma_{k}}{1 - \gamma_{k}} \sqrt{\hat m_{ii} \hat m_{jj}},

with k the number of operations that meet in one entry, in whatever order they are carried out
(blocked, threaded, with fused multiply-adds). Inside an envelope of half width w at most w
products meet in an entry and a row of :math:`\Delta` has at most 2w + 1 entries, so
:math:`\|\Delta\|_2 \le (2w + 1) \gamma_{w+2} (1 - \gamma_{w+2})^{-1} \max_i \hat m_{ii}`. The
generous constant of :func:`lipschitz_app.rounding.gamma` (twice the bound and eight operations
more) also covers triangular solves that multiply by a rounded reciprocal. Matrix products by fast
(Strassen) algorithms are not covered; BLAS libraries in use here have none.

Forming the Gram matrix of B from n products per entry changes it by at most
:math:`\gamma_n |B|^T |B|`, whose norm is at most :math:`\gamma_n \||B|\|_1 \||B|\|_\infty`.

References
----------
S. M. Rump, Verification of positive definiteness, BIT Numer. Math. 46 (2006) 433-452.

J. Demmel, On floating point errors in Cholesky, LAPACK Working Note 14 (1989).
"""

from __future__ import annotations

import math

from lipschitz_app.rounding import gamma, inflate

SMALLEST_SCALE = 1e-120
"""Norms outside this and its reciprocal are not proven: between, no underflow matters."""


def cholesky_error(half_width: int, largest_diagonal: float) -> float:
    """Bound ``||Delta||_2`` after a completed Cholesky factorisation inside an envelope.

    Parameters
    ----------
    half_width : int
        No row of the factor reaches further left of the diagonal than this.
    largest_diagonal : float
        Of the factored matrix.

    Examples
    --------
    >>> cholesky_error(100, 1.0) < 1e-11
    True
    """
    relative = gamma(half_width + 2)
    return float(inflate((2 * half_width + 1) * relative / (1 - relative) * largest_diagonal, 4))


def gram_error(terms: int, absolute_norm_squared: float, shift: float = 0.0) -> float:
    """Bound the spectral norm of the rounding errors of ``shift * I - B^T B``.

    Parameters
    ----------
    terms : int
        Most products that meet in one entry, with the roundings inside the entries of B.
    absolute_norm_squared : float
        Upper bound of ``|||B|||_2**2``, for instance ``||B||_1 * ||B||_inf``.
    shift : float
        Largest diagonal entry the Gram matrix is subtracted from.
    """
    return float(inflate(gamma(terms + 4) * (absolute_norm_squared + shift), 2))


def sqrt_up(value: float) -> float:
    """Return an upper bound of the square root.

    Examples
    --------
    >>> sqrt_up(2.0) ** 2 >= 2.0
    True
    """
    return math.nextafter(math.sqrt(max(value, 0.0)), math.inf)
