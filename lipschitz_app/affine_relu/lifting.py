r"""Layers in the form that the polynomial relaxation takes: homogeneous, scaled, rounded safely.

Write a point of the ball as :math:`x_0 + t v`, :math:`\|v\| = 1`, :math:`s = \varepsilon / t \ge
1`, and divide the change of every layer by t. Since relu(s y) = s relu(y) for s > 0, a row with
pre-activation y (at the centre, divided by ε) and input change q gives

.. math:: w = \mathrm{relu}(s y + a^T q) - s\,\mathrm{relu}(y), \qquad |w| \le |a^T q| \le \ell,

and the anchored constant is the supremum of the output's norm over v and s: no quotient is left.

What is computed is never what is meant; three facts keep the result an upper bound.

- y lies in an interval [low, high]; the constraints hold for every y in it.
- Weights are cut to 30 bits, so that products with the 22 bits of `low` and `high` are exact in
  doubles. The change of w is at most the change of :math:`a^T q`; `slack` adds these up.
- :math:`s \le S`: where all \|y\| are 0 or at least :math:`\ell / S`, nothing changes beyond S. An
  interval that meets :math:`(-\ell/S, \ell/S)` gets widened to that end; then a point beyond S
  fulfils the constraints with s = S.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lipschitz_app.affine_relu.layer import AffineReluBound
from lipschitz_app.affine_relu.slopes import BoolArray
from lipschitz_app.rounding import FloatArray, down, gamma, inflate, up

_WEIGHT_BITS = 30
_VALUE_BITS = 22
_LARGEST_SCALE = 2.0**16


@dataclass(frozen=True, slots=True, eq=False)
class LiftedLayer:
    """Rows of a layer that can move; all numbers in the layer's units.

    Attributes
    ----------
    matrix : array, shape (p, q)
        Rows act on the change of the layer before (of the input for the first).
    low, high : arrays, shape (p,)
        Enclosure of the pre-activation at the centre, divided by the radius.
    reach : array, shape (p,)
        Proven bound of ``|a^T q|``.
    linear : bool array, shape (p,)
        Rows with ``w = a^T q``.
    cap : float
        Proven bound of the norm of the change w.
    rows : int array, shape (p,)
        Their numbers in the layer.
    exponent : int
        The layer's unit is ``2**exponent``.
    """

    matrix: FloatArray
    low: FloatArray
    high: FloatArray
    reach: FloatArray
    linear: BoolArray
    cap: float
    rows: NDArray[np.intp]
    exponent: int


@dataclass(frozen=True, slots=True, eq=False)
class LiftedNetwork:
    """Layers, the objective ``|output @ w|^2`` of the last one's change, and how to scale back.

    Attributes
    ----------
    inputs : int
        Number of coordinates of v.
    layers : tuple of LiftedLayer
    output : array, shape (o, p), or None
        The affine map after the last layer; None for the identity.
    exponent : int
        Norms of the output are in units of ``2**exponent``.
    slack : float
        What rounding the weights can change the constant by, in the same units.
    largest_scale : float
        The S of the module's docstring.
    """

    inputs: int
    layers: tuple[LiftedLayer, ...]
    output: FloatArray | None
    exponent: int
    slack: float
    largest_scale: float

    @property
    def variables(self) -> int:
        """Number of variables of the polynomial problem."""
        return 1 + self.inputs + sum(len(layer.reach) for layer in self.layers)

    def bound(self, squared: float) -> float:
        """Return the bound of the constant from a bound of the squared objective."""
        root = float(up(math.sqrt(max(0.0, squared))))
        return float(up(math.ldexp(float(inflate(root + self.slack, 2)), self.exponent)))


def lift(analyses: Sequence[AffineReluBound], bounds: Sequence[float]) -> LiftedNetwork:
    """Return the lifted form of consecutive layers.

    Parameters
    ----------
    analyses : sequence of AffineReluBound
        Each on the ball of radius ``radius * bounds[0] * …`` of the layers before; Euclidean; the
        first radius is positive. All but the last have ReLU or are affine.
    bounds : sequence of float
        Proven bounds of their constants on these balls.
    """
    radius = analyses[0].radius
    columns: NDArray[np.intp] = np.flatnonzero(analyses[0].moving)
    inputs, exponent, cap, error = columns.size, 0, 1.0, 0.0
    last = analyses[-1]
    hidden = analyses if last.relu or len(analyses) == 1 else analyses[:-1]
    layers: list[LiftedLayer] = []
    scale = 1.0
    for analysis, bound in zip(hidden, bounds, strict=False):
        rows = np.flatnonzero(analysis.slopes > 0)
        matrix = analysis.operator.to_matrix()[np.ix_(rows, columns)]
        own = _exponent(_row_norms(matrix).max(initial=0.0) * (cap + error))
        matrix = np.ldexp(matrix, -own)
        short = _shorten(matrix)
        reach = np.asarray(inflate(_row_norms(short) * (cap + error), 2))
        change = np.abs(matrix - short) + gamma(analysis.operator.entry_roundings) * np.abs(matrix)
        error = float(inflate(_norm(short) * error + _norm(change) * cap, 4))
        cap = float(inflate(math.ldexp(cap * bound, -own), 2))
        exponent += own
        low = down(analysis.value[rows] - analysis.value_error[rows])
        high = up(analysis.value[rows] + analysis.value_error[rows])
        low = _cut(np.ldexp(down(low / radius), -exponent), np.floor)
        high = _cut(np.ldexp(up(high / radius), -exponent), np.ceil)
        linear = low >= reach if analysis.relu else np.ones(rows.size, dtype=bool)
        keep = (high + reach > 0) | linear
        low, high, widest = _away_from_zero(low, high, reach, linear | ~keep)
        scale = max(scale, widest)
        parts = (short[keep], low[keep], high[keep], reach[keep], linear[keep])
        columns = rows[keep]
        layers.append(LiftedLayer(*parts, float(up(cap + error)), columns, exponent))
    output = None
    if hidden is not analyses:
        output = last.operator.to_matrix()[:, columns]
        own = _exponent(float(_norm(output)))
        output = np.ldexp(output, -own)
        relative = gamma(last.operator.entry_roundings) if last.operator.entry_roundings else 0.0
        error = float(inflate(_norm(output) * (error + relative * cap), 4))
        exponent += own
    return LiftedNetwork(inputs, tuple(layers), output, exponent, error, scale)


def _away_from_zero(
    low: FloatArray, high: FloatArray, reach: FloatArray, skip: BoolArray
) -> tuple[FloatArray, FloatArray, float]:
    """Widen intervals that come close to zero, and return the scale that all others allow."""
    edge = reach / _LARGEST_SCALE
    close = ~skip & (low < edge) & (high > -edge) & ((low != 0) | (high != 0))
    above, below = close & (low >= 0), close & (high <= 0)
    both = close & ~above & ~below
    new_low = np.where(above, 0.0, np.where(close, np.minimum(low, -edge), low))
    new_high = np.where(below, 0.0, np.where(close, np.maximum(high, edge), high))
    new_low, new_high = _cut(new_low, np.floor), _cut(new_high, np.ceil)
    assert not (both & ((new_low >= 0) | (new_high <= 0))).any()
    far = ~skip & ~close & ((low > 0) | (high < 0))
    nearest = np.where(low > 0, low, -high)[far]
    scale = float(inflate((reach[far] / nearest).max(initial=1.0), 2))
    return new_low, new_high, max(scale, _LARGEST_SCALE * (1 + 1e-9)) if close.any() else scale


def _exponent(size: float) -> int:
    return 0 if size == 0 else math.ceil(math.log2(size))


def _norm(matrix: FloatArray) -> float:
    return float(inflate(math.sqrt(float((matrix * matrix).sum())), matrix.size + 2))


def _row_norms(matrix: FloatArray) -> FloatArray:
    return inflate(np.sqrt((matrix * matrix).sum(axis=1)), matrix.shape[1] + 2)


def _shorten(values: FloatArray) -> FloatArray:
    mantissa, exponent = np.frexp(values)
    return np.asarray(np.ldexp(np.round(np.ldexp(mantissa, _WEIGHT_BITS)), exponent - _WEIGHT_BITS))


def _cut(values: FloatArray, direction: np.ufunc) -> FloatArray:
    mantissa, exponent = np.frexp(values)
    whole = direction(np.ldexp(mantissa, _VALUE_BITS))
    return np.asarray(np.ldexp(whole, exponent - _VALUE_BITS))
