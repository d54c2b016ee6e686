"""The registry of activations: built-in ones, and those that users add."""

from __future__ import annotations

import math
from collections.abc import Callable

from lipschitz_app.activations import piecewise, smooth_functions
from lipschitz_app.activations.base import ActivationEncoding
from lipschitz_app.activations.checks import check_activation_encoding
from lipschitz_app.activations.relu import ReLUEncoding
from lipschitz_app.errors import ActivationError

_BUILT_IN: tuple[ActivationEncoding, ...] = (
    ReLUEncoding(),
    piecewise.leaky_relu(0.01, "leaky_relu"),
    piecewise.leaky_relu(0.25, "prelu"),
    piecewise.absolute(),
    piecewise.hard_tanh(),
    piecewise.relu6(),
    piecewise.hard_sigmoid(),
    smooth_functions.tanh(),
    smooth_functions.sigmoid(),
    smooth_functions.softplus(),
    smooth_functions.elu(1.0, "elu"),
    smooth_functions.silu(),
    smooth_functions.gelu(),
)

_REGISTRY: dict[str, ActivationEncoding] = {encoding.name: encoding for encoding in _BUILT_IN}

_FAMILIES: dict[str, Callable[[float, str], ActivationEncoding]] = {
    "leaky_relu": piecewise.leaky_relu,
    "prelu": piecewise.leaky_relu,
    "elu": smooth_functions.elu,
}
"""Activations with a parameter, written as in ``leaky_relu(0.2)``."""


def register_activation(encoding: ActivationEncoding, *, replace: bool = False) -> None:
    """Make an activation known under its name, after checking it.

    Parameters
    ----------
    encoding : ActivationEncoding
    replace : bool
        Whether an activation of the same name may be replaced.

    Raises
    ------
    ActivationError
        The encoding is wrong, or the name is taken.

    Examples
    --------
    >>> from lipschitz_app.activations.relu import ReLUEncoding
    >>> register_activation(ReLUEncoding(name="rectifier"))
    >>> "rectifier" in activation_names()
    True
    >>> unregister_activation("rectifier")
    """
    if encoding.name in _REGISTRY and not replace:
        raise ActivationError(
            f"an activation named {encoding.name!r} exists; choose another name or replace=True"
        )
    check_activation_encoding(encoding)
    _REGISTRY[encoding.name] = encoding


def unregister_activation(name: str) -> None:
    """Forget an activation.

    Raises
    ------
    ActivationError
        There is none of that name.

    Examples
    --------
    >>> from lipschitz_app.activations.relu import ReLUEncoding
    >>> register_activation(ReLUEncoding(name="ramp"))
    >>> unregister_activation("ramp")
    >>> "ramp" in activation_names()
    False
    """
    get_activation(name)
    del _REGISTRY[name]


def activation_names() -> list[str]:
    """Return the names of all activations, sorted.

    Examples
    --------
    >>> "relu" in activation_names()
    True
    """
    return sorted(_REGISTRY)


def get_activation(name: str) -> ActivationEncoding:
    """Return the activation of a name, for example "relu" or "leaky_relu(0.2)".

    Parameters
    ----------
    name : str
        Of a registered activation; "leaky_relu", "prelu" and "elu" also take their parameter.

    Raises
    ------
    ActivationError
        There is none, or its parameter is no number.

    Examples
    --------
    >>> get_activation("relu").derivative_selections(0.0)
    (0.0, 1.0)
    """
    family, bracket, rest = name.partition("(")
    if name not in _REGISTRY and bracket and rest.endswith(")") and family in _FAMILIES:
        return _FAMILIES[family](_parameter(name, rest[:-1]), name)
    if name not in _REGISTRY:
        raise ActivationError(
            f"activation {name!r} is not known; there are {', '.join(activation_names())} "
            "(others through register_activation)"
        )
    return _REGISTRY[name]


def _parameter(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ActivationError(f"activation {name!r}: {text!r} is not a finite number")
    return value
