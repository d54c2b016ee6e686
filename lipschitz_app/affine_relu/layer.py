r"""One layer ``relu(A x + b)``: bounds on its ANCHORED local Lipschitz constant.

On :math:`X = \{x_0 + D\delta : \|\delta\| \le \varepsilon\}`, D = diag(0 or 1), the anchored
constant is

.. math:: L(x_0, X) = \sup_{x \in X} \frac{\|f(x) - f(x_0)\|}{\|x - x_0\|} \le \|R A D\|,

with :math:`r_i` the slope of the secant of relu from :math:`y_{0,i}` to the upper end
:math:`\bar y_i = y_{0,i} + \varepsilon\|a_i^T D\|_*` of the pre-activation's range: relu is convex,
so that slope is the largest over the range. It is *not* a bound on the pairwise constant
:math:`\sup \|f(x) - f(x')\|/\|x - x'\|`; see :attr:`AffineReluBound.pairwise` for one.

References
----------
T. Avant, K. A. Morgansen, Analytical bounds on the local Lipschitz constants of affine-ReLU
functions, arXiv:2008.06141 (the loose and the tighter bound).

T. Avant, K. A. Morgansen, Analytical bounds on the local Lipschitz constants of ReLU networks,
IEEE TNNLS 2023, arXiv:2104.14672 (the bound ‖RAD‖).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from lipschitz_app.affine_relu.arguments import check_effort, checked_point, checked_radius
from lipschitz_app.affine_relu.slopes import BoolArray, ranges_and_slopes
from lipschitz_app.errors import InvalidNetworkError, InvalidOptionError, InvalidPointError
from lipschitz_app.norms import as_norm
from lipschitz_app.operators import AffineOperator, DenseOperator, ProvenNorm
from lipschitz_app.operators.induced_norm import induced_norm_upper_bound
from lipschitz_app.rounding import FloatArray, Norm, down, inflate, up

if TYPE_CHECKING:
    from lipschitz_app.affine_relu.tighten import Relaxed


_SMALLEST = 1e-120
"""Norms below this are bounded by sums of entries, which do not underflow."""


@dataclass(frozen=True, eq=False)
class AffineReluBound:
    """Analysis of one affine-ReLU layer on a ball.

    Attributes
    ----------
    operator : AffineOperator
    relu : bool
        False for a lone affine map, whose slopes are all one.
    radius : float
    input_norm, output_norm : "1", "2" or "inf"
    value : array, shape (m,)
        ``A x0 + b`` in doubles.
    value_error : array, shape (m,)
        Proven bound on its error.
    half_range : array, shape (m,)
        ``radius * ||a_i^T D||`` in the dual norm, rounded upwards.
    slopes : array, shape (m,)
        The diagonal of R, rounded upwards.
    moving : bool array, shape (n,)
        False at zero-range inputs: the diagonal of D.
    norm : ProvenNorm
        The norm of ``R A D`` and its proof.
    relaxation : Relaxed or None
        A bound by relaxation, where one was computed.
    """

    operator: AffineOperator
    relu: bool
    radius: float
    input_norm: Norm
    output_norm: Norm
    value: FloatArray
    value_error: FloatArray
    half_range: FloatArray
    slopes: FloatArray
    moving: BoolArray
    norm: ProvenNorm
    rtol: float
    work: float
    relaxation: Relaxed | None = None

    @property
    def bound(self) -> float:
        """Proven upper bound of the anchored constant: the smaller of what was computed."""
        if self.relaxation is not None:
            return min(self.norm.value, self.relaxation.bound)
        return self.norm.value

    @property
    def constant(self) -> str:
        """What :attr:`bound` bounds: "anchored"; :attr:`pairwise` is apart."""
        return "anchored"

    @property
    def kind(self) -> str:
        """What :attr:`bound` is: "proven"."""
        return "proven"

    @property
    def analytic(self) -> float:
        """Proven upper bound ``||R A D||`` of the anchored constant."""
        return self.norm.value

    @property
    def method(self) -> str:
        """How :attr:`bound` was found: "relaxation", or the method of the norm's proof."""
        return "relaxation" if self.bound < self.norm.value else self.norm.method

    @property
    def how(self) -> str:
        """The proof of :attr:`bound`, in words."""
        if self.relaxation is not None and self.method == "relaxation":
            return self.relaxation.how
        return self.norm.how

    @property
    def lower(self) -> FloatArray:
        """Lower ends of the pre-activations' ranges, rounded down."""
        return down(down(self.value - self.value_error) - self.half_range)

    @property
    def upper(self) -> FloatArray:
        """Upper ends of the pre-activations' ranges, rounded up."""
        return up(up(self.value + self.value_error) + self.half_range)

    @property
    def dead(self) -> int:
        """Number of rows with slope zero: their outputs cannot change."""
        return int((self.slopes == 0).sum())

    @property
    def partial(self) -> int:
        """Number of rows with a slope strictly between zero and one."""
        return int(((self.slopes > 0) & (self.slopes < 1)).sum())

    @property
    def active(self) -> int:
        """Number of rows with slope one."""
        return int((self.slopes == 1).sum())

    @property
    def zero_range(self) -> BoolArray:
        """True at the outputs that cannot change, shape (m,)."""
        return np.asarray(self.slopes == 0)

    def _norm_of(self, rows: FloatArray) -> float:
        mask, norms = self.moving.astype(np.float64), (self.input_norm, self.output_norm)
        return _proven_norm(self.operator, rows, mask, *norms, self.rtol, self.work).value

    @cached_property
    def pairwise(self) -> float:
        """Proven upper bound of the PAIRWISE constant on the ball: ``||diag(upper > 0) A D||``."""
        if not self.relu:
            return self.bound
        return self._norm_of((self.slopes > 0).astype(np.float64))

    @cached_property
    def loose(self) -> float:
        """The loose bound of the first paper: every row that can be positive counts fully.

        The same number as :attr:`pairwise`: the loose bound holds for both constants.
        """
        return self.pairwise

    @cached_property
    def tighter(self) -> float:
        """The tighter bound of the first paper: an average over the transitions of the rows.

        One spectral norm per distinct transition; meant for layers of moderate size.
        """
        if not self.relu:
            return self.bound
        top = up(self.value + self.value_error)
        start = np.full(top.shape, np.inf)
        alive = self.slopes > 0
        start[alive] = 0.0
        late = alive & (top < 0)
        # Rounded down: a row that joins earlier only makes the bound larger.
        start[late] = np.maximum(0.0, down(-top[late] / self.half_range[late]))
        knots = np.unique(np.concatenate(([0.0], start[start < 1.0])))
        ends = np.append(knots[1:], 1.0)
        parts = [
            (end - knot) * self._norm_of((start <= knot).astype(np.float64))
            for knot, end in zip(knots, ends, strict=True)
        ]
        return float(inflate(math.fsum(parts), 4))

    @cached_property
    def whole(self) -> float:
        """The bound ``||A D||`` that uses no ranges at all; it holds for both constants."""
        return self._norm_of(np.ones(self.operator.output_size))

    def __str__(self) -> str:
        rows = f"{self.dead} dead, {self.partial} partial, {self.active} active rows"
        return f"anchored bound {self.bound:.8g} (proven: {self.how}); {rows}"


def analyse_layer(
    operator: AffineOperator,
    center: FloatArray,
    radius: float,
    moving: BoolArray,
    *,
    center_error: FloatArray | None = None,
    relu: bool = True,
    input_norm: Norm = "2",
    output_norm: Norm = "2",
    rtol: float = 1e-7,
    work: float = 4e11,
) -> AffineReluBound:
    """Return the analysis of a layer given as an operator; see :func:`affine_relu_bound`.

    Parameters
    ----------
    operator : AffineOperator
    center : array, shape (n,)
    radius : float
    moving : bool array, shape (n,)
        False at zero-range inputs.
    center_error : array, shape (n,), optional
        How far the true centre may be from `center`.
    relu : bool
        False for the affine map alone.
    input_norm, output_norm : "1", "2" or "inf"
    rtol, work : float
        As for :func:`lipschitz_app.operators.spectral_norm_upper_bound`.
    """
    error = np.zeros(center.shape) if center_error is None else center_error
    value, value_error, half_range, slopes = ranges_and_slopes(
        operator, center, error, radius, moving, relu, input_norm
    )
    mask = moving.astype(np.float64)
    norm = _proven_norm(operator, slopes, mask, input_norm, output_norm, rtol, work)
    return AffineReluBound(
        operator,
        relu,
        radius,
        input_norm,
        output_norm,
        value,
        value_error,
        half_range,
        slopes,
        moving,
        norm,
        rtol,
        work,
    )


def _proven_norm(
    operator: AffineOperator,
    rows: FloatArray,
    mask: FloatArray,
    input_norm: Norm,
    output_norm: Norm,
    rtol: float,
    work: float,
) -> ProvenNorm:
    """Return the induced norm of ``diag(rows) A diag(mask)``, proven."""
    if not (rows.any() and mask.any()):
        return ProvenNorm(0.0, "zero", "no row can change", 0.0)
    with np.errstate(over="ignore"):
        norm = induced_norm_upper_bound(
            operator.scaled(rows, mask), input_norm, output_norm, rtol=rtol, work=work
        )
    if input_norm == output_norm == "2" or not 0 < norm.value < _SMALLEST:
        return norm
    # Other norms may square entries, which underflow here. The sum of all bounds every norm.
    total = float((rows * operator.row_norms(mask, "1")).sum())
    value = float(inflate(total, operator.output_size + 2))
    return ProvenNorm(value, "entry sum", "sum of all entries, tiny", 0.0)


def affine_relu_bound(
    A: ArrayLike | AffineOperator,
    b: ArrayLike | None,
    x0: ArrayLike,
    radius: float,
    zero_range: ArrayLike | None = None,
    *,
    norm: float | Norm = 2,
    output_norm: float | Norm | None = None,
    tighten: bool = False,
    rtol: float = 1e-7,
    work: float = 4e11,
) -> AffineReluBound:
    """Bound the anchored Lipschitz constant of ``relu(A x + b)`` on a ball around `x0`.

    Parameters
    ----------
    A : array, shape (m, n), or AffineOperator
        With an operator, `b` must be None: the operator has its own.
    b : array, shape (m,), or None for zeros
    x0 : array, shape (n,)
    radius : float
        Of the ball ``||D delta|| <= radius``.
    zero_range : bool array, shape (n,), optional
        True at coordinates that cannot move.
    norm : 1, 2 or inf
        Of the input.
    output_norm : 1, 2 or inf
        Of the output; that of the input when left out.
    tighten : bool
        Whether to solve a polynomial relaxation too, for layers of at most some forty inputs and
        partial rows; Euclidean norms only. `bound` is the smaller of both.
    rtol, work : float
        As for :func:`lipschitz_app.operators.spectral_norm_upper_bound`.

    Returns
    -------
    AffineReluBound
        Its `bound` is proven; `tighter`, `loose` are the bounds of the first paper, `pairwise`
        bounds the pairwise constant.

    Raises
    ------
    InvalidNetworkError, InvalidPointError, InvalidOptionError
    UnsupportedError
        `tighten` with other norms, or a layer that is too large.
    NoBoundError
        The solver of the relaxation gave no bound.

    Examples
    --------
    >>> A = [[3.0, 0, 0], [0, -2, 0], [0, 0, 1]]
    >>> a = affine_relu_bound(A, [-1.0, 4.0, -5.0], [0, 0, 0], radius=1.0)
    >>> [round(v, 6) for v in (a.bound, a.tighter, a.loose)], a.slopes.round(6).tolist()
    ([2.0, 2.666667, 3.0], [0.666667, 1.0, 0.0])
    """
    if isinstance(A, AffineOperator):
        if b is not None:
            raise InvalidOptionError("A is an operator with its own bias; give b=None")
        operator: AffineOperator = A
    else:
        operator = _dense(A, b)
    check_effort(rtol, work)
    center = checked_point(x0, operator.input_shape, "x0")
    try:
        fixed = np.zeros(center.size, dtype=bool) if zero_range is None else np.asarray(zero_range)
    except (ValueError, TypeError) as error:
        raise InvalidPointError(f"zero_range is no array of booleans ({error})") from None
    if fixed.dtype != np.bool_ or fixed.size != center.size:
        raise InvalidPointError(
            f"zero_range has {fixed.size} entries of type {fixed.dtype}; give {center.size} "
            "booleans, true where a coordinate cannot move"
        )
    source = as_norm(norm)
    analysis = analyse_layer(
        operator,
        center,
        checked_radius(radius),
        ~fixed.reshape(-1),
        input_norm=source,
        output_norm=source if output_norm is None else as_norm(output_norm),
        rtol=rtol,
        work=work,
    )
    if not tighten:
        return analysis
    from lipschitz_app.affine_relu.tighten import tighten_layer

    return tighten_layer(analysis)


def _dense(A: ArrayLike, b: ArrayLike | None) -> DenseOperator:
    try:
        arrays = [np.asarray(part) for part in (A, b) if part is not None]
    except (ValueError, TypeError, RuntimeError) as error:
        raise InvalidNetworkError(f"A and b are no arrays of numbers ({error})") from None
    for name, array in zip("Ab", arrays, strict=False):
        if array.dtype.kind not in "biuf":
            raise InvalidNetworkError(
                f"{name} has entries of type {array.dtype}; give real numbers, A of shape "
                "(outputs, inputs) and b of shape (outputs,)"
            )
    return DenseOperator(A, b)


def with_relaxation(analysis: AffineReluBound, relaxation: Relaxed) -> AffineReluBound:
    """Return the analysis with a bound by relaxation beside the norm."""
    return replace(analysis, relaxation=relaxation)
