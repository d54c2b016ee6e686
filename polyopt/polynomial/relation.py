"""Constraints as they come out of the comparison of polynomials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from polyopt.errors import InvalidProblemError

if TYPE_CHECKING:
    from polyopt.polynomial.polynomial import Polynomial


@dataclass(frozen=True, slots=True, eq=False)
class Relation:
    """``polynomial >= 0`` (kind "inequality") or ``polynomial == 0`` (kind "equality").

    Examples
    --------
    >>> import polyopt as po
    >>> x, y = po.variables("x", 2)
    >>> print(x**2 <= y)
    x1 - x0^2 >= 0
    """

    polynomial: Polynomial
    kind: Literal["inequality", "equality"]

    def __bool__(self) -> bool:
        raise InvalidProblemError(
            f"the truth of ({self}) is not known; write two relations instead of a chained "
            "comparison such as 0 <= p <= 1, a list [p <= b for p, b in zip(ps, bs)] instead of a "
            "comparison of arrays of polynomials, and p.equals(q) to compare polynomials"
        )

    def __str__(self) -> str:
        return f"{self.polynomial} {'>=' if self.kind == 'inequality' else '=='} 0"
