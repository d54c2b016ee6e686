r"""Networks with piecewise linear activations as networks with relu and neurons that pass.

A continuous piecewise linear activation is a line plus hinges,

.. math:: \sigma(z) = s_0 z + c + \sum_k d_k \max(0, z - p_k),

so that a layer with it is a relu layer with one neuron for each hinge, whose bias is less by p_k,
and one that passes z where s_0 is not 0; the matrix of the next layer is multiplied by s_0 and d_k.
The rounding of slopes, biases and products is in the errors of the layers. What is written for relu
layers with neurons that pass, as max pooling and residual blocks bring them, then serves all these
activations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lipschitz_app.activations.base import ActivationEncoding
from lipschitz_app.activations.piecewise import Hinges
from lipschitz_app.activations.relu import ReLUEncoding
from lipschitz_app.affine_maps import Affine, compose, plus
from lipschitz_app.chain import ChainLayer
from lipschitz_app.errors import UnsupportedError
from lipschitz_app.ranges.interval import LayerRange
from lipschitz_app.rounding import FloatArray, down, up


@dataclass(frozen=True, slots=True, eq=False)
class _Pieces:
    """What a layer's neurons become: copies less a shift, and what they add to the value.

    Attributes
    ----------
    neurons : array of int
        The neuron of the original layer that each new one is made of.
    passes : array of bool
    shifts : array
        Breakpoints, to be subtracted from the pre-activation; 0 where it passes.
    value : Affine
        From the new layer's values to those of the original one.
    """

    neurons: np.ndarray
    passes: np.ndarray
    shifts: FloatArray
    value: Affine


def relu_chain(layers: Sequence[ChainLayer]) -> tuple[ChainLayer, ...]:
    """Return a network whose activations are all relu.

    Parameters
    ----------
    layers : sequence of ChainLayer
        A network in normal form (:func:`lipschitz_app.chain.chain`).

    Returns
    -------
    tuple of ChainLayer
        As many layers; those with relu and the matrices after them are unchanged.

    Raises
    ------
    UnsupportedError
        An activation is not piecewise linear.

    Examples
    --------
    The absolute value is ``-z + 2 max(0, z)``:

    >>> from lipschitz_app.chain import chain
    >>> from lipschitz_app.network import Network
    >>> first, last = relu_chain(chain(Network.from_arrays([[[3.0]], [[1.0]]], activation="abs")))
    >>> first.weight.tolist(), first.passes.tolist(), last.weight.tolist()
    ([[3.0], [3.0]], [True, False], [[-1.0, 2.0]])
    """
    found = []
    inner = Affine.identity(layers[0].weight.shape[1])
    for layer in layers:
        own = Affine(layer.weight, layer.bias, layer.weight_error, layer.bias_error)
        own = compose(own, inner)
        encoding, passes = layer.encoding, layer.passes
        inner = Affine.identity(own.size)
        if encoding is not None and encoding.name != "relu":
            pieces = _pieces(encoding, passes)
            own, inner, passes = _shifted(own, pieces), pieces.value, pieces.passes
            encoding = ReLUEncoding()
        found.append(
            ChainLayer(own.matrix, own.bias, own.matrix_error, own.bias_error, encoding, passes)
        )
    return tuple(found)


def relu_ranges(
    layers: Sequence[ChainLayer], ranges: Sequence[LayerRange]
) -> tuple[LayerRange, ...]:
    """Return the ranges of the layers that :func:`relu_chain` makes.

    Parameters
    ----------
    layers : sequence of ChainLayer
        The network in normal form, not yet rewritten.
    ranges : sequence of LayerRange
        Proven, one per layer but the last.

    Raises
    ------
    UnsupportedError
        An activation is not piecewise linear, or the ranges are of another form of the network.

    Examples
    --------
    >>> from lipschitz_app.chain import chain
    >>> from lipschitz_app.network import Network
    >>> from lipschitz_app.ranges.pre_activations import chain_ranges
    >>> from lipschitz_app.regions import Box
    >>> layers = chain(Network.from_arrays([[[1.0]], [[1.0]]], activation="hardtanh"))
    >>> ranges = chain_ranges(layers, Box([0.0], 0.5))
    >>> relu_ranges(layers, ranges)[0].counts()  # above -1, below 1
    {'dead': 1, 'active': 1, 'unstable': 0}
    """
    hidden = layers[:-1]
    if [found.lower.size for found in ranges] != [layer.bias.size for layer in hidden]:
        raise UnsupportedError(
            f"{len(ranges)} ranges were given for {len(hidden)} hidden layers of the network "
            "written with matrices; give the ranges of that form"
        )
    return tuple(_range(layer, known) for layer, known in zip(hidden, ranges, strict=True))


def _range(layer: ChainLayer, known: LayerRange) -> LayerRange:
    assert layer.encoding is not None
    if layer.encoding.name == "relu":
        flat, steep = (
            np.where(layer.passes, 1.0, slope) for slope in (known.slope_lower, known.slope_upper)
        )
        return LayerRange(known.lower, known.upper, flat, steep)
    pieces = _pieces(layer.encoding, layer.passes)
    lower, upper = known.lower[pieces.neurons], known.upper[pieces.neurons]
    lower, upper = _less(lower, pieces.shifts, down), _less(upper, pieces.shifts, up)
    slopes = ReLUEncoding().slope_range(lower, upper)
    flat, steep = (np.where(pieces.passes, 1.0, slope) for slope in slopes)
    return LayerRange(lower, upper, flat, steep)


def _pieces(encoding: ActivationEncoding, passes: np.ndarray) -> _Pieces:
    """Return what the neurons of a layer become."""
    if not isinstance(encoding, Hinges):
        raise UnsupportedError(
            f"this method is offered for relu and other piecewise linear activations, not for "
            f'{encoding.name}; use "interval", "product", in the norm 2 "lipsdp", in the norm '
            '"inf" "krivine" for small networks; for one hidden layer also "shor", "hr2", '
            '"mccormick"'
        )
    size = passes.size
    first, hinges = encoding.hinges()
    bent = np.flatnonzero(~passes)
    through = np.arange(size) if any(first) else np.flatnonzero(passes)
    kept = [hinge for hinge in hinges if hinge[1] or hinge[2]]
    neurons = np.concatenate([through, *(bent for _ in kept)])
    value, error = np.zeros((size, neurons.size)), np.zeros((size, neurons.size))
    columns = np.arange(neurons.size)
    slope, slope_error = _middle(*first)
    value[through, columns[: through.size]] = np.where(passes[through], 1.0, slope)
    error[through, columns[: through.size]] = np.where(passes[through], 0.0, slope_error)
    shifts = np.zeros(neurons.size)
    for number, (point, *jump) in enumerate(kept):
        own = columns[through.size + number * bent.size :][: bent.size]
        value[bent, own], error[bent, own] = _middle(*jump)
        shifts[own] = point
    constant, constant_error = _constant(encoding, hinges[0][0] if hinges else 0.0, first)
    return _Pieces(
        neurons,
        columns < through.size,
        shifts,
        Affine(
            value,
            np.where(passes, 0.0, constant),
            error,
            np.where(passes, 0.0, constant_error),
        ),
    )


def _constant(
    encoding: ActivationEncoding, point: float, slope: tuple[float, float]
) -> tuple[float, float]:
    """Return the value that the first line has at 0, and a bound on its error."""
    place = np.array([point])
    low, high = (side[0] for side in encoding.value_range(place, place))
    products = np.array([point * side for side in slope])
    if products.any():
        low = down(low - up(products.max()))
        high = up(high - down(products.min()))
    return _middle(float(low), float(high))


def _less(
    values: FloatArray, shifts: FloatArray, rounded: Callable[[FloatArray], FloatArray]
) -> FloatArray:
    """Return differences, rounded to one side unless they are exact."""
    found, bounded = values - shifts, np.isfinite(values)
    near = np.where(bounded, values, 0.0)
    moved = near - shifts
    exact = (moved + shifts == near) & (near - moved == shifts)
    return np.where(exact | ~bounded, found, rounded(found))


def _middle(low: float, high: float) -> tuple[float, float]:
    """Return the middle of an interval and how far its ends are."""
    if low == high:
        return low, 0.0
    middle = low + (high - low) / 2
    return middle, float(max(up(high - middle), up(middle - low)))


def _shifted(own: Affine, pieces: _Pieces) -> Affine:
    """Return copies of the rows of a map, less the breakpoints."""
    rows = pieces.neurons
    copies = Affine(own.matrix[rows], own.bias[rows], own.matrix_error[rows], own.bias_error[rows])
    zero = np.zeros_like(copies.matrix)
    return plus(copies, Affine(zero, -pieces.shifts, zero, np.zeros(rows.size)))
