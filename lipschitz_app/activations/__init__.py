"""Activation functions with their semialgebraic encodings; see `base` to add one."""

from lipschitz_app.activations.base import ActivationEncoding, Constraints
from lipschitz_app.activations.checks import check_activation_encoding
from lipschitz_app.activations.lines import LinearBounds, Lines
from lipschitz_app.activations.piecewise import PiecewiseLinearEncoding
from lipschitz_app.activations.registry import (
    activation_names,
    get_activation,
    register_activation,
    unregister_activation,
)
from lipschitz_app.activations.relu import ReLUEncoding
from lipschitz_app.activations.smooth import SmoothEncoding

__all__ = [
    "ActivationEncoding",
    "Constraints",
    "LinearBounds",
    "Lines",
    "PiecewiseLinearEncoding",
    "ReLUEncoding",
    "SmoothEncoding",
    "activation_names",
    "check_activation_encoding",
    "get_activation",
    "register_activation",
    "unregister_activation",
]
