r"""The whole output vector of a small hidden layer as one polynomial problem of degree three.

.. math:: \max\; s^T (base + W_2 \mathrm{diag}(u) W_1) t, \quad \|s\|_{q^*} \le 1, \; \|t\|_p \le 1

over the derivatives u that occur in the region, as in :mod:`lipschitz_app.encoding`, with a second
direction s on the side of the outputs; order 2 of Putinar's hierarchy with correlative sparsity.
"""

from __future__ import annotations

import time

import numpy as np

import polyopt as po
from lipschitz_app.encoding import encode
from lipschitz_app.errors import NoBoundError, UnsupportedError
from lipschitz_app.hidden import HiddenLayer
from lipschitz_app.outputs import OutputMap
from lipschitz_app.rounding import UNIT, FloatArray, gamma, inflate, up
from lipschitz_app.stated import StatedProblem
from lipschitz_app.upper.base import UpperBound
from lipschitz_app.upper.certificate import of_polynomial
from lipschitz_app.upper.task import Task

MOST_VARIABLES = 10
"""Most directions, slopes and outputs together."""


def trilinear_problem(task: Task, target: OutputMap) -> StatedProblem:
    """State the problem.

    Raises
    ------
    UnsupportedError
        Not one hidden layer, too many variables, or an input norm L1.
    """
    pairs = task.net.affine_pairs()
    if len(pairs) != 2 or task.norm == "1" or target.norm == "inf":
        raise UnsupportedError(
            'order 2 for all outputs is offered for one hidden layer, input norm "inf" or 2 and '
            'output norm 1 or 2; use "interval", or "lipsdp" in the norms 2'
        )
    (rows, biases), (last, _) = pairs
    layer = task.ranges[0]
    moving = layer.unstable & (last != 0).any(axis=0) & (rows != 0).any(axis=1)
    size = rows.shape[1] + int(moving.sum()) + target.size
    if size > MOST_VARIABLES or not moving.any():
        raise UnsupportedError(
            f"order 2 for all outputs has {size} variables here, {int(moving.sum())} of them "
            f'unstable neurons; 1 to {MOST_VARIABLES} are offered. Use "interval" or "lipsdp"'
        )
    zero = np.zeros(rows.shape[1])
    hidden = HiddenLayer(
        rows=rows[moving],
        biases=biases[moving],
        weights=np.ones(int(moving.sum())),
        weight_errors=np.zeros(int(moving.sum())),
        # Every direction matters to some output.
        base=zero + 1.0,
        base_errors=zero,
        lower=layer.lower[moving],
        upper=layer.upper[moving],
        encoding=task.net.activations[0].encoding,
    )
    encoding = encode(hidden, task.region, task.norm)
    fixed = last * np.where(layer.unstable, 0.0, layer.slope_lower)
    base = fixed @ rows
    names = [*encoding.problem.variables.names, *(f"s{o}" for o in range(target.size))]
    x = po.affine(np.eye(len(names)), variables=names)
    t, u = [x[i] for i in encoding.directions], [x[i] for i in encoding.slopes]
    s = x[len(names) - target.size :]
    parts = last[:, moving][:, :, None] * rows[moving][None]
    terms = [
        s[o]
        * t[i]
        * (
            float(base[o, i])
            + po.sum_polynomials(float(c) * v for c, v in zip(column, u, strict=True))
        )
        for o in range(target.size)
        for i, column in enumerate(parts[o].T)
    ]
    limits = [1 - v * v for v in s]
    if target.norm == "2":
        limits = [1 - po.sum_polynomials(v * v for v in s)]
    problem = po.PolynomialProblem(
        po.sum_polynomials(terms),
        [*encoding.problem.inequalities, *limits],
        encoding.problem.equalities,
        variables=names,
        sense="max",
    )
    ones = np.ones(target.size)
    lower, upper = np.append(encoding.lower, -ones), np.append(encoding.upper, ones)
    return StatedProblem(problem, lower, upper, _rounding(parts, fixed, rows))


def trilinear_bound(task: Task, target: OutputMap) -> UpperBound:
    """Return the bound of order 2, proven where the task asks for it.

    Raises
    ------
    UnsupportedError
        See :func:`trilinear_problem`.
    NoBoundError
        The solver gave no bound, or no proof of it.
    """
    begin = time.perf_counter()
    stated = trilinear_problem(task, target)
    problem, margin = stated.problem, stated.rounding
    result = po.putinar(problem, order=2, sparsity="correlative").solve(
        solver=task.solver, tolerance=task.tolerance, time_limit=task.remaining
    )
    solved = time.perf_counter()
    if not result.status.has_iterate:
        raise NoBoundError(
            f"order 2 for all outputs: {result.status.text} Give it more time, or use another "
            "method or solver"
        )
    proof = result.prove(box=(stated.lower, stated.upper)) if task.prove else None
    if proof is not None and not np.isfinite(proof.bound):
        raise NoBoundError(
            "order 2 for all outputs: the solver's answer proves no finite bound; lower the "
            "tolerance, or use another method"
        )
    value = result.bound if proof is None else proof.bound
    return UpperBound(
        float(up(value + margin)),
        "numerical" if proof is None else "proven",
        status=str(result.status),
        proof=proof,
        problem=problem,
        margin=margin,
        timings={
            "solver": solved - begin,
            "proof": time.perf_counter() - solved,
        },
        notes=(f"order 2 in {problem.number_of_variables} variables",),
        certificate=of_polynomial(proof, {}, "trilinear"),
    )


def _rounding(parts: FloatArray, fixed: FloatArray, rows: FloatArray) -> float:
    """Bound what rounding of the objective's coefficients can take away from its maximum."""
    products = 2 * UNIT * np.abs(parts).sum() + parts.size * 5e-324
    sums = gamma(rows.shape[0] + 2) * (np.abs(fixed) @ np.abs(rows)).sum() + 1e-300
    return float(inflate(products + sums, parts.size + rows.size))
