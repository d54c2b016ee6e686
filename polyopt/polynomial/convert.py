"""Polynomials from and to sympy. The only file of the engine that imports sympy.

sympy is a way in and out, never the hot path: expanding a product of 465 by 465 terms in 30
variables takes half a minute there and 0.05 s with packed keys.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from polyopt.errors import InvalidProblemError, NotPolynomialError, UnknownVariableError
from polyopt.polynomial.polynomial import Polynomial
from polyopt.polynomial.relation import Relation
from polyopt.polynomial.variables import Variables

if TYPE_CHECKING:
    import sympy

#: Terms and degree of what a sympy expression expands to, at most.
_MOST_TERMS = 2_000_000


def is_sympy(item: object) -> bool:
    """Tell whether an object comes from sympy, without importing it."""
    # Classes that sympy makes for undefined functions have no module.
    return any(str(kind.__module__).partition(".")[0] == "sympy" for kind in type(item).__mro__)


def variable_names(variables: Iterable[object]) -> Variables:
    """Names of variables given as strings, sympy symbols or generator polynomials."""
    if isinstance(variables, str) or not hasattr(variables, "__iter__"):
        kind = "the string " if isinstance(variables, str) else ""
        raise InvalidProblemError(
            f"the variables are {kind}{variables!r}; give a list of names or symbols"
        )
    names = []
    for item in variables:
        if isinstance(item, Polynomial):
            if item.number_of_terms != 1 or item.degree != 1 or item.coefficients[0] != 1:
                raise InvalidProblemError(f"{item} is not a variable; give a generator or a name")
            names.append(item.variables[int(item.support[0])])
        elif isinstance(item, str):
            names.append(item)
        elif is_sympy(item) and getattr(item, "is_Symbol", False):
            names.append(str(item))
        else:
            raise InvalidProblemError(f"{item!r} is not a variable; give a name or a symbol")
    return Variables(names)


def from_sympy(
    expression: Any, variables: Iterable[object] | None = None, *, place: str = ""
) -> Polynomial:
    """Convert a sympy expression, expanding it where necessary.

    Parameters
    ----------
    expression : sympy expression
    variables : iterable of str, symbols or generators, optional
        The n variables in order. Left out, the symbols that occur, by name (numbers in names
        in numerical order: x2 before x10).
    place : str
        Where the expression stands, for messages, such as ``"inequality 3"``.

    Raises
    ------
    NotPolynomialError
        Names the term that is not polynomial.
    UnknownVariableError
        Names the symbol that is not one of ``variables``.
    InvalidProblemError
        A coefficient that is complex, NaN or infinite.

    Examples
    --------
    >>> import sympy
    >>> s, t = sympy.symbols("s t")
    >>> print(from_sympy((s + t) ** 2 / 2))
    0.5*s^2 + s*t + 0.5*t^2
    """
    import sympy

    expression = sympy.sympify(expression)
    where = f" in {place}" if place else ""
    symbols = sorted(expression.free_symbols, key=lambda s: natural_key(str(s)))
    found = [str(symbol) for symbol in symbols]
    if len(set(found)) != len(found):
        twin = next(name for name in found if found.count(name) > 1)
        raise InvalidProblemError(
            f'two different symbols are both named "{twin}" (their assumptions differ); '
            "use one of them throughout"
        )
    names = Variables(found) if variables is None else variable_names(variables)
    for name in found:
        if name not in names:
            raise UnknownVariableError(
                f'the variable "{name}"{where} is not one of {names!r}; '
                f"add it to the variables or remove it from {expression}"
            )
    if expression.is_Boolean or not isinstance(expression, sympy.Expr):
        raise NotPolynomialError(f'"{expression}"{where} is not a polynomial expression')
    if not symbols:
        return Polynomial.constant(_real(expression, where), names)
    size = _terms_at_most(expression)
    if size > _MOST_TERMS:
        raise InvalidProblemError(
            f"{place or 'the expression'} has powers and products that expand to up to {size:.2g} "
            "terms or degrees; write it with fewer, or introduce variables with equations"
        )
    try:
        terms = sympy.Poly(expression, *symbols).terms()
    except sympy.polys.polyerrors.BasePolynomialError:
        raise NotPolynomialError(
            f'"{_culprit(expression, symbols)}"{where} is not polynomial in ({_listed(names)})'
        ) from None
    exponents = np.array([monomial for monomial, _ in terms], dtype=np.int64)
    coefficients = [_real(coefficient, where) for _, coefficient in terms]
    small = Polynomial.from_arrays(exponents, coefficients, variables=found)
    return small.over(names)


def to_sympy(polynomial: Polynomial) -> Any:
    """Convert to a sympy expression; the inverse of :func:`from_sympy`.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 2)
    >>> to_sympy(2 * x[0] * x[1] - 1)
    2.0*x0*x1 - 1.0
    """
    import sympy

    symbols = [sympy.Symbol(name) for name in polynomial.variables]
    return sympy.Add(
        *(
            sympy.Mul(sympy.Float(float(c)), *(symbols[i - 1] for i in row if i > 0))
            for row, c in zip(polynomial.rows.tolist(), polynomial.coefficients, strict=True)
        )
    )


def relation_from_sympy(
    relation: Any, variables: Iterable[object] | None = None, *, place: str = ""
) -> Relation:
    """Convert a sympy ``Eq``, ``<=`` or ``>=``; strict inequalities are refused."""
    import sympy

    where = f" in {place}" if place else ""
    if isinstance(relation, (sympy.StrictLessThan, sympy.StrictGreaterThan)):
        raise InvalidProblemError(
            f"the strict inequality {relation}{where} is not closed; write <= or >="
        )
    if isinstance(relation, (sympy.GreaterThan, sympy.LessThan)):
        difference = relation.gts - relation.lts
        return Relation(from_sympy(difference, variables, place=place), "inequality")
    if isinstance(relation, sympy.Equality):
        difference = relation.lhs - relation.rhs
        return Relation(from_sympy(difference, variables, place=place), "equality")
    raise InvalidProblemError(
        f'"{relation}"{where} is not a constraint; write it with <=, >= or sympy.Eq'
    )


def natural_key(name: str) -> list[tuple[int, str | int]]:
    """Sort key that puts x2 before x10."""
    return [
        (1, int(part)) if part.isdigit() and part.isascii() else (0, part)
        for part in re.split(r"([0-9]+)", name)
    ]


def _real(coefficient: Any, where: str) -> float:
    try:
        value = complex(coefficient)
    except (TypeError, ValueError, OverflowError):
        raise NotPolynomialError(f'"{coefficient}"{where} is not a floating-point number') from None
    if value.imag != 0:
        raise InvalidProblemError(
            f"the coefficient {coefficient}{where} is complex; polyopt works with real polynomials"
        )
    if not np.isfinite(value.real):
        raise InvalidProblemError(
            f"the coefficient {coefficient}{where} is not finite; "
            "coefficients must be finite numbers"
        )
    return value.real


def _listed(names: Variables) -> str:
    shown = names.names if len(names) <= 8 else (*names.names[:3], "…", names.names[-1])
    return ", ".join(shown)


def _culprit(expression: Any, symbols: list[sympy.Symbol]) -> Any:
    """Smallest part of an expression that is itself not polynomial."""
    import sympy

    transparent = isinstance(expression, (sympy.Add, sympy.Mul)) or (
        isinstance(expression, sympy.Pow)
        and expression.exp.is_Integer
        and expression.exp.is_nonnegative
    )
    for part in expression.args if transparent else ():
        if not part.is_polynomial(*symbols):
            return _culprit(part, symbols)
    return expression


def _terms_at_most(expression: Any) -> float:
    """Bound of the degree and the number of terms after expansion, as the size of both."""
    terms, degree = _expanded(expression)
    variables = len(expression.free_symbols)
    dense = math.exp(min(700.0, _log_binomial(variables + degree, variables)))
    return max(min(terms, dense), degree)


def _expanded(expression: Any) -> tuple[float, float]:
    """Numbers of terms and degree after expansion, at most."""
    if not expression.args:
        return 1.0, 1.0 if expression.free_symbols else 0.0
    if expression.is_Pow:
        if not (expression.exp.is_Integer and expression.exp.is_positive):
            return 1.0, 1.0
        terms, degree = _expanded(expression.base)
        exponent = float(min(expression.exp, 10**300))
        logarithm = _log_binomial(terms + exponent - 1.0, exponent) if terms > 1 else 0.0
        return math.exp(min(700.0, logarithm)), min(1e300, degree * exponent)
    parts = [_expanded(part) for part in expression.args]
    if expression.is_Add:
        return min(1e300, sum(t for t, _ in parts)), max(d for _, d in parts)
    if expression.is_Mul:
        logarithm = sum(math.log(t) for t, _ in parts)
        return math.exp(min(700.0, logarithm)), min(1e300, sum(d for _, d in parts))
    return 1.0, 1.0


def _log_binomial(n: float, k: float) -> float:
    """Logarithm of ``n`` over ``k``, from above where the numbers are very large."""
    if n > 1e15:
        return min(k, n - k) * math.log(n) if min(k, n - k) < 1e3 else math.inf
    return math.lgamma(n + 1.0) - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0)
