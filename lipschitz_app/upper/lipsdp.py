r"""LipSDP: bounds in the Euclidean norm, at any depth, by one matrix inequality; proven.

With multipliers :math:`t \ge 0` of the neurons' sector inequalities, the constant is at most
:math:`\sqrt\rho` when the quadratic form

.. math:: \rho |w|^2 - |y|^2 - \sum_i t_i (x_i - \alpha_i z_i)(\beta_i z_i - x_i)

is nonnegative (Fazlyab et al. 2019, theorem 2; its variants "neuron", with a multiplier for each
neuron, and "layer", with one for each layer. The variant "network", with multipliers for pairs of
neurons, is not a bound: Pauli et al. 2021). The slopes are those of the region, stable neurons are
fixed, so that over small regions the bound is a local one.

Proof. Whatever the optimiser found, let the smallest eigenvalue of the form's matrix in scaled
variables be at least :math:`-\eta`: Cholesky in floating point shows it, all rounding errors
covered. As each of the blocks of scaled variables has norm at most :math:`|w|` for the slopes that
occur, the constant is at most :math:`\sqrt{\rho + \eta \cdot blocks}`.

References
----------
M. Fazlyab, A. Robey, H. Hassani, M. Morari, G. J. Pappas, Efficient and accurate estimation of
Lipschitz constants for deep neural networks, NeurIPS 2019, arXiv:1906.04893.

P. Pauli, A. Koch, J. Berberich, P. Kohler, F. Allgöwer, Training robust neural networks using
Lipschitz bounds, IEEE Control Systems Letters 6 (2021), arXiv:2005.02929.
"""

from __future__ import annotations

import time
from typing import Literal

import numpy as np
from scipy.linalg import lapack

from lipschitz_app.errors import NoBoundError
from lipschitz_app.midrad import Enclosure
from lipschitz_app.operators.rounding import cholesky_error, sqrt_up
from lipschitz_app.rounding import UNIT, FloatArray, inflate
from lipschitz_app.upper.barrier import BarrierPoint, BarrierProblem, minimise
from lipschitz_app.upper.base import UpperBound
from lipschitz_app.upper.certificate import Certificate
from lipschitz_app.upper.slope_form import SlopeForm
from polyopt.errors import ProofRejectedError

Variant = Literal["neuron", "layer"]


def lipsdp_bound(
    form: SlopeForm,
    variant: Variant = "neuron",
    *,
    tolerance: float = 1e-8,
    end: float = np.inf,
) -> UpperBound:
    """Return the bound of LipSDP, proven.

    Parameters
    ----------
    form : SlopeForm
        Of the network over a region.
    variant : "neuron" or "layer"
    tolerance : float
        Of the optimiser.
    end : float
        When to stop, on the clock ``time.perf_counter()``; the best bound by then is returned.

    Raises
    ------
    NoBoundError
        The numbers are too large for doubles.
    """
    begin = time.perf_counter()
    output = form.output
    if _is_linear(form):
        note = "no unstable neuron matters: a linear map"
        certificate = Certificate("lipsdp")
        return UpperBound(output.spectral_norm(), "proven", notes=(note,), certificate=certificate)
    left, right = form.sectors()
    groups = np.arange(form.layers.size)
    if variant == "layer":
        groups = np.unique(form.layers, return_inverse=True)[1].reshape(-1)
    problem = BarrierProblem(form.inputs, left.center, right.center, output.center, groups)
    rho, multipliers = _start(form, problem)
    built = time.perf_counter()
    found = minimise(problem, rho, multipliers, tolerance=tolerance, end=end)
    solved = time.perf_counter()
    weights = found.multipliers[groups]
    value = _prove(form, left, right, found.rho, weights)
    return UpperBound(
        value,
        "proven",
        timings={
            "encoding": built - begin,
            "solver": solved - built,
            "proof": time.perf_counter() - solved,
        },
        notes=_notes(form, found, tolerance, solved > end),
        certificate=Certificate("lipsdp", {}, {"rho": np.array(found.rho), "multipliers": weights}),
    )


def prove_lipsdp(form: SlopeForm, certificate: Certificate) -> float:
    """Return the bound that the multipliers of a certificate prove; no optimiser is run.

    Raises
    ------
    ProofRejectedError
        They do not fit the network.
    """
    if _is_linear(form):
        return form.output.spectral_norm()
    rho = float(certificate.floats("rho", ()))
    multipliers = certificate.floats("multipliers", (form.layers.size,))
    if rho < 0:
        raise ProofRejectedError(f"the certificate's rho is {rho}, which is negative")
    return _prove(form, *form.sectors(), rho, multipliers)


def _is_linear(form: SlopeForm) -> bool:
    return not form.layers.size or not form.output.center.any()


def _notes(
    form: SlopeForm, found: BarrierPoint, tolerance: float, stopped: bool
) -> tuple[str, ...]:
    size = (
        f"matrix of side {form.side}, {found.multipliers.size} multipliers, "
        f"{found.steps} Newton steps"
    )
    distance = found.distance / (2 * found.rho)
    if stopped:
        return (size, "stopped by the time limit; the bound is proven")
    if distance > tolerance:
        return (size, f"within about {distance:.0e} of the method's value, relative")
    return (size,)


def _start(form: SlopeForm, problem: BarrierProblem) -> tuple[float, FloatArray]:
    r"""Return a strictly feasible point.

    Since :math:`(x - \alpha z)(x - \beta z) \ge (x^2 - (\alpha^2 + \beta^2) z^2) / 2`,
    multipliers that grow fast enough from the last layer to the first make the form positive
    definite.
    """
    numbers, place = np.unique(form.layers, return_inverse=True)
    place = place.reshape(-1)
    size = numbers.size
    block_of = np.concatenate([np.zeros(form.inputs, dtype=int), place + 1])
    steep = 0.5 * (form.alpha**2 + form.beta**2)

    def share(rows: FloatArray) -> FloatArray:
        """Squared norms of the parts of a matrix that belong to the blocks."""
        return np.array(
            [np.linalg.norm(rows[:, block_of == block], 2) ** 2 for block in range(size + 1)]
        )

    need = (size + 1) * share(problem.output)
    layer = np.zeros(size)
    scale = np.ones(size)
    for block in range(size, 0, -1):
        mine = place == block - 1
        scale[block - 1] = form.scale[form.inputs :][mine][0]
        layer[block - 1] = 4 * (need[block] + 1e-3 * need.max()) / scale[block - 1] ** 2
        rows = form.slopes.center[mine] * np.sqrt(steep[mine])[:, None]
        need += layer[block - 1] * (block + 1) * share(rows)
    rho = 2 * need[0]
    multipliers = layer[place]
    if problem.groups.max() + 1 < place.size:
        multipliers = layer
    for _ in range(60):
        if lapack.dpotrf(problem.matrix(rho, multipliers), lower=1)[1] == 0:
            return float(rho), multipliers
        rho *= 2
    raise NoBoundError("LipSDP found no start: the weights differ too much in size; rescale them")


def _prove(
    form: SlopeForm, left: Enclosure, right: Enclosure, rho: float, multipliers: FloatArray
) -> float:
    """Return the bound that these numbers prove, whatever they are."""
    weights = np.maximum(multipliers, 0.0)
    product = left.T.scaled(0.5 * weights) @ right
    form_matrix = product + product.T - form.output.T @ form.output
    matrix, radius = form_matrix.center, form_matrix.radius
    corner = np.arange(form.inputs)
    matrix[corner, corner] += rho
    spread = radius.sum(axis=1).max() + 4 * UNIT * np.abs(matrix.diagonal()).max()
    error = float(inflate(spread, form.side))
    largest = float(matrix.diagonal().max())
    # The smallest shift that lets the factorisation through, up to a factor.
    shift = 0.0
    step = max(largest, rho) * 1e-16
    while True:
        shifted = np.asfortranarray(0.5 * (matrix + matrix.T))
        shifted[np.diag_indices_from(shifted)] += shift
        if lapack.dpotrf(shifted, lower=1, clean=0, overwrite_a=1)[1] == 0:
            break
        shift, step = step, 4 * step
        if not np.isfinite(step):
            raise NoBoundError("LipSDP: the multipliers are too large for doubles")
    error += cholesky_error(form.side, max(largest, 0.0) + shift)
    negative = shift + error
    return float(inflate(sqrt_up(float(inflate(rho + negative * form.blocks, 4))), 1))
