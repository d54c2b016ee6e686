"""Two-dimensional convolutions as operators, without their matrix.

With zero padding every entry of the matrix is one kernel weight, so ``|A|`` and ``A∘A`` are the
convolutions with ``|W|`` and ``W∘W``: the row norms of ``A diag(d)`` are
``sqrt(conv(d**2, W∘W))``, one product.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray

from lipschitz_app.errors import InvalidNetworkError
from lipschitz_app.norms import as_norm
from lipschitz_app.operators.base import AffineOperator, Shape, flat_vector
from lipschitz_app.operators.convolution_backends import Geometry, Pair, backend, tap_slice
from lipschitz_app.rounding import FloatArray, Norm, gamma, inflate


def as_pair(value: int | Pair, name: str, least: int) -> Pair:
    """Return a number or pair as a pair of ints not below `least`."""
    pair = (value, value) if isinstance(value, (int, np.integer)) else tuple(value)
    if len(pair) != 2 or any(int(p) != p or p < least for p in pair):
        raise InvalidNetworkError(
            f"{name} is {value!r}; give one integer or a pair, each at least {least}"
        )
    return int(pair[0]), int(pair[1])


_MOST_POSITIONS = 16_000_000
"""Positions of a sliding window; a file of a few bytes may declare any number."""


def window_output(size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Pair:
    """Return the output height and width of a sliding window.

    Raises
    ------
    InvalidNetworkError
        The window does not fit into the padded input.
    """
    reach = tuple(d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True))
    room = tuple(n + 2 * p - r for n, p, r in zip(size, padding, reach, strict=True))
    if min(room) < 0:
        raise InvalidNetworkError(
            f"a window of {reach} does not fit into an input of {size} with padding {padding}"
        )
    height, width = room[0] // stride[0] + 1, room[1] // stride[1] + 1
    if height * width > _MOST_POSITIONS:
        raise InvalidNetworkError(
            f"a window slides over {height} by {width} positions; at most {_MOST_POSITIONS} are "
            "offered"
        )
    return height, width


class ConvolutionOperator(AffineOperator):
    """The map of a two-dimensional convolution layer (cross-correlation, zero padding).

    Parameters
    ----------
    kernel : array, shape (c_out, c_in // groups, kernel height, kernel width)
    bias : array, shape (c_out,) or (c_out * height * width,); default zeros
    input_shape : (c_in, height, width)
    stride, padding, dilation : int or pair of int
    groups : int
    backend : "numpy" or "torch"
        Who computes the products; the results agree to rounding.

    Examples
    --------
    >>> import numpy as np
    >>> blur = ConvolutionOperator(np.ones((1, 1, 2, 2)), None, (1, 3, 3))
    >>> blur(np.arange(9.0)).tolist()
    [8.0, 12.0, 20.0, 24.0]
    """

    def __init__(
        self,
        kernel: ArrayLike,
        bias: ArrayLike | None,
        input_shape: Shape,
        *,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        dilation: int | Pair = 1,
        groups: int = 1,
        backend: str = "numpy",
    ) -> None:
        weights = np.ascontiguousarray(kernel, dtype=np.float64)
        if weights.ndim != 4 or weights.size == 0 or not np.isfinite(weights).all():
            raise InvalidNetworkError(
                f"kernel of shape {weights.shape}: four axes (out, in, height, width) of finite "
                "numbers are needed"
            )
        if len(input_shape) != 3 or groups < 1 or weights.shape[0] % groups:
            raise InvalidNetworkError(
                f"input shape {input_shape}, {groups} groups, {weights.shape[0]} output channels: "
                "give (channels, height, width) and a number of groups that divides the channels"
            )
        if input_shape[0] != weights.shape[1] * groups:
            raise InvalidNetworkError(
                f"kernel takes {weights.shape[1] * groups} channels, the input has {input_shape[0]}"
            )
        self.kernel = weights
        size, window = (input_shape[1], input_shape[2]), (weights.shape[2], weights.shape[3])
        steps, zeros = as_pair(stride, "stride", 1), as_pair(padding, "padding", 0)
        spread = as_pair(dilation, "dilation", 1)
        outer = window_output(size, window, steps, zeros, spread)
        self.input_shape = tuple(input_shape)
        self.output_shape = (weights.shape[0], *outer)
        self.geometry = Geometry(
            (input_shape[0], *size),
            (weights.shape[0], *outer),
            window,
            steps,
            zeros,
            spread,
            groups,
        )
        if bias is not None and np.size(bias) == weights.shape[0]:
            bias = np.repeat(np.asarray(bias, dtype=np.float64).reshape(-1), outer[0] * outer[1])
        self.bias = flat_vector(bias, self.output_size, "bias")
        self.bias_error = np.zeros(self.output_size)
        self.entry_roundings = 0
        self.backend = backend
        self._sparse: scipy.sparse.csr_array | None = None

    @property
    def row_terms(self) -> int:
        """Most nonzero entries in a row."""
        return math.prod(self.kernel.shape[1:])

    @property
    def column_terms(self) -> int:
        """Most nonzero entries in a column."""
        per_axis = [
            -(-k // s) if d == 1 else k
            for k, s, d in zip(
                self.geometry.kernel, self.geometry.stride, self.geometry.dilation, strict=True
            )
        ]
        return int(self.kernel.shape[0] // self.geometry.groups * per_axis[0] * per_axis[1])

    def apply(self, v: FloatArray) -> FloatArray:
        """Return ``A v``."""
        images = v.reshape(-1, *self.geometry.input_shape)
        result = backend(self.backend).forward(self.kernel, images, self.geometry)
        return result.reshape(*v.shape[:-1], self.output_size)

    def adjoint(self, w: FloatArray) -> FloatArray:
        """Return ``A^T w``."""
        images = w.reshape(-1, *self.geometry.output_shape)
        result = backend(self.backend).adjoint(self.kernel, images, self.geometry)
        return result.reshape(*w.shape[:-1], self.input_size)

    def row_norms(self, mask: FloatArray | None = None, ord: float | Norm = 2) -> FloatArray:
        """Return upper bounds of the norms of the rows of ``A diag(mask)``; see the base class.

        Largest entries are sought tap by tap, so that the matrix is formed in no norm.
        """
        if as_norm(ord) != "inf":
            return super().row_norms(mask, ord)
        g = self.geometry
        (o, rows, columns), (c, h, w), groups = g.output_shape, g.input_shape, g.groups
        scale = np.ones(self.input_size) if mask is None else mask
        (ph, pw), size = g.padding, np.abs(self.kernel)
        padded = np.pad(
            scale.reshape(groups, c // groups, h, w), ((0, 0), (0, 0), (ph, ph), (pw, pw))
        )
        size = size.reshape(groups, o // groups, c // groups, *g.kernel)
        largest = np.zeros((groups, o // groups, rows, columns))
        for i, j in itertools.product(*map(range, g.kernel)):
            seen = padded[..., tap_slice(rows, i, g, 0), tap_slice(columns, j, g, 1)]
            for k in range(c // groups):
                weights = size[:, :, k, i, j, None, None]
                np.maximum(largest, weights * seen[:, None, k], out=largest)
        return inflate(largest.reshape(-1), self.row_terms + 6 + self.entry_roundings)

    def _with_kernel(self, kernel: FloatArray, bias: FloatArray | None) -> ConvolutionOperator:
        g = self.geometry
        return ConvolutionOperator(
            kernel,
            bias,
            self.input_shape,
            stride=g.stride,
            padding=g.padding,
            dilation=g.dilation,
            groups=g.groups,
            backend=self.backend,
        )

    def map_entries(self, function: Callable[[FloatArray], FloatArray]) -> ConvolutionOperator:
        """Return the operator with the function of each entry, without bias."""
        result = self._with_kernel(function(self.kernel), None)
        result.entry_roundings = self.entry_roundings
        return result

    def then_diagonal(
        self, scale: FloatArray, shift: FloatArray, roundings: int, shift_error: FloatArray
    ) -> ConvolutionOperator | None:
        """Return this map followed by a diagonal one; see the base class."""
        per_channel = scale.reshape(self.geometry.output_shape[0], -1)
        if not (per_channel == per_channel[:, :1]).all():
            return None
        bias = scale * self.bias + shift
        relative = gamma(roundings + self.entry_roundings + 2)
        result = self._with_kernel(per_channel[:, 0, None, None, None] * self.kernel, bias)
        result.bias_error = (
            relative * (np.abs(scale * self.bias) + np.abs(shift))
            + np.abs(scale) * self.bias_error * (1 + relative)
            + shift_error
        )
        result.entry_roundings = self.entry_roundings + roundings + 1
        return result

    def full_kernel(self) -> FloatArray:
        """Return the kernel with groups and dilation as zeros, (c_out, c_in, kh, kw)."""
        g = self.geometry
        o, c = g.output_shape[0], g.input_shape[0]
        reach = [d * (k - 1) + 1 for d, k in zip(g.dilation, g.kernel, strict=True)]
        full = np.zeros((o, c, reach[0], reach[1]))
        for group in range(g.groups):
            outs = slice(group * o // g.groups, (group + 1) * o // g.groups)
            ins = slice(group * c // g.groups, (group + 1) * c // g.groups)
            full[outs, ins, :: g.dilation[0], :: g.dilation[1]] = self.kernel[outs]
        return full

    def to_sparse(self) -> scipy.sparse.csr_array:
        """Return A as a sparse matrix."""
        if self._sparse is None:
            self._sparse = self._build_sparse()
        return self._sparse

    def _build_sparse(self) -> scipy.sparse.csr_array:
        g = self.geometry
        (o, rows, columns), (c, h, w) = g.output_shape, g.input_shape
        index: list[NDArray[np.int64]] = []
        inside: list[NDArray[np.bool_]] = []
        for axis, (count, size) in enumerate(((rows, h), (columns, w))):
            position = np.arange(count)[None, :] * g.stride[axis] - g.padding[axis]
            where = position + np.arange(g.kernel[axis])[:, None] * g.dilation[axis]
            index.append(where.astype(np.int64))
            inside.append((where >= 0) & (where < size))
        # Axes: out channel, in channel of the group, tap row and column, output row and column.
        channel = np.arange(o)[:, None] // (o // g.groups) * (c // g.groups)
        channel = channel + np.arange(c // g.groups)[None, :]
        column_index = (
            channel[:, :, None, None, None, None] * h + index[0][:, None, :, None]
        ) * w + index[1][None, :, None, :]
        row_index = (
            np.arange(o)[:, None, None] * rows + np.arange(rows)[:, None]
        ) * columns + np.arange(columns)
        shape = column_index.shape
        valid = np.broadcast_to(inside[0][:, None, :, None] & inside[1][None, :, None, :], shape)
        values = np.broadcast_to(self.kernel[..., None, None], shape)
        lines = np.broadcast_to(row_index[:, None, None, None], shape)
        matrix = scipy.sparse.coo_array(
            (values[valid], (lines[valid], column_index[valid])),
            shape=(self.output_size, self.input_size),
        )
        return scipy.sparse.csr_array(matrix)
