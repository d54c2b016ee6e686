"""Bad input: every message says what was given, what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from polyopt.errors import PolyoptError

from .bad_polynomials import ARRAYS, EXPRESSIONS, RELATIONS
from .bad_relaxations import RELAXATIONS, SOLVING

CASES = EXPRESSIONS + RELATIONS + ARRAYS + RELAXATIONS + SOLVING


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [case[1:] for case in CASES],
    ids=[case[0].replace(" ", "_").replace(",", "") for case in CASES],
)
def test_message(make: Callable[[], Any], error: type[PolyoptError], message: str) -> None:
    with pytest.raises(error) as caught:
        make()
    assert type(caught.value) is error
    assert message in str(caught.value)


def test_every_error_is_a_value_error_or_tells_of_a_solver() -> None:
    for _, _, error, _ in CASES:
        assert issubclass(error, PolyoptError)
        assert issubclass(error, ValueError | RuntimeError)


def test_case_names_are_distinct() -> None:
    assert len({case[0] for case in CASES}) == len(CASES) >= 30
