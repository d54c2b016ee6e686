"""Small subsets of a clique: windows, random ones, or those that the coefficients couple most.

For every variable i of a clique the others are ranked; round t = 1 … depth takes
``{i} ∪ ranking_i[t-1 : t+level-2]`` (cyclic). So the subsets of a level are contained in those of
the next, and more depth adds subsets to those there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from polyopt.errors import SparsityError, UnknownOptionError
from polyopt.polynomial.normal_form import IDEMPOTENT, reduce_rows
from polyopt.polynomial.polynomial import Polynomial
from polyopt.sparsity.cliques import Cliques, drop_contained

Choice = Literal["ordered", "random", "weighted"]
Index = NDArray[np.intp]


def clique_subsets(
    clique: Sequence[int],
    level: int,
    depth: int = 1,
    *,
    choice: Choice = "ordered",
    rng: np.random.Generator | int = 0,
    weights: NDArray[np.float64] | None = None,
) -> Cliques:
    """Choose subsets of ``level`` variables of a clique.

    Parameters
    ----------
    clique : sequence of int
        Increasing variables.
    level : int
        Size of the subsets; 0 gives none, the size of the clique or more gives the clique itself.
    depth : int
        Rounds; see the module's docstring.
    choice : {"ordered", "random", "weighted"}
        Rank the others cyclically after i, at random, or by decreasing weight.
    rng : Generator or int
        Source of the random ranking.
    weights : float array of shape (clique size, clique size), optional
        For ``"weighted"``; see :func:`coupling_weights`.

    Returns
    -------
    tuple of tuple of int
        Sorted subsets, none contained in another.

    Raises
    ------
    UnknownOptionError
        There is no such choice.
    SparsityError
        ``level`` is negative or ``depth`` not positive.

    Examples
    --------
    >>> clique_subsets([0, 1, 2, 5], 3)
    ((0, 1, 2), (1, 2, 5), (0, 2, 5), (0, 1, 5))
    """
    if choice not in ("ordered", "random", "weighted"):
        raise UnknownOptionError(
            f'subsets is {choice!r}; it must be "ordered", "random" or "weighted"'
        )
    for name, value, least in (("level", level, 0), ("depth", depth, 1)):
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
            raise SparsityError(f"{name} is {value!r}; it must be an integer of at least {least}")
    size = len(clique)
    if level == 0 or size == 0:
        return ()
    if level >= size:
        return (tuple(int(v) for v in clique),)
    ranking = _ranking(size, choice, rng, weights)
    names = np.asarray(clique, dtype=np.intp)
    own = np.arange(size)[:, None]
    found: list[tuple[int, ...]] = []
    for start in range(min(depth, size - 1)):
        others = ranking[:, (start + np.arange(level - 1)) % (size - 1)]
        found += map(tuple, names[np.sort(np.hstack([own, others]), axis=1)].tolist())
    return drop_contained(found)


def coupling_weights(
    clique: Sequence[int], polynomials: Sequence[Polynomial]
) -> NDArray[np.float64]:
    """How strongly polynomials couple the variables of a clique.

    Returns
    -------
    float array of shape (clique size, clique size)
        For each pair the sum of ``|c_α| / max |c|`` over the monomials that contain both.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 3)
    >>> coupling_weights([0, 1, 2], [4 * x[0] * x[2] - x[0] * x[1]]).tolist()
    [[0.0, 0.25, 1.0], [0.25, 0.0, 0.0], [1.0, 0.0, 0.0]]
    """
    size = len(clique)
    result = np.zeros((size, size))
    for p in polynomials:
        if p.number_of_terms == 0:
            continue
        place = np.full(len(p.variables) + 1, -1, dtype=np.intp)
        place[np.asarray(clique, dtype=np.intp) + 1] = np.arange(size)
        rules = np.full(len(p.variables), IDEMPOTENT, dtype=np.int8)
        rows = place[reduce_rows(p.rows, rules)]
        strength = np.abs(p.coefficients) / np.abs(p.coefficients).max()
        for a in range(rows.shape[1]):
            for b in range(a):
                both = (rows[:, a] >= 0) & (rows[:, b] >= 0)
                np.add.at(result, (rows[both, a], rows[both, b]), strength[both])
    return result + result.T


def _ranking(
    size: int,
    choice: Choice,
    rng: np.random.Generator | int,
    weights: NDArray[np.float64] | None,
) -> Index:
    """Ranking of the others for each position of a clique, shape (size, size - 1)."""
    cyclic: Index = (np.arange(size)[:, None] + np.arange(1, size)) % size
    if choice == "ordered":
        return cyclic
    if choice == "random":
        return np.random.default_rng(rng).permuted(cyclic, axis=1)
    if weights is None or weights.shape != (size, size):
        raise SparsityError(f"weighted subsets of {size} variables need weights ({size}, {size})")
    order = np.argsort(-np.take_along_axis(weights, cyclic, axis=1), axis=1, kind="stable")
    ranked: Any = np.take_along_axis(cyclic, order, axis=1)
    return np.asarray(ranked, dtype=np.intp)
