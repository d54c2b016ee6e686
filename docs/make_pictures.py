"""Draw the pictures of the documentation into ``docs/pictures``; run it from anywhere.

They are checked in, so that building the pages solves nothing.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt

import lipschitz_app as la
import polyopt as po
from lipschitz_app.plotting import plot_anchored_bounds, plot_radii
from polyopt.plotting import plot_blocks, plot_climb, plot_graph, plot_minimizers

FOLDER = Path(__file__).parent / "pictures"


def save(name: str) -> None:
    """Write the current figure as a small PNG file."""
    plt.savefig(FOLDER / f"{name}.png", dpi=80, bbox_inches="tight", metadata={"Software": None})
    plt.close("all")


def grid_problem(rows: int, columns: int) -> po.PolynomialProblem:
    """Couple the neighbours of a grid by a quartic."""
    x = [po.variables(name, columns) for name in "abcdefgh"[:rows]]
    pairs = [(x[i][j], x[i][j + 1]) for i in range(rows) for j in range(columns - 1)]
    pairs += [(x[i][j], x[i + 1][j]) for i in range(rows - 1) for j in range(columns)]
    flat = [v for row in x for v in row]
    return po.minimize(
        sum((u - v + 1) ** 2 * (u + v) ** 2 for u, v in pairs), subject_to=[v**2 <= 4 for v in flat]
    )


def main() -> None:
    """Draw all pictures."""
    _, axes = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
    problem = grid_problem(3, 4)
    plot_graph(problem, chordal=None, ax=axes[0])
    plot_graph(problem, chordal="min_fill", ax=axes[1])
    save("graph")

    x = po.variables("x", 8)
    terms = [x[i] ** 4 + x[i] * x[i + 1] ** 2 * x[i + 2] for i in range(6)]
    chain = po.minimize(sum(terms), subject_to=[v**2 <= 1 for v in x])
    correlative = po.putinar(chain, order=2, sparsity="correlative")
    _, axes = plt.subplots(1, 3, figsize=(11, 4.4), layout="constrained")
    plot_blocks(po.putinar(chain, order=2), ax=axes[0])
    plot_blocks(correlative, ax=axes[1])
    plot_blocks(correlative.refine(po.TermSparsity()), ax=axes[2])
    save("blocks")

    net, (images, labels) = la.example_network("digits"), la.example_inputs("digits")
    _, ax = plt.subplots(figsize=(6.5, 3.6), layout="constrained")
    plot_radii(
        net,
        images[2],
        [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5],
        ["interval", "shor", "mccormick"],
        output=int(labels[2]),
        ax=ax,
    )
    ax.legend(loc="lower right")
    save("lipschitz")

    solution = po.solve(po.problems.get("haverly_pooling").problem)
    plot_climb(
        solution, against="relaxation", ax=plt.subplots(figsize=(6, 3.6), layout="constrained")[1]
    )
    save("climb")

    solution = po.solve(po.problems.himmelblau().problem)
    _, ax = plt.subplots(figsize=(5.4, 4.2), layout="constrained")
    plot_minimizers(solution.problem, solution.minimizers, ax=ax)
    save("minimizers")

    x, y = po.variables("x y")
    ring = [x**2 + y**2 <= 4, x**2 + y**2 >= 1, (x - 1) ** 2 + y**2 >= 0.5]
    solution = po.solve(po.minimize(x**2 * y + x - y**2, subject_to=ring))
    _, ax = plt.subplots(figsize=(5.4, 4.2), layout="constrained")
    plot_minimizers(solution.problem, solution.minimizers, ax=ax)
    save("constrained")

    net, x0 = la.example_network("digits"), la.example_inputs("digits")[0][0]
    _, ax = plt.subplots(figsize=(5.4, 3.6), layout="constrained")
    plot_anchored_bounds(net, x0, [0.03, 0.1, 0.3, 1.0, 3.0, 10.0], ax=ax)
    save("anchored")


if __name__ == "__main__":
    main()
