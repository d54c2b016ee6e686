r"""Pooling: the average is a convolution; the maximum is its own stage with its own factor.

Max pooling with kernel k and stride s is Lipschitz from the p-norm to the p-norm with
:math:`N^{1/p}`, :math:`N = \lceil k_h/s_h \rceil \lceil k_w/s_w \rceil`: no input lies in more than
N windows, :math:`|\max u - \max v| \le \max_j |u_j - v_j|`, hence
:math:`\sum_w |\Delta_w|^p \le \sum_w \sum_{j \in w} |u_j - v_j|^p \le N \|u - v\|_p^p`. A unit
impulse attains it where a position lies in N windows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lipschitz_app.errors import InvalidNetworkError
from lipschitz_app.operators.base import Shape
from lipschitz_app.operators.convolution import ConvolutionOperator, as_pair, window_output
from lipschitz_app.operators.convolution_backends import Pair
from lipschitz_app.operators.rounding import sqrt_up
from lipschitz_app.rounding import FloatArray, Norm

IntArray: TypeAlias = NDArray[np.int64]


def average_pooling(
    input_shape: Shape,
    kernel: int | Pair,
    stride: int | Pair | None = None,
    padding: int | Pair = 0,
    *,
    backend: str = "numpy",
) -> ConvolutionOperator:
    """Return average pooling as an operator; padding zeros are counted in the average.

    Parameters
    ----------
    input_shape : (channels, height, width)
    kernel, stride, padding : int or pair of int; the stride defaults to the kernel.

    Examples
    --------
    >>> import numpy as np
    >>> average_pooling((1, 2, 2), 2)(np.array([1.0, 2.0, 3.0, 4.0])).tolist()
    [2.5]
    """
    window = as_pair(kernel, "kernel", 1)
    channels = input_shape[0]
    weights = np.full((channels, 1, *window), 1.0 / (window[0] * window[1]))
    result = ConvolutionOperator(
        weights,
        None,
        input_shape,
        stride=window if stride is None else stride,
        padding=padding,
        groups=channels,
        backend=backend,
    )
    area = window[0] * window[1]
    result.entry_roundings = 0 if area & (area - 1) == 0 else 1
    return result


class MaxPooling:
    """The maximum over sliding windows; padding never wins.

    Parameters
    ----------
    input_shape : (channels, height, width)
    kernel, stride, padding : int or pair of int; the stride defaults to the kernel.

    Examples
    --------
    >>> import numpy as np
    >>> pool = MaxPooling((1, 3, 3), 2, 1)
    >>> pool(np.arange(9.0)).tolist(), pool.factor()
    ([4.0, 5.0, 7.0, 8.0], 2.0)
    """

    def __init__(
        self,
        input_shape: Shape,
        kernel: int | Pair,
        stride: int | Pair | None = None,
        padding: int | Pair = 0,
    ) -> None:
        if len(input_shape) != 3:
            raise InvalidNetworkError(f"max pooling of shape {input_shape}: give (channels, h, w)")
        self.input_shape: Shape = tuple(input_shape)
        self.kernel = as_pair(kernel, "kernel", 1)
        self.stride = self.kernel if stride is None else as_pair(stride, "stride", 1)
        self.padding = as_pair(padding, "padding", 0)
        if any(2 * p > k for p, k in zip(self.padding, self.kernel, strict=True)):
            raise InvalidNetworkError(
                f"padding {self.padding} is more than half of the kernel {self.kernel}: "
                "some windows would be empty"
            )
        outer = window_output(
            (input_shape[1], input_shape[2]), self.kernel, self.stride, self.padding, (1, 1)
        )
        self.output_shape: Shape = (input_shape[0], *outer)

    @property
    def input_size(self) -> int:
        """Number of inputs."""
        return int(np.prod(self.input_shape, dtype=np.int64))

    @property
    def output_size(self) -> int:
        """Number of outputs."""
        return int(np.prod(self.output_shape, dtype=np.int64))

    def _windows(self, x: FloatArray, fill: float) -> Iterator[FloatArray]:
        """Yield, per position inside the window, what each output sees there."""
        c, h, w = self.input_shape
        (ph, pw), (rows, columns) = self.padding, self.output_shape[1:]
        images = x.reshape(-1, c, h, w)
        padded = np.full((images.shape[0], c, h + 2 * ph, w + 2 * pw), fill)
        padded[:, :, ph : ph + h, pw : pw + w] = images
        for i in range(self.kernel[0]):
            for j in range(self.kernel[1]):
                yield padded[
                    :,
                    :,
                    i : i + self.stride[0] * (rows - 1) + 1 : self.stride[0],
                    j : j + self.stride[1] * (columns - 1) + 1 : self.stride[1],
                ]

    def __call__(self, x: FloatArray, /) -> FloatArray:
        """Return the maxima for x of shape (input_size,) or (k, input_size); exact."""
        result: FloatArray | None = None
        for part in self._windows(x, -np.inf):
            result = part.copy() if result is None else np.maximum(result, part, out=result)
        assert result is not None
        return result.reshape(*x.shape[:-1], self.output_size)

    def members(self) -> IntArray:
        """Return the inputs of each output's window, (output_size, places); -1 for padding."""
        sources = np.arange(self.input_size, dtype=np.float64)
        places = [part.reshape(-1) for part in self._windows(sources, -1.0)]
        return np.stack(places, axis=1).astype(np.int64)

    def winners(self, points: FloatArray) -> IntArray:
        """Return the input each output takes at points (k, input_size): (k, output_size) indices.

        The first of equal ones, in the order of rows and columns.
        """
        best = np.full((len(points), *self.output_shape), -np.inf)
        index = np.zeros(best.shape, dtype=np.int64)
        sources = np.broadcast_to(np.arange(self.input_size, dtype=np.float64), points.shape[1:])
        for values, where in zip(
            self._windows(points, -np.inf), self._windows(sources, -1.0), strict=True
        ):
            better = values > best
            best = np.where(better, values, best)
            index = np.where(better, where.astype(np.int64), index)
        return index.reshape(len(points), self.output_size)

    def pullback(self, points: FloatArray, cotangents: FloatArray, /) -> FloatArray:
        """Return Jᵀ w: points (k, n), cotangents (k, r, m), result (k, r, n)."""
        result = np.zeros((*cotangents.shape[:2], self.input_size))
        for k, taken in enumerate(self.winners(points)):
            for r in range(cotangents.shape[1]):
                np.add.at(result[k, r], taken, cotangents[k, r])
        return result

    def factor(self, norm: Norm = "2") -> float:
        """Return the Lipschitz constant of the pooling in a norm, an upper bound."""
        windows = 1
        for k, s in zip(self.kernel, self.stride, strict=True):
            windows *= -(-k // s)
        if norm == "inf":
            return 1.0
        if norm == "1":
            return float(windows)
        root = round(windows**0.5)
        return float(root) if root * root == windows else sqrt_up(windows)

    def __repr__(self) -> str:
        return f"MaxPooling(kernel {self.kernel}, stride {self.stride})"
