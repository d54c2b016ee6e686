"""Atoms of pseudo-moments: the points of the measure behind them.

With a flat extension of rank r the multiplication by ``x_i`` on the r-dimensional quotient space is
a symmetric matrix ``N_i = Λ^(-1/2) Uᵀ L(x_i B Bᵀ) U Λ^(-1/2)``, where ``U Λ Uᵀ`` is the truncated
eigenvalue decomposition of ``L(B Bᵀ)``. The N_i commute, and their joint eigenvalues are the
coordinates of the atoms. One eigenvalue decomposition of a random combination gives them all
(Henrion and Lasserre, Detecting global optimality and extracting solutions in GloptiPoly, 2005,
use a Schur form; the symmetric form stays well defined for moments that are only almost flat, as in
Klep, Povh and Volčič, SIAM J. Optim. 28, 2018). On sparse relaxations atoms of neighbouring cliques
are joined where they agree on the separator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polyopt.extraction.flat_extension import scaled_moment_matrix
from polyopt.moments import Moments
from polyopt.polynomial.basis import Basis
from polyopt.polynomial.monomials import multiply

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Atoms:
    """Candidate points on a clique.

    Attributes
    ----------
    clique : tuple of int
    points : float array of shape (r, len(clique))
    weights : float array of shape (r,)
        Their masses; they add up to about 1.
    """

    clique: tuple[int, ...]
    points: Array
    weights: Array


def clique_atoms(
    moments: Moments,
    clique: tuple[int, ...],
    degree: int,
    rank: int,
    rng: np.random.Generator,
) -> Atoms | None:
    """Atoms on a clique from moments up to degree ``2 degree - 1``.

    Parameters
    ----------
    moments : Moments
    clique : tuple of int
    degree : int
        t of the flat matrix ``M_t``; at least 1.
    rank : int
        Number of atoms.
    rng : numpy.random.Generator
        For the random combination.

    Returns
    -------
    Atoms or None
        None where moments are missing.

    Examples
    --------
    >>> import numpy as np
    >>> import polyopt as po
    >>> x = po.variables("x", 1)[0]
    >>> result = po.putinar(po.minimize((x**2 - 4) ** 2), order=2).solve()
    >>> atoms = clique_atoms(result.moments, (0,), 2, 2, np.random.default_rng(0))
    >>> np.sort(atoms.points.ravel()).round(3).tolist()
    [-2.0, 2.0]
    """
    matrix, scales = scaled_moment_matrix(moments, clique, degree)
    variables = np.asarray(clique, dtype=np.intp)
    small, large = Basis.full(variables, degree - 1).rows, Basis.full(variables, degree).rows
    block = matrix[: len(small), : len(small)]
    shifts = [_shifted(matrix, small, large, int(i)) for i in variables]
    if np.isnan(block).any() or any(np.isnan(shift).any() for shift in shifts):
        return None
    values, vectors = np.linalg.eigh(block)
    rank = min(rank, int((values > 0).sum()))
    if rank == 0:
        return None
    root = np.sqrt(values[-rank:])
    frame = vectors[:, -rank:] / root
    multiplication = [frame.T @ shift @ frame for shift in shifts]
    mixture = rng.standard_normal(len(clique))
    combined = sum((w * m for w, m in zip(mixture, multiplication, strict=True)), np.zeros(()))
    _, axes = np.linalg.eigh(np.broadcast_to(combined, (rank, rank)))
    points = np.stack([np.einsum("ij,ik,kj->j", axes, m, axes) for m in multiplication], axis=1)
    mass = (vectors[0, -rank:] * root) @ axes
    return Atoms(clique, points * scales, mass**2)


def _shifted(matrix: Array, small: NDArray[np.int32], large: NDArray[np.int32], i: int) -> Array:
    """``L(x_i B Bᵀ)`` for the smaller basis, read off the larger moment matrix."""
    width = large.shape[1]
    product = multiply(small, np.full((1, 1), i + 1, dtype=np.int32))
    place = {tuple(row): k for k, row in enumerate(large.tolist())}
    columns = [place[tuple(row[-width:])] for row in product.tolist()]
    result: Array = matrix[: len(small), columns]
    return 0.5 * (result + result.T)


def reproduces(moments: Moments, atoms: Atoms, degree: int, tolerance: float = 1e-2) -> bool:
    """Whether the atoms have the moments of ``M_degree`` on their clique.

    A wrong decision about a rank shows here: atoms of a matrix that is not flat do not fit it.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 1)[0]
    >>> moments = po.putinar(po.minimize((x - 2) ** 2), order=1).solve().moments
    >>> one = np.ones(1)
    >>> [reproduces(moments, Atoms((0,), np.array([[p]]), one), 1) for p in (2.0, 1.0)]
    [True, False]
    """
    matrix, scales = scaled_moment_matrix(moments, atoms.clique, degree)
    rows = Basis.full(np.arange(len(atoms.clique)), degree).rows
    points = atoms.points / scales
    powers = np.concatenate([np.ones((len(points), 1)), points], axis=1)[:, rows].prod(axis=2)
    fitted = powers.T @ (atoms.weights[:, None] * powers)
    difference = np.abs(fitted - matrix).max()
    return bool(difference <= tolerance * max(1.0, float(np.abs(matrix).max())))


def glue(parts: Sequence[Atoms], number_of_variables: int, most: int = 32) -> Array:
    """Join atoms of cliques to points of all variables.

    Cliques are taken in the given order, which should have the running intersection property: each
    partial point is continued by the atoms that agree with it best on the variables both know.

    Parameters
    ----------
    parts : sequence of Atoms
    number_of_variables : int
    most : int
        Partial points kept at a time, those of largest mass.

    Returns
    -------
    float array of shape (k, n)
        Variables in no clique are 0.

    Examples
    --------
    >>> import numpy as np
    >>> a = Atoms((0, 1), np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0.5, 0.5]))
    >>> b = Atoms((1, 2), np.array([[4.0, 6.0], [2.0, 5.0]]), np.array([0.5, 0.5]))
    >>> glue([a, b], 3).tolist()
    [[1.0, 2.0, 5.0], [3.0, 4.0, 6.0]]
    """
    points = np.zeros((1, number_of_variables))
    masses = np.ones(1)
    known = np.zeros(number_of_variables, dtype=bool)
    for part in parts:
        clique = np.asarray(part.clique, dtype=np.intp)
        shared = known[clique]
        before = points[:, clique[shared]]
        distance = np.abs(before[:, None, :] - part.points[None][:, :, shared]).max(
            axis=2, initial=0.0
        )
        size = 1.0 + np.abs(before).max(axis=1, initial=0.0)
        nearest = distance.min(axis=1, keepdims=True)
        # Atoms are joined where they agree to about the accuracy of a solver's moments.
        fits = distance <= np.maximum(1e-2 * size[:, None], 2.0 * nearest)
        first, second = np.nonzero(fits)
        joined = points[first]
        joined[:, clique[~shared]] = part.points[second][:, ~shared]
        masses = masses[first] * part.weights[second]
        keep = np.sort(np.argsort(-masses, kind="stable")[:most])
        points, masses = joined[keep], masses[keep] / max(float(masses.max()), 1e-300)
        known[clique] = True
    return points
