r"""Points that a relaxation suggests: its moments of the inputs, and random ones around them.

The low-rank solver holds a factor V of the moment matrix, with unit rows :math:`v_0` for the
constant and v for the inputs (scaled to [-1, 1]). The moments are :math:`v^T v_0`; with a standard
normal g, :math:`v^T v_0 + (v - (v^T v_0) v_0)^T g` has these means and the covariances of the
matrix, so that inputs which the relaxation moves together are moved together.
"""

from __future__ import annotations

import numpy as np

from lipschitz_app import norms
from lipschitz_app.encoding import pre_activations
from lipschitz_app.hidden import HiddenLayer
from lipschitz_app.regions import Box
from lipschitz_app.rounding import FloatArray

_SAMPLES = 49


def suggested_points(columns: FloatArray, rows: np.ndarray, count: int = _SAMPLES) -> FloatArray:
    """Return points in [-1, 1], the moments first, shape (count + 1, inputs); deterministic.

    Parameters
    ----------
    columns : array, shape (side, rank)
        The factor; row 0 is the constant.
    rows : array of int
        Rows of the inputs.
    count : int
        How many random points.

    Examples
    --------
    >>> columns = np.array([[1.0, 0.0], [0.5, 0.5]])
    >>> suggested_points(columns, np.array([1]), 1).shape
    (2, 1)
    >>> suggested_points(columns, np.array([1]), 0).tolist()
    [[0.5]]
    """
    first = np.asarray(columns[0], dtype=np.float64)
    inputs = np.asarray(columns[rows], dtype=np.float64)
    means = inputs @ first
    draws = np.random.default_rng(0).standard_normal((count, first.size))
    spread = draws @ (inputs - np.outer(means, first)).T
    return np.asarray(np.clip(np.concatenate([means[None], means + spread]), -1.0, 1.0))


def rounded_point(
    hidden: HiddenLayer, box: Box, columns: FloatArray, inputs: np.ndarray
) -> FloatArray:
    """Return the suggested point with the largest 1-norm of the gradient.

    Parameters
    ----------
    hidden : HiddenLayer
        Relu.
    box : Box
    columns : array, shape (side, rank)
        The factor.
    inputs : array of int
        Its rows for the inputs that move a pre-activation, in order.

    Examples
    --------
    >>> import lipschitz_app as la
    >>> from lipschitz_app.hidden import presolve
    >>> from lipschitz_app.outputs import as_output
    >>> net, box = la.Network.from_arrays([[[1.0]], [[2.0]]]), Box([0.0], 1.0)
    >>> hidden = presolve(net, la.interval_ranges(net, box), as_output(0, 1))
    >>> rounded_point(hidden, box, np.array([[1.0, 0.0], [0.5, 0.5]]), np.array([1])).size
    1
    """
    moving = np.flatnonzero((pre_activations(hidden, box).rows != 0).any(axis=0))
    suggested = suggested_points(columns, inputs)
    points = np.repeat(box.center[None], len(suggested), axis=0)
    points[:, moving] += box.radius[moving] * suggested
    points = np.clip(points, box.inner_lower, box.inner_upper)
    slopes = (points @ hidden.rows.T + hidden.biases > 0).astype(np.float64)
    gradients = hidden.gradients(slopes)
    return np.asarray(points[int(np.argmax(norms.values(gradients, "1")))])
