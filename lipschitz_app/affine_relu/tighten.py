r"""The anchored constant as a polynomial problem, and its relaxation of order one.

Over s, the unit vector v and the changes w of the layers (:mod:`lipschitz_app.affine_relu.lifting`)

.. math:: \max \|C w_K\|^2 \quad\text{s.t.}\quad \|v\|^2 = 1,\ s \ge 1,\ g_{i1}, g_{i2} \ge 0,\
          g_{i1} g_{i2} \le 0,\ \ell_i \pm a_i^T q \ge 0,

with :math:`g_{i1} = w_i + \max(y_i, 0)\,s` and :math:`g_{i2} = w_i - a_i^T q - \min(y_i, 0)\,s`.
The order-one relaxation takes these and all products of two linear constraints (Schmüdgen's
certificate of degree 2). With the products of each row alone it is already at most ‖RAD‖: see
docs/affine-relu.md for the proof. Cuts :math:`1 - u^T v \ge 0`, u a unit vector, come in rounds,
for the u that violate :math:`\|L(g v)\| \le L(g)` most; their products are what is missing of the
localizing matrices of the unit ball.

References
----------
T. Avant, K. A. Morgansen, Analytical bounds on the local Lipschitz constants of ReLU networks,
IEEE TNNLS 2023, arXiv:2104.14672 (the bound ‖RAD‖).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

import polyopt as po
from lipschitz_app.affine_relu.layer import AffineReluBound, with_relaxation
from lipschitz_app.affine_relu.lifting import LiftedNetwork, lift
from lipschitz_app.errors import NoBoundError, UnsupportedError
from lipschitz_app.rounding import FloatArray, gamma, up

Products = Literal["rows", "all"]

LARGEST = 40
"""Most variables of a relaxation; beyond :data:`LARGEST_ALL` only with the products of rows."""
LARGEST_ALL = 32
"""Most variables that all products are used for when nothing else is asked."""
LARGEST_CUTS = 22
"""Most variables that cuts are used for when nothing else is asked."""


@dataclass(frozen=True, slots=True, eq=False)
class Relaxed:
    """A proven bound by relaxation.

    Attributes
    ----------
    bound : float
        Proven upper bound of the anchored constant.
    proof : polyopt.ProvenBound
        Of the squared objective of `problem`.
    problem : polyopt.PolynomialProblem
    rounds : int
        Relaxations solved.
    how : str
        Sizes, for people.
    """

    bound: float
    proof: Any
    problem: po.PolynomialProblem
    rounds: int
    how: str


@dataclass(frozen=True, slots=True, eq=False)
class _Statement:
    problem: po.PolynomialProblem
    row_of: tuple[int, ...]
    """Row that each linear inequality belongs to, -1 for s >= 1 and for cuts."""
    kind_of: tuple[str, ...]
    """What each linear inequality is: "scale", "secant", "reach" or "cut"."""
    secants: FloatArray
    """The g as vectors over (1, variables)."""


def relax(
    lifted: LiftedNetwork,
    *,
    products: Products | None = None,
    rounds: int | None = None,
    solver: str | None = None,
    tolerance: float = 1e-8,
    time_limit: float | None = None,
) -> Relaxed:
    """Bound the anchored constant of lifted layers by relaxation.

    Parameters
    ----------
    lifted : LiftedNetwork
    products : "rows" or "all"
        Products within each row, or of all pairs of linear constraints; by size when left out.
    rounds : int, optional
        Most relaxations to solve; from the second on with cuts. Only with all products. By size
        when left out: 3 or 1.
    solver, tolerance, time_limit
        As for :meth:`polyopt.Relaxation.solve`; the limit is for each round.

    Raises
    ------
    NoBoundError
        The solver gave nothing to prove a bound from.
    """
    if products is None:
        products = "all" if lifted.variables <= LARGEST_ALL else "rows"
    if rounds is None:
        rounds = 3 if lifted.variables <= LARGEST_CUTS else 1
    best: Relaxed | None = None
    cuts = np.zeros((0, lifted.inputs))
    box = _box(lifted)
    why = ""
    for number in range(1, max(1, rounds) + 1):
        statement = state(lifted, cuts)
        relaxation = _relaxation(statement, products)
        result = relaxation.solve(solver=solver, tolerance=tolerance, time_limit=time_limit)
        if not result.status.has_iterate:
            why = f"the solver {result.solver} says {result.status}: {result.status.text}"
            break
        try:
            proof = result.prove(box=box)
        except po.PolyoptError as error:
            why = str(error)
            break
        if np.isfinite(proof.bound):
            how = f"order-one relaxation, products: {products}; {relaxation.plan.summary}"
            bound = lifted.bound(proof.bound)
            gain = 1.0 if best is None else 1 - bound / best.bound
            if best is None or bound < best.bound:
                best = Relaxed(bound, proof, statement.problem, number, how)
            if gain < 1e-6:
                break
        if products == "rows" or number == rounds:
            break
        found = _violated(result, statement, lifted.inputs)
        if not len(found):
            break
        cuts = np.vstack([cuts, found])
    if best is None:
        raise NoBoundError(f"the relaxation gave no bound: {why or 'its proof is infinite'}")
    return best


def tighten_layer(analysis: AffineReluBound, *, rounds: int | None = None) -> AffineReluBound:
    """Return the analysis of a layer with a bound by relaxation beside ‖RAD‖.

    Layers without partial rows, and the limit of small radii, come back as they are.

    Raises
    ------
    UnsupportedError
        Norms that are not Euclidean, or more than :data:`LARGEST` variables.
    NoBoundError
        The solver gave nothing to prove a bound from.

    Examples
    --------
    >>> from lipschitz_app.affine_relu import affine_relu_bound
    >>> a = affine_relu_bound([[1.0], [-1.0]], [-0.5, -0.5], [0.0], 1.0, tighten=True)
    >>> round(a.analytic, 4), round(a.bound, 4), a.method
    (0.7071, 0.5, 'relaxation')
    """
    if (analysis.input_norm, analysis.output_norm) != ("2", "2"):
        raise UnsupportedError(
            f"tightening got the norms {analysis.input_norm} and {analysis.output_norm}; it is "
            "offered for Euclidean norms"
        )
    if analysis.radius == 0 or not analysis.relu or analysis.bound == 0:
        return analysis
    rows = int(((analysis.slopes > 0) & (analysis.lower < 0)).sum())
    if rows == 0:
        return analysis
    number = 1 + int(analysis.moving.sum()) + rows
    if number > LARGEST:
        raise UnsupportedError(
            f"the layer's relaxation has {number} variables (1, moving inputs and partial rows); "
            f"it is offered up to {LARGEST}; use the analytic bound"
        )
    return with_relaxation(analysis, relax(lift([analysis], [analysis.bound]), rounds=rounds))


def state(lifted: LiftedNetwork, cuts: FloatArray | None = None) -> _Statement:
    """Return the polynomial problem of lifted layers."""
    size = lifted.variables
    names = _names(lifted)
    linear: list[FloatArray] = [_unit(size, 1) - _unit(size, 0)]
    row_of, kind_of, secants = [-1], ["scale"], []
    inequalities: list[po.Polynomial] = []
    equalities = [po.quadratic(np.diag(_mask(size, 1, lifted.inputs)), None, -1.0, variables=names)]
    before, offset, row = slice(1, 1 + lifted.inputs), 1 + lifted.inputs, 0
    objective = np.zeros((size, size))
    for k, layer in enumerate(lifted.layers):
        final = k == len(lifted.layers) - 1
        for i in range(len(layer.reach)):
            image = np.zeros(size + 1)
            image[1 + before.start : 1 + before.stop] = layer.matrix[i]
            w = _unit(size, 1 + offset + i)
            if layer.linear[i]:
                if not (final and lifted.output is None):
                    difference = (w - image)[1:]
                    equalities.append(po.affine(difference[None], [0.0], variables=names)[0])
                continue
            low, high = float(layer.low[i]), float(layer.high[i])
            s = _unit(size, 1)
            pair = [w + max(high, 0.0) * s, w - image - min(low, 0.0) * s]
            reach = _unit(size, 0) * layer.reach[i]
            linear += [*pair, reach - image, reach + image]
            row_of += [row] * 4
            kind_of += ["secant", "secant", "reach", "reach"]
            secants += pair
            Q = np.outer(w, image) - np.outer(w, w)
            # Exact in doubles: 30 bits of weights, 22 of low and high.
            if low > 0:
                Q += low * (np.outer(s, image) - np.outer(s, w))
            elif high < 0:
                Q += high * np.outer(s, w)
            inequalities.append(po.quadratic(Q[1:, 1:], variables=names))
            row += 1
        here = slice(offset, offset + len(layer.reach))
        if final and lifted.output is None:
            objective[here, here] += np.diag((~layer.linear).astype(np.float64))
            objective[before, before] += _gram(layer.matrix[layer.linear])
        elif final and lifted.output is not None:
            objective[here, here] += _gram(lifted.output)
        if not final:
            square = float(up(layer.cap * layer.cap))
            balance = -np.diag(_mask(size, here.start, len(layer.reach)))
            inequalities.append(po.quadratic(balance, None, square, variables=names))
        before, offset = here, here.stop
    for u in np.zeros((0, lifted.inputs)) if cuts is None else cuts:
        cut = _unit(size, 0)
        cut[2 : 2 + lifted.inputs] = -u
        linear.append(cut)
        row_of.append(-1)
        kind_of.append("cut")
    table = np.array(linear)
    affine = po.affine(table[:, 1:], table[:, 0], variables=names)
    problem = po.PolynomialProblem(
        po.quadratic(objective, variables=names),
        [*affine, *inequalities],
        equalities,
        variables=names,
        sense="max",
    )
    return _Statement(
        problem, tuple(row_of), tuple(kind_of), np.array(secants).reshape(-1, size + 1)
    )


def _relaxation(statement: _Statement, products: Products) -> po.Relaxation:
    full = po.schmuedgen(statement.problem, order=1, most_factors=2)

    def wanted(multiplier: po.Multiplier) -> bool:
        numbers = [f.number for f in multiplier.factors if f.kind == "inequality"]
        if len(numbers) < 2:
            return True
        if products == "rows":
            return len({statement.row_of[k] for k in numbers} - {-1}) <= 1
        kinds = {statement.kind_of[k] for k in numbers}
        return "cut" not in kinds or "secant" in kinds

    kept = tuple(m for m in full.multipliers if wanted(m))
    return po.Relaxation(statement.problem, kept, f"order 1, products: {products}", 1)


def _violated(result: po.RelaxationResult, statement: _Statement, inputs: int) -> FloatArray:
    """Return unit vectors u whose cuts the g of some rows violate, worst first."""
    number = statement.problem.number_of_variables
    # Changes of linear rows occur in no constraint and have no moments.
    moments = np.nan_to_num(result.moments.matrix(np.arange(number), 1))
    images = statement.secants @ moments
    vectors, sizes = images[:, 2 : 2 + inputs], images[:, 0]
    norms = np.linalg.norm(vectors, axis=1)
    excess = norms - np.maximum(sizes, 0.0)
    order = np.argsort(-excess, kind="stable")
    chosen: list[FloatArray] = []
    for k in order[: 4 * inputs]:
        if excess[k] < 1e-5 or len(chosen) >= 2 * inputs:
            break
        # A little short of a unit vector: the cut has to hold exactly.
        u = vectors[k] / norms[k] * (1 - 1e-12)
        if all(abs(float(u @ other)) < 1 - 1e-6 or float(u @ other) < 0 for other in chosen):
            chosen.append(u)
    return np.array(chosen).reshape(-1, inputs)


def _box(lifted: LiftedNetwork) -> tuple[FloatArray, FloatArray]:
    """Return ranges of the variables that hold at every point that matters."""
    parts = [np.ones(lifted.inputs)]
    parts += [np.minimum(layer.reach, layer.cap) for layer in lifted.layers]
    size = np.concatenate(parts)
    return np.concatenate([[1.0], -size]), np.concatenate([[lifted.largest_scale], size])


def _gram(matrix: FloatArray) -> FloatArray:
    """Return a matrix above ``matrix^T matrix`` in the semidefinite order, within rounding."""
    magnitude = np.abs(matrix)
    error = gamma(2 * matrix.shape[0] + 4) * (magnitude.T @ magnitude).sum(axis=1)
    return np.asarray(matrix.T @ matrix + np.diag(error))


def _names(lifted: LiftedNetwork) -> list[str]:
    names = ["s", *(f"v{j}" for j in range(lifted.inputs))]
    for k, layer in enumerate(lifted.layers):
        names += [f"w{k}_{i}" for i in range(len(layer.reach))]
    return names


def _unit(size: int, index: int) -> FloatArray:
    vector = np.zeros(size + 1)
    vector[index] = 1.0
    return vector


def _mask(size: int, start: int, length: int) -> FloatArray:
    vector = np.zeros(size)
    vector[start : start + length] = 1.0
    return vector
