r"""Linear bounds of pre-activations as functions of the input, substituted backwards.

A row of the next layer, ``r^T x_k`` with :math:`x_k = \sigma_k(z_k)`, is bounded by lines above the
activation where r is positive and below where it is negative; the result is linear in z_k, hence
in x_{k-1}, and so on down to the input, where a linear function is bounded over the region exactly
(CROWN, Zhang et al. 2018). Any convex combination of valid lines may be used, one per row and
neuron: searching for good ones (:func:`improve`) closes the gap to the linear program over the
same lines (Salman et al. 2019).

Rounding. The computed coefficients are taken as they are; what they miss is a small multiple of
``|z_k|`` or ``|x_k|``, whose bounds are known already, and is added to the bound. The same term
carries the errors of the layers' matrices.

References
----------
H. Zhang et al., Efficient neural network robustness certification with general activation
functions, NeurIPS 2018, arXiv:1811.00866.
H. Salman et al., A convex relaxation barrier to tight robustness verification of neural networks,
NeurIPS 2019, arXiv:1902.08722.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lipschitz_app.activations.lines import LinearBounds, Lines, linear_bounds
from lipschitz_app.branching.cut_region import CutRegion, cut_support
from lipschitz_app.chain import ChainLayer
from lipschitz_app.ranges.support import support
from lipschitz_app.regions import Ball, Box
from lipschitz_app.rounding import UNIT, FloatArray, gamma, inflate, up

Choice = tuple[FloatArray, FloatArray]
"""Weights of the lower and upper lines of a layer, shapes (lines, 1 or rows, neurons)."""

AffineRows = tuple[FloatArray, FloatArray, FloatArray, FloatArray]
"""Rows, constants and bounds on the errors of both."""

_TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, slots=True, eq=False)
class BoundedLayer:
    """A layer whose pre-activations have known bounds, with lines for its activation.

    Attributes
    ----------
    layer : ChainLayer
    lines : LinearBounds
    middle : array, shape (p,)
        Where lines are compared: in the middle of the range.
    input_size, size : arrays, shapes (q,) and (p,)
        Bounds on the absolute values of the layer's input and of its pre-activations.
    """

    layer: ChainLayer
    lines: LinearBounds
    middle: FloatArray
    input_size: FloatArray
    size: FloatArray


def bounded_layer(
    layer: ChainLayer, lower: FloatArray, upper: FloatArray, input_size: FloatArray
) -> BoundedLayer:
    """Attach bounds and lines to a layer; neurons that pass have the identity as their line."""
    assert layer.encoding is not None
    found = linear_bounds(layer.encoding, lower, upper)
    if layer.passes.any():
        found = LinearBounds(*(_passing(side, layer.passes) for side in (found.lower, found.upper)))
    middle = lower + (upper - lower) / 2
    return BoundedLayer(layer, found, middle, input_size, np.maximum(np.abs(lower), np.abs(upper)))


def _passing(side: Lines, passes: np.ndarray) -> Lines:
    return Lines(np.where(passes, 1.0, side.slopes), np.where(passes, 0.0, side.offsets))


def closest(bounded: BoundedLayer) -> Choice:
    """Return the lines that are closest to the activation in the middle of the range."""
    return _respond(bounded, bounded.middle[None])


def _respond(bounded: BoundedLayer, z: FloatArray) -> Choice:
    """Return the best line on either side at pre-activations z, shape (rows, p)."""
    weights = []
    for side, pick in ((bounded.lines.lower, np.argmax), (bounded.lines.upper, np.argmin)):
        values = side.slopes[:, None] * z + side.offsets[:, None]
        best = pick(values, axis=0)
        weights.append((np.arange(len(values))[:, None, None] == best).astype(np.float64))
    return weights[0], weights[1]


@dataclass(frozen=True, slots=True, eq=False)
class Substitution:
    """The outcome of one substitution.

    Attributes
    ----------
    bounds : array, shape (rows,)
        Proven upper bounds.
    points : array, shape (rows, inputs)
        Where the linear functions are largest.
    signs : list of arrays
        Coefficients of each layer's outputs, shape (rows, p).
    rows, constants : arrays, shapes (rows, inputs) and (rows,)
        ``rows @ x + constants`` bounds each function at every input x of the region, all roundings
        counted.
    """

    bounds: FloatArray
    points: FloatArray
    signs: list[FloatArray]
    rows: FloatArray
    constants: FloatArray


def substitute(
    last: AffineRows,
    before: Sequence[BoundedLayer],
    output_size: FloatArray,
    region: Box | Ball | CutRegion,
    choices: Sequence[Choice],
) -> Substitution:
    """Bound ``rows @ x + constants`` from above, x being the outputs of the last layer of `before`.

    Parameters
    ----------
    last : (rows, constants, row errors, constant errors)
    before : sequence of BoundedLayer
    output_size : array
        Bounds on the absolute values of x.
    region : Box, Ball or CutRegion
    choices : sequence of Choice, one per layer of `before`
    """
    rows, constants, row_errors, constant_errors = last
    operations = sum(sum(step.layer.weight.shape) for step in before) + rows.shape[1]
    factor = gamma(operations + 16 * (len(before) + 1))
    total = np.array(constants, dtype=np.float64)
    # Sums of absolute values of what is added up in `total`, and errors of the coefficients.
    mass = np.abs(total)
    error = row_errors @ output_size + constant_errors
    signs: list[FloatArray] = [rows] * len(before)
    for index in range(len(before) - 1, -1, -1):
        step = before[index]
        signs[index] = rows
        lines, rounding = _combined(step, choices[index])
        (low_slope, low), (high_slope, high) = lines
        positive, negative = np.maximum(rows, 0.0), np.minimum(rows, 0.0)
        total += _dot(positive, high) + _dot(negative, low)
        sizes = positive - negative
        mass += _dot(sizes, np.maximum(np.abs(low), np.abs(high)))
        error += sizes @ rounding
        rows = positive * high_slope + negative * low_slope
        layer = step.layer
        total += rows @ layer.bias
        mass += np.abs(rows) @ np.abs(layer.bias)
        error += np.abs(rows) @ (layer.weight_error @ step.input_size + layer.bias_error)
        error += factor * (np.abs(rows) @ (np.abs(layer.weight) @ step.input_size))
        error += operations * _TINY * float(step.input_size.sum() + step.size.sum() + 1)
        rows = rows @ layer.weight
    found, points = _support(rows, region)
    slack = inflate(error + factor * mass, operations)
    bounds = up(up(found + total) + up(slack))
    return Substitution(bounds, points, signs, rows, up(total + up(slack)))


def _support(rows: FloatArray, region: Box | Ball | CutRegion) -> tuple[FloatArray, FloatArray]:
    return support(rows, region) if isinstance(region, (Box, Ball)) else cut_support(rows, region)


def _dot(rows: FloatArray, values: FloatArray) -> FloatArray:
    """Return the sums of products per row, for values (p,) or (rows, p)."""
    if len(values) == 1:
        return np.asarray(rows @ values[0])
    return np.asarray(np.einsum("ij,ij->i", rows, values))


def _combined(
    step: BoundedLayer, choice: Choice
) -> tuple[list[tuple[FloatArray, FloatArray]], FloatArray]:
    """Return slopes and offsets of the chosen combinations, (1 or rows, p), and their rounding.

    The weights are nonnegative and add up to one but for rounding, which moves the combination by
    a multiple of the unit times the lines' largest values over the range.
    """
    found = []
    rounding = np.zeros(step.size.size)
    for side, weights in zip((step.lines.lower, step.lines.upper), choice, strict=True):
        weights = weights / weights.sum(axis=0)
        slopes = np.einsum("lrp,lp->rp", weights, side.slopes)
        offsets = np.einsum("lrp,lp->rp", weights, side.offsets)
        found.append((slopes, offsets))
        reach = np.abs(side.slopes) * step.size + np.abs(side.offsets)
        rounding = np.maximum(rounding, reach.sum(axis=0))
    count = max(len(step.lines.lower.slopes), len(step.lines.upper.slopes))
    return found, inflate((16 + 8 * count) * UNIT * rounding + 16 * _TINY, 8)


def improve(
    last: AffineRows,
    before: Sequence[BoundedLayer],
    output_size: FloatArray,
    region: Box | Ball | CutRegion,
    steps: int,
) -> FloatArray:
    """Return the smallest upper bounds among several combinations of lines.

    Each step runs the worst point forwards through the chosen lines and moves the weights towards
    the lines that are best there (Frank and Wolfe's method, the bound being convex in the lines of
    the last layer).
    """
    choices = [closest(step) for step in before]
    found = substitute(last, before, output_size, region, choices)
    bounds = found.bounds
    for number in range(steps):
        share = 1.0 / (number + 2.0)
        point = found.points
        moved = []
        for step, signs, choice in zip(before, found.signs, choices, strict=True):
            z = point @ step.layer.weight.T + step.layer.bias
            (low_slope, low), (high_slope, high) = _combined(step, choice)[0]
            point = np.where(signs > 0, high_slope * z + high, low_slope * z + low)
            best = _respond(step, z)
            moved.append(
                (
                    (1 - share) * np.broadcast_to(choice[0], best[0].shape) + share * best[0],
                    (1 - share) * np.broadcast_to(choice[1], best[1].shape) + share * best[1],
                )
            )
        choices = moved
        found = substitute(last, before, output_size, region, choices)
        bounds = np.minimum(bounds, found.bounds)
    return bounds
