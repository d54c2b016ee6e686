r"""Certified classification: no input near a point has another class, by bounds of margins.

With the margins ``m_j = z_c - z_j`` of class c over the others and proven bounds ``L_j`` of their
Lipschitz constants on the ball of radius r (in the region, which is convex), every input within
``min(r, min_j m_j / L_j)`` of the centre has the class c (Hein and Andriushchenko 2017, theorem
2.1). Margins at the centre are rounded down.

References
----------
M. Hein, M. Andriushchenko, Formal guarantees on the robustness of a classifier against adversarial
manipulation, NeurIPS 2017, arXiv:1705.08475.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lipschitz_app import norms
from lipschitz_app.errors import (
    InvalidOptionError,
    InvalidRegionError,
    NoBoundError,
    UnsupportedError,
)
from lipschitz_app.fingerprint import fingerprint
from lipschitz_app.interrupts import watched_interrupts
from lipschitz_app.layers.activation import ReLU
from lipschitz_app.layers.linear import Linear
from lipschitz_app.lipschitz import METHODS, lipschitz_constant
from lipschitz_app.network import Network
from lipschitz_app.parallel import check_jobs, run_tasks
from lipschitz_app.ranges.interval import interval_ranges
from lipschitz_app.regions import Ball, Box, Region
from lipschitz_app.rounding import FloatArray, Norm, down
from lipschitz_app.store import open_store


@dataclass(frozen=True, slots=True)
class Certification:
    """What is proven about the class of inputs near a point.

    Attributes
    ----------
    label : int
        The class at the centre.
    radius : float
        Every input nearer than this has that class, proven; 0 where nothing is.
    tested : float
        The radius whose ball the bounds are about; `radius` is at most this.
    certified : bool
        Whether the whole ball that was asked for is certified.
    margins : array, shape (outputs,)
        Proven lower bounds of the margins at the centre, infinite for the class itself.
    bounds : array, shape (outputs,)
        Proven Lipschitz bounds of the margins on the ball, 0 for the class itself; infinite where
        none was needed.
    methods : tuple of str
        The method behind each bound.
    norm : str
    seconds : float
    """

    label: int
    radius: float
    tested: float
    certified: bool
    margins: FloatArray
    bounds: FloatArray
    methods: tuple[str, ...]
    norm: str
    seconds: float

    def __str__(self) -> str:
        word = "certified" if self.certified else "not certified"
        return (
            f"class {self.label}: {word} within {self.tested:g}, proven within {self.radius:.6g} "
            f"(norm {self.norm}), {self.seconds:.2f} s"
        )


def certify(
    net: Network,
    center: ArrayLike,
    radius: float | None = None,
    *,
    norm: object = "inf",
    method: str = "auto",
    domain: Box | None = None,
    steps: int = 8,
    time_limit: float | None = None,
    **options: Any,
) -> Certification:
    """Certify that inputs near a point have its class, by Lipschitz bounds of the margins.

    Parameters
    ----------
    net : Network
        Its outputs are logits, at least two.
    center : array, in the input's shape or flat
    radius : float, optional
        Radius of the ball to certify, in the norm; when left out, a large one is searched for.
    norm : 2 or "inf"
        Norm of the input space.
    method : str
        Method of :func:`lipschitz_constant`, for the margins that intervals do not certify.
    domain : Box, optional
        Inputs that can occur, for example pixels in [0, 1]; the others are left out. The centre has
        to be one of them.
    steps : int
        Number of radii that are tried where none is given.
    time_limit : float, optional
        Seconds for each bound.
    **options
        Passed to :func:`lipschitz_constant`.

    Returns
    -------
    Certification

    Raises
    ------
    InvalidOptionError, InvalidPointError, InvalidRegionError, UnsupportedError

    Examples
    --------
    >>> import lipschitz_app as la
    >>> net = la.Network.from_arrays([[[1.0], [-1.0]], [[1.0, 0.0], [0.0, 1.0]]])
    >>> found = la.certify(net, [0.5], 0.4)
    >>> found.label, found.certified, round(found.radius, 3)
    (0, True, 0.4)
    >>> round(la.certify(net, [0.5]).radius, 2)
    0.5
    """
    begin = time.perf_counter()
    name = norms.as_norm(norm)
    if name == "1":
        raise UnsupportedError(
            'certify() is offered for the norms 2 and "inf"; balls in the norm '
            "1 are no region yet, use norm=2, whose balls contain them"
        )
    if method not in METHODS:
        raise InvalidOptionError(
            f"method {method!r} is not known; methods are {', '.join(METHODS)}"
        )
    if radius is not None and not (radius > 0 and math.isfinite(radius)):
        raise InvalidOptionError(f"radius is {radius}; give a positive number")
    if steps < 1:
        raise InvalidOptionError(f"steps is {steps}; give at least 1")
    label, margins = class_margins(net, center)
    point = np.asarray(center, dtype=np.float64).reshape(-1)
    limits = {"time_limit": time_limit, "lower": False, **options}

    def at(tested: float) -> Certification:
        region = _region(point, tested, name, domain)
        bounds, methods = _bounds(net, region, name, label, margins, tested, method, limits)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.where(bounds > 0, margins / bounds, math.inf)
        ratios[label] = math.inf
        proven = float(np.maximum(0.0, down(down(ratios))).min())
        return Certification(
            label,
            min(tested, proven),
            tested,
            proven > tested,
            margins,
            bounds,
            methods,
            name,
            time.perf_counter() - begin,
        )

    if radius is not None:
        _region(point, radius, name, domain)  # says so where the domain leaves nothing
    if domain is not None and not ((point >= domain.lower) & (point <= domain.upper)).all():
        # The bounds hold on segments inside the domain, and none from this centre is.
        raise InvalidRegionError(
            f"the centre is outside the domain ({domain!r}), where nothing can be certified from "
            "it; give a centre inside, or leave domain out"
        )
    if margins.min() <= 0:
        nothing = np.full(margins.size, math.inf)
        tested = radius or 0.0
        return Certification(
            label,
            0.0,
            tested,
            False,
            margins,
            nothing,
            ("",) * margins.size,
            name,
            time.perf_counter() - begin,
        )
    return at(radius) if radius is not None else _search(at, steps)


def _search(at: Callable[[float], Certification], steps: int) -> Certification:
    """Return the certification with the largest radius among some that are tried.

    With the bounds on the ball of radius r, everything within ``g(r) = min m_j / L_j(r)`` is
    certified as far as r reaches; g is about nonincreasing, and the best r is where the two meet.
    """
    best: Certification | None = None
    low, high, tested = 0.0, math.inf, 1.0
    for _ in range(steps):
        found = at(tested)
        if best is None or found.radius > best.radius:
            best = found
        if found.certified:
            low = tested
            tested = 2 * tested if math.isinf(high) else 0.5 * (low + high)
        else:
            high = tested
            # The ball that these bounds certify is a start; half way is another.
            tested = max(found.radius * 1.0001, 0.5 * (low + high) if low else found.radius)
            if tested <= low:
                tested = 0.5 * (low + high)
        if tested <= 0 or high - low <= 1e-4 * high:
            break
    assert best is not None
    return best


def class_margins(net: Network, center: ArrayLike) -> tuple[int, FloatArray]:
    """Return the class at a point and proven lower bounds of its margins over the others.

    Raises
    ------
    UnsupportedError
        The network has fewer than two outputs.

    Examples
    --------
    >>> net = Network.from_arrays([[[1.0], [-1.0]]])
    >>> label, margins = class_margins(net, [3.0])
    >>> label, margins.round(6).tolist()
    (0, [inf, 6.0])
    """
    size = net.output_size
    if size < 2:
        raise UnsupportedError(f"the network has {size} output; classes need at least two logits")
    point = np.asarray(center, dtype=np.float64)
    label = int(np.argmax(net(point)))
    differences = -np.eye(size)
    differences[:, label] += 1.0
    judge = Network([*net.layers, *_flat(net), Linear(differences), ReLU()], net.input_shape)
    margins = interval_ranges(judge, Box(point.reshape(-1), 0.0))[-1].lower.copy()
    margins[label] = math.inf
    return label, margins


def _flat(net: Network) -> list[Any]:
    from lipschitz_app.layers.linear import Flatten

    return [Flatten()] if len(net.output_shape) > 1 else []


def _region(point: FloatArray, radius: float, norm: Norm, domain: Box | None) -> Region:
    region: Region = Box(point, radius) if norm == "inf" else Ball(point, radius)
    return region if domain is None else region.intersect(domain)


def _bounds(
    net: Network,
    region: Region,
    norm: Norm,
    label: int,
    margins: FloatArray,
    radius: float,
    method: str,
    options: dict[str, Any],
) -> tuple[FloatArray, tuple[str, ...]]:
    """Return a Lipschitz bound of each margin, by intervals where that is enough."""
    bounds, methods = np.zeros(margins.size), [""] * margins.size
    for other in range(margins.size):
        if other == label:
            continue
        bounds[other] = math.inf
        for tried in dict.fromkeys(("interval", method)):
            try:
                found = lipschitz_constant(
                    net, region, norm, (label, other), method=tried, **options
                )
            except NoBoundError:
                continue
            if found.upper_kind == "proven" and found.upper < bounds[other]:
                bounds[other], methods[other] = found.upper, found.method
            if bounds[other] * radius < margins[other]:
                break
    return bounds, tuple(methods)


@dataclass(frozen=True, slots=True)
class CertifiedAccuracy:
    """How many inputs are classified rightly, and how many of them certified.

    Attributes
    ----------
    radius : float
    norm : str
    correct, certified : tuples of bool
        One per input: the class is the label; and no input within the radius has another, proven.
    radii : tuple of float
        Proven radius of each input's class.
    """

    radius: float
    norm: str
    correct: tuple[bool, ...]
    certified: tuple[bool, ...]
    radii: tuple[float, ...]

    @property
    def accuracy(self) -> float:
        """Share of inputs that are classified rightly."""
        return float(np.mean(self.correct))

    @property
    def certified_accuracy(self) -> float:
        """Share of inputs that are classified rightly with everything within the radius."""
        return float(np.mean(np.logical_and(self.correct, self.certified)))

    def __str__(self) -> str:
        return (
            f"{len(self.correct)} inputs: accuracy {self.accuracy:.1%}, certified within "
            f"{self.radius:g} (norm {self.norm}) {self.certified_accuracy:.1%}"
        )


def certified_accuracy(
    net: Network,
    inputs: Sequence[ArrayLike] | FloatArray,
    labels: Sequence[int] | np.ndarray,
    radius: float,
    *,
    norm: object = "inf",
    method: str = "auto",
    domain: Box | None = None,
    n_jobs: int = 1,
    store: str | PathLike[str] | None = None,
    progress: Callable[[str], None] | None = None,
    **options: Any,
) -> CertifiedAccuracy:
    """Count the inputs whose class is right and certified within a radius.

    Parameters
    ----------
    net : Network
    inputs : sequence of arrays, shape (k, ...)
    labels : sequence of int, shape (k,)
    radius : float
    norm, method, domain, **options
        As for :func:`certify`.
    n_jobs, store, progress
        As for :func:`sweep`: parallel through joblib, streamed to a file and resumed from it.

    Raises
    ------
    InvalidOptionError
        The numbers of inputs and labels differ, or an option is none.

    Examples
    --------
    >>> import lipschitz_app as la
    >>> net = la.Network.from_arrays([[[1.0], [-1.0]], [[1.0, 0.0], [0.0, 1.0]]])
    >>> print(la.certified_accuracy(net, [[0.5], [-0.2], [0.3]], [0, 1, 1], 0.3))
    3 inputs: accuracy 66.7%, certified within 0.3 (norm inf) 33.3%
    """
    points = [np.asarray(x, dtype=np.float64) for x in inputs]
    truth = [int(label) for label in labels]
    if len(points) != len(truth) or not points:
        raise InvalidOptionError(
            f"{len(points)} inputs and {len(truth)} labels; give one label per input, at least one"
        )
    check_jobs(n_jobs)
    if not radius > 0:
        raise InvalidOptionError(f"radius is {radius}; give a positive number")
    name = norms.as_norm(norm)
    settings = {"norm": name, "method": method, "domain": domain, **options}
    network = fingerprint((net.layers, net.input_shape))
    keys = [fingerprint(("certify", network, point, float(radius), settings)) for point in points]
    say = progress or (lambda text: None)
    with open_store(store) as results:
        waiting = [i for i, key in enumerate(keys) if key not in results.records]
        say(f"{len(points)} inputs, {len(points) - len(waiting)} of them known already")
        arguments = [(net, points[i], radius, settings) for i in waiting]
        with watched_interrupts() as interrupts:
            for done, (number, record) in enumerate(run_tasks(_one, arguments, n_jobs), start=1):
                # What methods came to as they were interrupted is not their last word.
                interrupts.check()
                index = waiting[number]
                results.add(keys[index], record)
                say(f"{done}/{len(waiting)} input {index}: proven within {record['radius']:.4g}")
        records = [results.records[key] for key in keys]
    return CertifiedAccuracy(
        radius,
        name,
        tuple(record["label"] == label for record, label in zip(records, truth, strict=True)),
        tuple(bool(record["certified"]) for record in records),
        tuple(float(record["radius"]) for record in records),
    )


def _one(
    net: Network, point: FloatArray, radius: float, settings: dict[str, Any]
) -> dict[str, Any]:
    """Return the record of one input; runs in a worker."""
    found = certify(net, point, radius, **settings)
    return {"label": found.label, "radius": found.radius, "certified": found.certified}
