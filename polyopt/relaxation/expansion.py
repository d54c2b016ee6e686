"""The monomials in the entries of a relaxation, numbered; no coefficients.

Refinements that look at supports (term sparsity, Newton polytope) ask two questions: which entries
of ``p B Bᵀ`` (PSD) or ``p B`` (other cones) have a monomial in a given set, and which monomials a
given set of entries has. With the monomials numbered once both are a gather or a scatter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polyopt.errors import RelaxationError
from polyopt.polynomial import monomials
from polyopt.polynomial.basis import stack
from polyopt.polynomial.monomials import Keys, Rows
from polyopt.polynomial.normal_form import Rules, reduce_rows
from polyopt.relaxation.multiplier import Cone, Multiplier
from polyopt.relaxation.plan import check_memory, resolve_limit
from polyopt.relaxation.relaxation import Relaxation

Index = NDArray[np.intp]
Flags = NDArray[np.bool_]

# Numbers of a chunk of expanded rows: bounds the memory beyond the keys themselves.
_CHUNK = 8_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Expansion:
    """Entries and monomials of all multipliers.

    Attributes
    ----------
    number_of_variables, width : int
    keys : array of shape (N,)
        Packed keys of the distinct monomials, increasing.
    offsets : int array of shape (multipliers + 1,)
        First entry of each multiplier. The entries of a PSD multiplier are those of the upper
        triangle column by column: ``(i, j)`` with ``i <= j`` is entry ``j (j + 1) / 2 + i``.
    parts : tuple of (int array (e,), int array (e, t))
        Entries, and the numbers of their monomials.
    rules : int array of shape (n,), optional
        Monomials are taken in normal form; see :mod:`polyopt.relaxation.quotient`.
    """

    number_of_variables: int
    width: int
    keys: Keys
    offsets: Index
    parts: tuple[tuple[Index, Index], ...]
    rules: Rules | None = None

    def touching(self, support: Flags) -> Flags:
        """Entries that have a monomial of the support (N,), shape (entries,)."""
        result = np.zeros(self.offsets[-1], dtype=bool)
        for entries, numbers in self.parts:
            result[entries] = support[numbers].any(axis=1)
        return result

    def monomials_of(self, chosen: Flags) -> Flags:
        """Monomials of the chosen entries (entries,), shape (N,)."""
        result = np.zeros(len(self.keys), dtype=bool)
        for entries, numbers in self.parts:
            result[numbers[chosen[entries]]] = True
        return result

    def flags(self, rows: Rows) -> Flags:
        """Flag the monomials of these rows; those that are in no entry are left out."""
        result = np.zeros(len(self.keys), dtype=bool)
        if self.rules is not None:
            rows = reduce_rows(rows, self.rules)
        rows = monomials.trim(rows)
        rows = rows[monomials.degrees(rows) <= self.width]
        wide = monomials.widen(rows[:, max(0, rows.shape[1] - self.width) :], self.width)
        keys = monomials.pack(wide, self.number_of_variables)
        found = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        result[found[self.keys[found] == keys]] = True
        return result

    def rows(self, chosen: Flags) -> Rows:
        """Give the chosen monomials as rows."""
        return monomials.unpack(self.keys[chosen], self.number_of_variables, self.width)


def expand(relaxation: Relaxation) -> Expansion:
    """Number the monomials of all entries of a relaxation.

    Raises
    ------
    MemoryEstimateError
        They would not fit into the memory that is available.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 2)
    >>> expansion = expand(po.putinar(po.minimize(x[0] ** 4 + x[1] ** 4), order=2))
    >>> len(expansion.keys), int(expansion.offsets[-1])
    (15, 21)
    """
    require_monomials(relaxation)
    multipliers, sizes = relaxation.multipliers, relaxation.plan
    # Keys, their sorting order and its inverse; a few indices for each entry.
    needed = 32.0 * sizes.coefficients + 40.0 * sizes.entries
    check_memory(needed, resolve_limit("available"), "refining the bases", sizes)
    number = relaxation.problem.number_of_variables
    lengths = [m.entries for m in multipliers]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.intp)
    width = max(
        (2 if m.cone is Cone.PSD else 1) * m.basis.width + m.polynomial.rows.shape[1]
        for m in multipliers
    )
    entries, keys = [], []
    for members in _chunks(multipliers):
        group = [multipliers[k] for k in members]
        rows = _products(group)
        place = (offsets[members][:, None] + np.arange(rows.shape[1])).ravel()
        if group[0].components is not None:
            rows, place = _used_terms(group, rows, place)
        entries.append(place)
        if relaxation.rules is not None:
            rows = reduce_rows(rows, relaxation.rules)
        packed = monomials.pack(monomials.widen(rows, width), number)
        keys.append(packed.reshape(-1, rows.shape[2]))
    unique, inverse = np.unique(np.concatenate([k.ravel() for k in keys]), return_inverse=True)
    ends = np.cumsum([k.size for k in keys])
    numbers = np.split(inverse.reshape(-1), ends[:-1])
    parts = tuple(
        (entry, flat.reshape(key.shape))
        for entry, flat, key in zip(entries, numbers, keys, strict=True)
    )
    return Expansion(number, width, unique, offsets, parts, relaxation.rules)


def require_monomials(relaxation: Relaxation) -> None:
    """Refuse normal forms that are no monomials.

    Raises
    ------
    RelaxationError
    """
    if relaxation.normal_forms is not None:
        raise RelaxationError(
            "this refinement needs products of monomials to be monomials, but the relaxation is "
            "taken modulo a Gröbner basis; apply GroebnerQuotient after it"
        )


def triangle(size: int) -> tuple[Index, Index]:
    """Rows and columns ``i <= j`` of the entries of a PSD multiplier, in their order."""
    j, i = np.tril_indices(size)
    return i, j


def _chunks(multipliers: tuple[Multiplier, ...]) -> Iterator[list[int]]:
    """Multipliers whose entries can be expanded together, not too many at once."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for k, m in enumerate(multipliers):
        matrix = m.components is not None
        shape = (m.cone is Cone.PSD, matrix, m.basis.shape_key, m.polynomial.rows.shape)
        groups.setdefault(shape, []).append(k)
    for members in groups.values():
        first = multipliers[members[0]]
        terms, width = first.polynomial.rows.shape
        size = first.entries * max(1, terms) * (width + 2 * first.basis.width + 1)
        step = max(1, _CHUNK // size)
        for start in range(0, len(members), step):
            yield members[start : start + step]


def _used_terms(group: list[Multiplier], rows: Rows, place: Index) -> tuple[Rows, Index]:
    """Give the monomials that an entry of a matrix has, one of them repeated for the others."""
    used = (np.stack([m.weights() for m in group]) != 0).reshape(len(place), -1)
    flat = rows.reshape(len(place), used.shape[1], -1)
    term = np.where(used, np.arange(used.shape[1]), used.argmax(axis=1)[:, None])
    chosen = np.take_along_axis(flat, term[:, :, None], axis=1)
    kept = used.any(axis=1)
    return chosen[kept][None], place[kept]


def _products(group: list[Multiplier]) -> Rows:
    """Monomials of the entries, shape (multipliers, entries, terms, width)."""
    bases = stack([m.basis for m in group])
    if group[0].cone is Cone.PSD:
        i, j = triangle(bases.shape[1])
        bases = monomials.multiply(bases[:, i], bases[:, j])
    terms = np.stack([m.polynomial.rows for m in group])[:, None]
    return monomials.multiply(bases[:, :, None], terms)
