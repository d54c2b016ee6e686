"""The presolved form of a network with one hidden layer: what is left after fixing stable neurons.

The gradient is ``base + rows^T diag(u) weights``: `base` collects the neurons with a constant
derivative, the rest are the unstable ones. Neurons that cannot change the gradient (weight 0, or a
row of zeros) are left out too.

All activations are brought to derivatives u in [0, 1]:

- a piecewise linear one is a line plus hinges ``d max(0, z - p)``: each hinge that is neither dead
  nor active over the neuron's range becomes a ReLU neuron with weight times d and bias less p;
- one whose derivatives lie in [0, 1] stays as it is;
- any other, with derivatives in [s, S], becomes ``s + (S - s) u`` with u free
  (:class:`FreeSlopes`), which forgets that u depends on z.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lipschitz_app.activations.base import ActivationEncoding
from lipschitz_app.activations.free import FreeSlopes
from lipschitz_app.activations.piecewise import Hinges
from lipschitz_app.activations.relu import ReLUEncoding
from lipschitz_app.errors import UnsupportedError
from lipschitz_app.network import Network
from lipschitz_app.outputs import OutputVector
from lipschitz_app.ranges.interval import LayerRange
from lipschitz_app.rounding import FloatArray, affine_interval, down, up


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
        What ties the derivatives u in [0, 1] to the pre-activations.
    bias_errors : array, shape (k,)
        Bounds on the rounding errors of the biases; 0 when left out.
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
    bias_errors: FloatArray | None = None

    @property
    def bias_range(self) -> tuple[FloatArray, FloatArray]:
        """Bounds on the true biases."""
        if self.bias_errors is None:
            return self.biases, self.biases
        return _around(self.biases, self.bias_errors)

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
    layer, encoding = ranges[0], net.activations[0].encoding
    outer = output.row(last)
    matters = (np.maximum(np.abs(outer[0]), np.abs(outer[1])) > 0) & np.abs(matrix).any(axis=1)
    open_ = layer.unstable & matters
    # The constant part of each derivative, and the parts that vary.
    least, greatest = layer.slope_lower.copy(), layer.slope_upper.copy()
    if isinstance(encoding, Hinges):
        first, hinges = encoding.hinges()
        least[open_], greatest[open_] = first
        varying = []
        for point, low, high in hinges:
            sides = _shifted(layer.lower, -point)[0], _shifted(layer.upper, -point)[1]
            active = open_ & (sides[0] >= 0.0)
            least[active], greatest[active] = _add(least, greatest, low, high, active)
            kept = open_ & (sides[0] < 0.0) & (sides[1] > 0.0)
            varying.append(_Varying(kept, point, *sides, np.float64(low), np.float64(high)))
        encoding = ReLUEncoding()
    elif ((least < 0.0) | (greatest > 1.0))[open_].any():
        width = up(layer.slope_upper - layer.slope_lower)
        if not np.isfinite(layer.slope_upper - layer.slope_lower)[open_].all():
            raise UnsupportedError(
                f"the derivatives of {encoding.name} are not bounded over the region; use a "
                "bounded one"
            )
        # The derivative is its lower end plus u times the width, which is rounded up: u <= 1.
        varying = [_Varying(open_, 0.0, layer.lower, layer.upper, width, width)]
        greatest = np.where(open_, least, greatest)
        encoding = FreeSlopes(encoding)
    else:
        varying = [_Varying(open_, 0.0, layer.lower, layer.upper, np.float64(1.0), np.float64(1.0))]
        least, greatest = np.where(open_, 0.0, least), np.where(open_, 0.0, greatest)
    weights, errors = _middle(*_products(*outer, least, greatest))
    fixed = matters & ((least != 0.0) | (greatest != 0.0))
    base, base_errors = _base(matrix[fixed], weights[fixed], errors[fixed])
    parts = [_neurons(matrix, bias, outer, part) for part in varying]
    return HiddenLayer(
        rows=np.concatenate([part[0] for part in parts]),
        biases=np.concatenate([part[1] for part in parts]),
        weights=np.concatenate([part[2] for part in parts]),
        weight_errors=np.concatenate([part[3] for part in parts]),
        base=base,
        base_errors=base_errors,
        lower=np.concatenate([part.lower[part.kept] for part in varying]),
        upper=np.concatenate([part.upper[part.kept] for part in varying]),
        encoding=encoding,
        bias_errors=np.concatenate([part[4] for part in parts]),
    )


def free_slopes(hidden: HiddenLayer) -> HiddenLayer:
    """Return the layer with derivatives in [0, 1] that depend on nothing.

    Examples
    --------
    >>> from lipschitz_app.outputs import as_output
    >>> from lipschitz_app.ranges.interval import interval_ranges
    >>> from lipschitz_app.regions import Box
    >>> net = Network.from_arrays([[[1.0]], [[3.0]]], [[0.0], [0.0]], activation="tanh")
    >>> ranges = interval_ranges(net, Box([0.0], 1.0))
    >>> found = free_slopes(presolve(net, ranges, as_output(0, 1)))
    >>> found.base.round(4).tolist(), found.weights.round(4).tolist()  # cosh(1)**-2 is 0.42
    ([1.2599], [1.7401])
    """
    if isinstance(hidden.encoding, FreeSlopes):
        return hidden
    least, greatest = hidden.encoding.slope_range(hidden.lower, hidden.upper)
    least, greatest = np.maximum(least, 0.0), np.minimum(greatest, 1.0)
    outer = _around(hidden.weights, hidden.weight_errors)
    fixed, errors = _middle(*_products(*outer, least, least))
    moved, moved_errors = _base(hidden.rows, fixed, errors)
    base = hidden.base + moved
    total = hidden.base_errors + moved_errors + np.abs(base) * 2.0**-52
    width = np.where(least == 0.0, greatest, up(greatest - least))
    weights, weight_errors = _middle(*_products(*outer, width, width))
    return replace(
        hidden,
        weights=weights,
        weight_errors=weight_errors,
        base=base,
        base_errors=up(up(total) * (1 + 2.0**-50)),
        encoding=FreeSlopes(hidden.encoding),
    )


@dataclass(frozen=True, slots=True)
class _Varying:
    """Parts of derivatives that are a factor times a u in [0, 1]; one neuron each.

    The pre-activation is that of the neuron less `point`; its bounds are `lower` and `upper`.
    """

    kept: np.ndarray
    point: float
    lower: FloatArray
    upper: FloatArray
    jump_lower: FloatArray | np.float64
    jump_upper: FloatArray | np.float64


def _neurons(
    matrix: FloatArray, bias: FloatArray, outer: tuple[FloatArray, FloatArray], part: _Varying
) -> tuple[FloatArray, ...]:
    """Return rows, biases, weights and the errors of the latter two."""
    weights, errors = _middle(*_products(*outer, part.jump_lower, part.jump_upper))
    biases, bias_errors = _middle(*_shifted(bias, -part.point))
    kept = part.kept
    return matrix[kept], biases[kept], weights[kept], errors[kept], bias_errors[kept]


def _around(values: FloatArray, errors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Enclose numbers known up to errors."""
    exact = errors == 0.0
    low, high = down(values - errors), up(values + errors)
    return np.where(exact, values, low), np.where(exact, values, high)


def _shifted(values: FloatArray, shift: float) -> tuple[FloatArray, FloatArray]:
    """Enclose the values plus a number."""
    if shift == 0.0:
        return values, values
    return down(values + shift), up(values + shift)


def _add(
    least: FloatArray, greatest: FloatArray, low: float, high: float, where: np.ndarray
) -> tuple[FloatArray, FloatArray]:
    """Enclose sums of slopes; small sums that are exact stay so."""
    sums = least[where] + low, greatest[where] + high
    exact = [
        (total - value == jump) & (total - jump == value)
        for total, value, jump in zip(
            sums, (least[where], greatest[where]), (low, high), strict=True
        )
    ]
    return np.where(exact[0], sums[0], down(sums[0])), np.where(exact[1], sums[1], up(sums[1]))


def _products(
    low: FloatArray,
    high: FloatArray,
    least: FloatArray | np.float64,
    greatest: FloatArray | np.float64,
) -> tuple[FloatArray, FloatArray]:
    """Enclose the products of two intervals; those with 0, 1 and -1 are exact."""
    ends = np.stack([side * slope for side in (low, high) for slope in (least, greatest)])
    exact = np.isin(least, (0.0, 1.0, -1.0)) & np.isin(greatest, (0.0, 1.0, -1.0))
    smallest, largest = ends.min(axis=0), ends.max(axis=0)
    return np.where(exact, smallest, down(smallest)), np.where(exact, largest, up(largest))


def _middle(low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the middle of intervals and how far it is from their ends."""
    middle = np.where(low == high, low, low + (high - low) / 2)
    errors = np.maximum(up(high - middle), up(middle - low))
    return middle, np.where(low == high, 0.0, errors)


def _base(
    rows: FloatArray, weights: FloatArray, errors: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return ``rows^T weights`` and a bound on its error."""
    size = rows.shape[1]
    if not len(rows):
        return np.zeros(size), np.zeros(size)
    low, high = _around(weights, errors)
    least, greatest = affine_interval(rows.T, np.zeros(size), low, high)
    base = rows.T @ weights
    return base, np.nextafter(np.maximum(greatest - base, base - least), np.inf)
