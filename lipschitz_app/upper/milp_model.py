r"""The Lipschitz problem of a relu network as a mixed-integer linear program.

Forwards, every unstable neuron has a pre-activation z, a binary variable a that says whether it is
active, and its value x = max(0, z); backwards, every neuron has the derivative g of the output with
respect to its value, and the product y = a g. All products of a binary and a bounded variable are
linear with the bounds as coefficients (Jordan and Dimakis 2020). In the norm L-infinity the
objective :math:`\sum |g_i|` takes another binary variable for each input whose derivative can have
both signs; in the norm L1 it is one derivative, with a sign.

References
----------
M. Jordan, A. G. Dimakis, Exactly computing the local Lipschitz constant of ReLU networks, NeurIPS
2020, arXiv:2003.01219.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from lipschitz_app.chain import ChainLayer
from lipschitz_app.ranges.interval import LayerRange
from lipschitz_app.regions import Box
from lipschitz_app.rounding import FloatArray, affine_interval


@dataclass(slots=True)
class MilpModel:
    """Columns and rows of a program ``maximise objective @ v + constant``.

    Attributes
    ----------
    inputs : array of int
        Columns of the network's input.
    derivatives : array of int
        Columns of the derivatives with respect to the inputs.
    slopes : array, shape (n, 2)
        Bounds on those derivatives.
    switches : list of arrays of int
        Per hidden layer, the binary column of each neuron, -1 for stable ones.
    """

    inputs: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    derivatives: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    slopes: FloatArray = field(default_factory=lambda: np.zeros((0, 2)))
    switches: list[np.ndarray] = field(default_factory=list)
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    integral: list[int] = field(default_factory=list)
    rows: list[tuple[np.ndarray, FloatArray, float, float]] = field(default_factory=list)

    def add(self, lower: FloatArray, upper: FloatArray, *, binary: bool = False) -> np.ndarray:
        """Add columns and return their positions."""
        start = len(self.lower)
        self.lower += lower.tolist()
        self.upper += upper.tolist()
        self.integral += [int(binary)] * lower.size
        return np.arange(start, start + lower.size)

    def binaries(self, count: int) -> np.ndarray:
        """Add binary columns."""
        return self.add(np.zeros(count), np.ones(count), binary=True)

    def row(self, columns: np.ndarray, values: FloatArray, lower: float, upper: float) -> None:
        """Add a row ``lower <= values @ v[columns] <= upper``."""
        self.rows.append((columns, values, lower, upper))

    def below(self, terms: Sequence[tuple[int, float]], limit: float) -> None:
        """Add a row ``sum of coefficient * variable <= limit``."""
        columns = np.array([column for column, _ in terms])
        self.row(columns, np.array([value for _, value in terms]), -np.inf, limit)

    def matrix(self) -> tuple[sparse.csr_array, FloatArray, FloatArray]:
        """Return the rows as a sparse matrix with lower and upper sides."""
        counts = [columns.size for columns, _, _, _ in self.rows]
        index = np.repeat(np.arange(len(self.rows)), counts)
        columns = np.concatenate([np.zeros(0, dtype=np.int64), *(row[0] for row in self.rows)])
        values = np.concatenate([np.zeros(0), *(row[1] for row in self.rows)])
        shape = (len(self.rows), len(self.lower))
        matrix = sparse.csr_array((values, (index, columns)), shape=shape)
        sides = np.array([row[2:] for row in self.rows]).reshape(-1, 2)
        return matrix, sides[:, 0], sides[:, 1]

    def magnitudes(self) -> list[tuple[int, float]]:
        """Add columns for the absolute derivatives; return the terms of their sum."""
        terms: list[tuple[int, float]] = []
        for column, (low, high) in zip(
            self.derivatives.tolist(), self.slopes.tolist(), strict=True
        ):
            if low >= 0 or high <= 0:
                terms.append((column, 1.0 if low >= 0 else -1.0))
                continue
            size = self.add(np.zeros(1), np.array([max(high, -low)]))[0]
            sign = self.binaries(1)[0]
            # With sign 1 the magnitude is at most g, with sign 0 at most -g.
            self.below([(size, 1.0), (column, -1.0), (sign, -2 * low)], -2 * low)
            self.below([(size, 1.0), (column, 1.0), (sign, -2 * high)], 0.0)
            terms.append((int(size), 1.0))
        return terms


def milp_model(
    layers: Sequence[ChainLayer], ranges: Sequence[LayerRange], row: FloatArray, region: Box
) -> MilpModel:
    """Return the program without an objective.

    Parameters
    ----------
    layers : sequence of ChainLayer
        Hidden layers, with relu.
    ranges : sequence of LayerRange
        Of each; slopes of neurons that pass are 1.
    row : array
        Derivative of the output with respect to the last hidden layer.
    region : Box
    """
    model = MilpModel()
    model.inputs = model.add(region.lower, region.upper)
    model.switches = _forward(model, layers, ranges)
    _backward(model, layers, ranges, row, model.switches)
    return model


def _forward(
    model: MilpModel, layers: Sequence[ChainLayer], ranges: Sequence[LayerRange]
) -> list[np.ndarray]:
    """Add pre-activations and values; return the binary columns of each layer, -1 where none."""
    found = []
    values = model.inputs
    for number, (layer, bounds) in enumerate(zip(layers, ranges, strict=True)):
        last = number + 1 == len(layers)
        used = values >= 0
        unstable = bounds.unstable
        switch = np.full(layer.bias.size, -1)
        switch[unstable] = model.binaries(int(unstable.sum()))
        found.append(switch)
        result = np.full(layer.bias.size, -1)
        for j in np.flatnonzero(unstable if last else ~bounds.dead):
            low, high = float(bounds.lower[j]), float(bounds.upper[j])
            z = model.add(np.array([low]), np.array([high]))[0]
            weights = layer.weight[j, used]
            some = weights != 0
            model.row(
                np.append(values[used][some], z),
                np.append(-weights[some], 1.0),
                float(layer.bias[j]),
                float(layer.bias[j]),
            )
            if not unstable[j]:
                result[j] = z
                continue
            a = int(switch[j])
            model.below([(z, 1.0), (a, -high)], 0.0)
            model.below([(z, -1.0), (a, -low)], -low)
            if not last:
                x = model.add(np.zeros(1), np.array([max(high, 0.0)]))[0]
                model.below([(z, 1.0), (x, -1.0)], 0.0)
                model.below([(x, 1.0), (z, -1.0), (a, -low)], -low)
                model.below([(x, 1.0), (a, -high)], 0.0)
                result[j] = x
        values = result
    return found


def _backward(
    model: MilpModel,
    layers: Sequence[ChainLayer],
    ranges: Sequence[LayerRange],
    row: FloatArray,
    active: list[np.ndarray],
) -> None:
    """Add the derivatives from the last hidden layer to the inputs."""
    low = high = row
    columns = np.full(row.size, -1)
    constants = row
    for layer, bounds, switch in zip(
        reversed(layers), reversed(ranges), reversed(active), strict=True
    ):
        # y = slope * g, as a coefficient of a column, or a constant.
        coefficients = np.where(bounds.unstable, 0.0, bounds.slope_lower)
        products = columns.copy()
        for j in np.flatnonzero(bounds.unstable):
            if columns[j] < 0:
                products[j], coefficients[j] = switch[j], constants[j]
                continue
            least, most = min(0.0, float(low[j])), max(0.0, float(high[j]))
            y = model.add(np.array([least]), np.array([most]))[0]
            g, a = int(columns[j]), int(switch[j])
            model.below([(y, 1.0), (a, -float(high[j]))], 0.0)
            model.below([(y, -1.0), (a, float(low[j]))], 0.0)
            model.below([(y, 1.0), (g, -1.0), (a, -float(low[j]))], -float(low[j]))
            model.below([(y, -1.0), (g, 1.0), (a, float(high[j]))], float(high[j]))
            products[j], coefficients[j] = y, 1.0
        fixed = np.where(products < 0, constants * coefficients, 0.0)
        slopes = (bounds.slope_lower, bounds.slope_upper)
        ends = np.stack([side * slope for side in (low, high) for slope in slopes])
        low, high = affine_interval(
            layer.weight.T, np.zeros(layer.weight.shape[1]), ends.min(axis=0), ends.max(axis=0)
        )
        columns = model.add(low, high)
        base = layer.weight.T @ fixed
        moving = products >= 0
        for i, column in enumerate(columns):
            weights = (layer.weight[:, i] * coefficients)[moving]
            some = weights != 0
            model.row(
                np.append(products[moving][some], column),
                np.append(-weights[some], 1.0),
                float(base[i]),
                float(base[i]),
            )
        constants = np.zeros(columns.size)
    model.derivatives = columns
    model.slopes = np.stack([low, high], axis=1)
