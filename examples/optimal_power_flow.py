"""Optimal power flow of a grid with three buses: the cheapest dispatch, and why it is the cheapest.

Voltages are complex, v = e + i f; powers are quadratic in them. Two generators serve three loads
over three lines, at least cost, within limits on voltages and powers (per unit, cost per hour).
Run it as ``python examples/optimal_power_flow.py``.
"""

from __future__ import annotations

import numpy as np

import polyopt as po

LINES = {(0, 1): 0.042 + 0.90j, (0, 2): 0.065 + 0.62j, (1, 2): 0.025 + 0.75j}  # impedances
LOAD = np.array([1.1 + 0.4j, 1.1 + 0.4j, 0.95 + 0.5j])
PRICE = (5.0, 1.2, 0.0)  # of active power; bus 2 has reactive power only
LARGEST = (4.0, 2.0, 0.0)


def admittance() -> np.ndarray:
    """Nodal admittance matrix."""
    Y = np.zeros((3, 3), complex)
    for (i, j), z in LINES.items():
        Y[[i, j], [i, j]] += 1 / z
        Y[[i, j], [j, i]] -= 1 / z
    return Y


def main() -> None:
    """Compare the relaxations of orders 1 and 2 with the best point found."""
    e = po.variables("e", 3)
    f = [po.Polynomial.constant(0.0, ["f1"]), *po.variables("f1 f2")]  # angles from bus 0
    G, B = admittance().real, admittance().imag
    active, reactive = [], []
    for i in range(3):
        re = po.sum_polynomials(G[i, j] * e[j] - B[i, j] * f[j] for j in range(3))
        im = po.sum_polynomials(B[i, j] * e[j] + G[i, j] * f[j] for j in range(3))
        active.append(e[i] * re + f[i] * im + LOAD[i].real)
        reactive.append(f[i] * re - e[i] * im + LOAD[i].imag)
    limits = [e[0] >= 0]
    for i in range(3):
        size = e[i] ** 2 + f[i] ** 2
        limits += [size >= 0.81, size <= 1.21, reactive[i] <= 2, reactive[i] >= -2]
        limits += [active[i] >= 0, active[i] <= LARGEST[i]] if LARGEST[i] else [active[i] == 0]
    cost = sum(p * power for p, power in zip(PRICE, active, strict=True))
    problem = po.minimize(100 * cost, subject_to=limits)

    for order in (1, 2):
        proof = po.putinar(problem, order).solve().prove()
        print(f"order {order}: cost >= {proof.bound:.4f} ({proof.kind})")
    best = po.solve(problem).minimizers[0]
    print(f"dispatch found: cost {best.value:.4f} ({best.value_kind})")
    for i in range(3):
        re, im, power = (p.over(problem.variables)(best.point) for p in (e[i], f[i], active[i]))
        print(f"bus {i}: voltage {np.hypot(re, im):.4f}, generates {abs(power):.4f}")


if __name__ == "__main__":
    main()
