"""From any list of multipliers to the sparse data of a conic program, in one vectorised pass.

On the moment side every multiplier ``(p, B, cone)`` asks that the matrix ``L_y(p B Bᵀ)`` (PSD) or
the vector ``L_y(p B)`` (nonnegative, free) lies in a cone, and each entry is a linear function of
the moments ``y_α``. For a matrix p each entry has weights of its own. Multipliers of one shape are
expanded together: rows of monomials are merged, sorted and packed into keys, and one ``unique``
over all keys numbers the moments. Time and memory are linear in the number of entries times the
number of terms of p, up to that sort.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from polyopt.conic.program import Cones
from polyopt.errors import RelaxationError
from polyopt.polynomial import monomials
from polyopt.polynomial.basis import stack
from polyopt.polynomial.ideal import NormalForms
from polyopt.polynomial.monomials import Keys, Rows
from polyopt.polynomial.normal_form import Rules, reduce_rows
from polyopt.polynomial.polynomial import Polynomial
from polyopt.relaxation.multiplier import Cone, Multiplier

Index = NDArray[np.intp]

_CONE_ORDER = (Cone.FREE, Cone.NONNEGATIVE, Cone.SECOND_ORDER, Cone.PSD)


@dataclass(frozen=True, slots=True)
class Assembly:
    """Sparse description of all blocks over the moments that occur.

    Attributes
    ----------
    number_of_variables : int
    moments : int array of shape (N, width)
        Monomials of the moments in graded order; the first is 1.
    keys : array of shape (N,)
        Their packed keys, increasing.
    row, column : int arrays of shape (nnz,)
        Entry ``row`` of the stacked blocks has the coefficient ``value`` at moment ``column``.
    value : float array of shape (nnz,)
        Off-diagonal entries of PSD blocks carry the factor sqrt(2) of svec.
    cones : Cones
        Sizes in the row order zero, nonnegative, second-order, psd.
    offsets, lengths : int arrays of shape (number of multipliers,)
        Rows of each multiplier's block.
    rules : int array of shape (n,), optional
        Monomials are taken in normal form; see :mod:`polyopt.polynomial.normal_form`.
    normal_forms : NormalForms, optional
        Polynomials are taken in normal form; see :mod:`polyopt.polynomial.ideal`.
    """

    number_of_variables: int
    moments: Rows
    keys: Keys
    row: Index
    column: Index
    value: NDArray[np.float64]
    cones: Cones
    offsets: Index
    lengths: Index
    rules: Rules | None = None
    normal_forms: NormalForms | None = None

    def positions(self, rows: Rows) -> Index:
        """Give the position of each monomial among the moments, -1 where it is not one."""
        width = self.moments.shape[1]
        if self.rules is not None:
            rows = reduce_rows(rows, self.rules)
        rows = monomials.trim(rows)
        result = np.full(len(rows), -1, dtype=np.intp)
        fits = monomials.degrees(rows) <= width
        keys = monomials.pack(
            monomials.widen(rows[fits][:, -width:] if width else rows[fits][:, :0], width),
            self.number_of_variables,
        )
        found = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        result[fits] = np.where(self.keys[found] == keys, found, -1)
        return result

    def vector(self, polynomial: Polynomial, name: str) -> NDArray[np.float64]:
        """Coefficients of a polynomial on the moments, shape (N,).

        Raises
        ------
        RelaxationError
            A monomial that no multiplier covers: the relaxation would have no bound.
        """
        rows, coefficients = polynomial.rows, polynomial.coefficients
        if self.normal_forms is not None:
            rows, which, where, value = self.normal_forms.matrix(rows)
            weights = value * coefficients[which]
            coefficients = np.bincount(where, weights=weights, minlength=len(rows)).astype(float)
        position = self.positions(rows)
        if (position < 0).any():
            missing = Polynomial._make(polynomial.variables, rows[position < 0][:1], np.ones(1))
            raise RelaxationError(
                f"the monomial {missing} of {name} is covered by no multiplier, so this "
                "relaxation has no bound; raise the order or use larger cliques or bases"
            )
        # Different monomials may have one normal form.
        return np.bincount(position, weights=coefficients, minlength=len(self.moments)).astype(
            np.float64
        )

    def values(self, rows: Rows, moments: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of monomials (k, width) from those of the moments (N,), NaN where none is."""
        padded: NDArray[np.float64] = np.append(moments, np.nan)
        if self.normal_forms is None:
            return padded[self.positions(rows)]
        standard, which, where, value = self.normal_forms.matrix(rows)
        known = padded[self.positions(standard)]
        weights = value * known[where]
        return np.bincount(which, weights=weights, minlength=len(rows)).astype(np.float64)


def assemble(
    multipliers: tuple[Multiplier, ...], number_of_variables: int, rules: Rules | None = None
) -> Assembly:
    """Expand a list of multipliers; see the module's docstring.

    Parameters
    ----------
    multipliers : tuple of Multiplier
    number_of_variables : int
    rules : int array of shape (n,), optional
        Take monomials modulo ``x² = x`` and ``x² = 1``.

    Returns
    -------
    Assembly

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 1)[0]
    >>> relaxation = po.putinar(po.minimize(x**4 - x), order=2)
    >>> data = assemble(relaxation.multipliers, 1)
    >>> data.cones.psd, len(data.moments)
    ((3,), 5)
    """
    offsets, lengths, cones = _layout(multipliers)
    width = max(
        (2 if m.cone is Cone.PSD else 1) * m.basis.width + m.polynomial.rows.shape[1]
        for m in multipliers
    )
    keys, rows, values = [], [], []
    for members in _groups(multipliers).values():
        group = [multipliers[k] for k in members]
        merged, coefficients = _expand(group)
        if rules is not None:
            merged = reduce_rows(merged, rules)
        key = monomials.pack(monomials.widen(merged, width), number_of_variables).reshape(-1)
        shape = merged.shape[:-1]
        row = offsets[members][:, None, None] + np.arange(shape[1])[None, :, None]
        row = np.broadcast_to(row, shape).reshape(-1)
        value = np.broadcast_to(coefficients, shape).reshape(-1)
        if group[0].components is not None:
            # Terms of the matrix that this entry of it does not have are no moments of it.
            used = value != 0
            key, row, value = key[used], row[used], value[used]
        keys.append(key)
        rows.append(row)
        values.append(value)
    # The moment of 1 is always there, so that it has position 0.
    one = monomials.pack(np.zeros((1, width), dtype=np.int32), number_of_variables)
    unique, inverse = np.unique(np.concatenate([one, *keys]), return_inverse=True)
    return Assembly(
        number_of_variables=number_of_variables,
        moments=monomials.unpack(unique, number_of_variables, width),
        keys=unique,
        row=np.concatenate(rows),
        column=inverse.reshape(-1)[1:],
        value=np.concatenate(values),
        cones=cones,
        offsets=offsets,
        lengths=lengths,
        rules=rules,
    )


def modulo(assembly: Assembly, forms: NormalForms) -> Assembly:
    """Replace every moment by its normal form.

    Examples
    --------
    >>> import polyopt as po
    >>> from polyopt.relaxation.groebner_quotient import normal_forms
    >>> x = po.variables("x", 1)[0]
    >>> problem = po.minimize(x, subject_to=[x**3 == x])
    >>> data = assemble(po.putinar(problem, order=2).multipliers, 1)
    >>> modulo(data, normal_forms(problem)).moments.tolist()
    [[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 1]]
    """
    number, old = assembly.number_of_variables, assembly.moments
    standard, which, where, value = forms.matrix(old)
    one = np.zeros((1, standard.shape[1]), dtype=np.int32)
    keys = monomials.pack(np.concatenate([one, standard]), number)
    unique, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    change = sparse.csr_array(
        (value, (which, inverse.reshape(-1)[1:][where])), shape=(len(old), len(unique))
    )
    data = sparse.csr_array(
        (assembly.value, (assembly.row, assembly.column)), shape=(assembly.cones.rows, len(old))
    )
    product = sparse.coo_array(data @ change)
    product.eliminate_zeros()
    row, column = product.coords
    return replace(
        assembly,
        moments=np.concatenate([one, standard])[first],
        keys=unique,
        row=row.astype(np.intp),
        column=column.astype(np.intp),
        value=product.data,
        normal_forms=forms,
    )


def _layout(multipliers: tuple[Multiplier, ...]) -> tuple[Index, Index, Cones]:
    """Rows of each block when the cones are stacked in standard order."""
    number = len(multipliers)
    lengths = np.fromiter((m.entries for m in multipliers), dtype=np.intp, count=number)
    cone = [m.effective_cone for m in multipliers]
    rank = np.fromiter((_CONE_ORDER.index(c) for c in cone), dtype=np.intp, count=number)
    order = np.argsort(rank, kind="stable")
    offsets = np.empty(number, dtype=np.intp)
    offsets[order] = np.cumsum(lengths[order]) - lengths[order]
    return (
        offsets,
        lengths,
        Cones(
            zero=int(lengths[rank == 0].sum()),
            nonnegative=int(lengths[rank == 1].sum()),
            second_order=tuple(lengths[rank == 2].tolist()),
            psd=tuple(m.basis.size for m, r in zip(multipliers, rank, strict=True) if r == 3),
        ),
    )


def _groups(multipliers: tuple[Multiplier, ...]) -> dict[tuple[object, ...], list[int]]:
    """Multipliers whose expansion has the same shape."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for k, m in enumerate(multipliers):
        matrix = m.components is not None
        shape = (m.cone is Cone.PSD, matrix, m.basis.shape_key, m.polynomial.rows.shape)
        groups.setdefault(shape, []).append(k)
    return groups


def _expand(group: list[Multiplier]) -> tuple[Rows, NDArray[np.float64]]:
    """Monomials and coefficients of the entries, shapes (blocks, entries, terms[, width]).

    Coefficients broadcast where all entries have the same.
    """
    bases = stack([m.basis for m in group])
    if group[0].cone is Cone.PSD:
        i, j, scale = _triangle(bases.shape[1])
        entries = monomials.multiply(bases[:, i], bases[:, j])
    else:
        entries, scale = bases, np.ones(bases.shape[1])
    terms = np.stack([m.polynomial.rows for m in group])[:, None]
    weights = np.stack([m.weights() for m in group])
    merged = monomials.multiply(entries[:, :, None], terms)
    return merged, scale[None, :, None] * weights


@lru_cache(maxsize=128)
def _triangle(size: int) -> tuple[Index, Index, NDArray[np.float64]]:
    """Upper triangle column by column, with the factors of svec."""
    j, i = np.tril_indices(size)
    scale = np.where(i == j, 1.0, np.sqrt(2.0))
    for array in (i, j, scale):
        array.setflags(write=False)
    return i, j, scale
