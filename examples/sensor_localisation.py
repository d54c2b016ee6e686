"""Where are the sensors? Positions from distances, with a bound that shows they are the best.

Sensors in the unit square measure noisy distances to a few neighbours and to anchors of known
position. The sum of squared errors is a quartic with many local minima; correlative sparsity keeps
its relaxation small. Run it as ``python examples/sensor_localisation.py``; needs matplotlib.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

import polyopt as po

ANCHORS = np.array([[0.1, 0.1], [0.1, 0.9], [0.9, 0.1], [0.9, 0.9]])


def main(sensors: int = 10, noise: float = 0.01) -> None:
    """State the problem, solve it, compare with the truth."""
    rng = np.random.default_rng(3)
    truth = rng.uniform(0.05, 0.95, (sensors, 2))
    x = np.array(po.variables("x", 2 * sensors)).reshape(sensors, 2)

    def measured(a: np.ndarray, b: np.ndarray) -> float:
        return float((((a - b) ** 2).sum() ** 0.5 + noise * rng.standard_normal()) ** 2)

    links = [(i, j) for i in range(sensors) for j in (i + 1, i + 2) if j < sensors]
    errors = [((x[i] - x[j]) ** 2).sum() - measured(truth[i], truth[j]) for i, j in links]
    for i in range(sensors):
        near = np.argsort(((truth[i] - ANCHORS) ** 2).sum(axis=1))[:2]
        errors += [((x[i] - a) ** 2).sum() - measured(truth[i], a) for a in ANCHORS[near]]
    problem = po.minimize(
        po.sum_polynomials(e**2 for e in errors), subject_to=[v * (1 - v) >= 0 for v in x.ravel()]
    )
    relaxation = po.putinar(problem, order=2, sparsity="correlative")
    print(relaxation.plan.summary)
    result = relaxation.solve()
    best = result.minimizers()[0]
    proof = result.prove()
    found = best.point.reshape(sensors, 2)
    print(f"sum of squared errors >= {proof.bound:.3e} ({proof.kind})")
    print(f"at the positions found   {best.value:.3e} ({best.value_kind})")
    print(f"largest distance from the truth {np.hypot(*(found - truth).T).max():.4f}")

    figure, ax = plt.subplots(figsize=(5, 5.3), layout="constrained")
    for i, j in links:
        ax.plot(*truth[[i, j]].T, color="0.85", zorder=0)
    ax.plot(*ANCHORS.T, "ks", label="anchors")
    ax.plot(*truth.T, "o", color="#0072B2", markersize=11, fillstyle="none", label="truth")
    ax.plot(*found.T, ".", color="#D55E00", label="found")
    figure.legend(loc="outside upper center", ncols=3)
    plt.savefig("sensors.png", dpi=100)
    print("picture in sensors.png")


if __name__ == "__main__":
    main()
