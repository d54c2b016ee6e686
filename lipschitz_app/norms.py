"""Norms of the input space: names, values and dual maximisers."""

from __future__ import annotations

import numpy as np

from lipschitz_app.errors import InvalidOptionError
from lipschitz_app.rounding import FloatArray, Norm

_NAMES: dict[str, Norm] = {"1": "1", "2": "2", "inf": "inf", "l1": "1", "l2": "2", "linf": "inf"}


def as_norm(norm: object) -> Norm:
    """Return the name of a norm given as 1, 2, infinity or text.

    Raises
    ------
    InvalidOptionError
        The norm is not one of the three.

    Examples
    --------
    >>> as_norm(2), as_norm(float("inf")), as_norm("L1")
    ('2', 'inf', '1')
    """
    text = str(norm).lower()
    if isinstance(norm, (int, float, np.number)) and not isinstance(norm, bool):
        text = f"{float(norm):g}"
    if text not in _NAMES:
        raise InvalidOptionError(f'norm {norm!r} is not known; use 1, 2 or "inf"')
    return _NAMES[text]


def values(vectors: FloatArray, norm: Norm) -> FloatArray:
    """Return the norms of the rows of `vectors`, shape (..., n) to (...); ordinary floats."""
    sizes = np.abs(vectors)
    if norm == "1":
        return np.asarray(sizes.sum(axis=-1))
    if norm == "2":
        return np.asarray(np.sqrt((sizes * sizes).sum(axis=-1)))
    return np.asarray(sizes.max(axis=-1, initial=0.0))


def maximiser(vectors: FloatArray, dual_norm: Norm) -> FloatArray:
    """Return t with ``t @ v = dual_norm(v)`` and primal norm one, for each row v of `vectors`."""
    if dual_norm == "1":
        return np.sign(vectors)
    if dual_norm == "2":
        sizes = np.linalg.norm(vectors, axis=-1, keepdims=True)
        return np.asarray(vectors / np.where(sizes > 0, sizes, 1.0))
    result = np.zeros_like(vectors)
    best = np.abs(vectors).argmax(axis=-1)[..., None]
    np.put_along_axis(result, best, np.sign(np.take_along_axis(vectors, best, -1)), -1)
    return result
