"""The rungs of the climb: which relaxations of an order to try, in which order.

Cliques of variables, blocks of terms, all variables; normal forms for binary problems. What is
cheaper comes first, by a rough estimate of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

from polyopt.errors import MemoryEstimateError, RelaxationError
from polyopt.problem import PolynomialProblem
from polyopt.relaxation import Quotient, Relaxation, TermSparsity, nearly_sparse, putinar
from polyopt.relaxation.quotient import binary_rules
from polyopt.sparsity import correlative_sparsity

Sparsity = Literal["auto", "correlative", "term", "dense"]


def relaxations(
    problem: PolynomialProblem,
    order: int,
    sparsity: Sparsity,
    skipped: Callable[[str, str], None],
) -> Iterator[Relaxation]:
    """Relaxations of one order, cheapest first, none twice.

    Parameters
    ----------
    problem : PolynomialProblem
    order : int
    sparsity : {"auto", "correlative", "term", "dense"}
    skipped : callable
        Told the name of a relaxation that cannot be made, and why.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 3)
    >>> problem = po.minimize(x[0] * x[1] + x[1] * x[2], subject_to=[v**2 <= 1 for v in x])
    >>> [r.name for r in relaxations(problem, 2, "auto", print)]
    ['Putinar, order 2, correlative sparsity', 'Putinar, order 2']
    """
    found: list[Relaxation] = []
    pattern = correlative_sparsity(problem, chordal="min_degree", order=order)
    sparse = max(map(len, pattern.cliques)) < len(problem.variables)
    bases: list[Relaxation] = []
    if sparsity == "correlative" or (sparsity != "dense" and sparse):
        bases.append(putinar(problem, order, sparsity=pattern))
    if sparsity == "dense" or (sparsity != "correlative" and not bases):
        bases.append(putinar(problem, order))
    if sparsity == "auto" and sparse and problem.number_of_variables <= 12:
        bases.append(putinar(problem, order))
    if sparsity == "auto" and problem.number_of_variables > 12:
        bases.append(nearly_sparse(problem, order))
    if binary_rules(problem).any():
        bases = [base.refine(Quotient()) for base in bases]
    for base in bases:
        refine = sparsity == "term" or (sparsity == "auto" and estimated_seconds(base) > 2.0)
        if refine:
            try:
                found.append(base.refine(TermSparsity(steps=1)))
            except (MemoryEstimateError, RelaxationError) as error:
                skipped(f"{base.name}, term sparsity", f"not tried: {error}")
        if sparsity != "term":
            found.append(base)
    seen: set[Any] = set()
    for relaxation in sorted(found, key=estimated_seconds):
        sizes = (relaxation.plan.psd, relaxation.plan.nonnegative, relaxation.plan.free)
        if sizes not in seen:
            seen.add(sizes)
            yield relaxation


def estimated_seconds(relaxation: Relaxation) -> float:
    """Rough time of an interior-point solver: a dense factorisation per block and iteration."""
    work = sum(count * (side * (side + 1) / 2) ** 3 for side, count in relaxation.plan.psd)
    return float(2e-9 * work + 2e-6 * relaxation.plan.coefficients)


def is_large_for_exact(relaxation: Relaxation) -> bool:
    """Whether rational arithmetic would take too long."""
    return relaxation.plan.largest_block > 40 or relaxation.plan.entries > 4000
