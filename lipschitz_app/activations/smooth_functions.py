r"""The smooth activations in use, with their turning points and limits.

Turning points of derivatives: :math:`\pm\sqrt 2` for GELU, where :math:`f'' = (2 - z^2)\varphi(z)`;
the solutions of :math:`z \tanh(z/2) = 2` for SiLU. Those of the values are the zeros of f'.
"""

from __future__ import annotations

import numpy as np

from lipschitz_app.activations.smooth import SmoothEncoding
from lipschitz_app.errors import ActivationError
from lipschitz_app.rounding import FloatArray

_FAR = 800.0
"""Beyond this all exponential tails are 0 in doubles."""


def _sigmoid(z: FloatArray) -> FloatArray:
    tail = np.exp(-np.minimum(np.abs(z), _FAR))
    return np.asarray(np.where(z >= 0, 1.0, tail) / (1.0 + tail))


def _near(z: FloatArray) -> FloatArray:
    """Return z cut to where the tails of derivatives are not yet 0; beyond, nothing changes."""
    return np.clip(z, -_FAR, _FAR)


def tanh() -> SmoothEncoding:
    """Return the hyperbolic tangent.

    Examples
    --------
    >>> tanh().derivative(np.zeros(1)).tolist()
    [1.0]
    """

    def slope(z: FloatArray) -> FloatArray:
        part = _sigmoid(2.0 * _near(z))
        return 4.0 * part * _sigmoid(-2.0 * _near(z))

    return SmoothEncoding(
        "tanh",
        lambda z: np.tanh(z),
        slope,
        slope_turns=(0.0,),
        value_limits=(-1.0, 1.0),
        slope_limits=(0.0, 1.0),
    )


def sigmoid() -> SmoothEncoding:
    """Return the logistic function ``1 / (1 + exp(-z))``.

    Examples
    --------
    >>> sigmoid().derivative(np.zeros(1)).tolist()
    [0.25]
    """
    return SmoothEncoding(
        "sigmoid",
        _sigmoid,
        lambda z: _sigmoid(z) * _sigmoid(-z),
        slope_turns=(0.0,),
        value_limits=(0.0, 1.0),
        slope_limits=(0.0, 0.25),
    )


def softplus() -> SmoothEncoding:
    """Return ``log(1 + exp(z))``.

    Examples
    --------
    >>> softplus().derivative(np.zeros(1)).tolist()
    [0.5]
    """
    return SmoothEncoding(
        "softplus",
        lambda z: np.maximum(z, 0.0) + np.log1p(np.exp(-np.minimum(np.abs(z), _FAR))),
        _sigmoid,
        value_limits=(0.0, np.inf),
        slope_limits=(0.0, 1.0),
    )


def elu(alpha: float = 1.0, name: str = "") -> SmoothEncoding:
    """Return z for ``z > 0`` and ``alpha (exp(z) - 1)`` for ``z < 0``.

    Raises
    ------
    ActivationError
        alpha is negative or not finite.

    Examples
    --------
    >>> elu(0.5).derivative_selections(0.0)
    (0.5, 1.0)
    """
    if not 0.0 <= alpha < np.inf:
        raise ActivationError(f"elu with alpha = {alpha!r}; give a finite number of at least 0")

    def value(z: FloatArray) -> FloatArray:
        return np.where(z > 0, z, alpha * np.expm1(np.clip(z, -_FAR, 0.0)))

    def slope(z: FloatArray) -> FloatArray:
        return np.where(z > 0, 1.0, alpha * np.exp(np.clip(z, -_FAR, 0.0)))

    return SmoothEncoding(
        name or f"elu({alpha!r})",
        value,
        slope,
        value_limits=(-alpha, np.inf),
        slope_limits=(0.0, max(1.0, alpha)),
        breakpoints=() if alpha == 1.0 else (0.0,),
        one_sided=() if alpha == 1.0 else ((alpha, 1.0),),
    )


def silu() -> SmoothEncoding:
    """Return ``z / (1 + exp(-z))``, also called swish.

    Examples
    --------
    >>> low, high = silu().slope_range(np.array([-np.inf]), np.array([np.inf]))
    >>> low.round(6).tolist(), high.round(6).tolist()
    ([-0.099839], [1.099839])
    """

    def value(z: FloatArray) -> FloatArray:
        return np.maximum(z, -_FAR) * _sigmoid(z)

    def slope(z: FloatArray) -> FloatArray:
        z = _near(z)
        return _sigmoid(z) * (1.0 + z * _sigmoid(-z))

    return SmoothEncoding(
        "silu",
        value,
        slope,
        value_turns=(-1.2784645427610738,),
        slope_turns=(-2.399357280520, 2.399357280520),
    )


def gelu() -> SmoothEncoding:
    r"""Return :math:`z \Phi(z)` with the normal distribution function, not its approximation.

    Examples
    --------
    >>> low, high = gelu().slope_range(np.array([-np.inf]), np.array([np.inf]))
    >>> low.round(6).tolist(), high.round(6).tolist()
    ([-0.128904], [1.128904])
    """

    def normal(z: FloatArray) -> FloatArray:
        # scipy.special takes a while to import.
        from scipy.special import ndtr

        return np.asarray(ndtr(z))

    def value(z: FloatArray) -> FloatArray:
        return np.maximum(z, -_FAR) * normal(z)

    def slope(z: FloatArray) -> FloatArray:
        z = _near(z)
        density = np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
        return np.asarray(normal(z) + z * density)

    root = float(np.sqrt(2.0))
    return SmoothEncoding(
        "gelu",
        value,
        slope,
        value_turns=(-0.7517915246935645,),
        slope_turns=(-root, root),
    )
