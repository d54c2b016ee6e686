r"""The presolved form of a deep ReLU network.

Layer l computes ``z_l = W_l x_(l-1) + b_l`` and ``x_l = relu(z_l)``, the scalar output is
``c @ x_m``. Neurons that are inactive over the whole region leave the network with their rows and
columns, those that are active over the whole region stay as linear ones; the rest, the *unstable*
ones, are what a relaxation has to deal with. Neurons that cannot reach the output and inputs that
reach no neuron are left out too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lipschitz_app.chain import ChainLayer, chain
from lipschitz_app.errors import UnsupportedError
from lipschitz_app.network import Network
from lipschitz_app.outputs import OutputVector
from lipschitz_app.ranges.interval import LayerRange
from lipschitz_app.rounding import FloatArray, inflate


@dataclass(frozen=True, slots=True, eq=False)
class DeepLayer:
    """One hidden layer after presolve; its columns are the kept neurons of the layer before.

    Attributes
    ----------
    weight, weight_error : arrays, shape (k, n)
        Each entry is off by at most its error.
    bias, bias_error : arrays, shape (k,)
    lower, upper : arrays, shape (k,)
        Proven bounds on the pre-activations.
    unstable : array of bool, shape (k,)
        The others are active with derivative 1.
    """

    weight: FloatArray
    weight_error: FloatArray
    bias: FloatArray
    bias_error: FloatArray
    lower: FloatArray
    upper: FloatArray
    unstable: np.ndarray

    @property
    def size(self) -> int:
        """Number of kept neurons."""
        return int(self.bias.size)


@dataclass(frozen=True, slots=True, eq=False)
class DeepNetwork:
    """A scalar ReLU network after presolve.

    Attributes
    ----------
    layers : tuple of DeepLayer
    weights, weight_errors : arrays
        Output weights of the kept neurons of the last layer, and bounds on their errors.
    inputs : array of int
        The inputs that are left.
    kept : tuple of arrays of int
        The neurons that are left, by layer.
    decided : tuple of DeepLayer
        Neurons whose ranges are to be imposed, by layer, dead ones among them; often none.
    """

    layers: tuple[DeepLayer, ...]
    weights: FloatArray
    weight_errors: FloatArray
    inputs: np.ndarray
    kept: tuple[np.ndarray, ...] = ()
    decided: tuple[DeepLayer, ...] = ()

    @property
    def unstable(self) -> tuple[int, ...]:
        """Number of unstable neurons per layer."""
        return tuple(int(layer.unstable.sum()) for layer in self.layers)

    def __str__(self) -> str:
        parts = [
            f"{count} of {layer.size}"
            for count, layer in zip(self.unstable, self.layers, strict=True)
        ]
        return f"{self.inputs.size} inputs; unstable among the kept neurons: {', '.join(parts)}"


def presolve_deep(
    net: Network | Sequence[ChainLayer],
    ranges: Sequence[LayerRange],
    output: OutputVector,
    decided: Sequence[np.ndarray] | None = None,
) -> DeepNetwork:
    """Return the presolved form of a ReLU network with any number of hidden layers.

    Parameters
    ----------
    net : Network or sequence of ChainLayer
        The latter in normal form, for instance from :func:`lipschitz_app.relu_form.relu_chain`.
    ranges : sequence of LayerRange
        Proven ranges over the region, one per hidden layer of the network's chain.
    output : OutputVector
    decided : sequence of masks, optional
        Neurons of each layer whose ranges hold in the part of the region that is meant, not in all
        of it; what they depend on is kept, so that a relaxation can impose them.

    Raises
    ------
    UnsupportedError
        An activation is not relu, or the network has no chain of matrices.

    Examples
    --------
    >>> from lipschitz_app.outputs import as_output
    >>> from lipschitz_app.ranges.interval import interval_ranges
    >>> from lipschitz_app.regions import Box
    >>> net = Network.from_arrays([[[1.0], [-1.0]], [[1.0, 1.0]], [[2.0]]], [[0, -5], [-1], [0]])
    >>> print(presolve_deep(net, interval_ranges(net, Box([0.0], 3.0)), as_output(0, 1)))
    1 inputs; unstable among the kept neurons: 1 of 1, 1 of 1
    """
    *hidden, last = chain(net) if isinstance(net, Network) else net
    names = {layer.encoding.name for layer in hidden if layer.encoding is not None} - {"relu"}
    if names:
        raise UnsupportedError(
            f"relu layers are needed, not {', '.join(sorted(names))}; relu_chain() rewrites "
            "piecewise linear ones"
        )
    if len(hidden) != len(ranges):
        raise UnsupportedError(
            f"{len(ranges)} ranges were given for {len(hidden)} hidden layers of the network "
            "written with matrices; give the ranges of that form"
        )
    low, high = output.row(last.weight)
    weights = np.where(low == high, low, low + (high - low) / 2)
    errors = np.maximum(np.nextafter(high - weights, np.inf), np.nextafter(weights - low, np.inf))
    errors = np.where(low == high, 0.0, errors)
    if last.weight_error.any():
        errors = inflate(errors + np.abs(output.weights) @ last.weight_error, output.weights.size)
    alive = [np.logical_not(layer.dead) for layer in ranges]
    matters = (weights != 0) | (errors > 0)
    for number in reversed(range(len(hidden))):
        alive[number] &= matters
        used = (hidden[number].weight != 0) | (hidden[number].weight_error != 0)
        needed = alive[number] if decided is None else alive[number] | decided[number]
        matters = used[needed].any(axis=0)
    inputs = before = np.flatnonzero(matters)
    layers, imposed, kept = [], [], []
    for number, (layer, reach) in enumerate(zip(hidden, ranges, strict=True)):
        own = np.flatnonzero(alive[number])
        layers.append(_part(layer, reach, own, before))
        if decided is not None:
            imposed.append(_part(layer, reach, np.flatnonzero(decided[number]), before))
        kept.append(own)
        before = own
    return DeepNetwork(
        tuple(layers), weights[before], errors[before], inputs, tuple(kept), tuple(imposed)
    )


def _part(layer: ChainLayer, reach: LayerRange, own: np.ndarray, before: np.ndarray) -> DeepLayer:
    """Return some neurons of a layer, as functions of some neurons of the layer before."""
    block = np.ix_(own, before)
    return DeepLayer(
        np.ascontiguousarray(layer.weight[block]),
        np.ascontiguousarray(layer.weight_error[block]),
        layer.bias[own],
        layer.bias_error[own],
        reach.lower[own],
        reach.upper[own],
        reach.unstable[own],
    )
