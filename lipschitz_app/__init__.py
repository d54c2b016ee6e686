"""Proven bounds on Lipschitz constants of neural networks, by polynomial optimisation."""

from __future__ import annotations

from lipschitz_app.activations import (
    ActivationEncoding,
    Constraints,
    activation_names,
    check_activation_encoding,
    get_activation,
    register_activation,
    unregister_activation,
)
from lipschitz_app.affine_relu import (
    AffineReluBound,
    AnchoredBound,
    AnchoredLowerBound,
    CertifiedRadius,
    GlobalBound,
    affine_relu_bound,
    anchored_bound,
    anchored_lower_bound,
    certified_radius,
    global_bound,
)
from lipschitz_app.errors import (
    ActivationError,
    InvalidNetworkError,
    InvalidOptionError,
    InvalidOutputError,
    InvalidPointError,
    InvalidRegionError,
    LipschitzError,
    NetworkFileError,
    NoBoundError,
    StoreError,
    UnsupportedError,
)
from lipschitz_app.examples import example_inputs, example_network
from lipschitz_app.layers import (
    Activation,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    Linear,
    MaxPool2d,
    ReLU,
    Residual,
    Scale,
    Unflatten,
)
from lipschitz_app.lipschitz import METHODS, lipschitz_constant
from lipschitz_app.lower import LowerBound, lipschitz_lower_bound
from lipschitz_app.network import Network
from lipschitz_app.ranges import LayerRange, interval_ranges, pre_activation_ranges
from lipschitz_app.readers import from_keras_weights, from_sklearn, from_torch, load_network
from lipschitz_app.regions import Ball, BallInBox, Box, Everywhere
from lipschitz_app.result import LipschitzResult
from lipschitz_app.sweeps import Sweep, SweepRow, sweep
from lipschitz_app.upper import LowRankProof, UnprovenBoundWarning

__all__ = [
    "METHODS",
    "Activation",
    "ActivationEncoding",
    "ActivationError",
    "AffineReluBound",
    "AnchoredBound",
    "AnchoredLowerBound",
    "AvgPool2d",
    "Ball",
    "BallInBox",
    "BatchNorm",
    "Box",
    "CertifiedRadius",
    "Constraints",
    "Conv2d",
    "Dropout",
    "Everywhere",
    "Flatten",
    "GlobalBound",
    "InvalidNetworkError",
    "InvalidOptionError",
    "InvalidOutputError",
    "InvalidPointError",
    "InvalidRegionError",
    "LayerRange",
    "Linear",
    "LipschitzError",
    "LipschitzResult",
    "LowRankProof",
    "LowerBound",
    "MaxPool2d",
    "Network",
    "NetworkFileError",
    "NoBoundError",
    "ReLU",
    "Residual",
    "Scale",
    "Unflatten",
    "StoreError",
    "Sweep",
    "SweepRow",
    "UnprovenBoundWarning",
    "UnsupportedError",
    "activation_names",
    "affine_relu_bound",
    "anchored_bound",
    "anchored_lower_bound",
    "certified_radius",
    "check_activation_encoding",
    "example_inputs",
    "example_network",
    "from_keras_weights",
    "from_sklearn",
    "from_torch",
    "get_activation",
    "global_bound",
    "interval_ranges",
    "lipschitz_constant",
    "lipschitz_lower_bound",
    "load_network",
    "pre_activation_ranges",
    "register_activation",
    "sweep",
    "unregister_activation",
]
