"""Polynomials from text: against Python's own arithmetic and sympy, and what cannot be read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polyopt as po
from polyopt.errors import FormatError
from polyopt.polynomial.parse import parse_polynomial, parse_relation, polynomial_text

_X = tuple(po.variables("x", 3))
_ATOMS = st.sampled_from(["x0", "x1", "x2", "1", "2.5", ".5", "1e-3", "0", "12"])


@st.composite
def _expressions(draw: st.DrawFn, depth: int = 3) -> str:
    if depth == 0 or draw(st.booleans()):
        return draw(_ATOMS)
    space = draw(st.sampled_from(["", " "]))
    kind = draw(st.sampled_from(["+", "-", "*", "()", "neg", "^"]))
    left = draw(_expressions(depth - 1))
    if kind == "()":
        return f"({space}{left})"
    if kind == "neg":
        return f"-{space}({left})"
    if kind == "^":
        return f"({left}){draw(st.sampled_from(['^', '**']))}{draw(st.integers(0, 3))}"
    return f"{left}{space}{kind}{space}{draw(_expressions(depth - 1))}"


@settings(max_examples=150, deadline=None)
@given(_expressions())
def test_same_values_as_python(text: str) -> None:
    parsed = parse_polynomial(text, ["x0", "x1", "x2"])
    points = np.random.default_rng(0).uniform(-1, 1, (4, 3))
    for point in points:
        names = dict(zip(["x0", "x1", "x2"], point.tolist(), strict=True))
        value = eval(text.replace("^", "**"), {"__builtins__": {}}, names)
        assert parsed(point) == pytest.approx(value, rel=1e-9, abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.tuples(*[st.integers(0, 4)] * 3),
            st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300),
        ),
        max_size=6,
        unique_by=lambda term: term[0],
    )
)
def test_text_round_trip_is_exact(terms: list[tuple[tuple[int, ...], float]]) -> None:
    exponents = np.array([row for row, _ in terms], dtype=int).reshape(-1, 3)
    p = po.Polynomial.from_arrays(exponents, [value for _, value in terms])
    again = parse_polynomial(polynomial_text(p), p.variables)
    np.testing.assert_array_equal(again.coefficients, p.coefficients)
    assert again.equals(p)


def test_signs_powers_and_division() -> None:
    assert parse_polynomial("-x^2").equals(-(po.variables("x y")[0] ** 2))
    assert parse_polynomial("--x - -1").equals(po.variables("x y")[0] + 1)
    assert parse_polynomial("x/4/2").equals(po.variables("x y")[0] / 8)
    assert parse_polynomial("2*x[1]*x[1,2]").variables.names == ("x[1]", "x[1,2]")
    assert parse_polynomial("b + a").variables.names == ("b", "a")
    assert parse_polynomial("x0 - x0", ["x0"]).number_of_terms == 0


def test_relations() -> None:
    x, y = po.variables("x y")
    for text, kind, expected in (
        ("x <= y", "inequality", y - x),
        ("x >= y", "inequality", x - y),
        ("x == y", "equality", x - y),
        ("x^2 = 1", "equality", x**2 - 1),
    ):
        relation = parse_relation(text)
        assert relation.kind == kind
        assert relation.polynomial.equals(expected)


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("", 1, "missing at the end"),
        ("x0 +", 5, "missing at the end"),
        ("x0 x1", 4, 'an operator is missing before "x1"'),
        ("2x0", 2, 'an operator is missing before "x0"'),
        ("x0^-1", 4, "whole number"),
        ("x0^1.5", 4, "whole number"),
        ("x0^x1", 4, "whole number"),
        ("x0^2^3", 5, "parentheses"),
        ("x0^99999999999", 4, "larger than 10000"),
        ("(x0 + 1", 1, "not closed"),
        ("x0 + 1)", 7, "without an opening"),
        ("sin(x0)", 1, "is not polynomial"),
        ("x0/x1", 4, "division by a nonzero number"),
        ("x0/0", 4, "division by a nonzero number"),
        ("x0 + y", 6, "not one of the variables x0, x1, x2"),
        ("x0 $ x1", 4, "cannot stand here"),
        ("x0 * * x1", 6, "where a number"),
        ("x0 <= 1", 4, "a polynomial has no"),
        ("1e999", 1, "too large"),
        ("__import__('os')", 1, "is not polynomial"),
        ("(" * 60 + "x0" + ")" * 60, 51, "nested more than 50"),
        ("(x0+x1+x2)^9999", 11, "too many terms"),
        ("(x0^9000)^2", 10, "degree is larger"),
    ],
)
def test_errors_say_where(text: str, column: int, reason: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse_polynomial(text, ["x0", "x1", "x2"])
    assert f"column {column}: " in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x", "needs one of"),
        ("0 <= x <= 1", "chain"),
        ("x < 1", "needs one of"),
        ("x <=", "missing"),
    ],
)
def test_relation_errors(text: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        parse_relation(text)


def test_long_texts_are_shortened_around_the_place() -> None:
    text = " + ".join(["x0"] * 200) + " + ? " + "+ x0" * 50
    with pytest.raises(FormatError) as caught:
        parse_polynomial(text)
    assert "?" in str(caught.value)
    assert len(str(caught.value)) < 200


def test_against_sympy() -> None:
    sympy = pytest.importorskip("sympy")
    text = "(x0 - 2*x1)^3*(x2 + 1/4) - 3*(x0*x1*x2)^2 + 7"
    expected = po.Polynomial.from_sympy(sympy.sympify(text), ["x0", "x1", "x2"])
    assert parse_polynomial(text, ["x0", "x1", "x2"]).equals(expected)
