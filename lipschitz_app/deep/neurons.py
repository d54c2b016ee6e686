r"""The unstable neurons of a layer in a tangent model: their rows, forms and constraints.

A neuron has a pre-activation z in [l, h], a derivative u, a value ``x = u z`` and, for the
directional derivative v of z with ``|v| <= Y``, a tangent ``y = u v``. Its constraints are, with
``w = 1 - u``:

- order 1: ``u (z - x) = w x = x (z - x) = 0`` and the same for v and y; ``u z >= 0 >= w z``;
- products of bounds on its own quantities: ``u (h - z), w (z - l), z (h u + l w - z) >= 0``,
  ``u (Y ± y), w (Y ± v) >= 0``, and ``x (v - y) = y (z - x) = 0``, for x is 0 or u is 1;
- products with another neuron's ``U`` in {u, w}: ``U (Y u ± y), U (Y w ± (v - y)) >= 0``, and
  ``U x, U (h u - x), U (x - z), U (z - x - l w) >= 0`` (:func:`bounds_of`).

Rounding. The rows stand for the real numbers ``x = u z`` and ``y = u v`` with z and v *the stored
forms*, so that the equations are exact; the forms are off from the network's own numbers by known
errors, which inequalities have as slack and which the bounds of the rows are widened by.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from lipschitz_app.deep.forms import Forms
from lipschitz_app.deep.products import Products
from lipschitz_app.rounding import UNIT, FloatArray, inflate

_TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """Pre-activations and values of unstable neurons, divided by powers of two.

    Attributes
    ----------
    rows : array of int
        Rows of the values, in [-1, 1] for values in [0, h]; empty in the last layer.
    columns : array of int
        The pre-activations among the shared forms.
    lower, upper, errors : arrays
        Bounds on the true pre-activations, and on the errors of the forms.
    scale : array
        The powers of two.
    """

    rows: np.ndarray
    columns: np.ndarray
    lower: FloatArray
    upper: FloatArray
    errors: FloatArray
    scale: FloatArray

    @property
    def offset(self) -> FloatArray:
        """The value at row 0."""
        return self.upper / 2

    @property
    def reach(self) -> FloatArray:
        """What the row is multiplied with; rows in [-1, 1] cover [-error, h + error]."""
        return inflate((self.upper + 4 * self.errors) / 2, 4)

    def forms(self, side: int) -> Forms:
        """Return the values as forms in the rows."""
        scale, offset = self.reach * self.scale, self.offset * self.scale
        return Forms.of_rows(side, self.rows, scale, offset, self.errors * self.scale)


@dataclass(frozen=True, slots=True, eq=False)
class Tangents:
    """Directional derivatives of unstable neurons, divided by powers of two.

    Attributes
    ----------
    rows : array of int
        Rows of the tangents; empty in the last layer.
    columns : array of int
        The derivatives of the pre-activations among the shared forms.
    sizes, errors, scale : arrays
        Bounds on the forms, and on their errors; the powers of two.
    """

    rows: np.ndarray
    columns: np.ndarray
    sizes: FloatArray
    errors: FloatArray
    scale: FloatArray

    def forms(self, side: int) -> Forms:
        """Return the tangents as forms in the rows."""
        return Forms.of_rows(
            side, self.rows, self.sizes * self.scale, errors=self.errors * self.scale
        )


@dataclass(frozen=True, slots=True, eq=False)
class Neurons:
    """The unstable neurons of one layer.

    Attributes
    ----------
    slopes : array of int
        Rows of ``s = 2u - 1``.
    tangents : Tangents
    values : Values or None
        None over the whole space, where every u is free.
    """

    slopes: np.ndarray
    tangents: Tangents
    values: Values | None

    @property
    def count(self) -> int:
        """Number of neurons."""
        return int(self.slopes.size)

    def switch(
        self, products: Products, pick: np.ndarray, sign: float, size: float | FloatArray = 1.0
    ) -> sparse.csr_array:
        """Return ``size * u`` (sign 1) or ``size * w`` (sign -1) of some neurons."""
        half = np.asarray(size) / 2
        return products.combination(pick.size, (0, half), (self.slopes[pick], sign * half))


def own_tangent_constraints(products: Products, neurons: Neurons, *, bounds: bool) -> None:
    """Add what ties the tangents of a layer to its derivatives."""
    data = neurons.tangents
    if not data.rows.size:
        return
    every = np.arange(neurons.count)
    u, w = (neurons.switch(products, every, sign) for sign in (1.0, -1.0))
    y = products.combination(neurons.count, (data.rows, data.sizes))
    rest = products.combination(neurons.count, (data.columns, 1.0), (data.rows, -data.sizes))
    for left, right in ((u, rest), (w, y), (y, rest)):
        products.zero("tangents", left, right)
    if not bounds:
        return
    for sign in (1.0, -1.0):
        size = (0, data.sizes)
        inside = products.combination(neurons.count, size, (data.rows, sign * data.sizes))
        products.nonnegative("sizes", u, inside)
        inside = products.combination(neurons.count, size, (data.columns, sign))
        products.nonnegative("sizes", w, inside)


def own_value_constraints(products: Products, neurons: Neurons, *, bounds: bool) -> None:
    """Add what ties the values and the derivatives of a layer to its pre-activations."""
    data = neurons.values
    if data is None:
        return
    count, low, high, error = neurons.count, data.lower, data.upper, data.errors
    every = np.arange(count)
    u, w = (neurons.switch(products, every, sign) for sign in (1.0, -1.0))
    z, minus = (products.combination(count, (data.columns, sign)) for sign in (1.0, -1.0))
    products.nonnegative("signs", u, z, error)
    products.nonnegative("signs", w, minus, error)
    if bounds:
        below = products.combination(count, (0, high), (data.columns, -1.0))
        above = products.combination(count, (0, -low), (data.columns, 1.0))
        products.nonnegative("signs", u, below, error)
        products.nonnegative("signs", w, above, error)
        middle, half = 0.5 * (high + low), 0.5 * (high - low)
        right = products.combination(
            count, (0, middle), (neurons.slopes, half), (data.columns, -1.0)
        )
        size = np.maximum(-low, high)
        rounded = 4 * UNIT * size + _TINY + error
        slack = inflate(size * rounded + error * (2 * size + rounded), 12)
        products.nonnegative("signs", z, right, slack)
    if not data.rows.size:
        return
    x = products.combination(count, (0, data.offset), (data.rows, data.reach))
    rest = products.combination(
        count, (data.columns, 1.0), (0, -data.offset), (data.rows, -data.reach)
    )
    for left, right in ((u, rest), (w, x), (x, rest)):
        products.zero("values", left, right)
    one = products.combination(count, (0, 1.0))
    products.nonnegative("positive", one, x, error)
    products.nonnegative("positive", one, -rest, error)
    if bounds:
        tangents = neurons.tangents
        y = products.combination(count, (tangents.rows, tangents.sizes))
        change = products.combination(
            count, (tangents.columns, 1.0), (tangents.rows, -tangents.sizes)
        )
        products.zero("both", x, change)
        products.zero("both", y, rest)


def within_range(products: Products, data: Values) -> None:
    """Add ``z >= l``, ``h >= z`` and ``(z - l)(h - z) >= 0``.

    With forms ``z + d``, ``|d| <= e``, the product is at least ``-e (h - l) - e**2``.
    """
    count, low, high, error = data.columns.size, data.lower, data.upper, data.errors
    one = products.combination(count, (0, 1.0))
    above = products.combination(count, (0, -low), (data.columns, 1.0))
    below = products.combination(count, (0, high), (data.columns, -1.0))
    slack = inflate(error * (high - low + error), 8)
    for left, right, room in ((one, above, error), (one, below, error), (above, below, slack)):
        products.nonnegative("ranges", left, right, room)


def bounds_of(products: Products, neurons: Neurons) -> list[tuple[sparse.csr_array, FloatArray]]:
    """Return the nonnegative forms of inner neurons' tangents and values, with their errors."""
    data, count = neurons.tangents, neurons.count
    if not data.rows.size:
        return []
    every = np.arange(count)
    error = inflate(8 * UNIT * data.sizes + data.errors, 4)
    on = neurons.switch(products, every, 1.0, data.sizes)
    off = neurons.switch(products, every, -1.0, data.sizes)
    y = products.combination(count, (data.rows, data.sizes))
    rest = products.combination(count, (data.columns, 1.0), (data.rows, -data.sizes))
    found = [(on + y, error), (on - y, error), (off + rest, error), (off - rest, error)]
    values = neurons.values
    if values is None:
        return found
    low, high = values.lower, values.upper
    error = inflate(8 * UNIT * np.maximum(-low, high) + values.errors, 4)
    x = products.combination(count, (0, values.offset), (values.rows, values.reach))
    z = products.combination(count, (values.columns, 1.0))
    on = neurons.switch(products, every, 1.0, high)
    off = neurons.switch(products, every, -1.0, low)
    return [*found, *((form, error) for form in (x, on - x, x - z, z - x - off))]
