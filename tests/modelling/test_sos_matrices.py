"""Matrix requirements against eigenvalues on a grid and linear matrix inequalities."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import solve_continuous_lyapunov

import polyopt as po
from polyopt.errors import InvalidProblemError, RelaxationError


def test_largest_eigenvalue_over_an_interval() -> None:
    t = po.variables("t", 1)[0]
    zero = 0 * t
    matrix = [[1 + t, t**2, zero], [t**2, t, 1 - t], [zero, 1 - t, -(t**2)]]
    program = po.SOSProgram([t])
    c = program.coefficient("c")
    shifted = [[(c if i == j else 0) - matrix[i][j] for j in range(3)] for i in range(3)]
    program.require_psd(shifted, on=[t**2 <= 1], order=2)
    program.minimize(c)
    solution = program.solve()
    largest = -np.inf
    for value in np.linspace(-1, 1, 2001):
        numbers = [[float(e([value])) for e in row] for row in matrix]
        largest = max(largest, float(np.linalg.eigvalsh(np.array(numbers))[-1]))
    # In one variable on an interval the certificate loses nothing (matrix Fejér-Riesz).
    assert solution[c] == pytest.approx(largest, abs=1e-5)
    (check,) = solution.check()
    assert check.residual < 1e-6
    assert check.least_value > -1e-6


def test_linear_matrix_inequality_without_x() -> None:
    """The smallest trace of P with AᵀP + PA + I <= 0 is that of the Lyapunov equation."""
    A = np.array([[-1.0, 2.0], [0.0, -3.0]])
    z = po.variables("z", 1)[0]
    program = po.SOSProgram([z])
    a, b, d = program.coefficients("p", 3)
    P = np.array([[a, b], [b, d]], dtype=object)
    program.require_psd(-(A.T @ P + P @ A) - np.eye(2))
    program.require_psd(P)
    program.minimize(a + d)
    expected = solve_continuous_lyapunov(A.T, -np.eye(2))
    solution = program.solve()
    assert solution.value == pytest.approx(np.trace(expected), abs=1e-5)
    np.testing.assert_allclose(solution[[a, b, d]], expected[[0, 0, 1], [0, 1, 1]], atol=1e-3)


def test_equalities_of_the_set() -> None:
    """On the circle the matrix [[x, y], [y, -x]] has the eigenvalues ±1."""
    x, y = po.variables("x y")
    program = po.SOSProgram([x, y])
    c = program.coefficient("c")
    program.require_psd([[c + x, y], [y, c - x]], on=[x**2 + y**2 == 1])
    program.minimize(c)
    assert program.solve()[c] == pytest.approx(1.0, abs=1e-5)


def test_bad_matrices() -> None:
    x = po.variables("x", 1)[0]
    program = po.SOSProgram([x])
    c = program.coefficient("c")
    with pytest.raises(InvalidProblemError, match="symmetric"):
        program.require_psd([[c, x], [2 * x, c]])
    with pytest.raises(InvalidProblemError, match="square"):
        program.require_psd([[c, x]])
    with pytest.raises(InvalidProblemError, match="square"):
        program.require_psd(c)
    with pytest.raises(RelaxationError, match="at least 2"):
        program.require_psd([[c]], on=[x**4 <= 1], order=1)
