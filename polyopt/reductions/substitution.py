"""Affine substitutions ``x = T y + t``, carried out in rational arithmetic.

Removing fixed and unused variables, solving linear equalities and scaling are all of this kind.
The coefficients of the new polynomials are exact sums of products of the given floats; a
substitution is *exact* where every one of them is a float again, so that the new problem is the
old one in other variables and not merely close to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyopt.errors import InvalidProblemError
from polyopt.polynomial.polynomial import Polynomial
from polyopt.polynomial.variables import Variables

#: ``Σ_j a_j y_j + a_c``: coefficients by index of the variable, the constant under -1.
Affine = Mapping[int, Fraction]


@dataclass(frozen=True, slots=True, eq=False)
class Substitution:
    """``x_i = images[i](y)`` for each of the n old variables.

    Attributes
    ----------
    before, after : Variables
        Names of x and of y.
    images : tuple of mappings from int to Fraction
        Affine functions of y; the constant is under -1.
    inverse : mapping from int to (int, Fraction, Fraction)
        For each new variable j the old one i, and ``a, c`` with ``y_j = a x_i + c``.
    reason : str
    """

    before: Variables
    after: Variables
    images: tuple[Affine, ...]
    inverse: Mapping[int, tuple[int, Fraction, Fraction]]
    reason: str

    def apply(self, polynomial: Polynomial) -> tuple[Polynomial, bool]:
        """Substitute, and tell whether all coefficients of the result are exact.

        Raises
        ------
        InvalidProblemError
            A coefficient overflows.
        """
        total: dict[tuple[int, ...], Fraction] = {}
        for row, c in zip(polynomial.rows.tolist(), polynomial.coefficients, strict=True):
            expanded: dict[tuple[int, ...], Fraction] = {(): Fraction(float(c))}
            for i in (entry - 1 for entry in row if entry):
                following: dict[tuple[int, ...], Fraction] = {}
                for monomial, a in expanded.items():
                    for j, b in self.images[i].items():
                        key = monomial if j < 0 else tuple(sorted((*monomial, j)))
                        following[key] = following.get(key, Fraction(0)) + a * b
                expanded = following
            for monomial, a in expanded.items():
                total[monomial] = total.get(monomial, Fraction(0)) + a
        left = {monomial: a for monomial, a in total.items() if a}
        try:
            values = [float(a) for a in left.values()]
        except OverflowError:
            raise InvalidProblemError(
                f"a coefficient overflows when {self.reason}; scale the data"
            ) from None
        width = max(map(len, left), default=0)
        rows = np.zeros((len(left), width), dtype=np.int32)
        for k, monomial in enumerate(left):
            rows[k, width - len(monomial) :] = [j + 1 for j in monomial]
        exact = all(Fraction(v) == a for v, a in zip(values, left.values(), strict=True))
        return Polynomial(self.after, rows, np.array(values)), exact

    def lift(self, points: ArrayLike) -> NDArray[np.float64]:
        """Old coordinates (…, n) of points given in new ones (…, k), rounded."""
        given = np.asarray(points, dtype=np.float64)
        if given.shape[-1:] != (len(self.after),):
            raise InvalidProblemError(
                f"a point of shape {given.shape} does not fit the {len(self.after)} variables of "
                "the reduced problem"
            )
        result = np.zeros((*given.shape[:-1], len(self.before)))
        for i, image in enumerate(self.images):
            for j, a in image.items():
                result[..., i] += float(a) * (given[..., j] if j >= 0 else 1.0)
        return result

    def restrict(self, points: ArrayLike) -> NDArray[np.float64]:
        """New coordinates (…, k) of points given in old ones (…, n)."""
        given = np.asarray(points, dtype=np.float64)
        if given.shape[-1:] != (len(self.before),):
            raise InvalidProblemError(
                f"a point of shape {given.shape} does not fit {len(self.before)} variables"
            )
        result = np.zeros((*given.shape[:-1], len(self.after)))
        for j, (i, a, c) in self.inverse.items():
            result[..., j] = float(a) * given[..., i] + float(c)
        return result


def eliminate(before: Variables, images: Mapping[int, Affine], reason: str) -> Substitution:
    """Replace some variables by affine functions of the others, all in old indices."""
    left = [i for i in range(len(before)) if i not in images]
    position = {i: j for j, i in enumerate(left)}
    forms: list[Affine] = []
    for i in range(len(before)):
        if i in position:
            forms.append({position[i]: Fraction(1)})
        else:
            forms.append({position[k] if k >= 0 else -1: a for k, a in images[i].items() if a})
    inverse = {j: (i, Fraction(1), Fraction(0)) for i, j in position.items()}
    after = Variables(before[i] for i in left)
    return Substitution(before, after, tuple(forms), inverse, reason)


def rescale(before: Variables, scale: list[Fraction], shift: list[Fraction]) -> Substitution:
    """``x_i = scale_i y_i + shift_i``."""
    images = tuple(
        {i: s, **({-1: t} if t else {})} for i, (s, t) in enumerate(zip(scale, shift, strict=True))
    )
    inverse = {i: (i, 1 / s, -t / s) for i, (s, t) in enumerate(zip(scale, shift, strict=True))}
    return Substitution(before, before, images, inverse, "scaling the variables")
