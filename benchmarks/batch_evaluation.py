"""Values and gradients of a convolutional ReLU network at many points, fast, in double precision.

Activations are kept as (height, channels, width, points). The copies of an image that a kernel's
columns meet are then stacked once, (height, kernel columns, channels, width', points), and the
matrix that output row r multiplies is the contiguous piece from row r on: a convolution is one
large matrix product per output row, with three copies of the image for a kernel of 3 x 3 instead of
nine. Sizes of a batch are chosen for the processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

import lipschitz_app as la
from lipschitz_app.affine_relu.stages import Stage, as_stages
from lipschitz_app.errors import UnsupportedError
from lipschitz_app.operators import ConvolutionOperator, DenseOperator, MaxPooling

FloatArray: TypeAlias = NDArray[np.float64]
BATCH = 64
"""Points evaluated at once."""


class _Correlation:
    """Products with a kernel (o, c, kh, kw) by stacked columns; the result is overwritten."""

    def __init__(self, kernel: FloatArray) -> None:
        self.outputs, _, self.height, self.width = kernel.shape
        self.matrix = np.ascontiguousarray(kernel.transpose(0, 2, 3, 1).reshape(self.outputs, -1))
        self._stacked = np.empty(0)
        self._result = np.empty(0)

    def __call__(self, x: FloatArray) -> FloatArray:
        h, c, w, points = x.shape
        rows, columns = h - self.height + 1, w - self.width + 1
        if self._stacked.shape[-1:] != (points,):
            self._stacked = np.empty((h, self.width, c, columns, points))
            self._result = np.empty((rows, self.outputs, columns, points))
        for j in range(self.width):
            self._stacked[:, j] = x[:, :, j : j + columns]
        row, item = self._stacked.strides[0], self._stacked.itemsize
        pieces = np.lib.stride_tricks.as_strided(
            self._stacked,
            (rows, self.matrix.shape[1], columns * points),
            (row, columns * points * item, item),
        )
        np.matmul(self.matrix, pieces, out=self._result.reshape(rows, self.outputs, -1))
        return self._result


class _Step(Protocol):
    """A stage in the layout of this module."""

    def forward(self, x: FloatArray) -> FloatArray: ...

    def backward(self, x: FloatArray, y: FloatArray, cotangent: FloatArray) -> FloatArray: ...


class _Convolution:
    def __init__(self, operator: ConvolutionOperator, relu: bool) -> None:
        g = operator.geometry
        if (g.stride, g.padding, g.dilation, g.groups) != ((1, 1), (0, 0), (1, 1), 1):
            raise UnsupportedError(
                f"{operator!r} has stride, padding, dilation or groups; this evaluation knows "
                "none of them, call the network itself"
            )
        self.bias = operator.bias.reshape(operator.output_shape).transpose(1, 0, 2)[..., None]
        self.relu = relu
        self._product = _Correlation(operator.kernel)
        self._adjoint = _Correlation(operator.kernel[:, :, ::-1, ::-1].transpose(1, 0, 2, 3))
        self._rim = (g.kernel[0] - 1, g.kernel[1] - 1)

    def forward(self, x: FloatArray) -> FloatArray:
        y = self._product(x)
        y += self.bias
        return np.maximum(y, 0.0, out=y) if self.relu else y

    def backward(self, x: FloatArray, y: FloatArray, cotangent: FloatArray) -> FloatArray:
        (p, q), (h, o, w, k) = self._rim, cotangent.shape
        padded = np.zeros((h + 2 * p, o, w + 2 * q, k))
        padded[p : p + h, :, q : q + w] = cotangent * (y > 0) if self.relu else cotangent
        return self._adjoint(padded)


class _Pool:
    def __init__(self, pool: MaxPooling) -> None:
        if pool.kernel != pool.stride or pool.padding != (0, 0):
            raise UnsupportedError(
                f"{pool!r} overlaps or is padded; this evaluation knows neither, call the network "
                "itself"
            )
        self.kernel = pool.kernel
        self.rows, self.columns = pool.output_shape[1:]

    def _windows(self, x: FloatArray) -> FloatArray:
        """Return (rows, kernel rows, channels, columns, kernel columns, points), a view."""
        (kh, kw), points = self.kernel, x.shape[-1]
        inside = x[: self.rows * kh, :, : self.columns * kw]
        # Only axes are split, which strides always allow: no copy.
        return inside.reshape(self.rows, kh, x.shape[1], self.columns, kw, points)

    def forward(self, x: FloatArray) -> FloatArray:
        (kh, kw), windows = self.kernel, self._windows(x)
        tall = windows[:, 0]
        for i in range(1, kh):
            tall = np.maximum(tall, windows[:, i])
        y = tall[:, :, :, 0]
        for j in range(1, kw):
            y = np.maximum(y, tall[:, :, :, j])
        return np.ascontiguousarray(y)

    def backward(self, x: FloatArray, y: FloatArray, cotangent: FloatArray) -> FloatArray:
        """Give every largest entry of a window the cotangent: a search direction, no more."""
        largest = self._windows(x) == y[:, None, :, :, None]
        result = np.zeros_like(x)
        self._windows(result)[...] = largest * cotangent[:, None, :, :, None]
        return result


class _Dense:
    def __init__(self, operator: DenseOperator, relu: bool, image: tuple[int, ...]) -> None:
        self.matrix, self.relu, self.bias = operator.matrix, relu, operator.bias[:, None]
        if len(image) == 3:
            in_order = self.matrix.reshape(-1, *image).transpose(0, 2, 1, 3)
            self.matrix = np.ascontiguousarray(in_order.reshape(len(self.matrix), -1))

    def forward(self, x: FloatArray) -> FloatArray:
        y = self.matrix @ x.reshape(-1, x.shape[-1])
        y += self.bias
        return np.maximum(y, 0.0, out=y) if self.relu else y

    def backward(self, x: FloatArray, y: FloatArray, cotangent: FloatArray) -> FloatArray:
        masked = cotangent * (y > 0) if self.relu else cotangent
        return np.asarray((self.matrix.T @ masked).reshape(x.shape))


def _step(stage: Stage, shape: tuple[int, ...]) -> _Step:
    operator = stage.operator
    if isinstance(operator, ConvolutionOperator):
        return _Convolution(operator, stage.relu)
    if isinstance(operator, MaxPooling):
        return _Pool(operator)
    if isinstance(operator, DenseOperator):
        return _Dense(operator, stage.relu, shape)
    raise UnsupportedError(
        f"{operator!r} is no convolution, max pool or dense layer; call the network itself"
    )


class BatchNetwork:
    """A network of plain convolutions, pools and dense layers, evaluated at batches of points.

    Values agree with those of the network to rounding.
    """

    def __init__(self, net: la.Network) -> None:
        self.input_shape = tuple(net.input_shape)
        shape, steps = self.input_shape, []
        for stage in as_stages(net):
            steps.append(_step(stage, shape))
            shape = tuple(stage.operator.output_shape)
        self._steps: tuple[_Step, ...] = tuple(steps)

    def _activations(self, points: FloatArray) -> list[FloatArray]:
        values = [points.T]
        if len(self.input_shape) == 3:
            images = points.reshape(len(points), *self.input_shape)
            values = [np.ascontiguousarray(images.transpose(2, 1, 3, 0))]
        for step in self._steps:
            values.append(step.forward(values[-1]))
        return values

    def __call__(self, points: FloatArray) -> FloatArray:
        """Return the outputs, (k, outputs), at flat points (k, inputs)."""
        parts = [points[i : i + BATCH] for i in range(0, len(points), BATCH)]
        return np.concatenate([self._activations(part)[-1].T for part in parts])

    def with_pullback(
        self, points: FloatArray, choose: Callable[[FloatArray], FloatArray]
    ) -> tuple[FloatArray, FloatArray]:
        """Return outputs f(x), (k, outputs), and J(x)ᵀ choose(f(x)), (k, inputs)."""
        outputs, pulled = [], []
        for start in range(0, len(points), BATCH):
            values = self._activations(points[start : start + BATCH])
            outputs.append(np.ascontiguousarray(values[-1].T))
            cotangent = choose(outputs[-1]).T
            for k in range(len(self._steps) - 1, -1, -1):
                cotangent = self._steps[k].backward(values[k], values[k + 1], cotangent)
            if len(self.input_shape) == 3:
                cotangent = cotangent.transpose(3, 1, 0, 2)
                pulled.append(cotangent.reshape(len(cotangent), -1))
            else:
                pulled.append(np.ascontiguousarray(cotangent.T))
        return np.concatenate(outputs), np.concatenate(pulled)
