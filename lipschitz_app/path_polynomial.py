r"""The derivative of a network in a direction as a multilinear polynomial, path by path.

:math:`t^T J^T c` is a sum over paths through the network, each a product of one input direction
:math:`t_i` and the slopes of the unstable neurons it passes. With :math:`t_i = 2 t'_i - 1` and
slopes :math:`\alpha + (\beta - \alpha) u`, all variables lie in [0, 1]. Coefficients come with
bounds on their rounding errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lipschitz_app.errors import UnsupportedError
from lipschitz_app.midrad import Enclosure
from lipschitz_app.ranges.interval import LayerRange
from lipschitz_app.rounding import FloatArray, gamma, inflate

MOST_ENTRIES = 20_000_000
"""Most coefficients, (neurons of a layer) times (monomials), that are held at once."""

Monomial = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PathPolynomial:
    """A multilinear polynomial in variables between 0 and 1.

    Attributes
    ----------
    inputs : int
        Variables below this are directions t', the others slopes, in the order of the layers.
    monomials : list of tuple of int
        Increasing positions of variables; the empty one is the constant.
    coefficients : array
    error : float
        How far all coefficients together can be off, which bounds the error of any value.
    """

    inputs: int
    monomials: list[Monomial]
    coefficients: FloatArray
    error: float

    @property
    def degree(self) -> int:
        """Largest number of variables of a monomial."""
        return max((len(monomial) for monomial in self.monomials), default=0)

    def cliques(self) -> list[Monomial]:
        """Return the variables that meet the last variable of a monomial: a neuron's ancestors."""
        found: dict[int, set[int]] = {}
        for monomial in self.monomials:
            if monomial:
                found.setdefault(monomial[-1], set()).update(monomial)
        sets = [tuple(sorted(found[top])) for top in sorted(found)]
        kept: list[set[int]] = []
        for clique in sorted(sets, key=len, reverse=True):
            if not any(set(clique) <= other for other in kept):
                kept.append(set(clique))
        return sorted(tuple(sorted(clique)) for clique in kept)


def path_polynomial(
    weights: Sequence[Enclosure], ranges: Sequence[LayerRange], output: Enclosure
) -> PathPolynomial:
    """Return the polynomial of a chain of layers with one output.

    Parameters
    ----------
    weights, ranges, output
        As for :func:`lipschitz_app.upper.slope_form.slope_form`; `output` has one row.

    Raises
    ------
    UnsupportedError
        There are too many paths.

    Examples
    --------
    >>> from lipschitz_app.network import Network
    >>> from lipschitz_app.ranges.interval import interval_ranges
    >>> from lipschitz_app.regions import Everywhere
    >>> net = Network.from_arrays([[[3.0]], [[1.0]]])
    >>> first, last = (Enclosure.exact(matrix) for matrix, _ in net.affine_pairs())
    >>> found = path_polynomial([first], interval_ranges(net, Everywhere()), last)
    >>> list(zip(found.monomials, found.coefficients.tolist()))
    [((0, 1), 6.0), ((1,), -3.0)]
    """
    inputs = (weights[0] if weights else output).center.shape[1]
    monomials: list[Monomial] = [(i,) for i in range(inputs)]
    change = Enclosure.exact(np.eye(inputs))
    variables = inputs
    for number, (matrix, layer) in enumerate(zip(weights, ranges, strict=True)):
        z = matrix if number == 0 else matrix @ change
        moving = np.flatnonzero(layer.unstable)
        width, rows = len(monomials), layer.lower.size
        if rows * width * (1 + moving.size) > MOST_ENTRIES:
            raise UnsupportedError(
                f"layer {number + 1} has {moving.size} unstable neurons and {width} paths to it, "
                'too many to list; use a smaller region or network, or "lipsdp" in the norm 2'
            )
        always = z.T.scaled(layer.slope_lower).T
        rise = np.where(layer.unstable, layer.slope_upper - layer.slope_lower, 0.0)
        # The difference of the slopes is rounded; 1 - 0 is exact.
        sometimes = z.T.scaled(rise).T
        inexact = ~np.isin(rise, (0.0, 1.0))
        sometimes.radius[inexact] += gamma(1) * np.abs(sometimes.center[inexact])
        size = (rows, width * (1 + moving.size))
        center, radius = np.zeros(size), np.zeros(size)
        center[:, :width], radius[:, :width] = always.center, always.radius
        names = list(monomials)
        for place, neuron in enumerate(moving, start=1):
            part = slice(place * width, (place + 1) * width)
            center[neuron, part], radius[neuron, part] = (
                sometimes.center[neuron],
                sometimes.radius[neuron],
            )
            names += [(*monomial, variables) for monomial in monomials]
            variables += 1
        used = np.flatnonzero((center != 0).any(axis=0) | (radius > 0).any(axis=0))
        monomials = [names[i] for i in used]
        change = Enclosure(center[:, used], radius[:, used])
    row = output @ change if weights else output
    return _shifted(inputs, monomials, row.center[0], row.radius[0])


def _shifted(
    inputs: int, monomials: list[Monomial], center: FloatArray, radius: FloatArray
) -> PathPolynomial:
    """Put t = 2 t' - 1 into monomials of one direction each."""
    sums: dict[Monomial, float] = {}
    mass: dict[Monomial, float] = {}
    count: dict[Monomial, int] = {}
    found: list[Monomial] = []
    values: list[float] = []
    for monomial, value in zip(monomials, center.tolist(), strict=True):
        if value != 0.0:
            found.append(monomial)
            values.append(2 * value)
            rest = monomial[1:]
            sums[rest] = sums.get(rest, 0.0) - value
            mass[rest] = mass.get(rest, 0.0) + abs(value)
            count[rest] = count.get(rest, 0) + 1
    error = float(inflate(3 * radius.sum(), radius.size + 2))
    for rest, value in sums.items():
        found.append(rest)
        values.append(value)
        error += gamma(count[rest]) * mass[rest] if count[rest] > 1 else 0.0
    error = float(inflate(error, len(sums) + 4)) if error > 0 else 0.0
    return PathPolynomial(inputs, found, np.array(values), error)
