"""The floating-point error bounds against exact rational arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyopt.errors import ProofError
from polyopt.proof.rounding import flush, gamma, require_safe_range, sum_down, up

finite = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False, allow_subnormal=False)


@settings(deadline=None)
@given(st.lists(st.tuples(finite, finite), min_size=1, max_size=60))
def test_dot_products_stay_inside_the_bound(pairs: list[tuple[float, float]]) -> None:
    left, right = (flush(np.array(side)) for side in zip(*pairs, strict=True))
    computed = Fraction(float(left @ right))
    exact = sum((Fraction(a) * Fraction(b) for a, b in zip(left, right, strict=True)), Fraction(0))
    magnitude = float(np.abs(left) @ np.abs(right))
    assert abs(computed - exact) <= Fraction(float(gamma(len(pairs)))) * Fraction(magnitude)


@settings(deadline=None)
@given(st.lists(finite, max_size=50))
def test_sum_down_is_below_the_exact_sum(values: list[float]) -> None:
    exact = sum((Fraction(v) for v in values), Fraction(0))
    assert Fraction(sum_down(np.array(values))) <= exact


@settings(deadline=None)
@given(st.lists(st.floats(min_value=1e-3, max_value=1e3), min_size=1, max_size=12))
def test_up_covers_a_product(values: list[float]) -> None:
    product = np.ones(1)
    exact = Fraction(1)
    for value in values:
        product = product * value
        exact *= Fraction(value)
    assert Fraction(float(up(product, len(values))[0])) >= exact


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e-200, 1e200])
def test_numbers_outside_the_covered_range_are_refused(bad: float) -> None:
    with pytest.raises(ProofError, match="outside the range"):
        require_safe_range(np.array([1.0, bad]), "the objective")
