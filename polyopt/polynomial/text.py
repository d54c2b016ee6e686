"""Polynomials as short text for people; :mod:`polyopt.polynomial.parse` has the exact one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from polyopt.polynomial.polynomial import Polynomial


def short_text(polynomial: Polynomial, most: int = 12) -> str:
    """Give the first terms, with six significant digits."""
    names = polynomial.variables.names
    parts: list[str] = []
    for row, coefficient in zip(polynomial.rows, polynomial.coefficients, strict=True):
        if len(parts) == most and polynomial.number_of_terms > most + 1:
            parts.append(f"+ … ({polynomial.number_of_terms - most} more terms)")
            break
        index, power = np.unique(row[row > 0], return_counts=True)
        factors = [
            names[i - 1] + (f"^{k}" if k > 1 else "") for i, k in zip(index, power, strict=True)
        ]
        size = abs(float(coefficient))
        if not factors or size != 1:
            factors.insert(0, f"{size:.6g}")
        sign = "-" if coefficient < 0 else "+"
        body = "*".join(factors)
        parts.append(f"{sign} {body}" if parts else ("-" + body if sign == "-" else body))
    return " ".join(parts) if parts else "0"
