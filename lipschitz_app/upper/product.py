r"""The product bound: operator norms of the layers multiplied.

For 1-Lipschitz activations, :math:`\|c\|_* \prod_i \|A_i\|` bounds the constant everywhere; the
region plays no part. Row sums give the operator norm for the input norm L-infinity, column sums for
L1, and the proven spectral norm (:mod:`lipschitz_app.operators.spectral_norm`) for L2.

References
----------
C. Szegedy et al., Intriguing properties of neural networks, ICLR 2014, section 4.3.
"""

from __future__ import annotations

import numpy as np

from lipschitz_app.network import Network
from lipschitz_app.operators.dense import DenseOperator
from lipschitz_app.operators.spectral_norm import spectral_norm_upper_bound
from lipschitz_app.outputs import OutputVector
from lipschitz_app.rounding import FloatArray, Norm, dual, inflate, norm_upper
from lipschitz_app.upper.base import UpperBound


def product_bound(net: Network, output: OutputVector, norm: Norm) -> UpperBound:
    """Return the product of the layers' operator norms, proven.

    Examples
    --------
    >>> from lipschitz_app.outputs import as_output
    >>> net = Network.from_arrays([[[1.0, 2.0], [-1.0, 1.0]], [[1.0, 1.0]]])
    >>> round(product_bound(net, as_output(0, 1), "inf").value, 9)
    6.0
    """
    pairs = net.affine_pairs()
    low, high = output.row(pairs[-1][0])
    value = np.float64(norm_upper(np.maximum(np.abs(low), np.abs(high)), dual(norm)))
    for matrix, _ in pairs[:-1]:
        value = np.float64(inflate(value * operator_norm_upper(matrix, norm), 1))
    for step in net.activations:
        slopes = step.encoding.slope_range(np.array([-np.inf]), np.array([np.inf]))
        steepest = max(abs(float(side[0])) for side in slopes)
        if steepest != 1.0:
            value = np.float64(inflate(value * steepest, 1))
    return UpperBound(float(value), "proven")


def operator_norm_upper(matrix: FloatArray, norm: Norm) -> float:
    """Return a proven upper bound of the operator norm of a matrix, for one norm on both sides."""
    if norm == "2":
        return spectral_norm_upper_bound(DenseOperator(matrix)).value
    axis = 1 if norm == "inf" else 0
    return float(inflate(np.abs(matrix).sum(axis=axis).max(), matrix.shape[axis]))
