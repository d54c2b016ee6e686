"""A proven bound holds for every feasible point, whatever multipliers it was made from."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from polyopt.errors import ProofError
from polyopt.solvers.lowrank import (
    FirstOrderModel,
    GridFamily,
    MatrixOperator,
    ProductFamily,
    best_bound,
    prove,
)

SIDE = 7


def random_model(rng, *, box=False):
    half = rng.standard_normal((SIDE, SIDE))
    # Products of random affine forms: not every sign vector is feasible.
    left = sp.csr_array(rng.standard_normal((2, SIDE)))
    right = sp.csr_array(rng.standard_normal((2, SIDE)))
    signs = np.ones(SIDE, dtype=bool)
    if box:
        signs[-2:] = False
    return FirstOrderModel(
        SIDE,
        (MatrixOperator(half + half.T),),
        0.25,
        (ProductFamily(left, right), GridFamily(np.array([1, 2]), np.array([3, 4]))),
        signs,
    )


def best_feasible(model):
    """The largest objective over feasible points: signs, and a few levels where |x| ≤ 1."""
    levels = [(-1.0, 1.0) if sign else (-1.0, -0.4, 0.3, 1.0) for sign in model.signs[1:]]
    best = -np.inf
    for tail in product(*levels):
        point = np.array([1.0, *tail])[:, None]
        if all(family.values(point).min() >= 0 for family in model.families):
            value = float(np.sum(model.apply_objective(point) * point)) + model.constant
            best = max(best, value)
    return best


@given(seed=st.integers(0, 10_000), box=st.booleans())
@settings(max_examples=30, deadline=None)
def test_bound_from_arbitrary_multipliers_holds(seed, box):
    rng = np.random.default_rng(seed)
    model = random_model(rng, box=box)
    multipliers = tuple(rng.exponential(size=family.size) for family in model.families)
    diagonal = 3.0 * rng.standard_normal(SIDE)
    bound, _ = best_bound(model, multipliers, diagonal)
    assert bound.bound >= best_feasible(model)
    again = prove(model, bound.multipliers, bound.diagonal)
    assert again is not None
    assert again.bound == bound.bound


def test_a_smaller_diagonal_is_not_proven(rng):
    model = replace(random_model(rng), families=())
    bound, _ = best_bound(model, (), np.zeros(SIDE))
    assert prove(model, (), bound.diagonal - 0.5) is None


def test_spectral_enlargement_beats_or_equals_the_scaled_one(rng):
    model = replace(random_model(rng), families=())
    patient, spectrum = best_bound(model, (), np.zeros(SIDE), loss=0.0)
    hasty, nothing = best_bound(model, (), np.zeros(SIDE), loss=np.inf)
    assert nothing is None
    assert spectrum is not None
    assert patient.bound <= hasty.bound


def test_wrong_multipliers_are_refused(rng):
    model = random_model(rng)
    good = tuple(np.ones(family.size) for family in model.families)
    diagonal = np.full(SIDE, 100.0)
    assert prove(model, good, diagonal) is not None
    with pytest.raises(ProofError, match="negative"):
        prove(model, (np.array([1.0, -1e-300]), good[1]), diagonal)
    with pytest.raises(ProofError, match="1 arrays of multipliers for 2 families"):
        prove(model, good[:1], diagonal)
    with pytest.raises(ProofError, match="shape"):
        prove(model, (good[1], good[0]), diagonal)
    with pytest.raises(ProofError, match="not finite"):
        prove(model, (np.array([1.0, np.inf]), good[1]), diagonal)
    with pytest.raises(ProofError, match="finite numbers"):
        prove(model, good, diagonal[:-1])


def test_negative_diagonal_is_refused_where_the_row_may_shrink(rng):
    model = random_model(rng, box=True)
    multipliers = tuple(np.zeros(family.size) for family in model.families)
    diagonal = np.full(SIDE, 100.0)
    diagonal[-1] = -1.0
    with pytest.raises(ProofError, match="X_ii <= 1"):
        prove(model, multipliers, diagonal)


def test_assembly_error_covers_cancellation():
    # C + μ A cancels up to rounding; the error bound must cover what is left.
    huge = MatrixOperator(np.array([[0.0, 1e8], [1e8, 0.0]]))
    family = ProductFamily(sp.csr_array([[-1.0, 0.0]]), sp.csr_array([[0.0, 1.0]]))
    model = FirstOrderModel(2, (huge,), families=(family,))
    matrix, errors = model.assemble((np.array([2e8 * (1 + 2**-52)]),))
    exact = -(2e8 * 2**-52) / 2
    assert abs(matrix[0, 1] - exact) <= errors[0]
    assert errors.max() < 1e-4
