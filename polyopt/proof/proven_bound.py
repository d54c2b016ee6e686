"""Proven bounds: a certificate, the box it is used on, and the bound that follows."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Literal

import numpy as np
from numpy.typing import ArrayLike

from polyopt.errors import ProofRejectedError
from polyopt.html import card
from polyopt.problem import PolynomialProblem
from polyopt.proof.box import Box, find_box, user_box
from polyopt.proof.certificate import SosCertificate
from polyopt.proof.exact_certificate import ExactCertificate, check_certificate
from polyopt.proof.rational import round_down
from polyopt.proof.remainder import certified_bound


@dataclass(frozen=True, eq=False)
class ProvenBound:
    """A bound that holds whatever the solver did.

    Attributes
    ----------
    bound : float
        Lower bound of the optimum for "min", upper bound for "max".
    kind : {"proven", "exact"}
        Outward-rounded floating-point arithmetic, or an identity of rational polynomials.
    certificate : SosCertificate or ExactCertificate
    box : Box
        Where the remainder was bounded; all of space for an identity, which has none.
    timings : mapping of str to float
        Seconds spent on the proof.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 2)
    >>> problem = po.minimize(x[0] * x[1], subject_to=[x[0] ** 2 + x[1] ** 2 <= 1])
    >>> proof = po.putinar(problem, order=1).solve().prove()
    >>> proof.kind, -0.500001 < proof.bound <= -0.5
    ('proven', True)
    >>> proof.check(problem).bound == proof.bound
    True
    """

    bound: float
    kind: Literal["proven", "exact"]
    certificate: SosCertificate | ExactCertificate
    box: Box
    timings: Mapping[str, float] = field(default_factory=dict)

    @property
    def domain(self) -> str:
        """The set of points for which the bound is proven, in words."""
        if self.box.source == "constraints":
            return "on the feasible set"
        return "on the part of the feasible set inside the given box"

    def check(
        self, problem: PolynomialProblem, *, box: tuple[ArrayLike, ArrayLike] | None = None
    ) -> ProvenBound:
        """Check the proof again, from the problem and the certificate alone, with no solver.

        Parameters
        ----------
        problem : PolynomialProblem
        box : pair (lower, upper), optional
            What the bound has to be proven on, beside the constraints; a proof that is restricted
            to a smaller box is refused.

        Returns
        -------
        ProvenBound
            Itself, when it holds.

        Raises
        ------
        ProofRejectedError
            The proof is not one for this problem, or shows less than it claims; with the reason.
        """
        certificate = self.certificate
        if certificate.variables != problem.variables.names:
            raise ProofRejectedError(
                f"the proof is for the variables {_short(certificate.variables)}, the problem has "
                f"{_short(problem.variables.names)}"
            )
        if certificate.sense != problem.sense:
            raise ProofRejectedError(
                f'the proof is for sense "{certificate.sense}", the problem has "{problem.sense}"'
            )
        if isinstance(certificate, ExactCertificate):
            value = round_down(check_certificate(problem, certificate))
            # On an empty set every bound holds.
            return self._compare(problem, math.inf if certificate.is_infeasibility else value)
        if self.box.source == "constraints":
            known = find_box(problem)
            if (self.box.lower > known.lower).any() or (self.box.upper < known.upper).any():
                i = int(
                    np.flatnonzero((self.box.lower > known.lower) | (self.box.upper < known.upper))[
                        0
                    ]
                )
                raise ProofRejectedError(
                    f"the proof uses the range [{self.box.lower[i]:g}, {self.box.upper[i]:g}] of "
                    f"{problem.variables[i]}, but the constraints only show "
                    f"[{known.lower[i]:g}, {known.upper[i]:g}]"
                )
        elif box is not None:
            self._require_cover(problem, user_box(problem, box))
        return self._compare(problem, certified_bound(problem, certificate, self.box))

    def _require_cover(self, problem: PolynomialProblem, wanted: Box) -> None:
        """Refuse a box that misses feasible points of the wanted one."""
        known = find_box(problem)
        missed = self.box.lower > np.maximum(wanted.lower, known.lower)
        missed |= self.box.upper < np.minimum(wanted.upper, known.upper)
        if missed.any():
            i = int(np.flatnonzero(missed)[0])
            raise ProofRejectedError(
                f"the proof is restricted to the range [{self.box.lower[i]:g}, "
                f"{self.box.upper[i]:g}] of {problem.variables[i]}, the given box goes beyond it"
            )

    def _compare(self, problem: PolynomialProblem, value: float) -> ProvenBound:
        shown = problem.sign * value
        # Written so that a NaN on either side is refused.
        if not problem.sign * self.bound <= problem.sign * shown:
            raise ProofRejectedError(
                f"the proof claims the bound {self.bound!r}, but its certificate only shows "
                f"{shown!r} for this problem"
            )
        return self

    def save(self, path: str | os.PathLike[str] | IO[bytes]) -> None:
        """Write the proof to a file that :func:`polyopt.load_proof` reads.

        A path gets its file completely or not at all; a file that is open for writing bytes can be
        given as well.
        """
        from polyopt.proof.storage import save_proof

        save_proof(self, path)

    def __str__(self) -> str:
        if isinstance(self.certificate, ExactCertificate) and self.certificate.is_infeasibility:
            return "no point is feasible, proven exactly"
        relation = ">=" if self.certificate.sense == "min" else "<="
        how = "proven" if self.kind == "proven" else "proven exactly"
        return f"optimum {relation} {self.bound:.9g}, {how} {self.domain}"

    def __repr__(self) -> str:
        return f"<ProvenBound: {self}>"

    def _repr_html_(self) -> str:
        terms = len(self.certificate.terms)
        return card(
            "Proven bound",
            [("statement", self), ("kind", self.kind), ("certificate", f"{terms} terms")],
        )


def _short(names: tuple[str, ...]) -> str:
    return ", ".join(names if len(names) <= 6 else (*names[:3], "…", names[-1]))
