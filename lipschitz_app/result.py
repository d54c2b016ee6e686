"""What a bound on a Lipschitz constant has to say, each number with its kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import polyopt as po
from lipschitz_app.errors import NoBoundError, UnsupportedError
from lipschitz_app.rounding import FloatArray, Norm, up
from lipschitz_app.saved_proof import (
    NORM_NAMES,
    RANGES,
    LipschitzProof,
    Statement,
    network_fingerprint,
    raised,
)
from lipschitz_app.upper.base import Kind
from lipschitz_app.upper.certificate import Certificate


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
    certificate : Certificate or None
        What proves the bound again from the network, where the method has it; for
        :meth:`save_proof`.
    statement : Statement or None
        What the bound is about, for :meth:`save_proof`.
    """

    upper: float
    upper_kind: Kind
    lower: float | None
    lower_kind: str
    witness: FloatArray | None
    method: str
    norm: Norm
    region: str
    output: str
    neurons: tuple[dict[str, int], ...]
    timings: dict[str, float]
    notes: tuple[str, ...] = ()
    status: str = ""
    proof: Any = field(default=None, repr=False)
    problem: po.PolynomialProblem | None = field(default=None, repr=False)
    margin: float = 0.0
    certificate: Certificate | None = field(default=None, repr=False)
    statement: Statement | None = field(default=None, repr=False)

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
        NoBoundError, UnsupportedError
            The bound has no certificate; see :meth:`to_proof`.
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
            proof, statement = self.to_proof(), self.statement
            assert statement is not None
            return proof.check(statement.net)
        again = self.proof.check() if self.problem is None else self.proof.check(self.problem)
        return float(again.bound if self.margin == 0.0 else up(again.bound + self.margin))

    def save_proof(self, path: str | PathLike[str]) -> None:
        """Write the proof of the bound to a file that :func:`lipschitz_app.load_proof` reads.

        It is checked before it is written. Whoever has the file and the network checks it without
        a solver, in Python or by ``python -m lipschitz_app check``.

        Parameters
        ----------
        path : path

        Raises
        ------
        NoBoundError, UnsupportedError
            The bound has no certificate; see :meth:`to_proof`.

        Examples
        --------
        >>> import tempfile, pathlib
        >>> import lipschitz_app as la
        >>> net = la.Network.from_arrays([[[1.0, 2.0], [-1.0, 1.0]], [[1.0, 1.0]]])
        >>> result = la.lipschitz_constant(net, la.Everywhere(), method="hr2", lower=False)
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "bound.lipproof"
        >>> result.save_proof(file)
        >>> round(la.load_proof(file).check(net), 3)
        3.337
        """
        proof = self.to_proof()
        assert self.statement is not None
        proof.check(self.statement.net)
        proof.save(path)

    def to_proof(self) -> LipschitzProof:
        """Return the proof of the upper bound as a value that can be saved and checked.

        It claims a bound that is larger by a factor of 1 + 1e-9, which leaves room for a machine
        that adds up in another order.

        Raises
        ------
        NoBoundError
            The bound is not proven.
        UnsupportedError
            The method has no certificate: "branch" has one for each of its parts and keeps none,
            "exact" and "milp" rest on linear programs, and ranges by "lp" would need them.
        """
        if self.upper_kind == "numerical":
            raise NoBoundError(
                f"the bound by {self.method!r} is numerical and has no certificate; relaxations "
                'with prove=True have one, as have "interval", "product" and "lipsdp"'
            )
        statement, certificate = self.statement, self.certificate
        if statement is None or certificate is None:
            raise UnsupportedError(
                f"the bound by {self.method!r} has no certificate that can be checked without a "
                f"solver{_WITHOUT.get(self.method, '')}; for one, use a single relaxation: "
                'method="mccormick", "hr2" or "shor", in the norm 2 also "lipsdp"'
            )
        ranges = statement.ranges
        if ranges not in RANGES:
            if len(self.neurons) > 1 and certificate.kind != "product":
                raise UnsupportedError(
                    f"ranges by {ranges!r} of {len(self.neurons)} hidden layers cannot be checked "
                    'without linear programs; for a proof that can be saved use ranges="crown"'
                )
            # The first layer is bounded in the same way by all methods but "interval".
            ranges = "auto"
        return LipschitzProof(
            raised(self.upper),
            self.method,
            network_fingerprint(statement.net),
            statement.region,
            statement.norm,
            statement.output,
            ranges,
            certificate,
        )

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
            f"Lipschitz constant of {self.output}, {NORM_NAMES[self.norm]} norm, {self.region}",
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


_WITHOUT = {
    "branch": ": every part of the region has a proof of its own, and they are not kept",
    "exact": ": it rests on linear programs that decide which patterns occur",
    "milp": ": it rests on an integer program",
}
"""Why a method has none."""
