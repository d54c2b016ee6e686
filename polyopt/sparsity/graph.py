"""The correlative sparsity pattern (csp) graph of a problem.

Nodes are the variables; two variables are joined when they meet in a monomial of the objective or
in one constraint (Waki, Kim, Kojima, Muramatsu 2006, §3.1). Constraints couple *all* their
variables, because a localising matrix multiplies the whole polynomial; the objective couples only
within its monomials, because it is applied to the moments term by term.

The work is done on integer arrays (:func:`edges_of_rows`, :func:`edges_of_supports`); networkx sees
every edge once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Any, Protocol

import networkx as nx
import numpy as np
import numpy.typing as npt

from polyopt.errors import SparsityError
from polyopt.polynomial.monomials import Rows, pack, trim

IntArray = npt.NDArray[np.int64]
ConstraintName = tuple[str, int]
"""``("inequality", j)`` or ``("equality", i)``, counted from 0."""

# Pairs held at once before they are made unique: bounds the memory of a few dense constraints.
_PAIRS_AT_ONCE = 2_000_000


class PolynomialLike(Protocol):
    """What the sparsity code reads of a polynomial."""

    @property
    def rows(self) -> npt.NDArray[Any]:
        """Monomials, (terms, width): nondecreasing variable indices + 1, left-padded with 0."""


class NamesLike(Protocol):
    """The ordered names of the variables."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[str]: ...


class ProblemLike(Protocol):
    """What the sparsity code reads of a problem."""

    @property
    def objective(self) -> PolynomialLike:
        """The polynomial to minimise or maximise."""

    @property
    def inequalities(self) -> Sequence[PolynomialLike]:
        """Polynomials constrained to be nonnegative."""

    @property
    def equalities(self) -> Sequence[PolynomialLike]:
        """Polynomials constrained to vanish."""

    @property
    def variables(self) -> NamesLike:
        """Names of the variables, in order."""


def csp_graph(problem: ProblemLike, *, without: Collection[ConstraintName] = ()) -> nx.Graph:
    r"""Build the correlative sparsity pattern graph of a problem.

    .. math:: \{i, j\} \in E \iff x_i x_j \text{ divides a monomial of } f, \text{ or both occur in
              one constraint.}

    Parameters
    ----------
    problem : PolynomialProblem
        The problem; only supports are read, never coefficients.
    without : collection of (str, int), optional
        Constraints to leave out, as ``("inequality", j)`` or ``("equality", i)`` counted from 0:
        the few dense constraints of a nearly sparse problem.

    Returns
    -------
    networkx.Graph
        Nodes ``0 … n-1`` in order, each with the attribute ``name``.

    Raises
    ------
    SparsityError
        If ``without`` names a constraint that the problem does not have.

    References
    ----------
    H. Waki, S. Kim, M. Kojima, M. Muramatsu. Sums of squares and semidefinite program relaxations
    for polynomial optimization problems with structured sparsity. SIAM J. Optim. 17 (2006), §3.1.

    Examples
    --------
    >>> from types import SimpleNamespace as S
    >>> import numpy as np
    >>> f = S(rows=np.array([[1, 2], [2, 3]]))     # x0*x1 + x1*x2
    >>> problem = S(objective=f, inequalities=(), equalities=(), variables=("x0", "x1", "x2"))
    >>> csp_graph(problem).edges
    EdgeView([(0, 1), (1, 2)])
    """
    supports = supports_of([p for _, p in named_constraints(problem, without=without)])
    edges = np.concatenate([edges_of_rows(problem.objective.rows), edges_of_supports(supports)])
    graph = nx.Graph()
    graph.add_nodes_from((i, {"name": str(name)}) for i, name in enumerate(problem.variables))
    graph.add_edges_from(_unique_pairs(edges).tolist())
    return graph


def named_constraints(
    problem: ProblemLike, *, without: Collection[ConstraintName] = ()
) -> list[tuple[ConstraintName, PolynomialLike]]:
    """List the constraints with their names, inequalities first, leaving some out.

    Raises
    ------
    SparsityError
        If ``without`` names a constraint that the problem does not have.
    """
    constraints: list[tuple[ConstraintName, PolynomialLike]] = [
        (("inequality", j), p) for j, p in enumerate(problem.inequalities)
    ]
    constraints += [(("equality", i), p) for i, p in enumerate(problem.equalities)]
    constraints += [(("matrix", k), p) for k, p in enumerate(matrices_of(problem))]
    if not without:
        return constraints
    known = {name for name, _ in constraints}
    for item in without:
        if not isinstance(item, tuple) or item not in known:
            raise SparsityError(
                f"without contains {item!r}, but the problem has "
                f"{len(problem.inequalities)} inequalities and {len(problem.equalities)} "
                'equalities; name them as ("inequality", j) or ("equality", i), counted from 0, '
                'and matrix inequalities as ("matrix", k)'
            )
    left_out = set(without)
    return [(name, p) for name, p in constraints if name not in left_out]


def matrices_of(problem: ProblemLike) -> Sequence[PolynomialLike]:
    """Matrix inequalities of a problem; none where it knows of none.

    All variables of a matrix belong together, as those of a polynomial do.
    """
    matrices: Sequence[PolynomialLike] = getattr(problem, "matrix_inequalities", ())
    return matrices


def supports_of(polynomials: Sequence[PolynomialLike]) -> list[IntArray]:
    """Find the variables of many polynomials at once: sorted indices from 0 for each.

    Examples
    --------
    >>> from types import SimpleNamespace as S
    >>> import numpy as np
    >>> supports_of([S(rows=np.array([[0, 0], [3, 3]])), S(rows=np.array([[1, 2]]))])
    [array([2]), array([0, 1])]
    """
    if not polynomials:
        return []
    entries = [np.asarray(p.rows).ravel() for p in polynomials]
    owners = np.repeat(np.arange(len(entries)), [len(e) for e in entries])
    values = np.concatenate(entries).astype(np.int64)
    base = int(values.max(initial=0)) + 1
    keys = np.unique((owners * base + values)[values > 0])
    bounds = np.searchsorted(keys, np.arange(len(entries) + 1) * base).tolist()
    variables = keys % base - 1
    return [variables[a:b] for a, b in pairwise(bounds)]


def distinct_supports(rows: npt.NDArray[Any]) -> Rows:
    """Find the distinct sets of variables of monomials.

    Parameters
    ----------
    rows : (terms, width) int array
        Monomials as nondecreasing variable indices + 1, left-padded with 0.

    Returns
    -------
    (k, w) int array
        Strictly increasing variable indices + 1, left-padded with 0, without repetition, sorted;
        w is the largest number of variables in a monomial.

    Examples
    --------
    >>> import numpy as np
    >>> distinct_supports(np.array([[0, 1, 1], [1, 1, 1], [1, 2, 2], [0, 1, 2]]))
    array([[0, 1],
           [1, 2]], dtype=int32)
    """
    supports = np.array(rows, dtype=np.int32, ndmin=2)
    supports[:, 1:][supports[:, 1:] == supports[:, :-1]] = 0
    supports.sort(axis=1)
    supports = trim(supports)
    if not supports.size:
        return np.zeros((min(len(supports), 1), 0), dtype=np.int32)
    _, first = np.unique(pack(supports, int(supports.max())), return_index=True)
    return supports[first]


def flatten_supports(supports: Sequence[npt.ArrayLike]) -> tuple[IntArray, IntArray]:
    """Join supports into the pair (pointers, indices) of a compressed sparse row layout."""
    lengths = np.fromiter((len(s) for s in supports), dtype=np.int64, count=len(supports))  # type: ignore[arg-type]
    pointers = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    if not pointers[-1]:
        return pointers, np.zeros(0, dtype=np.int64)
    return pointers, np.concatenate([np.asarray(s, dtype=np.int64) for s in supports])


def edges_of_rows(rows: npt.NDArray[Any]) -> IntArray:
    """Pair the variables that meet in a monomial.

    Parameters
    ----------
    rows : (terms, width) int array
        Monomials as nondecreasing variable indices + 1, left-padded with 0.

    Returns
    -------
    (m, 2) int array
        Pairs of variable indices (from 0), i < j, unique and sorted.

    Examples
    --------
    >>> import numpy as np
    >>> edges_of_rows(np.array([[0, 0, 1], [1, 1, 3], [1, 2, 3]])).tolist()
    [[0, 1], [0, 2], [1, 2]]
    """
    padded = distinct_supports(rows).astype(np.int64)
    parts = [np.zeros((0, 2), dtype=np.int64)]
    for i in range(padded.shape[1]):
        # Left padding: where column i holds a variable, so do all columns after it.
        block = padded[padded[:, i] > 0]
        parts += [block[:, [i, j]] - 1 for j in range(i + 1, padded.shape[1])]
    return _unique_pairs(np.concatenate(parts))


def edges_of_supports(supports: Sequence[npt.ArrayLike]) -> IntArray:
    """Pair the variables that lie in one support: each support becomes a complete graph.

    Parameters
    ----------
    supports : sequence of 1-d int arrays
        Sorted variable indices (from 0) without repetition.

    Returns
    -------
    (m, 2) int array
        Pairs i < j, unique and sorted.

    Examples
    --------
    >>> edges_of_supports([[0, 1, 2], [1, 2], [5]]).tolist()
    [[0, 1], [0, 2], [1, 2]]
    """
    pointers, indices = flatten_supports(supports)
    lengths = np.diff(pointers)
    parts = [np.zeros((0, 2), dtype=np.int64)]
    for length in np.unique(lengths[lengths > 1]).tolist():
        starts = pointers[:-1][lengths == length]
        first, second = np.triu_indices(length, 1)
        step = max(1, _PAIRS_AT_ONCE // len(first))
        for k in range(0, len(starts), step):
            block = indices[starts[k : k + step, None] + np.arange(length)]
            pairs = np.stack([block[:, first].ravel(), block[:, second].ravel()], axis=1)
            parts.append(_unique_pairs(pairs))
    return _unique_pairs(np.concatenate(parts))


def _unique_pairs(pairs: IntArray) -> IntArray:
    if not len(pairs):
        return pairs
    base = int(pairs.max()) + 1
    keys = np.unique(pairs[:, 0] * base + pairs[:, 1])
    return np.stack([keys // base, keys % base], axis=1)
