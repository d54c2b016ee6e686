"""Networks as the analysis sees them: affine stages with or without ReLU, and max pools."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from lipschitz_app.errors import InvalidNetworkError, UnsupportedError
from lipschitz_app.operators import AffineOperator, DiagonalOperator, MaxPooling

if TYPE_CHECKING:
    from lipschitz_app.network import Network


@dataclass(frozen=True, slots=True)
class Stage:
    """An operator, followed by ReLU or not; max pools are followed by none."""

    operator: AffineOperator | MaxPooling
    relu: bool = False


StageLike: TypeAlias = Stage | tuple[AffineOperator | MaxPooling, bool]


def as_stages(network: Network | Iterable[StageLike]) -> tuple[Stage, ...]:
    """Return the stages of a network, or of a sequence of (operator, relu) pairs, checked.

    Batch normalisation is folded into the affine map before it.

    Raises
    ------
    InvalidNetworkError
        No stages, or sizes that do not fit.
    UnsupportedError
        Activations other than ReLU, or layers that are neither affine nor max pooling.
    """
    from lipschitz_app.network import Network

    stages = _from_network(network) if isinstance(network, Network) else _from_pairs(network)
    if not stages:
        raise InvalidNetworkError("the network has no layers")
    for before, after in itertools.pairwise(stages):
        if before.operator.output_size != after.operator.input_size:
            raise InvalidNetworkError(
                f"{before.operator!r} gives {before.operator.output_size} numbers, "
                f"{after.operator!r} takes {after.operator.input_size}"
            )
    if any(isinstance(s.operator, MaxPooling) and s.relu for s in stages):
        raise InvalidNetworkError("a max pool with ReLU: put the ReLU before it, or as a stage")
    return _folded(stages)


def _from_pairs(pairs: object) -> list[Stage]:
    if isinstance(pairs, (str, bytes, Mapping)) or not isinstance(pairs, Iterable):
        raise InvalidNetworkError(
            f"the network is a {type(pairs).__name__}; give a Network, or a sequence of "
            "(operator, relu) pairs"
        )
    stages: list[Stage] = []
    for number, pair in enumerate(pairs):
        if not isinstance(pair, Stage):
            parts = pair if isinstance(pair, (tuple, list)) else ()
            if len(parts) != 2:
                raise InvalidNetworkError(
                    f"stage {number} of the network is a {type(pair).__name__}; give (operator, "
                    "relu) pairs, or lipschitz_app.Network(layers) for layers"
                )
            pair = Stage(*parts)
        if not isinstance(pair.operator, (AffineOperator, MaxPooling)) or not isinstance(
            pair.relu, (bool, np.bool_)
        ):
            kinds = f"({type(pair.operator).__name__}, {type(pair.relu).__name__})"
            raise InvalidNetworkError(
                f"stage {number} of the network is a pair {kinds}; give an operator, such as "
                "lipschitz_app.operators.DenseOperator(A, b), and whether ReLU follows"
            )
        stages.append(pair)
    return stages


def _from_network(network: Network) -> list[Stage]:
    from lipschitz_app.layers.activation import Elementwise
    from lipschitz_app.layers.linear import Reshape

    stages: list[Stage] = []
    for step in network.steps:
        if isinstance(step, (AffineOperator, MaxPooling)):
            stages.append(Stage(step))
        elif isinstance(step, Reshape):
            continue
        elif isinstance(step, Elementwise):
            if step.encoding.name != "relu":
                raise UnsupportedError(
                    f'the affine-ReLU analysis got the activation "{step.encoding.name}"; '
                    "it holds for ReLU only, use lipschitz_constant"
                )
            last = stages[-1] if stages else None
            if last is not None and isinstance(last.operator, AffineOperator) and not last.relu:
                stages[-1] = Stage(last.operator, True)
            else:
                size = int(np.prod(step.input_shape))
                identity = DiagonalOperator(np.ones(size), None, step.input_shape)
                stages.append(Stage(identity, True))
        else:
            raise UnsupportedError(
                f"the affine-ReLU analysis does not know the layer {step!r}; it knows affine "
                "layers, ReLU and max pooling"
            )
    return stages


def _folded(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """Fold diagonal maps into the affine map before them, where that keeps its class."""
    result: list[Stage] = []
    for stage in stages:
        last = result[-1] if result else None
        operator = stage.operator
        if (
            isinstance(operator, DiagonalOperator)
            and last is not None
            and isinstance(last.operator, AffineOperator)
            and not last.relu
        ):
            # The scale's own error is relative; it acts on the bias of the map before as well.
            folded = last.operator.then_diagonal(
                operator.scale, operator.bias, operator.entry_roundings, operator.bias_error
            )
            if folded is not None:
                result[-1] = Stage(folded, stage.relu)
                continue
        result.append(stage)
    return tuple(result)
