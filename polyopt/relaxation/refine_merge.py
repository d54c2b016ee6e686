"""Merging PSD blocks that share most of their monomials."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from polyopt.polynomial import monomials
from polyopt.relaxation.multiplier import Cone, Factor, Multiplier
from polyopt.relaxation.relaxation import Relaxation
from polyopt.sparsity.merge import cubic_cost, merge_overlapping


@dataclass(frozen=True, slots=True)
class MergeCliques:
    """Refinement that merges overlapping PSD blocks of one polynomial where that is cheaper.

    The basis of the merged block is the union of the bases, so the bound can only improve; fewer
    and larger blocks mean fewer copies of shared moments. Useful after a chordal closure or with
    heavily overlapping cliques.

    Parameters
    ----------
    cost : callable, optional
        Estimated cost of a block as a function of its side; ``b³`` when left out.

    References
    ----------
    M. Garstka, M. Cannon, P. Goulart. A clique graph based merging strategy for decomposable SDPs.
    IFAC-PapersOnLine 53 (2020).

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 6)
    >>> f = po.sum_polynomials(x[i] * x[j] for i in range(1, 6) for j in range(i) if j != i - 5)
    >>> problem = po.minimize(f, subject_to=[v**2 <= 1 for v in x])
    >>> relaxation = po.putinar(problem, 1, sparsity="correlative")
    >>> print(relaxation.plan.summary)
    2 PSD blocks, largest 6×6, at most 42 moments
    >>> print(relaxation.refine(po.MergeCliques()).plan.summary)
    1 PSD blocks, largest 7×7, at most 28 moments
    """

    cost: Callable[[int], float] = cubic_cost

    def __call__(self, relaxation: Relaxation) -> Relaxation:
        """Refine a relaxation."""
        start = time.perf_counter()
        multipliers = list(relaxation.multipliers)
        number = relaxation.problem.number_of_variables
        same: dict[tuple[Factor, ...], list[int]] = {}
        for k, m in enumerate(multipliers):
            if m.cone is Cone.PSD and m.basis.size > 1:
                same.setdefault(m.factors, []).append(k)
        replaced: dict[int, Multiplier] = {}
        dropped: set[int] = set()
        for positions in same.values():
            if len(positions) < 2:
                continue
            rows = [multipliers[k].labels(number) for k in positions]
            width = max(part.shape[1] for part in rows)
            bases = [monomials.widen(part, width) for part in rows]
            joined = np.concatenate(bases)
            unique, inverse = monomials.unique_rows(joined, max(number, int(joined.max(initial=0))))
            ends = np.cumsum([len(rows) for rows in bases])
            sets = [frozenset(part.tolist()) for part in np.split(inverse, ends[:-1])]
            for group in merge_overlapping(sets, self.cost):
                if len(group) > 1:
                    union = sorted(frozenset().union(*(sets[g] for g in group)))
                    first = positions[group[0]]
                    replaced[first] = multipliers[first].on_labels(unique[union], number)
                    dropped.update(positions[g] for g in group[1:])
        merged = tuple(replaced.get(k, m) for k, m in enumerate(multipliers) if k not in dropped)
        note = f"merged cliques: {len(multipliers)} multipliers became {len(merged)}"
        refined = replace(
            relaxation,
            multipliers=merged,
            name=f"{relaxation.name}, merged",
            notes=(*relaxation.notes, note),
        )
        spent = relaxation.timings.get("refinement", 0.0) + time.perf_counter() - start
        return refined.with_timing("refinement", spent)
