"""Activation layers by the names and parameters that frameworks give them."""

from __future__ import annotations

import math

import numpy as np

from lipschitz_app.activations import activation_names
from lipschitz_app.errors import ActivationError, UnsupportedError
from lipschitz_app.layers import Activation, Layer, ReLU
from lipschitz_app.rounding import FloatArray

_ONLY: dict[str, tuple[float, ...]] = {
    "softplus": (1.0, 20.0),
    "hardtanh": (-1.0, 1.0),
    "hardsigmoid": (1 / 6, 0.5),
}
"""Parameters, up to single precision, without which an activation is another function."""


def activation_layer(name: str, *parameters: float) -> Layer:
    """Return the layer of an activation.

    Parameters
    ----------
    name : str
        As in the registry: ``relu``, ``leaky_relu``, ``tanh``, …
    *parameters : float
        Slope or alpha; ends of ``hardtanh``; slope and offset of ``hardsigmoid``.

    Raises
    ------
    UnsupportedError
        There is no such activation, or none with these parameters.

    Examples
    --------
    >>> activation_layer("hardtanh", 0.0, float("inf"))
    ReLU()
    """
    given = tuple(float(p) for p in parameters)
    if name == "hardtanh" and given == (0.0, math.inf):
        name, given = "relu", ()
    elif name == "hardtanh" and given == (0.0, 6.0):
        name, given = "relu6", ()
    elif name in ("leaky_relu", "elu") and len(given) == 1:
        name, given = (name if given[0] == _plain(name) else f"{name}({given[0]!r})"), ()
    elif name in _ONLY and np.allclose(given, _ONLY[name][: len(given)], rtol=1e-6, atol=0.0):
        given = ()
    if name == "relu" and not given:
        return ReLU()
    try:
        if not given:
            return Activation(name)
    except ActivationError:
        pass
    text = f" with parameters {given}" if given else ""
    raise UnsupportedError(
        f"the activation {name!r}{text} is not offered; there are {', '.join(activation_names())}"
    )


def _plain(name: str) -> float:
    return 0.01 if name == "leaky_relu" else 1.0


def prelu_layer(slopes: FloatArray) -> Layer:
    """Return the layer with one slope for all negative inputs.

    Raises
    ------
    UnsupportedError
        The channels' slopes differ.
    """
    values = np.unique(np.asarray(slopes, dtype=np.float64))
    if values.size != 1:
        raise UnsupportedError(
            f"PReLU with {values.size} different slopes is not offered; with one it is"
        )
    return activation_layer("leaky_relu", float(values[0]))
