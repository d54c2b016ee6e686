"""Polynomial optimisation problems: data only, with no solver and no order.

``min f(x)`` (or ``max``) subject to ``g_j(x) >= 0``, ``h_i(x) = 0`` and ``G_k(x) ⪰ 0``, x in R^n.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from polyopt.errors import InvalidProblemError
from polyopt.html import card
from polyopt.polynomial.convert import is_sympy, variable_names
from polyopt.polynomial.matrix import PolynomialMatrix, as_polynomial, entry_table, variables_of
from polyopt.polynomial.matrix_inequality import MatrixInequality
from polyopt.polynomial.polynomial import Polynomial
from polyopt.polynomial.relation import Relation
from polyopt.polynomial.variables import Variables


class PolynomialProblem:
    """Minimise or maximise a polynomial on a basic semialgebraic set.

    Parameters
    ----------
    objective : Polynomial, number or sympy expression
    inequalities : iterable of Polynomial or sympy expression
        Each means ``g(x) >= 0``.
    equalities : iterable of Polynomial or sympy expression
        Each means ``h(x) = 0``.
    variables : iterable of str, sympy symbols or generators, optional
        The n variables in the order of the coordinates of points. Left out: those of the
        polynomials in order of appearance, then sympy symbols by name.
    sense : {"min", "max"}
    matrix_inequalities : iterable of matrices
        Each a symmetric matrix of polynomials, ``G(x) ⪰ 0``; see :func:`polyopt.psd`.

    Raises
    ------
    NotPolynomialError, UnknownVariableError, InvalidProblemError
        The message names the constraint and the term.

    Examples
    --------
    >>> import polyopt as po
    >>> x, y = po.variables("x y")
    >>> problem = po.PolynomialProblem(x * y, inequalities=[1 - x**2 - y**2])
    >>> problem.evaluate([0.5, 0.5]), problem.violation([1.0, 1.0])
    (0.25, 1.0)
    """

    __slots__ = (
        "equalities",
        "inequalities",
        "matrix_inequalities",
        "objective",
        "sense",
        "variables",
    )

    objective: Polynomial
    inequalities: tuple[Polynomial, ...]
    equalities: tuple[Polynomial, ...]
    matrix_inequalities: tuple[PolynomialMatrix, ...]
    variables: Variables
    sense: Literal["min", "max"]

    def __init__(
        self,
        objective: Any,
        inequalities: Iterable[Any] = (),
        equalities: Iterable[Any] = (),
        variables: Iterable[object] | None = None,
        sense: Literal["min", "max"] = "min",
        matrix_inequalities: Iterable[Any] = (),
    ) -> None:
        if sense not in ("min", "max"):
            raise InvalidProblemError(f'sense is {sense!r}; it must be "min" or "max"')
        given = {
            "the objective": [objective],
            "inequality": _listed(inequalities, "inequalities"),
            "equality": _listed(equalities, "equalities"),
        }
        for kind, group in given.items():
            for index, item in enumerate(group):
                _require_expression(item, kind if kind.startswith("the") else f"{kind} {index}")
        tables = [
            _table(item, f"matrix inequality {k}")
            for k, item in enumerate(_listed(matrix_inequalities, "matrix_inequalities"))
        ]
        items = [item for group in given.values() for item in group]
        items += [entry for table in tables for row in table for entry in row]
        names = variables_of(items) if variables is None else _given_variables(variables)
        if not len(names):
            raise InvalidProblemError(
                "the problem has no variable; give a polynomial objective or constraints, "
                "or the variables by name"
            )
        self.variables = names
        self.sense = sense
        self.objective = as_polynomial(objective, names, "the objective")
        self.inequalities = tuple(
            as_polynomial(item, names, f"inequality {j}")
            for j, item in enumerate(given["inequality"])
        )
        self.equalities = tuple(
            as_polynomial(item, names, f"equality {i}") for i, item in enumerate(given["equality"])
        )
        self.matrix_inequalities = tuple(
            PolynomialMatrix.from_entries(table, names, place=f"matrix inequality {k}")
            for k, table in enumerate(tables)
        )
        self._refuse_violated_constants()

    def _refuse_violated_constants(self) -> None:
        for kind, group in (("inequality", self.inequalities), ("equality", self.equalities)):
            for index, polynomial in enumerate(group):
                value = polynomial.constant_term
                if polynomial.degree == 0 and (value < 0 or (kind == "equality" and value != 0)):
                    relation = ">= 0" if kind == "inequality" else "= 0"
                    raise InvalidProblemError(
                        f"{kind} {index} is the constant {value:g} {relation}, which no point "
                        "satisfies; remove it or mend its data"
                    )
        for index, matrix in enumerate(self.matrix_inequalities):
            if matrix.degree == 0:
                low = matrix.smallest_eigenvalue(np.zeros(self.number_of_variables))
                if low < -1e-12 * max(1.0, float(np.abs(matrix.coefficients).max(initial=0.0))):
                    raise InvalidProblemError(
                        f"matrix inequality {index} is a constant matrix with the eigenvalue "
                        f"{low:g}, which is never positive semidefinite; remove it or mend its data"
                    )

    @property
    def number_of_variables(self) -> int:
        """Number n of variables."""
        return len(self.variables)

    @property
    def sign(self) -> int:
        """1 for "min", -1 for "max": ``sign * objective`` is what gets minimised."""
        return 1 if self.sense == "min" else -1

    @property
    def minimized(self) -> Polynomial:
        """The polynomial that gets minimised: the objective or its negative."""
        return self.objective if self.sense == "min" else -self.objective

    @property
    def degree(self) -> int:
        """Largest degree of objective and constraints."""
        return max([self.objective.degree, *(p.degree for p in self.constraints)])

    @property
    def constraints(self) -> tuple[Polynomial | PolynomialMatrix, ...]:
        """All constraints: inequalities, equalities, matrix inequalities."""
        return (*self.inequalities, *self.equalities, *self.matrix_inequalities)

    def evaluate(self, point: ArrayLike) -> Any:
        """Give the value of the objective at a point (n,) or a batch (k, n)."""
        return self.objective(point)

    def violation(self, point: ArrayLike) -> Any:
        """Give the largest violation of a constraint at a point (n,) or a batch (k, n).

        Returns
        -------
        float or float array of shape (k,)
            ``max(0, -g_j(x), |h_i(x)|, -λ_min(G_k(x)))``.
        """
        points = np.asarray(point, dtype=np.float64)
        worst: Any = np.zeros(points.shape[:-1])
        for g in self.inequalities:
            worst = np.maximum(worst, -np.asarray(g(points)))
        for h in self.equalities:
            worst = np.maximum(worst, np.abs(h(points)))
        for matrix in self.matrix_inequalities:
            worst = np.maximum(worst, -np.asarray(matrix.smallest_eigenvalue(points)))
        return float(worst) if points.ndim == 1 else worst

    def __repr__(self) -> str:
        number = len(self.matrix_inequalities)
        matrices = f", {number} matrix inequalities" if number else ""
        return (
            f"<PolynomialProblem: {self.sense} of degree {self.degree}, "
            f"{self.number_of_variables} variables, {len(self.inequalities)} inequalities, "
            f"{len(self.equalities)} equalities{matrices}>"
        )

    def __str__(self) -> str:
        lines = [f"{self.sense}imize  {self.objective}"]
        constraints = [f"{g} >= 0" for g in self.inequalities[:20]]
        constraints += [f"{h} == 0" for h in self.equalities[:20]]
        constraints += [f"{matrix} ⪰ 0" for matrix in self.matrix_inequalities[:20]]
        total = len(self.inequalities) + len(self.equalities) + len(self.matrix_inequalities)
        left = total - len(constraints)
        if left:
            constraints.append(f"… ({left} more constraints)")
        for i, text in enumerate(constraints):
            lines.append(f"{'subject to' if i == 0 else '          '} {text}")
        lines.append(f"in {self.number_of_variables} variables {_short(self.variables)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        shown = [("inequality", f"{g} >= 0") for g in self.inequalities[:20]]
        shown += [("equality", f"{h} == 0") for h in self.equalities[:20]]
        shown += [("matrix inequality", f"{m} ⪰ 0") for m in self.matrix_inequalities[:20]]
        left = len(self.constraints) - len(shown)
        shown += [("", f"{left} more constraints")] if left else []
        names = f"{self.number_of_variables}: {_short(self.variables)}"
        return card(
            f"Polynomial problem of degree {self.degree}",
            [(f"{self.sense}imize", self.objective), *shown, ("variables", names)],
        )


def minimize(
    objective: Any, subject_to: Iterable[Any] = (), *, variables: Iterable[object] | None = None
) -> PolynomialProblem:
    """State a minimisation problem.

    Parameters
    ----------
    objective : Polynomial, number or sympy expression
    subject_to : iterable of relations
        Comparisons of polynomials (``p >= q``, ``p <= q``, ``p == q``), sympy relations,
        :func:`polyopt.psd`, :func:`polyopt.soc`, and lists or arrays of them.
    variables : iterable, optional
        See :class:`PolynomialProblem`.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 2)
    >>> po.minimize(x[0] * x[1], subject_to=[x[0] ** 2 + x[1] ** 2 <= 1])
    <PolynomialProblem: min of degree 2, 2 variables, 1 inequalities, 0 equalities>
    """
    return _state(objective, subject_to, variables, "min")


def maximize(
    objective: Any, subject_to: Iterable[Any] = (), *, variables: Iterable[object] | None = None
) -> PolynomialProblem:
    """State a maximisation problem; bounds of it are upper bounds. See :func:`minimize`.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 1)[0]
    >>> po.maximize(3 - x**2).sense
    'max'
    """
    return _state(objective, subject_to, variables, "max")


def _state(
    objective: Any,
    subject_to: Iterable[Any],
    variables: Iterable[object] | None,
    sense: Literal["min", "max"],
) -> PolynomialProblem:
    names = None if variables is None else _given_variables(variables)
    inequalities: list[Any] = []
    equalities: list[Any] = []
    matrices: list[Any] = []
    groups = {"inequality": inequalities, "equality": equalities, "matrix": matrices}
    for index, item in enumerate(_flat(subject_to)):
        lhs, kind = _relation(item, index)
        groups[kind].append(lhs)
    return PolynomialProblem(objective, inequalities, equalities, names, sense, matrices)


def _flat(items: Any) -> Iterable[Any]:
    if isinstance(items, (Relation, Polynomial, bool, np.bool_)) or is_sympy(items):
        return [items]
    if not isinstance(items, (Sequence, np.ndarray)) and not hasattr(items, "__iter__"):
        return [items]
    if isinstance(items, str):
        return [items]
    return [inner for item in items for inner in (_flat(item) if _nested(item) else [item])]


def _nested(item: Any) -> bool:
    return isinstance(item, (list, tuple, np.ndarray))


def _relation(item: Any, index: int) -> tuple[Any, str]:
    """Split a relation into what is compared with zero and how."""
    place = f"constraint {index}"
    if isinstance(item, Relation):
        return item.polynomial, item.kind
    if isinstance(item, MatrixInequality):
        return item, "matrix"
    if isinstance(item, PolynomialMatrix) or getattr(item, "is_Matrix", False):
        raise InvalidProblemError(
            f"{place} is a matrix, which is not a relation; write psd(matrix) to constrain it to "
            "be positive semidefinite"
        )
    if isinstance(item, (bool, np.bool_)) or (is_sympy(item) and str(item) in ("True", "False")):
        if bool(item):
            return 0.0, "equality"
        raise InvalidProblemError(
            f"{place} compares constants and is false, so no point satisfies it; "
            "remove it or mend its data (== of sympy expressions compares how they are written: "
            "an equation is sympy.Eq(left, right))"
        )
    if is_sympy(item):
        import sympy

        if isinstance(item, (sympy.StrictLessThan, sympy.StrictGreaterThan)):
            raise InvalidProblemError(
                f"the strict inequality {item} in {place} is not closed; write <= or >="
            )
        if isinstance(item, (sympy.GreaterThan, sympy.LessThan)):
            return item.gts - item.lts, "inequality"
        if isinstance(item, sympy.Equality) and not (item.lhs.is_Boolean or item.rhs.is_Boolean):
            return item.lhs - item.rhs, "equality"
    raise InvalidProblemError(
        f"{place} is {str(item)!r}, which is not a relation; write p >= q, p <= q or p == q "
        "(sympy.Eq(p, q) for sympy expressions)"
    )


def _listed(items: Iterable[Any], name: str) -> list[Any]:
    single = isinstance(items, (Polynomial, Relation, MatrixInequality, PolynomialMatrix))
    if single or is_sympy(items):
        raise InvalidProblemError(f"{name} is a single expression; give a list of them")
    if isinstance(items, str) or not hasattr(items, "__iter__"):
        raise InvalidProblemError(f"{name} is {items!r}; give a list of polynomials")
    result = list(items)
    for index, item in enumerate(result):
        if isinstance(item, Relation):
            raise InvalidProblemError(
                f"{name}[{index}] is the relation {item}; give the polynomial that is compared "
                "with zero here, or use minimize(…, subject_to=[…])"
            )
    return result


def _given_variables(variables: Iterable[object]) -> Variables:
    return variables if isinstance(variables, Variables) else variable_names(variables)


def _table(item: Any, place: str) -> list[list[Any]]:
    """Entries of a matrix inequality."""
    return entry_table(item.entries if isinstance(item, MatrixInequality) else item, place)


def _require_expression(item: Any, place: str) -> None:
    if isinstance(item, (Polynomial, int, float, complex, np.number)) or is_sympy(item):
        return
    what = f"the relation {item}" if isinstance(item, Relation) else repr(item)
    raise InvalidProblemError(
        f"{place} is {what} of type {type(item).__name__}; give a Polynomial, a number or a "
        "sympy expression"
    )


def _short(variables: Variables) -> str:
    shown = variables.names if len(variables) <= 8 else (*variables.names[:3], "…", variables[-1])
    return ", ".join(shown)
