"""Checks of names and coefficients that users give."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyopt.errors import InvalidProblemError
from polyopt.polynomial.variables import Variables


def as_names(variables: Variables | Iterable[str] | None, number: int) -> Variables:
    """Give as many names as there are columns: the given ones, or x0, x1 and so on."""
    if variables is None:
        return Variables(f"x{i}" for i in range(number))
    names = variables if isinstance(variables, Variables) else Variables(variables)
    if len(names) != number:
        raise InvalidProblemError(
            f"{len(names)} variable names were given for {number} columns; give one for each"
        )
    return names


def real_coefficients(coefficients: Any) -> NDArray[np.float64]:
    """Give a vector of finite real numbers; the error names the entry that is none."""
    values = np.asarray(coefficients)
    if values.ndim != 1:
        raise InvalidProblemError(
            f"coefficients have shape {values.shape}; give a list of k numbers"
        )
    if np.iscomplexobj(values) or any(
        isinstance(v, complex) for v in values.flat if values.dtype == object
    ):
        bad = values[np.imag(values.astype(complex)) != 0]
        if len(bad):
            raise InvalidProblemError(
                f"the coefficient {bad[0]} is complex; polyopt works with real polynomials"
            )
        values = values.astype(complex).real
    try:
        result = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidProblemError(f"coefficients are not numbers: {error}") from None
    finite = np.isfinite(result)
    if not finite.all():
        where = int(np.flatnonzero(~finite)[0])
        raise InvalidProblemError(
            f"coefficient {where} is {result[where]}; coefficients must be finite numbers"
        )
    return result
