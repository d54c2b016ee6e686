"""Monomial bases of multipliers, built only when they are needed.

A basis of all monomials up to a degree is kept as its variables and its degree, so that a plan
can be printed for relaxations far too large to build, and so that the assembly can build all
bases of one shape in one step.
"""

from __future__ import annotations

from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyopt.polynomial import monomials
from polyopt.polynomial.monomials import Rows


class Basis:
    """An ordered list of distinct monomials.

    Use :meth:`full` for all monomials up to a degree and :meth:`of_rows` for any others.

    Attributes
    ----------
    size : int
        Number of monomials.
    width : int
        Width of the rows: the degree of a full basis.

    Examples
    --------
    >>> Basis.full([0, 3], 2).size
    6
    >>> Basis.constant().rows.tolist()
    [[]]
    """

    __slots__ = ("_rows", "degree", "size", "variables")

    variables: NDArray[np.intp] | None
    degree: int
    size: int
    _rows: Rows | None

    @classmethod
    def full(cls, variables: ArrayLike, degree: int) -> Basis:
        """All monomials of at most ``degree`` in the variables of these increasing indices."""
        basis = cls.__new__(cls)
        basis.variables = np.asarray(variables, dtype=np.intp)
        basis.degree = degree
        basis.size = comb(len(basis.variables) + degree, degree)
        basis._rows = None
        return basis

    @classmethod
    def of_rows(cls, rows: Rows) -> Basis:
        """Basis of the given monomials, an int array of shape (size, width)."""
        basis = cls.__new__(cls)
        basis.variables = None
        basis.degree = rows.shape[1]
        basis.size = len(rows)
        basis._rows = rows
        return basis

    @classmethod
    def constant(cls) -> Basis:
        """Basis of the monomial 1 alone."""
        return cls.of_rows(np.zeros((1, 0), dtype=np.int32))

    @property
    def width(self) -> int:
        """Width of the rows."""
        return self.degree

    @property
    def rows(self) -> Rows:
        """The monomials, int array of shape (size, width)."""
        if self._rows is None:
            assert self.variables is not None
            self._rows = monomials.all_monomials(self.variables, self.degree)
        return self._rows

    @property
    def shape_key(self) -> tuple[int, int, bool]:
        """Bases with the same key can be stacked by :func:`stack`."""
        return (self.size, self.width, self.variables is not None)

    def __len__(self) -> int:
        return self.size

    def __repr__(self) -> str:
        if self.variables is not None:
            return f"<Basis: degree {self.degree} in {len(self.variables)} variables, {self.size}>"
        return f"<Basis: {self.size} monomials>"


def stack(bases: list[Basis]) -> Rows:
    """Rows of bases of one shape, int array of shape (len(bases), size, width).

    Examples
    --------
    >>> stack([Basis.full([0], 1), Basis.full([2], 1)]).tolist()
    [[[0], [1]], [[0], [3]]]
    """
    first = bases[0]
    if first.variables is None:
        return np.stack([basis.rows for basis in bases])
    if first.degree == 0:
        # The monomial 1 alone, whatever the numbers of variables are.
        return np.zeros((len(bases), 1, 0), dtype=np.int32)
    names = np.zeros((len(bases), len(first.variables) + 1), dtype=np.int32)
    names[:, 1:] = np.stack([basis.variables for basis in bases if basis.variables is not None])
    names[:, 1:] += 1
    template = monomials.all_monomials(np.arange(len(first.variables)), first.degree)
    # Cliques are increasing, so that the relabelled rows stay sorted.
    return names[:, template]
