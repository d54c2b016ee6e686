"""Colours, markers and axes that the pictures share."""

from __future__ import annotations

from typing import Any

# Apart in greyscale and for colour-blind readers (Okabe and Ito).
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#777777"
COLOURS = (BLUE, ORANGE, "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#000000", "#999933")
MARKERS = ("o", "s", "D", "v", "P", "X", "<", ">")

LOWER: dict[str, Any] = {"color": GREEN, "marker": "^", "linestyle": ":", "markersize": 4}
"""How lower bounds are drawn everywhere."""


def axes(ax: Any) -> Any:
    """Return the axes, new ones for None."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]


def spread(values: Any) -> float:
    """Return the largest value divided by the smallest, 1 where that says nothing."""
    positive = [float(value) for value in values if value > 0]
    return max(positive) / min(positive) if positive and len(positive) == len(values) else 1.0
