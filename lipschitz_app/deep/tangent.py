r"""A first-order model of the Lipschitz problem of a deep ReLU network.

The derivative of the network along a direction t is computed forwards, like the network itself:

.. math:: z_l = W_l x_{l-1} + b_l,\; x_l = u_l z_l, \qquad v_l = W_l y_{l-1},\; y_l = u_l v_l,
    \qquad x_0 \in \Omega,\; y_0 = t,

with ``u_l`` the derivatives of the neurons. The Lipschitz constant is at most the maximum of
``c @ y_m`` over directions of norm 1. The rows of the model are the constant, t, x_0, and for the
unstable neurons ``s = 2u - 1`` and, in all layers but the last, the values x and the *tangents* y;
z and v are affine forms in them. So the side of the moment matrix grows with the number of neurons,
whatever the depth, where lifting the products ``u_1 u_2 ... u_m`` of the gradient's coefficients
grows with its power. Each constraint is a product of two affine forms
(:mod:`lipschitz_app.deep.neurons`).

Three levels, each with the constraints of the one before:

- `shor`: the equations of x and y, and the signs of z;
- `hr2`: the products of bounds on quantities of one neuron;
- `mccormick`: those of pairs: of t and the first layer's u, and of x, y and another neuron's u.

For the norm L2 the direction is in the unit ball, and the same model is used for L1, where the ball
is smaller. Over a Euclidean ball x_0 is scaled to the unit ball.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy import sparse

from lipschitz_app.deep.forms import Forms
from lipschitz_app.deep.neurons import (
    Neurons,
    Tangents,
    Values,
    bounds_of,
    own_tangent_constraints,
    own_value_constraints,
    within_range,
)
from lipschitz_app.deep.presolve import DeepLayer, DeepNetwork
from lipschitz_app.deep.products import Products
from lipschitz_app.deep.sizes import tangent_sizes
from lipschitz_app.regions import Ball, Everywhere, Region
from lipschitz_app.rounding import FloatArray, Norm, gamma, inflate
from polyopt.solvers.lowrank import (
    AffineForms,
    BilinearOperator,
    ConstraintFamily,
    EntryFamily,
    FirstOrderModel,
    GridFamily,
    OuterFamily,
    SymmetricOperator,
)

Level: TypeAlias = Literal["shor", "hr2", "mccormick"]


@dataclass(frozen=True, slots=True, eq=False)
class TangentModel:
    """A first-order model of a deep Lipschitz problem and what its rows mean.

    Attributes
    ----------
    model : FirstOrderModel
        Its maximum is at least the Lipschitz constant times ``2**-exponent``, rounding included.
    exponent : int
    directions, inputs : arrays of int
        Rows of t and of the scaled x_0 (empty over the whole space).
    neurons : tuple of Neurons
        One per layer.
    """

    model: FirstOrderModel
    exponent: int
    directions: np.ndarray
    inputs: np.ndarray
    neurons: tuple[Neurons, ...]

    def __str__(self) -> str:
        counts = ", ".join(str(layer.count) for layer in self.neurons)
        return f"{self.model}; unstable neurons per layer: {counts}"


def tangent_model(net: DeepNetwork, region: Region, norm: Norm, level: Level) -> TangentModel:
    """State the Lipschitz problem of a deep network with tangents as rows.

    Parameters
    ----------
    net : DeepNetwork
    region : Box, Ball or Everywhere
    norm : "1", "2" or "inf"
        Norm of the input space.
    level : "shor", "hr2" or "mccormick"
        Which constraints; see the module.

    Examples
    --------
    >>> import lipschitz_app as la
    >>> from lipschitz_app.deep import presolve_deep
    >>> from lipschitz_app.outputs import as_output
    >>> net = la.Network.from_arrays([[[1.0], [-1.0]], [[1.0, -1.0]], [[2.0]]])
    >>> box = la.Box([0.0], 1.0)
    >>> deep = presolve_deep(net, la.interval_ranges(net, box), as_output(0, 1))
    >>> print(tangent_model(deep, box, "inf", "shor"))
    first-order model: side 10, 5 sign rows, 5 box rows, 22 constraints; unstable neurons per \
layer: 2, 1
    """
    return _Builder(net, region, norm).build(level)


class _Builder:
    """Rows, forms and constraints of a model, layer by layer."""

    def __init__(self, net: DeepNetwork, region: Region, norm: Norm) -> None:
        self.net, self.region, self.norm = net, region, norm
        self.local = not isinstance(region, Everywhere)
        inputs, total = net.inputs.size, sum(net.unstable)
        inner = total - net.unstable[-1]
        self.side = 1 + inputs + total + inner + (inputs + inner) * self.local
        self.taken = 1
        self.directions = self.take(inputs)
        self.inputs = self.take(inputs * self.local)
        decided = sum(layer.size for layer in net.decided) * self.local
        self.products = Products(self.side + total * (1 + self.local) + decided)
        self.blocks: list[FloatArray] = []
        self.neurons: list[Neurons] = []

    def take(self, count: int) -> np.ndarray:
        """Return the next rows."""
        self.taken += count
        return np.arange(self.taken - count, self.taken)

    def share(self, coefficients: FloatArray) -> np.ndarray:
        """Add shared forms and return their columns."""
        first = self.side + sum(len(block) for block in self.blocks)
        self.blocks.append(coefficients)
        return first + np.arange(len(coefficients))

    def build(self, level: Level) -> TangentModel:
        net, bounds = self.net, level != "shor"
        tangents = Forms.of_rows(self.side, self.directions)
        values = self.start()
        sizes = tangent_sizes(net, self.norm)
        last = len(net.layers) - 1
        for number, layer in enumerate(net.layers):
            unstable, inner = layer.unstable, number < last
            slopes = self.take(net.unstable[number])
            tangents = tangents.mapped(layer.weight, layer.weight_error)
            moves = self.tangents(tangents.chosen(unstable), sizes[number][unstable], inner)
            states = None
            if values is not None:
                if net.decided:
                    self.impose(net.decided[number], values)
                values = values.mapped(
                    layer.weight, layer.weight_error, layer.bias, layer.bias_error
                )
                ends = layer.lower[unstable], layer.upper[unstable]
                states = self.values(values.chosen(unstable), ends, inner)
            self.neurons.append(Neurons(slopes, moves, states))
            own_tangent_constraints(self.products, self.neurons[-1], bounds=bounds)
            own_value_constraints(self.products, self.neurons[-1], bounds=bounds)
            if inner:
                tangents = tangents.replaced(unstable, moves.forms(self.side))
            if inner and values is not None and states is not None:
                values = values.replaced(unstable, states.forms(self.side))
        objective, constant, exponent = self.objective(tangents, sizes[-1])
        families = self.families(level)
        signs = np.ones(self.side, dtype=bool)
        signs[self.inputs] = False
        signs[self.directions] = self.norm == "inf"
        for neurons in self.neurons:
            signs[neurons.tangents.rows] = False
            if neurons.values is not None:
                signs[neurons.values.rows] = False
        model = FirstOrderModel(self.side, objective, constant, families, signs)
        return TangentModel(model, exponent, self.directions, self.inputs, tuple(self.neurons))

    def start(self) -> Forms | None:
        """Return the inputs as forms in their rows."""
        if isinstance(self.region, Everywhere):
            return None
        kept = self.net.inputs
        center = self.region.center[kept]
        radius = np.broadcast_to(self.region.radius, self.region.center.shape)[kept]
        return Forms.of_rows(self.side, self.inputs, radius, center)

    def tangents(self, forms: Forms, sizes: FloatArray, inner: bool) -> Tangents:
        bound = inflate(sizes + forms.errors, 2)
        scale = np.exp2(np.frexp(bound)[1])
        columns = self.share(forms.coefficients / scale[:, None])
        errors = inflate(forms.errors / scale + self.side * np.finfo(float).tiny, 2)
        rows = self.take(bound.size * inner)
        return Tangents(rows, columns, inflate(bound / scale, 2), errors, scale)

    def values(self, forms: Forms, ends: tuple[FloatArray, FloatArray], inner: bool) -> Values:
        scale = np.exp2(np.frexp(np.maximum(-ends[0], ends[1]))[1])
        columns = self.share(forms.coefficients / scale[:, None])
        errors = inflate(forms.errors / scale + self.side * np.finfo(float).tiny, 2)
        rows = self.take(scale.size * inner)
        return Values(rows, columns, ends[0] / scale, ends[1] / scale, errors, scale)

    def impose(self, layer: DeepLayer, before: Forms) -> None:
        """Require that pre-activations of a layer are in their ranges."""
        if not layer.size:
            return
        forms = before.mapped(layer.weight, layer.weight_error, layer.bias, layer.bias_error)
        states = self.values(forms, (layer.lower, layer.upper), False)
        within_range(self.products, states)

    def families(self, level: Level) -> tuple[ConstraintFamily, ...]:
        columns = np.arange(1, self.side)
        block = np.concatenate([*self.blocks, np.zeros((0, self.side))])
        forms = AffineForms(columns, np.ascontiguousarray(block[:, 1:]), block[:, 0].copy())
        found: list[ConstraintFamily] = list(self.products.families(forms))
        if self.norm != "inf":
            found.append(_unit_ball(self.directions))
        if isinstance(self.region, Ball):
            found.append(_unit_ball(self.inputs))
        if level == "mccormick":
            found += self.pairs(forms)
        return tuple(found)

    def pairs(self, forms: AffineForms) -> list[ConstraintFamily]:
        """Return the products of t with the first layer's u, and of all neurons' bounds with u."""
        found: list[ConstraintFamily] = []
        if self.neurons[0].count:
            found.append(GridFamily(self.directions, self.neurons[0].slopes))
        bounds = [part for neurons in self.neurons for part in bounds_of(self.products, neurons)]
        if bounds:
            switches = [
                neurons.switch(self.products, np.arange(neurons.count), sign)
                for neurons in self.neurons
                for sign in (1.0, -1.0)
            ]
            left = sparse.vstack([part[0] for part in bounds], format="csr")
            right = sparse.vstack(switches, format="csr")
            slack = np.concatenate([part[1] for part in bounds])
            found.append(OuterFamily(left, right, forms, slack).scaled())
        return found

    def objective(
        self, tangents: Forms, sizes: FloatArray
    ) -> tuple[tuple[SymmetricOperator, ...], float, int]:
        """Return ``c @ y_m`` for the tangents of the last pre-activations, scaled; see first_order.

        The constant covers the rounding: a form off by e costs ``|c| e``, a weight off by e costs e
        times the size of its tangent, and the sums of the linear part are rounded.
        """
        net = self.net
        largest = float((np.abs(net.weights) * sizes).max(initial=0.0))
        exponent = int(np.frexp(largest)[1])
        weights = np.ldexp(net.weights, -exponent)
        unstable = net.layers[-1].unstable
        half = weights[unstable] / 2
        rows = np.arange(1, self.side)
        column = half @ tangents.coefficients[unstable]
        column += weights[~unstable] @ tangents.coefficients[~unstable]
        operators: list[SymmetricOperator] = [
            BilinearOperator(rows, np.zeros(1, dtype=np.int64), column[1:, None], np.ones(1))
        ]
        moving = np.concatenate([self.directions, *(part.tangents.rows for part in self.neurons)])
        if half.size:
            block = np.ascontiguousarray(tangents.coefficients[np.ix_(unstable, moving)].T)
            operators.append(BilinearOperator(moving, self.neurons[-1].slopes, block, half))
        cost = np.abs(weights) @ (
            tangents.errors + gamma(weights.size + 4) * tangents.magnitudes
        ) + np.ldexp(net.weight_errors, -exponent) @ (sizes + tangents.errors)
        underflow = 4 * self.side * (weights.size + 1) * float(np.finfo(float).tiny)
        constant = float(inflate(cost + underflow, 4 * weights.size + 8))
        return tuple(operators), constant, exponent


def _unit_ball(rows: np.ndarray) -> EntryFamily:
    """Return ``1 - sum of squares >= 0``."""
    pairs = np.column_stack([rows, rows])
    return EntryFamily(pairs, sparse.csr_array(-np.ones((1, rows.size))), np.ones(1))
