"""Matrix inequalities as parts of problems: values, files, reductions, bad input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy

import polyopt as po
from polyopt.errors import FormatError, InvalidProblemError
from polyopt.problem_json import problem_from_dict, problem_to_dict
from polyopt.proof import find_box
from tests.matrix.problems import X, Y, Z, chain, mixed


def test_values_and_violation_by_sympy_and_numpy(rng: np.random.Generator) -> None:
    problem = mixed()
    x, y, z = symbols = sympy.symbols("x y z")
    by_hand = sympy.lambdify(
        symbols,
        sympy.Matrix(
            [
                [2 - x**2, x * y, sympy.Float(0.5)],
                [x * y, 2 - y**2, z],
                [sympy.Float(0.5), z, 2 - z**2],
            ]
        ),
    )
    points = rng.uniform(-2, 2, size=(50, 3))
    batch = problem.matrix_inequalities[0](points)
    for point, values in zip(points, batch, strict=True):
        matrix = np.array(by_hand(*point), dtype=float)
        np.testing.assert_allclose(values, matrix, atol=1e-12)
        a, b, c = point
        expected = max(
            0.0,
            -np.linalg.eigvalsh(matrix)[0],
            np.hypot(a, b - c) - (1 + c / 4),
            -0.5 - a,
            abs(a + b - 0.25),
        )
        assert problem.violation(point) == pytest.approx(expected, abs=1e-12)
    np.testing.assert_allclose(
        problem.violation(points), [problem.violation(p) for p in points], atol=1e-14
    )


def test_the_same_matrix_from_lists_arrays_sympy_and_matrices() -> None:
    x, y = sympy.symbols("x y")
    lists = [[1 - X**2, X * Y], [X * Y, 2]]
    forms: list[Any] = [
        lists,
        np.array(lists, dtype=object),
        sympy.Matrix([[1 - x**2, x * y], [x * y, 2]]),
        po.PolynomialMatrix.from_entries(lists),
        po.psd(lists),
    ]
    problems = [po.minimize(X + Y, subject_to=[po.psd(form)]) for form in forms]
    problems += [po.PolynomialProblem(X + Y, matrix_inequalities=[form]) for form in forms]
    for problem in problems:
        assert problem.matrix_inequalities[0].equals(problems[0].matrix_inequalities[0])
        assert problem.variables.names == ("x", "y", "z")
        assert problem.degree == 2
        assert "1 matrix inequalities" in repr(problem)
        assert "[[1 - x^2, x*y], [x*y, 2]] ⪰ 0" in str(problem)


def test_numeric_entries_and_one_row() -> None:
    problem = po.minimize(X, subject_to=[po.psd(np.eye(2)), po.psd([[1 - X**2]])])
    assert problem.matrix_inequalities[0].degree == 0
    assert po.putinar(problem, 1).solve().bound == pytest.approx(-1.0, abs=1e-6)


def test_arrows_are_recognised() -> None:
    arrow = po.soc(1 + Z, [X, Y]).matrix
    assert arrow.is_arrow
    assert po.psd([[2, X], [X, 2]]).matrix.is_arrow
    assert not po.psd([[2, X], [X, 3]]).matrix.is_arrow
    assert not po.psd([[1, X, Y], [X, 1, Z], [Y, Z, 1]]).matrix.is_arrow


BAD: list[tuple[Any, str]] = [
    ([[1, X], [Y, 1]], r"x in place \(0, 1\) and y in place \(1, 0\)"),
    ([[1, X]], "1 rows, but row 0 has 2 entries"),
    ([[1, X], [X]], "row 1 has 1 entries"),
    ([1, X], "row 0 has no list of entries"),
    ([], "empty"),
    (np.zeros((0, 0)), "empty"),
    (np.zeros(3), r"shape \(3,\)"),
    (X, "give a square matrix"),
    ("psd", "give a square matrix"),
    ([[1, float("nan")], [float("nan"), 1]], r"entry \(0, 1\) of the matrix.*nan"),
    ([[1, 1j], [1j, 1]], "complex"),
    ([[1, "x"], ["x", 1]], r"entry \(0, 1\) of the matrix is 'x'"),
    ([[1, None], [None, 1]], "None"),
    ([[1, sympy.sin(sympy.Symbol("x"))], [sympy.sin(sympy.Symbol("x")), 1]], "sin"),
]


@pytest.mark.parametrize(("matrix", "message"), BAD, ids=range(len(BAD)))
def test_bad_matrices(matrix: Any, message: str) -> None:
    with pytest.raises(po.PolyoptError, match=message):
        po.psd(matrix)


def test_bad_cones_and_places() -> None:
    with pytest.raises(InvalidProblemError, match="empty"):
        po.soc(1, [])
    with pytest.raises(InvalidProblemError, match="give a list"):
        po.soc(1, X)
    with pytest.raises(InvalidProblemError, match="one dimension"):
        po.soc(1, np.ones((2, 2)))
    with pytest.raises(InvalidProblemError, match="write psd"):
        po.minimize(X, subject_to=[po.psd([[1, X], [X, 1]]).matrix])
    with pytest.raises(InvalidProblemError, match="write psd"):
        po.minimize(X, subject_to=[sympy.Matrix([[1, 2], [2, 1]])])
    with pytest.raises(InvalidProblemError, match="eigenvalue -1"):
        po.minimize(X, subject_to=[po.psd([[0, 1], [1, 0]])])
    with pytest.raises(InvalidProblemError, match="truth"):
        bool(po.psd([[1, X], [X, 1]]))
    with pytest.raises(po.PolyoptError, match=r'"y".*matrix inequality 0'):
        po.minimize(X, subject_to=[po.psd([[1, Y], [Y, 1]])], variables=["x"])


def test_files_keep_every_bit(tmp_path: Path) -> None:
    problem = mixed()
    path = tmp_path / "problem.json"
    po.save_problem(problem, path)
    again = po.load_problem(path)
    for left, right in zip(problem.matrix_inequalities, again.matrix_inequalities, strict=True):
        assert left.equals(right)
    v = po.Polynomial.from_arrays([[1]], [1.0], variables=["a b"])
    odd = po.minimize(v, subject_to=[po.psd([[1, v / 3], [v / 3, 1]])])
    again = problem_from_dict(problem_to_dict(odd))
    assert again.matrix_inequalities[0].equals(odd.matrix_inequalities[0])


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ("x", "must be a list of rows"),
        (["x"], "must be a list of rows"),
        ([["1", "x"], ["0", "1"]], r"x in place \(0, 1\)"),
        ([["1", "x +"], ["x", "1"]], r"matrix inequality 0, entry \(0, 1\)"),
        ([["1", "x"]], "row 0 has 2 entries"),
    ],
)
def test_bad_files(matrix: Any, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        problem_from_dict({"objective": "x", "matrix_inequalities": [matrix]})


def test_reductions_carry_matrices_along(rng: np.random.Generator) -> None:
    w = po.variables("w", 1)[0]
    problem = po.minimize(
        X**2 * Y - Z,
        subject_to=[
            X + Y == 0.5,
            Z == 0.25,
            po.psd([[4 - X**2, X * Y], [X * Y, 4 - Z * Y]]),
            po.soc(3, [X, Y]),
        ],
        variables=[X, Y, Z, w],
    )
    steps = (po.FixedVariables(), po.LinearEqualities(), po.UnusedVariables(), po.ScaleToBoxes())
    reduced = po.reduce(problem, *steps)
    assert reduced.exact
    assert reduced.problem.number_of_variables == 1
    points = rng.uniform(-1, 1, size=(30, 1))
    np.testing.assert_allclose(
        reduced.problem.violation(points), problem.violation(reduced.lift(points)), atol=1e-12
    )
    bounds = [po.putinar(p, 3).solve().bound for p in (problem, reduced.problem)]
    assert bounds[0] == pytest.approx(bounds[1], abs=1e-5)


def test_sparsity_keeps_a_matrix_in_one_clique() -> None:
    problem = chain()
    assert sorted(po.csp_graph(problem).edges) == [(0, 1), (1, 2), (2, 3)]
    pattern = po.correlative_sparsity(problem)
    where = pattern.assign(problem).matrices
    for k, (matrix, cliques) in enumerate(zip(problem.matrix_inequalities, where, strict=True)):
        assert cliques, k
        assert set(matrix.support.tolist()) <= set(pattern.cliques[cliques[0]])
    v = po.variables("v", 3)
    problem = po.minimize(v[0], subject_to=[po.psd([[1, v[0]], [v[0], v[2]]])])
    with pytest.raises(po.PolyoptError, match="matrix 0 couples v0, v2"):
        po.putinar(problem, 1, cliques=[[0, 1], [1, 2]])


def test_ranges_from_minors_are_rigorous() -> None:
    box = find_box(po.minimize(X, subject_to=[po.psd([[1, X, Y], [X, 4, Z], [Y, Z, 2 - Z**2]])]))
    # The minor 4 (2 - z²) - z² is sharper than the entry 2 - z².
    exact = [2.0, np.sqrt(2.0), np.sqrt(1.6)]
    np.testing.assert_allclose(box.upper, exact, rtol=1e-9)
    assert (box.upper >= exact).all()
    box = find_box(po.minimize(X, subject_to=[po.soc(3, [X, Y - 1])]))
    np.testing.assert_allclose(box.lower[:2], [-3.0, -2.0], atol=1e-9)
    free = find_box(po.minimize(X, subject_to=[po.psd([[Y, X], [X, Y]])]))
    assert np.isinf(free.upper).all()
