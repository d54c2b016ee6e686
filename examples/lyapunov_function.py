"""A Lyapunov function of a polynomial system, found by an SOS program and then proven.

The van der Pol oscillator in reverse time, x' = -y, y' = x - (1 - x²) y, has a stable equilibrium
at the origin. On the disc of radius 1 we look for V >= |x|² / 10 whose derivative along
trajectories is at most -|x|² / 10.
Run it as ``python examples/lyapunov_function.py``.
"""

from __future__ import annotations

import polyopt as po


def main() -> None:
    """Find V, check it, prove both inequalities for the coefficients that were found."""
    x, y = po.variables("x y")
    field = [-y, x - (1 - x**2) * y]
    disc = [x**2 + y**2 <= 1]
    size = 0.1 * (x**2 + y**2)

    program = po.SOSProgram([x, y])
    monomials = [x**i * y**j for i in range(5) for j in range(5 - i) if i + j >= 2]
    V = program.polynomial(monomials, "v")
    gradient = [V.derivative(V.variables.index(name)) for name in ("x", "y")]
    decrease = -(gradient[0] * field[0] + gradient[1] * field[1])
    program.require_sos(V - size, name="V is positive")
    program.require_nonnegative(decrease - size, on=disc, name="V decreases")
    program.minimize(program.integral(V, -1, 1))
    solution = program.solve()
    print(repr(solution))
    for check in solution.check():
        print(f"{check.name}: residual {check.residual:.1e}, least {check.least_value:.2e}")

    found = solution.polynomial(V)
    # Small coefficients are the solver's noise; what is proven below is the rounded polynomial.
    found = po.Polynomial(found.variables, found.rows, found.coefficients.round(4))
    print("V =", found)
    rate = -sum(p * q for p, q in zip(found.gradient(), field, strict=True))
    for name, polynomial in (("V", found), ("-V'", rate)):
        problem = po.minimize(polynomial - 0.9 * size, subject_to=disc)
        proof = po.putinar(problem, order=3).solve().prove()
        print(f"{name} - 0.09 |x|² >= {proof.bound:.1e} on the disc ({proof.kind})")


if __name__ == "__main__":
    main()
