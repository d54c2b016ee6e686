r"""The normal form of small networks: affine maps and elementwise activations, alternating.

.. math:: x_k = \sigma_k(W_k x_{k-1} + b_k) \ (k < m), \qquad F(x_0) = W_m x_{m-1} + b_m

Consecutive affine layers are multiplied together, with proven bounds on the rounding. Two kinds of
layers bring *pass-through* neurons, whose activation is replaced by the identity:

- max pooling, by :math:`\max(a, b) = b + \max(0, a - b)`, in halving rounds;
- residual blocks, whose second summand waits while the first is computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lipschitz_app.activations.base import ActivationEncoding
from lipschitz_app.activations.registry import get_activation
from lipschitz_app.affine_maps import Affine, compose, plus, stack
from lipschitz_app.errors import UnsupportedError
from lipschitz_app.layers.activation import Elementwise
from lipschitz_app.layers.base import BoundLayer
from lipschitz_app.layers.linear import Reshape
from lipschitz_app.layers.sequence import parts
from lipschitz_app.network import Network
from lipschitz_app.operators.base import AffineOperator
from lipschitz_app.operators.pooling import MaxPooling
from lipschitz_app.rounding import FloatArray, gamma, inflate

BoolArray: TypeAlias = NDArray[np.bool_]

MAX_ENTRIES = 16_000_000
"""Most entries of one layer's matrix unless more are allowed: 4000 x 4000, 128 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class ChainLayer:
    """One layer ``x -> act(weight @ x + bias)`` of the normal form.

    Attributes
    ----------
    weight : array, shape (m, n)
    bias : array, shape (m,)
    weight_error, bias_error : arrays, shapes (m, n) and (m,)
        Proven bounds on the distance of each entry to the true one; 0 where it is exact.
    encoding : ActivationEncoding or None
        None for the last layer.
    passes : array of bool, shape (m,)
        Neurons whose value passes unchanged, without activation; all of the last layer.
    """

    weight: FloatArray
    bias: FloatArray
    weight_error: FloatArray
    bias_error: FloatArray
    encoding: ActivationEncoding | None
    passes: BoolArray

    def pre_activation(self, x: ArrayLike) -> FloatArray:
        """Return ``weight @ x + bias`` for x of shape (n,) or (k, n)."""
        return np.asarray(np.asarray(x, dtype=np.float64) @ self.weight.T + self.bias)

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Return the layer's value at x of shape (n,) or (k, n)."""
        z = self.pre_activation(x)
        return z if self.encoding is None else np.where(self.passes, z, self.encoding.value(z))

    def slopes(self, z: FloatArray) -> FloatArray:
        """Return the derivatives at pre-activations z; 1 where the value passes."""
        if self.encoding is None:
            return np.ones_like(z)
        return np.where(self.passes, 1.0, self.encoding.derivative(z))


def chain(net: Network, *, max_entries: int = MAX_ENTRIES) -> tuple[ChainLayer, ...]:
    """Return a network in the normal form.

    Parameters
    ----------
    net : Network
        Linear, Conv2d, AvgPool2d, MaxPool2d, BatchNorm, Flatten, Dropout, Residual and activations.
    max_entries : int
        Most entries of one matrix, (outputs of a layer) times (its inputs).

    Returns
    -------
    tuple of ChainLayer
        The last one has no activation.

    Raises
    ------
    UnsupportedError
        A matrix would be too large, or a layer is of another kind.

    Examples
    --------
    >>> net = Network.from_arrays([[[1.0], [-1.0]], [[1.0, 1.0]]])
    >>> [(layer.weight.tolist(), layer.encoding is None) for layer in chain(net)]
    [([[1.0], [-1.0]], False), ([[1.0, 1.0]], True)]

    The maximum of two numbers takes one neuron, and one that passes:

    >>> from lipschitz_app.layers import MaxPool2d
    >>> first, last = chain(Network([MaxPool2d((1, 2))], (1, 1, 2)))
    >>> first.weight.tolist(), first.passes.tolist(), last.weight.tolist()
    ([[1.0, -1.0], [0.0, 1.0]], [False, True], [[1.0, 1.0]])
    """
    builder = _Builder(net.input_size, max_entries)
    builder.walk(net.steps)
    return builder.finish()


class _Builder:
    """What has been emitted so far, and affine maps from its values to what is being computed.

    `blocks[0]` is the current value, the others wait for it.
    """

    def __init__(self, inputs: int, max_entries: int) -> None:
        self.max_entries = max_entries
        self.size = inputs
        self.layers: list[ChainLayer] = []
        self.blocks: list[Affine] = [Affine.identity(inputs)]

    def walk(self, steps: Sequence[BoundLayer]) -> None:
        """Apply layers to the current value."""
        for step in steps:
            if isinstance(step, Elementwise):
                self.emit(step.encoding, np.zeros(self.blocks[0].size, dtype=np.bool_))
            elif isinstance(step, AffineOperator):
                self.affine(step)
            elif isinstance(step, MaxPooling):
                self.maximum(step)
            elif parts(step):
                self.add(parts(step))
            elif not isinstance(step, Reshape):
                raise UnsupportedError(
                    f"{step!r} cannot be written with affine maps and activations; Linear, Conv2d, "
                    "AvgPool2d, MaxPool2d, BatchNorm, Flatten, Dropout, Residual and activations "
                    "can"
                )

    def affine(self, step: AffineOperator) -> None:
        """Multiply the current value by a matrix and add a bias."""
        self._check(step.output_size, max(self.size, step.input_size), repr(step))
        matrix = step.to_matrix()
        error = np.zeros_like(matrix)
        if step.entry_roundings:
            error = np.asarray(inflate(gamma(step.entry_roundings) * np.abs(matrix), 2))
            error[matrix == 0] = 0.0
        outer = Affine(matrix, step.bias, error, step.bias_error)
        self.blocks[0] = compose(outer, self.blocks[0])

    def add(self, branches: Sequence[Sequence[BoundLayer]]) -> None:
        """Apply each branch to the current value and add the results."""
        total: list[Affine] = []
        start = self.blocks[0]
        # While a branch is computed, the block's input waits, unless this is its last use, and so
        # does the sum of the branches before.
        for index, branch in enumerate(branches):
            last = index + 1 == len(branches)
            waiting = [*([] if last else [start]), *total]
            others = self.blocks[1:]
            self.blocks = [start, *waiting, *others]
            self.walk(branch)
            count = len(waiting)
            value, waiting = self.blocks[0], self.blocks[1 : 1 + count]
            self.blocks = [value, *self.blocks[1 + count :]]
            if not last:
                start = waiting.pop(0)
            total = [plus(value, *waiting)]
        self.blocks[0] = total[0]

    def maximum(self, pool: MaxPooling) -> None:
        """Replace the current value by the maxima over windows, in halving rounds."""
        groups = [[int(i) for i in row if i >= 0] for row in pool.members()]
        relu = get_activation("relu")
        while any(len(group) > 1 for group in groups):
            pairs: dict[tuple[int, int], int] = {}
            kept: dict[int, int] = {}
            for group in groups:
                for first, second in zip(group[::2], group[1::2], strict=False):
                    pairs.setdefault((first, second), len(pairs))
                    kept.setdefault(second, len(kept))
                if len(group) % 2:
                    kept.setdefault(group[-1], len(kept))
            total = len(pairs) + len(kept)
            self._check(total, max(self.size, self.blocks[0].size), repr(pool))
            before = np.zeros((total, self.blocks[0].size))
            for (first, second), row in pairs.items():
                before[row, first], before[row, second] = 1.0, -1.0
            for entry, row in kept.items():
                before[len(pairs) + row, entry] = 1.0
            self.blocks[0] = compose(Affine.linear(before), self.blocks[0])
            self.emit(relu, np.arange(total) >= len(pairs))
            # Candidates of the next round: the pairs' maxima, then single entries.
            single = {g[-1] for g in groups if len(g) % 2}
            alone = {entry: len(pairs) + k for k, entry in enumerate(sorted(single))}
            after = np.zeros((len(pairs) + len(alone), total))
            for (_, second), row in pairs.items():
                after[row, row] = after[row, len(pairs) + kept[second]] = 1.0
            for entry, row in alone.items():
                after[row, len(pairs) + kept[entry]] = 1.0
            self.blocks[0] = compose(Affine.linear(after), self.blocks[0])
            groups = [
                [pairs[pair] for pair in zip(group[::2], group[1::2], strict=False)]
                + ([alone[group[-1]]] if len(group) % 2 else [])
                for group in groups
            ]
        choice = np.zeros((len(groups), self.blocks[0].size))
        choice[np.arange(len(groups)), [group[0] for group in groups]] = 1.0
        self.blocks[0] = compose(Affine.linear(choice), self.blocks[0])

    def emit(self, encoding: ActivationEncoding | None, passes: BoolArray) -> None:
        """Add a layer that activates the current value; what waits passes."""
        total = sum(block.size for block in self.blocks)
        self._check(total, self.size, "a layer with the values that wait for it")
        map_ = stack(self.blocks)
        waiting = np.ones(total - passes.size, dtype=np.bool_)
        self.layers.append(
            ChainLayer(
                map_.matrix,
                map_.bias,
                map_.matrix_error,
                map_.bias_error,
                encoding,
                np.concatenate([passes, waiting]),
            )
        )
        self.size = total
        sizes = [block.size for block in self.blocks]
        starts = np.cumsum([0, *sizes])
        self.blocks = [
            Affine.selection(int(start), size, total)
            for start, size in zip(starts, sizes, strict=False)
        ]

    def finish(self) -> tuple[ChainLayer, ...]:
        """Add the last layer and return all."""
        self.emit(None, np.ones(self.blocks[0].size, dtype=np.bool_))
        return tuple(self.layers)

    def _check(self, rows: int, columns: int, what: str) -> None:
        if rows * columns > self.max_entries:
            raise UnsupportedError(
                f"{what} makes a matrix of {rows} x {columns} = {rows * columns} entries; at most "
                f"{self.max_entries} are allowed, use a smaller network or max_entries="
            )
