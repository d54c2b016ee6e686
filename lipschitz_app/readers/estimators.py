"""Networks of scikit-learn, and lists of Keras weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lipschitz_app.errors import InvalidNetworkError, InvalidOptionError
from lipschitz_app.layers import Layer, Linear
from lipschitz_app.network import Network
from lipschitz_app.readers.named_activations import activation_layer

_SKLEARN = {"relu": "relu", "tanh": "tanh", "logistic": "sigmoid", "identity": ""}


def from_sklearn(mlp: Any) -> Network:
    """Read a fitted multi-layer perceptron of scikit-learn.

    Parameters
    ----------
    mlp : sklearn.neural_network.MLPRegressor or MLPClassifier
        Fitted. Of a classifier the network gives the values before the last function: the logits
        whose softmax (or, for two classes, logistic function) ``predict_proba`` returns; likewise
        of a regressor with Poisson loss those before the exponential.

    Returns
    -------
    Network

    Raises
    ------
    InvalidOptionError
        Something else, or not fitted.
    UnsupportedError
        An activation that is not offered.

    Examples
    --------
    >>> import numpy as np
    >>> sklearn = __import__("pytest").importorskip("sklearn.neural_network")
    >>> x = np.linspace(-1, 1, 20)[:, None]
    >>> mlp = sklearn.MLPRegressor(hidden_layer_sizes=(3,), solver="lbfgs", random_state=0)
    >>> net = from_sklearn(mlp.fit(x, abs(x[:, 0])))
    >>> net, bool(np.allclose(net(x)[:, 0], mlp.predict(x)))
    (Network(1-3-1, relu), True)
    """
    missing = [name for name in ("coefs_", "intercepts_", "activation") if not hasattr(mlp, name)]
    if missing:
        raise InvalidOptionError(
            f"from_sklearn got {type(mlp).__name__} without {', '.join(missing)}; give a fitted "
            "MLPRegressor or MLPClassifier"
        )
    if mlp.activation not in _SKLEARN:
        raise InvalidOptionError(f"the activation {mlp.activation!r} is none of scikit-learn's")
    kernels = [np.asarray(kernel).T for kernel in mlp.coefs_]
    return _alternating(kernels, list(mlp.intercepts_), _SKLEARN[mlp.activation])


def from_keras_weights(weights: Sequence[ArrayLike], activation: str = "relu") -> Network:
    """Read a fully connected network from the arrays of Keras's ``model.get_weights()``.

    Parameters
    ----------
    weights : sequence of arrays
        Kernels (inputs, outputs) and biases (outputs,) in turn; biases may be left out.
    activation : str
        Name of the activation between the layers; the last layer is linear (for a classifier that
        ends in softmax these are the logits).

    Returns
    -------
    Network

    Raises
    ------
    InvalidNetworkError
        Arrays that are no kernels and biases of dense layers.

    Examples
    --------
    >>> import numpy as np
    >>> from_keras_weights([np.ones((2, 3)), np.zeros(3), np.ones((3, 1)), np.zeros(1)], "relu")
    Network(2-3-1, relu)
    """
    kernels: list[np.ndarray] = []
    biases: list[np.ndarray | None] = []
    for position, values in enumerate(weights):
        array = np.asarray(values)
        if array.ndim == 2:
            kernels.append(array.T)
            biases.append(None)
        elif array.ndim == 1 and kernels and biases[-1] is None:
            biases[-1] = array
        else:
            raise InvalidNetworkError(
                f"array {position} of shape {array.shape} is neither a kernel (inputs, outputs) "
                "nor the bias of the one before; only dense layers are read, others through ONNX"
            )
    if not kernels:
        raise InvalidNetworkError("no arrays: give model.get_weights()")
    return _alternating(kernels, biases, activation)


def _alternating(
    weights: Sequence[np.ndarray], biases: Sequence[np.ndarray | None], activation: str
) -> Network:
    layers: list[Layer] = []
    for position, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        if position and activation:
            layers.append(activation_layer(activation))
        layers.append(Linear(weight, bias))
    return Network(layers)
