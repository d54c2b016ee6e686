"""Which constraints are dense: those whose removal makes the clique cover cheap.

Constraints are tried by decreasing number of variables: for each distinct size s, the cost of the
clique cover without the constraints of at least s variables, plus the cost of the order-1 block
that replaces them, is compared with the cost of keeping them all.
"""

from __future__ import annotations

from dataclasses import dataclass

from polyopt.polynomial.matrix import PolynomialMatrix
from polyopt.polynomial.polynomial import Polynomial
from polyopt.problem import PolynomialProblem
from polyopt.relaxation.first_order import first_order_blocks, quadratic_pattern
from polyopt.relaxation.multiplier import Factor
from polyopt.sparsity.chordal import clique_cost
from polyopt.sparsity.correlative import correlative_sparsity

_MOST_TRIALS = 6


@dataclass(frozen=True, slots=True)
class DenseDetection:
    """Dense constraints and why.

    Attributes
    ----------
    dense : tuple of Factor
    explanation : str
        The costs that were compared.
    """

    dense: tuple[Factor, ...]
    explanation: str


def detect_dense(
    problem: PolynomialProblem, order: int, *, chordal: str = "min_degree"
) -> DenseDetection:
    """Choose the dense constraints by estimated cost.

    Parameters
    ----------
    problem : PolynomialProblem
    order : int
    chordal : str

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 20)
    >>> f = po.sum_polynomials(v**4 - v for v in x)
    >>> problem = po.minimize(f, subject_to=[sum(x) <= 1, x[0] * x[1] <= 1])
    >>> detect_dense(problem, 2).dense
    (Factor(kind='inequality', number=0),)
    """
    constraints: list[tuple[Factor, Polynomial | PolynomialMatrix]] = [
        (Factor("inequality", j), g) for j, g in enumerate(problem.inequalities)
    ]
    constraints += [(Factor("equality", i), h) for i, h in enumerate(problem.equalities)]
    constraints += [(Factor("matrix", k), m) for k, m in enumerate(problem.matrix_inequalities)]
    sizes = {factor: len(p.support) for factor, p in constraints if 0 < p.degree <= 2}
    pattern = correlative_sparsity(problem, chordal=chordal, order=order)
    kept = float(clique_cost(pattern.cliques, order))
    best_cost = kept
    best: tuple[Factor, ...] = ()
    for threshold in sorted(set(sizes.values()), reverse=True)[:_MOST_TRIALS]:
        if threshold < 3:
            break
        trial = tuple(sorted(f for f, size in sizes.items() if size >= threshold))
        cliques = correlative_sparsity(problem, chordal=chordal, without=trial, order=order).cliques
        blocks = first_order_blocks(quadratic_pattern(problem, cliques=cliques))
        cost = float(clique_cost(cliques, order) + clique_cost([b.tolist() for b in blocks], 1))
        if cost < best_cost:
            best_cost, best = cost, trial
    if not best:
        text = f"no constraint is dense: keeping all costs {kept:.3g}, leaving any out costs more"
    else:
        text = (
            f"{len(best)} constraints with {min(sizes[f] for f in best)} or more variables are "
            f"dense: the clique cover costs {best_cost:.3g} without them and {kept:.3g} with them"
        )
    return DenseDetection(best, text)
