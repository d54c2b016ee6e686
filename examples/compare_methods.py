"""Methods side by side on the digits network: bounds, their kinds, gaps and times.

How fast can the score of a digit change near an image?
Run it as ``python examples/compare_methods.py [picture.png]``; a picture needs matplotlib.
"""

from __future__ import annotations

import sys

import lipschitz_app as la

METHODS = ("product", "interval", "shor", "hr2", "mccormick", "exact", "lipsdp")


def main(picture: str | None = None) -> None:
    """Print the table, and draw it where a file is named."""
    net = la.example_network("digits")
    inputs, labels = la.example_inputs("digits")
    region = la.Box(center=inputs[0], radius=0.05).intersect(la.Box(lower=0.0, upper=1.0))
    found = la.compare(net, region, "inf", int(labels[0]), METHODS, time_limit=20)
    print(found)
    best = found.best
    print(f"smallest: {best.upper:.4f} ({best.kind}, {best.method}), at least {found.lower:.4f}")
    if picture is not None:
        from lipschitz_app.plotting import plot_comparison

        plot_comparison(found).figure.savefig(picture, dpi=100)
        print(f"picture in {picture}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
