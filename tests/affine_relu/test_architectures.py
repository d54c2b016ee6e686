"""AlexNet and VGG-16 from torchvision's state dictionaries, against torch's own forward pass."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lipschitz_app.affine_relu import load_architecture
from lipschitz_app.affine_relu.architectures import (
    ALEXNET,
    ARCHITECTURES,
    VGG16,
    VGG16_BN,
    Architecture,
    Convolution,
    build,
)
from lipschitz_app.errors import InvalidNetworkError, InvalidOptionError, NetworkFileError


def narrow(architecture: Architecture) -> Architecture:
    """Return the same layers with a sixteenth of the channels."""
    features = tuple(
        replace(f, inputs=f.inputs if f.inputs == 3 else f.inputs // 16, outputs=f.outputs // 16)
        if isinstance(f, Convolution)
        else f
        for f in architecture.features
    )
    return replace(architecture, features=features, hidden=32)


def torch_model(architecture: Architecture, classes: int) -> Any:
    """Return the model as torchvision builds it, written out layer by layer."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    nn = torch.nn
    features: list[Any] = []
    for f in architecture.features:
        if not isinstance(f, Convolution):
            features.append(nn.MaxPool2d(f.kernel, f.stride))
            continue
        features.append(nn.Conv2d(f.inputs, f.outputs, f.kernel, f.stride, f.padding))
        if architecture.batch_norm:
            features.append(nn.BatchNorm2d(f.outputs))
        features.append(nn.ReLU(inplace=True))
    h = architecture.hidden
    linears = [nn.Linear(architecture.flat, h), nn.Linear(h, h), nn.Linear(h, classes)]
    if architecture.name == "alexnet":
        order = [nn.Dropout(), linears[0], nn.ReLU(), nn.Dropout(), linears[1], nn.ReLU()]
    else:
        order = [linears[0], nn.ReLU(), nn.Dropout(), linears[1], nn.ReLU(), nn.Dropout()]
    model = nn.Module()
    model.features = nn.Sequential(*features)
    model.avgpool = nn.AdaptiveAvgPool2d((architecture.grid, architecture.grid))
    model.classifier = nn.Sequential(*order, linears[2])
    model.forward = lambda x: model.classifier(torch.flatten(model.avgpool(model.features(x)), 1))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if "running_var" in name:
                value.copy_(0.5 + torch.rand(value.shape, generator=generator))
            elif value.is_floating_point():
                fan_in = max(1, value[0].numel())
                value.copy_(torch.randn(value.shape, generator=generator) * (2 / fan_in) ** 0.5)
    return model.eval()


@pytest.mark.parametrize("architecture", [VGG16, VGG16_BN, ALEXNET], ids=lambda a: a.name)
def test_narrow_networks_agree_with_torch(architecture: Architecture, tmp_path: Path) -> None:
    small = narrow(architecture)
    model = torch_model(small, 7)
    torch = pytest.importorskip("torch")
    state = {key: value.numpy() for key, value in model.state_dict().items()}
    net = build(small, state)
    image = np.random.default_rng(0).standard_normal(net.input_shape).astype(np.float32)
    with torch.no_grad():
        wanted = model.double().forward(torch.from_numpy(image[None]).double()).numpy()[0]
    np.testing.assert_allclose(net(image), wanted, rtol=1e-10, atol=1e-12)


def test_a_file_of_the_full_alexnet_agrees_with_torch(tmp_path: Path) -> None:
    """The one test at full size: 61 million weights through a file."""
    model = torch_model(ALEXNET, 1000)
    torch = pytest.importorskip("torch")
    path = tmp_path / "alexnet.pth"
    torch.save(model.state_dict(), path)
    net = load_architecture("alexnet", path)
    path.unlink()
    image = np.random.default_rng(1).standard_normal(net.input_shape).astype(np.float32)
    with torch.no_grad():
        wanted = model.forward(torch.from_numpy(image[None])).numpy()[0]
    found = net(image)
    assert np.abs(found - wanted).max() < 1e-5 * np.abs(wanted).max()


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> tuple[Architecture, dict[str, np.ndarray]]:
    """A narrow VGG-16 under a name of its own, and arrays for it."""
    small = replace(narrow(VGG16), name="tiny")
    monkeypatch.setitem(ARCHITECTURES, "tiny", small)
    rng = np.random.default_rng(0)
    return small, {key: rng.standard_normal(shape) for key, shape in small.shapes(5).items()}


def test_npz_with_the_same_names(tiny: Any, tmp_path: Path) -> None:
    _, state = tiny
    np.savez(tmp_path / "net.npz", **state)
    net = load_architecture("tiny", tmp_path / "net.npz")
    assert net.output_shape == (5,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("features.5.bias"), "features.5.bias of shape .8,., which is missing"),
        (
            lambda s: s.update({"features.7.weight": np.zeros((8, 8, 5, 5))}),
            "features.7.weight has",
        ),
        (lambda s: s.update({"classifier.6.bias": np.zeros(4)}), "classifier.6.bias has shape"),
        (lambda s: s.update({"head.weight": np.zeros(4)}), "head.weight is no array of tiny"),
        (lambda s: s.clear(), "starts with nothing"),
        (lambda s: s["features.0.bias"].fill(np.nan), "NaN"),
    ],
)
def test_the_first_wrong_array_is_named(
    tiny: Any, tmp_path: Path, change: Any, message: str
) -> None:
    _, state = tiny
    change(state)
    np.savez(tmp_path / "net.npz", **state)
    with pytest.raises(NetworkFileError, match=message):
        load_architecture("tiny", tmp_path / "net.npz")


def test_images_that_do_not_reach_the_classifier(tiny: Any) -> None:
    small, state = tiny
    with pytest.raises(InvalidNetworkError, match=r"features of \(2, 2\).*takes \(7, 7\)"):
        build(small, state, (3, 64, 64))


def test_files_that_are_no_state_dictionary(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    path = tmp_path / "x.pth"
    with pytest.raises(NetworkFileError, match="no such file"):
        load_architecture("vgg16", path)
    path.write_bytes(b"not a zip file")
    with pytest.raises(NetworkFileError, match="not a state dictionary"):
        load_architecture("vgg16", path)
    torch.save([1, 2], path)
    with pytest.raises(NetworkFileError, match="holds a list"):
        load_architecture("vgg16", path)
    torch.save({"epoch": 3, "state_dict": {}}, path)
    with pytest.raises(NetworkFileError, match="epoch is no tensor"):
        load_architecture("vgg16", path)
    # A pickle that would run code is refused.
    torch.save({"model": torch.nn.Linear(2, 2)}, path)
    with pytest.raises(NetworkFileError, match="not a state dictionary"):
        load_architecture("vgg16", path)
    with pytest.raises(InvalidOptionError, match="alexnet, vgg16, vgg16_bn"):
        load_architecture("resnet", path)


def test_shapes_are_those_of_torchvision() -> None:
    """Entries as published with torchvision's weights."""
    bn = VGG16_BN.shapes()
    assert bn["features.41.running_var"] == (512,)
    assert "features.40.weight" in bn
    assert VGG16.shapes()["features.28.weight"] == (512, 512, 3, 3)
    assert VGG16.shapes()["classifier.0.weight"] == (4096, 25088)
    assert ALEXNET.shapes()["features.10.bias"] == (256,)
    assert ALEXNET.shapes()["classifier.1.weight"] == (4096, 9216)
    counts = [sum(int(np.prod(s)) for s in a.shapes().values()) for a in (ALEXNET, VGG16)]
    assert counts == [61_100_840, 138_357_544]
