"""What every upper-bound method returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from lipschitz_app.rounding import FloatArray
from lipschitz_app.upper.certificate import Certificate

Kind: TypeAlias = Literal["proven", "exact", "numerical"]


@dataclass(frozen=True, slots=True)
class UpperBound:
    """An upper bound of a Lipschitz constant.

    Attributes
    ----------
    value : float
    kind : "proven", "exact" or "numerical"
        Proven: holds for the real-number network, rounding included. Exact: the constant itself,
        up to the tolerance of the linear programs that decide which patterns occur. Numerical: a
        solver's word.
    status : str
        What the solver said, or empty.
    proof : object or None
        The proof of the polynomial problem's bound.
    problem : object or None
        The polynomial problem that was relaxed.
    margin : float
        Added to the polynomial problem's bound for the rounding of its coefficients.
    timings : dict
        Seconds by phase.
    notes : tuple of str
        What a reader of the number should know.
    witness : array or None
        A point with a large gradient that the method came across; its value is not proven here.
    certificate : Certificate or None
        What proves the bound again from the network, for a file.
    """

    value: float
    kind: Kind
    status: str = ""
    proof: Any = None
    problem: Any = None
    margin: float = 0.0
    timings: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    witness: FloatArray | None = None
    certificate: Certificate | None = None
