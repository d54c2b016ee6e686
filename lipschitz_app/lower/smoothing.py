r"""Smoothed derivatives of activations and their rates of change, for ascents.

The derivative of ReLU is smoothed to :math:`1 / (1 + \exp(-\beta z))`; that of any other activation
to its mean over a window around z, which its values give:

.. math:: \frac{1}{2h} \int_{z-h}^{z+h} \sigma' = \frac{\sigma(z + h) - \sigma(z - h)}{2h},
    \qquad h = 1 / \beta.
"""

from __future__ import annotations

import numpy as np

from lipschitz_app.activations.base import ActivationEncoding
from lipschitz_app.rounding import FloatArray


def smoothed(
    encoding: ActivationEncoding, z: FloatArray, beta: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return smoothed derivatives at z, and their derivatives.

    Parameters
    ----------
    encoding : ActivationEncoding
    z : array, shape (points, p)
    beta : array, shape (p,)
        Sharpness.

    Examples
    --------
    >>> from lipschitz_app.activations.registry import get_activation
    >>> slopes, rates = smoothed(get_activation("abs"), np.array([[0.5]]), np.array([1.0]))
    >>> slopes.tolist(), rates.tolist()
    ([[0.5]], [[1.0]])
    """
    if encoding.name == "relu":
        slopes = 0.5 + 0.5 * np.tanh(0.5 * beta * z)
        return slopes, beta * slopes * (1.0 - slopes)
    window = 1.0 / beta
    right, left = z + window, z - window
    slopes = (encoding.value(right) - encoding.value(left)) / (2.0 * window)
    rates = (encoding.derivative(right) - encoding.derivative(left)) / (2.0 * window)
    return slopes, rates
