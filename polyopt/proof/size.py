"""Sizes of certificates that are multiplied out: a short file must not fill the memory."""

from __future__ import annotations

from polyopt.errors import ProofRejectedError
from polyopt.relaxation.plan import available_memory

#: Constraints whose product is taken at most.
MOST_FACTORS = 100


def require_memory(entries: int, width: int, number: int) -> None:
    """Refuse a term whose expansion does not fit into the memory that is available.

    Parameters
    ----------
    entries : int
        Coefficients before equal monomials are merged.
    width : int
        Degree of their monomials.
    number : int
        Number of the term, for the message.

    Raises
    ------
    ProofRejectedError
        They would not fit.

    Examples
    --------
    >>> require_memory(10**15, 4, 3)
    Traceback (most recent call last):
        ...
    polyopt.errors.ProofRejectedError: multiplying out term 3 would need about 56000000 GB of memory
    """
    needed = entries * (40.0 + 4.0 * width)
    available = available_memory()
    if needed > 2**26 and (available is None or needed > available):
        raise ProofRejectedError(
            f"multiplying out term {number} would need about {needed / 1e9:.0f} GB of memory"
        )


def require_few_factors(factors: int, number: int) -> None:
    """Refuse a product of more constraints than any hierarchy takes.

    Raises
    ------
    ProofRejectedError
    """
    if factors > MOST_FACTORS:
        raise ProofRejectedError(
            f"term {number} is a product of {factors} constraints; at most {MOST_FACTORS} are "
            "multiplied out"
        )
