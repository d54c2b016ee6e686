"""All global minimisers of a polynomial on a curved set, drawn on its contours.

Run it as ``python examples/all_minimisers.py``; needs matplotlib.
"""

from __future__ import annotations

import polyopt as po
from polyopt.plotting import plot_minimizers


def main() -> None:
    """Solve, list, draw."""
    x, y = po.variables("x y")
    f = (x**2 - 1) ** 2 + (y**2 - 1) ** 2 + 0.5 * x * y
    problem = po.minimize(f, subject_to=[x**2 + y**2 <= 2, (x - y) ** 2 >= 1])
    solution = po.solve(problem, progress=print)
    print(f"optimum >= {solution.bound:.6f} ({solution.bound_kind})")
    for minimizer in solution.minimizers:
        print(minimizer)

    ax = plot_minimizers(problem, solution.minimizers)
    ax.figure.savefig("minimisers.png", dpi=100)
    print("picture in minimisers.png")


if __name__ == "__main__":
    main()
