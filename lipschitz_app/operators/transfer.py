r"""Spectral norm of a convolution from its transfer matrices on a torus.

A zero-padded convolution is a compression of the circular one on any torus that holds the padded
input (drop rows and columns), and the circular one is block diagonal in the Fourier basis
(H. Sedghi, V. Gupta, P. M. Long, ICLR 2019) with the c_out × c_in blocks
:math:`\hat W(\omega) = \sum_a W_a e^{i \langle \omega, a \rangle}`. Hence
:math:`\|R A D\| \le \max r \, \max d \, \max_\omega \|\hat W(\omega)\|`. For :math:`v` fixed,
:math:`\|\hat W(\omega) v\|^2` is a trigonometric polynomial of degree K - 1 per axis, so M equally
spaced frequencies per axis see its maximum up to the factor :math:`1/\cos(\pi (K-1)/M)` (H. Ehlich,
K. Zeller, Math. Z. 86 (1964) 41-44); that replaces a fine torus where it would cost too much. Each
block is bounded by a Cholesky factorisation of :math:`s I - \hat W^* \hat W`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lipschitz_app.operators.patch_gram import PatchConvolution
from lipschitz_app.operators.rounding import cholesky_error, gram_error, sqrt_up
from lipschitz_app.rounding import gamma, inflate

Complex = NDArray[np.complex128]


def frequencies(patch: PatchConvolution, work: float) -> tuple[int, int, float]:
    """Return the frequencies per axis and the factor on the squared norm that they cost.

    The torus of the padded input if `work` floating-point operations pay for it (factor one), else
    a coarser grid.
    """
    kh, kw, o, c = patch.kernel.shape
    height, width, _ = patch.columns.shape
    each = 8.0 * o * c * min(o, c) + 1.4 * min(o, c) ** 3
    if height * width / 2 * each <= work:
        return height, width, 1.0
    side = max(8, math.isqrt(int(2 * work / each)))
    most = (max(side, 4 * kh), max(side, 4 * kw))
    factor = 1.0
    counts = []
    for degree, count, full in zip((kh - 1, kw - 1), most, (height, width), strict=True):
        counts.append(min(count, full))
        if count < full:
            factor /= math.cos(math.pi * degree / count)
    return counts[0], counts[1], 1.0 if factor == 1.0 else float(inflate(factor, 12))


def torus_norm(patch: PatchConvolution, work: float = 2e11) -> tuple[float, float]:
    """Bound the spectral norm of the unscaled convolution from above.

    Returns
    -------
    bound : float
        Proven.
    factor : float
        Part of it due to frequencies left out; one where none is.
    """
    kh, kw, o, c = patch.kernel.shape
    counts_h, counts_w, factor = frequencies(patch, work)
    taps = patch.kernel.reshape(kh * kw, o * c)
    total = np.abs(patch.kernel).sum(axis=(0, 1))
    mass = float(np.sqrt((total**2).sum()))
    chunk = max(1, int(3e7 / (o * c * 16)))
    offsets = np.array([(i, j) for i in range(kh) for j in range(kw)])
    grid = np.array([(i, j) for i in range(counts_h // 2 + 1) for j in range(counts_w)])
    shift = 0.0
    for start in range(0, len(grid), chunk):
        part = grid[start : start + chunk]
        turns = part[:, :1] * offsets[:, 0] / counts_h + part[:, 1:] * offsets[:, 1] / counts_w
        phases = np.exp(2j * np.pi * turns)
        blocks = (phases @ taps).reshape(-1, o, c)
        if c > o:
            blocks = np.ascontiguousarray(blocks.transpose(0, 2, 1))
        shift = _raise(np.conj(blocks.transpose(0, 2, 1)) @ blocks, shift)
    small, large = min(o, c), max(o, c)
    # Complex operations count as eight real ones, generously.
    error = 8 * cholesky_error(8 * small, shift) + gram_error(16 * large, mass**2, shift)
    # Phases are off by at most the rounding of the angle, a few units times 2 pi (kh + kw).
    entries = gamma(16 * (kh * kw + 8 * (kh + kw))) * mass * 2
    value = sqrt_up(float(inflate((shift + error) * factor, 4)))
    return float(inflate(value + entries * math.sqrt(factor), 4)), factor


def _raise(gram: Complex, shift: float) -> float:
    """Return a shift, not below the given one, with ``shift * I - gram`` definite for the batch."""
    size = gram.shape[-1]
    start = np.random.default_rng(0).standard_normal((gram.shape[0], size, 1))
    vector = np.asarray(start, dtype=np.complex128)
    quotient = np.zeros(gram.shape[0])
    for _ in range(12):
        vector = vector / np.linalg.norm(vector, axis=1, keepdims=True)
        image = gram @ vector
        quotient = np.real(np.conj(vector) * image).sum(axis=(1, 2))
        vector = np.asarray(image + 1e-300, dtype=np.complex128)
    shift = max(shift, float(quotient.max()) * 1.001, 1e-290)
    step = 1.004
    while True:
        try:
            np.linalg.cholesky(shift * np.eye(size) - gram)
        except np.linalg.LinAlgError:
            shift *= step
            step = min(1.5, step * 1.2)
        else:
            return shift
