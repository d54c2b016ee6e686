r"""``s T - G`` definite? for the Gram matrix G of a scaled convolution, in one streaming pass.

Canonical form: every zero-padded convolution with stride s is a *valid* convolution of stride 1 on
the grid of s × s cells of its padded input, with ``ceil(k / s)`` taps per axis; the cells of the
padding are columns with scale 0. Its adjoint is of the same form (taps reversed, padded by zero
rows), so the Gram matrix of either side takes one code. At the output position ("site") p the patch
matrix :math:`P_p` has c_out rows and one column per input in the window, and

.. math:: G = \sum_p P_p^T P_p .

In the order (row, column, channel) of the grid two inputs couple only within K - 1 rows and
columns: an envelope of half width :math:`((K_h - 1) w + K_w - 1) c`. Site rows are added one by one
and finished block columns factored at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import blas

from lipschitz_app.operators.block_cholesky import EnvelopeCholesky, IntArray
from lipschitz_app.operators.convolution import ConvolutionOperator
from lipschitz_app.operators.rounding import cholesky_error
from lipschitz_app.operators.scaled import ScaledOperator
from lipschitz_app.rounding import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class PatchConvolution:
    """``diag(rows) A diag(columns)`` for a valid, stride-1 convolution A on a grid.

    Attributes
    ----------
    kernel : array, shape (kh, kw, c_out, c_in)
    rows : array, shape (h, w, c_out)
    columns : array, shape (h + kh - 1, w + kw - 1, c_in)
    """

    kernel: FloatArray
    rows: FloatArray
    columns: FloatArray

    @classmethod
    def from_operator(
        cls, operator: ConvolutionOperator, rows: FloatArray, columns: FloatArray
    ) -> PatchConvolution:
        """Return the canonical form of a scaled convolution."""
        g = operator.geometry
        (o, ho, wo), (c, h, w) = g.output_shape, g.input_shape
        full, (sh, sw) = operator.full_kernel(), g.stride
        kh, kw = -(-full.shape[2] // sh), -(-full.shape[3] // sw)
        taps = np.zeros((o, c, kh * sh, kw * sw))
        taps[:, :, : full.shape[2], : full.shape[3]] = full
        taps = taps.reshape(o, c, kh, sh, kw, sw).transpose(2, 4, 0, 1, 3, 5)
        cells = np.zeros((c, (ho + kh - 1) * sh, (wo + kw - 1) * sw))
        (ph, pw), image = g.padding, columns.reshape(c, h, w)
        seen = image[:, : cells.shape[1] - ph, : cells.shape[2] - pw]
        cells[:, ph : ph + seen.shape[1], pw : pw + seen.shape[2]] = seen
        cells = cells.reshape(c, ho + kh - 1, sh, wo + kw - 1, sw).transpose(1, 3, 0, 2, 4)
        return cls(
            np.ascontiguousarray(taps).reshape(kh, kw, o, c * sh * sw),
            np.ascontiguousarray(rows.reshape(o, ho, wo).transpose(1, 2, 0)),
            np.ascontiguousarray(cells).reshape(ho + kh - 1, wo + kw - 1, c * sh * sw),
        )

    def adjoint(self) -> PatchConvolution:
        """Return the canonical form of the adjoint; its Gram matrix is that of the outputs."""
        kh, kw = self.kernel.shape[:2]
        padded = np.pad(self.rows, ((kh - 1, kh - 1), (kw - 1, kw - 1), (0, 0)))
        kernel = np.ascontiguousarray(self.kernel[::-1, ::-1].transpose(0, 1, 3, 2))
        return PatchConvolution(kernel, self.columns, padded)

    def transposed_grid(self) -> PatchConvolution:
        """Return the same operator with the two axes of the grid exchanged."""
        return PatchConvolution(
            np.ascontiguousarray(self.kernel.transpose(1, 0, 2, 3)),
            np.ascontiguousarray(self.rows.transpose(1, 0, 2)),
            np.ascontiguousarray(self.columns.transpose(1, 0, 2)),
        )

    def window(self, top: int, bottom: int, left: int, right: int) -> PatchConvolution:
        """Return the operator of the sites in ``[top, bottom) x [left, right)``."""
        kh, kw = self.kernel.shape[:2]
        return PatchConvolution(
            self.kernel,
            self.rows[top:bottom, left:right],
            self.columns[top : bottom + kh - 1, left : right + kw - 1],
        )

    def scaled_operator(self) -> ScaledOperator:
        """Return the operator in the order (channel, row, column) of inputs and outputs."""
        height, width, c = self.columns.shape
        kernel = np.ascontiguousarray(self.kernel.transpose(2, 3, 0, 1))
        operator = ConvolutionOperator(kernel, None, (c, height, width))
        rows, columns = (x.transpose(2, 0, 1).reshape(-1) for x in (self.rows, self.columns))
        return operator.scaled(rows, columns)

    def column_energy(self) -> FloatArray:
        """Return the squared column norms, shape (h + kh - 1, w + kw - 1, c_in)."""
        kh, kw = self.kernel.shape[:2]
        h, w, _ = self.rows.shape
        squares, energy = self.rows**2, np.zeros(self.columns.shape)
        for i in range(kh):
            for j in range(kw):
                energy[i : i + h, j : j + w] += squares @ self.kernel[i, j] ** 2
        return energy * self.columns**2

    def work(self) -> float:
        """Return the floating-point operations of `is_below`, roughly."""
        kh, kw, o, _ = self.kernel.shape
        alive = (self.columns > 0).sum(axis=2)
        size = int(alive.sum())
        if size == 0:
            return 0.0
        width = self._half_width()
        local = size / alive.size * kh * kw
        gram = self.rows.shape[0] * self.rows.shape[1] * local**2 * o
        return float(size * width**2 + gram)

    def _half_width(self) -> int:
        kh, kw = self.kernel.shape[:2]
        alive = (self.columns > 0).sum(axis=2)
        ends = np.cumsum(alive.reshape(-1))
        reach = (kh - 1) * alive.shape[1] + kw
        return int((ends[reach:] - ends[:-reach]).max(initial=ends[min(reach, ends.size) - 1]))

    def is_below(
        self, shift: float, target: FloatArray | None = None, block: int = 256
    ) -> tuple[bool, float]:
        """Return whether ``shift * diag(target) - G`` factored, and the error bound of that.

        Parameters
        ----------
        shift : float
        target : array, shape of `columns`, positive where `columns` is; default ones
        block : int
            Side of the blocks of the factorisation.
        """
        kh, kw, _, c = self.kernel.shape
        height, width, _ = self.rows.shape
        grid = self.columns.shape[1]
        alive = self.columns > 0
        number = np.cumsum(alive.reshape(-1)) - 1
        number = np.where(alive.reshape(-1), number, -1).reshape(self.columns.shape)
        size = int(alive.sum())
        if size == 0:
            return True, 0.0
        weights = np.ones(self.columns.shape) if target is None else target
        starts = np.concatenate(([0], np.cumsum(alive.sum(axis=2).reshape(-1))))
        cell = np.repeat(np.arange(alive.shape[0] * grid), alive.sum(axis=2).reshape(-1))
        first = starts[leftmost_cell(cell, grid, kh - 1, kw - 1)]
        factor = EnvelopeCholesky(shift * weights[alive], first, block)
        patch = self.kernel.transpose(2, 0, 1, 3).reshape(self.kernel.shape[2], kh * kw * c)
        for y in range(height):
            for x in range(width):
                outputs = np.flatnonzero(self.rows[y, x])
                local = number[y : y + kh, x : x + kw].reshape(-1)
                kept = np.flatnonzero(local >= 0)
                if outputs.size == 0 or kept.size == 0:
                    continue
                part = patch if outputs.size == patch.shape[0] else patch[outputs]
                part = part if kept.size == patch.shape[1] else part[:, kept]
                scale = self.columns[y : y + kh, x : x + kw].reshape(-1)[kept]
                scaled = self.rows[y, x, outputs][:, None] * part * scale
                gram = blas.dsyrk(1.0, scaled.T)
                factor.subtract(local[kept], gram)
            done = starts[(y + 1) * grid] if y + 1 < height else size
            if not factor.eliminate(int(done)):
                return False, 0.0
        return True, cholesky_error(factor.half_width, shift * float(weights[alive].max()))


def leftmost_cell(cell: IntArray, grid: int, down: int, right: int) -> IntArray:
    """Return the first cell of a grid, numbered line by line, that each cell couples to.

    Parameters
    ----------
    cell : int array
    grid : int
        Cells per line.
    down, right : int
        Most lines and columns between cells that couple.

    Examples
    --------
    >>> leftmost_cell(np.array([3, 10, 12]), 5, 1, 1)
    array([0, 5, 6])
    """
    start = (cell // grid - down) * grid
    return np.asarray(np.maximum(start + np.maximum(cell % grid - right, 0), 0), dtype=np.int64)
