"""What a solver can say about the problem it was given.

One enumeration for every solver. The value is a short machine-readable word; :attr:`Status.text`
says what happened, what the likely causes are and what to change. All of it is about the problem
*the solver was given*: an infeasible SOS program, for instance, is a relaxation without a bound,
and says nothing about the feasibility of the polynomial problem it came from.
"""

from __future__ import annotations

from enum import Enum


class Status(Enum):
    """Outcome of a conic solve.

    Examples
    --------
    >>> Status.OPTIMAL.is_solved
    True
    >>> print(Status.TIME_LIMIT)
    time_limit
    """

    OPTIMAL = "optimal"
    INACCURATE = "inaccurate"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    TIME_LIMIT = "time_limit"
    INTERRUPTED = "interrupted"
    FAILED = "failed"

    @property
    def text(self) -> str:
        """What happened, likely causes and what to change, for a person."""
        return _TEXTS[self]

    @property
    def is_solved(self) -> bool:
        """Whether the solution met the tolerance that was asked for."""
        return self is Status.OPTIMAL

    @property
    def is_certificate(self) -> bool:
        """Whether the vectors are a certificate (a ray) instead of a solution."""
        return self in (Status.INFEASIBLE, Status.UNBOUNDED)

    @property
    def has_iterate(self) -> bool:
        """Whether the vectors approximate a solution, to whatever accuracy."""
        return self in (Status.OPTIMAL, Status.INACCURATE, Status.TIME_LIMIT, Status.INTERRUPTED)

    def __str__(self) -> str:
        return self.value


_TEXTS = {
    Status.OPTIMAL: "Solved to the requested tolerance, as measured on the problem data.",
    Status.INACCURATE: (
        "A solution was returned, but it does not meet the requested tolerance; read the residuals "
        "before using its value. Usual causes: badly scaled data, no strictly feasible point, or a "
        "first-order solver that ran out of iterations. Try scaling the variables to [-1, 1], a "
        "larger iteration limit, the other conic form, or an interior-point solver."
    ),
    Status.INFEASIBLE: (
        "The conic program has no feasible point: the solver returned a dual ray that shows it. "
        "Check for constraints that contradict each other; in SOS form it means that this order of "
        "the relaxation gives no finite bound: raise the order or add bounds on the variables."
    ),
    Status.UNBOUNDED: (
        "The conic program is unbounded below: the solver returned a ray along which the objective "
        "falls without limit. In moment form it means that this order of the relaxation gives no "
        "finite bound: raise the order or add bounds on the variables."
    ),
    Status.TIME_LIMIT: (
        "The time limit was reached; the last iterate is returned and is in general neither "
        "feasible nor a bound. Allow more time, loosen the tolerance or make the relaxation "
        "smaller (more sparsity, lower order)."
    ),
    Status.INTERRUPTED: (
        "Interrupted from the keyboard; the last iterate is returned and is in general neither "
        "feasible nor a bound."
    ),
    Status.FAILED: (
        "The solver stopped without an answer. Read the message; then try another solver, the "
        "other conic form, or scaled data."
    ),
}
