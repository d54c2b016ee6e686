"""What callers hand in: points, radii, tolerances and seeds, checked at the edge."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from lipschitz_app.errors import InvalidOptionError, InvalidPointError
from lipschitz_app.operators.base import flat_point
from lipschitz_app.rounding import FloatArray


def checked_radius(radius: object, name: str = "radius") -> float:
    """Return a radius as a float.

    Raises
    ------
    InvalidOptionError
        No number, negative or not finite.
    """
    value = _number(radius)
    if not (math.isfinite(value) and value >= 0):
        raise InvalidOptionError(f"{name} is {radius!r}; give a finite number of at least 0")
    return value


def checked_point(values: ArrayLike, shape: tuple[int, ...], name: str) -> FloatArray:
    """Return a point given flat or in `shape` as a flat double vector.

    Raises
    ------
    InvalidPointError
        Entries that are no finite real numbers, or too many or too few of them.
    """
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:
        raise InvalidPointError(f"{name} is no array of numbers ({error})") from None
    if array.dtype.kind not in "biuf":
        raise InvalidPointError(
            f"{name} has entries of type {array.dtype}; give real numbers of shape {shape}"
        )
    return flat_point(array, shape, name)


def check_effort(rtol: object, work: object) -> None:
    """Refuse a tolerance outside (0, 1) or work that is not positive.

    Raises
    ------
    InvalidOptionError
    """
    if not 0 < _number(rtol) < 1:
        raise InvalidOptionError(f"rtol is {rtol!r}; give a number between 0 and 1, such as 1e-7")
    if not _number(work) > 0:
        raise InvalidOptionError(
            f"work is {work!r}; give a positive number of operations, such as 4e11"
        )


def check_count(count: object, name: str, least: int) -> None:
    """Refuse what is no integer of at least `least`.

    Raises
    ------
    InvalidOptionError
    """
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < least:
        raise InvalidOptionError(f"{name} is {count!r}; give an integer of at least {least}")


def checked_rng(rng: object) -> np.random.Generator:
    """Return a generator from a seed or a generator.

    Raises
    ------
    InvalidOptionError
    """
    try:
        return np.random.default_rng(rng)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        raise InvalidOptionError(
            f"rng is {rng!r}; give a nonnegative integer or a numpy.random.Generator"
        ) from None


def _number(value: object) -> float:
    """Return a real number as a float, NaN for anything else."""
    array = np.asarray(value) if isinstance(value, (int, float, np.number, np.ndarray)) else None
    if array is None or array.size != 1 or array.dtype.kind not in "biuf":
        return math.nan
    return float(array.reshape(-1)[0])
