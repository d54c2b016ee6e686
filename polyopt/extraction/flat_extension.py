"""Flat extensions: when a truncated moment sequence is that of finitely many points.

If ``rank M_t(y) = rank M_{t-v}(y)`` with v the largest half degree of the constraints (at least
1), y has an atomic representing measure on the feasible set with that many atoms (Curto and
Fialkow, Trans. AMS 352, 2000; Laurent, Proc. AMS 133, 2005). On a clique the same holds for its
marginal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polyopt.extraction.rank import RankDecision, RankStrategy
from polyopt.moments import Moments
from polyopt.polynomial.basis import Basis

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class FlatExtension:
    """Ranks of the moment matrices of a clique.

    Attributes
    ----------
    clique : tuple of int
    degree : int
        t of the matrix ``M_t`` looked at last: the smallest flat one, else the largest known.
    shift : int
        v.
    is_flat : bool
        Whether ``rank M_t = rank M_{t-v}``.
    upper, lower : RankDecision
        Of ``M_t`` and ``M_{t-v}``, after scaling each variable by ``L(x_i²)^(-1/2)``.
    """

    clique: tuple[int, ...]
    degree: int
    shift: int
    is_flat: bool
    upper: RankDecision
    lower: RankDecision

    def __str__(self) -> str:
        relation = "=" if self.is_flat else "!="
        return (
            f"rank M_{self.degree} {relation} rank M_{self.degree - self.shift} on "
            f"{len(self.clique)} variables: {self.upper.rank} and {self.lower.rank}, "
            f"{self.upper.strategy}"
        )


def scaled_moment_matrix(
    moments: Moments, clique: tuple[int, ...], degree: int
) -> tuple[Array, Array]:
    """Moment matrix of the variables divided by ``L(x_i²)^(1/2)``, and these scales.

    Returns
    -------
    matrix : float array of shape (b, b)
        NaN where the relaxation has no moment.
    scales : float array of shape (len(clique),)
    """
    matrix = moments.matrix(clique, degree)
    second = np.array([moments.matrix([i], 1)[1, 1] for i in clique])
    scales = np.sqrt(np.where(np.isfinite(second) & (second > 1e-12), second, 1.0))
    rows = Basis.full(np.asarray(clique), degree).rows
    table = np.ones(max(clique, default=-1) + 2)
    table[np.asarray(clique, dtype=np.intp) + 1] = scales
    weights = table[rows].prod(axis=1)
    return matrix / np.outer(weights, weights), scales


def flat_extension(
    moments: Moments,
    clique: tuple[int, ...],
    order: int,
    shift: int,
    strategy: RankStrategy,
    *,
    lowest: int = 0,
) -> FlatExtension | None:
    """Look for a flat extension on a clique, from low degrees upwards.

    Parameters
    ----------
    moments : Moments
    clique : tuple of int
        Increasing variable indices.
    order : int
        Order d of the relaxation.
    shift : int
        v, the largest half degree of the constraints on the clique, at least 1.
    strategy : RankStrategy
    lowest : int
        Smallest degree t to look at.

    Returns
    -------
    FlatExtension or None
        None where not even the first of these matrices has all its moments.

    Examples
    --------
    >>> import polyopt as po
    >>> from polyopt.extraction import LargestGap
    >>> x = po.variables("x", 2)
    >>> f = (x[0] - 1) ** 2 + (x[1] - 2) ** 2
    >>> result = po.putinar(po.minimize(f), order=1).solve()
    >>> print(flat_extension(result.moments, (0, 1), 1, 1, LargestGap()))
    rank M_1 = rank M_0 on 2 variables: 1 and 1, largest gap below 0.01
    """
    found = None
    for degree in range(max(shift, lowest), order + 1):
        matrix, _ = scaled_moment_matrix(moments, clique, degree)
        if np.isnan(matrix).any():
            break
        size = Basis.full(np.asarray(clique), degree - shift).size
        upper = strategy.decide(np.linalg.eigvalsh(matrix))
        lower = strategy.decide(np.linalg.eigvalsh(matrix[:size, :size]))
        flat = upper.rank == lower.rank
        found = FlatExtension(clique, degree, shift, flat, upper, lower)
        if flat:
            break
    return found
