"""Polynomials from text, by a small parser that evaluates nothing but arithmetic.

Grammar (``**`` and ``^`` mean the same; whitespace is free)::

    relation = sum [("<=" | ">=" | "==" | "=") sum]
    sum      = product (("+" | "-") product)*
    product  = signed (("*" | "/") signed)*          divisors are nonzero numbers
    signed   = ("+" | "-")* power
    power    = atom [("^" | "**") whole number]
    atom     = number | name | "(" sum ")"

A name is a letter or underscore followed by letters, digits and underscores, and perhaps indices in
brackets, as in ``x[2]``. Sizes are bounded, so that a short hostile text cannot fill the memory.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from polyopt.errors import FormatError
from polyopt.polynomial.polynomial import Polynomial
from polyopt.polynomial.relation import Relation
from polyopt.polynomial.variables import Variables

NAME = re.compile(r"[^\W\d]\w*(?:\[\d+(?:,\d+)*\])?")
_TOKEN = re.compile(
    rf"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>{NAME.pattern})"
    r"|(?P<sign>\*\*|<=|>=|==|[-+*/^()=])|(?P<wrong>\S))"
)
_RELATIONS = ("<=", ">=", "==", "=")
#: Bounds on the degree, on terms times degree, and on nesting.
_LARGEST_DEGREE = 10_000
_MOST_ENTRIES = 5_000_000
_DEEPEST = 50

#: Monomial (sorted variable indices with repetition) to coefficient.
_Terms = dict[tuple[int, ...], float]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int


def parse_polynomial(text: str, variables: Iterable[str] | None = None) -> Polynomial:
    """Read a polynomial.

    Parameters
    ----------
    text : str
        See the module's docstring for the grammar.
    variables : iterable of str, optional
        The names that may occur, in order. Left out: those of the text in order of appearance.

    Raises
    ------
    FormatError
        With the column of what cannot be read.

    Examples
    --------
    >>> print(parse_polynomial("x0^2*x1 - 3*(x2 - 1)/2"))
    1.5 - 1.5*x2 + x0^2*x1
    >>> parse_polynomial("2 x0")
    Traceback (most recent call last):
        ...
    polyopt.errors.FormatError: "2 x0", column 3: an operator is missing before "x0"
    """
    parser = _Parser(text, variables)
    terms = parser.sum()
    token = parser.peek()
    if token.text in _RELATIONS:
        parser.fail(token, f"a polynomial has no {token.text!r}")
    parser.expect_end()
    return parser.polynomial(terms)


def parse_relation(text: str, variables: Iterable[str] | None = None) -> Relation:
    """Read a comparison of two polynomials; see :func:`parse_polynomial`.

    Examples
    --------
    >>> print(parse_relation("x^2 + y^2 <= 1"))
    1 - x^2 - y^2 >= 0
    """
    parser = _Parser(text, variables)
    left = parser.sum()
    sign = parser.take()
    if sign.text not in _RELATIONS:
        parser.fail(sign, "a constraint needs one of <=, >=, ==")
    right = parser.sum()
    if parser.peek().text in _RELATIONS:
        parser.fail(parser.peek(), "write two constraints instead of a chain")
    parser.expect_end()
    if sign.text == "<=":
        left, right = right, left
    difference = parser.polynomial(_add(left, right, -1.0))
    return Relation(difference, "inequality" if sign.text in ("<=", ">=") else "equality")


def polynomial_text(polynomial: Polynomial) -> str:
    """Write a polynomial so that :func:`parse_polynomial` reads the same coefficients, bit by bit.

    Examples
    --------
    >>> print(polynomial_text(parse_polynomial("x/3 - y^2")))
    0.3333333333333333*x - y^2
    """
    names = polynomial.variables.names
    parts: list[str] = []
    for row, coefficient in zip(polynomial.rows, polynomial.coefficients.tolist(), strict=True):
        index, power = np.unique(row[row > 0], return_counts=True)
        factors = [
            names[i - 1] + (f"^{k}" if k > 1 else "")
            for i, k in zip(index.tolist(), power.tolist(), strict=True)
        ]
        size = abs(coefficient)
        if not factors or size != 1:
            factors.insert(0, repr(size).removesuffix(".0"))
        sign = "-" if coefficient < 0 else "+"
        body = "*".join(factors)
        parts.append(f"{sign} {body}" if parts else ("-" + body if sign == "-" else body))
    return " ".join(parts) or "0"


class _Parser:
    def __init__(self, text: str, variables: Iterable[str] | None) -> None:
        self.text = text
        self._open = variables is None
        self._names = {name: i for i, name in enumerate(variables or ())}
        self._depth = 0
        self._place = 0
        self._tokens = []
        for found in _TOKEN.finditer(text):
            kind = str(found.lastgroup)
            self._tokens.append(_Token(kind, found[kind], found.start(kind) + 1))
        self._tokens.append(_Token("end", "", len(text) + 1))

    def fail(self, token: _Token, reason: str) -> NoReturn:
        shown = self.text
        if len(shown) > 60:
            start = max(0, token.column - 31)
            shown = ("…" if start else "") + shown[start : start + 60] + "…"
        raise FormatError(f'"{shown}", column {token.column}: {reason}')

    def peek(self) -> _Token:
        return self._tokens[self._place]

    def take(self) -> _Token:
        token = self._tokens[self._place]
        self._place += token.kind != "end"
        return token

    def expect_end(self) -> None:
        token = self.peek()
        if token.kind in ("number", "name") or token.text == "(":
            self.fail(token, f'an operator is missing before "{token.text}"')
        if token.text == ")":
            self.fail(token, "a closing parenthesis without an opening one")
        if token.kind != "end":
            self.fail(token, f'"{token.text}" cannot stand here')

    def polynomial(self, terms: _Terms) -> Polynomial:
        width = max(map(len, terms), default=0)
        if width * len(terms) > _MOST_ENTRIES:
            self.fail(self.peek(), "the polynomial has too many terms of too high a degree")
        rows = np.zeros((len(terms), width), dtype=np.int32)
        for row, monomial in zip(rows, terms, strict=True):
            row[width - len(monomial) :] = np.array(monomial, dtype=np.int32) + 1
        return Polynomial(Variables(self._names), rows, list(terms.values()))

    def sum(self) -> _Terms:
        total = dict(self.product())
        while self.peek().text in ("+", "-"):
            sign = -1.0 if self.take().text == "-" else 1.0
            for monomial, coefficient in self.product().items():
                total[monomial] = total.get(monomial, 0.0) + sign * coefficient
        return total

    def product(self) -> _Terms:
        result = self.signed()
        while self.peek().text in ("*", "/"):
            sign = self.take()
            right_token = self.peek()
            right = self.signed()
            if sign.text == "/":
                if any(right) or not right.get((), 0.0):
                    self.fail(right_token, "only division by a nonzero number is possible")
                result = {monomial: value / right[()] for monomial, value in result.items()}
            else:
                result = self.multiply(result, right, sign)
        return result

    def signed(self) -> _Terms:
        negative = False
        while self.peek().text in ("+", "-"):
            negative ^= self.take().text == "-"
        result = self.power()
        return {monomial: -value for monomial, value in result.items()} if negative else result

    def power(self) -> _Terms:
        base = self.atom()
        sign = self.peek()
        if sign.text not in ("^", "**"):
            return base
        self.take()
        token = self.take()
        if token.kind != "number" or not token.text.isdecimal():
            self.fail(token, "an exponent must be a whole number, at least 0")
        if len(token.text) > 5 or int(token.text) > _LARGEST_DEGREE:
            self.fail(token, f"the exponent is larger than {_LARGEST_DEGREE}")
        if self.peek().text in ("^", "**"):
            self.fail(self.peek(), "write parentheses around one of the powers")
        exponent = int(token.text)
        result: _Terms = {(): 1.0}
        while exponent:
            if exponent & 1:
                result = self.multiply(result, base, sign)
            exponent >>= 1
            if exponent:
                base = self.multiply(base, base, sign)
        return result

    def atom(self) -> _Terms:
        token = self.take()
        if token.kind == "number":
            value = float(token.text)
            if not math.isfinite(value):
                self.fail(token, "the number is too large")
            return {(): value}
        if token.kind == "name":
            return {(self.variable(token),): 1.0}
        if token.text == "(":
            self._depth += 1
            if self._depth > _DEEPEST:
                self.fail(token, f"parentheses are nested more than {_DEEPEST} deep")
            inside = self.sum()
            self._depth -= 1
            closing = self.take()
            if closing.text != ")":
                if closing.kind == "end":
                    self.fail(token, "the parenthesis is not closed")
                self._place -= 1
                self.expect_end()
            return inside
        if token.kind == "end":
            self.fail(token, "a number, a variable or a parenthesis is missing at the end")
        self.fail(token, f'found "{token.text}" where a number, a variable or "(" should be')

    def variable(self, token: _Token) -> int:
        if self.peek().text == "(":
            self.fail(token, f'"{token.text}(" is not polynomial; use + - * ^ only')
        if token.text not in self._names:
            if not self._open:
                names = list(self._names)
                known = ", ".join(names if len(names) <= 8 else (*names[:3], "…", names[-1]))
                self.fail(token, f'"{token.text}" is not one of the variables {known}')
            self._names[token.text] = len(self._names)
        return self._names[token.text]

    def multiply(self, left: _Terms, right: _Terms, sign: _Token) -> _Terms:
        degree = max(map(len, left), default=0) + max(map(len, right), default=0)
        if degree > _LARGEST_DEGREE:
            self.fail(sign, f"the degree is larger than {_LARGEST_DEGREE}")
        if len(left) * len(right) * max(1, degree) > _MOST_ENTRIES:
            self.fail(sign, "the product has too many terms; write the polynomial out as arrays")
        result: _Terms = {}
        for a, first in left.items():
            for b, second in right.items():
                monomial = tuple(sorted(a + b))
                result[monomial] = result.get(monomial, 0.0) + first * second
        return result


def _add(left: _Terms, right: _Terms, factor: float) -> _Terms:
    result = dict(left)
    for monomial, coefficient in right.items():
        result[monomial] = result.get(monomial, 0.0) + factor * coefficient
    return result
