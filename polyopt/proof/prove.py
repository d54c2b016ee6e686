"""From a solved relaxation to a proven bound.

The solver's multipliers are moved close to an exact identity inside their cone
(:mod:`polyopt.proof.project`), the most promising are written as certificates, and the checker
(:mod:`polyopt.proof.remainder`) bounds what is left over on a box. The bound is the checker's.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyopt.conic.svec import smat
from polyopt.errors import ProofError, UnknownOptionError
from polyopt.polynomial.monomials import widen
from polyopt.proof.box import Box, find_box, user_box
from polyopt.proof.certificate import CertificateTerm, SosCertificate
from polyopt.proof.equations import with_equations
from polyopt.proof.exact import prove_exact
from polyopt.proof.project import candidates
from polyopt.proof.proven_bound import ProvenBound
from polyopt.proof.remainder import certified_bound, monomial_ranges
from polyopt.proof.rounding import SMALLEST, flush
from polyopt.relaxation.multiplier import Cone
from polyopt.relaxation.relaxation import Relaxation

if TYPE_CHECKING:
    from polyopt.result import RelaxationResult

Array = NDArray[np.float64]

_STEPS = 12
#: Blocks from this side on make each step expensive; few are taken there, and none once the
#: remainder costs a negligible share of the bound.
_LARGE_SIDE = 200
_LARGE_STEPS = 3
_NEGLIGIBLE = 1e-9
_METHODS = ("interval", "exact")


def prove(
    result: RelaxationResult,
    *,
    method: str = "interval",
    box: tuple[ArrayLike, ArrayLike] | None = None,
) -> ProvenBound:
    """Prove a bound; see :meth:`polyopt.RelaxationResult.prove`."""
    if method not in _METHODS:
        raise UnknownOptionError(
            f"the proof method is {method!r}; known methods: {', '.join(_METHODS)}"
        )
    if method == "exact":
        if box is not None:
            raise UnknownOptionError(
                "an exact identity holds without a box; leave box out, or use method='interval'"
            )
        return prove_exact(result)
    start = time.perf_counter()
    relaxation, problem = result.relaxation, result.relaxation.problem
    if not result.status.has_iterate or not np.isfinite(result.solution.z).all():
        empty = result.claims_infeasible
        remedy = (
            " po.prove_infeasible(problem) may prove that no point is feasible." if empty else ""
        )
        raise ProofError(
            f"the solver returned no multipliers to start from (status {result.status.value}): "
            f"{result.status.text}{remedy}"
        )
    region = find_box(problem)
    if box is not None:
        region = _intersect(user_box(problem, box), region)
    program = result.program
    size, nonnegative = monomial_ranges(relaxation.assembly.moments[1:], region)
    best, best_estimate = None, -math.inf
    large = max(program.cones.psd, default=0) >= _LARGE_SIDE
    for z in candidates(program, result.solution.z, _LARGE_STEPS if large else _STEPS):
        coefficient = program.c + program.A.T @ z
        harmless = nonnegative & (coefficient >= 0)
        with np.errstate(invalid="ignore"):
            loss = np.where(harmless | (coefficient == 0), 0.0, np.abs(coefficient) * size)
        spent = float(loss.sum())
        estimate = program.dual_objective(z) - spent
        if best is None or estimate > best_estimate:
            best, best_estimate = z, estimate
        if large and spent <= _NEGLIGIBLE * (1.0 + abs(estimate)):
            break
    assert best is not None
    certificate = build_certificate(relaxation, best, program.dual_objective(best))
    if relaxation.normal_forms is not None:
        certificate = with_equations(problem, certificate, relaxation.normal_forms)
    value = certified_bound(problem, certificate, region)
    # Another machine may add up in another order; leave it room to reach the claimed bound.
    claimed = value - 1e-13 * max(1.0, abs(value), abs(certificate.value))
    return ProvenBound(
        bound=problem.sign * claimed,
        kind="proven",
        certificate=certificate,
        box=region,
        timings={"proof": time.perf_counter() - start},
    )


def build_certificate(relaxation: Relaxation, z: Array, value: float) -> SosCertificate:
    """Write multipliers inside the cone down as a certificate."""
    assembly = relaxation.assembly
    terms = []
    for k, multiplier in enumerate(relaxation.multipliers):
        part = z[assembly.offsets[k] : assembly.offsets[k] + assembly.lengths[k]]
        basis, components = multiplier.basis.rows, multiplier.components
        if multiplier.cone is Cone.PSD:
            data = _factor(smat(part))
        elif multiplier.cone is Cone.SECOND_ORDER:
            data = _inside_second_order(part)
        else:
            data = flush(part)
            keep = data != 0
            data, basis = data[keep], basis[keep]
        cone, square = multiplier.cone, multiplier.square
        if square is not None and data.size:
            # c q² with c >= 0, written as the sum of squares it is.
            basis, cone = square.rows, Cone.PSD
            data = flush(np.sqrt(data) * square.coefficients)[:, None]
        if data.size:
            terms.append(
                CertificateTerm(multiplier.factors, cone, widen(basis, 0), data, components)
            )
    problem = relaxation.problem
    return SosCertificate(problem.variables.names, problem.sense, float(value), tuple(terms))


def _factor(matrix: Array) -> Array:
    """Factor F with F Fᵀ close to a PSD matrix; columns of negligible size are dropped."""
    values, vectors = np.linalg.eigh(matrix)
    keep = values > max(float(values[-1]), 0.0) * 1e-22
    return flush(vectors[:, keep] * np.sqrt(values[keep]))


def _inside_second_order(part: Array) -> Array:
    """Raise the first entry until ``|s| <= s_0`` holds exactly."""
    data = flush(part)
    bound = math.sqrt(math.fsum((data[1:] ** 2).tolist())) * (1.0 + 1e-14)
    data[0] = max(float(data[0]), bound)
    return data if data[0] >= SMALLEST else np.zeros(0)


def _intersect(given: Box, known: Box) -> Box:
    """Use the constraints inside the user's box as well; the claim stays on the user's box."""
    outside = (given.lower > known.lower) | (given.upper < known.upper)
    source = "user" if outside.any() else "constraints"
    return Box(np.maximum(given.lower, known.lower), np.minimum(given.upper, known.upper), source)
