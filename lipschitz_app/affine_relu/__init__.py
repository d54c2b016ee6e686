"""Affine-ReLU analysis: proven bounds on anchored local Lipschitz constants, certified radii."""

from lipschitz_app.affine_relu.architectures import load_architecture
from lipschitz_app.affine_relu.ascent import AnchoredLowerBound, anchored_lower_bound
from lipschitz_app.affine_relu.layer import AffineReluBound, affine_relu_bound
from lipschitz_app.affine_relu.network import (
    AnchoredBound,
    GlobalBound,
    LayerBound,
    anchored_bound,
    global_bound,
)
from lipschitz_app.affine_relu.radius import CertifiedRadius, certified_radius
from lipschitz_app.affine_relu.stages import Stage

__all__ = [
    "AffineReluBound",
    "AnchoredBound",
    "AnchoredLowerBound",
    "CertifiedRadius",
    "GlobalBound",
    "LayerBound",
    "Stage",
    "affine_relu_bound",
    "anchored_bound",
    "anchored_lower_bound",
    "certified_radius",
    "global_bound",
    "load_architecture",
]
