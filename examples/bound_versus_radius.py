"""Bounds of a Lipschitz constant against the size of the region, as a picture.

With the radius grows the number of neurons that can change sign, and with it the constant.
Run it as ``python examples/bound_versus_radius.py``; needs matplotlib.
"""

from __future__ import annotations

import matplotlib.pyplot as plt

import lipschitz_app as la

RADII = (0.01, 0.05, 0.1, 0.2)
STYLES = {"interval": "s-", "shor": "o-", "mccormick": "^-"}


def main() -> None:
    """Compute the bounds, print and draw them."""
    net = la.example_network("digits")
    inputs, labels = la.example_inputs("digits")
    curves: dict[str, list[float]] = {method: [] for method in STYLES}
    lower = []
    for radius in RADII:
        region = la.Box(center=inputs[0], radius=radius)
        for method, curve in curves.items():
            bound = la.lipschitz_constant(
                net, region, norm="inf", output=int(labels[0]), method=method, lower=False
            )
            curve.append(bound.upper)
        found = la.lipschitz_lower_bound(net, region, norm="inf", output=int(labels[0]))
        lower.append(found.value)
        shown = ", ".join(f"{method} {curve[-1]:.2f}" for method, curve in curves.items())
        print(f"radius {radius}: at least {lower[-1]:.2f}; at most {shown}")

    _, ax = plt.subplots(figsize=(6, 4), layout="constrained")
    for method, curve in curves.items():
        ax.plot(RADII, curve, STYLES[method], label=f"{method} (proven)")
    ax.plot(RADII, lower, "k:", label="witness (proven)")
    ax.set(xlabel="radius in the maximum norm", ylabel="Lipschitz constant", ylim=(0, None))
    ax.legend()
    ax.grid(alpha=0.3)
    plt.savefig("radius.png", dpi=100)
    print("picture in radius.png")


if __name__ == "__main__":
    main()
