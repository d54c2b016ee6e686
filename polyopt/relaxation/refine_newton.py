"""Newton polytope and diagonal inconsistency: monomials that no certificate can use.

- Unconstrained: in ``f - λ = Σ σ_k`` the vertices of the Newton polytopes of sums of squares do not
  cancel, so a monomial β of any basis needs ``2β ∈ conv(supp f ∪ {0})`` (Reznick 1978).
- Always: when ``β²`` is neither in f nor in any other entry of the certificate than diagonal ones
  of multipliers of 1, the coefficients there add up to zero while none is negative; so β goes, and
  others may follow (Löfberg, IEEE Trans. Autom. Control 54, 2009, section IV).

Neither changes the bound.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from polyopt.polynomial import monomials
from polyopt.polynomial.newton import half_newton_polytope
from polyopt.relaxation.expansion import expand, triangle
from polyopt.relaxation.multiplier import Cone, Multiplier
from polyopt.relaxation.relaxation import Relaxation

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class NewtonPolytope:
    """Refinement that drops the monomials no certificate can use; the bound is the same.

    The polytope is used where the relaxation has no constraint and no quotient, the diagonal
    argument always.

    References
    ----------
    B. Reznick. Extremal PSD forms with few terms. Duke Math. J. 45 (1978).

    Examples
    --------
    >>> import polyopt as po
    >>> x, y = po.variables("x y")
    >>> motzkin = x**4 * y**2 + x**2 * y**4 - 3 * x**2 * y**2 + 1
    >>> relaxation = po.putinar(po.minimize(motzkin), order=3)
    >>> print(relaxation.refine(po.NewtonPolytope()).plan.summary)
    1 PSD blocks, largest 4×4, at most 10 moments
    """

    def __call__(self, relaxation: Relaxation) -> Relaxation:
        """Refine a relaxation."""
        start = time.perf_counter()
        before = sum(m.basis.size for m in relaxation.multipliers if m.cone is Cone.PSD)
        refined = relaxation
        if relaxation.rules is None and not any(m.factors for m in relaxation.multipliers):
            refined = _inside_polytope(refined)
        refined = _prune_diagonals(refined)
        after = sum(m.basis.size for m in refined.multipliers if m.cone is Cone.PSD)
        if not _covers(refined):
            # f - λ is no sum of squares for any λ; the solver shows that on the whole bases.
            refined = relaxation
            note = "Newton polytope: not used, it shows that f - λ is no sum of squares"
        else:
            note = f"Newton polytope and diagonals: {before} basis monomials became {after}"
        refined = replace(
            refined,
            name=f"{relaxation.name}, Newton polytope",
            notes=(*relaxation.notes, note),
        )
        spent = relaxation.timings.get("refinement", 0.0) + time.perf_counter() - start
        return refined.with_timing("refinement", spent)


def _inside_polytope(relaxation: Relaxation) -> Relaxation:
    number = relaxation.problem.number_of_variables
    f = relaxation.problem.objective.rows
    constant = np.zeros((1, f.shape[1]), dtype=np.int32)
    psd = [m for m in relaxation.multipliers if m.cone is Cone.PSD]
    if not psd:
        return relaxation
    width = max(m.basis.width for m in psd)
    table = np.concatenate([monomials.widen(m.basis.rows, width) for m in psd])
    unique, inverse = monomials.unique_rows(table, number)
    inside = half_newton_polytope(unique, np.concatenate([constant, f]), number)[inverse]
    keep = iter(np.split(inside, np.cumsum([m.basis.size for m in psd])[:-1]))
    multipliers = [_restrict(m, next(keep)) if m.cone is Cone.PSD else m
                   for m in relaxation.multipliers]  # fmt: skip
    return replace(relaxation, multipliers=tuple(m for m in multipliers if m is not None))


def _prune_diagonals(relaxation: Relaxation) -> Relaxation:
    """Remove monomials by the diagonal argument until none is left to remove."""
    if not relaxation.multipliers:
        return relaxation
    expansion = expand(relaxation)
    known = expansion.flags(relaxation.problem.objective.rows)
    known |= expansion.flags(np.zeros((1, 0), dtype=np.int32))
    total = int(expansion.offsets[-1])
    diagonal = np.zeros(total, dtype=bool)
    plain = [
        k
        for k, m in enumerate(relaxation.multipliers)
        if m.cone is Cone.PSD and not m.factors and m.polynomial.degree == 0
    ]
    places = {}
    for k in plain:
        i, j = triangle(relaxation.multipliers[k].basis.size)
        places[k] = (i, j, expansion.offsets[k] + np.arange(len(i)))
        diagonal[places[k][2][i == j]] = True
    alive = np.ones(total, dtype=bool)
    kept = {k: np.ones(relaxation.multipliers[k].basis.size, dtype=bool) for k in plain}
    while True:
        used = known | expansion.monomials_of(alive & ~diagonal)
        lost = diagonal & alive & ~expansion.touching(used)
        if not lost.any():
            break
        for k in plain:
            i, j, entries = places[k]
            kept[k][i[(i == j) & lost[entries]]] = False
            alive[entries] = kept[k][i] & kept[k][j]
    multipliers = [
        _restrict(m, kept[k]) if k in kept else m for k, m in enumerate(relaxation.multipliers)
    ]
    return replace(relaxation, multipliers=tuple(m for m in multipliers if m is not None))


def _restrict(multiplier: Multiplier, kept: Flags) -> Multiplier | None:
    if kept.all():
        return multiplier
    if not kept.any():
        return None
    return multiplier.part(kept)


def _covers(relaxation: Relaxation) -> bool:
    """Whether every monomial of the objective still has a moment."""
    f = relaxation.problem.objective.rows
    f = f[monomials.degrees(f) > 0]
    if not relaxation.multipliers:
        return not len(f)
    return int(expand(relaxation).flags(f).sum()) == len(f)
