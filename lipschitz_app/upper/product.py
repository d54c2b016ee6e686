r"""The product bound: operator norms of the layers multiplied.

For 1-Lipschitz activations, :math:`\|c\|_* \prod_i \|A_i\|` bounds the constant everywhere; the
region plays no part. Row sums give the operator norm for the input norm L-infinity, column sums for
L1, and the proven spectral norm (:mod:`lipschitz_app.operators.spectral_norm`) for L2. A residual
block counts with the sum of its summands' constants.

References
----------
C. Szegedy et al., Intriguing properties of neural networks, ICLR 2014, section 4.3.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lipschitz_app.errors import UnsupportedError
from lipschitz_app.layers.activation import Elementwise
from lipschitz_app.layers.base import BoundLayer
from lipschitz_app.layers.linear import Reshape
from lipschitz_app.layers.sequence import parts
from lipschitz_app.network import Network
from lipschitz_app.operators.base import AffineOperator
from lipschitz_app.operators.dense import DenseOperator
from lipschitz_app.operators.induced_norm import induced_norm_upper_bound
from lipschitz_app.operators.pooling import MaxPooling
from lipschitz_app.operators.spectral_norm import spectral_norm_upper_bound
from lipschitz_app.outputs import OutputVector
from lipschitz_app.ranges.propagate import Trace, backward, is_plain
from lipschitz_app.rounding import FloatArray, Norm, dual, inflate, norm_upper
from lipschitz_app.upper.base import UpperBound
from lipschitz_app.upper.certificate import Certificate


def product_bound(net: Network, output: OutputVector, norm: Norm) -> UpperBound:
    """Return the product of the layers' operator norms, proven.

    Examples
    --------
    >>> from lipschitz_app.outputs import as_output
    >>> net = Network.from_arrays([[[1.0, 2.0], [-1.0, 1.0]], [[1.0, 1.0]]])
    >>> round(product_bound(net, as_output(0, 1), "inf").value, 9)
    6.0
    """
    if not is_plain(net):
        return _proven(_product(net, output, norm))
    pairs = net.affine_pairs()
    low, high = output.row(pairs[-1][0])
    value = np.float64(norm_upper(np.maximum(np.abs(low), np.abs(high)), dual(norm)))
    for matrix, _ in pairs[:-1]:
        value = np.float64(inflate(value * operator_norm_upper(matrix, norm), 1))
    for step in net.activations:
        value = np.float64(_times(float(value), _steepest(step)))
    return _proven(float(value))


def product_map_bound(net: Network, norm: Norm, output_norm: Norm) -> UpperBound:
    """Return the product of the layers' operator norms for all outputs at once, proven.

    Examples
    --------
    >>> net = Network.from_arrays([[[1.0, 2.0], [-1.0, 1.0]], [[1.0, 1.0], [0.0, 2.0]]])
    >>> round(product_map_bound(net, "1", "1").value, 9)
    9.0
    """
    steps = [step for step in net.steps if not isinstance(step, Reshape)]
    last = steps[-1] if steps else None
    if not isinstance(last, AffineOperator):
        if norm != output_norm:
            raise UnsupportedError(
                f"the product bound from norm {norm} to norm {output_norm} needs an affine last "
                f"layer, not {last!r}"
            )
        return _proven(_factor(steps, norm))
    value = induced_norm_upper_bound(last, norm, output_norm).value
    return _proven(_times(_factor(steps[:-1], norm), value))


def _proven(value: float) -> UpperBound:
    return UpperBound(value, "proven", certificate=Certificate("product"))


def _steepest(step: Elementwise) -> float:
    slopes = step.encoding.slope_range(np.array([-np.inf]), np.array([np.inf]))
    return max(abs(float(side[0])) for side in slopes)


def _times(first: float, second: float) -> float:
    return first if second == 1.0 else float(inflate(first * second, 1))


def _product(net: Network, output: OutputVector, norm: Norm) -> float:
    """Return the product for layers of any kind; the outputs' weights join the last affine one."""
    steps = [step for step in net.steps if not isinstance(step, Reshape)]
    tail = steps[-1:] if steps and isinstance(steps[-1], AffineOperator) else []
    low, high = backward(tail, output.weights, output.weights, Trace())
    value = norm_upper(np.maximum(np.abs(low), np.abs(high)), dual(norm))
    return _times(_factor(steps[: len(steps) - len(tail)], norm), value)


def _factor(steps: Sequence[BoundLayer], norm: Norm) -> float:
    """Return the product of the Lipschitz constants of layers; summands of a block are added."""
    value = 1.0
    for step in steps:
        if isinstance(step, AffineOperator):
            value = _times(value, induced_norm_upper_bound(step, norm, norm).value)
        elif isinstance(step, Elementwise):
            value = _times(value, _steepest(step))
        elif isinstance(step, MaxPooling):
            value = _times(value, step.factor(norm))
        elif parts(step):
            total = sum(_factor(part, norm) for part in parts(step))
            value = _times(value, float(inflate(total, len(parts(step)))))
        elif not isinstance(step, Reshape):
            raise UnsupportedError(f'the method "product" is not offered for {step!r}')
    return value


def operator_norm_upper(matrix: FloatArray, norm: Norm) -> float:
    """Return a proven upper bound of the operator norm of a matrix, for one norm on both sides."""
    if norm == "2":
        return spectral_norm_upper_bound(DenseOperator(matrix)).value
    axis = 1 if norm == "inf" else 0
    return float(inflate(np.abs(matrix).sum(axis=axis).max(), matrix.shape[axis]))
