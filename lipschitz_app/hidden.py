"""The presolved form of a network with one hidden layer: what is left after fixing stable neurons.

The gradient is ``base + rows^T diag(u) weights``: `base` collects the neurons with a constant
derivative, the rest are the unstable ones. Neurons that cannot change the gradient (weight 0, or a
row of zeros) are left out too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lipschitz_app.activations.base import ActivationEncoding
from lipschitz_app.errors import UnsupportedError
from lipschitz_app.network import Network
from lipschitz_app.outputs import OutputVector
from lipschitz_app.ranges.interval import LayerRange
from lipschitz_app.rounding import FloatArray, affine_interval


@dataclass(frozen=True, slots=True)
class HiddenLayer:
    """One hidden layer after presolve.

    Attributes
    ----------
    rows : array, shape (k, n)
        Rows of the first layer's matrix that belong to unstable neurons.
    biases : array, shape (k,)
    weights : array, shape (k,)
        Output weights of the unstable neurons, to the nearest double.
    weight_errors : array, shape (k,)
        Bounds on their rounding errors; 0 for a single output.
    base, base_errors : arrays, shape (n,)
        Gradient of the stable neurons, and bounds on its rounding error.
    lower, upper : arrays, shape (k,)
        Proven bounds on the pre-activations of the unstable neurons.
    encoding : ActivationEncoding
    """

    rows: FloatArray
    biases: FloatArray
    weights: FloatArray
    weight_errors: FloatArray
    base: FloatArray
    base_errors: FloatArray
    lower: FloatArray
    upper: FloatArray
    encoding: ActivationEncoding

    @property
    def inputs(self) -> int:
        """Number of inputs n."""
        return int(self.rows.shape[1])

    @property
    def unstable(self) -> int:
        """Number of unstable neurons k."""
        return int(self.rows.shape[0])

    def gradients(self, slopes: FloatArray) -> FloatArray:
        """Return the gradients for derivatives `slopes`, (..., k) to (..., n); ordinary floats."""
        return np.asarray(self.base + (slopes * self.weights) @ self.rows)


def presolve(net: Network, ranges: Sequence[LayerRange], output: OutputVector) -> HiddenLayer:
    """Return the presolved hidden layer of a network.

    Raises
    ------
    UnsupportedError
        The network does not have exactly one hidden layer.

    Examples
    --------
    >>> from lipschitz_app.outputs import as_output
    >>> from lipschitz_app.ranges.interval import interval_ranges
    >>> from lipschitz_app.regions import Box
    >>> net = Network.from_arrays([[[1.0], [2.0]], [[1.0, 1.0]]], [[0.0, 9.0], [0.0]])
    >>> hidden = presolve(net, interval_ranges(net, Box([0.0], 1.0)), as_output(0, 1))
    >>> hidden.unstable, hidden.base.tolist()
    (1, [2.0])
    """
    pairs = net.affine_pairs()
    if len(pairs) != 2:
        raise UnsupportedError(
            f"this method is offered for one hidden layer; {net!r} has {len(pairs) - 1}. "
            'Methods for any depth: "product", "interval"'
        )
    (matrix, bias), (last, _) = pairs
    layer = ranges[0]
    low, high = output.row(last)
    weights = np.where(low == high, low, low + (high - low) / 2)
    errors = np.maximum(np.nextafter(high - weights, np.inf), np.nextafter(weights - low, np.inf))
    errors = np.where(low == high, 0.0, errors)
    matters = (np.maximum(np.abs(low), np.abs(high)) > 0) & np.abs(matrix).any(axis=1)
    kept = layer.unstable & matters
    fixed = layer.active & matters
    slope = layer.slope_lower[fixed]
    ends = [side[fixed] * slope for side in (low, high)]
    exact = np.isin(slope, (0.0, 1.0, -1.0))
    fixed_low = np.minimum(*ends)
    fixed_high = np.maximum(*ends)
    fixed_low = np.where(exact, fixed_low, np.nextafter(fixed_low, -np.inf))
    fixed_high = np.where(exact, fixed_high, np.nextafter(fixed_high, np.inf))
    if fixed.any():
        part = matrix[fixed].T
        base_low, base_high = affine_interval(part, np.zeros(part.shape[0]), fixed_low, fixed_high)
        base = part @ (fixed_low + (fixed_high - fixed_low) / 2)
        spread = np.maximum(base_high - base, base - base_low)
        base_errors = np.nextafter(spread, np.inf)
    else:
        base = base_errors = np.zeros(matrix.shape[1])
    return HiddenLayer(
        rows=matrix[kept],
        biases=bias[kept],
        weights=weights[kept],
        weight_errors=errors[kept],
        base=base,
        base_errors=base_errors,
        lower=layer.lower[kept],
        upper=layer.upper[kept],
        encoding=net.activations[0].encoding,
    )
