r"""The Lipschitz problem of one hidden layer as a polynomial optimisation problem.

After presolve (:mod:`lipschitz_app.hidden`) the constant is at most

.. math:: \max\; t^T (base + A^T \mathrm{diag}(u)\, c), \quad \|t\| \le 1,\; x \in \Omega,\;
    u_j \in \sigma'(a_j^T x + b_j),

a problem of degree 2 in the directions t, the inputs x and the derivatives u of the unstable
neurons (Chen, Lasserre, Magron and Pauwels 2020, section 2). Inputs are centred and scaled,
``x = center + radius * s``, so that a box becomes ``s_i^2 <= 1``; over the whole space there are no
inputs and the derivatives are free.

Two forms. *Substituted*: pre-activations are affine polynomials in s. *Lifted*: they are variables
z, tied by ``z = A x + b``.

Rounding. A bound of this problem is a bound for the network because

- the coefficients ``c_j a_ji`` and `base` are off by known amounts, and ``|t_i| <= 1, |u_j| <= 1``:
  their sum is `rounding`, to be added to any bound;
- the pre-activation polynomials are off by at most `errors`, and each constraint that contains them
  is widened so that the true points satisfy it (``(u - 1/2) z``: multiplication by 1/2 is exact);
- all other constraints (boxes, u(u-1) = 0, products of the two) have exact coefficients.

References
----------
T. Chen, J.-B. Lasserre, V. Magron, E. Pauwels, Semialgebraic optimization for Lipschitz constants
of ReLU networks, NeurIPS 2020, arXiv:2002.03657.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy import sparse

import polyopt as po
from lipschitz_app.errors import UnsupportedError
from lipschitz_app.hidden import HiddenLayer
from lipschitz_app.regions import Ball, BallInBox, Box, Region
from lipschitz_app.rounding import UNIT, FloatArray, Norm, affine_interval, down, inflate, up

Direction: TypeAlias = tuple[int, float]
"""A vertex of the L1 ball: a coordinate and a sign."""


@dataclass(frozen=True, slots=True)
class PreActivations:
    """Pre-activations of the unstable neurons as affine functions of the scaled inputs s.

    Attributes
    ----------
    rows, offsets : arrays, shapes (k, n) and (k,)
        ``z = rows @ s + offsets``.
    errors : array, shape (k,)
        How far the true pre-activations can be from that.
    magnitudes : array, shape (k,)
        Sums of the absolute coefficients.
    lower, upper : arrays, shape (k,)
        Proven bounds on the true pre-activations.
    """

    rows: FloatArray
    offsets: FloatArray
    errors: FloatArray
    magnitudes: FloatArray
    lower: FloatArray
    upper: FloatArray


@dataclass(frozen=True, slots=True)
class Encoding:
    """A Lipschitz problem and what its variables mean.

    Attributes
    ----------
    problem : polyopt.PolynomialProblem
        A maximisation.
    directions, inputs, slopes, pre_activations : arrays of int
        Positions of t, s, u and z among the variables (inputs and z may be empty).
    input_of_direction : array of int
        For each direction, the position of the scaled input of the same coordinate, or -1.
    lower, upper : arrays
        A box around all feasible points.
    rounding : float
        To be added to a bound of the problem.
    constraints_of : tuple of tuple of int
        For each unstable neuron, the inequalities that contain its pre-activation polynomial.
    data : PreActivations or None
        None over the whole space.
    """

    problem: po.PolynomialProblem
    directions: np.ndarray
    inputs: np.ndarray
    slopes: np.ndarray
    pre_activations: np.ndarray
    input_of_direction: np.ndarray
    lower: FloatArray
    upper: FloatArray
    rounding: float
    constraints_of: tuple[tuple[int, ...], ...]
    data: PreActivations | None

    def __str__(self) -> str:
        return (
            f"Lipschitz problem: {len(self.directions)} directions, {len(self.inputs)} inputs, "
            f"{len(self.slopes)} unstable neurons, {len(self.pre_activations)} pre-activations as "
            f"variables; rounding {self.rounding:.1e}"
        )


def pre_activations(hidden: HiddenLayer, region: Box | Ball) -> PreActivations:
    """Return the pre-activations over a bounded region in scaled inputs, with error bounds."""
    radius = np.broadcast_to(region.radius, region.center.shape)
    rows = hidden.rows * radius
    low, high = affine_interval(hidden.rows, hidden.bias_range, region.center, region.center)
    offsets = low + (high - low) / 2
    spread = np.abs(rows).sum(axis=1)
    errors = np.maximum(high - offsets, offsets - low) + 2 * UNIT * spread
    magnitudes = inflate(spread + np.abs(offsets), rows.shape[1] + 2)
    # Room for rounding the constants of the constraints, which the error is added to.
    errors = inflate(errors + 8 * UNIT * magnitudes, rows.shape[1] + 4)
    return PreActivations(rows, offsets, errors, magnitudes, hidden.lower, hidden.upper)


def encode(
    hidden: HiddenLayer,
    region: Region,
    norm: Norm,
    *,
    form: Literal["substituted", "lifted"] = "substituted",
    products: bool = False,
    mccormick: Literal["none", "inputs", "slopes"] = "none",
    direction: Direction | None = None,
) -> Encoding:
    """State the Lipschitz problem of one hidden layer.

    Parameters
    ----------
    hidden : HiddenLayer
        With at least one unstable neuron.
    region : Box, Ball or Everywhere
    norm : "inf", "2" or "1"
        Norm of the input space.
    form : "substituted" or "lifted"
        Whether the pre-activations are polynomials or variables.
    products : bool
        Add the activation's product inequalities of u and z (what order 2 on {u_j, z_j} says about
        moments of order 1), if it has any.
    mccormick : "none", "inputs" or "slopes"
        Add the products of the bounds of t_i and s_i for each i, or of t_i and u_j for all pairs.
    direction : pair (coordinate, sign), optional
        For norm "1", whose unit ball has the vertices ``t = sign * e_coordinate``: which of them t
        is. The problem then has no directions as variables, and its objective is linear.

    Raises
    ------
    UnsupportedError
        The norm is L1 and no direction is given.
    """
    if norm == "1" and direction is None:
        raise UnsupportedError(
            'this relaxation is offered for norm "inf" and 2; for norm 1 use "shor", "hr2", '
            '"mccormick", "interval" or "exact"'
        )
    data = None if not isinstance(region, (Box, Ball)) else pre_activations(hidden, region)
    coefficients = hidden.weights[:, None] * hidden.rows
    used = np.flatnonzero((coefficients != 0).any(axis=0) | (hidden.base != 0))
    if direction is not None:
        used = used[:0]
    moving = np.flatnonzero((data.rows != 0).any(axis=0)) if data is not None else used[:0]
    k, lifted = hidden.unstable, form == "lifted" and data is not None
    sizes = [used.size, moving.size, k, k if lifted else 0]
    names = [
        f"{letter}{i}"
        for letter, count in zip("txuz", sizes, strict=True)
        for i in (used if letter == "t" else moving if letter == "x" else range(count))
    ]
    total = sum(sizes)
    t, s, u, z = np.split(np.arange(total), np.cumsum(sizes)[:-1])
    generators = po.affine(sparse.eye_array(total, format="csr"), variables=names)

    # Objective.
    matrix, linear, constant = sparse.lil_array((total, total)), np.zeros(total), 0.0
    if direction is None:
        matrix[t[0] : t[-1] + 1, u[0] : u[-1] + 1] = coefficients[:, used].T
        linear[t] = hidden.base[used]
    else:
        entry, sign = direction
        linear[u] = sign * coefficients[:, entry]
        constant = sign * float(hidden.base[entry])
    objective = po.quadratic(matrix.tocsr(), linear, constant, variables=names)

    inequalities: list[po.Polynomial] = []
    equalities: list[po.Polynomial] = []
    if t.size:
        inequalities += _norm_ball([generators[i] for i in t], norm == "2")
    if s.size:
        inequalities += _norm_ball([generators[i] for i in s], isinstance(region, Ball))
    cut = _cut_inputs(region, moving)
    for position, (least, greatest) in cut.items():
        input_ = generators[s[position]]
        inequalities.append(_between(input_, least, greatest))
    lower = np.concatenate([-np.ones(t.size + s.size), np.zeros(k), np.zeros(z.size)])
    upper = np.ones(total)
    constraints_of: list[tuple[int, ...]] = []
    if data is None:
        for j in u:
            equalities.append(generators[j] * generators[j] - generators[j])
            constraints_of.append(())
    else:
        affine = _affine(data, moving, s, total, names)
        low, high = up(-data.lower + data.errors) * -1.0, up(data.upper + data.errors)
        if lifted:
            lower[z], upper[z] = low, high
            for j in range(k):
                equalities.append(generators[z[j]] - affine[j])
                inequalities.append(_between(generators[z[j]], float(low[j]), float(high[j])))
            affine = [generators[i] for i in z]
        # Those of relu are 0 and 1, which its own constraints say.
        slopes = None
        if hidden.encoding.name != "relu":
            slopes = hidden.encoding.slope_range(data.lower, data.upper)
        for j in range(k):
            bounds = (float(low[j]), float(high[j]), float(data.errors[j]))
            found = hidden.encoding.derivative_constraints(affine[j], generators[u[j]], *bounds)
            new = list(found.inequalities)
            if slopes is not None:
                new.append(_between(generators[u[j]], float(slopes[0][j]), float(slopes[1][j])))
            if products:
                new += _products(hidden, affine[j], generators[u[j]], bounds, data.magnitudes[j])
            constraints_of.append(tuple(range(len(inequalities), len(inequalities) + len(new))))
            inequalities += new
            equalities += found.equalities
    partner = np.full(t.size, -1)
    for position, coordinate in enumerate(used):
        match = np.flatnonzero(moving == coordinate)
        if match.size:
            partner[position] = s[match[0]]
    if mccormick == "inputs":
        pairs = [(int(t[p]), int(q)) for p, q in enumerate(partner) if q >= 0]
        inequalities += _mccormick(generators, pairs, lower)
    elif mccormick == "slopes":
        inequalities += _mccormick(generators, [(int(i), int(j)) for i in t for j in u], lower)
    for position, (least, greatest) in cut.items():
        lower[s[position]], upper[s[position]] = max(-1.0, least), min(1.0, greatest)
    problem = po.PolynomialProblem(
        objective, inequalities, equalities, variables=names, sense="max"
    )
    return Encoding(
        problem,
        t,
        s,
        u,
        z,
        partner,
        lower,
        upper,
        _rounding(hidden, coefficients),
        tuple(constraints_of),
        data,
    )


def _rounding(hidden: HiddenLayer, coefficients: FloatArray) -> float:
    """Return how much rounding of the objective's coefficients can take away from its maximum."""
    products = 2 * UNIT * np.abs(coefficients) + 5e-324
    weights = hidden.weight_errors[:, None] * np.abs(hidden.rows)
    total = products.sum() + weights.sum() + hidden.base_errors.sum()
    return float(inflate(total, coefficients.size + hidden.inputs))


def _norm_ball(generators: list[po.Polynomial], euclidean: bool) -> list[po.Polynomial]:
    squares = [v * v for v in generators]
    return [1 - po.sum_polynomials(squares)] if euclidean else [1 - square for square in squares]


def _cut_inputs(region: Region, moving: np.ndarray) -> dict[int, tuple[float, float]]:
    """Return bounds of the scaled inputs of a ball that a box cuts, rounded outwards."""
    if not isinstance(region, BallInBox) or region.radius == 0.0:
        return {}
    low = down(down(region.lower - region.center) / region.radius)
    high = up(up(region.upper - region.center) / region.radius)
    sides = zip(low[moving].tolist(), high[moving].tolist(), strict=True)
    return {
        position: (least, greatest)
        for position, (least, greatest) in enumerate(sides)
        if least > -1.0 or greatest < 1.0
    }


def _affine(
    data: PreActivations, moving: np.ndarray, s: np.ndarray, total: int, names: list[str]
) -> list[po.Polynomial]:
    matrix = sparse.lil_array((len(data.offsets), total))
    if s.size:
        matrix[:, s[0] : s[-1] + 1] = data.rows[:, moving]
    return po.affine(matrix.tocsr(), data.offsets, variables=names)


def _expansion_slack(low: float, high: float) -> float:
    """Bound the rounding of the coefficients of (z - low)(high - z) for z in [low, high]."""
    size = max(abs(low), abs(high))
    return float(inflate(16 * UNIT * size * size, 8))


def _between(u: po.Polynomial, low: float, high: float) -> po.Polynomial:
    """Return ``(u - low)(high - u)``, widened by the rounding of its coefficients."""
    found: po.Polynomial = (u - low) * (high - u) + _expansion_slack(low, high)
    return found


def _products(
    hidden: HiddenLayer,
    z: po.Polynomial,
    u: po.Polynomial,
    bounds: tuple[float, float, float],
    magnitude: float,
) -> list[po.Polynomial]:
    make = getattr(hidden.encoding, "product_constraints", None)
    if make is None:
        return []
    return list(make(z, u, *bounds, magnitude=float(magnitude)).inequalities)


def _mccormick(
    generators: list[po.Polynomial], pairs: list[tuple[int, int]], lower: FloatArray
) -> list[po.Polynomial]:
    """Return the four products of the bounds of each pair; all bounds are -1 or 0, and 1."""
    found = []
    for first, second in pairs:
        a, b = generators[first], generators[second]
        for left in (1 - a, a - float(lower[first])):
            for right in (1 - b, b - float(lower[second])):
                found.append(left * right)
    return found
