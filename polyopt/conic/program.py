"""The conic standard form that every relaxation ends in and every solver starts from.

Primal and dual are

    minimise    c @ x + offset          maximise    -b @ z + offset
    subject to  A x + s = b, s in K     subject to  A^T z + c = 0, z in K*

where K is a product of a zero cone, a nonnegative orthant, second-order cones
``{(t, u): |u| <= t}`` and PSD cones in svec order (see :mod:`polyopt.conic.svec`), in that order of
rows. K* is K with the zero cone replaced by the whole space. The dual is a program of the same
form (:meth:`ConicProgram.dual`), which is how moment and SOS forms come from one routine: they are
dual to each other (Lasserre, *SIAM J. Optim.* 11, 2001, section 4).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from polyopt.conic.svec import svec_length
from polyopt.errors import FormatError, InvalidProblemError
from polyopt.status import Status

Vector = NDArray[np.float64]

_DUAL_STATUS = {Status.INFEASIBLE: Status.UNBOUNDED, Status.UNBOUNDED: Status.INFEASIBLE}


@dataclass(frozen=True)
class Cones:
    """The cone K: sizes of its factors, in the order of the rows.

    Parameters
    ----------
    zero
        Number of equality rows.
    nonnegative
        Number of inequality rows.
    second_order
        Number of rows of each second-order cone.
    psd
        Side k of each PSD block, which takes k(k+1)/2 rows.

    Examples
    --------
    >>> cones = Cones(zero=1, psd=(3, 3, 2))
    >>> cones.rows
    16
    >>> print(cones)
    1 equality, PSD blocks 3×3 (2), 2×2
    """

    zero: int = 0
    nonnegative: int = 0
    second_order: tuple[int, ...] = ()
    psd: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "zero", int(self.zero))
        object.__setattr__(self, "nonnegative", int(self.nonnegative))
        object.__setattr__(self, "second_order", tuple(int(size) for size in self.second_order))
        object.__setattr__(self, "psd", tuple(int(side) for side in self.psd))
        if min((self.zero, self.nonnegative, *self.second_order, *self.psd)) < 0:
            raise InvalidProblemError(f"cone sizes must not be negative, got {self!r}")

    @cached_property
    def rows(self) -> int:
        """Number of rows of all cones together."""
        return (
            self.zero
            + self.nonnegative
            + sum(self.second_order)
            + sum(svec_length(side) for side in self.psd)
        )

    @property
    def conic_rows(self) -> int:
        """Number of rows that are not equalities."""
        return self.rows - self.zero

    @property
    def nonnegative_slice(self) -> slice:
        """Rows of the nonnegative orthant."""
        return slice(self.zero, self.zero + self.nonnegative)

    def second_order_slices(self) -> Iterator[slice]:
        """Yield the rows of each second-order cone."""
        start = self.zero + self.nonnegative
        for size in self.second_order:
            yield slice(start, start + size)
            start += size

    def psd_slices(self) -> Iterator[slice]:
        """Yield the rows of each PSD block."""
        start = self.zero + self.nonnegative + sum(self.second_order)
        for side in self.psd:
            yield slice(start, start + svec_length(side))
            start += svec_length(side)

    def __str__(self) -> str:
        parts = []
        if self.zero:
            parts.append(f"{self.zero} {'equality' if self.zero == 1 else 'equalities'}")
        if self.nonnegative:
            noun = "inequality" if self.nonnegative == 1 else "inequalities"
            parts.append(f"{self.nonnegative} {noun}")
        if self.second_order:
            parts.append("second-order cones " + _histogram(self.second_order, "{0}"))
        if self.psd:
            parts.append("PSD blocks " + _histogram(self.psd, "{0}×{0}"))
        return ", ".join(parts) or "no rows"


@dataclass(frozen=True, eq=False)
class ConicProgram:
    """Minimise ``c @ x + offset`` subject to ``A x + s = b``, ``s`` in ``cones``.

    Parameters
    ----------
    c
        Objective, shape (n,).
    A
        Sparse (or dense) matrix, shape (m, n); stored as ``scipy.sparse.csc_array`` with sorted
        indices.
    b
        Right-hand side, shape (m,).
    cones
        The cone of ``s``; its rows must add up to m.
    offset
        Constant added to the objective of primal and dual.

    Raises
    ------
    InvalidProblemError
        If shapes do not fit or an entry is NaN or infinite.

    Examples
    --------
    Minimise x + y subject to x + 2 y = 2 and x, y >= 0.

    >>> import numpy as np
    >>> A = np.array([[1.0, 2.0], [-1.0, 0.0], [0.0, -1.0]])
    >>> program = ConicProgram([1.0, 1.0], A, [2.0, 0.0, 0.0], Cones(zero=1, nonnegative=2))
    >>> print(program)
    conic program: 2 variables, 3 rows, 4 nonzeros; 1 equality, 2 inequalities
    """

    c: Vector
    A: sp.csc_array
    b: Vector
    cones: Cones
    offset: float = 0.0

    def __post_init__(self) -> None:
        c = _vector(self.c, "c")
        b = _vector(self.b, "b")
        if sp.issparse(self.A):
            A = sp.csc_array(self.A, dtype=np.float64)
        else:
            dense = np.asarray(self.A, dtype=np.float64)
            if dense.ndim != 2:
                raise InvalidProblemError(f"A must be a matrix, got shape {dense.shape}")
            A = sp.csc_array(dense)
        if not A.has_canonical_format:
            A = A.copy()  # the caller's matrix shares these arrays
            A.sum_duplicates()
        if not isinstance(self.cones, Cones):
            raise InvalidProblemError(f"cones must be a Cones object, got {self.cones!r}")
        if A.shape != (len(b), len(c)):
            raise InvalidProblemError(
                f"A has shape {A.shape}, but c and b ask for ({len(b)}, {len(c)})"
            )
        if self.cones.rows != len(b):
            raise InvalidProblemError(
                f"the cones have {self.cones.rows} rows ({self.cones}), but A has {len(b)}"
            )
        _require_finite(A.data, "A")
        offset = float(self.offset)
        _require_finite(np.array([offset]), "offset")
        for name, value in (("c", c), ("A", A), ("b", b), ("offset", offset)):
            object.__setattr__(self, name, value)

    @property
    def number_of_variables(self) -> int:
        """Length of x."""
        return len(self.c)

    @property
    def number_of_rows(self) -> int:
        """Length of s and z."""
        return len(self.b)

    def primal_objective(self, x: Vector) -> float:
        """Return ``c @ x + offset``."""
        return float(self.c @ x) + self.offset

    def dual_objective(self, z: Vector) -> float:
        """Return ``-b @ z + offset``."""
        return -float(self.b @ z) + self.offset

    def dual(self) -> DualProgram:
        """Return the dual as a program of the same form, with the way back.

        Minimise ``b @ z - offset`` over z in R^m with the rows ``A^T z = -c`` and, for the conic
        part, ``-z + s = 0``: its optimal value is minus that of this program.

        Examples
        --------
        >>> import numpy as np
        >>> program = ConicProgram([1.0], np.array([[-1.0]]), [-3.0], Cones(nonnegative=1))
        >>> print(program.dual().program)
        conic program: 1 variable, 2 rows, 2 nonzeros; 1 equality, 1 inequality
        """
        m, n = self.A.shape
        conic = self.cones.conic_rows
        selection = sp.csr_array(
            (-np.ones(conic), (np.arange(conic), self.cones.zero + np.arange(conic))),
            shape=(conic, m),
        )
        program = ConicProgram(
            c=self.b,
            A=sp.vstack([self.A.T, selection], format="csc"),
            b=np.concatenate([-self.c, np.zeros(conic)]),
            cones=Cones(
                zero=n,
                nonnegative=self.cones.nonnegative,
                second_order=self.cones.second_order,
                psd=self.cones.psd,
            ),
            offset=-self.offset,
        )
        return DualProgram(program, self)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the program to a file for other solvers, ``.dat-s`` or ``.cbf``.

        The formats are described in :mod:`polyopt.conic.sdpa_format` and
        :mod:`polyopt.conic.cbf_format`. ``.cbf`` takes every program; ``.dat-s`` has no
        second-order cones, and states an SOS form as the moment form it is the dual of.

        Raises
        ------
        FormatError
            If the ending is another one, or the format cannot state the program.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import numpy as np
        >>> path = pathlib.Path(tempfile.mkdtemp(), "small.cbf")
        >>> program = ConicProgram([1.0], -np.ones((1, 1)), [-3.0], Cones(nonnegative=1))
        >>> program.write(path)
        >>> print(ConicProgram.read(path))
        conic program: 1 variable, 1 rows, 1 nonzeros; 1 inequality
        """
        from polyopt.conic.cbf_format import write_cbf
        from polyopt.conic.sdpa_format import write_sdpa

        {".dat-s": write_sdpa, ".cbf": write_cbf}[_ending(path)](self, path)

    @staticmethod
    def read(path: str | os.PathLike[str]) -> ConicProgram:
        """Read a program from a ``.dat-s`` or ``.cbf`` file; see :meth:`write`.

        Raises
        ------
        FormatError
            With the number of the line and what is wrong there.
        OSError
            The file cannot be opened.
        """
        from polyopt.conic.cbf_format import read_cbf
        from polyopt.conic.sdpa_format import read_sdpa

        return {".dat-s": read_sdpa, ".cbf": read_cbf}[_ending(path)](path)

    def __str__(self) -> str:
        n = self.number_of_variables
        return (
            f"conic program: {n} {'variable' if n == 1 else 'variables'}, "
            f"{self.number_of_rows} rows, {self.A.nnz} nonzeros; {self.cones}"
        )


@dataclass(frozen=True, eq=False)
class ConicSolution:
    """What a solver returned for a :class:`ConicProgram`.

    The objective values are computed from ``x`` and ``z``, never taken from the solver. With status
    INFEASIBLE, ``z`` is a dual ray (``A^T z = 0``, z in K*, ``b @ z < 0``), both objectives are
    +inf and ``x`` and ``s`` mean nothing; with UNBOUNDED, ``x`` and ``s`` are a primal ray
    (``A x + s = 0``, s in K, ``c @ x < 0``), both objectives are -inf and ``z`` means nothing.
    Vectors that a solver did not return are NaN.

    Parameters
    ----------
    x, s, z
        Variables (n,), slacks (m,) and duals (m,).
    status
        Outcome.
    primal_objective, dual_objective
        ``c @ x + offset`` and ``-b @ z + offset``.
    iterations
        Number of iterations, 0 where the solver does not tell.
    solve_time
        Wall-clock seconds spent in the solver.
    solver
        Name of the solver.
    message
        What the solver said in its own words, and what was found on checking it.
    """

    x: Vector
    s: Vector
    z: Vector
    status: Status
    primal_objective: float
    dual_objective: float
    iterations: int = 0
    solve_time: float = 0.0
    solver: str = ""
    message: str = ""

    @classmethod
    def from_vectors(
        cls,
        program: ConicProgram,
        status: Status,
        x: Any = None,
        s: Any = None,
        z: Any = None,
        *,
        iterations: int = 0,
        solve_time: float = 0.0,
        solver: str = "",
        message: str = "",
    ) -> ConicSolution:
        """Fill in what is missing with NaN and compute the objectives from the vectors."""
        m, n = program.A.shape
        x, s, z = (
            np.full(length, np.nan) if vector is None else np.asarray(vector, dtype=np.float64)
            for vector, length in ((x, n), (s, m), (z, m))
        )
        if status.is_certificate:
            primal = dual = np.inf if status is Status.INFEASIBLE else -np.inf
        else:
            primal, dual = program.primal_objective(x), program.dual_objective(z)
        return cls(
            x, s, z, status, primal, dual, int(iterations), float(solve_time), solver, message
        )

    @property
    def gap(self) -> float:
        """Primal minus dual objective; at least 0 for feasible x and z."""
        if self.status.is_certificate:
            return np.nan
        return self.primal_objective - self.dual_objective

    def __str__(self) -> str:
        head = f"{self.solver or 'solver'}: {self.status}"
        if self.status.has_iterate:
            head += f", primal {self.primal_objective:.9g}, dual {self.dual_objective:.9g}"
        return f"{head} ({self.iterations} iterations, {self.solve_time:.3g} s)"


@dataclass(frozen=True, eq=False)
class DualProgram:
    """The dual of a program, in the same standard form, and the way back.

    Parameters
    ----------
    program
        The dual; its optimal value is minus that of ``primal``.
    primal
        The program it was made from.
    """

    program: ConicProgram
    primal: ConicProgram = field(repr=False)

    def recover(self, solution: ConicSolution) -> ConicSolution:
        """Turn a solution of the dual program into one of the primal program.

        The multipliers of the dual's equalities are -x and those of its cone rows are s, so s and
        the conic part of z lie in their cones as well as the solver left them there. Certificates
        are mapped too: an infeasible dual program is an unbounded primal one and vice versa.

        Examples
        --------
        >>> import numpy as np
        >>> program = ConicProgram([1.0], np.array([[-1.0]]), [-3.0], Cones(nonnegative=1))
        >>> dual = program.dual()
        >>> solved = ConicSolution.from_vectors(
        ...     dual.program, Status.OPTIMAL, x=[1.0], s=[0.0, 1.0], z=[-3.0, 0.0])
        >>> dual.recover(solved).x.tolist()
        [3.0]
        """
        n, zero = self.primal.number_of_variables, self.primal.cones.zero
        return ConicSolution.from_vectors(
            self.primal,
            _DUAL_STATUS.get(solution.status, solution.status),
            x=-solution.z[:n],
            s=np.concatenate([np.zeros(zero), solution.z[n:]]),
            z=np.concatenate([solution.x[:zero], solution.s[n:]]),
            iterations=solution.iterations,
            solve_time=solution.solve_time,
            solver=solution.solver,
            message=solution.message,
        )


def _ending(path: str | os.PathLike[str]) -> str:
    ending = Path(path).suffix.lower()
    if ending not in (".dat-s", ".cbf"):
        raise FormatError(
            f"{Path(path).name}: files ending in {ending or 'nothing'!r} are not known; conic "
            "programs are written as .dat-s (SDPA) or .cbf (conic benchmark format)"
        )
    return ending


def _vector(values: Any, name: str) -> Vector:
    vector = np.ascontiguousarray(values, dtype=np.float64)
    if vector.ndim != 1:
        raise InvalidProblemError(f"{name} must be a vector, got shape {vector.shape}")
    _require_finite(vector, name)
    return vector


def _require_finite(values: Vector, name: str) -> None:
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise InvalidProblemError(
            f"{name} contains {values[bad[0]]} ({bad.size} entries are not finite); "
            "remove or scale the term it comes from"
        )


def _histogram(sizes: tuple[int, ...], form: str) -> str:
    counts = sorted(Counter(sizes).items(), reverse=True)
    return ", ".join(
        form.format(size) + (f" ({count})" if count > 1 else "") for size, count in counts
    )
