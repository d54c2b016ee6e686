"""Lipschitz constants of a digits network, image by image and method by method.

How fast can the score of the recognised digit change within 0.05 of the image (maximum norm)?
Run it as ``python examples/digits_table.py``.
"""

from __future__ import annotations

import lipschitz_app as la

METHODS = ("product", "interval", "shor", "mccormick")


def main(images: int = 3, radius: float = 0.05) -> None:
    """Print a table; every bound in it is proven."""
    net = la.example_network("digits")
    inputs, labels = la.example_inputs("digits")
    print(f"{net}, radius {radius}, maximum norm")
    print("image digit " + "".join(f"{name:>11}" for name in (*METHODS, "witness", "gap")))
    for k in range(images):
        region = la.Box(center=inputs[k], radius=radius)
        uppers = []
        for method in METHODS:
            last = method == METHODS[-1]
            bound = la.lipschitz_constant(
                net, region, norm="inf", output=int(labels[k]), method=method, lower=last
            )
            assert bound.upper_kind == "proven"
            uppers.append(bound.upper)
        gap = 100 * (min(uppers) / bound.lower - 1)
        numbers = "".join(f"{value:11.3f}" for value in (*uppers, bound.lower))
        print(f"{k:5} {labels[k]:5} {numbers}{gap:9.2f} %")
    print("neurons of the last one:", *bound.neurons)


if __name__ == "__main__":
    main()
