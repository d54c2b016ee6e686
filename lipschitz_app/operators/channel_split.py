r"""``s I - G`` definite? with most channels of each grid cell eliminated by a crude bound.

In G, the Gram matrix of a scaled convolution (:mod:`lipschitz_app.operators.patch_gram`), most
directions of a cell's channels carry little. Choose for each cell q an orthogonal basis
:math:`W_q = (U_q, V_q)` with few columns in :math:`U_q`, and write G in it as
:math:`((G_{PP}, G_{PQ}), (G_{QP}, G_{QQ}))`. If :math:`G_{QQ} \preceq \beta I` with
:math:`\beta < s`, then by the Schur complement

.. math:: s I - G_{PP} - \tfrac{1}{s - \beta} G_{PQ} G_{QP} \succeq 0 \implies s I - G \succeq 0 .

The left side has a fraction of the rows, though twice the reach. Nothing is lost at s near
:math:`\|G\|` if the top eigenvector v lies in the span of the :math:`U_q`, for then
:math:`G_{QP} v = 0`; so :math:`U_q` starts with the channels of the leading Ritz vectors at q. The
crude bound on :math:`G_{QQ}` is one test of narrow strips (:mod:`lipschitz_app.operators.strips`).
Whatever the bases are, a test that succeeds is a proof.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import blas

from lipschitz_app.operators.block_cholesky import EnvelopeCholesky, IntArray
from lipschitz_app.operators.patch_gram import PatchConvolution, leftmost_cell
from lipschitz_app.operators.rounding import cholesky_error, gram_error
from lipschitz_app.operators.strips import windows
from lipschitz_app.rounding import FloatArray, gamma, inflate

CRUDE = 0.7
"""The bound on the eliminated part, relative to s."""
EXACT_VECTORS = 3
"""Ritz vectors whose channels belong to the part that is kept."""
STRIP = 2.0
"""Sites per strip of the crude bound; strips overlap by as many."""

MEMORY = 4e8
"""Largest size of all patches in bytes; some three times as much is needed beside them."""


@dataclass(frozen=True, slots=True, eq=False)
class MixedPatches:
    """The patch matrices of all sites in the bases of the cells.

    Attributes
    ----------
    patches : array, shape (h, w, kh, kw, c, c_out)
    number : int array, shape (h + kh - 1, w + kw - 1)
        Numbers of the cells that are coupled to anything, in grid order; -1 at the others.
    """

    patches: FloatArray
    number: IntArray

    def first(self, reach: int) -> IntArray:
        """Return, for each unknown, the first one within `reach` windows before it."""
        kh, kw, c, _ = self.patches.shape[2:]
        positions = np.flatnonzero(self.number.reshape(-1) >= 0)
        back = leftmost_cell(positions, self.number.shape[1], reach * (kh - 1), reach * (kw - 1))
        leftmost = np.searchsorted(positions, back)
        return np.asarray(np.repeat(leftmost * c, c), dtype=np.int64)

    def unknowns(self, cells: IntArray) -> IntArray:
        """Return the indices of the unknowns of cells, given by their numbers."""
        c = self.patches.shape[-2]
        return np.asarray((cells[:, None] * c + np.arange(c)).reshape(-1), dtype=np.int64)

    def subtract_gram(self, factor: EnvelopeCholesky) -> None:
        """Subtract the Gram matrix, site by site."""
        h, w, kh, kw, c, o = self.patches.shape
        flat = self.patches.reshape(h, w, -1, o)
        for y in range(h):
            for x in range(w):
                cells = self.number[y : y + kh, x : x + kw].reshape(-1)
                kept = cells >= 0
                if not kept.any():
                    continue
                part = flat[y, x] if kept.all() else flat[y, x][np.repeat(kept, c)]
                factor.subtract(self.unknowns(cells[kept]), blas.dsyrk(1.0, part.T, trans=1))


def kept_channels(channels: int) -> int:
    """Return how many basis vectors of a cell are kept."""
    return max(EXACT_VECTORS + 1, channels // 4)


def split_work(patch: PatchConvolution) -> float:
    """Return the floating-point operations of `is_below_split`, roughly; inf beyond `MEMORY`."""
    kh, kw, o, c = patch.kernel.shape
    if 8 * math.prod(patch.rows.shape[:2]) * patch.kernel.size > MEMORY:
        return math.inf
    cells = int((patch.columns > 0).any(axis=2).sum())
    kept = kept_channels(c)
    width = min(patch.columns.shape[:2])
    dense = cells * kept * (2 * (kh - 1) * width * kept) ** 2
    strips = 2 * cells * (c - kept) * ((kh - 1) * (2 * STRIP + kw) * (c - kept)) ** 2
    # Measured: products of small matrices run at a fraction of the speed of large ones.
    small = 15 * cells * (kh * kw * c) ** 2 * o
    return float(dense + strips + small)


def is_below_split(
    patch: PatchConvolution,
    shift: float,
    absolute_squared: float,
    values: FloatArray,
    vectors: FloatArray,
) -> tuple[bool, float]:
    """Return whether ``shift * I - G`` was proven definite, and up to which error.

    Parameters
    ----------
    patch : PatchConvolution
    shift : float
    absolute_squared : float
        Upper bound of the squared norm of the operator's absolute values.
    values, vectors : arrays, shapes (k,) and (k, channels * height * width)
        Approximate singular values, descending, and right vectors of `patch.scaled_operator()`;
        the better the first of them, the sooner the test succeeds.
    """
    kh, kw, o, c = patch.kernel.shape
    kept = kept_channels(c)
    if kept >= c:
        return False, 0.0
    basis, defect = _bases(patch, values, vectors)
    rest = _mix(patch, basis[..., kept:])
    crude = CRUDE * shift
    definite, excess = _strips_below(rest, crude)
    if not definite:
        return False, 0.0
    # |W_q| has at most the Frobenius norm of W_q.
    mixed_absolute = c * (1 + defect) * absolute_squared
    gram = gram_error(o * kh * kw + 2 * c + 64, mixed_absolute, shift)
    remainder = float(np.nextafter(shift - inflate(crude + excess + gram, 8), 0.0))
    main = _mix(patch, basis[..., :kept])
    coupling = _coupling(main, rest) / math.sqrt(remainder)
    size = int((main.number >= 0).sum()) * kept
    factor = EnvelopeCholesky(np.full(size, shift), main.first(2), 192)
    main.subtract_gram(factor)
    product = _subtract_coupling(factor, main, coupling)
    if not factor.eliminate(size):
        return False, 0.0
    terms = o * kh * kw + coupling.shape[-1] * (2 * kh - 1) * (2 * kw - 1) + 64
    error = gamma(terms) * (shift + mixed_absolute + product)
    total = shift + error + gram + cholesky_error(factor.half_width, shift)
    return True, float(inflate(total / (1 - defect), 8)) - shift


def _bases(
    patch: PatchConvolution, values: FloatArray, vectors: FloatArray
) -> tuple[FloatArray, float]:
    """Return a basis per cell, important directions first, and how far W^T W is from I."""
    height, width, c = patch.columns.shape
    local = vectors.reshape(-1, c, height * width).transpose(2, 1, 0)
    norms = np.linalg.norm(local[:, :, :EXACT_VECTORS], axis=1, keepdims=True)
    weighted = local * (values / values[0]) ** 2
    scale = np.linalg.norm(weighted, axis=(1, 2))[:, None, None] + 1e-300
    weighted[:, :, :EXACT_VECTORS] = local[:, :, :EXACT_VECTORS] / (norms + 1e-300) * scale * 1e4
    weighted = weighted / scale
    _, basis = np.linalg.eigh(weighted @ weighted.transpose(0, 2, 1))
    basis = np.ascontiguousarray(basis[:, :, ::-1])
    defects = basis.transpose(0, 2, 1) @ basis - np.eye(c)
    defect = float(np.sqrt((defects**2).sum(axis=(1, 2))).max())
    return basis.reshape(height, width, c, c), float(inflate(defect, 4 * c)) + c * gamma(c)


def _mix(patch: PatchConvolution, basis: FloatArray) -> MixedPatches:
    """Return the patches for some basis vectors of each cell, shape (height, width, c_in, c)."""
    kh, kw, o, inputs = patch.kernel.shape
    c = basis.shape[3]
    h, w, _ = patch.rows.shape
    scaled = patch.columns[..., None] * basis
    turned = np.ascontiguousarray(scaled.transpose(0, 1, 3, 2))
    patches = np.empty((h, w, kh, kw, c, o))
    for i in range(kh):
        for j in range(kw):
            product = turned[i : i + h, j : j + w].reshape(-1, inputs) @ patch.kernel[i, j].T
            np.multiply(
                product.reshape(h, w, c, o), patch.rows[:, :, None], out=patches[:, :, i, j]
            )
    coupled = (patch.column_energy() > 0).any(axis=2)
    number = np.where(coupled, np.cumsum(coupled.reshape(-1)).reshape(coupled.shape) - 1, -1)
    return MixedPatches(patches, number)


def _strips_below(rest: MixedPatches, shift: float) -> tuple[bool, float]:
    """Return whether the Gram matrix is at most `shift`, from strips, and up to which error."""
    w, kw, c = (rest.patches.shape[axis] for axis in (1, 3, 4))
    squares = np.einsum("...co,...co->...", rest.patches, rest.patches)
    total = _cell_energy(squares)
    excess = 0.0
    for part in windows(w, max(1, round(w / STRIP))):
        used = np.flatnonzero(part)
        left, right = int(used[0]), int(used[-1]) + 1
        weight = part[left:right]
        energy = _cell_energy(squares[:, left:right] * weight[:, None, None])
        share = energy / np.where(total > 0, total, 1.0)[:, left : right + kw - 1]
        alive = (share > 0) & (rest.number[:, left : right + kw - 1] >= 0)
        number = np.where(alive, np.cumsum(alive.reshape(-1)).reshape(alive.shape) - 1, -1)
        root = np.sqrt(weight)[:, None, None, None, None]
        strip = MixedPatches(rest.patches[:, left:right] * root, number)
        target = np.repeat(share[alive], c)
        if target.size == 0:
            continue
        factor = EnvelopeCholesky(shift * target, strip.first(1), 64)
        strip.subtract_gram(factor)
        if not factor.eliminate(target.size):
            return False, 0.0
        error = cholesky_error(factor.half_width, shift * float(target.max()))
        excess = max(excess, error / float(target.min()))
    # Shares add up to one within the rounding of two sums of squares each.
    terms = 4 * math.prod(rest.patches.shape[2:]) + 16
    return True, float(inflate((shift + excess) * (1 + gamma(terms)) - shift, 4))


def _cell_energy(squares: FloatArray) -> FloatArray:
    """Sum what the sites give to each cell; `squares` has shape (h, w, kh, kw)."""
    h, w, kh, kw = squares.shape
    energy = np.zeros((h + kh - 1, w + kw - 1))
    for i in range(kh):
        for j in range(kw):
            energy[i : i + h, j : j + w] += squares[:, :, i, j]
    return energy


def _coupling(main: MixedPatches, rest: MixedPatches) -> FloatArray:
    """Return the blocks of G_PQ, shape (cells, 2 kh - 1, 2 kw - 1, kept, others), by Q cell."""
    h, w, kh, kw, k, o = main.patches.shape
    others = rest.patches.shape[-2]
    left = main.patches.reshape(h, w, -1, o)
    blocks = np.zeros((*main.number.shape, 2 * kh - 1, 2 * kw - 1, k, others))
    for i in range(kh):
        for j in range(kw):
            product = (left @ rest.patches[:, :, i, j].transpose(0, 1, 3, 2)).reshape(
                h, w, kh, kw, k, others
            )
            # Tap a of the kept part lies at offset a - (i, j) from the eliminated cell.
            window = blocks[i : i + h, j : j + w]
            window[:, :, kh - 1 - i : 2 * kh - 1 - i, kw - 1 - j : 2 * kw - 1 - j] += product
    return blocks


def _subtract_coupling(factor: EnvelopeCholesky, main: MixedPatches, coupling: FloatArray) -> float:
    """Subtract ``Z Z^T``; return a bound of the norm of ``|Z| |Z|^T``."""
    kh, kw = main.patches.shape[2:4]
    k, others = coupling.shape[-2:]
    height, width = main.number.shape
    padded = np.full((height + 2 * kh - 2, width + 2 * kw - 2), -1)
    padded[kh - 1 : kh - 1 + height, kw - 1 : kw - 1 + width] = main.number
    rows = np.zeros(int(main.number.max() + 1) * k)
    columns = 0.0
    for y in range(height):
        for x in range(width):
            if main.number[y, x] < 0:
                continue
            cells = padded[y : y + 2 * kh - 1, x : x + 2 * kw - 1].reshape(-1)
            kept = cells >= 0
            part = coupling[y, x].reshape(-1, others)
            part = part if kept.all() else part[np.repeat(kept, k)]
            index = main.unknowns(cells[kept])
            factor.subtract(index, blas.dsyrk(1.0, part.T, trans=1))
            size = np.abs(part)
            rows[index] += size.sum(axis=1)
            columns = max(columns, float(size.sum(axis=0).max()))
    terms = (2 * kh - 1) * (2 * kw - 1) * max(k, others) + 8
    return float(inflate(columns * rows.max(initial=0.0), terms))
