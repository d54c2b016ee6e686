r"""Networks: the product of layer bounds along the shrinking or growing balls.

With :math:`\varepsilon_0 = \varepsilon` and :math:`L_k` the anchored bound of stage k on the ball
of radius :math:`\varepsilon_k` around the image of the centre, :math:`\varepsilon_{k+1} = L_k
\varepsilon_k` and the anchored constant of the network is at most :math:`\prod_k L_k` (Avant and
Morgansen, arXiv:2104.14672). Coordinates that cannot move (outputs of dead rows) are tracked and
leave the next layer's columns. The image of the centre is enclosed, so rounding is part of the
proof.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from lipschitz_app.affine_relu.arguments import check_effort, checked_point, checked_radius
from lipschitz_app.affine_relu.layer import AffineReluBound, analyse_layer
from lipschitz_app.affine_relu.slopes import BoolArray
from lipschitz_app.affine_relu.stages import Stage, StageLike, as_stages
from lipschitz_app.errors import InvalidOptionError
from lipschitz_app.norms import as_norm
from lipschitz_app.operators import MaxPooling
from lipschitz_app.operators.induced_norm import induced_norm_upper_bound
from lipschitz_app.rounding import FloatArray, Norm

if TYPE_CHECKING:
    from lipschitz_app.network import Network

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LayerBound:
    """The bound of one stage.

    Attributes
    ----------
    name : str
        What the stage is.
    bound : float
        Proven upper bound of its constant on its ball.
    radius : float
        Radius of the ball around the image of the centre.
    dead, partial, active : int
        Rows of slope zero, between, and one; without ReLU active ones are the nonzero rows.
    method, how : str
        How the norm was proven; see :class:`lipschitz_app.operators.ProvenNorm`.
    lower : float
        Lower bound of the norm (not of the constant) by an explicit vector, 0 where unknown.
    seconds : float
    """

    name: str
    bound: float
    radius: float
    dead: int
    partial: int
    active: int
    method: str
    how: str
    lower: float
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class AnchoredBound:
    """A proven bound of ``sup ||f(x) - f(x0)|| / ||x - x0||`` over a ball around x0.

    Attributes
    ----------
    bound : float
    kind : str
        "proven".
    constant : str
        "anchored": not a bound of the pairwise constant.
    radius : float
        Of the ball; finite.
    norm : "1", "2" or "inf"
        Of inputs, outputs and all layers between.
    method : str
    layers : tuple of LayerBound
    output : array
        Value of the network at the centre.
    output_error : array
        Proven bound on its rounding errors.
    source : str
        What gave the bound: "product of layers" or "joint relaxation".
    product : float
        Product of the layers' bounds; `bound` where no joint relaxation is smaller.
    lower : float or None
        Proven lower bound of the constant, at `witness`; with method "tightened".
    witness : array or None
        Point of the ball that attains `lower`.
    notes : tuple of str
        What was left out, and why.
    """

    bound: float
    radius: float
    norm: Norm
    method: str
    layers: tuple[LayerBound, ...]
    output: FloatArray = field(repr=False)
    output_error: FloatArray = field(repr=False)
    kind: str = "proven"
    constant: str = "anchored"
    source: str = "product of layers"
    product: float = math.nan
    lower: float | None = None
    witness: FloatArray | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        head = f"{self.constant} bound {self.bound:.8g} ({self.kind}, {self.source}), "
        lines = [f"{head}radius {self.radius:g}"]
        if self.lower is not None:
            lines.append(f"lower bound {self.lower:.8g} (proven, at a witness)")
        return "\n".join([*lines, *_table(self.layers), *(f"note: {n}" for n in self.notes)])

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data, for JSON."""
        return {
            "constant": self.constant,
            "bound": self.bound,
            "kind": self.kind,
            "source": self.source,
            "product": self.product,
            "lower": self.lower,
            "radius": self.radius,
            "norm": self.norm,
            "method": self.method,
            "layers": [asdict(layer) for layer in self.layers],
            "output": self.output.tolist(),
            "witness": None if self.witness is None else self.witness.tolist(),
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class GlobalBound:
    """A proven bound of the pairwise constant on the whole space: the product of the norms.

    Attributes
    ----------
    bound : float
    layers : tuple of LayerBound
    norm : "1", "2" or "inf"
    kind : str
        "proven".
    constant : str
        "pairwise": it holds for any two points, hence for the anchored constant too.
    """

    bound: float
    norm: Norm
    layers: tuple[LayerBound, ...]
    kind: str = "proven"
    constant: str = "pairwise"

    def __str__(self) -> str:
        head = f"{self.constant} bound {self.bound:.8g} ({self.kind}), whole space"
        return "\n".join([head, *_table(self.layers)])


def _table(layers: Iterable[LayerBound]) -> list[str]:
    lines = []
    for k, layer in enumerate(layers):
        rows = f"{layer.dead}/{layer.partial}/{layer.active}"
        excess = f"{100 * (layer.bound / layer.lower - 1):.2g} %" if layer.lower > 0 else "?"
        lines.append(
            f"{k:3d} {layer.name:<44} {layer.bound:12.7g}  rows {rows:<18} "
            f"{layer.method}, at most {excess} above the norm"
        )
    return lines


@dataclass(frozen=True, slots=True, eq=False)
class Pass:
    """State between two stages: image of the centre, its error, what moves, radius, product."""

    center: FloatArray
    error: FloatArray
    moving: BoolArray
    radius: float
    product: float
    layers: tuple[LayerBound, ...]


def begin(stages: tuple[Stage, ...], center: ArrayLike, radius: float) -> Pass:
    """Return the state before the first stage."""
    point = checked_point(center, stages[0].operator.input_shape, "center")
    still = np.ones(point.size, dtype=bool)
    return Pass(point, np.zeros(point.size), still, checked_radius(radius), 1.0, ())


def advance(state: Pass, stage: Stage, norm: Norm, rtol: float, work: float) -> Pass:
    """Return the state after one more stage."""
    if isinstance(stage.operator, MaxPooling):
        return advance_pool(state, stage.operator, norm)
    started = time.perf_counter()
    return advance_affine(state, analyse_stage(state, stage, norm, rtol, work), started)


def analyse_stage(
    state: Pass, stage: Stage, norm: Norm, rtol: float, work: float
) -> AffineReluBound:
    """Return the analysis of an affine stage on its ball."""
    assert not isinstance(stage.operator, MaxPooling)
    return analyse_layer(
        stage.operator,
        state.center,
        state.radius,
        state.moving,
        center_error=state.error,
        relu=stage.relu,
        input_norm=norm,
        output_norm=norm,
        rtol=rtol,
        work=work,
    )


def advance_affine(state: Pass, layer: AffineReluBound, started: float) -> Pass:
    """Return the state after an affine stage that was analysed from `started` on."""
    center = np.maximum(layer.value, 0.0) if layer.relu else layer.value
    entry = LayerBound(
        repr(layer.operator) + (" + ReLU" if layer.relu else ""),
        layer.bound,
        state.radius,
        layer.dead,
        layer.partial,
        layer.active,
        layer.method,
        layer.how,
        layer.norm.lower,
        time.perf_counter() - started,
    )
    return _after(state, center, layer.value_error, ~layer.zero_range, entry)


def advance_pool(state: Pass, pool: MaxPooling, norm: Norm) -> Pass:
    """Return the state after a max pool."""
    started = time.perf_counter()
    moving = pool(state.moving.astype(np.float64)) > 0
    center, error = pool(state.center), pool(state.error)
    counts = (int((~moving).sum()), 0, int(moving.sum()))
    how = "no input lies in more windows"
    factor, seconds = pool.factor(norm), time.perf_counter() - started
    entry = LayerBound(repr(pool), factor, state.radius, *counts, "max pooling", how, 0.0, seconds)
    return _after(state, center, error, moving, entry)


def _after(
    state: Pass, center: FloatArray, error: FloatArray, moving: BoolArray, entry: LayerBound
) -> Pass:
    _LOG.info("%s: %.8g by %s in %.2f s", entry.name, entry.bound, entry.method, entry.seconds)
    return Pass(
        center,
        error,
        moving,
        _times(state.radius, entry.bound),
        _times(state.product, entry.bound),
        (*state.layers, entry),
    )


def _times(a: float, b: float) -> float:
    """Return the product rounded upwards, zero if a factor is."""
    return 0.0 if a == 0 or b == 0 else math.nextafter(a * b, math.inf)


def anchored_bound(
    net: Network | Iterable[StageLike],
    center: ArrayLike,
    radius: float,
    method: Literal["analytic", "tightened"] = "analytic",
    *,
    norm: float | Norm = 2,
    rng: int | np.random.Generator = 0,
    rtol: float = 1e-7,
    work: float = 4e11,
) -> AnchoredBound:
    """Bound the anchored Lipschitz constant of a ReLU network on a ball, proven.

    Parameters
    ----------
    net : Network, or sequence of (operator, relu) pairs
        Affine layers, ReLU, max pooling, batch normalisation in evaluation mode.
    center : array, in the input's shape or flat
    radius : float
    method : "analytic" or "tightened"
        - "analytic": the product of the layer bounds ‖RAD‖; any size.
        - "tightened": polynomial relaxations of each small layer and, for small networks, of all
          layers at once; with a lower bound beside it. Norm 2 only. The notes of the result say
          what was too large.
    norm : 1, 2 or inf
    rng : int or Generator
        Source of the lower bound's random starts.
    rtol : float
        Relative excess aimed at in each layer's spectral norm.
    work : float
        Floating-point operations that one layer's proof may take; beyond it looser proofs are
        used, and the result says by how much they may be too large.

    Raises
    ------
    InvalidPointError, InvalidOptionError, UnsupportedError

    Examples
    --------
    >>> import numpy as np
    >>> from lipschitz_app.operators import DenseOperator
    >>> net = [(DenseOperator([[1.0]]), True)]
    >>> round(anchored_bound(net, center=[-1.0], radius=2.0).bound, 9)
    0.5
    """
    if method not in ("analytic", "tightened"):
        raise InvalidOptionError(f'method "{method}" is not known; use "analytic" or "tightened"')
    stages, name = as_stages(net), as_norm(norm)
    check_effort(rtol, work)
    if method == "tightened":
        from lipschitz_app.affine_relu.tightened import tightened_bound

        return tightened_bound(stages, center, radius, norm=name, rng=rng, rtol=rtol, work=work)
    state = begin(stages, center, radius)
    start = state.radius
    for stage in stages:
        state = advance(state, stage, name, rtol, work)
    return AnchoredBound(
        state.product,
        start,
        name,
        method,
        state.layers,
        state.center,
        state.error,
        product=state.product,
    )


def global_bound(
    net: Network | Iterable[StageLike],
    *,
    norm: float | Norm = 2,
    rtol: float = 1e-7,
    work: float = 4e11,
) -> GlobalBound:
    """Bound the pairwise Lipschitz constant on the whole space by the product of the norms.

    Parameters are those of :func:`anchored_bound`.

    Examples
    --------
    >>> from lipschitz_app.operators import DenseOperator
    >>> round(global_bound([(DenseOperator([[1.0], [-1.0]]), True)]).bound, 6)
    1.414214
    """
    name = as_norm(norm)
    check_effort(rtol, work)
    product, layers = 1.0, []
    for stage in as_stages(net):
        started = time.perf_counter()
        operator = stage.operator
        if isinstance(operator, MaxPooling):
            factor, method, how, lower = operator.factor(name), "max pooling", "windows", 0.0
        else:
            found = induced_norm_upper_bound(operator, name, name, rtol=rtol, work=work)
            factor, method, how, lower = found.value, found.method, found.how, found.lower
        title = repr(operator) + (" + ReLU" if stage.relu else "")
        seconds = time.perf_counter() - started
        layers.append(
            LayerBound(
                title, factor, math.inf, 0, 0, operator.output_size, method, how, lower, seconds
            )
        )
        product = _times(product, factor)
    return GlobalBound(product, name, tuple(layers))
