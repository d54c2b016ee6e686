r"""Certificates of the low-rank solver's bounds: multipliers, diagonal and the cuts they belong to.

The bound follows from them for the model that is built again from the network
(:func:`polyopt.solvers.lowrank.prove`). The cuts are not part of that model, so that each is looked
at: :math:`\sum_w \sigma_w X_{e_w} + c \ge 0` over entries :math:`e_1, …, e_k` of a matrix of signs.
Where every row occurs in an even number of the entries, the product of all :math:`X_e` is 1 at
every vector of signs, so that the parity of the negative terms is that of the negative
:math:`\sigma`, and the sum is at least :math:`-k`, or :math:`2 - k` if that parity is not the one
of k (Deza and Laurent 1997, chapter 27).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lipschitz_app.rounding import FloatArray
from lipschitz_app.upper.certificate import Certificate
from polyopt.errors import ProofError, ProofRejectedError
from polyopt.solvers.lowrank import Cuts, DualBound, EntryFamily, FirstOrderModel, prove

_TERMS = 4
"""Most entries of a cut."""

_ROOMS = (0.0, 1e-13, 1e-12, 1e-11, 1e-10)
"""Relative enlargements of the diagonal that are tried: other machines round otherwise."""


def dual_certificate(
    kind: str, settings: dict[str, str | int], model: FirstOrderModel, dual: DualBound, known: int
) -> Certificate | None:
    """Write a bound of the low-rank solver down.

    Parameters
    ----------
    kind, settings
        Of the certificate.
    model : FirstOrderModel
        What the bound was proven for.
    dual : DualBound
    known : int
        Families of constraints that the model has without cuts.

    Returns
    -------
    Certificate or None
        None where the cuts are none that can be looked at.
    """
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "diagonal": np.asarray(dual.diagonal, dtype=float)
    }
    for number, weights in enumerate(dual.multipliers):
        arrays[f"multipliers {number}"] = np.asarray(weights, dtype=float)
    if len(model.families) > known:
        cuts = _cuts(model.families[-1])
        if cuts is None or len(model.families) > known + 1:
            return None
        arrays["cut entries"], arrays["cut signs"] = cuts.pairs, cuts.signs.astype(np.int64)
        arrays["cut offsets"] = cuts.offset.astype(np.int64)
    return Certificate(kind, settings, arrays)


def prove_dual(model: FirstOrderModel, certificate: Certificate) -> float:
    """Return the bound on a model that multipliers and diagonal prove, cuts included.

    Raises
    ------
    ProofRejectedError
        They do not fit the model, or prove nothing.
    """
    if "cut offsets" in certificate.arrays:
        model = model.with_families(_cut_family(certificate, model))
    multipliers = tuple(
        certificate.floats(f"multipliers {number}", (family.size,))
        for number, family in enumerate(model.families)
    )
    diagonal = certificate.floats("diagonal", (model.side,))
    size = np.abs(diagonal)
    direction = size + 1e-3 * (float(size.mean()) or 1.0)
    try:
        for room in _ROOMS:
            found = prove(model, multipliers, diagonal + room * direction)
            if found is not None:
                return found.bound
    except ProofError as error:
        raise ProofRejectedError(f"the multipliers prove nothing: {error}") from None
    raise ProofRejectedError(
        "the multipliers prove nothing for this network, region and output: the slack matrix is "
        "not positive definite"
    )


def valid_cuts(
    pairs: npt.NDArray[np.int64], signs: FloatArray, offset: FloatArray, rows: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Return which cuts hold for all vectors of signs.

    Parameters
    ----------
    pairs : array of int, shape (k, 4, 2)
        Entries of the matrix; those with sign 0 do not count.
    signs : array of -1, 0 and 1, shape (k, 4)
    offset : array, shape (k,)
    rows : array of bool, shape (m,)
        The rows of the matrix that stand for signs.

    Examples
    --------
    >>> rows = np.ones(3, dtype=bool)
    >>> edges = np.array([[[0, 1], [0, 2], [1, 2], [0, 0]]])
    >>> valid_cuts(edges, np.array([[1.0, -1.0, -1.0, 0.0]]), np.array([1.0]), rows).tolist()
    [True]
    >>> valid_cuts(edges, np.array([[1.0, 1.0, -1.0, 0.0]]), np.array([1.0]), rows).tolist()
    [False]
    """
    used = signs != 0
    inside = (pairs >= 0) & (pairs < rows.size)
    right = (inside.all(axis=2) | ~used).all(axis=1) & np.isin(signs, (-1.0, 0.0, 1.0)).all(axis=1)
    safe = np.where(inside, pairs, 0)
    edges = (rows[safe].all(axis=2) & (pairs[:, :, 0] < pairs[:, :, 1])) | ~used
    right &= edges.all(axis=1)
    # An even number of ends at every row: sorted ends come in equal couples.
    ends = np.where(used[:, :, None], safe, -1).reshape(len(pairs), 2 * _TERMS)
    ends = np.sort(ends, axis=1)
    right &= (ends[:, ::2] == ends[:, 1::2]).all(axis=1)
    count = used.sum(axis=1)
    other_parity = (signs < 0).sum(axis=1) % 2 != count % 2
    return np.asarray(right & (offset >= count - 2.0 * other_parity))


def _cuts(family: object) -> Cuts | None:
    """Read cuts off their constraints."""
    if not isinstance(family, EntryFamily) or family.equality:
        return None
    matrix = family.coefficients.tocsr()
    counts = np.diff(matrix.indptr)
    if (counts > _TERMS).any():
        return None
    row = np.repeat(np.arange(family.size), counts)
    place = np.arange(matrix.nnz) - matrix.indptr[row]
    pairs = np.zeros((family.size, _TERMS, 2), dtype=np.int64)
    signs = np.zeros((family.size, _TERMS))
    pairs[row, place] = family.pairs[matrix.indices]
    signs[row, place] = matrix.data
    return Cuts(pairs, signs, np.asarray(family.offset, dtype=float))


def _cut_family(certificate: Certificate, model: FirstOrderModel) -> EntryFamily:
    count = certificate.arrays["cut offsets"].size
    pairs = certificate.integers("cut entries", (count, _TERMS, 2))
    signs = certificate.integers("cut signs", (count, _TERMS)).astype(float)
    offset = certificate.integers("cut offsets", (count,)).astype(float)
    if not valid_cuts(pairs, signs, offset, model.signs).all():
        raise ProofRejectedError("a cut of the certificate does not hold for all vectors of signs")
    return Cuts(pairs, signs, offset).family()
