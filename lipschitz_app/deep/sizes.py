"""Proven bounds on the directional derivatives of all pre-activations."""

from __future__ import annotations

import numpy as np

from lipschitz_app.deep.presolve import DeepNetwork
from lipschitz_app.rounding import FloatArray, Norm, dual, gamma, inflate

_TINY = float(np.finfo(np.float64).tiny)


def tangent_sizes(net: DeepNetwork, norm: Norm) -> list[FloatArray]:
    """Bound the gradients of the pre-activations, one array per layer.

    The Jacobian of each layer is enclosed by interval arithmetic, forwards; the bound of a neuron
    is the dual norm of the largest absolute values in its row.
    """
    center, radius = np.eye(net.inputs.size), np.zeros((net.inputs.size, net.inputs.size))
    sizes = []
    for layer in net.layers:
        matrix, error = np.abs(layer.weight), layer.weight_error
        mass = np.abs(center) + radius
        terms = layer.weight.shape[1] + 2
        spread = matrix @ radius + error @ mass + gamma(terms) * (matrix @ mass)
        center = layer.weight @ center
        radius = inflate(spread + terms * _TINY, 3 * terms)
        sizes.append(_row_norms(np.abs(center) + radius, dual(norm)))
        # A derivative between 0 and 1 turns the interval into its hull with 0.
        hull = layer.unstable[:, None] & (np.abs(center) > radius)
        reach = inflate(np.abs(center) + radius, 2)
        radius = np.where(hull, inflate(reach / 2, 4), radius)
        center = np.where(hull, np.sign(center) * reach / 2, center)
    return sizes


def _row_norms(values: FloatArray, norm: Norm) -> FloatArray:
    """Return upper bounds on the norms of nonnegative rows."""
    terms = values.shape[1] + 4
    if norm == "inf":
        return inflate(values.max(axis=1, initial=0.0), 2)
    if norm == "1":
        return inflate(values.sum(axis=1), terms)
    return inflate(np.sqrt((values * values).sum(axis=1) + terms * _TINY), terms)
