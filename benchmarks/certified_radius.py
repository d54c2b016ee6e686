"""Points inside certified radii: class changes, least margins, ratios beside the bound.

Run ``python benchmarks/certified_radius.py [mnist cifar] [--points 100000] [--json FILE]``. For
each input of the trained MNIST and CIFAR-10 networks of Avant and Morgansen (found as in
``affine_relu.py``) the certified radius is proven, and points of that ball are tried: half of them
on the sphere, half inside; half in random directions, half near those along which a logit rises
most against the class, by the Jacobian. Their anchored ratios are compared with the bound proven on
the same ball. torch's convolutions are used where torch is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from affine_relu import data_folder, trained

import lipschitz_app as la
from lipschitz_app.affine_relu import certified_radius
from lipschitz_app.affine_relu.stages import Stage, as_stages
from lipschitz_app.operators import ConvolutionOperator

BATCH = 500


@dataclass(frozen=True)
class Row:
    """What the points of one ball showed."""

    network: str
    input: str
    label: int
    radius: float
    bound: float
    points: int
    class_changes: int
    gap: float
    least_margin: float
    largest_ratio: float
    seconds: float


def inputs(network: str) -> dict[str, np.ndarray]:
    """Return the normalised inputs of a network by name."""
    file = "mnist_inputs.npz" if network == "mnist" else "cifar10_input.npz"
    with np.load(data_folder() / file) as data:
        images = {key: data[key] / 255.0 for key in data.files if data[key].ndim >= 2}
    if network == "mnist":
        return {key: ((image - 0.1307) / 0.3081)[None] for key, image in images.items()}
    mean, deviation = np.array([0.4914, 0.4822, 0.4465]), np.array([0.2470, 0.2435, 0.2616])
    return {k: ((image - mean) / deviation).transpose(2, 0, 1) for k, image in images.items()}


def fast_stages(net: la.Network) -> tuple[Stage, ...]:
    """Return the stages with torch's convolutions where torch is installed."""
    stages = as_stages(net)
    if importlib.util.find_spec("torch") is not None:
        for stage in stages:
            if isinstance(stage.operator, ConvolutionOperator):
                stage.operator.backend = "torch"
    return stages


def evaluate(stages: tuple[Stage, ...], points: np.ndarray) -> np.ndarray:
    """Return the logits of a batch of flat points."""
    for stage in stages:
        points = stage.operator(points)
        points = np.maximum(points, 0.0) if stage.relu else points
    return points


def directions(net: la.Network, center: np.ndarray, label: int) -> np.ndarray:
    """Return unit directions along which other logits rise most against the class."""
    jacobian = net.jacobian(center)
    rise = np.delete(jacobian - jacobian[label], label, axis=0)
    return np.asarray(rise / np.linalg.norm(rise, axis=1, keepdims=True))


def try_points(network: str, name: str, net: la.Network, image: np.ndarray, points: int) -> Row:
    """Certify one input and try points of its ball."""
    start = time.perf_counter()
    proven = certified_radius(net, image)
    center = image.reshape(-1)
    stages, rng = fast_stages(net), np.random.default_rng(0)
    base = evaluate(stages, center[None])[0]
    aims = directions(net, center, proven.label)
    changes, margin, ratio = 0, np.inf, 0.0
    for _ in range(-(-points // BATCH)):
        delta = rng.standard_normal((BATCH, center.size)) / np.sqrt(center.size)
        aimed = BATCH // 2
        strength = rng.random((aimed, 1)) * 3
        delta[:aimed] += strength * aims[rng.integers(0, len(aims), aimed)]
        # The proof is for the open ball; rounding must not leave it either.
        length = np.full((BATCH, 1), proven.radius * (1 - 1e-9))
        length[::2] *= rng.random((BATCH // 2, 1)) ** (1 / 4)
        delta *= length / np.linalg.norm(delta, axis=1, keepdims=True)
        logits = evaluate(stages, center + delta)
        others = np.delete(logits, proven.label, axis=1).max(axis=1)
        left = logits[:, proven.label] - others
        changes += int((left <= 0).sum())
        margin = min(margin, float(left.min()))
        rise = np.linalg.norm(logits - base, axis=1) / np.linalg.norm(delta, axis=1)
        ratio = max(ratio, float(rise.max()))
    tried = -(-points // BATCH) * BATCH
    return Row(
        *(network, name, proven.label, proven.radius, proven.bound, tried, changes),
        *(proven.gap, margin, ratio, time.perf_counter() - start),
    )


def main() -> None:
    """Try all inputs and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=["mnist", "cifar"], help="mnist, cifar")
    parser.add_argument("--points", type=int, default=100_000, help="points per input")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    arguments = parser.parse_args()
    if not (data_folder() / "mnist_weights.npz").is_file():
        sys.exit(
            f"SKIPPED: trained networks not found at {data_folder()}; set POLYOPT_SHARED_DATA to "
            "the folder that holds avant/"
        )
    print("| input | radius | bound there | points | class changes | gap | least margin | ratio |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    rows = []
    for network in arguments.networks:
        net = trained(network).net
        for name, image in inputs(network).items():
            row = try_points(network, name, net, image, arguments.points)
            rows.append(row)
            print(
                f"| {network} {name} | {row.radius:.6g} | {row.bound:.6g} | {row.points} | "
                f"{row.class_changes} | {row.gap:.4f} | {row.least_margin:.4f} | "
                f"{row.largest_ratio:.4f} |",
                flush=True,
            )
    if arguments.json:
        text = json.dumps({"certified_radius": [asdict(row) for row in rows]}, indent=1)
        arguments.json.write_text(text, encoding="utf-8")
    if any(row.class_changes or row.largest_ratio > row.bound for row in rows):
        sys.exit("a proven bound was contradicted")


if __name__ == "__main__":
    main()
