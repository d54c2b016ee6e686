"""A nearly sparse problem of one's own: masses on springs with a budget on the whole chain.

Neighbours are coupled by quartic springs, so that without the budget the problem is a chain of
small cliques. The budget, one ball on all variables, would make a single clique of it.
Run it as ``python examples/nearly_sparse_chain.py``.
"""

from __future__ import annotations

import polyopt as po


def main(masses: int = 40) -> None:
    """Bound the least energy, and say what a dense treatment would have cost."""
    x = po.variables("x", masses)
    springs = sum((x[i + 1] - x[i] - 1) ** 2 + (x[i + 1] - x[i]) ** 4 for i in range(masses - 1))
    energy = springs + sum(0.1 * v**2 for v in x)
    budget = sum(v**2 for v in x) <= masses / 5
    box = [v**2 <= 4 for v in x]
    problem = po.minimize(energy + x[0], subject_to=[*box, budget])

    with_budget = po.putinar(problem, order=2, sparsity="correlative")
    relaxation = po.nearly_sparse(problem, order=2)
    print(f"budget among the others: {with_budget.plan.summary}")
    print(f"budget as dense:         {relaxation.plan.summary}")

    result = relaxation.solve()
    proof = result.prove()
    best = result.minimizers()[0]
    print(f"least energy >= {proof.bound:.6f} ({proof.kind})")
    print(f"energy of the best chain found: {best.value:.6f} ({best.value_kind})")
    print(f"budget used: {sum(v**2 for v in best.point):.4f} of {masses / 5}")
    line = [" "] * 81
    for v in best.point:
        line[round(40 + 40 * float(v) / 2)] = "o"
    print(f"-2 {''.join(line)} 2")


if __name__ == "__main__":
    main()
