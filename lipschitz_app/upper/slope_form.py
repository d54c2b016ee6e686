r"""A network's derivative as a quadratic problem in the changes of its unstable neurons.

For an input change w, layer k changes by :math:`x_k = s_k z_k, z_k = W_k x_{k-1}` with slopes
:math:`\alpha \le s \le \beta`, so that every neuron satisfies
:math:`(x - \alpha z)(\beta z - x) \ge 0`. Changes of stable neurons are linear in the layer before
and leave the problem; what remains are the input change and those of the unstable neurons, in
blocks :math:`v = (w, x_1, …, x_L)`, linear maps ``slopes`` from v to the z of the unstable neurons,
and one from v to the change of the output. All maps come with bounds on their rounding errors.

An input of more coordinates than the first layer has neurons is replaced by one as small as that:
with :math:`G G^T \succeq W_1 W_1^T` proven, :math:`\|K W_1\| \le \|K G\|` for every K.

References
----------
M. Fazlyab, A. Robey, H. Hassani, M. Morari, G. J. Pappas, Efficient and accurate estimation of
Lipschitz constants for deep neural networks, NeurIPS 2019, arXiv:1906.04893.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from lipschitz_app.chain import chain
from lipschitz_app.errors import NoBoundError, UnsupportedError
from lipschitz_app.midrad import Enclosure, stack
from lipschitz_app.network import Network
from lipschitz_app.operators.rounding import SMALLEST_SCALE, cholesky_error
from lipschitz_app.ranges.interval import LayerRange
from lipschitz_app.rounding import FloatArray, inflate


@dataclass(frozen=True, slots=True)
class SlopeForm:
    """The quadratic problem of a network's derivative, in scaled variables.

    Variables are ``v = scale * v'``, where every block of v' has norm at most that of the input
    change, for all slopes that may occur.

    Attributes
    ----------
    inputs : int
        Size q of the first block.
    layers : array of int, shape (k,)
        Layer of each unstable neuron, not decreasing.
    alpha, beta : arrays, shape (k,)
        Bounds on the slopes.
    scale : array, shape (q + k,)
        Powers of two, constant in each block; 1 in the first.
    slopes : Enclosure, shape (k, q + k)
        Changes of the pre-activations as a function of v'.
    output : Enclosure, shape (m, q + k)
        Change of the output as a function of v'.
    """

    inputs: int
    layers: np.ndarray
    alpha: FloatArray
    beta: FloatArray
    scale: FloatArray
    slopes: Enclosure
    output: Enclosure

    @property
    def blocks(self) -> int:
        """Number of blocks of variables."""
        return 1 + np.unique(self.layers).size

    @property
    def side(self) -> int:
        """Number of variables q + k."""
        return int(self.scale.size)

    def sectors(self) -> tuple[Enclosure, Enclosure]:
        """Return the maps ``x - alpha z`` and ``x - beta z``, each of shape (k, q + k)."""
        select = np.zeros((self.layers.size, self.side))
        select[:, self.inputs :] = np.diag(self.scale[self.inputs :])
        identity = Enclosure.exact(select)
        ends = []
        for slope in (self.alpha, self.beta):
            # Columns are scaled by the transposes' rows.
            ends.append(identity - self.slopes.T.scaled(slope).T if slope.any() else identity)
        return ends[0], ends[1]


def slope_form(
    weights: Sequence[Enclosure], ranges: Sequence[LayerRange], output: Enclosure
) -> SlopeForm:
    """Return the quadratic problem of a chain of layers.

    Parameters
    ----------
    weights : sequence of Enclosure
        Matrices of the layers before each activation layer.
    ranges : sequence of LayerRange
        One per activation layer.
    output : Enclosure
        Matrix of the last layer.

    Examples
    --------
    >>> from lipschitz_app.network import Network
    >>> from lipschitz_app.ranges.interval import interval_ranges
    >>> from lipschitz_app.regions import Box
    >>> net = Network.from_arrays([[[1.0], [2.0]], [[1.0, 1.0]]], [[0.0, 9.0], [0.0]])
    >>> first, last = (Enclosure.exact(matrix) for matrix, _ in net.affine_pairs())
    >>> form = slope_form([first], interval_ranges(net, Box([0.0], 1.0)), last)
    >>> (form.output.center / form.scale).tolist()
    [[2.0, 1.0]]
    """
    lively = _lively(weights, ranges)
    first = _first(weights[0].rows(lively[0])) if weights else output
    size = first.center.shape[1]
    unstable = [
        np.flatnonzero(layer.unstable & alive) for layer, alive in zip(ranges, lively, strict=True)
    ]
    total = size + sum(found.size for found in unstable)
    change = Enclosure.exact(np.eye(size, total))
    scale, reach = [np.ones(size)], [1.0]
    slopes = [Enclosure.exact(np.zeros((0, total)))]
    for number, (matrix, layer) in enumerate(zip(weights, ranges, strict=True)):
        alive, moving = lively[number], unstable[number]
        z = _spread((first if number == 0 else matrix.rows(alive)) @ change, alive)
        norm = _reach(z.rows(moving), [part.size for part in scale], reach)
        steepest = np.maximum(np.abs(layer.slope_lower), np.abs(layer.slope_upper))
        norm = float(inflate(norm * steepest[moving].max(initial=0.0), 1))
        if not norm < 1 / SMALLEST_SCALE:
            raise NoBoundError(f"layer {number + 1} reaches {norm:g}; rescale its weights")
        start = sum(part.size for part in scale)
        change = z.T.scaled(np.where(layer.unstable, 0.0, layer.slope_lower)).T
        change.center[moving, np.arange(start, start + moving.size)] = 1.0
        # A power of two, so that scaling rounds nothing.
        block = 2.0 ** np.ceil(np.log2(norm)) if norm > SMALLEST_SCALE else 1.0
        scale.append(np.full(moving.size, block))
        reach.append(norm)
        slopes.append(z.rows(moving))
    columns = np.concatenate(scale)
    bounds = [
        np.concatenate([np.zeros(0), *(side[i] for side, i in zip(sides, unstable, strict=True))])
        for sides in (
            [layer.slope_lower for layer in ranges],
            [layer.slope_upper for layer in ranges],
        )
    ]
    return SlopeForm(
        size,
        np.repeat(np.arange(len(unstable)), [found.size for found in unstable]),
        bounds[0],
        bounds[1],
        columns,
        stack(slopes).shifted(columns),
        (output @ change if weights else output).shifted(columns),
    )


def network_layers(
    net: Network, ranges: Sequence[LayerRange]
) -> tuple[list[Enclosure], list[LayerRange], Enclosure]:
    """Return matrices and ranges of a network's hidden layers, and its last matrix.

    Raises
    ------
    UnsupportedError
        The network has layers that are not written as a chain, or no ranges for each of them.
    """
    *hidden, last = chain(net)
    if [layer.bias.size for layer in hidden] != [layer.lower.size for layer in ranges]:
        raise UnsupportedError(
            f"{net!r} has {len(hidden)} layers in normal form but ranges for {len(ranges)}; this "
            "method is offered where these agree: Linear and activation layers"
        )
    found = []
    for layer, given in zip(hidden, ranges, strict=True):
        low = np.where(layer.passes, 1.0, given.slope_lower)
        high = np.where(layer.passes, 1.0, given.slope_upper)
        found.append(LayerRange(given.lower, given.upper, low, high))
    weights = [Enclosure(layer.weight, layer.weight_error) for layer in hidden]
    return weights, found, Enclosure(last.weight, last.weight_error)


def _lively(weights: Sequence[Enclosure], ranges: Sequence[LayerRange]) -> list[np.ndarray]:
    """Return masks of the neurons that move with the input at all."""
    found: list[np.ndarray] = []
    for matrix, layer in zip(weights, ranges, strict=True):
        given = (matrix.center != 0) | (matrix.radius > 0)
        reached = (given[:, found[-1]] if found else given).any(axis=1)
        found.append(reached & ~layer.dead)
    return found


def _first(part: Enclosure) -> Enclosure:
    """Return a matrix with a smaller input that is as good, where there is one."""
    rows, inputs = part.center.shape
    if rows == 0 or rows >= inputs:
        return part
    gram = part @ part.T
    spread = float(inflate(gram.radius.sum(axis=1).max(), rows))
    largest = float(gram.center.diagonal().max())
    shift = 2 * (spread + cholesky_error(rows, 2 * largest))
    factor = scipy.linalg.cholesky(gram.center + shift * np.eye(rows), lower=True)
    return Enclosure.exact(np.tril(factor))


def _spread(z: Enclosure, mask: np.ndarray) -> Enclosure:
    """Put rows back among rows of zeros."""
    center, radius = np.zeros((2, mask.size, z.center.shape[1]))
    center[mask], radius[mask] = z.center, z.radius
    return Enclosure(center, radius)


def _reach(rows: Enclosure, sizes: list[int], reach: list[float]) -> float:
    """Bound the norm of pre-activations from the norms of the blocks."""
    total, start = 0.0, 0
    for size, norm in zip(sizes, reach, strict=True):
        total += float(inflate(rows.columns(slice(start, start + size)).spectral_norm() * norm, 1))
        start += size
    return float(inflate(total, len(sizes)))
