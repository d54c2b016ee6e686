"""What a bound on a Lipschitz constant has to say, each number with its kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import polyopt as po
from lipschitz_app.errors import NoBoundError
from lipschitz_app.rounding import FloatArray, up
from lipschitz_app.upper.base import Kind


@dataclass(frozen=True, slots=True, eq=False)
class LipschitzResult:
    """Both sides of a Lipschitz constant.

    Attributes
    ----------
    upper : float
        Upper bound of the constant.
    upper_kind : "proven", "exact" or "numerical"
        How far it can be trusted; see :class:`lipschitz_app.upper.UpperBound`.
    lower : float or None
        Lower bound of the constant; None if none was asked for.
    lower_kind : str
        "proven": the gradient at the witness, rounded downwards.
    witness : array or None
        A point of the region around which the network reaches the lower bound.
    method : str
        The method that gave the upper bound.
    norm : str
        Norm of the input space, "1", "2" or "inf".
    region, output : str
        What the bound is about, for people.
    neurons : tuple of dict
        Dead, active and unstable neurons per layer.
    timings : dict
        Seconds by phase.
    notes : tuple of str
        What a reader of the numbers should know.
    status : str
        What the solver said, if there was one.
    proof : object or None
        Proof of the relaxation's bound, to check again without a solver (:meth:`check`): of a
        polynomial problem, or a :class:`lipschitz_app.upper.LowRankProof`.
    problem : polyopt.PolynomialProblem or None
        The problem that the proof is about, unless the proof holds it itself.
    margin : float
        Added to the proof's bound for the rounding of the problem's coefficients.
    """

    upper: float
    upper_kind: Kind
    lower: float | None
    lower_kind: str
    witness: FloatArray | None
    method: str
    norm: str
    region: str
    output: str
    neurons: tuple[dict[str, int], ...]
    timings: dict[str, float]
    notes: tuple[str, ...] = ()
    status: str = ""
    proof: Any = field(default=None, repr=False)
    problem: po.PolynomialProblem | None = field(default=None, repr=False)
    margin: float = 0.0

    @property
    def gap(self) -> float:
        """Upper minus lower bound; infinite without a lower bound."""
        return float("inf") if self.lower is None else self.upper - self.lower

    @property
    def relative_gap(self) -> float:
        """The gap divided by the upper bound; 0 if both are 0."""
        return self.gap / self.upper if self.upper > 0 else 0.0

    def check(self) -> float:
        """Prove the upper bound again from the certificate, without any optimiser.

        Returns
        -------
        float
            The upper bound that the certificate proves, rounding included.

        Raises
        ------
        NoBoundError
            The bound has no certificate: it is not from a relaxation, or not proven.
        ProofError
            The certificate proves nothing.

        Examples
        --------
        >>> import lipschitz_app as la
        >>> net = la.Network.from_arrays([[[1.0, 2.0], [-1.0, 1.0]], [[1.0, 1.0]]])
        >>> result = la.lipschitz_constant(net, la.Everywhere(), method="shor", lower=False)
        >>> round(result.upper, 3), result.check() == result.upper
        (3.337, True)
        """
        if self.proof is None:
            raise NoBoundError(
                f"the bound by {self.method!r} is {self.upper_kind} and has no certificate to "
                'check; relaxations ("shor", "hr2", "mccormick") with prove=True have one'
            )
        again = self.proof.check() if self.problem is None else self.proof.check(self.problem)
        return float(again.bound if self.margin == 0.0 else up(again.bound + self.margin))

    def save_proof(self, path: str | PathLike[str]) -> None:
        """Write the proof of the polynomial problem's bound to a file.

        Raises
        ------
        NoBoundError
            The bound has no such proof: it is not from a moment relaxation, or not proven.
        UnsupportedError
            The proof is one of the low-rank solver, which cannot be written to files.
        """
        if self.proof is None:
            raise NoBoundError(
                f"the bound by {self.method!r} is {self.upper_kind} and has no proof to save; "
                'moment relaxations ("shor", "hr2") with prove=True have one'
            )
        self.proof.save(path)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the proof and the problem as plain data, for JSON."""
        return {
            "upper": self.upper,
            "upper_kind": self.upper_kind,
            "lower": self.lower,
            "lower_kind": self.lower_kind,
            "gap": None if self.lower is None else self.gap,
            "method": self.method,
            "norm": self.norm,
            "region": self.region,
            "output": self.output,
            "neurons": [dict(layer) for layer in self.neurons],
            "status": self.status,
            "notes": list(self.notes),
            "timings": {name: round(value, 6) for name, value in self.timings.items()},
            "witness": None if self.witness is None else self.witness.ravel().tolist(),
        }

    def __str__(self) -> str:
        lines = [
            f"Lipschitz constant of {self.output}, {_NORM_NAMES[self.norm]} norm, {self.region}",
            f"  upper  {self.upper:.6f}  ({self.upper_kind}, {self.method})",
        ]
        if self.lower is not None:
            lines.append(f"  lower  {self.lower:.6f}  ({self.lower_kind}, witness point)")
            lines.append(f"  gap    {self.gap:.6f}  ({100 * self.relative_gap:.2f} %)")
        for number, layer in enumerate(self.neurons, start=1):
            parts = ", ".join(f"{count} {state}" for state, count in layer.items())
            lines.append(f"  layer {number}: {parts} neurons")
        total = ", ".join(f"{name} {value:.2f} s" for name, value in self.timings.items())
        lines.append(f"  time   {total}")
        lines.extend(f"  note   {note}" for note in self.notes)
        return "\n".join(lines)


_NORM_NAMES = {"1": "L1", "2": "L2", "inf": "L-infinity"}
