"""Exact proofs that a set is empty: ``-δ = Σ p σ`` with a rational δ > 0.

The right-hand side is nonnegative on the feasible set and the left-hand side is negative
(Positivstellensatz; Stengle, Math. Ann. 207, 1974). Found by proving a bound: if a constraint
``g >= 0`` cannot be met where all others hold, then ``-g >= δ > 0`` there, and the exact proof
``-g - δ = Σ p σ`` of that is the wanted identity with ``g`` itself as one more term. For an
equation ``h = 0`` the same is tried with h and with -h. Before that a Gröbner basis shows whether
the equations alone combine to 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np

from polyopt.errors import ProofError
from polyopt.polynomial.polynomial import Polynomial
from polyopt.problem import PolynomialProblem
from polyopt.proof.box import Box
from polyopt.proof.equations import contradiction
from polyopt.proof.exact import prove_exact
from polyopt.proof.exact_certificate import ExactCertificate, ExactTerm, check_certificate
from polyopt.proof.proven_bound import ProvenBound
from polyopt.relaxation.multiplier import Cone, Factor, check_order, minimal_order
from polyopt.relaxation.putinar import putinar


def prove_infeasible(problem: PolynomialProblem, order: int | None = None) -> ProvenBound:
    """Prove by a rational identity that no point satisfies the constraints.

    Parameters
    ----------
    problem : PolynomialProblem
    order : int, optional
        Order of the dense relaxations to look in; the smallest and the next if left out.

    Returns
    -------
    ProvenBound
        With an infinite bound; it can be saved, loaded and checked as any other.

    Raises
    ------
    ProofError
        No such identity was found. The set may be nonempty, or a larger order be needed.
    RelaxationError
        The order is too low.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 2)
    >>> g = [x[0] ** 2 + x[1] ** 2 <= 1, x[0] * x[1] >= 1]
    >>> problem = po.minimize(x[0], subject_to=g)
    >>> print(po.prove_infeasible(problem).check(problem))
    no point is feasible, proven exactly
    """
    found = contradiction(problem) if order is None else None
    if found is not None:
        n = problem.number_of_variables
        whole_space = Box(np.full(n, -np.inf), np.full(n, np.inf), "constraints")
        return ProvenBound(problem.sign * math.inf, "exact", found, whole_space)
    lowest = minimal_order(_without_objective(problem))
    orders = (lowest, lowest + 1) if order is None else (order,)
    if order is not None:
        check_order(_without_objective(problem), order)
    best = -math.inf
    for d in orders:
        for factor, objective in _choices(problem):
            rest = _without(problem, factor, objective)
            result = putinar(rest, d).solve()
            best = max(best, result.bound if math.isfinite(result.bound) else -math.inf)
            if not 0.0 < result.bound < math.inf:
                continue
            try:
                proof = prove_exact(result)
            except ProofError:
                continue
            certificate = proof.certificate
            if isinstance(certificate, ExactCertificate) and certificate.value > 0:
                return _combine(problem, factor, objective, proof, certificate)
    raise ProofError(
        "no exact proof of infeasibility was found: leaving out one constraint at a time, the "
        f"largest margin by which it is violated has the lower bound {best:.3g} (numerical) at "
        f"order {orders[-1]}; the set may be nonempty, else try a larger order"
    )


def _combine(
    problem: PolynomialProblem,
    factor: Factor,
    objective: Polynomial,
    proof: ProvenBound,
    certificate: ExactCertificate,
) -> ProvenBound:
    group = problem.inequalities if factor.kind == "inequality" else problem.equalities
    # The objective was minus the constraint, or plus an equation.
    weight = 1 if objective.equals(-group[factor.number]) else -1
    cone = Cone.NONNEGATIVE if factor.kind == "inequality" else Cone.FREE
    own = ExactTerm((factor,), cone, ((),), (Fraction(weight),))
    terms = [
        replace(t, factors=tuple(_back(f, factor) for f in t.factors)) for t in certificate.terms
    ]
    whole = ExactCertificate(
        problem.variables.names,
        problem.sense,
        certificate.value,
        (*terms, own),
        is_infeasibility=True,
    )
    check_certificate(problem, whole)
    return replace(proof, bound=problem.sign * math.inf, certificate=whole)


def _back(factor: Factor, left_out: Factor) -> Factor:
    """Number of a constraint before one was left out."""
    later = factor.kind == left_out.kind and factor.number >= left_out.number
    return factor._replace(number=factor.number + 1) if later else factor


def _choices(problem: PolynomialProblem) -> Iterator[tuple[Factor, Polynomial]]:
    for j, g in enumerate(problem.inequalities):
        yield Factor("inequality", j), -g
    for i, h in enumerate(problem.equalities):
        yield Factor("equality", i), h
        yield Factor("equality", i), -h


def _without(
    problem: PolynomialProblem, factor: Factor, objective: Polynomial
) -> PolynomialProblem:
    inequalities, equalities = list(problem.inequalities), list(problem.equalities)
    del (inequalities if factor.kind == "inequality" else equalities)[factor.number]
    return PolynomialProblem(
        objective,
        inequalities,
        equalities,
        problem.variables,
        matrix_inequalities=problem.matrix_inequalities,
    )


def _without_objective(problem: PolynomialProblem) -> PolynomialProblem:
    return PolynomialProblem(
        0.0,
        problem.inequalities,
        problem.equalities,
        problem.variables,
        matrix_inequalities=problem.matrix_inequalities,
    )
