"""Problem files: what they say, exact round trips, and messages for what they must not say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import polyopt as po
from polyopt.errors import FormatError
from polyopt.problem_json import problem_from_dict, problem_to_dict
from polyopt.problems import all_problems


def test_every_problem_of_the_library_survives(tmp_path: Path) -> None:
    count = 0
    for problem in all_problems():
        path = tmp_path / "problem.json"
        po.save_problem(problem, path)
        again = po.load_problem(path)
        assert again.variables == problem.variables
        assert again.sense == problem.sense
        pairs = zip(
            (problem.objective, *problem.inequalities, *problem.equalities),
            (again.objective, *again.inequalities, *again.equalities),
            strict=True,
        )
        for first, second in pairs:
            np.testing.assert_array_equal(first.coefficients, second.coefficients)
            assert first.equals(second)
        count += 1
    assert count > 30


def test_names_that_no_text_can_have_go_through_arrays(tmp_path: Path) -> None:
    p = po.Polynomial.from_arrays([[2, 0], [0, 1]], [0.1, -3.0], variables=["a b", "x+1"])
    problem = po.minimize(p, subject_to=[p >= -1])
    data = problem_to_dict(problem)
    assert data["objective"] == {"exponents": [[0, 1], [2, 0]], "coefficients": [-3.0, 0.1]}
    path = tmp_path / "problem.json"
    po.save_problem(problem, path)
    assert po.load_problem(path).objective.equals(p)


def test_all_members() -> None:
    problem = problem_from_dict(
        {
            "format": "polyopt problem",
            "version": 1,
            "sense": "max",
            "variables": ["y", "x"],
            "objective": {"exponents": [[1, 1]], "coefficients": [2]},
            "inequalities": ["1 - x^2", 3],
            "equalities": ["y - x"],
            "subject_to": ["y <= 2", "x*y == 1"],
        }
    )
    assert problem.sense == "max"
    assert list(problem.variables) == ["y", "x"]
    y, x = (po.Polynomial.from_arrays(row, [1.0], variables="yx") for row in ([[1, 0]], [[0, 1]]))
    for found, expected in zip(
        (problem.objective, *problem.inequalities, *problem.equalities),
        (2 * x * y, 1 - x**2, 3 + 0 * x, 2 - y, y - x, x * y - 1),
        strict=True,
    ):
        assert (found - expected).number_of_terms == 0


def test_bound_of_a_problem_in_text() -> None:
    problem = problem_from_dict({"objective": "x*y", "subject_to": ["x^2 + y^2 <= 1"]})
    assert po.putinar(problem, order=1).solve().bound == pytest.approx(-0.5, abs=1e-6)


GOOD: dict[str, Any] = {"variables": ["x", "y"], "objective": "x^2 + y"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"objectiv": "x"}, 'unknown member "objectiv"; did you mean "objective"?'),
        ({"sense": "minimize"}, 'must be "min" or "max"'),
        ({"format": "lp"}, "must be"),
        ({"version": 2}, "reads 1"),
        ({"objective": "x + z"}, 'objective: "x + z", column 5: "z" is not one of'),
        ({"objective": None}, "objective: must be text"),
        ({"objective": True}, "not a truth value"),
        ({"objective": 10**400}, "too large"),
        ({"inequalities": ["x", "y +"]}, 'inequality 1: "y +", column 4'),
        ({"inequalities": "x"}, '"inequalities" must be a list, not text'),
        ({"inequalities": [-1]}, "no point"),
        ({"equalities": ["x <= 1"]}, "equality 0"),
        ({"subject_to": ["x"]}, "subject_to 0"),
        ({"subject_to": [["x", "<=", 1]]}, 'must be text such as "x0^2 <= 1", not a list'),
        ({"variables": "xy"}, "must be a list of names"),
        ({"variables": ["x", "x"]}, "named twice"),
        ({"objective": {"exponents": [[1]], "coefficients": [1]}}, "a list of 2 numbers"),
        ({"objective": {"exponents": [[1, -1]], "coefficients": [1]}}, "-1 is not a whole"),
        ({"objective": {"exponents": [[1, 0.5]], "coefficients": [1]}}, "0.5 is not a whole"),
        ({"objective": {"exponents": [[1, 10**30]], "coefficients": [1]}}, "is not a whole"),
        ({"objective": {"exponents": [], "coefficients": [1]}}, "0 rows of exponents"),
        ({"objective": {"exponents": [[1, 1]], "coefficients": ["1"]}}, "coefficient 0: must be"),
        ({"objective": {"exponents": 1, "coefficients": 1}}, "must be lists"),
        ({"objective": {"exponents": [[1, 1]]}}, "must have the members"),
    ],
)
def test_errors(change: dict[str, Any], message: str) -> None:
    with pytest.raises(FormatError) as caught:
        problem_from_dict({**GOOD, **change}, name="file.json")
    assert str(caught.value).startswith("file.json: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("", "not JSON"),
        ("[]", "an object with members, not a list"),
        ('{"sense": "min"}', '"objective" is missing'),
        ('{"objective": "x", "objective": "y"}', "occurs twice"),
        ('{"objective": NaN}', "NaN is not a number"),
        ('{"objective": {"exponents": [[1]], "coefficients": [1]}}', 'need the member "variables"'),
        ('{"objective": 1e999}', "too large"),
        ('{"objective": ' + "9" * 5000 + "}", "problem.json"),
        ("[" * 100_000, "nested"),
        ("\xff", "problem.json"),
        ('{"objective": "1"}', "no variable"),
    ],
)
def test_unreadable_files(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "problem.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(FormatError) as caught:
        po.load_problem(path)
    assert str(caught.value).startswith("problem.json: ")
    assert message in str(caught.value)


def test_written_file_is_plain_json(tmp_path: Path) -> None:
    x = po.variables("x", 2)
    path = tmp_path / "problem.json"
    po.save_problem(po.minimize(x[0] / 3 - x[1], subject_to=[x[0] <= 1]), path)
    assert json.loads(path.read_text()) == {
        "format": "polyopt problem",
        "version": 1,
        "sense": "min",
        "variables": ["x0", "x1"],
        "objective": "0.3333333333333333*x0 - x1",
        "inequalities": ["1 - x0"],
        "equalities": [],
    }
