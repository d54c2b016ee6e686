"""Random small networks with all norms, activations and regions, and what is true of them.

A campaign draws networks and asks methods for upper bounds, those first that have had the fewest
networks with the activation and the norm at hand. The truth comes from elsewhere: gradients at
sampled points, and for piecewise linear activations the enumeration of all patterns of pieces at
any depth, by one linear program for each candidate.

Run a larger one with ``python -m tests.lipschitz.soundness COUNT [FIRST]``.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise, product

import numpy as np
from scipy.optimize import linprog

import lipschitz_app as la
from lipschitz_app.lipschitz import METHODS
from lipschitz_app.regions import BallInBox, Region
from lipschitz_app.rounding import FloatArray

NORMS = ("1", "2", "inf")
ACTIVATIONS = ("relu", *(name for name in la.activation_names() if name != "relu"))
PIECES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "relu": ((0.0,), (0.0, 1.0)),
    "leaky_relu": ((0.0,), (0.01, 1.0)),
    "prelu": ((0.0,), (0.25, 1.0)),
    "abs": ((0.0,), (-1.0, 1.0)),
    "hardtanh": ((-1.0, 1.0), (0.0, 1.0, 0.0)),
    "relu6": ((0.0, 6.0), (0.0, 1.0, 0.0)),
    "hardsigmoid": ((-3.0, 3.0), (0.0, 1 / 6, 0.0)),
}
"""Breakpoints and slopes, written down once more."""
TOLERANCE = 1e-6
"""Relative, of linear programs and of gradients in floating point."""
MOST_PATTERNS = 1000
SLOW = ("sublevel-4", "sublevel-6", "sublevel-8", "krivine-5")
EVERYWHERE = ("auto", "product", "interval", "shor", "hr2", "mccormick")
SCARCE = ("krivine", "lipsdp", "lasserre")
LIMITED = ("shor", "hr2", "mccormick", "branch", "auto")
QUICK = tuple(method for method in METHODS if method not in SLOW)


@dataclass(frozen=True, slots=True)
class Case:
    """A network and a question."""

    seed: int
    net: la.Network
    region: Region
    norm: str
    output: object
    activation: str
    ranges: str

    def __str__(self) -> str:
        return (
            f"seed {self.seed}: {self.net!r} on {self.region!r}, norm {self.norm}, "
            f"output {self.output}, ranges {self.ranges}"
        )

    @property
    def depth(self) -> int:
        """Number of hidden layers."""
        return len(self.net.activations)


@dataclass(slots=True)
class Record:
    """Everything that a campaign found."""

    bounds: Counter[tuple[str, str]] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    spent: Counter[str] = field(default_factory=Counter)
    without: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    cases: int = 0
    exact: int = 0


def draw(seed: int) -> Case:
    """Return a case; every third one is relu, and odd things happen to some weights."""
    rng = np.random.default_rng(seed)
    others = ACTIVATIONS[1:]
    activation = others[(2 * seed + seed % 3) // 3 % len(others)] if seed % 3 else "relu"
    depth = int(rng.choice([1, 2, 3], p=[0.6, 0.25, 0.15]))
    most = 4 if depth < 3 else 3
    sizes = [int(rng.integers(2, 4)), *rng.integers(2, most + 1, depth), int(rng.integers(1, 3))]
    scale = float(rng.choice([0.3, 1.0, 3.0], p=[0.1, 0.7, 0.2]))
    weights, biases = [], []
    for columns, rows in pairwise(sizes):
        weights.append(scale * rng.standard_normal((rows, columns)) / np.sqrt(columns))
        biases.append(0.3 * scale * rng.standard_normal(rows))
    center = 0.5 * rng.standard_normal(sizes[0])
    match int(rng.integers(12)):
        case 0:
            weights[0][1], biases[0][1] = weights[0][0], biases[0][0]  # one neuron twice
        case 1:
            weights[0][0] = 0.0  # a constant neuron
        case 2:
            biases[0] -= weights[0] @ center + biases[0]  # all kinks at the centre
        case 3:
            weights[-1][:, 0] = 0.0  # a neuron that nothing depends on
        case 4:
            weights = [np.round(2 * matrix) / 2 for matrix in weights]  # ties and zeros
    net = la.Network.from_arrays(weights, biases, activation)
    output: object = 0
    if sizes[-1] == 2:
        output = [0, (0, 1), None][int(rng.integers(3))]
    return Case(
        seed,
        net,
        _region(rng, center),
        NORMS[int(rng.integers(3))],
        output,
        activation,
        ["auto", "interval", "crown", "lp"][int(rng.integers(4))],
    )


def _region(rng: np.random.Generator, center: FloatArray) -> Region:
    radius = float(rng.choice([0.05, 0.3, 1.0, 5.0]))
    cut = la.Box(lower=center - 0.7 * radius, upper=center + rng.uniform(0.1, 2.0) * radius)
    match int(rng.integers(6)):
        case 0:
            return la.Box(center, radius * rng.uniform(0.2, 1.0, center.size))
        case 1:
            return la.Ball(center, radius)
        case 2:
            return la.Everywhere()
        case 3:
            return la.Ball(center, radius).intersect(cut)
        case 4:
            return la.Box(center, radius).intersect(cut)
        case _:
            return la.Box(center, radius)


def gradient_norms(case: Case, jacobians: FloatArray) -> FloatArray:
    """Return the norms of maps, shape (k, outputs, inputs), from the input to the output norm."""
    if case.output is not None:
        row = jacobians[:, 0]
        if isinstance(case.output, tuple):
            row = jacobians[:, 0] - jacobians[:, 1]
        return _dual(row, case.norm)
    if case.norm == "2":
        return np.asarray(np.linalg.norm(jacobians, 2, axis=(1, 2)))
    if case.norm == "1":
        return np.asarray(np.abs(jacobians).sum(axis=1).max(axis=1))
    return np.asarray(np.abs(jacobians).sum(axis=2).max(axis=1))


def _dual(rows: FloatArray, norm: str) -> FloatArray:
    order = {"1": np.inf, "2": 2, "inf": 1}[norm]
    return np.asarray(np.linalg.norm(rows, order, axis=1))


def inside(region: Region, points: FloatArray) -> FloatArray:
    """Return the points that are well in the region."""
    if isinstance(region, la.Everywhere):
        return points
    keep = (points >= region.lower).all(axis=1) & (points <= region.upper).all(axis=1)
    if isinstance(region, la.Ball):
        keep &= np.linalg.norm(points - region.center, axis=1) <= region.radius * (1 - 1e-12)
    return np.asarray(points[keep])


def sampled(case: Case) -> float:
    """Return the largest norm of a gradient at random points, moved about the best."""
    rng = np.random.default_rng(case.seed)
    region, size = case.region, case.net.input_size
    if isinstance(region, la.Everywhere):
        start = rng.standard_normal((400, size)) * 10.0 ** rng.uniform(-1, 3, (400, 1))
        width = np.full(size, 1.0)
    else:
        start = rng.uniform(region.lower, region.upper, (400, size))
        anchor = region.anchor if isinstance(region, BallInBox) else region.center
        width = region.upper - region.lower
        start = np.vstack([start, anchor + 1e-3 * width * rng.standard_normal((20, size))])
    points, best = inside(region, start), 0.0
    for step in range(6):
        if not len(points):
            break
        values = gradient_norms(case, case.net.jacobian(points))
        best = max(best, float(values.max()))
        chosen = points[np.argsort(-values)[:5]]
        noise = rng.standard_normal((5, 20, size)) * width * 0.3 ** (step + 1)
        points = inside(region, (chosen[:, None] + noise).reshape(-1, size))
    return best


def enumerated(case: Case) -> float | None:
    """Return the constant by enumeration of all patterns of pieces; None where not offered."""
    boxed = isinstance(case.region, (la.Box, la.Everywhere))
    if case.activation not in PIECES or not boxed:
        return None
    breakpoints, slopes = PIECES[case.activation]
    *hidden, (last, _) = case.net.affine_pairs()
    neurons = sum(len(bias) for _, bias in hidden)
    if len(slopes) ** neurons > MOST_PATTERNS:
        return None
    patterns = np.array(list(product(range(len(slopes)), repeat=neurons)))
    cuts = np.cumsum([len(bias) for _, bias in hidden])[:-1]
    jacobians = np.array(
        [
            last @ _gradient(hidden, np.split(np.array(slopes)[pattern], cuts))
            for pattern in patterns
        ]
    )
    values = gradient_norms(case, jacobians)
    for index in np.argsort(-values):
        if _occurs(case, hidden, np.split(patterns[index], cuts), breakpoints, slopes):
            return float(values[index])
    return 0.0


def _gradient(hidden: list[tuple[FloatArray, FloatArray]], u: list[FloatArray]) -> FloatArray:
    gradient = np.eye(hidden[0][0].shape[1])
    for (matrix, _), slope in zip(hidden, u, strict=True):
        gradient = slope[:, None] * (matrix @ gradient)
    return gradient


def _occurs(
    case: Case,
    hidden: list[tuple[FloatArray, FloatArray]],
    pattern: list[np.ndarray],
    breakpoints: tuple[float, ...],
    slopes: tuple[float, ...],
) -> bool:
    """Whether a pattern holds on a ball of some size, by a linear program."""
    encoding = case.net.activations[0].encoding
    ends = np.array([-np.inf, *breakpoints, np.inf])
    through = np.array([breakpoints[0], *breakpoints])
    heights = encoding.value(through)
    gradient, offset = np.eye(case.net.input_size), np.zeros(case.net.input_size)
    rows, sides = [], []
    for (matrix, bias), pieces in zip(hidden, pattern, strict=True):
        gradient, offset = matrix @ gradient, matrix @ offset + bias
        length = np.abs(gradient).sum(axis=1, keepdims=True)
        for sign, end in ((1.0, ends[pieces + 1]), (-1.0, -ends[pieces])):
            used = np.isfinite(end)
            rows.append(np.hstack([sign * gradient, np.maximum(length, 1e-3)])[used])
            sides.append((end - sign * offset)[used])
        slope = np.array(slopes)[pieces]
        gradient = slope[:, None] * gradient
        offset = slope * (offset - through[pieces]) + heights[pieces]
    limits: list[tuple[float | None, float | None]] = [(None, None)] * case.net.input_size
    if isinstance(case.region, la.Box):
        limits = list(zip(case.region.lower.tolist(), case.region.upper.tolist(), strict=True))
    found = linprog(
        np.append(np.zeros(case.net.input_size), -1.0),
        np.vstack(rows),
        np.concatenate(sides),
        bounds=[*limits, (None, 1.0)],
    )
    return bool(found.status == 0 and found.x[-1] > 1e-7)


def ask(case: Case, record: Record, method: str, floor: float) -> bool:
    """Ask one method and note what is wrong with its answer; return whether there was one."""
    limit = 0.2 if case.depth > 1 and method in LIMITED else None
    begin = time.process_time()
    try:
        result = la.lipschitz_constant(
            case.net,
            case.region,
            case.norm,
            case.output,  # type: ignore[arg-type]
            method=method,
            ranges=case.ranges,
            lower=False,
            time_limit=limit,
        )
    except la.UnsupportedError as error:
        record.refused[method] += 1
        if len(str(error)) < 20:
            record.wrong.append(f"{case}, {method}: refused with {error!s}")
        return False
    except la.NoBoundError as error:
        record.without.append(f"{case}, {method}: {error}")
        return False
    except Exception as error:
        record.wrong.append(f"{case}, {method}: {type(error).__name__}: {error}")
        return False
    finally:
        record.spent[method] += int(1e6 * (time.process_time() - begin))
    record.kinds[result.upper_kind] += 1
    record.bounds[method, case.activation] += 1
    record.bounds[method, case.norm] += 1
    slack = 1e-12 if result.upper_kind == "proven" else TOLERANCE
    if not floor <= result.upper * (1 + slack) + slack:
        record.wrong.append(f"{case}, {method}: {result.upper!r} is below {floor!r}")
    return True


def methods_for(case: Case, record: Record, methods: tuple[str, ...]) -> Iterator[str]:
    """Yield methods, those with the fewest bounds for the activation and the norm first."""

    def seen(method: str) -> tuple[int, int, int]:
        # Those that few cases fit come first; where they do not, a refusal costs nothing.
        rank = 0 if method in SCARCE else 1 if method in EVERYWHERE else 2
        return record.bounds[method, case.activation], rank, record.bounds[method, case.norm]

    for method in sorted(methods, key=seen):
        # Order 2 for all outputs takes seconds each.
        if case.output is not None or not method.startswith(("sublevel", "lasserre")):
            yield method


def campaign(count: int, first: int = 0, each: int = 3, methods: tuple[str, ...] = QUICK) -> Record:
    """Ask methods about `count` networks until each has `each` bounds."""
    record = Record()
    for seed in range(first, first + count):
        case = draw(seed)
        floor, exact = sampled(case), enumerated(case)
        record.cases += 1
        if exact is not None:
            record.exact += 1
            if floor > exact * (1 + TOLERANCE):
                record.wrong.append(f"{case}: sampled {floor!r}, enumerated {exact!r}")
            floor = max(floor, exact * (1 - TOLERANCE))
        found = 0
        for method in methods_for(case, record, methods):
            found += ask(case, record, method, floor)
            if found == each:
                break
    return record


def main(count: int, first: int = 0) -> None:
    """Print what a campaign found."""
    begin = time.process_time()
    warnings.simplefilter("error")
    record = campaign(count, first)
    print(
        f"{record.cases} networks, {record.exact} enumerated, bounds {dict(record.kinds)}, "
        f"{sum(record.refused.values())} refusals, {time.process_time() - begin:.0f} s"
    )
    for method in METHODS:
        names = {pair[1]: number for pair, number in record.bounds.items() if pair[0] == method}
        print(f"{method:>13} {record.spent[method] / 1e6:7.2f} s  {names}")
    for line in [*record.without, *record.wrong]:
        print(line)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:3]))
