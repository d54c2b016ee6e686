"""Products with a convolution and its adjoint: numpy (BLAS) and torch CPU kernels, one interface.

A backend maps arrays of shape (k, channels, height, width). The numpy one sums, over the rows of
the kernel, matrix products with the shifted slices of the input; it holds one kernel row of shifted
copies at a time, so memory stays at a few activations.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from lipschitz_app.errors import InvalidOptionError
from lipschitz_app.rounding import FloatArray

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Geometry:
    """Shapes of a convolution; inputs and outputs are (channels, height, width)."""

    input_shape: tuple[int, int, int]
    output_shape: tuple[int, int, int]
    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
    groups: int


class ConvolutionBackend(Protocol):
    """Products with the zero-padded cross-correlation that neural networks call a convolution."""

    name: str

    def forward(self, kernel: FloatArray, x: FloatArray, geometry: Geometry) -> FloatArray:
        """Map (k, c_in, h, w) to (k, c_out, h', w')."""
        ...

    def adjoint(self, kernel: FloatArray, y: FloatArray, geometry: Geometry) -> FloatArray:
        """Map (k, c_out, h', w') to (k, c_in, h, w)."""
        ...


def tap_slice(position: int, tap: int, geometry: Geometry, axis: int) -> slice:
    """Return the slice of the padded input that kernel tap `tap` meets along an axis."""
    start = tap * geometry.dilation[axis]
    step = geometry.stride[axis]
    return slice(start, start + step * (position - 1) + 1, step)


class NumpyBackend:
    """Matrix products over shifted slices."""

    name = "numpy"

    def forward(self, kernel: FloatArray, x: FloatArray, geometry: Geometry) -> FloatArray:
        """Map (k, c_in, h, w) to (k, c_out, h', w')."""
        batch, (c, h, w) = x.shape[0], geometry.input_shape
        o, rows, columns = geometry.output_shape
        groups, (kh, kw), (ph, pw) = geometry.groups, geometry.kernel, geometry.padding
        padded = x
        if ph or pw:
            padded = np.zeros((batch, c, h + 2 * ph, w + 2 * pw))
            padded[:, :, ph : ph + h, pw : pw + w] = x
        shifted = np.empty((batch, groups, c // groups, kw, rows, columns))
        split = padded.reshape(batch, groups, c // groups, *padded.shape[2:])
        result = np.zeros((batch, groups, o // groups, rows * columns))
        for i in range(kh):
            row_slice = tap_slice(rows, i, geometry, 0)
            for j in range(kw):
                shifted[:, :, :, j] = split[..., row_slice, tap_slice(columns, j, geometry, 1)]
            weights = kernel[:, :, i, :].reshape(groups, o // groups, -1)
            result += weights @ shifted.reshape(batch, groups, -1, rows * columns)
        return result.reshape(batch, o, rows, columns)

    def adjoint(self, kernel: FloatArray, y: FloatArray, geometry: Geometry) -> FloatArray:
        """Map (k, c_out, h', w') to (k, c_in, h, w)."""
        batch, (c, h, w) = y.shape[0], geometry.input_shape
        o, rows, columns = geometry.output_shape
        groups, (kh, kw), (ph, pw) = geometry.groups, geometry.kernel, geometry.padding
        padded = np.zeros((batch, groups, c // groups, h + 2 * ph, w + 2 * pw))
        split = y.reshape(batch, groups, o // groups, rows * columns)
        for i in range(kh):
            row_slice = tap_slice(rows, i, geometry, 0)
            weights = kernel[:, :, i, :].reshape(groups, o // groups, -1)
            parts = (weights.transpose(0, 2, 1) @ split).reshape(
                batch, groups, c // groups, kw, rows, columns
            )
            for j in range(kw):
                padded[..., row_slice, tap_slice(columns, j, geometry, 1)] += parts[:, :, :, j]
        return np.ascontiguousarray(padded[..., ph : ph + h, pw : pw + w].reshape(batch, c, h, w))


class TorchBackend:
    """torch's CPU kernels in double precision; torch is imported at the first product."""

    name = "torch"

    def forward(self, kernel: FloatArray, x: FloatArray, geometry: Geometry) -> FloatArray:
        """Map (k, c_in, h, w) to (k, c_out, h', w')."""
        torch = _torch()
        with torch.no_grad():
            result = torch.nn.functional.conv2d(
                torch.from_numpy(np.array(x)),
                torch.from_numpy(np.array(kernel)),
                stride=geometry.stride,
                padding=geometry.padding,
                dilation=geometry.dilation,
                groups=geometry.groups,
            )
        return np.asarray(result.numpy(), dtype=np.float64)

    def adjoint(self, kernel: FloatArray, y: FloatArray, geometry: Geometry) -> FloatArray:
        """Map (k, c_out, h', w') to (k, c_in, h, w)."""
        torch = _torch()
        # Input rows behind the last stride are met by no output; output_padding restores them.
        rest = tuple(
            geometry.input_shape[1 + a]
            + 2 * geometry.padding[a]
            - geometry.dilation[a] * (geometry.kernel[a] - 1)
            - 1
            - geometry.stride[a] * (geometry.output_shape[1 + a] - 1)
            for a in (0, 1)
        )
        with torch.no_grad():
            result = torch.nn.functional.conv_transpose2d(
                torch.from_numpy(np.array(y)),
                torch.from_numpy(np.array(kernel)),
                stride=geometry.stride,
                padding=geometry.padding,
                output_padding=rest,
                dilation=geometry.dilation,
                groups=geometry.groups,
            )
        return np.asarray(result.numpy(), dtype=np.float64)


def _torch() -> Any:
    import torch

    return torch


def backend(name: str = "numpy") -> ConvolutionBackend:
    """Return a backend by name: "numpy", or "torch" where torch is installed.

    Raises
    ------
    InvalidOptionError
        The name is unknown, or torch is asked for and not installed.
    """
    if name == "numpy":
        return NumpyBackend()
    if name == "torch":
        if importlib.util.find_spec("torch") is None:
            raise InvalidOptionError(
                'backend "torch" needs torch, which is not installed; use "numpy"'
            )
        return TorchBackend()
    raise InvalidOptionError(f'backend "{name}" is not known; use "numpy" or "torch"')
