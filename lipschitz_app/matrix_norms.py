r"""Induced norms of matrices in ordinary floats, with output weights that reach them.

For every matrix B, :math:`\|B\|_{p \to q} = \max_s \|B^T s\|_{p^*}` over s with dual norm
:math:`\|s\|_{q^*} \le 1`: this is how a bound for the whole map comes from combinations of outputs.
The maximum is exact for q = inf, p = 1 and p = q = 2, and else where the signs of the smaller side
can be tried one by one; beyond, it is a local maximum, from below.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from lipschitz_app import norms
from lipschitz_app.rounding import FloatArray, Norm, dual

MOST_SIGNS = 10
"""Most rows or columns whose signs are tried one by one."""


def signs(size: int) -> FloatArray:
    """Return all vectors of signs whose first is 1, shape (2**(size - 1), size).

    Examples
    --------
    >>> signs(2).tolist()
    [[1.0, 1.0], [1.0, -1.0]]
    """
    return np.array([(1.0, *rest) for rest in product((1.0, -1.0), repeat=size - 1)])


def is_exact(rows: int, columns: int, input_norm: Norm, output_norm: Norm) -> bool:
    """Return whether :func:`induced` finds the norm itself.

    Examples
    --------
    >>> is_exact(50, 60, "2", "2"), is_exact(50, 60, "inf", "2"), is_exact(3, 60, "inf", "1")
    (True, False, True)
    """
    if input_norm == "1" or output_norm == "inf" or input_norm == output_norm == "2":
        return True
    few = (output_norm == "1" and rows <= MOST_SIGNS) or (
        input_norm == "inf" and columns <= MOST_SIGNS
    )
    return few


def induced(matrix: FloatArray, input_norm: Norm, output_norm: Norm) -> tuple[float, FloatArray]:
    """Return an induced norm and output weights that reach it.

    Parameters
    ----------
    matrix : array, shape (m, n)
    input_norm, output_norm : "1", "2" or "inf"

    Returns
    -------
    float
    array, shape (m,)
        Weights s of dual norm 1 with ``norm(s @ matrix) = value`` in the dual of the input norm.

    Examples
    --------
    >>> value, weights = induced(np.array([[1.0, 2.0], [3.0, 4.0]]), "inf", "1")
    >>> value, weights.tolist()
    (10.0, [1.0, 1.0])
    """
    rows, columns = matrix.shape
    inner = dual(input_norm)
    if output_norm == "inf":
        weights = np.eye(rows)[int(norms.values(matrix, inner).argmax())]
    elif input_norm == "1":
        best = int(norms.values(matrix.T, output_norm).argmax())
        weights = norms.maximiser(matrix[:, best], output_norm)
    elif input_norm == output_norm == "2":
        weights = np.linalg.svd(matrix, full_matrices=False)[0][:, 0]
    elif output_norm == "1" and rows <= MOST_SIGNS:
        choices = signs(rows)
        weights = choices[int(norms.values(choices @ matrix, inner).argmax())]
    elif input_norm == "inf" and columns <= MOST_SIGNS:
        images = signs(columns) @ matrix.T
        best = int(norms.values(images, output_norm).argmax())
        weights = norms.maximiser(images[best], output_norm)
    else:
        weights = _alternate(matrix, input_norm, output_norm)
    return float(norms.values(weights @ matrix, inner)), weights


def _alternate(matrix: FloatArray, input_norm: Norm, output_norm: Norm) -> FloatArray:
    """Improve input direction and output weights in turn, from each row and the best direction."""
    inner = dual(input_norm)
    weights = np.vstack([np.eye(len(matrix)), np.linalg.svd(matrix)[0][:, :1].T])
    weights /= norms.values(weights, dual(output_norm))[:, None]
    for _ in range(100):
        before = norms.values(weights @ matrix, inner)
        directions = norms.maximiser(weights @ matrix, inner)
        weights = norms.maximiser(directions @ matrix.T, output_norm)
        after = norms.values(weights @ matrix, inner)
        if (after <= before * (1 + 1e-12)).all():
            break
    return np.asarray(weights[int(norms.values(weights @ matrix, inner).argmax())])


def induced_of_absolute(matrix: FloatArray, input_norm: Norm, output_norm: Norm) -> float:
    """Return an induced norm of a matrix without negative entries; exact, and monotone in them.

    Examples
    --------
    >>> induced_of_absolute(np.ones((2, 3)), "inf", "1")
    6.0
    """
    if input_norm == "inf":
        return float(norms.values(matrix.sum(axis=1), output_norm))
    if output_norm == "1":
        return float(norms.values(matrix.sum(axis=0), dual(input_norm)))
    return induced(matrix, input_norm, output_norm)[0]
