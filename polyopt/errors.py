"""The exception tree: everything polyopt raises on purpose has one root.

::

    PolyoptError
    ├── InvalidProblemError (ValueError)      the polynomials or the problem are not usable
    │   ├── NotPolynomialError                an expression is not polynomial in its variables
    │   └── UnknownVariableError              a variable is not one of the problem's
    ├── SparsityError (ValueError)            graphs or cliques that do not fit the problem
    ├── RelaxationError (ValueError)          an order, basis or multiplier that makes no relaxation
    │   └── MemoryEstimateError (MemoryError) the relaxation would not fit into memory
    ├── SolverError (RuntimeError)            a solver failed in a way that leaves no answer
    │   └── SolverUnavailableError            not installed, or without a licence
    ├── UnknownOptionError (ValueError)       an option name or value that does not exist
    ├── ProofError (ValueError)               a bound that cannot be proven, and why
    │   └── ProofRejectedError                a proof that is wrong, tampered or foreign
    └── FormatError (ValueError)              a file that cannot be read
"""

from __future__ import annotations


class PolyoptError(Exception):
    """Root of all errors raised by polyopt."""


class InvalidProblemError(PolyoptError, ValueError):
    """The polynomials or the problem are not usable."""


class NotPolynomialError(InvalidProblemError):
    """An expression is not polynomial in the variables of the problem."""


class UnknownVariableError(InvalidProblemError):
    """A variable is not one of the problem's variables."""


class SparsityError(PolyoptError, ValueError):
    """A graph, a set of cliques or an ordering does not fit the problem."""


class RelaxationError(PolyoptError, ValueError):
    """An order, a basis or a multiplier that makes no relaxation."""


class MemoryEstimateError(RelaxationError, MemoryError):
    """The relaxation is estimated to need more memory than there is."""


class SolverError(PolyoptError, RuntimeError):
    """A solver failed in a way that leaves no answer at all."""


class SolverUnavailableError(SolverError):
    """A solver is not installed or has no licence."""


class UnknownOptionError(PolyoptError, ValueError):
    """An option name or value does not exist."""


class ProofError(PolyoptError, ValueError):
    """A bound cannot be proven; the message says why."""


class ProofRejectedError(ProofError):
    """A proof does not hold for the given problem; the message says where it breaks."""


class FormatError(PolyoptError, ValueError):
    """A file cannot be read; the message says where and why."""
