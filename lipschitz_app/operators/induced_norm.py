r"""Induced norms :math:`\|B\|_{p \to p'}` for p, p' in {1, 2, inf}, proven from above.

Exact up to rounding: the largest column norm for 1 → p', the largest row norm (dual to p) for
p → inf; 2 → 2 is the spectral norm. For inf → 1, inf → 2 and 2 → 1, whose exact values are hard,
the least of

- the p'-norm of the vector of dual row norms (:math:`|b_i^T v| \le \|b_i\|_{p^*} \|v\|_p`),
- the same for the transpose, as :math:`\|B\|_{p \to p'} = \|B^T\|_{p'^* \to p^*}`,
- :math:`\|B\|_2` times the equivalence constants of the norms.
"""

from __future__ import annotations

import math

import numpy as np

from lipschitz_app.operators.base import AffineOperator
from lipschitz_app.operators.spectral_norm import ProvenNorm, spectral_norm_upper_bound
from lipschitz_app.rounding import Norm, dual, inflate, norm_upper


def induced_norm_upper_bound(
    operator: AffineOperator,
    input_norm: Norm = "2",
    output_norm: Norm = "2",
    *,
    rtol: float = 1e-7,
    work: float = 4e11,
) -> ProvenNorm:
    """Return a proven upper bound of an induced norm of the linear part of an operator.

    Parameters
    ----------
    operator : AffineOperator
    input_norm, output_norm : "1", "2" or "inf"
    rtol, work : float
        For spectral norms; see :func:`spectral_norm_upper_bound`.

    Examples
    --------
    >>> import numpy as np
    >>> from lipschitz_app.operators import DenseOperator
    >>> A = DenseOperator(np.array([[1.0, -2.0], [3.0, 4.0]]))
    >>> round(induced_norm_upper_bound(A, "inf", "inf").value, 9)
    7.0
    >>> round(induced_norm_upper_bound(A, "1", "1").value, 9)
    6.0
    """
    if input_norm == output_norm == "2":
        return spectral_norm_upper_bound(operator, rtol=rtol, work=work)
    if input_norm == "1":
        value = float(operator.column_norms(None, output_norm).max())
        return ProvenNorm(value, "column norm", "largest column norm, exact up to rounding", value)
    if output_norm == "inf":
        value = float(operator.row_norms(None, dual(input_norm)).max())
        return ProvenNorm(value, "row norm", "largest row norm, exact up to rounding", value)
    spectral = spectral_norm_upper_bound(operator, rtol=rtol, work=work)
    # inf -> 2 loses sqrt(columns), 2 -> 1 loses sqrt(rows); zero ones do not count.
    rows = int((operator.row_norms() > 1e-290).sum())
    columns = int((operator.column_norms() > 1e-290).sum())
    factor = (columns if input_norm == "inf" else 1) * (rows if output_norm == "1" else 1)
    candidates = [
        (float(inflate(spectral.value * math.sqrt(factor), 4)), "spectral", spectral.how),
        (
            norm_upper(operator.row_norms(None, dual(input_norm)), output_norm),
            "row norms",
            "norm of the vector of row norms",
        ),
        (
            norm_upper(operator.column_norms(None, output_norm), dual(input_norm)),
            "column norms",
            "norm of the vector of column norms",
        ),
    ]
    value, method, how = min(candidates)
    if np.isclose(value, 0.0, atol=1e-250):
        value = spectral.value if spectral.value == 0 else value
    return ProvenNorm(value, method, how, 0.0)
