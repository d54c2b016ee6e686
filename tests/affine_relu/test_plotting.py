"""The picture of bounds against radius: what is drawn, not how it looks."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lipschitz_app as la
from lipschitz_app.affine_relu import anchored_bound, global_bound
from lipschitz_app.errors import InvalidOptionError
from lipschitz_app.operators import DenseOperator
from lipschitz_app.plotting import plot_anchored_bounds

NET = [
    (DenseOperator([[1.0, 2], [2, -1], [-1, -1]], [-1.0, 0.5, -0.5]), True),
    (DenseOperator([[1.0, -1, 1], [0, 1, 1]]), False),
]
RADII = [0.5, 1.0, 2.0]


@pytest.fixture
def axes() -> object:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def test_curves_hold_the_bounds(axes: object, tmp_path: Path) -> None:
    curves = ("product", "analytic", "tightened", "lower")
    ax = plot_anchored_bounds(NET, np.zeros(2), RADII[::-1], curves=curves, ax=axes)
    assert ax is axes
    drawn = [np.asarray(line.get_ydata()) for line in ax.get_lines()]
    np.testing.assert_array_equal(ax.get_lines()[0].get_xdata(), RADII)
    np.testing.assert_array_equal(drawn[0], global_bound(NET).bound)
    expected = [anchored_bound(NET, np.zeros(2), r).bound for r in RADII]
    np.testing.assert_array_equal(drawn[1], expected)
    for above, below in itertools.pairwise(drawn):
        assert (below <= above).all()
    assert len(ax.get_legend().get_texts()) == 4
    assert "radius" in ax.get_xlabel()
    ax.figure.savefig(tmp_path / "bounds.png")
    assert (tmp_path / "bounds.png").stat().st_size > 5000


def test_new_axes_and_logarithmic_scales() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    ax = plot_anchored_bounds(NET, np.zeros(2), [0.01, 1.0], curves=["analytic"])
    assert ax.get_xscale() == "log"
    plt.close(ax.figure)


@pytest.mark.parametrize("radii", [[], [0.0, 1.0], [-1.0], [np.inf]])
def test_bad_radii_are_refused(radii: list[float]) -> None:
    with pytest.raises(InvalidOptionError, match="give positive finite numbers"):
        plot_anchored_bounds(NET, np.zeros(2), radii)


def test_unknown_curves_are_refused() -> None:
    with pytest.raises(InvalidOptionError, match="product, analytic, tightened, lower"):
        plot_anchored_bounds(NET, np.zeros(2), RADII, curves=["upper"])


def test_the_module_does_not_import_matplotlib() -> None:
    code = "import sys, lipschitz_app.plotting; sys.exit('matplotlib' in sys.modules)"
    root = Path(la.__file__).resolve().parent.parent
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
