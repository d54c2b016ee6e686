"""Minimisers of the problem from a solved relaxation: extract, glue, polish, sort.

The points are candidates whatever they come from; each carries its value, its violation and the
gap to the bound, which say how good it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from polyopt.extraction.atoms import Atoms, clique_atoms, glue, reproduces
from polyopt.extraction.flat_extension import flat_extension
from polyopt.extraction.local import LocalSearch, Method
from polyopt.extraction.rank import LargestGap, RankStrategy
from polyopt.moments import Moments
from polyopt.problem import PolynomialProblem
from polyopt.relaxation.multiplier import half_degree
from polyopt.relaxation.relaxation import Relaxation

if TYPE_CHECKING:
    from polyopt.result import RelaxationResult

Array = NDArray[np.float64]
Origin = Literal["flat extension", "almost flat moments", "first-order moments", "random start"]

#: Points that violate a constraint by more than this are not feasible.
FEASIBLE = 1e-6
#: Values within this (relative) of the best are taken as equal.
_EQUAL = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Minimizer:
    """A point that (nearly) attains the bound.

    Attributes
    ----------
    point : float array of shape (n,)
    value : float
        Objective at the point.
    violation : float
        Largest violation of a constraint at the point.
    gap : float
        Distance of the value from the bound it is compared with, positive when the point is worse
        than the bound; NaN where there is no bound.
    origin : str
        ``"flat extension"``, ``"almost flat moments"``, ``"first-order moments"`` or
        ``"random start"``.
    polished : bool
        Whether a local search followed.
    value_kind : str
        Always ``"sampled"``: a value at a point, computed in floating point.
    """

    point: Array
    value: float
    violation: float
    gap: float
    origin: Origin
    polished: bool
    value_kind: Literal["sampled"] = "sampled"

    def __str__(self) -> str:
        shown = ", ".join(f"{v:.6g}" for v in self.point[:6])
        more = ", …" if len(self.point) > 6 else ""
        return (
            f"({shown}{more}): value {self.value:.9g}, violation {self.violation:.1e}, "
            f"gap {self.gap:.1e}, from {self.origin}"
        )


def find_minimizers(
    result: RelaxationResult,
    *,
    rank: RankStrategy | None = None,
    polish: bool | Method = True,
    restarts: int = 8,
    rng: int | np.random.Generator = 0,
) -> list[Minimizer]:
    """Extract minimisers; see :meth:`polyopt.RelaxationResult.minimizers`."""
    generator = np.random.default_rng(rng)
    method: Method = polish if isinstance(polish, str) else "scipy"
    relaxation, problem = result.relaxation, result.relaxation.problem
    usable = result.status.has_iterate and bool(np.isfinite(result.solution.x).all())
    starts: list[tuple[Array, Origin]] = []
    moments = result.moments if usable else None
    flat = False
    mean = np.zeros(problem.number_of_variables)
    if moments is not None:
        points, flat = _extracted(relaxation, moments, rank or LargestGap(), generator)
        origin: Origin = "flat extension" if flat else "almost flat moments"
        starts += [(point, origin) for point in points]
        mean = np.nan_to_num(moments.first_order())
    if not polish:
        raw = [_measure(problem, p, o, result.bound, False) for p, o in starts]
        return sorted(raw, key=lambda m: problem.sign * m.value)
    found = local_minimizers(problem, starts, bound=result.bound, method=method) if flat else []
    # Equality of the numerical ranks is no guarantee; a closed gap is.
    if found and found[0].gap <= 1e-4 * max(1.0, abs(found[0].value)):
        return found
    starts.append((mean, "first-order moments"))
    draws = _gaussian(problem, moments, restarts, generator)
    starts += [(point, "random start") for point in draws]
    return local_minimizers(problem, starts, bound=result.bound, method=method)


def local_minimizers(
    problem: PolynomialProblem,
    starts: Iterable[tuple[Array, Origin]],
    *,
    bound: float = float("nan"),
    method: Method = "scipy",
) -> list[Minimizer]:
    """Polish starting points; keep the feasible ones of best value, each once.

    Returns
    -------
    list of Minimizer
        Sorted by value, best first; empty if no feasible point was found.
    """
    search, sign = LocalSearch(problem, method=method), problem.sign
    found = [_measure(problem, search.polish(p), o, bound, True) for p, o in starts]
    found = [m for m in found if np.isfinite(m.value) and m.violation <= FEASIBLE]
    # What cancellation may have taken from a value counts against the point.
    worst = {id(m): sign * m.value + search.noise(m.point) for m in found}
    found.sort(key=lambda m: worst[id(m)])
    kept: list[Minimizer] = []
    for candidate in found:
        lowest = worst[id(found[0])]
        if worst[id(candidate)] - lowest > _EQUAL * max(1.0, abs(lowest)):
            break
        size = 1.0 + float(np.abs(candidate.point).max(initial=0.0))
        if all(np.abs(candidate.point - m.point).max(initial=0.0) > 1e-3 * size for m in kept):
            kept.append(candidate)
    return kept


def extraction_cliques(relaxation: Relaxation) -> list[tuple[int, ...]]:
    """Sets of variables with a moment matrix, in an order good for gluing."""
    if relaxation.sparsity is not None:
        cliques = relaxation.sparsity.cliques
        order = relaxation.sparsity.running_intersection.order
        rest = sorted(set(range(len(cliques))) - set(order))
        return [tuple(cliques[k]) for k in (*order, *rest)]
    from polyopt.relaxation.putinar import variables_that_occur

    return [tuple(int(i) for i in variables_that_occur(relaxation.problem))]


def _extracted(
    relaxation: Relaxation, moments: Moments, strategy: RankStrategy, rng: np.random.Generator
) -> tuple[Array, bool]:
    """Points of all variables from the atoms of the cliques, and whether all were flat."""
    problem = relaxation.problem
    mean = np.nan_to_num(moments.first_order())
    parts, flat = [], True
    for clique in extraction_cliques(relaxation):
        atoms, atomic = _on_clique(relaxation, moments, clique, strategy, rng)
        flat = flat and atomic
        parts.append(atoms or Atoms(clique, mean[None, list(clique)], np.ones(1)))
    return glue(parts, problem.number_of_variables), flat


def _on_clique(
    relaxation: Relaxation,
    moments: Moments,
    clique: tuple[int, ...],
    strategy: RankStrategy,
    rng: np.random.Generator,
) -> tuple[Atoms | None, bool]:
    """Atoms on a clique and whether they have its moments."""
    atoms, degree = None, 0
    shift = _shift(relaxation.problem, clique)
    while degree < relaxation.order:
        found = flat_extension(
            moments, clique, relaxation.order, shift, strategy, lowest=degree + 1
        )
        if found is None:
            break
        degree = found.degree
        rank = found.lower.rank if found.is_flat else max(1, found.upper.rank)
        new = clique_atoms(moments, clique, degree, rank, rng)
        atoms = new or atoms
        if found.is_flat and new is not None and reproduces(moments, new, degree):
            return new, True
    return atoms, False


def _shift(problem: PolynomialProblem, clique: tuple[int, ...]) -> int:
    """Largest half degree of the constraints inside the clique, at least 1."""
    inside = set(clique)
    parts = [p for p in problem.constraints if inside.issuperset(p.support.tolist())]
    degrees = [half_degree(p) for p in parts]
    return max([1, *degrees])


def _gaussian(
    problem: PolynomialProblem, moments: Moments | None, number: int, rng: np.random.Generator
) -> Array:
    """Random points with the first and second moments of the relaxation, where it has any."""
    n = problem.number_of_variables
    noise = rng.standard_normal((number, n))
    if moments is None:
        return noise
    mean = np.nan_to_num(moments.first_order())
    if n <= 500:
        second = moments.matrix(np.arange(n), 1)[1:, 1:]
        if np.isfinite(second).all():
            values, vectors = np.linalg.eigh(second - np.outer(mean, mean))
            root = vectors * np.sqrt(np.maximum(values, 0.0))
            return np.asarray(mean + noise @ root.T)
    diagonal = np.array([moments.matrix([i], 1)[1, 1] for i in range(n)])
    spread = np.sqrt(np.maximum(np.nan_to_num(diagonal, nan=1.0) - mean**2, 0.0))
    return np.asarray(mean + noise * spread)


def _measure(
    problem: PolynomialProblem, point: Array, origin: Origin, bound: float, polished: bool
) -> Minimizer:
    value = float(problem.evaluate(point))
    gap = problem.sign * (value - bound) if np.isfinite(bound) else float("nan")
    return Minimizer(point, value, abs(problem.violation(point)), gap, origin, polished)
