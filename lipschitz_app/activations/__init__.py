"""Activation functions with their semialgebraic encodings; see `base` to add one."""

from lipschitz_app.activations.base import (
    ActivationEncoding,
    Constraints,
    check_activation_encoding,
)
from lipschitz_app.activations.registry import (
    activation_names,
    get_activation,
    register_activation,
    unregister_activation,
)
from lipschitz_app.activations.relu import ReLUEncoding

__all__ = [
    "ActivationEncoding",
    "Constraints",
    "ReLUEncoding",
    "activation_names",
    "check_activation_encoding",
    "get_activation",
    "register_activation",
    "unregister_activation",
]
