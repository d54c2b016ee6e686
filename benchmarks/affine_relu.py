"""Affine-ReLU analysis: bounds, time and memory beside the published figures.

Run ``python benchmarks/affine_relu.py [mnist cifar alexnet vgg16] [--samples 100000]``. The
trained networks are looked for where the tests look (``POLYOPT_SHARED_DATA``, else the folder
``../shared/data`` beside the repository). AlexNet and VGG-16 have their architectures with seeded
random weights, so only their times and memory compare. Published figures: Avant and Morgansen,
arXiv:2104.14672, on a GPU whose model is not stated; their bounds come from power iteration and
may be too low.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import lipschitz_app as la
from lipschitz_app.affine_relu import AnchoredBound, anchored_bound, certified_radius, global_bound
from lipschitz_app.affine_relu.architectures import IMAGE, alexnet, vgg16
from lipschitz_app.layers.base import Layer
from lipschitz_app.layers.convolution import Conv2d
from lipschitz_app.layers.pooling import MaxPool2d

PUBLISHED = {
    "mnist": ("global 103 821", "361.5 at .001", "0.072 s"),
    "cifar": ("global 18 247", "752.6 at .001", "0.44 s"),
    "alexnet": ("global 1.1547e9", "1.824e6 at .001", "16.5 s"),
    "vgg16": ("global 1.9117e15", "2.197e14 at .001", "3737 s"),
}
EXACT = {
    ("mnist", 0.001): 361.520281,
    ("mnist", 0.24234482758620688): 6469.678271,
    ("mnist", 0.4836896551724138): 19184.975253,
    ("mnist", 1.2077241379310346): 45932.484596,
    ("mnist", 7.0): 90854.102870,
    ("cifar", 0.001): 752.934327,
    ("cifar", 0.0699310344827586): 9643.879383,
    ("cifar", 0.3456551724137931): 14132.609726,
    ("cifar", 2.0): 17178.133611,
    ("mnist", np.inf): 103956.933703,
    ("cifar", np.inf): 18338.422873,
}


@dataclass(frozen=True)
class Case:
    """A network, its nominal input and the radii to bound."""

    name: str
    net: la.Network
    center: np.ndarray
    radii: tuple[float, ...]
    trained: bool


def data_folder() -> Path:
    """Return the folder of the published networks."""
    default = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    return Path(os.environ.get("POLYOPT_SHARED_DATA", default)) / "avant"


def trained(name: str) -> Case:
    """Read the trained MNIST or CIFAR-10 network."""
    folder = data_folder()
    weights = np.load(folder / ("mnist_weights.npz" if name == "mnist" else "cifar10_weights.npz"))
    layers: list[Layer] = []
    names = sorted({key.split(".")[0] for key in weights})
    for layer in [n for n in names if n.startswith("conv")]:
        layers += [Conv2d(weights[f"{layer}.weight"], weights[f"{layer}.bias"]), la.ReLU()]
        if name == "mnist" or layer in ("conv2", "conv4"):
            layers.append(MaxPool2d(2))
    layers.append(la.Flatten())
    for layer in [n for n in names if n.startswith("fc")]:
        layers += [la.Linear(weights[f"{layer}.weight"], weights[f"{layer}.bias"]), la.ReLU()]
    radii = tuple(r for key, r in EXACT if key == name and np.isfinite(r))
    if name == "mnist":
        image = np.load(folder / "mnist_inputs.npz")["digit8"] / 255.0
        center = ((image - 0.1307) / 0.3081)[None]
    else:
        image = np.load(folder / "cifar10_input.npz")["dog4"] / 255.0
        mean, deviation = np.array([0.4914, 0.4822, 0.4465]), np.array([0.2470, 0.2435, 0.2616])
        center = ((image - mean) / deviation).transpose(2, 0, 1)
    return Case(name, la.Network(layers[:-1], input_shape=center.shape), center, radii, True)


def case(name: str) -> Case:
    """Return a case by name."""
    if name in ("mnist", "cifar"):
        return trained(name)
    rng = np.random.default_rng(0)
    net = alexnet(rng) if name == "alexnet" else vgg16(rng)
    return Case(name, net, rng.standard_normal(IMAGE), (0.001,), False)


def largest_ratio(item: Case, radius: float, count: int, rng: np.random.Generator) -> float:
    """Return the largest anchored ratio of `count` random points, half aimed by the Jacobian."""
    flat = item.center.reshape(-1)
    directions = np.linalg.svd(item.net.jacobian(flat), full_matrices=False)[2]
    base, worst = item.net(flat).reshape(-1), 0.0
    for _ in range(-(-count // 500)):
        delta = rng.standard_normal((500, flat.size)) / flat.size**0.5
        delta[:250] = 0.3 * delta[:250] + directions[rng.integers(0, len(directions), 250)]
        delta *= radius * rng.random((500, 1)) / np.linalg.norm(delta, axis=1, keepdims=True)
        change = np.linalg.norm(item.net(flat + delta).reshape(500, -1) - base, axis=1)
        worst = max(worst, float((change / np.linalg.norm(delta, axis=1)).max()))
    return worst


def report(name: str, radius: float, bound: float, seconds: float, cpu: float) -> None:
    """Print one row."""
    exact = EXACT.get((name, radius))
    excess = f"{bound / exact - 1:+9.1e}" if exact else "        ?"
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{name:8s} {radius:10.5g} {bound:16.8g} {excess} {seconds:9.2f} {cpu:9.2f} {memory:6.2f}",
        flush=True,
    )


def run(item: Case, samples: int, work: float, details: bool) -> None:
    """Print the rows of one network."""
    rng = np.random.default_rng(1)
    print("published:", ", ".join(PUBLISHED[item.name]))
    for radius in item.radii:
        start, cpu = time.perf_counter(), time.process_time()
        found: AnchoredBound = anchored_bound(item.net, item.center, radius, work=work)
        elapsed = time.perf_counter() - start, time.process_time() - cpu
        report(item.name, radius, found.bound, *elapsed)
        if details:
            print(found)
        if samples and item.trained:
            ratio = largest_ratio(item, radius, samples, rng)
            print(
                f"  largest of {samples} sampled ratios {ratio:.6g}, below: {ratio <= found.bound}"
            )
    if not item.trained:
        return
    start, cpu = time.perf_counter(), time.process_time()
    whole = global_bound(item.net, work=work)
    report(item.name, np.inf, whole.bound, time.perf_counter() - start, time.process_time() - cpu)
    start = time.perf_counter()
    safe = certified_radius(item.net, item.center, work=work)
    print(
        f"  certified radius {safe.radius:.7g} (margins), {safe.logit_rule_radius:.7g} (sqrt 2 "
        f"rule), {time.perf_counter() - start:.1f} s"
    )


def main() -> None:
    """Run the networks named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["mnist", "cifar"])
    parser.add_argument("--samples", type=int, default=0, help="sampled ratios per bound")
    parser.add_argument("--work", type=float, default=4e11, help="operations per layer's proof")
    parser.add_argument("--details", action="store_true", help="print the layers")
    arguments = parser.parse_args()
    print("network      radius  anchored bound  excess   wall s     CPU s    GiB")
    for name in arguments.names:
        run(case(name), arguments.samples, arguments.work, arguments.details)


if __name__ == "__main__":
    main()
