"""Proving upper bounds again from their certificates: one function a kind, none of them a solver.

Each builds what the bound is about from the network, the region, the norm and the output, and takes
only numbers out of the certificate. A certificate that was found for something else proves a worse
bound, or none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from lipschitz_app.deep.lifted import hr1
from lipschitz_app.deep.presolve import DeepNetwork, presolve_deep
from lipschitz_app.deep.tangent import Level, tangent_model
from lipschitz_app.encoding import Direction
from lipschitz_app.first_order import Method, lipschitz_model
from lipschitz_app.hidden import HiddenLayer, presolve
from lipschitz_app.midrad import combine
from lipschitz_app.outputs import OutputMap, OutputVector
from lipschitz_app.path_polynomial import path_polynomial
from lipschitz_app.relaxations import RELAXATIONS
from lipschitz_app.rounding import norm_upper, up
from lipschitz_app.upper.certificate import Certificate
from lipschitz_app.upper.coordinates import prove_coordinates
from lipschitz_app.upper.dual_certificate import prove_dual
from lipschitz_app.upper.interval import interval_bound
from lipschitz_app.upper.krivine import prove_krivine
from lipschitz_app.upper.lipsdp import prove_lipsdp
from lipschitz_app.upper.lowrank import lowrank_offered, scaled
from lipschitz_app.upper.moment import Encoding
from lipschitz_app.upper.product import product_bound, product_map_bound
from lipschitz_app.upper.slope_form import network_layers, slope_form
from lipschitz_app.upper.task import Task
from lipschitz_app.upper.trilinear import trilinear_problem
from lipschitz_app.upper.whole import combinations, interval_map_bound, is_largest
from polyopt.errors import PolyoptError, ProofRejectedError

_MODELS: dict[str, Level] = {"shor": "shor", "hr2": "hr2", "mccormick": "mccormick"}


def prove_again(task: Task, target: OutputVector | OutputMap, certificate: Certificate) -> float:
    """Return the bound that a certificate proves.

    Parameters
    ----------
    task : Task
        Network, region, norm and ranges; its output plays no part where the target is a map.
    target : OutputVector or OutputMap
    certificate : Certificate

    Raises
    ------
    ProofRejectedError
        It proves nothing about this task; with the reason.
    """
    whole = isinstance(target, OutputMap)
    kinds = tuple(WHOLE if whole else SINGLE)
    if certificate.kind not in kinds:
        raise ProofRejectedError(
            f"the certificate is of the kind {certificate.kind!r}; for "
            f"{'all outputs' if whole else 'one output'} there are {', '.join(kinds)}"
        )
    try:
        if isinstance(target, OutputMap):
            return WHOLE[certificate.kind](task, target, certificate)
        return SINGLE[certificate.kind](replace(task, output=target), certificate)
    except ProofRejectedError:
        raise
    except PolyoptError as error:
        raise ProofRejectedError(f"the certificate does not fit the network: {error}") from None
    except MemoryError:
        raise ProofRejectedError(
            "what the certificate is about does not fit into the memory"
        ) from None


def _product(task: Task, certificate: Certificate) -> float:
    return product_bound(task.net, task.output, task.norm).value


def _interval(task: Task, certificate: Certificate) -> float:
    return interval_bound(task.net, task.ranges, task.output, task.norm).value


def _constant(task: Task, certificate: Certificate) -> float:
    relu, _ = task.with_relu()
    return interval_bound(relu.layers or relu.net, relu.ranges, relu.output, relu.norm).value


def _lowrank(task: Task, certificate: Certificate) -> float:
    hidden = presolve(task.net, task.ranges, task.output)
    why = lowrank_offered(hidden, task.region, task.norm)
    if why:
        raise ProofRejectedError(
            f"the certificate is one for norm inf and a Box or Everywhere, not for {why}"
        )
    method: Method = _MODELS[certificate.choice("model", _MODELS)]
    found = lipschitz_model(_some_unstable(hidden), task.region, method)
    return scaled(prove_dual(found.model, certificate), found.exponent)


def _deep(task: Task, certificate: Certificate) -> float:
    task, _ = task.with_relu()
    net = _some_unstable(presolve_deep(task.layers or task.net, task.ranges, task.output))
    level = _MODELS[certificate.choice("model", _MODELS)]
    found = tangent_model(net, task.region, task.norm, level)
    return scaled(prove_dual(found.model, certificate), found.exponent)


def _krivine(task: Task, certificate: Certificate) -> float:
    if task.norm != "inf":
        raise ProofRejectedError(f"the certificate is one for norm inf, not for norm {task.norm}")
    weights, ranges, last = network_layers(task.net, task.ranges)
    paths = path_polynomial(weights, ranges, combine(task.output.weights, last))
    return prove_krivine(paths, certificate)


def _lipsdp(task: Task, certificate: Certificate) -> float:
    _require_euclidean(task.norm)
    weights, ranges, last = network_layers(task.net, task.ranges)
    form = slope_form(weights, ranges, combine(task.output.weights, last))
    return prove_lipsdp(form, certificate)


def _polynomial(task: Task, certificate: Certificate) -> float:
    name = certificate.choice("relaxation", (*RELAXATIONS, "hr1"))
    if name == "hr1":
        task, _ = task.with_relu()
        net = _some_unstable(presolve_deep(task.layers or task.net, task.ranges, task.output))
        return _of_problem(hr1(net, task.region, task.norm).encoding, certificate)
    hidden = _some_unstable(presolve(task.net, task.ranges, task.output))
    return _of_problem(RELAXATIONS[name](hidden, task.region, task.norm).encoding, certificate)


def _coordinates(task: Task, certificate: Certificate) -> float:
    if task.norm != "1":
        raise ProofRejectedError(f"the certificate is one for norm 1, not for norm {task.norm}")
    hidden = _some_unstable(presolve(task.net, task.ranges, task.output))

    def prove(part: Certificate, direction: Direction) -> float:
        name = part.choice("relaxation", [name for name in RELAXATIONS if name != "lasserre"])
        found = RELAXATIONS[name](hidden, task.region, "1", direction=direction)
        return _of_problem(found.encoding, part)

    return prove_coordinates(hidden, certificate, prove)


def _product_map(task: Task, target: OutputMap, certificate: Certificate) -> float:
    return product_map_bound(task.net, task.norm, target.norm).value


def _interval_map(task: Task, target: OutputMap, certificate: Certificate) -> float:
    return interval_map_bound(task, target).value


def _lipsdp_map(task: Task, target: OutputMap, certificate: Certificate) -> float:
    _require_euclidean(task.norm)
    _require_euclidean(target.norm)
    return prove_lipsdp(slope_form(*network_layers(task.net, task.ranges)), certificate)


def _trilinear(task: Task, target: OutputMap, certificate: Certificate) -> float:
    return _of_problem(trilinear_problem(task, target), certificate)


def _outputs(task: Task, target: OutputMap, certificate: Certificate) -> float:
    vectors = combinations(target)
    numbers = certificate.integers("numbers", (len(certificate.parts),)).tolist()
    if len(set(numbers)) < len(numbers) or not set(numbers) <= set(range(len(vectors))):
        raise ProofRejectedError(
            f"the certificate has parts about the combinations {numbers}; there are {len(vectors)}"
        )
    parts = dict(zip(numbers, certificate.parts, strict=True))
    values = []
    for number, vector in enumerate(vectors):
        part = parts.get(number, Certificate("interval"))
        values.append(prove_again(task, vector, part))
    # Of a single output the norm is the absolute value.
    return max(values) if is_largest(target) else norm_upper(np.array(values), target.norm)


def _of_problem(stated: Encoding, certificate: Certificate) -> float:
    proof = certificate.the_proof().check(stated.problem, box=(stated.lower, stated.upper))
    return float(up(proof.bound + stated.rounding))


_Presolved = TypeVar("_Presolved", HiddenLayer, DeepNetwork)


def _some_unstable(presolved: _Presolved) -> _Presolved:
    if not np.any(presolved.unstable):
        raise ProofRejectedError(
            "the certificate is about unstable neurons; this network has none that matter in the "
            "region"
        )
    return presolved


def _require_euclidean(norm: str) -> None:
    if norm != "2":
        raise ProofRejectedError(f"the certificate is one for norm 2, not for norm {norm}")


SINGLE: dict[str, Callable[[Task, Certificate], float]] = {
    "product": _product,
    "interval": _interval,
    "constant gradient": _constant,
    "lowrank": _lowrank,
    "deep": _deep,
    "krivine": _krivine,
    "lipsdp": _lipsdp,
    "polynomial": _polynomial,
    "coordinates": _coordinates,
}
"""Checks for one output, by kinds of certificates."""

WHOLE: dict[str, Callable[[Task, OutputMap, Certificate], float]] = {
    "product": _product_map,
    "interval": _interval_map,
    "lipsdp": _lipsdp_map,
    "trilinear": _trilinear,
    "outputs": _outputs,
}
"""Checks for all outputs together."""
