"""Fit a polynomial to noisy data, and certify where the fitted curve has its minimum.

A fit is a polynomial with awkward coefficients; its minimum is found and proven for exactly these.
Run it as ``python examples/polynomial_regression.py``; needs matplotlib.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

import polyopt as po


def main(degree: int = 8) -> None:
    """Fit, bound, draw."""
    rng = np.random.default_rng(1)
    t = np.sort(rng.uniform(-1, 1, 60))
    y = np.cos(5 * t) + 0.5 * t + 0.2 * rng.standard_normal(len(t))
    coefficients = np.linalg.lstsq(np.vander(t, degree + 1, increasing=True), y, rcond=None)[0]

    (x,) = po.variables("x")
    fit = po.sum_polynomials(c * x**k for k, c in enumerate(coefficients.tolist()))
    print("fit:", po.Polynomial(fit.variables, fit.rows, fit.coefficients.round(2)))
    solution = po.solve(po.minimize(fit, subject_to=[x**2 <= 1]), tolerance=1e-7)
    best = solution.minimizers[0]
    print(f"fit >= {solution.bound:.6f} on [-1, 1] ({solution.bound_kind})")
    print(f"least value found {best.value:.6f} at x = {best.point[0]:.6f} ({best.value_kind})")

    # How far the fit is from the function it was made to resemble, by the same means.
    taylor = po.sum_polynomials(
        (-1) ** (k // 2) * 5.0**k / np.prod(np.arange(1.0, k + 1)) * x**k for k in range(0, 22, 2)
    )
    distance = po.solve(po.maximize((fit - taylor - 0.5 * x) ** 2, subject_to=[x**2 <= 1]))
    print(f"distance from the truth at most {distance.bound**0.5:.4f} ({distance.bound_kind})")

    grid = np.linspace(-1, 1, 400)
    _, ax = plt.subplots(figsize=(6, 4), layout="constrained")
    ax.plot(t, y, ".", color="0.5", label="data")
    ax.plot(grid, fit(grid[:, None]), color="#0072B2", label=f"fit of degree {degree}")
    ax.axhline(solution.bound, color="#D55E00", linestyle="--", label="proven minimum")
    ax.plot(best.point, [best.value], "*", color="#D55E00", markersize=14)
    ax.legend()
    plt.savefig("regression.png", dpi=100)
    print("picture in regression.png")


if __name__ == "__main__":
    main()
