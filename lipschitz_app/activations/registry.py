"""The registry of activations: built-in ones, and those that users add."""

from __future__ import annotations

from lipschitz_app.activations.base import ActivationEncoding, check_activation_encoding
from lipschitz_app.activations.relu import ReLUEncoding
from lipschitz_app.errors import ActivationError

_REGISTRY: dict[str, ActivationEncoding] = {"relu": ReLUEncoding()}


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
    """Return the activation of a name.

    Raises
    ------
    ActivationError
        There is none.

    Examples
    --------
    >>> get_activation("relu").derivative_selections(0.0)
    (0.0, 1.0)
    """
    if name not in _REGISTRY:
        raise ActivationError(
            f"activation {name!r} is not known; there are {', '.join(activation_names())} "
            "(others through register_activation)"
        )
    return _REGISTRY[name]
