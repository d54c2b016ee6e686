r"""The Lipschitz problem of one hidden layer as a first-order model for the low-rank solver.

After presolve (:mod:`lipschitz_app.hidden`) and for the input norm L-infinity the constant is at
most

.. math:: \max\; t^T (base + A^T \mathrm{diag}(u)\, c), \quad t \in \{-1, 1\}^n,\;
    u \in \{0, 1\}^k,\; x \in \Omega,

where u_j = 1 only if ``z_j = a_j^T x + b_j >= 0`` and u_j = 0 only if ``z_j <= 0``. The rows of the
model are the constant, t, ``s = 2u - 1`` and, over a box, ``xi`` with ``x = center + radius * xi``.
The pre-activations are affine forms of xi, never variables. What each method adds to the unit
diagonal:

- `shor`: ``s_j z_j >= 0``.
- `hr2`: with proven bounds l <= z <= h, ``u z >= 0``, ``(1 - u) z <= 0``, ``u (h - z) >= 0``,
  ``(1 - u)(z - l) >= 0`` and ``z (h u + l (1 - u) - z) >= 0``, which is what the order-2 matrices
  on the cliques {u_j, z_j} say about moments of order 1 (Chen, Lasserre, Magron and Pauwels 2020).
  The published relaxation also has cliques {x_i, t_i}; see `directions_with_inputs`.
- `mccormick`: also ``(1 ± t_i)(1 ± s_j) >= 0`` for all pairs; this is tighter than both cliques.

Over the whole space every u is free, and `shor` and `hr2` are the same.

Rounding. The solver proves bounds for the model as stored; a model is built so that its maximum is
at least that of the network's problem:

- the linear coefficients, the output weights and `base` are off by known amounts, and
  ``|t_i| <= 1, 0 <= u_j <= 1``: the sum of these amounts is the model's `constant`;
- the objective and each pre-activation are scaled by powers of two to size about one, which is
  exact but for underflow, and that is in `constant` and `errors` too;
- the affine forms are off by at most `errors`; each constraint has the `slack` with which the true
  points satisfy it. ``(1 ± s)/2``, l and h enter as exact numbers.

References
----------
T. Chen, J.-B. Lasserre, V. Magron, E. Pauwels, Semialgebraic optimization for Lipschitz constants
of ReLU networks, NeurIPS 2020, arXiv:2002.03657.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse

from lipschitz_app.encoding import PreActivations, pre_activations
from lipschitz_app.errors import UnsupportedError
from lipschitz_app.hidden import HiddenLayer, free_slopes
from lipschitz_app.regions import Ball, Everywhere, Region
from lipschitz_app.regions import Box as BoxRegion
from lipschitz_app.rounding import UNIT, FloatArray, gamma, inflate
from polyopt.solvers.lowrank import (
    AffineForms,
    BilinearOperator,
    ConstraintFamily,
    FirstOrderModel,
    GridFamily,
    ProductFamily,
)

Method: TypeAlias = Literal["shor", "hr2", "mccormick"]
Rows: TypeAlias = npt.NDArray[np.int64]

_TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, slots=True)
class LipschitzModel:
    """A first-order model of a Lipschitz problem and what its rows mean.

    Attributes
    ----------
    model : FirstOrderModel
        Its maximum is at least the Lipschitz constant times ``2**-exponent``, rounding included.
    exponent : int
    directions, slopes, inputs : arrays of int
        Rows of t, of s = 2u - 1 and of xi (empty over the whole space).
    """

    model: FirstOrderModel
    exponent: int
    directions: Rows
    slopes: Rows
    inputs: Rows

    def __str__(self) -> str:
        return (
            f"{self.model}; {self.directions.size} directions, {self.slopes.size} unstable "
            f"neurons, {self.inputs.size} inputs"
        )


def lipschitz_model(
    hidden: HiddenLayer,
    region: Region,
    method: Method,
    *,
    directions_with_inputs: bool = False,
) -> LipschitzModel:
    """State the Lipschitz problem of one hidden ReLU layer in the norm L-infinity.

    Parameters
    ----------
    hidden : HiddenLayer
        With at least one unstable neuron.
    region : Box or Everywhere
    method : "shor", "hr2" or "mccormick"
        Which constraints; see the module.
    directions_with_inputs : bool
        Add ``(1 ± t_i)(1 ± xi_i) >= 0`` for each coordinate, the published relaxation's cliques
        {x_i, t_i}. They help little and make the model harder to solve.

    Raises
    ------
    UnsupportedError
        The region is a ball.

    Notes
    -----
    Derivatives of other activations than relu (and what presolve turns into relu) are taken for
    free in their ranges.

    Examples
    --------
    >>> import lipschitz_app as la
    >>> from lipschitz_app.hidden import presolve
    >>> from lipschitz_app.outputs import as_output
    >>> net = la.Network.from_arrays([[[1.0, 2.0], [-1.0, 1.0]], [[1.0, 1.0]]])
    >>> box = la.Box([0.0, 0.0], 1.0)
    >>> hidden = presolve(net, la.interval_ranges(net, box), as_output(0, 1))
    >>> print(lipschitz_model(hidden, box, "hr2").model)
    first-order model: side 7, 5 sign rows, 2 box rows, 10 constraints
    """
    if isinstance(region, Ball):
        raise UnsupportedError("the low-rank solver is offered for a Box or Everywhere")
    if hidden.encoding.name != "relu":
        # No constraint ties the derivatives to the inputs, which therefore play no part.
        hidden, region = free_slopes(hidden), Everywhere()
    used = np.flatnonzero((hidden.rows != 0).any(axis=0) | (hidden.base != 0))
    data = None
    if isinstance(region, BoxRegion):
        data = _normalised(pre_activations(hidden, region))
    moving = np.flatnonzero((data.rows != 0).any(axis=0)) if data is not None else used[:0]
    t, s, x = np.split(
        1 + np.arange(used.size + hidden.unstable + moving.size),
        np.cumsum([used.size, hidden.unstable]),
    )
    side = 1 + t.size + s.size + x.size
    exponent = _exponent(hidden)
    rows, half = hidden.rows[:, used], np.ldexp(hidden.weights, -exponent - 1)
    column = np.ldexp(hidden.base[used], -exponent) + half @ rows
    objective = (
        BilinearOperator(t, s, np.ascontiguousarray(rows.T), half),
        BilinearOperator(t, np.zeros(1, dtype=np.int64), column[:, None], np.ones(1)),
    )
    families: list[ConstraintFamily] = []
    if data is not None:
        make = _signs if method == "shor" else _products
        families.append(make(data, moving, s, x, side))
        if directions_with_inputs:
            of_input = np.searchsorted(used, moving)
            paired = used[np.minimum(of_input, used.size - 1)] == moving
            families.append(_pairs(x[paired], t[of_input[paired]], side))
    if method == "mccormick":
        families.append(GridFamily(t, s))
    signs = np.ones(side, dtype=bool)
    signs[x] = False
    model = FirstOrderModel(side, objective, _rounding(hidden, exponent), tuple(families), signs)
    return LipschitzModel(model, exponent, t, s, x)


def _exponent(hidden: HiddenLayer) -> int:
    """Return the binary exponent of the largest coefficient of the gradient."""
    _, weights = np.frexp(hidden.weights)
    _, rows = np.frexp(np.abs(hidden.rows).max(axis=1))
    _, base = np.frexp(np.abs(hidden.base).max())
    largest = int((weights + rows).max())
    return largest if not hidden.base.any() else max(largest, int(base))


def _rounding(hidden: HiddenLayer, exponent: int) -> float:
    """Bound what rounding of the objective's coefficients can take away from its maximum."""
    weights, base, weight_errors, base_errors = (
        np.ldexp(np.abs(part), -exponent)
        for part in (hidden.weights, hidden.base, hidden.weight_errors, hidden.base_errors)
    )
    sizes = np.abs(hidden.rows)
    sums = sizes.sum(axis=1)
    linear = gamma(hidden.unstable + 2) * float(weights @ sums + base.sum())
    data = float(weight_errors @ sums + base_errors.sum())
    # Powers of two are exact but for underflow.
    underflow = _TINY * float(sums.sum() + hidden.rows.size)
    return float(inflate(linear + data + underflow, 2 * sizes.size + 8))


def _normalised(data: PreActivations) -> PreActivations:
    """Return the pre-activations divided by powers of two, so that their bounds are about one."""
    _, exponent = np.frexp(np.maximum(np.abs(data.lower), np.abs(data.upper)))
    parts = (data.offsets, data.errors, data.magnitudes, data.lower, data.upper)
    offsets, errors, magnitudes, lower, upper = (np.ldexp(part, -exponent) for part in parts)
    rows = np.ldexp(data.rows, -exponent[:, None])
    errors = inflate(errors + _TINY * (rows.shape[1] + 4), 4)
    return PreActivations(rows, offsets, errors, magnitudes, lower, upper)


def _selection(
    s: Rows, side: int, constant: float | FloatArray, slope: float | FloatArray, z: float
) -> sparse.csr_array:
    """Return the combinations ``constant_j + slope_j s_j + z * form_j`` as rows."""
    count = s.size
    number = np.arange(count)
    values = [np.broadcast_to(np.asarray(v, dtype=float), count) for v in (constant, slope, z)]
    columns = np.concatenate([np.zeros(count, dtype=np.int64), s, side + number])
    matrix = sparse.csr_array(
        (np.concatenate(values), (np.tile(number, 3), columns)), shape=(count, side + count)
    )
    matrix.eliminate_zeros()
    return matrix


def _forms(data: PreActivations, moving: Rows, x: Rows) -> AffineForms:
    return AffineForms(x, np.ascontiguousarray(data.rows[:, moving]), data.offsets)


def _signs(data: PreActivations, moving: Rows, s: Rows, x: Rows, side: int) -> ProductFamily:
    """Return ``s z >= 0``: true points have ``s z = |z|``, and the form is off by `errors`."""
    left, right = _selection(s, side, 0.0, 1.0, 0.0), _selection(s, side, 0.0, 0.0, 1.0)
    family = ProductFamily(left, right, _forms(data, moving, x), slack=data.errors)
    return family.scaled()


def _products(data: PreActivations, moving: Rows, s: Rows, x: Rows, side: int) -> ProductFamily:
    """Return the five inequalities of each pair of u and z.

    With a form ``z + d``, ``|d| <= e``, a factor u or 1 - u in [0, 1] loses at most e. The last one
    is ``z (w - z)`` with w in [l, h]; its two coefficients are rounded, by r in total, and
    ``(z + d)(w + r - z - d) >= -|z| (|r| + |d|) - |d| (|w - z| + |r| + |d|)``.
    """
    low, high, error = data.lower, data.upper, data.errors
    u, v = _selection(s, side, 0.5, 0.5, 0.0), _selection(s, side, 0.5, -0.5, 0.0)
    z = _selection(s, side, 0.0, 0.0, 1.0)
    middle, half = 0.5 * (high + low), 0.5 * (high - low)
    left = sparse.vstack([u, v, u, v, z], format="csr")
    right = sparse.vstack(
        [
            z,
            _selection(s, side, 0.0, 0.0, -1.0),
            _selection(s, side, high, 0.0, -1.0),
            _selection(s, side, -low, 0.0, 1.0),
            _selection(s, side, middle, half, -1.0),
        ],
        format="csr",
    )
    size = np.maximum(np.abs(low), np.abs(high))
    rounded = 4 * UNIT * size + _TINY
    last = size * (rounded + error) + error * (2 * size + rounded + error)
    slack = np.concatenate([np.tile(error, 4), inflate(last, 12)])
    return ProductFamily(left, right, _forms(data, moving, x), slack=slack).scaled()


def _pairs(first: Rows, second: Rows, side: int) -> ProductFamily:
    """Return ``(1 ± x_i)(1 ± t_i) >= 0`` for pairs of rows."""

    def stack(rows: Rows, signs: tuple[int, ...]) -> sparse.csr_array:
        count = rows.size
        number = np.arange(count * len(signs))
        data = np.concatenate([np.ones(number.size), np.repeat(np.array(signs, float), count)])
        columns = np.concatenate([0 * number, np.tile(rows, len(signs))])
        return sparse.csr_array((data, (np.tile(number, 2), columns)), shape=(number.size, side))

    return ProductFamily(stack(first, (1, 1, -1, -1)), stack(second, (1, -1, 1, -1)))
