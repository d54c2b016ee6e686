"""Which clique takes which constraint.

A constraint can be used in a sparse relaxation only inside a clique that contains all its
variables. One such clique is enough for convergence; using all of them may tighten a low order.
The search goes through the cliques of the rarest variable of each support only, so that thousands
of constraints and cliques cost no quadratic loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, pairwise

import numpy as np
import numpy.typing as npt

from polyopt.errors import SparsityError, UnknownOptionError
from polyopt.sparsity.graph import IntArray, flatten_supports


def assign_constraints(
    supports: Sequence[npt.ArrayLike],
    cliques: Sequence[Sequence[int]],
    *,
    to: str = "first",
    labels: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
) -> tuple[tuple[int, ...], ...]:
    """Find for each support the cliques that contain it.

    Parameters
    ----------
    supports : sequence of 1-d int arrays
        Variables of each constraint (indices from 0), without repetition.
    cliques : sequence of sorted int tuples
        The cliques.
    to : {"first", "all"}
        Take the first clique that contains the support, or all of them.
    labels : sequence of str, optional
        What the supports are, for the error message; ``constraint k`` if not given.
    names : sequence of str, optional
        Names of the variables, for the error message; ``xi`` if not given.

    Returns
    -------
    tuple of tuple of int
        Clique indices of each support, increasing; exactly one with ``to="first"``. An empty
        support (a constant) goes to clique 0 alone.

    Raises
    ------
    SparsityError
        If a support lies in no clique; the message names it.
    UnknownOptionError
        If ``to`` is something else.

    Examples
    --------
    >>> assign_constraints([[1], [1, 2], [0]], [(0, 1), (1, 2)], to="all")
    ((0, 1), (1,), (0,))
    >>> assign_constraints([[0, 2]], [(0, 1), (1, 2)])
    Traceback (most recent call last):
    polyopt.errors.SparsityError: constraint 0 couples x0, x2, which no clique contains; \
add such a clique or use nearly_sparse
    """
    if to not in ("first", "all"):
        raise UnknownOptionError(f'to={to!r}; constraints go to the "first" clique or to "all"')
    pointers, indices = flatten_supports(supports)
    which, found = containing_pairs(pointers, indices, cliques)
    bounds = np.searchsorted(which, np.arange(len(supports) + 1))
    missing = np.flatnonzero(bounds[:-1] == bounds[1:])
    if len(missing):
        k = int(missing[0])
        label = labels[k] if labels is not None else f"constraint {k}"
        variables = indices[pointers[k] : pointers[k + 1]].tolist()
        raise SparsityError(uncovered_message(label, variables, len(missing) - 1, names))
    if to == "first":
        return tuple((k,) for k in found[bounds[:-1]].tolist())
    flat, ends = found.tolist(), bounds.tolist()
    return tuple(tuple(flat[a:b]) for a, b in pairwise(ends))


def uncovered(
    supports: Sequence[npt.ArrayLike], cliques: Sequence[Sequence[int]]
) -> tuple[int, ...]:
    """Return the positions of the supports that no clique contains.

    Examples
    --------
    >>> uncovered([[0, 1], [0, 2], [2]], [(0, 1), (1, 2)])
    (1,)
    """
    which, _ = containing_pairs(*flatten_supports(supports), cliques)
    inside = np.zeros(len(supports), dtype=bool)
    inside[which] = True
    return tuple(np.flatnonzero(~inside).tolist())


def containing_pairs(
    pointers: IntArray, indices: IntArray, cliques: Sequence[Sequence[int]]
) -> tuple[IntArray, IntArray]:
    """List all pairs (support, clique containing it), ordered by support, then clique.

    Parameters
    ----------
    pointers, indices : int arrays
        Supports as compressed sparse rows.
    cliques : sequence of sorted int sequences
        The cliques.

    Returns
    -------
    supports, cliques : int arrays of equal length
        The pairs; an empty support is paired with clique 0 alone.
    """
    lengths = np.diff(pointers)
    sizes = np.fromiter(map(len, cliques), dtype=np.int64, count=len(cliques))
    members = np.fromiter(chain.from_iterable(cliques), dtype=np.int64, count=int(sizes.sum()))
    n = 1 + max(int(members.max(initial=-1)), int(indices.max(initial=-1)))
    owners = np.repeat(np.arange(len(cliques)), sizes)
    keys = np.sort(owners * n + members)
    frequency = np.bincount(members, minlength=n)
    by_variable = owners[np.argsort(members, kind="stable")]
    first = np.cumsum(frequency) - frequency

    full = np.flatnonzero(lengths)
    empty = np.flatnonzero(lengths == 0) if len(cliques) else np.zeros(0, dtype=np.int64)
    if len(full):
        ranked = np.minimum.reduceat(frequency[indices] * n + indices, pointers[full])
        rarest = ranked % n
        tries = frequency[rarest]
        support = np.repeat(full, tries)
        clique = by_variable[_ranges(first[rarest], tries)]
        large = sizes[clique] >= lengths[support]
        support, clique = support[large], clique[large]
    else:
        support = clique = np.zeros(0, dtype=np.int64)
    if len(support):
        repeats = lengths[support]
        variables = indices[_ranges(pointers[support], repeats)]
        wanted = np.repeat(clique, repeats) * n + variables
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        starts = np.cumsum(repeats) - repeats
        inside = np.logical_and.reduceat(keys[place] == wanted, starts)
        support, clique = support[inside], clique[inside]
    if len(empty):
        support = np.concatenate([support, empty])
        clique = np.concatenate([clique, np.zeros(len(empty), dtype=np.int64)])
        order = np.argsort(support, kind="stable")
        support, clique = support[order], clique[order]
    return support, clique


def uncovered_message(
    label: str, variables: Sequence[int], more: int, names: Sequence[str] | None
) -> str:
    """Say which variables are in no common clique and what to do."""
    texts = [names[v] if names is not None else f"x{v}" for v in variables]
    listed = ", ".join(texts[:8]) + (f", … ({len(texts)} variables)" if len(texts) > 8 else "")
    verb = "couples" if len(texts) > 1 else "contains"
    others = f" (and {more} more)" if more else ""
    return (
        f"{label} {verb} {listed}, which no clique contains{others}; "
        "add such a clique or use nearly_sparse"
    )


def _ranges(starts: IntArray, lengths: IntArray) -> IntArray:
    """Concatenate ``arange(start, start + length)``."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(starts - ends + lengths, lengths)
