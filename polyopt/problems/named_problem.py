"""Problems that know their answer, and the registry they are found in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyopt.errors import UnknownOptionError
from polyopt.problem import PolynomialProblem
from polyopt.status import Status

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class KnownBound:
    """Value of a relaxation, known from the literature or from a proof.

    Attributes
    ----------
    order : int
    value : float
        Infinite (on the useless side) where the relaxation has no bound.
    sparse : bool
        Whether it is the value with correlative sparsity instead of the dense one.
    """

    order: int
    value: float
    sparse: bool = False


class NamedProblem(PolynomialProblem):
    """A polynomial optimisation problem with its known answer.

    It can be used wherever a :class:`~polyopt.PolynomialProblem` can.

    Attributes
    ----------
    name : str
        The function that makes it.
    source : str
        Where problem and answer are from.
    optimum : float or None
        Optimal value; infinite for infeasible and unbounded problems, None where not known.
    accuracy : float
        ``|stated - true optimum| <= accuracy * max(1, |optimum|)``.
    minimizers : float array of shape (k, n)
        Points that attain it (maximisers for sense "max"), not necessarily all; k may be 0.
    status : Status
        OPTIMAL, INFEASIBLE or UNBOUNDED: what is true of the problem, not of a relaxation.
    tags : tuple of str
        The kind first (the name of the module), then properties.
    exact_order : int or None
        An order at which the relaxation (sparse if tagged "sparse", else dense) attains the
        optimum; None where none is known.
    bounds : tuple of KnownBound
        Values of relaxations that are not exact.
    box : (lower, upper) or None
        Arrays of shape (n,): a box around the minimisers, for proofs where the constraints show
        none.

    Examples
    --------
    >>> import polyopt as po
    >>> from polyopt.problems import rosenbrock
    >>> problem = rosenbrock(10)
    >>> problem.optimum, problem.minimizers.shape
    (1.0, (1, 10))
    >>> round(po.putinar(problem, order=2, sparsity="correlative").solve().bound, 4)
    1.0
    """

    __slots__ = (
        "accuracy",
        "bounds",
        "box",
        "exact_order",
        "minimizers",
        "name",
        "optimum",
        "source",
        "status",
        "tags",
    )

    def __init__(
        self,
        problem: PolynomialProblem,
        *,
        source: str,
        optimum: float | None,
        accuracy: float = 1e-9,
        minimizers: ArrayLike | None = None,
        status: Status = Status.OPTIMAL,
        tags: Iterable[str] = (),
        exact_order: int | None = None,
        bounds: Iterable[KnownBound] = (),
        box: tuple[ArrayLike, ArrayLike] | None = None,
    ) -> None:
        super().__init__(
            problem.objective,
            problem.inequalities,
            problem.equalities,
            problem.variables,
            problem.sense,
            problem.matrix_inequalities,
        )
        n = self.number_of_variables
        points = np.zeros((0, n)) if minimizers is None else np.asarray(minimizers, dtype=float)
        self.name = ""
        self.source = source
        self.optimum = optimum
        self.accuracy = accuracy
        self.minimizers: NDArray[np.float64] = points.reshape(-1, n)
        self.status = status
        self.tags = tuple(tags)
        self.exact_order = exact_order
        self.bounds = tuple(bounds)
        self.box = None
        if box is not None:
            lower, upper = (np.broadcast_to(np.asarray(end, dtype=float), (n,)) for end in box)
            self.box = (lower.copy(), upper.copy())

    @property
    def problem(self) -> PolynomialProblem:
        """The problem alone, without its answer."""
        return PolynomialProblem(
            self.objective,
            self.inequalities,
            self.equalities,
            self.variables,
            self.sense,
            self.matrix_inequalities,
        )

    def __repr__(self) -> str:
        value = "unknown" if self.optimum is None else f"{self.optimum:.9g}"
        return (
            f"<NamedProblem {self.name}: {self.sense} of degree {self.degree}, "
            f"{self.number_of_variables} variables, optimum {value}>"
        )


_registry: dict[str, Callable[..., NamedProblem]] = {}


def known_problem(
    kind: str,
) -> Callable[[Callable[P, NamedProblem]], Callable[P, NamedProblem]]:
    """Register a function that makes a problem under its own name.

    Parameters
    ----------
    kind : str
        First tag of the problem.
    """

    def register(function: Callable[P, NamedProblem]) -> Callable[P, NamedProblem]:
        name = function.__name__

        @wraps(function)
        def make(*args: P.args, **kwargs: P.kwargs) -> NamedProblem:
            problem = function(*args, **kwargs)
            problem.name = name
            problem.tags = (kind, *problem.tags)
            return problem

        _registry[name] = make
        return make

    return register


def names() -> list[str]:
    """Names of all problems, sorted; nothing is built.

    Examples
    --------
    >>> "motzkin" in names()
    True
    """
    return sorted(_registry)


def get(name: str, *args: Any, **kwargs: Any) -> NamedProblem:
    """Make a problem by name.

    Parameters
    ----------
    name : str
        One of :func:`names`.
    *args, **kwargs
        Arguments of the function of that name, such as its size.

    Raises
    ------
    UnknownOptionError
        There is no such problem.

    Examples
    --------
    >>> get("rosenbrock", 4).number_of_variables
    4
    """
    if name not in _registry:
        import difflib

        close = difflib.get_close_matches(name, _registry, n=3)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise UnknownOptionError(
            f"there is no problem {name!r}{hint} polyopt.problems.names() lists them"
        )
    return _registry[name](*args, **kwargs)


def all_problems(*, tag: str | None = None) -> list[NamedProblem]:
    """Make every problem at its default size, by name.

    Parameters
    ----------
    tag : str, optional
        Only those with this tag, such as ``"binary"`` or ``"sparse"``.

    Examples
    --------
    >>> len(all_problems()) >= 60, [p.name for p in all_problems(tag="infeasible")][:1]
    (True, ['contradicting_balls'])
    """
    problems = (_registry[name]() for name in names())
    return [problem for problem in problems if tag is None or tag in problem.tags]


def require_size(name: str, n: object, smallest: int, multiple: int = 1) -> int:
    """Validate the size of a problem.

    Raises
    ------
    UnknownOptionError
    """
    valid = isinstance(n, int | np.integer) and not isinstance(n, bool)
    if not valid or n < smallest or n % multiple:  # type: ignore[operator]
        what = f"a multiple of {multiple} that is" if multiple > 1 else "an integer"
        raise UnknownOptionError(f"{name} needs {what} at least {smallest} for its size, got {n!r}")
    return int(n)  # type: ignore[call-overload, no-any-return]
