"""Polynomials straight from numpy and scipy arrays, with no symbol built on the way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from polyopt.errors import InvalidProblemError
from polyopt.polynomial import monomials
from polyopt.polynomial.checks import as_names, real_coefficients
from polyopt.polynomial.polynomial import Polynomial
from polyopt.polynomial.variables import Variables


def variables(name: str, number: int | None = None) -> list[Polynomial]:
    """Generators of polynomials: the variables themselves.

    Parameters
    ----------
    name : str
        A stem when ``number`` is given (``"x", 3`` makes x0, x1, x2), else names separated by
        commas or spaces.
    number : int, optional
        How many.

    Returns
    -------
    list of Polynomial
        They share one :class:`~polyopt.polynomial.variables.Variables`.

    Examples
    --------
    >>> x = variables("x", 3)
    >>> a, b = variables("a b")
    >>> print(x[2] + a * b)
    x2 + a*b
    """
    if not isinstance(name, str):
        raise InvalidProblemError(
            f'the names of the variables are {name!r}; give text such as "x y", or a stem and a '
            "number"
        )
    if number is None:
        names = Variables(name.replace(",", " ").split())
    elif isinstance(number, (int, np.integer)) and number > 0:
        names = Variables(f"{name}{i}" for i in range(number))
    else:
        raise InvalidProblemError(f"the number of variables is {number!r}; give a positive integer")
    if not len(names):
        raise InvalidProblemError(f"{name!r} names no variable")
    one = np.ones(1)
    return [
        Polynomial._make(names, np.array([[i + 1]], dtype=np.int32), one) for i in range(len(names))
    ]


def affine(
    A: Any, b: ArrayLike | None = None, *, variables: Variables | Iterable[str] | None = None
) -> list[Polynomial]:
    """Give the m polynomials ``A x + b``.

    Parameters
    ----------
    A : array or scipy sparse array of shape (m, n)
    b : float array of shape (m,), optional
        Zero when left out.
    variables : iterable of str, optional
        The n names; ``x0, x1, …`` when left out.

    Returns
    -------
    list of m Polynomial

    Examples
    --------
    >>> print(*affine([[1, 2], [0, -1]], [3, 0]), sep="; ")
    3 + x0 + 2*x1; -x1
    """
    matrix = _matrix(A, "A")
    m, n = matrix.shape
    names = as_names(variables, n)
    shift = np.zeros(m) if b is None else real_coefficients(np.asarray(b).reshape(-1))
    if len(shift) != m:
        raise InvalidProblemError(f"b has {len(shift)} entries for {m} rows of A")
    result = []
    for i in range(m):
        entries = slice(matrix.indptr[i], matrix.indptr[i + 1])
        index = matrix.indices[entries].astype(np.int32) + 1
        values = matrix.data[entries]
        if shift[i] != 0:
            index = np.concatenate([np.zeros(1, dtype=np.int32), index])
            values = np.concatenate([shift[i : i + 1], values])
        result.append(Polynomial._make(names, index[:, None], values.copy()))
    return result


def quadratic(
    Q: Any,
    q: ArrayLike | None = None,
    c: float = 0.0,
    *,
    variables: Variables | Iterable[str] | None = None,
) -> Polynomial:
    """Give ``xᵀ Q x + qᵀ x + c``.

    Parameters
    ----------
    Q : array or scipy sparse array of shape (n, n)
        Need not be symmetric: the entries (i, j) and (j, i) are added up.
    q : float array of shape (n,), optional
    c : float
    variables : iterable of str, optional

    Examples
    --------
    >>> print(quadratic([[1, 2], [0, 3]], [1, 0], -5))
    -5 + x0 + x0^2 + 2*x0*x1 + 3*x1^2
    """
    matrix = _matrix(Q, "Q").tocoo()
    n = matrix.shape[0]
    if matrix.shape != (n, n):
        raise InvalidProblemError(f"Q has shape {matrix.shape}; a square matrix is needed")
    names = as_names(variables, n)
    linear = np.zeros(n) if q is None else real_coefficients(np.asarray(q).reshape(-1))
    if len(linear) != n:
        raise InvalidProblemError(f"q has {len(linear)} entries for {n} variables")
    pairs = np.stack([matrix.row, matrix.col], axis=1).astype(np.int32) + 1
    pairs.sort(axis=1)
    single = np.zeros((n + 1, 2), dtype=np.int32)
    single[:, 1] = np.arange(n + 1)
    rows = np.concatenate([pairs, single])
    coefficients = np.concatenate([matrix.data, real_coefficients([c]), linear])
    return Polynomial._sum_terms(names, rows, coefficients)


def sum_polynomials(polynomials: Iterable[Polynomial | float]) -> Polynomial:
    """Add many polynomials in one step.

    The builtin ``sum`` adds one after the other, which takes quadratic time.

    Parameters
    ----------
    polynomials : iterable of Polynomial or number

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 3)
    >>> print(sum_polynomials(v**2 for v in x))
    x0^2 + x1^2 + x2^2
    """
    items = list(polynomials)
    parts = [item for item in items if isinstance(item, Polynomial)]
    if not parts:
        return Polynomial.constant(float(sum(items)))  # type: ignore[arg-type]
    variables = parts[0].variables
    for part in parts:
        variables = variables | part.variables
    lifted = [
        (item if isinstance(item, Polynomial) else Polynomial.constant(item)).over(variables)
        for item in items
    ]
    width = max(part.rows.shape[1] for part in lifted)
    return Polynomial._sum_terms(
        variables,
        np.concatenate([monomials.widen(part.rows, width) for part in lifted]),
        np.concatenate([part.coefficients for part in lifted]),
    )


def _matrix(A: Any, name: str) -> Any:
    """Check a matrix and return it as CSR with sorted indices and no stored zero."""
    if not sparse.issparse(A):
        A = np.asarray(A)
        if A.ndim == 1:
            A = A[None, :]
        if A.ndim != 2:
            raise InvalidProblemError(f"{name} has shape {A.shape}; a matrix is needed")
    if A.dtype.kind not in "biuf":
        raise InvalidProblemError(f"{name} has entries of type {A.dtype}; real numbers are needed")
    matrix = sparse.csr_array(A).astype(np.float64)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    _require_finite(matrix.data, name)
    return matrix


def _require_finite(values: NDArray[np.float64], name: str) -> None:
    if not np.isfinite(values).all():
        bad = values[~np.isfinite(values)][0]
        raise InvalidProblemError(f"{name} has an entry {bad}; all entries must be finite")
