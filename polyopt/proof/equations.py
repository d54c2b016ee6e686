"""Multipliers of equations for certificates that were found modulo a Gröbner basis.

Such a certificate fits ``f - λ = Σ p σ`` modulo the ideal of the equations only. Its remainder r is
written as ``Σ_l τ_l h_l + NF(r)`` by division, so that with the terms ``τ_l h_l`` the identity is
one of polynomials and its checker needs the original equations alone. In floating point ``NF(r)``
and the rounding of τ are left over, which the checker bounds like every remainder.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np

from polyopt.errors import ProofError, RelaxationError
from polyopt.polynomial.ideal import NormalForms
from polyopt.problem import PolynomialProblem
from polyopt.proof.certificate import CertificateTerm, SosCertificate
from polyopt.proof.exact_certificate import ExactCertificate, ExactTerm, check_certificate
from polyopt.proof.rational import Rational, monomials_of
from polyopt.proof.remainder import remainder
from polyopt.proof.rounding import flush
from polyopt.relaxation.groebner_quotient import normal_forms
from polyopt.relaxation.multiplier import Cone, Factor


def with_equations(
    problem: PolynomialProblem, certificate: SosCertificate, forms: NormalForms
) -> SosCertificate:
    """Add free multipliers of the equations to a certificate that holds modulo them."""
    rows, values, _ = remainder(problem, certificate)
    rest = dict(zip(monomials_of(rows), values.tolist(), strict=True))
    terms = []
    for number, multiplier in _lift(forms, rest, float).items():
        width = max(map(len, multiplier))
        order = sorted((0,) * (width - len(m)) + m for m in multiplier)
        basis = np.array(order, dtype=np.int32).reshape(len(order), width)
        by_row = {(0,) * (width - len(m)) + m: c for m, c in multiplier.items()}
        data = flush(np.array([float(by_row[row]) for row in order]))
        factors = (Factor("equality", number),)
        terms.append(CertificateTerm(factors, Cone.FREE, basis, data))
    return replace(certificate, terms=(*certificate.terms, *terms))


def exact_equations(forms: NormalForms, rest: Rational) -> Iterator[ExactTerm]:
    """Terms of the equations that add up to a polynomial of their ideal."""
    for number, multiplier in _lift(forms, rest, Fraction).items():
        basis = tuple(sorted(multiplier))
        data = tuple(multiplier[m] for m in basis)
        yield ExactTerm((Factor("equality", number),), Cone.FREE, basis, data)


def contradiction(problem: PolynomialProblem, time_limit: float = 5.0) -> ExactCertificate | None:
    """Certificate ``-1 = Σ τ_l h_l`` that the equations have no common zero.

    By Hilbert's Nullstellensatz there is one exactly when they have none in complex numbers.

    Returns
    -------
    ExactCertificate or None
        None where 1 is not in the ideal or its Gröbner basis is out of reach.
    """
    if not problem.equalities:
        return None
    try:
        forms = normal_forms(problem, time_limit=time_limit)
        if not forms.is_whole_ring:
            return None
        terms = tuple(exact_equations(forms, {(): Fraction(-1)}))
    except (RelaxationError, ProofError):
        return None
    certificate = ExactCertificate(
        problem.variables.names, problem.sense, Fraction(1), terms, is_infeasibility=True
    )
    check_certificate(problem, certificate)
    return certificate


def _lift(
    forms: NormalForms, rest: Rational, convert: type[float] | type[Fraction]
) -> dict[int, Rational]:
    try:
        return forms.lift(rest, convert)
    except RelaxationError as error:
        raise ProofError(f"the multipliers of the equations are out of reach: {error}") from None
