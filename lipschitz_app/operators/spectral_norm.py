r"""Spectral norms proven from above: the cheapest proof that suffices, and which one it was.

Power iteration and Lanczos approach a spectral norm from below, so they never give the value here;
they say where to look. The value comes from one of

- *row norm*: at most one nonzero row or column; a diagonal: its largest entry;
- *Schur*: :math:`\sqrt{\|B\|_1 \|B\|_\infty}`, or *Frobenius*;
- *Gram*: Cholesky of :math:`s I - G`, G the Gram matrix of the smaller side (rows and columns that
  are zero left out), rounding errors bounded (Rump 2006);
- *envelope*: the same for a convolution, streamed inside the envelope of its grid, or, where that
  is less work, with most channels eliminated first;
- *strips*: a sum of such tests over overlapping strips; a few per cent above the norm;
- *torus*: the transfer matrices of the unscaled convolution times the largest scales.

The first four reach the norm to the tolerance asked for; the last two say how far they are above an
explicit lower bound.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np

from lipschitz_app.errors import InvalidOptionError, NoBoundError
from lipschitz_app.operators.base import AffineOperator
from lipschitz_app.operators.channel_split import is_below_split, kept_channels, split_work
from lipschitz_app.operators.convolution import ConvolutionOperator
from lipschitz_app.operators.dense import DiagonalOperator
from lipschitz_app.operators.dense_gram import (
    IntArray,
    as_scaled,
    is_definite,
    largest_eigenvalue,
    small_gram,
)
from lipschitz_app.operators.lanczos import Estimate, largest_singular_value, ritz_vectors
from lipschitz_app.operators.patch_gram import PatchConvolution
from lipschitz_app.operators.rounding import SMALLEST_SCALE, gram_error, sqrt_up
from lipschitz_app.operators.scaled import ScaledOperator
from lipschitz_app.operators.strips import StripPlan, plan, strip_norm
from lipschitz_app.operators.transfer import torus_norm
from lipschitz_app.rounding import gamma, inflate, up
from polyopt.solvers import one_blas_thread

GRAM_SIDE = 1200
"""Largest side of a Gram matrix from a sparse matrix; fully connected layers may have more."""
DENSE_SIDE = 8192
"""Largest side of the Gram matrix of a dense matrix that is formed whatever the work allowed."""
ONE_THREAD_SIDE = 1200
"""Largest side of a Gram matrix for which more than one BLAS thread does not pay."""
ONE_THREAD_WORK = 1.5e11
"""The same for the operations of a factorisation inside an envelope."""
SPLIT_GAIN = 0.9
"""Largest work of the test with few channels, relative to the plain one, at which it is tried."""
SMALLEST_ROW = 1e-140
"""Rows and columns of smaller norm are left out; their squares would underflow."""
SCHUR = "square root of the largest row sum times the largest column sum"
METHODS = ("gram", "envelope", "strips", "torus", "schur")


@dataclass(frozen=True, slots=True)
class ProvenNorm:
    """An upper bound of a spectral norm and its proof.

    Attributes
    ----------
    value : float
        Proven upper bound, rounding errors included.
    method : str
        "zero", "row norm", "diagonal", "schur", "frobenius", "gram", "envelope", "strips" or
        "torus".
    how : str
        The proof in a sentence.
    lower : float
        Lower bound by an explicit vector (up to rounding); 0 where none was computed.
    """

    value: float
    method: str
    how: str
    lower: float

    @property
    def looseness(self) -> float:
        """Most that the value exceeds the norm by, relative; infinite where unknown."""
        return self.value / self.lower - 1 if self.lower > 0 else float("inf")


@dataclass(frozen=True, slots=True)
class _Reduced:
    """A scaled operator with what every proof needs."""

    operator: ScaledOperator
    rows: IntArray
    columns: IntArray
    schur: float
    frobenius: float
    entry_error: float
    terms: int
    dropped: float


def spectral_norm_upper_bound(
    operator: AffineOperator,
    *,
    rtol: float = 1e-7,
    work: float = 4e11,
    methods: tuple[str, ...] = METHODS,
) -> ProvenNorm:
    """Return a proven upper bound of the spectral norm of the linear part of an operator.

    Parameters
    ----------
    operator : AffineOperator
    rtol : float
        Relative excess aimed at; kept by all methods but "strips", "torus" and "schur".
    work : float
        Floating-point operations that one proof may take; beyond it looser proofs are used.
    methods : tuple of str
        Which of "gram", "envelope", "strips", "torus", "schur" may be used.

    Raises
    ------
    NoBoundError
        None of the methods allowed applies, or sums of entries are too large for doubles.

    Examples
    --------
    >>> import numpy as np
    >>> from lipschitz_app.operators import DenseOperator
    >>> found = spectral_norm_upper_bound(DenseOperator(np.array([[3.0, 0.0], [4.0, 5.0]])))
    >>> 45**0.5 <= found.value < 45**0.5 * (1 + 1e-6), found.method
    (True, 'gram')
    """
    unknown = sorted(set(methods) - set(METHODS))
    if unknown or not rtol > 0:
        raise InvalidOptionError(
            f"methods {unknown} and rtol {rtol}: methods are {METHODS}, rtol is positive"
        )
    reduced = _reduce(as_scaled(operator))
    if isinstance(reduced, ProvenNorm):
        return reduced
    small = min(reduced.rows.size, reduced.columns.size)
    inner = reduced.operator.inner
    convolution = isinstance(inner, ConvolutionOperator)
    gram_work = small**3 / 3 + small**2 * max(reduced.rows.size, reduced.columns.size)
    # The bounds left to large dense matrices are useless, so a good deal more work is allowed.
    fits = small <= GRAM_SIDE or (not convolution and (small <= DENSE_SIDE or gram_work <= work))
    if "gram" in methods and fits:
        with one_blas_thread() if small <= ONE_THREAD_SIDE else nullcontext():
            return _by_gram(reduced, rtol)
    if not isinstance(inner, ConvolutionOperator):
        estimate = largest_singular_value(reduced.operator, rtol=rtol / 2)
        cheap = _cheap(reduced, estimate.lower)
        if "schur" in methods or cheap.value <= estimate.lower * (1 + rtol):
            return cheap
        raise NoBoundError(f"methods {methods} with work {work:g} give no bound for {inner!r}")
    patch = PatchConvolution.from_operator(inner, reduced.operator.rows, reduced.operator.columns)
    return _by_grid(reduced, patch, rtol, work, methods)


def _reduce(operator: ScaledOperator) -> _Reduced | ProvenNorm:
    """Drop zero rows and columns; answer at once where what is left is trivial."""
    r, d, inner = operator.rows, operator.columns, operator.inner
    if isinstance(inner, DiagonalOperator):
        largest = float(np.abs(r * inner.scale * d).max())
        value = float(inflate(largest, 4 + inner.entry_roundings))
        return ProvenNorm(value, "diagonal", "largest entry of a diagonal", largest)
    absolute = operator.absolute()
    with np.errstate(over="ignore", under="ignore"):
        present = operator.inner.absolute().apply((d > 0).astype(np.float64)) > 0
        one = float((absolute.adjoint(np.ones(operator.output_size))).max())
        infinity = float((absolute.apply(np.ones(operator.input_size))).max())
    if not (present & (r > 0)).any():
        return ProvenNorm(0.0, "zero", "all entries are zero", 0.0)
    terms = operator.row_terms + operator.column_terms + 8
    schur = float(inflate(sqrt_up(float(up(one))) * sqrt_up(float(up(infinity))), terms))
    if not np.isfinite(schur):
        raise NoBoundError("sums of entries are too large for doubles; rescale the layer")
    if not SMALLEST_SCALE < schur < 1 / SMALLEST_SCALE:
        return ProvenNorm(schur, "schur", f"{SCHUR}, entries too small or large to square", 0.0)
    row_norms = r * operator.inner.row_norms(d)
    column_norms = np.where(d > 0, d * operator.inner.column_norms(r), 0.0)
    # Squares below the range of doubles leave no more than this, which is added in the end.
    rows = np.flatnonzero(row_norms > SMALLEST_ROW)
    columns = np.flatnonzero(column_norms > SMALLEST_ROW)
    dropped = float(np.sqrt(operator.output_size) + np.sqrt(operator.input_size))
    dropped *= 2 * SMALLEST_ROW
    if rows.size == 0 or columns.size == 0:
        return ProvenNorm(schur, "schur", SCHUR, 0.0)
    if rows.size == 1 or columns.size == 1:
        largest = float((row_norms if rows.size == 1 else column_norms).max())
        value = float(inflate(largest + dropped, 4))
        return ProvenNorm(value, "row norm", "one row or column is not zero", largest)
    frobenius = float(inflate(np.sqrt((row_norms**2).sum()) + dropped, rows.size + 4))
    entry_error = gamma(operator.entry_roundings) if operator.entry_roundings else 0.0
    return _Reduced(operator, rows, columns, schur, frobenius, entry_error, terms, dropped)


def _finish(reduced: _Reduced, squared: float, products: int, shift: float) -> float:
    """Return the norm from a bound on its computed square: Gram and entry errors added."""
    absolute = min(reduced.schur, reduced.frobenius)
    total = squared + gram_error(products, absolute**2, shift)
    rest = reduced.entry_error * absolute + reduced.dropped
    return float(inflate(sqrt_up(total) + rest, 4))


def _cheap(reduced: _Reduced, lower: float) -> ProvenNorm:
    if reduced.frobenius < reduced.schur:
        return ProvenNorm(reduced.frobenius, "frobenius", "Frobenius norm", lower)
    return ProvenNorm(reduced.schur, "schur", SCHUR, lower)


def _by_gram(reduced: _Reduced, rtol: float) -> ProvenNorm:
    gram = small_gram(reduced.operator, reduced.rows, reduced.columns)
    largest = largest_eigenvalue(gram)
    margin = rtol
    while True:
        shift = largest * (1 + margin)
        definite, error = is_definite(gram, shift)
        if definite:
            break
        margin *= 8
    products = max(reduced.rows.size, reduced.columns.size) + 8
    value = _finish(reduced, shift + error, products, shift)
    side = gram.shape[0]
    how = f"Cholesky factorisation of s*I - G completed, G the Gram matrix of side {side}"
    return ProvenNorm(value, "gram", how, float(np.sqrt(max(largest, 0.0)) * (1 - rtol)))


def _by_grid(
    reduced: _Reduced, patch: PatchConvolution, rtol: float, work: float, methods: tuple[str, ...]
) -> ProvenNorm:
    strips = plan(patch, work) if {"envelope", "strips"} & set(methods) else None
    if strips is not None and strips.count == 1 and "envelope" in methods:
        with one_blas_thread() if strips.work <= ONE_THREAD_WORK else nullcontext():
            return _sharp(reduced, strips, rtol)
    # Where only loose proofs are affordable, a sharp estimate would be the larger cost.
    estimate = largest_singular_value(reduced.operator, rtol=1e-2, steps=16)
    cheap = _cheap(reduced, estimate.lower)
    if cheap.value <= estimate.lower * (1 + rtol):
        return cheap
    loose = [cheap] if "schur" in methods else []
    if "torus" in methods:
        value, factor = torus_norm(patch, work / 4)
        scale = float(reduced.operator.rows.max() * reduced.operator.columns.max())
        value = float(inflate(value * scale + reduced.entry_error * reduced.schur, 6))
        how = "transfer matrices of the convolution without zero rows"
        how += "" if factor == 1.0 else f", too few frequencies cost a factor {factor**0.5:.3f}"
        loose.append(ProvenNorm(value, "torus", how, estimate.lower))
    close = bool(loose) and loose[-1].value <= estimate.lower * 1.01
    if strips is not None and "strips" in methods and not close:
        squared = strip_norm(strips) ** 2
        value = _finish(reduced, squared, 2 * reduced.terms, squared)
        how = f"Cholesky factorisations of {strips.count} overlapping strips completed"
        loose.append(ProvenNorm(value, "strips", how, estimate.lower))
    if not loose:
        raise NoBoundError(
            f"methods {methods} with work {work:g} give no bound for {reduced.operator.inner!r}"
        )
    return min(loose, key=lambda norm: norm.value)


def _sharp(reduced: _Reduced, strips: StripPlan, rtol: float) -> ProvenNorm:
    if split_work(strips.patch) < SPLIT_GAIN * strips.work:
        found = _by_split(reduced, strips.patch, rtol)
        if found is not None:
            return found
    estimate = largest_singular_value(reduced.operator, rtol=rtol / 2)
    cheap = _cheap(reduced, estimate.lower)
    if cheap.value <= estimate.lower * (1 + rtol):
        return cheap
    return _by_envelope(reduced, strips.patch, estimate, rtol, strips.work)


def _by_split(reduced: _Reduced, patch: PatchConvolution, rtol: float) -> ProvenNorm | None:
    """Return the norm if the test with few channels succeeds, else None."""
    estimate, values, vectors = ritz_vectors(patch.scaled_operator(), rtol=rtol / 2)
    shift = estimate.guess**2 * (1 + rtol)
    absolute = min(reduced.schur, reduced.frobenius) ** 2
    definite, error = is_below_split(patch, shift, absolute, values, vectors)
    if not definite:
        return None
    value = _finish(reduced, shift + error, 2 * reduced.terms, shift)
    kept, channels = kept_channels(patch.kernel.shape[3]), patch.kernel.shape[3]
    how = (
        f"Cholesky factorisation of s*I - G completed, all but {kept} of {channels} channels of G "
        "eliminated by a proven bound"
    )
    return ProvenNorm(value, "envelope", how, estimate.lower)


def _by_envelope(
    reduced: _Reduced,
    patch: PatchConvolution,
    estimate: Estimate,
    rtol: float,
    work: float,
) -> ProvenNorm:
    block = 128 if work < 1e9 else 192
    margin = rtol
    while True:
        shift = estimate.guess**2 * (1 + margin)
        definite, error = patch.is_below(shift, block=block)
        if definite:
            break
        margin *= 30
    value = _finish(reduced, shift + error, 2 * reduced.terms, shift)
    side = int((patch.columns > 0).sum())
    how = f"Cholesky factorisation of s*I - G completed, G of side {side}, inside its envelope"
    return ProvenNorm(value, "envelope", how, estimate.lower)
