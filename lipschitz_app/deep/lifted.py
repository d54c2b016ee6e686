r"""HR-1: two hidden layers with the products of derivatives as variables.

The gradient of a network with two hidden layers has the products ``y_jk = u_1j u_2k`` of its
neurons' derivatives in it,

.. math:: \max\; \sum_{ijk} c_k W^2_{kj} W^1_{ji}\, t_i y_{jk}, \qquad y_{jk} = u_{1j} u_{2k},

and is of degree 2 in t and y. Order 1 of this problem has one matrix of the moments of
``[1; t; y_k]`` for each neuron k of the second layer, which with ``0 <= y_jk y_j'k <= 1`` is HR-1
(Chen, Lasserre, Magron and Pauwels 2020, section 4). The *tie* ``y^2 = y``, which the published
code leaves out, makes it tighter by up to a quarter.

References
----------
T. Chen, J.-B. Lasserre, V. Magron, E. Pauwels, Semialgebraic optimization for Lipschitz constants
of ReLU networks, NeurIPS 2020, arXiv:2002.03657.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

import polyopt as po
from lipschitz_app.activations.registry import get_activation
from lipschitz_app.deep.forms import Forms
from lipschitz_app.deep.presolve import DeepNetwork
from lipschitz_app.errors import UnsupportedError
from lipschitz_app.regions import Ball, Everywhere, Region
from lipschitz_app.rounding import Norm, gamma, inflate, up
from lipschitz_app.stated import StatedProblem


@dataclass(frozen=True, slots=True, eq=False)
class LiftedRelaxation:
    """A relaxation and the problem that it relaxes."""

    encoding: StatedProblem
    relaxation: po.Relaxation


def hr1(
    net: DeepNetwork, region: Region, norm: Norm, *, tie: bool = True, bounds: bool = False
) -> LiftedRelaxation:
    """Return HR-1 of a network with two hidden layers.

    Parameters
    ----------
    net : DeepNetwork
    region : Box, Ball or Everywhere
    norm : "inf" or "2"
    tie : bool
        Whether products of derivatives are known to be 0 or 1.
    bounds : bool
        Add what order 2 on the derivative and pre-activation of each neuron says (HR-2).

    Raises
    ------
    UnsupportedError
        The network has another depth, or the norm is L1.
    """
    if len(net.layers) != 2:
        raise UnsupportedError(
            f'"hr1" is offered for two hidden layers, not for {len(net.layers)}; for any depth: '
            '"shor", "hr2", "mccormick"'
        )
    if norm == "1":
        raise UnsupportedError('"hr1" is offered for norm "inf" and 2; for norm 1 use "hr2"')
    builder = _Lifting(net, region, norm)
    problem = builder.problem(tie, bounds)
    encoding = StatedProblem(problem, builder.lower, builder.upper, builder.rounding)
    return LiftedRelaxation(encoding, po.shor(problem, chordal=True))


class _Lifting:
    """Variables t, y, u_1, u_2, and over a bounded region the inputs s and values p, in [-1, 1]."""

    def __init__(self, net: DeepNetwork, region: Region, norm: Norm) -> None:
        self.net, self.region, self.norm = net, region, norm
        inputs, one, two = net.inputs.size, *net.unstable
        local = not isinstance(region, Everywhere)
        sizes = [inputs, one * two, one, two, inputs * local, one * local]
        self.parts = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
        self.names = [
            f"{letter}{i}"
            for letter, count in zip("tyuvsp", sizes, strict=True)
            for i in range(count)
        ]
        self.count = len(self.names)
        self.lower = np.zeros(self.count)
        self.upper = np.ones(self.count)
        for part in (0, 4, 5):
            self.lower[self.parts[part]] = -1.0
        self.rounding = _rounding(net)

    def affine(self, forms: Forms) -> list[po.Polynomial]:
        matrix = sparse.csr_array(forms.coefficients[:, 1:])
        return po.affine(matrix, forms.coefficients[:, 0], variables=self.names)

    def problem(self, tie: bool, bounds: bool) -> po.PolynomialProblem:
        eye = sparse.eye_array(self.count, format="csr")
        x = po.affine(eye, variables=self.names)
        t, y, u, v, s, _ = ([x[i] for i in part] for part in self.parts)
        inequalities = _ball(t, self.norm == "2")
        equalities = [w * w - w for w in [*u, *v, *(y if tie else [])]]
        pairs = [y[a] * y[b] for a, b in self.neighbours()]
        inequalities += pairs
        if not tie:
            inequalities += [1 - w for w in [*(w * w for w in y), *pairs]]
        for number, product in enumerate(y):
            j, k = divmod(number, len(v))
            equalities.append(product - u[j] * v[k])
        if s:
            inequalities += _ball(s, isinstance(self.region, Ball))
            inequalities += self.values(u, v, bounds)
        return po.PolynomialProblem(
            self.objective(), inequalities, equalities, variables=self.names, sense="max"
        )

    def neighbours(self) -> list[tuple[int, int]]:
        """Return the pairs of products that share a neuron of the second layer."""
        one, two = self.net.unstable
        return [
            (i * two + k, j * two + k) for k in range(two) for i in range(one) for j in range(i)
        ]

    def objective(self) -> po.Polynomial:
        first, second = self.net.layers
        weights = self.net.weights
        a, b = first.weight, second.weight
        one, two = first.unstable, second.unstable
        t, y, u, v, _, _ = self.parts
        matrix = np.zeros((self.count, self.count))
        scaled = weights[two, None] * b[np.ix_(two, one)]
        matrix[np.ix_(t, y)] = np.einsum("ji,kj->ijk", a[one], scaled).reshape(t.size, y.size)
        matrix[np.ix_(t, u)] = (a[one] * (weights[~two] @ b[np.ix_(~two, one)])[:, None]).T
        matrix[np.ix_(t, v)] = (weights[two, None] * (b[np.ix_(two, ~one)] @ a[~one])).T
        linear = np.zeros(self.count)
        linear[t] = weights[~two] @ b[np.ix_(~two, ~one)] @ a[~one]
        return po.quadratic(sparse.csr_array(matrix), linear, variables=self.names)

    def values(
        self, u: list[po.Polynomial], v: list[po.Polynomial], bounds: bool
    ) -> list[po.Polynomial]:
        """Return the constraints of pre-activations and of the first layer's values."""
        if isinstance(self.region, Everywhere):
            return []
        relu = get_activation("relu")
        first, second = self.net.layers
        side, kept = self.count + 1, self.net.inputs
        radius = np.broadcast_to(self.region.radius, self.region.center.shape)[kept]
        values = Forms.of_rows(side, 1 + self.parts[4], radius, self.region.center[kept])
        found: list[po.Polynomial] = []
        for layer, slopes in ((first, u), (second, v)):
            z = values.mapped(layer.weight, layer.weight_error, layer.bias, layer.bias_error)
            unstable = layer.unstable
            moving = z.chosen(unstable)
            low, high = layer.lower[unstable], layer.upper[unstable]
            limit = up(moving.errors + 1e-300)
            data = zip(
                self.affine(moving), slopes, low, high, limit, moving.magnitudes, strict=True
            )
            for form, slope, *ends, size in data:
                lower, upper, error = map(float, ends)
                constraints = relu.derivative_constraints(form, slope, lower, upper, error)
                found += constraints.inequalities
                if bounds:
                    more = relu.product_constraints(  # type: ignore[attr-defined]
                        form, slope, lower, upper, error, magnitude=float(size)
                    )
                    found += more.inequalities
            if layer is second:
                break
            half = inflate((high + 4 * limit) / 2, 4)
            own = Forms.of_rows(side, 1 + self.parts[5], half, high / 2, limit)
            pairs = zip(
                self.affine(moving), self.affine(own), limit, moving.magnitudes, high, strict=True
            )
            for form, value, error, size, top in pairs:
                # The true value misses its own form and that of z by at most the error.
                slack = float(inflate(4 * error * (size + top) + gamma(8) * size * (size + top), 8))
                product = value * (value - form)
                found += [value + 2 * float(error), value - form + 2 * float(error)]
                found += [product + slack, slack - product]
            values = z.replaced(unstable, own)
        return found


def _ball(variables: list[po.Polynomial], euclidean: bool) -> list[po.Polynomial]:
    squares = [w * w for w in variables]
    return [1 - po.sum_polynomials(squares)] if euclidean else [1 - w for w in squares]


def _rounding(net: DeepNetwork) -> float:
    """Return how much errors of the data and rounding can take from the objective's maximum."""
    first, second = net.layers
    c, b, a = np.abs(net.weights), np.abs(second.weight), np.abs(first.weight)
    wide_b, wide_a = b + second.weight_error, a + first.weight_error
    total = float((c @ b @ a).sum())
    errors = net.weight_errors @ wide_b @ wide_a + c @ second.weight_error @ wide_a
    errors = errors + c @ b @ first.weight_error
    terms = a.shape[0] + b.shape[0] + 8
    return float(inflate(gamma(terms) * total + errors.sum(), 4 * terms + a.shape[1]))
