"""Products of all pairs of two lists of forms, against the same products one by one."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from polyopt.errors import InvalidProblemError
from polyopt.solvers.lowrank import AffineForms, OuterFamily, ProductFamily


def both(slack: bool) -> tuple[OuterFamily, ProductFamily]:
    rng = np.random.default_rng(3)
    forms = AffineForms(np.array([1, 3, 4]), rng.standard_normal((2, 3)), rng.standard_normal(2))
    left, right = rng.standard_normal((3, 7)), rng.standard_normal((4, 7))
    room = rng.uniform(0, 1, 3) if slack else None
    every = np.repeat(left, 4, axis=0), np.tile(right, (3, 1))
    one = ProductFamily(
        sp.csr_array(every[0]),
        sp.csr_array(every[1]),
        forms,
        slack=None if room is None else np.repeat(room, 4),
    )
    return OuterFamily(sp.csr_array(left), sp.csr_array(right), forms, room), one


@pytest.mark.parametrize("slack", [False, True])
def test_all_operations_agree_with_the_list_of_products(slack: bool) -> None:
    outer, products = both(slack)
    rng = np.random.default_rng(0)
    factor, weights = rng.standard_normal((5, 3)), rng.uniform(0, 1, 12)
    assert outer.values(factor) == pytest.approx(products.values(factor))
    assert outer.pullback(weights, factor) == pytest.approx(products.pullback(weights, factor))
    ours, theirs = (f.augmented(factor, weights, 0.7) for f in (outer, products))
    assert ours[0] == pytest.approx(theirs[0])
    assert ours[1] == pytest.approx(theirs[1])
    matrices = np.zeros((2, 5, 5))
    roundings = [outer.add_to(matrices[0], weights), products.add_to(matrices[1], weights)]
    assert matrices[0] == pytest.approx(matrices[1])
    assert roundings[0].majorant == pytest.approx(roundings[1].majorant)
    assert matrices[0] @ factor == pytest.approx(outer.pullback(weights, factor))
    assert outer.cast(np.float32).values(factor.astype(np.float32)).dtype == np.float32


def test_scaling_keeps_signs_and_covers_the_slack() -> None:
    outer, _ = both(True)
    scaled = outer.scaled()
    factor = np.random.default_rng(1).standard_normal((5, 3))
    bare = OuterFamily(outer.left, outer.right, outer.forms).values(factor).reshape(outer.shape)
    ratio = scaled.values(factor).reshape(outer.shape)
    assert scaled.slack is not None
    ratio -= scaled.slack[:, None] * (factor[0] @ factor[0])
    ratio /= bare
    assert (ratio > 0).all()
    assert outer.slack is not None
    assert (scaled.slack[:, None] >= ratio * outer.slack[:, None] * (1 - 1e-12)).all()


def test_bad_shapes() -> None:
    with pytest.raises(InvalidProblemError, match="2 columns, right ones 3"):
        OuterFamily(sp.csr_array(np.ones((1, 2))), sp.csr_array(np.ones((1, 3))))
    with pytest.raises(InvalidProblemError, match="slack has shape"):
        OuterFamily(sp.csr_array(np.ones((1, 2))), sp.csr_array(np.ones((1, 2))), slack=np.zeros(2))
