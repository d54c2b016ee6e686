"""PyTorch modules and files against torch itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lipschitz_app as la
from lipschitz_app.readers import from_torch

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn
fn = torch.nn.functional


def agree(module: Any, net: la.Network, shape: tuple[int, ...], tolerance: float = 1e-9) -> None:
    """Values and Jacobians at random points, in double precision."""
    module = module.double().eval()
    for seed in range(3):
        point = 2 * np.random.default_rng(seed).standard_normal(shape)
        batch = torch.tensor(point[None])
        value = module(batch).detach().numpy().reshape(-1)
        slopes = torch.autograd.functional.jacobian(module, batch).numpy()
        assert np.abs(net(point).reshape(-1) - value).max() < tolerance
        assert np.abs(net.jacobian(point) - slopes.reshape(value.size, -1)).max() < tolerance


class Block(nn.Module):  # type: ignore[misc, name-defined]
    """A residual block, with a projection where the stride is two."""

    def __init__(self, inner: int, outer: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inner, outer, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(outer)
        self.second = nn.Conv2d(outer, outer, 3, 1, 1)
        self.short = nn.Conv2d(inner, outer, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x: Any) -> Any:
        return torch.relu(self.second(fn.relu(self.norm(self.first(x)))) + self.short(x))


class Residual(nn.Module):  # type: ignore[misc, name-defined]
    """Normalised input, residual blocks, functional calls and a view."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.1, -0.2]).reshape(1, 2, 1, 1))
        self.one, self.two = Block(2, 2, 1), Block(2, 4, 2)
        self.last = nn.Linear(16, 3)

    def forward(self, x: Any) -> Any:
        x = 1.0 - (x - self.mean) / 0.3
        x = fn.max_pool2d(self.two(self.one(x)), 2)
        return self.last(x.view(x.size(0), -1)) * 2


def trained_statistics(module: Any) -> Any:
    """Give batch normalisations statistics that are not zero and one."""
    torch.manual_seed(1)
    for part in module.modules():
        if isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d)):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2.0)
            nn.init.normal_(part.weight)
            nn.init.normal_(part.bias)
    return module.eval()


CASES = {
    "linear": (lambda: nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), (3,)),
    "one layer": (lambda: nn.Linear(3, 2), (3,)),
    "no bias": (lambda: nn.Sequential(nn.Linear(3, 2, bias=False), nn.BatchNorm1d(2)), (3,)),
    "nested": (
        lambda: nn.Sequential(
            nn.Sequential(nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2), nn.BatchNorm2d(4)),
            nn.ReLU(),
            nn.AvgPool2d(2, 1),
            nn.Dropout(0.3),
            nn.Identity(),
            nn.Flatten(),
            nn.Linear(16, 3),
        ),
        (2, 6, 6),
    ),
    "pools": (
        lambda: nn.Sequential(
            nn.Conv2d(2, 3, 3, dilation=2, padding="same"),
            nn.MaxPool2d(3, 2, 1),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        ),
        (2, 6, 6),
    ),
    "residual": (Residual, (2, 8, 8)),
}


@pytest.mark.parametrize("name", CASES)
def test_modules(name: str) -> None:
    make, shape = CASES[name]
    torch.manual_seed(0)
    module = trained_statistics(make())
    agree(module, from_torch(module, shape), shape)


ACTIVATIONS = [
    nn.ReLU(),
    nn.LeakyReLU(),
    nn.LeakyReLU(0.2),
    nn.PReLU(),
    nn.Tanh(),
    nn.Sigmoid(),
    nn.ELU(),
    nn.ELU(0.5),
    nn.Softplus(),
    nn.SiLU(),
    nn.GELU(),
    nn.Hardtanh(),
    nn.ReLU6(),
    nn.Hardsigmoid(),
    nn.Hardtanh(0.0, 6.0),
]


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=repr)
def test_activations(activation: Any) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 5), activation, nn.Linear(5, 2))
    agree(module, from_torch(module), (3,), 1e-7)


def test_a_product_with_a_sigmoid_is_silu() -> None:
    class Swish(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(2, 3)

        def forward(self, x: Any) -> Any:
            y = self.inner(x)
            return y * torch.sigmoid(y)

    module = Swish()
    net = from_torch(module)
    assert repr(net) == "Network(2-3, silu)"
    agree(module, net, (2,))


def test_weights_are_copied_exactly() -> None:
    torch.manual_seed(0)
    module = nn.Linear(3, 2)
    layer = from_torch(module).layers[0]
    assert isinstance(layer, la.Linear)
    assert layer.weight.astype(np.float32).tolist() == module.weight.tolist()
    with torch.no_grad():
        module.weight.zero_()
    assert layer.weight.any()


class Branching(nn.Module):  # type: ignore[misc, name-defined]
    def forward(self, x: Any) -> Any:
        return x if x.sum() > 0 else -x


class Product(nn.Module):  # type: ignore[misc, name-defined]
    def forward(self, x: Any) -> Any:
        return x * torch.relu(x)


UNSUPPORTED = [
    (lambda: nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Softmax(1))), r"'1\.0' \(Softmax\)"),
    (lambda: nn.Sequential(nn.Linear(2, 2), nn.Softplus(2.0)), "softplus"),
    (lambda: nn.Sequential(nn.Linear(2, 2), nn.GELU("tanh")), "approximate='tanh'"),
    (lambda: nn.Sequential(nn.Linear(2, 2), nn.PReLU(2).requires_grad_(False)), None),
    (lambda: nn.Sequential(nn.Linear(2, 2), nn.Unflatten(1, (2, 1))), "Unflatten"),
]


@pytest.mark.parametrize(("make", "message"), UNSUPPORTED)
def test_unsupported_modules_are_named(make: Any, message: str | None) -> None:
    module = make()
    if message is None:
        module[1].weight.copy_(torch.tensor([0.1, 0.2]))
        message = "2 different slopes"
    with pytest.raises(la.UnsupportedError, match=message):
        from_torch(module)


def test_what_cannot_be_read_says_why() -> None:
    with pytest.raises(la.UnsupportedError, match="cannot trace the module Branching"):
        from_torch(Branching(), (2,))
    with pytest.raises(la.UnsupportedError, match=r"operation 2.*product or quotient"):
        from_torch(Product(), (2,))
    with pytest.raises(la.InvalidNetworkError, match="input_shape is needed"):
        from_torch(nn.Conv2d(1, 1, 3))
    with pytest.raises(la.InvalidOptionError, match=r"module\.eval\(\)"):
        from_torch(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).train())
    with pytest.raises(la.InvalidOptionError, match="give a torch"):
        from_torch({"weight": 1})
    with pytest.raises(la.UnsupportedError, match="ceil_mode"):
        from_torch(nn.MaxPool2d(2, ceil_mode=True), (1, 5, 5))
    with pytest.raises(la.UnsupportedError, match="padding that is not counted"):
        from_torch(nn.AvgPool2d(2, padding=1, count_include_pad=False), (1, 4, 4))
    with pytest.raises(la.UnsupportedError, match="padding_mode"):
        from_torch(nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular"), (1, 4, 4))


class TestStateDictionaries:
    def test_fully_connected(self, tmp_path: Path) -> None:
        module = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
        path = tmp_path / "net.pt"
        torch.save(module.state_dict(), path)
        agree(module, la.load_network(path, activation="tanh"), (3,))
        with pytest.raises(la.NetworkFileError, match="give activation="):
            la.load_network(path)

    def test_with_a_module(self, tmp_path: Path) -> None:
        torch.manual_seed(0)
        module = trained_statistics(Residual())
        path = tmp_path / "net.pth"
        torch.save({"state_dict": module.state_dict(), "epoch": torch.tensor(3)}, path)
        torch.manual_seed(5)
        other = Residual()
        before = other.last.weight.clone()
        net = la.load_network(path, layers=other, input_shape=(2, 8, 8))
        assert torch.equal(other.last.weight, before)
        agree(module, net, (2, 8, 8))
        with pytest.raises(la.NetworkFileError, match="give layers=module"):
            la.load_network(path)
        with pytest.raises(la.NetworkFileError, match="do not fit the module"):
            la.load_network(path, layers=nn.Linear(2, 2))

    def test_pickles_are_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "net.pt"
        torch.save(nn.Linear(2, 2), path)
        with pytest.raises(la.NetworkFileError, match="can run code"):
            la.load_network(path)

    def test_programs_and_other_files_are_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "net.pt"
        path.write_bytes(b"nothing")
        with pytest.raises(la.NetworkFileError, match="not a PyTorch file"):
            la.load_network(path)
        torch.save({"a": torch.zeros(1).expand(10**9)[:1].as_strided((10**6,), (0,))}, path)
        with pytest.raises(la.NetworkFileError, match="declares 1000000 entries"):
            la.load_network(path)


class TestExportedPrograms:
    @pytest.mark.parametrize("name", [name for name in CASES if name != "no bias"])
    def test_round_trip(self, name: str, tmp_path: Path) -> None:
        make, shape = CASES[name]
        torch.manual_seed(0)
        module = trained_statistics(make())
        program = torch.export.export(module, (torch.zeros(1, *shape),))
        path = tmp_path / "net.pt2"
        torch.export.save(program, path)
        agree(module, la.load_network(path), shape, 1e-7)

    def test_open_batch(self, tmp_path: Path) -> None:
        torch.manual_seed(0)
        module = trained_statistics(Residual())
        batch = torch.export.Dim("batch")
        program = torch.export.export(
            module, (torch.zeros(4, 2, 8, 8),), dynamic_shapes=({0: batch},)
        )
        path = tmp_path / "net.pt2"
        torch.export.save(program, path)
        agree(module, la.load_network(path), (2, 8, 8), 1e-7)

    def test_unsupported_operations_are_named(self, tmp_path: Path) -> None:
        module = nn.Sequential(nn.Linear(2, 2), nn.Softmax(1))
        path = tmp_path / "net.pt2"
        torch.export.save(torch.export.export(module, (torch.zeros(1, 2),)), path)
        with pytest.raises(la.UnsupportedError, match=r"node 1, torch\.ops\.aten\.softmax"):
            la.load_network(path)
