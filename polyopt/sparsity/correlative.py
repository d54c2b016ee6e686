"""Correlative sparsity: cliques of variables that replace the set of all variables.

One moment matrix on all variables is replaced by one for each clique of a chordal extension of the
csp graph (Waki, Kim, Kojima, Muramatsu 2006). With the running intersection property, and a ball
constraint on every clique, the bounds still converge to the optimum (Lasserre 2006, Theorem 3.6);
for any cliques that cover the problem they are valid bounds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from polyopt.errors import SparsityError
from polyopt.sparsity.assignment import assign_constraints, containing_pairs, uncovered_message
from polyopt.sparsity.chordal import chordal_extension, clique_cost
from polyopt.sparsity.cliques import (
    Cliques,
    RunningIntersection,
    describe_cliques,
    running_intersection,
    validate_cliques,
)
from polyopt.sparsity.graph import (
    ConstraintName,
    ProblemLike,
    csp_graph,
    distinct_supports,
    matrices_of,
    named_constraints,
    supports_of,
)


@dataclass(frozen=True, slots=True)
class CliqueAssignment:
    """The cliques in which each constraint is used.

    Attributes
    ----------
    inequalities, equalities, matrices : tuple of tuple of int
        For each constraint its clique indices; empty for the constraints left out.
    """

    inequalities: tuple[tuple[int, ...], ...]
    equalities: tuple[tuple[int, ...], ...]
    matrices: tuple[tuple[int, ...], ...] = ()


# No slots: the cached property needs a place to live.
@dataclass(frozen=True)
class CorrelativeSparsity:
    """Cliques of variables for a sparse relaxation.

    Attributes
    ----------
    cliques : tuple of tuple of int
        Each sorted, none contained in another.
    method : str
        The chordal method they come from, or ``"user"``.
    number_of_variables : int
        Variables of the problem.
    without : tuple of (str, int)
        Constraints the cliques need not contain.
    """

    cliques: Cliques
    method: str
    number_of_variables: int
    without: tuple[ConstraintName, ...] = ()

    @cached_property
    def running_intersection(self) -> RunningIntersection:
        """Whether the running intersection property holds, with the order that shows it."""
        return running_intersection(self.cliques)

    def cost(self, order: int = 2) -> int:
        """Estimate the cost, see :func:`~polyopt.sparsity.chordal.clique_cost`."""
        return clique_cost(self.cliques, order)

    def assign(self, problem: ProblemLike, *, to: str = "first") -> CliqueAssignment:
        """Give each constraint its clique(s) and check that the cliques cover the objective.

        Parameters
        ----------
        problem : PolynomialProblem
            The problem the cliques are for.
        to : {"first", "all"}
            Use a constraint in the first clique that contains it, or in all of them.

        Returns
        -------
        CliqueAssignment
            Clique indices; ``()`` for the constraints in ``without``.

        Raises
        ------
        SparsityError
            If the problem has another number of variables, or a constraint or a monomial of the
            objective lies in no clique; the message names it.
        """
        names = list(problem.variables)
        if len(names) != self.number_of_variables:
            raise SparsityError(
                f"the pattern was made for {self.number_of_variables} variables, the problem has "
                f"{len(names)}; make a pattern for this problem"
            )
        constraints = named_constraints(problem, without=self.without)
        _check_objective(problem, self.cliques, names)
        found = assign_constraints(
            supports_of([p for _, p in constraints]),
            self.cliques,
            to=to,
            labels=[f"{kind} {index}" for (kind, index), _ in constraints],
            names=names,
        )
        by_name = {name: cliques for (name, _), cliques in zip(constraints, found, strict=True)}
        return CliqueAssignment(
            tuple(by_name.get(("inequality", j), ()) for j in range(len(problem.inequalities))),
            tuple(by_name.get(("equality", i), ()) for i in range(len(problem.equalities))),
            tuple(by_name.get(("matrix", k), ()) for k in range(len(matrices_of(problem)))),
        )

    def __str__(self) -> str:
        left_out = f", {len(self.without)} constraints left out" if self.without else ""
        return f"{describe_cliques(self.cliques)}, {self.running_intersection}{left_out}"


def correlative_sparsity(
    problem: ProblemLike,
    *,
    chordal: str = "min_degree",
    cliques: Iterable[Iterable[Any]] | None = None,
    without: Collection[ConstraintName] = (),
    order: int = 2,
) -> CorrelativeSparsity:
    """Find (or check) the cliques of a problem.

    Parameters
    ----------
    problem : PolynomialProblem
        The problem.
    chordal : str
        Method of :func:`~polyopt.sparsity.chordal.chordal_extension`, such as ``"min_degree"`` or
        ``"best"``; not used with ``cliques``.
    cliques : iterable of iterables, optional
        Cliques to use instead: variable indices or names. They must cover every constraint and
        every monomial of the objective; they need not have the running intersection property (the
        bounds are valid without it), which the printed pattern shows.
    without : collection of (str, int), optional
        Constraints to leave out, as ``("inequality", j)`` or ``("equality", i)`` from 0.
    order : int
        Relaxation order for which ``chordal="best"`` estimates costs.

    Returns
    -------
    CorrelativeSparsity
        The pattern; ``pattern.assign(problem)`` distributes the constraints.

    Raises
    ------
    SparsityError
        If given cliques are malformed or do not cover the problem, or ``without`` names a
        constraint that does not exist.
    UnknownVariableError
        If a given clique contains something that is no variable.
    UnknownOptionError
        If there is no such chordal method.

    References
    ----------
    H. Waki, S. Kim, M. Kojima, M. Muramatsu. SIAM J. Optim. 17 (2006).
    J. B. Lasserre. Convergent SDP-relaxations in polynomial optimization with sparsity. SIAM J.
    Optim. 17 (2006).

    Examples
    --------
    >>> from types import SimpleNamespace as S
    >>> import numpy as np
    >>> f = S(rows=np.array([[1, 2], [2, 3]]))     # x0*x1 + x1*x2
    >>> g = S(rows=np.array([[0, 0], [3, 3]]))     # 1 - x2**2
    >>> problem = S(objective=f, inequalities=(g,), equalities=(), variables=("x0", "x1", "x2"))
    >>> pattern = correlative_sparsity(problem)
    >>> print(pattern)
    2 cliques, largest 2, sizes 2×2, running intersection holds
    >>> pattern.assign(problem).inequalities
    ((1,),)
    """
    names = [str(name) for name in problem.variables]
    named_constraints(problem, without=without)
    left_out = tuple(sorted(set(without)))
    if cliques is not None:
        checked = validate_cliques(cliques, len(names), names=names)
        pattern = CorrelativeSparsity(checked, "user", len(names), left_out)
        pattern.assign(problem)
        return pattern
    extension = chordal_extension(csp_graph(problem, without=left_out), chordal, order=order)
    return CorrelativeSparsity(extension.cliques, extension.method, len(names), left_out)


def _check_objective(problem: ProblemLike, cliques: Cliques, names: Sequence[str]) -> None:
    padded = distinct_supports(problem.objective.rows).astype(np.int64)
    pointers = np.concatenate([[0], np.cumsum((padded > 0).sum(axis=1))]).astype(np.int64)
    found, _ = containing_pairs(pointers, padded[padded > 0] - 1, cliques)
    inside = np.zeros(len(padded), dtype=bool)
    inside[found] = True
    missing = np.flatnonzero(~inside)
    if len(missing):
        k = int(missing[0])
        variables = (padded[k][padded[k] > 0] - 1).tolist()
        label = "a monomial of the objective"
        raise SparsityError(uncovered_message(label, variables, len(missing) - 1, names))
