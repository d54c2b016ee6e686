"""The best quartic below a polynomial on a box, in the sense of the integral.

Maximise ∫ p over [-1, 1]² subject to p <= f there; p is found by an SOS program, its bound below
f is then proven for the coefficients that were found.
Run it as ``python examples/best_underestimator.py``.
"""

from __future__ import annotations

import polyopt as po


def main() -> None:
    """Compute underestimators of degrees 1 to 4 and prove the last one."""
    x, y = po.variables("x y")
    f = x**2 * y**2 * (x**2 + y**2 - 1) + x * y
    box = [x**2 <= 1, y**2 <= 1]
    for degree in range(1, 5):
        program = po.SOSProgram([x, y])
        p = program.polynomial(degree, "p")
        program.require_nonnegative(f - p, on=box, order=4)
        program.maximize(program.integral(p, -1, 1))
        solution = program.solve()
        (check,) = solution.check()
        print(
            f"degree {degree}: integral {solution.value:.6f}, smallest sampled f - p "
            f"{check.least_value:.1e} ({solution.kind})"
        )
    found = solution.polynomial(p)
    # Rounding removes the solver's noise; the proof is for the rounded polynomial.
    found = po.Polynomial(found.variables, found.rows, found.coefficients.round(6))
    proof = po.putinar(po.minimize(f - found, subject_to=box), order=4).solve().prove()
    print(f"degree {degree}: f - p >= {proof.bound:.1e} on the box ({proof.kind})")
    print("p =", found + min(0.0, proof.bound))


if __name__ == "__main__":
    main()
