"""Term sparsity: split every basis along the monomials that matter (TSSOS, CS-TSSOS).

Let C be a set of monomials, at first ``supp f ∪ ⋃ supp p_k ∪ {β² : β in a basis with p = 1}``.
Join β and γ in the basis of the multiplier ``(p, B, PSD)`` when a monomial of ``p β γ`` lies in C,
close the graph (components or chordal extension) and keep the matrix on its blocks only. The
monomials of the kept entries are the next C; iterated, the bounds do not get worse, and with the
block closure they end at that of the relaxation that was refined (Wang, Magron, Lasserre, SIAM J.
Optim. 31, 2021, Theorems 3.4 and 5.3; with correlative sparsity: Wang, Magron, Lasserre, Mai, ACM
Trans. Math. Softw. 48, 2022).

The basis of a matrix inequality G has pairs of a row of G and a monomial, and the entry of two
pairs ``(a, β)``, ``(b, γ)`` is ``G_ab β γ``: its graph falls apart in the same manner.

Multipliers of equalities keep the monomials β for which ``h β`` meets C. Blocks of size 1 are
gathered: ``Σ c_β β²`` with ``c >= 0`` is one nonnegative multiplier on the squares. A block that
lies in one of another clique says nothing more and goes.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from polyopt.errors import RelaxationError
from polyopt.polynomial import monomials
from polyopt.polynomial.basis import Basis
from polyopt.relaxation.expansion import Expansion, Flags, Index, expand, triangle
from polyopt.relaxation.multiplier import Cone, Factor, Multiplier
from polyopt.relaxation.relaxation import Relaxation
from polyopt.sparsity.term import Closure, check_closure, closure_blocks, pairs_in_blocks


@dataclass(frozen=True, slots=True)
class TermSparsity:
    """Refinement of a relaxation by term sparsity.

    Applied to a relaxation on the cliques of a correlative pattern it is CS-TSSOS. Every step is
    a valid bound; more steps give larger blocks and no worse bounds.

    Parameters
    ----------
    steps : int or None
        Sparse order k of TSSOS; None iterates until nothing changes.
    closure : {"block", "chordal"}
        Complete connected components, or take a chordal extension: smaller blocks, and a bound
        that may be lower.

    Raises
    ------
    RelaxationError
        ``steps`` is not a positive integer.
    UnknownOptionError
        There is no such closure.

    References
    ----------
    J. Wang, V. Magron, J. B. Lasserre. TSSOS: a moment-SOS hierarchy that exploits term sparsity.
    SIAM J. Optim. 31 (2021).

    J. Wang, V. Magron, J. B. Lasserre. Chordal-TSSOS. SIAM J. Optim. 31 (2021).

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 3)
    >>> f = 1 + x[0] ** 4 + x[1] ** 4 + x[2] ** 4 + x[0] * x[1] * x[2] + x[1]
    >>> relaxation = po.putinar(po.minimize(f), order=2)
    >>> print(relaxation.plan.summary)
    1 PSD blocks, largest 10×10, at most 55 moments
    >>> sparse = relaxation.refine(po.TermSparsity(steps=1))
    >>> print(sparse.plan.summary)
    3 PSD blocks, largest 6×6, at most 27 moments
    >>> abs(relaxation.solve().bound - sparse.solve().bound) < 1e-6
    True
    """

    steps: int | None = 1
    closure: Closure = "block"

    def __post_init__(self) -> None:
        number = isinstance(self.steps, (int, np.integer)) and not isinstance(self.steps, bool)
        if self.steps is not None and (not number or self.steps < 1):
            raise RelaxationError(
                f"steps is {self.steps!r}; give a positive integer, or None to iterate until "
                "nothing changes"
            )
        check_closure(self.closure)

    def __call__(self, relaxation: Relaxation) -> Relaxation:
        """Refine a relaxation."""
        start = time.perf_counter()
        graphs = _Graphs(relaxation)
        support = graphs.first_support()
        step = 0
        while True:
            step += 1
            pointers, members = closure_blocks(graphs.nodes, graphs.edges(support), self.closure)
            kept_free = graphs.free_entries(support)
            grown = support | graphs.support_of(pointers, members, kept_free)
            stable = bool((grown == support).all())
            if step == self.steps or stable:
                break
            support = grown
        whole = tuple(graphs.split(pointers, members, kept_free))
        multipliers = without_contained(whole, relaxation.problem.number_of_variables)
        sizes = Counter(np.diff(pointers).tolist())
        listed = ", ".join(f"{size}×{sizes[size]}" for size in sorted(sizes, reverse=True)[:6])
        steps = f"{step} step{'s' if step > 1 else ''}"
        note = (
            f"term sparsity ({self.closure} closure, {steps}"
            f"{', stable' if stable else ''}): blocks {listed}{' …' if len(sizes) > 6 else ''}"
        )
        refined = replace(
            relaxation,
            multipliers=multipliers,
            name=f"{relaxation.name}, term sparsity ({self.closure}, {steps})",
            notes=(*relaxation.notes, note),
        )
        spent = relaxation.timings.get("refinement", 0.0) + time.perf_counter() - start
        return refined.with_timing("refinement", spent)


def without_contained(multipliers: tuple[Multiplier, ...], number: int) -> tuple[Multiplier, ...]:
    """Leave out matrices that are principal submatrices of others, of other cliques for example.

    Parameters
    ----------
    multipliers : tuple of Multiplier
    number : int
        Number of variables.

    Examples
    --------
    >>> import polyopt as po
    >>> x = po.variables("x", 3)
    >>> f = x[0] * x[1] + x[1] * x[2] + sum(v**2 for v in x)
    >>> multipliers = po.putinar(po.minimize(f), 1, sparsity="correlative").multipliers
    >>> small = replace(multipliers[0], basis=Basis.full([1], 1))
    >>> len(multipliers), len(without_contained((small, *multipliers), 3))
    (2, 2)
    """
    groups: dict[tuple[Factor, ...], list[int]] = {}
    for k, m in enumerate(multipliers):
        if m.cone is Cone.PSD and m.components is None and m.square is None:
            groups.setdefault(m.factors, []).append(k)
    dropped: set[int] = set()
    for places in groups.values():
        if len(places) < 2:
            continue
        width = max(multipliers[k].basis.width for k in places)
        rows = [monomials.widen(multipliers[k].basis.rows, width) for k in places]
        _, label = monomials.unique_rows(np.concatenate(rows), number)
        ends = np.cumsum([len(part) for part in rows])
        blocks = [part.tolist() for part in np.split(label, ends[:-1])]
        often = np.bincount(label)
        homes: dict[int, list[int]] = {}
        sets = [frozenset(block) for block in blocks]
        for place, block in enumerate(blocks):
            for node in block:
                homes.setdefault(node, []).append(place)
        for place, block in enumerate(blocks):
            rarest = min(block, key=often.__getitem__)
            for other in homes[rarest]:
                contained = sets[place] < sets[other]
                if contained or (sets[place] == sets[other] and other < place):
                    dropped.add(places[place])
                    break
    return tuple(m for k, m in enumerate(multipliers) if k not in dropped)


class _Graphs:
    """The tsp graphs of all PSD multipliers side by side, as one graph."""

    def __init__(self, relaxation: Relaxation) -> None:
        self.relaxation = relaxation
        self.multipliers = relaxation.multipliers
        self.expansion: Expansion = expand(relaxation)
        self.psd = [k for k, m in enumerate(self.multipliers) if m.cone is Cone.PSD]
        sizes = np.array([self.multipliers[k].basis.size for k in self.psd], dtype=np.intp)
        self.first_node = np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)
        self.nodes = int(self.first_node[-1])
        self.entry_start = self.expansion.offsets[np.array(self.psd, dtype=np.intp)]
        entry, low, high = [], [], []
        for start, node, size in zip(self.entry_start, self.first_node, sizes, strict=False):
            i, j = triangle(int(size))
            entry.append(start + np.arange(len(i)))
            low.append(node + i)
            high.append(node + j)
        nothing = np.zeros(0, dtype=np.intp)
        self.entry = np.concatenate([nothing, *entry])
        self.ends = np.stack([np.concatenate([nothing, *low]), np.concatenate([nothing, *high])], 1)
        self.free = self._entries_of(Cone.FREE)
        self.nonnegative = self._entries_of(Cone.NONNEGATIVE) | self._entries_of(Cone.SECOND_ORDER)

    def _entries_of(self, cone: Cone) -> Flags:
        flags = [m.cone is cone for m in self.multipliers]
        return np.repeat(flags, np.diff(self.expansion.offsets)).astype(bool)

    def first_support(self) -> Flags:
        """Objective, polynomials and squares of the bases of moment matrices."""
        expansion = self.expansion
        support = expansion.flags(self.relaxation.problem.objective.rows)
        chosen = self.nonnegative.copy()
        for polynomial in {id(m.polynomial): m.polynomial for m in self.multipliers}.values():
            support |= expansion.flags(polynomial.rows)
        plain = np.array([not self.multipliers[k].factors for k in self.psd], dtype=bool)
        diagonal = self.ends[:, 0] == self.ends[:, 1]
        owner = np.repeat(plain, np.diff(self.first_node))
        chosen[self.entry[diagonal & owner[self.ends[:, 0]]]] = True
        return support | expansion.monomials_of(chosen)

    def edges(self, support: Flags) -> Index:
        """Edges of the graphs for a support."""
        touched = self.expansion.touching(support)[self.entry]
        edges: Index = self.ends[touched & (self.ends[:, 0] != self.ends[:, 1])]
        return edges

    def free_entries(self, support: Flags) -> Flags:
        """Entries of free multipliers that meet the support."""
        if not self.free.any():
            return self.free
        return self.free & self.expansion.touching(support)

    def support_of(self, pointers: Index, members: Index, kept_free: Flags) -> Flags:
        """Monomials of everything that is kept."""
        low, high = pairs_in_blocks(pointers, members)
        block = np.searchsorted(self.first_node, low, side="right") - 1
        i, j = low - self.first_node[block], high - self.first_node[block]
        chosen = kept_free | self.nonnegative
        chosen[self.entry_start[block] + j * (j + 1) // 2 + i] = True
        return self.expansion.monomials_of(chosen)

    def split(self, pointers: Index, members: Index, kept_free: Flags) -> Iterator[Multiplier]:
        """Multipliers of the blocks, in the order of those they come from."""
        owner = np.searchsorted(self.first_node, members[pointers[:-1]], side="right") - 1
        bounds = np.searchsorted(owner, np.arange(len(self.psd) + 1))
        position = {k: place for place, k in enumerate(self.psd)}
        offsets = self.expansion.offsets
        for k, multiplier in enumerate(self.multipliers):
            if multiplier.cone is Cone.FREE:
                kept = kept_free[offsets[k] : offsets[k + 1]]
                if kept.all():
                    yield multiplier
                elif kept.any():
                    yield replace(multiplier, basis=Basis.of_rows(multiplier.basis.rows[kept]))
            elif multiplier.cone is Cone.PSD and multiplier.basis.size > 1:
                place = position[k]
                start, end = bounds[place], bounds[place + 1]
                local = members - self.first_node[place]
                yield from _blocks(multiplier, pointers[start : end + 1], local)
            else:
                yield multiplier


def _blocks(
    multiplier: Multiplier, pointers: Index, members: NDArray[np.intp]
) -> Iterator[Multiplier]:
    if len(pointers) == 2:
        yield multiplier
        return
    rows = multiplier.basis.rows
    sizes = np.diff(pointers)
    for k in np.flatnonzero(sizes > 1):
        yield multiplier.part(members[pointers[k] : pointers[k + 1]])
    alone = members[pointers[:-1][sizes == 1]]
    if multiplier.components is not None:
        yield from (multiplier.part([k]) for k in alone.tolist())
        return
    single = rows[alone]
    if len(single):
        squares = Basis.of_rows(monomials.multiply(single, single))
        yield replace(multiplier, basis=squares, cone=Cone.NONNEGATIVE)
