"""Files of numpy arrays: any network there and back, and files that are not to be trusted."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

import lipschitz_app as la
from lipschitz_app.layers import Scale, Unflatten
from lipschitz_app.readers import from_keras_weights, from_sklearn

from .test_chain import networks


@given(networks())
@settings(max_examples=25)
def test_any_network_round_trips(case: tuple[la.Network, np.random.Generator]) -> None:
    net, rng = case
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "net.npz"
        net.save(file, note=np.arange(3))
        again = la.load_network(file)
    x = rng.standard_normal(net.input_size)
    assert again(x).tolist() == net(x).tolist()
    assert again.jacobian(x).tolist() == net.jacobian(x).tolist()
    assert repr(again) == repr(net)


def test_names_of_layers_survive(tmp_path: Path) -> None:
    net = la.Network(
        [
            la.Activation("leaky_relu(0.3)"),
            la.Linear(np.eye(3)),
            la.Activation("tanh"),
            Scale(3.0, [1.0, 2.0, 3.0], divide=True),
            Unflatten((1, 1, 3)),
        ],
        (3,),
    )
    net.save(tmp_path / "net.npz")
    again = la.load_network(tmp_path / "net.npz")
    assert list(map(repr, again.layers)) == [
        "Activation('leaky_relu(0.3)')",
        "Linear(3 -> 3)",
        "Activation('tanh')",
        "Scale((), (3,), divide=True)",
        "Unflatten(shape=(1, 1, 3))",
    ]


class Own:
    """A layer of one's own."""

    def bind(self, input_shape: tuple[int, ...]) -> object:
        return la.Flatten().bind(input_shape)


def test_layers_of_ones_own_cannot_be_saved(tmp_path: Path) -> None:
    net = la.Network([Own(), la.ReLU()], (2,))  # type: ignore[list-item]
    with pytest.raises(la.UnsupportedError, match="cannot be saved"):
        net.save(tmp_path / "net.npz")


DESCRIPTIONS = [
    ("{", "malformed"),
    ("3", "no list"),
    ("[3]", "layer 0 is malformed"),
    ('[{"kind": "system"}]', "layer 0 is malformed"),
    ('[{"kind": "linear", "arrays": {"weight": "none"}}]', "layer 0 is malformed"),
    ('[{"kind": "flatten", "order": "F"}]', "layer 0 is malformed"),
    ('[{"kind": "activation", "name": "none"}]', "not known"),
    ('[{"kind": "max_pool2d", "kernel_size": "a"}]', "kernel"),
    ("[" * 100_000, "malformed"),
]


@pytest.mark.parametrize(("text", "message"), DESCRIPTIONS, ids=range(len(DESCRIPTIONS)))
def test_malformed_descriptions(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "net.npz"
    np.savez(file, layers=np.array(text), input_shape=np.array([1, 4, 4]))
    with pytest.raises(la.NetworkFileError, match=message):
        la.load_network(file)


def test_options_that_a_format_has_no_use_for(tmp_path: Path) -> None:
    file = tmp_path / "net.npz"
    np.savez(file, W1=np.eye(2), W2=np.eye(2))
    assert repr(la.load_network(file, activation="tanh")) == "Network(2-2-2, tanh)"
    with pytest.raises(la.InvalidOptionError, match="leave input_shape= out"):
        la.load_network(file, input_shape=(2,))
    la.example_network().save(file)
    with pytest.raises(la.NetworkFileError, match="names its activation"):
        la.load_network(file, activation="relu")


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def test_declared_shapes_must_fit_the_file(tmp_path: Path) -> None:
    data = _npy(np.zeros((2, 2)))
    header = data[:10]
    body = data[10:].replace(b"(2, 2), }           ", b"(9999999, 99999), } ")
    assert len(header + body) == len(data)
    file = tmp_path / "net.npz"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("W1.npy", header + body)
    with pytest.raises(la.NetworkFileError, match="declares shape"):
        la.load_network(file)


def test_archives_that_unpack_to_far_more_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "net.npz"
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("W1.npy", "w") as member,
    ):
        for _ in range(300):
            member.write(bytes(2**20))
    with pytest.raises(la.NetworkFileError, match="bytes that unpack to"):
        la.load_network(file)


def test_objects_are_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "net.npz"
    np.savez(file, W1=np.array([{"run": "me"}], dtype=object))
    with pytest.raises(la.NetworkFileError, match="could run code"):
        la.load_network(file)
    (tmp_path / "one.npz").write_bytes(_npy(np.eye(2)))
    with pytest.raises(la.NetworkFileError, match="single array"):
        la.load_network(tmp_path / "one.npz")


def test_descriptions_are_text(tmp_path: Path) -> None:
    """What is written can be read by anything that reads npz files and JSON."""
    net = la.Network([la.Conv2d(np.ones((1, 1, 2, 2)), stride=2), la.ReLU()], (1, 4, 4))
    net.save(tmp_path / "net.npz")
    with np.load(tmp_path / "net.npz") as arrays:
        first, second = json.loads(str(arrays["layers"]))
        assert arrays[first["arrays"]["weight"]].shape == (1, 1, 2, 2)
        assert (first["stride"], second["name"]) == ([2, 2], "relu")


class TestKeras:
    def test_kernels_are_transposed(self, rng: np.random.Generator) -> None:
        kernel, bias, last = rng.random((2, 3)), rng.random(3), rng.random((3, 1))
        net = from_keras_weights([kernel, bias, last], activation="tanh")
        x = rng.random(2)
        assert net(x) == pytest.approx(np.tanh(x @ kernel + bias) @ last)

    def test_other_layers_are_refused(self) -> None:
        with pytest.raises(la.InvalidNetworkError, match=r"array 0 of shape \(3, 3, 1, 2\)"):
            from_keras_weights([np.ones((3, 3, 1, 2))])
        with pytest.raises(la.InvalidNetworkError, match="no arrays"):
            from_keras_weights([])
        with pytest.raises(la.UnsupportedError, match="'softmax' is not offered"):
            from_keras_weights([np.eye(2), np.eye(2)], activation="softmax")


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
class TestScikitLearn:
    @pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
    def test_regressor(self, activation: str, rng: np.random.Generator) -> None:
        pytest.importorskip("sklearn", reason="scikit-learn is not installed")
        from sklearn.neural_network import MLPRegressor

        x = rng.standard_normal((40, 3))
        y = np.column_stack([np.sin(x[:, 0]), x[:, 1] * x[:, 2]])
        mlp = MLPRegressor(
            hidden_layer_sizes=(5, 4),
            activation=activation,
            solver="lbfgs",
            random_state=0,
            max_iter=50,
        ).fit(x, y)
        assert from_sklearn(mlp)(x) == pytest.approx(mlp.predict(x), abs=1e-9)

    @pytest.mark.parametrize("classes", [2, 3])
    def test_classifier_gives_logits(self, classes: int, rng: np.random.Generator) -> None:
        pytest.importorskip("sklearn", reason="scikit-learn is not installed")
        from sklearn.neural_network import MLPClassifier

        x = rng.standard_normal((60, 2))
        y = (np.abs(x).sum(axis=1) * 1.3).astype(int) % classes
        mlp = MLPClassifier(
            hidden_layer_sizes=(6,), solver="lbfgs", random_state=0, max_iter=50
        ).fit(x, y)
        logits = from_sklearn(mlp)(x)
        if classes == 2:
            probabilities = 1 / (1 + np.exp(-logits[:, 0]))
            assert probabilities == pytest.approx(mlp.predict_proba(x)[:, 1], abs=1e-9)
        else:
            powers = np.exp(logits - logits.max(axis=1, keepdims=True))
            softmax = powers / powers.sum(axis=1, keepdims=True)
            assert np.abs(softmax - mlp.predict_proba(x)).max() < 1e-9

    def test_others_are_refused(self) -> None:
        with pytest.raises(la.InvalidOptionError, match="fitted"):
            from_sklearn(object())
