"""Pictures of bounds and networks.

matplotlib (``pip install polyopt[plot]``) is imported when something is drawn. Every function draws
into ``ax``, or into new axes, and returns the axes.
"""

from __future__ import annotations

from lipschitz_app.plotting.anchored import CURVES, plot_anchored_bounds
from lipschitz_app.plotting.comparison import plot_comparison
from lipschitz_app.plotting.network import plot_coupling, plot_neurons
from lipschitz_app.plotting.sweep import plot_radii, plot_sweep

__all__ = [
    "CURVES",
    "plot_anchored_bounds",
    "plot_comparison",
    "plot_coupling",
    "plot_neurons",
    "plot_radii",
    "plot_sweep",
]
