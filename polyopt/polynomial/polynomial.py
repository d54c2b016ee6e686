"""Real polynomials with vectorised arithmetic.

A polynomial is a sorted array of monomials (see :mod:`polyopt.polynomial.monomials`) with one
float coefficient each. The coefficients are taken as the exact real numbers that the floats
are: a proven bound is a bound of the polynomial that is stored.
"""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Complex, Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyopt.errors import InvalidProblemError, UnknownVariableError
from polyopt.polynomial import monomials
from polyopt.polynomial.checks import as_names, real_coefficients
from polyopt.polynomial.monomials import Rows
from polyopt.polynomial.relation import Relation
from polyopt.polynomial.text import short_text
from polyopt.polynomial.variables import Variables, relabelling

if TYPE_CHECKING:
    import sympy

_CHUNK = 4_000_000

_LARGEST_DEGREE = 10_000_000
#: Bytes of a product before equal monomials are merged.
_LARGEST_PRODUCT = 2**33


class Polynomial:
    """A real polynomial in named variables.

    Made by :func:`polyopt.variables`, :meth:`from_arrays`, :meth:`from_sympy`,
    :func:`polyopt.affine`, :func:`polyopt.quadratic`, or from others by ``+ - * **``.
    Comparisons ``<= >= ==`` make constraints; compare values with :meth:`equals`.

    Attributes
    ----------
    variables : Variables
        The n ordered names.
    rows : int array of shape (terms, width)
        Monomials: nondecreasing variable indices plus one, zeros on the left; graded order.
    coefficients : float array of shape (terms,)
        Nonzero.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 2)
    >>> p = (x[0] + 2 * x[1]) ** 2 - 1
    >>> print(p)
    -1 + x0^2 + 4*x0*x1 + 4*x1^2
    >>> p.degree, p([1.0, 1.0])
    (2, 8.0)
    """

    __slots__ = ("coefficients", "rows", "variables")
    # numpy leaves `array * polynomial` to the operators below, which work elementwise.
    __array_ufunc__ = None
    __hash__ = object.__hash__

    variables: Variables
    rows: Rows
    coefficients: NDArray[np.float64]

    def __init__(self, variables: Variables, rows: Rows, coefficients: ArrayLike) -> None:
        coefficients = real_coefficients(coefficients)
        rows = np.asarray(rows, dtype=np.int32)
        if rows.ndim != 2 or rows.shape[0] != coefficients.shape[0]:
            raise InvalidProblemError(
                f"{coefficients.shape[0]} coefficients do not match monomials of shape "
                f"{rows.shape}; give one row for each coefficient"
            )
        self._set(variables, *_collect(rows, coefficients, len(variables)))

    def _set(self, variables: Variables, rows: Rows, coefficients: NDArray[np.float64]) -> None:
        self.variables = variables
        self.rows = rows
        self.coefficients = coefficients

    @classmethod
    def _make(cls, variables: Variables, rows: Rows, coefficients: NDArray[np.float64]) -> Self:
        """Wrap arrays that are sorted, unique and nonzero already."""
        polynomial = cls.__new__(cls)
        polynomial._set(variables, rows, coefficients)
        return polynomial

    @classmethod
    def _sum_terms(
        cls, variables: Variables, rows: Rows, coefficients: NDArray[np.float64]
    ) -> Self:
        """Wrap arrays that still have repeated monomials, checking for overflow."""
        polynomial = cls._make(variables, *_collect(rows, coefficients, len(variables)))
        if not np.isfinite(polynomial.coefficients).all():
            raise InvalidProblemError(
                "a coefficient overflows the range of floating-point numbers; scale the data"
            )
        return polynomial

    @classmethod
    def constant(cls, value: float, variables: Variables | Iterable[str] = ()) -> Self:
        """Give the constant polynomial."""
        names = variables if isinstance(variables, Variables) else Variables(variables)
        number = real_coefficients([value])
        keep = number != 0
        return cls._make(names, np.zeros((int(keep.sum()), 0), dtype=np.int32), number[keep])

    @classmethod
    def from_arrays(
        cls,
        exponents: ArrayLike,
        coefficients: ArrayLike,
        *,
        variables: Variables | Iterable[str] | None = None,
    ) -> Self:
        """Build a polynomial from exponent vectors.

        Parameters
        ----------
        exponents : int array of shape (k, n)
            Nonnegative exponents, a row for each term; equal rows are added up.
        coefficients : float array of shape (k,)
        variables : iterable of str, optional
            The n names; ``x0, x1, …`` when left out.

        Raises
        ------
        InvalidProblemError
            Shapes that do not match, negative or fractional exponents, coefficients that are
            complex, NaN or infinite.

        Examples
        --------
        >>> print(Polynomial.from_arrays([[2, 0], [1, 1]], [1.0, -3.0], variables=["a", "b"]))
        a^2 - 3*a*b
        """
        table = np.asarray(exponents)
        if table.ndim != 2:
            raise InvalidProblemError(
                f"exponents have shape {table.shape}; give a row of n exponents for each term"
            )
        if table.size and not np.issubdtype(table.dtype, np.number):
            raise InvalidProblemError("exponents are not numbers; give nonnegative integers")
        if np.iscomplexobj(table) or not np.all(table == np.floor(table)) or np.any(table < 0):
            bad = table[(table < 0) | (table != np.floor(table))] if table.dtype.kind != "c" else []
            raise InvalidProblemError(
                f"exponents must be nonnegative integers, got {bad[0] if len(bad) else 'complex'}"
            )
        degree = table.sum(axis=1, dtype=np.float64).max(initial=0.0)
        if degree > 10_000:
            raise InvalidProblemError(
                f"a term has degree {degree:.0f}; the largest supported is 10000"
            )
        names = as_names(variables, table.shape[1])
        rows = monomials.from_exponents(table.astype(np.int64))
        return cls(names, rows, coefficients)

    @classmethod
    def from_sympy(
        cls, expression: sympy.Expr, variables: Iterable[object] | None = None
    ) -> Polynomial:
        """Convert a sympy expression; see :func:`polyopt.polynomial.convert.from_sympy`."""
        from polyopt.polynomial.convert import from_sympy

        return from_sympy(expression, variables)

    def to_sympy(self) -> sympy.Expr:
        """Convert to a sympy expression in symbols of the variables' names."""
        from polyopt.polynomial.convert import to_sympy

        return to_sympy(self)

    # -- inspection ------------------------------------------------------------------------

    @property
    def degree(self) -> int:
        """Total degree; 0 for constants, the zero polynomial included."""
        # Rows are graded, so the last has the largest degree.
        return int(np.count_nonzero(self.rows[-1])) if len(self.rows) else 0

    @property
    def number_of_terms(self) -> int:
        """Number of monomials with a nonzero coefficient."""
        return len(self.coefficients)

    @property
    def support(self) -> NDArray[np.intp]:
        """Increasing indices of the variables that occur."""
        used = np.unique(self.rows)
        return (used[used > 0] - 1).astype(np.intp)

    @property
    def constant_term(self) -> float:
        """Coefficient of the monomial 1."""
        if len(self.rows) and not self.rows[0].any():
            return float(self.coefficients[0])
        return 0.0

    @property
    def exponents(self) -> NDArray[np.int64]:
        """Exponent vectors, shape (terms, n), in graded order."""
        return monomials.to_exponents(self.rows, len(self.variables))

    def equals(self, other: object) -> bool:
        """Tell whether both have the same coefficients exactly (names decide, not order)."""
        difference = self - other
        return isinstance(difference, Polynomial) and difference.number_of_terms == 0

    def __call__(self, point: ArrayLike) -> Any:
        """Evaluate at a point of shape (n,) or a batch of shape (k, n).

        Returns
        -------
        float or float array of shape (k,)
        """
        points = np.asarray(point, dtype=np.float64)
        n = len(self.variables)
        if points.ndim not in (1, 2) or points.shape[-1] != n:
            raise InvalidProblemError(
                f"a point of shape {points.shape} does not fit {n} variables; "
                f"give shape ({n},) or (k, {n})"
            )
        batch = np.atleast_2d(points)
        values = np.empty(len(batch))
        step = max(1, _CHUNK // max(1, self.rows.size))
        for start in range(0, len(batch), step):
            part = batch[start : start + step]
            extended = np.concatenate([np.ones((len(part), 1)), part], axis=1)
            product = np.ones((len(part), len(self.rows)))
            for column in range(self.rows.shape[1]):
                product *= extended[:, self.rows[:, column]]
            values[start : start + step] = product @ self.coefficients
        return float(values[0]) if points.ndim == 1 else values

    def derivative(self, index: int) -> Polynomial:
        """Give the partial derivative in the variable of this index."""
        if not 0 <= index < len(self.variables):
            raise UnknownVariableError(
                f"there is no variable {index}; the {len(self.variables)} variables are numbered "
                "from 0"
            )
        hits = self.rows == index + 1
        count = hits.sum(axis=1)
        keep = count > 0
        if not keep.any():
            return Polynomial.constant(0.0, self.variables)
        rows = self.rows[keep].copy()
        rows[np.arange(len(rows)), hits[keep].argmax(axis=1)] = 0
        rows.sort(axis=1)
        return Polynomial._sum_terms(
            self.variables, rows, _product(self.coefficients[keep], count[keep])
        )

    def gradient(self) -> list[Polynomial]:
        """Give the n partial derivatives."""
        zero = Polynomial._make(self.variables, self.rows[:0], self.coefficients[:0])
        result = [zero] * len(self.variables)
        for index in self.support:
            result[index] = self.derivative(int(index))
        return result

    def over(self, variables: Variables, *, place: str = "") -> Polynomial:
        """Give the same polynomial over another set of variables.

        ``place`` says in messages where the polynomial stands.

        Raises
        ------
        UnknownVariableError
            A variable that occurs is not among them.
        """
        if variables is self.variables or variables == self.variables:
            return Polynomial._make(variables, self.rows, self.coefficients)
        rows = relabelling(self.variables, variables)[self.rows]
        if rows.size and rows.min() < 0:
            missing = self.variables[int(self.rows[rows < 0][0]) - 1]
            raise UnknownVariableError(
                f'the variable "{missing}"{f" in {place}" if place else ""} '
                f"is not one of {variables!r}; "
                "add it to the variables or remove it from the polynomial"
            )
        rows.sort(axis=1)
        return Polynomial._sum_terms(variables, rows, self.coefficients)

    # -- arithmetic ------------------------------------------------------------------------

    def _coerce(self, other: object) -> Polynomial | None:
        if isinstance(other, Polynomial):
            return other
        if isinstance(other, (Real, np.number, Complex)):
            return Polynomial.constant(other, self.variables)  # type: ignore[arg-type]
        if type(other).__module__.partition(".")[0] == "sympy":
            return Polynomial.from_sympy(other)
        return None

    def _shared(self, other: Polynomial) -> tuple[Variables, Polynomial, Polynomial]:
        if self.variables is other.variables:
            return self.variables, self, other
        union = self.variables | other.variables
        return union, self.over(union), other.over(union)

    def __add__(self, other: object) -> Any:
        if isinstance(other, np.ndarray):
            return _elementwise(other, self.__add__)
        right = self._coerce(other)
        if right is None:
            return NotImplemented
        variables, left, right = self._shared(right)
        width = max(left.rows.shape[1], right.rows.shape[1])
        rows = np.concatenate(
            [monomials.widen(left.rows, width), monomials.widen(right.rows, width)]
        )
        return Polynomial._sum_terms(
            variables, rows, np.concatenate([left.coefficients, right.coefficients])
        )

    __radd__ = __add__

    def __neg__(self) -> Polynomial:
        return Polynomial._make(self.variables, self.rows, -self.coefficients)

    def __pos__(self) -> Polynomial:
        return self

    def __sub__(self, other: object) -> Any:
        if isinstance(other, np.ndarray):
            return _elementwise(other, self.__sub__)
        right = self._coerce(other)
        return NotImplemented if right is None else self + (-right)

    def __rsub__(self, other: object) -> Any:
        return (-self) + other

    def __mul__(self, other: object) -> Any:
        if isinstance(other, np.ndarray):
            return _elementwise(other, self.__mul__)
        if isinstance(other, (Real, np.number)) and not isinstance(other, np.complexfloating):
            factor = float(real_coefficients([other])[0])
            return Polynomial._sum_terms(
                self.variables, self.rows, _product(self.coefficients, factor)
            )
        right = self._coerce(other)
        if right is None:
            return NotImplemented
        variables, left, right = self._shared(right)
        _require_size(left.number_of_terms * right.number_of_terms, self.degree + right.degree)
        rows = monomials.multiply(left.rows[:, None, :], right.rows[None, :, :])
        coefficients = _product(left.coefficients[:, None], right.coefficients[None, :])
        return Polynomial._sum_terms(
            variables, rows.reshape(coefficients.size, rows.shape[-1]), coefficients.ravel()
        )

    __rmul__ = __mul__

    def __truediv__(self, other: object) -> Any:
        if isinstance(other, (Real, np.number)):
            if other == 0:
                raise InvalidProblemError("a polynomial is divided by zero")
            with np.errstate(over="ignore", invalid="ignore"):
                quotient = self.coefficients / float(other)
            return Polynomial._sum_terms(self.variables, self.rows, quotient)
        if isinstance(other, Polynomial):
            raise InvalidProblemError(
                f"({self}) / ({other}) is not a polynomial; multiply the constraint through "
                "by the denominator"
            )
        return NotImplemented

    def __rtruediv__(self, other: object) -> Any:
        raise InvalidProblemError(
            f"{other} / ({self}) is not a polynomial; multiply the constraint through by the "
            "denominator"
        )

    def __rpow__(self, base: object) -> Any:
        raise InvalidProblemError(
            f"{base} to the power ({self}) is not a polynomial; only constant exponents are"
        )

    def __pow__(self, exponent: object) -> Polynomial:
        if not isinstance(exponent, (int, np.integer)) or exponent < 0:
            raise InvalidProblemError(
                f"a polynomial to the power {exponent!r} is not a polynomial; "
                "the exponent must be a nonnegative integer"
            )
        _require_size(1, max(0, self.degree) * int(exponent))
        result = Polynomial.constant(1.0, self.variables)
        power, rest = self, int(exponent)
        while rest:
            if rest & 1:
                result = result * power
            rest >>= 1
            if rest:
                power = power * power
        return result

    # -- relations -------------------------------------------------------------------------

    def __ge__(self, other: object) -> Any:
        if isinstance(other, np.ndarray):
            return _elementwise(other, self.__ge__)
        right = self._coerce(other)
        return NotImplemented if right is None else Relation(self - right, "inequality")

    def __le__(self, other: object) -> Any:
        if isinstance(other, np.ndarray):
            return _elementwise(other, self.__le__)
        right = self._coerce(other)
        return NotImplemented if right is None else Relation(right - self, "inequality")

    def __eq__(self, other: object) -> Any:
        if isinstance(other, np.ndarray):
            return _elementwise(other, self.__eq__)
        right = self._coerce(other)
        return NotImplemented if right is None else Relation(self - right, "equality")

    def __ne__(self, other: object) -> bool:
        raise InvalidProblemError(
            '"!=" makes no constraint of polynomial optimisation; '
            "compare polynomials with p.equals(q)"
        )

    def __lt__(self, other: object) -> Any:
        raise InvalidProblemError(
            f"the strict inequality {self} < {other} is not closed; write <= instead"
        )

    def __gt__(self, other: object) -> Any:
        raise InvalidProblemError(
            f"the strict inequality {self} > {other} is not closed; write >= instead"
        )

    # -- printing --------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"Polynomial({self})"

    def __str__(self) -> str:
        return short_text(self)


def _collect(
    rows: Rows, coefficients: NDArray[np.float64], number_of_variables: int
) -> tuple[Rows, NDArray[np.float64]]:
    """Sort terms, add up equal monomials, drop zeros and unused columns."""
    if len(rows) > 1:
        distinct, inverse = monomials.unique_rows(rows, number_of_variables)
        with np.errstate(over="ignore", invalid="ignore"):
            sums = np.bincount(inverse, weights=coefficients, minlength=len(distinct))
            total = sums.astype(np.float64, copy=False)
    else:
        distinct, total = rows, coefficients.astype(np.float64)
    keep = total != 0
    if not keep.all():
        distinct, total = distinct[keep], total[keep]
    return monomials.trim(distinct), total


def _product(left: NDArray[np.float64], right: Any) -> NDArray[np.float64]:
    """Multiply coefficients; an overflow is reported by whoever sums the terms."""
    with np.errstate(over="ignore", invalid="ignore"):
        result: NDArray[np.float64] = left * right
    return result


def _elementwise(array: NDArray[Any], operation: Any) -> NDArray[Any]:
    result = np.empty(array.shape, dtype=object)
    for index in np.ndindex(*array.shape):
        result[index] = operation(array[index])
    return result


def _require_size(terms: int, degree: int) -> None:
    """Refuse products that no memory holds, before taking any."""
    if degree > _LARGEST_DEGREE:
        raise InvalidProblemError(
            f"the result would have degree {degree}; at most {_LARGEST_DEGREE} is possible"
        )
    if terms * (24.0 + 8.0 * degree) > _LARGEST_PRODUCT:
        raise InvalidProblemError(
            f"the product has {terms} terms of degree up to {degree} before equal ones are "
            "merged, which is too many; introduce variables with equations for the factors"
        )
