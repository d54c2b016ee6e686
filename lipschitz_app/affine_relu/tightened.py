"""Networks by relaxation: every small layer on its own, then all layers at once.

Each layer's relaxation bounds its constant on its own ball, which shrinks the balls behind it.
The joint relaxation keeps what the product loses: that the worst direction of one layer is seldom
what the layer before can produce. Norm caps of every layer's change are among its constraints, so
that its value is at most the product (see docs/affine-relu.md), up to the solver's accuracy; the
smaller number is returned in any case.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import ArrayLike

from lipschitz_app.affine_relu.ascent import anchored_lower_bound
from lipschitz_app.affine_relu.layer import AffineReluBound
from lipschitz_app.affine_relu.lifting import lift
from lipschitz_app.affine_relu.network import (
    AnchoredBound,
    advance_affine,
    advance_pool,
    analyse_stage,
    begin,
)
from lipschitz_app.affine_relu.stages import Stage
from lipschitz_app.affine_relu.tighten import LARGEST, relax, tighten_layer
from lipschitz_app.errors import NoBoundError, UnsupportedError
from lipschitz_app.operators import MaxPooling
from lipschitz_app.rounding import Norm


def tightened_bound(
    stages: tuple[Stage, ...],
    center: ArrayLike,
    radius: float,
    *,
    norm: Norm = "2",
    rng: int | np.random.Generator = 0,
    rtol: float = 1e-7,
    work: float = 4e11,
    rounds: int | None = None,
) -> AnchoredBound:
    """Bound the anchored constant by relaxations; see ``anchored_bound(method="tightened")``.

    Raises
    ------
    UnsupportedError
        Norms that are not Euclidean.
    """
    if norm != "2":
        raise UnsupportedError(
            f'method "tightened" got the norm {norm}; it is offered for norm 2, '
            'use method="analytic"'
        )
    state = begin(stages, center, radius)
    start = state.radius
    analyses: list[AffineReluBound] = []
    notes: list[str] = []
    # With a joint relaxation to come, the layers' own only have to shrink the balls.
    alone = sum(not isinstance(stage.operator, MaxPooling) for stage in stages) == 1
    for number, stage in enumerate(stages):
        if isinstance(stage.operator, MaxPooling):
            state = advance_pool(state, stage.operator, norm)
            continue
        started = time.perf_counter()
        analysis = analyse_stage(state, stage, norm, rtol, work)
        try:
            analysis = tighten_layer(analysis, rounds=rounds if alone else 1)
        except (UnsupportedError, NoBoundError) as error:
            notes.append(f"stage {number} has its analytic bound: {error}")
        analyses.append(analysis)
        state = advance_affine(state, analysis, started)
    product = bound = state.product
    source = "product of layers"
    why = _why_not_joint(stages, analyses, start, product)
    if why:
        notes.append(f"no joint relaxation: {why}")
    elif len(analyses) > 1 and product > 0:
        try:
            found = relax(lift(analyses, [a.bound for a in analyses]), rounds=rounds)
        except NoBoundError as error:
            notes.append(f"no joint relaxation: {error}")
        else:
            if found.bound < bound:
                bound, source = found.bound, "joint relaxation"
    lower = anchored_lower_bound(stages, center, radius, rng=rng)
    return AnchoredBound(
        bound,
        start,
        norm,
        "tightened",
        state.layers,
        state.center,
        state.error,
        source=source,
        product=product,
        lower=lower.value,
        witness=lower.witness,
        notes=tuple(notes),
    )


def _why_not_joint(
    stages: tuple[Stage, ...], analyses: list[AffineReluBound], radius: float, product: float
) -> str:
    """Return why the layers cannot be relaxed together; empty if they can, or need not be."""
    if len(analyses) < 2 or product == 0:
        return ""
    if radius == 0:
        return "the radius is 0"
    if any(isinstance(stage.operator, MaxPooling) for stage in stages):
        return "the network has max pooling"
    hidden = analyses if analyses[-1].relu else analyses[:-1]
    number = 1 + int(analyses[0].moving.sum()) + sum(int((a.slopes > 0).sum()) for a in hidden)
    if number > LARGEST:
        return f"it has {number} variables, and is offered up to {LARGEST}"
    return ""
