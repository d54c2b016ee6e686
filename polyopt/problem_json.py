"""Problems as JSON files: polynomials as text or as arrays.

A file is one object with these members, of which only the objective is required::

    {
      "format": "polyopt problem",  "version": 1,
      "sense": "min",                                     or "max"
      "variables": ["x0", "x1"],                          left out: in order of appearance
      "objective": "x0^2*x1 - 3*x1 + 1",
      "subject_to": ["x0^2 + x1^2 <= 1", "x0 == x1"],     comparisons
      "inequalities": ["1 - x0^2"],                       polynomials that must be >= 0
      "equalities": [{"exponents": [[1, 0], [0, 1]], "coefficients": [1.0, -1.0]}],
      "matrix_inequalities": [[["1", "x0"], ["x0", "1"]]]  matrices that must be PSD, by rows
    }

Text is read by :mod:`polyopt.polynomial.parse`; nothing is evaluated. Arrays have a row of n
exponents and a coefficient for each term, and need ``"variables"``. Constraints of ``subject_to``
come after those listed as polynomials.
"""

from __future__ import annotations

import difflib
import json
import math
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import numpy as np

from polyopt.errors import FormatError, InvalidProblemError
from polyopt.polynomial.parse import NAME, parse_polynomial, parse_relation, polynomial_text
from polyopt.polynomial.polynomial import Polynomial
from polyopt.polynomial.variables import Variables
from polyopt.problem import PolynomialProblem

FORMAT, VERSION = "polyopt problem", 1
_MEMBERS = (
    "format", "version", "sense", "variables", "objective", "subject_to", "inequalities",
    "equalities", "matrix_inequalities",
)  # fmt: skip

T = TypeVar("T")


def load_problem(path: str | os.PathLike[str]) -> PolynomialProblem:
    """Read a problem from a JSON file; the format is described in :mod:`polyopt.problem_json`.

    Raises
    ------
    FormatError
        The message says where in the file and what is wrong.
    OSError
        The file cannot be opened.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "problem.json")
    >>> _ = path.write_text('{"objective": "x*y", "subject_to": ["x^2 + y^2 <= 1"]}')
    >>> print(load_problem(path))
    minimize  x*y
    subject to 1 - x^2 - y^2 >= 0
    in 2 variables x, y
    """
    name = Path(path).name
    try:
        data = json.loads(
            Path(path).read_bytes().decode("utf-8"),
            object_pairs_hook=_without_repeats,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        raise FormatError(
            f"{name}: not JSON: {error.msg} in line {error.lineno}, column {error.colno}"
        ) from None
    except RecursionError:
        raise FormatError(f"{name}: not a problem: nested too deeply") from None
    except ValueError as error:
        raise FormatError(f"{name}: {error}") from None
    return problem_from_dict(data, name=name)


def save_problem(problem: PolynomialProblem, path: str | os.PathLike[str]) -> None:
    """Write a problem to a JSON file that :func:`load_problem` reads back without any rounding.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import polyopt as po
    >>> x = po.variables("x", 2)
    >>> path = pathlib.Path(tempfile.mkdtemp(), "problem.json")
    >>> save_problem(po.maximize(x[0] / 3, subject_to=[x[0] <= x[1] ** 2]), path)
    >>> load_problem(path).objective.equals(x[0] / 3)
    True
    """
    text = json.dumps(problem_to_dict(problem), indent=2, ensure_ascii=False, allow_nan=False)
    Path(path).write_text(text + "\n", encoding="utf-8")


def problem_to_dict(problem: PolynomialProblem) -> dict[str, Any]:
    """Return a problem as plain data; see :mod:`polyopt.problem_json`.

    Polynomials become text, or arrays where a name of a variable cannot be part of a text.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 1)[0]
    >>> problem_to_dict(po.minimize(x**2 - x))["objective"]
    '-x0 + x0^2'
    """
    readable = all(NAME.fullmatch(name) for name in problem.variables)
    write: Callable[[Polynomial], Any] = polynomial_text if readable else _arrays
    data: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "sense": problem.sense,
        "variables": list(problem.variables),
        "objective": write(problem.objective),
        "inequalities": [write(g) for g in problem.inequalities],
        "equalities": [write(h) for h in problem.equalities],
    }
    if problem.matrix_inequalities:
        data["matrix_inequalities"] = [
            [[write(p) for p in row] for row in matrix.entries()]
            for matrix in problem.matrix_inequalities
        ]
    return data


def problem_from_dict(data: Any, *, name: str = "problem") -> PolynomialProblem:
    """Make a problem from plain data; see :mod:`polyopt.problem_json`.

    Raises
    ------
    FormatError
        The message begins with ``name`` and says where and what is wrong.

    Examples
    --------
    >>> problem_from_dict({"objective": "x^4 - x", "sense": "min"})
    <PolynomialProblem: min of degree 4, 1 variables, 0 inequalities, 0 equalities>
    """
    if not isinstance(data, dict):
        _fail(name, f"a problem is an object with members, not {_kind(data)}")
    for key in data:
        if key not in _MEMBERS:
            close = difflib.get_close_matches(str(key), _MEMBERS, n=1)
            hint = f'; did you mean "{close[0]}"?' if close else ""
            _fail(name, f'unknown member "{key}"{hint} There are {", ".join(_MEMBERS)}')
    if data.get("format", FORMAT) != FORMAT:
        _fail(name, f'"format" is {data["format"]!r}; it must be "{FORMAT}"')
    if data.get("version", VERSION) != VERSION:
        _fail(name, f'"version" is {data["version"]!r}; this program reads {VERSION}')
    sense = data.get("sense", "min")
    if sense not in ("min", "max"):
        _fail(name, f'"sense" is {sense!r}; it must be "min" or "max"')
    if "objective" not in data:
        _fail(name, 'the member "objective" is missing')
    variables = _variables(data["variables"], name) if "variables" in data else None

    inequalities = [
        _polynomial(item, variables, f"{name}: inequality {j}")
        for j, item in enumerate(_list(data, "inequalities", name))
    ]
    equalities = [
        _polynomial(item, variables, f"{name}: equality {i}")
        for i, item in enumerate(_list(data, "equalities", name))
    ]
    matrices = [
        _matrix(item, variables, f"{name}: matrix inequality {k}")
        for k, item in enumerate(_list(data, "matrix_inequalities", name))
    ]
    objective = _polynomial(data["objective"], variables, f"{name}: objective")
    for k, item in enumerate(_list(data, "subject_to", name)):
        place = f"{name}: subject_to {k}"
        if not isinstance(item, str):
            _fail(place, f'must be text such as "x0^2 <= 1", not {_kind(item)}')
        relation = _placed(place, parse_relation, item, variables)
        group = inequalities if relation.kind == "inequality" else equalities
        group.append(relation.polynomial)
    try:
        return PolynomialProblem(objective, inequalities, equalities, variables, sense, matrices)
    except InvalidProblemError as error:
        raise FormatError(f"{name}: {error}") from None


def _variables(items: Any, name: str) -> Variables:
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        _fail(name, f'"variables" must be a list of names, not {_kind(items)}')
    try:
        return Variables(items)
    except InvalidProblemError as error:
        raise FormatError(f"{name}: {error}") from None


def _matrix(item: Any, variables: Variables | None, place: str) -> list[list[Polynomial]]:
    if not isinstance(item, list) or not all(isinstance(row, list) for row in item):
        _fail(place, f"must be a list of rows, each a list of polynomials, not {_kind(item)}")
    return [
        [_polynomial(entry, variables, f"{place}, entry ({i}, {j})") for j, entry in enumerate(row)]
        for i, row in enumerate(item)
    ]


def _polynomial(item: Any, variables: Variables | None, place: str) -> Polynomial:
    if isinstance(item, str):
        return _placed(place, parse_polynomial, item, variables)
    if isinstance(item, dict):
        if set(item) != {"exponents", "coefficients"}:
            _fail(place, 'an object must have the members "exponents" and "coefficients" only')
        if variables is None:
            _fail(place, 'arrays need the member "variables" in the file')
        return _from_arrays(item["exponents"], item["coefficients"], variables, place)
    if isinstance(item, (int, float)) and not isinstance(item, bool):
        return Polynomial.constant(_number(item, place), variables or ())
    _fail(
        place, f'must be text or an object with "exponents" and "coefficients", not {_kind(item)}'
    )


def _from_arrays(exponents: Any, values: Any, variables: Variables, place: str) -> Polynomial:
    if not isinstance(values, list) or not isinstance(exponents, list):
        _fail(place, '"exponents" and "coefficients" must be lists')
    coefficients = [_number(value, f"{place}, coefficient {k}") for k, value in enumerate(values)]
    if len(exponents) != len(coefficients):
        _fail(place, f"{len(exponents)} rows of exponents, but {len(coefficients)} coefficients")
    n = len(variables)
    for k, row in enumerate(exponents):
        if not isinstance(row, list) or len(row) != n:
            _fail(f"{place}, exponents row {k}", f"must be a list of {n} numbers, one a variable")
        for power in row:
            if type(power) is not int or not 0 <= power <= 10_000:
                _fail(f"{place}, exponents row {k}", f"{power!r} is not a whole number >= 0")
    table = np.array(exponents, dtype=np.int64).reshape(len(exponents), n)
    return _placed(
        place, lambda a, v: Polynomial.from_arrays(a, coefficients, variables=v), table, variables
    )


def _number(value: Any, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        _fail(place, f"must be a number, not {_kind(value)}")
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        _fail(place, "the number is too large")
    return result


def _list(data: dict[str, Any], key: str, name: str) -> Iterable[Any]:
    items = data.get(key, [])
    if not isinstance(items, list):
        _fail(name, f'"{key}" must be a list, not {_kind(items)}')
    return items


def _placed(place: str, function: Callable[[Any, Any], T], item: Any, variables: Any) -> T:
    """Call a reader and say where in the file its error is."""
    try:
        return function(item, variables)
    except (FormatError, InvalidProblemError) as error:
        raise FormatError(f"{place}: {error}") from None


def _arrays(polynomial: Polynomial) -> dict[str, Any]:
    return {
        "exponents": polynomial.exponents.tolist(),
        "coefficients": polynomial.coefficients.tolist(),
    }


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "a truth value", int: "a number"}
    return names.get(type(value), "a number" if isinstance(value, float) else "null")


def _fail(place: str, reason: str) -> NoReturn:
    raise FormatError(f"{place}: {reason}")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f'the member "{next(k for k in keys if keys.count(k) > 1)}" occurs twice')
    return result


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number of a problem")
