"""Layers as plain data and numbered arrays, and back: how npz files hold any network.

A description is a list of dictionaries of text and numbers; arrays stand in it by their names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lipschitz_app.errors import InvalidNetworkError, LipschitzError, UnsupportedError
from lipschitz_app.layers.activation import Activation, ReLU
from lipschitz_app.layers.base import Layer
from lipschitz_app.layers.convolution import Conv2d
from lipschitz_app.layers.linear import Flatten, Linear
from lipschitz_app.layers.normalization import BatchNorm, Dropout
from lipschitz_app.layers.pooling import AvgPool2d, MaxPool2d
from lipschitz_app.layers.residual import Residual
from lipschitz_app.layers.scale import Scale, Unflatten

Arrays = dict[str, np.ndarray]
Entry = dict[str, Any]

_ATTRIBUTES: dict[str, tuple[type, tuple[str, ...], tuple[str, ...]]] = {
    "linear": (Linear, ("weight", "bias"), ()),
    "conv2d": (Conv2d, ("weight", "bias"), ("stride", "padding", "dilation", "groups")),
    "batch_norm": (BatchNorm, ("mean", "variance", "weight", "bias"), ("epsilon",)),
    "scale": (Scale, ("factor", "shift"), ("divide",)),
    "avg_pool2d": (AvgPool2d, (), ("kernel_size", "stride", "padding")),
    "max_pool2d": (MaxPool2d, (), ("kernel_size", "stride", "padding")),
    "unflatten": (Unflatten, (), ("shape",)),
    "dropout": (Dropout, (), ("p",)),
    "flatten": (Flatten, (), ()),
}
"""Classes by kind, with the names of their arrays and of their plain attributes."""


def describe(layers: Sequence[Layer], arrays: Arrays) -> list[Entry]:
    """Return the description of layers; their parameters are added to `arrays`.

    Raises
    ------
    UnsupportedError
        A layer of a class of one's own.

    Examples
    --------
    >>> arrays = {}
    >>> describe([Linear([[2.0]]), ReLU()], arrays)[0]
    {'kind': 'linear', 'arrays': {'weight': 'p0', 'bias': 'p1'}}
    >>> rebuild(describe([Linear([[2.0]]), ReLU()], arrays), arrays)
    [Linear(1 -> 1), ReLU()]
    """
    return [_describe(layer, arrays) for layer in layers]


def _describe(layer: Layer, arrays: Arrays) -> Entry:
    if isinstance(layer, Activation):
        return {"kind": "activation", "name": layer.name}
    if isinstance(layer, Residual):
        parts = {"layers": layer.layers, "shortcut": layer.shortcut}
        return {"kind": "residual"} | {k: describe(part, arrays) for k, part in parts.items()}
    for kind, (cls, parameters, attributes) in _ATTRIBUTES.items():
        if type(layer) is cls:
            entry: Entry = {"kind": kind}
            for name in parameters:
                key = f"p{len(arrays)}"
                arrays[key] = getattr(layer, name)
                entry.setdefault("arrays", {})[name] = key
            return entry | {name: getattr(layer, name) for name in attributes}
    raise UnsupportedError(f"{layer!r} is not a layer of the package and cannot be saved")


def rebuild(description: object, arrays: Mapping[str, np.ndarray]) -> list[Layer]:
    """Return the layers of a description.

    Raises
    ------
    InvalidNetworkError
        It is malformed.
    """
    if not isinstance(description, list):
        raise InvalidNetworkError("the description of the layers is no list")
    return [_rebuild(position, entry, arrays) for position, entry in enumerate(description)]


def _rebuild(position: int, entry: object, arrays: Mapping[str, np.ndarray]) -> Layer:
    try:
        assert isinstance(entry, dict)
        given = {name: value for name, value in entry.items() if name not in ("kind", "arrays")}
        given = {name: _plain(value) for name, value in given.items()}
        kind = entry["kind"]
        if kind == "activation":
            return ReLU() if given == {"name": "relu"} else Activation(**given)
        if kind == "residual":
            return Residual(
                rebuild(entry["layers"], arrays), rebuild(entry.get("shortcut", []), arrays)
            )
        make: Callable[..., Layer] = _ATTRIBUTES[kind][0]
        named = {name: arrays[key] for name, key in entry.get("arrays", {}).items()}
        return make(**named, **given)
    except LipschitzError:
        raise
    except (
        AssertionError, AttributeError, KeyError, OverflowError, TypeError, ValueError,
    ) as error:  # fmt: skip
        raise InvalidNetworkError(
            f"the description of layer {position} is malformed: {error!r}"
        ) from None


def _plain(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
