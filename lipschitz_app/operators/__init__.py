"""Affine maps by their products, and spectral norms proven from above."""

from lipschitz_app.operators.base import AffineOperator
from lipschitz_app.operators.convolution import ConvolutionOperator
from lipschitz_app.operators.dense import DenseOperator, DiagonalOperator
from lipschitz_app.operators.pooling import MaxPooling, average_pooling
from lipschitz_app.operators.scaled import ScaledOperator
from lipschitz_app.operators.spectral_norm import ProvenNorm, spectral_norm_upper_bound

__all__ = [
    "AffineOperator",
    "ConvolutionOperator",
    "DenseOperator",
    "DiagonalOperator",
    "MaxPooling",
    "ProvenNorm",
    "ScaledOperator",
    "average_pooling",
    "spectral_norm_upper_bound",
]
