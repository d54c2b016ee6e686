r"""Bounds for the whole output vector: :math:`\sup \|J\|_{p \to q}` over the region.

From methods for one number, with b(c) the bound for the combination c of outputs:

- q = inf: the largest b over the outputs; q = 1: the largest b over the vectors of signs, while
  there are few outputs. Both lose nothing;
- else :math:`\|(b(e_1), …, b(e_m))\|_q`, an upper bound.

Directly for the map: induced norms of the interval Jacobian and of the layers, LipSDP in the
Euclidean norm, enumeration, and order 2 with a direction on the side of the outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from lipschitz_app.cells import Arrangement
from lipschitz_app.errors import NoBoundError, UnsupportedError
from lipschitz_app.gradients import gradient_interval
from lipschitz_app.matrix_norms import MOST_SIGNS, induced, induced_of_absolute, is_exact, signs
from lipschitz_app.operators.base import AffineOperator
from lipschitz_app.operators.dense import DenseOperator
from lipschitz_app.operators.induced_norm import induced_norm_upper_bound
from lipschitz_app.outputs import OutputMap, OutputVector
from lipschitz_app.regions import Box, Everywhere
from lipschitz_app.rounding import FloatArray, norm_upper
from lipschitz_app.upper.auto import AUTO_BRANCH, AUTO_LIPSDP, auto_bound
from lipschitz_app.upper.base import Kind, UpperBound
from lipschitz_app.upper.certificate import Certificate
from lipschitz_app.upper.exact import best_cell
from lipschitz_app.upper.lipsdp import Variant, lipsdp_bound
from lipschitz_app.upper.methods import METHODS
from lipschitz_app.upper.product import product_map_bound
from lipschitz_app.upper.slope_form import network_layers, slope_form
from lipschitz_app.upper.task import Task
from lipschitz_app.upper.trilinear import trilinear_bound

AUTO_OUTPUTS = 20
"""Most outputs that "auto" combines the bounds of, one by one."""

AUTO_DEEP_NEURONS = 60
"""Most unstable neurons of several layers that "auto" does so for."""

_Bound: TypeAlias = Callable[[Task], UpperBound]
_TRUST: tuple[Kind, ...] = ("proven", "exact", "numerical")


def whole_bound(task: Task, target: OutputMap, method: str) -> tuple[str, UpperBound]:
    """Return the bound of a method for all outputs together, and the name of the method.

    Parameters
    ----------
    task : Task
        Its output plays no part.
    target : OutputMap
    method : str
        A name in :data:`lipschitz_app.upper.methods.METHODS`, or "auto".

    Raises
    ------
    UnsupportedError, NoBoundError
    """
    if method == "auto":
        return _auto(task, target)
    if method == "interval":
        return method, interval_map_bound(task, target)
    if method in ("lipsdp", "lipsdp-layer"):
        variant: Variant = "layer" if method == "lipsdp-layer" else "neuron"
        if task.norm == target.norm == "2":
            return method, lipsdp_map_bound(task, variant)
    if method == "exact" and target.norm not in ("1", "inf"):
        return method, exact_map_bound(task, target)
    if method == "product":
        return method, _product(task, target)
    if method == "lasserre" and target.norm == "2":
        return method, trilinear_bound(task, target)
    return method, _combined(task, target, method)


def jacobian_bound(task: Task, target: OutputMap) -> FloatArray:
    """Return proven bounds on the absolute entries of the Jacobian, shape (outputs, inputs)."""
    rows = []
    for vector in target.vectors():
        low, high = gradient_interval(task.net, task.ranges, vector)
        rows.append(np.maximum(np.abs(low), np.abs(high)))
    return np.array(rows)


def interval_map_bound(task: Task, target: OutputMap) -> UpperBound:
    """Return the induced norm of the bounds on the Jacobian's entries, proven."""
    operator = DenseOperator(jacobian_bound(task, target))
    found = induced_norm_upper_bound(operator, task.norm, target.norm)
    note = f"norm of the interval Jacobian: {found.how}"
    return UpperBound(found.value, "proven", notes=(note,), certificate=Certificate("interval"))


def lipsdp_map_bound(task: Task, variant: Variant) -> UpperBound:
    """Return the bound of LipSDP for all outputs, in the Euclidean norms."""
    form = slope_form(*network_layers(task.net, task.ranges))
    return lipsdp_bound(form, variant, tolerance=task.tolerance, end=task.end)


def _product(task: Task, target: OutputMap) -> UpperBound:
    """Return the product of operator norms, or output by output where that loses nothing."""
    joint = task.norm == "1" or target.norm == "2"
    last = task.net.steps[-1]
    if joint and (task.norm == target.norm or isinstance(last, AffineOperator)):
        return product_map_bound(task.net, task.norm, target.norm)
    return _combined(task, target, "product")


def exact_map_bound(task: Task, target: OutputMap) -> UpperBound:
    """Return the exact constant of one hidden layer by enumeration.

    Raises
    ------
    UnsupportedError
        Several hidden layers, another activation than relu, or a norm of matrices that is too hard.
    """
    net = task.net
    pairs = net.affine_pairs()
    if len(pairs) != 2 or net.activations[0].encoding.name != "relu":
        raise UnsupportedError(
            f"the exact constant of all outputs in the norms {task.norm} to {target.norm} is "
            f'offered for one hidden relu layer, not for {net!r}; use output_norm="inf" or 1'
        )
    if not is_exact(net.output_size, net.input_size, task.norm, target.norm):
        raise UnsupportedError(
            f"the norm {task.norm} to {target.norm} of matrices of {net.output_size} x "
            f"{net.input_size} needs all signs of the smaller side; at most {MOST_SIGNS} can be "
            'tried. Use output_norm="inf", or the method "interval"'
        )
    (rows, biases), (last, _) = pairs
    layer = task.ranges[0]
    parts = last.T[:, :, None] * rows[:, None, :]
    moving = layer.unstable & parts.any(axis=(1, 2))
    base = (last * np.where(layer.unstable, 0.0, layer.slope_lower)) @ rows

    def size(jacobian: FloatArray) -> float:
        return induced(jacobian, task.norm, target.norm)[0]

    def cap(sizes: FloatArray) -> float:
        return induced_of_absolute(sizes, task.norm, target.norm)

    if not moving.any():
        return UpperBound(size(base), "exact", notes=("no unstable neuron: a linear map",))
    arrangement = Arrangement.of(rows[moving], biases[moving], task.region)
    value, note = best_cell(
        arrangement, base, parts[moving], (size, cap), time_limit=task.remaining
    )
    return UpperBound(value, "exact", notes=(note,))


def _combined(task: Task, target: OutputMap, method: str) -> UpperBound:
    """Combine bounds for single outputs, or for vectors of signs."""

    def bound(part: Task) -> UpperBound:
        return METHODS[method](part) if method != "auto" else auto_bound(part)[1]

    vectors = combinations(target)
    if not is_largest(target):
        found = [bound(replace(task, output=vector)) for vector in vectors]
        kind = _weakest(part.kind for part in found)
        # The norm of exact constants is a bound only, and rests on linear programs.
        kind = "numerical" if kind == "exact" else kind
        value = norm_upper(np.array([part.value for part in found]), target.norm)
        note = f"norm {target.norm} of the bounds of {target.size} outputs"
        certificate = _together(found, range(len(found)))
        return UpperBound(
            value, kind, notes=(note,), timings=_times(found), certificate=certificate
        )
    return _largest(task, vectors, bound)


def is_largest(target: OutputMap) -> bool:
    """Return whether the bound of all outputs is the largest one of :func:`combinations`."""
    return (
        target.size == 1
        or target.norm == "inf"
        or (target.norm == "1" and target.size <= MOST_SIGNS)
    )


def combinations(target: OutputMap) -> list[OutputVector]:
    """Return the combinations of outputs that are bounded one by one.

    Examples
    --------
    >>> [vector.weights.tolist() for vector in combinations(OutputMap(2, "1"))]
    [[1.0, 1.0], [1.0, -1.0]]
    """
    if target.norm == "1" and 1 < target.size <= MOST_SIGNS:
        label = "a sum of the outputs with signs"
        return [OutputVector(choice, label) for choice in signs(target.size)]
    return target.vectors()


def _together(found: Sequence[UpperBound], numbers: Iterable[int]) -> Certificate | None:
    """Return the certificate of a bound made of those of some combinations."""
    parts = tuple(part.certificate for part in found if part.certificate is not None)
    if len(parts) < len(found):
        return None
    return Certificate(
        "outputs", {}, {"numbers": np.array(list(numbers), dtype=np.int64)}, None, parts
    )


def _largest(task: Task, vectors: list[OutputVector], bound: _Bound) -> UpperBound:
    """Return the largest bound; whatever its interval bound rules out is not looked at."""
    tasks = [replace(task, output=vector) for vector in vectors]
    caps = np.array([METHODS["interval"](part).value for part in tasks])
    found: list[UpperBound] = []
    numbers: list[int] = []
    best = -np.inf
    for index in np.argsort(-caps, kind="stable"):
        if caps[index] <= best:
            break
        found.append(bound(tasks[index]))
        numbers.append(int(index))
        best = max(best, found[-1].value)
    kind = _weakest(part.kind for part in found)
    note = f"largest of {len(vectors)} bounds, {len(vectors) - len(found)} of them ruled out"
    certificate = _together(found, numbers)
    return UpperBound(best, kind, notes=(note,), timings=_times(found), certificate=certificate)


def _auto(task: Task, target: OutputMap) -> tuple[str, UpperBound]:
    found = {"interval": interval_map_bound(task, target)}
    neurons = sum(int(layer.unstable.sum()) for layer in task.ranges)
    if task.norm == target.norm == "2" and neurons <= AUTO_LIPSDP:
        try:
            found["lipsdp"] = lipsdp_map_bound(task, "neuron")
        except (NoBoundError, UnsupportedError) as error:
            task.say(f"lipsdp: {error}")
    found["product"] = _product(task, target)
    plain = isinstance(task.region, (Box, Everywhere))
    if plain and len(task.ranges) == 1 and neurons <= AUTO_BRANCH:
        try:
            found["exact"] = whole_bound(task, target, "exact")[1]
        except (NoBoundError, UnsupportedError) as error:
            task.say(f"exact: {error}")
    few = 2 ** (target.size - 1) if target.norm == "1" else target.size
    if few <= AUTO_OUTPUTS and (len(task.ranges) == 1 or neurons <= AUTO_DEEP_NEURONS):
        try:
            found["auto"] = _combined(task, target, "auto")
        except NoBoundError as error:
            task.say(f"output by output: {error}")
    # A proven bound is worth a little more than a linear program's word.
    best = min(
        found, key=lambda name: found[name].value * (1 + task.gap * (found[name].kind != "proven"))
    )
    name = "output by output" if best == "auto" else best
    note = f"auto took {name}: {neurons} unstable neurons, {target.size} outputs"
    return best, replace(found[best], notes=(*found[best].notes, note))


def _weakest(kinds: Iterable[Kind]) -> Kind:
    return max(kinds, key=_TRUST.index)


def _times(found: list[UpperBound]) -> dict[str, float]:
    total: dict[str, float] = {}
    for part in found:
        for name, seconds in part.timings.items():
            total[name] = total.get(name, 0.0) + seconds
    return total
