r"""Radius within which the predicted class cannot change, from anchored bounds.

With :math:`L(\varepsilon)` the anchored bound of the network on the ball of radius
:math:`\varepsilon` and :math:`\delta` the gap of the two largest logits, the class is constant
while :math:`\varepsilon L(\varepsilon) < \delta / \sqrt 2` (two logits can approach each other by
at most :math:`\sqrt 2` times the change of the logit vector; in norm 1 the factor is 1, in norm inf
it is 2). The *margin rule* is never worse: the
scalar functions :math:`z_c - z_j` have the constant :math:`\|(a_c - a_j)^T D\|` instead of
:math:`\sqrt 2 \|A D\|` in the last layer.

:math:`L` is nondecreasing, so a bound proven at one :math:`\varepsilon` holds at every smaller one:
the search may use estimates, and a single proof at its end gives the radius
:math:`\min(\varepsilon, \delta / (\sqrt 2 L(\varepsilon)))`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from lipschitz_app.affine_relu.arguments import check_effort, checked_radius
from lipschitz_app.affine_relu.network import advance, begin
from lipschitz_app.affine_relu.slopes import BoolArray, ranges_and_slopes
from lipschitz_app.affine_relu.stages import Stage, StageLike, as_stages
from lipschitz_app.errors import InvalidOptionError, NoBoundError, UnsupportedError
from lipschitz_app.norms import as_norm
from lipschitz_app.operators import AffineOperator, MaxPooling
from lipschitz_app.operators.induced_norm import induced_norm_upper_bound
from lipschitz_app.operators.lanczos import largest_singular_value
from lipschitz_app.rounding import FloatArray, Norm, dual, gamma, inflate

if TYPE_CHECKING:
    from lipschitz_app.network import Network


_LOGIT_FACTOR: dict[Norm, float] = {"1": 1.0, "2": math.sqrt(2.0), "inf": 2.0}
"""Dual norms of a difference of two unit vectors."""


@dataclass(frozen=True, slots=True)
class CertifiedRadius:
    """A proven radius within which the class stays.

    Attributes
    ----------
    radius : float
        The larger of the two rules' radii; the class is constant on the open ball.
    logit_rule_radius : float
        By ``eps * L(eps) < gap / sqrt(2)`` (norm 1: ``gap``; norm inf: ``gap / 2``).
    margin_rule_radius : float
        By the bounds of the margins ``z_c - z_j``.
    label : int
        Class at the centre; ties go to the first and have radius zero.
    gap : float
        Gap of the two largest logits, rounded down.
    bound : float
        The anchored bound of the network proven at `radius`.
    norm : "1", "2" or "inf"
        Of the ball.
    kind : str
        "proven".
    """

    radius: float
    logit_rule_radius: float
    margin_rule_radius: float
    label: int
    gap: float
    bound: float
    norm: Norm = "2"
    kind: str = "proven"

    def __str__(self) -> str:
        return (
            f"class {self.label} within radius {self.radius:.8g} ({self.kind}, norm "
            f"{self.norm})\n"
            f"  by the gap of the logits   {self.logit_rule_radius:.8g}\n"
            f"  by the margins             {self.margin_rule_radius:.8g}\n"
            f"  gap {self.gap:.8g}, anchored bound {self.bound:.8g} on that ball"
        )


def certified_radius(
    net: Network | Iterable[StageLike],
    center: ArrayLike,
    method: Literal["analytic"] = "analytic",
    *,
    norm: float | Norm = 2,
    rtol: float = 1e-7,
    work: float = 4e11,
    largest: float = 1e6,
) -> CertifiedRadius:
    """Return a radius within which the class predicted at `center` cannot change, proven.

    Parameters
    ----------
    net : Network, or sequence of (operator, relu) pairs
        The last stage must be affine with at least two outputs: the logits.
    center : array, in the input's shape or flat
    method : "analytic"
    norm : 1, 2 or inf
        Of the ball.
    rtol, work : float
        As for :func:`lipschitz_app.affine_relu.anchored_bound`; the radius is found to `rtol`.
    largest : float
        Radii are not searched beyond this.

    Raises
    ------
    InvalidPointError, InvalidOptionError
        The centre or an option is not what it has to be; the message says what was given.
    UnsupportedError
        The network does not end in logits.
    NoBoundError
        The bounds overflow.

    References
    ----------
    T. Avant, K. A. Morgansen, arXiv:2104.14672: the rule by the gap of the logits.

    Examples
    --------
    >>> from lipschitz_app.operators import DenseOperator
    >>> found = certified_radius([(DenseOperator([[1.0], [-1.0]]), False)], [3.0])
    >>> found.label, round(found.logit_rule_radius, 6), round(found.margin_rule_radius, 6)
    (0, 3.0, 3.0)
    """
    if method != "analytic":
        raise InvalidOptionError(f'method "{method}" is not known; use "analytic"')
    stages, name = as_stages(net), as_norm(norm)
    check_effort(rtol, work)
    if checked_radius(largest, "largest") == 0:
        raise InvalidOptionError("largest is 0; give a positive number")
    last = stages[-1]
    if isinstance(last.operator, MaxPooling) or last.relu or last.operator.output_size < 2:
        single = last.operator.output_size == 1 and not last.relu
        remedy = (
            "; where the class is the sign of one output, append la.Linear([[-1.0], [1.0]]) to the "
            "layers: Network([*net.layers, ...])"
            if single
            else ""
        )
        raise UnsupportedError(
            f"the network ends in {last.operator!r}{' with ReLU' if last.relu else ''}; a radius "
            f"needs at least two logits from an affine last layer{remedy}"
        )
    point = begin(stages, center, 0.0).center
    logits, error = _logits(stages, point)
    label = int(np.argmax(logits))
    others = np.delete(np.arange(logits.size), label)
    gaps = np.nextafter(logits[label] - error[label] - (logits + error)[others], -np.inf)
    gaps = gaps * (1 - 1e-15)
    gap = float(gaps.min())
    if gap <= 0:
        return CertifiedRadius(0.0, 0.0, 0.0, label, gap, math.inf, name)
    matrix = last.operator.to_matrix()
    differences = np.abs(matrix[label] - matrix[others])
    if last.operator.entry_roundings:
        # Entries of a folded normalisation are rounded; differences may cancel all but that.
        sizes = np.abs(matrix[label]) + np.abs(matrix[others])
        differences = differences + gamma(last.operator.entry_roundings) * sizes

    proven: dict[float, float] = {}

    def used(eps: float, prove: bool) -> tuple[float, float]:
        """Return the fraction of the gap that the logit and the margin rule see used up."""
        if prove:
            state = begin(stages, center, eps)
            for stage in stages[:-1]:
                state = advance(state, stage, name, rtol, work)
            product, moving = state.product, state.moving
            whole = advance(state, last, name, rtol, work)
            size, proven[eps] = whole.layers[-1].bound, whole.product
        else:
            product, moving = _estimated_pass(stages[:-1], point, eps, rtol, name)
            size = _estimated_norm(_restricted(last, moving), rtol, name)
        margins = _row_norms(differences, moving, dual(name))
        rise = float(inflate(eps * product, 2))
        by_logits = float(inflate(rise * size * _LOGIT_FACTOR[name] / gap, 6))
        return by_logits, float(inflate(rise * (margins / gaps).max(), 6))

    def by_rule(rule: int, start: float) -> float:
        tried = _search(lambda eps: used(eps, False)[rule], start, largest, rtol) * (1 - rtol)
        value = used(tried, True)[rule]
        # The bound is nondecreasing in eps: proven at one radius, it serves every smaller one.
        if math.isnan(value):
            raise NoBoundError("the bounds overflow; rescale the network or the centre")
        return tried if value < 1.0 else _below(tried / value)

    by_logits = by_rule(0, 1.0)
    by_margins = by_rule(1, by_logits if by_logits > 0 else 1.0)
    radius = max(by_logits, by_margins)
    if radius not in proven:
        used(radius, True)
    return CertifiedRadius(radius, by_logits, by_margins, label, gap, proven[radius], name)


def _row_norms(rows: FloatArray, moving: BoolArray, norm: Norm) -> FloatArray:
    """Return upper bounds of the norms of nonnegative rows over the columns that move."""
    alive = np.where(moving, rows, 0.0)
    largest: FloatArray = np.asarray(alive.max(axis=1))
    if norm == "inf":
        return largest
    if norm == "1":
        return inflate(alive.sum(axis=1), rows.shape[1] + 8)
    # Scaled, so that no square underflows.
    scaled = alive / np.where(largest > 0, largest, 1.0)[:, None]
    return inflate(largest * np.sqrt((scaled**2).sum(axis=1)), rows.shape[1] + 8)


def _estimated_norm(operator: AffineOperator, rtol: float, norm: Norm) -> float:
    if norm == "2":
        return largest_singular_value(operator, rtol=rtol).guess
    return induced_norm_upper_bound(operator, norm, norm).value


def _restricted(stage: Stage, moving: BoolArray) -> AffineOperator:
    assert isinstance(stage.operator, AffineOperator)
    return stage.operator.scaled(None, moving.astype(np.float64))


def _estimated_pass(
    stages: tuple[Stage, ...], center: FloatArray, eps: float, rtol: float, norm: Norm
) -> tuple[float, BoolArray]:
    """Return the product of estimated norms, and what moves: for the search, nothing proven."""
    point, moving = center, np.ones(center.size, dtype=bool)
    radius, product = eps, 1.0
    for stage in stages:
        operator = stage.operator
        if isinstance(operator, MaxPooling):
            factor = operator.factor(norm)
            point, moving = operator(point), operator(moving.astype(np.float64)) > 0
        else:
            error = np.zeros(point.size)
            point, _, _, slopes = ranges_and_slopes(
                operator, point, error, radius, moving, stage.relu, norm
            )
            scaled = operator.scaled(slopes, moving.astype(np.float64))
            factor = _estimated_norm(scaled, 0.1 * rtol, norm)
            point = np.maximum(point, 0.0) if stage.relu else point
            moving = slopes > 0
        radius, product = radius * factor, product * factor
    return product, moving


def _logits(stages: tuple[Stage, ...], center: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the logits and a proven bound on their rounding errors."""
    value, error = center, np.zeros(center.size)
    for stage in stages:
        if isinstance(stage.operator, MaxPooling):
            value, error = stage.operator(value), stage.operator(error)
        else:
            value, error = stage.operator.evaluate_with_error(value, error)
            value = np.maximum(value, 0.0) if stage.relu else value
    return value, error


def _search(used: Callable[[float], float], start: float, largest: float, rtol: float) -> float:
    """Return the largest eps, to `rtol` and up to `largest`, with ``used(eps) < 1``.

    ``used(eps) / eps`` is nondecreasing, not continuous: it jumps where a coordinate starts moving.
    """
    low, high = 0.0, min(start, largest)
    while (value := used(high)) < 1.0:
        low = high
        if high >= largest:
            return high
        high = min(largest, 2 * high)
    low = max(low, high / value)
    while high - low > rtol * high:
        middle = 0.5 * (low + high)
        value = used(middle)
        if value < 1.0:
            low = middle
        else:
            high = middle
            low = max(low, middle / value)
    return low


def _below(value: float) -> float:
    return value * (1 - 1e-14)
