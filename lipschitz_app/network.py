"""Feed-forward networks in numpy: evaluation, Jacobians, pre-activations.

The weights are doubles and stand for exactly those real numbers; bounds are about the real-number
function they define (weights stored in single precision are converted without change).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from math import prod
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lipschitz_app.errors import InvalidNetworkError, InvalidPointError, UnsupportedError
from lipschitz_app.layers.activation import Activation, Elementwise
from lipschitz_app.layers.base import BoundLayer, Layer, Shape
from lipschitz_app.layers.description import describe
from lipschitz_app.layers.linear import Linear, Reshape
from lipschitz_app.layers.sequence import bind_all, elementwise, pre_activations, pullback
from lipschitz_app.operators.dense import DenseOperator
from lipschitz_app.rounding import FloatArray


class Network:
    """A chain of layers.

    Parameters
    ----------
    layers : sequence of layers
        For example ``[Linear(W1, b1), ReLU(), Linear(W2, b2)]``.
    input_shape : tuple of int, optional
        Shape of one input; may be left out when the first layer is a :class:`Linear`.

    Attributes
    ----------
    layers : tuple of layers
    steps : tuple of bound layers
    input_shape, output_shape : tuples of int

    Raises
    ------
    InvalidNetworkError
        The layers do not fit each other.

    Examples
    --------
    >>> net = Network([Linear([[1.0], [-1.0]]), Activation("relu"), Linear([[1.0, 1.0]])])
    >>> net
    Network(1-2-1, relu)
    >>> net([-3.0]).tolist(), net.jacobian([-3.0]).tolist()
    ([3.0], [[-1.0]])
    """

    def __init__(self, layers: Sequence[Layer], input_shape: Sequence[int] | None = None) -> None:
        self.layers: tuple[Layer, ...] = tuple(layers)
        if not self.layers:
            raise InvalidNetworkError("the list of layers is empty; give at least one layer")
        self.input_shape = _shape(self.layers, input_shape)
        self.steps: tuple[BoundLayer, ...] = bind_all(self.layers, self.input_shape)
        self.output_shape: Shape = tuple(self.steps[-1].output_shape)
        self._pairs: list[tuple[FloatArray, FloatArray]] | None = None

    @classmethod
    def from_arrays(
        cls,
        weights: Sequence[ArrayLike],
        biases: Sequence[ArrayLike] | None = None,
        activation: str = "relu",
    ) -> Network:
        """Build a fully connected network; the last layer is linear.

        Parameters
        ----------
        weights : sequence of arrays, shapes (p1, p0), (p2, p1), …
        biases : sequence of arrays, shapes (p1,), (p2,), …; zero when left out.
        activation : str
            Name of the activation between the layers.

        Raises
        ------
        InvalidNetworkError, ActivationError

        Examples
        --------
        >>> Network.from_arrays([[[1.0], [-1.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.0]])
        Network(1-2-1, relu)
        """
        weights = list(weights)
        if not weights:
            raise InvalidNetworkError("no weights: give one matrix per layer")
        given: list[ArrayLike | None] = [None] * len(weights) if biases is None else list(biases)
        if len(given) != len(weights):
            raise InvalidNetworkError(
                f"{len(weights)} weights but {len(given)} biases; give one bias per layer"
            )
        layers: list[Layer] = []
        for position, (weight, bias) in enumerate(zip(weights, given, strict=True)):
            try:
                layers.append(Linear(weight, bias))
            except InvalidNetworkError as error:
                raise InvalidNetworkError(f"layer {position + 1}: {error}") from None
            if position + 1 < len(weights):
                layers.append(Activation(activation))
        return cls(layers)

    @property
    def input_size(self) -> int:
        """Number of inputs."""
        return prod(self.input_shape)

    @property
    def output_size(self) -> int:
        """Number of outputs."""
        return prod(self.output_shape)

    @property
    def activations(self) -> tuple[Elementwise, ...]:
        """The bound activations in the order of evaluation, those inside branches included."""
        return tuple(elementwise(self.steps))

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Return the output at a point, or at each point of a batch.

        Parameters
        ----------
        x : array
            A point in `input_shape` or flat, or a batch of those along a first axis.

        Returns
        -------
        array of `output_shape`, with a first axis for a batch.
        """
        points, single = self._points(x)
        for step in self.steps:
            points = step(points)
        shape = self.output_shape if single else (len(points), *self.output_shape)
        return points.reshape(shape)

    def jacobian(self, x: ArrayLike) -> FloatArray:
        """Return the Jacobian; the derivative of an activation at a kink is one of its selections.

        Parameters
        ----------
        x : array, as for calling the network

        Returns
        -------
        array, shape (outputs, inputs), or (k, outputs, inputs) for a batch; flat indices.
        """
        points, single = self._points(x)
        size = self.output_size
        start = np.broadcast_to(np.eye(size), (len(points), size, size))
        cotangents = pullback(self.steps, points, start)
        return cotangents[0] if single else np.asarray(cotangents)

    def pre_activations(self, x: ArrayLike) -> list[FloatArray]:
        """Return the inputs of the activations, flat, one array per activation layer."""
        points, single = self._points(x)
        found: list[FloatArray] = []
        pre_activations(self.steps, points, found)
        return [values[0] for values in found] if single else found

    def affine_pairs(self) -> list[tuple[FloatArray, FloatArray]]:
        """Return (W, b) of each layer of a network that alternates affine maps and activations.

        Convolutions become matrices. Networks that would need rounding or values that bypass an
        activation (most with batch normalisation, max pooling or residual blocks) have no such
        form; :func:`lipschitz_app.chain.chain` has one for them.

        Raises
        ------
        UnsupportedError
            The network is not of that form, or too large for matrices.
        """
        if self._pairs is None:
            self._pairs = self._find_pairs()
        return list(self._pairs)

    def _find_pairs(self) -> list[tuple[FloatArray, FloatArray]]:
        steps = [step for step in self.steps if not isinstance(step, Reshape)]
        dense = all(isinstance(step, DenseOperator) for step in steps[::2])
        if dense and len(steps) % 2 and all(isinstance(s, Elementwise) for s in steps[1::2]):
            return [(s.matrix, s.bias) for s in steps if isinstance(s, DenseOperator)]
        from lipschitz_app.chain import chain

        layers = chain(self)
        if any(layer.passes.any() for layer in layers[:-1]):
            raise UnsupportedError(
                f"{self!r} has max pooling or residual blocks; this method is offered for networks "
                "that alternate affine layers and activations"
            )
        if any(layer.weight_error.any() or layer.bias_error.any() for layer in layers):
            raise UnsupportedError(
                f"{self!r} has affine layers in a row, whose product doubles do not hold exactly; "
                "this method is offered for exact matrices between activations"
            )
        return [(layer.weight, layer.bias) for layer in layers]

    def save(self, path: str | PathLike[str], **extra: Any) -> None:
        """Write the network to an npz file that :func:`load_network` reads.

        Fully connected networks with one activation become arrays ``W1, b1, W2, …``; others become
        a description of their layers and numbered arrays.

        Parameters
        ----------
        path : path
        **extra : arrays
            Stored beside the network, for example inputs to try; ignored when it is loaded.

        Raises
        ------
        UnsupportedError
            A layer of a class of one's own.
        InvalidNetworkError
            A name in `extra` that the network itself needs.
        """
        arrays = self.to_arrays()
        taken = sorted(set(extra) & set(arrays))
        if taken:
            raise InvalidNetworkError(f"the names {taken} are taken by the network itself")
        np.savez_compressed(path, **arrays, **extra)  # type: ignore[arg-type]

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the named arrays that :meth:`save` writes; equal networks have equal ones.

        Raises
        ------
        UnsupportedError
            A layer of a class of one's own.

        Examples
        --------
        >>> sorted(Network.from_arrays([[[1.0], [-1.0]], [[1.0, 1.0]]]).to_arrays())
        ['W1', 'W2', 'activation', 'b1', 'b2', 'input_shape']
        """
        arrays: dict[str, np.ndarray] = {"input_shape": np.array(self.input_shape)}
        names = {step.encoding.name for step in self.activations}
        steps = [step for step in self.steps if not isinstance(step, Reshape)]
        kinds = [type(step) for step in steps]
        if (
            len(names) < 2
            and kinds[::2] == [DenseOperator] * (len(kinds) // 2 + 1)
            and (kinds[1::2] == [Elementwise] * (len(kinds) // 2))
        ):
            arrays["activation"] = np.array(names.pop() if names else "relu")
            for index, (weight, bias) in enumerate(self.affine_pairs(), start=1):
                arrays[f"W{index}"], arrays[f"b{index}"] = weight, bias
        else:
            parameters: dict[str, np.ndarray] = {}
            arrays["layers"] = np.array(json.dumps(describe(self.layers, parameters)))
            arrays |= parameters
        return arrays

    def __repr__(self) -> str:
        sizes = [self.input_shape]
        for step in self.steps:
            if not isinstance(step, (Elementwise, Reshape)):
                sizes.append(tuple(step.output_shape))
        chain = "-".join("x".join(str(side) for side in shape) for shape in sizes)
        names = sorted({step.encoding.name for step in self.activations})
        return f"Network({', '.join([chain, *names])})"

    def __iter__(self) -> Iterator[BoundLayer]:
        return iter(self.steps)

    def _points(self, x: ArrayLike) -> tuple[FloatArray, bool]:
        """Return points as (k, inputs), and whether a single one was given."""
        try:
            array = np.asarray(x, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InvalidPointError(f"a point must be an array of numbers: {error}") from None
        size = self.input_size
        for shape in (self.input_shape, (size,)):
            if array.shape == shape:
                return _finite(array.reshape(1, size)), True
            if array.shape[1:] == shape and array.ndim == len(shape) + 1:
                return _finite(array.reshape(len(array), size)), False
        raise InvalidPointError(
            f"a point of shape {array.shape} does not fit the network: expected "
            f"{self.input_shape} or flat ({size},), or a batch of those"
        )


def _finite(points: FloatArray) -> FloatArray:
    if not np.isfinite(points).all():
        raise InvalidPointError("a point has entries that are NaN or infinite")
    return points


def _shape(layers: Sequence[Layer], input_shape: Sequence[int] | None) -> Shape:
    if input_shape is None:
        first = layers[0]
        if not isinstance(first, Linear):
            raise InvalidNetworkError(
                f"input_shape is needed when the first layer is {first!r}; "
                "for example input_shape=(1, 28, 28)"
            )
        return (int(first.weight.shape[1]),)
    shape = tuple(input_shape)
    if not shape or any(not isinstance(s, (int, np.integer)) or s < 1 for s in shape):
        raise InvalidNetworkError(
            f"input_shape {input_shape!r} must hold positive integers, for example (1, 28, 28)"
        )
    return tuple(int(side) for side in shape)
