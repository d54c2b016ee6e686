"""Scaling of variables by powers of two, chosen from the coefficients, undone without rounding.

Substituting ``x_i = 2^k_i x'_i`` changes a problem's coefficients by many orders of magnitude but
not its bounds; a solver's equilibration cannot do the same, since it may not scale the rows inside
a PSD cone independently. The exponents are a least-squares fit of ``log2 |c_α| + α·k`` to one
constant per polynomial, as in geometric scaling of matrices (Curtis and Reid, J. Inst. Math.
Appl. 10, 1972). Moments become ``y_α = 2^(k·α) y'_α`` and Gram matrices ``Q' = D⁻¹ Q D⁻¹`` with
``D = diag(2^(-k·β))``: on the conic data a diagonal scaling of rows and columns by powers of two,
which is exact in floating-point arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import linalg

from polyopt.conic.assembly import Assembly
from polyopt.conic.program import ConicProgram, ConicSolution
from polyopt.polynomial.basis import stack
from polyopt.polynomial.matrix import PolynomialMatrix
from polyopt.polynomial.polynomial import Polynomial
from polyopt.problem import PolynomialProblem
from polyopt.relaxation.multiplier import Cone, Multiplier

Array = NDArray[np.float64]

#: Weight that keeps variables without evidence where they are.
_RIDGE = 1e-2
_MOST = 40
_NEGLIGIBLE = 2.0**-40
#: Smaller differences between variables are left alone: there the scaled problems took Clarabel
#: more iterations, as did a common factor of all variables, which is therefore removed.
_LEAST_SPREAD = 3


@dataclass(frozen=True, slots=True, eq=False)
class ScaledProgram:
    """A program in scaled variables and the way back.

    Attributes
    ----------
    program : ConicProgram
        ``A' = R A C``, ``b' = R b``, ``c' = C c`` with diagonal powers of two.
    original : ConicProgram
    rows, columns : float arrays
        Diagonals of R, shape (m,), and C, shape (n,).
    """

    program: ConicProgram
    original: ConicProgram
    rows: Array
    columns: Array

    def recover(self, solution: ConicSolution) -> ConicSolution:
        """Turn a solution of the scaled program into one of the original."""
        scaled = ConicSolution.from_vectors(
            self.original,
            solution.status,
            self.columns * solution.x,
            solution.s / self.rows,
            self.rows * solution.z,
        )
        return replace(
            scaled,
            iterations=solution.iterations,
            solve_time=solution.solve_time,
            solver=solution.solver,
            message=solution.message,
        )


def variable_exponents(problem: PolynomialProblem) -> NDArray[np.intp]:
    """Exponents k of the scaling ``x_i = 2^k_i x'_i``, shape (n,).

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 2)
    >>> problem = po.minimize(x[0] ** 4 + (1024 * x[1]) ** 4 - x[0] * 1024 * x[1])
    >>> variable_exponents(problem).tolist()
    [5, -5]
    """
    groups = [_without_constant(problem.objective), *problem.inequalities, *problem.equalities]
    groups += [
        matrix.entry(i, j)
        for matrix in problem.matrix_inequalities
        for j in range(matrix.side)
        for i in range(j + 1)
    ]
    polynomials = [q for q in map(_main_part, groups) if q.number_of_terms > 1]
    n = problem.number_of_variables
    if not polynomials:
        return np.zeros(n, dtype=np.intp)
    sizes = np.array([p.number_of_terms for p in polynomials])
    total = int(sizes.sum())
    entry, variable = [], []
    start = 0
    for p in polynomials:
        for column in range(p.rows.shape[1]):
            used = np.flatnonzero(p.rows[:, column])
            entry.append(start + used)
            variable.append(p.rows[used, column] - 1)
        start += p.number_of_terms
    rows, columns = np.concatenate(entry), np.concatenate(variable)
    logs = np.concatenate([np.log2(np.abs(p.coefficients)) for p in polynomials])
    # Large polynomials do not drown small ones: each has the same total weight per variable.
    owner = np.repeat(np.arange(len(polynomials)), sizes)
    powers = sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(total, n))
    level = sparse.csr_array((-np.ones(total), (np.arange(total), owner)))
    design = sparse.hstack([powers, level], format="csr")
    normal = design.T @ design + sparse.diags_array(
        np.concatenate([np.full(n, _RIDGE), np.full(len(polynomials), 1e-9)])
    )
    fitted = linalg.spsolve(sparse.csc_matrix(normal), -(design.T @ logs))
    centred = fitted[:n] - np.median(fitted[:n])
    exponents = np.clip(np.rint(centred), -_MOST, _MOST).astype(np.intp)
    return exponents if np.ptp(exponents) >= _LEAST_SPREAD else np.zeros(n, dtype=np.intp)


def scale_program(
    program: ConicProgram,
    assembly: Assembly,
    multipliers: tuple[Multiplier, ...],
    exponents: NDArray[np.intp],
) -> ScaledProgram:
    """Apply a scaling of variables to the moment form.

    Parameters
    ----------
    program : ConicProgram
        Moment form of the assembly.
    assembly : Assembly
    multipliers : tuple of Multiplier
    exponents : int array of shape (n,)
    """
    table = np.concatenate([[0], exponents]).astype(np.float64)
    columns = np.exp2(table[assembly.moments[1:]].sum(axis=1))
    rows = np.exp2(-_row_exponents(assembly, multipliers, table))
    scaled = ConicProgram(
        c=program.c * columns,
        A=sparse.csc_array(sparse.diags_array(rows) @ program.A @ sparse.diags_array(columns)),
        b=program.b * rows,
        cones=program.cones,
        offset=program.offset,
    )
    return ScaledProgram(scaled, program, rows, columns)


def _row_exponents(assembly: Assembly, multipliers: tuple[Multiplier, ...], table: Array) -> Array:
    """Exponent of each entry's monomial, and of the multiplier's polynomial as a whole."""
    result = np.zeros(assembly.cones.rows)
    groups: dict[tuple[object, ...], list[int]] = {}
    for k, m in enumerate(multipliers):
        groups.setdefault((m.cone is Cone.PSD, m.basis.shape_key), []).append(k)
    for (psd, _), members in groups.items():
        weights = table[stack([multipliers[k].basis for k in members])].sum(axis=2)
        if psd:
            j, i = np.tril_indices(weights.shape[1])
            weights = weights[:, i] + weights[:, j]
        levels = np.array([_level(multipliers[k].polynomial, table) for k in members])
        where = assembly.offsets[members][:, None] + np.arange(weights.shape[1])
        result[where] = weights + levels[:, None]
    return result


def _level(polynomial: Polynomial | PolynomialMatrix, table: Array) -> float:
    """Exponent that brings the largest scaled coefficient of a constraint to about 1."""
    if polynomial.degree == 0:
        return 0.0
    size = np.abs(polynomial.coefficients).reshape(len(polynomial.rows), -1).max(axis=1)
    scaled = np.log2(size) + table[polynomial.rows].sum(axis=1)
    return float(np.rint(scaled.max()))


def _main_part(polynomial: Polynomial) -> Polynomial:
    """Leave out terms that are tiny beside the largest, such as allowances for rounding."""
    size = np.abs(polynomial.coefficients)
    keep = size >= _NEGLIGIBLE * size.max(initial=0.0)
    return Polynomial(polynomial.variables, polynomial.rows[keep], polynomial.coefficients[keep])


def _without_constant(polynomial: Polynomial) -> Polynomial:
    keep = polynomial.rows.any(axis=1)
    return Polynomial(polynomial.variables, polynomial.rows[keep], polynomial.coefficients[keep])
