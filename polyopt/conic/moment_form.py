"""Moment form: the unknowns are the moments, the cones say what L_y must satisfy.

``min L_y(f)`` subject to ``L_y(1) = 1`` and ``L_y(p B Bᵀ) ∈ cone`` for every multiplier
(Lasserre, SIAM J. Optim. 11, 2001, eq. 4.1). With ``s = b - A y`` this is the standard form of
:mod:`polyopt.conic.program`; its dual variables z are the multipliers: Gram matrices for PSD
blocks (in svec order), coefficients for the others.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from polyopt.conic.assembly import Assembly
from polyopt.conic.program import ConicProgram
from polyopt.polynomial.polynomial import Polynomial


def moment_form(assembly: Assembly, minimized: Polynomial) -> ConicProgram:
    """Build the conic program whose variables are the moments other than ``L_y(1) = 1``.

    Parameters
    ----------
    assembly : Assembly
    minimized : Polynomial
        The polynomial to minimise.

    Returns
    -------
    ConicProgram
        Variable k is the moment of monomial k + 1 of the assembly.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 1)[0]
    >>> problem = po.minimize(x**4 - x)
    >>> from polyopt.conic.assembly import assemble
    >>> data = assemble(po.putinar(problem, order=2).multipliers, 1)
    >>> print(moment_form(data, problem.minimized))
    conic program: 4 variables, 6 rows, 5 nonzeros; PSD blocks 3×3
    """
    coefficients = assembly.vector(minimized, "the objective")
    constant = assembly.column == 0
    b = np.zeros(assembly.cones.rows)
    np.add.at(b, assembly.row[constant], assembly.value[constant])
    free = ~constant
    A = sparse.coo_array(
        (-assembly.value[free], (assembly.row[free], assembly.column[free] - 1)),
        shape=(assembly.cones.rows, len(assembly.moments) - 1),
    ).tocsc()
    A.sum_duplicates()
    A.eliminate_zeros()
    return ConicProgram(
        c=coefficients[1:], A=A, b=b, cones=assembly.cones, offset=float(coefficients[0])
    )
